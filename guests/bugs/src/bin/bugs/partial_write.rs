//! Partial write: a configuration is rewritten in place while the sidecar reads it.
//!
//! The correction writes a file beside it and renames it.

use crate::shared::{Code, Outcome, fail, replace, unknown_role};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};

const PATH: &str = "/shared/config.json";

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "writer" => write(code),
        "sidecar" => read(),
        _ => unknown_role(role),
    }
}

fn write(code: Code) -> Outcome {
    let pieces = [
        "{\n",
        "  \"upstreams\": [\"10.0.0.1\", \"10.0.0.2\"]\n",
        "}\n",
    ];
    match code {
        Code::Broken => {
            let mut file = File::create(PATH)?;
            for piece in pieces {
                file.write_all(piece.as_bytes())?;
            }
        }
        Code::Fixed => replace(PATH, &pieces.concat())?,
    }
    Ok(())
}

fn read() -> Outcome {
    let config = match fs::read_to_string(PATH) {
        Ok(config) => config,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("no configuration yet");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if !config.ends_with("}\n") {
        return fail(format!("{PATH} is cut off after {} bytes", config.len()));
    }
    println!("configured");
    Ok(())
}
