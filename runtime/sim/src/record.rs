//! What is kept of a run: its trace, the hash of that, and its steps.

use crate::report::TraceHash;
use crate::world::Record;
use seedpod_core::sched::{self, Op, TaskNames};
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use seedpod_engine::world::Output;

/// Keeps what happens, as much of it as is asked for.
#[derive(Default)]
pub(crate) struct Recorder {
    keep: Keep,
    number: u64,
    hash: TraceHash,
    events: Vec<TraceEvent>,
    /// Whether somebody looks at events as they come.
    is_watched: bool,
    new: Vec<TraceEvent>,
}

/// How much of a run is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: a simulation that nobody asks afterwards may take years of virtual time.
    #[default]
    Nothing,
    /// The hash of the trace, and the schedule.
    Schedule,
    /// The trace too.
    Trace,
}

/// What was kept of a run.
pub struct Recorded {
    /// Hash of the trace.
    pub hash: u128,
    /// The trace, where it was kept.
    pub events: Vec<TraceEvent>,
    /// What was decided and done.
    pub schedule: sched::Record,
    /// Names of tasks, by their number.
    pub names: TaskNames,
}

impl Recorder {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            keep,
            ..Self::default()
        }
    }

    /// How many events there were.
    pub(crate) fn events(&self) -> u64 {
        self.number
    }

    pub(crate) fn is_on(&self) -> bool {
        self.keep != Keep::Nothing
    }

    pub(crate) fn call(
        &mut self,
        now: Instant,
        task: &str,
        fuel: u64,
        op: &Op,
        result: &str,
        detail: &str,
    ) {
        if self.is_on() {
            self.add(TraceEvent {
                number: 0,
                nanos: now.as_nanos(),
                task: task.to_owned(),
                fuel,
                kind: op.call.to_owned(),
                object: op.label.clone(),
                detail: detail.to_owned(),
                result: result.to_owned(),
            });
        }
    }

    pub(crate) fn lifecycle(
        &mut self,
        now: Instant,
        task: &str,
        fuel: u64,
        kind: &str,
        detail: &str,
    ) {
        if self.is_on() {
            self.add(TraceEvent {
                nanos: now.as_nanos(),
                task: task.to_owned(),
                fuel,
                kind: kind.to_owned(),
                detail: detail.to_owned(),
                ..TraceEvent::default()
            });
        }
    }

    /// What a pod says. The text of an event may name an error of another version in other words: its reason is enough.
    pub(crate) fn output(&mut self, record: &Record, several_pods: bool) {
        if !self.is_on() {
            return;
        }
        let of = |container: &str| match several_pods {
            true => format!("{}/{container}", record.pod.name),
            false => container.to_owned(),
        };
        let (task, kind, detail) = match &record.output {
            Output::Log(line) => {
                let text = String::from_utf8_lossy(&line.bytes).into_owned();
                (of(&line.container), "log", text)
            }
            Output::Event(event) => (record.pod.name.clone(), "event", event.reason.to_string()),
            Output::Status(status) => (
                record.pod.name.clone(),
                "status",
                format!("{:?}", status.phase),
            ),
        };
        self.add(TraceEvent {
            nanos: record.at.as_nanos(),
            task,
            kind: kind.to_owned(),
            detail,
            ..TraceEvent::default()
        });
    }

    /// Ends it: the hash, and the events.
    pub(crate) fn take(&mut self) -> (u128, Vec<TraceEvent>) {
        self.keep = Keep::Nothing;
        (self.hash.value(), std::mem::take(&mut self.events))
    }

    fn add(&mut self, mut event: TraceEvent) {
        event.number = self.number;
        self.number += 1;
        self.hash.update(&event);
        match (self.keep, self.is_watched) {
            (Keep::Trace, true) => {
                self.events.push(event.clone());
                self.new.push(event);
            }
            (Keep::Trace, false) => self.events.push(event),
            (_, true) => self.new.push(event),
            (_, false) => {}
        }
    }

    /// What happens from outside.
    pub(crate) fn note(&mut self, now: Instant, kind: &str, object: &str, detail: &str) {
        if self.is_on() {
            self.add(TraceEvent {
                nanos: now.as_nanos(),
                kind: kind.to_owned(),
                object: object.to_owned(),
                detail: detail.to_owned(),
                ..TraceEvent::default()
            });
        }
    }

    /// From now on somebody takes events as they come.
    pub(crate) fn watch(&mut self) {
        self.is_watched = true;
    }

    /// Events since the last time.
    pub(crate) fn take_new(&mut self) -> Vec<TraceEvent> {
        std::mem::take(&mut self.new)
    }
}
