//! One JSON object a line, with Kubernetes' names.

use seedpod::api;
use seedpod::spec;
use seedpod::status::{PodEvent, Status};
use seedpod::{LogLine, LogStream, PodName};
use serde_json::{Value, json};
use std::time::SystemTime;

pub(super) fn log(pod: &PodName, line: &LogLine) -> Vec<u8> {
    let stream = match line.stream {
        LogStream::Stdout => "stdout",
        LogStream::Stderr => "stderr",
    };
    let mut object = json!({
        "kind": "Log",
        "namespace": pod.namespace,
        "pod": pod.name,
        "container": line.container,
        "stream": stream,
        "time": now(),
        "log": String::from_utf8_lossy(&line.bytes),
    });
    if line.partial {
        object["partial"] = true.into();
    }
    to_line(&object).into_bytes()
}

pub(super) fn event(pod: &PodName, spec: Option<&spec::Pod>, event: &PodEvent) -> String {
    let mut object = json!({
        "kind": "Event",
        "apiVersion": "v1",
        "type": event.type_.to_string(),
        "reason": event.reason.to_string(),
        "message": event.message,
        "involvedObject": { "kind": "Pod", "apiVersion": "v1", "namespace": pod.namespace, "name": pod.name },
        "source": { "component": "seedpod" },
        "lastTimestamp": now(),
    });
    if let Some(path) = event.container.and_then(|id| id.field_path(spec?)) {
        object["involvedObject"]["fieldPath"] = path.into();
    }
    to_line(&object)
}

pub(super) fn status(pod: &PodName, spec: Option<&spec::Pod>, status: &Status) -> String {
    let nothing = spec::Pod::default();
    to_line(&json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": { "namespace": pod.namespace, "name": pod.name },
        "status": api::pod_status(spec.unwrap_or(&nothing), status),
    }))
}

pub(super) fn notice(text: &str) -> String {
    to_line(&json!({ "kind": "Notice", "time": now(), "message": text }))
}

fn to_line(object: &Value) -> String {
    format!("{object}\n")
}

/// RFC 3339 in UTC, as Kubernetes writes times.
fn now() -> String {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let nanos = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
    seedpod_core::time::WallTime::from_unix_nanos(nanos).to_string()
}
