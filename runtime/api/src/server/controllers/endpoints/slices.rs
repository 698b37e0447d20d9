//! EndpointSlices that a controller keeps.

use crate::server::controllers::{MANAGER, controller_reference};
use crate::server::error::ApiError;
use crate::server::registry::{ENDPOINT_SLICES, Resource};
use crate::server::verbs::Options;
use crate::server::{Server, object};
use seedpod_core::limits::ENDPOINTS_PER_SLICE;
use serde_json::{Value, json};
use std::net::IpAddr;

/// `endpointslice.kubernetes.io/managed-by` of slices that are made of pods.
pub(super) const OWN: &str = "endpointslice-controller.k8s.io";
/// The same of slices that are made of Endpoints.
pub(super) const MIRROR: &str = "endpointslicemirroring-controller.k8s.io";

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

/// Endpoints that have the same ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) family: Family,
    pub(super) ports: Vec<Value>,
    pub(super) endpoints: Vec<Value>,
}

/// `addressType`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// Whether an address is of it.
    pub(super) fn has(self, ip: &Value) -> bool {
        match ip.as_str().unwrap_or_default().parse() {
            Ok(IpAddr::V4(_)) => self == Self::Ipv4,
            Ok(IpAddr::V6(_)) => self == Self::Ipv6,
            Err(_) => false,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }
}

/// Whose slices are to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlicesOf<'o> {
    /// `endpointslice.kubernetes.io/managed-by`
    pub(super) controller: &'static str,
    /// What they go with.
    pub(super) owner: Option<(&'static Resource, &'o Value)>,
    pub(super) is_headless: bool,
    /// Whether there is an empty one when there are no endpoints.
    pub(super) is_never_without: bool,
}

impl SlicesOf<'_> {
    /// Of what is gone.
    pub(super) fn nobody(controller: &'static str) -> Self {
        Self {
            controller,
            owner: None,
            is_headless: false,
            is_never_without: false,
        }
    }
}

/// The Service whose endpoints a slice has.
pub(in crate::server::controllers) fn service_of(slice: &Value) -> Option<&str> {
    slice["metadata"]["labels"][SERVICE_NAME].as_str()
}

/// Makes the slices of a Service that one controller keeps be these groups.
pub(super) fn sync(
    server: &mut Server,
    namespace: &str,
    name: &str,
    of: &SlicesOf<'_>,
    groups: Vec<Group>,
) -> Result<(), ApiError> {
    let all = server.objects(&ENDPOINT_SLICES, Some(namespace));
    let is_own = |slice: &Value| {
        service_of(slice) == Some(name) && slice["metadata"]["labels"][MANAGED_BY] == of.controller
    };
    let mut there: Vec<Value> = all.into_iter().filter(is_own).collect();
    let mut wanted = Vec::new();
    for group in groups {
        let chunks = group.endpoints.chunks(ENDPOINTS_PER_SLICE);
        wanted.extend(chunks.map(|chunk| (group.family, json!(group.ports), json!(chunk))));
    }
    if wanted.is_empty() && of.is_never_without {
        let ports = there
            .first()
            .map_or(Value::Null, |slice| slice["ports"].clone());
        wanted.push((Family::Ipv4, ports, json!([])));
    }
    let options = Options::of(MANAGER);
    for (family, ports, endpoints) in wanted {
        let fits = |slice: &Value| slice["addressType"] == family.word() && slice["ports"] == ports;
        let old = there.iter().position(fits).map(|index| there.remove(index));
        let mut new = old.clone().unwrap_or_else(|| {
            json!({"metadata": {"generateName": format!("{name}-")}, "addressType": family.word()})
        });
        new["metadata"]["labels"] = labels(name, of);
        if let Some((resource, owner)) = of.owner {
            new["metadata"]["ownerReferences"] = json!([controller_reference(resource, owner)]);
        }
        new["ports"] = ports;
        new["endpoints"] = endpoints;
        match old {
            Some(old) if old == new => {}
            Some(old) => {
                let own = object::name(&old);
                server.update(&ENDPOINT_SLICES, namespace, own, new, &options)?;
            }
            None => drop(server.create(&ENDPOINT_SLICES, namespace, new, &options)?),
        }
    }
    for gone in there {
        server.remove(&ENDPOINT_SLICES, &gone)?;
    }
    Ok(())
}

/// Those of the owner, and what says whose it is.
fn labels(name: &str, of: &SlicesOf<'_>) -> Value {
    let mut labels = json!({});
    let own = of
        .owner
        .and_then(|(_, owner)| owner["metadata"]["labels"].as_object());
    for (key, value) in own.into_iter().flatten() {
        if key != super::MANAGED_BY {
            labels[key] = value.clone();
        }
    }
    labels[SERVICE_NAME] = name.into();
    labels[MANAGED_BY] = of.controller.into();
    if of.is_headless {
        labels[super::HEADLESS] = "".into();
    }
    labels
}

/// A port of Endpoints as one of a slice.
pub(super) fn port(port: &Value) -> Value {
    let mut port = port.clone();
    if port["name"].is_null() {
        port["name"] = "".into();
    }
    port
}

/// An address of Endpoints as an endpoint of a slice.
pub(super) fn mirrored(address: &Value, ready: bool) -> Value {
    let mut endpoint = json!({"addresses": [address["ip"]], "conditions": {"ready": ready}});
    for field in ["hostname", "nodeName", "targetRef"] {
        if !address[field].is_null() {
            endpoint[field] = address[field].clone();
        }
    }
    endpoint
}
