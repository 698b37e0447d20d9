//! What only shows when all objects are seen together.

use std::collections::{BTreeMap, BTreeSet};

use seedpod_core::spec::{Meta, ObjectRef, Objects, Protocol};

use crate::error::{Location, Problem};
use crate::log::{Claim, Log, Reference, Referent};
use crate::objects::{Defined, Kind};
use crate::words;

/// Ports of the machine wanted twice are errors; references to nothing are warnings, as in Kubernetes somebody may
/// create the object later.
pub(crate) fn check(objects: &Objects, defined: &Defined, log: &mut Log) {
    ports(log);
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

fn selectors(objects: &Objects, defined: &Defined, log: &mut Log) {
    let mut labels: BTreeMap<(&str, &str, &str), BTreeSet<usize>> = BTreeMap::new();
    for (index, pod) in objects.pods.iter().enumerate() {
        for (key, value) in &pod.meta.labels {
            labels
                .entry((&pod.meta.namespace, key, value))
                .or_default()
                .insert(index);
        }
    }
    for service in &objects.services {
        let namespace = service.meta.namespace.as_str();
        let mut sets = service
            .selector
            .iter()
            .map(|(key, value)| labels.get(&(namespace, key.as_str(), value.as_str())));
        let text = match sets.next() {
            None => "no selector, so nothing answers behind this Service",
            Some(first) => {
                let others: Vec<_> = sets.collect();
                let is_in_all = |pod: &usize| {
                    others
                        .iter()
                        .all(|set| set.is_some_and(|set| set.contains(pod)))
                };
                if first.is_some_and(|pods| pods.iter().any(is_in_all)) {
                    continue;
                }
                "no pod of these files has the labels of the selector, so nothing answers behind this Service"
            }
        };
        let key = (
            Kind::Service,
            namespace.to_owned(),
            service.meta.name.clone(),
        );
        if let Some(location) = defined.get(&key) {
            log.warn(
                location.clone(),
                "spec.selector".to_owned(),
                text.to_owned(),
            );
        }
    }
}
