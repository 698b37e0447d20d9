//! The rows of all other kinds.

use super::{age, count, items, name, since, text, text_or};
use crate::server::object;
use seedpod_core::time::WallTime;
use serde_json::Value;

pub(super) fn name_and_age(object: &Value, now: WallTime) -> Vec<Value> {
    vec![name(object), age(object, now)]
}

pub(super) fn namespace(object: &Value, now: WallTime) -> Vec<Value> {
    let phase = text(&object["status"]["phase"]);
    vec![name(object), phase.into(), age(object, now)]
}

fn entries(value: &Value) -> usize {
    value.as_object().map_or(0, serde_json::Map::len)
}

pub(super) fn secret(object: &Value, now: WallTime) -> Vec<Value> {
    vec![
        name(object),
        text(&object["type"]).into(),
        entries(&object["data"]).into(),
        age(object, now),
    ]
}

pub(super) fn config_map(object: &Value, now: WallTime) -> Vec<Value> {
    let entries = entries(&object["data"]) + entries(&object["binaryData"]);
    vec![name(object), entries.into(), age(object, now)]
}

pub(super) fn lease(object: &Value, now: WallTime) -> Vec<Value> {
    let holder = text(&object["spec"]["holderIdentity"]);
    vec![name(object), holder.into(), age(object, now)]
}

pub(super) fn runtime_class(object: &Value, now: WallTime) -> Vec<Value> {
    vec![
        name(object),
        text(&object["handler"]).into(),
        age(object, now),
    ]
}

pub(super) fn scale(object: &Value, now: WallTime) -> Vec<Value> {
    vec![
        name(object),
        count(&object["spec"]["replicas"]).into(),
        count(&object["status"]["replicas"]).into(),
        age(object, now),
    ]
}

fn node_roles(object: &Value) -> String {
    let mut roles: Vec<&str> = object::labels(object)
        .into_iter()
        .filter_map(|(key, value)| {
            let role = key.strip_prefix("node-role.kubernetes.io/");
            role.or((key == "kubernetes.io/role").then_some(value))
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    match roles.is_empty() {
        true => "<none>".to_owned(),
        false => roles.join(","),
    }
}

pub(super) fn node(object: &Value, now: WallTime) -> Vec<Value> {
    let (status, info) = (&object["status"], &object["status"]["nodeInfo"]);
    let mut conditions = items(&status["conditions"]);
    let ready = conditions.find(|one| one["type"] == "Ready");
    let mut state = match ready.map(|one| one["status"] == "True") {
        Some(true) => "Ready",
        Some(false) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if object["spec"]["unschedulable"] == true {
        state.push_str(",SchedulingDisabled");
    }
    let address = |kind: &str| -> Value {
        let mut all = items(&status["addresses"]);
        let found = all.find(|one| one["type"] == kind);
        found.map_or("<none>", |one| text(&one["address"])).into()
    };
    let mut kernel = text_or(&info["kernelVersion"], "<unknown>").to_owned();
    if let Some(architecture) = info["architecture"].as_str() {
        kernel = format!("{kernel} ({architecture})");
    }
    vec![
        name(object),
        state.into(),
        node_roles(object).into(),
        age(object, now),
        text(&info["kubeletVersion"]).into(),
        address("InternalIP"),
        address("ExternalIP"),
        text_or(&info["osImage"], "<unknown>").into(),
        kernel.into(),
        text_or(&info["containerRuntimeVersion"], "<unknown>").into(),
    ]
}

pub(super) fn event(object: &Value, now: WallTime) -> Vec<Value> {
    let (about, series) = (&object["involvedObject"], &object["series"]);
    let first = match object["firstTimestamp"].is_null() {
        true => since(&object["eventTime"], now),
        false => since(&object["firstTimestamp"], now),
    };
    let mut last = match object["lastTimestamp"].is_null() {
        true => first.clone(),
        false => since(&object["lastTimestamp"], now),
    };
    let mut times = count(&object["count"]).max(1);
    if series.is_object() {
        last = since(&series["lastObservedTime"], now);
        times = count(&series["count"]);
    }
    let kind = text(&about["kind"]).to_lowercase();
    let target = match text(&about["name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let source = &object["source"];
    let component = text_or(&source["component"], text(&object["reportingComponent"]));
    let instance = text_or(&source["host"], text(&object["reportingInstance"]));
    let source = match instance {
        "" => component.to_owned(),
        instance => format!("{component}, {instance}"),
    };
    vec![
        last.into(),
        text(&object["type"]).into(),
        text(&object["reason"]).into(),
        target.into(),
        text(&about["fieldPath"]).into(),
        source.into(),
        text(&object["message"]).trim().into(),
        first.into(),
        times.into(),
        name(object),
    ]
}
