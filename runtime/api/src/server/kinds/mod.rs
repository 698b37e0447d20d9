//! The rules of each kind: what is filled in, what is refused, what may change.

mod admission;
mod config;
mod endpoints;
mod namespace;
pub(crate) mod pod;
mod review;
mod runtimeclass;
mod service;
mod serviceaccount;
mod workload;

pub(crate) use config::{ConfigMaps, Secrets};
pub(crate) use endpoints::{EndpointSlices, Endpoints};
pub(crate) use namespace::Namespaces;
pub(crate) use review::Reviews;
pub(crate) use runtimeclass::RuntimeClasses;
pub(crate) use service::{Allocations, Services};
pub(crate) use serviceaccount::ServiceAccounts;
pub(crate) use workload::{
    ControllerRevision, CronJob, DaemonSet, Deployment, Job, PodTemplate, ReplicaSet,
    ReplicationController, StatefulSet,
};

use super::Server;
use super::error::{ApiError, FieldError};
use super::request::{ResourceTarget, User};
use super::verbs::Options;
use http::StatusCode;
use serde_json::Value;

/// The rules of one kind. The order on a write: `default`, `prepare_create` or `prepare_update`, `validate`.
pub(crate) trait Strategy: Sync {
    /// Fills in what Kubernetes fills in.
    fn default(&self, _object: &mut Value) {}

    /// What a client may not say of a new object, and what it is given: admission. `status` goes, unless this leaves it.
    ///
    /// # Errors
    /// When it is not admitted.
    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        drop_field(object, "status");
        Ok(())
    }

    /// What an update, patch or apply of `subresource` (empty: the object itself) may not touch is put back from `old`.
    ///
    /// # Errors
    /// When it is not admitted.
    fn prepare_update(
        &self,
        _server: &mut Server,
        old: &Value,
        new: &mut Value,
        subresource: &str,
    ) -> Result<(), ApiError> {
        match subresource {
            "" => put_back(old, new, "status"),
            "status" => {
                put_back(old, new, "spec");
            }
            _ => {}
        }
        Ok(())
    }

    /// What is wrong with an object; `old` is what it was before.
    fn validate(&self, _server: &Server, _object: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        Vec::new()
    }

    /// How many seconds an object of this kind has from the request for its end, which may name them, to its end. `None`
    /// for kinds that go at once.
    fn graceful(&self, _object: &Value, _requested: Option<i64>) -> Option<i64> {
        None
    }

    /// Whether an object may be deleted.
    ///
    /// # Errors
    /// When it must stay.
    fn admit_delete(&self, _server: &Server, _object: &Value) -> Result<(), ApiError> {
        Ok(())
    }

    /// What else becomes of an object when it gets its `metadata.deletionTimestamp`.
    fn mark_deleted(&self, _object: &mut Value) {}

    /// What the client is told of an object that is good all the same.
    fn warnings(&self, _object: &Value, _old: Option<&Value>) -> Vec<String> {
        Vec::new()
    }

    /// Whether something else than `metadata.finalizers` keeps an object that is being deleted.
    fn is_held(&self, _object: &Value) -> bool {
        false
    }

    /// The answer to an object that is a question; `None` when it is one to keep.
    fn review(
        &self,
        _server: &Server,
        _user: &User,
        _namespace: &str,
        _object: &Value,
    ) -> Option<Result<Value, ApiError>> {
        None
    }

    /// What is created below an object, such as a binding below a pod.
    ///
    /// # Errors
    /// When there is no such thing, or it cannot be done.
    fn create_subresource(
        &self,
        _server: &mut Server,
        _target: &ResourceTarget,
        _body: &Value,
        _options: &Options,
    ) -> Result<(StatusCode, Value), ApiError> {
        Err(ApiError::method_not_allowed())
    }

    /// Whether a change of anything but metadata and status counts in `metadata.generation`.
    fn has_generation(&self) -> bool {
        false
    }
}

/// No rules of its own.
pub(crate) struct Plain;

impl Strategy for Plain {}

/// A list, empty when there is none.
pub(crate) fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The items of a list of an object, which stays without one when it has none.
pub(crate) fn items_mut<'o>(
    object: &'o mut Value,
    field: &str,
) -> impl Iterator<Item = &'o mut Value> {
    let list = object.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// Removes a field of the object.
pub(crate) fn drop_field(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

/// Makes a field what it was.
pub(crate) fn put_back(old: &Value, new: &mut Value, field: &str) {
    match old.get(field) {
        Some(value) => new[field] = value.clone(),
        None => drop_field(new, field),
    }
}
