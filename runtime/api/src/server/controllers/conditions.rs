//! `status.conditions` of what controllers look after.

use serde_json::{Value, json};

/// A condition to be set.
#[derive(Clone, Debug)]
pub(super) struct Condition<'c> {
    pub(super) kind: &'c str,
    pub(super) status: &'c str,
    pub(super) reason: &'c str,
    pub(super) message: String,
}

/// The condition of this type.
pub(super) fn condition<'s>(status: &'s Value, kind: &str) -> Option<&'s Value> {
    let conditions = status["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether the condition of this type is true.
pub(super) fn is_true(status: &Value, kind: &str) -> bool {
    condition(status, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Removes the condition of this type.
pub(super) fn remove_condition(status: &mut Value, kind: &str) {
    if let Some(conditions) = status
        .pointer_mut("/conditions")
        .and_then(Value::as_array_mut)
    {
        conditions.retain(|condition| condition["type"] != kind);
        if conditions.is_empty()
            && let Some(fields) = status.as_object_mut()
        {
            fields.remove("conditions");
        }
    }
}

/// Adds a condition as it is.
pub(super) fn push_condition(status: &mut Value, condition: Value) {
    match status
        .pointer_mut("/conditions")
        .and_then(Value::as_array_mut)
    {
        Some(conditions) => conditions.push(condition),
        None => status["conditions"] = json!([condition]),
    }
}

/// Sets a condition, unless there is one with the same status and reason. `lastTransitionTime` stays while the status
/// does, where the kind has a second time, `lastUpdateTime` or `lastProbeTime`.
pub(super) fn set_condition(
    status: &mut Value,
    new: &Condition<'_>,
    second_time: Option<&str>,
    now: &str,
) {
    let old = condition(status, new.kind).cloned();
    let is_same = |old: &Value| old["status"] == new.status && old["reason"] == new.reason;
    if old.as_ref().is_some_and(is_same) {
        return;
    }
    let mut condition = json!({"type": new.kind, "status": new.status, "lastTransitionTime": now});
    if !new.reason.is_empty() {
        condition["reason"] = new.reason.into();
    }
    if !new.message.is_empty() {
        condition["message"] = new.message.as_str().into();
    }
    if let Some(name) = second_time {
        condition[name] = now.into();
        if let Some(old) = old.filter(|old| old["status"] == new.status) {
            condition["lastTransitionTime"] = old["lastTransitionTime"].clone();
        }
    }
    remove_condition(status, new.kind);
    push_condition(status, condition);
}
