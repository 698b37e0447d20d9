//! What kube-proxy and the cluster's name server do: Services of the API and their EndpointSlices become Services of the
//! pod network, and their node ports ports of the machine.

use super::{Changed, Controller, endpoints};
use crate::server::error::ApiError;
use crate::server::kinds::items;
use crate::server::kubelet::{EventKind, EventSource};
use crate::server::registry::{ENDPOINT_SLICES, Resource, SERVICES};
use crate::server::{Action, NodePort, Server, manifest, object};
use seedpod_core::spec::{
    self, Backend, BackendPort, ClusterIp, ObjectKey, ObjectKind, Objects, Protocol, ServiceType,
};
use seedpod_core::store::Key;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Tells the world.
pub(super) struct Proxy;

/// What the world has been told. Never more than the store has.
#[derive(Debug, Default)]
pub(crate) struct Told {
    services: BTreeMap<Key, spec::Service>,
    node_ports: Vec<NodePort>,
}

impl Controller for Proxy {
    fn resource(&self) -> &'static Resource {
        &SERVICES
    }

    fn affected(&self, _server: &Server, changed: &Changed) -> Vec<Key> {
        let namespace = object::namespace(&changed.object);
        if *changed.resource == SERVICES {
            return vec![changed.key()];
        }
        if *changed.resource != ENDPOINT_SLICES {
            return Vec::new();
        }
        let both = [Some(&changed.object), changed.previous.as_ref()];
        let services = both.into_iter().flatten();
        let services = services.filter_map(endpoints::service_of);
        services.map(|name| SERVICES.key(namespace, name)).collect()
    }

    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let key = SERVICES.key(namespace, name);
        let service = server.object(&SERVICES, namespace, name);
        let service = service.and_then(|service| of_network(server, &service));
        let told = &mut server.told.services;
        if told.get(&key) == service.as_ref() {
            return Ok(None);
        }
        match service {
            Some(service) => {
                told.insert(key, service.clone());
                let objects = Objects {
                    services: vec![service],
                    ..Objects::default()
                };
                server.actions.push_back(Action::Apply(objects));
            }
            None => {
                told.remove(&key);
                server.actions.push_back(Action::Remove(ObjectKey {
                    kind: ObjectKind::Service,
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                }));
            }
        }
        tell_node_ports(server);
        Ok(None)
    }
}

/// `None` for one without a place in the network.
fn of_network(server: &Server, service: &Value) -> Option<spec::Service> {
    let reading = manifest::service(service);
    if !reading.errors.is_empty() {
        return None;
    }
    let mut found = reading.value;
    let namespace = object::namespace(service);
    let slices = server.objects(&ENDPOINT_SLICES, Some(namespace));
    let own = slices
        .iter()
        .filter(|slice| endpoints::service_of(slice) == Some(object::name(service)));
    let own: Vec<&Value> = own.collect();
    let ready = |endpoint: &Value| endpoint["conditions"]["ready"] != false;
    let mut listed = backends(&own, ready);
    if listed.is_empty() && found.cluster_ip != ClusterIp::Headless {
        // Better one that is about to go than none.
        let last = |endpoint: &Value| {
            let conditions = &endpoint["conditions"];
            conditions["serving"] == true && conditions["terminating"] == true
        };
        listed = backends(&own, last);
    }
    found.backends = Some(listed);
    Some(found)
}

fn backends(slices: &[&Value], is_wanted: impl Fn(&Value) -> bool) -> Vec<Backend> {
    let mut backends = Vec::new();
    for slice in slices {
        let ports = items(&slice["ports"]).iter().filter_map(port);
        let ports: Vec<BackendPort> = ports.collect();
        let endpoints = items(&slice["endpoints"]).iter();
        for endpoint in endpoints.filter(|endpoint| is_wanted(endpoint)) {
            // Further addresses of an endpoint mean the same one (`EndpointSlice.endpoints.addresses`).
            let address = items(&endpoint["addresses"]).first();
            let Some(ip) = address.and_then(|ip| ip.as_str()?.parse().ok()) else {
                continue;
            };
            backends.push(Backend {
                ip,
                hostname: endpoint["hostname"].as_str().map(str::to_owned),
                ports: ports.clone(),
            });
        }
    }
    backends
}

fn port(port: &Value) -> Option<BackendPort> {
    let name = port["name"].as_str().filter(|name| !name.is_empty());
    Some(BackendPort {
        name: name.map(str::to_owned),
        protocol: match port["protocol"].as_str() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some(_) => return None,
        },
        port: u16::try_from(port["port"].as_u64()?).ok()?,
    })
}

/// Tells which ports of the machine shall be open, when others shall be than before.
fn tell_node_ports(server: &mut Server) {
    let mut wanted = Vec::new();
    for (key, service) in &server.told.services {
        let ClusterIp::Fixed(ip) = service.cluster_ip else {
            continue;
        };
        if service.kind == ServiceType::ClusterIp {
            continue;
        }
        let ports = service.ports.iter().filter_map(|port| {
            Some(NodePort {
                port: port.node_port?,
                protocol: port.protocol,
                service: format!("{}/{}", key.namespace, key.name),
                to: (ip, port.port).into(),
            })
        });
        wanted.extend(ports);
    }
    wanted.sort();
    if wanted != server.told.node_ports {
        server.told.node_ports.clone_from(&wanted);
        server.actions.push_back(Action::NodePorts(wanted));
    }
}

/// Says of a Service that its port is not open.
pub(crate) fn node_port_news(server: &mut Server, port: &NodePort, message: &str) {
    let (namespace, name) = port.service.split_once('/').unwrap_or_default();
    let Some(service) = server.object(&SERVICES, namespace, name) else {
        return;
    };
    let source = EventSource::Controller("kube-proxy");
    let message = format!("node port {} is not open: {message}", port.port);
    server.record_event(
        &service,
        source,
        EventKind::Warning,
        "FailedToOpenNodePort",
        &message,
    );
}
