//! `/shell`: runs a command line.

use super::Response;
use crate::http::{Exchange, reply};
use crate::json;
use crate::system::{log, same_pollable};
use seedpod_guest::process::descriptors::{Description, pipe};
use seedpod_guest::process::processes::{ExitStatus, Program, Which, spawn, try_wait};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use web::rt::{self, Wait};

const SHELL: &str = "/bin/sh";
/// Bytes of output that are kept; the rest is read and forgotten.
const OUTPUT_BYTES_MAX: usize = 4 << 20;
const CHUNK: u32 = 64 * 1024;
/// Between two looks at a child whose output has ended.
const WAIT_PAUSE: Duration = Duration::from_millis(10);

pub(super) async fn answer(exchange: &mut Exchange) -> Response {
    let form = exchange.form().await;
    let command = match form.get("shellCommand") {
        "" => form.get("cmd"),
        command => command,
    };
    log!("GET /shell?cmd={command}");
    let (output, error) = run(command).await;
    let output = String::from_utf8_lossy(&output).into_owned();
    let mut fields = BTreeMap::new();
    if !output.is_empty() {
        fields.insert("output", output);
    }
    fields.extend(error.map(|error| ("error", error)));
    // As Go prints a map.
    let shown: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    log!("Output: map[{}]", shown.join(" "));
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, json::string(&value)))
        .collect();
    reply(200, json::object(&fields))
}

/// What the command wrote, and what went wrong.
async fn run(command: &str) -> (Vec<u8>, Option<String>) {
    let failed = |error| (Vec::new(), Some(format!("fork/exec {SHELL}: {error:?}")));
    let (reader, writer) = match pipe() {
        Ok(ends) => ends,
        Err(error) => return failed(error),
    };
    let program = Program {
        path: SHELL.to_owned(),
        arguments: [SHELL, "-c", command].map(str::to_owned).to_vec(),
        environment: std::env::vars().collect(),
        directory: "/".to_owned(),
    };
    let child = match spawn(&program, &[(1, &writer), (2, &writer)]) {
        Ok(child) => child,
        Err(error) => return failed(error),
    };
    drop(writer);
    let output = read_to_end(&reader).await;
    let ended = loop {
        // A child may close its output long before its end, and others want answers meanwhile.
        match try_wait(Which::One(child)) {
            Ok(None) => rt::sleep(WAIT_PAUSE).await,
            Ok(Some((_, status))) => break Ok(status),
            Err(error) => break Err(error),
        }
    };
    let error = match ended {
        Ok(ExitStatus::Exited(0)) => None,
        Ok(ExitStatus::Exited(code)) => Some(format!("exit status {code}")),
        Ok(ExitStatus::Signaled(signal)) => Some(format!("signal: {}", signal_name(signal))),
        Err(error) => Some(format!("wait: {error:?}")),
    };
    (output, error)
}

async fn read_to_end(reader: &Description) -> Vec<u8> {
    let mut output = Vec::new();
    loop {
        Wait::new(Rc::new(same_pollable(&reader.subscribe_read()))).await;
        match reader.read(CHUNK) {
            Ok(bytes) if bytes.is_empty() => return output,
            Ok(bytes) => {
                let room = OUTPUT_BYTES_MAX - output.len();
                output.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Err(_) => return output,
        }
    }
}

fn signal_name(signal: u8) -> String {
    match signal {
        1 => "hangup".to_owned(),
        2 => "interrupt".to_owned(),
        6 => "aborted".to_owned(),
        9 => "killed".to_owned(),
        13 => "broken pipe".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}
