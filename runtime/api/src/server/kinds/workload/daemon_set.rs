//! DaemonSet.

use super::checks::{at_most_all, immutable, int_or_percent, is_zero, nonnegative};
use super::{
    default_template, default_to, field, is_unchanged, validate_selector, validate_template,
};
use crate::server::Server;
use crate::server::error::{ApiError, FieldError};
use crate::server::kinds::{Strategy, put_back};
use serde_json::{Value, json};

/// How often the template has changed; `spec.templateGeneration` once.
pub(crate) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

pub(crate) struct DaemonSet;

impl Strategy for DaemonSet {
    fn default(&self, object: &mut Value) {
        let spec = field(object, "spec");
        let strategy = field(spec, "updateStrategy");
        default_to(strategy, "type", "RollingUpdate");
        if strategy["type"] == "RollingUpdate" {
            let update = field(strategy, "rollingUpdate");
            default_to(update, "maxUnavailable", 1);
            default_to(update, "maxSurge", 0);
        }
        default_to(spec, "revisionHistoryLimit", 10);
        default_template(object);
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({
            "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
        });
        set_template_generation(object, template_generation(object).max(1));
        Ok(())
    }

    fn prepare_update(
        &self,
        _server: &mut Server,
        old: &Value,
        new: &mut Value,
        subresource: &str,
    ) -> Result<(), ApiError> {
        match subresource {
            "" => {
                put_back(old, new, "status");
                let is_other = old["spec"]["template"] != new["spec"]["template"];
                set_template_generation(new, template_generation(old) + i64::from(is_other));
            }
            "status" => put_back(old, new, "spec"),
            _ => {}
        }
        Ok(())
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if is_unchanged(object, old) {
            return Vec::new();
        }
        let spec = &object["spec"];
        let mut errors = Vec::new();
        if let Some(old) = old {
            errors.extend(immutable(spec, &old["spec"], "spec", &["selector"]));
        }
        errors.extend(validate_selector(spec, "daemonset"));
        errors.extend(validate_template(spec, "DaemonSet", "spec"));
        errors.extend(nonnegative(spec, "spec", &["minReadySeconds"]));
        errors.extend(validate_strategy(&spec["updateStrategy"]));
        errors.extend(nonnegative(spec, "spec", &["revisionHistoryLimit"]));
        errors
    }

    fn has_generation(&self) -> bool {
        true
    }
}

fn template_generation(object: &Value) -> i64 {
    let annotation = &object["metadata"]["annotations"][TEMPLATE_GENERATION];
    let number = annotation.as_str().and_then(|text| text.parse().ok());
    number.unwrap_or_default()
}

fn set_template_generation(object: &mut Value, generation: i64) {
    let annotations = field(field(object, "metadata"), "annotations");
    *field(annotations, TEMPLATE_GENERATION) = generation.to_string().into();
}

fn validate_strategy(strategy: &Value) -> Vec<FieldError> {
    const PATH: &str = "spec.updateStrategy.rollingUpdate";
    let update = &strategy["rollingUpdate"];
    match strategy["type"].as_str() {
        Some("OnDelete") => return Vec::new(),
        Some("RollingUpdate") => {}
        _ => {
            let supported = ["RollingUpdate", "OnDelete"];
            let path = "spec.updateStrategy";
            return vec![FieldError::not_supported(path, strategy, &supported)];
        }
    }
    let (unavailable, surge) = (&update["maxUnavailable"], &update["maxSurge"]);
    let (unavailable_path, surge_path) =
        (format!("{PATH}.maxUnavailable"), format!("{PATH}.maxSurge"));
    let mut errors = int_or_percent(unavailable, &unavailable_path);
    errors.extend(int_or_percent(surge, &surge_path));
    errors.extend(at_most_all(unavailable, &unavailable_path));
    errors.extend(at_most_all(surge, &surge_path));
    match (is_zero(unavailable), is_zero(surge)) {
        (false, false) => {
            let text = "may not be set when maxUnavailable is non-zero";
            errors.push(FieldError::invalid(surge_path, surge, text));
        }
        (true, true) => {
            let text = "cannot be 0 when maxSurge is 0";
            errors.push(FieldError::required(unavailable_path, text));
        }
        _ => {}
    }
    errors
}
