//! What of a Service stays when a client that did not know of it replaces it, and what goes with the old type
//! (`PatchAllocatedValues`, `dropTypeDependentFields`).

use super::{is_external, needs_cluster_ip, needs_node_port, type_of};
use crate::server::kinds::{drop_field, items, items_mut};
use serde_json::{Value, json};

/// Puts addresses and ports back that were allocated and that the client leaves out.
pub(super) fn carry_over(old: &Value, new: &mut Value) {
    if needs_cluster_ip(old) && needs_cluster_ip(new) {
        let (was, spec) = (&old["spec"], &mut new["spec"]);
        if spec["clusterIP"].is_null() && !was["clusterIP"].is_null() {
            spec["clusterIP"] = was["clusterIP"].clone();
        }
        if spec["clusterIPs"].is_null() && spec["clusterIP"] == was["clusterIP"] {
            spec["clusterIPs"] = was["clusterIPs"].clone();
        }
    }
    if needs_node_port(old) && needs_node_port(new) {
        carry_over_node_ports(old, new);
    }
}

fn carry_over_node_ports(old: &Value, new: &mut Value) {
    let node_ports = |service: &Value| -> Vec<Value> {
        let ports = items(&service["spec"]["ports"]).iter();
        let ports = ports.map(|port| port["nodePort"].clone());
        ports
            .filter(|port| port.as_u64().unwrap_or_default() != 0)
            .collect()
    };
    let is_new = node_ports(new);
    let mut used = node_ports(old);
    used.retain(|port| is_new.contains(port));
    for port in items_mut(&mut new["spec"], "ports") {
        if port["nodePort"].as_u64().unwrap_or_default() != 0 {
            continue;
        }
        let mut before = items(&old["spec"]["ports"]).iter();
        let same = before.find(|before| before["name"] == port["name"]);
        let number = same.map(|same| same["nodePort"].clone());
        if let Some(number) = number
            && number.as_u64().unwrap_or_default() != 0
            && !used.contains(&number)
        {
            used.push(number.clone());
            port["nodePort"] = number;
        }
    }
}

/// Removes what was allocated or filled in for the old type, unless the client has changed it.
pub(super) fn drop_what_does_not_fit(old: &Value, new: &mut Value) {
    let is_same = |new: &Value, field: &str| old["spec"][field] == new["spec"][field];
    if needs_cluster_ip(old) && !needs_cluster_ip(new) {
        if is_same(new, "clusterIP") && is_same(new, "clusterIPs") {
            drop_field(&mut new["spec"], "clusterIP");
            drop_field(&mut new["spec"], "clusterIPs");
        }
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            if is_same(new, field) {
                drop_field(&mut new["spec"], field);
            }
        }
    }
    let node_ports = |service: &Value| -> Vec<Value> {
        let ports = items(&service["spec"]["ports"]).iter();
        ports.map(|port| port["nodePort"].clone()).collect()
    };
    if needs_node_port(old) && !needs_node_port(new) && node_ports(old) == node_ports(new) {
        for port in items_mut(&mut new["spec"], "ports") {
            drop_field(port, "nodePort");
        }
    }
    let was_balanced = type_of(old) == "LoadBalancer" && type_of(new) != "LoadBalancer";
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if was_balanced && is_same(new, field) {
            drop_field(&mut new["spec"], field);
        }
    }
    if is_external(old) && !is_external(new) && is_same(new, "externalTrafficPolicy") {
        drop_field(&mut new["spec"], "externalTrafficPolicy");
    }
    if type_of(new) != "LoadBalancer" {
        new["status"]["loadBalancer"] = json!({});
    }
}
