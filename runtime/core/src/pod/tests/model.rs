//! A second, small pod beside the one under test. It sees what the engine sees and knows the rules of pod-semantics,
//! sections 4 to 8, in their plainest form: who may start and when at the earliest, who has to be stopped, what each
//! container shows. Nothing here calls what it checks.

use super::law;
use crate::pod::{
    ContainerId, ContainerState, ContainerStatus, EventReason, PodEvent, ProbeKind, ProbeResult,
    Status, TerminatedReason,
};
use crate::spec::{self, ResizeRestartPolicy, RestartAction, RestartPolicy};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// What is known of a pod.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) spec: Arc<spec::Pod>,
    pub(super) containers: Vec<Seen>,
    /// Somebody asked for the end, or the life span is over.
    pub(super) is_ending: bool,
    /// Whether all have started again, which may take the phase back.
    pub(super) was_reset: bool,
    /// The longest grace period that anybody has named.
    grace: Duration,
}

/// What is known of one container.
#[derive(Debug, Default)]
pub(super) struct Seen {
    is_init: bool,
    is_ephemeral: bool,
    pub(super) is_alive: bool,
    /// Instances ever.
    pub(super) runs: u32,
    /// Whether an instance, dead or alive, is there.
    is_there: bool,
    /// How the last one ended; `None` while it lives.
    exit: Option<Exit>,
    /// When those since the last start of all ended.
    ends: Vec<Instant>,
    backoff: Option<(Duration, Instant)>,
    /// Stopped in order to be started again.
    is_forced: bool,
    is_replaced: bool,
    is_unhealthy: bool,
    /// It has to start again with other resources.
    is_resized: bool,
    /// It ended by itself when its stop and new start may have been decided already.
    may_be_forced: bool,
    /// When it was said that it is being stopped.
    told: Option<Instant>,
    signalled: Option<Instant>,
    tried_image: String,
    image: String,
    startup: Watch,
    liveness: Watch,
    readiness: Watch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exit {
    code: i32,
    /// Whether there was a program at all.
    ran: bool,
}

/// The results of one probe.
#[derive(Debug, Default)]
struct Watch {
    passes: bool,
    last: bool,
    count: u32,
}

const BACKOFF_FIRST: Duration = Duration::from_secs(10);
const BACKOFF_LONGEST: Duration = Duration::from_secs(300);
const BACKOFF_FORGOTTEN: Duration = Duration::from_secs(600);

impl Model {
    pub(super) fn new(spec: Arc<spec::Pod>) -> Self {
        let mut model = Self {
            grace: Duration::from_secs(spec.termination_grace_period.seconds.into()),
            spec: spec.clone(),
            containers: Vec::new(),
            is_ending: false,
            was_reset: false,
        };
        let graces = spec.all_containers().flat_map(|own| {
            let probes = [&own.startup_probe, &own.liveness_probe];
            probes
                .into_iter()
                .flatten()
                .filter_map(|probe| probe.termination_grace_period)
        });
        for grace in graces {
            model.allow(grace.seconds);
        }
        model.update(spec);
        model
    }

    pub(super) fn allow(&mut self, grace_seconds: u32) {
        self.grace = self.grace.max(Duration::from_secs(grace_seconds.into()));
    }

    /// The pod was updated; `spec` is what it has made of that.
    pub(super) fn update(&mut self, spec: Arc<spec::Pod>) {
        let init = spec.init_containers.len();
        let declared = init + spec.containers.len();
        for index in self.containers.len()..spec.all_containers().count() {
            self.containers.push(Seen {
                is_init: index < init,
                is_ephemeral: index >= declared,
                ..Seen::default()
            });
        }
        let images = self.spec.all_containers().zip(spec.all_containers());
        for (seen, (old, new)) in self.containers.iter_mut().zip(images) {
            if (&old.image, old.resources) != (&new.image, new.resources) {
                seen.backoff = None;
            }
            let policy = new.resize_policy.cpu == ResizeRestartPolicy::RestartContainer;
            seen.is_resized |= seen.is_alive && policy && old.resources != new.resources;
        }
        self.spec = spec;
    }

    fn own(&self, id: ContainerId) -> spec::Container {
        self.spec
            .all_containers()
            .nth(id.index())
            .expect("ids are known")
            .clone()
    }

    fn restarts(&self, index: usize) -> bool {
        let seen = &self.containers[index];
        let own = self
            .spec
            .all_containers()
            .nth(index)
            .expect("ids are known");
        let Some(exit) = seen.exit.filter(|_| seen.is_there) else {
            return !seen.is_alive;
        };
        let is_done = seen.is_init && !own.is_sidecar() && exit.code == 0;
        !seen.is_ephemeral
            && !is_done
            && (seen.is_forced || law::restarts(&self.spec, own, seen.is_init, exit.code))
    }

    /// An attempt to start begins.
    pub(super) fn attempt(&mut self, id: ContainerId, now: Instant) {
        assert!(!self.is_ending, "{id:?} starts in a pod that ends");
        let may_be_forced = self.containers[id.index()].may_be_forced;
        assert!(
            may_be_forced || self.restarts(id.index()),
            "{id:?} may not start again: {self:?}"
        );
        let image = self.own(id).image;
        let seen = &mut self.containers[id.index()];
        seen.tried_image = image;
        if let Some(finished) = seen.backs_off_from() {
            let until = seen.until(finished);
            assert!(
                until.is_none_or(|until| until <= now),
                "{id:?} starts before {until:?}"
            );
            let delay = match until {
                Some(_) => seen.backoff.map_or(BACKOFF_FIRST, |(delay, _)| delay * 2),
                None => BACKOFF_FIRST,
            };
            seen.backoff = Some((delay.min(BACKOFF_LONGEST), now));
        }
        seen.is_replaced = false;
    }

    /// An attempt is put off.
    fn backs_off(&mut self, id: ContainerId, now: Instant) {
        let seen = &mut self.containers[id.index()];
        let until = seen
            .backs_off_from()
            .and_then(|finished| seen.until(finished));
        assert!(
            until.is_some_and(|until| now < until),
            "{id:?} waits without a reason"
        );
        seen.is_replaced = false;
    }

    pub(super) fn started(&mut self, id: ContainerId) {
        let seen = &mut self.containers[id.index()];
        seen.begin();
        seen.is_alive = true;
    }

    /// Its program could not start.
    pub(super) fn start_error(&mut self, id: ContainerId, now: Instant) {
        let seen = &mut self.containers[id.index()];
        seen.begin();
        seen.end(
            Exit {
                code: 128,
                ran: false,
            },
            now,
        );
    }

    pub(super) fn exited(&mut self, id: ContainerId, code: i32, now: Instant) {
        let image = self.own(id).image;
        let seen = &mut self.containers[id.index()];
        seen.may_be_forced = seen.is_unhealthy || seen.is_resized || seen.image != image;
        self.containers[id.index()].end(Exit { code, ran: true }, now);
    }

    pub(super) fn emitted(&mut self, event: &PodEvent, now: Instant) {
        let Some(id) = event.container else { return };
        match event.reason {
            EventReason::Killing => {
                let own = self.own(id);
                let policy = own.restart_policy.unwrap_or(self.spec.restart_policy);
                let changed = event.message.contains("definition changed");
                let failed = event.message.contains(" probe");
                let resized = event.message.contains("resize requires restart");
                let goes_on = policy != RestartPolicy::Never;
                let seen = &mut self.containers[id.index()];
                assert!(!failed || seen.is_unhealthy, "{}", event.message);
                assert!(!changed || seen.image != own.image, "{}", event.message);
                assert!(!resized || seen.is_resized, "{}", event.message);
                if changed || resized || (failed && goes_on) {
                    (seen.is_forced, seen.is_replaced) = (true, true);
                }
                seen.told = Some(now);
            }
            EventReason::BackOff if event.message.starts_with("Back-off restarting") => {
                self.backs_off(id, now);
            }
            EventReason::BackOff => self.attempt(id, now),
            _ => {}
        }
    }

    pub(super) fn signalled(&mut self, id: ContainerId, now: Instant) {
        let seen = &mut self.containers[id.index()];
        assert!(seen.told.is_some() && seen.signalled.is_none());
        seen.signalled = Some(now);
    }

    /// There are always two seconds between the two signals.
    pub(super) fn killed(&mut self, id: ContainerId, now: Instant) {
        let seen = &self.containers[id.index()];
        let since = seen.signalled.map(|at| now - at);
        assert!(
            since.is_none_or(|since| since >= Duration::from_secs(2)),
            "killed after {since:?}"
        );
        assert_eq!(since.is_some(), seen.is_alive, "killed without a warning");
    }

    pub(super) fn probed(&mut self, id: ContainerId, probe: ProbeKind, result: &ProbeResult) {
        let own = self.own(id);
        let seen = &mut self.containers[id.index()];
        let is_held = seen.is_unhealthy || seen.told.is_some();
        let (watch, probe_spec) = match probe {
            ProbeKind::Startup | ProbeKind::Liveness if is_held => return,
            ProbeKind::Startup => (&mut seen.startup, own.startup_probe),
            ProbeKind::Liveness => (&mut seen.liveness, own.liveness_probe),
            ProbeKind::Readiness => (&mut seen.readiness, own.readiness_probe),
        };
        let probe_spec = probe_spec.expect("it has this probe");
        let is_good = match result {
            ProbeResult::Success | ProbeResult::Warning(_) => true,
            ProbeResult::Failure(_) => false,
            ProbeResult::Error(_) | ProbeResult::Interrupted(_) => return,
        };
        watch.count = if watch.last == is_good {
            watch.count + 1
        } else {
            1
        };
        watch.last = is_good;
        let threshold = match is_good {
            true => probe_spec.success_threshold,
            false => probe_spec.failure_threshold,
        };
        if watch.count >= threshold {
            watch.passes = is_good;
            seen.is_unhealthy |= !is_good && probe != ProbeKind::Readiness;
        }
    }

    fn source(&self, index: usize) -> bool {
        let seen = &self.containers[index];
        let own = self
            .spec
            .all_containers()
            .nth(index)
            .expect("ids are known");
        let exit = seen
            .exit
            .filter(|exit| exit.ran && !seen.is_forced && !seen.is_ephemeral);
        let Some(exit) = exit.filter(|_| own.restart_policy.is_some()) else {
            return false;
        };
        let mut rules = own.restart_policy_rules.iter();
        let rule = rules.find(|rule| rule.matches(exit.code));
        rule.is_some_and(|rule| rule.action == RestartAction::RestartAllContainers)
    }

    /// Whether an exit asks for a new start of all.
    pub(super) fn restarts_all(&self) -> bool {
        (0..self.containers.len()).any(|index| self.source(index))
    }

    pub(super) fn has_initialized(&self) -> bool {
        self.regular().any(|(_, seen)| seen.is_there)
    }

    fn regular(&self) -> impl Iterator<Item = (usize, &Seen)> {
        let all = self.containers.iter().enumerate();
        all.filter(|(_, seen)| !seen.is_init && !seen.is_ephemeral)
    }

    /// A container whose instance is not shown any more was taken away, which only happens to all at once.
    pub(super) fn observe(&mut self, status: &Status) {
        let id_of = |index: usize| {
            let name = &self
                .spec
                .all_containers()
                .nth(index)
                .expect("ids are known")
                .name;
            let mut all = status.all_containers();
            all.find(|one| one.name == *name)
                .and_then(|one| one.container_id.as_ref())
        };
        let gone: Vec<_> = (0..self.containers.len())
            .filter(|index| {
                let seen = &self.containers[*index];
                seen.is_there && !seen.is_alive && id_of(*index).is_none()
            })
            .collect();
        let there: Vec<_> = (0..self.containers.len())
            .filter(|index| id_of(*index).is_some())
            .collect();
        for index in there {
            self.containers[index].is_there = true;
        }
        assert!(gone.is_empty() || self.restarts_all(), "{gone:?} are gone");
        self.was_reset |= !gone.is_empty();
        for index in gone {
            assert!(!self.containers[index].is_ephemeral);
            self.containers[index].reset();
        }
    }

    /// Whether nobody will start again.
    pub(super) fn is_complete(&self) -> bool {
        let failed = |(index, seen): (usize, &Seen)| {
            let own = self
                .spec
                .all_containers()
                .nth(index)
                .expect("ids are known");
            let is_plain = seen.is_init && !own.is_sidecar();
            let exit = seen.exit.filter(|_| seen.is_there && is_plain);
            exit.is_some_and(|exit| exit.code != 0) && !self.restarts(index)
        };
        if self.containers.iter().enumerate().any(failed) {
            return true;
        }
        let is_doomed = |(index, seen): (usize, &Seen)| {
            let own = self
                .spec
                .all_containers()
                .nth(index)
                .expect("ids are known");
            let policy = own.restart_policy.unwrap_or(self.spec.restart_policy);
            seen.is_unhealthy && policy == RestartPolicy::Never && seen.image == own.image
        };
        let goes_on = |(index, seen): (usize, &Seen)| {
            (seen.is_alive && !is_doomed((index, seen))) || self.restarts(index)
        };
        self.has_initialized() && !self.regular().any(goes_on)
    }

    /// Who is to start as soon as possible, while nothing else is under way.
    pub(super) fn wanted(&self, status: &Status) -> Vec<ContainerId> {
        let all: Vec<_> = self.spec.all_containers().collect();
        let is_passed = |index: usize| {
            let mut statuses = status.all_containers();
            let one = statuses
                .find(|one| one.name == all[index].name)
                .expect("always there");
            if all[index].is_sidecar() {
                one.started
            } else {
                one.ready
            }
        };
        let init = self.spec.init_containers.len();
        let has_initialized = self.has_initialized();
        let reached = (0..init)
            .rev()
            .find(|index| self.containers[*index].is_there);
        let next = match reached {
            None => 0,
            Some(last) if is_passed(last) => last + 1,
            Some(last) => last,
        };
        let mut wanted: Vec<usize> = (0..init)
            .filter(|index| match all[*index].is_sidecar() {
                true => has_initialized || *index <= next,
                false => !has_initialized && *index == next,
            })
            .collect();
        if has_initialized || next == init {
            wanted.extend(self.regular().map(|(index, _)| index));
        }
        let ephemeral = self.containers.iter().enumerate();
        wanted.extend(
            ephemeral
                .filter(|(_, seen)| seen.is_ephemeral)
                .map(|(index, _)| index),
        );
        wanted.retain(|index| !self.containers[*index].is_alive && self.restarts(*index));
        let id = |index| ContainerId(u16::try_from(index).expect("few containers"));
        wanted.into_iter().map(id).collect()
    }

    /// When the back-off of a dead container is over.
    pub(super) fn backs_off_until(&self, id: ContainerId) -> Option<Instant> {
        let seen = &self.containers[id.index()];
        seen.backs_off_from()
            .and_then(|finished| seen.until(finished))
    }

    /// Whether a stop, once said, is not over.
    pub(super) fn is_stopping(&self) -> bool {
        self.containers
            .iter()
            .any(|seen| seen.is_alive && seen.told.is_some())
    }

    /// Those that nobody stops although they have to be.
    pub(super) fn forgotten_stops(&self, status: &Status) -> Vec<String> {
        let pairs = self.containers.iter().zip(self.spec.all_containers());
        let is_running = |name: &str| {
            let mut all = status.all_containers();
            let one = all.find(|one| one.name == name).expect("always there");
            matches!(one.state, ContainerState::Running { .. })
        };
        let is_forgotten = |(seen, own): &(&Seen, &spec::Container)| {
            let once = seen.is_ephemeral || (seen.is_init && !own.is_sidecar());
            let is_outdated = !once && (seen.is_resized || seen.image != own.image);
            is_running(&own.name) && seen.told.is_none() && (seen.is_unhealthy || is_outdated)
        };
        pairs
            .filter(is_forgotten)
            .map(|(_, own)| own.name.clone())
            .collect()
    }

    /// The latest time at which a container that is being stopped is dealt with, since `ending` at the latest.
    pub(super) fn stop_is_due(&self, ending: Option<Instant>) -> Option<Instant> {
        let grace = self.grace.max(Duration::from_secs(2));
        let alive = self.containers.iter().filter(|seen| seen.is_alive);
        let since = alive.filter_map(|seen| seen.told.max(seen.signalled));
        since
            .map(|at| ending.map_or(at, |ending| ending.max(at)) + grace)
            .min()
    }

    /// Compares what a container shows with what is known.
    pub(super) fn check(&self, id: ContainerId, one: &ContainerStatus) {
        let (seen, own) = (&self.containers[id.index()], self.own(id));
        let is_running = matches!(one.state, ContainerState::Running { .. });
        let is_hidden = seen.is_alive && own.lifecycle.post_start.is_some() && !is_running;
        assert_eq!(is_running || is_hidden, seen.is_alive, "{}", own.name);
        let runs = seen.runs - u32::from(is_hidden);
        let before = runs.saturating_sub(1);
        if seen.is_there || runs == 0 {
            assert_eq!(one.restart_count, before, "{}", own.name);
        } else {
            assert!([before, runs].contains(&one.restart_count), "{}", own.name);
            assert!(is_hidden || one.last_state.is_some());
        }
        if let (ContainerState::Terminated(end), Some(exit)) = (&one.state, seen.exit)
            && end.reason != TerminatedReason::ContainerStatusUnknown
        {
            assert_eq!(end.exit_code, exit.code, "{}", own.name);
        }
        let startup = own.startup_probe.is_none() || seen.startup.passes;
        assert_eq!(one.started, is_running && startup, "{} started", own.name);
        let readiness = own.readiness_probe.is_none() || seen.readiness.passes;
        let is_plain = seen.is_init && !own.is_sidecar();
        let is_done = seen.is_there && seen.exit.is_some_and(|exit| exit.code == 0);
        let ready = match (is_plain, seen.is_ephemeral) {
            (true, _) => is_done && !is_hidden,
            (_, true) => false,
            _ => one.started && readiness,
        };
        assert_eq!(one.ready, ready, "{} ready", own.name);
        assert!(!seen.is_ephemeral || seen.runs <= 1);
    }
}

impl Seen {
    fn begin(&mut self) {
        self.runs += 1;
        (self.exit, self.told, self.signalled) = (None, None, None);
        (self.is_forced, self.is_unhealthy, self.may_be_forced) = (false, false, false);
        self.is_resized = false;
        self.image = self.tried_image.clone();
        self.startup = Watch::default();
        self.liveness = Watch::default();
        self.readiness = Watch::default();
    }

    fn end(&mut self, exit: Exit, now: Instant) {
        (self.is_alive, self.is_there) = (false, true);
        self.exit = Some(exit);
        self.ends.push(now);
        (self.told, self.signalled, self.is_unhealthy) = (None, None, false);
    }

    fn reset(&mut self) {
        (self.is_there, self.exit) = (false, None);
        (self.is_forced, self.is_replaced) = (false, false);
        self.ends.clear();
    }

    /// The end that counts: the kubelet stops and starts in one go, and then still sees the one before.
    fn backs_off_from(&self) -> Option<Instant> {
        let newest = self.ends.iter().rev();
        newest.copied().nth(usize::from(self.is_replaced))
    }

    fn until(&self, finished: Instant) -> Option<Instant> {
        let (delay, updated) = self.backoff?;
        let is_forgotten = finished.saturating_since(updated) > BACKOFF_FORGOTTEN;
        (!is_forgotten).then(|| finished + delay)
    }
}
