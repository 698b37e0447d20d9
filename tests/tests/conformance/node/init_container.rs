//! Init containers run one after the other before all others.

use crate::cases::{BUSYBOX, Case, File, PAUSE, pass};
use seedpod::status::{ConditionType, ContainerState, ContainerStatus, Phase, Status};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_START_S, waiting_reason};

pub(crate) const FILE: File = File {
    path: "common/node/init_container.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        178,
        "should invoke init containers on a RestartNever pod",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod("Never", ["/bin/true", "/bin/true"], TRUE));
            let status = cluster.wait("pod-init", POD_START_S, |status| status.phase.is_terminal());
            check_invariants(&cluster);
            assert_eq!(status.phase, Phase::Succeeded);
            all_initialized(&status);
        },
    ),
    pass(
        256,
        "should invoke init containers on a RestartAlways pod",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod("Always", ["/bin/true", "/bin/true"], IDLE));
            let status = cluster.wait("pod-init", POD_START_S, |status| {
                status.phase != Phase::Pending
            });
            check_invariants(&cluster);
            assert_eq!(status.phase, Phase::Running);
            all_initialized(&status);
        },
    ),
    pass(
        335,
        "should not start app containers if init containers fail on a RestartAlways pod",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod("Always", ["/bin/false", "/bin/true"], IDLE));
            cluster.wait("pod-init", POD_START_S, |status| {
                all_wait(&status.containers);
                let [first, second] = &status.init_containers[..] else {
                    return false;
                };
                all_wait(std::slice::from_ref(second));
                if let ContainerState::Terminated(end) = &first.state {
                    assert_ne!(end.exit_code, 0);
                }
                first.last_state.is_some()
            });
            let status = cluster.wait("pod-init", POD_START_S, |status| {
                status.init_containers[0].restart_count >= 3
            });
            check_invariants(&cluster);
            assert_eq!(status.phase, Phase::Pending);
            incomplete(&status, "containers with incomplete status: [init1 init2]");
        },
    ),
    pass(
        459,
        "should not start app containers and fail the pod if init containers fail on a RestartNever pod",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod("Never", ["/bin/true", "/bin/false"], TRUE));
            cluster.wait("pod-init", POD_START_S, |status| {
                all_wait(&status.containers);
                let [first, second] = &status.init_containers[..] else {
                    return false;
                };
                match &first.state {
                    ContainerState::Terminated(end) => assert_eq!(end.exit_code, 0),
                    ContainerState::Waiting(_) => {
                        all_wait(std::slice::from_ref(first));
                        return false;
                    }
                    ContainerState::Running { .. } => return false,
                }
                match &second.state {
                    ContainerState::Terminated(end) => {
                        assert_ne!(end.exit_code, 0);
                        true
                    }
                    ContainerState::Waiting(_) | ContainerState::Running { .. } => false,
                }
            });
            let status = cluster.wait("pod-init", POD_START_S, |status| status.phase.is_terminal());
            check_invariants(&cluster);
            assert_eq!(status.phase, Phase::Failed);
            incomplete(&status, "containers with incomplete status: [init2]");
            all_wait(&status.containers);
        },
    ),
];

const TRUE: (&str, &str) = (BUSYBOX, "command: [/bin/true]");
const IDLE: (&str, &str) = (PAUSE, "resources: {limits: {cpu: 100m}}");

fn pod(policy: &str, init: [&str; 2], (image, fields): (&str, &str)) -> String {
    let [init1, init2] = init;
    format!(
        "
apiVersion: v1
kind: Pod
metadata:
  name: pod-init
  labels: {{name: foo}}
spec:
  restartPolicy: {policy}
  initContainers:
  - name: init1
    image: {BUSYBOX}
    command: [{init1}]
  - name: init2
    image: {BUSYBOX}
    command: [{init2}]
  containers:
  - name: run1
    image: {image}
    {fields}
"
    )
}

fn initialized_condition(status: &Status) -> bool {
    let initialized = status.condition(ConditionType::Initialized);
    initialized.expect("pods have this condition").status
}

fn all_initialized(status: &Status) {
    assert!(initialized_condition(status));
    assert_eq!(status.init_containers.len(), 2);
    for container in &status.init_containers {
        assert!(container.ready, "{container:#?}");
        let ContainerState::Terminated(end) = &container.state else {
            panic!("{container:#?}");
        };
        assert_eq!(end.exit_code, 0);
    }
}

fn incomplete(status: &Status, message: &str) {
    assert!(!initialized_condition(status));
    let condition = status.condition(ConditionType::Initialized);
    let condition = condition.expect("pods have this condition");
    let reason = condition.reason.as_ref().map(ToString::to_string);
    assert_eq!(reason.as_deref(), Some("ContainersNotInitialized"));
    assert_eq!(condition.message.as_deref(), Some(message));
    assert_eq!(status.init_containers.len(), 2);
}

fn all_wait(containers: &[ContainerStatus]) {
    for container in containers {
        let reason = waiting_reason(container);
        assert_eq!(reason.as_deref(), Some("PodInitializing"), "{container:#?}");
    }
}

/// `checkInvariants` with `containerInitInvariant`, over every status the pod has shown.
fn check_invariants(cluster: &Cluster) {
    let mut was_initialized = false;
    for (_, status) in cluster.statuses("pod-init") {
        let is_initialized = init_containers_are_in_order(status);
        assert!(is_initialized || !was_initialized, "{status:#?}");
        was_initialized = is_initialized;
    }
}

/// `initialized` and `initContainersInvariants`; whether all init containers have succeeded.
fn init_containers_are_in_order(status: &Status) -> bool {
    let (mut all, mut failed) = (true, false);
    for container in &status.init_containers {
        let waits = waiting_reason(container).is_some();
        assert!(waits || (all && !failed), "{status:#?}");
        match &container.state {
            ContainerState::Terminated(end) if end.exit_code != 0 => (all, failed) = (false, true),
            ContainerState::Terminated(_) => assert!(container.ready, "{status:#?}"),
            ContainerState::Waiting(_) | ContainerState::Running { .. } => all = false,
        }
    }
    if !all || failed {
        all_wait(&status.containers);
        let restarts = status.containers.iter().map(|one| one.restart_count);
        assert_eq!(restarts.sum::<u32>(), 0, "{status:#?}");
    }
    assert_eq!(initialized_condition(status), all && !failed, "{status:#?}");
    all && !failed
}
