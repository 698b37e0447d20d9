//! A program that judges a run when it is over.

use super::failure;
use crate::{Images, Record, Settings, Simulation};
use seedpod_api::Source;
use seedpod_core::podtest::{Checker, Failure, FailureKind};
use seedpod_core::seed::Seed;
use seedpod_core::trace::TraceEvent;
use seedpod_engine::Engine;
use seedpod_engine::world::Output;
use std::sync::Arc;
use std::time::Duration;

/// How long a checker may take, in virtual time.
const LIMIT: Duration = Duration::from_secs(600);

/// Lines of a checker that become the message.
const LINES_MAX: usize = 20;

/// What is judged.
pub(crate) struct History<'a> {
    pub(crate) trace: &'a [TraceEvent],
    /// By container.
    pub(crate) logs: &'a [(String, Arc<String>)],
}

/// Runs a checker in a pod of its own, in a world of its own. Its failure, or that it could not be run.
pub(crate) fn check(
    name: &str,
    checker: &Checker,
    engine: &Engine,
    images: &Images,
    history: &History<'_>,
) -> Option<Failure> {
    let failed = |message: String| Some(failure(name, FailureKind::Checker, message));
    let mut simulation = Simulation::new(Settings {
        seed: Seed::new(1),
        engine: engine.clone(),
        images: images.clone(),
    });
    let mut files = vec![(
        "trace.jsonl".to_owned(),
        crate::report::jsonl::write(history.trace).into_bytes(),
    )];
    let logs = history.logs.iter();
    files.extend(
        logs.map(|(container, text)| (format!("{container}.log"), text.as_bytes().to_vec())),
    );
    for (file, bytes) in files {
        if let Err(errno) = simulation.put_file(&format!("/history/{file}"), &bytes) {
            return failed(format!("/history/{file} cannot be written: {errno}"));
        }
    }
    let source = Source {
        name: "checker".to_owned(),
        bytes: pod(checker).to_string().into_bytes(),
    };
    let objects = match seedpod_api::load(&[source]) {
        Ok(loaded) => loaded.objects,
        Err(errors) => {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return failed(format!("its pod is wrong: {}", texts.join("; ")));
        }
    };
    if let Err(error) = simulation.apply(&objects) {
        return failed(format!("its pod cannot start: {error}"));
    }
    simulation.run(LIMIT);
    verdict(&simulation.records()).and_then(failed)
}

fn pod(checker: &Checker) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "checker"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "checker",
                "image": checker.image,
                "command": checker.command,
                "args": checker.args,
                "volumeMounts": [{"name": "history", "mountPath": "/history", "readOnly": true}],
            }],
            "volumes": [{"name": "history", "hostPath": {"path": "/history"}}],
        },
    })
}

/// What a checker found, if it found something.
fn verdict(records: &[Record]) -> Option<String> {
    let mut lines = Vec::new();
    let mut reasons = Vec::new();
    let mut code = None;
    for record in records {
        match &record.output {
            Output::Log(line) => lines.push(String::from_utf8_lossy(&line.bytes).into_owned()),
            Output::Event(event) if event.reason.to_string() == "Failed" => {
                reasons.push(event.message.clone());
            }
            Output::Event(_) => {}
            Output::Status(status) => {
                let ended = status.all_containers().next().map(|one| &one.state);
                if let Some(seedpod_core::pod::ContainerState::Terminated(end)) = ended {
                    code = Some(end.exit_code);
                }
            }
        }
    }
    let text = lines[lines.len().saturating_sub(LINES_MAX)..].join("\n");
    match code {
        Some(0) => None,
        Some(code) if text.is_empty() => Some(format!("ended with {code}")),
        Some(_) => Some(text),
        None if lines.is_empty() => Some(format!(
            "did not end: {}",
            reasons.first().map_or("nothing happened", String::as_str)
        )),
        None => Some(format!("did not end within {LIMIT:?}: {text}")),
    }
}
