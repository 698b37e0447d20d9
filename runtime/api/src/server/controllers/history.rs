//! ControllerRevisions: the templates that a DaemonSet or StatefulSet has had, for `kubectl rollout`.

use super::hash::short_hash;
use super::pods::{Manager, int};
use super::{MANAGER as FIELD_MANAGER, controller_reference, is_controlled_by};
use crate::server::error::ApiError;
use crate::server::registry::CONTROLLER_REVISIONS;
use crate::server::verbs::Options;
use crate::server::verbs::delete::DeleteOptions;
use crate::server::{Server, object};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Label of a pod that says of which revision it is.
pub(super) const REVISION_HASH: &str = "controller-revision-hash";

/// The revisions of one object.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// That of its template.
    pub(super) update: Value,
    /// The others, oldest first.
    pub(super) old: Vec<Value>,
    /// How often a name was taken by another template.
    pub(super) collisions: i64,
}

/// What a revision keeps: a strategic merge patch that brings the template back.
fn data(owner: &Value) -> Value {
    let mut template = owner["spec"]["template"].clone();
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

/// The template that a revision keeps.
pub(super) fn template(revision: &Value) -> Value {
    let mut template = revision["data"]["spec"]["template"].clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    template
}

/// Makes sure that there is a revision of the current template, and that it is the newest. `label` gets its hash.
pub(super) fn sync(
    manager: Manager,
    server: &mut Server,
    owner: &Value,
    label: &str,
) -> Result<History, ApiError> {
    let revisions = server.owned_or_free(&CONTROLLER_REVISIONS, owner);
    let mut revisions = manager.claim(server, owner, &CONTROLLER_REVISIONS, revisions, None)?;
    revisions.sort_by_key(|one| (int(&one["revision"]), object::name(one).to_owned()));
    let data = data(owner);
    let found = revisions.iter().rposition(|one| one["data"] == data);
    let mut collisions = int(&owner["status"]["collisionCount"]);
    let update = found.map(|place| revisions.remove(place));
    let newest = revisions.last().map_or(0, |last| int(&last["revision"])) + 1;
    let update = match update {
        Some(update) if int(&update["revision"]) >= newest => update,
        Some(mut update) => {
            update["revision"] = newest.into();
            let namespace = object::namespace(owner);
            let name = object::name(&update).to_owned();
            let options = Options::of(FIELD_MANAGER);
            server.update(&CONTROLLER_REVISIONS, namespace, &name, update, &options)?
        }
        None => create(manager, server, owner, (label, newest), &mut collisions)?,
    };
    Ok(History {
        update,
        old: revisions,
        collisions,
    })
}

fn create(
    manager: Manager,
    server: &mut Server,
    owner: &Value,
    (label, number): (&str, i64),
    collisions: &mut i64,
) -> Result<Value, ApiError> {
    let data = data(owner);
    let namespace = object::namespace(owner);
    // As many as names can be taken.
    loop {
        let hash = short_hash(&data, Some(*collisions));
        let name = format!("{}-{hash}", object::name(owner));
        if let Some(taken) = server.object(&CONTROLLER_REVISIONS, namespace, &name) {
            if taken["data"] == data && is_controlled_by(&taken, owner) {
                return Ok(taken);
            }
            *collisions += 1;
            continue;
        }
        let mut meta = json!({
            "name": name,
            "labels": owner["spec"]["template"]["metadata"]["labels"],
            "ownerReferences": [controller_reference(manager.resource, owner)],
        });
        meta["labels"][label] = hash.into();
        if owner["metadata"]["annotations"].is_object() {
            meta["annotations"] = owner["metadata"]["annotations"].clone();
        }
        let revision = json!({"metadata": meta, "data": data, "revision": number});
        let options = Options::of(FIELD_MANAGER);
        return server.create(&CONTROLLER_REVISIONS, namespace, revision, &options);
    }
}

/// Deletes revisions, oldest first, of which there are more than shall be kept, unless their name is one of `live`.
pub(super) fn clean_up(
    server: &mut Server,
    owner: &Value,
    old: &[Value],
    live: &BTreeSet<&str>,
) -> Result<(), ApiError> {
    let Ok(limit) = usize::try_from(int(&owner["spec"]["revisionHistoryLimit"])) else {
        return Ok(());
    };
    let names = old.iter().map(object::name);
    let dead: Vec<&str> = names.filter(|name| !live.contains(name)).collect();
    let surplus = dead.len().saturating_sub(limit);
    for name in &dead[..surplus] {
        let options = DeleteOptions::background();
        let namespace = object::namespace(owner);
        match server.delete(&CONTROLLER_REVISIONS, namespace, name, &options) {
            Err(error) if error.code != StatusCode::NOT_FOUND => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
