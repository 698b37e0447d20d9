//! What only shows when all objects are seen together.

use std::collections::BTreeMap;

use seedpod_core::spec::{ObjectRef, Objects};

use crate::error::{Location, Problem};
use crate::log::{Claim, Log, Referent};
use crate::objects::{Defined, Kind};

/// Ports of the machine wanted twice are errors; references to nothing are warnings, as another command may create
/// the object later in Kubernetes.
pub(crate) fn check(objects: &Objects, defined: &Defined, log: &mut Log) {
    ports(log);
    references(objects, log);
    selectors(objects, defined, log);
}

fn ports(log: &mut Log) {
    let mut taken: BTreeMap<_, Vec<(Location, Claim)>> = BTreeMap::new();
    for (location, path, claim) in std::mem::take(&mut log.claims) {
        let holders = taken.entry((claim.protocol, claim.port)).or_default();
        let overlaps = |(_, other): &&(Location, Claim)| match (claim.address, other.address) {
            (Some(address), Some(other)) => {
                address == other || address.is_unspecified() || other.is_unspecified()
            }
            _ => true,
        };
        // Within one pod `convert` has its own, stricter rule.
        match holders
            .iter()
            .find(|held| held.1.holder != claim.holder && overlaps(held))
        {
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
    }
}

fn references(objects: &Objects, log: &mut Log) {
    for reference in std::mem::take(&mut log.references) {
        let Referent {
            namespace,
            source,
            key,
        } = &reference.referent;
        let (word, name, keys) = match source {
            ObjectRef::ConfigMap(name) => {
                let map = objects
                    .config_maps
                    .iter()
                    .find(|map| map.meta.name == *name && map.meta.namespace == *namespace);
                let has = |key: &str| {
                    map.map(|map| map.data.contains_key(key) || map.binary_data.contains_key(key))
                };
                (
                    "configmap",
                    name,
                    key.as_deref().map_or_else(|| map.map(|_| true), has),
                )
            }
            ObjectRef::Secret(name) => {
                let secret = objects.secrets.iter().find(|secret| {
                    secret.meta.name == *name && secret.meta.namespace == *namespace
                });
                let has = |key: &str| secret.map(|secret| secret.data.contains_key(key));
                (
                    "secret",
                    name,
                    key.as_deref().map_or_else(|| secret.map(|_| true), has),
                )
            }
        };
        let text = match (keys, key) {
            (Some(true), _) => continue,
            (Some(false), Some(key)) => {
                format!("couldn't find key {key} in {word} {namespace}/{name}")
            }
            _ => format!("{word} {namespace}/{name} not found"),
        };
        let text = format!("{text}: the container will wait for it and not start");
        log.warn(reference.location, reference.path, text);
    }
}

fn selectors(objects: &Objects, defined: &Defined, log: &mut Log) {
    for service in &objects.services {
        let matches = |labels: &BTreeMap<String, String>| {
            service
                .selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        };
        let namespace = &service.meta.namespace;
        let mut pods = objects
            .pods
            .iter()
            .filter(|pod| pod.meta.namespace == *namespace);
        let is_behind = pods.any(|pod| matches(&pod.meta.labels));
        let key = (Kind::Service, namespace.clone(), service.meta.name.clone());
        let Some(location) = defined.get(&key) else {
            continue;
        };
        let text = if service.selector.is_empty() {
            "no selector: nothing answers behind this Service"
        } else if is_behind {
            continue;
        } else {
            "no pod has the labels of the selector: nothing answers behind this Service"
        };
        log.warn(
            location.clone(),
            "spec.selector".to_owned(),
            text.to_owned(),
        );
    }
}
