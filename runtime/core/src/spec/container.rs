//! Containers.

use super::{Lifecycle, Probe, RestartPolicy, RestartRule, TargetPort};
use std::net::IpAddr;

/// A container, init container or sidecar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// DNS label, unique in the pod.
    pub name: String,
    /// Image reference as written.
    pub image: String,
    /// `imagePullPolicy`.
    pub image_pull_policy: ImagePullPolicy,
    /// Replaces the image's entrypoint.
    pub command: Vec<String>,
    /// Replaces the image's arguments.
    pub args: Vec<String>,
    /// Replaces the image's working directory.
    pub working_dir: Option<String>,
    /// Environment, in order.
    pub env: Vec<EnvVar>,
    /// Whole ConfigMaps and Secrets as environment, in order, before `env`.
    pub env_from: Vec<EnvFrom>,
    /// Named ports; published only where `host_port` is set.
    pub ports: Vec<ContainerPort>,
    /// Where volumes are mounted.
    pub volume_mounts: Vec<VolumeMount>,
    /// Requests and limits.
    pub resources: Resources,
    /// What it takes to change them while it runs.
    pub resize_policy: ResizePolicy,
    /// Overrides the pod's policy; an init container with `Always` is a sidecar.
    pub restart_policy: Option<RestartPolicy>,
    /// File whose last 4096 bytes become the termination message; `/dev/termination-log` by default.
    pub termination_message_path: String,
    /// Where the message comes from.
    pub termination_message_policy: TerminationMessagePolicy,
    /// Whether standard input stays open.
    pub stdin: bool,
    /// Whether standard input closes with the first client.
    pub stdin_once: bool,
    /// Whether standard output is a terminal.
    pub tty: bool,
    /// Overrides the pod's.
    pub security: SecurityContext,
    /// Whether a new instance is needed while it runs.
    pub liveness_probe: Option<Probe>,
    /// Whether it takes requests.
    pub readiness_probe: Option<Probe>,
    /// Whether its startup is over; the other probes wait for it.
    pub startup_probe: Option<Probe>,
    /// Hooks.
    pub lifecycle: Lifecycle,
    /// `restartPolicyRules`, only with a policy of its own; the first that matches an exit code decides.
    pub restart_policy_rules: Vec<RestartRule>,
    /// Only of an ephemeral container: whose processes it sees.
    pub target_container_name: Option<String>,
}

impl Container {
    /// Whether this init container is a sidecar (`restartPolicy: Always`).
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy == Some(RestartPolicy::Always)
    }

    /// The port that a probe or hook means: a number, the name of one of [`ports`](Self::ports) whatever its protocol, or
    /// a number in quotes (`probe.ResolveContainerPort`). `None` when it means none of 1 to 65535.
    pub fn port(&self, port: &TargetPort) -> Option<u16> {
        let number = match port {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => {
                let named = |port: &&ContainerPort| port.name.as_ref() == Some(name);
                match self.ports.iter().find(named) {
                    Some(port) => Some(port.container_port),
                    None => name.parse().ok(),
                }
            }
        };
        number.filter(|number| *number > 0)
    }
}

/// `imagePullPolicy`, after defaulting: `Always` for `:latest` or no tag, else `IfNotPresent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// Resolve on every start.
    Always,
    /// Use what is there.
    #[default]
    IfNotPresent,
    /// Fail if it is not there.
    Never,
}

/// `terminationMessagePolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TerminationMessagePolicy {
    /// Only the file.
    #[default]
    File,
    /// The end of the log when the file is empty and the container failed.
    FallbackToLogsOnError,
}

/// One entry of `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVar {
    /// Name of the variable.
    pub name: String,
    /// Where its value comes from.
    pub value: EnvValue,
}

/// Where an environment variable comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// A text, with `$(VAR)` still in it.
    Text(String),
    /// A key of a ConfigMap.
    ConfigMapKey(KeyRef),
    /// A key of a Secret.
    SecretKey(KeyRef),
    /// A field of the pod, such as `status.podIP`.
    Field(FieldRef),
    /// A resource of a container.
    Resource(ResourceRef),
    /// A key of a file in a volume.
    FileKey(FileKeyRef),
}

/// A key of a file that an earlier container wrote into an `emptyDir`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileKeyRef {
    /// Name of the volume.
    pub volume: String,
    /// Relative path in it.
    pub path: String,
    /// Key in the file.
    pub key: String,
    /// Whether the key may be missing.
    pub optional: bool,
}

/// A key of a ConfigMap or Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Object name.
    pub name: String,
    /// Key in `data`.
    pub key: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// One entry of `envFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFrom {
    /// Put before every key.
    pub prefix: String,
    /// Which object.
    pub source: ObjectRef,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A ConfigMap or Secret by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectRef {
    /// A ConfigMap.
    ConfigMap(String),
    /// A Secret.
    Secret(String),
}

/// A field of the pod that the downward API can show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldRef {
    /// `metadata.name`
    Name,
    /// `metadata.namespace`
    Namespace,
    /// `metadata.uid`
    Uid,
    /// `metadata.labels` (volumes only) or one of them.
    Labels(Option<String>),
    /// `metadata.annotations` (volumes only) or one of them.
    Annotations(Option<String>),
    /// `spec.nodeName`
    NodeName,
    /// `spec.serviceAccountName`
    ServiceAccountName,
    /// `status.hostIP`, `status.hostIPs`
    HostIp,
    /// `status.podIP`
    PodIp,
    /// `status.podIPs`, comma-joined.
    PodIps,
}

/// A resource of a container that the downward API can show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRef {
    /// Container name; the own container when `None`.
    pub container: Option<String>,
    /// Which of its numbers.
    pub resource: ResourceField,
    /// The value is divided by this and rounded up; in bytes or thousandths of a core.
    pub divisor: u64,
}

/// `limits.cpu` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceField {
    /// `limits.cpu`
    LimitsCpu,
    /// `limits.memory`
    LimitsMemory,
    /// `limits.ephemeral-storage`
    LimitsEphemeralStorage,
    /// `requests.cpu`
    RequestsCpu,
    /// `requests.memory`
    RequestsMemory,
    /// `requests.ephemeral-storage`
    RequestsEphemeralStorage,
}

/// One entry of `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// Name, for Services and probes.
    pub name: Option<String>,
    /// Port in the pod.
    pub container_port: u16,
    /// Port on the machine.
    pub host_port: Option<u16>,
    /// Address on the machine; every address when `None`.
    pub host_ip: Option<IpAddr>,
    /// TCP by default.
    pub protocol: Protocol,
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP
    #[default]
    Tcp,
    /// UDP
    Udp,
}

/// One entry of `volumeMounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Name of the volume.
    pub name: String,
    /// Absolute path in the container.
    pub mount_path: String,
    /// Part of the volume that is mounted, relative.
    pub sub_path: Option<SubPath>,
    /// Whether writes fail.
    pub read_only: bool,
    /// `recursiveReadOnly`.
    pub recursive_read_only: RecursiveReadOnly,
}

/// Whether a read-only mount is read-only below too. Here every one is: a guest can mount nothing below a volume, and
/// what the machine has mounted there is written through the same volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum RecursiveReadOnly {
    #[default]
    Disabled,
    IfPossible,
    Enabled,
}

/// `subPath` or `subPathExpr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubPath {
    /// As written.
    Path(String),
    /// With `$(VAR)` to expand.
    Expr(String),
}

/// `resizePolicy`, resource by resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub struct ResizePolicy {
    pub cpu: ResizeRestartPolicy,
    pub memory: ResizeRestartPolicy,
}

/// Whether a container starts again when the amount of a resource changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum ResizeRestartPolicy {
    #[default]
    NotRequired,
    RestartContainer,
}

/// Requests and limits of a container. Memory and storage in bytes, cpu in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// What may not be exceeded.
    pub limits: ResourceList,
    /// What is asked for; the limits where unset (Kubernetes default).
    pub requests: ResourceList,
}

/// One column of [`Resources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceList {
    /// Thousandths of a core.
    pub cpu_m: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Bytes.
    pub ephemeral_storage: Option<u64>,
}

/// The part of `securityContext` that is shown to guests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityContext {
    /// Numeric user.
    pub run_as_user: Option<u32>,
    /// Numeric group.
    pub run_as_group: Option<u32>,
    /// Refuse to start as root.
    pub run_as_non_root: Option<bool>,
    /// Writes to the root filesystem fail with EROFS.
    pub read_only_root_filesystem: Option<bool>,
    /// Group that owns volumes; shown, not enforced.
    pub fs_group: Option<u32>,
    /// Further groups; shown, not enforced.
    pub supplemental_groups: Vec<u32>,
}
