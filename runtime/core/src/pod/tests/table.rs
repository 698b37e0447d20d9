//! Every state of a pod with one container against every event: what fits moves it, what does not changes nothing.

use super::manifest::parse_pod;
use super::script::{EPOCH, identity};
use crate::image::ImageConfig;
use crate::pod::{
    Action, ContainerId, Event, Exit, ImageError, ImageErrorReason, ImageFacts, Pod, SandboxError,
    StartError,
};
use crate::process::{ExitStatus, Signal};
use crate::seed::Seed;
use crate::spec::GracePeriod;
use crate::time::Instant;
use expect_test::expect;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

const A: ContainerId = ContainerId(0);

#[test]
fn every_state_and_every_event() {
    let mut table = String::new();
    for (state, path) in states() {
        writeln!(table, "{state}").unwrap();
        for event in events() {
            let mut pod = Pod::new(
                Arc::new(parse_pod("Always a")),
                identity(),
                Seed::new(1),
                Instant::ZERO,
                EPOCH,
            );
            let mut now = Instant::ZERO;
            for event in &path {
                pod.handle(now, event.clone());
                now += Duration::from_secs(1);
            }
            while pod.poll_action().is_some() {}
            let before = describe(&pod);
            pod.handle(now, event.clone());
            let mut actions = String::new();
            while let Some(action) = pod.poll_action() {
                match action {
                    Action::Emit(event) => write!(actions, " {}", event.reason),
                    Action::StatusChanged => Ok(()),
                    other => write!(actions, " {}", first_word(&other)),
                }
                .unwrap();
            }
            let after = describe(&pod);
            if before != after || !actions.is_empty() {
                writeln!(table, "    {:17} -> {after}:{actions}", first_word(&event)).unwrap();
            }
        }
    }
    expect![[r#"
        sandbox creating
            SandboxReady      -> Active Ready Pulling: PullImage
            SandboxFailed     -> Active Waiting Waiting: FailedMount
            Delete            -> Finished Removed Waiting: RemoveSandbox
        sandbox failed
            Delete            -> Finished Removed Waiting: RemoveSandbox
        pulling
            ImagePulling      -> Active Ready Pulling: Pulling
            ImageReady        -> Active Ready Starting: Pulling Pulled Start
            ImageFailed       -> Active Ready Waiting: Pulling Failed Failed
            Delete            -> Finished Removed Waiting: RemoveSandbox
        pull failed
            Delete            -> Finished Removed Waiting: RemoveSandbox
        starting
            Started           -> Active Ready Running: Created Started
            StartFailed       -> Active Ready Waiting: Failed
            Exited            -> Active Ready Pulling: Created Started PullImage
            Delete            -> Terminating Ready Starting:
        start failed
            Delete            -> Finished Removed Waiting: RemoveSandbox
        running
            Exited            -> Active Ready Pulling: PullImage
            Delete            -> Terminating Ready Running: Killing Signal
        restarting
            ImagePulling      -> Active Ready Pulling: Pulling
            ImageReady        -> Active Ready Starting: Pulling Pulled Start
            ImageFailed       -> Active Ready Waiting: Pulling Failed Failed
            Delete            -> Finished Removed Waiting: RemoveSandbox
        crash loop
            Delete            -> Finished Removed Waiting: RemoveSandbox
        terminating
            Exited            -> Finished Removed Terminated: RemoveSandbox
        finished
    "#]]
    .assert_eq(&table);
}

fn describe(pod: &Pod) -> String {
    let life = first_word(&pod.life);
    let sandbox = first_word(&pod.sandbox.state);
    let container = first_word(&pod.containers[0].state);
    format!("{life} {sandbox} {container}")
}

fn first_word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split([' ', '(', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Names of states and the events that lead there, one per second.
fn states() -> Vec<(&'static str, Vec<Event>)> {
    let ready = Event::SandboxReady {
        pod_ip: [10, 0, 0, 2].into(),
    };
    let [
        _,
        failed,
        _,
        pulled,
        unpulled,
        started,
        unstarted,
        exited,
        delete,
    ] = events();
    let running = vec![ready.clone(), pulled.clone(), started.clone()];
    let extended = |from: &[Event], more: &[Event]| [from, more].concat();
    let crashed = extended(
        &running,
        &[exited.clone(), pulled.clone(), started, exited.clone()],
    );
    vec![
        ("sandbox creating", vec![]),
        ("sandbox failed", vec![failed]),
        ("pulling", vec![ready.clone()]),
        ("pull failed", vec![ready.clone(), unpulled]),
        ("starting", vec![ready.clone(), pulled.clone()]),
        ("start failed", vec![ready, pulled.clone(), unstarted]),
        ("running", running.clone()),
        (
            "restarting",
            extended(&running, std::slice::from_ref(&exited)),
        ),
        ("crash loop", crashed),
        (
            "terminating",
            extended(&running, std::slice::from_ref(&delete)),
        ),
        ("finished", extended(&running, &[delete, exited])),
    ]
}

fn events() -> [Event; 9] {
    let container = A;
    [
        Event::SandboxReady {
            pod_ip: [10, 0, 0, 9].into(),
        },
        Event::SandboxFailed {
            error: SandboxError::FailedMount("x".to_owned()),
        },
        Event::ImagePulling { container },
        Event::ImageReady {
            container,
            image: ImageFacts::default(),
            config: ImageConfig::default(),
        },
        Event::ImageFailed {
            container,
            error: ImageError {
                reason: ImageErrorReason::ErrImagePull,
                message: "x".to_owned(),
            },
        },
        Event::Started { container },
        Event::StartFailed {
            container,
            error: StartError::CreateContainer("x".to_owned()),
        },
        Event::Exited {
            container,
            exit: Exit {
                status: ExitStatus::Signaled(Signal::KILL),
                oom_killed: false,
                message: None,
            },
        },
        Event::Delete {
            grace: Some(GracePeriod { seconds: 5 }),
        },
    ]
}

#[test]
fn unknown_containers_are_ignored() {
    let mut pod = Pod::new(
        Arc::new(parse_pod("Always a")),
        identity(),
        Seed::new(1),
        Instant::ZERO,
        EPOCH,
    );
    while pod.poll_action().is_some() {}
    for container in [ContainerId(1), ContainerId(u16::MAX)] {
        pod.handle(Instant::ZERO, Event::Started { container });
        pod.handle(Instant::ZERO, Event::ImagePulling { container });
        assert_eq!(pod.poll_action(), None);
    }
}
