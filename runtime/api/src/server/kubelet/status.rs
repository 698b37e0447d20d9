//! What the world says of a pod as the `status` of its object.

use crate::server::kinds::items;
use seedpod_core::pod::{ForeignCondition, Status};
use seedpod_core::spec;
use seedpod_core::time::WallTime;
use serde_json::{Value, json};

/// Conditions that only the kubelet sets.
const OWN: [&str; 6] = [
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    "AllContainersRestarting",
];

/// The status of a pod whose object says `old`, as of the generation `observed`.
pub(super) fn of(spec: &spec::Pod, status: &Status, old: &Value, observed: i64) -> Value {
    let new = crate::pod_status(spec, status);
    let mut new = serde_json::to_value(new).unwrap_or_default();
    new["observedGeneration"] = observed.into();
    let before = items(&old["conditions"]);
    let mut conditions: Vec<Value> = foreign(old).cloned().collect();
    for condition in items(&new["conditions"]) {
        if !is_own(condition) {
            continue;
        }
        let mut condition = condition.clone();
        condition["observedGeneration"] = observed.into();
        let mut known = before.iter();
        if let Some(known) = known.find(|known| known["type"] == condition["type"])
            && known["status"] == condition["status"]
        {
            condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
        }
        conditions.push(condition);
    }
    new["conditions"] = conditions.into();
    for field in ["qosClass", "startTime", "nominatedNodeName"] {
        if let Some(known) = old.get(field) {
            new[field] = known.clone();
        }
    }
    new
}

/// Puts a condition into a status, in the place of one of its type.
pub(super) fn set_condition(status: &mut Value, condition: Value) {
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    if let Some(all) = status["conditions"].as_array_mut() {
        match all.iter_mut().find(|one| one["type"] == condition["type"]) {
            Some(known) => *known = condition,
            None => all.push(condition),
        }
    }
}

/// The conditions of others that a pod has to know.
pub(super) fn foreign_conditions(pod: &Value) -> Vec<ForeignCondition> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let one = |condition: &Value| ForeignCondition {
        type_: text(&condition["type"]).unwrap_or_default(),
        status: text(&condition["status"]).unwrap_or_default(),
        reason: text(&condition["reason"]),
        message: text(&condition["message"]),
        last_transition: text(&condition["lastTransitionTime"])
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
    };
    foreign(&pod["status"]).map(one).collect()
}

fn foreign(status: &Value) -> impl Iterator<Item = &Value> {
    items(&status["conditions"])
        .iter()
        .filter(|one| !is_own(one))
}

fn is_own(condition: &Value) -> bool {
    let type_ = condition["type"].as_str();
    type_.is_some_and(|type_| OWN.contains(&type_))
}

/// Since 1970, when a text is no time.
pub(super) fn time_of(object: &Value, field: &str) -> WallTime {
    let text = object[field].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
