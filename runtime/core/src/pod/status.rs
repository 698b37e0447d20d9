//! What a pod shows of itself: the `status` of the Kubernetes object as checked types.

use super::event::ForeignCondition;
use super::qos::qos_class;
use super::security::User;
use super::words::display_as_debug;
use crate::spec::{self, GracePeriod};
use crate::time::WallTime;
use std::net::IpAddr;

/// `status` of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where the pod is in its life.
    pub phase: Phase,
    /// Why the pod as a whole was ended.
    pub reason: Option<PodReason>,
    /// The sentence that goes with `reason`.
    pub message: Option<String>,
    /// What others have set; comes before `conditions`.
    pub foreign_conditions: Vec<ForeignCondition>,
    /// What the kubelet sets, in its order.
    pub conditions: Vec<Condition>,
    /// Address of the node.
    pub host_ip: IpAddr,
    /// Address of the pod; stays after its end.
    pub pod_ip: Option<IpAddr>,
    /// When the pod was accepted, before images are pulled.
    pub start_time: WallTime,
    /// How well its resources are guaranteed.
    pub qos_class: QosClass,
    /// In the order of the spec.
    pub init_containers: Vec<ContainerStatus>,
    /// Sorted by name.
    pub containers: Vec<ContainerStatus>,
    /// Sorted by name.
    pub ephemeral_containers: Vec<ContainerStatus>,
    /// `metadata.generation` that the rest belongs to.
    pub observed_generation: u64,
    /// `metadata.deletionTimestamp` and `deletionGracePeriodSeconds`, once somebody asked.
    pub deletion: Option<Deletion>,
}

impl Status {
    /// The status of a pod that was just accepted.
    pub(super) fn accepted(spec: &spec::Pod, host_ip: IpAddr, start_time: WallTime) -> Self {
        Self {
            phase: Phase::Pending,
            reason: None,
            message: None,
            foreign_conditions: Vec::new(),
            conditions: Vec::new(),
            host_ip,
            pod_ip: None,
            start_time,
            qos_class: qos_class(spec),
            init_containers: Vec::new(),
            containers: Vec::new(),
            ephemeral_containers: Vec::new(),
            observed_generation: 1,
            deletion: None,
        }
    }

    /// The kubelet's condition of this type; every pod has all of them.
    pub fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|one| one.type_ == type_)
    }

    /// Init containers, then regular ones, then ephemeral ones.
    pub fn all_containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        let declared = self.init_containers.iter().chain(&self.containers);
        declared.chain(&self.ephemeral_containers)
    }
}

/// `status.phase`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not every container has started once.
    #[default]
    Pending,
    /// At least one container runs or will run again.
    Running,
    /// All containers ended with 0 and none will run again.
    Succeeded,
    /// All containers ended, one of them not with 0.
    Failed,
}

impl Phase {
    /// Whether no other phase can follow.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// `status.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodReason {
    /// `activeDeadlineSeconds` has passed.
    DeadlineExceeded,
    /// It used more than it may.
    Evicted,
    /// The node did not take it: `os.name` is another.
    PodOSNotSupported,
    /// The node did not take it: its label `kubernetes.io/os` is another.
    PodOSSelectorNodeLabelDoesNotMatch,
    /// The node did not take it: its labels are not what `nodeSelector` asks for.
    NodeAffinity,
    /// The node did not take it: it asks for a kernel parameter that is not safe.
    SysctlForbidden,
}

/// A deletion that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// When the grace period ends: `metadata.deletionTimestamp`.
    pub timestamp: WallTime,
    /// The grace period that was granted.
    pub grace: GracePeriod,
}

/// `status.qosClass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QosClass {
    /// Every container has equal requests and limits of cpu and memory.
    Guaranteed,
    /// Something in between.
    Burstable,
    /// Nobody asked for anything.
    BestEffort,
}

/// One entry of `status.conditions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub type_: ConditionType,
    /// Whether it holds.
    pub status: bool,
    /// Why not, or why still.
    pub reason: Option<ConditionReason>,
    /// The sentence that goes with `reason`.
    pub message: Option<String>,
    /// When `status` became what it is.
    pub last_transition: WallTime,
}

/// `type` of a condition, in the kubelet's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum ConditionType {
    PodReadyToStartContainers,
    Initialized,
    Ready,
    ContainersReady,
    PodScheduled,
    AllContainersRestarting,
}

/// `reason` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum ConditionReason {
    PodCompleted,
    PodFailed,
    ContainersNotInitialized,
    ContainersNotReady,
    ReadinessGatesNotReady,
    RestartAllContainersStarted,
}

/// One entry of `containerStatuses` or `initContainerStatuses`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// Name of the container.
    pub name: String,
    /// What it does.
    pub state: ContainerState,
    /// How its previous instance ended.
    pub last_state: Option<Terminated>,
    /// Whether it counts as ready.
    pub ready: bool,
    /// Whether it runs and its startup is over.
    pub started: bool,
    /// Instances before this one.
    pub restart_count: u32,
    /// Image as written in the spec.
    pub image: String,
    /// Digest of the image, empty before the first instance.
    pub image_id: String,
    /// `seedpod://…`, once there is an instance.
    pub container_id: Option<String>,
    /// As whom it runs or ran, once there is an instance.
    pub user: Option<User>,
}

/// `state` of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It has not started, or waits to start again.
    Waiting(Waiting),
    /// It runs.
    Running {
        /// Since when.
        started_at: WallTime,
    },
    /// It ended.
    Terminated(Terminated),
}

/// `state.waiting`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// One word.
    pub reason: WaitingReason,
    /// A sentence.
    pub message: Option<String>,
}

/// `state.waiting.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum WaitingReason {
    ContainerCreating,
    PodInitializing,
    ErrImagePull,
    ImagePullBackOff,
    ErrImageNeverPull,
    InvalidImageName,
    ImageInspectError,
    CreateContainerConfigError,
    CreateContainerError,
    RunContainerError,
    PostStartHookError,
    CrashLoopBackOff,
    RestartingAllContainers,
}

/// `state.terminated`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminated {
    /// 128 + n for signal n.
    pub exit_code: i32,
    /// One word.
    pub reason: TerminatedReason,
    /// Termination message.
    pub message: Option<String>,
    /// 1970 when it never ran, as containerd reports it.
    pub started_at: WallTime,
    /// When it ended; without a meaning when `container_id` is empty.
    pub finished_at: WallTime,
    /// Which instance it was; empty when nobody knows or it is gone.
    pub container_id: String,
}

/// `state.terminated.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum TerminatedReason {
    Completed,
    Error,
    OOMKilled,
    StartError,
    ContainerStatusUnknown,
    RestartingAllContainers,
    Unknown,
}

display_as_debug!(
    Phase,
    PodReason,
    QosClass,
    ConditionType,
    ConditionReason,
    WaitingReason,
    TerminatedReason
);
