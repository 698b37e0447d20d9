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
        ("NodePort", Some(ServiceType::NodePort)),
        ("LoadBalancer", Some(ServiceType::LoadBalancer)),
        ("ExternalName", None),
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
    let publish_not_ready_addresses = service.publish_not_ready_addresses.unwrap_or_default();
    spec::Service {
        meta,
        kind,
        selector,
        ports,
        cluster_ip,
        publish_not_ready_addresses,
    }
}

fn cluster_ip(
    object: &Object<'_>,
    at: &Path<'_>,
    text: Option<&str>,
    kind: ServiceType,
) -> ClusterIp {
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
                object.invalid(
                    &at,
                    "None",
                    format!("may not be set to 'None' for {kind} services"),
                );
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
                object.invalid(&at, text, "must be empty, 'None', or a valid IP address");
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
