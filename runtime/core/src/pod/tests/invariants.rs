//! Random pods and random, also nonsensical, events, and a [`Model`] beside the pod: after each event the pod shows what
//! the model says, and nothing is lost.

use super::law;
use super::model::Model;
use super::random::{Change, Step, image_answer, pods, probe_result, steps};
use super::script::{EPOCH, identity};
use crate::pod::{
    Action, ContainerId, ContainerState, ContainerStatus, Event, EventReason, Exit,
    ForeignCondition, HookKind, Phase, Pod, PodReason, ProbeKind, ProbeResult, SandboxError,
    StartError, Status, WaitingReason,
};
use crate::process::{ExitStatus, Signal};
use crate::seed::Seed;
use crate::spec::{self, GracePeriod};
use crate::time::Instant;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What the engine owes the pod, and what it has seen.
struct Engine {
    pod: Pod,
    now: Instant,
    sandbox: bool,
    pulling: Option<ContainerId>,
    starting: Option<ContainerId>,
    alive: BTreeSet<ContainerId>,
    /// Probes and hooks that run, and in which instance.
    probes: BTreeMap<(ContainerId, ProbeKind), u32>,
    hooks: BTreeMap<(ContainerId, HookKind), u32>,
    model: Model,
    sandbox_ready: bool,
    /// What somebody set for the readiness gate.
    gate: Option<bool>,
    /// When somebody asked last for the end.
    ending: Option<Instant>,
    failure: Option<PodReason>,
    /// Whether the deadline has passed while there was something left to run.
    must_fail: bool,
    deadline: Option<Instant>,
    deleted: bool,
    removed: bool,
    shown: Status,
}

impl Engine {
    fn new(spec: spec::Pod) -> Self {
        let pod = Pod::new(
            Arc::new(spec),
            identity(),
            Seed::new(1),
            Instant::ZERO,
            EPOCH,
        );
        let shown = pod.status().clone();
        let pod_spec = pod.spec().clone();
        let mut engine = Self {
            pod,
            now: Instant::ZERO,
            sandbox: false,
            pulling: None,
            starting: None,
            alive: BTreeSet::new(),
            probes: BTreeMap::new(),
            hooks: BTreeMap::new(),
            model: Model::new(pod_spec.clone()),
            sandbox_ready: false,
            gate: None,
            ending: None,
            failure: None,
            must_fail: false,
            deadline: pod_spec.active_deadline.map(|span| Instant::ZERO + span),
            deleted: false,
            removed: false,
            shown,
        };
        engine.take_actions();
        engine
    }

    fn handle(&mut self, event: Event) {
        self.look_at_the_clock();
        self.pod.handle(self.now, event);
        self.take_actions();
    }

    fn handle_timeout(&mut self) {
        self.look_at_the_clock();
        self.pod.handle_timeout(self.now);
        self.take_actions();
    }

    fn look_at_the_clock(&mut self) {
        let is_due = self.deadline.is_some_and(|at| at <= self.now);
        if is_due && !self.model.is_ending && !self.removed {
            self.end(0);
            self.must_fail = !self.model.is_complete();
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Answer { good, kind } => self.answer(good, kind),
            Step::Exit {
                which,
                code,
                oom_killed,
            } => {
                let alive: Vec<_> = self.alive.iter().copied().collect();
                if !alive.is_empty() {
                    let status = ExitStatus::Exited(code);
                    self.exit(alive[which % alive.len()], status, oom_killed);
                }
            }
            Step::Probed { which, kind } => {
                let all: Vec<_> = self.probes.keys().copied().collect();
                if let Some(&(container, probe)) = all.get(which % all.len().max(1)) {
                    let attempt = self.probes.remove(&(container, probe)).expect("it runs");
                    let result = probe_result(kind);
                    self.model.probed(container, probe, &result);
                    self.handle(Event::Probed {
                        container,
                        attempt,
                        probe,
                        result,
                    });
                }
            }
            Step::HookEnded { which, good } => {
                let all: Vec<_> = self.hooks.keys().copied().collect();
                if let Some(&(container, hook)) = all.get(which % all.len().max(1)) {
                    let attempt = self.hooks.remove(&(container, hook)).expect("it runs");
                    let result = if good { Ok(()) } else { Err("x".to_owned()) };
                    self.handle(Event::HookEnded {
                        container,
                        attempt,
                        hook,
                        result,
                    });
                }
            }
            Step::Update(_) | Step::Gate(_) if self.removed => {}
            Step::Update(change) => self.update(change),
            Step::Gate(holds) => self.set_gate(holds),
            Step::Evict => {
                if !self.removed {
                    self.failure = Some(PodReason::Evicted);
                }
                self.end(1);
                let message = "x".to_owned();
                self.handle(Event::Evict { message });
            }
            Step::Delete(seconds) => {
                self.deleted = true;
                self.end(seconds.unwrap_or_default());
                let grace = seconds.map(|seconds| GracePeriod { seconds });
                self.handle(Event::Delete { grace });
            }
            Step::Pass(millis) => {
                let until = self.now + Duration::from_millis(millis);
                self.now = self.pod.poll_timeout().map_or(until, |at| at.min(until));
                self.handle_timeout();
            }
            Step::Timeout => {
                if let Some(at) = self.pod.poll_timeout() {
                    self.now = at;
                    self.handle_timeout();
                }
            }
            Step::Nonsense { container, kind } => self.nonsense(ContainerId(container), kind),
        }
    }

    /// Somebody asks for the end, with this grace period.
    fn end(&mut self, grace_s: u32) {
        self.ending = Some(self.now);
        self.model.is_ending = true;
        self.model.allow(grace_s);
    }

    fn set_gate(&mut self, holds: bool) {
        self.gate = Some(holds);
        let condition = ForeignCondition {
            type_: "gate".to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            reason: None,
            message: None,
            last_transition: EPOCH.at(self.now),
        };
        let conditions = vec![condition];
        self.handle(Event::Conditions { conditions });
    }

    fn update(&mut self, change: Change) {
        let mut spec = (**self.pod.spec()).clone();
        match change {
            Change::Image { which, image } => {
                let mut all = spec.init_containers.iter_mut().chain(&mut spec.containers);
                let count = all.size_hint().0;
                let one = all.nth(which % count).expect("there is one");
                one.image = format!("image:{image}");
            }
            Change::Cpu { which, limit_m } => {
                let mut all = spec.init_containers.iter_mut().chain(&mut spec.containers);
                let count = all.size_hint().0;
                let one = all.nth(which % count).expect("there is one");
                one.resources.limits.cpu_m = Some(limit_m);
            }
            Change::Deadline(seconds) => {
                let span = Duration::from_secs(seconds);
                let shorter = spec.active_deadline.map_or(span, |before| before.min(span));
                spec.active_deadline = Some(shorter);
                self.deadline = Some(Instant::ZERO + shorter);
            }
            Change::Ephemeral if spec.ephemeral_containers.len() < 3 => {
                let name = format!("e{}", spec.ephemeral_containers.len());
                spec.ephemeral_containers.push(spec::Container {
                    name,
                    image: "image".to_owned(),
                    ..spec::Container::default()
                });
            }
            Change::Ephemeral => {}
            Change::Label => {
                spec.meta
                    .labels
                    .insert("label".to_owned(), "value".to_owned());
            }
        }
        let before = self.pod.status().observed_generation;
        let is_new = spec::Pod {
            meta: self.pod.spec().meta.clone(),
            ..spec.clone()
        } != **self.pod.spec();
        let spec = Arc::new(spec);
        self.model.update(spec.clone());
        self.handle(Event::Update { spec: spec.clone() });
        assert_eq!(*self.pod.spec(), spec);
        let after = self.pod.status().observed_generation;
        assert_eq!(after, before + u64::from(is_new));
    }

    fn answer(&mut self, good: bool, kind: u8) {
        let message = || "x".to_owned();
        if self.sandbox {
            self.sandbox = false;
            self.sandbox_ready = good;
            return self.handle(match (good, kind % 2) {
                (true, _) => Event::SandboxReady {
                    pod_ip: [10, 0, 0, 2].into(),
                },
                (false, 0) => Event::SandboxFailed {
                    error: SandboxError::FailedMount(message()),
                },
                (false, _) => Event::SandboxFailed {
                    error: SandboxError::FailedCreatePodSandBox(message()),
                },
            });
        }
        if let Some(container) = self.pulling.take() {
            return self.handle(image_answer(container, good, kind));
        }
        if let Some(container) = self.starting.take() {
            if good {
                self.alive.insert(container);
                self.model.started(container);
                return self.handle(Event::Started { container });
            }
            let error = match kind % 3 {
                0 => StartError::CreateContainerConfig(message()),
                1 => StartError::CreateContainer(message()),
                _ => {
                    self.model.start_error(container, self.now);
                    StartError::Start(message())
                }
            };
            self.handle(Event::StartFailed { container, error });
        }
    }

    fn exit(&mut self, container: ContainerId, status: ExitStatus, oom_killed: bool) {
        self.forget(container);
        let code = if oom_killed { 137 } else { status.code() };
        self.model.exited(container, code, self.now);
        let exit = Exit {
            status,
            oom_killed,
            message: None,
        };
        self.handle(Event::Exited { container, exit });
    }

    fn forget(&mut self, container: ContainerId) {
        self.probes.retain(|(id, _), _| *id != container);
        self.hooks.retain(|(id, _), _| *id != container);
        assert!(self.alive.remove(&container));
    }

    /// Only what no real state of the engine could mean.
    fn nonsense(&mut self, container: ContainerId, kind: u8) {
        let involved = self.alive.contains(&container)
            || self.starting == Some(container)
            || self.pulling == Some(container);
        if involved || self.sandbox {
            return;
        }
        let status = self.pod.status().clone();
        let before = self.pod.poll_timeout();
        self.handle(match kind % 8 {
            0 => image_answer(container, true, kind),
            1 => image_answer(container, false, kind),
            2 => Event::Started { container },
            3 => Event::StartFailed {
                container,
                error: StartError::Start("x".to_owned()),
            },
            4 => Event::Probed {
                container,
                attempt: u32::from(kind) / 8,
                probe: ProbeKind::Liveness,
                result: ProbeResult::Failure("x".to_owned()),
            },
            5 => Event::HookEnded {
                container,
                attempt: u32::from(kind) / 8,
                hook: HookKind::PreStop,
                result: Err("x".to_owned()),
            },
            6 => Event::SandboxReady {
                pod_ip: [1; 4].into(),
            },
            _ => Event::Exited {
                container,
                exit: Exit {
                    status: ExitStatus::Exited(0),
                    oom_killed: false,
                    message: None,
                },
            },
        });
        assert_eq!(
            (&status, before),
            (self.pod.status(), self.pod.poll_timeout())
        );
    }

    fn take_actions(&mut self) {
        self.model.observe(self.pod.status());
        while let Some(action) = self.pod.poll_action() {
            assert!(!self.removed, "{action:?} after the end");
            match action {
                Action::CreateSandbox => {
                    assert!(!self.sandbox && !self.deleted);
                    self.sandbox = true;
                }
                Action::Probe {
                    container,
                    attempt,
                    probe,
                } => {
                    assert!(self.alive.contains(&container));
                    assert_eq!(attempt, self.status_of(container).restart_count);
                    let before = self.probes.insert((container, probe), attempt);
                    assert!(before.is_none(), "{probe} runs twice");
                }
                Action::RunHook {
                    container,
                    attempt,
                    hook,
                } => {
                    assert!(self.alive.contains(&container));
                    let before = self.hooks.insert((container, hook), attempt);
                    assert!(before.is_none(), "{hook} runs twice");
                }
                Action::PullImage { container, .. } => {
                    assert!(self.pulling.is_none() && self.starting.is_none() && !self.deleted);
                    assert!(!self.alive.contains(&container));
                    self.check_order(container);
                    self.model.attempt(container, self.now);
                    self.pulling = Some(container);
                }
                Action::Start { container, attempt } => {
                    assert!(self.pulling.is_none() && self.starting.is_none() && !self.deleted);
                    assert_eq!(attempt, self.model.containers[container.index()].runs);
                    self.starting = Some(container);
                }
                Action::Signal { container, .. } => {
                    assert!(self.alive.contains(&container));
                    self.model.signalled(container, self.now);
                }
                Action::Kill { container } => self.kill(container),
                Action::RemoveSandbox => {
                    assert!(self.alive.is_empty() && self.starting.is_none());
                    (self.removed, self.sandbox, self.pulling) = (true, false, None);
                    self.sandbox_ready = false;
                }
                Action::Emit(event) => {
                    if event.reason == EventReason::DeadlineExceeded {
                        assert!(self.deadline.is_some_and(|at| at <= self.now));
                        self.failure = Some(PodReason::DeadlineExceeded);
                    }
                    self.model.emitted(&event, self.now);
                }
                Action::StatusChanged => {}
            }
        }
        self.check();
    }

    /// The engine always obeys this one.
    fn kill(&mut self, container: ContainerId) {
        self.model.killed(container, self.now);
        let conditions = &self.pod.status().conditions;
        self.shown.conditions.clone_from(conditions);
        if self.starting == Some(container) {
            self.starting = None;
            self.model.start_error(container, self.now);
            let error = StartError::Start("killed".to_owned());
            let event = Event::StartFailed { container, error };
            self.pod.handle(self.now, event);
            return self.model.observe(self.pod.status());
        }
        self.forget(container);
        self.model.exited(container, 137, self.now);
        let exit = Exit {
            status: ExitStatus::Signaled(Signal::KILL),
            oom_killed: false,
            message: None,
        };
        self.pod.handle(self.now, Event::Exited { container, exit });
        self.model.observe(self.pod.status());
    }

    fn status_of(&self, container: ContainerId) -> &ContainerStatus {
        let name = &self.pod.spec_of(container).name;
        let mut all = self.pod.status().all_containers();
        all.find(|one| one.name == *name)
            .expect("every container has a status")
    }

    /// Regular containers come after all init containers, init containers after those before them.
    fn check_order(&self, container: ContainerId) {
        let spec = self.pod.spec();
        let status = self.pod.status();
        let ran = status
            .containers
            .iter()
            .any(|one| one.container_id.is_some());
        let before = spec.init_containers.iter().zip(&status.init_containers);
        let declared = spec.init_containers.len() + spec.containers.len();
        if container.index() >= declared {
            return;
        }
        for (own, one) in before.take(container.index()) {
            assert!(
                ran || own.is_sidecar() || one.ready,
                "{} is not done",
                own.name
            );
            assert!(ran || one.container_id.is_some(), "{} never ran", own.name);
        }
    }

    fn check(&mut self) {
        let status = self.pod.status();
        assert_eq!(self.pod.is_finished(), self.removed);
        assert!(!self.must_fail || self.failure.is_some());
        assert_eq!(status.phase.is_terminal(), self.removed);
        self.check_phase_and_conditions(status);
        for before in self.shown.all_containers() {
            let mut all = status.all_containers();
            let after = all.find(|one| one.name == before.name).expect("none goes");
            assert!(before.restart_count <= after.restart_count);
        }
        self.check_timers();
        for list in [&status.containers, &status.ephemeral_containers] {
            assert!(list.is_sorted_by(|a, b| a.name < b.name));
        }
        let total = self.pod.spec().all_containers().count();
        assert_eq!(status.all_containers().count(), total);
        for index in 0..total {
            let id = ContainerId(u16::try_from(index).expect("few containers"));
            assert_eq!(
                self.model.containers[index].is_alive,
                self.alive.contains(&id)
            );
            self.model.check(id, self.status_of(id));
        }
        self.shown = self.pod.status().clone();
    }

    fn check_phase_and_conditions(&self, status: &Status) {
        let spec = self.pod.spec();
        let facts = law::Facts {
            is_terminal: self.removed,
            has_initialized: self.model.has_initialized(),
            sandbox_ready: self.sandbox_ready,
            is_restarting_all: self.model.restarts_all(),
            gate: self.gate.map(|holds| if holds { "True" } else { "False" }),
        };
        let (old, decided) = (self.shown.phase, law::phase(spec, status, facts));
        let expected = match (self.removed, decided) {
            _ if old.is_terminal() => old,
            (true, Phase::Succeeded) if self.failure.is_none() => Phase::Succeeded,
            (true, _) => Phase::Failed,
            (false, decided) if decided.is_terminal() => old,
            (false, decided) => decided,
        };
        assert_eq!(status.phase, expected, "{status:#?}");
        assert!(
            old <= status.phase || self.model.was_reset,
            "{old} then {}",
            status.phase
        );
        assert_eq!(status.reason, self.failure.filter(|_| self.removed));
        assert_eq!(law::shown(status), law::conditions(spec, status, facts));
        for one in &status.conditions {
            let before = self.shown.condition(one.type_);
            let same = before.filter(|before| before.status == one.status);
            let since = same.map_or(EPOCH.at(self.now), |before| before.last_transition);
            assert_eq!(one.last_transition, since, "{}", one.type_);
        }
    }

    /// Nothing is due that was not done, and nothing is forgotten.
    fn check_timers(&self) {
        let next = self.pod.poll_timeout();
        let is_early = next.is_none_or(|at| self.now < at);
        assert!(is_early, "{next:?} is due at {}", self.now);
        if self.removed {
            return assert_eq!(next, None);
        }
        let is_in_time = |due: Instant| next.is_some_and(|at| at <= due);
        if let Some(due) = self.model.stop_is_due(self.ending) {
            assert!(is_in_time(due), "{next:?}, but a stop is due at {due}");
        }
        let is_waiting_for_us = self.sandbox
            || self.pulling.is_some()
            || self.starting.is_some()
            || !self.alive.is_empty();
        assert!(is_waiting_for_us || next.is_some(), "stuck");
        if self.model.is_ending {
            return assert!(next.is_some(), "nobody will be killed");
        }
        let is_lost = self.deadline.is_some_and(|at| !is_in_time(at));
        assert!(!is_lost || self.model.is_complete(), "the deadline is lost");
        let is_hidden = |id: &ContainerId| !is_running(self.status_of(*id));
        let is_idle = self.sandbox_ready
            && self.pulling.is_none()
            && self.starting.is_none()
            && !self.alive.iter().any(is_hidden)
            && !self.model.is_stopping();
        if !is_idle {
            return;
        }
        assert!(
            !self.model.is_complete(),
            "nothing is left to run: {:#?}",
            self.model
        );
        assert!(!self.model.restarts_all(), "all are to start again");
        let status = self.pod.status();
        assert_eq!(self.model.forgotten_stops(status), Vec::<String>::new());
        for id in self.model.wanted(status) {
            let due = self.due(id);
            assert!(
                is_in_time(due),
                "{next:?}, but {id:?} is due at {due}: {:#?}",
                self.model
            );
        }
    }

    /// When a container that is to start is tried next; at once, if nothing is known against it.
    fn due(&self, id: ContainerId) -> Instant {
        use WaitingReason::{
            CrashLoopBackOff, CreateContainerConfigError, CreateContainerError, ErrImageNeverPull,
            ErrImagePull, ImageInspectError, ImagePullBackOff, InvalidImageName,
        };
        let ContainerState::Waiting(waiting) = &self.status_of(id).state else {
            return self.now;
        };
        match waiting.reason {
            CrashLoopBackOff => self.model.backs_off_until(id).unwrap_or(self.now),
            ImagePullBackOff => self.now + Duration::from_secs(300),
            ErrImagePull
            | ErrImageNeverPull
            | InvalidImageName
            | ImageInspectError
            | CreateContainerConfigError
            | CreateContainerError => self.now + Duration::from_secs(10),
            _ => self.now,
        }
    }

    /// Deletes the pod and does nothing but what it must.
    fn finish(&mut self) {
        self.step(Step::Delete(None));
        for _ in 0..1000 {
            if self.removed {
                return;
            }
            self.step(Step::Timeout);
        }
        panic!("the pod never ends");
    }
}

fn is_running(one: &ContainerStatus) -> bool {
    matches!(one.state, ContainerState::Running { .. })
}

/// Times at least 50 steps.
const CASES: u32 = 2000;

proptest! {
    // At least 100,000 steps. Seeds that failed are kept in `proptest-regressions`.
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn hold(spec in pods(), steps in prop::collection::vec(steps(), 50..60)) {
        let mut engine = Engine::new(spec);
        for step in steps {
            engine.step(step);
        }
        engine.finish();
    }
}
