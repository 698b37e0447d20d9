//! What is wrong with a Service (`ValidateService`, and what the allocators say).

use super::allocate::node_port;
use super::{is_headless, needs_node_port, type_of};
use crate::names;
use crate::server::error::FieldError;
use crate::server::kinds::items;
use crate::server::registry::SERVICES;
use crate::server::{Server, manifest, object};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

pub(super) fn service(server: &Server, service: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(old) = old {
        unchangeable(old, service, &mut errors);
    }
    match type_of(service) {
        "ExternalName" => external_name(service, &mut errors),
        _ => errors.extend(manifest::service(service).errors),
    }
    families(service, &mut errors);
    twice(service, &mut errors);
    if errors.is_empty() {
        allocated(server, service, &mut errors);
    }
    errors
}

/// `validateUpgradeDowngradeClusterIPs`, for one family.
fn unchangeable(old: &Value, new: &Value, errors: &mut Vec<FieldError>) {
    if [old, new]
        .iter()
        .any(|service| type_of(service) == "ExternalName")
    {
        return;
    }
    if is_headless(old) && is_headless(new) {
        return;
    }
    let (were, ips) = (&old["spec"]["clusterIPs"], &new["spec"]["clusterIPs"]);
    let (before, now) = (items(were), items(ips));
    let detail = match (before.first(), now.first()) {
        (Some(_), None) => "primary clusterIP can not be unset",
        (Some(before), Some(now)) if before != now => "may not change once set",
        _ => return,
    };
    errors.push(FieldError::invalid("spec.clusterIPs[0]", ips, detail));
}

fn external_name(service: &Value, errors: &mut Vec<FieldError>) {
    let spec = &service["spec"];
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if !spec[field].is_null() {
            let detail = "may not be set for ExternalName services";
            errors.push(FieldError::forbidden(format!("spec.{field}"), detail));
        }
    }
    let name = spec["externalName"].as_str().unwrap_or_default();
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        errors.push(FieldError::required("spec.externalName", ""));
    } else if let Some(rule) = names::dns_subdomain(name) {
        errors.push(FieldError::invalid(
            "spec.externalName",
            &name.into(),
            &rule,
        ));
    }
}

/// The pod network has addresses of version 4 for Services.
fn families(service: &Value, errors: &mut Vec<FieldError>) {
    let spec = &service["spec"];
    let selects = spec["selector"]
        .as_object()
        .is_some_and(|selector| !selector.is_empty());
    let is_free = is_headless(service) && !selects;
    if type_of(service) == "ExternalName" || is_free {
        return;
    }
    if spec["ipFamilyPolicy"] == "RequireDualStack" {
        let detail = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid(
            "spec.ipFamilyPolicy",
            &spec["ipFamilyPolicy"],
            detail,
        ));
    }
    for (index, family) in items(&spec["ipFamilies"]).iter().enumerate() {
        if family == "IPv6" {
            let path = format!("spec.ipFamilies[{index}]");
            errors.push(FieldError::invalid(
                path,
                family,
                "not configured on this cluster",
            ));
        }
    }
}

fn twice(service: &Value, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (index, port) in items(&service["spec"]["ports"]).iter().enumerate() {
        let Some(number) = node_port(port) else {
            continue;
        };
        if !seen.insert((number, port["protocol"].as_str())) {
            let path = format!("spec.ports[{index}].nodePort");
            errors.push(FieldError::duplicate(path, &port["nodePort"]));
        }
    }
}

/// Whether others have what the Service wants.
fn allocated(server: &Server, service: &Value, errors: &mut Vec<FieldError>) {
    let key = SERVICES.key(object::namespace(service), object::name(service));
    let ips = &service["spec"]["clusterIPs"];
    for ip in items(ips) {
        let Some(address) = ip.as_str().and_then(|ip| ip.parse::<IpAddr>().ok()) else {
            continue;
        };
        let reason = if !is_in_range(address) {
            format!(
                "the provided IP ({address}) is not in the valid range. The range of valid IPs is 10.96.0.0/16"
            )
        } else if server.allocations.is_taken(address, &key) {
            "provided IP is already allocated".to_owned()
        } else {
            continue;
        };
        let detail = format!("failed to allocate IP {address}: {reason}");
        errors.push(FieldError::invalid("spec.clusterIPs", ips, &detail));
    }
    if !needs_node_port(service) {
        return;
    }
    for (index, port) in items(&service["spec"]["ports"]).iter().enumerate() {
        let Some(number) = node_port(port) else {
            continue;
        };
        if server.allocations.is_port_taken(number, &key) {
            let path = format!("spec.ports[{index}].nodePort");
            let detail = "provided port is already allocated";
            errors.push(FieldError::invalid(path, &port["nodePort"], detail));
        }
    }
}

fn is_in_range(address: IpAddr) -> bool {
    const FIRST: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
    const LAST: Ipv4Addr = Ipv4Addr::new(10, 96, 255, 254);
    matches!(address, IpAddr::V4(address) if (FIRST..=LAST).contains(&address))
}
