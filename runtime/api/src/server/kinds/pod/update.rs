//! What may change in a pod, and by which way (`ValidatePodUpdate` and its kin).

use super::super::items;
use super::put_back_all;
use crate::server::error::FieldError;
use crate::server::manifest;
use seedpod_core::pod::update::{self, UpdateError};
use serde_json::Value;

/// What a way does not touch stays what it was.
pub(super) fn put_back_untouchable(old: &Value, new: &mut Value, subresource: &str) {
    match subresource {
        "status" => {
            put_back_all(old, new, &["spec"]);
            let metadata = old["metadata"].clone();
            put_back_all(&metadata, &mut new["metadata"], &["ownerReferences"]);
            if new["status"]["qosClass"].as_str().is_none_or(str::is_empty) {
                new["status"]["qosClass"] = old["status"]["qosClass"].clone();
            }
            keep_observed_generations(&old["status"], &mut new["status"]);
        }
        "ephemeralcontainers" => {
            let list = new["spec"].get("ephemeralContainers").cloned();
            put_back_all(old, new, &["spec", "status"]);
            keep_metadata(old, new);
            if let Some(list) = list {
                new["spec"]["ephemeralContainers"] = list;
            }
        }
        "resize" => {
            let wanted = new["spec"].clone();
            put_back_all(old, new, &["status"]);
            keep_metadata(old, new);
            take_resources(old, new, &wanted);
        }
        _ => put_back_all(old, new, &["status"]),
    }
}

/// Metadata is not what subresources are about.
fn keep_metadata(old: &Value, new: &mut Value) {
    let fields = ["labels", "annotations", "ownerReferences", "finalizers"];
    put_back_all(&old["metadata"], &mut new["metadata"], &fields);
}

/// Of containers that are still the same ones only resources and what a change of them leads to.
fn take_resources(old: &Value, new: &mut Value, wanted: &Value) {
    let lists = ["containers", "initContainers"];
    let names = |spec: &Value, list: &str| -> Vec<Value> {
        let all = items(&spec[list]).iter();
        all.map(|one| one["name"].clone()).collect()
    };
    let is_same = |list: &&str| names(&old["spec"], list) == names(wanted, list);
    if !lists.iter().all(is_same) {
        return;
    }
    new["spec"] = old["spec"].clone();
    for list in lists {
        let all = new["spec"].get_mut(list).and_then(Value::as_array_mut);
        for (one, wanted) in all.into_iter().flatten().zip(items(&wanted[list])) {
            put_back_all(wanted, one, &["resources", "resizePolicy"]);
        }
    }
}

/// A client that does not know `observedGeneration` does not clear it.
fn keep_observed_generations(old: &Value, new: &mut Value) {
    const FIELD: &str = "observedGeneration";
    if new[FIELD].is_null() && !old[FIELD].is_null() {
        new[FIELD] = old[FIELD].clone();
    }
    let conditions = new.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let mut before = items(&old["conditions"]).iter();
        if condition[FIELD].is_null()
            && let Some(before) = before.find(|before| before["type"] == condition["type"])
            && !before[FIELD].is_null()
        {
            condition[FIELD] = before[FIELD].clone();
        }
    }
}

/// What is wrong with a change that leads from one pod that is right to another.
pub(super) fn check(old: &Value, new: &Value, subresource: &str) -> Vec<FieldError> {
    let (before, after) = (manifest::pod(old).value, manifest::pod(new).value);
    let checked = match subresource {
        "status" => return Vec::new(),
        "ephemeralcontainers" => update::check_ephemeral_containers(&before, &after),
        "resize" => update::check_resize(&before, &after),
        _ => {
            let known = update::check(&before, &after);
            known.and_then(|()| match others(old) == others(new) && grows(old, new) {
                true => Ok(()),
                false => Err(UpdateError::OtherFields),
            })
        }
    };
    let errors = checked.err().into_iter();
    errors.map(|error| field_error(&error)).collect()
}

/// All of the spec but what may change.
fn others(pod: &Value) -> Value {
    let mut spec = pod["spec"].clone();
    for list in ["containers", "initContainers"] {
        let all = spec.get_mut(list).and_then(Value::as_array_mut);
        for one in all.into_iter().flatten() {
            one["image"] = Value::Null;
        }
    }
    for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        spec[field] = Value::Null;
    }
    if spec["terminationGracePeriodSeconds"]
        .as_i64()
        .is_some_and(|seconds| seconds < 0)
    {
        spec["terminationGracePeriodSeconds"] = 1.into();
    }
    if !items(&pod["spec"]["schedulingGates"]).is_empty() {
        spec["nodeSelector"] = Value::Null;
    }
    spec
}

/// Whether no toleration has gone, and no scheduling gate has come.
fn grows(old: &Value, new: &Value) -> bool {
    let list = |pod: &Value, field: &str| items(&pod["spec"][field]).to_vec();
    let tolerations = list(new, "tolerations");
    let gates = list(old, "schedulingGates");
    let is_kept = |one: &Value| tolerations.iter().any(|other| is_longer(one, other));
    list(old, "tolerations").iter().all(is_kept)
        && list(new, "schedulingGates")
            .iter()
            .all(|one| gates.contains(one))
}

/// Only how long something is tolerated may change.
fn is_longer(old: &Value, new: &Value) -> bool {
    let bare = |toleration: &Value| {
        let mut toleration = toleration.clone();
        toleration["tolerationSeconds"] = Value::Null;
        toleration
    };
    bare(old) == bare(new)
}

/// The texts of these errors begin with the path of the field, and then say what kind of error it is.
fn field_error(error: &UpdateError) -> FieldError {
    let text = error.to_string();
    let (path, message) = text.split_once(": ").unwrap_or(("spec", &text));
    let what = message.split(':').next().unwrap_or_default();
    let reason = match what {
        "Required value" => "FieldValueRequired",
        "Invalid value" => "FieldValueInvalid",
        "Duplicate value" => "FieldValueDuplicate",
        "Not found" => "FieldValueNotFound",
        "Too many" => "FieldValueTooMany",
        _ => "FieldValueForbidden",
    };
    FieldError {
        reason,
        path: path.to_owned(),
        message: message.to_owned(),
    }
}
