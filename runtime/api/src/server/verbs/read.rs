//! `get` and `list`.

use super::selector::Selector;
use crate::server::error::ApiError;
use crate::server::registry::Resource;
use crate::server::request::{Answer, Request, ResourceTarget, Response};
use crate::server::{Server, object};
use http::StatusCode;
use serde_json::{Value, json};

/// One object.
pub(crate) fn get(
    server: &Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
) -> Result<Answer, ApiError> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let object = server
        .object(target.resource, namespace, name)
        .ok_or_else(|| ApiError::not_found(target.resource, name))?;
    let response = response(request, target.resource, StatusCode::OK, &object);
    Ok(Answer::Response(response))
}

/// All objects that are selected.
pub(crate) fn list(
    server: &Server,
    request: &Request,
    target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    let selector = Selector::of_request(request)?;
    let objects = server.objects(target.resource, target.namespace.as_deref());
    let selected = objects
        .into_iter()
        .filter(|object| selector.selects(target.resource, object));
    let items: Vec<Value> = selected.map(without_type).collect();
    let list = json!({
        "kind": format!("{}List", target.resource.kind),
        "apiVersion": target.resource.api_version(),
        "metadata": {"resourceVersion": server.revision().to_string()},
        "items": items,
    });
    let response = Response::json(StatusCode::OK, &list);
    Ok(Answer::Response(response))
}

/// An object in the form that the client asked for.
pub(crate) fn response(
    _request: &Request,
    _resource: &Resource,
    code: StatusCode,
    object: &Value,
) -> Response {
    Response::json(code, object)
}

/// Items of a list do not say what they are.
fn without_type(mut item: Value) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    debug_assert!(!object::name(&item).is_empty());
    item
}
