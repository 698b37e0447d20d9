//! A pod that was there before the machine that it runs on started again: what is known of it, and what that means.

use super::Pod;
use super::event::{EventReason, EventType};
use super::restart::{Restart, Role};
use super::status::Terminated;
use crate::time::Instant;
use std::time::Duration;

/// What is known of a pod from before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Time since the pod was accepted for the first time.
    pub age: Duration,
    /// Containers that have run.
    pub containers: Vec<PastContainer>,
}

/// What is known of a container from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastContainer {
    /// Name.
    pub name: String,
    /// As its status had it.
    pub restart_count: u32,
    /// How its last instance ended, at the latest with the machine.
    pub ended: Terminated,
}

impl Pod {
    /// Takes up what is known. Init containers run again from the first one, and so does every other container, unless it
    /// has ended for good (kubelet `computePodActions` for a new sandbox). To be called before the first event.
    pub fn take_up(&mut self, past: &Past) {
        let left = |deadline: Instant| {
            let age = u64::try_from(past.age.as_nanos()).unwrap_or(u64::MAX);
            Instant::from_nanos(deadline.as_nanos().saturating_sub(age))
        };
        self.deadline = self.deadline.map(left);
        let roles = Role::all(&self.spec);
        for (container, (role, own)) in self.containers.iter_mut().zip(roles) {
            let mut known = past.containers.iter();
            if let Some(known) = known.find(|known| known.name == container.name) {
                let code = known.ended.exit_code;
                let restart = match role {
                    Role::Init | Role::Sidecar => Restart::Allowed,
                    Role::Regular | Role::Ephemeral => {
                        Restart::after_exit(self.spec.restart_policy, own, role, code)
                    }
                };
                container.take_up(known, restart);
            }
        }
        let message = "Pod sandbox changed, it will be killed and re-created.".to_owned();
        let reason = EventReason::SandboxChanged;
        self.outbox.emit(EventType::Normal, reason, message, None);
    }
}
