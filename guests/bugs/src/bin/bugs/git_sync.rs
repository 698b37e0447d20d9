//! A repository that one container keeps up to date and another one reads.
//!
//! Each revision is a folder of its own, and a link to the latest one is switched in one step. But the folder of the old
//! revision goes at once, under the feet of a reader that works in it. The correction lets a stale folder stay for a
//! while (`--stale-worktree-timeout`).

use crate::shared::{Code, Outcome, unknown_role};
use std::ffi::CString;
use std::fs;
use std::io;
use std::thread::sleep;
use std::time::Duration;

const LINK: &str = "/git/current";
const FILES: [&str; 2] = ["dag.py", "operators.py"];
const STALE_WORKTREE_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "one-time" => check_out("rev-1"),
        "sync" => sync(code),
        "app" => read(),
        _ => unknown_role(role),
    }
}

fn sync(code: Code) -> Outcome {
    let old = fs::read_link(LINK)?;
    check_out("rev-2")?;
    if code == Code::Fixed {
        sleep(STALE_WORKTREE_TIMEOUT);
    }
    for file in FILES {
        fs::remove_file(old.join(file))?;
    }
    Ok(fs::remove_dir(old)?)
}

/// Makes the folder of a revision, and switches the link.
fn check_out(revision: &str) -> Outcome {
    let worktree = format!("/git/{revision}");
    fs::create_dir(&worktree)?;
    for file in FILES {
        fs::write(format!("{worktree}/{file}"), revision)?;
    }
    let next = format!("{LINK}.next");
    symlink(&worktree, &next)?;
    Ok(fs::rename(next, LINK)?)
}

/// The link leads to the working directory; what it leads to is read from there.
fn read() -> Outcome {
    let worktree = fs::read_link(LINK)?;
    for file in FILES {
        let path = worktree.join(file);
        let revision = fs::read_to_string(&path);
        let revision = revision.map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{file} of {revision}");
    }
    Ok(())
}

fn symlink(target: &str, path: &str) -> Outcome {
    let (target, path) = (CString::new(target)?, CString::new(path)?);
    // SAFETY: two terminated strings.
    let result = unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error().into()),
    }
}
