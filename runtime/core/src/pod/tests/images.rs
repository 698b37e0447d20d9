use super::script::{check, check_only};
use expect_test::expect;

#[test]
fn present_images_are_not_pulled_unless_always() {
    check_only(
        &["Pull"],
        "Never a",
        "0s end",
        expect![[r#"
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
        "#]],
    );
    check_only(
        &["Pull"],
        "Never pull:Always a",
        "0s end",
        expect![[r#"
        0s   Pulling a: Pulling image "image"
        0s   Pulled a: Successfully pulled image "image" in 0s (0s including waiting). Image size: 1024 bytes.
    "#]],
    );
}

#[test]
fn absent_images_are_pulled() {
    check_only(
        &["Pull"],
        "Never a",
        "0s images absent | 0s end",
        expect![[r#"
            0s   Pulling a: Pulling image "image"
            0s   Pulled a: Successfully pulled image "image" in 1.2s (1.2s including waiting). Image size: 1024 bytes.
        "#]],
    );
    check_only(
        &["Pull"],
        "Never a",
        "0s images absent | 0s a slow | 1s a pulling | 2s a pulled | 2s end",
        expect![[r#"
            1s   Pulling a: Pulling image "image"
            2s   Pulled a: Successfully pulled image "image" in 1.2s (1.2s including waiting). Image size: 1024 bytes.
        "#]],
    );
}

#[test]
fn every_start_asks_for_the_image_again() {
    check_only(
        &["Pull", "start a"],
        "Always pull:Always a",
        "1s a exits 1 | 2s end",
        expect![[r#"
            0s   Pulling a: Pulling image "image"
            0s   Pulled a: Successfully pulled image "image" in 0s (0s including waiting). Image size: 1024 bytes.
            0s start a #0
            1s   Pulling a: Pulling image "image"
            1s   Pulled a: Successfully pulled image "image" in 0s (0s including waiting). Image size: 1024 bytes.
            1s start a #1
        "#]],
    );
}

#[test]
fn failing_pulls_back_off() {
    check(
        "Never a",
        "0s images unpullable no such manifest | 31s images work | 80s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            0s     a=ErrImagePull 'no such manifest'
            0s   Pulling a: Pulling image "image"
            0s   !Failed a: Failed to pull image "image": no such manifest
            0s   !Failed a: Error: ErrImagePull
            10s pull a
            10s   Pulling a: Pulling image "image"
            10s   !Failed a: Failed to pull image "image": no such manifest
            10s   !Failed a: Error: ErrImagePull
            20s   BackOff a: Back-off pulling image "image"
            20s   !Failed a: Error: ImagePullBackOff
            20s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: no such manifest'
            30s pull a
            30s   Pulling a: Pulling image "image"
            30s   !Failed a: Failed to pull image "image": no such manifest
            30s   !Failed a: Error: ErrImagePull
            30s     a=ErrImagePull 'no such manifest'
            40s   BackOff a: Back-off pulling image "image"
            40s   !Failed a: Error: ImagePullBackOff
            40s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: no such manifest'
            1m10s pull a
            1m10s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            1m10s start a #0
            1m10s   Created a: Container created
            1m10s   Started a: Container started
            1m10s     [Running] +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 80s
        "#]],
    );
}

#[test]
fn pull_delays_double_up_to_five_minutes() {
    check_only(
        &["pull a", "ImagePullBackOff"],
        "Never a",
        "0s images unpullable gone | 1300s end",
        expect![[r#"
            0s pull a
            10s pull a
            20s   !Failed a: Error: ImagePullBackOff
            20s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            30s pull a
            40s   !Failed a: Error: ImagePullBackOff
            40s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            1m10s pull a
            1m20s   !Failed a: Error: ImagePullBackOff
            1m20s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            2m30s pull a
            2m40s   !Failed a: Error: ImagePullBackOff
            2m40s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            5m10s pull a
            5m20s   !Failed a: Error: ImagePullBackOff
            5m20s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            10m10s pull a
            10m20s   !Failed a: Error: ImagePullBackOff
            10m20s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            15m10s pull a
            15m20s   !Failed a: Error: ImagePullBackOff
            15m20s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            20m10s pull a
            20m20s   !Failed a: Error: ImagePullBackOff
            20m20s     a=ImagePullBackOff 'Back-off pulling image "image": ErrImagePull: gone'
            get pods: 0/1 ImagePullBackOff 0 21m
        "#]],
    );
}

#[test]
fn containers_share_the_back_off_of_their_image() {
    check_only(
        &["pull ", "Back-off", "get pods"],
        "Never a@x b@x c@y",
        "0s images unpullable gone | 12s images work | 15s end",
        expect![[r#"
            0s pull a
            0s     a=ErrImagePull 'gone' b=ImagePullBackOff 'Back-off pulling image "x": ErrImagePull: gone'
            0s   !Failed a: Failed to pull image "x": gone
            0s   BackOff b: Back-off pulling image "x"
            0s pull c
            0s   !Failed c: Failed to pull image "y": gone
            10s pull a
            10s   !Failed a: Failed to pull image "x": gone
            10s   BackOff b: Back-off pulling image "x"
            10s pull c
            10s   !Failed c: Failed to pull image "y": gone
            get pods: 0/3 ErrImagePull 0 15s
        "#]],
    );
}

#[test]
fn one_missing_image_does_not_stop_the_others() {
    check_only(
        &["start", "[", "a=", "get pods"],
        "Never a@x b",
        "0s a slow | 0s b slow | 1s images unpullable gone | 1s a pulled \
         | 2s images work | 2s b pulled | 2s b started | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            1s     a=ErrImagePull 'gone'
            2s start b #0
            2s   Started b: Container started
            get pods: 1/2 ErrImagePull 0 3s
        "#]],
    );
}

#[test]
fn images_that_can_never_be_there() {
    let check =
        |script, expect| check_only(&["!", "a=", "pull a"], "Never pull:Never a", script, expect);
    check(
        "0s images missing | 11s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s pull a
        0s     a=ErrImageNeverPull 'Container image "image" is not present with pull policy of Never'
        0s   !ErrImageNeverPull a: Container image "image" is not present with pull policy of Never
        0s   !Failed a: Error: ErrImageNeverPull
        10s pull a
        10s   !ErrImageNeverPull a: Container image "image" is not present with pull policy of Never
        10s   !Failed a: Error: ErrImageNeverPull
    "#]],
    );
    check(
        "0s images misnamed couldn't parse image name \"X\" | 1s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            0s     a=InvalidImageName 'Failed to apply default image tag "image": couldn't parse image name "X"'
            0s   !InspectFailed a: Failed to apply default image tag "image": couldn't parse image name "X"
            0s   !Failed a: Error: InvalidImageName
        "#]],
    );
    check(
        "0s images unreadable broken layer | 1s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            0s     a=ImageInspectError 'Failed to inspect image "image": broken layer'
            0s   !InspectFailed a: Failed to inspect image "image": broken layer
            0s   !Failed a: Error: ImageInspectError
        "#]],
    );
}

#[test]
fn containers_that_cannot_be_created_are_retried_every_ten_seconds() {
    check(
        "Never a",
        "0s starts misconfigured configmap \"c\" not found | 15s starts work | 20s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s start a #0
            0s   !Failed a: Error: configmap "c" not found
            0s     a=CreateContainerConfigError 'configmap "c" not found'
            10s pull a
            10s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            10s start a #0
            10s   !Failed a: Error: configmap "c" not found
            20s pull a
            20s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            20s start a #0
            20s   Created a: Container created
            20s   Started a: Container started
            20s     [Running] +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 20s
        "#]],
    );
    check_only(
        &["!", "a=", "start a", "get pods"],
        "Never a",
        "0s starts uncreatable no command specified | 11s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   !Failed a: Error: no command specified
            0s     a=CreateContainerError 'no command specified'
            10s start a #0
            10s   !Failed a: Error: no command specified
            get pods: 0/1 CreateContainerError 0 11s
        "#]],
    );
}

#[test]
fn a_success_forgets_the_failures_before() {
    check_only(
        &["a="],
        "Always a",
        "0s starts misconfigured nothing there | 5s starts work | 12s a slow | 13s a exits 1 | 14s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     a=CreateContainerConfigError 'nothing there'
            10s     [Running] +Ready +ContainersReady a=Running
            13s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/1
        "#]],
    );
}

#[test]
fn programs_that_cannot_start_count_as_128() {
    check_only(
        &["!", "a=", "start a", "Created", "get pods"],
        "Always a",
        "0s starts fail unknown import | 15s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   Created a: Container created
            0s   !Failed a: Error: unknown import
            0s     [Running] a=RunContainerError 'unknown import' last StartError/128
            0s start a #1
            0s   Created a: Container created
            0s   !Failed a: Error: unknown import
            0s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            0s     a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last StartError/128 x1
            10s start a #2
            10s   Created a: Container created
            10s   !Failed a: Error: unknown import
            10s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            10s     a=CrashLoopBackOff 'back-off 20s restarting failed container=a pod=p_ns(uid)' last StartError/128 x2
            get pods: 0/1 CrashLoopBackOff 2 (5s ago) 15s
        "#]],
    );
    check_only(
        &["!", "a=", "start a", "[", "get pods"],
        "Never a",
        "0s starts fail unknown import | 15s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   !Failed a: Error: unknown import
            0s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=StartError/128 'unknown import'
            get pods: 0/1 StartError 0 15s
        "#]],
    );
}

#[test]
fn run_as_non_root_is_checked_before_the_start() {
    check_only(
        &["!", "a=", "start a", "Pull", "get pods"],
        "Never nonroot a",
        "0s images user root | 9s images user 1000 | 11s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     a=CreateContainerConfigError 'container has runAsNonRoot and image will run as root'
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s   !Failed a: Error: container has runAsNonRoot and image will run as root
            10s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            10s start a #0
            10s     [Running] +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 11s
        "#]],
    );
}

#[test]
fn images_of_volumes_come_before_the_own() {
    check_only(
        &["Pull", "pull", "start"],
        "Never a data:files b",
        "1s a exits 1 | 2s end",
        expect![[r#"
            0s pull data for a
            0s   Pulled a: Container image "files" already present on machine and can be accessed by the pod
            0s pull a
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s start a #0
            0s   Started a: Container started
            0s pull b
            0s   Pulled b: Container image "image" already present on machine and can be accessed by the pod
            0s start b #0
            0s   Started b: Container started
        "#]],
    );
    check_only(
        &["Pull", "pull", "start", "a", "Back"],
        "Always a data:files b",
        "0s images unpullable no such image | 5s images work | 15s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s pull data for a
            0s     a=ErrImagePull 'no such image'
            0s   Pulling a: Pulling image "files"
            0s   !Failed a: Failed to pull image "files": no such image
            0s   !Failed a: Error: ErrImagePull
            0s pull b
            0s     b=ErrImagePull 'no such image'
            0s   Pulling b: Pulling image "image"
            0s   !Failed b: Failed to pull image "image": no such image
            0s   !Failed b: Error: ErrImagePull
            10s pull data for a
            10s   Pulled a: Container image "files" already present on machine and can be accessed by the pod
            10s pull a
            10s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            10s start a #0
            10s   Created a: Container created
            10s   Started a: Container started
            10s pull b
            10s     a=Running
            10s   Pulled b: Container image "image" already present on machine and can be accessed by the pod
            10s start b #0
            10s   Created b: Container created
            10s   Started b: Container started
            10s     [Running] +Ready +ContainersReady b=Running
        "#]],
    );
}
