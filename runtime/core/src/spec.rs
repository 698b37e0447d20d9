//! What a person asked for, checked: `api` converts manifests into these types once, everything else only reads them.
//!
//! Names and defaults are those of Kubernetes 1.36. A field that is not here is listed in `api`'s support table.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// All objects of the files of one run, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// Pods, in the order they start.
    pub pods: Vec<Pod>,
    /// ConfigMaps.
    pub config_maps: Vec<ConfigMap>,
    /// Secrets, `stringData` merged into `data`.
    pub secrets: Vec<Secret>,
    /// Services.
    pub services: Vec<Service>,
}

/// The part of `metadata` that has a meaning here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Object name.
    pub name: String,
    /// Namespace, `default` when the manifest has none.
    pub namespace: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Name, namespace, labels.
    pub meta: Meta,
    /// Regular containers, at least one.
    pub containers: Vec<Container>,
    /// Init containers and sidecars, in order.
    pub init_containers: Vec<Container>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// What happens after a container exits.
    pub restart_policy: RestartPolicy,
    /// Time between SIGTERM and SIGKILL; 30 s by default.
    pub termination_grace_period: GracePeriod,
    /// Life span of the pod from its start time.
    pub active_deadline: Option<Duration>,
    /// `hostname`; the pod's name when `None`.
    pub hostname: Option<String>,
    /// `subdomain`.
    pub subdomain: Option<String>,
    /// `setHostnameAsFQDN`.
    pub set_hostname_as_fqdn: bool,
    /// Extra lines of `/etc/hosts`.
    pub host_aliases: Vec<HostAlias>,
    /// One process namespace for all containers, with the pause process as PID 1.
    pub share_process_namespace: bool,
    /// `nodeName`, shown but without effect on a single node.
    pub node_name: Option<String>,
    /// `serviceAccountName`, `default` when unset.
    pub service_account_name: String,
    /// Whether `X_SERVICE_HOST` and friends are set.
    pub enable_service_links: bool,
    /// Identity of processes; each container may override it.
    pub security: SecurityContext,
}

impl Pod {
    /// Init containers, then regular ones: the order in which they may start.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }

    /// The hostname of every container: `hostname` or the pod's name, cut to 63 characters (kubelet).
    pub fn hostname(&self) -> &str {
        let name = self.hostname.as_deref().unwrap_or(&self.meta.name);
        match name.char_indices().nth(63) {
            Some((end, _)) => name[..end].trim_end_matches(['-', '.']),
            None => name,
        }
    }
}

/// `terminationGracePeriodSeconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GracePeriod {
    /// Whole seconds.
    pub seconds: u32,
}

impl Default for GracePeriod {
    fn default() -> Self {
        Self { seconds: 30 }
    }
}

/// `restartPolicy` of a pod, and with another default of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Whatever the exit code.
    #[default]
    Always,
    /// Only after an exit code other than 0.
    OnFailure,
    /// Never.
    Never,
}

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
}

impl Container {
    /// Whether this init container is a sidecar (`restartPolicy: Always`).
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy == Some(RestartPolicy::Always)
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
}

/// `subPath` or `subPathExpr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubPath {
    /// As written.
    Path(String),
    /// With `$(VAR)` to expand.
    Expr(String),
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

/// A volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Name, unique in the pod.
    pub name: String,
    /// What it is.
    pub source: VolumeSource,
}

/// What a volume is.
#[derive(Clone, Debug, PartialEq)]
pub enum VolumeSource {
    /// Empty at the pod's start, gone at its end.
    EmptyDir(EmptyDir),
    /// The keys of a ConfigMap as files.
    ConfigMap(KeysVolume),
    /// The keys of a Secret as files.
    Secret(KeysVolume),
    /// Fields of the pod as files.
    DownwardApi(Vec<DownwardItem>),
    /// Several sources in one directory; later ones win.
    Projected(Vec<Projection>),
    /// A directory or file of the machine.
    HostPath(HostPath),
}

/// `emptyDir`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmptyDir {
    /// Memory or disk.
    pub medium: Medium,
    /// Bytes; `None` when unset or 0.
    pub size_limit: Option<u64>,
}

/// `emptyDir.medium`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// A directory of the machine.
    #[default]
    Default,
    /// Memory.
    Memory,
}

/// A ConfigMap or Secret volume, or such a part of a projected one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysVolume {
    /// Name of the object.
    pub name: String,
    /// Which keys become which files; all of them when empty.
    pub items: Vec<KeyToPath>,
    /// Mode of the files, 0644 by default.
    pub default_mode: u32,
    /// Whether the object or its keys may be missing.
    pub optional: bool,
}

/// One entry of `items`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyToPath {
    /// Key in `data` or `binaryData`.
    pub key: String,
    /// Relative path in the volume.
    pub path: String,
    /// Mode of the file.
    pub mode: Option<u32>,
}

/// One file of a downward API volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownwardItem {
    /// Relative path in the volume.
    pub path: String,
    /// What it shows.
    pub value: DownwardValue,
    /// Mode of the file.
    pub mode: Option<u32>,
}

/// What a downward API file shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownwardValue {
    /// A field of the pod.
    Field(FieldRef),
    /// A resource of a container.
    Resource(ResourceRef),
}

/// One source of a projected volume.
#[derive(Clone, Debug, PartialEq)]
pub enum Projection {
    /// The keys of a ConfigMap.
    ConfigMap(KeysVolume),
    /// The keys of a Secret.
    Secret(KeysVolume),
    /// Fields of the pod.
    DownwardApi(Vec<DownwardItem>),
}

/// `hostPath`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPath {
    /// Path on the machine.
    pub path: String,
    /// What must be there.
    pub kind: HostPathType,
}

/// `hostPath.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPathType {
    /// No check.
    #[default]
    Unset,
    /// Created with all parents, mode 0755, if missing.
    DirectoryOrCreate,
    /// Must be a directory.
    Directory,
    /// Created without parents, mode 0644, if missing.
    FileOrCreate,
    /// Must be a file.
    File,
}

/// One entry of `hostAliases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAlias {
    /// Address.
    pub ip: IpAddr,
    /// Its names.
    pub hostnames: Vec<String>,
}

/// A ConfigMap: `data` and `binaryData` in one map of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigMap {
    /// Name and namespace.
    pub meta: Meta,
    /// Text values.
    pub data: BTreeMap<String, String>,
    /// Other values; invisible to environment variables.
    pub binary_data: BTreeMap<String, Vec<u8>>,
}

/// A Secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret {
    /// Name and namespace.
    pub meta: Meta,
    /// `type`, `Opaque` by default.
    pub kind: String,
    /// Values.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl std::fmt::Debug for Secret {
    /// Never shows a value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret")
            .field("meta", &self.meta)
            .field("keys", &self.data.keys())
            .finish()
    }
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Name and namespace.
    pub meta: Meta,
    /// How it can be reached.
    pub kind: ServiceType,
    /// Labels of the pods behind it; none when empty.
    pub selector: BTreeMap<String, String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// `clusterIP`, when the manifest fixes one.
    pub cluster_ip: ClusterIp,
    /// Whether names of pods that are not ready resolve.
    pub publish_not_ready_addresses: bool,
}

/// `type` of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceType {
    /// Only from pods.
    #[default]
    ClusterIp,
    /// Also on a port of the machine.
    NodePort,
    /// As NodePort; no address of its own is allocated.
    LoadBalancer,
}

/// `clusterIP` of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterIp {
    /// Chosen by the virtual network.
    #[default]
    Auto,
    /// `None`: the name resolves to the pods' addresses.
    Headless,
    /// As written.
    Fixed(IpAddr),
}

/// One entry of a Service's `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Name; required where there are several.
    pub name: Option<String>,
    /// Port of the virtual IP.
    pub port: u16,
    /// Port of the pods.
    pub target_port: TargetPort,
    /// Port of the machine; chosen from 30000–32767 for NodePort when `None`.
    pub node_port: Option<u16>,
    /// TCP by default.
    pub protocol: Protocol,
}

/// `targetPort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A number.
    Number(u16),
    /// The name of a container's port.
    Name(String),
}
