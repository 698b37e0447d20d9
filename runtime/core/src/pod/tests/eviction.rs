use super::script::check_only;
use expect_test::expect;

const ENDS: [&str; 6] = ["Evicted", "Killing", "signal", "kill", "[", "get pods"];

#[test]
fn an_evicted_pod_ends_within_two_seconds_and_fails() {
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 5s evict Too much. | 6s evict Again. | 20s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s     [Running] +Ready +ContainersReady a=Running
        5s   !Evicted pod: Too much.
        5s   Killing a: Stopping container a
        5s signal a SIGTERM
        7s kill a
        7s     [Failed] (Evicted) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
        get pods: 0/1 Error 0 20s
    "#]],
    );
    check_only(
        &ENDS,
        "Always a",
        "5s evict Too much. | 6s delete",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s     [Running] +Ready +ContainersReady a=Running
        5s   !Evicted pod: Too much.
        5s   Killing a: Stopping container a
        5s signal a SIGTERM
        5s     [Failed] (Evicted) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
        get pods: 0/1 Error 0 6s
    "#]],
    );
}

#[test]
fn eviction_hurries_a_deletion() {
    check_only(
        &ENDS,
        "Always a",
        "0s a stubborn | 5s delete | 7s evict Too much. | 60s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s     [Running] +Ready +ContainersReady a=Running
        5s   Killing a: Stopping container a
        5s signal a SIGTERM
        7s   !Evicted pod: Too much.
        9s kill a
        9s     [Failed] (Evicted) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
        get pods: 0/1 Error 0 60s
    "#]],
    );
}

#[test]
fn what_has_ended_is_not_evicted() {
    check_only(
        &ENDS,
        "Never a",
        "1s a exits 0 | 2s evict Too much.",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s     [Running] +Ready +ContainersReady a=Running
        1s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
        get pods: 0/1 Completed 0 2s
    "#]],
    );
}
