//! Which object is owned by which.

use super::{CONTROLLERS, Changed, controller_of};
use crate::server::Server;
use crate::server::object;
use crate::server::registry::Resource;
use seedpod_core::store::{ChangeKind, Key};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who owns whom, by `metadata.ownerReferences`, as the controllers were told last: what a controller itself has just
/// written comes in after its sync. Never more than the store has.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The uids of an object's owners.
    owners: BTreeMap<Key, Vec<Arc<str>>>,
    /// What belongs to an owner, by the owner's uid.
    owned: BTreeMap<Arc<str>, BTreeSet<Key>>,
    /// What a controller could have, and has none.
    uncontrolled: BTreeSet<Key>,
}

impl Index {
    /// Takes in a change.
    pub(super) fn update(&mut self, key: &Key, changed: &Changed) {
        for owner in self.owners.remove(key).unwrap_or_default() {
            if let Some(owned) = self.owned.get_mut(&owner) {
                owned.remove(key);
                if owned.is_empty() {
                    self.owned.remove(&owner);
                }
            }
        }
        self.uncontrolled.remove(key);
        if changed.kind == ChangeKind::Deleted {
            return;
        }
        let references = changed.object["metadata"]["ownerReferences"].as_array();
        let owners = references.into_iter().flatten();
        let owners = owners.filter_map(|reference| reference["uid"].as_str());
        let owners: Vec<Arc<str>> = owners.map(Arc::from).collect();
        for owner in &owners {
            self.owned
                .entry(owner.clone())
                .or_default()
                .insert(key.clone());
        }
        if !owners.is_empty() {
            self.owners.insert(key.clone(), owners);
        }
        let can_be_controlled = CONTROLLERS
            .iter()
            .any(|controller| controller.dependents().contains(&changed.resource));
        if can_be_controlled && controller_of(&changed.object).is_none() {
            self.uncontrolled.insert(key.clone());
        }
    }

    /// What has an owner reference with this uid.
    pub(crate) fn owned(&self, uid: &str) -> impl Iterator<Item = &Key> {
        self.owned.get(uid).into_iter().flatten()
    }

    fn uncontrolled<'s>(
        &'s self,
        resource: &Resource,
        namespace: &str,
    ) -> impl Iterator<Item = &'s Key> {
        let first = resource.key(namespace, "");
        let (resource, namespace) = (first.resource.clone(), first.namespace.clone());
        self.uncontrolled
            .range(first..)
            .take_while(move |key| key.resource == resource && key.namespace == namespace)
    }
}

impl Server {
    /// The objects of `resource` that belong to `owner`, and those of its namespace that nobody controls, by name.
    pub(crate) fn owned_or_free(&self, resource: &'static Resource, owner: &Value) -> Vec<Value> {
        let name = resource.name();
        let owned = self.index.owned(object::uid(owner));
        let owned = owned.filter(|key| *key.resource == *name);
        let free = self.index.uncontrolled(resource, object::namespace(owner));
        let keys: BTreeSet<&Key> = owned.chain(free).collect();
        let stored = keys.into_iter().filter_map(|key| self.store.get(key));
        stored.map(|stored| object::decode(&stored.value)).collect()
    }
}
