//! Rename before sync: a file is written beside the old one and renamed, but never synced.
//!
//! The name may reach the disk before the content. After a crash of the machine the file is there, and empty. The
//! correction syncs the file before it renames it.

use crate::shared::{Code, Outcome, unknown_role};
use std::fs::{self, File};
use std::io::{self, Write};

const PATH: &str = "/data/balance";
const TEMPORARY: &str = "/data/balance.new";
const LAST_GENERATION: u32 = 4;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "create" => create(),
        "store" => store(code),
        _ => unknown_role(role),
    }
}

fn create() -> Outcome {
    save(1, Code::Fixed)?;
    // The name, too.
    Ok(File::open("/data")?.sync_all()?)
}

fn store(code: Code) -> Outcome {
    let mut generation = load()?;
    while generation < LAST_GENERATION {
        generation += 1;
        save(generation, code)?;
    }
    Ok(())
}

fn save(generation: u32, code: Code) -> io::Result<()> {
    let mut file = File::create(TEMPORARY)?;
    file.write_all(balance(generation).as_bytes())?;
    if code == Code::Fixed {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(TEMPORARY, PATH)
}

fn load() -> Outcome<u32> {
    let text = fs::read_to_string(PATH)?;
    let generation = text
        .strip_prefix("generation ")
        .and_then(|rest| rest.strip_suffix("\nend\n"))
        .ok_or_else(|| format!("{PATH} is lost: {} bytes are left", text.len()))?;
    Ok(generation.parse()?)
}

fn balance(generation: u32) -> String {
    format!("generation {generation}\nend\n")
}
