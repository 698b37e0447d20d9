//! Phases of pods that are deleted.

use super::fixture::{BUSYBOX, POD, ended};
use crate::cases::{self, Case, File, adapted, pass};
use seedpod::status::{ConditionType, Phase};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_DELETE_S, POD_START_S, is_true};

pub(super) const FILE: File = File {
    path: "e2e_node/deleted_pods_test.go",
    cases: CASES,
};

/// Linux does not apply the default action of a signal to the first process of a namespace.
const SIGTERM: &str =
    "exit code 143 instead of 137: SIGTERM ends a first process that does not handle it";

const CASES: &[Case] = &[
    pass(
        44,
        "Deleted pods handling Should transition to Failed phase a pod which is deleted while pending",
        || {
            let image = "non-existing-repo/non-existing-image:v1.0";
            let container =
                "imagePullPolicy: Always\ncommand: [bash]\nargs: [-c, echo \"Hello world\"]";
            let mut cluster = Cluster::new();
            cluster.create(&cases::pod(POD, "", "main", image, container));
            cluster.wait(POD, POD_START_S, |status| {
                is_true(status, ConditionType::PodScheduled)
            });
            cluster.delete(POD, None);
            cluster.wait_for_not_found(POD, POD_DELETE_S);
            assert_eq!(cluster.status(POD).phase, Phase::Failed);
        },
    ),
    adapted(
        136,
        "Deleted pods handling Should transition to Failed phase a deleted pod if non-zero exit codes Restart policy Always",
        SIGTERM,
        || fails("Always"),
    ),
    adapted(
        137,
        "Deleted pods handling Should transition to Failed phase a deleted pod if non-zero exit codes Restart policy OnFailure",
        SIGTERM,
        || fails("OnFailure"),
    ),
    adapted(
        138,
        "Deleted pods handling Should transition to Failed phase a deleted pod if non-zero exit codes Restart policy Never",
        SIGTERM,
        || fails("Never"),
    ),
    pass(
        213,
        "Deleted pods handling Should transition to Succeeded phase a deleted pod when containers complete with 0 exit code Restart policy Always",
        || succeeds("Always"),
    ),
    pass(
        214,
        "Deleted pods handling Should transition to Succeeded phase a deleted pod when containers complete with 0 exit code Restart policy OnFailure",
        || succeeds("OnFailure"),
    ),
    pass(
        215,
        "Deleted pods handling Should transition to Succeeded phase a deleted pod when containers complete with 0 exit code Restart policy Never",
        || succeeds("Never"),
    ),
];

fn fails(policy: &str) {
    let spec = format!("restartPolicy: {policy}");
    let container = "command: [sleep, '1800']";
    let mut cluster = Cluster::new();
    cluster.create(&cases::pod(POD, &spec, "main", BUSYBOX, container));
    cluster.wait_for_running(POD, POD_START_S);
    cluster.delete(POD, Some(1));
    cluster.wait_for_not_found(POD, POD_DELETE_S);
    let status = cluster.status(POD);
    assert_eq!(status.phase, Phase::Failed);
    assert_eq!(status.containers.len(), 1);
    ended(&status, &[("main", 143)]);
}

fn succeeds(policy: &str) {
    let spec = format!("restartPolicy: {policy}");
    let container = "command: [sh, -c]
args:
- |
  sleep 9999999 &
  PID=$!
  _term() {
    kill $PID
    echo \"Caught SIGTERM signal!\"
  }
  trap _term SIGTERM
  touch /tmp/trap-marker
  wait $PID
  exit 0
readinessProbe: {exec: {command: [/bin/sh, -c, cat /tmp/trap-marker]}, periodSeconds: 1}
";
    let manifest = format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {POD}}}
spec:
  {spec}
  containers:
  - name: main
    image: {BUSYBOX:?}
{}",
        cases::indent(container, 4)
    );
    let mut cluster = Cluster::new();
    cluster.create(&manifest);
    cluster.wait_for_ready(POD, POD_START_S);
    cluster.delete(POD, None);
    cluster.wait_for_not_found(POD, POD_DELETE_S);
    let status = cluster.status(POD);
    assert_eq!(status.phase, Phase::Succeeded, "{}", cluster.describe(POD));
    assert_eq!(status.containers.len(), 1);
    ended(&status, &[("main", 0)]);
}
