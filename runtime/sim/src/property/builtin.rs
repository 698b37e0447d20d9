//! What must hold without being written down: no trap, no deadlock, no livelock, no endless restarts.

use super::failure;
use super::seen::{ContainerLook, ContainerPhase};
use super::view::View;
use crate::Record;
use seedpod_core::hash::fnv1a;
use seedpod_core::limits::TEST_STATES_MAX;
use seedpod_core::podtest::{Defaults, Failure, FailureKind, FinalState, PodTest, Verdict};
use seedpod_core::process::Signal;
use seedpod_core::sched::{ObjectKind, Op};
use seedpod_core::spec::{self, RestartPolicy};
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use seedpod_engine::world::Output;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A process that waits in a call.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// Its name in traces: `worker`, `pod/worker`.
    pub task: String,
    /// The call.
    pub op: Arc<Op>,
}

/// What is remembered for this.
pub(super) struct Builtin {
    defaults: Defaults,
    /// How often a fault has killed.
    killed: u32,
    /// Containers that have failed already, with what.
    told: BTreeSet<(FailureKind, String)>,
    progress: Progress,
    exits: BTreeMap<String, FinalState>,
    /// Whether something is still to come from outside.
    is_pending: bool,
}

/// Whether anything new comes of what is done.
#[derive(Default)]
struct Progress {
    /// Hashes of everything that was done, whoever's number did it.
    seen: BTreeSet<u64>,
    since: Instant,
    steps: u64,
    /// What tasks did since then.
    busy: BTreeMap<String, u32>,
    /// Since when.
    alive: BTreeMap<String, Instant>,
    /// Tasks that wait in a call.
    blocked: BTreeSet<String>,
}

/// Calls in which nothing new happens before that counts as no progress however little time has passed: a program that
/// asks without pause would otherwise cost hours of the machine for seconds of its own.
const STEPS_WITHOUT_NEWS_MAX: u64 = 50_000;

/// Calls that must have brought nothing before time without news counts: a look now and then is no circle.
const STEPS_MIN: u64 = 20;

impl Builtin {
    pub(super) fn new(test: &PodTest) -> Self {
        let exits = test
            .properties
            .iter()
            .filter_map(|property| match &property.kind {
                seedpod_core::podtest::PropertyKind::Exit(states) => Some(states.clone()),
                _ => None,
            });
        Self {
            defaults: test.defaults,
            killed: 0,
            is_pending: false,
            told: BTreeSet::new(),
            progress: Progress::default(),
            exits: exits.flatten().collect(),
        }
    }

    pub(super) fn observe(
        &mut self,
        view: &View,
        records: &[Record],
        events: &[TraceEvent],
        failures: &mut Vec<Failure>,
    ) {
        for event in events {
            self.progress.take(event);
            if let Some(fault) = event.kind.strip_prefix("fault.") {
                if matches!(fault, "crash" | "oom" | "tornWrite") {
                    self.killed += 1;
                }
            } else if event.kind == "exit" && self.defaults.trap == Verdict::Fail {
                self.trap(event, failures);
            }
        }
        let has_status = |record: &Record| matches!(record.output, Output::Status(_));
        if records.iter().any(has_status) {
            self.restart_loops(view, failures);
        }
        self.livelock(view, failures);
    }

    /// Says whether something is still to come from outside.
    pub(super) fn set_pending(&mut self, is_pending: bool) {
        self.is_pending = is_pending;
    }

    fn trap(&mut self, event: &TraceEvent, failures: &mut Vec<Failure>) {
        let number = event.detail.strip_prefix("signal ");
        let Some(signal) = number
            .and_then(|number| number.parse().ok())
            .and_then(Signal::new)
        else {
            return;
        };
        if !matches!(signal, Signal::ABRT | Signal::FPE | Signal::SEGV) {
            return;
        }
        let container = container_of(&event.task);
        let code = 128 + i32::from(signal.number());
        if self.exits.get(container) == Some(&FinalState::Exited(code)) {
            return;
        }
        let message = format!("{} trapped: it was ended by {signal}", event.task);
        self.tell(FailureKind::Trap, container, message, failures);
    }

    /// A process computes for this long and nothing has happened.
    pub(super) fn computes(&mut self, task: &str, time: Duration, failures: &mut Vec<Failure>) {
        if self.defaults.livelock.is_some_and(|max| time > max) {
            let message = format!("{task} computes and computes, and nothing comes of it");
            self.tell(FailureKind::Livelock, container_of(task), message, failures);
        }
    }

    fn restart_loops(&mut self, view: &View, failures: &mut Vec<Failure>) {
        let Some(max) = self.defaults.restart_loop else {
            return;
        };
        for (_, _, container, look) in view.containers() {
            let restarts = look.restarts.saturating_sub(self.killed);
            if restarts > max {
                let last = look
                    .exit_code
                    .map(|code| format!(", last with exit code {code}"));
                let last = last.unwrap_or_default();
                let message = format!("{container} was restarted {restarts} times{last}");
                self.tell(FailureKind::RestartLoop, &container, message, failures);
            }
        }
    }

    fn livelock(&mut self, view: &View, failures: &mut Vec<Failure>) {
        let Some(max) = self.defaults.livelock else {
            return;
        };
        let now = view.time();
        let progress = &self.progress;
        let is_dense = progress.steps > STEPS_WITHOUT_NEWS_MAX;
        let is_long = now.saturating_since(progress.since) > max && progress.steps >= STEPS_MIN;
        if !(is_dense || is_long) || progress.busy.is_empty() || self.is_pending {
            return;
        }
        // Who is about to start again may bring news as well.
        let restarts = |look: &ContainerLook| {
            look.state == ContainerPhase::Waiting && look.reason != "PodInitializing"
        };
        if view.containers().iter().any(|(.., look)| restarts(look)) {
            return;
        }
        let progress = &self.progress;
        // Who neither asks again and again nor waits for others waits for the time, and may bring news; but not what only
        // came to be for the asking.
        let may_bring_news = |(task, since): (&String, &Instant)| {
            let steps = progress.busy.get(task).copied().unwrap_or_default();
            *since <= progress.since && steps < 2 && !progress.blocked.contains(task)
        };
        if progress.alive.iter().any(may_bring_news) {
            return;
        }
        // A server wakes now and then, whatever the restart policy of its pod: only who asks without pause, or keeps
        // somebody from ending of whom it is known that he should, makes no progress.
        let mut unfinished = self.unfinished(view);
        if !is_dense {
            unfinished.retain(|name| self.is_known_to_end(view, name));
        }
        if unfinished.is_empty() {
            return;
        }
        let busy = self.progress.busy.keys().map(|task| container_of(task));
        let busy: Vec<&str> = busy.collect::<BTreeSet<&str>>().into_iter().collect();
        let message = format!(
            "nothing new comes of what {} does again and again; not ended: {}",
            busy.join(" and "),
            unfinished.join(", ")
        );
        self.tell(FailureKind::Livelock, "", message, failures);
    }

    pub(super) fn finish(
        &mut self,
        view: &View,
        _exits: &[(String, BTreeMap<String, FinalState>)],
        is_quiescent: bool,
        blocked: &[Blocked],
        failures: &mut Vec<Failure>,
    ) {
        if !is_quiescent || self.defaults.deadlock == Verdict::Ignore {
            return;
        }
        let unfinished = self.unfinished(view);
        let waits_for_peers = |one: &&Blocked| {
            let container = container_of(&one.task);
            !is_idle(&one.op)
                && (unfinished.iter().any(|name| name == container)
                    || one.op.call == "sem.wait"
                    || one.op.call == "mq.send")
        };
        let stuck: Vec<&Blocked> = blocked.iter().filter(waits_for_peers).collect();
        let expects_running =
            |container: &str| self.exits.get(container) == Some(&FinalState::Running);
        let stuck: Vec<String> = stuck
            .into_iter()
            .filter(|one| !expects_running(container_of(&one.task)))
            .map(|one| format!("{} waits in {} {}", one.task, one.op.call, one.op.label))
            .collect();
        if stuck.is_empty() {
            return;
        }
        let message = format!("nothing can go on: {}", stuck.join("; "));
        self.tell(FailureKind::Deadlock, "", message, failures);
    }

    /// Containers that run and ought to end.
    fn unfinished(&self, view: &View) -> Vec<String> {
        let containers = view.containers().into_iter();
        let unfinished = containers.filter(|(_, pod, container, look)| {
            let ought = match self.exits.get(container) {
                Some(FinalState::Exited(_)) => true,
                Some(FinalState::Running | FinalState::Waiting) => false,
                None => ought_to_end(pod, container),
            };
            ought && look.state == ContainerPhase::Running
        });
        unfinished.map(|(_, _, container, _)| container).collect()
    }

    /// Whether the test says that a container ends, or its pod does not start the others before.
    fn is_known_to_end(&self, view: &View, container: &str) -> bool {
        let is_init = |pod: &spec::Pod| pod.init_containers.iter().any(|one| one.name == container);
        matches!(self.exits.get(container), Some(FinalState::Exited(_)))
            || view.containers().iter().any(|(_, pod, ..)| is_init(pod))
    }

    fn tell(
        &mut self,
        kind: FailureKind,
        container: &str,
        message: String,
        failures: &mut Vec<Failure>,
    ) {
        if self.told.insert((kind, container.to_owned())) {
            let name = match container {
                "" => kind.word().to_owned(),
                container => format!("{} {container}", kind.word()),
            };
            failures.push(failure(name, kind, message));
        }
    }
}

/// Whether a container is one that ends: it is not restarted, or it comes before those that are.
fn ought_to_end(pod: &spec::Pod, container: &str) -> bool {
    if let Some(init) = pod.init_containers.iter().find(|one| one.name == container) {
        return init.restart_policy != Some(RestartPolicy::Always);
    }
    let own = pod.containers.iter().find(|one| one.name == container);
    let policy = own.and_then(|one| one.restart_policy);
    policy.unwrap_or(pod.restart_policy) != RestartPolicy::Always
}

/// Whether a call waits for somebody from outside as well, as a server does: a client, a datagram, a signal.
fn is_idle(op: &Op) -> bool {
    let is_outside = |kind: ObjectKind| {
        matches!(
            kind,
            ObjectKind::Port | ObjectKind::Mailbox | ObjectKind::Process
        )
    };
    let mut touches = op.touches.iter();
    touches.any(|touch| is_outside(touch.object.kind))
}

/// The container of a task: `worker` of `pod/worker@1:7`.
fn container_of(task: &str) -> &str {
    let name = task.rsplit_once('/').map_or(task, |(_, name)| name);
    let end = name.find(['@', ':']).unwrap_or(name.len());
    &name[..end]
}

impl Progress {
    fn take(&mut self, event: &TraceEvent) {
        match event.kind.as_str() {
            "start" => {
                self.alive.insert(event.task.clone(), event.at());
            }
            "exit" => {
                self.alive.remove(&event.task);
                self.blocked.remove(&event.task);
            }
            _ if event.result == "blocked" => {
                self.blocked.insert(event.task.clone());
            }
            _ => {
                self.blocked.remove(&event.task);
            }
        }
        // A message is another each time, whatever its length.
        let is_message = event.kind.starts_with("mq.") && event.result == "ok";
        let is_outside = event.kind.starts_with("drive.") || event.kind.starts_with("fault.");
        let is_known = self.seen.len() >= TEST_STATES_MAX || !self.seen.insert(state(event));
        let is_news = is_message || is_outside || !is_known;
        if is_news {
            self.since = event.at();
            self.steps = 0;
            self.busy.clear();
        } else {
            self.steps += 1;
        }
        if is_news || event.task.is_empty() || event.kind == "exit" {
            return;
        }
        match self.busy.get_mut(&event.task) {
            Some(steps) => *steps += 1,
            None => {
                self.busy.insert(event.task.clone(), 1);
            }
        }
    }
}

/// A hash of what was done, by whichever process of a container. Processes and pipes have another number each time.
fn state(event: &TraceEvent) -> u64 {
    let detail = match event.kind.as_str() {
        "spawn" | "start" => "",
        _ => &event.detail,
    };
    let object = match event.object.starts_with("pipe:") {
        true => "pipe",
        false => &event.object,
    };
    let parts = [
        container_of(&event.task),
        &event.kind,
        object,
        detail,
        &event.result,
    ];
    fnv1a(parts.iter().flat_map(|part| part.bytes().chain([0])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_belong_to_containers() {
        for task in [
            "worker",
            "worker@1",
            "worker:7",
            "pod/worker@1:7",
            "pod/worker",
        ] {
            assert_eq!(container_of(task), "worker", "{task}");
        }
    }

    #[test]
    fn what_was_done_before_is_no_news() {
        let check = |calls: &[(&str, &str, &str)], steps: u64, busy: &[&str]| {
            let mut progress = Progress::default();
            for (task, call, result) in calls {
                progress.take(&TraceEvent {
                    task: (*task).to_owned(),
                    kind: (*call).to_owned(),
                    result: (*result).to_owned(),
                    ..TraceEvent::default()
                });
            }
            assert_eq!(progress.steps, steps, "{calls:?}");
            let found: Vec<&str> = progress.busy.keys().map(String::as_str).collect();
            assert_eq!(found, busy, "{calls:?}");
        };
        let poll = ("a", "fs.stat", "ENOENT");
        check(&[poll], 0, &[]);
        check(&[poll, poll, poll], 2, &["a"]);
        check(&[poll, poll, ("b", "fs.stat", "ENOENT")], 0, &[]);
        check(
            &[("a:2", "fs.stat", "x"), ("a:3", "fs.stat", "x")],
            1,
            &["a:3"],
        );
        let message = ("a", "mq.receive", "ok");
        check(&[message, message, message], 0, &[]);
        check(&[poll, poll, ("", "drive.publish", "")], 0, &[]);
        check(&[("a", "spawn", "ok"), ("a", "spawn", "ok")], 1, &["a"]);
    }
}
