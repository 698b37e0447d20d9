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

const ALL: [&str; 8] = [
    "Killing", "signal", "kill", "pull", "start", "[", "=", "get pods",
];

#[test]
fn one_exit_restarts_all() {
    check_only(
        &ALL,
        "Never init:i sidecar:s a:Never,42>RestartAllContainers b",
        "1s i exits 0 | 5s a exits 42 | 6s i exits 0 | 7s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting i=PodInitializing s=PodInitializing a=PodInitializing b=PodInitializing
            0s pull i
            0s start i #0
            0s   Started i: Container started
            0s     i=Running
            1s pull s
            1s     i=Completed/0
            1s start s #0
            1s   Started s: Container started
            1s pull a
            1s     +Initialized s=Running
            1s start a #0
            1s   Started a: Container started
            1s pull b
            1s     a=Running
            1s start b #0
            1s   Started b: Container started
            1s     [Running] +Ready +ContainersReady b=Running
            5s   Killing b: Stopping container b
            5s signal b SIGTERM
            5s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +AllContainersRestarting(RestartAllContainersStarted) a=Error/42 b=RestartingAllContainers 'The container is removed because RestartAllContainers in place' last RestartingAllContainers/137 x1
            5s   Killing s: Stopping container s
            5s signal s SIGTERM
            5s     -AllContainersRestarting i=PodInitializing last RestartingAllContainers/137 x1 s=PodInitializing last RestartingAllContainers/137 x1 a=PodInitializing last RestartingAllContainers/137 x1 b=PodInitializing last RestartingAllContainers/137 x1
            5s pull i
            5s start i #1
            5s   Started i: Container started
            5s     [Pending] i=Running last RestartingAllContainers/137 x1
            6s pull s
            6s     [Running] i=Completed/0 last RestartingAllContainers/137 x1
            6s start s #1
            6s   Started s: Container started
            6s pull a
            6s     s=Running last RestartingAllContainers/137 x1
            6s start a #1
            6s   Started a: Container started
            6s pull b
            6s     a=Running last RestartingAllContainers/137 x1
            6s start b #1
            6s   Started b: Container started
            6s     +Ready +ContainersReady b=Running last RestartingAllContainers/137 x1
            get pods: 3/3 Running 3 7s
        "#]],
    );
}

#[test]
fn who_does_not_listen_has_two_seconds() {
    check_only(
        &ALL,
        "Always a:Always,42>RestartAllContainers b c",
        "0s b stubborn | 5s a exits 42 | 20s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting a=ContainerCreating b=ContainerCreating c=ContainerCreating
            0s pull a
            0s start a #0
            0s   Started a: Container started
            0s pull b
            0s     a=Running
            0s start b #0
            0s   Started b: Container started
            0s pull c
            0s     b=Running
            0s start c #0
            0s   Started c: Container started
            0s     [Running] +Ready +ContainersReady c=Running
            5s   Killing c: Stopping container c
            5s signal c SIGTERM
            5s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +AllContainersRestarting(RestartAllContainersStarted) a=Error/42 c=RestartingAllContainers 'The container is removed because RestartAllContainers in place' last RestartingAllContainers/137 x1
            5s   Killing b: Stopping container b
            5s signal b SIGTERM
            7s kill b
            7s pull a
            7s     -AllContainersRestarting a=ContainerCreating last RestartingAllContainers/137 x1 b=ContainerCreating last RestartingAllContainers/137 x1 c=ContainerCreating last RestartingAllContainers/137 x1
            7s start a #1
            7s   Started a: Container started
            7s pull b
            7s     a=Running last RestartingAllContainers/137 x1
            7s start b #1
            7s   Started b: Container started
            7s pull c
            7s     b=Running last RestartingAllContainers/137 x1
            7s start c #1
            7s   Started c: Container started
            7s     +Ready +ContainersReady c=Running last RestartingAllContainers/137 x1
            get pods: 3/3 Running 3 20s
        "#]],
    );
}

#[test]
fn an_init_container_and_a_sidecar_restart_all() {
    check_only(
        &["start", "s=", "[", "get pods"],
        "Never sidecar:s init:i:Never,42>RestartAllContainers a",
        "1s i exits 42 | 2s i exits 0 | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting s=PodInitializing i=PodInitializing a=PodInitializing
            0s start s #0
            0s   Started s: Container started
            0s     s=Running
            0s start i #0
            0s   Started i: Container started
            1s     s=PodInitializing last RestartingAllContainers/137 x1 i=PodInitializing last RestartingAllContainers/137 x1
            1s start s #1
            1s   Started s: Container started
            1s     s=Running last RestartingAllContainers/137 x1
            1s start i #1
            1s   Started i: Container started
            1s     i=Running last RestartingAllContainers/137 x1
            2s     +Initialized i=Completed/0 last RestartingAllContainers/137 x1
            2s start a #0
            2s   Started a: Container started
            2s     [Running] +Ready +ContainersReady a=Running
            get pods: 2/2 Running 1 3s
        "#]],
    );
    check_only(
        &["start", "s=", "[", "get pods"],
        "Never init:i sidecar:s,42>RestartAllContainers a",
        "1s i exits 0 | 2s s exits 42 | 3s i exits 0 | 4s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting i=PodInitializing s=PodInitializing a=PodInitializing
            0s start i #0
            0s   Started i: Container started
            1s start s #0
            1s   Started s: Container started
            1s     +Initialized s=Running
            1s start a #0
            1s   Started a: Container started
            1s     [Running] +Ready +ContainersReady a=Running
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) i=PodInitializing last RestartingAllContainers/137 x1 s=PodInitializing last RestartingAllContainers/137 x1 a=PodInitializing last RestartingAllContainers/137 x1
            2s start i #1
            2s   Started i: Container started
            2s     [Pending] i=Running last RestartingAllContainers/137 x1
            3s     [Running] i=Completed/0 last RestartingAllContainers/137 x1
            3s start s #1
            3s   Started s: Container started
            3s     s=Running last RestartingAllContainers/137 x1
            3s start a #1
            3s   Started a: Container started
            3s     +Ready +ContainersReady a=Running last RestartingAllContainers/137 x1
            get pods: 2/2 Running 2 4s
        "#]],
    );
}

#[test]
fn a_restart_of_all_forgets_back_off_and_what_has_ended() {
    check_only(
        &["start", "BackOff", "[", "b=", "get pods"],
        "Never a:Always,42>RestartAllContainers b",
        "1s a exits 1 | 2s b exits 3 | 3s a exits 42 | 4s a exits 42 | 5s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s start b #0
            0s   Started b: Container started
            0s     [Running] +Ready +ContainersReady b=Running
            1s start a #1
            1s   Started a: Container started
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) b=Error/3
            3s     a=ContainerCreating last RestartingAllContainers/137 x2 b=ContainerCreating last RestartingAllContainers/137 x1
            3s start a #2
            3s   Started a: Container started
            3s     a=Running last RestartingAllContainers/137 x2
            3s start b #1
            3s   Started b: Container started
            3s     +Ready +ContainersReady b=Running last RestartingAllContainers/137 x1
            4s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=ContainerCreating last RestartingAllContainers/137 x3 b=ContainerCreating last RestartingAllContainers/137 x2
            4s start a #3
            4s   Started a: Container started
            4s     a=Running last RestartingAllContainers/137 x3
            4s start b #2
            4s   Started b: Container started
            4s     +Ready +ContainersReady b=Running last RestartingAllContainers/137 x2
            get pods: 2/2 Running 5 5s
        "#]],
    );
}

#[test]
fn a_pod_that_ends_restarts_nothing() {
    check_only(
        &ALL,
        "Always a:Always,42>RestartAllContainers b",
        "0s b stubborn | 5s a exits 42 | 6s delete | 60s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting a=ContainerCreating b=ContainerCreating
            0s pull a
            0s start a #0
            0s   Started a: Container started
            0s pull b
            0s     a=Running
            0s start b #0
            0s   Started b: Container started
            0s     [Running] +Ready +ContainersReady b=Running
            5s   Killing b: Stopping container b
            5s signal b SIGTERM
            5s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +AllContainersRestarting(RestartAllContainersStarted) a=Error/42
            6s   Killing b: Stopping container b
            36s kill b
            36s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) -AllContainersRestarting(PodFailed) b=Error/137
            get pods: 0/2 Error 0 60s
        "#]],
    );
}

#[test]
fn a_program_that_cannot_start_restarts_only_itself() {
    check_only(
        &["start", "get pods"],
        "Always a:Always,128>RestartAllContainers b",
        "0s starts fail bad | 0.1s end | 1s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled -AllContainersRestarting a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s start b #0
            0s start a #1
            0s start b #1
            0s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            0s   !BackOff b: Back-off restarting failed container b in pod p_ns(uid)
            0s     a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last StartError/128 x1 b=CrashLoopBackOff 'back-off 10s restarting failed container=b pod=p_ns(uid)' last StartError/128 x1
            get pods: 0/2 CrashLoopBackOff 2 (1s ago) 1s
        "#]],
    );
}
