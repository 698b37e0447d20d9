//! The columns of `kubectl get pods`, which the server computes (Kubernetes `printersinternal.printPod`).

use super::duration::human_duration;
use super::status::{
    ConditionType, ContainerState, ContainerStatus, Status, Terminated, TerminatedReason,
    WaitingReason,
};
use crate::spec;
use crate::time::WallTime;
use std::time::Duration;

/// One line of `kubectl get pods`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `NAME`
    pub name: String,
    /// `READY`, such as `1/2`.
    pub ready: String,
    /// `STATUS`: the phase, or what is more telling.
    pub status: String,
    /// `RESTARTS`, such as `3 (25s ago)`.
    pub restarts: String,
    /// `AGE`, since the pod was accepted.
    pub age: String,
    /// `IP`, with `-o wide` as the rest.
    pub ip: String,
    /// `NODE`
    pub node: String,
    /// `NOMINATED NODE`: nobody has to make room.
    pub nominated_node: String,
    /// `READINESS GATES`, such as `1/2`.
    pub readiness_gates: String,
}

/// What a column says that has nothing to say.
const NONE: &str = "<none>";

#[derive(Clone, Copy, Debug, Default)]
struct Restarts {
    count: u32,
    last: Option<WallTime>,
}

impl Restarts {
    fn add(&mut self, status: &ContainerStatus) {
        self.count += status.restart_count;
        let known = |ended: &&Terminated| !ended.container_id.is_empty();
        let ended = status.last_state.as_ref().filter(known);
        self.last = self.last.max(ended.map(|ended| ended.finished_at));
    }
}

/// What init containers and sidecars say, up to the first that is not done.
#[derive(Debug, Default)]
struct Init {
    /// What that one says.
    reason: Option<String>,
    ready: usize,
    restarts: Restarts,
    sidecar_restarts: Restarts,
}

/// The line of one pod on a node at `now`.
pub fn row(spec: &spec::Pod, status: &Status, node: &str, now: WallTime) -> Row {
    let init = Init::read(spec, status);
    let initialized = status
        .condition(ConditionType::Initialized)
        .is_some_and(|one| one.status);
    let (mut ready, mut restarts) = (init.ready, init.restarts);
    let is_initializing = init.reason.is_some() && !initialized;
    let whole = || match status.reason {
        Some(reason) => reason.to_string(),
        None => status.phase.to_string(),
    };
    let mut reason = init.reason.unwrap_or_else(whole);
    if !is_initializing {
        restarts = init.sidecar_restarts;
        status.containers.iter().for_each(|one| restarts.add(one));
        ready += status.containers.iter().filter(|one| runs(one)).count();
        reason = regular_reason(status).unwrap_or(reason);
    }
    if status.deletion.is_some() && !status.phase.is_terminal() {
        reason = "Terminating".to_owned();
    }
    let sidecars = spec.init_containers.iter().filter(|own| own.is_sidecar());
    Row {
        name: spec.meta.name.clone(),
        ready: format!("{ready}/{}", sidecars.count() + spec.containers.len()),
        status: reason,
        restarts: match restarts.last.filter(|_| restarts.count > 0) {
            Some(last) => format!("{} ({} ago)", restarts.count, since(last, now)),
            None => restarts.count.to_string(),
        },
        age: since(status.start_time, now),
        ip: (status.pod_ip).map_or_else(|| NONE.to_owned(), |ip| ip.to_string()),
        node: node.to_owned(),
        nominated_node: NONE.to_owned(),
        readiness_gates: readiness_gates(spec, status),
    }
}

fn readiness_gates(spec: &spec::Pod, status: &Status) -> String {
    let gates = &spec.readiness_gates;
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let is_true = |gate: &&String| {
        let foreign = status.foreign_conditions.iter();
        let foreign = foreign.map(|one| (one.type_.clone(), one.status == "True"));
        let own = status.conditions.iter();
        let own = own.map(|one| (one.type_.to_string(), one.status));
        let mut conditions = foreign.chain(own);
        conditions
            .find(|(type_, _)| type_ == *gate)
            .is_some_and(|(_, status)| status)
    };
    let count = gates.iter().filter(is_true).count();
    format!("{count}/{}", gates.len())
}

impl Init {
    fn read(spec: &spec::Pod, status: &Status) -> Self {
        let mut init = Self::default();
        let total = spec.init_containers.len();
        let containers = spec.init_containers.iter().zip(&status.init_containers);
        for (index, (own, container)) in containers.enumerate() {
            init.restarts.add(container);
            if own.is_sidecar() {
                init.sidecar_restarts.add(container);
            }
            init.reason = Some(match &container.state {
                ContainerState::Terminated(ended) if ended.exit_code == 0 => continue,
                _ if own.is_sidecar() && container.started => {
                    init.ready += usize::from(container.ready);
                    continue;
                }
                ContainerState::Terminated(ended) => format!("Init:{}", ended.reason),
                ContainerState::Waiting(waiting)
                    if waiting.reason != WaitingReason::PodInitializing =>
                {
                    format!("Init:{}", waiting.reason)
                }
                ContainerState::Waiting(_) | ContainerState::Running { .. } => {
                    format!("Init:{index}/{total}")
                }
            });
            break;
        }
        init
    }
}

fn runs(container: &ContainerStatus) -> bool {
    container.ready && matches!(container.state, ContainerState::Running { .. })
}

/// What the first regular container that does not run says.
fn regular_reason(status: &Status) -> Option<String> {
    let mut completed = false;
    let (mut reason, mut failed) = (None, None);
    for container in status.containers.iter().rev() {
        let (word, is_completed) = match &container.state {
            ContainerState::Waiting(waiting) => (waiting.reason.to_string(), false),
            ContainerState::Terminated(ended) => (
                ended.reason.to_string(),
                ended.reason == TerminatedReason::Completed,
            ),
            ContainerState::Running { .. } => continue,
        };
        if matches!(container.state, ContainerState::Terminated(_)) && !is_completed {
            failed = Some(word.clone());
        }
        (reason, completed) = (Some(word), is_completed);
    }
    if completed && status.containers.iter().any(runs) {
        let is_ready = status
            .condition(ConditionType::Ready)
            .is_some_and(|one| one.status);
        let word = if is_ready { "Running" } else { "NotReady" };
        return failed.or_else(|| Some(word.to_owned()));
    }
    reason
}

fn since(then: WallTime, now: WallTime) -> String {
    let nanos = now.as_unix_nanos().saturating_sub(then.as_unix_nanos());
    human_duration(Duration::from_nanos(nanos))
}
