//! `patch`: JSON patch and merge patch.

use super::Options;
use crate::server::Server;
use crate::server::error::ApiError;
use crate::server::request::{Request, ResourceTarget};
use http::StatusCode;
use serde_json::Value;

const SUPPORTED: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
];

/// Changes an object by the patch in the body of a request.
pub(crate) fn patch(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
    options: &Options,
) -> Result<(StatusCode, Value, Vec<String>), ApiError> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let mut object = server
        .object(target.resource, namespace, name)
        .ok_or_else(|| ApiError::not_found(target.resource, name))?;
    let bad = |error: &dyn std::error::Error| ApiError::bad_request(error.to_string());
    match request.header("content-type") {
        Some("application/json-patch+json") => {
            let patch: json_patch::Patch =
                serde_json::from_slice(&request.body).map_err(|error| bad(&error))?;
            json_patch::patch(&mut object, &patch).map_err(|error| bad(&error))?;
        }
        Some("application/merge-patch+json") => {
            let patch = serde_json::from_slice(&request.body).map_err(|error| bad(&error))?;
            json_patch::merge(&mut object, &patch);
        }
        _ => return Err(ApiError::unsupported_media_type(SUPPORTED)),
    }
    let updated = server.update(target.resource, namespace, name, object, options)?;
    Ok((StatusCode::OK, updated, Vec::new()))
}
