use super::script::{Engine, check, check_only};
use expect_test::expect;

#[test]
fn the_life_of_one_container() {
    check(
        "Never a",
        "5s a exits 0",
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
            5s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
            5s remove sandbox
            get pods: 0/1 Completed 0 5s
        "#]],
    );
}

#[test]
fn a_failure_that_is_final() {
    check(
        "Never a",
        "5s a exits 3 saying out of luck",
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
            5s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/3 'out of luck'
            5s remove sandbox
            get pods: 0/1 Error 0 5s
        "#]],
    );
}

#[test]
fn the_first_restart_is_immediate_and_the_next_ones_wait() {
    check(
        "OnFailure a",
        "1s a exits 1 | 2s a exits 1 | 12s a exits 1 | 20s end",
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
            1s pull a
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/1
            1s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            1s start a #1
            1s   Created a: Container created
            1s   Started a: Container started
            1s     +Ready +ContainersReady a=Running last Error/1 x1
            2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x1
            12s pull a
            12s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            12s start a #2
            12s   Created a: Container created
            12s   Started a: Container started
            12s     +Ready +ContainersReady a=Running last Error/1 x2
            12s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            12s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 20s restarting failed container=a pod=p_ns(uid)' last Error/1 x2
            get pods: 0/1 CrashLoopBackOff 2 (8s ago) 20s
        "#]],
    );
}

#[test]
fn delays_double_up_to_five_minutes() {
    let script = "1s a exits 1 | 2s a exits 1 | 13s a exits 1 | 34s a exits 1 | 75s a exits 1 | 156s a exits 1 \
                  | 317s a exits 1 | 618s a exits 1 | 919s a exits 1 | 1220s end";
    check_only(
        &["start a", "BackOff"],
        "Always a",
        script,
        expect![[r#"
            0s start a #0
            1s start a #1
            2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x1
            12s start a #2
            13s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            13s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 20s restarting failed container=a pod=p_ns(uid)' last Error/1 x2
            33s start a #3
            34s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            34s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 40s restarting failed container=a pod=p_ns(uid)' last Error/1 x3
            1m14s start a #4
            1m15s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            1m15s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 1m20s restarting failed container=a pod=p_ns(uid)' last Error/1 x4
            2m35s start a #5
            2m36s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2m36s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 2m40s restarting failed container=a pod=p_ns(uid)' last Error/1 x5
            5m16s start a #6
            5m17s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            5m17s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 5m0s restarting failed container=a pod=p_ns(uid)' last Error/1 x6
            10m17s start a #7
            10m18s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            10m18s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 5m0s restarting failed container=a pod=p_ns(uid)' last Error/1 x7
            15m18s start a #8
            15m19s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            15m19s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 5m0s restarting failed container=a pod=p_ns(uid)' last Error/1 x8
            20m19s start a #9
        "#]],
    );
}

#[test]
fn ten_good_minutes_are_a_new_beginning() {
    let script = "1s a exits 1 | 2s a exits 1 | 613s a exits 1 | 614s end";
    check_only(
        &["start a"],
        "Always a",
        script,
        expect![[r#"
        0s start a #0
        1s start a #1
        12s start a #2
        10m13s start a #3
    "#]],
    );
    let script = "1s a exits 1 | 2s a exits 1 | 612s a exits 1 | 613s a exits 1 | 634s end";
    check_only(
        &["start a"],
        "Always a",
        script,
        expect![[r#"
        0s start a #0
        1s start a #1
        12s start a #2
        10m32s start a #3
    "#]],
    );
}

#[test]
fn success_is_no_reason_to_stop_under_always() {
    check_only(
        &["start a", "a=", "get pods"],
        "Always a",
        "1s a exits 0 | 2s a exits 0 | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s     [Running] +Ready +ContainersReady a=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Completed/0
            1s start a #1
            1s     +Ready +ContainersReady a=Running last Completed/0 x1
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Completed/0 x1
            get pods: 0/1 CrashLoopBackOff 1 (1s ago) 3s
        "#]],
    );
}

#[test]
fn on_failure_ends_with_the_first_success() {
    check_only(
        &["start a", "[", "get pods"],
        "OnFailure a",
        "1s a exits 1 | 2s a exits 0 | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s     [Running] +Ready +ContainersReady a=Running
            1s start a #1
            2s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0 last Error/1 x1
            get pods: 0/1 Completed 1 (2s ago) 3s
        "#]],
    );
}

#[test]
fn containers_fail_alone() {
    check_only(
        &["start", "[", "get pods"],
        "Always a b",
        "1s a exits 1 | 2s a exits 1 | 3s b exits 0 | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s start b #0
            0s   Started b: Container started
            0s     [Running] +Ready +ContainersReady b=Running
            1s start a #1
            1s   Started a: Container started
            2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x1
            3s start b #1
            3s   Started b: Container started
            12s start a #2
            12s   Started a: Container started
            get pods: 2/2 Running 3 (27s ago) 30s
        "#]],
    );
}

#[test]
fn a_pod_fails_when_all_are_done_and_one_failed() {
    check_only(
        &["[", "get pods"],
        "Never a b",
        "1s a exits 1 | 2s b exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s     [Running] +Ready +ContainersReady b=Running
            2s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) b=Completed/0
            get pods: 0/2 Error 0 2s
        "#]],
    );
    check_only(
        &["[", "get pods"],
        "Never a b",
        "1s b exits 0 | 2s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s     [Running] +Ready +ContainersReady b=Running
            get pods: 1/2 NotReady 0 2s
        "#]],
    );
}

#[test]
fn the_policy_of_a_container_wins() {
    check_only(
        &["start", "[", "get pods"],
        "Always a:Never b:OnFailure",
        "1s a exits 1 | 2s b exits 1 | 3s b exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s start b #0
            0s   Started b: Container started
            0s     [Running] +Ready +ContainersReady b=Running
            2s start b #1
            2s   Started b: Container started
            3s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) b=Completed/0 last Error/1 x1
            get pods: 0/2 Error 1 (1s ago) 3s
        "#]],
    );
    check_only(
        &["start", "[", "get pods"],
        "Never a:Always b",
        "1s a exits 0 | 2s b exits 0 | 3s a exits 0 | 4s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s start b #0
            0s   Started b: Container started
            0s     [Running] +Ready +ContainersReady b=Running
            1s start a #1
            1s   Started a: Container started
            3s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            3s     a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Completed/0 x1
            get pods: 0/2 CrashLoopBackOff 1 (1s ago) 4s
        "#]],
    );
}

#[test]
fn signals_and_memory_are_exit_codes() {
    check_only(
        &["a="],
        "Never a b",
        "1s a dies SIGSEGV",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s     a=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/139
        "#]],
    );
    check_only(
        &["a="],
        "Never a b",
        "1s a dies KILL",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s     a=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/137
        "#]],
    );
    check_only(
        &["a="],
        "Never a b",
        "1s a ooms",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s     a=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=OOMKilled/137
        "#]],
    );
    check_only(
        &["a=", "BackOff"],
        "Always a b",
        "1s a ooms | 2s a ooms | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s     a=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=OOMKilled/137
            1s     +Ready +ContainersReady a=Running last OOMKilled/137 x1
            2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last OOMKilled/137 x1
            12s     +Ready +ContainersReady a=Running last OOMKilled/137 x2
        "#]],
    );
}

#[test]
fn only_the_last_two_instances_are_visible() {
    check_only(
        &["a="],
        "Always a",
        "1s a exits 1 | 2s a exits 2 | 13s a exits 3 | 14s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/1
            1s     +Ready +ContainersReady a=Running last Error/1 x1
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/2 x1
            12s     +Ready +ContainersReady a=Running last Error/2 x2
            13s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 20s restarting failed container=a pod=p_ns(uid)' last Error/3 x2
        "#]],
    );
}

#[test]
fn messages_share_twelve_kilobytes() {
    let message = "é".repeat(4000);
    let engine = Engine::run(
        "Never a b c d",
        &format!("1s a exits 1 saying {message} | 2s b exits 1"),
    );
    let statuses = &engine.pod.status().containers;
    let length = |index: usize| match &statuses[index].state {
        crate::pod::ContainerState::Terminated(ended) => ended.message.as_ref().map(String::len),
        _ => panic!("still alive"),
    };
    assert_eq!((length(0), length(1)), (Some(3072), None));
}
