//! Pods (`pkg/registry/core/pod/strategy.go`).

pub(crate) mod defaults;
mod subresource;
mod update;

use super::{Strategy, admission, items, put_back};
use crate::server::error::{ApiError, FieldError};
use crate::server::registry::PODS;
use crate::server::request::ResourceTarget;
use crate::server::token::with_same_tokens;
use crate::server::verbs::Options;
use crate::server::{Server, manifest, object};
use http::StatusCode;
use seedpod_core::pod::qos_class;
use serde_json::{Value, json};

/// The rules of pods.
pub(crate) struct Pods;

impl Strategy for Pods {
    fn default(&self, object: &mut Value) {
        defaults::pod(object);
    }

    fn prepare_create(&self, server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        admit(object)?;
        admission::admit_pod(server, object)?;
        let reading = manifest::pod(object);
        object["status"] = json!({
            "phase": "Pending",
            "qosClass": qos_class(&reading.value).to_string(),
        });
        if !items(&object["spec"]["schedulingGates"]).is_empty() {
            let generation = object["metadata"]["generation"].clone();
            object["status"]["conditions"] = json!([{
                "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
                "observedGeneration": generation,
                "lastTransitionTime": server.now.wall.to_string(),
            }]);
        }
        Ok(())
    }

    fn prepare_update(
        &self,
        _server: &mut Server,
        old: &Value,
        new: &mut Value,
        subresource: &str,
    ) -> Result<(), ApiError> {
        update::put_back_untouchable(old, new, subresource);
        if subresource.is_empty() {
            tolerate_for_a_while(&mut new["spec"]);
        }
        if manifest::is_same(old, new) {
            return Ok(());
        }
        let mut errors = manifest::pod(new).errors;
        if errors.is_empty() {
            errors = update::check(old, new, subresource);
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(ApiError::invalid(&PODS, object::name(new), &errors)),
        }
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if old.is_some() {
            return Vec::new();
        }
        let mut errors = manifest::pod(object).errors;
        if !items(&object["spec"]["ephemeralContainers"]).is_empty() {
            let detail = "cannot be set on create";
            errors.push(FieldError::forbidden("spec.ephemeralContainers", detail));
        }
        errors
    }

    fn warnings(&self, new: &Value, old: Option<&Value>) -> Vec<String> {
        match old {
            None => manifest::pod(&with_same_tokens(&without_admitted(new))).warnings,
            Some(_) => Vec::new(),
        }
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn graceful(&self, object: &Value, requested: Option<i64>) -> Option<i64> {
        let spec = &object["spec"];
        let own = spec["terminationGracePeriodSeconds"].as_i64();
        let is_nowhere = spec["nodeName"].as_str().is_none_or(str::is_empty);
        Some(match requested.or(own).unwrap_or_default() {
            _ if is_nowhere || is_over(object) => 0,
            negative if negative < 0 => 1,
            seconds => seconds,
        })
    }

    fn create_subresource(
        &self,
        server: &mut Server,
        target: &ResourceTarget,
        body: &Value,
        options: &Options,
    ) -> Result<(StatusCode, Value), ApiError> {
        subresource::create(server, target, body, options)
    }
}

/// Whether no container of a pod runs, nor ever will.
pub(crate) fn is_over(pod: &Value) -> bool {
    matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    )
}

/// The admission plugins `Priority` and `DefaultTolerationSeconds`.
fn admit(pod: &mut Value) -> Result<(), ApiError> {
    let name = object::name(pod).to_owned();
    let spec = &mut pod["spec"];
    let priority = match spec["priorityClassName"].as_str().unwrap_or_default() {
        "" => 0,
        "system-cluster-critical" => 2_000_000_000,
        "system-node-critical" => 2_000_001_000,
        class => {
            let why = format!("no PriorityClass with name {class} was found");
            return Err(ApiError::forbidden(&PODS, &name, &why));
        }
    };
    if spec["priority"].as_i64().is_some_and(|own| own != priority) {
        let own = &spec["priority"];
        let why = format!(
            "the integer value of priority ({own}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        );
        return Err(ApiError::forbidden(&PODS, &name, &why));
    }
    spec["priority"] = priority.into();
    if spec["preemptionPolicy"].is_null() {
        spec["preemptionPolicy"] = "PreemptLowerPriority".into();
    }
    tolerate_for_a_while(spec);
    Ok(())
}

/// What a node may suffer from for five minutes before its pods go.
const SUFFERED: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];

fn tolerate_for_a_while(spec: &mut Value) {
    for key in SUFFERED {
        let is_about = |toleration: &Value| {
            let text = |field: &str| toleration[field].as_str().unwrap_or_default();
            (text("key") == key || text("key").is_empty())
                && matches!(text("effect"), "NoExecute" | "")
        };
        if items(&spec["tolerations"]).iter().any(is_about) {
            continue;
        }
        let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
        match spec["tolerations"].as_array_mut() {
            Some(list) => list.push(toleration),
            None => spec["tolerations"] = json!([toleration]),
        }
    }
}

/// The pod without what was filled in by [`admit`], which nobody has to be warned of.
fn without_admitted(pod: &Value) -> Value {
    let mut pod = pod.clone();
    let Some(spec) = pod["spec"].as_object_mut() else {
        return pod;
    };
    let admitted = [
        ("priority", json!(0)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("schedulerName", json!("default-scheduler")),
    ];
    for (field, value) in admitted {
        if spec.get(field) == Some(&value) {
            spec.remove(field);
        }
    }
    if let Some(tolerations) = spec.get_mut("tolerations").and_then(Value::as_array_mut) {
        let is_suffered = |one: &Value| SUFFERED.iter().any(|key| one["key"] == *key);
        tolerations.retain(|one| !is_suffered(one) || one["tolerationSeconds"] != 300);
        if tolerations.is_empty() {
            spec.remove("tolerations");
        }
    }
    pod
}

/// Fills in what Kubernetes fills into a `PodTemplateSpec`.
pub(crate) fn default_template(template: &mut Value) {
    defaults::pod_spec(&mut template["spec"]);
}

/// What is wrong with a `PodTemplateSpec` at `path`.
pub(crate) fn validate_template(template: &Value, path: &str) -> Vec<FieldError> {
    manifest::pod_template(template, path).errors
}

/// Makes fields what they were, for a subresource that is about something else.
fn put_back_all(old: &Value, new: &mut Value, fields: &[&str]) {
    for field in fields {
        put_back(old, new, field);
    }
}
