use super::script::{Engine, check, check_only};
use crate::time::Instant;
use expect_test::expect;
use std::time::Duration;

const RUNS: [&str; 7] = [
    "start a", "probe", "Running", "Killing", "signal", "kill ", "remove",
];

#[test]
fn the_first_run_comes_at_once_and_then_every_period() {
    check(
        "Always a live(period=4)",
        "9s end",
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
            0s probe a Liveness
            4s probe a Liveness
            8s probe a Liveness
            get pods: 1/1 Running 0 9s
        "#]],
    );
}

#[test]
fn the_initial_delay_counts_from_the_start_and_runs_come_on_ticks() {
    check_only(
        &RUNS,
        "Always a live(delay=15,period=10) ready(delay=3,period=1)",
        "5s end | 25s end",
        expect![[r#"
            0s start a #0
            0s     [Running] a=Running unready
            3s probe a Readiness
            3s     +Ready +ContainersReady a=Running
            4s probe a Readiness
            5s probe a Readiness
            6s probe a Readiness
            7s probe a Readiness
            8s probe a Readiness
            9s probe a Readiness
            10s probe a Readiness
            11s probe a Readiness
            12s probe a Readiness
            13s probe a Readiness
            14s probe a Readiness
            15s probe a Readiness
            16s probe a Readiness
            17s probe a Readiness
            18s probe a Readiness
            19s probe a Readiness
            20s probe a Liveness
            20s probe a Readiness
            21s probe a Readiness
            22s probe a Readiness
            23s probe a Readiness
            24s probe a Readiness
            25s probe a Readiness
            get pods: 1/1 Running 0 25s
        "#]],
    );
}

#[test]
fn readiness_fails_until_the_first_success_and_flips_at_its_thresholds() {
    check_only(
        &["Running", "Unhealthy", "Ready"],
        "Always a ready(period=1,ok=2,fail=3)",
        "0s a ready fails no | 1s a ready works | 3s a ready fails no | 4s a ready works | 5s a ready fails no |
         8s a ready works | 12s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] a=Running unready
            0s   !Unhealthy a: Readiness probe failed: no
            1s   !Unhealthy a: Readiness probe failed: no
            3s     +Ready +ContainersReady a=Running
            4s   !Unhealthy a: Readiness probe failed: no
            6s   !Unhealthy a: Readiness probe failed: no
            7s   !Unhealthy a: Readiness probe failed: no
            8s   !Unhealthy a: Readiness probe failed: no
            8s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Running unready
            10s     +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 12s
        "#]],
    );
}

#[test]
fn liveness_failure_restarts_the_container() {
    check(
        "Always a live(period=1)",
        "0.5s a live fails HTTP probe failed with statuscode: 500 | 3.5s a live works | 4.5s end",
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
            0s probe a Liveness
            1s probe a Liveness
            1s   !Unhealthy a: Liveness probe failed: HTTP probe failed with statuscode: 500
            2s probe a Liveness
            2s   !Unhealthy a: Liveness probe failed: HTTP probe failed with statuscode: 500
            3s probe a Liveness
            3s   !Unhealthy a: Liveness probe failed: HTTP probe failed with statuscode: 500
            3s   Killing a: Container a failed liveness probe, will be restarted
            3s signal a SIGTERM
            3s pull a
            3s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143
            3s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            3s start a #1
            3s   Created a: Container created
            3s   Started a: Container started
            3s     +Ready +ContainersReady a=Running last Error/143 x1
            3s probe a Liveness
            3s   !Unhealthy a: Liveness probe failed: HTTP probe failed with statuscode: 500
            4s probe a Liveness
            get pods: 1/1 Running 1 (1s ago) 4s
        "#]],
    );
}

#[test]
fn failures_count_only_in_a_row() {
    check_only(
        &RUNS,
        "Always a live(period=1,fail=2)",
        "0.5s a live fails | 1.5s a live works | 2.5s a live fails | 3.5s a live works | 4.5s end",
        expect![[r#"
            0s start a #0
            0s     [Running] +Ready +ContainersReady a=Running
            0s probe a Liveness
            1s probe a Liveness
            1s   !Unhealthy a: Liveness probe failed: 
            2s probe a Liveness
            3s probe a Liveness
            3s   !Unhealthy a: Liveness probe failed: 
            4s probe a Liveness
            get pods: 1/1 Running 0 4s
        "#]],
    );
}

#[test]
fn an_answer_that_breaks_off_counts_as_an_error() {
    check_only(
        &["probe", "Unhealthy", "Killing"],
        "Always a live(period=5,fail=1)",
        "1s a live breaks unexpected EOF | 6s end",
        expect![[r#"
            0s probe a Liveness
            5s probe a Liveness
            5s probe a Liveness
            5s probe a Liveness
            5s   !Unhealthy a: Liveness probe errored and resulted in failure state: unexpected EOF
        "#]],
    );
}

#[test]
fn errors_are_tried_three_times_and_count_for_nothing() {
    check_only(
        &["probe", "Unhealthy", "Killing"],
        "Always a live(period=5,fail=2)",
        "0s a live fails x | 1s a live errs no such program | 6s a live fails y | 11s end",
        expect![[r#"
            0s probe a Liveness
            0s   !Unhealthy a: Liveness probe failed: x
            5s probe a Liveness
            5s probe a Liveness
            5s probe a Liveness
            5s   !Unhealthy a: Liveness probe errored and resulted in unknown state: no such program
            10s probe a Liveness
            10s   !Unhealthy a: Liveness probe failed: y
            10s   Killing a: Container a failed liveness probe, will be restarted
            10s probe a Liveness
            10s   !Unhealthy a: Liveness probe failed: y
        "#]],
    );
    check_only(
        &["probe", "Unhealthy", "Killing"],
        "Always a live(period=5,fail=1)",
        "0s a live hangs | 1s a live says errs no | 2s a live says errs no | 3s a live says works | 6s end",
        expect![[r#"
            0s probe a Liveness
            1s probe a Liveness
            2s probe a Liveness
            5s probe a Liveness
        "#]],
    );
}

#[test]
fn a_warning_is_a_success() {
    check_only(
        &["probe", "Probe", "Running"],
        "Always a ready(period=5)",
        "0s a ready warns Probe terminated redirects, Response body: x | 1s end",
        expect![[r#"
            0s     [Running] a=Running unready
            0s probe a Readiness
            0s   !ProbeWarning a: Readiness probe warning: Probe terminated redirects, Response body: x
            0s     +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 1s
        "#]],
    );
}

#[test]
fn the_others_wait_for_startup_and_readiness_follows_at_once() {
    check_only(
        &RUNS,
        "Always a startup(period=2) live(period=5) ready(period=10)",
        "0s a startup fails | 3.5s a startup works | 21s end",
        expect![[r#"
            0s start a #0
            0s     [Running] a=Running unstarted
            0s probe a Startup
            0s   !Unhealthy a: Startup probe failed: 
            2s probe a Startup
            2s   !Unhealthy a: Startup probe failed: 
            4s probe a Startup
            4s     a=Running unready
            4s probe a Readiness
            4s     +Ready +ContainersReady a=Running
            5s probe a Liveness
            10s probe a Liveness
            14s probe a Readiness
            15s probe a Liveness
            20s probe a Liveness
            get pods: 1/1 Running 0 21s
        "#]],
    );
}

#[test]
fn readiness_has_a_second_chance_after_a_second() {
    let check = |pod, script, expect| check_only(&["probe", "Running"], pod, script, expect);
    let late = "0s a ready fails | 0.1s a ready works | 12s end";
    check(
        "Always a ready(period=10)",
        late,
        expect![[r#"
        0s     [Running] a=Running unready
        0s probe a Readiness
        0s   !Unhealthy a: Readiness probe failed: 
        1s probe a Readiness
        1s     +Ready +ContainersReady a=Running
        11s probe a Readiness
        get pods: 1/1 Running 0 12s
    "#]],
    );
    check(
        "Always a ready(period=10)",
        "0s a ready fails | 12s end",
        expect![[r#"
            0s     [Running] a=Running unready
            0s probe a Readiness
            0s   !Unhealthy a: Readiness probe failed: 
            1s probe a Readiness
            1s   !Unhealthy a: Readiness probe failed: 
            11s probe a Readiness
            11s   !Unhealthy a: Readiness probe failed: 
            get pods: 0/1 Running 0 12s
        "#]],
    );
    check(
        "Always a ready(period=10)",
        "12s end",
        expect![[r#"
        0s     [Running] a=Running unready
        0s probe a Readiness
        0s     +Ready +ContainersReady a=Running
        10s probe a Readiness
        get pods: 1/1 Running 0 12s
    "#]],
    );
    check(
        "Always a ready(period=10,delay=2)",
        late,
        expect![[r#"
        0s     [Running] a=Running unready
        10s probe a Readiness
        10s     +Ready +ContainersReady a=Running
        get pods: 1/1 Running 0 12s
    "#]],
    );
    check(
        "Always a ready(period=10)",
        "0s a ready errs | 0.1s a ready works | 12s end",
        expect![[r#"
            0s     [Running] a=Running unready
            0s probe a Readiness
            0s probe a Readiness
            0s probe a Readiness
            0s   !Unhealthy a: Readiness probe errored and resulted in unknown state: 
            1s probe a Readiness
            1s     +Ready +ContainersReady a=Running
            11s probe a Readiness
            get pods: 1/1 Running 0 12s
        "#]],
    );
    check(
        "Always a ready(period=10)",
        "0s a ready hangs | 3s a ready says fails | 4s a ready works | 14s end",
        expect![[r#"
            0s     [Running] a=Running unready
            0s probe a Readiness
            3s   !Unhealthy a: Readiness probe failed: 
            3s probe a Readiness
            get pods: 0/1 Running 0 14s
        "#]],
    );
    check(
        "Always a live(period=10)",
        "0s a live fails | 0.1s a live works | 12s end",
        expect![[r#"
            0s     [Running] +Ready +ContainersReady a=Running
            0s probe a Liveness
            0s   !Unhealthy a: Liveness probe failed: 
            10s probe a Liveness
            get pods: 1/1 Running 0 12s
        "#]],
    );
}

#[test]
fn readiness_waits_for_its_own_delay_after_startup() {
    check_only(
        &["probe", "Running"],
        "Always a startup(period=2) ready(delay=5,period=10)",
        "0s a startup fails | 1s a startup works | 13s end",
        expect![[r#"
            0s     [Running] a=Running unstarted
            0s probe a Startup
            0s   !Unhealthy a: Startup probe failed: 
            2s probe a Startup
            2s     a=Running unready
            12s probe a Readiness
            12s     +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 13s
        "#]],
    );
}

#[test]
fn startup_failure_restarts_the_container() {
    check_only(
        &["start", "probe", "Unhealthy", "Running", "Killing", "a="],
        "Always a startup(period=1,fail=2)",
        "0s a startup fails not yet | 2s a startup works | 4s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s     [Running] a=Running unstarted
            0s probe a Startup
            0s   !Unhealthy a: Startup probe failed: not yet
            1s probe a Startup
            1s   !Unhealthy a: Startup probe failed: not yet
            1s   Killing a: Container a failed startup probe, will be restarted
            1s     a=Error/143
            1s start a #1
            1s   Started a: Container started
            1s     a=Running unstarted last Error/143 x1
            1s probe a Startup
            1s   !Unhealthy a: Startup probe failed: not yet
            2s probe a Startup
            2s   !Unhealthy a: Startup probe failed: not yet
            2s   Killing a: Container a failed startup probe, will be restarted
            2s     a=Error/143 last Error/143 x1
            2s start a #2
            2s   Started a: Container started
            2s     a=Running unstarted last Error/143 x2
            2s probe a Startup
            2s   !Unhealthy a: Startup probe failed: not yet
            3s probe a Startup
            3s     +Ready +ContainersReady a=Running last Error/143 x2
            get pods: 1/1 Running 2 (2s ago) 4s
        "#]],
    );
}

#[test]
fn one_run_at_a_time_and_one_missed_tick_is_made_up_for() {
    check_only(
        &["probe"],
        "Always a live(period=1)",
        "0s a live hangs | 3.5s a live says works | 3.8s a live says works | 5s end",
        expect![[r#"
            0s probe a Liveness
            3.5s probe a Liveness
            4s probe a Liveness
        "#]],
    );
}

#[test]
fn a_late_answer_is_nobodys() {
    check_only(
        &["probe", "Unhealthy", "Running"],
        "Always a live(period=1,fail=1)",
        "0s a live hangs | 1s a exits 0 | 1.2s a live says fails x | 1.3s a live says fails y | 1.4s end",
        expect![[r#"
            0s     [Running] +Ready +ContainersReady a=Running
            0s probe a Liveness
            1s     +Ready +ContainersReady a=Running last Completed/0 x1
            1s probe a Liveness
            1.2s   !Unhealthy a: Liveness probe failed: x
            1.2s   Killing a: Container a failed liveness probe, will be restarted
        "#]],
    );
}

#[test]
fn probes_are_about_one_instance() {
    check_only(
        &["probe", "Running", "Ready", "a="],
        "Always a startup(period=10) ready(period=10)",
        "1s a exits 1 | 2s a exits 1 | 13s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] a=Running unstarted
            0s probe a Startup
            0s     a=Running unready
            0s probe a Readiness
            0s     +Ready +ContainersReady a=Running
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/1
            1s     a=Running unstarted last Error/1 x1
            1s probe a Startup
            1s     a=Running last Error/1 x1 unready
            1s probe a Readiness
            1s     +Ready +ContainersReady a=Running last Error/1 x1
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x1
            12s     a=Running unstarted last Error/1 x2
            12s probe a Startup
            12s     a=Running last Error/1 x2 unready
            12s probe a Readiness
            12s     +Ready +ContainersReady a=Running last Error/1 x2
            get pods: 1/1 Running 2 (11s ago) 13s
        "#]],
    );
}

#[test]
fn grace_of_the_probe_wins_over_the_pods() {
    let check = |pod, expect| {
        let script = "0s a stubborn | 0.5s a live fails | 1s a live works | 20s end";
        check_only(&["Killing", "signal", "kill "], pod, script, expect);
    };
    check(
        "Always grace:9 a live(period=1,fail=1)",
        expect![[r#"
        1s   Killing a: Container a failed liveness probe, will be restarted
        1s signal a SIGTERM
        10s kill a
    "#]],
    );
    check(
        "Always grace:9 a live(period=1,fail=1,grace=4)",
        expect![[r#"
            1s   Killing a: Container a failed liveness probe, will be restarted
            1s signal a SIGTERM
            5s kill a
        "#]],
    );
    check(
        "Always grace:9 a live(period=1,fail=1,grace=1)",
        expect![[r#"
            1s   Killing a: Container a failed liveness probe, will be restarted
            1s signal a SIGTERM
            3s kill a
        "#]],
    );
}

#[test]
fn who_restarts_after_a_probe() {
    let check = |pod: &str, expect| {
        let script = "0.5s a live fails | 1.5s a live works | 2s end";
        check_only(
            &["Killing", "start a", "a=", "remove", "get pods"],
            pod,
            script,
            expect,
        );
    };
    check(
        "OnFailure a live(fail=1,period=1) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s     a=Running
        1s   Killing a: Container a failed liveness probe, will be restarted
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143
        1s start a #1
        1s     +Ready +ContainersReady a=Running last Error/143 x1
        1s   Killing a: Container a failed liveness probe, will be restarted
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143 last Error/143 x1
        1s start a #2
        1s     +Ready +ContainersReady a=Running last Error/143 x2
        1s   Killing a: Container a failed liveness probe, will be restarted
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/143 x2
        get pods: 1/2 CrashLoopBackOff 2 (1s ago) 2s
    "#]],
    );
    check(
        "Never a live(fail=1,period=1) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s     a=Running
        1s   Killing a: Container a failed liveness probe
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143
        get pods: 1/2 Error 0 2s
    "#]],
    );
    check(
        "Never a live(fail=1,period=1)",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s start a #0
        0s     [Running] +Ready +ContainersReady a=Running
        1s   Killing a: Stopping container a
        1s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
        1s remove sandbox
        get pods: 0/1 Error 0 2s
    "#]],
    );
    check(
        "Never a:OnFailure live(fail=1,period=1) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s     a=Running
        1s   Killing a: Container a failed liveness probe, will be restarted
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143
        1s start a #1
        1s     +Ready +ContainersReady a=Running last Error/143 x1
        1s   Killing a: Container a failed liveness probe, will be restarted
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143 last Error/143 x1
        1s start a #2
        1s     +Ready +ContainersReady a=Running last Error/143 x2
        1s   Killing a: Container a failed liveness probe, will be restarted
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/143 x2
        get pods: 1/2 CrashLoopBackOff 2 (1s ago) 2s
    "#]],
    );
    check(
        "Always a:Never live(fail=1,period=1) b",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
        0s start a #0
        0s     a=Running
        1s   Killing a: Container a failed liveness probe
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143
        get pods: 1/2 Error 0 2s
    "#]],
    );
}

#[test]
fn on_failure_restarts_after_a_probe_even_with_exit_code_zero() {
    check_only(
        &["Killing", "start a", "a=", "BackOff", "get pods"],
        "OnFailure a live(fail=1,period=1)",
        "0s a stubborn | 0s a live fails | 1s a exits 0 | 2s a exits 0 | 3s a exits 0 | 20s a exits 0 | 21s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s     [Running] +Ready +ContainersReady a=Running
            0s   Killing a: Container a failed liveness probe, will be restarted
            1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Completed/0
            1s start a #1
            1s     +Ready +ContainersReady a=Running last Completed/0 x1
            1s   Killing a: Container a failed liveness probe, will be restarted
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Completed/0 last Completed/0 x1
            2s start a #2
            2s     +Ready +ContainersReady a=Running last Completed/0 x2
            2s   Killing a: Container a failed liveness probe, will be restarted
            3s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            3s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Completed/0 x2
            12s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            13s start a #3
            13s     +Ready +ContainersReady a=Running last Completed/0 x3
            13s   Killing a: Container a failed liveness probe, will be restarted
            20s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            20s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 20s restarting failed container=a pod=p_ns(uid)' last Completed/0 x3
            get pods: 0/1 CrashLoopBackOff 3 (1s ago) 21s
        "#]],
    );
}

#[test]
fn back_off_after_probes_counts_from_the_end_before() {
    check_only(
        &["Killing", "start a", "BackOff"],
        "Always a live(fail=1,period=30,delay=30)",
        "1s a live fails | 400s end",
        expect![[r#"
            0s start a #0
            30s   Killing a: Container a failed liveness probe, will be restarted
            30s start a #1
            1m0s   Killing a: Container a failed liveness probe, will be restarted
            1m0s start a #2
            1m30s   Killing a: Container a failed liveness probe, will be restarted
            1m30s start a #3
            2m0s   Killing a: Container a failed liveness probe, will be restarted
            2m0s start a #4
            2m30s   Killing a: Container a failed liveness probe, will be restarted
            2m30s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2m30s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 40s restarting failed container=a pod=p_ns(uid)' last Error/143 x4
            2m40s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            3m10s start a #5
            3m40s   Killing a: Container a failed liveness probe, will be restarted
            3m40s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            3m40s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 1m20s restarting failed container=a pod=p_ns(uid)' last Error/143 x5
            3m50s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            5m0s start a #6
            5m30s   Killing a: Container a failed liveness probe, will be restarted
            5m30s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            5m30s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 2m40s restarting failed container=a pod=p_ns(uid)' last Error/143 x6
            6m20s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            get pods: 0/1 CrashLoopBackOff 6 (70s ago) 6m40s
        "#]],
    );
}

#[test]
fn nothing_else_starts_while_a_container_is_stopped() {
    check_only(
        &["Killing", "start", "kill"],
        "Always grace:10 a live(fail=1) b",
        "0s a stubborn | 9s a live fails | 12s b exits 1 | 14s a live works | 30s end",
        expect![[r#"
            0s start a #0
            0s   Started a: Container started
            0s start b #0
            0s   Started b: Container started
            10s   Killing a: Container a failed liveness probe, will be restarted
            20s kill a
            20s start a #1
            20s   Started a: Container started
            20s start b #1
            20s   Started b: Container started
        "#]],
    );
}

#[test]
fn a_sidecar_is_restarted_and_its_startup_holds_back_the_next() {
    check_only(
        &["start", "Killing", "Unhealthy", "Initialized", "s="],
        "Never sidecar:s startup(period=1,fail=2) a",
        "0s s startup fails x | 2s s startup works | 5s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s start s #0
            0s   Started s: Container started
            0s     s=Running unstarted
            0s   !Unhealthy s: Startup probe failed: x
            1s   !Unhealthy s: Startup probe failed: x
            1s   Killing s: Init container s failed startup probe
            1s     s=Error/143
            1s start s #1
            1s   Started s: Container started
            1s     s=Running unstarted last Error/143 x1
            1s   !Unhealthy s: Startup probe failed: x
            2s   !Unhealthy s: Startup probe failed: x
            2s   Killing s: Init container s failed startup probe
            2s     s=Error/143 last Error/143 x1
            2s start s #2
            2s   Started s: Container started
            2s     s=Running unstarted last Error/143 x2
            2s   !Unhealthy s: Startup probe failed: x
            3s     +Initialized s=Running last Error/143 x2
            3s start a #0
            3s   Started a: Container started
        "#]],
    );
    check_only(
        &["start", "Killing", "Unhealthy", "Initialized", "s=", "a="],
        "Never sidecar:s live(fail=1) ready(period=1) sidecar:t a",
        "0s s live fails x | 1s s live works | 2s s ready fails | 6s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing t=PodInitializing a=PodInitializing
            0s start s #0
            0s   Started s: Container started
            0s     s=Running unready
            0s start t #0
            0s   !Unhealthy s: Liveness probe failed: x
            0s     +Initialized s=Running t=Running
            0s   Started t: Container started
            0s   Killing s: Init container s failed liveness probe
            0s     -Initialized(ContainersNotInitialized) s=Error/143
            0s start s #1
            0s   Started s: Container started
            0s     +Initialized s=Running last Error/143 x1 unready
            0s start a #0
            0s   !Unhealthy s: Liveness probe failed: x
            0s     [Running] +Ready +ContainersReady s=Running last Error/143 x1 a=Running
            0s   Started a: Container started
            0s   Killing s: Init container s failed liveness probe
            0s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) s=Error/143 last Error/143 x1
            0s start s #2
            0s   Started s: Container started
            0s     s=Running last Error/143 x2 unready
            0s   !Unhealthy s: Liveness probe failed: x
            0s   Killing s: Init container s failed liveness probe
            0s     s=CrashLoopBackOff 'back-off 10s restarting failed container=s pod=p_ns(uid)' last Error/143 x2
            0s   !BackOff s: Back-off restarting failed container s in pod p_ns(uid)
        "#]],
    );
}

#[test]
fn only_readiness_goes_on_in_termination() {
    check_only(
        &["probe", "Killing", "Unhealthy", "Ready", "signal", "remove"],
        "Always a live(period=1) ready(period=1,fail=1)",
        "0s a stubborn | 1.5s a live fails | 1.6s delete 10 | 2.5s a ready fails x | 4.5s a exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s probe a Liveness
            0s probe a Readiness
            0s     +Ready +ContainersReady a=Running
            1s probe a Liveness
            1s probe a Readiness
            1.6s   Killing a: Stopping container a
            1.6s signal a SIGTERM
            2s probe a Readiness
            3s probe a Readiness
            3s   !Unhealthy a: Readiness probe failed: x
            3s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Running unready
            4s probe a Readiness
            4s   !Unhealthy a: Readiness probe failed: x
            4.5s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
            4.5s remove sandbox
        "#]],
    );
    check_only(
        &["probe", "Killing", "Unhealthy", "a=", "signal", "remove"],
        "Always a startup(period=1) ready(period=1,fail=1)",
        "0s a stubborn | 0s a startup fails | 1.6s delete 10 | 4.5s a exits 0",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] a=Running unstarted
            0s probe a Startup
            0s   !Unhealthy a: Startup probe failed: 
            1s probe a Startup
            1s   !Unhealthy a: Startup probe failed: 
            1.6s   Killing a: Stopping container a
            1.6s signal a SIGTERM
            4.5s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
            4.5s remove sandbox
        "#]],
    );
}

#[test]
fn a_delete_takes_over_from_a_probe() {
    check_only(
        &["Killing", "signal", "kill ", "remove"],
        "Always grace:30 a live(fail=1,grace=20)",
        "0s a stubborn | 0s a live fails | 1s delete 5 | 30s end",
        expect![[r#"
            0s   Killing a: Container a failed liveness probe, will be restarted
            0s signal a SIGTERM
            1s   Killing a: Stopping container a
            6s kill a
            6s remove sandbox
        "#]],
    );
    check_only(
        &["Killing", "signal", "kill ", "remove"],
        "Always grace:30 a live(fail=1,grace=3)",
        "0s a stubborn | 0s a live fails | 1s delete 5 | 30s end",
        expect![[r#"
            0s   Killing a: Container a failed liveness probe, will be restarted
            0s signal a SIGTERM
            1s   Killing a: Stopping container a
            6s kill a
            6s remove sandbox
        "#]],
    );
}

#[test]
fn an_idle_pod_has_no_timer() {
    let next = |pod, script| Engine::run(pod, script).pod.poll_timeout();
    assert_eq!(next("Always a", "5s end"), None);
    assert_eq!(next("Always a live()", "5s end"), Some(seconds(10)));
    assert_eq!(next("Always a startup()", "5s end"), None);
    assert_eq!(next("Always a live()", "1s a live hangs | 15s end"), None);
    assert_eq!(
        next("Always a live() ready(period=3)", "5s end"),
        Some(seconds(6))
    );
    assert_eq!(next("Never a live()", "5s a exits 0"), None);
}

fn seconds(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}
