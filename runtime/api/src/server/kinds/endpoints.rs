//! Endpoints and EndpointSlices (`pkg/apis/core/validation`, `pkg/apis/discovery/validation`).

use super::{Strategy, items, items_mut};
use crate::names;
use crate::server::Server;
use crate::server::error::FieldError;
use seedpod_core::limits::{SLICE_ADDRESSES_MAX, SLICE_ENDPOINTS_MAX, SLICE_PORTS_MAX};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The rules of Endpoints.
pub(crate) struct Endpoints;

/// The rules of EndpointSlices.
pub(crate) struct EndpointSlices;

impl Strategy for Endpoints {
    fn default(&self, object: &mut Value) {
        for subset in items_mut(object, "subsets") {
            for port in items_mut(subset, "ports") {
                default_protocol(port);
            }
        }
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if old.is_some_and(|old| old["subsets"] == object["subsets"]) {
            return Vec::new();
        }
        let mut errors = Vec::new();
        for (index, subset) in items(&object["subsets"]).iter().enumerate() {
            let at = format!("subsets[{index}]");
            let lists = ["addresses", "notReadyAddresses"].map(|list| (list, items(&subset[list])));
            if lists.iter().all(|(_, list)| list.is_empty()) {
                let detail = "must specify `addresses` or `notReadyAddresses`";
                errors.push(FieldError::required(at.clone(), detail));
            }
            for (list, addresses) in lists {
                for (index, address) in addresses.iter().enumerate() {
                    let at = format!("{at}.{list}[{index}]");
                    check_ip(format!("{at}.ip"), &address["ip"], &mut errors);
                    check_label(format!("{at}.hostname"), &address["hostname"], &mut errors);
                }
            }
            let ports = items(&subset["ports"]);
            for (index, port) in ports.iter().enumerate() {
                let at = format!("{at}.ports[{index}]");
                let name = port["name"].as_str().unwrap_or_default();
                if name.is_empty() && ports.len() > 1 {
                    errors.push(FieldError::required(format!("{at}.name"), ""));
                }
                check_label(format!("{at}.name"), &port["name"], &mut errors);
                check_port(&at, port, &mut errors);
            }
        }
        errors
    }
}

impl Strategy for EndpointSlices {
    fn default(&self, object: &mut Value) {
        for port in items_mut(object, "ports") {
            default_protocol(port);
            if port["name"].is_null() {
                port["name"] = "".into();
            }
        }
        if object["endpoints"].is_null() {
            object["endpoints"] = json!([]);
        }
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let family = &object["addressType"];
        match family.as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required("addressType", "")),
            "FQDN" | "IPv4" | "IPv6" => {}
            _ => {
                let supported = ["FQDN", "IPv4", "IPv6"];
                errors.push(FieldError::not_supported("addressType", family, &supported));
            }
        }
        if old.is_some_and(|old| old["addressType"] != *family) {
            errors.push(FieldError::invalid(
                "addressType",
                family,
                "field is immutable",
            ));
        }
        let endpoints = items(&object["endpoints"]);
        too_many(
            "endpoints",
            endpoints.len(),
            SLICE_ENDPOINTS_MAX,
            &mut errors,
        );
        for (index, endpoint) in endpoints.iter().enumerate() {
            slice_endpoint(
                &format!("endpoints[{index}]"),
                endpoint,
                family,
                &mut errors,
            );
        }
        let ports = items(&object["ports"]);
        too_many("ports", ports.len(), SLICE_PORTS_MAX, &mut errors);
        let mut names = BTreeSet::new();
        for (index, port) in ports.iter().enumerate() {
            let at = format!("ports[{index}]");
            check_label(format!("{at}.name"), &port["name"], &mut errors);
            if !names.insert(port["name"].as_str()) {
                errors.push(FieldError::duplicate(format!("{at}.name"), &port["name"]));
            }
            if !port["port"].is_null() {
                check_port(&at, port, &mut errors);
            }
        }
        errors
    }
}

fn slice_endpoint(at: &str, endpoint: &Value, family: &Value, errors: &mut Vec<FieldError>) {
    let addresses = items(&endpoint["addresses"]);
    if addresses.is_empty() {
        let detail = "must contain at least 1 address";
        errors.push(FieldError::required(format!("{at}.addresses"), detail));
    }
    too_many(
        &format!("{at}.addresses"),
        addresses.len(),
        SLICE_ADDRESSES_MAX,
        errors,
    );
    for (index, address) in addresses.iter().enumerate() {
        let at = format!("{at}.addresses[{index}]");
        let ip = address.as_str().unwrap_or_default().parse::<IpAddr>();
        match (family.as_str(), ip) {
            (Some("IPv4"), Ok(IpAddr::V6(_)) | Err(_)) => {
                errors.push(FieldError::invalid(at, address, "must be an IPv4 address"));
            }
            (Some("IPv6"), Ok(IpAddr::V4(_)) | Err(_)) => {
                errors.push(FieldError::invalid(at, address, "must be an IPv6 address"));
            }
            (Some("FQDN"), _) => {
                let rule = names::dns_subdomain(address.as_str().unwrap_or_default());
                errors.extend(rule.map(|rule| FieldError::invalid(at, address, &rule)));
            }
            _ => check_ip(at, address, errors),
        }
    }
    check_label(format!("{at}.hostname"), &endpoint["hostname"], errors);
}

fn default_protocol(port: &mut Value) {
    if port["protocol"].as_str().unwrap_or_default().is_empty() {
        port["protocol"] = "TCP".into();
    }
}

fn too_many(at: &str, found: usize, max: usize, errors: &mut Vec<FieldError>) {
    if found > max {
        errors.push(FieldError {
            reason: "FieldValueTooMany",
            path: at.to_owned(),
            message: format!("Too many: {found}: must have at most {max} items"),
        });
    }
}

/// A DNS label, if there is one.
fn check_label(at: String, value: &Value, errors: &mut Vec<FieldError>) {
    let text = value.as_str().unwrap_or_default();
    if !text.is_empty() {
        let rule = names::dns_label(text);
        errors.extend(rule.map(|rule| FieldError::invalid(at, value, &rule)));
    }
}

fn check_port(at: &str, port: &Value, errors: &mut Vec<FieldError>) {
    let number = &port["port"];
    if !number
        .as_i64()
        .is_some_and(|number| (1..=65535).contains(&number))
    {
        let detail = "must be between 1 and 65535, inclusive";
        let number = if number.is_null() { &json!(0) } else { number };
        errors.push(FieldError::invalid(format!("{at}.port"), number, detail));
    }
    let protocol = &port["protocol"];
    let supported = ["SCTP", "TCP", "UDP"];
    if !protocol
        .as_str()
        .is_some_and(|word| supported.contains(&word))
    {
        let at = format!("{at}.protocol");
        errors.push(FieldError::not_supported(at, protocol, &supported));
    }
}

/// An address that can be that of an endpoint (`ValidateEndpointIP`).
fn check_ip(at: String, value: &Value, errors: &mut Vec<FieldError>) {
    let text = value.as_str().unwrap_or_default();
    let wrong = match text.parse::<IpAddr>() {
        Err(_) => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned(),
        Ok(ip) if ip.is_unspecified() => format!("may not be unspecified ({text})"),
        Ok(ip) if ip.is_loopback() => {
            "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()
        }
        Ok(IpAddr::V4(ip)) if ip.is_link_local() => {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()
        }
        Ok(IpAddr::V6(ip)) if ip.is_unicast_link_local() => {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()
        }
        Ok(IpAddr::V4(ip)) if ip.octets()[..3] == [224, 0, 0] => {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned()
        }
        Ok(_) => return,
    };
    errors.push(FieldError::invalid(at, &text.into(), &wrong));
}
