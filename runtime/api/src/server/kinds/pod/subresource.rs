//! `binding` and `eviction`: what is created below a pod.

use crate::server::error::ApiError;
use crate::server::registry::PODS;
use crate::server::request::ResourceTarget;
use crate::server::verbs::Options;
use crate::server::verbs::delete::DeleteOptions;
use crate::server::{Server, kubelet, object};
use http::StatusCode;
use serde_json::{Value, json};

/// Does what is asked for.
pub(super) fn create(
    server: &mut Server,
    target: &ResourceTarget,
    body: &Value,
    options: &Options,
) -> Result<(StatusCode, Value), ApiError> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let name = target.name.as_deref().unwrap_or_default();
    let pod = server
        .object(&PODS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&PODS, name))?;
    match target.subresource.as_str() {
        "binding" => bind(server, pod, body, options),
        "eviction" => evict(server, &pod, body, options),
        _ => return Err(ApiError::method_not_allowed()),
    }?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok((StatusCode::CREATED, status))
}

fn bind(server: &mut Server, pod: Value, body: &Value, options: &Options) -> Result<(), ApiError> {
    let name = object::name(&pod).to_owned();
    let node = body["target"]["name"].as_str().unwrap_or_default();
    let conflict = |why: String| Err(ApiError::conflict(&PODS, &name, &why));
    if object::is_deleted(&pod) {
        return conflict(format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        ));
    }
    let gates = &pod["spec"]["schedulingGates"];
    if gates.as_array().is_some_and(|gates| !gates.is_empty()) {
        return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    match pod["spec"]["nodeName"].as_str().unwrap_or_default() {
        "" => kubelet::bind(server, pod, node, options.dry_run),
        there => conflict(format!(
            "pod {name} is already assigned to node \"{there}\""
        )),
    }
}

/// Nothing here limits how many may go at once, so that an eviction is a deletion that says why.
fn evict(
    server: &mut Server,
    pod: &Value,
    body: &Value,
    options: &Options,
) -> Result<(), ApiError> {
    let name = object::name(pod);
    let wanted = &body["deleteOptions"];
    let conditions = &wanted["preconditions"];
    if let Some(uid) = conditions["uid"].as_str()
        && uid != object::uid(pod)
    {
        let own = object::uid(pod);
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({own}). The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(&PODS, name, &why));
    }
    let is_dry = |one: &Value| one == "All";
    if options.dry_run
        || wanted["dryRun"]
            .as_array()
            .is_some_and(|all| all.iter().any(is_dry))
    {
        return Ok(());
    }
    kubelet::say_evicted(server, pod)?;
    let options = DeleteOptions {
        grace_seconds: wanted["gracePeriodSeconds"].as_i64(),
        ..DeleteOptions::background()
    };
    server.delete(&PODS, object::namespace(pod), name, &options)?;
    Ok(())
}
