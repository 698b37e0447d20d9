//! The place containers live in: volumes, network and hostname of the pod.

use super::backoff::SYNC_PERIOD;
use super::event::{Action, EventReason, EventType, SandboxError};
use super::outbox::Outbox;
use crate::time::Instant;
use std::net::IpAddr;
use std::time::Duration;

/// Whether there is a sandbox.
#[derive(Debug)]
pub(super) struct Sandbox {
    pub(super) state: State,
    /// Stays when the sandbox is gone.
    pub(super) pod_ip: Option<IpAddr>,
    mount_delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Asked for.
    Creating,
    /// Something was missing.
    Waiting { until: Instant },
    /// Volumes are mounted, the network is up.
    Ready,
    /// Taken away.
    Removed,
}

impl Sandbox {
    pub(super) fn create(outbox: &mut Outbox) -> Self {
        outbox.act(Action::CreateSandbox);
        Self {
            state: State::Creating,
            pod_ip: None,
            mount_delay: MOUNT_DELAY_MIN,
        }
    }

    /// Of a pod that the node did not take.
    pub(super) fn never() -> Self {
        Self {
            state: State::Removed,
            pod_ip: None,
            mount_delay: MOUNT_DELAY_MIN,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    pub(super) fn handle_ready(&mut self, pod_ip: IpAddr) {
        if self.state == State::Creating {
            self.pod_ip = Some(pod_ip);
            self.state = State::Ready;
        }
    }

    pub(super) fn handle_failed(&mut self, error: SandboxError, now: Instant, outbox: &mut Outbox) {
        if self.state != State::Creating {
            return;
        }
        let (reason, message, delay) = match error {
            SandboxError::FailedMount(message) => {
                let delay = self.mount_delay;
                self.mount_delay = (delay * 2).min(MOUNT_DELAY_MAX);
                (EventReason::FailedMount, message, delay)
            }
            SandboxError::FailedCreatePodSandBox(message) => (
                EventReason::FailedCreatePodSandBox,
                format!("Failed to create pod sandbox: {message}"),
                SYNC_PERIOD,
            ),
        };
        outbox.emit(EventType::Warning, reason, message, None);
        self.state = State::Waiting { until: now + delay };
    }

    /// What was missing may be there.
    pub(super) fn handle_objects_changed(&mut self, now: Instant, outbox: &mut Outbox) {
        if let State::Waiting { until } = &mut self.state {
            *until = now;
        }
        self.handle_timeout(now, outbox);
    }

    pub(super) fn handle_removed(&mut self) {
        self.state = State::Removed;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Creating | State::Ready | State::Removed => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, outbox: &mut Outbox) {
        if self.poll_timeout().is_some_and(|until| until <= now) {
            self.state = State::Creating;
            outbox.act(Action::CreateSandbox);
        }
    }
}

/// Retries of volumes (kubelet `exponentialbackoff`): 500 ms, doubled up to 2 min 2 s.
const MOUNT_DELAY_MIN: Duration = Duration::from_millis(500);
const MOUNT_DELAY_MAX: Duration = Duration::from_secs(122);
