use super::script::check_only;
use expect_test::expect;

const RUNS: [&str; 4] = ["start", "[", "a=", "get pods"];

#[test]
fn a_rule_restarts_what_its_policy_would_not() {
    check_only(
        &RUNS,
        "Never a:Never,42>Restart",
        "1s a exits 42 | 2s a exits 42 | 15s a exits 1",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s start a #0
        0s   Started a: Container started
        0s     [Running] +Ready +ContainersReady a=Running
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/42
        1s start a #1
        1s   Started a: Container started
        1s     +Ready +ContainersReady a=Running last Error/42 x1
        2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
        2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/42 x1
        12s start a #2
        12s   Started a: Container started
        12s     +Ready +ContainersReady a=Running last Error/42 x2
        15s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/1 last Error/42 x2
        get pods: 0/1 Error 2 (13s ago) 15s
    "#]],
    );
}

#[test]
fn a_rule_that_does_not_match_leaves_it_to_the_policy() {
    check_only(
        &RUNS,
        "Always a:Never,42>Restart",
        "1s a exits 41",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s start a #0
        0s   Started a: Container started
        0s     [Running] +Ready +ContainersReady a=Running
        1s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/41
        get pods: 0/1 Error 0 1s
    "#]],
    );
    check_only(
        &RUNS,
        "Never a:OnFailure,!1/2>Restart",
        "1s a exits 1 | 2s a exits 3 | 3s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
        0s start a #0
        0s   Started a: Container started
        0s     [Running] +Ready +ContainersReady a=Running
        1s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/1
        1s start a #1
        1s   Started a: Container started
        1s     +Ready +ContainersReady a=Running last Error/1 x1
        2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
        2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/3 x1
        get pods: 0/1 CrashLoopBackOff 1 (1s ago) 3s
    "#]],
    );
}

#[test]
fn an_init_container_has_rules_too() {
    check_only(
        &["start", "[", "get pods"],
        "Never init:i:Never,42>Restart a",
        "1s i exits 42 | 2s i exits 0 | 3s end",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing a=PodInitializing
        0s start i #0
        0s   Started i: Container started
        1s start i #1
        1s   Started i: Container started
        2s start a #0
        2s   Started a: Container started
        2s     [Running] +Ready +ContainersReady a=Running
        get pods: 1/1 Running 0 3s
    "#]],
    );
    check_only(
        &["start", "[", "get pods"],
        "Never init:i:Never,42>Restart a",
        "1s i exits 41",
        expect![[r#"
        0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing a=PodInitializing
        0s start i #0
        0s   Started i: Container started
        1s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) i=Error/41
        get pods: 0/1 Init:Error 0 1s
    "#]],
    );
}
