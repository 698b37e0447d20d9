//! Turns the state of a pod into the [`Status`] that people see.

use super::conditions::Facts;
use super::container::{Container, View};
use super::event::Action;
use super::failure::PodFailure;
use super::phase::{Circumstances, phase};
use super::restart::{Restart, Role};
use super::status::{
    ContainerState, ContainerStatus, Deletion, Phase, Status, Terminated, TerminatedReason,
    WaitingReason,
};
use super::{Life, Pod, conditions};
use crate::spec;
use crate::time::{Instant, WallTime};
use std::time::Duration;

impl Pod {
    /// Brings the status up to date and says so if it differs.
    pub(super) fn publish(&mut self, now: Instant) {
        let mut status = self.status.clone();
        self.fill(&mut status, now);
        if status != self.status {
            self.status = status;
            self.outbox.act(Action::StatusChanged);
        }
    }

    fn fill(&self, status: &mut Status, now: Instant) {
        status.observed_generation = self.generation;
        if let Life::Rejected = self.life {
            return;
        }
        let finished = matches!(self.life, Life::Finished);
        let mut all = self.container_statuses();
        if !status.phase.is_terminal() {
            let circumstances = Circumstances {
                torn_down: finished,
                initialized: self.is_initialized(),
            };
            let decided = phase(&self.spec, &all, circumstances);
            if finished {
                end(status, self.failure.as_ref(), decided);
            } else if !decided.is_terminal() {
                status.phase = decided;
            }
        }
        if finished {
            mark_lost(&self.spec, &mut all);
        }
        let before = std::mem::take(&mut status.conditions);
        status
            .foreign_conditions
            .clone_from(&self.foreign_conditions);
        let facts = Facts {
            statuses: &all,
            phase: status.phase,
            sandbox_ready: self.sandbox.is_ready(),
            is_restarting_all: self.restarts_all(),
            foreign: &self.foreign_conditions,
        };
        let now = self.epoch.at(now);
        status.conditions = conditions::conditions(&self.spec, facts, &before, now);
        status.pod_ip = self.sandbox.pod_ip;
        status.deletion = self.deletion.map(|(requested_at, grace)| {
            let span = Duration::from_secs(grace.seconds.into());
            let timestamp = self.epoch.at(requested_at + span);
            Deletion { timestamp, grace }
        });
        let declared = self.spec.init_containers.len() + self.spec.containers.len();
        status.ephemeral_containers = all.split_off(declared);
        status.containers = all.split_off(self.spec.init_containers.len());
        for list in [&mut status.containers, &mut status.ephemeral_containers] {
            list.sort_by(|a, b| a.name.cmp(&b.name));
        }
        status.init_containers = all;
    }

    /// In the order of the spec.
    fn container_statuses(&self) -> Vec<ContainerStatus> {
        let untried = if self.spec.init_containers.is_empty() {
            WaitingReason::ContainerCreating
        } else {
            WaitingReason::PodInitializing
        };
        let pairs = self.containers.iter().zip(self.spec.all_containers());
        let status = |(container, own): (&Container, &spec::Container)| {
            let restart = match self.life {
                Life::Active => container.restart(&self.spec, own),
                Life::Terminating | Life::Finished | Life::Rejected => Restart::Never,
            };
            container.status(own, self.epoch, View { restart, untried })
        };
        pairs.map(status).collect()
    }

    /// Whether an exit asks for a new start of all that is not done.
    fn restarts_all(&self) -> bool {
        let mut pairs = self.containers.iter().zip(self.spec.all_containers());
        pairs.any(|(container, own)| container.restarts_all(own))
    }

    fn is_initialized(&self) -> bool {
        let [_, regular, _] = Role::split(&self.spec, &self.containers);
        regular.iter().any(Container::has_run)
    }
}

/// The last phase. A pod that ends before it could decide has failed (kubelet `TerminatePod`).
fn end(status: &mut Status, failure: Option<&PodFailure>, decided: Phase) {
    status.phase = match (failure, decided) {
        (None, Phase::Succeeded) => Phase::Succeeded,
        _ => Phase::Failed,
    };
    if let Some(PodFailure { reason, message }) = failure {
        status.reason = Some(*reason);
        status.message = Some(message.clone());
    }
}

/// What has not ended by now never will be known: it counts as killed. Containers whose turn never came stay as they
/// are (kubelet `TerminatePod`, `hasPodInitialized`, `initializedContainers`).
fn mark_lost(spec: &spec::Pod, statuses: &mut [ContainerStatus]) {
    let (init, others) = statuses.split_at_mut(spec.init_containers.len());
    let (regular, _) = others.split_at_mut(spec.containers.len());
    let touched = |status: &ContainerStatus| {
        !matches!(status.state, ContainerState::Waiting(_)) || status.last_state.is_some()
    };
    let last_is_done = Role::all(spec)
        .zip(init.iter())
        .last()
        .is_none_or(|((role, _), last)| match role {
            Role::Init | Role::Regular | Role::Ephemeral => last.ready,
            Role::Sidecar => last.started,
        });
    let reached = init.iter().rposition(touched).unwrap_or_default() + 1;
    let lost = |status: &mut ContainerStatus| {
        if matches!(status.state, ContainerState::Terminated(_)) {
            return;
        }
        status.state = ContainerState::Terminated(Terminated {
            exit_code: 137,
            reason: TerminatedReason::ContainerStatusUnknown,
            message: Some(
                "The container could not be located when the pod was terminated".to_owned(),
            ),
            started_at: WallTime::default(),
            finished_at: WallTime::default(),
            container_id: String::new(),
        });
    };
    if last_is_done || regular.iter().any(touched) {
        regular.iter_mut().for_each(lost);
    }
    init.iter_mut().take(reached).for_each(lost);
}
