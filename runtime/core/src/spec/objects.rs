//! ConfigMaps, Secrets, Services.

use super::{Meta, Protocol};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a pod can refer to by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum ObjectKind {
    ConfigMap,
    Secret,
    Service,
}

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The key of the object with this metadata.
    pub fn of(kind: ObjectKind, meta: &Meta) -> Self {
        let (namespace, name) = (meta.namespace.clone(), meta.name.clone());
        Self {
            kind,
            namespace,
            name,
        }
    }
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
    /// `sessionAffinity: ClientIP`: a client stays with its pod as long as that is there, whatever time-out is set.
    pub client_affinity: bool,
    /// What is behind it, where that is said by others than `selector`: by EndpointSlices.
    pub backends: Option<Vec<Backend>>,
}

/// An address behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Where: a pod, the node, or a machine outside.
    pub ip: IpAddr,
    /// Its name below that of a headless Service.
    pub hostname: Option<String>,
    /// Which ports of the Service it serves, and where.
    pub ports: Vec<BackendPort>,
}

/// A port of a [`Backend`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendPort {
    /// The name of the Service's port; `None` for the one without a name.
    pub name: Option<String>,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Of the address.
    pub port: u16,
}

impl Backend {
    /// Where it serves a port of the Service, if it does.
    pub fn port(&self, port: &ServicePort) -> Option<u16> {
        let mut ports = self.ports.iter();
        let found = ports.find(|own| own.name == port.name && own.protocol == port.protocol)?;
        Some(found.port)
    }
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

/// A port by number or by the name a container gives it: `targetPort`, ports of probes and hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A number.
    Number(u16),
    /// The name of a container's port.
    Name(String),
}
