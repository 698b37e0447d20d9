//! Phase and conditions once more, straight from the words of Kubernetes (pod-semantics, sections 2 and 3): what random
//! tests compare with. Nothing here calls what it checks.

use crate::pod::{ContainerState, ContainerStatus, Phase, Status, Terminated, TerminatedReason};
use crate::spec::{self, RestartPolicy};

/// What decides besides statuses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// Everything has been taken down.
    pub(super) is_terminal: bool,
    /// A regular container has started since the pod started, or started anew.
    pub(super) has_initialized: bool,
    pub(super) sandbox_ready: bool,
    pub(super) is_restarting_all: bool,
    /// What somebody set for the one readiness gate that tests use.
    pub(super) gate: Option<&'a str>,
}

fn status_of<'a>(status: &'a Status, own: &spec::Container) -> &'a ContainerStatus {
    let mut all = status.all_containers();
    all.find(|one| one.name == own.name)
        .expect("every container has a status")
}

/// A container that is dead now, and how it ended.
fn dead(one: &ContainerStatus) -> Option<&Terminated> {
    match &one.state {
        ContainerState::Running { .. } => None,
        ContainerState::Terminated(end) => Some(end),
        ContainerState::Waiting(_) => one.last_state.as_ref(),
    }
}

fn is_running(one: &ContainerStatus) -> bool {
    matches!(one.state, ContainerState::Running { .. })
}

/// Whether a container that ended with `code` starts again, as its rules and policies say.
pub(super) fn restarts(pod: &spec::Pod, own: &spec::Container, is_init: bool, code: i32) -> bool {
    let has_rule = own.restart_policy.is_some()
        && own
            .restart_policy_rules
            .iter()
            .any(|rule| rule.matches(code));
    let policy = own.restart_policy.unwrap_or(pod.restart_policy);
    has_rule
        || match policy {
            RestartPolicy::Always => !is_init || own.is_sidecar() || code != 0,
            RestartPolicy::OnFailure => code != 0,
            RestartPolicy::Never => false,
        }
}

fn restarts_after(pod: &spec::Pod, own: &spec::Container, is_init: bool, end: &Terminated) -> bool {
    end.reason == TerminatedReason::RestartingAllContainers
        || restarts(pod, own, is_init, end.exit_code)
}

/// Section 2.
pub(super) fn phase(pod: &spec::Pod, status: &Status, facts: Facts<'_>) -> Phase {
    let (mut pending, mut pending_sidecars, mut running, mut waiting) = (0, 0, 0, 0);
    for own in &pod.init_containers {
        let one = status_of(status, own);
        match (own.is_sidecar(), dead(one)) {
            (false, None) => pending += 1,
            (false, Some(end)) => {
                if end.exit_code != 0 && !restarts_after(pod, own, true, end) {
                    return Phase::Failed;
                }
            }
            (true, None) if is_running(one) => {
                running += 1;
                pending_sidecars += i32::from(!one.started);
            }
            (true, None) => (pending_sidecars, waiting) = (pending_sidecars + 1, waiting + 1),
            (true, Some(_)) => {}
        }
    }
    let (mut stopped, mut succeeded, mut restartable) = (0, 0, 0);
    for own in &pod.containers {
        let one = status_of(status, own);
        match dead(one) {
            None if is_running(one) => running += 1,
            None => waiting += 1,
            Some(end) => {
                stopped += 1;
                let is_final = matches!(one.state, ContainerState::Terminated(_));
                succeeded += i32::from(is_final && end.exit_code == 0);
                restartable += i32::from(restarts_after(pod, own, false, end));
            }
        }
    }
    if pending > 0 || (pending_sidecars > 0 && !facts.has_initialized) || waiting > 0 {
        return Phase::Pending;
    }
    if running > 0 {
        return Phase::Running;
    }
    if stopped == 0 {
        return Phase::Pending;
    }
    match (facts.is_terminal, stopped == succeeded) {
        (false, _) if restartable > 0 => Phase::Running,
        (_, true) => Phase::Succeeded,
        (_, false) => Phase::Failed,
    }
}

/// Section 3, one line for each condition: `type status reason: message`.
pub(super) fn conditions(pod: &spec::Pod, status: &Status, facts: Facts<'_>) -> String {
    let is_over = match status.phase {
        Phase::Succeeded => Some("PodCompleted"),
        Phase::Failed => Some("PodFailed"),
        Phase::Pending | Phase::Running => None,
    };
    let line = |type_: &str, holds: bool, why: &str| {
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" {why}")
        };
        format!("{type_} {holds}{why}\n")
    };
    let unready = names(pod, |own, is_init| {
        (!is_init || own.is_sidecar()) && !status_of(status, own).ready
    });
    let ready = match (is_over, &unready) {
        (Some(reason), _) => (false, reason.to_owned()),
        (None, Some(names)) => {
            let why = format!("ContainersNotReady: containers with unready status: {names}");
            (false, why)
        }
        (None, None) => (true, String::new()),
    };
    let gated = match facts.gate {
        _ if !ready.0 || pod.readiness_gates.is_empty() => ready.clone(),
        Some("True") => ready.clone(),
        Some(other) => (false, format!("ReadinessGatesNotReady: the status of pod readiness gate \"gate\" is not \"True\", but {other}")),
        None => (false, "ReadinessGatesNotReady: corresponding condition of pod readiness gate \"gate\" does not exist.".to_owned()),
    };
    let mut text = line("PodReadyToStartContainers", facts.sandbox_ready, "");
    text += &initialized(pod, status, line);
    text += &line("Ready", gated.0, &gated.1);
    text += &line("ContainersReady", ready.0, &ready.1);
    text += &line("PodScheduled", true, "");
    let mut rules = pod
        .all_containers()
        .flat_map(|own| &own.restart_policy_rules);
    if rules.any(|rule| rule.action == spec::RestartAction::RestartAllContainers) {
        text += &match (is_over, facts.is_restarting_all) {
            (Some(reason), _) => line("AllContainersRestarting", false, reason),
            (None, false) => line("AllContainersRestarting", false, ""),
            (None, true) => line(
                "AllContainersRestarting",
                true,
                "RestartAllContainersStarted: container exited with restart policy rule",
            ),
        };
    }
    text
}

fn initialized(
    pod: &spec::Pod,
    status: &Status,
    line: impl Fn(&str, bool, &str) -> String,
) -> String {
    let has_started = |own: &spec::Container| {
        let one = status_of(status, own);
        is_running(one) || dead(one).is_some()
    };
    let incomplete = names(pod, |own, is_init| {
        let one = status_of(status, own);
        is_init
            && if own.is_sidecar() {
                !one.started
            } else {
                !one.ready
            }
    });
    match incomplete {
        _ if status.phase == Phase::Succeeded => line("Initialized", true, "PodCompleted"),
        Some(names) if !pod.containers.iter().any(has_started) => {
            let why = "ContainersNotInitialized: containers with incomplete status";
            line("Initialized", false, &format!("{why}: {names}"))
        }
        _ => line("Initialized", true, ""),
    }
}

/// As Go prints the names of those for which `is_meant` holds.
fn names(pod: &spec::Pod, is_meant: impl Fn(&spec::Container, bool) -> bool) -> Option<String> {
    let init = pod.init_containers.iter().map(|own| (own, true));
    let all = init.chain(pod.containers.iter().map(|own| (own, false)));
    let names: Vec<_> = all
        .filter(|(own, is_init)| is_meant(own, *is_init))
        .map(|(own, _)| own.name.as_str())
        .collect();
    (!names.is_empty()).then(|| format!("[{}]", names.join(" ")))
}

/// The conditions that a pod shows, written in the same way.
pub(super) fn shown(status: &Status) -> String {
    let mut text = String::new();
    for one in &status.conditions {
        text += &format!("{} {}", one.type_, one.status);
        if let Some(reason) = one.reason {
            text += &format!(" {reason}");
        }
        if let Some(message) = &one.message {
            text += &format!(": {message}");
        }
        text.push('\n');
    }
    text
}
