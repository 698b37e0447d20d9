//! What `execve` does before a program runs: find it, look at its first bytes, follow `#!`.

use crate::guest::ProcessStart;
use crate::program::{describe, is_wasm};
use bytes::Bytes;
use seedpod_core::limits::{PROGRAM_BYTES, SYMLINKS_FOLLOWED_MAX};
use seedpod_core::volume::{At, Caller, Errno, FileType, Files, Follow};

/// Why a program cannot be executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExecError {
    /// It cannot be read.
    #[error("{0}")]
    File(Errno),
    /// EACCES: it is a directory or has no permission to be executed.
    #[error("permission denied")]
    Access,
    /// ENOEXEC: neither WebAssembly nor a script; what it is instead.
    #[error("exec format error: {0}")]
    Format(&'static str),
    /// The interpreter of a script cannot be read.
    #[error("interpreter {path:?}: {error}")]
    Interpreter {
        /// As the script names it.
        path: String,
        /// Why.
        error: Errno,
    },
}

impl From<Errno> for ExecError {
    fn from(error: Errno) -> Self {
        Self::File(error)
    }
}

/// Finds a program and, for a script, its interpreter. `path` is absolute or relative to the working directory.
pub(crate) fn find(
    files: &Files,
    caller: Caller,
    path: &str,
    mut start: ProcessStart,
) -> Result<(Bytes, ProcessStart), ExecError> {
    // A script learns the name it was called by.
    let mut called = path.to_owned();
    let mut interpreter: Option<String> = None;
    for _ in 0..INTERPRETERS_MAX {
        let path = absolute(&start.directory, &called);
        let bytes = match (read(files, caller, &path), &interpreter) {
            (Err(ExecError::File(error)), Some(path)) => {
                let path = path.clone();
                return Err(ExecError::Interpreter { path, error });
            }
            (read, _) => read?,
        };
        if is_wasm(&bytes) {
            start.program.path = real_path(files, caller, path);
            return Ok((bytes, start));
        }
        let (named, argument) = shebang(&bytes).ok_or(ExecError::Format(describe(&bytes)))?;
        let own_name = start.program.arguments.len().min(1);
        let rest = start.program.arguments.split_off(own_name);
        start.program.arguments = [Some(named.clone()), argument, Some(called.clone())]
            .into_iter()
            .flatten()
            .chain(rest)
            .collect();
        called.clone_from(&named);
        interpreter = Some(named);
    }
    Err(ExecError::File(Errno::Loop))
}

fn read(files: &Files, caller: Caller, path: &str) -> Result<Bytes, ExecError> {
    let stat = files.stat(caller, At::Root, path, Follow::Yes)?;
    if stat.kind != FileType::Regular || stat.mode & 0o111 == 0 {
        return Err(ExecError::Access);
    }
    Ok(files.read(caller, path, PROGRAM_BYTES)?)
}

/// Where the links end, for `/proc/self/exe`: a shell starts itself from there.
fn real_path(files: &Files, caller: Caller, mut path: String) -> String {
    for _ in 0..SYMLINKS_FOLLOWED_MAX {
        let Ok(target) = files.read_link(caller, At::Root, &path) else {
            break;
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        path = absolute(folder, &target);
    }
    path
}

/// Linux: a script may name a script, four times.
const INTERPRETERS_MAX: u32 = 5;

fn absolute(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{directory}/{path}")
    }
}

/// The interpreter of a script and at most one argument for it.
fn shebang(bytes: &[u8]) -> Option<(String, Option<String>)> {
    let line = bytes.strip_prefix(b"#!")?;
    let line = &line[..line
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(line.len())
        .min(SHEBANG_BYTES)];
    let line = std::str::from_utf8(line).ok()?.trim();
    let (interpreter, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let argument = argument.trim();
    (!interpreter.is_empty()).then(|| {
        (
            interpreter.to_owned(),
            (!argument.is_empty()).then(|| argument.to_owned()),
        )
    })
}

/// Linux `BINPRM_BUF_SIZE`.
const SHEBANG_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_script_names_its_interpreter() {
        let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
            let expected =
                expected.map(|(path, argument)| (path.to_owned(), argument.map(str::to_owned)));
            assert_eq!(shebang(text.as_bytes()), expected, "{text:?}");
        };
        check("#!/bin/sh\necho", Some(("/bin/sh", None)));
        check("#! /bin/sh -e -u \necho", Some(("/bin/sh", Some("-e -u"))));
        check("#!\n", None);
        check("echo", None);
    }
}
