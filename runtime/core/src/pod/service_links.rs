//! Services as environment variables (kubelet `envvars`).

use crate::spec::{Protocol, Service};
use std::net::IpAddr;

/// A Service and its virtual address. Headless Services have none and get no variables.
#[derive(Clone, Copy, Debug)]
pub struct ServiceAddress<'a> {
    /// The Service.
    pub service: &'a Service,
    /// Its `clusterIP`.
    pub ip: IpAddr,
}

/// The variables of one Service, in the kubelet's order.
pub(super) fn service_links(address: ServiceAddress<'_>) -> Vec<(String, String)> {
    let ServiceAddress { service, ip } = address;
    let Some(first) = service.ports.first() else {
        return Vec::new();
    };
    let name = variable_name(&service.meta.name);
    let mut links = vec![
        (format!("{name}_SERVICE_HOST"), ip.to_string()),
        (format!("{name}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in &service.ports {
        if let Some(port_name) = &port.name {
            let port_name = variable_name(port_name);
            links.push((
                format!("{name}_SERVICE_PORT_{port_name}"),
                port.port.to_string(),
            ));
        }
    }
    for (index, port) in service.ports.iter().enumerate() {
        let (upper, lower) = match port.protocol {
            Protocol::Tcp => ("TCP", "tcp"),
            Protocol::Udp => ("UDP", "udp"),
        };
        let number = port.port;
        let host = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let url = format!("{lower}://{host}:{number}");
        if index == 0 {
            links.push((format!("{name}_PORT"), url.clone()));
        }
        let prefix = format!("{name}_PORT_{number}_{upper}");
        links.push((prefix.clone(), url));
        links.push((format!("{prefix}_PROTO"), lower.to_owned()));
        links.push((format!("{prefix}_PORT"), number.to_string()));
        links.push((format!("{prefix}_ADDR"), ip.to_string()));
    }
    links
}

fn variable_name(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}
