use super::script::{check, check_only};
use expect_test::expect;

#[test]
fn regular_containers_start_one_after_the_other() {
    check(
        "Never a b",
        "0s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s pull a
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s start a #0
            0s   Created a: Container created
            0s   Started a: Container started
            0s pull b
            0s     a=Running
            0s   Pulled b: Container image "image" already present on machine and can be accessed by the pod
            0s start b #0
            0s   Created b: Container created
            0s   Started b: Container started
            0s     [Running] +Ready +ContainersReady b=Running
            get pods: 2/2 Running 0 0s
        "#]],
    );
}

#[test]
fn the_next_one_waits_for_a_slow_pull_and_a_slow_start() {
    check_only(
        &["pull", "start"],
        "Never a b c",
        "0s a slow | 1s a pulled | 3s a started | 4s end",
        expect![[r#"
            0s pull a
            1s start a #0
            3s   Started a: Container started
            3s pull b
            3s start b #0
            3s   Started b: Container started
            3s pull c
            3s start c #0
            3s   Started c: Container started
        "#]],
    );
}

#[test]
fn a_crash_does_not_jump_the_queue() {
    check_only(
        &["pull", "start", "a="],
        "Always a b@slow c",
        "0s b slow | 1s a exits 1 | 2s b pulled | 2s b started | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating c=ContainerCreating
            0s pull a
            0s start a #0
            0s   Started a: Container started
            0s pull b
            0s     a=Running
            1s     a=Error/1
            2s start b #0
            2s   Started b: Container started
            2s pull c
            2s start c #0
            2s   Started c: Container started
            2s pull a
            2s start a #1
            2s   Started a: Container started
            2s     +Ready +ContainersReady a=Running last Error/1 x1
        "#]],
    );
}

#[test]
fn init_containers_are_strictly_serial() {
    check(
        "Never init:i init:j a",
        "1s i exits 0 | 3s j exits 0 | 4s a exits 0",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing j=PodInitializing a=PodInitializing
            0s pull i
            0s   Pulled i: Container image "image" already present on machine and can be accessed by the pod
            0s start i #0
            0s   Created i: Container created
            0s   Started i: Container started
            0s     i=Running
            1s pull j
            1s     i=Completed/0
            1s   Pulled j: Container image "image" already present on machine and can be accessed by the pod
            1s start j #0
            1s   Created j: Container created
            1s   Started j: Container started
            1s     j=Running
            3s pull a
            3s     +Initialized j=Completed/0
            3s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            3s start a #0
            3s   Created a: Container created
            3s   Started a: Container started
            3s     [Running] +Ready +ContainersReady a=Running
            4s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
            4s remove sandbox
            get pods: 0/1 Completed 0 4s
        "#]],
    );
}

#[test]
fn a_failing_init_container_is_retried_in_place() {
    check_only(
        &["start", "[", "i=", "get pods"],
        "Always init:i a",
        "1s i exits 1 | 2s i exits 1 | 13s i exits 0 | 14s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing a=PodInitializing
            0s start i #0
            0s   Started i: Container started
            0s     i=Running
            1s     i=Error/1
            1s start i #1
            1s   Started i: Container started
            1s     i=Running last Error/1 x1
            2s   !BackOff i: Back-off restarting failed container i in pod p_ns(uid)
            2s     i=CrashLoopBackOff 'back-off 10s restarting failed container=i pod=p_ns(uid)' last Error/1 x1
            12s start i #2
            12s   Started i: Container started
            12s     i=Running last Error/1 x2
            13s     +Initialized i=Completed/0 last Error/1 x2
            13s start a #0
            13s   Started a: Container started
            13s     [Running] +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 14s
        "#]],
    );
    check_only(
        &["start", "get pods"],
        "OnFailure init:i a",
        "1s i exits 1 | 2s i exits 1 | 3s end",
        expect![[r#"
            0s start i #0
            0s   Started i: Container started
            1s start i #1
            1s   Started i: Container started
            2s   !BackOff i: Back-off restarting failed container i in pod p_ns(uid)
            2s     i=CrashLoopBackOff 'back-off 10s restarting failed container=i pod=p_ns(uid)' last Error/1 x1
            get pods: 0/1 Init:CrashLoopBackOff 1 (1s ago) 3s
        "#]],
    );
}

#[test]
fn a_failing_init_container_fails_a_pod_that_never_restarts() {
    check(
        "Never init:i init:j a",
        "1s i exits 1",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing j=PodInitializing a=PodInitializing
            0s pull i
            0s   Pulled i: Container image "image" already present on machine and can be accessed by the pod
            0s start i #0
            0s   Created i: Container created
            0s   Started i: Container started
            0s     i=Running
            1s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) i=Error/1
            1s remove sandbox
            get pods: 0/1 Init:Error 0 1s
        "#]],
    );
}

#[test]
fn init_containers_do_not_run_again() {
    check_only(
        &["start", "Initialized"],
        "Always init:i a",
        "1s i exits 0 | 2s a exits 1 | 3s a exits 1 | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing a=PodInitializing
            0s start i #0
            0s   Started i: Container started
            1s     +Initialized i=Completed/0
            1s start a #0
            1s   Started a: Container started
            2s start a #1
            2s   Started a: Container started
            3s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            3s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x1
            13s start a #2
            13s   Started a: Container started
        "#]],
    );
}

#[test]
fn a_sidecar_lets_the_next_one_start_once_it_runs() {
    check_only(
        &["start", "[", "Initialized", "get pods"],
        "Never init:i sidecar:s init:j a",
        "1s i exits 0 | 2s j exits 0 | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing s=PodInitializing j=PodInitializing a=PodInitializing
            0s start i #0
            0s   Started i: Container started
            1s start s #0
            1s   Started s: Container started
            1s start j #0
            1s   Started j: Container started
            2s     +Initialized j=Completed/0
            2s start a #0
            2s   Started a: Container started
            2s     [Running] +Ready +ContainersReady a=Running
            get pods: 2/2 Running 0 3s
        "#]],
    );
    check_only(
        &["start", "[", "get pods"],
        "Never sidecar:s a",
        "0s s exits 0 | 1s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s start s #0
            0s   Started s: Container started
            0s start a #0
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            0s start s #1
            0s   Started s: Container started
            get pods: 2/2 Running 1 (1s ago) 1s
        "#]],
    );
}

#[test]
fn sidecars_restart_whatever_the_policy_and_do_not_hold_back_what_may_start() {
    check_only(
        &["start", "[", "s=", "get pods"],
        "Never sidecar:s init:j a",
        "1s s exits 0 | 2s s exits 1 | 3s j exits 0 | 20s a exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing j=PodInitializing a=PodInitializing
            0s start s #0
            0s   Started s: Container started
            0s     s=Running
            0s start j #0
            0s   Started j: Container started
            1s     s=Completed/0
            1s start s #1
            1s   Started s: Container started
            1s     s=Running last Completed/0 x1
            2s   !BackOff s: Back-off restarting failed container s in pod p_ns(uid)
            2s     s=CrashLoopBackOff 'back-off 10s restarting failed container=s pod=p_ns(uid)' last Error/1 x1
            3s start a #0
            3s   Started a: Container started
            3s     [Running] +Initialized a=Running
            12s start s #2
            12s   Started s: Container started
            12s     +Ready +ContainersReady s=Running last Error/1 x2
            20s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/143 last Error/1 x2 a=Completed/0
            get pods: 0/2 Completed 2 (18s ago) 20s
        "#]],
    );
}

#[test]
fn the_last_sidecar_must_run_before_regular_containers_start() {
    check_only(
        &["start", "[", "get pods"],
        "Never sidecar:s a",
        "0s starts misconfigured nothing there | 0s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s start s #0
            get pods: 0/2 Init:CreateContainerConfigError 0 0s
        "#]],
    );
}

#[test]
fn sidecars_end_with_the_last_regular_container() {
    check(
        "Never sidecar:s sidecar:t a",
        "5s a exits 0",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing t=PodInitializing a=PodInitializing
            0s pull s
            0s   Pulled s: Container image "image" already present on machine and can be accessed by the pod
            0s start s #0
            0s   Created s: Container created
            0s   Started s: Container started
            0s pull t
            0s     s=Running
            0s   Pulled t: Container image "image" already present on machine and can be accessed by the pod
            0s start t #0
            0s   Created t: Container created
            0s   Started t: Container started
            0s pull a
            0s     +Initialized t=Running
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s start a #0
            0s   Created a: Container created
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            5s   Killing s: Stopping container s
            5s   Killing t: Stopping container t
            5s signal t SIGTERM
            5s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) t=Error/143 a=Completed/0
            5s signal s SIGTERM
            5s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/143
            5s remove sandbox
            get pods: 0/3 Completed 0 5s
        "#]],
    );
    check_only(
        &["signal", "remove", "[", "get pods"],
        "OnFailure sidecar:s a b",
        "1s a exits 0 | 2s b exits 1 | 3s b exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing b=PodInitializing
            0s     [Running] +Ready +ContainersReady b=Running
            3s signal s SIGTERM
            3s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/143 b=Completed/0 last Error/1 x1
            3s remove sandbox
            get pods: 0/3 Completed 1 (1s ago) 3s
        "#]],
    );
}

#[test]
fn a_sidecar_that_crashes_at_the_end_does_not_fail_the_pod() {
    check_only(
        &["s=", "remove", "[", "get pods"],
        "Never sidecar:s a",
        "1s s stubborn | 2s a exits 0 | 3s s exits 9",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s     +Initialized s=Running
            0s     [Running] +Ready +ContainersReady a=Running
            3s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/9
            3s remove sandbox
            get pods: 0/2 Completed 0 3s
        "#]],
    );
}

#[test]
fn missing_volumes_hold_back_the_whole_pod() {
    check_only(
        &["sandbox", "Mount", "[", "+", "pull"],
        "Never a",
        "0s mounts fail x | 1s end",
        expect![[r#"
            0s create sandbox
            0s     [Pending] -PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s   !FailedMount pod: x
            500ms create sandbox
            500ms   !FailedMount pod: x
        "#]],
    );
}
