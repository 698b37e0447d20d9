//! The pods of the node: from their objects to the world and back.

use super::{Action, MANAGER, events, past, references, scheduler, status};
use crate::server::kinds::pod::is_over;
use crate::server::registry::PODS;
use crate::server::verbs::Options;
use crate::server::verbs::delete::DeleteOptions;
use crate::server::{Server, manifest, object, token};
use seedpod_core::pod::event_log::EventLog;
use seedpod_core::pod::{ForeignCondition, Status};
use seedpod_core::spec::{self, GracePeriod};
use seedpod_core::store::Revision;
use seedpod_core::time::Instant;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Namespace and name.
type Name = (String, String);

/// What the world has, and what waits to get there.
#[derive(Debug, Default)]
pub(super) struct Pods {
    /// By uid.
    running: BTreeMap<String, Running>,
    /// Uids of these.
    names: BTreeMap<Name, String>,
    /// When to try again to start a pod; never by itself when one of its name has to go first.
    waiting: BTreeMap<Name, Option<Instant>>,
}

/// A pod that the world has.
#[derive(Debug)]
pub(super) struct Running {
    namespace: String,
    name: String,
    pub(super) spec: Arc<spec::Pod>,
    conditions: Vec<ForeignCondition>,
    /// Seconds from SIGTERM to SIGKILL, once it was asked to stop.
    grace: Option<u32>,
    generations: Generations,
    pub(super) events: EventLog,
    /// Whether it was the scheduler who gave it its node, just now.
    pub(super) is_new_here: bool,
}

impl Pods {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.values().flatten().min().copied()
    }

    pub(super) fn uids(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    pub(super) fn get_mut(&mut self, uid: &str) -> Option<&mut Running> {
        self.running.get_mut(uid)
    }

    /// All that the world has.
    pub(super) fn specs(&self) -> impl Iterator<Item = &spec::Pod> {
        self.running.values().map(|running| &*running.spec)
    }
}

impl Running {
    pub(super) fn full_name(&self) -> Name {
        (self.namespace.clone(), self.name.clone())
    }
}

/// Which `metadata.generation` a pod of the world has come to. It counts changes itself, but sees only those that mean
/// something to it.
#[derive(Debug)]
struct Generations {
    own: u64,
    /// By its own count, the latest few.
    known: BTreeMap<u64, i64>,
}

/// Changes of a pod between two words of it.
const GENERATIONS_KEPT: usize = 64;

impl Generations {
    fn new(generation: i64) -> Self {
        Self {
            own: 1,
            known: BTreeMap::from([(1, generation)]),
        }
    }

    /// A change was handed to the world.
    fn handed_over(&mut self, generation: i64) {
        self.own += 1;
        self.seen(generation);
    }

    /// A change means nothing to the world.
    fn seen(&mut self, generation: i64) {
        self.known.insert(self.own, generation);
        if self.known.len() > GENERATIONS_KEPT {
            self.known.pop_first();
        }
    }

    fn latest(&self) -> i64 {
        self.known.values().next_back().copied().unwrap_or(1)
    }

    fn at(&self, own: u64) -> i64 {
        let mut until = self.known.range(..=own);
        until.next_back().map_or(1, |(_, generation)| *generation)
    }
}

/// How long until a pod that could not be started is tried again (kubelet `backOffPeriod`).
const RETRY: Duration = Duration::from_secs(10);

/// An object has come or is another.
pub(super) fn changed(server: &mut Server, namespace: &str, name: &str) {
    let Some(pod) = server.object(&PODS, namespace, name) else {
        return;
    };
    let uid = object::uid(&pod).to_owned();
    if server.kubelet.pods.running.contains_key(&uid) {
        return follow(server, &uid, pod);
    }
    if is_over(&pod) {
        return finish(server, &pod);
    }
    match pod["spec"]["nodeName"].as_str().unwrap_or_default() {
        "" => scheduler::schedule(server, pod),
        node if node == server.settings.node_name => start(server, &uid, pod),
        _ => {}
    }
}

/// An object is gone, at once and without asking.
pub(super) fn deleted(server: &mut Server, uid: &str) {
    let uid = uid.to_owned();
    let action = match server.kubelet.pods.running.get_mut(&uid) {
        Some(running) => {
            running.grace = Some(0);
            let grace = Some(GracePeriod { seconds: 0 });
            Action::Stop { uid, grace }
        }
        None => Action::Forget { uid },
    };
    server.actions.push_back(action);
}

fn start(server: &mut Server, uid: &str, pod: Value) {
    if object::is_deleted(&pod) {
        return finish(server, &pod);
    }
    let name = (
        object::namespace(&pod).to_owned(),
        object::name(&pod).to_owned(),
    );
    let pods = &mut server.kubelet.pods;
    if pods.names.contains_key(&name) {
        pods.waiting.insert(name, None);
        return;
    }
    if past::is_finished(&pod) {
        return past::finish(server, pod);
    }
    let with_tokens = token::with_tokens(server, &pod);
    let mut spec = manifest::pod(&with_tokens).value;
    if scheduler::is_selected(server, &pod) {
        // The world knows only the labels that a node has from the beginning.
        spec.node_selector.clear();
    }
    let spec = Arc::new(spec);
    let conditions = status::foreign_conditions(&pod);
    let past = past::of(server, &pod);
    let generation = pod["metadata"]["generation"].as_i64().unwrap_or(1);
    let running = Running {
        namespace: name.0.clone(),
        name: name.1.clone(),
        spec: spec.clone(),
        conditions: conditions.clone(),
        grace: None,
        generations: Generations::new(generation),
        events: EventLog::default(),
        is_new_here: past.is_none() && scheduler::has_just_bound(server, uid),
    };
    let pods = &mut server.kubelet.pods;
    pods.waiting.remove(&name);
    pods.running.insert(uid.to_owned(), running);
    pods.names.insert(name, uid.to_owned());
    references::add(server, &spec);
    let uid = uid.to_owned();
    server.actions.push_back(Action::Start {
        uid: uid.clone(),
        spec,
        past,
    });
    if !conditions.is_empty() {
        let action = Action::Conditions { uid, conditions };
        server.actions.push_back(action);
    }
}

/// A pod that the world has is another.
fn follow(server: &mut Server, uid: &str, pod: Value) {
    let Some(running) = server.kubelet.pods.running.get_mut(uid) else {
        return;
    };
    let mut actions = Vec::new();
    let generation = pod["metadata"]["generation"].as_i64().unwrap_or(1);
    let mut is_unseen = generation != running.generations.latest();
    if object::is_deleted(&pod) {
        let seconds = pod["metadata"]["deletionGracePeriodSeconds"].as_u64();
        let seconds = u32::try_from(seconds.unwrap_or_default()).unwrap_or(u32::MAX);
        if running.grace.is_none() {
            running.generations.handed_over(generation);
            is_unseen = false;
        }
        if running.grace.is_none_or(|before| seconds < before) {
            running.grace = Some(seconds);
            actions.push(Action::Stop {
                uid: uid.to_owned(),
                grace: Some(GracePeriod { seconds }),
            });
        }
    }
    let before = running.spec.clone();
    let spec = spec::Pod {
        node_selector: before.node_selector.clone(),
        ..manifest::pod(&token::with_same_tokens(&pod)).value
    };
    let is_other = spec != *before;
    if is_other {
        let changes_more = spec::Pod {
            meta: spec.meta.clone(),
            ..(*before).clone()
        } != spec;
        if changes_more {
            running.generations.handed_over(generation);
            is_unseen = false;
        }
        running.spec = Arc::new(spec);
        actions.push(Action::Update {
            uid: uid.to_owned(),
            spec: running.spec.clone(),
        });
    }
    let conditions = status::foreign_conditions(&pod);
    if conditions != running.conditions {
        running.conditions.clone_from(&conditions);
        actions.push(Action::Conditions {
            uid: uid.to_owned(),
            conditions,
        });
    }
    let after = running.spec.clone();
    if is_other {
        references::add(server, &after);
        references::remove(server, &before);
    }
    server.actions.extend(actions);
    if is_unseen {
        observe(server, uid, pod, generation);
    }
}

/// A change that means nothing to the world has been seen nevertheless.
fn observe(server: &mut Server, uid: &str, mut pod: Value, generation: i64) {
    if let Some(running) = server.kubelet.pods.running.get_mut(uid) {
        running.generations.seen(generation);
    }
    if pod["status"]["observedGeneration"].is_null() {
        return;
    }
    pod["status"]["observedGeneration"] = generation.into();
    write(server, pod);
}

/// The world says how a pod is.
pub(super) fn take_status(server: &mut Server, uid: &str, status: &Status) {
    let Some(running) = server.kubelet.pods.running.get(uid) else {
        return;
    };
    let Some(mut pod) = server.object(&PODS, &running.namespace, &running.name) else {
        return;
    };
    if object::uid(&pod) != uid {
        return;
    }
    let observed = running.generations.at(status.observed_generation);
    let new = status::of(&running.spec, status, &pod["status"], observed);
    if new != pod["status"] {
        pod["status"] = new;
        write(server, pod);
    }
}

/// Writes a status that says nothing new to ourselves.
pub(super) fn write(server: &mut Server, pod: Value) {
    let options = Options::of(MANAGER).for_subresource("status");
    let (namespace, name) = (
        object::namespace(&pod).to_owned(),
        object::name(&pod).to_owned(),
    );
    match server.update(&PODS, &namespace, &name, pod, &options) {
        Ok(written) => {
            let revision: Option<Revision> =
                object::revision(&written).and_then(|text| text.parse().ok());
            server.kubelet.own.extend(revision);
        }
        // The store is full, or the object too large: the next word of the pod says all of it again.
        Err(error) => drop(error),
    }
}

/// The world could not start a pod.
pub(super) fn not_started(server: &mut Server, uid: &str, message: &str) {
    let message = format!("Failed to create pod sandbox: {message}");
    events::of_kubelet(server, uid, "FailedCreatePodSandBox", &message);
    let now = server.now.instant;
    if let Some(name) = forget(server, uid) {
        server.kubelet.pods.waiting.insert(name, Some(now + RETRY));
    }
}

/// The world has nothing of a pod any more.
pub(super) fn gone(server: &mut Server, uid: &str) {
    let Some(name) = forget(server, uid) else {
        return;
    };
    match server.object(&PODS, &name.0, &name.1) {
        Some(pod) if object::uid(&pod) == uid => finish(server, &pod),
        _ => {
            let uid = uid.to_owned();
            server.actions.push_back(Action::Forget { uid });
        }
    }
    if server.kubelet.pods.waiting.remove(&name).is_some() {
        changed(server, &name.0, &name.1);
    }
    scheduler::try_again(server);
}

fn forget(server: &mut Server, uid: &str) -> Option<Name> {
    let running = server.kubelet.pods.running.remove(uid)?;
    let name = running.full_name();
    server.kubelet.pods.names.remove(&name);
    server.forget_tokens(&name.0, &name.1, uid);
    references::remove(server, &running.spec);
    Some(name)
}

/// What nothing runs of goes, if somebody has asked for that.
pub(super) fn finish(server: &mut Server, pod: &Value) {
    if !object::is_deleted(pod) {
        return;
    }
    let finalizers = pod["metadata"]["finalizers"].as_array();
    let is_kept = finalizers.is_some_and(|all| !all.is_empty());
    if is_kept && pod["metadata"]["deletionGracePeriodSeconds"] == 0 {
        return;
    }
    let (namespace, name) = (object::namespace(pod), object::name(pod));
    let options = DeleteOptions::now(object::uid(pod));
    // Somebody else was faster.
    drop(server.delete(&PODS, namespace, name, &options));
}

/// Starts what is due.
pub(super) fn retry(server: &mut Server) {
    let now = server.now.instant;
    let waiting = server.kubelet.pods.waiting.iter();
    let is_due = |due: &Option<Instant>| due.is_some_and(|due| due <= now);
    let due: Vec<Name> = waiting
        .filter(|(_, due)| is_due(due))
        .map(|(name, _)| name.clone())
        .collect();
    for name in due {
        server.kubelet.pods.waiting.remove(&name);
        changed(server, &name.0, &name.1);
    }
}
