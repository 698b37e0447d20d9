//! The conditions of a pod, in the order and with the words of the kubelet (`status/generate.go`).

use super::event::ForeignCondition;
use super::restart::Role;
use super::status::{
    Condition, ConditionReason, ConditionType, ContainerState, ContainerStatus, Phase,
};
use crate::limits::FOREIGN_CONDITIONS;
use crate::spec::{self, RestartAction};
use crate::time::WallTime;

/// One condition without its time.
struct Finding {
    status: bool,
    reason: Option<ConditionReason>,
    message: Option<String>,
}

/// What conditions follow from, besides the spec.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// In the order of [`spec::Pod::all_containers`].
    pub(super) statuses: &'a [ContainerStatus],
    pub(super) phase: Phase,
    pub(super) sandbox_ready: bool,
    pub(super) is_restarting_all: bool,
    /// What others have set.
    pub(super) foreign: &'a [ForeignCondition],
}

/// The conditions at `now`; those whose status did not change keep the time they had in `before`.
pub(super) fn conditions(
    spec: &spec::Pod,
    facts: Facts<'_>,
    before: &[Condition],
    now: WallTime,
) -> Vec<Condition> {
    let Facts {
        statuses, phase, ..
    } = facts;
    let ready = || containers_ready(spec, statuses, phase);
    let findings = [
        (
            ConditionType::PodReadyToStartContainers,
            Finding::plain(facts.sandbox_ready),
        ),
        (
            ConditionType::Initialized,
            initialized(spec, statuses, phase),
        ),
        (
            ConditionType::Ready,
            gated(spec, ready(), facts.foreign, before),
        ),
        (ConditionType::ContainersReady, ready()),
        (ConditionType::PodScheduled, Finding::plain(true)),
    ];
    let restarting = may_restart_all(spec).then(|| {
        let type_ = ConditionType::AllContainersRestarting;
        (type_, restarting_all(phase, facts.is_restarting_all))
    });
    let timed = |(type_, finding): (ConditionType, Finding)| {
        let Finding {
            status,
            reason,
            message,
        } = finding;
        let old = before
            .iter()
            .find(|old| old.type_ == type_ && old.status == status);
        let last_transition = old.map_or(now, |old| old.last_transition);
        Condition {
            type_,
            status,
            reason,
            message,
            last_transition,
        }
    };
    findings.into_iter().chain(restarting).map(timed).collect()
}

impl Finding {
    fn plain(status: bool) -> Self {
        Self {
            status,
            reason: None,
            message: None,
        }
    }

    fn because(status: bool, reason: ConditionReason, message: Option<String>) -> Self {
        Self {
            status,
            reason: Some(reason),
            message,
        }
    }
}

fn initialized(spec: &spec::Pod, statuses: &[ContainerStatus], phase: Phase) -> Finding {
    if phase == Phase::Succeeded {
        return Finding::because(true, ConditionReason::PodCompleted, None);
    }
    let pairs = || Role::all(spec).map(|(role, _)| role).zip(statuses);
    let has_started = |(role, status): (Role, &ContainerStatus)| {
        let waits = matches!(status.state, ContainerState::Waiting(_));
        role == Role::Regular && (!waits || status.last_state.is_some())
    };
    if pairs().any(has_started) {
        return Finding::plain(true);
    }
    let incomplete = pairs().filter(|(role, status)| match role {
        Role::Init => !status.ready,
        Role::Sidecar => !status.started,
        Role::Regular | Role::Ephemeral => false,
    });
    match names(incomplete) {
        None => Finding::plain(true),
        Some(names) => Finding::because(
            false,
            ConditionReason::ContainersNotInitialized,
            Some(format!("containers with incomplete status: {names}")),
        ),
    }
}

fn containers_ready(spec: &spec::Pod, statuses: &[ContainerStatus], phase: Phase) -> Finding {
    match phase {
        Phase::Succeeded => return Finding::because(false, ConditionReason::PodCompleted, None),
        Phase::Failed => return Finding::because(false, ConditionReason::PodFailed, None),
        Phase::Pending | Phase::Running => {}
    }
    let pairs = Role::all(spec).map(|(role, _)| role).zip(statuses);
    let counts = |role| matches!(role, Role::Sidecar | Role::Regular);
    let unready = pairs.filter(|(role, status)| counts(*role) && !status.ready);
    match names(unready) {
        None => Finding::plain(true),
        Some(names) => Finding::because(
            false,
            ConditionReason::ContainersNotReady,
            Some(format!("containers with unready status: {names}")),
        ),
    }
}

/// Only a pod with such a rule has the condition.
fn may_restart_all(spec: &spec::Pod) -> bool {
    let declared = spec.init_containers.iter().chain(&spec.containers);
    let mut rules = declared.flat_map(|container| &container.restart_policy_rules);
    rules.any(|rule| rule.action == RestartAction::RestartAllContainers)
}

fn restarting_all(phase: Phase, is_restarting_all: bool) -> Finding {
    match phase {
        Phase::Succeeded => Finding::because(false, ConditionReason::PodCompleted, None),
        Phase::Failed => Finding::because(false, ConditionReason::PodFailed, None),
        Phase::Pending | Phase::Running if !is_restarting_all => Finding::plain(false),
        Phase::Pending | Phase::Running => Finding::because(
            true,
            ConditionReason::RestartAllContainersStarted,
            Some("container exited with restart policy rule".to_owned()),
        ),
    }
}

/// `ready` as it is, unless a readiness gate has something against it. A gate may name any condition, also one of the
/// kubelet's own, which is then looked at as it was before.
fn gated(
    spec: &spec::Pod,
    ready: Finding,
    foreign: &[ForeignCondition],
    before: &[Condition],
) -> Finding {
    if !ready.status {
        return ready;
    }
    let status = |gate: &String| {
        let foreign = foreign.iter().find(|one| one.type_ == *gate);
        let own = before.iter().find(|one| one.type_.to_string() == *gate);
        let own = own.map(|one| if one.status { "True" } else { "False" });
        foreign.map(|one| one.status.as_str()).or(own)
    };
    let objection = |gate: &String| match status(gate) {
        Some("True") => None,
        Some(status) => Some(format!(
            "the status of pod readiness gate {gate:?} is not \"True\", but {status}"
        )),
        None => Some(format!(
            "corresponding condition of pod readiness gate {gate:?} does not exist."
        )),
    };
    let objections: Vec<_> = spec.readiness_gates.iter().filter_map(objection).collect();
    if objections.is_empty() {
        return ready;
    }
    let reason = ConditionReason::ReadinessGatesNotReady;
    Finding::because(false, reason, Some(objections.join(", ")))
}

/// The conditions of others that are kept: those that the kubelet would not overwrite, each type once, as it was set last.
pub(super) fn foreign(conditions: Vec<ForeignCondition>) -> Vec<ForeignCondition> {
    let mut kept: Vec<ForeignCondition> = Vec::new();
    for condition in conditions {
        if OWN.iter().any(|own| own.to_string() == condition.type_) {
            continue;
        }
        match kept.iter().position(|one| one.type_ == condition.type_) {
            Some(index) => kept[index] = condition,
            None if kept.len() < FOREIGN_CONDITIONS => kept.push(condition),
            None => {}
        }
    }
    kept
}

const OWN: [ConditionType; 6] = [
    ConditionType::PodReadyToStartContainers,
    ConditionType::Initialized,
    ConditionType::Ready,
    ConditionType::ContainersReady,
    ConditionType::PodScheduled,
    ConditionType::AllContainersRestarting,
];

/// As Go prints a list: `[a b]`; `None` when it is empty.
fn names<'a>(containers: impl Iterator<Item = (Role, &'a ContainerStatus)>) -> Option<String> {
    let names: Vec<_> = containers.map(|(_, status)| status.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("[{}]", names.join(" ")))
}
