//! Garbage collection by `metadata.ownerReferences` (`pkg/controller/garbagecollector`): what has lost all its owners
//! goes; an owner that waits for its dependents (`foregroundDeletion`) goes after those that block it; one whose
//! dependents shall stay (`orphan`) goes after they have forgotten it.

use super::{Changed, MANAGER, resource_of};
use crate::server::error::ApiError;
use crate::server::registry::{RESOURCES, Resource};
use crate::server::verbs::Options;
use crate::server::verbs::delete::{DeleteOptions, FOREGROUND, ORPHAN, Propagation, finalizers};
use crate::server::{Server, object};
use http::StatusCode;
use seedpod_core::store::{ChangeKind, Key};
use serde_json::Value;

/// What has to be looked at because of a change.
pub(super) fn affected(server: &Server, changed: &Changed) -> Vec<Key> {
    let object = &changed.object;
    let mut keys = Vec::new();
    let owners =
        |object| references(object).filter_map(move |reference| owner_key(object, reference));
    if changed.kind == ChangeKind::Deleted {
        keys.extend(server.index.owned(object::uid(object)).cloned());
        keys.extend(owners(object).filter(|key| server.store.get(key).is_some()));
        return keys;
    }
    let before = changed.previous.as_ref();
    let references_before = before.map(|before| &before["metadata"]["ownerReferences"]);
    if references_before != Some(&object["metadata"]["ownerReferences"]) {
        let has_owner = references(object).next().is_some();
        keys.extend(has_owner.then(|| changed.key()));
        let both = [Some(object), before].into_iter().flatten();
        keys.extend(both.flat_map(owners));
    }
    if object::is_deleted(object)
        && finalizers(object).any(|one| [FOREGROUND, ORPHAN].contains(&one))
    {
        keys.push(changed.key());
    }
    keys
}

/// Looks at an object.
///
/// # Errors
/// When it has to be looked at again.
pub(super) fn sync(server: &mut Server, key: &Key) -> Result<(), ApiError> {
    let Some((resource, object)) = find(server, key) else {
        return Ok(());
    };
    let has = |wanted: &str| finalizers(&object).any(|one| one == wanted);
    match object::is_deleted(&object) {
        true if has(ORPHAN) => orphan_dependents(server, resource, &object),
        true if has(FOREGROUND) => delete_dependents(server, resource, &object),
        true => Ok(()),
        false => collect(server, resource, &object),
    }
}

fn find(server: &Server, key: &Key) -> Option<(&'static Resource, Value)> {
    let stored = server.store.get(key)?;
    Some((resource_of(key)?, object::decode(&stored.value)))
}

fn references(object: &Value) -> impl Iterator<Item = &Value> {
    let all = object["metadata"]["ownerReferences"].as_array();
    all.into_iter().flatten()
}

/// What would name the owner; `None` when there can be none: a kind that is not served, or an owner in a namespace of
/// what is in none.
fn owner_key(object: &Value, reference: &Value) -> Option<Key> {
    let version = reference["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let mut all = RESOURCES.iter();
    let owner = all.find(|one| one.group == group && reference["kind"] == one.kind)?;
    let namespace = object::namespace(object);
    let is_out_of_reach = owner.is_namespaced && namespace.is_empty();
    let name = reference["name"].as_str().unwrap_or_default();
    (!is_out_of_reach).then(|| owner.key(namespace, name))
}

/// What an owner is to a dependent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// It is there, or nobody can say that it is not.
    Solid,
    /// It is gone, or another of the same name is there.
    Dangling,
    /// It waits for its dependents to go.
    Waiting,
}

fn owner(server: &Server, object: &Value, reference: &Value) -> Owner {
    let Some(key) = owner_key(object, reference) else {
        return Owner::Solid;
    };
    let Some((_, owner)) = find(server, &key) else {
        return Owner::Dangling;
    };
    if owner["metadata"]["uid"] != reference["uid"] {
        return Owner::Dangling;
    }
    match is_waiting(&owner) {
        true => Owner::Waiting,
        false => Owner::Solid,
    }
}

fn is_waiting(object: &Value) -> bool {
    object::is_deleted(object) && finalizers(object).any(|one| one == FOREGROUND)
}

/// The objects that have a reference to an owner.
fn dependents(server: &Server, owner: &Value) -> Vec<(&'static Resource, Value)> {
    let keys = server.index.owned(object::uid(owner));
    let all = keys.filter_map(|key| find(server, key));
    let uid = &owner["metadata"]["uid"];
    all.filter(|(_, object)| references(object).any(|one| one["uid"] == *uid))
        .collect()
}

/// Deletes an object that has no owner any more, or takes from it the references to those that are gone.
fn collect(
    server: &mut Server,
    resource: &'static Resource,
    object: &Value,
) -> Result<(), ApiError> {
    let owners: Vec<Owner> = references(object)
        .map(|reference| owner(server, object, reference))
        .collect();
    if owners.iter().all(|owner| *owner == Owner::Solid) {
        return Ok(());
    }
    if owners.contains(&Owner::Solid) {
        let all = references(object).zip(&owners);
        let solid = all.filter(|(_, owner)| **owner == Owner::Solid);
        let solid = solid.map(|(reference, _)| reference.clone()).collect();
        return set_references(server, resource, object, solid);
    }
    let dependents = dependents(server, object);
    let is_waited_for = owners.contains(&Owner::Waiting) && !dependents.is_empty();
    if is_waited_for && dependents.iter().any(|(_, one)| is_waiting(one)) {
        // A circle of owners that wait for each other.
        let mut all: Vec<Value> = references(object).cloned().collect();
        for reference in &mut all {
            reference["blockOwnerDeletion"] = false.into();
        }
        set_references(server, resource, object, all)?;
    }
    let has = |wanted: &str| finalizers(object).any(|one| one == wanted);
    let propagation = match () {
        () if is_waited_for => Propagation::Foreground,
        () if has(ORPHAN) => Propagation::Orphan,
        () if has(FOREGROUND) => Propagation::Foreground,
        () => Propagation::Background,
    };
    let options = DeleteOptions {
        propagation: Some(propagation),
        uid: Some(object::uid(object).to_owned()),
        ..DeleteOptions::default()
    };
    let (namespace, name) = (object::namespace(object), object::name(object));
    match server.delete(resource, namespace, name, &options) {
        Err(error) if error.code != StatusCode::NOT_FOUND => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn delete_dependents(
    server: &mut Server,
    resource: &'static Resource,
    object: &Value,
) -> Result<(), ApiError> {
    let uid = &object["metadata"]["uid"];
    let blocks = |one: &Value| {
        references(one)
            .any(|reference| reference["uid"] == *uid && reference["blockOwnerDeletion"] == true)
    };
    let mut is_blocked = false;
    for (dependent, one) in dependents(server, object) {
        is_blocked |= blocks(&one);
        if !object::is_deleted(&one) {
            collect(server, dependent, &one)?;
        }
    }
    // Those that were there a moment ago may be gone, and then their change brings us here again.
    match is_blocked {
        true => Ok(()),
        false => drop_finalizer(server, resource, object, FOREGROUND),
    }
}

fn orphan_dependents(
    server: &mut Server,
    resource: &'static Resource,
    object: &Value,
) -> Result<(), ApiError> {
    let uid = &object["metadata"]["uid"];
    for (dependent, one) in dependents(server, object) {
        let others = references(&one).filter(|reference| reference["uid"] != *uid);
        let others = others.cloned().collect();
        set_references(server, dependent, &one, others)?;
    }
    drop_finalizer(server, resource, object, ORPHAN)
}

fn drop_finalizer(
    server: &mut Server,
    resource: &'static Resource,
    object: &Value,
    finalizer: &str,
) -> Result<(), ApiError> {
    let others = finalizers(object).filter(|one| *one != finalizer);
    let others = others.map(str::to_owned).collect();
    let mut new = object.clone();
    object::set_finalizers(&mut new, others);
    update(server, resource, new)
}

fn set_references(
    server: &mut Server,
    resource: &'static Resource,
    object: &Value,
    references: Vec<Value>,
) -> Result<(), ApiError> {
    let mut new = object.clone();
    if let Some(meta) = new["metadata"].as_object_mut() {
        match references.is_empty() {
            true => meta.remove("ownerReferences"),
            false => meta.insert("ownerReferences".to_owned(), references.into()),
        };
    }
    update(server, resource, new)
}

fn update(server: &mut Server, resource: &'static Resource, new: Value) -> Result<(), ApiError> {
    let (namespace, name) = (
        object::namespace(&new).to_owned(),
        object::name(&new).to_owned(),
    );
    let options = Options::of(MANAGER);
    server.update(resource, &namespace, &name, new, &options)?;
    Ok(())
}
