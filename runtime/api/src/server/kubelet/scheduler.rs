//! Which node a pod gets: there is one, and a pod that does not fit waits (`pkg/scheduler`).

use super::events::{EventKind, EventSource};
use super::status;
use crate::convert::container_requests;
use crate::quantity::Quantity;
use crate::server::error::ApiError;
use crate::server::kinds::items;
use crate::server::registry::{NODES, PODS};
use crate::server::verbs::Options;
use crate::server::{Server, manifest, object};
use seedpod_core::spec;
use seedpod_core::store::Expected;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the scheduler writes as.
const MANAGER: &str = "kube-scheduler";

/// Gives a pod our node, or says why it does not get it.
pub(super) fn schedule(server: &mut Server, pod: Value) {
    let is_mine = pod["spec"]["schedulerName"] == "default-scheduler";
    let is_gated = !items(&pod["spec"]["schedulingGates"]).is_empty();
    if !is_mine || is_gated || object::is_deleted(&pod) {
        return;
    }
    let name = (
        object::namespace(&pod).to_owned(),
        object::name(&pod).to_owned(),
    );
    match obstacle(server, &pod) {
        None => {
            server.kubelet.unscheduled.remove(&name);
            let node = server.settings.node_name.clone();
            // Somebody else was faster, or the store is full: the next change of the pod comes here again.
            drop(bind(server, pod, &node, false));
        }
        Some(message) => {
            server.kubelet.unscheduled.insert(name);
            refuse(server, pod, &message);
        }
    }
}

/// Something has changed that pods without a node may have waited for.
pub(super) fn try_again(server: &mut Server) {
    for (namespace, name) in std::mem::take(&mut server.kubelet.unscheduled) {
        let pod = server.object(&PODS, &namespace, &name);
        let is_free = |pod: &Value| pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty);
        if let Some(pod) = pod.filter(is_free) {
            schedule(server, pod);
        }
    }
}

/// Whether a pod got its node from here, and nobody was told of it so far.
pub(super) fn has_just_bound(server: &mut Server, uid: &str) -> bool {
    server.kubelet.bound.remove(uid)
}

/// Gives a pod a node: the binding API.
///
/// # Errors
/// When the pod has changed meanwhile, or there is no room.
pub(crate) fn bind(
    server: &mut Server,
    mut pod: Value,
    node: &str,
    dry_run: bool,
) -> Result<(), ApiError> {
    pod["spec"]["nodeName"] = node.into();
    let condition = json!({
        "type": "PodScheduled", "status": "True",
        "lastTransitionTime": server.now.wall.to_string(),
        "observedGeneration": pod["metadata"]["generation"],
    });
    status::set_condition(&mut pod["status"], condition);
    let options = Options {
        dry_run,
        ..Options::of(MANAGER)
    };
    let revision = object::revision(&pod).and_then(|text| text.parse().ok());
    let expected = Expected::Revision(revision.unwrap_or_default());
    let uid = object::uid(&pod).to_owned();
    server.store_object(&PODS, pod, expected, &options)?;
    if !dry_run && node == server.settings.node_name {
        server.kubelet.bound.insert(uid);
    }
    Ok(())
}

fn refuse(server: &mut Server, mut pod: Value, message: &str) {
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        "lastTransitionTime": server.now.wall.to_string(),
        "observedGeneration": pod["metadata"]["generation"],
    });
    let mut known = items(&pod["status"]["conditions"]).iter();
    let is_known = |known: &Value| {
        ["type", "status", "message", "observedGeneration"]
            .iter()
            .all(|field| known[*field] == condition[*field])
    };
    if known.any(is_known) {
        return;
    }
    let (kind, source) = (EventKind::Warning, EventSource::Scheduler);
    server.record_event(&pod, source, kind, "FailedScheduling", message);
    status::set_condition(&mut pod["status"], condition);
    let options = Options::of(MANAGER).for_subresource("status");
    let (namespace, name) = (
        object::namespace(&pod).to_owned(),
        object::name(&pod).to_owned(),
    );
    // Somebody else was faster: the next change of the pod comes here again.
    drop(server.update(&PODS, &namespace, &name, pod, &options));
}

/// Why our node is none for a pod, in the words of the scheduler.
fn obstacle(server: &Server, pod: &Value) -> Option<String> {
    let Some(node) = server.object(&NODES, "", &server.settings.node_name) else {
        return Some("no nodes available to schedule pods".to_owned());
    };
    let (reasons, preemption) = match misfit(&node, pod) {
        Some(reason) => (
            vec![reason.to_owned()],
            "Preemption is not helpful for scheduling",
        ),
        None => (
            shortage(server, &node, pod),
            "No preemption victims found for incoming pod",
        ),
    };
    if reasons.is_empty() {
        return None;
    }
    let reasons: Vec<String> = reasons.iter().map(|reason| format!("1 {reason}")).collect();
    let reasons = reasons.join(", ");
    Some(format!(
        "0/1 nodes are available: {reasons}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 {preemption}."
    ))
}

/// What no pod that goes would change.
pub(crate) fn misfit(node: &Value, pod: &Value) -> Option<&'static str> {
    let spec = &pod["spec"];
    let unschedulable = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if node["spec"]["unschedulable"] == true && !is_tolerated(spec, &unschedulable) {
        return Some("node(s) were unschedulable");
    }
    let repels = |taint: &&Value| {
        taint["effect"] != "PreferNoSchedule"
            && *taint["key"].as_str().unwrap_or_default() != *"node.kubernetes.io/unschedulable"
    };
    let mut taints = items(&node["spec"]["taints"]).iter().filter(repels);
    if taints.any(|taint| !is_tolerated(spec, taint)) {
        return Some("node(s) had untolerated taint(s)");
    }
    (!is_wanted(spec, node)).then_some("node(s) didn't match Pod's node affinity/selector")
}

fn is_tolerated(spec: &Value, taint: &Value) -> bool {
    items(&spec["tolerations"]).iter().any(|toleration| {
        let text = |field: &str| toleration[field].as_str().unwrap_or_default();
        let fits = |field: &str| text(field).is_empty() || taint[field] == text(field);
        let value = match text("operator") {
            "Exists" => true,
            _ => text("value") == taint["value"].as_str().unwrap_or_default(),
        };
        fits("effect") && fits("key") && value
    })
}

/// `nodeSelector` and what of the node affinity is required.
fn is_wanted(spec: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let selector = spec["nodeSelector"].as_object();
    let mut selector = selector.into_iter().flatten();
    let required =
        &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let is_term = |term: &Value| {
        let expressions = items(&term["matchExpressions"]).iter();
        let fields = items(&term["matchFields"]).iter();
        if expressions.len() + fields.len() == 0 {
            return false;
        }
        let label = |key: &str| labels[key].as_str();
        let field = |key: &str| match key {
            "metadata.name" => Some(object::name(node)),
            _ => None,
        };
        expressions.clone().all(|one| is_met(one, label))
            && fields.clone().all(|one| is_met(one, field))
    };
    selector.all(|(key, value)| labels[key.as_str()] == *value)
        && (required.is_null() || items(&required["nodeSelectorTerms"]).iter().any(is_term))
}

/// Whether the node has the labels that a pod asks for.
pub(super) fn is_selected(server: &Server, pod: &Value) -> bool {
    let node = server.object(&NODES, "", &server.settings.node_name);
    node.is_some_and(|node| is_wanted(&pod["spec"], &node))
}

fn is_met<'n>(requirement: &Value, value: impl Fn(&str) -> Option<&'n str>) -> bool {
    let own = value(requirement["key"].as_str().unwrap_or_default());
    let values = items(&requirement["values"]);
    let is_in = || own.is_some_and(|own| values.iter().any(|value| *value == own));
    let numbers = || {
        let wanted = values.first()?.as_str()?.parse::<i64>().ok()?;
        Some((own?.parse::<i64>().ok()?, wanted))
    };
    match requirement["operator"].as_str().unwrap_or_default() {
        "In" => is_in(),
        "NotIn" => !is_in(),
        "Exists" => own.is_some(),
        "DoesNotExist" => own.is_none(),
        "Gt" => numbers().is_some_and(|(own, wanted)| own > wanted),
        "Lt" => numbers().is_some_and(|(own, wanted)| own < wanted),
        _ => false,
    }
}

/// What others have taken.
fn shortage(server: &Server, node: &Value, pod: &Value) -> Vec<String> {
    let spec = manifest::pod(pod).value;
    let mut reasons = Vec::new();
    let ports: Vec<_> = host_ports(&spec).collect();
    let specs = || server.kubelet.pods.specs();
    if !ports.is_empty() && specs().any(|other| host_ports(other).any(|port| ports.contains(&port)))
    {
        let reason = "node(s) didn't have free ports for the requested pod ports";
        return vec![reason.to_owned()];
    }
    let allocatable = |name: &str, unit: fn(Quantity) -> u64| {
        let text = node["status"]["allocatable"][name].as_str();
        let amount = text.and_then(|text| Quantity::parse(text).ok());
        amount.map_or(0, unit)
    };
    if specs().count() as u64 >= allocatable("pods", Quantity::units) {
        reasons.push("Too many pods".to_owned());
    }
    let wanted = requests(&spec);
    let mut taken = BTreeMap::new();
    if !wanted.is_empty() {
        for other in specs() {
            for (name, amount) in requests(other) {
                *taken.entry(name).or_insert(0_u64) += amount;
            }
        }
    }
    for (name, amount) in wanted {
        let unit = match name {
            "cpu" => Quantity::thousandths,
            _ => Quantity::units,
        };
        let taken = taken.get(name).copied().unwrap_or_default();
        if amount.saturating_add(taken) > allocatable(name, unit) {
            reasons.push(format!("Insufficient {name}"));
        }
    }
    reasons
}

fn host_ports(spec: &spec::Pod) -> impl Iterator<Item = (u16, spec::Protocol)> {
    let containers = spec.init_containers.iter().filter(|one| one.is_sidecar());
    let ports = containers
        .chain(&spec.containers)
        .flat_map(|one| &one.ports);
    ports.filter_map(|port| Some((port.host_port?, port.protocol)))
}

/// What a pod asks for: its own requests, or what its containers need at the same time, and its overhead
/// (`PodRequests` of `component-helpers`). Thousandths of a processor, bytes.
fn requests(spec: &spec::Pod) -> BTreeMap<&'static str, u64> {
    type Column = fn(&spec::ResourceList) -> Option<u64>;
    let columns: [(&str, Column); 3] = [
        ("cpu", |list| list.cpu_m),
        ("memory", |list| list.memory),
        ("ephemeral-storage", |list| list.ephemeral_storage),
    ];
    let containers = container_requests(spec);
    let own = spec.resources.unwrap_or_default().requests;
    let amount = |column: Column| {
        let needed = column(&own).or(column(&containers)).unwrap_or_default();
        needed.saturating_add(column(&spec.overhead).unwrap_or_default())
    };
    let amounts = columns.map(|(name, column)| (name, amount(column)));
    let amounts = amounts.into_iter();
    amounts.filter(|(_, amount)| *amount > 0).collect()
}
