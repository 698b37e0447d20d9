//! Startup, liveness and readiness probes, of regular containers and of sidecars.

use crate::cases::{AGNHOST, BUSYBOX, Case, File, indent, pass};
use seedpod::status::{ConditionType, ContainerState, Phase, Status};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_DELETE_S, POD_START_S, container_of, is_true};
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/node/container_probe.go",
    cases: CASES,
};

/// Where the container with the probe stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Regular,
    Sidecar,
}

use Role::{Regular, Sidecar};

const CASES: &[Case] = &[
    pass(71, INITIAL_DELAY, || initial_delay(Regular)),
    pass(107, NEVER_READY, || never_ready(Regular)),
    pass(134, EXEC_RESTARTS, || exec_restarts(Regular)),
    pass(151, EXEC_KEEPS, || exec_keeps(Regular)),
    pass(168, HTTP_RESTARTS, || http_restarts(Regular)),
    pass(183, TCP_KEEPS, || tcp_keeps(Regular)),
    pass(198, MONOTONIC, || restarts_increase(Regular)),
    pass(214, HTTP_KEEPS, || http_keeps(Regular)),
    pass(230, EXEC_TIMEOUT, || exec_timeout_restarts(Regular)),
    pass(247, EXEC_TIMEOUT_READINESS, || {
        exec_timeout_is_not_ready(Regular);
    }),
    pass(264, EXEC_TIMEOUT_FAILING, || failing_exec_restarts(Regular)),
    pass(281, LOCAL_REDIRECT, || local_redirect_restarts(Regular)),
    pass(296, FOREIGN_REDIRECT, || foreign_redirect_keeps(Regular)),
    pass(320, STARTUP_RESTARTS, || startup_restarts(Regular)),
    pass(349, STARTUP_DELAYS, || startup_delays_liveness(Regular)),
    pass(378, STARTUP_ENABLES, || startup_enables_liveness(Regular)),
    pass(407, STARTUP_THEN_READY, || ready_after_startup(Regular)),
    pass(462, LIVENESS_GRACE, || liveness_grace(Regular)),
    pass(492, STARTUP_GRACE, || startup_grace(Regular)),
    pass(527, GRPC_KEEPS, || grpc_keeps(Regular)),
    pass(550, GRPC_RESTARTS, || grpc_restarts(Regular)),
    pass(565, TERMINATING, || unready_while_terminating(Regular)),
    pass(631, TERMINATING_LIVENESS, || {
        no_liveness_while_terminating(Regular);
    }),
    pass(749, INITIAL_DELAY, || initial_delay(Sidecar)),
    pass(786, NEVER_READY, || never_ready(Sidecar)),
    pass(816, EXEC_RESTARTS, || exec_restarts(Sidecar)),
    pass(835, EXEC_KEEPS, || exec_keeps(Sidecar)),
    pass(856, HTTP_RESTARTS, || http_restarts(Sidecar)),
    pass(875, TCP_KEEPS, || tcp_keeps(Sidecar)),
    pass(898, MONOTONIC, || restarts_increase(Sidecar)),
    pass(916, HTTP_KEEPS, || http_keeps(Sidecar)),
    pass(934, EXEC_TIMEOUT, || exec_timeout_restarts(Sidecar)),
    pass(953, EXEC_TIMEOUT_READINESS, || {
        exec_timeout_is_not_ready(Sidecar);
    }),
    pass(972, EXEC_TIMEOUT_FAILING, || failing_exec_restarts(Sidecar)),
    pass(993, LOCAL_REDIRECT, || local_redirect_restarts(Sidecar)),
    pass(1011, FOREIGN_REDIRECT, || foreign_redirect_keeps(Sidecar)),
    pass(1037, STARTUP_RESTARTS, || startup_restarts(Sidecar)),
    pass(1067, STARTUP_DELAYS, || startup_delays_liveness(Sidecar)),
    pass(1100, STARTUP_ENABLES, || startup_enables_liveness(Sidecar)),
    pass(1132, STARTUP_THEN_READY, || ready_after_startup(Sidecar)),
    pass(1191, LIVENESS_GRACE, || liveness_grace(Sidecar)),
    pass(1223, STARTUP_GRACE, || startup_grace(Sidecar)),
    pass(1260, GRPC_KEEPS, || grpc_keeps(Sidecar)),
    pass(1284, GRPC_RESTARTS, || grpc_restarts(Sidecar)),
    pass(1299, TERMINATING, || unready_while_terminating(Sidecar)),
    pass(1376, TERMINATING_LIVENESS, || {
        no_liveness_while_terminating(Sidecar);
    }),
];

const INITIAL_DELAY: &str =
    "with readiness probe should not be ready before initial delay and never restart";
const NEVER_READY: &str = "with readiness probe that fails should never be ready and never restart";
const EXEC_RESTARTS: &str = r#"should be restarted with a exec "cat /tmp/health" liveness probe"#;
const EXEC_KEEPS: &str =
    r#"should *not* be restarted with a exec "cat /tmp/health" liveness probe"#;
const HTTP_RESTARTS: &str = "should be restarted with a /healthz http liveness probe";
const TCP_KEEPS: &str = "should *not* be restarted with a tcp:8080 liveness probe";
const MONOTONIC: &str = "should have monotonically increasing restart count";
const HTTP_KEEPS: &str = "should *not* be restarted with a /healthz http liveness probe";
const EXEC_TIMEOUT: &str = "should be restarted with an exec liveness probe with timeout";
const EXEC_TIMEOUT_READINESS: &str = "should not be ready with an exec readiness probe timeout";
const EXEC_TIMEOUT_FAILING: &str =
    "should be restarted with a failing exec liveness probe that took longer than the timeout";
const LOCAL_REDIRECT: &str = "should be restarted with a local redirect http liveness probe";
const FOREIGN_REDIRECT: &str =
    "should *not* be restarted with a non-local redirect http liveness probe";
const STARTUP_RESTARTS: &str = "should be restarted startup probe fails";
const STARTUP_DELAYS: &str =
    "should *not* be restarted by liveness probe because startup probe delays it";
const STARTUP_ENABLES: &str =
    "should be restarted by liveness probe after startup probe enables it";
const STARTUP_THEN_READY: &str = "should be ready immediately after startupProbe succeeds";
const LIVENESS_GRACE: &str =
    "should override timeoutGracePeriodSeconds when LivenessProbe field is set";
const STARTUP_GRACE: &str =
    "should override timeoutGracePeriodSeconds when StartupProbe field is set";
const GRPC_KEEPS: &str = "should *not* be restarted with a GRPC liveness probe";
const GRPC_RESTARTS: &str = "should be restarted with a GRPC liveness probe";
const TERMINATING: &str = "should mark readiness on pods to false while pod is in progress of terminating when a pod has a readiness probe";
const TERMINATING_LIVENESS: &str = "should mark readiness on pods to false and disable liveness probes while pod is in progress of terminating";

/// `defaultObservationTimeout`.
const OBSERVATION_S: u64 = 4 * 60;

/// The one with the probe; a sidecar has `main` beside it, which pauses.
const PROBED: &str = "probed";

const POD: &str = "probe-test";

fn pod(role: Role, spec: &str, image: &str, fields: &str) -> String {
    let (spec, fields) = (indent(spec, 2), indent(fields, 4));
    let containers = match role {
        Regular => format!("  containers:\n  - name: {PROBED}\n    image: {image}\n{fields}"),
        Sidecar => format!(
            "  initContainers:
  - name: {PROBED}
    image: {image}
    restartPolicy: Always
{fields}  containers:
  - name: main
    image: {AGNHOST}
    args: [pause]
"
        ),
    };
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {POD}
  labels: {{test: liveness}}
spec:
{spec}{containers}"
    )
}

fn test_webserver(role: Role, probe: &str) -> String {
    let args = match role {
        Regular => "args: [test-webserver]",
        Sidecar => "args: [test-webserver, --port, '80']",
    };
    let fields = format!("{args}\nports: [{{containerPort: 80}}]\n{probe}");
    pod(role, "", AGNHOST, &fields)
}

fn busybox(role: Role, script: &str, probes: &str) -> String {
    let fields = format!("command: [/bin/sh, -c, '{script}']\n{probes}");
    pod(role, "", BUSYBOX, &fields)
}

/// agnhost's `liveness`: `/healthz` says 500 from its 11th second on.
fn liveness(role: Role, probe: &str) -> String {
    let fields = format!("args: [liveness]\nlivenessProbe: {{{probe}}}");
    pod(role, "", AGNHOST, &fields)
}

fn grpc_server(role: Role, probe: &str) -> String {
    let fields = format!(
        "command: [/agnhost, grpc-health-checking]
ports: [{{containerPort: 5000}}, {{containerPort: 8080}}]
livenessProbe: {{{probe}}}"
    );
    pod(role, "", AGNHOST, &fields)
}

fn restart_count(status: &Status) -> u32 {
    container_of(status, PROBED).restart_count
}

/// `RunLivenessTest`: this many restarts within the time, or none at all in all of it; the count never falls.
fn check_restarts(manifest: &str, restarts: u32, seconds: u64) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.create(manifest);
    let status = cluster.wait(POD, seconds, |status| {
        let probed = status.all_containers().find(|one| one.name == PROBED);
        probed.is_some_and(|one| !matches!(one.state, ContainerState::Waiting(_)))
    });
    assert_eq!(restart_count(&status), 0);
    if restarts == 0 {
        cluster.hold(POD, seconds, |status| restart_count(status) == 0);
    } else {
        let mut last = 0;
        cluster.wait(POD, seconds, |status| {
            let count = restart_count(status);
            assert!(count >= last, "{status:#?}");
            last = count;
            count >= restarts
        });
    }
    cluster
}

fn initial_delay(role: Role) {
    let mut cluster = Cluster::new();
    cluster.create(&test_webserver(
        role,
        "readinessProbe: {httpGet: {path: /, port: 80}, initialDelaySeconds: 15}",
    ));
    let status = cluster.wait_for_ready(POD, POD_START_S);
    assert_eq!(status.phase, Phase::Running);
    let ready = status.condition(ConditionType::Ready);
    let ready = ready.expect("pods have this condition").last_transition;
    let ContainerState::Running { started_at } = container_of(&status, PROBED).state else {
        panic!("{status:#?}");
    };
    let delay = ready.as_unix_nanos() - started_at.as_unix_nanos();
    assert!(Duration::from_nanos(delay) >= Duration::from_secs(15));
    assert_eq!(restarts_of_all(&status), 0);
}

fn restarts_of_all(status: &Status) -> u32 {
    status.all_containers().map(|one| one.restart_count).sum()
}

fn never_ready(role: Role) {
    let mut cluster = Cluster::new();
    cluster.create(&test_webserver(
        role,
        "readinessProbe: {httpGet: {path: /, port: 81}}",
    ));
    cluster.advance(Duration::from_secs(1), |cluster| {
        !cluster.statuses(POD).is_empty()
    });
    cluster.hold(POD, 60, |status| !is_true(status, ConditionType::Ready));
    assert_eq!(restarts_of_all(&cluster.status(POD)), 0);
}

const HEALTH: &str = "livenessProbe: {exec: {command: [cat, /tmp/health]}, initialDelaySeconds: 15, timeoutSeconds: 5, failureThreshold: 1}";

fn exec_restarts(role: Role) {
    let script = "echo ok >/tmp/health; sleep 10; rm -rf /tmp/health; sleep 600";
    check_restarts(&busybox(role, script, HEALTH), 1, OBSERVATION_S);
}

fn exec_keeps(role: Role) {
    let script = "echo ok >/tmp/health; sleep 600";
    check_restarts(&busybox(role, script, HEALTH), 0, OBSERVATION_S);
}

/// What the two files differ in.
fn timeout(role: Role) -> &'static str {
    match role {
        Regular => "",
        Sidecar => ", timeoutSeconds: 5",
    }
}

fn http_restarts(role: Role) {
    let probe = format!(
        "httpGet: {{path: /healthz, port: 8080}}, initialDelaySeconds: 15, failureThreshold: 1{}",
        timeout(role)
    );
    check_restarts(&liveness(role, &probe), 1, OBSERVATION_S);
}

fn tcp_keeps(role: Role) {
    let probe = format!(
        "tcpSocket: {{port: 8080}}, initialDelaySeconds: 15, failureThreshold: 1{}",
        timeout(role)
    );
    check_restarts(&liveness(role, &probe), 0, OBSERVATION_S);
}

fn restarts_increase(role: Role) {
    let probe =
        "httpGet: {path: /healthz, port: 8080}, initialDelaySeconds: 5, failureThreshold: 1";
    let seconds = 2 * 60 + OBSERVATION_S + 4 * 2 * 60;
    check_restarts(&liveness(role, probe), 5, seconds);
}

fn http_keeps(role: Role) {
    let probe = "livenessProbe: {httpGet: {path: /, port: 80}, initialDelaySeconds: 15, timeoutSeconds: 5, failureThreshold: 5}";
    check_restarts(&test_webserver(role, probe), 0, OBSERVATION_S);
}

fn exec_timeout_restarts(role: Role) {
    let probe = "livenessProbe: {exec: {command: [/bin/sh, -c, sleep 10]}, initialDelaySeconds: 15, timeoutSeconds: 1, failureThreshold: 1}";
    check_restarts(&busybox(role, "sleep 600", probe), 1, OBSERVATION_S);
}

fn exec_timeout_is_not_ready(role: Role) {
    let probe = "readinessProbe: {exec: {command: [/bin/sh, -c, sleep 10]}, initialDelaySeconds: 15, timeoutSeconds: 1, failureThreshold: 1}";
    let mut cluster = Cluster::new();
    cluster.create(&busybox(role, "sleep 600", probe));
    cluster.wait(POD, POD_START_S, |status| status.phase != Phase::Pending);
    cluster.hold(POD, 60, |status| !is_true(status, ConditionType::Ready));
}

fn failing_exec_restarts(role: Role) {
    let probe = "livenessProbe: {exec: {command: [/bin/sh, -c, sleep 10 & exit 1]}, initialDelaySeconds: 15, timeoutSeconds: 1, failureThreshold: 1}";
    check_restarts(&busybox(role, "sleep 600", probe), 1, OBSERVATION_S);
}

fn local_redirect_restarts(role: Role) {
    let probe = "httpGet: {path: '/redirect?loc=%2Fhealthz', port: 8080}, initialDelaySeconds: 15, failureThreshold: 1";
    check_restarts(&liveness(role, probe), 1, OBSERVATION_S);
}

fn foreign_redirect_keeps(role: Role) {
    let probe = "httpGet: {path: '/redirect?loc=http%3A%2F%2F0.0.0.0%2F', port: 8080}, initialDelaySeconds: 15, failureThreshold: 1";
    let mut cluster = check_restarts(&liveness(role, probe), 0, OBSERVATION_S);
    cluster.wait_for_event(
        POD,
        "ProbeWarning",
        r#"Probe terminated redirects, Response body: <a href="http://0.0.0.0/">Found</a>."#,
        120,
    );
}

fn startup(role: Role, script: &str, liveness: &str, startup: &str) -> String {
    let probes = format!(
        "livenessProbe: {{exec: {{command: [{liveness}]}}, initialDelaySeconds: 15, failureThreshold: 1}}
startupProbe: {{exec: {{command: [{startup}}}"
    );
    busybox(role, script, &probes)
}

fn startup_restarts(role: Role) {
    let manifest = startup(
        role,
        "sleep 600",
        "/bin/true",
        "/bin/false]}, initialDelaySeconds: 15, failureThreshold: 3",
    );
    check_restarts(&manifest, 1, OBSERVATION_S);
}

fn startup_delays_liveness(role: Role) {
    let manifest = startup(
        role,
        "sleep 600",
        "/bin/false",
        "/bin/false]}, initialDelaySeconds: 15, failureThreshold: 60",
    );
    check_restarts(&manifest, 0, OBSERVATION_S);
}

fn startup_enables_liveness(role: Role) {
    let manifest = startup(
        role,
        "sleep 10; echo ok >/tmp/startup; sleep 600",
        "/bin/false",
        "cat, /tmp/startup]}, initialDelaySeconds: 15, failureThreshold: 60",
    );
    check_restarts(&manifest, 1, OBSERVATION_S);
}

fn ready_after_startup(role: Role) {
    let script = "echo ok >/tmp/health; sleep 32; echo ok >/tmp/startup; sleep 600";
    let probes = "
readinessProbe: {exec: {command: [/bin/cat, /tmp/health]}, initialDelaySeconds: 0, periodSeconds: 30}
startupProbe: {exec: {command: [/bin/cat, /tmp/startup]}, initialDelaySeconds: 0, failureThreshold: 120, periodSeconds: 5}";
    let mut cluster = Cluster::new();
    cluster.create(&busybox(role, script, probes));
    cluster.wait(POD, POD_START_S, |status| {
        let probed = status.all_containers().find(|one| one.name == PROBED);
        probed.is_some_and(|one| one.started)
    });
    let started = cluster.now();
    assert!(started.as_nanos() >= 32_000_000_000, "{started}");
    let status = cluster.wait_for_ready(POD, POD_START_S);
    assert_eq!(status.phase, Phase::Running);
    let time = cluster.now() - started;
    assert!(time <= Duration::from_secs(25), "{time:?}");
}

fn liveness_grace(role: Role) {
    let fields = "
command: [/bin/sh, -c, sleep 1000]
livenessProbe:
  httpGet: {path: /healthz, port: 8080}
  initialDelaySeconds: 10
  failureThreshold: 1
  terminationGracePeriodSeconds: 5";
    let manifest = pod(role, "terminationGracePeriodSeconds: 500", BUSYBOX, fields);
    check_restarts(&manifest, 1, 40 + OBSERVATION_S);
}

fn startup_grace(role: Role) {
    let fields = "
command: [/bin/sh, -c, sleep 1000]
livenessProbe:
  exec: {command: [/bin/true]}
  initialDelaySeconds: 15
  failureThreshold: 1
startupProbe:
  exec: {command: [/bin/cat, /tmp/startup]}
  initialDelaySeconds: 10
  failureThreshold: 1
  terminationGracePeriodSeconds: 5";
    let manifest = pod(role, "terminationGracePeriodSeconds: 500", BUSYBOX, fields);
    check_restarts(&manifest, 1, 40 + OBSERVATION_S);
}

fn grpc_keeps(role: Role) {
    let probe =
        "grpc: {port: 5000}, initialDelaySeconds: 15, timeoutSeconds: 5, failureThreshold: 1";
    check_restarts(&grpc_server(role, probe), 0, OBSERVATION_S);
}

fn grpc_restarts(role: Role) {
    let probe =
        "grpc: {port: 2333}, initialDelaySeconds: 60, timeoutSeconds: 5, failureThreshold: 1";
    check_restarts(&grpc_server(role, probe), 1, OBSERVATION_S);
}

fn trapping(role: Role, removed: &str, seconds: u32, liveness: &str) -> String {
    let fields = format!(
        "command: [/bin/bash]
args:
- -c
- |
  _term() {{
    rm -f {removed}
    sleep {seconds}
    exit 0
  }}
  trap _term SIGTERM

  touch {removed}

  while true; do
    echo \\\"hello\\\"
    sleep 10
  done
readinessProbe:
  exec: {{command: [cat, /tmp/ready]}}
  failureThreshold: 1
  initialDelaySeconds: 5
  periodSeconds: 2
{liveness}"
    );
    pod(role, "terminationGracePeriodSeconds: 30", AGNHOST, &fields)
}

fn becomes_unready(cluster: &mut Cluster) {
    cluster.wait_for_ready(POD, POD_START_S);
    cluster.delete(POD, None);
    cluster.wait(POD, POD_DELETE_S, |status| {
        assert!(
            is_true(status, ConditionType::Ready) || status.phase == Phase::Running,
            "became unready while it ran: {status:#?}"
        );
        !is_true(status, ConditionType::Ready)
    });
}

fn unready_while_terminating(role: Role) {
    let mut cluster = Cluster::new();
    cluster.create(&trapping(role, "/tmp/ready", 30, ""));
    becomes_unready(&mut cluster);
}

fn no_liveness_while_terminating(role: Role) {
    let liveness = "
livenessProbe:
  exec: {command: [cat, /tmp/liveness]}
  failureThreshold: 1
  initialDelaySeconds: 5
  periodSeconds: 1";
    let mut cluster = Cluster::new();
    cluster.create(&trapping(role, "/tmp/ready /tmp/liveness", 20, liveness));
    becomes_unready(&mut cluster);
    cluster.run(60);
    let failures = cluster.events(POD).iter();
    let failures = failures.filter(|event| event.message.contains("failed liveness probe"));
    assert_eq!(failures.count(), 0, "{}", cluster.describe(POD));
}
