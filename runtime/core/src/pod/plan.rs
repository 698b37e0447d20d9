//! One look at a pod: what is to be done about its containers (kubelet `computePodActions`).

use super::container::{Container, WhyStop};
use super::event::ContainerId;
use super::restart::{Restart, Role};
use crate::spec;
use crate::time::Instant;

/// One thing to do about one container; the next one comes when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Stop it while the pod goes on.
    Stop {
        id: ContainerId,
        why: WhyStop,
        restart: Restart,
    },
    /// Take it away so that all start anew.
    Remove(ContainerId),
    /// All have been taken away.
    Removed,
    /// Try to start it.
    Start(ContainerId),
}

/// What one look at the pod says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Do this.
    Take(Vec<Step>),
    /// All run or wait, one of them only until then.
    Wait(Option<Instant>),
    /// Nothing regular runs or will run again: the pod is over.
    Complete,
}

/// Looks at the pod (kubelet `computePodActions`, `computeInitContainerActions`).
pub(super) fn plan(spec: &spec::Pod, containers: &[Container], now: Instant) -> Plan {
    let [init, regular, ephemeral] = Role::split(spec, containers);
    if let Some(steps) = restart_all(spec, containers) {
        return Plan::Take(steps);
    }
    let (mut stops, mut wanted) = (Vec::new(), Vec::new());
    let ran = regular.iter().any(Container::has_run);
    let mut reached = ran;
    let mut initialized = ran || init.is_empty();
    for (index, (container, own)) in init.iter().zip(&spec.init_containers).enumerate().rev() {
        let is_sidecar = container.role == Role::Sidecar;
        if !container.has_run() {
            if reached && is_sidecar {
                wanted.push(index);
            }
            continue;
        }
        let is_done = match container.role {
            Role::Sidecar => container.started(),
            Role::Init | Role::Regular | Role::Ephemeral => container.ready(),
        };
        if is_done && index + 1 == init.len() {
            initialized = true;
        } else if is_done && !reached {
            wanted.push(index + 1);
        }
        if !is_done && !container.is_running() {
            if container.restart(spec, own) == Restart::Never {
                return Plan::Complete;
            }
            wanted.push(index);
        }
        let why = container.why_stop(own);
        stops.extend(why.map(|why| (index, why, Restart::Allowed)));
        reached = true;
    }
    if !reached && !init.is_empty() {
        wanted.push(0);
    }
    if initialized {
        let mut goes_on = false;
        for ((index, container), own) in (init.len()..).zip(regular).zip(&spec.containers) {
            let restart = match container.is_running() {
                false => container.restart(spec, own),
                true if container.is_replaced_by(own) => Restart::Allowed,
                true => Restart::after_probe(spec.restart_policy, own.restart_policy),
            };
            if !container.is_running() && restart == Restart::Allowed {
                wanted.push(index);
            }
            let why = container.why_stop(own);
            stops.extend(why.map(|why| (index, why, restart)));
            let stays = container.is_running() && why.is_none();
            goes_on |= stays || restart == Restart::Allowed;
        }
        if !goes_on {
            return Plan::Complete;
        }
    }
    let declared = init.len() + regular.len();
    let untried = (declared..)
        .zip(ephemeral)
        .filter(|(_, one)| !one.has_run());
    wanted.extend(untried.map(|(index, _)| index));
    schedule(containers, &stops, &wanted, declared, now)
}

/// Takes all containers away, the last first and those whose exit asks for it at the end (kubelet
/// `getContainersToReset`).
fn restart_all(spec: &spec::Pod, containers: &[Container]) -> Option<Vec<Step>> {
    let declared = (0..).map(ContainerId).zip(containers).zip(Role::all(spec));
    let declared: Vec<_> = declared
        .filter(|(_, (role, _))| *role != Role::Ephemeral)
        .map(|((id, container), (_, own))| (id, container.restarts_all(own)))
        .collect();
    let (sources, targets): (Vec<_>, Vec<_>) = declared
        .into_iter()
        .rev()
        .partition(|(_, is_source)| *is_source);
    if sources.is_empty() {
        return None;
    }
    let all = targets.into_iter().chain(sources);
    let steps = all.map(|(id, _)| Step::Remove(id));
    Some(steps.chain([Step::Removed]).collect())
}

/// First the stops, then the starts: ephemeral containers, those from `declared` on, before the others.
fn schedule(
    containers: &[Container],
    stops: &[(usize, WhyStop, Restart)],
    wanted: &[usize],
    declared: usize,
    now: Instant,
) -> Plan {
    let due = |index: &usize| containers[*index].due();
    let stopped = |index: usize| stops.iter().find(|(stop, ..)| *stop == index);
    let is_start = |(index, _): &(usize, ContainerId)| match stopped(*index) {
        Some((.., restart)) => *restart == Restart::Allowed,
        None => wanted.contains(index) && due(index).is_some_and(|due| due <= now),
    };
    let ids: Vec<_> = (0..containers.len()).zip((0..).map(ContainerId)).collect();
    let stop = |&(index, id): &(usize, ContainerId)| {
        let &(_, why, restart) = stopped(index)?;
        Some(Step::Stop { id, why, restart })
    };
    let (declared, ephemeral) = ids.split_at(declared);
    let ordered = ephemeral.iter().chain(declared).copied();
    let starts = ordered.filter(is_start).map(|(_, id)| Step::Start(id));
    let steps: Vec<_> = ids.iter().filter_map(stop).chain(starts).collect();
    match steps.is_empty() {
        true => Plan::Wait(wanted.iter().filter_map(due).min()),
        false => Plan::Take(steps),
    }
}
