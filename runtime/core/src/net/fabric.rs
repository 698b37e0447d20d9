//! The virtual pod network that all pods of a host process share: addresses, Services, names.

use super::listener::Listener;
use super::rules::{Owner, Rules};
use super::service::Service;
use super::shared::NodePorts;
use super::stream::{Buffers, Stream};
use super::tap::Tapping;
use super::zone::{Found, Kind};
use super::{Error, Mailbox, Protocol};
use crate::limits::{PODS_PER_FABRIC, SERVICES_PER_FABRIC, SOCKET_BUFFER_BYTES_DEFAULT};
use crate::spec::{self, ClusterIp};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The domain of all cluster names (kubeadm's default).
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// The machine, as pods see it: the bridge that is every pod's gateway.
pub const NODE_IP: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);

/// Where names of the cluster are resolved, the address kubeadm gives to its DNS Service.
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);

/// Pod IPs are 10.244.0.0/16 (flannel's default), and the same under fd00:10:244::/96.
const POD_NETWORK: [u8; 2] = [10, 244];
/// Services' addresses are 10.96.0.0/16, the beginning of kubeadm's default.
const SERVICE_NETWORK: [u8; 2] = [10, 96];

/// A handle of the pod network.
#[derive(Clone, Debug, Default)]
pub struct Fabric {
    state: Arc<Mutex<State>>,
    pub(super) rules: Option<Rules>,
    pub(super) tap: Arc<OnceLock<Tapping>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) pods: BTreeMap<PodKey, Pod>,
    last_pod: u16,
    /// Pods with `hostNetwork` so far.
    node_pods: u32,
    node: NodePorts,
    pub(super) services: BTreeMap<ServiceKey, Service>,
    pub(super) service_ips: BTreeMap<IpAddr, ServiceKey>,
    last_service: u16,
    listeners: BTreeMap<SocketAddr, Arc<Listener>>,
    mailboxes: BTreeMap<SocketAddr, Mailbox>,
}

/// Namespace and name.
type ServiceKey = (String, String);

/// Names a pod. Those with `hostNetwork` share one address and are numbered from 1, the others have the number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PodKey {
    pub(super) ip: Ipv4Addr,
    pub(super) number: u32,
}

impl PodKey {
    /// The pod that has this address alone.
    pub(super) fn at(ip: IpAddr) -> Option<Self> {
        let ip = pod_ipv4(ip)?;
        Some(Self { ip, number: 0 })
    }
}

#[derive(Debug)]
pub(super) struct Pod {
    name: Arc<str>,
    namespace: String,
    labels: BTreeMap<String, String>,
    /// `hostname`, if the manifest has one.
    pub(super) hostname: Option<String>,
    pub(super) subdomain: Option<String>,
    pub(super) ports: BTreeMap<(String, Protocol), u16>,
    ready: bool,
}

/// Why the pod network cannot take a pod or a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FabricError {
    /// All of 10.244.0.0/16 is in use.
    #[error("no free pod IP: {PODS_PER_FABRIC} pods are running")]
    PodsExhausted,
    /// All of 10.96.0.0/16 is in use.
    #[error("no free cluster IP: there are {SERVICES_PER_FABRIC} Services")]
    ServicesExhausted,
    /// `clusterIP` names an address that is another Service's.
    #[error("clusterIP {0} is already allocated")]
    ClusterIpInUse(IpAddr),
    /// `clusterIP` names an address that a Service cannot have.
    #[error("clusterIP {0} is a loopback, unspecified, multicast or pod address")]
    ClusterIpInvalid(IpAddr),
}

/// What an address of the pod network stands for.
pub(super) enum Resolved {
    /// A pod, maybe after a Service has chosen it.
    Pod(SocketAddr),
    /// A Service without backends, or without this port.
    Refused,
    /// An address of the pod network that nobody has.
    Nobody,
    /// Not on the pod network: where, after a Service may have chosen it.
    Outside(SocketAddr),
}

impl Fabric {
    /// Connects from outside, as seen from `from`, to a pod IP or a Service: the way of hostPort and NodePort. Wait with
    /// [`poll_connected`](super::End::poll_connected).
    pub fn connect_from(&self, from: SocketAddr, to: SocketAddr) -> Result<Stream, Error> {
        let Resolved::Pod(to) = self.resolve(Protocol::Tcp, from.ip(), to) else {
            return Err(Error::ConnectionRefused);
        };
        let listener = self.listener(to).ok_or(Error::ConnectionRefused)?;
        listener.connect([from, to], Buffers::default(), None)
    }

    /// Who on the pod network gets what a client outside sends to a Service next.
    pub fn backend(&self, protocol: Protocol, from: IpAddr, to: SocketAddr) -> Option<SocketAddr> {
        match self.resolve(protocol, from, to) {
            Resolved::Pod(pod) => Some(pod),
            Resolved::Refused | Resolved::Nobody | Resolved::Outside(_) => None,
        }
    }

    /// Adds a Service, or changes one: an address it has stays. Returns its address, `None` when headless.
    pub fn set_service(&self, spec: &spec::Service) -> Result<Option<IpAddr>, FabricError> {
        let mut state = self.lock();
        let key = (spec.meta.namespace.clone(), spec.meta.name.clone());
        let old = state.services.get(&key).and_then(|service| service.ip);
        let ip = match (spec.cluster_ip, old) {
            (ClusterIp::Headless, _) => None,
            (ClusterIp::Auto, Some(old)) => Some(old),
            (ClusterIp::Auto, None) => Some(state.free_service_ip()?),
            (ClusterIp::Fixed(ip), _) => Some(state.check_cluster_ip(ip, &key)?),
        };
        old.map(|old| state.service_ips.remove(&old));
        ip.map(|ip| state.service_ips.insert(ip, key.clone()));
        let selected = state.pods.iter().filter(|(_, pod)| pod.is_behind(spec));
        let endpoints = selected.map(|(key, _)| *key).collect();
        let before = state.services.remove(&key);
        let service = Service::new(spec.clone(), ip, endpoints, before);
        state.services.insert(key, service);
        Ok(ip)
    }

    /// Removes a Service; its connections stay.
    pub fn remove_service(&self, namespace: &str, name: &str) {
        let mut state = self.lock();
        let removed = state
            .services
            .remove(&(namespace.to_owned(), name.to_owned()));
        if let Some(ip) = removed.and_then(|service| service.ip) {
            state.service_ips.remove(&ip);
        }
    }

    /// The address of a Service; `None` when there is no such Service or it is headless.
    pub fn service_ip(&self, namespace: &str, name: &str) -> Option<IpAddr> {
        self.lock()
            .services
            .get(&(namespace.to_owned(), name.to_owned()))?
            .ip
    }

    /// Gives a pod its address; that of the node with `hostNetwork`.
    pub(super) fn attach(&self, spec: &spec::Pod) -> Result<PodKey, FabricError> {
        let mut state = self.lock();
        if state.pods.len() >= PODS_PER_FABRIC {
            return Err(FabricError::PodsExhausted);
        }
        let key = state.free_pod_key(spec.host_network);
        let ports = spec.all_containers().flat_map(|container| &container.ports);
        let named = ports
            .filter_map(|port| Some(((port.name.clone()?, port.protocol), port.container_port)));
        let pod = Pod {
            name: spec.meta.name.as_str().into(),
            namespace: spec.meta.namespace.clone(),
            labels: spec.meta.labels.clone(),
            hostname: spec.hostname.clone(),
            subdomain: spec.subdomain.clone(),
            ports: named.collect(),
            ready: false,
        };
        state.pods.insert(key, pod);
        state.select(key);
        Ok(key)
    }

    pub(super) fn detach(&self, key: PodKey) {
        let mut state = self.lock();
        state.pods.remove(&key);
        state.select(key);
    }

    pub(super) fn set_ready(&self, key: PodKey, ready: bool) {
        let mut state = self.lock();
        if let Some(pod) = state.pods.get_mut(&key) {
            pod.ready = ready;
        }
        state.select(key);
    }

    pub(super) fn set_labels(&self, key: PodKey, labels: &BTreeMap<String, String>) {
        let mut state = self.lock();
        if let Some(pod) = state.pods.get_mut(&key) {
            pod.labels.clone_from(labels);
        }
        state.select(key);
    }

    pub(super) fn with_node<R>(&self, call: impl FnOnce(&mut NodePorts) -> R) -> R {
        call(&mut self.lock().node)
    }

    /// What `to` means for a client with the address `from`.
    pub(super) fn resolve(&self, protocol: Protocol, from: IpAddr, to: SocketAddr) -> Resolved {
        let mut state = self.lock();
        let pod = pod_ipv4(to.ip());
        if pod.is_some_and(|ip| state.is_pod(ip)) {
            return Resolved::Pod(to);
        }
        let State {
            pods,
            services,
            service_ips,
            ..
        } = &mut *state;
        if let Some(service) = service_ips
            .get(&to.ip())
            .and_then(|key| services.get_mut(key))
        {
            return match service.next_backend(from, protocol, to.port(), pods) {
                None => Resolved::Refused,
                Some(backend) if is_of_cluster(backend.ip()) => Resolved::Pod(backend),
                Some(backend) => Resolved::Outside(backend),
            };
        }
        if is_of_cluster(to.ip()) {
            Resolved::Nobody
        } else {
            Resolved::Outside(to)
        }
    }

    /// Answers a question about a full name in lower case.
    pub(super) fn find(&self, name: &str, kind: Kind) -> Found {
        self.lock().find(name, kind)
    }

    /// Addresses of a full name in lower case; `None` when it is no name of the cluster.
    pub(super) fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.lock().addresses(name)
    }

    /// A container of a pod, or its whatever container.
    pub(super) fn owner(&self, key: PodKey, container: Option<Arc<str>>) -> Owner {
        let state = self.lock();
        let pod = state.pods.get(&key).map(|pod| pod.name.clone());
        let pod = pod.unwrap_or_default();
        Owner { pod, container }
    }

    pub(super) fn listener(&self, address: SocketAddr) -> Option<Arc<Listener>> {
        self.lock().listeners.get(&address).cloned()
    }

    pub(super) fn set_listener(&self, address: SocketAddr, listener: Option<Arc<Listener>>) {
        let mut state = self.lock();
        match listener {
            Some(listener) => state.listeners.insert(address, listener),
            None => state.listeners.remove(&address),
        };
    }

    pub(super) fn mailbox(&self, address: SocketAddr) -> Option<Mailbox> {
        self.lock().mailboxes.get(&address).cloned()
    }

    pub(super) fn set_mailbox(&self, address: SocketAddr, mailbox: Option<Mailbox>) {
        let mut state = self.lock();
        match mailbox {
            Some(mailbox) => state.mailboxes.insert(address, mailbox),
            None => state.mailboxes.remove(&address),
        };
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn is_pod(&self, ip: Ipv4Addr) -> bool {
        let numbers = PodKey { ip, number: 0 }..=PodKey {
            ip,
            number: u32::MAX,
        };
        self.pods.range(numbers).next().is_some()
    }

    /// There is one: fewer pods are here than numbers.
    fn free_pod_key(&mut self, host_network: bool) -> PodKey {
        loop {
            let key = if host_network {
                self.node_pods = self.node_pods.wrapping_add(1).max(1);
                PodKey {
                    ip: NODE_IP,
                    number: self.node_pods,
                }
            } else {
                self.last_pod = next_host(self.last_pod);
                PodKey {
                    ip: address(POD_NETWORK, self.last_pod),
                    number: 0,
                }
            };
            let is_node = key.ip == NODE_IP && !host_network;
            if !is_node && !self.pods.contains_key(&key) {
                return key;
            }
        }
    }

    /// Adds or removes one pod from all Services.
    fn select(&mut self, key: PodKey) {
        let pod = self.pods.get(&key);
        for service in self.services.values_mut() {
            if pod.is_some_and(|pod| pod.is_behind(&service.spec)) {
                service.endpoints.insert(key);
            } else {
                service.endpoints.remove(&key);
            }
        }
    }

    fn free_service_ip(&mut self) -> Result<IpAddr, FabricError> {
        if self.service_ips.len() >= SERVICES_PER_FABRIC {
            return Err(FabricError::ServicesExhausted);
        }
        loop {
            self.last_service = next_host(self.last_service);
            let ip = address(SERVICE_NETWORK, self.last_service).into();
            if ip != NAME_SERVER && !self.service_ips.contains_key(&ip) {
                return Ok(ip);
            }
        }
    }

    fn check_cluster_ip(&self, ip: IpAddr, key: &ServiceKey) -> Result<IpAddr, FabricError> {
        if !may_be_cluster_ip(ip) {
            return Err(FabricError::ClusterIpInvalid(ip));
        }
        match self.service_ips.get(&ip) {
            Some(owner) if owner != key => Err(FabricError::ClusterIpInUse(ip)),
            Some(_) | None => Ok(ip),
        }
    }
}

/// Whether an address is of the pod network or of the Services'.
pub(super) fn is_of_cluster(ip: IpAddr) -> bool {
    let is_service = matches!(ip, IpAddr::V4(ip) if ip.octets()[..2] == SERVICE_NETWORK);
    is_service || pod_ipv4(ip).is_some()
}

/// Whether a Service may fix this address as its `clusterIP`.
pub fn may_be_cluster_ip(ip: IpAddr) -> bool {
    !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || pod_ipv4(ip).is_some())
}

impl Pod {
    fn is_behind(&self, service: &spec::Service) -> bool {
        self.namespace == service.meta.namespace
            && service.backends.is_none()
            && (self.ready || service.publish_not_ready_addresses)
            && !service.selector.is_empty()
            && service
                .selector
                .iter()
                .all(|(key, value)| self.labels.get(key) == Some(value))
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            receive: SOCKET_BUFFER_BYTES_DEFAULT,
            send: SOCKET_BUFFER_BYTES_DEFAULT,
        }
    }
}

/// The IPv6 address of the pod with this IPv4 address.
pub(super) fn pod_ipv6(ip: Ipv4Addr) -> Ipv6Addr {
    let [a, b, c, d] = ip.octets();
    Ipv6Addr::new(
        0xfd00,
        0x10,
        0x244,
        0,
        0,
        0,
        u16::from_be_bytes([a, b]),
        u16::from_be_bytes([c, d]),
    )
}

/// The IPv4 address of the pod that has, or would have, this address.
pub(super) fn pod_ipv4(ip: IpAddr) -> Option<Ipv4Addr> {
    let ipv4 = match ip {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(ip) => Ipv4Addr::from(u32::from_be_bytes(ip.octets()[12..].try_into().ok()?)),
    };
    let is_pod = ipv4.octets()[..2] == POD_NETWORK && (ip.is_ipv4() || ip == pod_ipv6(ipv4));
    is_pod.then_some(ipv4)
}

/// Host 0 is the network, the last one its broadcast address.
const fn next_host(last: u16) -> u16 {
    if last >= u16::MAX - 1 { 1 } else { last + 1 }
}

fn address([a, b]: [u8; 2], host: u16) -> Ipv4Addr {
    let [c, d] = host.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}
