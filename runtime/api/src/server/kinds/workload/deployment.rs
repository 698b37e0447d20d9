//! Deployment.

use super::checks::{at_most_all, immutable, int_or_percent, is_zero, nonnegative};
use super::{
    default_replicas, default_template, default_to, field, is_unchanged, validate_selector,
    validate_template,
};
use crate::server::Server;
use crate::server::error::{ApiError, FieldError};
use crate::server::kinds::{Strategy, put_back};
use serde_json::{Value, json};

pub(crate) struct Deployment;

impl Strategy for Deployment {
    fn default(&self, object: &mut Value) {
        default_replicas(object);
        let spec = field(object, "spec");
        let strategy = field(spec, "strategy");
        default_to(strategy, "type", "RollingUpdate");
        if strategy["type"] == "RollingUpdate" {
            let update = field(strategy, "rollingUpdate");
            default_to(update, "maxUnavailable", "25%");
            default_to(update, "maxSurge", "25%");
        }
        default_to(spec, "revisionHistoryLimit", 10);
        default_to(spec, "progressDeadlineSeconds", 600);
        default_template(object);
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({});
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
                // Controllers copy annotations, so a change of one is a change for them.
                if old["metadata"]["annotations"] != new["metadata"]["annotations"] {
                    let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
                    new["metadata"]["generation"] = json!(generation + 1);
                }
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
        let mut errors = nonnegative(spec, "spec", &["replicas"]);
        errors.extend(validate_selector(spec, "deployment"));
        errors.extend(validate_template(spec, "ReplicaSet", "spec"));
        errors.extend(validate_strategy(&spec["strategy"]));
        let numbers = [
            "minReadySeconds",
            "revisionHistoryLimit",
            "progressDeadlineSeconds",
        ];
        errors.extend(nonnegative(spec, "spec", &numbers));
        let deadline = &spec["progressDeadlineSeconds"];
        if deadline.as_i64() <= Some(spec["minReadySeconds"].as_i64().unwrap_or_default()) {
            let text = "must be greater than minReadySeconds";
            let path = "spec.progressDeadlineSeconds";
            errors.push(FieldError::invalid(path, deadline, text));
        }
        if let Some(old) = old {
            errors.extend(immutable(spec, &old["spec"], "spec", &["selector"]));
        }
        errors
    }

    fn has_generation(&self) -> bool {
        true
    }
}

fn validate_strategy(strategy: &Value) -> Vec<FieldError> {
    const PATH: &str = "spec.strategy.rollingUpdate";
    let update = &strategy["rollingUpdate"];
    match strategy["type"].as_str() {
        Some("Recreate") if update.is_null() => Vec::new(),
        Some("Recreate") => {
            let text = "may not be specified when strategy `type` is 'Recreate'";
            vec![FieldError::forbidden(PATH, text)]
        }
        Some("RollingUpdate") => {
            let (unavailable, surge) = (&update["maxUnavailable"], &update["maxSurge"]);
            let path = format!("{PATH}.maxUnavailable");
            let mut errors = int_or_percent(unavailable, &path);
            errors.extend(int_or_percent(surge, &format!("{PATH}.maxSurge")));
            if is_zero(unavailable) && is_zero(surge) {
                let text = "may not be 0 when `maxSurge` is 0";
                errors.push(FieldError::invalid(path.as_str(), unavailable, text));
            }
            errors.extend(at_most_all(unavailable, &path));
            errors
        }
        _ => vec![FieldError::not_supported(
            "spec.strategy",
            strategy,
            &["Recreate", "RollingUpdate"],
        )],
    }
}
