//! Containers that join a pod while it runs.

use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, pass};
use seedpod::status::ContainerState;
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/node/ephemeral_containers.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        51,
        "will start an ephemeral container in an existing pod",
        || {
            add_debugger();
        },
    ),
    pass(
        104,
        "should update the ephemeral containers in an existing pod",
        || {
            let mut cluster = add_debugger();
            assert_eq!(cluster.handle(POD).spec().ephemeral_containers.len(), 1);
            cluster.debug(
                POD,
                &format!(
                    "
name: debugger2
image: {AGNHOST}
imagePullPolicy: IfNotPresent
terminationMessagePolicy: File"
                ),
            );
            cluster.wait(POD, 60, |status| status.observed_generation == 3);
            assert_eq!(cluster.handle(POD).spec().ephemeral_containers.len(), 2);
        },
    ),
];

const POD: &str = "ephemeral-containers-target-pod";

/// With everything that is checked about the first ephemeral container.
fn add_debugger() -> Cluster {
    let command = "command: [/bin/sleep]\nargs: ['10000']";
    let mut cluster = Cluster::new();
    cluster.create_sync(&cases::pod(POD, "", "test-container-1", BUSYBOX, command));
    assert_eq!(cluster.status(POD).observed_generation, 1);
    cluster.debug(
        POD,
        &format!(
            "
name: debugger
image: {BUSYBOX}
command: [/bin/sh, -c, while true; do echo polo; sleep 2; done]
stdin: true
tty: true"
        ),
    );
    let status = cluster.wait(POD, 60, |status| {
        let debugger = status.all_containers().find(|one| one.name == "debugger");
        debugger.is_some_and(|one| matches!(one.state, ContainerState::Running { .. }))
    });
    assert_eq!(status.observed_generation, 2);
    let marco = cluster.exec(POD, "debugger", &["/bin/echo", "marco"]);
    assert!(marco.stdout.contains("marco"), "{marco:?}");
    assert!(cluster.logs(POD, "debugger").contains("polo"));
    cluster
}
