//! The downward API: fields of the pod and resources of its containers as text.

use super::Identity;
use crate::spec::{self, FieldRef, ResourceField, ResourceList, ResourceRef};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

/// What a pod can be told about itself.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What the person asked for.
    pub pod: &'a spec::Pod,
    /// What the node adds.
    pub identity: &'a Identity,
    /// Once the sandbox is there.
    pub pod_ip: Option<IpAddr>,
    /// What a container without a limit may use.
    pub allocatable: ResourceList,
}

/// A `resourceFieldRef` names a container that the pod does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("container {0} not found")]
pub struct ContainerNotFound(pub String);

impl Facts<'_> {
    /// The value of a `fieldRef`. Maps are printed sorted, one `key="escaped value"` per line.
    pub fn field(&self, field: &FieldRef) -> String {
        let meta = &self.pod.meta;
        let pod_ip = || self.pod_ip.map(|ip| ip.to_string()).unwrap_or_default();
        match field {
            FieldRef::Name => meta.name.clone(),
            FieldRef::Namespace => meta.namespace.clone(),
            FieldRef::Uid => self.identity.uid.clone(),
            FieldRef::Labels(key) => map_field(&meta.labels, key.as_deref()),
            FieldRef::Annotations(key) => map_field(&meta.annotations, key.as_deref()),
            FieldRef::NodeName => self.identity.node_name.clone(),
            FieldRef::ServiceAccountName => self.pod.service_account_name.clone(),
            FieldRef::HostIp => self.identity.host_ip.to_string(),
            FieldRef::PodIp | FieldRef::PodIps => pod_ip(),
        }
    }

    /// The value of a `resourceFieldRef` in a container of this name: the quantity in units of the divisor, rounded up. In
    /// place of a missing limit stands that of the pod, then what the node has.
    ///
    /// # Errors
    /// When it names a container that the pod does not have.
    pub fn resource(&self, resource: &ResourceRef, own: &str) -> Result<String, ContainerNotFound> {
        let name = resource.container.as_deref().unwrap_or(own);
        let mut containers = self.pod.all_containers();
        let found = containers.find(|container| container.name == name);
        let container = found.ok_or_else(|| ContainerNotFound(name.to_owned()))?;
        let spec::Resources { limits, requests } = container.resources;
        let (whole, free) = (
            self.pod.resources.unwrap_or_default().limits,
            self.allocatable,
        );
        let amount = match resource.resource {
            ResourceField::LimitsCpu => limits.cpu_m.or(whole.cpu_m).or(free.cpu_m),
            ResourceField::LimitsMemory => limits.memory.or(whole.memory).or(free.memory),
            ResourceField::LimitsEphemeralStorage => {
                limits.ephemeral_storage.or(free.ephemeral_storage)
            }
            ResourceField::RequestsCpu => requests.cpu_m.or(limits.cpu_m),
            ResourceField::RequestsMemory => requests.memory.or(limits.memory),
            ResourceField::RequestsEphemeralStorage => {
                requests.ephemeral_storage.or(limits.ephemeral_storage)
            }
        };
        Ok(amount
            .unwrap_or(0)
            .div_ceil(resource.divisor.max(1))
            .to_string())
    }
}

fn map_field(map: &BTreeMap<String, String>, key: Option<&str>) -> String {
    if let Some(key) = key {
        return map.get(key).cloned().unwrap_or_default();
    }
    let lines = map
        .iter()
        .map(|(key, value)| format!("{key}={}", quote(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// As Go's `%q`.
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c.is_ascii_control() => drop(write!(quoted, "\\x{:02x}", u32::from(c))),
            c if c.is_control() => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let mut pod = spec::Pod::default();
        pod.meta.name = "p".to_owned();
        pod.meta
            .labels
            .insert("b".to_owned(), "x \"y\"\n".to_owned());
        pod.meta.labels.insert("a".to_owned(), "1\u{1}".to_owned());
        let identity = Identity {
            uid: "u".to_owned(),
            node_name: "node".to_owned(),
            host_ip: [192, 0, 2, 1].into(),
        };
        let facts = Facts {
            pod: &pod,
            identity: &identity,
            pod_ip: Some([10, 0, 0, 2].into()),
            allocatable: ResourceList::default(),
        };
        let check = |field, value: &str| assert_eq!(facts.field(&field), value);
        check(FieldRef::Name, "p");
        check(FieldRef::Uid, "u");
        check(FieldRef::NodeName, "node");
        check(FieldRef::HostIp, "192.0.2.1");
        check(FieldRef::PodIps, "10.0.0.2");
        check(FieldRef::Labels(Some("a".to_owned())), "1\u{1}");
        check(FieldRef::Labels(Some("c".to_owned())), "");
        check(FieldRef::Labels(None), "a=\"1\\x01\"\nb=\"x \\\"y\\\"\\n\"");
        check(FieldRef::Annotations(None), "");
    }

    #[test]
    fn resources() {
        let mut pod = spec::Pod::default();
        let container = |name: &str, limits, requests| spec::Container {
            name: name.to_owned(),
            resources: spec::Resources { limits, requests },
            ..Default::default()
        };
        let list = |cpu_m, memory| ResourceList {
            cpu_m,
            memory,
            ephemeral_storage: None,
        };
        pod.containers
            .push(container("a", list(Some(500), None), list(None, None)));
        pod.containers
            .push(container("b", list(None, Some(1025)), list(Some(1), None)));
        let identity = Identity {
            uid: String::new(),
            node_name: String::new(),
            host_ip: [0; 4].into(),
        };
        let allocatable = list(Some(2000), Some(1 << 30));
        let facts = Facts {
            pod: &pod,
            identity: &identity,
            pod_ip: None,
            allocatable,
        };
        let check_in = |facts: Facts<'_>,
                        container: Option<&str>,
                        resource,
                        divisor,
                        value: Result<&str, &str>| {
            let container = container.map(str::to_owned);
            let found = facts.resource(
                &ResourceRef {
                    container,
                    resource,
                    divisor,
                },
                "a",
            );
            let found = found.map_err(|error| error.to_string());
            assert_eq!(
                found.as_deref().map_err(String::as_str),
                value,
                "{resource:?} / {divisor}"
            );
        };
        let check = |container, resource, divisor, value| {
            check_in(facts, container, resource, divisor, value);
        };
        check(None, ResourceField::LimitsCpu, 1000, Ok("1"));
        check(None, ResourceField::LimitsCpu, 1, Ok("500"));
        check(None, ResourceField::RequestsCpu, 1, Ok("500"));
        check(None, ResourceField::LimitsMemory, 1 << 20, Ok("1024"));
        check(None, ResourceField::RequestsMemory, 1, Ok("0"));
        check(Some("b"), ResourceField::LimitsMemory, 1024, Ok("2"));
        check(Some("b"), ResourceField::LimitsCpu, 1000, Ok("2"));
        check(Some("b"), ResourceField::RequestsCpu, 1000, Ok("1"));
        check(
            Some("c"),
            ResourceField::RequestsCpu,
            1000,
            Err("container c not found"),
        );
        let whole = spec::Pod {
            resources: Some(spec::Resources {
                limits: list(Some(1500), Some(1 << 21)),
                requests: list(None, None),
            }),
            ..pod.clone()
        };
        let facts = Facts {
            pod: &whole,
            ..facts
        };
        check_in(facts, None, ResourceField::LimitsCpu, 1, Ok("500"));
        check_in(facts, Some("b"), ResourceField::LimitsCpu, 1, Ok("1500"));
        check_in(facts, None, ResourceField::LimitsMemory, 1 << 20, Ok("2"));
    }
}
