//! The columns of `kubectl get pods`, rule by rule: what a pod and its status say, and what is printed of it.

use super::script::EPOCH;
use crate::pod::printer::row;
use crate::pod::{
    Condition, ConditionType, ContainerState, ContainerStatus, Deletion, ForeignCondition, Phase,
    PodReason, Status, Terminated, TerminatedReason, Waiting, WaitingReason,
};
use crate::spec::{self, GracePeriod, RestartPolicy};
use crate::time::{Instant, WallTime};
use expect_test::{Expect, expect};
use std::time::Duration;

fn at(seconds: u64) -> WallTime {
    EPOCH.at(Instant::ZERO + Duration::from_secs(seconds))
}

/// The time at which the row is printed, in seconds after the start of the pod.
const NOW: u64 = 100;

/// Containers as `name=state`, behind `init:` and `side:` those that are so. A state is `waiting/Reason`, `starting`,
/// `running`, `ready` or `exit/code/Reason`; `*n` are its restarts, `@n` says how many seconds ago the last instance
/// ended. Other words are those of [`fact`].
fn check(pod: &str, expected: Expect) {
    let mut spec = spec::Pod::default();
    spec.meta.name = "p".to_owned();
    let mut status = Status::accepted(&spec, [192, 0, 2, 1].into(), EPOCH);
    for word in pod.split_whitespace() {
        if fact(word, &mut spec, &mut status) {
            continue;
        }
        let (kind, rest) = word.split_once(':').unwrap_or(("", word));
        let (name, state) = rest.split_once('=').unwrap();
        let own = spec::Container {
            name: name.to_owned(),
            restart_policy: (kind == "side").then_some(RestartPolicy::Always),
            ..spec::Container::default()
        };
        let (specs, statuses) = match kind {
            "" => (&mut spec.containers, &mut status.containers),
            _ => (&mut spec.init_containers, &mut status.init_containers),
        };
        specs.push(own);
        statuses.push(container(name, state));
    }
    let row = row(&spec, &status, "node", at(NOW));
    let wide = format!(
        "{} {} {} {}",
        row.ip, row.node, row.nominated_node, row.readiness_gates
    );
    let narrow = format!(
        "{} {} {} {} {}",
        row.name, row.ready, row.status, row.restarts, row.age
    );
    expected.assert_eq(&format!("{narrow} | {wide}"));
}

/// `Running` and other phases, `initialized`, `isready`, `deleted`, `evicted`, `ip`, `gate:x` and `gate:x=True`.
fn fact(word: &str, spec: &mut spec::Pod, status: &mut Status) -> bool {
    let condition = |type_| Condition {
        type_,
        status: true,
        reason: None,
        message: None,
        last_transition: EPOCH,
    };
    match word {
        "Pending" => status.phase = Phase::Pending,
        "Running" => status.phase = Phase::Running,
        "Succeeded" => status.phase = Phase::Succeeded,
        "Failed" => status.phase = Phase::Failed,
        "initialized" => status
            .conditions
            .push(condition(ConditionType::Initialized)),
        "isready" => status.conditions.push(condition(ConditionType::Ready)),
        "evicted" => status.reason = Some(PodReason::Evicted),
        "ip" => status.pod_ip = Some([10, 244, 0, 2].into()),
        "deleted" => {
            status.deletion = Some(Deletion {
                timestamp: EPOCH,
                grace: GracePeriod::default(),
            });
        }
        _ => {
            let Some(gate) = word.strip_prefix("gate:") else {
                return false;
            };
            let (type_, value) = gate.split_once('=').unwrap_or((gate, ""));
            spec.readiness_gates.push(type_.to_owned());
            if !value.is_empty() {
                status.foreign_conditions.push(ForeignCondition {
                    type_: type_.to_owned(),
                    status: value.to_owned(),
                    reason: None,
                    message: None,
                    last_transition: EPOCH,
                });
            }
        }
    }
    true
}

fn container(name: &str, text: &str) -> ContainerStatus {
    let (text, ago) = text.split_once('@').unwrap_or((text, ""));
    let (text, restarts) = text.split_once('*').unwrap_or((text, "0"));
    let ended = |exit_code, reason, finished_at| Terminated {
        exit_code,
        reason,
        message: None,
        started_at: EPOCH,
        finished_at,
        container_id: "seedpod://1".to_owned(),
    };
    let mut parts = text.split('/');
    let word = parts.next().unwrap();
    let state = match word {
        "waiting" => ContainerState::Waiting(Waiting {
            reason: match parts.next().unwrap() {
                "ContainerCreating" => WaitingReason::ContainerCreating,
                "PodInitializing" => WaitingReason::PodInitializing,
                "ImagePullBackOff" => WaitingReason::ImagePullBackOff,
                "CrashLoopBackOff" => WaitingReason::CrashLoopBackOff,
                reason => panic!("{reason}"),
            },
            message: None,
        }),
        "exit" => {
            let code = parts.next().unwrap().parse().unwrap();
            let reason = match parts.next().unwrap() {
                "Completed" => TerminatedReason::Completed,
                "Error" => TerminatedReason::Error,
                "OOMKilled" => TerminatedReason::OOMKilled,
                reason => panic!("{reason}"),
            };
            ContainerState::Terminated(ended(code, reason, at(NOW)))
        }
        _ => ContainerState::Running { started_at: EPOCH },
    };
    let last = (!ago.is_empty()).then(|| at(NOW - ago.parse::<u64>().unwrap()));
    ContainerStatus {
        name: name.to_owned(),
        state,
        last_state: last.map(|last| ended(1, TerminatedReason::Error, last)),
        ready: word == "ready",
        started: matches!(word, "running" | "ready"),
        restart_count: restarts.parse().unwrap(),
        image: String::new(),
        image_id: String::new(),
        container_id: None,
        user: None,
    }
}

#[test]
fn status_is_the_phase_or_the_reason_of_the_pod() {
    check(
        "Pending",
        expect!["p 0/0 Pending 0 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized a=running b=ready ip",
        expect!["p 1/2 Running 0 100s | 10.244.0.2 node <none> <none>"],
    );
    check(
        "Failed initialized evicted",
        expect!["p 0/0 Evicted 0 100s | <none> node <none> <none>"],
    );
}

#[test]
fn the_first_unfinished_init_container_speaks() {
    check(
        "Pending init:i=waiting/PodInitializing init:j=waiting/PodInitializing a=waiting/PodInitializing",
        expect!["p 0/1 Init:0/2 0 100s | <none> node <none> <none>"],
    );
    check(
        "Pending init:i=exit/0/Completed init:j=running a=waiting/PodInitializing",
        expect!["p 0/1 Init:1/2 0 100s | <none> node <none> <none>"],
    );
    check(
        "Pending init:i=waiting/ImagePullBackOff a=waiting/PodInitializing",
        expect!["p 0/1 Init:ImagePullBackOff 0 100s | <none> node <none> <none>"],
    );
    check(
        "Pending init:i=exit/1/Error*2@9 a=waiting/PodInitializing*1@4",
        expect!["p 0/1 Init:Error 2 (9s ago) 100s | <none> node <none> <none>"],
    );
    check(
        "Failed init:i=exit/137/OOMKilled a=waiting/PodInitializing",
        expect!["p 0/1 Init:OOMKilled 0 100s | <none> node <none> <none>"],
    );
}

#[test]
fn sidecars_count_once_they_have_started() {
    check(
        "Pending side:s=starting init:i=waiting/PodInitializing a=waiting/PodInitializing",
        expect!["p 0/2 Init:0/2 0 100s | <none> node <none> <none>"],
    );
    check(
        "Pending side:s=ready init:i=running a=waiting/PodInitializing",
        expect!["p 1/2 Init:1/2 0 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized side:s=ready*2@50 init:i=exit/0/Completed*7@60 a=ready*1@20",
        expect!["p 2/2 Running 3 (20s ago) 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized side:s=running a=ready",
        expect!["p 1/2 Running 0 100s | <none> node <none> <none>"],
    );
    // It starts again, but the pod was initialized once: regular containers speak, and where they say nothing it does.
    check(
        "Running initialized side:s=waiting/CrashLoopBackOff*4@8 a=ready",
        expect!["p 1/2 Init:CrashLoopBackOff 4 (8s ago) 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized side:s=waiting/CrashLoopBackOff a=exit/1/Error",
        expect!["p 0/2 Error 0 100s | <none> node <none> <none>"],
    );
}

#[test]
fn of_regular_containers_the_first_that_does_not_run_speaks() {
    check(
        "Pending a=waiting/ContainerCreating b=waiting/ImagePullBackOff",
        expect!["p 0/2 ContainerCreating 0 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized a=ready b=waiting/CrashLoopBackOff*3@25",
        expect!["p 1/2 CrashLoopBackOff 3 (25s ago) 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized a=exit/1/Error b=waiting/CrashLoopBackOff",
        expect!["p 0/2 Error 0 100s | <none> node <none> <none>"],
    );
    check(
        "Failed initialized a=exit/1/Error b=exit/0/Completed",
        expect!["p 0/2 Error 0 100s | <none> node <none> <none>"],
    );
    check(
        "Succeeded initialized a=exit/0/Completed",
        expect!["p 0/1 Completed 0 100s | <none> node <none> <none>"],
    );
}

#[test]
fn completed_beside_one_that_runs() {
    check(
        "Running initialized isready a=exit/0/Completed b=ready",
        expect!["p 1/2 Running 0 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized a=exit/0/Completed b=ready",
        expect!["p 1/2 NotReady 0 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized a=exit/1/Error b=ready",
        expect!["p 1/2 Error 0 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized a=exit/0/Completed b=exit/1/Error c=ready",
        expect!["p 1/3 Error 0 100s | <none> node <none> <none>"],
    );
    check(
        "Running initialized a=exit/0/Completed b=running",
        expect!["p 0/2 Completed 0 100s | <none> node <none> <none>"],
    );
}

#[test]
fn deleted_pods_terminate_until_they_have_ended() {
    check(
        "Running initialized isready a=ready deleted",
        expect!["p 1/1 Terminating 0 100s | <none> node <none> <none>"],
    );
    check(
        "Succeeded initialized a=exit/0/Completed deleted",
        expect!["p 0/1 Completed 0 100s | <none> node <none> <none>"],
    );
}

#[test]
fn readiness_gates_in_the_wide_columns() {
    check(
        "Running initialized a=ready ip gate:x gate:y=True gate:z=False",
        expect!["p 1/1 Running 0 100s | 10.244.0.2 node <none> 1/3"],
    );
    check(
        "Running initialized isready a=ready gate:ContainersReady gate:Ready",
        expect!["p 1/1 Running 0 100s | <none> node <none> 1/2"],
    );
}
