//! `postStart` and `preStop`, of regular containers and of sidecars.

use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, PAUSE, indent, pass};
use seedpod::status::{ContainerState, Status};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_DELETE_S, container_of};
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/node/lifecycle_hook.go",
    cases: CASES,
};

/// Where the container with the hook stands.
#[derive(Clone, Copy)]
enum Role {
    Regular,
    Sidecar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hook {
    PostStart,
    PreStop,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Handler {
    Exec,
    Http,
    Https,
}

use Handler::{Exec, Http, Https};
use Hook::{PostStart, PreStop};
use Role::{Regular, Sidecar};

const CASES: &[Case] = &[
    pass(163, POST_START_EXEC, || check(Regular, PostStart, Exec)),
    pass(180, PRE_STOP_EXEC, || check(Regular, PreStop, Exec)),
    pass(196, POST_START_HTTP, || check(Regular, PostStart, Http)),
    pass(217, POST_START_HTTPS, || check(Regular, PostStart, Https)),
    pass(239, PRE_STOP_HTTP, || check(Regular, PreStop, Http)),
    pass(260, PRE_STOP_HTTPS, || check(Regular, PreStop, Https)),
    pass(388, POST_START_EXEC, || check(Sidecar, PostStart, Exec)),
    pass(410, PRE_STOP_EXEC, || check(Sidecar, PreStop, Exec)),
    pass(431, POST_START_HTTP, || check(Sidecar, PostStart, Http)),
    pass(457, POST_START_HTTPS, || check(Sidecar, PostStart, Https)),
    pass(484, PRE_STOP_HTTP, || check(Sidecar, PreStop, Http)),
    pass(510, PRE_STOP_HTTPS, || check(Sidecar, PreStop, Https)),
    pass(594, "valid prestop hook using sleep action", || {
        sleeps(None, 50..=100);
    }),
    pass(646, "reduce GracePeriodSeconds during runtime", || {
        sleeps(Some(30), 30..=50);
    }),
    pass(697, "ignore terminated container", || {
        let fields = format!(
            "command: [/bin/sh]\nargs: [-c, sleep 3]\n{}",
            sleep_hook(10)
        );
        let spec = "restartPolicy: Never\nterminationGracePeriodSeconds: 30";
        let mut cluster = Cluster::new();
        cluster.create(&cases::pod(SLEEPING, spec, SLEEPING, BUSYBOX, &fields));
        let status = cluster.wait(SLEEPING, 30, is_terminated);
        let ContainerState::Terminated(end) = &status.containers[0].state else {
            panic!("{status:#?}");
        };
        let ran = end.finished_at.as_unix_nanos() - end.started_at.as_unix_nanos();
        assert!(Duration::from_nanos(ran) <= Duration::from_secs(10));
        cluster.delete_and_wait(SLEEPING);
    }),
    pass(
        744,
        "prestop hook using sleep action with zero duration",
        || {
            let mut cluster = Cluster::new();
            cluster.create_sync(&cases::pod(SLEEPING, "", SLEEPING, PAUSE, &sleep_hook(0)));
            let before = cluster.now();
            cluster.delete_and_wait(SLEEPING);
            let time = cluster.now() - before;
            assert!(time <= Duration::from_secs(30), "{time:?}");
        },
    ),
];

const POST_START_EXEC: &str = "should execute poststart exec hook properly";
const PRE_STOP_EXEC: &str = "should execute prestop exec hook properly";
const POST_START_HTTP: &str = "should execute poststart http hook properly";
const POST_START_HTTPS: &str = "should execute poststart https hook properly";
const PRE_STOP_HTTP: &str = "should execute prestop http hook properly";
const PRE_STOP_HTTPS: &str = "should execute prestop https hook properly";

const HANDLER: &str = "pod-handle-http-request";
const HOOKED: &str = "pod-with-hook";

/// `testPodWithHook`: the hook leads, for HTTP through a sidecar of the pod, to another pod, whose log shows it.
fn check(role: Role, hook: Hook, handler: Handler) {
    let mut cluster = Cluster::new();
    let server = "container-handle-http-request";
    cluster.create_sync(&cases::pod(HANDLER, "", server, AGNHOST, "args: [netexec]"));
    let ip = cluster
        .status(HANDLER)
        .pod_ip
        .expect("a ready pod has an address");
    cluster.create_sync(&pod_with_hook(role, hook, handler, &ip.to_string()));
    let is_logged = |message: &str| {
        let line = format!("GET /echo?msg={message}");
        move |cluster: &Cluster| cluster.logs(HANDLER, server).contains(&line)
    };
    if hook == PostStart {
        let seen = cluster.advance(Duration::from_secs(120), is_logged("poststart"));
        assert!(
            seen,
            "{}\n{}",
            cluster.describe(HANDLER),
            cluster.describe(HOOKED)
        );
    }
    cluster.delete(HOOKED, Some(15));
    cluster.wait_for_not_found(HOOKED, POD_DELETE_S);
    if hook == PreStop {
        let seen = cluster.advance(Duration::from_secs(30), is_logged("prestop"));
        assert!(
            seen,
            "{}\n{}",
            cluster.describe(HANDLER),
            cluster.describe(HOOKED)
        );
    }
}

fn pod_with_hook(role: Role, hook: Hook, handler: Handler, ip: &str) -> String {
    let (field, message) = match hook {
        PostStart => ("postStart", "poststart"),
        PreStop => ("preStop", "prestop"),
    };
    let (scheme, tls) = match handler {
        Exec | Http => ("HTTP", ""),
        Https => (
            "HTTPS",
            ", --tls-cert-file, /localhost.crt, --tls-private-key-file, /localhost.key",
        ),
    };
    let (image, action) = match handler {
        Exec => (
            AGNHOST,
            format!("exec: {{command: [sh, -c, 'curl http://{ip}:8080/echo?msg={message}']}}"),
        ),
        Http | Https => (
            PAUSE,
            format!(
                "httpGet: {{scheme: {scheme}, path: '/dial?host={ip}&port=8080&request=echo%3Fmsg%3D{message}', port: 8080}}"
            ),
        ),
    };
    let hooked = format!(
        "- name: {HOOKED}
  image: {image}
  lifecycle:
    {field}:
      {action}
"
    );
    let (hooked_sidecar, containers) = match role {
        Regular => (String::new(), hooked),
        Sidecar => (
            hooked + "  restartPolicy: Always\n",
            format!("- name: main\n  image: {PAUSE}\n"),
        ),
    };
    let (hooked_sidecar, containers) = (indent(&hooked_sidecar, 2), indent(&containers, 2));
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {HOOKED}}}
spec:
  initContainers:
  - name: container-redirect
    image: {AGNHOST}
    args: [netexec, --udp-port, '-1'{tls}]
    restartPolicy: Always
    startupProbe:
      httpGet: {{scheme: {scheme}, path: '/echo?msg=startup', port: 8080}}
{hooked_sidecar}  containers:
{containers}"
    )
}

const SLEEPING: &str = "pod-with-prestop-sleep-hook";

fn sleep_hook(seconds: u32) -> String {
    format!("lifecycle: {{preStop: {{sleep: {{seconds: {seconds}}}}}}}")
}

fn is_terminated(status: &Status) -> bool {
    let container = container_of(status, SLEEPING);
    matches!(container.state, ContainerState::Terminated(_))
}

/// A hook of 50 s under a grace period of 100 s, or a shorter one at deletion: how long the container still runs.
fn sleeps(grace_s: Option<u32>, seconds: std::ops::RangeInclusive<u64>) {
    let spec = "terminationGracePeriodSeconds: 100";
    let mut cluster = Cluster::new();
    cluster.create_sync(&cases::pod(
        SLEEPING,
        spec,
        SLEEPING,
        PAUSE,
        &sleep_hook(50),
    ));
    let before = cluster.wall_time();
    cluster.delete(SLEEPING, grace_s);
    let status = cluster.wait(SLEEPING, 100, is_terminated);
    let ContainerState::Terminated(end) = &container_of(&status, SLEEPING).state else {
        panic!("{status:#?}");
    };
    let time = Duration::from_nanos(end.finished_at.as_unix_nanos() - before.as_unix_nanos());
    let (low, high) = (*seconds.start(), *seconds.end());
    assert!(
        Duration::from_secs(low) <= time && time <= Duration::from_secs(high),
        "{time:?}\n{}",
        cluster.describe(SLEEPING)
    );
}
