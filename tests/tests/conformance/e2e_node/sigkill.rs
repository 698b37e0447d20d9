//! A container that does not end in its grace period.

use super::fixture::{BUSYBOX, POD, ended};
use crate::cases::{self, Case, File, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_DELETE_S, POD_START_S};

pub(super) const FILE: File = File {
    path: "e2e_node/pods_lifecycle_termination_test.go",
    cases: CASES,
};

const CASES: &[Case] = &[pass(
    51,
    "Pod SIGKILL [LinuxOnly] The containers terminated forcefully by Sigkill should have the correct exit code(137) and reason (Error)",
    || {
        let spec = "restartPolicy: Never\nterminationGracePeriodSeconds: 5";
        let container = "command: [sh, -c, 'trap \"echo SIGTERM caught\" SIGTERM SIGINT; touch /tmp/healthy; /bin/sleep 1000']
readinessProbe: {exec: {command: [cat, /tmp/healthy]}}";
        let name = "sigkill-target-container";
        let mut cluster = Cluster::new();
        cluster.create(&cases::pod(POD, spec, name, BUSYBOX, container));
        cluster.wait_for_ready(POD, POD_START_S);
        cluster.delete(POD, None);
        cluster.wait_for_not_found(POD, POD_DELETE_S);
        let status = cluster.status(POD);
        assert!(status.phase.is_terminal());
        assert_eq!(status.containers.len(), 1);
        ended(&status, &[(name, 137)]);
    },
)];
