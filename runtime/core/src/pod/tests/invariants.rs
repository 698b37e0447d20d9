//! Random pods and random, also nonsensical, events: what must hold holds after each.

use super::script::{EPOCH, identity};
use crate::image::ImageConfig;
use crate::pod::{
    Action, ConditionType, ContainerId, ContainerState, Event, Exit, HookKind, ImageError,
    ImageErrorReason, ImageFacts, Phase, Pod, ProbeKind, ProbeResult, Role, SandboxError,
    StartError, Status,
};
use crate::process::{ExitStatus, Signal};
use crate::seed::Seed;
use crate::spec::{self, GracePeriod, RestartPolicy};
use crate::time::Instant;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
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
    deleted: bool,
    removed: bool,
    shown: Status,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Answers something, well or badly.
    Answer {
        good: bool,
        kind: u8,
    },
    /// One of the containers that are alive exits.
    Exit {
        which: usize,
        code: u8,
        oom_killed: bool,
    },
    /// A probe ends.
    Probed {
        which: usize,
        kind: u8,
    },
    /// A hook ends.
    HookEnded {
        which: usize,
        good: bool,
    },
    Delete(Option<u32>),
    /// Time passes, up to the next timeout at most.
    Pass(u64),
    /// Time passes until the next timeout.
    Timeout,
    /// An answer nobody asked for.
    Nonsense {
        container: u16,
        kind: u8,
    },
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (prop::bool::weighted(0.8), any::<u8>()).prop_map(|(good, kind)| Step::Answer { good, kind }),
        4 => (any::<usize>(), prop_oneof![Just(0u8), any::<u8>()], prop::bool::weighted(0.1))
            .prop_map(|(which, code, oom_killed)| Step::Exit { which, code, oom_killed }),
        4 => (any::<usize>(), 0u8..4).prop_map(|(which, kind)| Step::Probed { which, kind }),
        3 => (any::<usize>(), prop::bool::weighted(0.7))
            .prop_map(|(which, good)| Step::HookEnded { which, good }),
        1 => prop::option::of(0u32..40).prop_map(Step::Delete),
        3 => (0u64..40_000).prop_map(Step::Pass),
        4 => Just(Step::Timeout),
        2 => (0u16..8, any::<u8>()).prop_map(|(container, kind)| Step::Nonsense { container, kind }),
    ]
}

fn policies() -> impl Strategy<Value = RestartPolicy> {
    use RestartPolicy::{Always, Never, OnFailure};
    prop_oneof![Just(Always), Just(OnFailure), Just(Never)]
}

fn probes() -> impl Strategy<Value = Option<spec::Probe>> {
    let numbers = (
        0u64..4,
        1u64..5,
        1u32..3,
        1u32..3,
        prop::option::of(1u32..9),
    );
    let probe = numbers.prop_map(|(delay, period, success, failure, grace)| spec::Probe {
        handler: spec::ProbeHandler::Exec(Vec::new()),
        initial_delay: Duration::from_secs(delay),
        period: Duration::from_secs(period),
        timeout: Duration::from_secs(1),
        success_threshold: success,
        failure_threshold: failure,
        termination_grace_period: grace.map(|seconds| GracePeriod { seconds }),
    });
    prop::option::weighted(0.2, probe)
}

fn hooks() -> impl Strategy<Value = Option<spec::Hook>> {
    let hook = prop_oneof![
        Just(spec::Hook::Exec(Vec::new())),
        Just(spec::Hook::TcpSocket(spec::TcpSocket {
            host: None,
            port: spec::TargetPort::Number(80),
        })),
        (0u64..9).prop_map(|seconds| spec::Hook::Sleep(Duration::from_secs(seconds))),
    ];
    prop::option::weighted(0.2, hook)
}

/// Containers without names. Only those that stay have probes and hooks.
fn containers(
    prefix: &'static str,
    count: Range<usize>,
) -> impl Strategy<Value = Vec<spec::Container>> {
    let one = (
        prop::option::weighted(0.3, policies()),
        [probes(), probes(), probes()],
        [hooks(), hooks()],
    );
    let one = one.prop_map(move |(restart_policy, probes, [post_start, pre_stop])| {
        let bare = spec::Container {
            image: "image".to_owned(),
            restart_policy,
            ..spec::Container::default()
        };
        if prefix == "i" && !bare.is_sidecar() {
            return bare;
        }
        let [startup_probe, liveness_probe, readiness_probe] = probes;
        let lifecycle = spec::Lifecycle {
            post_start,
            pre_stop,
            stop_signal: None,
        };
        spec::Container {
            startup_probe,
            liveness_probe,
            readiness_probe,
            lifecycle,
            ..bare
        }
    });
    prop::collection::vec(one, count).prop_map(move |mut all| {
        for (index, container) in all.iter_mut().enumerate() {
            container.name = format!("{prefix}{index}");
        }
        all
    })
}

fn pods() -> impl Strategy<Value = spec::Pod> {
    let deadline = prop::option::weighted(0.2, 1u64..200);
    let (init, regular) = (containers("i", 0..4), containers("r", 1..4));
    (policies(), init, regular, deadline, 0u32..40).prop_map(
        |(restart_policy, init_containers, containers, deadline, seconds)| spec::Pod {
            restart_policy,
            init_containers,
            containers,
            active_deadline: deadline.map(Duration::from_secs),
            termination_grace_period: GracePeriod { seconds },
            ..spec::Pod::default()
        },
    )
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
        let mut engine = Self {
            pod,
            now: Instant::ZERO,
            sandbox: false,
            pulling: None,
            starting: None,
            alive: BTreeSet::new(),
            probes: BTreeMap::new(),
            hooks: BTreeMap::new(),
            deleted: false,
            removed: false,
            shown,
        };
        engine.take_actions();
        engine
    }

    fn handle(&mut self, event: Event) {
        self.pod.handle(self.now, event);
        self.take_actions();
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
            Step::Delete(seconds) => {
                self.deleted = true;
                let grace = seconds.map(|seconds| GracePeriod { seconds });
                self.handle(Event::Delete { grace });
            }
            Step::Pass(millis) => {
                let until = self.now + Duration::from_millis(millis);
                self.now = self.pod.poll_timeout().map_or(until, |at| at.min(until));
                self.pod.handle_timeout(self.now);
                self.take_actions();
            }
            Step::Timeout => {
                if let Some(at) = self.pod.poll_timeout() {
                    self.now = at;
                    self.pod.handle_timeout(at);
                    self.take_actions();
                }
            }
            Step::Nonsense { container, kind } => self.nonsense(ContainerId(container), kind),
        }
    }

    fn answer(&mut self, good: bool, kind: u8) {
        let message = || "x".to_owned();
        if self.sandbox {
            self.sandbox = false;
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
                return self.handle(Event::Started { container });
            }
            let error = match kind % 3 {
                0 => StartError::CreateContainerConfig(message()),
                1 => StartError::CreateContainer(message()),
                _ => StartError::Start(message()),
            };
            self.handle(Event::StartFailed { container, error });
        }
    }

    fn exit(&mut self, container: ContainerId, status: ExitStatus, oom_killed: bool) {
        self.forget(container);
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
                    self.pulling = Some(container);
                }
                Action::Start { container, attempt } => {
                    assert!(self.pulling.is_none() && self.starting.is_none() && !self.deleted);
                    let shown = self.status_of(container);
                    let before = u32::from(shown.container_id.is_some()) + shown.restart_count;
                    assert_eq!(attempt, before);
                    self.starting = Some(container);
                }
                Action::Signal { container, .. } => assert!(self.alive.contains(&container)),
                Action::Kill { container } => self.kill(container),
                Action::RemoveSandbox => {
                    assert!(self.alive.is_empty() && self.starting.is_none());
                    (self.removed, self.sandbox, self.pulling) = (true, false, None);
                }
                Action::Emit(_) | Action::StatusChanged => {}
            }
        }
        self.check();
    }

    /// The engine always obeys this one.
    fn kill(&mut self, container: ContainerId) {
        if self.starting == Some(container) {
            self.starting = None;
            let error = StartError::Start("killed".to_owned());
            return self
                .pod
                .handle(self.now, Event::StartFailed { container, error });
        }
        self.forget(container);
        let exit = Exit {
            status: ExitStatus::Signaled(Signal::KILL),
            oom_killed: false,
            message: None,
        };
        self.pod.handle(self.now, Event::Exited { container, exit });
    }

    fn status_of(&self, container: ContainerId) -> &crate::pod::ContainerStatus {
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
        assert_eq!(status.phase.is_terminal(), self.removed);
        let (old, new) = (self.shown.phase, status.phase);
        assert!(
            old <= new && (!old.is_terminal() || old == new),
            "{old} then {new}"
        );
        for (before, after) in self.shown.all_containers().zip(status.all_containers()) {
            assert!(before.restart_count <= after.restart_count);
        }
        self.check_timers();
        self.check_conditions(status);
        assert!(status.containers.is_sorted_by(|a, b| a.name < b.name));
        let total = self.pod.spec().all_containers().count();
        assert_eq!(status.all_containers().count(), total);
        for (index, _) in self.pod.spec().all_containers().enumerate() {
            let id = ContainerId(u16::try_from(index).unwrap());
            let running = matches!(self.status_of(id).state, ContainerState::Running { .. });
            let hook = &self.pod.spec_of(id).lifecycle.post_start;
            let is_hidden = self.alive.contains(&id) && hook.is_some();
            assert!(running == self.alive.contains(&id) || (is_hidden && !running));
        }
        self.shown = self.pod.status().clone();
    }

    /// Nothing is due that was not done, and nothing is forgotten.
    fn check_timers(&self) {
        let next = self.pod.poll_timeout();
        assert!(
            next.is_none_or(|at| self.now < at),
            "{next:?} is due at {}",
            self.now
        );
        let is_waiting_for_us = self.sandbox
            || self.pulling.is_some()
            || self.starting.is_some()
            || !self.alive.is_empty();
        assert!(self.removed || is_waiting_for_us || next.is_some(), "stuck");
        let is_dying = self.deleted && !self.removed;
        assert!(!is_dying || next.is_some(), "nobody will be killed");
    }

    fn check_conditions(&self, status: &Status) {
        let holds = |type_| status.condition(type_).expect("always there").status;
        let sidecars = Role::all(self.pod.spec()).zip(&status.init_containers);
        let sidecars = sidecars
            .filter(|((role, _), _)| *role == Role::Sidecar)
            .map(|(_, one)| one);
        let all_ready = status
            .containers
            .iter()
            .chain(sidecars)
            .all(|one| one.ready);
        let is_over = status.phase.is_terminal();
        assert_eq!(holds(ConditionType::ContainersReady), all_ready && !is_over);
        assert_eq!(
            holds(ConditionType::Ready),
            holds(ConditionType::ContainersReady)
        );
        assert!(holds(ConditionType::PodScheduled));
        assert!(!(is_over && holds(ConditionType::PodReadyToStartContainers)));
        if status
            .containers
            .iter()
            .any(|one| one.container_id.is_some())
        {
            assert!(holds(ConditionType::Initialized));
        }
        for (own, one) in self.pod.spec().all_containers().map(|own| {
            let mut all = status.all_containers();
            (
                own,
                all.find(|one| one.name == own.name).expect("always there"),
            )
        }) {
            let running = matches!(one.state, ContainerState::Running { .. });
            assert!(running || !one.started);
            assert!(!running || one.started || own.startup_probe.is_some());
            let is_done = matches!(&one.state, ContainerState::Terminated(_));
            assert!(!one.ready || one.started || is_done);
        }
        let all_zero = status.containers.iter().all(|one| match &one.state {
            ContainerState::Terminated(ended) => ended.exit_code == 0,
            ContainerState::Waiting(_) | ContainerState::Running { .. } => false,
        });
        assert!(status.phase != Phase::Succeeded || all_zero);
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

fn probe_result(kind: u8) -> ProbeResult {
    let text = || "x".to_owned();
    match kind {
        0 => ProbeResult::Success,
        1 => ProbeResult::Failure(text()),
        2 => ProbeResult::Error(text()),
        _ => ProbeResult::Warning(text()),
    }
}

fn image_answer(container: ContainerId, good: bool, kind: u8) -> Event {
    if good {
        let image = ImageFacts {
            already_present: kind.is_multiple_of(2),
            ..ImageFacts::default()
        };
        let config = ImageConfig::default();
        return Event::ImageReady {
            container,
            image,
            config,
        };
    }
    let reason = match kind % 4 {
        0 => ImageErrorReason::ErrImagePull,
        1 => ImageErrorReason::ErrImageNeverPull,
        2 => ImageErrorReason::InvalidImageName,
        _ => ImageErrorReason::ImageInspectError,
    };
    let error = ImageError {
        reason,
        message: "x".to_owned(),
    };
    Event::ImageFailed { container, error }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hold(spec in pods(), steps in prop::collection::vec(steps(), 0..80)) {
        let mut engine = Engine::new(spec);
        for step in steps {
            engine.step(step);
        }
        engine.finish();
    }
}
