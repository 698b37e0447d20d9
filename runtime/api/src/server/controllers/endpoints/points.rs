//! Pods as what stands behind a Service.

use crate::server::kinds::items;
use crate::server::object;
use serde_json::{Value, json};
use std::net::IpAddr;

/// A pod that has an address and has not ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    ip: IpAddr,
    name: String,
    namespace: String,
    uid: String,
    node: String,
    hostname: String,
    subdomain: String,
    pub(super) is_ready: bool,
    pub(super) is_terminating: bool,
    publish_not_ready: bool,
}

/// A port of a Service at one pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    name: String,
    port: u64,
    protocol: String,
    app_protocol: Option<String>,
}

impl Point {
    /// `None` when the pod is behind nothing (`ShouldPodBeInEndpoints`).
    pub(super) fn of(pod: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (spec, status) = (&pod["spec"], &pod["status"]);
        if status["phase"] == "Succeeded" || status["phase"] == "Failed" {
            return None;
        }
        let mut conditions = items(&status["conditions"]).iter();
        let ready = conditions.any(|one| one["type"] == "Ready" && one["status"] == "True");
        Some(Self {
            ip: status["podIP"].as_str()?.parse().ok()?,
            name: object::name(pod).to_owned(),
            namespace: object::namespace(pod).to_owned(),
            uid: object::uid(pod).to_owned(),
            node: text(&spec["nodeName"]),
            hostname: text(&spec["hostname"]),
            subdomain: text(&spec["subdomain"]),
            is_ready: ready,
            is_terminating: object::is_deleted(pod),
            publish_not_ready: false,
        })
    }

    /// Fits it to a Service: its host name is one only below the Service that its subdomain names.
    pub(super) fn name_in(&mut self, service: &Value) {
        if self.subdomain != object::name(service) {
            self.hostname.clear();
        }
        self.publish_not_ready = service["spec"]["publishNotReadyAddresses"] == true;
    }

    fn target(&self) -> Value {
        json!({"kind": "Pod", "namespace": self.namespace, "name": self.name, "uid": self.uid})
    }

    /// An address of Endpoints.
    pub(super) fn address(&self) -> Value {
        let mut address = json!({"ip": self.ip.to_string(), "targetRef": self.target()});
        if !self.node.is_empty() {
            address["nodeName"] = self.node.as_str().into();
        }
        if !self.hostname.is_empty() {
            address["hostname"] = self.hostname.as_str().into();
        }
        address
    }

    /// An endpoint of an EndpointSlice.
    pub(super) fn endpoint(&self) -> Value {
        let ready = self.publish_not_ready || (self.is_ready && !self.is_terminating);
        let mut endpoint = json!({
            "addresses": [self.ip.to_string()],
            "conditions": {"ready": ready, "serving": self.is_ready, "terminating": self.is_terminating},
            "targetRef": self.target(),
        });
        if !self.node.is_empty() {
            endpoint["nodeName"] = self.node.as_str().into();
        }
        if !self.hostname.is_empty() {
            endpoint["hostname"] = self.hostname.as_str().into();
        }
        endpoint
    }
}

/// The ports of a Service that a pod serves: one whose name no container has is left out.
pub(super) fn ports(service: &Value, pod: &Value) -> Vec<Port> {
    let ports = items(&service["spec"]["ports"]).iter();
    let found = ports.filter_map(|port| {
        Some(Port {
            name: port["name"].as_str().unwrap_or_default().to_owned(),
            port: target_port(port, pod)?,
            protocol: port["protocol"].as_str().unwrap_or("TCP").to_owned(),
            app_protocol: port["appProtocol"].as_str().map(str::to_owned),
        })
    });
    found.collect()
}

fn target_port(port: &Value, pod: &Value) -> Option<u64> {
    let Some(name) = port["targetPort"].as_str() else {
        return port["targetPort"].as_u64().or(port["port"].as_u64());
    };
    let containers = items(&pod["spec"]["containers"]).iter();
    let sidecars = items(&pod["spec"]["initContainers"]).iter();
    let sidecars = sidecars.filter(|container| container["restartPolicy"] == "Always");
    let mut all = containers
        .chain(sidecars)
        .flat_map(|container| items(&container["ports"]));
    let is_meant = |own: &&Value| {
        own["name"] == name && own["protocol"].as_str().unwrap_or("TCP") == port["protocol"]
    };
    all.find(is_meant)?["containerPort"].as_u64()
}

impl Port {
    /// As Endpoints have it.
    pub(super) fn of_subset(&self) -> Value {
        let mut port = self.of_slice();
        if self.name.is_empty() {
            crate::server::kinds::drop_field(&mut port, "name");
        }
        port
    }

    /// As EndpointSlices have it.
    pub(super) fn of_slice(&self) -> Value {
        let mut port = json!({"name": self.name, "port": self.port, "protocol": self.protocol});
        if let Some(protocol) = &self.app_protocol {
            port["appProtocol"] = protocol.as_str().into();
        }
        port
    }
}
