//! Runs the scripts below `scripts/` with the program as built for this machine, and compares with what the busybox
//! of Debian printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn awk() {
    check("awk");
}

#[test]
fn builtins() {
    check("builtins");
}

#[test]
fn control() {
    check("control");
}

#[test]
fn edge() {
    check("edge");
}

#[test]
fn expansion() {
    check("expansion");
}

#[test]
fn files() {
    check("files");
}

#[test]
fn jobs() {
    check("jobs");
}

#[test]
fn text() {
    check("text");
}

fn check(name: &str) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if root.exists() {
        fs::remove_dir_all(&root).unwrap();
    }
    let (tools, work) = (root.join("tools"), root.join("work"));
    fs::create_dir_all(&tools).unwrap();
    fs::create_dir_all(&work).unwrap();
    let program = env!("CARGO_BIN_EXE_busybox");
    let list = Command::new(program).arg("--list").output().unwrap();
    for tool in String::from_utf8(list.stdout).unwrap().lines() {
        std::os::unix::fs::symlink(program, tools.join(tool)).unwrap();
    }
    let script = format!("{name}.sh");
    fs::copy(scripts.join(&script), root.join(&script)).unwrap();
    let output = Command::new("sh")
        .arg(format!("../{script}"))
        .current_dir(&work)
        .env_clear()
        .env("PATH", &tools)
        .env("HOME", "/root")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut printed = output.stdout;
    if !output.status.success() {
        printed.extend(format!("exit {}\n", output.status.code().unwrap_or(-1)).bytes());
    }
    let printed = String::from_utf8_lossy(&printed);
    let expected = fs::read(scripts.join(format!("{name}.out"))).unwrap();
    let expected = String::from_utf8_lossy(&expected);
    if printed != expected {
        fs::write(root.join("printed"), printed.as_ref()).unwrap();
        let line = printed
            .lines()
            .zip(expected.lines())
            .take_while(|(a, b)| a == b)
            .count();
        panic!(
            "{name}.out line {}:\n  expected {:?}\n  printed  {:?}\nall of it is in {}",
            line + 1,
            expected.lines().nth(line),
            printed.lines().nth(line),
            root.join("printed").display()
        );
    }
}
