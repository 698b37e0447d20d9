//! What changes objects because others have changed.
//!
//! Each [`Controller`] is told which of its objects something has happened to, directly or to what belongs to them, and
//! then makes the world look more like what such an object asks for. It remembers nothing: all there is to know stands in
//! the objects, so that a server that starts again goes on where the last one was. What fails is tried again later.
//!
//! All of them see every write of the others at once, so there are no expectations to wait for as in Kubernetes, whose
//! controllers look at caches that lag behind.

mod bootstrap;
mod conditions;
mod cron_job;
mod daemon_set;
mod deployment;
mod endpoints;
mod garbage;
mod hash;
mod history;
mod index;
mod job;
mod namespace;
mod pods;
mod proxy;
mod queue;
mod replica_set;
mod selector;
mod serviceaccount;
mod stateful_set;
mod times;

pub(crate) use index::Index;
pub(crate) use proxy::{Told, node_port_news};
pub(crate) use selector::LabelSelector;

use super::error::ApiError;
use super::registry::{RESOURCES, Resource};
use super::{Server, object};
use queue::{Item, Queue};
use seedpod_core::limits::CONTROLLER_SYNCS_PER_TURN;
use seedpod_core::store::{Change, ChangeKind, Key, Revision};
use seedpod_core::time::Instant;
use serde_json::Value;
use std::time::Duration;

/// What controllers write as: `kube-controller-manager` in `managedFields`.
pub(crate) const MANAGER: &str = "kube-controller-manager";

/// One controller.
pub(crate) trait Controller: Sync {
    /// What its keys name.
    fn resource(&self) -> &'static Resource;

    /// What objects of [`resource`](Self::resource) control by an owner reference.
    fn dependents(&self) -> &'static [&'static Resource] {
        &[]
    }

    /// What has to be looked at because of a change. Without more: the object itself, and of a dependent its controller
    /// (and who was it before), or when it has none all who select it.
    fn affected(&self, server: &Server, changed: &Changed) -> Vec<Key> {
        affected(self.resource(), self.dependents(), server, changed)
    }

    /// Does what is to be done for one object, which need not be there any more. When to look again although nothing has
    /// changed; each answer replaces the one before.
    ///
    /// # Errors
    /// When it has to be tried again: after 5 ms, then twice as long each time.
    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError>;
}

/// All of them, in the order in which they are told of a change.
static CONTROLLERS: &[&dyn Controller] = &[
    &namespace::NamespaceEnd,
    &serviceaccount::NamespaceDefaults,
    &bootstrap::KubernetesService,
    &endpoints::EndpointsController,
    &proxy::Proxy,
    &deployment::DeploymentController,
    &replica_set::REPLICA_SET,
    &replica_set::REPLICATION,
    &daemon_set::DaemonSetController,
    &stateful_set::StatefulSetController,
    &cron_job::CronJobController,
    &job::JobController,
    &job::OrphanPods,
];

/// The number of the garbage collector, whose keys name objects of all resources.
const GARBAGE: usize = usize::MAX;

/// One change, decoded.
#[derive(Debug)]
pub(crate) struct Changed {
    /// Of what.
    pub(crate) resource: &'static Resource,
    /// What happened. What was there when the server started has been added.
    pub(crate) kind: ChangeKind,
    /// What it is now, or was last.
    pub(crate) object: Value,
    /// What it was before.
    pub(crate) previous: Option<Value>,
}

impl Changed {
    /// What names the object.
    pub(crate) fn key(&self) -> Key {
        key(self.resource, &self.object)
    }
}

/// What names an object.
pub(crate) fn key(resource: &Resource, object: &Value) -> Key {
    resource.key(object::namespace(object), object::name(object))
}

/// What the controllers remember: what they have to look at, and when.
#[derive(Debug, Default)]
pub(crate) struct Controllers {
    queue: Queue,
    /// The last change that they were told of; `None` before the first.
    told: Option<Revision>,
}

impl Controllers {
    /// When one of them has something to do.
    pub(crate) fn next_deadline(&self, revision: Revision) -> Option<Instant> {
        match self.told {
            Some(told) if told == revision => self.queue.next_deadline(),
            _ => Some(Instant::ZERO),
        }
    }

    /// Tells all of them what has changed since the last time.
    fn tell(&mut self, server: &mut Server) {
        let revision = server.store.revision();
        if self.told == Some(revision) {
            return;
        }
        let since = |told| server.store.changes().since(told).ok();
        let known = self.told.and_then(since);
        let changes: Option<Vec<Change>> = known.map(|changes| changes.cloned().collect());
        match changes {
            Some(changes) => {
                for change in changes {
                    self.tell_one(server, change);
                }
            }
            None => self.tell_everything(server),
        }
        self.told = Some(revision);
    }

    fn tell_one(&mut self, server: &mut Server, change: Change) {
        let Some(resource) = resource_of(&change.key) else {
            return;
        };
        let changed = Changed {
            resource,
            kind: change.kind,
            object: object::decode(&change.stored.value),
            previous: change
                .previous
                .map(|previous| object::decode(&previous.value)),
        };
        self.tell_changed(server, &change.key, &changed);
    }

    /// As if all that is there had just come.
    fn tell_everything(&mut self, server: &mut Server) {
        server.index = Index::default();
        for resource in RESOURCES {
            let all = server.store.list(resource.name(), None);
            let all: Vec<_> = all
                .map(|(key, stored)| (key.clone(), stored.clone()))
                .collect();
            for (key, stored) in all {
                let changed = Changed {
                    resource,
                    kind: ChangeKind::Added,
                    object: object::decode(&stored.value),
                    previous: None,
                };
                self.tell_changed(server, &key, &changed);
            }
        }
    }

    fn tell_changed(&mut self, server: &mut Server, key: &Key, changed: &Changed) {
        server.index.update(key, changed);
        for key in garbage::affected(server, changed) {
            let item = Item {
                controller: GARBAGE,
                key,
            };
            self.queue.add(item, server.now.instant);
        }
        for (number, controller) in CONTROLLERS.iter().enumerate() {
            for key in controller.affected(server, changed) {
                let item = Item {
                    controller: number,
                    key,
                };
                self.queue.add(item, server.now.instant);
            }
        }
    }
}

/// Makes what every cluster has.
pub(crate) fn bootstrap(server: &mut Server) {
    bootstrap::bootstrap(server);
}

/// Does what is due, but not so much that nobody else gets a turn; then it is due again at once.
pub(crate) fn turn(server: &mut Server) {
    let mut controllers = std::mem::take(&mut server.controllers);
    controllers.tell(server);
    for _ in 0..CONTROLLER_SYNCS_PER_TURN {
        let Some(item) = controllers.queue.pop(server.now.instant) else {
            break;
        };
        let outcome = match CONTROLLERS.get(item.controller) {
            Some(controller) => controller.sync(server, &item.key.namespace, &item.key.name),
            None => garbage::sync(server, &item.key).map(|()| None),
        };
        let now = server.now.instant;
        match outcome {
            Ok(again) => controllers.queue.done(item, again.map(|delay| now + delay)),
            Err(_) => controllers.queue.failed(item, now),
        }
        controllers.tell(server);
    }
    server.controllers = controllers;
}

fn resource_of(key: &Key) -> Option<&'static Resource> {
    let mut all = RESOURCES.iter().copied();
    all.find(|resource| *resource.name() == *key.resource)
}

fn affected(
    resource: &'static Resource,
    dependents: &[&'static Resource],
    server: &Server,
    changed: &Changed,
) -> Vec<Key> {
    if *changed.resource == *resource {
        return vec![changed.key()];
    }
    if !dependents.contains(&changed.resource) {
        return Vec::new();
    }
    let both = [Some(&changed.object), changed.previous.as_ref()];
    let references = both.into_iter().flatten().filter_map(controller_of);
    let mut keys: Vec<Key> = references
        .filter(|reference| is_reference_to(reference, resource))
        .filter_map(|reference| reference["name"].as_str())
        .map(|name| resource.key(object::namespace(&changed.object), name))
        .collect();
    let is_orphan = controller_of(&changed.object).is_none() && changed.kind != ChangeKind::Deleted;
    if is_orphan {
        let all = server.objects(resource, Some(object::namespace(&changed.object)));
        let selecting = all
            .iter()
            .filter(|one| LabelSelector::of(&one["spec"]["selector"]).selects(&changed.object));
        keys.extend(selecting.map(|one| key(resource, one)));
    }
    keys.sort();
    keys.dedup();
    keys
}

/// The owner reference of who controls an object.
pub(crate) fn controller_of(object: &Value) -> Option<&Value> {
    let references = object["metadata"]["ownerReferences"].as_array()?;
    references
        .iter()
        .find(|reference| reference["controller"] == true)
}

fn is_reference_to(reference: &Value, resource: &Resource) -> bool {
    let version = reference["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    reference["kind"] == resource.kind && group == resource.group
}

/// Whether `owner` controls an object.
pub(crate) fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    controller_of(object).is_some_and(|reference| reference["uid"] == owner["metadata"]["uid"])
}

/// The reference by which `owner` controls an object.
pub(crate) fn controller_reference(resource: &Resource, owner: &Value) -> Value {
    serde_json::json!({
        "apiVersion": resource.api_version(), "kind": resource.kind, "name": object::name(owner),
        "uid": object::uid(owner), "controller": true, "blockOwnerDeletion": true,
    })
}

#[cfg(test)]
mod tests;
