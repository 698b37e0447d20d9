use super::script::{Engine, check_only};
use crate::pod::ConditionType;
use expect_test::expect;

const SHOWN: [&str; 2] = ["Ready", "others"];

#[test]
fn gates_decide_once_containers_are_ready() {
    check_only(
        &SHOWN,
        "Always gate:x gate:y a ready(period=1)",
        "0s a ready fails | 1s conditions x=True | 2s conditions x=True y=True | 3s a ready works |
         5s conditions x=False y=True | 6s conditions y=True | 7s conditions x=True y=True z=Unknown | 8s delete",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            1s     others: x=True
            2s     others: x=True y=True
            4s     +Ready +ContainersReady a=Running
            5s     others: x=False y=True -Ready(ReadinessGatesNotReady)
            6s     others: y=True
            7s     others: x=True y=True z=Unknown +Ready
            8s     [Failed] deleted at 2026-01-02T15:04:43Z -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
        "#]],
    );
}

#[test]
fn a_gate_may_be_the_kubelets_own() {
    check_only(
        &SHOWN,
        "Always gate:PodScheduled gate:Initialized a",
        "1s conditions PodScheduled=False ContainersReady=False w=True | 2s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] +Ready +ContainersReady a=Running
            1s     others: w=True
        "#]],
    );
}

#[test]
fn the_message_names_every_gate() {
    let message = |script| {
        let engine = Engine::run("Always gate:x gate:y a", script);
        let ready = engine.pod.status().condition(ConditionType::Ready);
        let ready = ready.expect("always there");
        let reason = ready.reason.map(|reason| reason.to_string());
        let message = ready.message.clone().unwrap_or_default();
        format!("{} {}: {message}", ready.status, reason.unwrap_or_default())
    };
    expect![[r#"false ReadinessGatesNotReady: corresponding condition of pod readiness gate "x" does not exist., corresponding condition of pod readiness gate "y" does not exist."#]].assert_eq(&message("1s end"));
    expect![[r#"false ReadinessGatesNotReady: corresponding condition of pod readiness gate "x" does not exist., the status of pod readiness gate "y" is not "True", but False"#]].assert_eq(&message("1s conditions y=False"));
    expect![[r#"false ReadinessGatesNotReady: the status of pod readiness gate "y" is not "True", but Unknown"#]].assert_eq(&message("1s conditions y=Unknown x=True"));
    expect!["true : "].assert_eq(&message("1s conditions y=True x=True y=False y=True"));
}

#[test]
fn nothing_changes_after_the_end() {
    check_only(
        &SHOWN,
        "Never gate:x a",
        "1s a exits 0 | 2s conditions x=True | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s     [Running] -Ready(ReadinessGatesNotReady) +ContainersReady a=Running
            1s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0
        "#]],
    );
}
