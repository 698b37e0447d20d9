//! The end of a namespace (`pkg/controller/namespace`): everything in it is deleted, pods before all else, and when
//! nothing is left the namespace is finalized.

use super::{Changed, Controller, MANAGER};
use crate::server::error::ApiError;
use crate::server::registry::{NAMESPACES, PODS, RESOURCES, Resource};
use crate::server::verbs::Options;
use crate::server::verbs::delete::{DeleteOptions, finalizers};
use crate::server::{Server, object, splice};
use http::StatusCode;
use seedpod_core::store::Key;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Empties namespaces that are to go.
pub(crate) struct NamespaceEnd;

/// What the namespace is held by while it has something in it: of `spec.finalizers`.
const FINALIZER: &str = "kubernetes";

impl Controller for NamespaceEnd {
    fn resource(&self) -> &'static Resource {
        &NAMESPACES
    }

    fn affected(&self, server: &Server, changed: &Changed) -> Vec<Key> {
        let object = &changed.object;
        let name = match *changed.resource == NAMESPACES {
            true => object::name(object),
            false => object::namespace(object),
        };
        let key = NAMESPACES.key("", name);
        let stored = server.store.get(&key);
        let metadata = stored.and_then(|stored| splice::field(&stored.value, "metadata"));
        let is_ending = metadata.and_then(|json| splice::field(json, "deletionTimestamp"));
        is_ending.map(|_| key).into_iter().collect()
    }

    fn sync(
        &self,
        server: &mut Server,
        _namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let is_held = |namespace: &Value| {
            let held = namespace["spec"]["finalizers"].as_array();
            held.is_some_and(|all| all.iter().any(|one| one == FINALIZER))
        };
        let namespace = server.object(&NAMESPACES, "", name);
        let is_ending = |one: &Value| object::is_deleted(one) && is_held(one);
        let Some(namespace) = namespace.filter(is_ending) else {
            return Ok(None);
        };
        let left = empty(server, name);
        let namespace = set_conditions(server, &namespace, &left)?;
        if left.counts.is_empty() && left.errors.is_empty() {
            finalize(server, &namespace)?;
        }
        match left.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }
}

/// What is still in a namespace after all of it has been deleted.
#[derive(Debug, Default)]
struct Left {
    /// By resource as messages name it: `pods.`, `deployments.apps`.
    counts: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
    errors: Vec<ApiError>,
}

fn empty(server: &mut Server, namespace: &str) -> Left {
    let mut left = Left::default();
    delete_all(server, &PODS, namespace, &mut left);
    if !left.counts.is_empty() {
        return left;
    }
    let others = RESOURCES.iter().filter(|resource| {
        resource.is_namespaced && **resource != &PODS && resource.verbs.contains(&"delete")
    });
    for resource in others {
        delete_all(server, resource, namespace, &mut left);
    }
    left
}

fn delete_all(server: &mut Server, resource: &'static Resource, namespace: &str, left: &mut Left) {
    for object in server.objects(resource, Some(namespace)) {
        let name = object::name(&object);
        if !object::is_deleted(&object) {
            let options = DeleteOptions::background();
            match server.delete(resource, namespace, name, &options) {
                Err(error) if error.code != StatusCode::NOT_FOUND => left.errors.push(error),
                Ok(_) | Err(_) => {}
            }
        }
        let Some(object) = server.object(resource, namespace, name) else {
            continue;
        };
        let name = format!("{}.{}", resource.plural, resource.group);
        *left.counts.entry(name).or_default() += 1;
        for finalizer in finalizers(&object) {
            *left.finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
}

/// One condition: type, and reason and message of its two states; the second is `None` when all is well.
type Condition = (
    &'static str,
    (&'static str, &'static str),
    Option<(&'static str, String)>,
);

fn conditions(left: &Left) -> [Condition; 5] {
    let errors: Vec<_> = left
        .errors
        .iter()
        .map(|error| error.message.as_str())
        .collect();
    let failed = (!errors.is_empty()).then(|| {
        let count = errors.len();
        let errors = errors.join(", ");
        let message = format!("Failed to delete all resource types, {count} remaining: {errors}");
        ("ContentDeletionFailed", message)
    });
    let list = |what: &BTreeMap<String, usize>, word: &str| {
        let all = what
            .iter()
            .map(|(name, count)| format!("{name} {word} {count} resource instances"));
        all.collect::<Vec<_>>().join(", ")
    };
    let remaining = (!left.counts.is_empty()).then(|| {
        let all = list(&left.counts, "has");
        (
            "SomeResourcesRemain",
            format!("Some resources are remaining: {all}"),
        )
    });
    let held = (!left.finalizers.is_empty()).then(|| {
        let all = list(&left.finalizers, "in");
        let message = format!("Some content in the namespace has finalizers remaining: {all}");
        ("SomeFinalizersRemain", message)
    });
    [
        (
            "NamespaceDeletionDiscoveryFailure",
            (
                "ResourcesDiscovered",
                "All resources successfully discovered",
            ),
            None,
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            (
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            None,
        ),
        (
            "NamespaceDeletionContentFailure",
            (
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization",
            ),
            failed,
        ),
        (
            "NamespaceContentRemaining",
            ("ContentRemoved", "All content successfully removed"),
            remaining,
        ),
        (
            "NamespaceFinalizersRemaining",
            (
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished",
            ),
            held,
        ),
    ]
}

/// The namespace as it then is.
fn set_conditions(server: &mut Server, namespace: &Value, left: &Left) -> Result<Value, ApiError> {
    let mut new = namespace.clone();
    let before = namespace["status"]["conditions"].as_array();
    let mut all = before.cloned().unwrap_or_default();
    for (kind, (ok, all_well), trouble) in conditions(left) {
        let (status, reason, message) = match trouble {
            Some((reason, message)) => ("True", reason, message),
            None => ("False", ok, all_well.to_owned()),
        };
        let old = all.iter_mut().find(|one| one["type"] == kind);
        let since = match &old {
            Some(old) if old["status"] == status => old["lastTransitionTime"].clone(),
            _ => server.now.wall.to_string().into(),
        };
        let condition = json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": since,
        });
        match old {
            Some(old) => *old = condition,
            None => all.push(condition),
        }
    }
    new["status"]["conditions"] = all.into();
    if new == *namespace {
        return Ok(new);
    }
    let options = Options::of(MANAGER).for_subresource("status");
    server.update(&NAMESPACES, "", object::name(namespace), new, &options)
}

fn finalize(server: &mut Server, namespace: &Value) -> Result<(), ApiError> {
    let mut new = namespace.clone();
    let held = namespace["spec"]["finalizers"].as_array().into_iter();
    new["spec"]["finalizers"] = held
        .flatten()
        .filter(|one| **one != FINALIZER)
        .cloned()
        .collect();
    let options = Options::of(MANAGER).for_subresource("finalize");
    server.update(&NAMESPACES, "", object::name(namespace), new, &options)?;
    Ok(())
}
