//! The status and the events of a pod, as Kubernetes writes them.

use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use seedpod_core::pod::{Condition, ContainerState, ContainerStatus, Status, Terminated};
use seedpod_core::time::WallTime;

/// `status` of a pod.
pub fn pod_status(status: &Status) -> k8s::PodStatus {
    let containers = |statuses: &[ContainerStatus]| {
        let statuses: Vec<_> = statuses.iter().map(container_status).collect();
        (!statuses.is_empty()).then_some(statuses)
    };
    k8s::PodStatus {
        phase: Some(status.phase.to_string()),
        reason: status.reason.map(|reason| reason.to_string()),
        message: status.message.clone(),
        conditions: Some(status.conditions.iter().map(condition).collect()),
        host_ip: Some(status.host_ip.to_string()),
        host_ips: Some(vec![k8s::HostIP {
            ip: status.host_ip.to_string(),
        }]),
        pod_ip: status.pod_ip.map(|ip| ip.to_string()),
        pod_ips: status
            .pod_ip
            .map(|ip| vec![k8s::PodIP { ip: ip.to_string() }]),
        start_time: Some(time(status.start_time)),
        qos_class: Some(status.qos_class.to_string()),
        init_container_statuses: containers(&status.init_containers),
        container_statuses: containers(&status.containers),
        ..k8s::PodStatus::default()
    }
}

fn condition(condition: &Condition) -> k8s::PodCondition {
    k8s::PodCondition {
        type_: condition.type_.to_string(),
        status: if condition.status { "True" } else { "False" }.to_owned(),
        reason: condition.reason.map(|reason| reason.to_string()),
        message: condition.message.clone(),
        last_transition_time: Some(time(condition.last_transition)),
        ..k8s::PodCondition::default()
    }
}

fn container_status(status: &ContainerStatus) -> k8s::ContainerStatus {
    let last_state = status.last_state.as_ref().map(|end| k8s::ContainerState {
        terminated: Some(terminated(end)),
        ..k8s::ContainerState::default()
    });
    k8s::ContainerStatus {
        name: status.name.clone(),
        state: Some(container_state(&status.state)),
        last_state: Some(last_state.unwrap_or_default()),
        ready: status.ready,
        started: Some(status.started),
        restart_count: i32::try_from(status.restart_count).unwrap_or(i32::MAX),
        image: status.image.clone(),
        image_id: status.image_id.clone(),
        container_id: status.container_id.clone(),
        ..k8s::ContainerStatus::default()
    }
}

fn container_state(state: &ContainerState) -> k8s::ContainerState {
    let none = k8s::ContainerState::default();
    match state {
        ContainerState::Waiting(waiting) => {
            let (reason, message) = (Some(waiting.reason.to_string()), waiting.message.clone());
            k8s::ContainerState {
                waiting: Some(k8s::ContainerStateWaiting { reason, message }),
                ..none
            }
        }
        ContainerState::Running { started_at } => {
            let running = k8s::ContainerStateRunning {
                started_at: Some(time(*started_at)),
            };
            k8s::ContainerState {
                running: Some(running),
                ..none
            }
        }
        ContainerState::Terminated(end) => k8s::ContainerState {
            terminated: Some(terminated(end)),
            ..none
        },
    }
}

fn terminated(end: &Terminated) -> k8s::ContainerStateTerminated {
    k8s::ContainerStateTerminated {
        exit_code: end.exit_code,
        reason: Some(end.reason.to_string()),
        message: end.message.clone(),
        started_at: Some(time(end.started_at)),
        finished_at: Some(time(end.finished_at)),
        container_id: (!end.container_id.is_empty()).then(|| end.container_id.clone()),
        signal: None,
    }
}

/// Kubernetes has whole seconds here.
fn time(at: WallTime) -> Time {
    let seconds = i64::try_from(at.as_unix_nanos() / 1_000_000_000).unwrap_or(i64::MAX);
    Time(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use seedpod_core::pod::{Phase, QosClass, TerminatedReason};

    #[test]
    fn a_pod_that_has_ended() {
        let end = Terminated {
            exit_code: 7,
            reason: TerminatedReason::Error,
            message: Some("gone".to_owned()),
            started_at: WallTime::from_unix_nanos(1_767_366_245_900_000_000),
            finished_at: WallTime::from_unix_nanos(1_767_366_246_000_000_000),
            container_id: "seedpod://1".to_owned(),
        };
        let status = Status {
            phase: Phase::Failed,
            reason: None,
            message: None,
            conditions: Vec::new(),
            host_ip: [127, 0, 0, 1].into(),
            pod_ip: Some([10, 244, 0, 2].into()),
            start_time: WallTime::from_unix_nanos(1_767_366_245_000_000_000),
            qos_class: QosClass::BestEffort,
            init_containers: Vec::new(),
            containers: vec![ContainerStatus {
                name: "a".to_owned(),
                state: ContainerState::Terminated(end),
                last_state: None,
                ready: false,
                started: false,
                restart_count: 1,
                image: "nginx".to_owned(),
                image_id: "sha256:0".to_owned(),
                container_id: Some("seedpod://1".to_owned()),
            }],
            ephemeral_containers: Vec::new(),
            observed_generation: 1,
            deletion: None,
        };
        let text = serde_json::to_string_pretty(&pod_status(&status)).unwrap();
        expect![[r#"
            {
              "conditions": [],
              "containerStatuses": [
                {
                  "containerID": "seedpod://1",
                  "image": "nginx",
                  "imageID": "sha256:0",
                  "lastState": {},
                  "name": "a",
                  "ready": false,
                  "restartCount": 1,
                  "started": false,
                  "state": {
                    "terminated": {
                      "containerID": "seedpod://1",
                      "exitCode": 7,
                      "finishedAt": "2026-01-02T15:04:06Z",
                      "message": "gone",
                      "reason": "Error",
                      "startedAt": "2026-01-02T15:04:05Z"
                    }
                  }
                }
              ],
              "hostIP": "127.0.0.1",
              "hostIPs": [
                {
                  "ip": "127.0.0.1"
                }
              ],
              "phase": "Failed",
              "podIP": "10.244.0.2",
              "podIPs": [
                {
                  "ip": "10.244.0.2"
                }
              ],
              "qosClass": "BestEffort",
              "startTime": "2026-01-02T15:04:05Z"
            }"#]]
        .assert_eq(&text);
    }
}
