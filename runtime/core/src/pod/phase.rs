//! The phase of a pod, decided from the statuses of its containers in the kubelet's order (`getPhase`).

use super::restart::{Restart, Role};
use super::status::{ContainerState, ContainerStatus, Phase, Terminated, TerminatedReason};
use crate::spec;

/// What decides besides the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Circumstances {
    /// Everything has been stopped and nothing starts again, whatever the policy.
    pub(super) torn_down: bool,
    /// A regular container has started before.
    pub(super) initialized: bool,
}

#[derive(Debug, Default)]
struct Count {
    pending_init: usize,
    failed_init: usize,
    pending_sidecars: usize,
    running: usize,
    waiting: usize,
    stopped: usize,
    succeeded: usize,
    restartable: usize,
}

/// Decides from `statuses`, which are in the order of [`spec::Pod::all_containers`].
pub(super) fn phase(
    spec: &spec::Pod,
    statuses: &[ContainerStatus],
    circumstances: Circumstances,
) -> Phase {
    let mut count = Count::default();
    for ((role, own), status) in Role::all(spec).zip(statuses) {
        let restart = |ended: &Terminated| match ended.reason {
            TerminatedReason::RestartingAllContainers => Restart::Allowed,
            TerminatedReason::Completed
            | TerminatedReason::Error
            | TerminatedReason::OOMKilled
            | TerminatedReason::StartError
            | TerminatedReason::ContainerStatusUnknown
            | TerminatedReason::Unknown => {
                Restart::after_exit(spec.restart_policy, own, role, ended.exit_code)
            }
        };
        match role {
            Role::Init => count.init(status, restart),
            Role::Sidecar => count.sidecar(status),
            Role::Regular => count.regular(status, restart),
            Role::Ephemeral => {}
        }
    }
    count.phase(circumstances)
}

impl Count {
    fn init(&mut self, status: &ContainerStatus, restart: impl Fn(&Terminated) -> Restart) {
        match last_exit(status) {
            None => self.pending_init += 1,
            Some(ended) => {
                let failed = ended.exit_code != 0 && restart(ended) == Restart::Never;
                self.failed_init += usize::from(failed);
            }
        }
    }

    fn sidecar(&mut self, status: &ContainerStatus) {
        match &status.state {
            ContainerState::Running { .. } => {
                self.pending_sidecars += usize::from(!status.started);
                self.running += 1;
            }
            ContainerState::Waiting(_) if status.last_state.is_none() => {
                self.pending_sidecars += 1;
                self.waiting += 1;
            }
            ContainerState::Waiting(_) | ContainerState::Terminated(_) => {}
        }
    }

    fn regular(&mut self, status: &ContainerStatus, restart: impl Fn(&Terminated) -> Restart) {
        match (&status.state, last_exit(status)) {
            (ContainerState::Running { .. }, _) => self.running += 1,
            (_, Some(ended)) => {
                self.stopped += 1;
                self.restartable += usize::from(restart(ended) == Restart::Allowed);
                let is_last = matches!(status.state, ContainerState::Terminated(_));
                self.succeeded += usize::from(is_last && ended.exit_code == 0);
            }
            (_, None) => self.waiting += 1,
        }
    }

    fn phase(&self, circumstances: Circumstances) -> Phase {
        let initializing =
            self.pending_init > 0 || (self.pending_sidecars > 0 && !circumstances.initialized);
        if self.failed_init > 0 {
            Phase::Failed
        } else if initializing || self.waiting > 0 {
            Phase::Pending
        } else if self.running > 0 {
            Phase::Running
        } else if self.stopped == 0 {
            Phase::Pending
        } else if !circumstances.torn_down && self.restartable > 0 {
            Phase::Running
        } else if self.stopped == self.succeeded {
            Phase::Succeeded
        } else {
            Phase::Failed
        }
    }
}

/// How a container that is dead now ended; `None` while it runs or has never run.
fn last_exit(status: &ContainerStatus) -> Option<&Terminated> {
    match (&status.state, &status.last_state) {
        (ContainerState::Running { .. }, _) => None,
        (ContainerState::Terminated(ended), _) => Some(ended),
        (ContainerState::Waiting(_), last) => last.as_ref(),
    }
}
