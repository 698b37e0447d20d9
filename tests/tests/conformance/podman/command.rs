//! What runs: command, args, the image's defaults, restarts.

use super::{IMAGE, output, pod};
use crate::cases::{self, Case, adapted, pass};
use seedpod::status::Phase;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_DELETE_S, POD_START_S};

pub(super) const CASES: &[Case] = &[
    pass(2414, "all arguments should be read", || {
        let mut cluster = Cluster::new();
        cluster.create(&pod("", "command: [sleep, '3600']"));
        cluster.wait_for_running("testpod", POD_START_S);
        cluster.delete_and_wait("testpod");
    }),
    pass(2731, "test correct command", || {
        assert_eq!(ran("command: [echo, hello, world]"), "hello world\n");
    }),
    pass(2756, "test correct args and cmd when not specified", || {
        assert_eq!(agnhost(""), "Paused\n");
    }),
    pass(
        2780,
        "test correct command with only set command in yaml file",
        || {
            let fields = "command: [/agnhost-2, entrypoint-tester]";
            assert_eq!(agnhost(fields), "[/agnhost-2 entrypoint-tester]\n");
        },
    ),
    pass(
        2868,
        "test correct command with only set args in yaml file",
        || {
            assert_eq!(
                agnhost("args: [entrypoint-tester, hello]"),
                "[/agnhost entrypoint-tester hello]\n"
            );
        },
    ),
    pass(
        2892,
        "test correct command with both set args and cmd in yaml file",
        || {
            let fields = "command: [echo, hello]\nargs: [world]";
            assert_eq!(ran(fields), "hello world\n");
        },
    ),
    pass(2912, "test correct output", || {
        assert_eq!(ran("command: [echo, hello]"), "hello\n");
    }),
    adapted(
        2805,
        "test with init containers and annotation set",
        INIT,
        init_container,
    ),
    adapted(
        2846,
        "test with init container type set to default value",
        INIT,
        init_container,
    ),
    pass(2934, "podman pod logs test", || {
        let mut cluster = Cluster::new();
        let spec = "restartPolicy: Never";
        let one = cases::pod("testpod", spec, "one", IMAGE, "command: [echo, one]");
        let two = format!("  - {{name: two, image: {IMAGE:?}, command: [echo, two]}}\n");
        cluster.create(&(one + &two));
        cluster.wait_for_success("testpod", POD_START_S);
        assert_eq!(cluster.logs("testpod", "one"), "one\n");
        assert_eq!(cluster.logs("testpod", "two"), "two\n");
    }),
    pass(2976, "test restartPolicy", || {
        for (policy, restarts) in [("Always", true), ("OnFailure", false), ("Never", false)] {
            let mut cluster = Cluster::new();
            let spec = format!("restartPolicy: {policy}");
            cluster.create(&pod(&spec, "command: ['true']"));
            cluster.run(60);
            let count = cluster.container("testpod", "ctr").restart_count;
            assert_eq!(count > 0, restarts, "{policy}");
        }
        for (policy, restarts) in [("Always", true), ("OnFailure", true), ("Never", false)] {
            let mut cluster = Cluster::new();
            let spec = format!("restartPolicy: {policy}");
            cluster.create(&pod(&spec, "command: ['false']"));
            cluster.run(60);
            let count = cluster.container("testpod", "ctr").restart_count;
            assert_eq!(count > 0, restarts, "{policy}");
        }
    }),
    pass(3393, "no security context", || {
        assert_eq!(ran("command: [id, -u]"), "0\n");
    }),
    adapted(
        4827,
        "runAsUser:runAsGroup pod and container",
        "the ids are shown to programs; there is nothing they could be denied",
        || {
            let spec = "securityContext: {runAsUser: 101010, runAsGroup: 202020}";
            assert_eq!(output("", spec, "command: [id, -u]"), "101010\n");
            assert_eq!(output("", spec, "command: [id, -g]"), "202020\n");
            let own = "command: [id, -u]\nsecurityContext: {runAsUser: 303030}";
            assert_eq!(output("", spec, own), "303030\n");
        },
    ),
    adapted(
        5645,
        "with graceful shutdown",
        "the shell gets SIGTERM from the virtual process table",
        || {
            let mut cluster = Cluster::new();
            let script = "command: [sh, -c, \"trap 'echo STOPSIGNAL; exit 0' TERM; echo READY; while :; do sleep 0.1; done\"]";
            cluster.create(&pod("", script));
            cluster.advance(std::time::Duration::from_secs(60), |cluster| {
                cluster.logs("testpod", "ctr").contains("READY")
            });
            cluster.delete_and_wait("testpod");
            assert_eq!(cluster.logs("testpod", "ctr"), "READY\nSTOPSIGNAL\n");
        },
    ),
    adapted(
        3597,
        "with image data",
        "a bundled image in place of one that podman builds",
        || {
            let mut cluster = Cluster::new();
            let fields = "command: [sh, -c, 'pwd; echo $PATH']";
            let spec = "restartPolicy: Never";
            let manifest = cases::pod("testpod", spec, "ctr", "allingeek/ch6_ipc", fields);
            let log = cluster.test_output(&manifest, "ctr", &[]);
            assert!(log.starts_with("/work/ipc\n"), "{log}");
        },
    ),
    adapted(
        4677,
        "`kube down` removes pods",
        "deleting the pods of the file",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod("", "command: [sleep, '1000']"));
            cluster.wait_for_running("testpod", POD_START_S);
            cluster.delete_and_wait("testpod");
            assert!(!cluster.exists("testpod"));
        },
    ),
    adapted(
        6381,
        "test Lifecycle stopSignal",
        "the signal that arrives, where podman looks at the container's configuration",
        || {
            let mut cluster = Cluster::new();
            let container = "lifecycle: {stopSignal: SIGUSR1}
command: [sh, -c, \"trap 'echo USR1; exit 0' USR1; echo READY; while :; do sleep 0.1; done\"]";
            cluster.create(&pod("os: {name: linux}", container));
            cluster.wait_for_running("testpod", POD_START_S);
            cluster.run(2);
            cluster.delete_and_wait("testpod");
            assert_eq!(cluster.logs("testpod", "ctr"), "READY\nUSR1\n");
            let wrong = container.replace("SIGUSR1", "noSuchSignal");
            let errors = super::refused(&pod("os: {name: linux}", &wrong));
            assert!(errors.contains("lifecycle.stopSignal"), "{errors}");
        },
    ),
    pass(6258, "with TerminationGracePeriodSeconds set", || {
        let mut cluster = Cluster::new();
        let ignores = "command: [sh, -c, \"trap '' TERM; echo READY; while :; do sleep 1; done\"]";
        cluster.create(&pod("terminationGracePeriodSeconds: 20", ignores));
        cluster.wait_for_running("testpod", POD_START_S);
        cluster.run(5);
        let before = cluster.now();
        cluster.delete("testpod", None);
        cluster.wait_for_not_found("testpod", POD_DELETE_S);
        let took = (cluster.now() - before).as_secs();
        assert!((20..22).contains(&took), "{took} s");
        let status = cluster.status("testpod");
        assert_eq!(status.phase, Phase::Failed);
    }),
];

const INIT: &str =
    "the annotation is podman's; an init container always ends before the others start";

fn ran(fields: &str) -> String {
    output("", "", fields)
}

/// agnhost prints its own command line where podman looks at the container's configuration.
fn agnhost(fields: &str) -> String {
    let mut cluster = Cluster::new();
    let image = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
    let spec = "restartPolicy: Never";
    cluster.create(&cases::pod("testpod", spec, "ctr", image, fields));
    cluster.wait("testpod", POD_START_S, |status| {
        status.phase != Phase::Pending
    });
    cluster.run(2);
    cluster.logs("testpod", "ctr")
}

fn init_container() {
    let mut cluster = Cluster::new();
    let spec = format!(
        "restartPolicy: Never
initContainers:
- {{name: init, image: {IMAGE:?}, command: [sh, -c, echo hello > /d/file], volumeMounts: [{{name: d, mountPath: /d}}]}}
volumes:
- {{name: d, emptyDir: {{}}}}"
    );
    let container = "command: [cat, /d/file]\nvolumeMounts: [{name: d, mountPath: /d}]";
    let log = cluster.test_output(&pod(&spec, container), "ctr", &[]);
    assert_eq!(log, "hello\n");
    let status = cluster.status("testpod");
    assert!(status.init_containers[0].ready);
}
