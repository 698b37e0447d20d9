//! Service.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use seedpod_core::net::may_be_cluster_ip;
use seedpod_core::spec::{self, ClusterIp, ServiceType, TargetPort};

use super::{label_map, meta, non_empty, port, protocol};
use crate::log::{Claim, Object};
use crate::names;
use crate::tree::Path;

/// Ports of the machine that Kubernetes gives to Services.
const NODE_PORTS: std::ops::RangeInclusive<i32> = 30_000..=32_767;

pub(crate) fn service(object: &Object<'_>, at: &Path<'_>, service: api::Service) -> spec::Service {
    let meta = meta(object, at, service.metadata, names::service_name);
    let at = at.field("spec");
    let service = service.spec.unwrap_or_default();
    let types = [
        ("ClusterIP", Some(ServiceType::ClusterIp)),
        ("ExternalName", None),
        ("LoadBalancer", Some(ServiceType::LoadBalancer)),
        ("NodePort", Some(ServiceType::NodePort)),
    ];
    let kind = match service.type_.as_deref().unwrap_or("") {
        "" => ServiceType::ClusterIp,
        word => {
            object
                .word(&at.field("type"), word, &types)
                .map_or(ServiceType::ClusterIp, |kind| {
                    kind.unwrap_or_else(|| {
                        object.refused(
                            &at.field("type"),
                            "names outside of the pod network are answered by nobody",
                        );
                        ServiceType::ClusterIp
                    })
                })
        }
    };
    traffic(object, &at, &service, kind);
    families(object, &at, &service);
    let selector = service.selector.unwrap_or_default();
    label_map(object, &at.field("selector"), &selector);
    let cluster_ip = cluster_ip(object, &at, service.cluster_ip.as_deref(), kind);
    let ports = ports(
        object,
        &at,
        service.ports.unwrap_or_default(),
        kind,
        cluster_ip,
        &meta,
    );
    let client_affinity = service.session_affinity.as_deref() == Some("ClientIP");
    let publish_not_ready_addresses = service.publish_not_ready_addresses.unwrap_or_default();
    spec::Service {
        meta,
        kind,
        selector,
        ports,
        cluster_ip,
        publish_not_ready_addresses,
        client_affinity,
        backends: None,
    }
}

/// Rules for fields without effect here that say how traffic comes in.
fn traffic(object: &Object<'_>, at: &Path<'_>, service: &api::ServiceSpec, kind: ServiceType) {
    let word = |field: &'static str, value: &Option<String>, words: &[&str]| {
        if let Some(value) = value {
            let words: Vec<(&str, ())> = words.iter().map(|word| (*word, ())).collect();
            object.word(&at.field(field), value, &words);
        }
    };
    word(
        "sessionAffinity",
        &service.session_affinity,
        &["ClientIP", "None"],
    );
    session_affinity(object, at, service);
    word(
        "internalTrafficPolicy",
        &service.internal_traffic_policy,
        &["Cluster", "Local"],
    );
    let distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];
    word(
        "trafficDistribution",
        &service.traffic_distribution,
        &distributions,
    );
    let is_external = kind != ServiceType::ClusterIp
        || service
            .external_ips
            .as_ref()
            .is_some_and(|list| !list.is_empty());
    match &service.external_traffic_policy {
        Some(policy) if !is_external => {
            let detail = "may only be set for externally-accessible services";
            object.invalid(&at.field("externalTrafficPolicy"), policy, detail);
        }
        policy => word("externalTrafficPolicy", policy, &["Cluster", "Local"]),
    }
    let is_balanced = kind == ServiceType::LoadBalancer;
    let is_checked = is_balanced && service.external_traffic_policy.as_deref() == Some("Local");
    if let Some(port) = service.health_check_node_port.filter(|port| *port != 0)
        && !is_checked
    {
        let detail =
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        object.invalid_number(&at.field("healthCheckNodePort"), port.into(), detail);
    }
    let only_balanced = [
        (
            "allocateLoadBalancerNodePorts",
            service.allocate_load_balancer_node_ports.is_some(),
        ),
        ("loadBalancerClass", service.load_balancer_class.is_some()),
        (
            "loadBalancerSourceRanges",
            service
                .load_balancer_source_ranges
                .as_ref()
                .is_some_and(|list| !list.is_empty()),
        ),
    ];
    for (field, _) in only_balanced
        .iter()
        .filter(|(_, is_set)| *is_set && !is_balanced)
    {
        let detail = "may only be used when `type` is 'LoadBalancer'";
        object.forbidden(&at.field(field), detail);
    }
}

fn session_affinity(object: &Object<'_>, at: &Path<'_>, service: &api::ServiceSpec) {
    const SECONDS_MAX: i32 = 86_400;
    let at = at.field("sessionAffinityConfig");
    let Some(config) = &service.session_affinity_config else {
        return;
    };
    if service.session_affinity.as_deref() != Some("ClientIP") {
        object.forbidden(&at, "must not be set when session affinity is None");
        return;
    }
    let at = at.field("clientIP");
    let Some(client) = &config.client_ip else {
        object.required(&at, "when session affinity type is ClientIP");
        return;
    };
    if let Some(seconds) = client.timeout_seconds
        && !(1..=SECONDS_MAX).contains(&seconds)
    {
        let detail = format!("must be greater than 0 and less than {SECONDS_MAX}");
        object.invalid_number(&at.field("timeoutSeconds"), seconds.into(), detail);
    }
}

fn families(object: &Object<'_>, at: &Path<'_>, service: &api::ServiceSpec) {
    let ips = service.cluster_ips.as_deref().unwrap_or_default();
    let at_ips = at.field("clusterIPs");
    match (service.cluster_ip.as_deref().unwrap_or(""), ips.first()) {
        ("", Some(_)) => {
            let detail = "must be empty when `clusterIP` is not specified";
            object.invalid_list(&at_ips, ips, detail);
        }
        (ip, Some(first)) if ip != first => {
            object.invalid_list(&at_ips, ips, "first value must match `clusterIP`");
        }
        _ => {}
    }
    if ips.len() > 2 {
        object.invalid_list(&at_ips, ips, "may only hold up to 2 values");
    }
    let at_families = at.field("ipFamilies");
    let mut seen = BTreeSet::new();
    for (index, family) in service.ip_families.iter().flatten().enumerate() {
        let at = at_families.index(index);
        object.word(&at, family, &["IPv4", "IPv6"].map(|word| (word, ())));
        if !seen.insert(family) {
            object.duplicate(&at, family);
        }
    }
    if let Some(policy) = &service.ip_family_policy {
        let words = ["PreferDualStack", "RequireDualStack", "SingleStack"].map(|word| (word, ()));
        object.word(&at.field("ipFamilyPolicy"), policy, &words);
    }
}

fn cluster_ip(
    object: &Object<'_>,
    at: &Path<'_>,
    text: Option<&str>,
    kind: ServiceType,
) -> ClusterIp {
    let at_list = at.field("clusterIPs");
    let at_first = at_list.index(0);
    let at = at.field("clusterIP");
    match text.unwrap_or("") {
        "" => ClusterIp::Auto,
        "None" => {
            if kind != ServiceType::ClusterIp {
                let kind = match kind {
                    ServiceType::ClusterIp => "ClusterIP",
                    ServiceType::NodePort => "NodePort",
                    ServiceType::LoadBalancer => "LoadBalancer",
                };
                let detail = format!("may not be set to 'None' for {kind} services");
                object.invalid_in(&at_first, &at, "None", detail);
            }
            ClusterIp::Headless
        }
        text => match text.parse() {
            Ok(address) if may_be_cluster_ip(address) => {
                object.claim_address(&at, address);
                ClusterIp::Fixed(address)
            }
            Ok(_) => {
                object.invalid(
                    &at,
                    text,
                    "must not be an address of a pod, the machine or a group",
                );
                ClusterIp::Auto
            }
            Err(_) => {
                let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
                object.invalid_in(&at_first, &at, text, detail);
                ClusterIp::Auto
            }
        },
    }
}

fn ports(
    object: &Object<'_>,
    at: &Path<'_>,
    ports: Vec<api::ServicePort>,
    kind: ServiceType,
    cluster_ip: ClusterIp,
    meta: &spec::Meta,
) -> Vec<spec::ServicePort> {
    let at = at.field("ports");
    if ports.is_empty() && cluster_ip != ClusterIp::Headless {
        object.required(&at, "");
    }
    let several = ports.len() > 1;
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    let mut converted = Vec::with_capacity(ports.len());
    for (index, entry) in ports.into_iter().enumerate() {
        let at = at.index(index);
        let name = non_empty(entry.name);
        match &name {
            None if several => object.required(&at.field("name"), ""),
            None => {}
            Some(name) => {
                if let Some(rule) = names::dns_label(name) {
                    object.invalid(&at.field("name"), name, rule);
                } else if !names.insert(name.clone()) {
                    object.duplicate(&at.field("name"), name);
                }
            }
        }
        let number = port(object, &at.field("port"), entry.port);
        let protocol = protocol(object, &at.field("protocol"), entry.protocol.as_deref());
        if !numbers.insert((protocol, number)) {
            object.duplicate(&at, &format!("{number}/{}", protocol_word(protocol)));
        }
        let target_port = target_port(object, &at.field("targetPort"), entry.target_port, number);
        let node_port = node_port(
            object,
            &at.field("nodePort"),
            entry.node_port.unwrap_or(0),
            kind,
        );
        if let Some(port) = node_port {
            let holder = format!("service {}/{}", meta.namespace, meta.name);
            object.claim(
                &at.field("nodePort"),
                Claim {
                    holder,
                    address: None,
                    port,
                    protocol,
                },
            );
        }
        converted.push(spec::ServicePort {
            name,
            port: number,
            target_port,
            node_port,
            protocol,
        });
    }
    converted
}

fn target_port(
    object: &Object<'_>,
    at: &Path<'_>,
    target: Option<IntOrString>,
    number: u16,
) -> TargetPort {
    match target {
        None | Some(IntOrString::Int(0)) => TargetPort::Number(number),
        Some(IntOrString::Int(value)) => TargetPort::Number(port(object, at, value)),
        Some(IntOrString::String(name)) if name.is_empty() => TargetPort::Number(number),
        Some(IntOrString::String(name)) => {
            for rule in names::port_name(&name) {
                object.invalid(at, &name, rule);
            }
            TargetPort::Name(name)
        }
    }
}

fn node_port(object: &Object<'_>, at: &Path<'_>, value: i32, kind: ServiceType) -> Option<u16> {
    if value == 0 {
        return None;
    }
    if kind == ServiceType::ClusterIp {
        object.forbidden(at, "may not be used when `type` is 'ClusterIP'");
        return None;
    }
    if !NODE_PORTS.contains(&value) {
        let (min, max) = NODE_PORTS.into_inner();
        let detail = format!(
            "provided port is not in the valid range. The range of valid ports is {min}-{max}"
        );
        object.invalid_number(at, value.into(), detail);
        return None;
    }
    u16::try_from(value).ok()
}

pub(crate) fn protocol_word(protocol: spec::Protocol) -> &'static str {
    match protocol {
        spec::Protocol::Tcp => "TCP",
        spec::Protocol::Udp => "UDP",
    }
}
