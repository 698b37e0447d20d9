//! What controllers that make pods have in common.

mod rank;

pub(super) use rank::sort_for_deletion;

use super::conditions::condition;
use super::times::time;
use super::{LabelSelector, MANAGER, controller_of, controller_reference, is_controlled_by};
use crate::server::error::ApiError;
use crate::server::kubelet::{EventKind, EventSource};
use crate::server::registry::{PODS, Resource};
use crate::server::verbs::Options;
use crate::server::verbs::delete::DeleteOptions;
use crate::server::{Server, object};
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// What most of them make.
pub(super) static ONLY_PODS: &[&Resource] = &[&PODS];

/// A number in an object; 0 when there is none.
pub(super) fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// A number of `total`, or a percentage of it.
pub(super) fn int_or_percent(value: &Value, total: i64, round_up: bool) -> i64 {
    let Some(percent) = value.as_str().and_then(|text| text.strip_suffix('%')) else {
        return int(value);
    };
    let hundredths = percent.parse().unwrap_or(0_i64).saturating_mul(total);
    match round_up {
        true => hundredths.saturating_add(99) / 100,
        false => hundredths / 100,
    }
}

/// `status.phase`
pub(super) fn phase(pod: &Value) -> &str {
    pod["status"]["phase"].as_str().unwrap_or_default()
}

/// Whether it has not ended and nobody has asked for that.
pub(super) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !object::is_deleted(pod)
}

/// Whether it has ended.
pub(super) fn is_finished(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether somebody has asked for it to end and it has not yet.
pub(super) fn is_terminating(pod: &Value) -> bool {
    object::is_deleted(pod) && !is_finished(pod)
}

/// Whether it is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    ready_condition(pod).is_some()
}

fn ready_condition(pod: &Value) -> Option<&Value> {
    condition(&pod["status"], "Ready").filter(|ready| ready["status"] == "True")
}

/// Since when a pod is ready, or how long until it has been so for long enough.
pub(super) enum Availability {
    /// It is not ready.
    No,
    /// It is ready, and will have been so for `minReadySeconds` after this.
    In(Duration),
    /// It has been ready for long enough.
    Yes,
}

/// Whether a pod has been ready for `minReadySeconds`.
pub(super) fn availability(server: &Server, pod: &Value, min_ready: Duration) -> Availability {
    let Some(ready) = ready_condition(pod) else {
        return Availability::No;
    };
    if min_ready.is_zero() {
        return Availability::Yes;
    }
    let Some(since) = time(&ready["lastTransitionTime"]) else {
        return Availability::No;
    };
    match server.time_until(since, min_ready) {
        Some(left) => Availability::In(left),
        None => Availability::Yes,
    }
}

/// When the first of these pods will have been ready for long enough.
pub(super) fn next_availability<'p>(
    server: &Server,
    pods: impl IntoIterator<Item = &'p Value>,
    min_ready: Duration,
) -> Option<Duration> {
    let left = pods
        .into_iter()
        .filter_map(|pod| match availability(server, pod, min_ready) {
            Availability::In(left) => Some(left),
            Availability::No | Availability::Yes => None,
        });
    left.min()
}

/// A pod that `owner` controls, as its template says, without a name.
pub(super) fn from_template(resource: &Resource, owner: &Value, template: &Value) -> Value {
    let mut meta = json!({
        "generateName": format!("{}-", object::name(owner)),
        "ownerReferences": [controller_reference(resource, owner)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        let value = &template["metadata"][field];
        if !value.is_null() {
            meta[field] = value.clone();
        }
    }
    json!({"metadata": meta, "spec": template["spec"]})
}

/// One kind of controller: whose objects it looks after, and what its events come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manager {
    pub(super) resource: &'static Resource,
    pub(super) component: &'static str,
}

impl Manager {
    /// Makes a pod for `owner`, with an event that says so.
    pub(super) fn create_pod(
        self,
        server: &mut Server,
        owner: &Value,
        pod: Value,
    ) -> Result<Value, ApiError> {
        let namespace = object::namespace(owner);
        match server.create(&PODS, namespace, pod, &Options::of(MANAGER)) {
            Ok(pod) => {
                let message = format!("Created pod: {}", object::name(&pod));
                self.normal(server, owner, "SuccessfulCreate", &message);
                Ok(pod)
            }
            Err(error) => {
                let message = format!("Error creating: {error}");
                self.warning(server, owner, "FailedCreate", &message);
                Err(error)
            }
        }
    }

    /// Makes many pods: one, then two more, then four, so that what fails for all of them fails seldom.
    pub(super) fn create_pods(
        self,
        server: &mut Server,
        owner: &Value,
        pods: Vec<Value>,
    ) -> Result<(), ApiError> {
        let mut pods = pods.into_iter();
        let mut batch = 1;
        while pods.len() > 0 {
            let mut failed = None;
            for pod in pods.by_ref().take(batch) {
                if let Err(error) = self.create_pod(server, owner, pod) {
                    failed.get_or_insert(error);
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
            batch *= 2;
        }
        Ok(())
    }

    /// Deletes a pod of `owner`, with an event that says so; one that is gone already is no error.
    pub(super) fn delete_pod(
        self,
        server: &mut Server,
        owner: &Value,
        pod: &Value,
    ) -> Result<(), ApiError> {
        let (namespace, name) = (object::namespace(pod), object::name(pod));
        match server.delete(&PODS, namespace, name, &DeleteOptions::background()) {
            Ok(_) => {
                self.normal(
                    server,
                    owner,
                    "SuccessfulDelete",
                    &format!("Deleted pod: {name}"),
                );
                Ok(())
            }
            Err(error) if error.code == StatusCode::NOT_FOUND => Ok(()),
            Err(error) => {
                self.warning(
                    server,
                    owner,
                    "FailedDelete",
                    &format!("Error deleting: {error}"),
                );
                Err(error)
            }
        }
    }

    /// An event about something ordinary.
    pub(super) fn normal(self, server: &mut Server, about: &Value, reason: &str, message: &str) {
        let source = EventSource::Controller(self.component);
        server.record_event(about, source, EventKind::Normal, reason, message);
    }

    /// An event about something that should not be.
    pub(super) fn warning(self, server: &mut Server, about: &Value, reason: &str, message: &str) {
        let source = EventSource::Controller(self.component);
        server.record_event(about, source, EventKind::Warning, reason, message);
    }

    /// Writes a status, if it is another.
    pub(super) fn update_status(
        self,
        server: &mut Server,
        object: &Value,
        status: Value,
    ) -> Result<Value, ApiError> {
        if object["status"] == status {
            return Ok(object.clone());
        }
        let mut new = object.clone();
        new["status"] = status;
        self.update_as(server, new, "status")
    }

    /// Writes an object, or its subresource.
    pub(super) fn update_as(
        self,
        server: &mut Server,
        new: Value,
        subresource: &str,
    ) -> Result<Value, ApiError> {
        let options = Options::of(MANAGER).for_subresource(subresource);
        let (namespace, name) = (
            object::namespace(&new).to_owned(),
            object::name(&new).to_owned(),
        );
        server.update(self.resource, &namespace, &name, new, &options)
    }

    /// Of `objects` those that `owner` controls: it takes what its selector selects and nobody controls, and lets go what
    /// it no longer selects. `finalizer` is put on what it takes.
    pub(super) fn claim(
        self,
        server: &mut Server,
        owner: &Value,
        dependents: &'static Resource,
        objects: Vec<Value>,
        finalizer: Option<&str>,
    ) -> Result<Vec<Value>, ApiError> {
        let selector = LabelSelector::of(&owner["spec"]["selector"]);
        let is_leaving = object::is_deleted(owner);
        let mut claimed = Vec::new();
        for object in objects {
            let is_selected = selector.selects(&object);
            if is_controlled_by(&object, owner) {
                if is_selected {
                    claimed.push(object);
                } else if !is_leaving {
                    release(server, owner, dependents, object)?;
                }
            } else if controller_of(&object).is_none()
                && is_selected
                && !is_leaving
                && !object::is_deleted(&object)
            {
                let adopted = self.adopt(server, owner, dependents, object, finalizer)?;
                claimed.extend(adopted);
            }
        }
        Ok(claimed)
    }

    fn adopt(
        self,
        server: &mut Server,
        owner: &Value,
        dependents: &'static Resource,
        mut object: Value,
        finalizer: Option<&str>,
    ) -> Result<Option<Value>, ApiError> {
        let reference = controller_reference(self.resource, owner);
        push(&mut object["metadata"]["ownerReferences"], reference);
        if let Some(finalizer) = finalizer {
            push(&mut object["metadata"]["finalizers"], finalizer.into());
        }
        write_dependent(server, dependents, object)
    }
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(items) => items.push(item),
        None => *list = json!([item]),
    }
}

/// Takes something out of a list of the metadata, and the list away with the last of it.
pub(super) fn remove_from(object: &mut Value, list: &str, is_meant: impl Fn(&Value) -> bool) {
    let Some(meta) = object["metadata"].as_object_mut() else {
        return;
    };
    if let Some(items) = meta.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| !is_meant(item));
        if items.is_empty() {
            meta.remove(list);
        }
    }
}

fn release(
    server: &mut Server,
    owner: &Value,
    dependents: &'static Resource,
    mut object: Value,
) -> Result<(), ApiError> {
    remove_from(&mut object, "ownerReferences", |reference| {
        reference["uid"] == owner["metadata"]["uid"]
    });
    write_dependent(server, dependents, object)?;
    Ok(())
}

/// The object as it is now; `None` when it is gone.
fn write_dependent(
    server: &mut Server,
    resource: &'static Resource,
    object: Value,
) -> Result<Option<Value>, ApiError> {
    let (namespace, name) = (
        object::namespace(&object).to_owned(),
        object::name(&object).to_owned(),
    );
    match server.update(resource, &namespace, &name, object, &Options::of(MANAGER)) {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.code == StatusCode::NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}
