//! Services (`pkg/registry/core/service`): defaults, addresses and ports that are allocated, what of them stays when the
//! type changes.
//!
//! Who has which address and port stands in the Services themselves; [`Allocations`] is an index of that, brought up to
//! date before each use, so nothing can leak.

mod allocate;
mod check;
mod defaults;
mod update;

pub(crate) use allocate::Allocations;

use super::{Strategy, put_back};
use crate::server::Server;
use crate::server::error::{ApiError, FieldError};
use seedpod_core::spec::Protocol;
use serde_json::{Value, json};

/// The rules of Services.
pub(crate) struct Services;

impl Strategy for Services {
    fn default(&self, object: &mut Value) {
        defaults::service(object);
    }

    fn prepare_create(&self, server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({"loadBalancer": {}});
        defaults::addresses(None, object);
        defaults::families(object);
        allocate::allocate(server, object)
    }

    fn prepare_update(
        &self,
        server: &mut Server,
        old: &Value,
        new: &mut Value,
        subresource: &str,
    ) -> Result<(), ApiError> {
        if subresource == "status" {
            put_back(old, new, "spec");
            return Ok(());
        }
        put_back(old, new, "status");
        update::carry_over(old, new);
        defaults::addresses(Some(old), new);
        update::drop_what_does_not_fit(old, new);
        defaults::families(new);
        allocate::allocate(server, new)
    }

    fn validate(&self, server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        check::service(server, object, old)
    }
}

/// `spec.type`
pub(crate) fn type_of(service: &Value) -> &str {
    service["spec"]["type"].as_str().unwrap_or("ClusterIP")
}

/// Whether the name of the Service means its endpoints.
pub(crate) fn is_headless(service: &Value) -> bool {
    service["spec"]["clusterIP"] == "None"
}

/// Whether this type has an address, be it `None`.
pub(crate) fn needs_cluster_ip(service: &Value) -> bool {
    type_of(service) != "ExternalName"
}

/// Whether ports of the machine lead to the Service.
pub(crate) fn needs_node_port(service: &Value) -> bool {
    match type_of(service) {
        "NodePort" => true,
        "LoadBalancer" => service["spec"]["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    }
}

/// Whether it can be reached from outside.
fn is_external(service: &Value) -> bool {
    let has_ips = service["spec"]["externalIPs"]
        .as_array()
        .is_some_and(|ips| !ips.is_empty());
    matches!(type_of(service), "NodePort" | "LoadBalancer")
        || (type_of(service) == "ClusterIP" && has_ips)
}

/// `protocol` of a port; `None` when it is one that nobody speaks here.
pub(crate) fn protocol_of(port: &Value) -> Option<Protocol> {
    match port["protocol"].as_str() {
        None | Some("" | "TCP") => Some(Protocol::Tcp),
        Some("UDP") => Some(Protocol::Udp),
        Some(_) => None,
    }
}
