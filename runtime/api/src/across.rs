//! What only shows when all objects are seen together.

use std::collections::{BTreeMap, BTreeSet};

use seedpod_core::spec::{Meta, ObjectRef, Objects, Pod, Protocol, TargetPort};

use crate::error::{Location, Problem};
use crate::log::{Claim, Log, Reference, Referent};
use crate::objects::{Defined, Kind};
use crate::words;

/// Ports of the machine wanted twice are errors; references to nothing are warnings, as in Kubernetes somebody may
/// create the object later.
pub(crate) fn check(objects: &Objects, defined: &Defined, log: &mut Log) {
    ports(log);
    addresses(log);
    references(objects, log);
    selectors(objects, defined, log);
}

fn ports(log: &mut Log) {
    let mut taken: BTreeMap<(Protocol, u16), Vec<(Location, Claim)>> = BTreeMap::new();
    for (location, path, claim) in std::mem::take(&mut log.claims) {
        let holders = taken.entry((claim.protocol, claim.port)).or_default();
        let overlaps = |other: &Claim| match (claim.address, other.address) {
            (Some(address), Some(other)) => {
                address == other || address.is_unspecified() || other.is_unspecified()
            }
            _ => true,
        };
        // Within one pod `convert` has Kubernetes' own rule.
        let holder = holders
            .iter()
            .find(|(_, other)| other.holder != claim.holder && overlaps(other));
        match holder {
            Some((first, other)) => {
                let port = format!(
                    "{}/{}",
                    claim.port,
                    crate::convert::protocol_word(claim.protocol)
                );
                let problem = Problem::PortTaken {
                    port,
                    holder: other.holder.clone(),
                    first: first.clone(),
                };
                log.error(location, path, problem);
            }
            None => holders.push((location, claim)),
        }
        if log.is_full() {
            return;
        }
    }
}

fn addresses(log: &mut Log) {
    let mut taken = BTreeSet::new();
    for (location, path, address) in std::mem::take(&mut log.addresses) {
        if !taken.insert(address) {
            let detail = "provided IP is already allocated".to_owned();
            log.error(
                location,
                path,
                Problem::Invalid {
                    value: format!("\"{address}\""),
                    detail,
                },
            );
        }
    }
}

/// Namespace and name.
type Name<'o> = (&'o str, &'o str);

fn name(meta: &Meta) -> Name<'_> {
    (&meta.namespace, &meta.name)
}

fn references(objects: &Objects, log: &mut Log) {
    let maps: BTreeMap<_, _> = objects
        .config_maps
        .iter()
        .map(|map| (name(&map.meta), map))
        .collect();
    let secrets: BTreeMap<_, _> = objects
        .secrets
        .iter()
        .map(|secret| (name(&secret.meta), secret))
        .collect();
    for Reference {
        location,
        path,
        referent,
    } in std::mem::take(&mut log.references)
    {
        let Referent {
            namespace,
            source,
            key,
        } = &referent;
        let key = key.as_deref();
        // `None`: no such object. `Some(false)`: it has no such key.
        let (word, name, found) = match source {
            ObjectRef::ConfigMap(name) => {
                let map = maps.get(&(namespace.as_str(), name.as_str()));
                let has = |key| {
                    map.map(|map| map.data.contains_key(key) || map.binary_data.contains_key(key))
                };
                ("configmap", name, key.map_or(map.map(|_| true), has))
            }
            ObjectRef::Secret(name) => {
                let secret = secrets.get(&(namespace.as_str(), name.as_str()));
                let has = |key| secret.map(|secret| secret.data.contains_key(key));
                ("secret", name, key.map_or(secret.map(|_| true), has))
            }
        };
        let (namespace, name) = (words::plain(namespace), words::plain(name));
        let text = match (found, key) {
            (Some(true), _) => continue,
            (Some(false), Some(key)) => {
                format!(
                    "couldn't find key {} in {word} {namespace}/{name}",
                    words::plain(key)
                )
            }
            _ => format!("{word} {namespace}/{name} not found in these files"),
        };
        log.warn(
            location,
            path,
            format!("{text}, the container will wait for it and not start"),
        );
    }
}

/// Warns of Services that reach nothing: no pod has the labels, or none of those pods has the named port.
fn selectors(objects: &Objects, defined: &Defined, log: &mut Log) {
    let labels = pods_by_label(objects);
    for service in &objects.services {
        let namespace = service.meta.namespace.as_str();
        let of_label = service
            .selector
            .iter()
            .map(|(key, value)| (namespace, key.as_str(), value.as_str()));
        let mut sets: Vec<Option<&BTreeSet<usize>>> =
            of_label.map(|label| labels.get(&label)).collect();
        let key = (
            Kind::Service,
            namespace.to_owned(),
            service.meta.name.clone(),
        );
        let Some(location) = defined.get(&key) else {
            continue;
        };
        let mut warn =
            |field: String, text: &str| log.warn(location.clone(), field, text.to_owned());
        let Some(first) = sets.pop() else {
            warn(
                "spec.selector".to_owned(),
                "no selector, so nothing answers behind this Service",
            );
            continue;
        };
        let is_in_others = |pod: &&usize| {
            sets.iter()
                .all(|set| set.is_some_and(|set| set.contains(*pod)))
        };
        let pods: Vec<&Pod> = first
            .into_iter()
            .flatten()
            .filter(is_in_others)
            .map(|pod| &objects.pods[*pod])
            .collect();
        if pods.is_empty() {
            warn(
                "spec.selector".to_owned(),
                "no pod of these files has the labels of the selector, so nothing answers behind this Service",
            );
            continue;
        }
        for (index, port) in service.ports.iter().enumerate() {
            if let TargetPort::Name(name) = &port.target_port
                && !pods.iter().any(|pod| has_port(pod, name, port.protocol))
            {
                let text = "no container of the selected pods has a port of this name and protocol";
                warn(format!("spec.ports[{index}].targetPort"), text);
            }
        }
    }
}

/// Namespace, key and value of a label to the pods that have it.
fn pods_by_label(objects: &Objects) -> BTreeMap<(&str, &str, &str), BTreeSet<usize>> {
    let mut labels: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
    for (index, pod) in objects.pods.iter().enumerate() {
        for (key, value) in &pod.meta.labels {
            labels
                .entry((pod.meta.namespace.as_str(), key.as_str(), value.as_str()))
                .or_default()
                .insert(index);
        }
    }
    labels
}

fn has_port(pod: &Pod, name: &str, protocol: Protocol) -> bool {
    let mut ports = pod.all_containers().flat_map(|container| &container.ports);
    ports.any(|port| port.name.as_deref() == Some(name) && port.protocol == protocol)
}
