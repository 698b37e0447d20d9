//! Probes: when each runs next, and what its results count for (kubelet `prober/worker.go`).
//!
//! Every probe of a container has one worker. It ticks from the moment the container is seen running, knows only the
//! present instance, and has at most one run under way: of the ticks that pass meanwhile one is made up for.
//!
//! ```text
//! startup    ticks until a verdict; success lets the others run, failure stops the container
//! liveness   ticks once started; failure stops the container
//! readiness  ticks once started, first at once, also while the container is being stopped
//! ```
//!
//! The kubelet runs readiness once more, and ticks from then on, when it looks at a pod that is not ready. One such look
//! always follows a start, a second later: so a server that needs a moment is ready before the period is over.

use super::event::{Action, ContainerId, EventReason, EventType, ProbeKind, ProbeResult};
use super::{Pod, container::Container};
use crate::spec;
use crate::time::{Instant, WallTime};
use std::time::Duration;

/// The probes of one container.
#[derive(Debug)]
pub(super) struct Probes {
    /// Startup, liveness, readiness: those that it has.
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    kind: ProbeKind,
    initial_delay: Duration,
    period: Duration,
    success_threshold: u32,
    failure_threshold: u32,
    /// What counts at the moment; `None` before the startup probe has decided.
    verdict: Option<Outcome>,
    /// How often in a row the same came out.
    streak: (Outcome, u32),
    /// Attempts of the run under way; 0 when there is none.
    attempts: u32,
    /// It ticks at this time and every period after it.
    origin: Instant,
    /// When the initial delay is over.
    delayed_until: Instant,
    /// The next tick on which it runs; `None` while it may not.
    next: Option<Instant>,
    /// When the kubelet looks at the pod again after the start, for readiness.
    relist: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Success,
    Failure,
}

/// What came of a result.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// The run is repeated.
    Again,
    /// What counts is the same as before.
    Same,
    /// This counts from now on.
    Changed(Outcome),
}

/// How often a probe that cannot be run is tried within a tick (kubelet `maxProbeRetries`).
const ATTEMPTS_MAX: u32 = 3;

impl Probes {
    pub(super) fn new(own: &spec::Container) -> Self {
        let all = [
            (ProbeKind::Startup, &own.startup_probe),
            (ProbeKind::Liveness, &own.liveness_probe),
            (ProbeKind::Readiness, &own.readiness_probe),
        ];
        let worker =
            |(kind, probe): (_, &Option<spec::Probe>)| Some(Worker::new(kind, probe.as_ref()?));
        Self {
            workers: all.into_iter().filter_map(worker).collect(),
        }
    }

    /// Whether there is no startup probe, or it has succeeded.
    pub(super) fn started(&self) -> bool {
        self.has_succeeded(ProbeKind::Startup)
    }

    /// Whether there is no readiness probe, or it says so.
    pub(super) fn ready(&self) -> bool {
        self.has_succeeded(ProbeKind::Readiness)
    }

    fn has_succeeded(&self, kind: ProbeKind) -> bool {
        let worker = self.workers.iter().find(|worker| worker.kind == kind);
        worker.is_none_or(|worker| worker.verdict == Some(Outcome::Success))
    }

    /// A new instance that started at `since` is seen running at `now`.
    pub(super) fn begin(&mut self, since: Instant, epoch: WallTime, now: Instant) {
        let started = self
            .workers
            .iter()
            .all(|one| one.kind != ProbeKind::Startup);
        for worker in &mut self.workers {
            worker.begin(since, epoch, now);
            if started || worker.kind == ProbeKind::Startup {
                worker.next = Some(worker.tick(worker.delayed_until));
            }
        }
    }

    /// The startup probe has succeeded.
    fn release(&mut self, now: Instant) {
        for worker in &mut self.workers {
            worker.next = match worker.kind {
                ProbeKind::Startup => None,
                ProbeKind::Liveness => {
                    let after_now = now + Duration::from_nanos(1);
                    Some(worker.tick(worker.delayed_until.max(after_now)))
                }
                ProbeKind::Readiness => {
                    worker.origin = now;
                    worker.relist = None;
                    Some(worker.tick(worker.delayed_until.max(now)))
                }
            };
        }
    }

    /// The container is being stopped: only readiness is of interest.
    pub(super) fn hold(&mut self) {
        let workers = self.workers.iter_mut();
        workers
            .filter(|worker| worker.kind != ProbeKind::Readiness)
            .for_each(Worker::hold);
    }

    /// The container is being killed.
    pub(super) fn halt(&mut self) {
        self.workers.iter_mut().for_each(Worker::hold);
    }

    /// The instance has ended.
    pub(super) fn end(&mut self) {
        self.halt();
        for worker in &mut self.workers {
            worker.verdict = initial(worker.kind);
            worker.streak = (Outcome::Success, 0);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let idle = self.workers.iter().filter(|worker| worker.attempts == 0);
        idle.filter_map(|worker| worker.next).min()
    }

    /// The next probe to run at `now`.
    fn poll(&mut self, now: Instant) -> Option<ProbeKind> {
        let is_due = |worker: &&mut Worker| {
            worker.attempts == 0 && worker.next.is_some_and(|next| next <= now)
        };
        let worker = self.workers.iter_mut().find(is_due)?;
        worker.attempts = 1;
        worker.next = Some(worker.tick(now + Duration::from_nanos(1)));
        Some(worker.kind)
    }

    /// `None` when nobody asked.
    fn handle_result(&mut self, kind: ProbeKind, result: &ProbeResult) -> Option<Heard> {
        let mut workers = self.workers.iter_mut();
        let worker = workers.find(|worker| worker.kind == kind && worker.attempts > 0)?;
        Some(worker.handle_result(result))
    }
}

impl Worker {
    fn new(kind: ProbeKind, probe: &spec::Probe) -> Self {
        Self {
            kind,
            initial_delay: probe.initial_delay,
            period: probe.period.max(PERIOD_MIN),
            success_threshold: probe.success_threshold,
            failure_threshold: probe.failure_threshold,
            verdict: initial(kind),
            streak: (Outcome::Success, 0),
            attempts: 0,
            origin: Instant::ZERO,
            delayed_until: Instant::ZERO,
            next: None,
            relist: None,
        }
    }

    /// The delay counts from `startedAt` as the status shows it, in whole seconds.
    fn begin(&mut self, since: Instant, epoch: WallTime, now: Instant) {
        let fraction = epoch.at(since).as_unix_nanos() % NANOS_PER_SECOND;
        let delay = self.initial_delay;
        let delay = delay.saturating_sub(Duration::from_nanos(fraction));
        self.delayed_until = (since + delay).max(now);
        self.origin = now;
        let relist = now + RELIST_PERIOD;
        let is_of_use = self.kind == ProbeKind::Readiness && self.delayed_until < relist;
        self.relist = is_of_use.then_some(relist);
    }

    /// The first tick at `at` or after it.
    fn tick(&self, at: Instant) -> Instant {
        let (since, period) = (at.saturating_since(self.origin), self.period);
        let nanos = since.as_nanos().div_ceil(period.as_nanos()) * period.as_nanos();
        self.origin + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn hold(&mut self) {
        self.attempts = 0;
        self.next = None;
    }

    fn look_again(&mut self) {
        if let Some(at) = self.relist.take() {
            (self.origin, self.next) = (at, Some(at));
        }
    }

    fn handle_result(&mut self, result: &ProbeResult) -> Heard {
        let outcome = match result {
            ProbeResult::Success | ProbeResult::Warning(_) => Outcome::Success,
            ProbeResult::Failure(_) => Outcome::Failure,
            ProbeResult::Error(_) | ProbeResult::Interrupted(_) if self.attempts < ATTEMPTS_MAX => {
                self.attempts += 1;
                return Heard::Again;
            }
            ProbeResult::Error(_) | ProbeResult::Interrupted(_) => {
                self.attempts = 0;
                self.look_again();
                return Heard::Same;
            }
        };
        self.attempts = 0;
        match outcome {
            Outcome::Success => self.relist = None,
            Outcome::Failure => self.look_again(),
        }
        let count = match self.streak {
            (before, count) if before == outcome => count.saturating_add(1),
            _ => 1,
        };
        self.streak = (outcome, count);
        let threshold = match outcome {
            Outcome::Success => self.success_threshold,
            Outcome::Failure => self.failure_threshold,
        };
        if count < threshold || self.verdict == Some(outcome) {
            return Heard::Same;
        }
        self.verdict = Some(outcome);
        Heard::Changed(outcome)
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// How often the kubelet asks for the states of containers (`genericPlegRelistPeriod`).
const RELIST_PERIOD: Duration = Duration::from_secs(1);
/// Validation allows no shorter one.
const PERIOD_MIN: Duration = Duration::from_secs(1);

impl Pod {
    /// When the next probe is due.
    pub(super) fn probes_timeout(&self) -> Option<Instant> {
        let containers = self.containers.iter();
        containers.filter_map(|one| one.probes.poll_timeout()).min()
    }

    /// Runs the probes that are due.
    pub(super) fn run_probes(&mut self, now: Instant) {
        for (id, container) in (0..).map(ContainerId).zip(&mut self.containers) {
            while let Some(probe) = container.probes.poll(now) {
                self.outbox.act(run(id, container, probe));
            }
        }
    }

    /// Whether the result changes anything but the worker's own counts.
    pub(super) fn handle_probed(
        &mut self,
        id: ContainerId,
        attempt: u32,
        kind: ProbeKind,
        result: ProbeResult,
        now: Instant,
    ) -> bool {
        let container = &mut self.containers[id.index()];
        if container.present_attempt() != Some(attempt) {
            return false;
        }
        let Some(heard) = container.probes.handle_result(kind, &result) else {
            return false;
        };
        match (kind, &heard) {
            (_, Heard::Again) => {
                self.outbox.act(run(id, container, kind));
                return false;
            }
            (ProbeKind::Startup, Heard::Changed(Outcome::Success)) => container.probes.release(now),
            (ProbeKind::Startup | ProbeKind::Liveness, Heard::Changed(Outcome::Failure)) => {
                container.probes.hold();
                container.unhealthy = Some(kind);
            }
            (_, Heard::Same | Heard::Changed(_)) => {}
        }
        if let Some((reason, message)) = told(kind, result) {
            let type_ = EventType::Warning;
            self.outbox.emit(type_, reason, message, Some(id));
        }
        matches!(heard, Heard::Changed(_))
    }
}

fn run(id: ContainerId, container: &Container, probe: ProbeKind) -> Action {
    Action::Probe {
        container: id,
        attempt: container.present_attempt().unwrap_or_default(),
        probe,
    }
}

/// What people hear of a result.
fn told(kind: ProbeKind, result: ProbeResult) -> Option<(EventReason, String)> {
    Some(match result {
        ProbeResult::Success => return None,
        ProbeResult::Warning(output) => {
            let message = format!("{kind} probe warning: {output}");
            (EventReason::ProbeWarning, message)
        }
        ProbeResult::Failure(output) => {
            let message = format!("{kind} probe failed: {output}");
            (EventReason::Unhealthy, message)
        }
        ProbeResult::Error(error) => {
            let message = format!("{kind} probe errored and resulted in unknown state: {error}");
            (EventReason::Unhealthy, message)
        }
        ProbeResult::Interrupted(error) => {
            let message = format!("{kind} probe errored and resulted in failure state: {error}");
            (EventReason::Unhealthy, message)
        }
    })
}

/// What counts before the first result.
fn initial(kind: ProbeKind) -> Option<Outcome> {
    match kind {
        ProbeKind::Startup => None,
        ProbeKind::Liveness => Some(Outcome::Success),
        ProbeKind::Readiness => Some(Outcome::Failure),
    }
}
