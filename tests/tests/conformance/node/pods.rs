//! The life of a pod as its clients see it.

use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, NGINX, PAUSE, adapted, pass};
use seedpod::status::{ConditionType, ContainerState, Phase};
use seedpod_core::time::WallTime;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_DELETE_S, POD_START_S, is_true};
use std::net::IpAddr;
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/node/pods.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(208, "should get a host IP", || {
        let mut cluster = Cluster::new();
        cluster.create_sync(&paused("pod-hostip"));
        let ip: IpAddr = cluster.status("pod-hostip").host_ip;
        assert!(!ip.is_unspecified());
    }),
    adapted(
        230,
        "should be submitted and removed",
        "the statuses of the pod are watched, not a list by label",
        is_submitted_and_removed,
    ),
    adapted(
        348,
        "should be updated",
        "the pod itself is looked at, not a list by label",
        is_updated,
    ),
    pass(
        402,
        "should allow activeDeadlineSeconds to be updated",
        || {
            let mut cluster = Cluster::new();
            cluster.create_sync(&paused("pod-update"));
            cluster.update("pod-update", |pod| {
                pod.active_deadline = Some(Duration::from_secs(5));
            });
            let status = cluster.wait_for_failure("pod-update", POD_START_S);
            let reason = status.reason.as_ref().map(ToString::to_string);
            assert_eq!(reason.as_deref(), Some("DeadlineExceeded"));
        },
    ),
    pass(
        448,
        "should contain environment variables for services",
        service_variables,
    ),
    adapted(
        540,
        "should support remote command execution over websockets",
        "through the session that a WebSocket carries",
        || {
            let mut cluster = Cluster::new();
            cluster.create_sync(&alive("pod-exec-websocket", 600));
            let command = ["echo", "remote execution test"];
            let exec = cluster.exec("pod-exec-websocket", "main", &command);
            assert!(exec.stdout.contains("remote execution test"), "{exec:?}");
            assert_eq!(exec.stderr, "");
        },
    ),
    adapted(
        622,
        "should support retrieving logs from the container over websockets",
        "from the log that a WebSocket carries",
        || {
            let mut cluster = Cluster::new();
            cluster.create_sync(&alive("pod-logs-websocket", 10_000));
            cluster.run(1);
            let log = cluster.logs("pod-logs-websocket", "main");
            assert_eq!(log, "container is alive\n");
        },
    ),
    pass(
        684,
        "should have their auto-restart back-off timer reset on image update [Slow]",
        back_off_starts_over,
    ),
    pass(
        725,
        "should cap back-off at MaxContainerBackOff [Slow]",
        back_off_is_capped,
    ),
    pass(779, "should support pod readiness gates", readiness_gates),
    adapted(
        853,
        "should delete a collection of pods",
        "each pod is deleted by its name",
        || {
            let names = ["test-pod-1", "test-pod-2", "test-pod-3"];
            let mut cluster = Cluster::new();
            for name in names {
                let spec = "terminationGracePeriodSeconds: 1\nrestartPolicy: Never";
                cluster.create(&cases::pod(name, spec, "token-test", AGNHOST, ""));
            }
            for name in names {
                cluster.wait_for_ready(name, POD_START_S);
            }
            for name in names {
                cluster.delete(name, Some(1));
            }
            for name in names {
                cluster.wait_for_not_found(name, POD_DELETE_S);
            }
        },
    ),
];

fn paused(name: &str) -> String {
    cases::pod(name, "", "pause", PAUSE, "")
}

fn alive(name: &str, seconds: u32) -> String {
    let command = format!("command: [/bin/sh, -c, 'echo container is alive; sleep {seconds}']");
    cases::pod(name, "", "main", BUSYBOX, &command)
}

fn is_submitted_and_removed() {
    let mut cluster = Cluster::new();
    cluster.create(&paused("pod-submit-remove"));
    assert!(cluster.exists("pod-submit-remove"));
    cluster.wait_for_running("pod-submit-remove", POD_START_S);
    cluster.delete("pod-submit-remove", Some(30));
    cluster.wait_for_not_found("pod-submit-remove", POD_DELETE_S);
    let deletion = cluster.status("pod-submit-remove").deletion;
    assert_ne!(deletion.expect("it was deleted").grace.seconds, 0);
}

fn is_updated() {
    let mut cluster = Cluster::new();
    cluster.create_sync(&paused("pod-update"));
    cluster.update("pod-update", |pod| {
        pod.meta
            .labels
            .insert("time".to_owned(), "later".to_owned());
    });
    cluster.run(10);
    let labels = cluster.handle("pod-update").spec().meta.labels.clone();
    assert_eq!(labels.get("time").map(String::as_str), Some("later"));
    let status = cluster.status("pod-update");
    assert_eq!(status.phase, Phase::Running);
    assert_eq!(status.containers[0].restart_count, 0);
}

fn service_variables() {
    let mut cluster = Cluster::new();
    cluster.create_sync(&cases::pod(
        "server-envvars",
        "",
        "srv",
        AGNHOST,
        "ports: [{containerPort: 9376}]",
    ));
    cluster.apply(
        "
apiVersion: v1
kind: Service
metadata:
  name: fooservice
  labels: {name: fooservice}
spec:
  ports: [{port: 8765, targetPort: 8080}]
  selector: {name: server-envvars}",
    );
    let (spec, command) = ("restartPolicy: Never", "command: [sh, -c, env]");
    cluster.test_output(
        &cases::pod("client-envvars", spec, "env3cont", BUSYBOX, command),
        "env3cont",
        &[
            "FOOSERVICE_SERVICE_HOST=",
            "FOOSERVICE_SERVICE_PORT=",
            "FOOSERVICE_PORT=",
            "FOOSERVICE_PORT_8765_TCP_PORT=",
            "FOOSERVICE_PORT_8765_TCP_PROTO=",
            "FOOSERVICE_PORT_8765_TCP=",
            "FOOSERVICE_PORT_8765_TCP_ADDR=",
        ],
    );
}

const BACK_OFF: &str = "back-off";

/// `MaxCrashLoopBackOff`.
const BACK_OFF_MAX: Duration = Duration::from_secs(300);

/// `maxBackOffTolerance`.
const TOLERANCE: Duration = Duration::from_secs(390);

fn crashing() -> String {
    let command = "command: [/bin/sh, -c, sleep 5, /crash/missing]";
    cases::pod(BACK_OFF, "", BACK_OFF, BUSYBOX, command)
}

/// `getRestartDelay`: from an end to the next start, for one who looks once a second.
fn restart_delay(cluster: &mut Cluster) -> Duration {
    let mut previous: Option<(u32, WallTime)> = None;
    for _ in 0..2 * TOLERANCE.as_secs() {
        cluster.run(1);
        let container = cluster.container(BACK_OFF, BACK_OFF);
        let Some(last) = &container.last_state else {
            continue;
        };
        let Some((restarts, finished)) = previous else {
            let finished = match &container.state {
                ContainerState::Running { .. } => continue,
                ContainerState::Terminated(end) => end.finished_at,
                ContainerState::Waiting(_) => last.finished_at,
            };
            previous = Some((container.restart_count, finished));
            continue;
        };
        if container.restart_count > restarts {
            let started = match &container.state {
                ContainerState::Running { started_at } => *started_at,
                ContainerState::Terminated(end) => end.started_at,
                ContainerState::Waiting(_) => last.started_at,
            };
            return Duration::from_nanos(started.as_unix_nanos() - finished.as_unix_nanos());
        }
    }
    panic!("no restart\n{}", cluster.describe(BACK_OFF));
}

fn back_off_starts_over() {
    let mut cluster = Cluster::new();
    cluster.create_sync(&crashing());
    cluster.run(60);
    restart_delay(&mut cluster);
    let delays = [restart_delay(&mut cluster), restart_delay(&mut cluster)];
    cluster.update(BACK_OFF, |pod| pod.containers[0].image = NGINX.to_owned());
    cluster.run(10);
    cluster.wait_for_running(BACK_OFF, POD_START_S);
    let after = restart_delay(&mut cluster);
    for before in delays {
        assert!(after <= 2 * before, "{after:?} {delays:?}");
    }
    assert!(after < delays[1], "{after:?} {delays:?}");
}

fn back_off_is_capped() {
    let mut cluster = Cluster::new();
    cluster.create_sync(&crashing());
    cluster.run(2 * BACK_OFF_MAX.as_secs());
    let mut delay = Duration::ZERO;
    for _ in 0..3 {
        delay = restart_delay(&mut cluster);
    }
    assert!((BACK_OFF_MAX..=TOLERANCE).contains(&delay), "{delay:?}");
    let delay = restart_delay(&mut cluster);
    assert!((BACK_OFF_MAX..=TOLERANCE).contains(&delay), "{delay:?}");
}

fn readiness_gates() {
    const POD: &str = "pod-ready";
    const GATE1: &str = "k8s.io/test-condition1";
    const GATE2: &str = "k8s.io/test-condition2";
    let spec = format!("readinessGates: [{{conditionType: {GATE1}}}, {{conditionType: {GATE2}}}]");
    let command = "command: [/bin/sh, -c, echo container is alive; sleep 10000]";
    let mut cluster = Cluster::new();
    cluster.create(&cases::pod(
        POD,
        &spec,
        "pod-readiness-gate",
        BUSYBOX,
        command,
    ));
    cluster.wait_for_running(POD, POD_START_S);
    assert!(!is_true(&cluster.status(POD), ConditionType::Ready));
    cluster.set_conditions(POD, &[(GATE1, "True")]);
    cluster.hold(POD, 10, |status| !is_true(status, ConditionType::Ready));
    cluster.set_conditions(POD, &[(GATE1, "True"), (GATE2, "True")]);
    cluster.wait_for_ready(POD, 60);
    cluster.set_conditions(POD, &[(GATE1, "False"), (GATE2, "True")]);
    cluster.wait(POD, 60, |status| !is_true(status, ConditionType::Ready));
}
