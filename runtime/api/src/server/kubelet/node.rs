//! The node: this machine, and the lease by which it says that it is alive.

use super::events::{EventKind, EventSource};
use crate::quantity::Quantity;
use crate::server::registry::{LEASES, NODES};
use crate::server::verbs::Options;
use crate::server::{Server, object};
use seedpod_core::limits::PODS_PER_FABRIC;
use seedpod_core::pod::node_labels;
use seedpod_core::time::Instant;
use serde_json::{Value, json};
use std::time::Duration;

/// How often the lease is renewed (kubelet: a quarter of `nodeLeaseDurationSeconds`, which is 40).
const RENEWAL: Duration = Duration::from_secs(10);
/// How often the status is written although nothing is new (kubelet `nodeStatusReportFrequency`).
const REPORT: Duration = Duration::from_secs(300);
/// Where leases of nodes are.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// When the node says next that it is alive.
#[derive(Debug, Default)]
pub(super) struct Heart {
    renewal: Option<Instant>,
    report: Option<Instant>,
}

impl Heart {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.renewal.into_iter().chain(self.report).min()
    }
}

/// Makes the node, or says of the one that was there before what it is now.
pub(super) fn bootstrap(server: &mut Server) {
    report(server);
    renew(server);
    let name = server.settings.node_name.clone();
    let Some(node) = server.object(&NODES, "", &name) else {
        return;
    };
    let mut about = node;
    about["metadata"]["uid"] = name.clone().into();
    let (source, kind) = (EventSource::Kubelet, EventKind::Normal);
    server.record_event(&about, source, kind, "Starting", "Starting kubelet.");
    let message = format!("Node {name} status is now: NodeReady");
    server.record_event(&about, source, kind, "NodeReady", &message);
}

/// Says that the node is alive, when it is time.
pub(super) fn beat(server: &mut Server) {
    let now = server.now.instant;
    let heart = &server.kubelet.node;
    let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
    let (renewal, report_) = (is_due(heart.renewal), is_due(heart.report));
    if report_ {
        report(server);
    }
    if renewal {
        renew(server);
    }
}

fn renew(server: &mut Server) {
    let now = server.now;
    server.kubelet.node.renewal = Some(now.instant + RENEWAL);
    let name = server.settings.node_name.clone();
    let time = now.wall.to_micros();
    let options = Options::of(super::MANAGER);
    // A store that is full does not keep the node from running.
    if let Some(mut lease) = server.object(&LEASES, LEASE_NAMESPACE, &name) {
        lease["spec"]["renewTime"] = time.into();
        lease["spec"]["holderIdentity"] = name.clone().into();
        drop(server.update(&LEASES, LEASE_NAMESPACE, &name, lease, &options));
        return;
    }
    let Some(node) = server.object(&NODES, "", &name) else {
        return;
    };
    let lease = json!({
        "metadata": {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [{
            "apiVersion": "v1", "kind": "Node", "name": name, "uid": object::uid(&node),
        }]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": time},
    });
    drop(server.create(&LEASES, LEASE_NAMESPACE, lease, &options));
}

fn report(server: &mut Server) {
    let now = server.now;
    server.kubelet.node.report = Some(now.instant + REPORT);
    let name = server.settings.node_name.clone();
    let options = Options::of(super::MANAGER);
    let status = status(server);
    let there = server.object(&NODES, "", &name);
    let node = match there {
        Some(node) => node,
        None => {
            let node = json!({
                "metadata": {"name": name, "labels": labels(&name), "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
                "spec": {},
                "status": status,
            });
            match server.create(&NODES, "", node, &options) {
                Ok(node) => node,
                Err(_) => return,
            }
        }
    };
    let mut node = node;
    let own = labels(&name);
    if own
        .as_object()
        .into_iter()
        .flatten()
        .any(|(key, value)| node["metadata"]["labels"][key] != *value)
    {
        for (key, value) in own.as_object().into_iter().flatten() {
            node["metadata"]["labels"][key] = value.clone();
        }
        match server.update(&NODES, "", &name, node, &options) {
            Ok(updated) => node = updated,
            Err(_) => return,
        }
    }
    node["status"] = with_times(status, &node["status"]);
    let options = options.for_subresource("status");
    drop(server.update(&NODES, "", &name, node, &options));
}

fn labels(name: &str) -> Value {
    let labels = node_labels(name).into_iter();
    labels
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect()
}

/// Conditions that stay what they are keep the time since when; what others have set stays.
fn with_times(mut status: Value, old: &Value) -> Value {
    let before = old["conditions"].as_array();
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    let mut types = Vec::new();
    if let Some(conditions) = conditions {
        for condition in conditions.iter_mut() {
            types.push(condition["type"].clone());
            let mut before = before.into_iter().flatten();
            if let Some(before) = before.find(|before| before["type"] == condition["type"])
                && before["status"] == condition["status"]
            {
                condition["lastTransitionTime"] = before["lastTransitionTime"].clone();
            }
        }
        let foreign = before.into_iter().flatten();
        let foreign = foreign.filter(|one| !types.contains(&one["type"]));
        conditions.extend(foreign.cloned());
    }
    status
}

fn status(server: &Server) -> Value {
    let settings = &server.settings;
    let bytes = |bytes| Quantity::of_units(bytes).to_binary();
    let capacity = json!({
        "cpu": Quantity::of_thousandths(settings.cpus.saturating_mul(1000)).to_decimal(),
        "memory": bytes(settings.memory_bytes),
        "ephemeral-storage": bytes(settings.storage_bytes),
        "pods": PODS_PER_FABRIC.to_string(),
    });
    let now = server.now.wall.to_string();
    let condition = |type_: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": type_, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let version = "v1.36.2+seedpod";
    json!({
        "capacity": capacity, "allocatable": capacity,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "addresses": [
            {"type": "InternalIP", "address": settings.node_ip.to_string()},
            {"type": "Hostname", "address": settings.node_name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        "nodeInfo": {
            "architecture": settings.architecture, "operatingSystem": settings.operating_system,
            "bootID": "", "machineID": "", "systemUUID": "", "kernelVersion": "",
            "osImage": "WebAssembly", "kubeletVersion": version, "kubeProxyVersion": "",
            "containerRuntimeVersion": concat!("seedpod://", env!("CARGO_PKG_VERSION")),
        },
    })
}
