//! Random pods, and random steps of what happens to them.

use crate::image::ImageConfig;
use crate::pod::{ContainerId, Event, ImageError, ImageErrorReason, ImageFacts, ProbeResult};
use crate::spec::{self, GracePeriod, RestartPolicy};
use proptest::prelude::*;
use std::ops::Range;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
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
    /// The pod is updated.
    Update(Change),
    /// Somebody sets the condition of the readiness gate.
    Gate(bool),
    Evict,
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

/// What is new in an update.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Image {
        which: usize,
        image: u8,
    },
    /// Thousandths of a core.
    Cpu {
        which: usize,
        limit_m: u64,
    },
    /// Seconds.
    Deadline(u64),
    Ephemeral,
    Label,
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<usize>(), 0u8..3).prop_map(|(which, image)| Change::Image { which, image }),
        3 => (any::<usize>(), 1u64..4).prop_map(|(which, limit_m)| Change::Cpu { which, limit_m }),
        1 => (1u64..1000).prop_map(Change::Deadline),
        2 => Just(Change::Ephemeral),
        1 => Just(Change::Label),
    ]
}

/// Small codes are what rules are about.
fn codes() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0u8), 3 => 1u8..4, 1 => any::<u8>()]
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        80 => (prop::bool::weighted(0.8), any::<u8>()).prop_map(|(good, kind)| Step::Answer { good, kind }),
        40 => (any::<usize>(), codes(), prop::bool::weighted(0.1))
            .prop_map(|(which, code, oom_killed)| Step::Exit { which, code, oom_killed }),
        40 => (any::<usize>(), 0u8..5).prop_map(|(which, kind)| Step::Probed { which, kind }),
        30 => (any::<usize>(), prop::bool::weighted(0.7))
            .prop_map(|(which, good)| Step::HookEnded { which, good }),
        20 => changes().prop_map(Step::Update),
        10 => any::<bool>().prop_map(Step::Gate),
        1 => Just(Step::Evict),
        4 => prop::option::of(0u32..40).prop_map(Step::Delete),
        30 => (0u64..40_000).prop_map(Step::Pass),
        40 => Just(Step::Timeout),
        20 => (0u16..8, any::<u8>()).prop_map(|(container, kind)| Step::Nonsense { container, kind }),
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

fn rules() -> impl Strategy<Value = Vec<spec::RestartRule>> {
    use spec::ExitCodesOperator::{In, NotIn};
    use spec::RestartAction::{Restart, RestartAllContainers};
    let action = prop_oneof![Just(Restart), Just(RestartAllContainers)];
    let operator = prop_oneof![4 => Just(In), 1 => Just(NotIn)];
    let rule = (action, operator, prop::collection::vec(0i32..4, 1..3));
    let rule = rule.prop_map(|(action, operator, values)| spec::RestartRule {
        action,
        operator,
        values,
    });
    prop::collection::vec(rule, 0..3)
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
        rules(),
        any::<bool>(),
        [probes(), probes(), probes()],
        [hooks(), hooks()],
    );
    let one = one.prop_map(
        move |(restart_policy, rules, restarts, probes, [post_start, pre_stop])| {
            let bare = spec::Container {
                image: "image".to_owned(),
                restart_policy,
                restart_policy_rules: rules,
                resize_policy: spec::ResizePolicy {
                    cpu: match restarts {
                        true => spec::ResizeRestartPolicy::RestartContainer,
                        false => spec::ResizeRestartPolicy::NotRequired,
                    },
                    ..spec::ResizePolicy::default()
                },
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
        },
    );
    prop::collection::vec(one, count).prop_map(move |mut all| {
        for (index, container) in all.iter_mut().enumerate() {
            container.name = format!("{prefix}{index}");
        }
        all
    })
}

pub(super) fn pods() -> impl Strategy<Value = spec::Pod> {
    let deadline = prop::option::weighted(0.2, 1u64..200);
    let (init, regular) = (containers("i", 0..4), containers("r", 1..4));
    let gate = prop::bool::weighted(0.2);
    (policies(), init, regular, deadline, 0u32..40, gate).prop_map(
        |(restart_policy, init_containers, containers, deadline, seconds, gate)| spec::Pod {
            restart_policy,
            init_containers,
            containers,
            active_deadline: deadline.map(Duration::from_secs),
            termination_grace_period: GracePeriod { seconds },
            readiness_gates: gate.then(|| "gate".to_owned()).into_iter().collect(),
            ..spec::Pod::default()
        },
    )
}

pub(super) fn probe_result(kind: u8) -> ProbeResult {
    let text = || "x".to_owned();
    match kind {
        0 => ProbeResult::Success,
        1 => ProbeResult::Failure(text()),
        2 => ProbeResult::Error(text()),
        3 => ProbeResult::Interrupted(text()),
        _ => ProbeResult::Warning(text()),
    }
}

pub(super) fn image_answer(container: ContainerId, good: bool, kind: u8) -> Event {
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
