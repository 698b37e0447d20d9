//! What the node does not take.

use crate::cases::{self, Case, File, PAUSE, pass};
use seedpod::status::Phase;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_SHORT_S;

pub(crate) const FILE: File = File {
    path: "common/node/pod_admission.go",
    cases: CASES,
};

const CASES: &[Case] = &[pass(
    40,
    "[LinuxOnly] should reject pod when the node OS doesn't match pod's OS",
    || {
        let pod = cases::pod(
            "wrong-pod-os",
            "os: {name: windows}",
            "wrong-pod-os",
            PAUSE,
            "",
        );
        fails_for(&pod, "wrong-pod-os", "PodOSNotSupported");
    },
)];

/// `WaitForPodFailedReason`.
pub(super) fn fails_for(manifest: &str, pod: &str, reason: &str) {
    let mut cluster = Cluster::new();
    cluster.create(manifest);
    cluster.wait(pod, POD_START_SHORT_S, |status| {
        let is = status.reason.as_ref().map(ToString::to_string);
        status.phase == Phase::Failed && is.as_deref() == Some(reason)
    });
}
