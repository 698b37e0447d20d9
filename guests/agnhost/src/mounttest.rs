//! `mounttest`: what files and mounts look like from inside a container.

use crate::command::Command;
use crate::flags::{Flag, Parsed};
use crate::go::{self, quoted};
use crate::system::{self, read_file};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::time::Duration;
use web::rt;

pub(crate) const COMMAND: Command = Command {
    name: "mounttest",
    short: "Creates files with given permissions and outputs FS type, owner, mode, permissions, contents of files",
    long: "Creates files with specific file permissions, and outputs the filesystem type, owner, mode, permissions, content of the given files, if they exist.",
    flags: &[
        Flag::text("fs-type", "Path to print the fs type for"),
        Flag::text("file-mode", "Path to print the mode bits of"),
        Flag::text("file-perm", "Path to print the perms of"),
        Flag::text("file-owner", "Path to print the owning UID and GID of"),
        Flag::text(
            "new-file-0644",
            "Path to write to and read from with perm 0644",
        ),
        Flag::text(
            "new-file-0666",
            "Path to write to and read from with perm 0666",
        ),
        Flag::text(
            "new-file-0660",
            "Path to write to and read from with perm 0660",
        ),
        Flag::text(
            "new-file-0777",
            "Path to write to and read from with perm 0777",
        ),
        Flag::text("file-content", "Path to read the file content from"),
        Flag::text(
            "file-content-in-loop",
            "Path to read the file content in loop from",
        ),
        Flag::int("retry-time", "180", "Retry time during the loop"),
        Flag::bool(
            "break-on-expected-content",
            "true",
            "Break out of loop on expected content, (use with --file_content_in_loop flag only)",
        ),
    ],
    operands: false,
    run,
};

const INITIAL_CONTENT: &str = "mount-tester new file\n";
const LOOP_PAUSE: Duration = Duration::from_secs(2);
/// Numbers that `statfs` gives for what a container can have mounted (linux/magic.h).
const MAGIC: [(&str, u32); 6] = [
    ("ext4", 0xEF53),
    ("mqueue", 0x1980_0202),
    ("overlay", 0x794C_7630),
    ("proc", 0x9FA0),
    ("devpts", 0x1CD1),
    ("sysfs", 0x6265_6572),
];

/// Told on standard output already.
struct Failed;

type Step = Result<(), Failed>;

fn run(flags: &Parsed) -> u8 {
    // The order is that of upstream, where tests count on it: create first, look at modes, then read.
    let on = |name: &str, step: &dyn Fn(&str) -> Step| match flags.text(name) {
        "" => Ok(()),
        path => step(path),
    };
    let mut steps = vec![on("fs-type", &fs_type)];
    for (name, mode) in [
        ("new-file-0644", 0o644),
        ("new-file-0666", 0o666),
        ("new-file-0660", 0o660),
        ("new-file-0777", 0o777),
    ] {
        steps.push(on(name, &|path| read_write_new_file(path, mode)));
    }
    steps.push(on("file-mode", &|path| file_mode(path, "mode", 0o7777)));
    steps.push(on("file-perm", &|path| file_mode(path, "perms", 0o777)));
    steps.push(on("file-owner", &file_owner));
    steps.push(on("file-content", &read_file_content));
    let mut failed = steps.iter().any(Result::is_err);
    let path = flags.text("file-content-in-loop").to_owned();
    if path.is_empty() {
        return u8::from(failed);
    }
    let limit = Duration::from_secs(u64::try_from(flags.int("retry-time")).unwrap_or(0));
    let until_expected = flags.is("break-on-expected-content");
    system::run(|_| async move {
        failed |= read_in_loop(&path, limit, until_expected).await.is_err();
        u8::from(failed)
    })
}

/// The type of the file system that a path lies in, from the mounts of this process.
fn fs_type(path: &str) -> Step {
    let lies_in = |directory: &str| {
        path == directory
            || directory == "/"
            || path
                .strip_prefix(directory)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let found = fs::metadata(path).and_then(|_| {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let mut best: Option<(usize, String)> = None;
        for line in mounts.lines() {
            let mut fields = line.split(' ').skip(1);
            let (Some(directory), Some(kind)) = (fields.next(), fields.next()) else {
                continue;
            };
            let directory = directory.replace("\\040", " ");
            if lies_in(&directory) && best.as_ref().is_none_or(|(len, _)| directory.len() >= *len) {
                best = Some((directory.len(), kind.to_owned()));
            }
        }
        best.map(|(_, kind)| kind)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    });
    match found {
        Ok(kind) => {
            let number = MAGIC.iter().find(|(name, _)| *name == kind);
            let shown = number.map_or(kind.clone(), |(_, number)| number.to_string());
            println!("mount type of {}: {shown}", quoted(path));
            Ok(())
        }
        Err(error) => {
            let error = go::errno(&error);
            println!("error from statfs({}): {error}", quoted(path));
            Err(Failed)
        }
    }
}

fn file_mode(path: &str, what: &str, mask: u32) -> Step {
    match fs::metadata(path).and_then(|meta| Ok((meta.is_dir(), system::mode(path)?))) {
        Ok((directory, bits)) => {
            // `Perm` of Go leaves out the type.
            let directory = directory && mask == 0o7777;
            let mode = go::file_mode(directory, bits & mask);
            println!("{what} of file {}: {mode}", quoted(path));
            Ok(())
        }
        Err(error) => {
            let error = go::errno(&error);
            println!("error from Stat({}): stat {path}: {error}", quoted(path));
            Err(Failed)
        }
    }
}

/// WASI knows no owners, and neither does a pod: files are root's.
fn file_owner(path: &str) -> Step {
    match fs::metadata(path) {
        Ok(_) => {
            println!("owner UID of {}: 0", quoted(path));
            println!("owner GID of {}: 0", quoted(path));
            Ok(())
        }
        Err(error) => {
            let error = go::errno(&error);
            println!("error from stat({}): {error}", quoted(path));
            Err(Failed)
        }
    }
}

fn read_write_new_file(path: &str, mode: u32) -> Step {
    let new = !fs::exists(path).unwrap_or(false);
    let written = File::create(path).and_then(|mut file| {
        if new {
            system::change_mode(path, mode)?;
        }
        file.write_all(INITIAL_CONTENT.as_bytes())
    });
    if let Err(error) = written {
        let error = go::errno(&error);
        println!(
            "error writing new file {}: open {path}: {error}",
            quoted(path)
        );
        return Err(Failed);
    }
    read_file_content(path)
}

fn read_file_content(path: &str) -> Step {
    match read_file(path) {
        Ok(content) => {
            let content = String::from_utf8_lossy(&content);
            println!("content of file {}: {content}", quoted(path));
            Ok(())
        }
        Err(error) => {
            println!("error reading file content for {}: {error}", quoted(path));
            Err(Failed)
        }
    }
}

async fn read_in_loop(path: &str, limit: Duration, until_expected: bool) -> Step {
    let mut last = Ok(());
    let start = system::uptime();
    while system::uptime() - start < limit {
        last = match read_file(path) {
            Err(error) => {
                println!("Error reading file {path}: {error}, retrying");
                Err(Failed)
            }
            Ok(content) => {
                let content = String::from_utf8_lossy(&content);
                println!("content of file {}: {content}", quoted(path));
                if until_expected && content == INITIAL_CONTENT {
                    return Ok(());
                }
                if until_expected {
                    print!("Unexpected content. Expected: {INITIAL_CONTENT}. Retrying");
                }
                Ok(())
            }
        };
        rt::sleep(LOOP_PAUSE).await;
    }
    last
}
