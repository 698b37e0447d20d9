//! How a pod ends: everybody is told, signalled in turn, and killed when the grace period is over.

use super::container::Container;
use super::event::{Action, ContainerId, EventReason, EventType};
use super::outbox::Outbox;
use super::restart::Role;
use crate::spec::GracePeriod;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// The end of a pod, from the first `Killing` to the last exit.
#[derive(Debug)]
pub(super) struct Termination {
    clock: Clock,
    /// Containers that were alive, in their order.
    stops: BTreeMap<ContainerId, Stop>,
}

/// The one clock that runs for all containers.
#[derive(Clone, Copy, Debug)]
struct Clock {
    since: Instant,
    grace: Duration,
}

/// How far the end of one container has come. A `preStop` hook would be its first stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// It is about to start and does not know yet.
    Untold,
    /// It waits until it is its turn.
    Turn,
    /// The stop signal is out.
    Signalled { kill_at: Instant },
    /// SIGKILL is out.
    Killed,
}

impl Clock {
    /// The kubelet never passes on less than a second.
    fn new(grace: GracePeriod, now: Instant) -> Self {
        let grace = Duration::from_secs(grace.seconds.into()).max(Duration::from_secs(1));
        Self { since: now, grace }
    }

    fn end(self) -> Instant {
        self.since + self.grace
    }

    /// When a container that is signalled at `now` is killed. Time spent waiting for its turn counts in whole seconds,
    /// and there are always two seconds left.
    fn kill_at(self, now: Instant) -> Instant {
        let waited = Duration::from_secs(now.saturating_since(self.since).as_secs());
        now + self.grace.saturating_sub(waited).max(GRACE_MIN)
    }

    /// When SIGKILL is due. A container that never comes to run is given up when all others are.
    fn kills(self, stop: Stop, container: &Container) -> Option<Instant> {
        match stop {
            Stop::Untold => container.is_alive().then(|| self.kill_at(self.since)),
            Stop::Signalled { kill_at } => container.is_alive().then_some(kill_at),
            Stop::Turn | Stop::Killed => None,
        }
    }
}

/// Time between the stop signal and SIGKILL, whatever was asked for (kubelet `minimumGracePeriodInSeconds`).
const GRACE_MIN: Duration = Duration::from_secs(2);

impl Termination {
    pub(super) fn new(grace: GracePeriod, containers: &[Container], now: Instant) -> Self {
        let ids = (0..).map(ContainerId).zip(containers);
        let alive = ids.filter(|(_, container)| container.is_alive());
        let stops = alive.map(|(id, _)| (id, Stop::Untold)).collect();
        let clock = Clock::new(grace, now);
        Self { clock, stops }
    }

    /// Tells, signals and kills who is due.
    pub(super) fn advance(&mut self, containers: &[Container], outbox: &mut Outbox, now: Instant) {
        for (&id, stop) in &mut self.stops {
            let container = &containers[id.index()];
            if *stop == Stop::Untold && container.is_running() {
                *stop = Stop::Turn;
                let message = format!("Stopping container {}", container.name);
                outbox.emit(EventType::Normal, EventReason::Killing, message, Some(id));
            }
        }
        for (&id, stop) in &mut self.stops {
            let container = &containers[id.index()];
            match *stop {
                Stop::Turn if is_turn(id, containers) || self.clock.end() <= now => {
                    if container.is_running() {
                        let kill_at = self.clock.kill_at(now);
                        *stop = Stop::Signalled { kill_at };
                        let signal = container.stop_signal;
                        outbox.act(Action::Signal {
                            container: id,
                            signal,
                        });
                    }
                }
                Stop::Untold | Stop::Turn | Stop::Signalled { .. } | Stop::Killed => {
                    if self
                        .clock
                        .kills(*stop, container)
                        .is_some_and(|at| at <= now)
                    {
                        *stop = Stop::Killed;
                        outbox.act(Action::Kill { container: id });
                    }
                }
            }
        }
    }

    /// A later request is in more of a hurry.
    pub(super) fn shorten(&mut self, grace: GracePeriod, now: Instant) {
        let clock = Clock::new(grace, now);
        if clock.end() >= self.clock.end() {
            return;
        }
        self.clock = clock;
        for stop in self.stops.values_mut() {
            if let Stop::Signalled { kill_at } = stop {
                *kill_at = clock.kill_at(now).min(*kill_at);
            }
        }
    }

    pub(super) fn poll_timeout(&self, containers: &[Container]) -> Option<Instant> {
        let due = |(id, stop): (&ContainerId, &Stop)| {
            let container = &containers[id.index()];
            match stop {
                Stop::Turn if container.is_running() => Some(self.clock.end()),
                Stop::Untold | Stop::Turn | Stop::Signalled { .. } | Stop::Killed => {
                    self.clock.kills(*stop, container)
                }
            }
        };
        self.stops.iter().filter_map(due).min()
    }
}

/// Whether regular containers and later sidecars have made way for this one.
fn is_turn(id: ContainerId, containers: &[Container]) -> bool {
    let is_before = |(index, other): (usize, &Container)| match other.role {
        Role::Init | Role::Ephemeral => false,
        Role::Sidecar => index > id.index(),
        Role::Regular => true,
    };
    let mut others = containers.iter().enumerate();
    containers[id.index()].role != Role::Sidecar
        || !others.any(|(index, other)| other.is_alive() && is_before((index, other)))
}
