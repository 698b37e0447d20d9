//! Disk full: settings are rewritten in place, and there is no room for the new ones.
//!
//! Opening the file has already cut it. The program ends because it could not save, and after its restart it reads what is
//! left. The correction writes a file beside it, and renames it when it is whole.

use crate::shared::{Code, Outcome, replace, unknown_role};
use std::fs;

const PATH: &str = "/shared/settings";
const LAST_GENERATION: u32 = 4;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "defaults" => Ok(fs::write(PATH, settings(1))?),
        "app" => app(code),
        _ => unknown_role(role),
    }
}

fn app(code: Code) -> Outcome {
    let mut generation = load()?;
    while generation < LAST_GENERATION {
        generation += 1;
        let saved = match code {
            Code::Broken => fs::write(PATH, settings(generation)),
            Code::Fixed => replace(PATH, &settings(generation)),
        };
        saved.map_err(|error| format!("save generation {generation}: {error}"))?;
    }
    Ok(())
}

fn load() -> Outcome<u32> {
    let text = fs::read_to_string(PATH)?;
    let generation = text
        .strip_prefix("generation ")
        .and_then(|rest| rest.strip_suffix("\nend\n"))
        .ok_or_else(|| format!("{PATH} is truncated to {} bytes", text.len()))?;
    Ok(generation.parse()?)
}

fn settings(generation: u32) -> String {
    format!("generation {generation}\nend\n")
}
