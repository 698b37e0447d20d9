//! DaemonSet: one pod on each node that it may run on.

use super::Controller;
use super::history::{self, REVISION_HASH};
use super::pods::{
    Availability, Manager, ONLY_PODS, availability, from_template, int, int_or_percent, is_ready,
    next_availability, phase,
};
use super::times::{seconds, time};
use crate::server::error::ApiError;
use crate::server::kubelet::misfit;
use crate::server::registry::{DAEMON_SETS, NODES, PODS, Resource};
use crate::server::{Server, object};
use seedpod_core::store::Key;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MANAGER: Manager = Manager {
    resource: &DAEMON_SETS,
    component: "daemonset-controller",
};

/// A pod that has failed is replaced no sooner after it was made: nothing remembers how many were before it.
const FAILED_DELAY: Duration = Duration::from_secs(10);

/// What the node may be, and its pods stay.
const TOLERATED: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

#[derive(Debug)]
pub(super) struct DaemonSetController;

impl Controller for DaemonSetController {
    fn resource(&self) -> &'static Resource {
        MANAGER.resource
    }

    fn dependents(&self) -> &'static [&'static Resource] {
        ONLY_PODS
    }

    fn affected(&self, server: &Server, changed: &super::Changed) -> Vec<Key> {
        if *changed.resource != NODES {
            return super::affected(self.resource(), self.dependents(), server, changed);
        }
        let what = |node: &Value| {
            let spec = &node["spec"];
            (
                node["metadata"]["labels"].clone(),
                spec["taints"].clone(),
                spec["unschedulable"].clone(),
            )
        };
        // A node says every few seconds that it is there.
        if changed.previous.as_ref().map(what) == Some(what(&changed.object)) {
            return Vec::new();
        }
        let all = server.objects(&DAEMON_SETS, None);
        all.iter()
            .map(|set| super::key(&DAEMON_SETS, set))
            .collect()
    }

    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let Some(set) = server.object(MANAGER.resource, namespace, name) else {
            return Ok(None);
        };
        let pods = server.owned_or_free(&PODS, &set);
        let pods = MANAGER.claim(server, &set, &PODS, pods, None)?;
        if object::is_deleted(&set) {
            return Ok(None);
        }
        let history = history::sync(MANAGER, server, &set, REVISION_HASH)?;
        let hash = history.update["metadata"]["labels"][REVISION_HASH].clone();
        let nodes = server.objects(&NODES, None);
        let mut sync = Sync {
            server,
            set,
            hash,
            again: None,
        };
        let mut by_node = sync.by_node(&nodes, pods);
        let managed = sync.manage(&nodes, &mut by_node);
        let managed = managed.and_then(|()| sync.roll(&nodes, &mut by_node));
        sync.write_status(&nodes, &by_node, history.collisions)?;
        managed?;
        sync.clean_up(&history.old, &by_node)?;
        let all = by_node.values().flatten();
        let next = next_availability(sync.server, all, sync.min_ready());
        Ok(next.into_iter().chain(sync.again).min())
    }
}

/// The pods of each node, oldest first.
type ByNode = BTreeMap<String, Vec<Value>>;

struct Sync<'s> {
    server: &'s mut Server,
    set: Value,
    /// Of the revision of the current template.
    hash: Value,
    again: Option<Duration>,
}

impl Sync<'_> {
    fn min_ready(&self) -> Duration {
        seconds(&self.set["spec"]["minReadySeconds"]).unwrap_or_default()
    }

    fn is_available(&self, pod: &Value) -> bool {
        let availability = availability(self.server, pod, self.min_ready());
        matches!(availability, Availability::Yes)
    }

    fn is_new(&self, pod: &Value) -> bool {
        pod["metadata"]["labels"][REVISION_HASH] == self.hash
    }

    fn by_node(&self, nodes: &[Value], pods: Vec<Value>) -> ByNode {
        let mut by_node = ByNode::new();
        for node in nodes {
            by_node.insert(object::name(node).to_owned(), Vec::new());
        }
        for pod in pods {
            by_node.entry(node_of(&pod)).or_default().push(pod);
        }
        for pods in by_node.values_mut() {
            pods.sort_by_key(|pod| object::meta(pod, "creationTimestamp").to_owned());
        }
        by_node
    }

    /// A pod for a node, which the scheduler puts there.
    fn pod_for(&self, node: &Value) -> Value {
        let mut pod = from_template(MANAGER.resource, &self.set, &self.set["spec"]["template"]);
        pod["metadata"]["labels"][REVISION_HASH] = self.hash.clone();
        let terms = json!([{"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": [object::name(node)]},
        ]}]);
        let spec = &mut pod["spec"];
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
            json!({"nodeSelectorTerms": terms});
        let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
        let network = ("node.kubernetes.io/network-unavailable", "NoSchedule");
        let network = (spec["hostNetwork"] == true).then_some(&network);
        for (key, effect) in TOLERATED.iter().chain(network) {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": effect}));
        }
        spec["tolerations"] = tolerations.into();
        pod
    }

    /// Whether the node shall have a pod, and whether one that it has may stay.
    fn fits(&self, node: &Value) -> (bool, bool) {
        let mut pod = self.pod_for(node);
        // What the template says of nodes counts, which its place on this one has taken the place of.
        pod["spec"]["affinity"] = self.set["spec"]["template"]["spec"]["affinity"].clone();
        let mut without_hints = node.clone();
        let taints = without_hints.pointer_mut("/spec/taints");
        if let Some(taints) = taints.and_then(Value::as_array_mut) {
            taints.retain(|taint| taint["effect"] == "NoExecute");
        }
        let fits = |node: &Value| misfit(node, &pod).is_none();
        (fits(node), fits(&without_hints))
    }

    /// Makes pods where there are none and deletes those that are too many or have ended.
    fn manage(&mut self, nodes: &[Value], by_node: &mut ByNode) -> Result<(), ApiError> {
        for node in nodes {
            let (shall_run, may_stay) = self.fits(node);
            let name = object::name(node);
            let pods = by_node.get(name).cloned().unwrap_or_default();
            if shall_run && pods.is_empty() {
                self.create(node, by_node)?;
            } else if may_stay {
                self.tidy(pods, by_node)?;
            } else {
                for pod in pods.iter().filter(|pod| !object::is_deleted(pod)) {
                    self.delete(pod, by_node)?;
                }
            }
        }
        Ok(())
    }

    fn tidy(&mut self, pods: Vec<Value>, by_node: &mut ByNode) -> Result<(), ApiError> {
        let pods = pods.into_iter().filter(|pod| !object::is_deleted(pod));
        let (mut kept_new, mut kept_old) = (false, false);
        for pod in pods {
            let (namespace, name) = (object::namespace(&pod), object::name(&pod));
            let (what, node) = (phase(&pod).to_lowercase(), node_of(&pod));
            match what.as_str() {
                "failed" => {
                    let made = time(&pod["metadata"]["creationTimestamp"]);
                    let left = made.and_then(|made| self.server.time_until(made, FAILED_DELAY));
                    if let Some(left) = left {
                        self.again = Some(left);
                        continue;
                    }
                    let message = format!(
                        "Found failed daemon pod {namespace}/{name} on node {node}, will try to kill it"
                    );
                    MANAGER.warning(self.server, &self.set, "FailedDaemonPod", &message);
                    self.delete(&pod, by_node)?;
                }
                "succeeded" => {
                    let message = format!(
                        "Found succeeded daemon pod {namespace}/{name} on node {node}, will try to delete it"
                    );
                    MANAGER.normal(self.server, &self.set, "SucceededDaemonPod", &message);
                    self.delete(&pod, by_node)?;
                }
                _ => {
                    let kept = match self.is_new(&pod) || self.max_surge(1) == 0 {
                        true => &mut kept_new,
                        false => &mut kept_old,
                    };
                    if std::mem::replace(kept, true) {
                        self.delete(&pod, by_node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn max_surge(&self, nodes: i64) -> i64 {
        let update = &self.set["spec"]["updateStrategy"]["rollingUpdate"];
        int_or_percent(&update["maxSurge"], nodes, true)
    }

    /// Replaces pods of old templates: deletes them, as many at a time as may be missing, or makes new ones beside them
    /// first, as many as may be too many.
    fn roll(&mut self, nodes: &[Value], by_node: &mut ByNode) -> Result<(), ApiError> {
        let strategy = &self.set["spec"]["updateStrategy"];
        if strategy["type"] != "RollingUpdate" {
            return Ok(());
        }
        let wanted = nodes.iter().filter(|node| self.fits(node).0).count();
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        let unavailable = &strategy["rollingUpdate"]["maxUnavailable"];
        let mut surge_left = self.max_surge(wanted);
        let mut unavailable_left = int_or_percent(unavailable, wanted, true);
        let can_surge = surge_left > 0;
        let mut candidates = Vec::new();
        for node in nodes {
            let pods = by_node.get(object::name(node)).into_iter().flatten();
            let alive: Vec<&Value> = pods.filter(|pod| !object::is_deleted(pod)).collect();
            let new = alive.iter().find(|pod| self.is_new(pod));
            let old = alive.iter().find(|pod| !self.is_new(pod));
            match (old, new) {
                (Some(old), Some(new)) if can_surge => match self.is_available(new) {
                    true => candidates.push((node, (*old).clone(), true)),
                    false => surge_left -= 1,
                },
                (Some(old), None) => {
                    let is_ill = !self.is_available(old);
                    unavailable_left -= i64::from(is_ill);
                    candidates.push((node, (*old).clone(), is_ill));
                }
                (None, Some(new)) => unavailable_left -= i64::from(!self.is_available(new)),
                (Some(_), Some(_)) | (None, None) => unavailable_left -= 1,
            }
        }
        for (node, old, is_free) in candidates {
            let has_new = by_node[object::name(node)]
                .iter()
                .any(|pod| self.is_new(pod));
            let left = match can_surge {
                true => &mut surge_left,
                false => &mut unavailable_left,
            };
            if !is_free && *left <= 0 {
                continue;
            }
            *left -= i64::from(!is_free);
            match can_surge && !has_new {
                true => self.create(node, by_node)?,
                false => self.delete(&old, by_node)?,
            }
        }
        Ok(())
    }

    fn create(&mut self, node: &Value, by_node: &mut ByNode) -> Result<(), ApiError> {
        let pod = MANAGER.create_pod(self.server, &self.set, self.pod_for(node))?;
        by_node
            .entry(object::name(node).to_owned())
            .or_default()
            .push(pod);
        Ok(())
    }

    fn delete(&mut self, pod: &Value, by_node: &mut ByNode) -> Result<(), ApiError> {
        MANAGER.delete_pod(self.server, &self.set, pod)?;
        let now = self
            .server
            .object(&PODS, object::namespace(pod), object::name(pod));
        let pods = by_node.entry(node_of(pod)).or_default();
        pods.retain(|one| object::uid(one) != object::uid(pod));
        pods.extend(now.filter(|now| object::uid(now) == object::uid(pod)));
        Ok(())
    }

    fn write_status(
        &mut self,
        nodes: &[Value],
        by_node: &ByNode,
        collisions: i64,
    ) -> Result<(), ApiError> {
        let (mut desired, mut current, mut misplaced) = (0_i64, 0_i64, 0_i64);
        let (mut ready, mut available, mut updated) = (0_i64, 0_i64, 0_i64);
        for node in nodes {
            let shall_run = self.fits(node).0;
            let pod = by_node
                .get(object::name(node))
                .and_then(|pods| pods.first());
            desired += i64::from(shall_run);
            match pod {
                Some(pod) if shall_run => {
                    current += 1;
                    ready += i64::from(is_ready(pod));
                    available += i64::from(self.is_available(pod));
                    updated += i64::from(self.is_new(pod));
                }
                Some(_) => misplaced += 1,
                None => {}
            }
        }
        let mut status = json!({
            "currentNumberScheduled": current, "desiredNumberScheduled": desired, "numberMisscheduled": misplaced,
            "numberReady": ready, "observedGeneration": self.set["metadata"]["generation"],
        });
        let counts = [
            ("updatedNumberScheduled", updated),
            ("numberAvailable", available),
            ("numberUnavailable", desired - available),
            ("collisionCount", collisions),
        ];
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            status[name] = count.into();
        }
        MANAGER.update_status(self.server, &self.set, status)?;
        Ok(())
    }

    fn clean_up(&mut self, old: &[Value], by_node: &ByNode) -> Result<(), ApiError> {
        let pods = by_node.values().flatten();
        let hashes: Vec<&Value> = pods
            .map(|pod| &pod["metadata"]["labels"][REVISION_HASH])
            .collect();
        let live = old.iter();
        let live = live.filter(|one| hashes.contains(&&one["metadata"]["labels"][REVISION_HASH]));
        let live: BTreeSet<&str> = live.map(object::name).collect();
        // Revisions that pods have are kept, but count.
        let limit = int(&self.set["spec"]["revisionHistoryLimit"]);
        let free = limit - i64::try_from(live.len()).unwrap_or(i64::MAX);
        let mut owner = self.set.clone();
        owner["spec"]["revisionHistoryLimit"] = free.max(0).into();
        history::clean_up(self.server, &owner, old, &live)
    }
}

/// The node that a pod is on, or shall be on.
fn node_of(pod: &Value) -> String {
    let name = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    if !name.is_empty() {
        return name.to_owned();
    }
    let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let field = "/nodeSelectorTerms/0/matchFields/0/values/0";
    let name = pod.pointer(&format!("{required}{field}"));
    name.and_then(Value::as_str).unwrap_or_default().to_owned()
}
