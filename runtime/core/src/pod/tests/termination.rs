use super::script::{check, check_only};
use expect_test::expect;

#[test]
fn a_deleted_pod_is_signalled_and_fails_if_the_signal_ends_it() {
    check(
        "Always a b",
        "5s delete",
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
            5s   Killing a: Stopping container a
            5s   Killing b: Stopping container b
            5s signal a SIGTERM
            5s signal b SIGTERM
            5s     [Failed] deleted at 2026-01-02T15:04:40Z -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143 b=Error/143
            5s remove sandbox
            get pods: 0/2 Error 0 5s
        "#]],
    );
}

#[test]
fn a_deleted_pod_succeeds_if_all_return_zero() {
    check_only(
        &["signal", "[", "remove", "get pods"],
        "Always a b",
        "0s a stubborn | 0s b stubborn | 1s delete | 2s a exits 0 | 3s b exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s     [Running] +Ready +ContainersReady b=Running
            1s signal a SIGTERM
            1s signal b SIGTERM
            3s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) b=Completed/0
            3s remove sandbox
            get pods: 0/2 Completed 0 3s
        "#]],
    );
}

#[test]
fn terminating_is_a_column_and_no_phase() {
    check_only(
        &["deleted", "get pods"],
        "Always a",
        "0s a stubborn | 1s delete | 2s end",
        expect![[r#"
            1s     deleted at 2026-01-02T15:04:36Z
            get pods: 1/1 Terminating 0 2s
        "#]],
    );
}

const ENDS: [&str; 5] = ["signal", "kill", "deleted", "a=", "remove"];

#[test]
fn whoever_does_not_listen_is_killed() {
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 1s delete | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:36Z
            31s kill a
            31s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            31s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Always grace:5 a",
        "0s a stubborn | 1s delete | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:11Z
            6s kill a
            6s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            6s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 1s delete 3 | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:09Z
            4s kill a
            4s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            4s remove sandbox
        "#]],
    );
}

#[test]
fn two_seconds_are_the_least() {
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 1s delete 0 | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:06Z
            3s kill a
            3s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            3s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 1s delete 1 | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:07Z
            3s kill a
            3s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            3s remove sandbox
        "#]],
    );
}

#[test]
fn a_second_delete_can_only_be_in_more_of_a_hurry() {
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 1s delete 10 | 2s delete 4 | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:16Z
            2s     deleted at 2026-01-02T15:04:10Z
            6s kill a
            6s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            6s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 1s delete 10 | 2s delete 20 | 3s delete | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:16Z
            11s kill a
            11s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            11s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 1s delete 10 | 9s delete 8 | 40s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s signal a SIGTERM
            1s     deleted at 2026-01-02T15:04:16Z
            9s     deleted at 2026-01-02T15:04:14Z
            11s kill a
            11s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            11s remove sandbox
        "#]],
    );
}

const ORDER: [&str; 5] = ["Killing", "signal", "kill", "[", "remove"];

#[test]
fn sidecars_go_last_in_reverse_order() {
    check_only(
        &ORDER,
        "Always sidecar:s sidecar:t a b",
        "0s a stubborn | 0s t stubborn | 1s delete | 3s a exits 0 | 5s t exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing t=PodInitializing a=PodInitializing b=PodInitializing
            0s     [Running] +Ready +ContainersReady b=Running
            1s   Killing s: Stopping container s
            1s   Killing t: Stopping container t
            1s   Killing a: Stopping container a
            1s   Killing b: Stopping container b
            1s signal a SIGTERM
            1s signal b SIGTERM
            3s signal t SIGTERM
            5s signal s SIGTERM
            5s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) s=Error/143 t=Completed/0
            5s remove sandbox
        "#]],
    );
}

#[test]
fn when_the_grace_period_is_over_the_rest_gets_two_seconds() {
    check_only(
        &ORDER,
        "Always grace:5 sidecar:s sidecar:t a",
        "0s a stubborn | 0s s stubborn | 0s t stubborn | 1s delete | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing t=PodInitializing a=PodInitializing
            0s     [Running] +Ready +ContainersReady a=Running
            1s   Killing s: Stopping container s
            1s   Killing t: Stopping container t
            1s   Killing a: Stopping container a
            1s signal a SIGTERM
            6s signal s SIGTERM
            6s signal t SIGTERM
            6s kill a
            8s kill s
            8s kill t
            8s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) s=Error/137 t=Error/137
            8s remove sandbox
        "#]],
    );
}

#[test]
fn time_waited_for_a_turn_counts_in_whole_seconds() {
    check_only(
        &ORDER,
        "Always grace:10 sidecar:s a",
        "0s a stubborn | 0s s stubborn | 1s delete | 4.9s a exits 0 | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s     [Running] +Ready +ContainersReady a=Running
            1s   Killing s: Stopping container s
            1s   Killing a: Stopping container a
            1s signal a SIGTERM
            4.9s signal s SIGTERM
            11.9s kill s
            11.9s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/137
            11.9s remove sandbox
        "#]],
    );
}

#[test]
fn a_hasty_delete_reaches_who_waits_for_a_turn() {
    check_only(
        &ORDER,
        "Always sidecar:s a",
        "0s a stubborn | 0s s stubborn | 1s delete | 2s delete 3 | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s     [Running] +Ready +ContainersReady a=Running
            1s   Killing s: Stopping container s
            1s   Killing a: Stopping container a
            1s signal a SIGTERM
            5s signal s SIGTERM
            5s kill a
            7s kill s
            7s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) s=Error/137
            7s remove sandbox
        "#]],
    );
}

#[test]
fn completion_gives_sidecars_the_grace_period() {
    check_only(
        &ORDER,
        "Never grace:5 sidecar:s a",
        "0s s stubborn | 1s a exits 0 | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s     [Running] +Ready +ContainersReady a=Running
            1s   Killing s: Stopping container s
            1s signal s SIGTERM
            6s kill s
            6s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/137
            6s remove sandbox
        "#]],
    );
    check_only(
        &ORDER,
        "Never grace:5 sidecar:s a",
        "0s s stubborn | 1s a exits 0 | 2s delete 0 | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s     [Running] +Ready +ContainersReady a=Running
            1s   Killing s: Stopping container s
            1s signal s SIGTERM
            4s kill s
            4s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/137
            4s remove sandbox
        "#]],
    );
}

#[test]
fn nothing_restarts_after_a_delete() {
    check_only(
        &["start", "a=", "b=", "remove", "get pods"],
        "Always a b",
        "0s b stubborn | 1s a exits 1 | 2s a exits 1 | 3s delete | 4s end | 5s b exits 1 | 60s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s     a=Running
            0s start b #0
            0s   Started b: Container started
            0s     [Running] +Ready +ContainersReady b=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/1
            1s start a #1
            1s   Started a: Container started
            1s     +Ready +ContainersReady a=Running last Error/1 x1
            2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x1
            3s     deleted at 2026-01-02T15:04:38Z a=Error/1 last Error/1 x1
            5s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) b=Error/1
            5s remove sandbox
            get pods: 0/2 Error 1 (59s ago) 60s
        "#]],
    );
}

#[test]
fn a_pod_deleted_before_it_ran_has_failed() {
    check(
        "Always a",
        "0s a slow | 1s delete | 2s a pulled | 3s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            1s     [Failed] deleted at 2026-01-02T15:04:36Z -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=ContainerStatusUnknown/137 'The container could not be located when the pod was terminated'
            1s remove sandbox
            get pods: 0/1 ContainerStatusUnknown 0 3s
        "#]],
    );
    check_only(
        &["create", "[", "a=", "remove", "get pods"],
        "Always a",
        "0s mounts fail nothing there | 2s delete | 60s end",
        expect![[r#"
            0s create sandbox
            0s     [Pending] -PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            500ms create sandbox
            1.5s create sandbox
            2s     [Failed] deleted at 2026-01-02T15:04:37Z -Ready(PodFailed) -ContainersReady(PodFailed) a=ContainerStatusUnknown/137 'The container could not be located when the pod was terminated'
            2s remove sandbox
            get pods: 0/1 ContainerStatusUnknown 0 60s
        "#]],
    );
    check_only(
        &["[", "a=", "i=", "j=", "remove", "get pods"],
        "Always init:i init:j a",
        "1s delete",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing j=PodInitializing a=PodInitializing
            0s     i=Running
            1s     [Failed] deleted at 2026-01-02T15:04:36Z -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) i=Error/143
            1s remove sandbox
            get pods: 0/1 Init:Error 0 1s
        "#]],
    );
}

#[test]
fn a_container_that_is_starting_is_stopped_as_soon_as_it_runs() {
    let check = |rest: &str, expect| {
        check_only(
            &[
                "start", "Started", "Killing", "signal", "kill", "a=", "remove",
            ],
            "Always a",
            &format!("0s a slow | 1s a pulled | 2s delete 10 | {rest}"),
            expect,
        );
    };
    check(
        "3s a started | 30s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        1s start a #0
        3s   Started a: Container started
        3s   Killing a: Stopping container a
        3s signal a SIGTERM
        3s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
        3s remove sandbox
    "#]],
    );
    check(
        "3s starts fail too late | 3s a started | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            1s start a #0
            3s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=StartError/128 'too late'
            3s remove sandbox
        "#]],
    );
    check(
        "30s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        1s start a #0
        12s kill a
        12s   Started a: Container started
        12s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
        12s remove sandbox
    "#]],
    );
    check(
        "3s a stubborn | 11s a started | 30s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        1s start a #0
        11s   Started a: Container started
        11s   Killing a: Stopping container a
        11s signal a SIGTERM
        11s     [Running] +Ready +ContainersReady a=Running
        13s kill a
        13s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
        13s remove sandbox
    "#]],
    );
}
