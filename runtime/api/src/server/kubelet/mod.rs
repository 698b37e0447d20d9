//! The scheduler and the kubelet of the one node: pods of the store become pods of the world, and what these say becomes
//! their status and Events.
//!
//! ```text
//!   store ── what changed ──► turn ── Action ──► world
//!     ▲                                            │
//!     └───── status, Events ◄──── news ◄── PodNews ┘
//! ```
//!
//! A pod that has no node gets ours at once ([`scheduler`]), one that has our node is started ([`pods`]), and what it
//! refers to is told to the world before ([`references`]). One that has ended stays in the store until somebody deletes it; one that is
//! to go is stopped first, and goes when the world says that nothing of it is left.

mod events;
mod node;
mod past;
mod pods;
mod references;
mod scheduler;
mod status;

pub(crate) use events::{EventKind, EventSource};
pub(crate) use scheduler::{bind, misfit};

use super::Server;
use super::error::ApiError;
use super::object;
use super::registry::{CONFIG_MAPS, EVENTS, NODES, PODS, SECRETS};
use super::verbs::Options;
use seedpod_core::pod::{ForeignCondition, Past, PodEvent, Status};
use seedpod_core::spec::{self, GracePeriod, ObjectKey, ObjectKind, Objects};
use seedpod_core::store::{Change, ChangeKind, Revision};
use seedpod_core::time::Instant;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// What the world has to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// ConfigMaps, Secrets and Services are there or are others: tell the catalog. Has no pods.
    Apply(Objects),
    /// One of them is gone.
    Remove(ObjectKey),
    /// These ports of the machine lead to Services, and no others.
    NodePorts(Vec<NodePort>),
    /// Start a pod.
    Start {
        /// `metadata.uid`
        uid: String,
        /// What to run.
        spec: Arc<spec::Pod>,
        /// What is known of it from before the node started again.
        past: Option<Box<Past>>,
    },
    /// Change a pod.
    Update {
        /// `metadata.uid`
        uid: String,
        /// All of it.
        spec: Arc<spec::Pod>,
    },
    /// Set the conditions of a pod that are not the kubelet's.
    Conditions {
        /// `metadata.uid`
        uid: String,
        /// All of them.
        conditions: Vec<ForeignCondition>,
    },
    /// Stop a pod; a second time may only be sooner.
    Stop {
        /// `metadata.uid`
        uid: String,
        /// From SIGTERM to SIGKILL.
        grace: Option<GracePeriod>,
    },
    /// Nobody can ask for anything of a pod any more: it has ended, and its object is gone.
    Forget {
        /// `metadata.uid`
        uid: String,
    },
}

/// A port of the machine that leads to a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodePort {
    /// On the machine.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: spec::Protocol,
    /// `namespace/name` of the Service, for messages.
    pub service: String,
    /// Address and port of the Service on the pod network.
    pub to: SocketAddr,
}

/// What happened to a pod.
#[derive(Clone, Debug)]
pub enum PodNews {
    /// Its status is another.
    Status(Box<Status>),
    /// Something worth an Event.
    Event(PodEvent),
    /// It could not be started at all.
    NotStarted {
        /// Why.
        message: String,
    },
    /// It has ended and everything of it is gone.
    Gone,
}

/// What the kubelet remembers.
#[derive(Debug, Default)]
pub(crate) struct Kubelet {
    /// The last change that was looked at; `None` before the first.
    seen: Option<Revision>,
    /// Changes that come from here and say nothing new.
    own: BTreeSet<Revision>,
    pods: pods::Pods,
    references: references::References,
    /// Pods that no node was found for, by namespace and name.
    unscheduled: BTreeSet<(String, String)>,
    /// Uids of pods that have just got our node.
    bound: BTreeSet<String>,
    events: events::Kept,
    node: node::Heart,
}

impl Kubelet {
    /// When it has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let all = [
            self.pods.next_deadline(),
            self.events.next_deadline(),
            self.node.next_deadline(),
        ];
        all.into_iter().flatten().min()
    }
}

/// Who writes status.
pub(crate) const MANAGER: &str = "kubelet";

/// Makes the node and its lease.
pub(crate) fn bootstrap(server: &mut Server) {
    node::bootstrap(server);
}

/// Looks at what changed, and does what is due.
pub(crate) fn turn(server: &mut Server) {
    node::beat(server);
    loop {
        let revision = server.store.revision();
        if server.kubelet.seen == Some(revision) {
            break;
        }
        let since = |seen| server.store.changes().since(seen).ok();
        let changes = server.kubelet.seen.and_then(since);
        let changes: Option<Vec<Change>> =
            changes.map(|changes| changes.filter(|one| is_ours(one)).cloned().collect());
        server.kubelet.seen = Some(revision);
        match changes {
            Some(changes) => changes.iter().for_each(|change| look_at(server, change)),
            None => look_at_all(server),
        }
        server.kubelet.own.clear();
    }
    pods::retry(server);
    events::expire(server);
}

/// Takes in what happened to a pod.
pub(crate) fn news(server: &mut Server, uid: &str, news: PodNews) {
    match news {
        PodNews::Status(status) => pods::take_status(server, uid, &status),
        PodNews::Event(event) => events::of_pod(server, uid, event),
        PodNews::NotStarted { message } => pods::not_started(server, uid, &message),
        PodNews::Gone => pods::gone(server, uid),
    }
}

fn is_ours(change: &Change) -> bool {
    let resources = [&PODS, &CONFIG_MAPS, &SECRETS, &NODES, &EVENTS];
    let name = &*change.key.resource;
    resources.iter().any(|resource| resource.name() == name)
}

fn look_at(server: &mut Server, change: &Change) {
    let (namespace, name) = (&*change.key.namespace, &*change.key.name);
    let is_gone = change.kind == ChangeKind::Deleted;
    match &*change.key.resource {
        "pods" if is_gone => {
            let last = object::decode(&change.stored.value);
            server
                .kubelet
                .unscheduled
                .remove(&(namespace.to_owned(), name.to_owned()));
            pods::deleted(server, object::uid(&last));
            scheduler::try_again(server);
        }
        "pods" if server.kubelet.own.contains(&change.stored.revision) => {}
        "pods" => pods::changed(server, namespace, name),
        "configmaps" => references::changed(server, ObjectKind::ConfigMap, namespace, name),
        "secrets" => references::changed(server, ObjectKind::Secret, namespace, name),
        "nodes" => scheduler::try_again(server),
        "events" => events::changed(server, &change.key, is_gone),
        _ => {}
    }
}

/// After a start, or when so much has changed that nobody knows what.
fn look_at_all(server: &mut Server) {
    let names = |server: &Server| -> BTreeMap<String, (String, String)> {
        let all = server.objects(&PODS, None).into_iter();
        all.map(|pod| {
            let name = (
                object::namespace(&pod).to_owned(),
                object::name(&pod).to_owned(),
            );
            (object::uid(&pod).to_owned(), name)
        })
        .collect()
    };
    let there = names(server);
    for uid in server.kubelet.pods.uids() {
        if !there.contains_key(&uid) {
            pods::deleted(server, &uid);
        }
    }
    for (namespace, name) in there.into_values() {
        pods::changed(server, &namespace, &name);
    }
    references::all_changed(server);
    events::look_at_all(server);
}

/// Says in the status of a pod that the eviction API has asked it to go.
///
/// # Errors
/// When somebody has changed it meanwhile.
pub(crate) fn say_evicted(server: &mut Server, pod: &Value) -> Result<(), ApiError> {
    let mut pod = pod.clone();
    let now = server.now.wall.to_string();
    let condition = json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastTransitionTime": now,
    });
    status::set_condition(&mut pod["status"], condition);
    let options = Options::of("kube-apiserver").for_subresource("status");
    let (namespace, name) = (
        object::namespace(&pod).to_owned(),
        object::name(&pod).to_owned(),
    );
    server.update(&PODS, &namespace, &name, pod, &options)?;
    Ok(())
}
