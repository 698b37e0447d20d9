//! Whatever happens to pods, there are as many in the end as are asked for.

use super::play::Play;
use crate::server::object;
use crate::server::registry::PODS;
use crate::server::verbs::delete::DeleteOptions;
use proptest::prelude::{ProptestConfig, Strategy, proptest};
use serde_json::Value;
use std::time::Duration;

/// What happens to a pod, by its place among all.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Ready(usize),
    Running(usize),
    Failed(usize),
    Succeeded(usize),
    Deleted(usize),
    Scaled(i64),
    Changed(u8),
    Wait(u64),
}

fn fate() -> impl Strategy<Value = Fate> {
    (0_u8..8, 0_usize..8).prop_map(|(kind, number)| match kind {
        0 => Fate::Ready(number),
        1 => Fate::Running(number),
        2 => Fate::Failed(number),
        3 => Fate::Succeeded(number),
        4 => Fate::Deleted(number),
        5 => Fate::Scaled(i64::try_from(number % 5).unwrap()),
        6 => Fate::Changed(u8::try_from(number % 3).unwrap()),
        _ => Fate::Wait(u64::try_from(number).unwrap() * 7),
    })
}

fn active(play: &Play) -> Vec<Value> {
    let pods = play.server.objects(&PODS, Some("default"));
    let is_active = |pod: &Value| {
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        !matches!(phase, "Succeeded" | "Failed") && !object::is_deleted(pod)
    };
    pods.into_iter().filter(is_active).collect()
}

fn befall(play: &mut Play, fate: Fate, plural: &str, wanted: &mut i64) {
    let pods = active(play);
    let state = match fate {
        Fate::Ready(number) => Some((number, "ready")),
        Fate::Running(number) => Some((number, "running")),
        Fate::Failed(number) => Some((number, "failed")),
        Fate::Succeeded(number) => Some((number, "succeeded")),
        Fate::Deleted(_) | Fate::Scaled(_) | Fate::Changed(_) | Fate::Wait(_) => None,
    };
    if let Some((number, state)) = state
        && let Some(pod) = pods.get(number)
    {
        play.play_pod(pod.clone(), state, None);
    }
    match fate {
        Fate::Deleted(number) => {
            if let Some(pod) = pods.get(number) {
                let options = DeleteOptions::background();
                let name = object::name(pod);
                play.server
                    .delete(&PODS, "default", name, &options)
                    .unwrap();
            }
        }
        Fate::Scaled(number) => {
            *wanted = number;
            let patch = format!(r#"patch {plural} web {{"spec": {{"replicas": {number}}}}}"#);
            play.step(&patch);
        }
        Fate::Changed(version) => {
            let labels = format!(r#"{{"labels": {{"v": "{version}"}}}}"#);
            let patch = format!(r#"{{"spec": {{"template": {{"metadata": {labels}}}}}}}"#);
            play.step(&format!("patch {plural} web {patch}"));
        }
        Fate::Wait(seconds) => play.wait(Duration::from_secs(seconds)),
        Fate::Ready(_) | Fate::Running(_) | Fate::Failed(_) | Fate::Succeeded(_) => {}
    }
    play.settle();
}

/// All pods become ready at last; then there are so many, and the status says so.
fn converges(plural: &str, spec: &str, fates: &[Fate]) {
    let mut play = Play::new();
    let mut wanted = 2;
    play.step(&format!("create {plural} web {spec}"));
    for fate in fates {
        befall(&mut play, *fate, plural, &mut wanted);
    }
    for _ in 0..20 {
        play.step("pods ready");
        play.wait(Duration::from_secs(2));
    }
    let pods = active(&play);
    assert_eq!(i64::try_from(pods.len()), Ok(wanted), "pods of {plural}");
    let resource = crate::server::registry::RESOURCES
        .iter()
        .find(|one| one.plural == plural)
        .unwrap();
    let web = play.server.object(resource, "default", "web").unwrap();
    for name in ["replicas", "readyReplicas", "availableReplicas"] {
        let count = web["status"][name].as_i64().unwrap_or_default();
        assert_eq!(count, wanted, "{name} of {}", web["status"]);
    }
    let labels = &web["spec"]["template"]["metadata"]["labels"];
    let is_new = |pod: &Value| pod["metadata"]["labels"]["v"] == labels["v"];
    assert!(
        plural == "replicasets" || pods.iter().all(is_new),
        "old pods of {plural}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_replica_set_converges(fates in proptest::collection::vec(fate(), 0..24)) {
        converges("replicasets", r#"{"replicas": 2, "minReadySeconds": 1}"#, &fates);
    }

    #[test]
    fn a_deployment_converges(fates in proptest::collection::vec(fate(), 0..24)) {
        converges("deployments", r#"{"replicas": 2}"#, &fates);
    }

    #[test]
    fn a_stateful_set_converges(fates in proptest::collection::vec(fate(), 0..24)) {
        converges("statefulsets", r#"{"replicas": 2}"#, &fates);
    }
}
