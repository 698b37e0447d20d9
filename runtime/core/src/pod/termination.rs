//! How containers end: told, given time for `preStop`, signalled when it is their turn, and killed when the grace period is
//! over. One of them alone by [`Pod::stop_container`] while the pod goes on, or all of them by [`Pod::terminate`].

use super::container::Container;
use super::event::{Action, ContainerId, EventReason, EventType, HookKind};
use super::hook::{self, Run};
use super::outbox::Outbox;
use super::restart::Role;
use super::{Life, Pod};
use crate::spec::{GracePeriod, Hook};
use crate::time::Instant;
use std::time::Duration;

/// The end of one container, from `Killing` to its exit.
#[derive(Debug)]
pub(super) struct Stop {
    /// The text of `Killing`.
    message: String,
    clock: Clock,
    order: Order,
    stage: Stage,
}

/// Whether a container that is stopped waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Alone,
    /// Sidecars go after regular containers and after later sidecars.
    InTurn,
}

/// How far the end of one container has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody has been told; it may be about to start and not know yet.
    Untold,
    /// `preStop` is next.
    Told,
    /// `preStop` runs, until `ends` if it sleeps.
    PreStop { ends: Option<Instant> },
    /// It waits until it is its turn.
    Turn,
    /// The stop signal is out.
    Signalled { kill_at: Instant },
    /// SIGKILL is out.
    Killed,
}

/// What is left of a grace period since some time.
#[derive(Clone, Copy, Debug)]
struct Clock {
    since: Instant,
    left: Duration,
}

impl Clock {
    fn new(grace: GracePeriod, now: Instant) -> Self {
        let left = Duration::from_secs(grace.seconds.into());
        Self { since: now, left }
    }

    /// The kubelet never passes on less than a second when somebody ends a pod.
    fn of_pod(grace: GracePeriod, now: Instant) -> Self {
        let Self { since, left } = Self::new(grace, now);
        let left = left.max(Duration::from_secs(1));
        Self { since, left }
    }

    fn end(self) -> Instant {
        self.since + self.left
    }

    /// What is left at `now`: time spent counts in whole seconds.
    fn spend(self, now: Instant) -> Self {
        let spent = Duration::from_secs(now.saturating_since(self.since).as_secs());
        let left = self.left.saturating_sub(spent);
        Self { since: now, left }
    }

    /// When a container that is signalled now is killed: there are always two seconds left.
    fn kill_at(self) -> Instant {
        self.since + self.left.max(GRACE_MIN)
    }
}

/// Time between the stop signal and SIGKILL, whatever was asked for (kubelet `minimumGracePeriodInSeconds`).
const GRACE_MIN: Duration = Duration::from_secs(2);

impl Stop {
    /// What is due next, while the container is alive.
    fn timeout(&self, container: &Container) -> Option<Instant> {
        match self.stage {
            // A container that never comes to run is given up when all others are.
            Stage::Untold if !container.has_process() => Some(self.clock.kill_at()),
            Stage::Untold | Stage::Told | Stage::Killed => None,
            Stage::PreStop { ends } => ends.into_iter().chain([self.clock.end()]).min(),
            Stage::Turn => Some(self.clock.end()),
            Stage::Signalled { kill_at } => Some(kill_at),
        }
    }

    /// Runs `preStop`, if there is one and time for it.
    fn begin_pre_stop(
        &mut self,
        hook: Option<&Hook>,
        id: ContainerId,
        container: &Container,
        outbox: &mut Outbox,
        now: Instant,
    ) {
        let Some(hook) = hook.filter(|_| !self.clock.left.is_zero()) else {
            self.stage = Stage::Turn;
            return;
        };
        let kind = HookKind::PreStop;
        self.stage = match hook::run(hook, kind, id, container, outbox, now) {
            Run::Asked => Stage::PreStop { ends: None },
            Run::Until(at) => Stage::PreStop { ends: Some(at) },
            Run::Failed(_) => {
                warn_of_pre_stop(id, outbox);
                Stage::Turn
            }
        };
    }

    /// What it took is gone from the grace period.
    fn end_pre_stop(&mut self, now: Instant) {
        self.clock = self.clock.spend(now);
        self.stage = Stage::Turn;
    }

    /// The pod ends while this container is being stopped: the new grace period is the one that counts.
    fn join(&mut self, clock: Clock, message: String) {
        (self.clock, self.order, self.message) = (clock, Order::InTurn, message);
        if let Stage::Signalled { kill_at } = &mut self.stage {
            *kill_at = clock.kill_at();
        }
    }

    /// A later request is in more of a hurry.
    fn shorten(&mut self, clock: Clock) {
        if clock.end() < self.clock.end() {
            self.clock = clock;
        }
        if let Stage::Signalled { kill_at } = &mut self.stage {
            *kill_at = clock.kill_at().min(*kill_at);
        }
    }
}

impl Pod {
    /// Ends one container while the pod goes on: event `Killing` with `message`, `preStop` unless `grace` is zero,
    /// stop signal, and SIGKILL when `grace` is over but not before two seconds. Nothing happens when it does not run or is
    /// being stopped already. Whether it starts again is another matter: see [`Container::is_forced`] and [`Starts`](super::start::Starts). Takes effect in [`Pod::advance`].
    pub(super) fn stop_container(
        &mut self,
        id: ContainerId,
        message: String,
        grace: GracePeriod,
        now: Instant,
    ) {
        if !self.containers[id.index()].has_process() {
            return;
        }
        self.stops.entry(id).or_insert_with(|| Stop {
            message,
            clock: Clock::new(grace, now),
            order: Order::Alone,
            stage: Stage::Untold,
        });
    }

    /// Somebody ends the pod.
    pub(super) fn terminate(&mut self, grace: GracePeriod, now: Instant) {
        self.stop_all(Clock::of_pod(grace, now), now);
    }

    /// No regular container will run again; what still runs, such as sidecars, has the pod's own grace period.
    pub(super) fn complete(&mut self, now: Instant) {
        self.stop_all(Clock::new(self.spec.termination_grace_period, now), now);
    }

    /// Ends all containers, and the pod with the last of them.
    fn stop_all(&mut self, clock: Clock, now: Instant) {
        self.life = Life::Terminating;
        for (id, index) in (0..).map(ContainerId).zip(0..self.containers.len()) {
            self.containers[index].give_up_pull(now);
            self.abandon_post_start(id, now);
        }
        for (id, container) in (0..).map(ContainerId).zip(&mut self.containers) {
            if !container.is_alive() {
                continue;
            }
            let message = format!("Stopping container {}", container.name);
            let stop = self.stops.entry(id).or_insert_with(|| Stop {
                message: String::new(),
                clock,
                order: Order::InTurn,
                stage: Stage::Untold,
            });
            if stop.stage != Stage::Untold {
                let (type_, reason) = (EventType::Normal, EventReason::Killing);
                self.outbox.emit(type_, reason, message.clone(), Some(id));
            }
            stop.join(clock, message);
        }
    }

    /// The pod ends sooner than was said before.
    pub(super) fn shorten_stops(&mut self, grace: GracePeriod, now: Instant) {
        let clock = Clock::of_pod(grace, now);
        self.stops.values_mut().for_each(|stop| stop.shorten(clock));
    }

    /// When the next container is due to be signalled or killed.
    pub(super) fn stops_timeout(&self) -> Option<Instant> {
        let stops = self.stops.iter();
        let due = |(id, stop): (&ContainerId, &Stop)| stop.timeout(&self.containers[id.index()]);
        stops.filter_map(due).min()
    }

    /// `preStop` has ended, or cannot go on.
    pub(super) fn handle_pre_stop_ended(
        &mut self,
        id: ContainerId,
        result: Result<(), ()>,
        now: Instant,
    ) {
        let Some(stop) = self.stops.get_mut(&id) else {
            return;
        };
        if stop.stage == (Stage::PreStop { ends: None }) {
            stop.end_pre_stop(now);
            if result.is_err() {
                warn_of_pre_stop(id, &mut self.outbox);
            }
        }
    }

    /// Tells, signals and kills who is due.
    pub(super) fn advance_stops(&mut self, now: Instant) {
        let Self {
            spec,
            stops,
            containers,
            outbox,
            ..
        } = self;
        for (&id, stop) in stops.iter_mut() {
            let container = &mut containers[id.index()];
            if stop.stage == Stage::Untold && container.has_process() {
                stop.stage = Stage::Told;
                container.probes.hold();
                let (type_, reason) = (EventType::Normal, EventReason::Killing);
                outbox.emit(type_, reason, stop.message.clone(), Some(id));
            }
        }
        for (&id, stop) in stops.iter_mut() {
            let container = &containers[id.index()];
            if stop.stage == Stage::Told {
                let own = spec.all_containers().nth(id.index());
                let hook = own.and_then(|own| own.lifecycle.pre_stop.as_ref());
                stop.begin_pre_stop(hook, id, container, outbox, now);
            }
            let timeout = stop.timeout(container);
            if matches!(stop.stage, Stage::PreStop { .. }) && timeout.is_some_and(|at| at <= now) {
                stop.end_pre_stop(now);
            }
        }
        for (&id, stop) in stops.iter_mut() {
            let is_turn = stop.order == Order::Alone || is_turn(id, containers);
            if stop.stage == Stage::Turn && (is_turn || stop.clock.end() <= now) {
                let kill_at = stop.clock.spend(now).kill_at();
                stop.stage = Stage::Signalled { kill_at };
                outbox.act(Action::Signal {
                    container: id,
                    signal: containers[id.index()].stop_signal,
                });
            }
            let timeout = stop.timeout(&containers[id.index()]);
            if matches!(stop.stage, Stage::Untold | Stage::Signalled { .. })
                && timeout.is_some_and(|at| at <= now)
            {
                stop.stage = Stage::Killed;
                containers[id.index()].probes.halt();
                outbox.act(Action::Kill { container: id });
            }
        }
    }
}

fn warn_of_pre_stop(id: ContainerId, outbox: &mut Outbox) {
    let (type_, reason) = (EventType::Warning, EventReason::FailedPreStopHook);
    outbox.emit(type_, reason, "PreStopHook failed", Some(id));
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
