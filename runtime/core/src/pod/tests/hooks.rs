use super::script::{Engine, check, check_only};
use expect_test::expect;

#[test]
fn post_start_holds_back_the_next_container_and_hides_its_own() {
    check(
        "Always a poststart(exec) b",
        "0s a poststart hangs | 3s a poststart says works | 4s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s pull a
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s start a #0
            0s   Created a: Container created
            0s   Started a: Container started
            0s run a PostStart
            3s pull b
            3s     a=Running
            3s   Pulled b: Container image "image" already present on machine and can be accessed by the pod
            3s start b #0
            3s   Created b: Container created
            3s   Started b: Container started
            3s     [Running] +Ready +ContainersReady b=Running
            get pods: 2/2 Running 0 4s
        "#]],
    );
}

const STARTS: [&str; 7] = ["start", "run", "probe", "PostStart", "Killing", "a=", "s="];

#[test]
fn a_sidecar_is_started_when_its_post_start_is_over() {
    check_only(
        &STARTS,
        "Always sidecar:s poststart(sleep=4) startup(period=1) a",
        "0s s startup fails | 5.5s s startup works | 9s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s start s #0
            0s   Started s: Container started
            4s     s=Running unstarted
            4s probe s Startup
            4s   !Unhealthy s: Startup probe failed: 
            5s probe s Startup
            5s   !Unhealthy s: Startup probe failed: 
            6s probe s Startup
            6s     +Initialized s=Running
            6s start a #0
            6s   Started a: Container started
            6s     [Running] +Ready +ContainersReady a=Running
        "#]],
    );
}

#[test]
fn probes_wait_for_post_start_and_the_delay_counts_from_the_start() {
    check_only(
        &STARTS,
        "Always a poststart(sleep=4) ready(delay=6,period=1)",
        "7s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            4s     [Running] a=Running unready
            6s probe a Readiness
            6s     +Ready +ContainersReady a=Running
            7s probe a Readiness
        "#]],
    );
}

#[test]
fn a_failed_post_start_kills_the_container_before_anything_else_starts() {
    check(
        "Always grace:5 a poststart(exec) b",
        "0s a stubborn | 0s a poststart fails no good | 1s a poststart works | 9s end",
        expect![[r#"
            0s   Scheduled pod: Successfully assigned ns/p to node
            0s create sandbox
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s pull a
            0s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            0s start a #0
            0s   Created a: Container created
            0s   Started a: Container started
            0s run a PostStart
            0s   !FailedPostStartHook a: PostStartHook failed
            0s   Killing a: FailedPostStartHook
            0s signal a SIGTERM
            5s kill a
            5s pull b
            5s     a=PostStartHookError 'no good' last Error/137
            5s   Pulled b: Container image "image" already present on machine and can be accessed by the pod
            5s start b #0
            5s   Created b: Container created
            5s   Started b: Container started
            5s pull a
            5s     [Running] b=Running
            5s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            5s start a #1
            5s   Created a: Container created
            5s   Started a: Container started
            5s run a PostStart
            5s     +Ready +ContainersReady a=Running last Error/137 x1
            get pods: 2/2 Running 1 (4s ago) 9s
        "#]],
    );
    check_only(
        &["start", "run", "Hook", "a=", "[", "get pods"],
        "Never a poststart(http)",
        "0s a poststart fails refused | 9s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s run a PostStart
            0s   !FailedPostStartHook a: PostStartHook failed
            0s   Killing a: FailedPostStartHook
            0s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
            get pods: 0/1 Error 0 9s
        "#]],
    );
    check_only(
        &[
            "start", "run", "Hook", "a=", "Killing", "prestop", "get pods",
        ],
        "Always grace:5 a poststart(tcp) prestop(exec)",
        "11s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s   !FailedPostStartHook a: PostStartHook failed
            0s   Killing a: FailedPostStartHook
            0s run a PreStop
            0s     [Running] a=PostStartHookError 'Cannot run handler: invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,TCPSocket:&TCPSocketAction{Port:{0 80 },Host:,},Sleep:nil,}' last Error/143
            0s start a #1
            0s   Started a: Container started
            0s   !FailedPostStartHook a: PostStartHook failed
            0s   Killing a: FailedPostStartHook
            0s run a PreStop
            0s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            0s     a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/143 x1
            10s start a #2
            10s   Started a: Container started
            10s   !FailedPostStartHook a: PostStartHook failed
            10s   Killing a: FailedPostStartHook
            10s run a PreStop
            10s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            10s     a=CrashLoopBackOff 'back-off 20s restarting failed container=a pod=p_ns(uid)' last Error/143 x2
            get pods: 0/1 CrashLoopBackOff 2 (1s ago) 11s
        "#]],
    );
}

#[test]
fn a_container_that_ends_during_post_start() {
    let check = |pod, expect| {
        let script = "0s a poststart hangs | 1s a exits 0 | 3s end";
        check_only(&STARTS, pod, script, expect);
    };
    check(
        "Never a poststart(exec) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s   Started a: Container started
        0s run a PostStart
        1s   !FailedPostStartHook a: PostStartHook failed
        1s   Killing a: FailedPostStartHook
        1s     a=Completed/0
        1s start b #0
        1s   Started b: Container started
    "#]],
    );
    check(
        "Never a poststart(http) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s   Started a: Container started
        0s run a PostStart
        1s     a=Completed/0
        1s start b #0
        1s   Started b: Container started
    "#]],
    );
    check(
        "Never a poststart(sleep=5) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s   Started a: Container started
        1s     a=Completed/0
        1s start b #0
        1s   Started b: Container started
    "#]],
    );
    check(
        "Always a poststart(exec) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s   Started a: Container started
        0s run a PostStart
        1s   !FailedPostStartHook a: PostStartHook failed
        1s   Killing a: FailedPostStartHook
        1s     a=PostStartHookError 'Exec lifecycle hook ([hook now]) for Container "a" in Pod "p_ns(uid)" failed - error: command 'hook now' exited with 137: , message: ""' last Completed/0
        1s start b #0
        1s   Started b: Container started
        1s start a #1
        1s   Started a: Container started
        1s run a PostStart
        get pods: 1/2 PostStartHookError 0 3s
    "#]],
    );
}

#[test]
fn a_delete_cancels_post_start() {
    check_only(
        &["run", "Hook", "Killing", "signal", "a=", "[", "remove"],
        "Always a poststart(exec) prestop(http) b",
        "0s a poststart hangs | 1s delete | 2s a poststart says works",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s run a PostStart
            1s   !FailedPostStartHook a: PostStartHook failed
            1s   Killing a: FailedPostStartHook
            1s   Killing a: Stopping container a
            1s run a PreStop
            1s     deleted at 2026-01-02T15:04:36Z a=Running
            1s signal a SIGTERM
            1s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143 b=ContainerStatusUnknown/137 'The container could not be located when the pod was terminated'
            1s remove sandbox
        "#]],
    );
    check_only(
        &[
            "run", "Hook", "Killing", "signal", "a=", "[", "kill ", "remove",
        ],
        "Always grace:20 a poststart(exec) b",
        "0s a stubborn | 0s a poststart fails x | 1s delete 5 | 10s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s run a PostStart
            0s   !FailedPostStartHook a: PostStartHook failed
            0s   Killing a: FailedPostStartHook
            0s signal a SIGTERM
            1s   Killing a: Stopping container a
            1s     deleted at 2026-01-02T15:04:11Z a=Running
            6s kill a
            6s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137 b=ContainerStatusUnknown/137 'The container could not be located when the pod was terminated'
            6s remove sandbox
        "#]],
    );
}

const ENDS: [&str; 8] = [
    "run",
    "Hook",
    "Killing",
    "signal",
    "kill ",
    "Failed]",
    "Succeeded]",
    "remove",
];

#[test]
fn pre_stop_counts_against_the_grace_period() {
    let check = |pod, script, expect| check_only(&ENDS, pod, script, expect);
    check(
        "Always grace:10 a prestop(exec)",
        "0s a stubborn | 0s a prestop hangs | 1s delete | 4.7s a prestop says works | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            1s run a PreStop
            4.7s signal a SIGTERM
            11.7s kill a
            11.7s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            11.7s remove sandbox
        "#]],
    );
    check(
        "Always grace:10 a prestop(exec)",
        "0s a stubborn | 0s a prestop hangs | 1s delete | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            1s run a PreStop
            11s signal a SIGTERM
            13s kill a
            13s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            13s remove sandbox
        "#]],
    );
    check(
        "Always grace:10 a prestop(sleep=9)",
        "0s a stubborn | 1s delete | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            10s signal a SIGTERM
            12s kill a
            12s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            12s remove sandbox
        "#]],
    );
    check(
        "Always grace:10 a prestop(sleep=15)",
        "0s a stubborn | 1s delete | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            11s signal a SIGTERM
            13s kill a
            13s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            13s remove sandbox
        "#]],
    );
    check(
        "Always grace:10 a prestop(sleep=5)",
        "1s delete | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            6s signal a SIGTERM
            6s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
            6s remove sandbox
        "#]],
    );
    check(
        "Always grace:10 a prestop(sleep=0)",
        "1s delete | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            1s signal a SIGTERM
            1s     [Failed] deleted at 2026-01-02T15:04:16Z -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
            1s remove sandbox
        "#]],
    );
}

#[test]
fn pre_stop_without_grace() {
    check_only(
        &ENDS,
        "Always grace:10 a prestop(exec)",
        "0s a stubborn | 0s a prestop hangs | 1s delete 0 | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            1s run a PreStop
            2s signal a SIGTERM
            4s kill a
            4s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            4s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Never grace:0 sidecar:s prestop(exec) a",
        "0s s stubborn | 1s a exits 0 | 20s end",
        expect![[r#"
            1s   Killing s: Stopping container s
            1s signal s SIGTERM
            3s kill s
            3s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/137
            3s remove sandbox
        "#]],
    );
}

#[test]
fn a_failed_pre_stop_changes_nothing() {
    check_only(
        &ENDS,
        "Always a prestop(exec) b prestop(http) c prestop(tcp)",
        "0s a prestop fails x | 0s b prestop fails y | 1s delete | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            1s   Killing b: Stopping container b
            1s   Killing c: Stopping container c
            1s run a PreStop
            1s run b PreStop
            1s   !FailedPreStopHook c: PreStopHook failed
            1s signal c SIGTERM
            1s   !FailedPreStopHook a: PreStopHook failed
            1s signal a SIGTERM
            1s   !FailedPreStopHook b: PreStopHook failed
            1s signal b SIGTERM
            1s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143 b=Error/143
            1s remove sandbox
        "#]],
    );
}

#[test]
fn a_container_that_ends_during_pre_stop_is_done() {
    check_only(
        &ENDS,
        "Always a prestop(exec) b prestop(http) c prestop(sleep=20)",
        "0s a prestop hangs | 0s b prestop hangs | 1s delete | 2s a exits 0 | 3s b exits 0 | 4s c exits 0",
        expect![[r#"
            1s   Killing a: Stopping container a
            1s   Killing b: Stopping container b
            1s   Killing c: Stopping container c
            1s run a PreStop
            1s run b PreStop
            2s   !FailedPreStopHook a: PreStopHook failed
            4s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) c=Completed/0
            4s remove sandbox
        "#]],
    );
}

#[test]
fn a_container_that_ended_by_itself_has_no_pre_stop() {
    check_only(
        &ENDS,
        "Never a prestop(exec) b",
        "1s a exits 1 | 2s delete",
        expect![[r#"
            2s   Killing b: Stopping container b
            2s signal b SIGTERM
            2s     [Failed] deleted at 2026-01-02T15:04:37Z -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) b=Error/143
            2s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Never a prestop(sleep=20)",
        "1s a exits 0",
        expect![[r#"
            1s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
            1s remove sandbox
        "#]],
    );
}

#[test]
fn a_hasty_delete_cuts_pre_stop() {
    check_only(
        &ENDS,
        "Always grace:60 a prestop(sleep=50) b prestop(exec)",
        "0s a stubborn | 0s b prestop hangs | 1s delete | 3s delete 4 | 4s a prestop hangs | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            1s   Killing b: Stopping container b
            1s run b PreStop
            7s signal a SIGTERM
            7s signal b SIGTERM
            9s kill a
            9s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            9s remove sandbox
        "#]],
    );
}

#[test]
fn hooks_of_sidecars_run_at_once_and_only_signals_wait() {
    check_only(
        &ENDS,
        "Always grace:20 sidecar:s prestop(exec) sidecar:t prestop(sleep=2) a prestop(exec)",
        "0s a stubborn | 0s s prestop hangs | 0s a prestop hangs | 1s delete | 4s a prestop says works |
         5s s prestop says works | 8s a exits 0 | 9s end",
        expect![[r#"
            1s   Killing s: Stopping container s
            1s   Killing t: Stopping container t
            1s   Killing a: Stopping container a
            1s run s PreStop
            1s run a PreStop
            4s signal a SIGTERM
            8s signal t SIGTERM
            8s signal s SIGTERM
            8s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/143
            8s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Always grace:5 sidecar:s prestop(exec) sidecar:t prestop(exec) a",
        "0s s stubborn | 0s t stubborn | 0s s prestop hangs | 0s t prestop hangs | 1s delete | 20s end",
        expect![[r#"
            1s   Killing s: Stopping container s
            1s   Killing t: Stopping container t
            1s   Killing a: Stopping container a
            1s run s PreStop
            1s run t PreStop
            1s signal a SIGTERM
            6s signal s SIGTERM
            6s signal t SIGTERM
            8s kill s
            8s kill t
            8s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) s=Error/137 t=Error/137
            8s remove sandbox
        "#]],
    );
}

#[test]
fn time_is_spent_in_whole_seconds_at_each_stage() {
    check_only(
        &ENDS,
        "Always grace:10 sidecar:s prestop(exec) a",
        "0s a stubborn | 0s s stubborn | 0s s prestop hangs | 1s delete | 2.9s s prestop says works | 4.8s a exits 0 | 30s end",
        expect![[r#"
            1s   Killing s: Stopping container s
            1s   Killing a: Stopping container a
            1s run s PreStop
            1s signal a SIGTERM
            4.8s signal s SIGTERM
            12.8s kill s
            12.8s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) s=Error/137
            12.8s remove sandbox
        "#]],
    );
}

#[test]
fn probes_run_pre_stop_too() {
    check_only(
        &[
            "run", "Hook", "Killing", "signal", "kill ", "start a", "probe",
        ],
        "Always grace:30 a prestop(exec) live(fail=1,period=2,grace=5) ready(period=2)",
        "0s a stubborn | 0s a prestop hangs | 1s a live fails | 4.5s a prestop says works | 5s a live works | 12s end",
        expect![[r#"
            0s start a #0
            0s probe a Liveness
            0s probe a Readiness
            2s probe a Liveness
            2s probe a Readiness
            2s   !Unhealthy a: Liveness probe failed: 
            2s   Killing a: Container a failed liveness probe, will be restarted
            2s run a PreStop
            4s probe a Readiness
            4.5s signal a SIGTERM
            6s probe a Readiness
            7.5s kill a
            7.5s start a #1
            7.5s probe a Liveness
            7.5s probe a Readiness
            9.5s probe a Liveness
            9.5s probe a Readiness
            11.5s probe a Liveness
            11.5s probe a Readiness
        "#]],
    );
    check_only(
        &[
            "run", "Hook", "Killing", "signal", "kill ", "remove", "probe",
        ],
        "Always grace:30 a prestop(exec) live(fail=1,period=2,grace=5)",
        "0s a stubborn | 0s a prestop hangs | 1s a live fails | 3s delete 10 | 6s a prestop says works | 20s end",
        expect![[r#"
            0s probe a Liveness
            2s probe a Liveness
            2s   !Unhealthy a: Liveness probe failed: 
            2s   Killing a: Container a failed liveness probe, will be restarted
            2s run a PreStop
            3s   Killing a: Stopping container a
            6s signal a SIGTERM
            13s kill a
            13s remove sandbox
        "#]],
    );
}

#[test]
fn deadlines_and_evictions_run_pre_stop() {
    check_only(
        &ENDS,
        "Always grace:5 deadline:3 a prestop(sleep=2)",
        "0s a stubborn | 20s end",
        expect![[r#"
            3s   Killing a: Stopping container a
            5s signal a SIGTERM
            8s kill a
            8s     [Failed] (DeadlineExceeded) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            8s remove sandbox
        "#]],
    );
    check_only(
        &ENDS,
        "Always grace:5 a prestop(sleep=2)",
        "0s a stubborn | 1s evict too much | 20s end",
        expect![[r#"
            1s   Killing a: Stopping container a
            2s signal a SIGTERM
            4s kill a
            4s     [Failed] (Evicted) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            4s remove sandbox
        "#]],
    );
}

#[test]
fn a_hook_that_sleeps_is_a_timer() {
    let next = |pod, script| {
        let engine = Engine::run(pod, script);
        engine
            .pod
            .poll_timeout()
            .map(|at| at.as_nanos() / 1_000_000_000)
    };
    assert_eq!(next("Always a poststart(sleep=9)", "5s end"), Some(9));
    assert_eq!(
        next("Always a poststart(exec)", "0s a poststart hangs | 5s end"),
        None
    );
    assert_eq!(
        next("Always a prestop(sleep=9)", "5s delete | 6s end"),
        Some(14)
    );
}

#[test]
fn readiness_runs_during_pre_stop_of_a_pod_that_liveness_ends() {
    check_only(
        &["probe", "run", "Killing", "signal", "remove", "Ready"],
        "Never a prestop(exec) live(fail=1,period=1) ready(period=1,fail=1)",
        "0s a prestop hangs | 0.5s a live fails | 2.5s a ready fails | 3.5s a prestop says works",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s probe a Liveness
            0s probe a Readiness
            0s     +Ready +ContainersReady a=Running
            1s probe a Liveness
            1s probe a Readiness
            1s   !Unhealthy a: Liveness probe failed: 
            1s   Killing a: Stopping container a
            1s run a PreStop
            2s probe a Readiness
            3s probe a Readiness
            3s   !Unhealthy a: Readiness probe failed: 
            3s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Running unready
            3.5s signal a SIGTERM
            3.5s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
            3.5s remove sandbox
        "#]],
    );
}

#[test]
fn a_sidecar_with_a_failed_probe_runs_pre_stop_before_the_next_one_starts() {
    let words = ["start", "run", "Killing", "Startup probe", "signal"];
    check_only(
        &words,
        "Never sidecar:s prestop(exec) live(fail=1,delay=1,period=1) sidecar:t poststart(sleep=3) a",
        "0s s prestop hangs | 0s s live fails | 2s s live works | 5s s prestop says works | 6s end",
        expect![[r#"
            0s start s #0
            0s   Started s: Container started
            0s start t #0
            0s   Started t: Container started
            3s   Killing s: Init container s failed liveness probe
            3s run s PreStop
            5s signal s SIGTERM
            5s start s #1
            5s   Started s: Container started
            5s start a #0
            5s   Started a: Container started
        "#]],
    );
    check_only(
        &words,
        "Never sidecar:s prestop(sleep=2) startup(fail=2,period=1) a",
        "0s s startup fails no | 2s s startup works | 6s end",
        expect![[r#"
            0s start s #0
            0s   Started s: Container started
            0s     s=Running unstarted
            0s   !Unhealthy s: Startup probe failed: no
            1s   !Unhealthy s: Startup probe failed: no
            1s   Killing s: Init container s failed startup probe
            3s signal s SIGTERM
            3s start s #1
            3s   Started s: Container started
            3s     s=Running unstarted last Error/143 x1
            3s start a #0
            3s   Started a: Container started
        "#]],
    );
}

#[test]
fn an_update_runs_pre_stop() {
    check_only(
        &ENDS,
        "Never grace:9 a@one prestop(sleep=3) b",
        "0s a stubborn | 2s update Never grace:9 a@two prestop(sleep=3) b | 20s end",
        expect![[r#"
            2s   Killing a: Container a definition changed, will be restarted
            5s signal a SIGTERM
            11s kill a
        "#]],
    );
}

#[test]
fn restarting_all_containers_leaves_no_time_for_pre_stop() {
    check_only(
        &["run", "Killing", "signal", "kill ", "start"],
        "Always a:Never,1>RestartAllContainers b prestop(exec)",
        "0s b stubborn | 1s a exits 1 | 9s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s start b #0
            0s   Started b: Container started
            1s   Killing b: Stopping container b
            1s signal b SIGTERM
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +AllContainersRestarting(RestartAllContainersStarted) a=Error/1
            3s kill b
            3s     -AllContainersRestarting a=ContainerCreating last RestartingAllContainers/137 x1 b=ContainerCreating last RestartingAllContainers/137 x1
            3s start a #1
            3s   Started a: Container started
            3s     a=Running last RestartingAllContainers/137 x1
            3s start b #1
            3s   Started b: Container started
            3s     +Ready +ContainersReady b=Running last RestartingAllContainers/137 x1
        "#]],
    );
}
