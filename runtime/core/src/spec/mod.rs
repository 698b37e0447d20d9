//! What a person asked for, checked: `api` converts manifests into these types once, everything else only reads them.
//!
//! Names and defaults are those of Kubernetes 1.36. A field that is not here is listed in `api`'s support table.

mod container;
mod objects;
mod probe;
mod volume;

pub use container::*;
pub use objects::*;
pub use probe::*;
pub use volume::*;

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
    /// Containers added to a running pod, in the order they came; they do not count for phase and readiness.
    pub ephemeral_containers: Vec<Container>,
    /// `readinessGates`: conditions of others that must be True before the pod is Ready.
    pub readiness_gates: Vec<String>,
    /// `dnsPolicy`.
    pub dns_policy: DnsPolicy,
    /// `dnsConfig`.
    pub dns_config: DnsConfig,
    /// Whether the pod lives in the network of the (virtual) node: its address is the node's.
    pub host_network: bool,
    /// `hostnameOverride`: replaces hostname and FQDN.
    pub hostname_override: Option<String>,
    /// `os.name`.
    pub os: Option<String>,
    /// `nodeSelector`: labels that the node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Requests and limits of the pod as a whole, which win over the sum of its containers.
    pub resources: Option<Resources>,
    /// `overhead`, added to the requests.
    pub overhead: ResourceList,
    /// Names of Secrets with credentials for registries.
    pub image_pull_secrets: Vec<String>,
    /// `securityContext.sysctls`, name and value.
    pub sysctls: Vec<(String, String)>,
}

impl Pod {
    /// Init containers, then regular ones, then ephemeral ones: the order of
    /// [`ContainerId`](crate::pod::ContainerId), which a new ephemeral container does not change.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        let declared = self.init_containers.iter().chain(&self.containers);
        declared.chain(&self.ephemeral_containers)
    }

    /// The name of the pod as a host: `hostnameOverride`, or `hostname` or the pod's name cut to 63 characters (kubelet).
    pub fn hostname(&self) -> &str {
        if let Some(name) = &self.hostname_override {
            return name;
        }
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

/// One entry of `hostAliases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAlias {
    /// Address.
    pub ip: IpAddr,
    /// Its names.
    pub hostnames: Vec<String>,
}

/// `dnsPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsPolicy {
    /// The cluster's name server; as `Default` with `hostNetwork`.
    #[default]
    ClusterFirst,
    /// The cluster's name server also with `hostNetwork`.
    ClusterFirstWithHostNet,
    /// What the node has.
    Default,
    /// Only `dnsConfig`.
    None,
}

/// `dnsConfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsConfig {
    /// Name servers, appended to those of the policy.
    pub nameservers: Vec<IpAddr>,
    /// Search domains, appended to those of the policy.
    pub searches: Vec<String>,
    /// Options with their values, which win over those of the policy.
    pub options: Vec<(String, Option<String>)>,
}
