//! `mkdir`, `rmdir`, `rm`, `touch`, `mktemp`, `chmod`, `chown`, `readlink`, `realpath`.

use super::reason;
use crate::files::Stat;
use crate::tool::{Options, Ran, Tool};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Directories inside each other that are followed; more would overflow the stack.
pub(super) const DEPTH_MAX: u32 = 256;

/// Calls `each` for every operand and prints what went wrong.
pub(super) fn for_each(
    tool: &mut Tool,
    operands: &[String],
    mut each: impl FnMut(&mut Tool, &str) -> Result<(), String>,
) -> Ran {
    if operands.is_empty() {
        return Err("missing operand".to_owned());
    }
    let mut status = 0;
    for operand in operands {
        if let Err(message) = each(tool, operand) {
            tool.complain(message);
            status = 1;
        }
    }
    Ok(status)
}

pub fn mkdir(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "pm:v",
        &[("parents", 'p'), ("mode", 'm'), ("verbose", 'v')],
    )?;
    for_each(tool, &options.operands, |tool, path| {
        let made = match options.has('p') {
            true => fs::create_dir_all(path),
            false => fs::create_dir(path),
        };
        made.map_err(|error| format!("can't create directory '{path}': {}", reason(&error)))?;
        if options.has('v') {
            tool.line(format_args!("created directory: '{path}'"));
        }
        Ok(())
    })
}

pub fn rmdir(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "p", &[("parents", 'p')])?;
    for_each(tool, &options.operands, |_, path| {
        let mut current = Path::new(path);
        loop {
            fs::remove_dir(current)
                .map_err(|error| format!("'{}': {}", current.display(), reason(&error)))?;
            match current
                .parent()
                .filter(|parent| options.has('p') && !parent.as_os_str().is_empty())
            {
                Some(parent) => current = parent,
                None => return Ok(()),
            }
        }
    })
}

pub fn rm(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [("force", 'f'), ("recursive", 'r'), ("verbose", 'v')];
    let options = Options::read(arguments, "fiRrv", &long)?;
    let recursive = options.has('r') || options.has('R');
    let force = options.has('f');
    if options.operands.is_empty() && force {
        return Ok(0);
    }
    for_each(tool, &options.operands, |tool, path| {
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or("");
        if matches!(last, "." | "..") || path.bytes().all(|byte| byte == b'/') {
            return Err(format!(
                "can't remove '{path}': refusing to remove this directory"
            ));
        }
        let stat = match Stat::read(path, false) {
            Ok(stat) => stat,
            Err(error) if force && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("can't remove '{path}': {}", reason(&error))),
        };
        if stat.is_directory() && !recursive {
            return Err(format!("'{path}' is a directory"));
        }
        let removed = match stat.is_directory() {
            true => remove_tree(path, 0),
            false => fs::remove_file(path)
                .map_err(|error| format!("can't remove '{path}': {}", reason(&error))),
        };
        if removed.is_ok() && options.has('v') {
            tool.line(format_args!("removed '{path}'"));
        }
        removed
    })
}

pub(super) fn remove_tree(path: &str, depth: u32) -> Result<(), String> {
    let failed = |error: &io::Error| format!("can't remove '{path}': {}", reason(error));
    if depth > DEPTH_MAX {
        return Err(format!("can't remove '{path}': nested too deeply"));
    }
    for name in names(path).map_err(|error| failed(&error))? {
        let below = format!("{path}/{name}");
        match Stat::read(&below, false) {
            Ok(stat) if stat.is_directory() => remove_tree(&below, depth + 1)?,
            _ => fs::remove_file(&below)
                .map_err(|error| format!("can't remove '{below}': {}", reason(&error)))?,
        }
    }
    fs::remove_dir(path).map_err(|error| failed(&error))
}

/// The names in a directory, in order.
pub fn names(directory: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

pub(super) fn moment(seconds: i64, nanoseconds: u32) -> SystemTime {
    UNIX_EPOCH + Duration::new(seconds.max(0) as u64, nanoseconds)
}

pub fn touch(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "acmr:d:t:h",
        &[("no-create", 'c'), ("reference", 'r'), ("date", 'd')],
    )?;
    let when = match (
        options.value('r'),
        options.value('d').or(options.value('t')),
    ) {
        (Some(path), _) => {
            let stat =
                Stat::read(path, true).map_err(|error| format!("{path}: {}", reason(&error)))?;
            moment(stat.modified_s, stat.modified_ns)
        }
        (None, Some(text)) => {
            let date = super::date::parse(text).ok_or_else(|| format!("invalid date '{text}'"))?;
            moment(date.seconds, 0)
        }
        (None, None) => SystemTime::now(),
    };
    for_each(tool, &options.operands, |_, path| {
        if options.has('c') && fs::metadata(path).is_err() {
            return Ok(());
        }
        let failed = |error: io::Error| format!("{path}: {}", reason(&error));
        if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            let directory = fs::File::open(path).map_err(failed)?;
            return directory.set_modified(when).map_err(failed);
        }
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(failed)?;
        file.set_modified(when).map_err(failed)
    })
}

pub fn mktemp(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "dqtup:", &[("directory", 'd'), ("tmpdir", 'p')])?;
    let directory = options.value('p').map_or_else(
        || std::env::var("TMPDIR").unwrap_or_else(|_| "/tmp".to_owned()),
        str::to_owned,
    );
    let template = match options.operands.first() {
        Some(template) if options.has('p') || options.has('t') => format!("{directory}/{template}"),
        Some(template) => template.clone(),
        None => format!("{directory}/tmp.XXXXXX"),
    };
    let marks = template.len() - template.trim_end_matches('X').len();
    if marks < 6 {
        return Err(format!("Invalid argument: {template}"));
    }
    for attempt in 0..100_u32 {
        let path = format!(
            "{}{}",
            &template[..template.len() - marks],
            random_letters(marks, attempt)
        );
        let made = match options.has('d') {
            true => fs::create_dir(&path),
            false => fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
                .map(drop),
        };
        match made {
            Ok(()) => {
                tool.line(path);
                return Ok(0);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{template}: {}", reason(&error))),
        }
    }
    Err(format!("{template}: File exists"))
}

/// Letters from the seed of this process' hash tables, which WASI's random source gives.
fn random_letters(count: usize, salt: u32) -> String {
    use std::hash::{BuildHasher, RandomState};
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let state = RandomState::new();
    (0..count)
        .map(|at| LETTERS[(state.hash_one((at, salt)) % LETTERS.len() as u64) as usize] as char)
        .collect()
}

pub fn chmod(tool: &mut Tool, arguments: &[String]) -> Ran {
    // A mode may begin with a dash; nothing else does but the options below.
    let is_option =
        |argument: &&String| matches!(argument.as_str(), "-R" | "-v" | "-f" | "-c" | "--recursive");
    let words: Vec<String> = arguments[1..]
        .iter()
        .filter(|argument| !is_option(argument))
        .cloned()
        .collect();
    let Some((mode, paths)) = words.split_first() else {
        return Err("missing operand".to_owned());
    };
    changed_mode(mode, 0, false).ok_or_else(|| format!("invalid mode '{mode}'"))?;
    for_each(tool, paths, |_, path| {
        let failed = |error: io::Error| format!("{path}: {}", reason(&error));
        let stat = Stat::read(path, true).map_err(failed)?;
        let mode = changed_mode(mode, stat.mode & 0o7777, stat.is_directory()).unwrap_or(stat.mode);
        crate::sys::change_mode(path, mode).map_err(|error| format!("{path}: {error}"))
    })
}

/// The mode that `755` or `u+x,go-w` makes of another; none if it is no mode.
fn changed_mode(text: &str, before: u32, is_directory: bool) -> Option<u32> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return u32::from_str_radix(text, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777);
    }
    text.split(',').try_fold(before, |mode, clause| {
        let at = clause.find(['+', '-', '='])?;
        let (who, action) = clause.split_at(at);
        let mut mask = 0;
        for letter in who.chars() {
            mask |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let mask = if mask == 0 { 0o7777 } else { mask };
        let mut bits = 0;
        for letter in action[1..].chars() {
            bits |= match letter {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' if is_directory || mode & 0o111 != 0 => 0o111,
                'X' => 0,
                's' => 0o6000,
                't' => 0o1000,
                _ => return None,
            };
        }
        Some(match action.as_bytes()[0] {
            b'+' => mode | (bits & mask),
            b'-' => mode & !(bits & mask),
            _ => (mode & !mask) | (bits & mask),
        })
    })
}

/// Every file is root's, and nothing else can be asked for.
pub fn chown(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "Rhvcf", &[("recursive", 'R')])?;
    let Some((owner, paths)) = options.operands.split_first() else {
        return Err("missing operand".to_owned());
    };
    let is_root = owner
        .split([':', '.'])
        .all(|name| matches!(name, "" | "root" | "0"));
    for_each(tool, paths, |_, path| {
        let stat = Stat::read(path, !options.has('h'));
        stat.map_err(|error| format!("{path}: {}", reason(&error)))?;
        if is_root {
            Ok(())
        } else {
            Err(format!("{path}: Operation not permitted"))
        }
    })
}

pub fn readlink(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "fenmvqs", &[("canonicalize", 'f')])?;
    if options.has('f') || options.has('e') || options.has('m') {
        return realpath(
            tool,
            &[&["realpath".to_owned()], options.operands.as_slice()].concat(),
        );
    }
    let mut status = 0;
    for path in &options.operands {
        match fs::read_link(path) {
            Ok(target) => tool.print(format_args!(
                "{}{}",
                target.display(),
                if options.has('n') { "" } else { "\n" }
            )),
            Err(error) => {
                if options.has('v') {
                    tool.complain(format_args!("{path}: {}", reason(&error)));
                }
                status = 1;
            }
        }
    }
    Ok(status)
}

pub fn realpath(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "sLPemq", &[])?;
    for_each(tool, &options.operands, |tool, path| {
        let resolved = resolve(path, 0).map_err(|error| format!("{path}: {}", reason(&error)))?;
        tool.line(resolved);
        Ok(())
    })
}

/// Follows every link of `path`; only its last part may be missing.
fn resolve(path: &str, depth: u32) -> io::Result<String> {
    if depth > 40 {
        return Err(io::Error::from_raw_os_error(libc::ELOOP));
    }
    let path = crate::tool::absolute(path);
    let mut done = String::new();
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    for (index, part) in parts.iter().enumerate() {
        if *part == ".." {
            done.truncate(done.rfind('/').unwrap_or(0));
            continue;
        }
        let next = format!("{done}/{part}");
        match Stat::read(&next, false) {
            Ok(stat) if stat.is_symlink() => {
                let target = fs::read_link(&next)?.to_string_lossy().into_owned();
                let target = if target.starts_with('/') {
                    target
                } else {
                    format!("{done}/{target}")
                };
                done = resolve(&target, depth + 1)?;
                done.truncate(done.trim_end_matches('/').len());
            }
            Ok(_) => done = next,
            Err(error) if error.kind() == io::ErrorKind::NotFound && index + 1 == parts.len() => {
                done = next;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(if done.is_empty() {
        "/".to_owned()
    } else {
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_modes() {
        for (text, before, expected) in [
            ("755", 0o644, Some(0o755)),
            ("+x", 0o644, Some(0o755)),
            ("u+x,go-r", 0o644, Some(0o700)),
            ("a=r", 0o755, Some(0o444)),
            ("g=", 0o755, Some(0o705)),
            ("+X", 0o644, Some(0o644)),
            ("9", 0, None),
            ("u", 0, None),
            ("u+z", 0, None),
        ] {
            assert_eq!(changed_mode(text, before, false), expected, "{text}");
        }
    }
}
