//! Check, then act: whoever finds no lock file creates one and migrates the database.
//!
//! Both may find none. The correction lets the creation itself decide (`O_EXCL`).

use crate::shared::{Code, Outcome, append, fail};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

const LOCK: &str = "/shared/migration.lock";
const LOG: &str = "/shared/migrations";

pub(crate) fn run(worker: &str, code: Code) -> Outcome {
    if !lock(worker, code)? {
        println!("somebody else migrates");
        return Ok(());
    }
    append(LOG, &format!("{worker} migrates"))?;
    let migrations = fs::read_to_string(LOG)?;
    match migrations.lines().count() {
        1 => Ok(()),
        several => fail(format!("{several} workers own the lock")),
    }
}

fn lock(worker: &str, code: Code) -> Outcome<bool> {
    let mut file = match code {
        Code::Broken if Path::new(LOCK).exists() => return Ok(false),
        Code::Broken => File::create(LOCK)?,
        Code::Fixed => match File::create_new(LOCK) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error.into()),
        },
    };
    file.write_all(worker.as_bytes())?;
    Ok(true)
}
