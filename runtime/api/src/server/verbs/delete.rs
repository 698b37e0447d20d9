//! `delete` and `deletecollection`: an object goes at once, or it is marked and stays until its grace period is over and
//! nobody holds it by a finalizer (`apiserver/pkg/registry/generic/registry/store.go`, `rest/delete.go`).

mod options;

pub(crate) use options::{DeleteOptions, Propagation};

use super::list_options::ListOptions;
use super::selector::Selector;
use super::write::stored;
use super::{Options, read};
use crate::server::error::ApiError;
use crate::server::object;
use crate::server::registry::Resource;
use crate::server::request::{Answer, Request, ResourceTarget};
use crate::server::{Server, encode};
use http::StatusCode;
use seedpod_core::store::Expected;
use seedpod_core::time::WallTime;
use serde_json::{Value, json};

/// The finalizer of who waits for those that block its deletion.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of whose dependents shall stay.
pub(crate) const ORPHAN: &str = "orphan";

/// What has become of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deleted {
    /// The object as it is now, or was last.
    pub(crate) object: Value,
    /// Whether it has left the store.
    pub(crate) is_gone: bool,
}

/// One object.
pub(crate) fn one(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
) -> Result<Answer, ApiError> {
    let options = DeleteOptions::of_request(request)?;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let resource = target.resource;
    let Deleted { object, is_gone } = server.delete(resource, namespace, name, &options)?;
    let code = match !is_gone && options.orphan_dependents == Some(false) {
        true => StatusCode::ACCEPTED,
        false => StatusCode::OK,
    };
    let answer = match is_gone && !is_returned(resource) {
        true => success(resource, &object),
        false => object,
    };
    read::response(server, request, resource, code, &answer).map(Answer::Response)
}

/// All that are selected. Answered is what they were before.
pub(crate) fn collection(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    let list = ListOptions::of_request(request)?;
    let selector = Selector::of_request(request, target.resource)?;
    let options = DeleteOptions::of_request(request)?;
    let page = read::page(server, target, &list, &selector)?;
    let keys: Vec<_> = page.items.iter().map(|(key, _)| key.clone()).collect();
    let answer = read::list_response(server, request, target.resource, page)?;
    for key in keys {
        match server.delete(target.resource, &key.namespace, &key.name, &options) {
            Err(error) if error.code != StatusCode::NOT_FOUND => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(Answer::Response(answer))
}

/// Kinds whose last state is the answer, where others answer with a `Status` (`ReturnDeletedObject`).
fn is_returned(resource: &Resource) -> bool {
    const RETURNED: &[&str] = &[
        "namespaces",
        "pods",
        "podtemplates",
        "serviceaccounts",
        "services",
    ];
    RETURNED.contains(&resource.name())
}

fn success(resource: &Resource, object: &Value) -> Value {
    let mut details = json!({
        "name": object::name(object), "kind": resource.plural, "uid": object::uid(object),
    });
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
    })
}

/// What the grace period of a kind makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grace {
    /// It has none.
    None,
    /// It runs already, and is not longer.
    Pending,
    /// It is now this many seconds.
    Seconds(i64),
}

impl Server {
    /// Deletes an object as a client would.
    ///
    /// # Errors
    /// When it is not there, is not what the preconditions say, or must stay.
    pub(crate) fn delete(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let old = self
            .object(resource, namespace, name)
            .ok_or_else(|| ApiError::not_found(resource, name))?;
        check_preconditions(resource, &old, options)?;
        resource.strategy.admit_delete(self, &old)?;
        let now = self.now.wall;
        let mut new = old.clone();
        let grace = begin_grace(resource, &mut new, options.grace_seconds, now);
        if grace == Grace::Pending {
            return Ok(kept(old));
        }
        set_finalizers(resource, &mut new, options);
        let is_held = has_finalizers(&new) || resource.strategy.is_held(&new);
        if grace == Grace::None && is_held {
            mark_without_grace(resource, &mut new, now);
        }
        if new != old {
            let revision = object::revision(&old).and_then(|text| text.parse().ok());
            let write = Options {
                dry_run: options.dry_run,
                ..Options::default()
            };
            let expected = Expected::Revision(revision.unwrap_or_default());
            if is_held || grace != Grace::None {
                new = self.store_object(resource, new, expected, &write)?;
            }
        }
        match grace {
            Grace::Seconds(1..) => Ok(kept(new)),
            _ if is_held => Ok(kept(new)),
            _ if options.dry_run => Ok(Deleted {
                object: new,
                is_gone: true,
            }),
            _ => Ok(Deleted {
                object: self.remove(resource, &new)?,
                is_gone: true,
            }),
        }
    }

    /// Takes an object out of the store, whatever finalizers it has. What it was last.
    pub(crate) fn remove(
        &mut self,
        resource: &Resource,
        object: &Value,
    ) -> Result<Value, ApiError> {
        let (namespace, name) = (object::namespace(object), object::name(object));
        let key = resource.key(namespace, name);
        let mut last = Value::Null;
        let removed = self
            .store
            .remove(&key, Expected::Something, |revision, stored| {
                last = object::decode(&stored.value);
                encode(&mut last, revision)
            });
        removed.map_err(|error| stored(error, resource, name))?;
        Ok(last)
    }
}

fn kept(object: Value) -> Deleted {
    Deleted {
        object,
        is_gone: false,
    }
}

/// The finalizers of an object.
pub(crate) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let all = object["metadata"]["finalizers"].as_array();
    all.into_iter().flatten().filter_map(Value::as_str)
}

fn has_finalizers(object: &Value) -> bool {
    finalizers(object).next().is_some()
}

fn grace_seconds(object: &Value) -> i64 {
    match object["metadata"]["deletionGracePeriodSeconds"].as_i64() {
        Some(seconds) if seconds < 0 => 1,
        Some(seconds) => seconds,
        None => 0,
    }
}

fn check_preconditions(
    resource: &Resource,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let found = [object::uid(object), object::meta(object, "resourceVersion")];
    let all = [
        ("UID", &options.uid, "deleted and then recreated"),
        ("ResourceVersion", &options.revision, "modified"),
    ];
    for ((field, wanted, fate), found) in all.into_iter().zip(found) {
        let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != found) else {
            continue;
        };
        let name = object::name(object);
        let why = format!(
            "the {field} in the precondition ({wanted}) does not match the {field} in record ({found}). The object might have been {fate}"
        );
        let mut error = ApiError::conflict(resource, name, &why);
        let kind = match resource.group {
            "" => resource.kind.to_owned(),
            group => format!("{}.{group}", resource.kind),
        };
        error.message = format!("Operation cannot be fulfilled on {kind} {name:?}: {why}");
        error.details.get_or_insert_default()["kind"] = resource.kind.into();
        return Err(error);
    }
    Ok(())
}

fn begin_grace(
    resource: &Resource,
    object: &mut Value,
    requested: Option<i64>,
    now: WallTime,
) -> Grace {
    let requested = requested.map(|seconds| if seconds < 0 { 1 } else { seconds });
    let Some(seconds) = resource.strategy.graceful(object, requested) else {
        return Grace::None;
    };
    if !object::is_deleted(object) {
        set_deletion(resource, object, later(now, seconds), Some(seconds));
        return Grace::Seconds(seconds);
    }
    let current = grace_seconds(object);
    let mut seconds = match requested {
        _ if current == 0 => return Grace::None,
        Some(seconds) if seconds < current => seconds,
        _ => return Grace::Pending,
    };
    let end = object::meta(object, "deletionTimestamp")
        .parse()
        .unwrap_or(now);
    let mut end = later(end, seconds - current);
    if end < now {
        end = now;
        seconds = seconds.min(1);
    }
    object["metadata"]["deletionTimestamp"] = end.to_string().into();
    object["metadata"]["deletionGracePeriodSeconds"] = seconds.into();
    Grace::Seconds(seconds)
}

fn mark_without_grace(resource: &Resource, object: &mut Value, now: WallTime) {
    let seconds = (!resource.strategy.is_held(object)).then_some(0);
    if !object::is_deleted(object) {
        set_deletion(resource, object, now, seconds);
    } else if seconds.is_some() {
        object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
    }
}

fn set_deletion(resource: &Resource, object: &mut Value, at: WallTime, seconds: Option<i64>) {
    let generation = object["metadata"]["generation"].as_i64();
    if let Some(generation) = generation.filter(|generation| *generation > 0) {
        object["metadata"]["generation"] = (generation + 1).into();
    }
    object["metadata"]["deletionTimestamp"] = at.to_string().into();
    if let Some(seconds) = seconds {
        object["metadata"]["deletionGracePeriodSeconds"] = seconds.into();
    }
    resource.strategy.mark_deleted(object);
}

/// Kinds of old versions whose dependents stay when nobody says what shall become of them.
fn orphans_by_default(resource: &Resource) -> bool {
    matches!(resource.name(), "jobs.batch" | "replicationcontrollers")
}

/// Adds and removes the finalizers by which the garbage collector does what the options ask for.
fn set_finalizers(resource: &Resource, object: &mut Value, options: &DeleteOptions) {
    let has = |wanted: &str| finalizers(object).any(|one| one == wanted);
    let propagation = options.effective_propagation();
    let is_orphan = match propagation {
        Some(propagation) => propagation == Propagation::Orphan,
        None => has(ORPHAN) || (orphans_by_default(resource) && !has(FOREGROUND)),
    };
    let is_foreground = match propagation {
        Some(propagation) => propagation == Propagation::Foreground,
        None => has(FOREGROUND) && !has(ORPHAN),
    };
    let others = finalizers(object).filter(|one| ![ORPHAN, FOREGROUND].contains(one));
    let mut all: Vec<String> = others.map(str::to_owned).collect();
    all.extend(is_orphan.then(|| ORPHAN.to_owned()));
    all.extend(is_foreground.then(|| FOREGROUND.to_owned()));
    let mut before: Vec<&str> = finalizers(object).collect();
    let mut after: Vec<&str> = all.iter().map(String::as_str).collect();
    before.sort_unstable();
    after.sort_unstable();
    if before != after {
        object::set_finalizers(object, all);
    }
}

fn later(time: WallTime, seconds: i64) -> WallTime {
    let nanos = i128::from(time.as_unix_nanos()) + i128::from(seconds) * 1_000_000_000;
    WallTime::from_unix_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}
