//! `delete` and `deletecollection`.

use super::write::stored;
use crate::server::error::ApiError;
use crate::server::registry::Resource;
use crate::server::request::{Answer, Request, ResourceTarget, Response};
use crate::server::{Server, encode, object};
use http::StatusCode;
use seedpod_core::store::Expected;
use serde_json::{Value, json};

/// One object.
pub(crate) fn one(
    server: &mut Server,
    _request: &Request,
    target: &ResourceTarget,
    name: &str,
) -> Result<Answer, ApiError> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let object = server
        .object(target.resource, namespace, name)
        .ok_or_else(|| ApiError::not_found(target.resource, name))?;
    server.remove(target.resource, &object)?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": name, "kind": target.resource.plural, "uid": object::uid(&object)}});
    Ok(Answer::Response(Response::json(StatusCode::OK, &status)))
}

/// All that are selected.
pub(crate) fn collection(
    _server: &mut Server,
    _request: &Request,
    _target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    Err(ApiError::method_not_allowed())
}

impl Server {
    /// Takes an object out of the store, whatever finalizers it has.
    pub(crate) fn remove(&mut self, resource: &Resource, object: &Value) -> Result<(), ApiError> {
        let (namespace, name) = (object::namespace(object), object::name(object));
        let key = resource.key(namespace, name);
        let removed = self
            .store
            .remove(&key, Expected::Something, |revision, last| {
                encode(&mut object::decode(&last.value), revision)
            });
        removed.map_err(|error| stored(error, resource, name))?;
        Ok(())
    }
}
