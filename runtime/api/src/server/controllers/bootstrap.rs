//! What every cluster has: its namespaces, and the Service by which pods reach the API server.

use super::{Changed, Controller};
use crate::server::error::ApiError;
use crate::server::registry::{ENDPOINT_SLICES, ENDPOINTS, NAMESPACES, Resource, SERVICES};
use crate::server::verbs::Options;
use crate::server::{Server, object};
use seedpod_core::store::Key;
use serde_json::{Value, json};
use std::time::Duration;

/// Namespaces that are always there.
const OWN: &[&str] = &["default", "kube-node-lease", "kube-public", "kube-system"];
/// Name of the Service of the API server, and of its endpoints, in the namespace `default`.
const NAME: &str = "kubernetes";
const NAMESPACE: &str = "default";
/// The address of that Service: the first of its network.
const ADDRESS: &str = "10.96.0.1";
/// Who writes these objects.
const MANAGER: &str = "kube-apiserver";

/// Makes them when the server starts. What cannot be made is tried again with the first change.
pub(super) fn bootstrap(server: &mut Server) {
    let options = Options::of(MANAGER);
    for name in OWN {
        if server.object(&NAMESPACES, "", name).is_none() {
            let namespace = json!({"metadata": {"name": name}});
            drop(server.create(&NAMESPACES, "", namespace, &options));
        }
    }
    drop(publish(server));
}

/// Makes what stands for the API server again when somebody has taken it away.
pub(super) struct KubernetesService;

impl Controller for KubernetesService {
    fn resource(&self) -> &'static Resource {
        &SERVICES
    }

    fn affected(&self, _server: &Server, changed: &Changed) -> Vec<Key> {
        let all: [&Resource; 3] = [&SERVICES, &ENDPOINTS, &ENDPOINT_SLICES];
        let is_it = (
            object::namespace(&changed.object),
            object::name(&changed.object),
        ) == (NAMESPACE, NAME);
        match is_it && all.contains(&changed.resource) {
            true => vec![SERVICES.key(NAMESPACE, NAME)],
            false => Vec::new(),
        }
    }

    fn sync(
        &self,
        server: &mut Server,
        _namespace: &str,
        _name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        publish(server)?;
        Ok(None)
    }
}

fn publish(server: &mut Server) -> Result<(), ApiError> {
    let (ip, port) = (server.settings.node_ip, server.settings.api_port);
    let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
    let is_there = server.object(&SERVICES, NAMESPACE, NAME).is_some();
    if !is_there {
        let service = json!({
            "metadata": {"name": NAME, "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": ADDRESS, "ports": [
                {"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]},
        });
        server.create(&SERVICES, NAMESPACE, service, &Options::of(MANAGER))?;
    }
    let ports = json!([{"name": "https", "port": port, "protocol": "TCP"}]);
    let endpoints = json!({
        "metadata": {"name": NAME, "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": ip.to_string()}], "ports": ports}],
    });
    write(server, &ENDPOINTS, endpoints, &["subsets"])?;
    let slice = json!({
        "metadata": {"name": NAME, "labels": {"kubernetes.io/service-name": NAME}},
        "addressType": family,
        "endpoints": [{"addresses": [ip.to_string()], "conditions": {"ready": true}}],
        "ports": ports,
    });
    write(server, &ENDPOINT_SLICES, slice, &["endpoints", "ports"])
}

/// Makes an object, or these fields of it what they shall be.
fn write(
    server: &mut Server,
    resource: &'static Resource,
    wanted: Value,
    fields: &[&str],
) -> Result<(), ApiError> {
    let options = Options::of(MANAGER);
    let Some(old) = server.object(resource, NAMESPACE, NAME) else {
        server.create(resource, NAMESPACE, wanted, &options)?;
        return Ok(());
    };
    let mut new = old.clone();
    new["metadata"]["labels"] = wanted["metadata"]["labels"].clone();
    for field in fields {
        new[*field] = wanted[*field].clone();
    }
    if new != old {
        server.update(resource, NAMESPACE, NAME, new, &options)?;
    }
    Ok(())
}
