use super::script::{EPOCH, Engine, check_only};
use crate::pod::{ConditionType, ContainerState, Status};
use crate::time::Instant;
use expect_test::{Expect, expect};
use std::fmt::Write;
use std::time::Duration;

#[test]
fn containers_are_sorted_by_name_and_init_containers_are_not() {
    let status = status("Never init:z init:y b c a", "0s end");
    let names = |list: &[crate::pod::ContainerStatus]| -> Vec<String> {
        list.iter().map(|one| one.name.clone()).collect()
    };
    assert_eq!(names(&status.containers), ["a", "b", "c"]);
    assert_eq!(names(&status.init_containers), ["z", "y"]);
}

#[test]
fn ids_and_addresses() {
    let before = status("Never a", "0s a slow | 0s end");
    assert_eq!(before.containers[0].container_id, None);
    assert_eq!(before.containers[0].image_id, "");
    let after = status("Never a", "1s a exits 1");
    let container = &after.containers[0];
    let id = container.container_id.as_deref().unwrap();
    assert_eq!(id.len(), "seedpod://".len() + 64);
    let ContainerState::Terminated(ended) = &container.state else {
        panic!("still alive");
    };
    assert_eq!(
        (ended.container_id.as_str(), container.image_id.as_str()),
        (id, "sha256:1")
    );
    assert_eq!(after.pod_ip, Some([10, 0, 0, 2].into()));
    assert_eq!(after.host_ip.to_string(), "192.0.2.1");
    assert_eq!(after.start_time, EPOCH);
    let at = |seconds| EPOCH.at(Instant::ZERO + Duration::from_secs(seconds));
    assert_eq!((ended.started_at, ended.finished_at), (at(0), at(1)));
}

#[test]
fn every_instance_has_another_id() {
    let engine = Engine::run("Always a", "1s a exits 1 | 2s end");
    let container = &engine.pod.status().containers[0];
    let last = container.last_state.as_ref().unwrap();
    assert_ne!(
        container.container_id.as_deref(),
        Some(last.container_id.as_str())
    );
}

#[test]
fn conditions_in_order_and_with_their_times() {
    let check = |pod: &str, script: &str, expect: Expect| {
        let mut text = String::new();
        for one in status(pod, script).conditions {
            let since = one.last_transition.as_unix_nanos() - EPOCH.as_unix_nanos();
            write!(
                text,
                "{} {} since {}s",
                one.type_,
                one.status,
                since / 1_000_000_000
            )
            .unwrap();
            if let Some(reason) = one.reason {
                write!(text, " {reason}").unwrap();
            }
            if let Some(message) = one.message {
                write!(text, ": {message}").unwrap();
            }
            text.push('\n');
        }
        expect.assert_eq(&text);
    };
    check(
        "Never a b",
        "0s mounts fail x | 0.1s end",
        expect![[r#"
        PodReadyToStartContainers false since 0s
        Initialized true since 0s
        Ready false since 0s ContainersNotReady: containers with unready status: [a b]
        ContainersReady false since 0s ContainersNotReady: containers with unready status: [a b]
        PodScheduled true since 0s
    "#]],
    );
    check(
        "Never a b",
        "0s b slow | 5s end",
        expect![[r#"
        PodReadyToStartContainers true since 0s
        Initialized true since 0s
        Ready false since 0s ContainersNotReady: containers with unready status: [b]
        ContainersReady false since 0s ContainersNotReady: containers with unready status: [b]
        PodScheduled true since 0s
    "#]],
    );
    check(
        "Never init:i sidecar:s a",
        "1s i exits 0 | 5s end",
        expect![[r#"
            PodReadyToStartContainers true since 0s
            Initialized true since 1s
            Ready true since 1s
            ContainersReady true since 1s
            PodScheduled true since 0s
        "#]],
    );
    check(
        "Never init:i sidecar:s a",
        "1s end",
        expect![[r#"
        PodReadyToStartContainers true since 0s
        Initialized false since 0s ContainersNotInitialized: containers with incomplete status: [i s]
        Ready false since 0s ContainersNotReady: containers with unready status: [s a]
        ContainersReady false since 0s ContainersNotReady: containers with unready status: [s a]
        PodScheduled true since 0s
    "#]],
    );
    check(
        "Always init:i sidecar:s b a",
        "1s i exits 0 | 2s a exits 1 | 3s a exits 1 | 3s s exits 1",
        expect![[r#"
            PodReadyToStartContainers true since 0s
            Initialized true since 1s
            Ready false since 3s ContainersNotReady: containers with unready status: [a]
            ContainersReady false since 3s ContainersNotReady: containers with unready status: [a]
            PodScheduled true since 0s
        "#]],
    );
    check(
        "Never a",
        "4s a exits 0",
        expect![[r#"
        PodReadyToStartContainers false since 4s
        Initialized true since 0s PodCompleted
        Ready false since 4s PodCompleted
        ContainersReady false since 4s PodCompleted
        PodScheduled true since 0s
    "#]],
    );
    check(
        "Never a",
        "4s a exits 1",
        expect![[r#"
        PodReadyToStartContainers false since 4s
        Initialized true since 0s
        Ready false since 4s PodFailed
        ContainersReady false since 4s PodFailed
        PodScheduled true since 0s
    "#]],
    );
}

#[test]
fn conditions_become_true_in_order() {
    let script = "0s a slow | 1s i exits 0 | 2s a pulled | 3s a started | 4s end";
    let status = status("Never init:i a", script);
    let time = |type_| status.condition(type_).unwrap().last_transition;
    assert!(time(ConditionType::PodScheduled) <= time(ConditionType::PodReadyToStartContainers));
    assert!(time(ConditionType::PodReadyToStartContainers) <= time(ConditionType::Initialized));
    assert!(time(ConditionType::Initialized) <= time(ConditionType::ContainersReady));
    assert!(time(ConditionType::ContainersReady) <= time(ConditionType::Ready));
}

#[test]
fn columns() {
    let check =
        |pod: &str, script: &str, expect: Expect| check_only(&["get pods"], pod, script, expect);
    check(
        "Never a b",
        "0s mounts fail x | 3s end",
        expect![[r#"
        get pods: 0/2 ContainerCreating 0 3s
    "#]],
    );
    check(
        "Never a b",
        "0s a slow | 3s end",
        expect![[r#"
        get pods: 0/2 ContainerCreating 0 3s
    "#]],
    );
    check(
        "Never a b",
        "150s end",
        expect![[r#"
        get pods: 2/2 Running 0 2m30s
    "#]],
    );
    check(
        "Never a b",
        "1s a exits 0 | 2s end",
        expect![[r#"
        get pods: 1/2 NotReady 0 2s
    "#]],
    );
    check(
        "Never a b",
        "1s a exits 2 | 2s end",
        expect![[r#"
        get pods: 1/2 Error 0 2s
    "#]],
    );
    check(
        "Never a b",
        "1s a exits 2 | 2s b exits 0",
        expect![[r#"
        get pods: 0/2 Error 0 2s
    "#]],
    );
    check(
        "Never a b",
        "1s b ooms | 2s a exits 1",
        expect![[r#"
        get pods: 0/2 Error 0 2s
    "#]],
    );
    check(
        "Never init:i init:j a",
        "1s end",
        expect![[r#"
        get pods: 0/1 Init:0/2 0 1s
    "#]],
    );
    check(
        "Never init:i init:j a",
        "1s i exits 0 | 2s end",
        expect![[r#"
            get pods: 0/1 Init:1/2 0 2s
        "#]],
    );
    check(
        "Never init:i a",
        "1s i exits 1 | 2s end",
        expect![[r#"
        get pods: 0/1 Init:Error 0 2s
    "#]],
    );
    check(
        "Always init:i a",
        "1s i exits 1 | 2s i exits 1 | 5s end",
        expect![[r#"
            get pods: 0/1 Init:CrashLoopBackOff 1 (3s ago) 5s
        "#]],
    );
    check(
        "Always sidecar:s init:i a",
        "1s end",
        expect![[r#"
        get pods: 1/2 Init:1/2 0 1s
    "#]],
    );
    check(
        "Always sidecar:s init:i a",
        "1s i exits 0 | 2s s exits 1 | 3s s exits 1 | 5s end",
        expect![[r#"
            get pods: 1/2 Init:CrashLoopBackOff 1 (2s ago) 5s
        "#]],
    );
    check(
        "Always a b",
        "1s a exits 1 | 2s a exits 1 | 13s b exits 1 | 30s end",
        expect![[r#"
            get pods: 2/2 Running 3 (17s ago) 30s
        "#]],
    );
    check(
        "Always a",
        "0s images unpullable gone | 5s end",
        expect![[r#"
            get pods: 0/1 ErrImagePull 0 5s
        "#]],
    );
    check(
        "Always a",
        "0s images unpullable gone | 25s end",
        expect![[r#"
            get pods: 0/1 ImagePullBackOff 0 25s
        "#]],
    );
    check(
        "Always deadline:5 a",
        "9s end",
        expect![[r#"
        get pods: 0/1 Error 0 9s
    "#]],
    );
    check(
        "Always deadline:5 a",
        "0s a slow | 9s end",
        expect![[r#"
            get pods: 0/1 ContainerStatusUnknown 0 9s
        "#]],
    );
}

fn status(pod: &str, script: &str) -> Status {
    Engine::run(pod, script).pod.status().clone()
}
