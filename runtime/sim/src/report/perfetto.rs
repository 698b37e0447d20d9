//! The trace as a timeline for Perfetto (ui.perfetto.dev) or `chrome://tracing`: the Trace Event Format.
//!
//! A pod is a process, a task of it a thread. A trace says when a call was made, not how long it took, for it takes no
//! time by itself: a call is drawn until the next event, for at most ten microseconds; one that had to wait, until the
//! same task's next event.

use super::links::links;
use seedpod_core::trace::TraceEvent;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CALL_NANOS_MAX: u64 = 10_000;
const BLOCKED: &str = "blocked";

#[derive(Serialize)]
struct Timeline {
    #[serde(rename = "displayTimeUnit")]
    display_time_unit: &'static str,
    #[serde(rename = "traceEvents")]
    events: Vec<Value>,
}

/// Where a task is drawn.
#[derive(Clone, Copy)]
struct Track {
    process: usize,
    thread: usize,
}

/// The timeline, as JSON.
pub fn timeline(trace: &[TraceEvent]) -> String {
    let tracks = tracks(trace);
    let mut events = names(&tracks);
    let ends = ends(trace);
    let mut flows: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for (id, (from, to)) in links(trace).into_iter().enumerate() {
        for (index, phase) in [(from, "s"), (to, "f")] {
            let track = tracks[trace[index].task.as_str()];
            flows
                .entry(index)
                .or_default()
                .push(flow(&trace[index], track, phase, id));
        }
    }
    for (index, event) in trace.iter().enumerate() {
        let track = tracks[event.task.as_str()];
        events.push(slice(event, track, ends[index]));
        events.extend(flows.remove(&index).into_iter().flatten());
    }
    let timeline = Timeline {
        display_time_unit: "ns",
        events,
    };
    serde_json::to_string(&timeline).expect("numbers and text are JSON")
}

/// The process and thread of each task, in order of appearance.
fn tracks(trace: &[TraceEvent]) -> BTreeMap<&str, Track> {
    let mut processes = BTreeMap::new();
    let mut tracks = BTreeMap::new();
    for event in trace {
        let count = processes.len() + 1;
        let process = *processes.entry(pod_of(&event.task)).or_insert(count);
        let thread = tracks.len() + 1;
        tracks
            .entry(event.task.as_str())
            .or_insert(Track { process, thread });
    }
    tracks
}

fn pod_of(task: &str) -> &str {
    task.split_once('/').map_or("", |(pod, _)| pod)
}

fn names(tracks: &BTreeMap<&str, Track>) -> Vec<Value> {
    let mut events = Vec::new();
    for (task, track) in tracks {
        let Track { process, thread } = track;
        let pod = match pod_of(task) {
            "" => "pod",
            pod => pod,
        };
        let task = if task.is_empty() { "world" } else { task };
        let named = |what: &str, name: &str| json!({"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}});
        events.push(named("process_name", pod));
        events.push(named("thread_name", task));
        let order = json!({"sort_index": thread});
        events.push(json!({"ph": "M", "name": "thread_sort_index", "pid": process, "tid": thread, "args": order}));
    }
    events
}

/// Until when each event is drawn.
fn ends(trace: &[TraceEvent]) -> Vec<u64> {
    let mut ends = vec![0; trace.len()];
    let mut next_of_task: BTreeMap<&str, u64> = BTreeMap::new();
    let mut next = None;
    for (index, event) in trace.iter().enumerate().rev() {
        let longest = event.nanos.saturating_add(CALL_NANOS_MAX);
        let end = match (event.result.as_str(), next_of_task.get(event.task.as_str())) {
            (BLOCKED, Some(end)) => *end,
            _ => next.unwrap_or(longest).min(longest),
        };
        ends[index] = end.max(event.nanos);
        next_of_task.insert(&event.task, event.nanos);
        next = Some(event.nanos);
    }
    ends
}

fn slice(event: &TraceEvent, track: Track, end: u64) -> Value {
    let what = match event.object.as_str() {
        "" => event.kind.clone(),
        object => format!("{} {object}", event.kind),
    };
    json!({
        "ph": "X",
        "name": what,
        "cat": event.kind.split('.').next(),
        "pid": track.process,
        "tid": track.thread,
        "ts": micros(event.nanos),
        "dur": micros(end - event.nanos),
        "args": {"event": event.number, "detail": event.detail, "result": event.result, "fuel": event.fuel},
    })
}

fn flow(event: &TraceEvent, track: Track, phase: &str, id: usize) -> Value {
    let mut flow = json!({
        "ph": phase,
        "name": event.object,
        "cat": "flow",
        "id": id,
        "pid": track.process,
        "tid": track.thread,
        "ts": micros(event.nanos),
    });
    if phase == "f" {
        flow["bp"] = "e".into();
    }
    flow
}

/// The format counts in microseconds, with a fraction: exact to the nanosecond for the first hundred days.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}
