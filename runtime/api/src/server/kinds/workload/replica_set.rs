//! ReplicaSet, ReplicationController, and PodTemplate.

use super::checks::{immutable, nonnegative};
use super::{
    default_replicas, default_template, field, is_empty, is_unchanged, validate_selector,
    validate_template,
};
use crate::server::Server;
use crate::server::error::{ApiError, FieldError};
use crate::server::kinds::{Strategy, pod};
use serde_json::{Value, json};

pub(crate) struct ReplicaSet;

impl Strategy for ReplicaSet {
    fn default(&self, object: &mut Value) {
        default_replicas(object);
        default_template(object);
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({"replicas": 0});
        Ok(())
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if is_unchanged(object, old) {
            return Vec::new();
        }
        let spec = &object["spec"];
        let mut errors = nonnegative(spec, "spec", &["replicas", "minReadySeconds"]);
        errors.extend(validate_selector(spec, "deployment"));
        errors.extend(validate_template(spec, "ReplicaSet", "spec"));
        if let Some(old) = old {
            errors.extend(immutable(spec, &old["spec"], "spec", &["selector"]));
        }
        errors
    }

    fn has_generation(&self) -> bool {
        true
    }
}

pub(crate) struct ReplicationController;

impl Strategy for ReplicationController {
    fn default(&self, object: &mut Value) {
        let labels = object["spec"]["template"]["metadata"]["labels"].clone();
        if labels.is_object() {
            for (parent, name) in [("spec", "selector"), ("metadata", "labels")] {
                let field = field(field(object, parent), name);
                if is_empty(field) {
                    *field = labels.clone();
                }
            }
        }
        default_replicas(object);
        if !object["spec"]["template"].is_null() {
            default_template(object);
        }
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({"replicas": 0});
        Ok(())
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if is_unchanged(object, old) {
            return Vec::new();
        }
        let spec = &object["spec"];
        let mut errors = nonnegative(spec, "spec", &["minReadySeconds"]);
        if is_empty(&spec["selector"]) {
            errors.push(FieldError::required("spec.selector", ""));
        }
        errors.extend(nonnegative(spec, "spec", &["replicas"]));
        if spec["template"].is_null() {
            errors.push(FieldError::required("spec.template", ""));
        } else {
            errors.extend(validate_template(spec, "ReplicationController", "spec"));
        }
        errors
    }

    fn has_generation(&self) -> bool {
        true
    }
}

pub(crate) struct PodTemplate;

impl Strategy for PodTemplate {
    fn default(&self, object: &mut Value) {
        pod::default_template(field(object, "template"));
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if old.is_some_and(|old| old["template"] == object["template"]) {
            return Vec::new();
        }
        pod::validate_template(&object["template"], "template")
    }

    fn has_generation(&self) -> bool {
        true
    }
}
