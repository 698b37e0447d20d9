//! What can happen to a pod, and what it wants done: the whole surface between [`Pod`](super::Pod) and `engine`.

use super::words::display_as_debug;
use crate::image::ImageConfig;
use crate::process::{ExitStatus, Signal};
use crate::spec::{self, GracePeriod};
use crate::time::WallTime;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A container of the pod: its position in [`spec::Pod::all_containers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub u16);

impl ContainerId {
    /// The position as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// What `fieldPath` of an event calls this container: `spec.containers{name}`.
    pub fn field_path(self, spec: &spec::Pod) -> Option<String> {
        let name = &spec.all_containers().nth(self.index())?.name;
        let declared = spec.init_containers.len() + spec.containers.len();
        let list = if self.index() < spec.init_containers.len() {
            "initContainers"
        } else if self.index() < declared {
            "containers"
        } else {
            "ephemeralContainers"
        };
        Some(format!("spec.{list}{{{name}}}"))
    }
}

/// What happened. An event that does not fit the state, such as a pull that ends after the pod, is ignored.
#[derive(Clone, Debug)]
pub enum Event {
    /// Answers [`Action::CreateSandbox`]: volumes are mounted, the network is up.
    SandboxReady {
        /// Address of the pod.
        pod_ip: IpAddr,
    },
    /// Answers [`Action::CreateSandbox`]: something is missing. The pod tries again by itself.
    SandboxFailed {
        /// What failed.
        error: SandboxError,
    },
    /// The image is not on this machine and is being fetched. May be left out.
    ImagePulling {
        /// For which container.
        container: ContainerId,
    },
    /// Answers [`Action::PullImage`].
    ImageReady {
        /// For which container.
        container: ContainerId,
        /// What to show about the image.
        image: ImageFacts,
        /// Its user and stop signal matter here.
        config: ImageConfig,
    },
    /// Answers [`Action::PullImage`].
    ImageFailed {
        /// For which container.
        container: ContainerId,
        /// Why.
        error: ImageError,
    },
    /// Answers [`Action::Start`]: the first process of the container exists.
    Started {
        /// Which container.
        container: ContainerId,
    },
    /// Answers [`Action::Start`].
    StartFailed {
        /// Which container.
        container: ContainerId,
        /// Why.
        error: StartError,
    },
    /// The first process of a container has ended, by itself, by [`Action::Signal`] or by [`Action::Kill`].
    Exited {
        /// Which container.
        container: ContainerId,
        /// How.
        exit: Exit,
    },
    /// Answers [`Action::Probe`].
    Probed {
        /// Which container.
        container: ContainerId,
        /// As in the action.
        attempt: u32,
        /// Which of its probes.
        probe: ProbeKind,
        /// What came of it.
        result: ProbeResult,
    },
    /// Answers [`Action::RunHook`].
    HookEnded {
        /// Which container.
        container: ContainerId,
        /// As in the action.
        attempt: u32,
        /// Which of its hooks.
        hook: HookKind,
        /// Why it failed: what a container waits with after `postStart`. No event shows it.
        result: Result<(), String>,
    },
    /// The spec or metadata has changed in a way that validation allows: an image, a deadline, labels, a new ephemeral
    /// container.
    Update {
        /// All of it.
        spec: Arc<spec::Pod>,
    },
    /// An object that a volume refers to is another: what failed for want of one is tried again at once.
    ObjectsChanged,
    /// A test has stopped what made containers fail: those that wait to be restarted are at once.
    EndBackOffs,
    /// Somebody else has set conditions; those that readiness gates name decide with the others.
    Conditions {
        /// All conditions that are not the kubelet's.
        conditions: Vec<ForeignCondition>,
    },
    /// The pod uses more than it may; it ends with a grace period of 1 s (kubelet eviction).
    Evict {
        /// Shown in status and event.
        message: String,
    },
    /// A person asks for the pod to go. Decided by [`admission`](super::admission).
    Delete {
        /// Instead of the pod's own grace period.
        grace: Option<GracePeriod>,
    },
}

/// One of the probes of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum ProbeKind {
    Startup,
    Liveness,
    Readiness,
}

/// What a run of a probe came to. Texts are what the kubelet's event shows after `probe failed: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// As it should be.
    Success,
    /// Success, with something worth a `ProbeWarning` event.
    Warning(String),
    /// Not as it should be, or too late.
    Failure(String),
    /// It could not be run; says nothing about the container.
    Error(String),
    /// The answer broke off; says as little (kubelet: an error that comes with a failure).
    Interrupted(String),
}

/// One of the hooks of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum HookKind {
    PostStart,
    PreStop,
}

/// A condition that somebody else than the kubelet has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCondition {
    /// `type`.
    pub type_: String,
    /// `status`: `True`, `False` or `Unknown`.
    pub status: String,
    /// `reason`.
    pub reason: Option<String>,
    /// `message`.
    pub message: Option<String>,
    /// `lastTransitionTime`.
    pub last_transition: WallTime,
}

/// Why a sandbox could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SandboxError {
    /// A volume; the text is `MountVolume.SetUp failed for volume "v" : …`.
    FailedMount(String),
    /// The network or the hostname; the text follows `Failed to create pod sandbox: `.
    FailedCreatePodSandBox(String),
}

/// What status and events show about an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// `sha256:…`, shown as `imageID`.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// Whether nothing had to be fetched.
    pub already_present: bool,
    /// How long fetching took.
    pub pull_time: Duration,
}

/// Why there is no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageError {
    /// Which step failed.
    pub reason: ImageErrorReason,
    /// The cause, as the registry or the resolver words it.
    pub message: String,
}

/// Which step on the way to an image failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageErrorReason {
    /// It could not be fetched, or is nothing that runs here.
    ErrImagePull,
    /// `imagePullPolicy: Never` and it is not on this machine.
    ErrImageNeverPull,
    /// It is no image reference.
    InvalidImageName,
    /// It is on this machine but cannot be read.
    ImageInspectError,
}

/// Why a container could not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// What the manifest refers to is missing or breaks a rule: environment, `runAsNonRoot`, `subPath`.
    CreateContainerConfig(String),
    /// The container cannot be made, such as `no command specified`.
    CreateContainer(String),
    /// The container exists but its program cannot start; counts as exit code 128.
    Start(String),
}

/// How the first process of a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Code or signal.
    pub status: ExitStatus,
    /// Whether it ended because of its memory limit.
    pub oom_killed: bool,
    /// What [`termination_message`](super::termination_message()) made of its file and log.
    pub message: Option<String>,
}

/// What to do. Performed in the order they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Mount the volumes, set up the network; answered by `SandboxReady` or `SandboxFailed`.
    CreateSandbox,
    /// Resolve the image; answered by `ImageReady` or `ImageFailed`. At most one at a time.
    PullImage {
        /// For which container.
        container: ContainerId,
        /// The volume whose image it is; the container's own when `None`.
        volume: Option<String>,
    },
    /// Create and start; answered by `Started` or `StartFailed`. At most one at a time.
    Start {
        /// Which container.
        container: ContainerId,
        /// How many instances it had before: 0 for the first.
        attempt: u32,
    },
    /// Run a probe of the current spec, with its timeout; answered by `Probed` unless the container ends before.
    Probe {
        /// Which container.
        container: ContainerId,
        /// Which instance of it, as in `Start`.
        attempt: u32,
        /// Which of its probes.
        probe: ProbeKind,
    },
    /// Run a hook other than `sleep`; answered by `HookEnded` unless the container ends before.
    RunHook {
        /// Which container.
        container: ContainerId,
        /// Which instance of it, as in `Start`.
        attempt: u32,
        /// Which of its hooks.
        hook: HookKind,
    },
    /// Send the stop signal to its first process.
    Signal {
        /// Which container.
        container: ContainerId,
        /// SIGTERM, or what the image says.
        signal: Signal,
    },
    /// End it at once. Must be answered by `Exited`, or by `StartFailed` when it had not started.
    Kill {
        /// Which container.
        container: ContainerId,
    },
    /// Tell people.
    Emit(PodEvent),
    /// [`Pod::status`](super::Pod::status) shows something else than before.
    StatusChanged,
    /// Take volumes and network away, and what is left of a pull or of `CreateSandbox`. The last action of a pod.
    RemoveSandbox,
}

/// A Kubernetes event about the pod or one of its containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodEvent {
    /// `Normal` or `Warning`.
    pub type_: EventType,
    /// One word.
    pub reason: EventReason,
    /// A sentence, as the kubelet words it.
    pub message: String,
    /// The container it is about; see [`ContainerId::field_path`].
    pub container: Option<ContainerId>,
}

/// `type` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// As it should be.
    Normal,
    /// Worth a look.
    Warning,
}

/// `reason` of an event (pod-semantics: events).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum EventReason {
    Scheduled,
    Pulling,
    Pulled,
    Created,
    Started,
    Killing,
    BackOff,
    Failed,
    ErrImageNeverPull,
    InspectFailed,
    FailedMount,
    FailedCreatePodSandBox,
    FailedToRetrieveImagePullSecret,
    DNSConfigForming,
    Unhealthy,
    ProbeWarning,
    FailedPostStartHook,
    FailedPreStopHook,
    DeadlineExceeded,
    Evicted,
    PodOSNotSupported,
    PodOSSelectorNodeLabelDoesNotMatch,
    NodeAffinity,
    SysctlForbidden,
    SandboxChanged,
    LifecycleHTTPFallback,
    /// Ours: a guest asked for something outside that the egress policy denies.
    EgressDenied,
    /// Ours: another image runs in place of the one the manifest names.
    ImageSubstituted,
}

display_as_debug!(
    EventType,
    EventReason,
    ImageErrorReason,
    ProbeKind,
    HookKind
);
