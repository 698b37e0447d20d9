//! The subresource `scale`: of workloads, how many of them there are and shall be.

use super::decode::{self, Kind};
use super::patch::{self, PatchKind};
use super::write::{Tracking, invalid_object};
use super::{Options, meta};
use crate::server::error::{ApiError, FieldError};
use crate::server::managed;
use crate::server::request::{Request, ResourceTarget};
use crate::server::schema::Type;
use crate::server::{Server, object};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// Answers a request about the scale of a workload.
pub(super) fn answer(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
    options: &Options,
) -> Result<(StatusCode, Value, Vec<String>), ApiError> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let workload = server
        .object(target.resource, namespace, name)
        .ok_or_else(|| ApiError::not_found(target.resource, name))?;
    let old = scale_of(&workload);
    let kind = Kind::new("autoscaling", "v1", "Scale");
    let (new, warnings) = match request.method {
        Method::GET => return Ok((StatusCode::OK, old, Vec::new())),
        Method::PUT => {
            let (new, warnings) = decode::decode_as(request, &kind, options.validation)?;
            meta::match_name(&new, name)?;
            (new, warnings)
        }
        Method::PATCH => match PatchKind::of(request)? {
            PatchKind::Apply => return apply(server, request, target, &workload, options),
            patch_kind => {
                patch::force(request, patch_kind)?;
                let ty = Type::of("autoscaling", "v1", "Scale");
                let patched = patch::patched(patch_kind, request, &old, ty)?;
                decode::patched_as(&kind, &patched.object, &patched.shown, options.validation)?
            }
        },
        _ => return Err(ApiError::method_not_allowed()),
    };
    check(&new, &old, target, name)?;
    let mut changed = workload;
    changed["spec"]["replicas"] = replicas(&new).into();
    match object::revision(&new) {
        Some(revision) => changed["metadata"]["resourceVersion"] = revision.into(),
        None => meta::remove(&mut changed, "resourceVersion"),
    }
    let written = server.update_object(
        target.resource,
        namespace,
        name,
        changed,
        options,
        Tracking::Due,
    )?;
    Ok((StatusCode::OK, scale_of(&written.object), warnings))
}

/// An applied scale is an applied `spec.replicas` of the workload.
fn apply(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    workload: &Value,
    options: &Options,
) -> Result<(StatusCode, Value, Vec<String>), ApiError> {
    let force = patch::force(request, PatchKind::Apply)?;
    let (config, warnings) = decode::configuration(request, options.validation)?;
    patch::check_config(&config, "autoscaling/v1", "Scale")?;
    let name = object::name(workload);
    check(&config, &scale_of(workload), target, name)?;
    let resource = target.resource;
    let mut whole = json!({
        "apiVersion": resource.api_version(), "kind": resource.kind,
        "metadata": {"name": name, "namespace": object::namespace(workload)}, "spec": {},
    });
    if let Some(replicas) = config["spec"].get("replicas") {
        whole["spec"]["replicas"] = replicas.clone();
    }
    let writer = server.writer(resource, options);
    let new = managed::apply(Some(workload), &whole, &writer, force)?;
    let namespace = object::namespace(workload).to_owned();
    let written = server.update_object(resource, &namespace, name, new, options, Tracking::Done)?;
    Ok((StatusCode::OK, scale_of(&written.object), warnings))
}

fn check(new: &Value, old: &Value, target: &ResourceTarget, name: &str) -> Result<(), ApiError> {
    if replicas(new) < 0 {
        let why = "must be greater than or equal to 0";
        let error = FieldError::invalid("spec.replicas", &replicas(new).into(), why);
        return Err(ApiError::invalid_kind(
            "autoscaling",
            "Scale",
            name,
            &[error],
        ));
    }
    let (wanted, found) = (object::uid(new), object::uid(old));
    if !wanted.is_empty() && wanted != found {
        let why = format!(
            "Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
        );
        let namespace = target.namespace.as_deref().unwrap_or_default();
        return Err(invalid_object(target.resource, namespace, name, &why));
    }
    Ok(())
}

fn replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or_default()
}

/// The scale of a workload.
fn scale_of(workload: &Value) -> Value {
    let mut meta = json!({});
    for field in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = workload["metadata"].get(field) {
            meta[field] = value.clone();
        }
    }
    let mut spec = json!({});
    if replicas(workload) != 0 {
        spec["replicas"] = replicas(workload).into();
    }
    let status = &workload["status"]["replicas"];
    let mut status = json!({"replicas": status.as_i64().unwrap_or_default()});
    let selector = selector_text(&workload["spec"]["selector"]);
    if !selector.is_empty() {
        status["selector"] = selector.into();
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status})
}

/// A selector as `labelSelector` of a list has it. That of a ReplicationController is a map of labels.
fn selector_text(selector: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_map = selector.get("matchLabels").is_none_or(Value::is_string)
        && selector
            .get("matchExpressions")
            .is_none_or(Value::is_string);
    let labels = match is_map {
        true => selector.as_object(),
        false => selector["matchLabels"].as_object(),
    };
    let labels = labels.into_iter().flatten();
    let mut terms: Vec<(String, String)> = labels
        .map(|(key, value)| (key.clone(), format!("{key}={}", text(value))))
        .collect();
    for term in selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let key = text(&term["key"]);
        let values = term["values"].as_array().into_iter().flatten();
        let mut values: Vec<String> = values.map(text).collect();
        values.sort();
        let values = values.join(",");
        let said = match term["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.clone(),
        };
        terms.push((key, said));
    }
    terms.sort();
    let terms: Vec<String> = terms.into_iter().map(|(_, said)| said).collect();
    terms.join(",")
}
