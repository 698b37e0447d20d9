//! The status of a pod, as Kubernetes writes it.

use crate::quantity::Quantity;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use seedpod_core::pod::security::User;
use seedpod_core::pod::{
    Condition, ContainerState, ContainerStatus, ForeignCondition, Status, Terminated,
};
use seedpod_core::spec;
use seedpod_core::time::WallTime;
use std::collections::BTreeMap;

/// `status` of a pod. The spec adds what containers were given.
pub fn pod_status(spec: &spec::Pod, status: &Status) -> k8s::PodStatus {
    let generation = i64::try_from(status.observed_generation).ok();
    let containers = |statuses: &[ContainerStatus]| {
        let one = |status: &ContainerStatus| {
            let mut all = spec.all_containers();
            container_status(all.find(|own| own.name == status.name), status)
        };
        let statuses: Vec<_> = statuses.iter().map(one).collect();
        (!statuses.is_empty()).then_some(statuses)
    };
    let mut ephemeral = containers(&status.ephemeral_containers);
    // The kubelet never says that one of them has started.
    for status in ephemeral.iter_mut().flatten() {
        status.started = None;
    }
    k8s::PodStatus {
        phase: Some(status.phase.to_string()),
        reason: status.reason.map(|reason| reason.to_string()),
        message: status.message.clone(),
        conditions: Some(conditions(status, generation)),
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
        resources: spec.resources.as_ref().map(resources),
        observed_generation: generation,
        init_container_statuses: containers(&status.init_containers),
        container_statuses: containers(&status.containers),
        ephemeral_container_statuses: ephemeral,
        ..k8s::PodStatus::default()
    }
}

fn conditions(status: &Status, generation: Option<i64>) -> Vec<k8s::PodCondition> {
    let foreign = |condition: &ForeignCondition| k8s::PodCondition {
        type_: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        last_transition_time: Some(time(condition.last_transition)),
        ..k8s::PodCondition::default()
    };
    let foreign = status.foreign_conditions.iter().map(foreign);
    foreign
        .chain(
            status
                .conditions
                .iter()
                .map(|one| condition(one, generation)),
        )
        .collect()
}

fn condition(condition: &Condition, generation: Option<i64>) -> k8s::PodCondition {
    k8s::PodCondition {
        type_: condition.type_.to_string(),
        status: if condition.status { "True" } else { "False" }.to_owned(),
        reason: condition.reason.map(|reason| reason.to_string()),
        message: condition.message.clone(),
        last_transition_time: Some(time(condition.last_transition)),
        observed_generation: generation,
        ..k8s::PodCondition::default()
    }
}

/// What it was given shows once there is an instance.
fn container_status(
    own: Option<&spec::Container>,
    status: &ContainerStatus,
) -> k8s::ContainerStatus {
    let last_state = status.last_state.as_ref().map(|end| k8s::ContainerState {
        terminated: Some(terminated(end)),
        ..k8s::ContainerState::default()
    });
    let given = own.filter(|_| status.container_id.is_some());
    let requests = given.map(|own| resource_list(&own.resources.requests));
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
        allocated_resources: requests.filter(|list| !list.is_empty()),
        resources: given.map(|own| resources(&own.resources)),
        volume_mounts: given.and_then(volume_mounts),
        user: status.user.as_ref().map(container_user),
        ..k8s::ContainerStatus::default()
    }
}

fn resources(given: &spec::Resources) -> k8s::ResourceRequirements {
    let list = |list| Some(resource_list(list)).filter(|list| !list.is_empty());
    k8s::ResourceRequirements {
        limits: list(&given.limits),
        requests: list(&given.requests),
        claims: None,
    }
}

fn resource_list(list: &spec::ResourceList) -> BTreeMap<String, resource::Quantity> {
    let bytes = |bytes| Quantity::of_units(bytes).to_binary();
    let amounts = [
        (
            "cpu",
            list.cpu_m
                .map(|amount| Quantity::of_thousandths(amount).to_decimal()),
        ),
        ("memory", list.memory.map(bytes)),
        ("ephemeral-storage", list.ephemeral_storage.map(bytes)),
    ];
    let set = amounts
        .into_iter()
        .filter_map(|(name, amount)| Some((name, amount?)));
    set.map(|(name, amount)| (name.to_owned(), resource::Quantity(amount)))
        .collect()
}

fn volume_mounts(own: &spec::Container) -> Option<Vec<k8s::VolumeMountStatus>> {
    let mount = |mount: &spec::VolumeMount| k8s::VolumeMountStatus {
        name: mount.name.clone(),
        mount_path: mount.mount_path.clone(),
        read_only: mount.read_only.then_some(true),
        recursive_read_only: mount.read_only.then(|| recursive(mount).to_owned()),
        ..k8s::VolumeMountStatus::default()
    };
    let mounts: Vec<_> = own.volume_mounts.iter().map(mount).collect();
    (!mounts.is_empty()).then_some(mounts)
}

fn recursive(mount: &spec::VolumeMount) -> &'static str {
    match mount.recursive_read_only {
        spec::RecursiveReadOnly::Disabled => "Disabled",
        spec::RecursiveReadOnly::IfPossible | spec::RecursiveReadOnly::Enabled => "Enabled",
    }
}

fn container_user(user: &User) -> k8s::ContainerUser {
    let groups = user.supplemental_groups.iter().copied();
    k8s::ContainerUser {
        linux: Some(k8s::LinuxContainerUser {
            uid: user.uid.into(),
            gid: user.gid.into(),
            supplemental_groups: Some(groups.map(i64::from).collect()),
        }),
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

/// Without an instance nobody knows when.
fn terminated(end: &Terminated) -> k8s::ContainerStateTerminated {
    let known = |at: WallTime| (!end.container_id.is_empty()).then(|| time(at));
    k8s::ContainerStateTerminated {
        exit_code: end.exit_code,
        reason: Some(end.reason.to_string()),
        message: end.message.clone(),
        started_at: known(end.started_at),
        finished_at: known(end.finished_at),
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
    use seedpod_core::pod::{ConditionType, Phase, QosClass, TerminatedReason};

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
            foreign_conditions: vec![ForeignCondition {
                type_: "example.com/gate".to_owned(),
                status: "Unknown".to_owned(),
                reason: Some("Asked".to_owned()),
                message: None,
                last_transition: WallTime::from_unix_nanos(1_767_366_245_900_000_000),
            }],
            conditions: vec![Condition {
                type_: ConditionType::PodScheduled,
                status: true,
                reason: None,
                message: None,
                last_transition: WallTime::from_unix_nanos(1_767_366_245_000_000_000),
            }],
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
                user: Some(User {
                    uid: 1000,
                    gid: 0,
                    supplemental_groups: vec![0],
                }),
            }],
            ephemeral_containers: Vec::new(),
            observed_generation: 1,
            deletion: None,
        };
        let amount = |cpu_m| spec::ResourceList {
            cpu_m: Some(cpu_m),
            memory: Some(64 << 20),
            ephemeral_storage: None,
        };
        let spec = spec::Pod {
            containers: vec![spec::Container {
                name: "a".to_owned(),
                resources: spec::Resources {
                    limits: amount(1000),
                    requests: amount(250),
                },
                volume_mounts: vec![spec::VolumeMount {
                    name: "v".to_owned(),
                    mount_path: "/v".to_owned(),
                    sub_path: None,
                    read_only: true,
                    recursive_read_only: spec::RecursiveReadOnly::Disabled,
                }],
                ..spec::Container::default()
            }],
            ..spec::Pod::default()
        };
        let text = serde_json::to_string_pretty(&pod_status(&spec, &status)).unwrap();
        expect![[r#"
            {
              "conditions": [
                {
                  "lastTransitionTime": "2026-01-02T15:04:05Z",
                  "reason": "Asked",
                  "status": "Unknown",
                  "type": "example.com/gate"
                },
                {
                  "lastTransitionTime": "2026-01-02T15:04:05Z",
                  "observedGeneration": 1,
                  "status": "True",
                  "type": "PodScheduled"
                }
              ],
              "containerStatuses": [
                {
                  "allocatedResources": {
                    "cpu": "250m",
                    "memory": "64Mi"
                  },
                  "containerID": "seedpod://1",
                  "image": "nginx",
                  "imageID": "sha256:0",
                  "lastState": {},
                  "name": "a",
                  "ready": false,
                  "resources": {
                    "limits": {
                      "cpu": "1",
                      "memory": "64Mi"
                    },
                    "requests": {
                      "cpu": "250m",
                      "memory": "64Mi"
                    }
                  },
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
                  },
                  "user": {
                    "linux": {
                      "gid": 0,
                      "supplementalGroups": [
                        0
                      ],
                      "uid": 1000
                    }
                  },
                  "volumeMounts": [
                    {
                      "mountPath": "/v",
                      "name": "v",
                      "readOnly": true,
                      "recursiveReadOnly": "Disabled"
                    }
                  ]
                }
              ],
              "hostIP": "127.0.0.1",
              "hostIPs": [
                {
                  "ip": "127.0.0.1"
                }
              ],
              "observedGeneration": 1,
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
