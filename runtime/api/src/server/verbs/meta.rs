//! `metadata`: what a request may say of it, and its rules (`apimachinery/pkg/api/validation/objectmeta.go`).

use crate::names;
use crate::server::error::{ApiError, FieldError};
use crate::server::object;
use crate::server::registry::Resource;
use seedpod_core::limits::ANNOTATION_BYTES_MAX;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Letters of a name that come before its random end.
pub(super) const NAME_PREFIX_MAX: usize = 58;

/// The namespace in a body must be that of the request, or missing.
pub(super) fn match_namespace(
    resource: &Resource,
    namespace: &str,
    new: &mut Value,
) -> Result<(), ApiError> {
    let meta = new
        .as_object_mut()
        .map(|fields| fields.entry("metadata").or_insert_with(|| json!({})));
    if !meta.is_some_and(|meta| meta.is_object()) {
        return Err(ApiError::bad_request(
            "metadata is no object: write metadata.name",
        ));
    }
    let written = object::namespace(new);
    if !resource.is_namespaced {
        remove(new, "namespace");
        return Ok(());
    }
    if !written.is_empty() && written != namespace {
        let message =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::bad_request(message));
    }
    new["metadata"]["namespace"] = namespace.into();
    Ok(())
}

/// The name in a body must be that of the request.
pub(super) fn match_name(new: &Value, name: &str) -> Result<(), ApiError> {
    match object::name(new) {
        written if written == name => Ok(()),
        "" => Err(ApiError::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        written => Err(ApiError::bad_request(format!(
            "the name of the object ({written}) does not match the name on the URL ({name})"
        ))),
    }
}

/// Removes what only the server says of a new object.
pub(super) fn wipe(new: &mut Value) {
    const SYSTEM: &[&str] = &[
        "creationTimestamp",
        "uid",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generation",
    ];
    for field in SYSTEM {
        remove(new, field);
    }
}

/// Removes a field of the metadata.
pub(super) fn remove(object: &mut Value, field: &str) {
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove(field);
    }
}

/// Makes a field of the metadata what it was.
pub(super) fn put_back(old: &Value, new: &mut Value, field: &str) {
    match old["metadata"].get(field) {
        Some(value) => new["metadata"][field] = value.clone(),
        None => remove(new, field),
    }
}

/// Removes owner references that are there twice; a warning about it.
pub(super) fn dedup_owners(object: &mut Value) -> Option<String> {
    let owners = object.get_mut("metadata")?.get_mut("ownerReferences")?;
    let mut seen: Vec<Value> = Vec::new();
    let mut twice = Vec::new();
    for owner in owners.as_array()? {
        match seen.contains(owner) {
            true => twice.extend(owner["uid"].as_str().map(str::to_owned)),
            false => seen.push(owner.clone()),
        }
    }
    if twice.is_empty() {
        return None;
    }
    *owners = Value::Array(seen);
    Some(format!(
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
         reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
        twice.join(", ")
    ))
}

/// What is wrong with the metadata of an object.
pub(super) fn validate(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut errors = validate_name(resource, object);
    let no_strings = Map::new();
    let map = |field: &str| object["metadata"][field].as_object().unwrap_or(&no_strings);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for (key, value) in map("labels") {
        let path = "metadata.labels";
        let wrong = names::qualified_name(key);
        errors.extend(wrong.map(|why| FieldError::invalid(path, &key.as_str().into(), &why)));
        let wrong = names::label_value(&text(value));
        errors.extend(wrong.map(|why| FieldError::invalid(path, value, &why)));
    }
    let mut bytes = 0;
    for (key, value) in map("annotations") {
        let wrong = names::qualified_name(&key.to_lowercase());
        let error =
            |why: String| FieldError::invalid("metadata.annotations", &key.as_str().into(), &why);
        errors.extend(wrong.map(error));
        bytes += key.len() + text(value).len();
    }
    if bytes > ANNOTATION_BYTES_MAX {
        errors.push(FieldError::too_long(
            "metadata.annotations",
            ANNOTATION_BYTES_MAX,
        ));
    }
    errors.extend(validate_owners(&object["metadata"]["ownerReferences"]));
    errors.extend(validate_finalizers(&object["metadata"]["finalizers"]));
    errors
}

fn validate_name(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let rule = match resource.name() {
        "namespaces" => names::dns_label,
        "services" => names::service_name,
        _ => names::dns_subdomain,
    };
    let mut errors = Vec::new();
    let prefix = object::meta(object, "generateName");
    if !prefix.is_empty() {
        // A random end follows, so a `-` at the end is good (`maskTrailingDash`).
        let masked = match prefix.strip_suffix('-') {
            Some(rest) if !rest.is_empty() => format!("{}a", &prefix[..prefix.len() - 2]),
            _ => prefix.to_owned(),
        };
        let error =
            |why: String| FieldError::invalid("metadata.generateName", &prefix.into(), &why);
        errors.extend(rule(&masked).map(error));
    }
    let name = object::name(object);
    if name.is_empty() {
        let why = "name or generateName is required";
        errors.push(FieldError::required("metadata.name", why));
    } else {
        let error = |why: String| FieldError::invalid("metadata.name", &name.into(), &why);
        errors.extend(rule(name).map(error));
    }
    errors
}

fn validate_owners(owners: &Value) -> Vec<FieldError> {
    let path = "metadata.ownerReferences";
    let mut errors = Vec::new();
    let mut controller: Option<String> = None;
    for owner in owners.as_array().into_iter().flatten() {
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        let version = text("apiVersion");
        if version.is_empty() || version.ends_with('/') {
            let why = "version must not be empty";
            errors.push(FieldError::invalid(
                format!("{path}.apiVersion"),
                &version.into(),
                why,
            ));
        }
        for field in ["kind", "name", "uid"]
            .into_iter()
            .filter(|field| text(field).is_empty())
        {
            let path = format!("{path}.{field}");
            errors.push(FieldError::invalid(path, &"".into(), "must not be empty"));
        }
        if (version, text("kind")) == ("v1", "Event") {
            let why = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid(path, owner, why));
        }
        if owner["controller"] != true {
            continue;
        }
        let this = format!("{}/{}", text("kind"), text("name"));
        match &controller {
            None => controller = Some(this),
            Some(first) => {
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                );
                errors.push(FieldError::invalid(path, owners, &why));
            }
        }
    }
    errors
}

fn validate_finalizers(finalizers: &Value) -> Vec<FieldError> {
    const STANDARD: &[&str] = &["kubernetes", "orphan", "foregroundDeletion"];
    let path = "metadata.finalizers";
    let mut errors = Vec::new();
    let all: Vec<&str> = strings(finalizers).collect();
    for (index, name) in all.iter().enumerate() {
        if let Some(why) = names::qualified_name(name) {
            errors.push(FieldError::invalid(path, &(*name).into(), &why));
        } else if !name.contains('/') && !STANDARD.contains(name) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(
                format!("{path}[{index}]"),
                &(*name).into(),
                why,
            ));
        }
    }
    if all.contains(&"orphan") && all.contains(&"foregroundDeletion") {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(path, finalizers, why));
    }
    errors
}

/// What is wrong with a change of the metadata.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if object::is_deleted(old) {
        let before: BTreeSet<&str> = strings(&old["metadata"]["finalizers"]).collect();
        let now: BTreeSet<&str> = strings(&new["metadata"]["finalizers"]).collect();
        let added: Vec<String> = now
            .difference(&before)
            .map(|name| format!("{name:?}"))
            .collect();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &why));
        }
    }
    const IMMUTABLE: &[&str] = &[
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ];
    for field in IMMUTABLE {
        let value = &new["metadata"][field];
        if *value != old["metadata"][field] {
            let path = format!("metadata.{field}");
            errors.push(FieldError::invalid(path, value, "field is immutable"));
        }
    }
    errors
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str)
}
