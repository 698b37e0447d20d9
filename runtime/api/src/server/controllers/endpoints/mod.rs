//! Endpoints and EndpointSlices of Services: what kube-controller-manager's `endpoint`, `endpointslice` and
//! `endpointslicemirroring` controllers make.
//!
//! Where a Service has a selector, they are made of the pods it selects. Where it has none, Endpoints that somebody wrote
//! become EndpointSlices, and EndpointSlices that somebody wrote are left alone.

mod points;
mod slices;

pub(super) use slices::service_of;

use super::{Changed, Controller, MANAGER};
use crate::server::error::ApiError;
use crate::server::kinds::items;
use crate::server::registry::{ENDPOINT_SLICES, ENDPOINTS, PODS, Resource, SERVICES};
use crate::server::verbs::Options;
use crate::server::{Server, object};
use points::{Point, Port};
use seedpod_core::limits::ENDPOINTS_ADDRESSES_MAX;
use seedpod_core::store::Key;
use serde_json::{Value, json};
use slices::{Family, Group, MIRROR, OWN, SlicesOf};
use std::collections::BTreeMap;
use std::time::Duration;

/// Makes them.
pub(super) struct EndpointsController;

const HEADLESS: &str = "service.kubernetes.io/headless";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// A label of Endpoints that are no business of EndpointSlices.
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
/// How many addresses there were, when there were too many.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

impl Controller for EndpointsController {
    fn resource(&self) -> &'static Resource {
        &SERVICES
    }

    fn affected(&self, server: &Server, changed: &Changed) -> Vec<Key> {
        let namespace = object::namespace(&changed.object);
        let there = |name: &str| {
            let key = SERVICES.key(namespace, name);
            server.store.get(&key).is_some().then_some(key)
        };
        if *changed.resource == SERVICES {
            return vec![changed.key()];
        }
        if *changed.resource == ENDPOINTS {
            return there(object::name(&changed.object)).into_iter().collect();
        }
        if *changed.resource == ENDPOINT_SLICES {
            return service_of(&changed.object)
                .and_then(there)
                .into_iter()
                .collect();
        }
        if *changed.resource == PODS {
            return selecting(server, changed);
        }
        Vec::new()
    }

    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let endpoints = server.object(&ENDPOINTS, namespace, name);
        let Some(service) = server.object(&SERVICES, namespace, name) else {
            if let Some(endpoints) = endpoints {
                server.remove(&ENDPOINTS, &endpoints)?;
            }
            for controller in [OWN, MIRROR] {
                slices::sync(
                    server,
                    namespace,
                    name,
                    &SlicesOf::nobody(controller),
                    Vec::new(),
                )?;
            }
            return Ok(None);
        };
        let selects = has_selector(&service) && service["spec"]["type"] != "ExternalName";
        let (own, mirrored) = match selects {
            true => {
                let points = points(server, &service);
                write_endpoints(server, &service, endpoints.as_ref(), &points)?;
                (groups(&points), Vec::new())
            }
            false => (
                Vec::new(),
                endpoints.as_ref().map(mirror).unwrap_or_default(),
            ),
        };
        let headless = service["spec"]["clusterIP"] == "None";
        let of = SlicesOf {
            controller: OWN,
            owner: Some((&SERVICES, &service)),
            is_headless: headless,
            is_never_without: selects,
        };
        slices::sync(server, namespace, name, &of, own)?;
        let of = SlicesOf {
            controller: MIRROR,
            owner: endpoints.as_ref().map(|endpoints| (&ENDPOINTS, endpoints)),
            is_headless: headless,
            is_never_without: false,
        };
        slices::sync(server, namespace, name, &of, mirrored)?;
        Ok(None)
    }
}

fn has_selector(service: &Value) -> bool {
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|selector| !selector.is_empty())
}

fn is_selected(service: &Value, pod: &Value) -> bool {
    let selector = service["spec"]["selector"].as_object();
    let labels = &pod["metadata"]["labels"];
    has_selector(service)
        && selector
            .into_iter()
            .flatten()
            .all(|(key, value)| labels[key] == *value)
}

/// The Services for which a change of a pod matters.
fn selecting(server: &Server, changed: &Changed) -> Vec<Key> {
    let previous = changed.previous.as_ref();
    let now = (changed.kind != seedpod_core::store::ChangeKind::Deleted).then_some(&changed.object);
    let (was, is) = (previous.and_then(Point::of), now.and_then(Point::of));
    let labels = |pod: &Value| pod["metadata"]["labels"].clone();
    if was == is && previous.map(labels) == now.map(labels) {
        return Vec::new();
    }
    if was.is_none() && is.is_none() {
        return Vec::new();
    }
    let services = server.objects(&SERVICES, Some(object::namespace(&changed.object)));
    let both = [Some(&changed.object), previous];
    let matters = |service: &&Value| {
        let mut pods = both.iter().flatten();
        pods.any(|pod| is_selected(service, pod))
    };
    let keys = services.iter().filter(matters);
    keys.map(|service| super::key(&SERVICES, service)).collect()
}

/// What is behind a Service, by address, with the ports it serves.
fn points(server: &Server, service: &Value) -> Vec<(Point, Vec<Port>)> {
    let pods = server.objects(&PODS, Some(object::namespace(service)));
    let selected = pods.iter().filter(|pod| is_selected(service, pod));
    let points = selected.filter_map(|pod| {
        let mut point = Point::of(pod)?;
        point.name_in(service);
        Some((point, points::ports(service, pod)))
    });
    let mut points: Vec<_> = points.collect();
    points.sort();
    points
}

fn groups(points: &[(Point, Vec<Port>)]) -> Vec<Group> {
    let mut groups: BTreeMap<&Vec<Port>, Vec<Value>> = BTreeMap::new();
    for (point, ports) in points {
        groups.entry(ports).or_default().push(point.endpoint());
    }
    let group = |(ports, endpoints): (&Vec<Port>, _)| Group {
        family: Family::Ipv4,
        ports: ports.iter().map(Port::of_slice).collect(),
        endpoints,
    };
    groups.into_iter().map(group).collect()
}

/// The Endpoints object of a Service with a selector.
fn write_endpoints(
    server: &mut Server,
    service: &Value,
    old: Option<&Value>,
    points: &[(Point, Vec<Port>)],
) -> Result<(), ApiError> {
    let (namespace, name) = (object::namespace(service), object::name(service));
    let publish = service["spec"]["publishNotReadyAddresses"] == true;
    let has_ports = !items(&service["spec"]["ports"]).is_empty();
    let shown = points.iter().filter(|(point, ports)| {
        (publish || !point.is_terminating) && (!has_ports || !ports.is_empty())
    });
    let shown: Vec<_> = shown.collect();
    let mut subsets: BTreeMap<&Vec<Port>, [Vec<Value>; 2]> = BTreeMap::new();
    for (point, ports) in shown.iter().take(ENDPOINTS_ADDRESSES_MAX) {
        let list = usize::from(!(publish || point.is_ready));
        subsets.entry(ports).or_default()[list].push(point.address());
    }
    let subset = |(ports, [ready, not_ready]): (&Vec<Port>, [Vec<Value>; 2])| {
        let mut subset = json!({});
        for (field, list) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
            if !list.is_empty() {
                subset[field] = list.into();
            }
        }
        if !ports.is_empty() {
            subset["ports"] = ports.iter().map(Port::of_subset).collect();
        }
        subset
    };
    let subsets: Vec<Value> = subsets.into_iter().map(subset).collect();
    let mut new = old
        .cloned()
        .unwrap_or_else(|| json!({"metadata": {"name": name}}));
    let mut labels = service["metadata"]["labels"].clone();
    labels[MANAGED_BY] = "endpoint-controller".into();
    if service["spec"]["clusterIP"] == "None" {
        labels[HEADLESS] = "".into();
    }
    new["metadata"]["labels"] = labels;
    match shown.len() > ENDPOINTS_ADDRESSES_MAX {
        true => new["metadata"]["annotations"][OVER_CAPACITY] = "truncated".into(),
        false => {
            let annotations = new["metadata"].get_mut("annotations");
            if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
                annotations.remove(OVER_CAPACITY);
            }
        }
    }
    match subsets.is_empty() {
        true => crate::server::kinds::drop_field(&mut new, "subsets"),
        false => new["subsets"] = subsets.into(),
    }
    let options = Options::of(MANAGER);
    match old {
        Some(old) if *old == new => {}
        Some(_) => drop(server.update(&ENDPOINTS, namespace, name, new, &options)?),
        None => drop(server.create(&ENDPOINTS, namespace, new, &options)?),
    }
    Ok(())
}

/// The slices of Endpoints that somebody wrote.
fn mirror(endpoints: &Value) -> Vec<Group> {
    if endpoints["metadata"]["labels"][SKIP_MIRROR] == "true" {
        return Vec::new();
    }
    let mut groups = Vec::new();
    for subset in items(&endpoints["subsets"]) {
        let ports: Vec<Value> = items(&subset["ports"]).iter().map(slices::port).collect();
        for family in [Family::Ipv4, Family::Ipv6] {
            let list = |field: &'static str, ready: bool| {
                let addresses = items(&subset[field]).iter();
                let addresses = addresses.filter(move |one| family.has(&one["ip"]));
                addresses.map(move |one| slices::mirrored(one, ready))
            };
            let endpoints: Vec<Value> = list("addresses", true)
                .chain(list("notReadyAddresses", false))
                .collect();
            if !endpoints.is_empty() {
                groups.push(Group {
                    family,
                    ports: ports.clone(),
                    endpoints,
                });
            }
        }
    }
    groups
}
