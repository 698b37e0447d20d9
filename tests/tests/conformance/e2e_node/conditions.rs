//! Conditions of pods, and the order in which they become true.

use super::fixture::{AGNHOST, BUSYBOX, POD};
use crate::cases::{self, Case, File, pass};
use seedpod::status::{ConditionType, Status};
use seedpod_core::time::WallTime;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;

pub(super) const FILE: File = File {
    path: "e2e_node/pod_conditions_test.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        71,
        "Pod conditions managed by Kubelet without PodReadyToStartContainersCondition condition a pod without init containers should report all conditions set in expected order after the pod is up",
        || becomes_ready(false),
    ),
    pass(
        72,
        "Pod conditions managed by Kubelet without PodReadyToStartContainersCondition condition a pod with init containers should report all conditions set in expected order after the pod is up",
        || becomes_ready(true),
    ),
    pass(
        73,
        "Pod conditions managed by Kubelet without PodReadyToStartContainersCondition condition a pod failing to mount volumes (ConfigMap) and without init containers should report scheduled and initialized conditions set",
        || waits_for(CONFIG_MAP, false),
    ),
    pass(
        74,
        "Pod conditions managed by Kubelet without PodReadyToStartContainersCondition condition a pod failing to mount volumes (ConfigMap) and with init containers should report just the scheduled condition set",
        || waits_for(CONFIG_MAP, true),
    ),
    pass(
        75,
        "Pod conditions managed by Kubelet without PodReadyToStartContainersCondition condition a pod failing to mount volumes (Secret) and without init containers should report scheduled and initialized conditions set",
        || waits_for(SECRET, false),
    ),
    pass(
        76,
        "Pod conditions managed by Kubelet without PodReadyToStartContainersCondition condition a pod failing to mount volumes (Secret) and with init containers should report just the scheduled condition set",
        || waits_for(SECRET, true),
    ),
];

/// A volume source, and the object that it misses.
type Missing = (&'static str, &'static str);

const CONFIG_MAP: Missing = (
    "configMap: {name: that-unblocks}",
    "apiVersion: v1
kind: ConfigMap
metadata: {name: that-unblocks}
data: {key: value}
binaryData: {binaryKey: dmFsdWU=}
",
);

const SECRET: Missing = (
    "secret: {secretName: that-unblocks}",
    "apiVersion: v1
kind: Secret
metadata: {name: that-unblocks}
data: {key: dmFsdWU=}
",
);

/// `webserverPodSpec`, with a volume or without.
fn pod(source: &str, has_init: bool) -> String {
    let mut spec = String::new();
    if has_init {
        spec += &format!(
            "initContainers: [{{name: init1, image: {BUSYBOX:?}, command: [sh, -c, sleep 5s]}}]\n"
        );
    }
    let mut container = "args: [test-webserver]\n".to_owned();
    if !source.is_empty() {
        spec += &format!("volumes: [{{name: v, {source}}}]\n");
        container += "volumeMounts: [{name: v, mountPath: /config}]\n";
    }
    cases::pod(POD, &spec, "web1", AGNHOST, &container)
}

/// `getTransitionTimeForPodConditionWithStatus`.
fn since(status: &Status, type_: ConditionType, expected: bool) -> WallTime {
    let condition = status.condition(type_).expect("every pod has it");
    assert_eq!(condition.status, expected, "{type_}: {status:#?}");
    condition.last_transition
}

fn becomes_ready(has_init: bool) {
    let mut cluster = Cluster::new();
    cluster.create(&pod("", has_init));
    let status = cluster.wait_for_ready(POD, POD_START_S);
    check_order(&status, has_init);
}

fn check_order(status: &Status, has_init: bool) {
    use ConditionType::{
        ContainersReady, Initialized, PodReadyToStartContainers, PodScheduled, Ready,
    };
    let at = |type_| since(status, type_, true);
    let order = if has_init {
        [
            PodScheduled,
            PodReadyToStartContainers,
            Initialized,
            ContainersReady,
            Ready,
        ]
    } else {
        [
            PodScheduled,
            Initialized,
            PodReadyToStartContainers,
            ContainersReady,
            Ready,
        ]
    };
    for pair in order.windows(2) {
        assert!(
            at(pair[0]) <= at(pair[1]),
            "{} comes after {}",
            pair[0],
            pair[1]
        );
    }
}

fn waits_for((source, object): Missing, has_init: bool) {
    use ConditionType::{
        ContainersReady, Initialized, PodReadyToStartContainers, PodScheduled, Ready,
    };
    let mut cluster = Cluster::new();
    cluster.create(&pod(source, has_init));
    let message = "MountVolume.SetUp failed for volume";
    cluster.wait_for_event(POD, "FailedMount", message, POD_START_S);
    let status = cluster.status(POD);
    let scheduled = since(&status, PodScheduled, true);
    since(&status, PodReadyToStartContainers, false);
    let initialized = since(&status, Initialized, !has_init);
    if !has_init {
        assert!(initialized >= scheduled);
    }
    since(&status, ContainersReady, false);
    since(&status, Ready, false);

    cluster.apply(object);
    let status = cluster.wait_for_ready(POD, POD_START_S);
    for type_ in [PodScheduled, Initialized, PodReadyToStartContainers] {
        since(&status, type_, true);
    }
}
