//! What Kubernetes fills in (`SetDefaults_Service`, `initIPFamilyFields`).

use super::{is_external, is_headless, needs_cluster_ip, type_of};
use crate::server::kinds::{drop_field, items, items_mut};
use serde_json::{Value, json};

/// Seconds of `sessionAffinity: ClientIP` when nothing is said.
const AFFINITY_SECONDS: u64 = 10_800;

pub(super) fn service(object: &mut Value) {
    let spec = &mut object["spec"];
    fill(spec, "sessionAffinity", "None");
    fill(spec, "type", "ClusterIP");
    match spec["sessionAffinity"].as_str() {
        Some("None") => drop_field(spec, "sessionAffinityConfig"),
        Some("ClientIP")
            if spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"].is_null() =>
        {
            spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] = AFFINITY_SECONDS.into();
        }
        _ => {}
    }
    for port in items_mut(spec, "ports") {
        fill(port, "protocol", "TCP");
        let target = &port["targetPort"];
        if target.is_null() || *target == 0 || *target == "" {
            port["targetPort"] = port["port"].clone();
        }
    }
    if is_external(object) {
        fill(&mut object["spec"], "externalTrafficPolicy", "Cluster");
    }
    if needs_cluster_ip(object) {
        fill(&mut object["spec"], "internalTrafficPolicy", "Cluster");
    }
    let spec = &mut object["spec"];
    if spec["type"] == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"].is_null() {
        spec["allocateLoadBalancerNodePorts"] = true.into();
    }
    for field in [
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "ports",
        "selector",
    ] {
        let is_empty = match &spec[field] {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if is_empty {
            drop_field(spec, field);
        }
    }
}

fn fill(object: &mut Value, field: &str, value: &str) {
    if object[field].as_str().unwrap_or_default().is_empty() {
        object[field] = value.into();
    }
}

/// Makes `clusterIP` and `clusterIPs` say the same, whichever of them a client knows.
pub(super) fn addresses(old: Option<&Value>, new: &mut Value) {
    let first = |ip: &Value| json!([ip.clone()]);
    let spec = &mut new["spec"];
    let (ip, ips) = (spec["clusterIP"].clone(), spec["clusterIPs"].clone());
    let Some(old) = old else {
        if !ip.is_null() && ips.is_null() {
            spec["clusterIPs"] = first(&ip);
        }
        return tidy(spec);
    };
    let (was, were) = (&old["spec"]["clusterIP"], &old["spec"]["clusterIPs"]);
    if ip != *was && ips == *were {
        spec["clusterIPs"] = match ip.is_null() {
            true => Value::Null,
            false => first(&ip),
        };
    }
    tidy(spec);
}

fn tidy(spec: &mut Value) {
    for field in ["clusterIP", "clusterIPs"] {
        if spec[field].is_null() {
            drop_field(spec, field);
        }
    }
}

/// There is one family of addresses for Services. One that has neither selector nor address may be of both: what its
/// endpoints are is up to who makes them.
pub(super) fn families(service: &mut Value) {
    if type_of(service) == "ExternalName" {
        return;
    }
    let selects = service["spec"]["selector"]
        .as_object()
        .is_some_and(|selector| !selector.is_empty());
    let is_free = is_headless(service) && !selects;
    let spec = &mut service["spec"];
    if spec["ipFamilyPolicy"].is_null() {
        let policy = match is_free {
            true => "RequireDualStack",
            false => "SingleStack",
        };
        spec["ipFamilyPolicy"] = policy.into();
    }
    if items(&spec["ipFamilies"]).is_empty() {
        spec["ipFamilies"] = json!(["IPv4"]);
    }
    if is_free && spec["ipFamilyPolicy"] != "SingleStack" && items(&spec["ipFamilies"]).len() == 1 {
        let other = match spec["ipFamilies"][0] == "IPv4" {
            true => "IPv6",
            false => "IPv4",
        };
        spec["ipFamilies"] = json!([spec["ipFamilies"][0], other]);
    }
}
