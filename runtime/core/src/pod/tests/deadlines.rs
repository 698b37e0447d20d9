use super::script::{check, check_only};
use expect_test::expect;

#[test]
fn deadlines() {
    check(
        "Always deadline:10 a",
        "0s a stubborn | 60s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s start a #0
            0s   Created a: Container created
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            10s   DeadlineExceeded pod: Pod was active on the node longer than the specified deadline
            10s   Killing a: Stopping container a
            10s signal a SIGTERM
            40s kill a
            40s     [Failed] (DeadlineExceeded) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            40s remove sandbox
            get pods: 0/1 Error 0 60s
        "#]],
    );
    check_only(
        &["[", "remove", "!", "Deadline", "get pods"],
        "OnFailure deadline:10 init:i a",
        "0s images unpullable gone | 60s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing a=PodInitializing
            0s   !Failed i: Failed to pull image "image": gone
            0s   !Failed i: Error: ErrImagePull
            10s   DeadlineExceeded pod: Pod was active on the node longer than the specified deadline
            10s     [Failed] (DeadlineExceeded) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) i=ContainerStatusUnknown/137 'The container could not be located when the pod was terminated'
            10s remove sandbox
            get pods: 0/1 Init:ContainerStatusUnknown 0 60s
        "#]],
    );
    check_only(
        &["[", "remove", "Deadline", "get pods"],
        "OnFailure deadline:10 a",
        "9s a exits 0 | 60s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            9s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
            9s remove sandbox
            get pods: 0/1 Completed 0 60s
        "#]],
    );
    check_only(
        &["[", "remove", "Deadline", "get pods"],
        "OnFailure deadline:10 a",
        "0s a stubborn | 5s delete 20 | 60s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            25s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            25s remove sandbox
            get pods: 0/1 Error 0 60s
        "#]],
    );
}

#[test]
fn a_finished_pod_does_not_move() {
    check_only(
        &["5", "6", "get pods"],
        "Never a",
        "1s a exits 0 | 5s delete | 5s a exits 1 | 60s end",
        expect![[r#"
            get pods: 0/1 Completed 0 60s
        "#]],
    );
}
