//! Does with files what its arguments say: a directory, and commands separated by `; `. Prints what each answers.
//!
//! The tests run it in containers, over every kind of volume, and include this file to run the same commands on the
//! operating system.

use std::ffi::{CString, c_char, c_int};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, script] = arguments.as_slice() else {
        eprintln!("usage: files DIRECTORY COMMANDS");
        std::process::exit(2);
    };
    print!("{}", run(Path::new(root), script));
}

/// Runs commands in `root`; paths are relative to it.
pub fn run(root: &Path, script: &str) -> String {
    let mut transcript = String::new();
    for line in script.split("; ") {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = command(root, &words).unwrap_or_else(|error| name(&error));
        let answer = answer.replace('\0', "\\0");
        let _ = writeln!(transcript, "{line}: {answer}");
    }
    transcript
}

fn name(error: &io::Error) -> String {
    // std has no kind for this one on WASI.
    if error.to_string().starts_with("Directory not empty") {
        return "DirectoryNotEmpty".to_owned();
    }
    format!("{:?}", error.kind())
}

fn command(root: &Path, words: &[&str]) -> io::Result<String> {
    let path = |name: &str| root.join(name);
    let done = match words {
        ["cat", name] => return fs::read_to_string(path(name)),
        ["ls", name] => return list(&path(name)),
        ["stat", name] => return Ok(describe(&fs::metadata(path(name))?)),
        ["lstat", name] => return Ok(describe(&fs::symlink_metadata(path(name))?)),
        ["readlink", name] => return Ok(fs::read_link(path(name))?.display().to_string()),
        ["write", name, text] => fs::write(path(name), text),
        ["append", name, text] => append(&path(name), text),
        ["new", name, text] => File::create_new(path(name))?.write_all(text.as_bytes()),
        ["copy", from, to] => fs::copy(path(from), path(to)).map(drop),
        ["mkdir", name] => fs::create_dir(path(name)),
        ["mkdirs", name] => fs::create_dir_all(path(name)),
        ["rm", name] => fs::remove_file(path(name)),
        ["rmdir", name] => fs::remove_dir(path(name)),
        ["rmtree", name] => fs::remove_dir_all(path(name)),
        ["mv", from, to] => fs::rename(path(from), path(to)),
        ["ln", from, to] => fs::hard_link(path(from), path(to)),
        ["symlink", target, name] => symlink(target, &path(name)),
        ["setlen", name, len] => set_len(&path(name), number(len)),
        ["at", name, offset, text] => write_at(&path(name), number(offset), text),
        ["from", name, offset] => return read_from(&path(name), number(offset)),
        ["unlinked", name, text] => return unlinked(&path(name), text),
        ["touch", name, seconds] => return touch(&path(name), number(seconds)),
        ["hold", name, count] => return hold(&path(name), number(count)),
        ["fill", name, kib] => return fill(&path(name), number(kib)),
        ["cd", name] => std::env::set_current_dir(path(name)),
        ["here", name] => return fs::read_to_string(name),
        words => panic!("unknown command {words:?}"),
    };
    done.map(|()| "ok".to_owned())
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn list(path: &Path) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let mark = match () {
            () if kind.is_dir() => "/",
            () if kind.is_symlink() => "@",
            () => "",
        };
        names.push(format!("{}{mark}", entry.file_name().to_string_lossy()));
    }
    names.sort();
    Ok(names.join(" "))
}

fn describe(metadata: &fs::Metadata) -> String {
    if metadata.is_dir() {
        "directory".to_owned()
    } else if metadata.is_symlink() {
        format!("symlink {}", metadata.len())
    } else {
        format!("file {}", metadata.len())
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(text.as_bytes())
}

fn set_len(path: &Path, len: u64) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.set_len(len)
}

fn write_at(path: &Path, offset: u64, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(text.as_bytes())
}

fn read_from(path: &Path, offset: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Writes and reads a file that has lost its name.
fn unlinked(path: &Path, text: &str) -> io::Result<String> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create_new(true).open(path)?;
    fs::remove_file(path)?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    let mut read = String::new();
    file.read_to_string(&mut read)?;
    Ok(format!("{read} exists {}", path.exists()))
}

fn touch(path: &Path, seconds: u64) -> io::Result<String> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    OpenOptions::new()
        .write(true)
        .open(path)?
        .set_modified(time)?;
    let modified = fs::metadata(path)?.modified()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH);
    Ok(since.unwrap_or_default().as_secs().to_string())
}

/// Opens a file again and again and says when that failed.
fn hold(path: &Path, count: u64) -> io::Result<String> {
    let mut files = Vec::new();
    for number in 0..count {
        match File::open(path) {
            Ok(file) => files.push(file),
            Err(error) => return Ok(format!("{} after {number}", name(&error))),
        }
    }
    Ok(format!("{} files", files.len()))
}

/// Writes kibibytes that differ, and counts those that come back.
fn fill(path: &Path, kib: u64) -> io::Result<String> {
    let bytes: Vec<u8> = (0..kib << 10).map(|at| (at ^ (at >> 8)) as u8).collect();
    fs::write(path, &bytes)?;
    let read = fs::read(path)?;
    let same = read.iter().zip(&bytes).filter(|(a, b)| a == b).count();
    Ok(format!("{same} of {} bytes", read.len()))
}

unsafe extern "C" {
    #[link_name = "symlink"]
    fn c_symlink(target: *const c_char, path: *const c_char) -> c_int;
}

/// std has it for Unix only, and the C library for WASI too.
fn symlink(target: &str, path: &Path) -> io::Result<()> {
    let path: PathBuf = path.to_owned();
    let (target, path) = (
        CString::new(target)?,
        CString::new(path.to_string_lossy().as_bytes())?,
    );
    // SAFETY: both strings end with a zero and outlive the call.
    match unsafe { c_symlink(target.as_ptr(), path.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
