//! Lost update: two workers read a counter, add one, and write it back.
//!
//! The file is replaced whole each time, so no reader sees half a number; and still an increment gets lost. The correction
//! does both steps under a semaphore.

use crate::shared::{Code, Outcome, fail, unknown_role};
use seedpod_guest::ipc::{Create, Semaphore};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

const COUNTER: &str = "/shared/counter";
const WORKERS: [&str; 2] = ["a", "b"];
const INCREMENTS: u32 = 2;

pub(crate) fn run(worker: &str, code: Code) -> Outcome {
    if !WORKERS.contains(&worker) {
        return unknown_role(worker);
    }
    let mutex = match code {
        Code::Broken => None,
        Code::Fixed => Some(Semaphore::create("/counter", Create::IfMissing, 1)?),
    };
    for _ in 0..INCREMENTS {
        if let Some(mutex) = &mutex {
            mutex.wait()?;
        }
        increment(worker)?;
        if let Some(mutex) = &mutex {
            mutex.post()?;
        }
    }
    fs::write(done(worker), "")?;
    check()
}

fn increment(worker: &str) -> Outcome {
    let next = count()? + 1;
    let temporary = format!("{COUNTER}.{worker}");
    fs::write(&temporary, next.to_string())?;
    fs::rename(temporary, COUNTER)?;
    Ok(())
}

fn count() -> Outcome<u32> {
    match fs::read_to_string(COUNTER) {
        Ok(text) => Ok(text.parse()?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(io::Error::into(error)),
    }
}

/// Who is done last looks at the sum.
fn check() -> Outcome {
    if !WORKERS
        .iter()
        .all(|worker| Path::new(&done(worker)).exists())
    {
        return Ok(());
    }
    let (count, increments) = (count()?, 2 * INCREMENTS);
    if count != increments {
        return fail(format!("{increments} increments made it {count}"));
    }
    Ok(())
}

fn done(worker: &str) -> String {
    format!("/shared/{worker}.done")
}
