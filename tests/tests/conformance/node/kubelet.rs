//! Logs, ends, `/etc/hosts` and a root that cannot be written.

use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, pass};
use seedpod::status::ContainerState;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_DELETE_S, POD_START_S};
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/node/kubelet.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(52, "should print the output to logs", || {
        logs("echo 'Hello World' ; sleep 240", "", "Hello World\n");
    }),
    pass(110, "should have an terminated reason", || {
        let mut cluster = Cluster::new();
        cluster.create(&always_failing());
        let status = cluster.wait("bin-false", POD_START_S, |status| {
            let states = status.containers.iter().map(|container| &container.state);
            states
                .clone()
                .any(|state| matches!(state, ContainerState::Terminated(_)))
        });
        assert_eq!(status.containers.len(), 1);
        let ContainerState::Terminated(end) = &status.containers[0].state else {
            panic!("{status:#?}");
        };
        assert_ne!(end.exit_code, 0);
        assert_ne!(end.reason.to_string(), "");
    }),
    pass(135, "should be possible to delete", || {
        let mut cluster = Cluster::new();
        cluster.create(&always_failing());
        cluster.delete("bin-false", None);
        cluster.wait_for_not_found("bin-false", POD_DELETE_S);
    }),
    pass(148, "should write entries to /etc/hosts", || {
        host_aliases("");
    }),
    pass(184, "should not write to root filesystem", || {
        logs(
            "echo test > /file; sleep 240",
            "securityContext: {readOnlyRootFilesystem: true}",
            "/bin/sh: can't create /file: Read-only file system\n",
        );
    }),
    pass(
        233,
        "should write entries to /etc/hosts when hostNetwork is enabled",
        || host_aliases("hostNetwork: true"),
    ),
];

/// Waits at most a minute until this is all that the container has written.
fn logs(script: &str, fields: &str, expected: &str) {
    let fields = format!("command: [/bin/sh, -c, \"{script}\"]\n{fields}");
    let pod = cases::pod(
        "busybox",
        "restartPolicy: Never",
        "busybox",
        BUSYBOX,
        &fields,
    );
    let mut cluster = Cluster::new();
    cluster.create(&pod);
    cluster.wait_for_ready("busybox", POD_START_S);
    let written = cluster.advance(Duration::from_secs(60), |cluster| {
        cluster.logs("busybox", "busybox") == expected
    });
    assert!(written, "{}", cluster.describe("busybox"));
}

fn always_failing() -> String {
    let (spec, fields) = ("restartPolicy: Never", "command: [/bin/false]");
    cases::pod("bin-false", spec, "bin-false", BUSYBOX, fields)
}

fn host_aliases(fields: &str) {
    let spec = format!(
        "restartPolicy: Never
hostAliases:
- ip: 123.45.67.89
  hostnames: [foo, bar]
{fields}"
    );
    let (name, container) = ("agnhost-host-aliases", "agnhost-container");
    let mut cluster = Cluster::new();
    cluster.create(&cases::pod(
        name,
        &spec,
        container,
        AGNHOST,
        "args: [etc-hosts]",
    ));
    cluster.wait(name, POD_START_S, |status| status.phase.is_terminal());
    let hosts = cluster.logs(name, container);
    assert!(hosts.contains("123.45.67.89\tfoo\tbar"), "{hosts}");
}
