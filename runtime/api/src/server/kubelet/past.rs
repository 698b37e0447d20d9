//! Pods that were there before the node started again: what ran is lost, and what it was is known from the status
//! (kubelet and containerd after a machine has booted again).

use super::{pods, status};
use crate::server::kinds::items;
use crate::server::{Server, object};
use seedpod_core::pod::{Past, PastContainer, Terminated, TerminatedReason};
use serde_json::{Value, json};

/// What a container that ran when the node went down has ended with.
const LOST_EXIT_CODE: i32 = 255;

/// Whether a pod has run and its policy allows nothing to start again.
pub(super) fn is_finished(pod: &Value) -> bool {
    let has_run = |one: &Value| one["containerID"].as_str().is_some_and(|id| !id.is_empty());
    pod["spec"]["restartPolicy"] == "Never"
        && items(&pod["status"]["containerStatuses"])
            .iter()
            .any(has_run)
}

/// Ends such a pod: what ran was lost.
pub(super) fn finish(server: &mut Server, mut pod: Value) {
    let now = server.now.wall.to_string();
    let mut is_good = true;
    for list in ["initContainerStatuses", "containerStatuses"] {
        let all = pod["status"].get_mut(list).and_then(Value::as_array_mut);
        for container in all.into_iter().flatten() {
            let ended = match container["state"]["terminated"].is_object() {
                true => container["state"]["terminated"].clone(),
                false => lost(container, &now),
            };
            is_good &= ended["exitCode"] == 0;
            container["state"] = json!({ "terminated": ended });
            container["ready"] = (list == "initContainerStatuses" && ended["exitCode"] == 0).into();
            container["started"] = false.into();
        }
    }
    let phase = if is_good { "Succeeded" } else { "Failed" };
    pod["status"]["phase"] = phase.into();
    for type_ in ["PodReadyToStartContainers", "Ready", "ContainersReady"] {
        let mut condition = json!({
            "type": type_, "status": "False", "lastTransitionTime": now,
            "observedGeneration": pod["metadata"]["generation"],
        });
        if type_ != "PodReadyToStartContainers" {
            let reason = if is_good { "PodCompleted" } else { "PodFailed" };
            condition["reason"] = reason.into();
        }
        status::set_condition(&mut pod["status"], condition);
    }
    pods::write(server, pod.clone());
    pods::finish(server, &pod);
}

fn lost(container: &Value, now: &str) -> Value {
    let mut ended = json!({"exitCode": LOST_EXIT_CODE, "reason": "Unknown", "finishedAt": now});
    ended["startedAt"] = container["state"]["running"]["startedAt"].clone();
    ended["containerID"] = container["containerID"].clone();
    ended
}

/// What is known of a pod that has run before; `None` of one that has not.
pub(super) fn of(server: &Server, pod: &Value) -> Option<Box<Past>> {
    let started = status::time_of(&pod["status"], "startTime");
    let lists = ["initContainerStatuses", "containerStatuses"];
    let all = lists.iter().flat_map(|list| items(&pod["status"][*list]));
    let now = server.now.wall;
    let containers: Vec<_> = all
        .filter_map(|one| container(one, &now.to_string()))
        .collect();
    if containers.is_empty() {
        return None;
    }
    let age = now.as_unix_nanos().saturating_sub(started.as_unix_nanos());
    Some(Box::new(Past {
        age: std::time::Duration::from_nanos(age),
        containers,
    }))
}

fn container(status: &Value, now: &str) -> Option<PastContainer> {
    let state = &status["state"];
    let ended = match (state["running"].is_object(), &state["terminated"]) {
        (true, _) => lost(status, now),
        (false, ended) if ended.is_object() => ended.clone(),
        (false, _) => status["lastState"]["terminated"].clone(),
    };
    let count = status["restartCount"].as_u64().unwrap_or_default();
    ended.is_object().then(|| PastContainer {
        name: object::text(status, "name").to_owned(),
        restart_count: u32::try_from(count).unwrap_or(u32::MAX),
        ended: terminated(&ended),
    })
}

fn terminated(ended: &Value) -> Terminated {
    let reason = match object::text(ended, "reason") {
        "Completed" => TerminatedReason::Completed,
        "OOMKilled" => TerminatedReason::OOMKilled,
        "StartError" => TerminatedReason::StartError,
        "ContainerStatusUnknown" => TerminatedReason::ContainerStatusUnknown,
        "RestartingAllContainers" => TerminatedReason::RestartingAllContainers,
        "Unknown" => TerminatedReason::Unknown,
        _ => TerminatedReason::Error,
    };
    let code = ended["exitCode"].as_i64().unwrap_or_default();
    Terminated {
        exit_code: i32::try_from(code).unwrap_or(LOST_EXIT_CODE),
        reason,
        message: ended["message"].as_str().map(str::to_owned),
        started_at: status::time_of(ended, "startedAt"),
        finished_at: status::time_of(ended, "finishedAt"),
        container_id: object::text(ended, "containerID").to_owned(),
    }
}
