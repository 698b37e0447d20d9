//! What stands behind a Service, and who of it gets the next connection.

use super::Protocol;
use super::fabric::{Pod, PodKey};
use crate::limits::AFFINITY_CLIENTS_PER_SERVICE;
use crate::spec::{self, Backend, TargetPort};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Bound::{Excluded, Unbounded};

#[derive(Debug)]
pub(super) struct Service {
    pub(super) spec: spec::Service,
    pub(super) ip: Option<IpAddr>,
    /// Ready pods that the selector selects; none where the specification lists its backends.
    pub(super) endpoints: BTreeSet<PodKey>,
    /// Who got the last connection: the next one in order gets the next.
    last: Turn,
    /// Who got the last connection of a client to a port, where that is to be the same one always.
    clients: BTreeMap<(IpAddr, Protocol, u16), SocketAddr>,
}

/// A place in the order of the backends.
#[derive(Clone, Copy, Debug)]
struct Turn {
    pod: PodKey,
    listed: usize,
}

/// One address behind a Service, with its name there.
pub(super) struct Endpoint<'s> {
    pub(super) name: String,
    pub(super) ip: IpAddr,
    place: Place<'s>,
}

enum Place<'s> {
    Pod(PodKey),
    Listed(&'s Backend),
}

impl Service {
    /// Who was in turn, and who had whom, stays as it was `before`.
    pub(super) fn new(
        spec: spec::Service,
        ip: Option<IpAddr>,
        endpoints: BTreeSet<PodKey>,
        before: Option<Self>,
    ) -> Self {
        let first = Turn {
            pod: PodKey {
                ip: Ipv4Addr::UNSPECIFIED,
                number: 0,
            },
            listed: 0,
        };
        let (last, clients) = match before {
            Some(before) => (before.last, before.clients),
            None => (first, BTreeMap::new()),
        };
        let clients = if spec.client_affinity {
            clients
        } else {
            BTreeMap::new()
        };
        Self {
            spec,
            ip,
            endpoints,
            last,
            clients,
        }
    }

    /// The backends take turns, as kube-proxy's IPVS `rr`; a client comes back to the same one if the Service wants that.
    pub(super) fn next_backend(
        &mut self,
        client: IpAddr,
        protocol: Protocol,
        port: u16,
        pods: &BTreeMap<PodKey, Pod>,
    ) -> Option<SocketAddr> {
        let who = (client, protocol, port);
        if let Some(known) = self.clients.get(&who)
            && self.backends(protocol, port, pods).any(|one| one == *known)
        {
            return Some(*known);
        }
        let (turn, backend) = self.in_turn(protocol, port, pods).next()?;
        self.last = turn;
        if self.spec.client_affinity {
            if self.clients.len() >= AFFINITY_CLIENTS_PER_SERVICE {
                self.clients.pop_first();
            }
            self.clients.insert(who, backend);
        }
        Some(backend)
    }

    /// Who may get a connection, the next one first.
    pub(super) fn backends(
        &self,
        protocol: Protocol,
        port: u16,
        pods: &BTreeMap<PodKey, Pod>,
    ) -> impl Iterator<Item = SocketAddr> {
        let in_turn = self.in_turn(protocol, port, pods);
        in_turn.map(|(_, backend)| backend)
    }

    /// A pod without the named port is passed over.
    fn in_turn(
        &self,
        protocol: Protocol,
        port: u16,
        pods: &BTreeMap<PodKey, Pod>,
    ) -> impl Iterator<Item = (Turn, SocketAddr)> {
        let mut ports = self.spec.ports.iter();
        let port = ports.find(|entry| entry.port == port && entry.protocol == protocol);
        let last = self.last;
        let after = self.endpoints.range((Excluded(last.pod), Unbounded));
        let selected = after.chain(self.endpoints.range(..=last.pod));
        let selected = selected.filter_map(move |key| {
            let port = pod_port(*key, port?, pods)?;
            Some((Turn { pod: *key, ..last }, (key.ip, port).into()))
        });
        let listed = self.spec.backends.as_deref().unwrap_or_default();
        let (before, after) = listed.split_at(last.listed.min(listed.len()));
        let places = last.listed + 1..;
        let listed = places.zip(after).chain((1..).zip(before));
        let listed = listed.filter_map(move |(listed, backend)| {
            let port = backend.port(port?)?;
            Some((Turn { listed, ..last }, (backend.ip, port).into()))
        });
        selected.chain(listed)
    }

    /// All that stands behind it: by the `hostname` of a pod whose `subdomain` is the Service or of a listed backend, else
    /// by the address.
    pub(super) fn named<'s>(&'s self, pods: &'s BTreeMap<PodKey, Pod>) -> Vec<Endpoint<'s>> {
        let by_address = |ip: IpAddr| ip.to_string().replace(['.', ':'], "-");
        let selected = self.endpoints.iter().filter_map(|key| {
            let pod = pods.get(key)?;
            let is_host = pod.subdomain.as_deref() == Some(self.spec.meta.name.as_str());
            let hostname = pod.hostname.clone().filter(|_| is_host);
            let ip = key.ip.into();
            Some(Endpoint {
                name: hostname.unwrap_or_else(|| by_address(ip)),
                ip,
                place: Place::Pod(*key),
            })
        });
        let listed = self.spec.backends.iter().flatten();
        let listed = listed.map(|backend| Endpoint {
            name: match &backend.hostname {
                Some(name) => name.clone(),
                None => by_address(backend.ip),
            },
            ip: backend.ip,
            place: Place::Listed(backend),
        });
        selected.chain(listed).collect()
    }
}

impl Endpoint<'_> {
    /// Where it serves a port of the Service.
    pub(super) fn port(
        &self,
        port: &spec::ServicePort,
        pods: &BTreeMap<PodKey, Pod>,
    ) -> Option<u16> {
        match self.place {
            Place::Pod(key) => pod_port(key, port, pods),
            Place::Listed(backend) => backend.port(port),
        }
    }
}

fn pod_port(key: PodKey, port: &spec::ServicePort, pods: &BTreeMap<PodKey, Pod>) -> Option<u16> {
    match &port.target_port {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let ports = &pods.get(&key)?.ports;
            ports.get(&(name.clone(), port.protocol)).copied()
        }
    }
}
