//! What the cluster's name server knows: the records that CoreDNS makes of Services and pods.

use super::fabric::State;
use super::service::Endpoint;
use super::{CLUSTER_DOMAIN, Family, Protocol};
use crate::spec::ServicePort;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    A,
    Aaaa,
    Srv,
    Ptr,
    Other(u16),
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Address(IpAddr),
    Service { port: u16, target: String },
    Pointer(String),
}

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// At least one record of the kind asked for.
    Records(Vec<Record>),
    /// The name, but nothing of this kind.
    NoData,
    /// It is a name of the cluster, and there is none such.
    NoName,
    /// It is no name of the cluster.
    Elsewhere,
}

impl Kind {
    pub(super) fn of(number: u16) -> Self {
        match number {
            1 => Self::A,
            28 => Self::Aaaa,
            33 => Self::Srv,
            12 => Self::Ptr,
            other => Self::Other(other),
        }
    }

    pub(super) fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Srv => 33,
            Self::Ptr => 12,
            Self::Other(number) => number,
        }
    }

    /// Those records of a name that are of this kind.
    pub(super) fn select(self, records: Vec<Record>) -> Found {
        let mut own: Vec<Record> = Vec::new();
        for record in records {
            // Pods that share the node's address are one.
            if record.kind() == self && !own.contains(&record) {
                own.push(record);
            }
        }
        let records = own;
        match records.is_empty() {
            true => Found::NoData,
            false => Found::Records(records),
        }
    }
}

impl Record {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Address(IpAddr::V4(_)) => Kind::A,
            Self::Address(IpAddr::V6(_)) => Kind::Aaaa,
            Self::Service { .. } => Kind::Srv,
            Self::Pointer(_) => Kind::Ptr,
        }
    }
}

impl State {
    /// Answers a question about a full name in lower case.
    pub(super) fn find(&self, name: &str, kind: Kind) -> Found {
        if let Some(ip) = reverse_address(name) {
            return self.reverse(ip, kind);
        }
        let records = match below(name, CLUSTER_DOMAIN) {
            Some(rest) => self.records(&rest.split('.').collect::<Vec<_>>()),
            None if name == CLUSTER_DOMAIN => Some(Vec::new()),
            None => return Found::Elsewhere,
        };
        records.map_or(Found::NoName, |records| kind.select(records))
    }

    /// Addresses of a full name, IPv4 first; `None` when it is no name of the cluster.
    pub(super) fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let rest = below(name, CLUSTER_DOMAIN)?;
        let records = self.records(&rest.split('.').collect::<Vec<_>>());
        let address = |record| match record {
            Record::Address(ip) => Some(ip),
            Record::Service { .. } | Record::Pointer(_) => None,
        };
        let mut found: Vec<_> = records
            .unwrap_or_default()
            .into_iter()
            .filter_map(address)
            .collect();
        found.sort_by_key(|ip| Family::of(*ip));
        found.dedup();
        Some(found)
    }

    /// All records of a name; `None` when there is no such name.
    fn records(&self, labels: &[&str]) -> Option<Vec<Record>> {
        let exists = |namespace: &str| self.services.keys().any(|(known, _)| known == namespace);
        match *labels {
            ["svc" | "pod"] => Some(Vec::new()),
            [namespace, "svc"] => exists(namespace).then(Vec::new),
            [name, namespace, "svc"] => self.of_service(namespace, name),
            [endpoint, name, namespace, "svc"] => {
                let endpoints = self.endpoints(namespace, name)?;
                let named = endpoints.into_iter().filter(|one| one.name == endpoint);
                let records: Vec<_> = named.map(|one| Record::Address(one.ip)).collect();
                (!records.is_empty()).then_some(records)
            }
            [port, protocol, name, namespace, "svc"] => {
                let port = port.strip_prefix('_')?;
                let protocol = match protocol {
                    "_tcp" => Protocol::Tcp,
                    "_udp" => Protocol::Udp,
                    _ => return None,
                };
                let is_meant = |known: &&ServicePort| {
                    known.name.as_deref() == Some(port) && known.protocol == protocol
                };
                let service = self
                    .services
                    .get(&(namespace.to_owned(), name.to_owned()))?;
                let port = service.spec.ports.iter().find(is_meant)?;
                let records = self.ports(namespace, name, port);
                (!records.is_empty()).then_some(records)
            }
            // Whatever the address: kubeadm's CoreDNS says `pods insecure`.
            [address, _namespace, "pod"] => {
                let dotted = address.replace('-', ".");
                let ip = dotted.parse::<Ipv4Addr>().map(IpAddr::from);
                let ip = ip.or_else(|_| address.replace('-', ":").parse()).ok()?;
                Some(vec![Record::Address(ip)])
            }
            _ => None,
        }
    }

    fn of_service(&self, namespace: &str, name: &str) -> Option<Vec<Record>> {
        let service = self
            .services
            .get(&(namespace.to_owned(), name.to_owned()))?;
        let mut records: Vec<_> = match service.ip {
            Some(ip) => vec![Record::Address(ip)],
            None => {
                let endpoints = self.endpoints(namespace, name)?;
                let addresses = endpoints.into_iter().map(|one| one.ip);
                addresses.map(Record::Address).collect()
            }
        };
        if records.is_empty() {
            return None;
        }
        for port in &service.spec.ports {
            records.extend(self.ports(namespace, name, port));
        }
        Some(records)
    }

    /// Where one port of a Service is served.
    fn ports(&self, namespace: &str, name: &str, port: &ServicePort) -> Vec<Record> {
        let full = format!("{name}.{namespace}.svc.{CLUSTER_DOMAIN}");
        let service = self.services.get(&(namespace.to_owned(), name.to_owned()));
        if service.is_some_and(|service| service.ip.is_some()) {
            return vec![Record::Service {
                port: port.port,
                target: full,
            }];
        }
        let of_endpoint = |one: Endpoint<'_>| {
            let port = one.port(port, &self.pods)?;
            let target = format!("{}.{full}", one.name);
            Some(Record::Service { port, target })
        };
        let endpoints = self.endpoints(namespace, name).unwrap_or_default();
        endpoints.into_iter().filter_map(of_endpoint).collect()
    }

    /// What is behind a Service.
    fn endpoints(&self, namespace: &str, name: &str) -> Option<Vec<Endpoint<'_>>> {
        let key = (namespace.to_owned(), name.to_owned());
        Some(self.services.get(&key)?.named(&self.pods))
    }

    fn reverse(&self, ip: IpAddr, kind: Kind) -> Found {
        let mut names = Vec::new();
        if let Some((namespace, name)) = self.service_ips.get(&ip) {
            names.push(format!("{name}.{namespace}.svc.{CLUSTER_DOMAIN}"));
        }
        for (namespace, name) in self.services.keys() {
            let endpoints = self.endpoints(namespace, name).unwrap_or_default();
            let own = endpoints.into_iter().filter(|one| one.ip == ip);
            names.extend(
                own.map(|one| format!("{}.{name}.{namespace}.svc.{CLUSTER_DOMAIN}", one.name)),
            );
        }
        match names.is_empty() {
            true if super::fabric::is_of_cluster(ip) => Found::NoName,
            true => Found::Elsewhere,
            false => kind.select(names.into_iter().map(Record::Pointer).collect()),
        }
    }
}

/// `name` without `domain` and the dot before it.
fn below<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    name.strip_suffix(domain)?.strip_suffix('.')
}

/// The address that `4.3.2.1.in-addr.arpa` and its like stand for.
fn reverse_address(name: &str) -> Option<IpAddr> {
    if let Some(rest) = below(name, "in-addr.arpa") {
        let labels: Vec<_> = rest.rsplit('.').collect();
        return labels.join(".").parse::<Ipv4Addr>().ok().map(Into::into);
    }
    let labels: Vec<_> = below(name, "ip6.arpa")?.rsplit('.').collect();
    let is_digit = |label: &&str| label.len() == 1;
    if labels.len() != 32 || !labels.iter().all(is_digit) {
        return None;
    }
    let number = u128::from_str_radix(&labels.concat(), 16).ok()?;
    Some(Ipv6Addr::from(number).into())
}
