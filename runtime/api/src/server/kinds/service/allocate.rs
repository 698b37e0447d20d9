//! Cluster IPs and node ports (`ipallocator`, `portallocator`).

use super::{is_headless, needs_cluster_ip, needs_node_port, protocol_of, type_of};
use crate::server::error::{ApiError, FieldError};
use crate::server::kinds::{items, items_mut};
use crate::server::registry::SERVICES;
use crate::server::{Server, object};
use seedpod_core::net::NAME_SERVER;
use seedpod_core::seed::Rng;
use seedpod_core::store::{Change, ChangeKind, Key, Revision, Store};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// Ports of the machine for Services (`--service-node-port-range`).
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
/// Of 10.96.0.0/16 the first addresses are left to those who choose their own (`ipallocator`: 256 of a large range).
const STATIC_ADDRESSES: u16 = 256;
/// Of the node ports likewise (`portallocator`: 86 of the default range).
const STATIC_PORTS: u16 = 86;

/// Which Service has which address and port of the machine.
#[derive(Debug, Default)]
pub(crate) struct Allocations {
    /// `None`: nothing has been looked at yet.
    known: Option<Revision>,
    addresses: BTreeMap<IpAddr, Key>,
    node_ports: BTreeMap<u16, Key>,
    of: BTreeMap<Key, (Vec<IpAddr>, Vec<u16>)>,
}

impl Allocations {
    fn catch_up(&mut self, store: &Store) {
        let since = |known| store.changes().since(known).ok();
        let changes: Option<Vec<&Change>> = self.known.and_then(since).map(Iterator::collect);
        match changes {
            Some(changes) => {
                let services = changes.into_iter();
                let services = services.filter(|change| *change.key.resource == *SERVICES.name());
                for change in services {
                    self.forget(&change.key);
                    if change.kind != ChangeKind::Deleted {
                        self.remember(&change.key, &object::decode(&change.stored.value));
                    }
                }
            }
            None => {
                *self = Self::default();
                for (key, stored) in store.list(SERVICES.name(), None) {
                    self.remember(key, &object::decode(&stored.value));
                }
            }
        }
        self.known = Some(store.revision());
    }

    fn remember(&mut self, key: &Key, service: &Value) {
        let (addresses, ports) = (addresses(service), node_ports(service));
        for address in &addresses {
            self.addresses.insert(*address, key.clone());
        }
        for port in &ports {
            self.node_ports.insert(*port, key.clone());
        }
        self.of.insert(key.clone(), (addresses, ports));
    }

    fn forget(&mut self, key: &Key) {
        let (addresses, ports) = self.of.remove(key).unwrap_or_default();
        for address in addresses {
            self.addresses.remove(&address);
        }
        for port in ports {
            self.node_ports.remove(&port);
        }
    }

    /// Whether another Service, or the name server, has an address.
    pub(super) fn is_taken(&self, address: IpAddr, by_other_than: &Key) -> bool {
        let owner = self.addresses.get(&address);
        address == NAME_SERVER || owner.is_some_and(|owner| owner != by_other_than)
    }

    /// Whether another Service has a port of the machine.
    pub(super) fn is_port_taken(&self, port: u16, by_other_than: &Key) -> bool {
        let owner = self.node_ports.get(&port);
        owner.is_some_and(|owner| owner != by_other_than)
    }

    fn free_address(&self, mut random: impl FnMut(u64) -> u64) -> Option<Ipv4Addr> {
        let address = |host: u16| {
            let [c, d] = host.to_be_bytes();
            Ipv4Addr::new(10, 96, c, d)
        };
        let is_free =
            |ip: &Ipv4Addr| *ip != NAME_SERVER && !self.addresses.contains_key(&(*ip).into());
        // The last address is that of the broadcast.
        let hosts = (STATIC_ADDRESSES + 1)..u16::MAX;
        let mut found = in_turn(hosts, &mut random).map(address).find(is_free);
        if found.is_none() {
            found = (1..=STATIC_ADDRESSES).map(address).find(is_free);
        }
        found
    }

    fn free_port(&self, taken: &BTreeSet<u16>, mut random: impl FnMut(u64) -> u64) -> Option<u16> {
        let is_free = |port: &u16| !taken.contains(port) && !self.node_ports.contains_key(port);
        let (first, last) = NODE_PORTS.into_inner();
        let mut found = in_turn(first + STATIC_PORTS..last + 1, &mut random).find(is_free);
        if found.is_none() {
            found = (first..first + STATIC_PORTS).find(is_free);
        }
        found
    }
}

/// All numbers of a range from a random one on.
fn in_turn(
    range: std::ops::Range<u16>,
    random: &mut impl FnMut(u64) -> u64,
) -> impl Iterator<Item = u16> {
    let offset = random(u64::from(range.end - range.start));
    let start = range.start + u16::try_from(offset).unwrap_or_default();
    (start..range.end).chain(range.start..start)
}

fn addresses(service: &Value) -> Vec<IpAddr> {
    let ips = items(&service["spec"]["clusterIPs"]).iter();
    ips.filter_map(|ip| ip.as_str()?.parse().ok()).collect()
}

fn node_ports(service: &Value) -> Vec<u16> {
    let ports = items(&service["spec"]["ports"]).iter();
    ports.filter_map(node_port).collect()
}

/// `nodePort` of a port, if it has one.
pub(crate) fn node_port(port: &Value) -> Option<u16> {
    let number = u16::try_from(port["nodePort"].as_u64()?).ok()?;
    (number != 0).then_some(number)
}

/// Gives a Service the address and ports that its type needs and that it has not.
pub(super) fn allocate(server: &mut Server, service: &mut Value) -> Result<(), ApiError> {
    let mut known = std::mem::take(&mut server.allocations);
    known.catch_up(&server.store);
    let rng = &mut server.rng;
    let name = object::name(service).to_owned();
    let full = |error: FieldError| ApiError::invalid(&SERVICES, &name, &[error]);
    let needs_ip = needs_cluster_ip(service) && !is_headless(service);
    let is_known_type = matches!(type_of(service), "ClusterIP" | "NodePort" | "LoadBalancer");
    let mut result = Ok(());
    if needs_ip && is_known_type && service["spec"]["clusterIP"].is_null() {
        match known.free_address(|bound| rng.below(bound)) {
            Some(ip) => {
                service["spec"]["clusterIP"] = ip.to_string().into();
                service["spec"]["clusterIPs"] = json!([ip.to_string()]);
            }
            None => {
                let detail = "failed to allocate IP: range is full";
                result = Err(full(FieldError::invalid(
                    "spec.clusterIPs",
                    &json!([]),
                    detail,
                )));
            }
        }
    }
    if needs_node_port(service) && result.is_ok() {
        result = allocate_ports(&known, rng, service).map_err(full);
    }
    server.allocations = known;
    result
}

fn allocate_ports(
    known: &Allocations,
    rng: &mut Rng,
    service: &mut Value,
) -> Result<(), FieldError> {
    let mut taken: BTreeSet<u16> = node_ports(service).into_iter().collect();
    let mut given: Vec<(u16, Value, Value)> = Vec::new();
    let ports = items_mut(&mut service["spec"], "ports");
    for (index, port) in ports.enumerate() {
        if node_port(port).is_some() || protocol_of(port).is_none() {
            continue;
        }
        // A port that is served over both protocols has one number.
        let twin = given
            .iter()
            .find(|(_, number, protocol)| *number == port["port"] && *protocol != port["protocol"]);
        let chosen = match twin {
            Some((chosen, ..)) => Some(*chosen),
            None => known.free_port(&taken, |bound| rng.below(bound)),
        };
        let Some(chosen) = chosen else {
            let path = format!("spec.ports[{index}].nodePort");
            return Err(FieldError::invalid(path, &json!(0), "range is full"));
        };
        taken.insert(chosen);
        given.push((chosen, port["port"].clone(), port["protocol"].clone()));
        port["nodePort"] = chosen.into();
    }
    Ok(())
}
