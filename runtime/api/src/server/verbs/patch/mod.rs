//! `patch`: the four kinds of patches. Two change the JSON of an object ([`json`]), one also knows its lists
//! ([`strategic`]), and one is server-side apply ([`managed`](crate::server::managed)).

mod json;
mod strategic;
#[cfg(test)]
mod tests;

use super::write::{Tracking, Written};
use super::{FieldValidation, Options, decode, meta};
use crate::server::error::{ApiError, FieldError};
use crate::server::request::{Request, ResourceTarget};
use crate::server::schema::Type;
use crate::server::{Server, managed, object};
use serde_json::Value;

const SUPPORTED: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

/// What kind of patch a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchKind {
    /// RFC 6902
    Json,
    /// RFC 7396
    Merge,
    /// Kubernetes' own, which knows how lists are merged.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl PatchKind {
    /// By the `Content-Type`.
    ///
    /// # Errors
    /// When it is none of these.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        let media_type = request.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default();
        match media_type.trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            _ => Err(ApiError::unsupported_media_type(SUPPORTED)),
        }
    }
}

/// Whether an apply takes fields from others.
///
/// # Errors
/// When the options do not fit the kind of the patch.
pub(super) fn force(request: &Request, kind: PatchKind) -> Result<bool, ApiError> {
    let has_force = request.parameter("force").is_some();
    let error = match kind {
        PatchKind::Apply if request.parameter("fieldManager").is_none() => {
            FieldError::required("fieldManager", "is required for apply patch")
        }
        PatchKind::Json | PatchKind::Merge | PatchKind::Strategic if has_force => {
            FieldError::forbidden("force", "may not be specified for non-apply patch")
        }
        _ => return Ok(request.flag("force")),
    };
    Err(ApiError::invalid_kind(
        "meta.k8s.io",
        "PatchOptions",
        "",
        &[error],
    ))
}

/// Changes an object by the patch in the body of a request, or makes it when it is applied.
pub(super) fn patch(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
    options: &Options,
) -> Result<(Written, Vec<String>), ApiError> {
    let kind = PatchKind::of(request)?;
    let force = force(request, kind)?;
    let (resource, namespace) = (
        target.resource,
        target.namespace.as_deref().unwrap_or_default(),
    );
    if kind == PatchKind::Apply {
        return apply(server, request, target, name, options, force);
    }
    let old = server
        .object(resource, namespace, name)
        .ok_or_else(|| ApiError::not_found(resource, name))?;
    let ty = Type::of(resource.group, resource.version, resource.kind);
    let Patched { object, shown } = patched(kind, request, &old, ty)?;
    let (mut new, warnings) = decode::patched(resource, &object, &shown, options.validation)?;
    meta::match_namespace(resource, namespace, &mut new)?;
    meta::match_name(&new, name)?;
    let written = server.update_object(resource, namespace, name, new, options, Tracking::Due)?;
    Ok((written, warnings))
}

/// What a patch makes of an object.
pub(super) struct Patched {
    pub(super) object: Value,
    /// What an error shows: the object, or for a strategic merge patch the patch.
    pub(super) shown: String,
}

/// An object with a patch over it that is not an apply.
///
/// # Errors
/// When the patch is none, or does not fit.
pub(super) fn patched(
    kind: PatchKind,
    request: &Request,
    old: &Value,
    ty: Option<Type>,
) -> Result<Patched, ApiError> {
    let patch: Value = serde_json::from_slice(&request.body).map_err(|error| {
        let why = decode::syntax(&error, &request.body);
        match kind {
            PatchKind::Json | PatchKind::Merge => {
                ApiError::bad_request(format!("error decoding patch: {why}"))
            }
            PatchKind::Strategic | PatchKind::Apply => ApiError::bad_request(why),
        }
    })?;
    let (object, shown) = match kind {
        PatchKind::Json => (json::patched(old, patch)?, None),
        PatchKind::Merge => (json::merged(old, &patch), None),
        PatchKind::Strategic | PatchKind::Apply => {
            let shown = strategic::go(&patch);
            (strategic::patched(old, patch, ty)?, Some(shown))
        }
    };
    let shown = shown.unwrap_or_else(|| object.to_string());
    Ok(Patched { object, shown })
}

fn apply(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
    options: &Options,
    force: bool,
) -> Result<(Written, Vec<String>), ApiError> {
    let (resource, namespace) = (
        target.resource,
        target.namespace.as_deref().unwrap_or_default(),
    );
    let (config, warnings) = decode::configuration(request, options.validation)?;
    check_config(&config, &resource.api_version(), resource.kind)?;
    let live = server.object(resource, namespace, name);
    if live.is_none() && !options.subresource.is_empty() {
        return Err(ApiError::not_found(resource, name));
    }
    let uid = object::uid(&config);
    if live.is_none() && !uid.is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(ApiError::conflict(resource, name, &why));
    }
    let writer = server.writer(resource, options);
    let new = managed::apply(live.as_ref(), &config, &writer, force)?;
    let (mut new, _) = decode::patched(resource, &new, "", FieldValidation::Ignore)?;
    meta::match_namespace(resource, namespace, &mut new)?;
    meta::match_name(&new, name)?;
    let done = Tracking::Done;
    let written = match live {
        Some(_) => server.update_object(resource, namespace, name, new, options, done)?,
        None => server.create_object(resource, namespace, new, options, done)?,
    };
    Ok((written, warnings))
}

/// A configuration must say what it is of, and must not say who manages what.
///
/// # Errors
/// When it does not.
pub(super) fn check_config(config: &Value, version: &str, kind: &str) -> Result<(), ApiError> {
    let text = |field: &str| config[field].as_str().unwrap_or_default();
    if text("apiVersion") != version || text("kind") != kind {
        let written = text("apiVersion");
        let (group, version) = written.split_once('/').unwrap_or(("", written));
        let message = format!(
            "invalid object type: {group}/{version}, Kind={}",
            text("kind")
        );
        return Err(ApiError::bad_request(message));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    Ok(())
}
