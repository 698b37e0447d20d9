use super::script::{Engine, check};
use expect_test::{Expect, expect};

#[test]
fn a_pod_that_the_node_does_not_take_has_no_containers() {
    check(
        "Never os:windows init:i a",
        "1s delete",
        expect![[r#"
        0s   Scheduled pod: Successfully assigned ns/p to node
        0s   !PodOSNotSupported pod: Failed to admit pod as the OS field doesn't match node OS
        0s     [Failed] (PodOSNotSupported) +PodScheduled
        0s remove sandbox
        get pods: 0/1 PodOSNotSupported 0 1s
    "#]],
    );
    let engine = Engine::run("Never os:windows init:i a", "1s end");
    let status = engine.pod.status();
    assert_eq!(status.all_containers().count(), 0);
    assert_eq!(status.conditions.len(), 1);
    assert!(engine.pod.is_finished());
}

#[test]
fn what_a_node_does_not_take() {
    let check = |pod: &str, expect: Expect| {
        let engine = Engine::run(pod, "1s end");
        let status = engine.pod.status();
        let reason = status.reason.map(|reason| reason.to_string());
        let (reason, message) = (reason.unwrap_or_default(), status.message.clone());
        expect.assert_eq(&format!("{reason}: {}", message.unwrap_or_default()));
    };
    check(
        "os:windows a",
        expect![
            "PodOSNotSupported: Pod was rejected: Failed to admit pod as the OS field doesn't match node OS"
        ],
    );
    check("os:linux a", expect![": "]);
    check(
        "label:kubernetes.io/os=windows a",
        expect![
            "PodOSSelectorNodeLabelDoesNotMatch: Pod was rejected: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
        ],
    );
    check("label:kubernetes.io/os=linux a", expect![": "]);
    check(
        "select:kubernetes.io/os=windows a",
        expect![
            "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        ],
    );
    check(
        "select:disk=ssd a",
        expect![
            "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        ],
    );
    check(
        "select:kubernetes.io/os=linux select:kubernetes.io/hostname=node a",
        expect![": "],
    );
    check(
        "sysctl:kernel.msgmax a",
        expect![[
            r#"SysctlForbidden: Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted"#
        ]],
    );
    check("sysctl:kernel/shm_rmid_forced a", expect![": "]);
}
