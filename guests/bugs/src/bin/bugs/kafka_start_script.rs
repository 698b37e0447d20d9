//! A start script that is copied into a container which waits for it.
//!
//! The broker waits until the script exists and runs it at once, when it may still be written: `Text file busy`. The
//! correction writes a marker after the script, and waits for the marker. Reduced: the script is in a volume, and what a
//! busy one shows is that its last line is missing.

use crate::shared::{Code, Outcome, fail, unknown_role};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

const SCRIPT: &str = "/start/testcontainers.sh";
const MARKER: &str = "/start/testcontainers.ready";
const LAST_LINE: &str = "exec /etc/kafka/docker/run\n";

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "harness" => copy_script(code),
        "broker" => start(code),
        _ => unknown_role(role),
    }
}

fn copy_script(code: Code) -> Outcome {
    let mut script = File::create(SCRIPT)?;
    script.write_all(b"#!/bin/sh\n")?;
    script.write_all(b"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://localhost:32769\n")?;
    script.write_all(LAST_LINE.as_bytes())?;
    drop(script);
    if code == Code::Fixed {
        File::create(MARKER)?;
    }
    Ok(())
}

fn start(code: Code) -> Outcome {
    let awaited = Path::new(match code {
        Code::Broken => SCRIPT,
        Code::Fixed => MARKER,
    });
    while !awaited.exists() {
        sleep(Duration::from_millis(100));
    }
    let script = fs::read_to_string(SCRIPT)?;
    if !script.ends_with(LAST_LINE) {
        return fail(format!("{SCRIPT}: Text file busy"));
    }
    println!("Kafka Server started");
    Ok(())
}
