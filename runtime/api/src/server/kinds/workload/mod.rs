//! What makes pods: the kinds of `apps`, and ReplicationController, PodTemplate. Defaults are those of
//! `pkg/apis/apps/v1/defaults.go`, rules and texts those of `pkg/apis/apps/validation`.

mod checks;
mod daemon_set;
mod deployment;
mod job;
mod replica_set;
mod revision;
mod stateful_set;

pub(crate) use daemon_set::DaemonSet;
pub(crate) use deployment::Deployment;
pub(crate) use job::{CronJob, Job};
pub(crate) use replica_set::{PodTemplate, ReplicaSet, ReplicationController};
pub(crate) use revision::ControllerRevision;
pub(crate) use stateful_set::StatefulSet;

use crate::server::error::FieldError;
use crate::server::kinds::pod;
use checks::{label_selector, selects_template};
use serde_json::{Value, json};

/// A field of an object, which becomes one if it is none.
fn field<'o>(object: &'o mut Value, name: &str) -> &'o mut Value {
    if !object.is_object() {
        *object = json!({});
    }
    &mut object[name]
}

/// Gives a field a value when it has none.
fn default_to(object: &mut Value, name: &str, value: impl Into<Value>) {
    let field = field(object, name);
    if field.is_null() {
        *field = value.into();
    }
}

/// `spec.replicas` and what else most of them have.
fn default_replicas(object: &mut Value) {
    default_to(field(object, "spec"), "replicas", 1);
}

/// The pod template in `spec`.
fn default_template(object: &mut Value) {
    pod::default_template(field(field(object, "spec"), "template"));
}

/// Whether nothing of it has changed, so that there is nothing to be said about it.
fn is_unchanged(object: &Value, old: Option<&Value>) -> bool {
    old.is_some_and(|old| old["spec"] == object["spec"])
}

/// A template whose pods run for ever, and whose labels `selector` selects.
fn validate_template(spec: &Value, kind: &str, path: &str) -> Vec<FieldError> {
    let template = &spec["template"];
    let path = format!("{path}.template");
    let mut errors = selects_template(&spec["selector"], template, &path);
    errors.extend(pod::validate_template(template, &path));
    let policy = &template["spec"]["restartPolicy"];
    if policy != "Always" {
        let path = format!("{path}.spec.restartPolicy");
        errors.push(FieldError::not_supported(path, policy, &["Always"]));
    }
    if !template["spec"]["activeDeadlineSeconds"].is_null() {
        let path = format!("{path}.spec.activeDeadlineSeconds");
        let text = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(FieldError::forbidden(path, &text));
    }
    errors
}

/// A `metav1.LabelSelector` that has to be there and select something.
fn validate_selector(spec: &Value, kind: &str) -> Vec<FieldError> {
    const PATH: &str = "spec.selector";
    let selector = &spec["selector"];
    if selector.is_null() {
        return vec![FieldError::required(PATH, "")];
    }
    let mut errors = label_selector(selector, PATH);
    if is_empty(&selector["matchLabels"]) && is_empty(&selector["matchExpressions"]) {
        let text = format!("empty selector is invalid for {kind}");
        errors.push(FieldError::invalid(PATH, selector, &text));
    }
    errors
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => true,
    }
}
