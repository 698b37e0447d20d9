//! StatefulSet. Claims for volumes are refused, since nothing here could fulfil them.

use super::checks::nonnegative;
use super::{
    default_replicas, default_template, default_to, field, is_empty, is_unchanged,
    validate_selector, validate_template,
};
use crate::names::dns_label;
use crate::server::error::{ApiError, FieldError};
use crate::server::kinds::{Strategy, drop_field, put_back};
use crate::server::{Server, object};
use serde_json::{Value, json};

pub(crate) struct StatefulSet;

impl Strategy for StatefulSet {
    fn default(&self, object: &mut Value) {
        let spec = field(object, "spec");
        default_to(spec, "podManagementPolicy", "OrderedReady");
        let strategy = field(spec, "updateStrategy");
        if strategy["type"].is_null() {
            *field(strategy, "type") = "RollingUpdate".into();
            default_to(strategy, "rollingUpdate", json!({}));
        }
        if strategy["type"] == "RollingUpdate" && strategy["rollingUpdate"].is_object() {
            default_to(&mut strategy["rollingUpdate"], "partition", 0);
        }
        let retention = field(spec, "persistentVolumeClaimRetentionPolicy");
        default_to(retention, "whenDeleted", "Retain");
        default_to(retention, "whenScaled", "Retain");
        default_to(spec, "revisionHistoryLimit", 10);
        default_to(spec, "serviceName", "");
        default_replicas(object);
        default_template(object);
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({"availableReplicas": 0, "replicas": 0});
        drop_gated(object);
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
                drop_gated(new);
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
        if old.is_none() {
            errors.extend(validate_names(object));
        }
        let policy = &spec["podManagementPolicy"];
        if policy != "OrderedReady" && policy != "Parallel" {
            let text = "must be 'OrderedReady' or 'Parallel'";
            errors.push(FieldError::invalid(
                "spec.podManagementPolicy",
                policy,
                text,
            ));
        }
        errors.extend(validate_strategy(&spec["updateStrategy"]));
        if !is_empty(&spec["volumeClaimTemplates"]) {
            let text = "persistent volume claims are not served: give the template a volume of its own, such as emptyDir \
                        or hostPath";
            errors.push(FieldError::forbidden("spec.volumeClaimTemplates", text));
        }
        errors.extend(nonnegative(spec, "spec", &["replicas", "minReadySeconds"]));
        errors.extend(nonnegative(&spec["ordinals"], "spec.ordinals", &["start"]));
        errors.extend(validate_selector(spec, "statefulset"));
        errors.extend(validate_template(spec, "StatefulSet", "spec"));
        if let Some(old) = old {
            errors.extend(validate_update(spec, &old["spec"]));
        }
        errors
    }

    fn has_generation(&self) -> bool {
        true
    }
}

/// `maxUnavailable` is behind a feature gate that is closed by default.
fn drop_gated(set: &mut Value) {
    if let Some(update) = set.pointer_mut("/spec/updateStrategy/rollingUpdate") {
        drop_field(update, "maxUnavailable");
    }
}

/// Pods are called after it, and their hosts too.
fn validate_names(set: &Value) -> Vec<FieldError> {
    let service = &set["spec"]["serviceName"];
    let name = object::name(set);
    let mut errors = Vec::new();
    if let Some(rule) = dns_label(name) {
        errors.push(FieldError::invalid("metadata.name", &name.into(), &rule));
    }
    let rule = service.as_str().filter(|name| !name.is_empty());
    if let Some(rule) = rule.and_then(dns_label) {
        errors.push(FieldError::invalid("spec.serviceName", service, &rule));
    }
    errors
}

fn validate_strategy(strategy: &Value) -> Vec<FieldError> {
    const PATH: &str = "spec.updateStrategy";
    let update = &strategy["rollingUpdate"];
    match strategy["type"].as_str() {
        Some("OnDelete") if update.is_null() => Vec::new(),
        Some("OnDelete") => {
            let path = format!("{PATH}.rollingUpdate");
            let text = "only allowed for updateStrategy 'RollingUpdate'";
            vec![FieldError::invalid(path, update, text)]
        }
        Some("RollingUpdate") => {
            let path = format!("{PATH}.rollingUpdate");
            nonnegative(update, &path, &["partition"])
        }
        _ => {
            let text = "must be 'RollingUpdate' or 'OnDelete'";
            vec![FieldError::invalid(PATH, strategy, text)]
        }
    }
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    const MUTABLE: &[&str] = &[
        "replicas",
        "template",
        "updateStrategy",
        "minReadySeconds",
        "ordinals",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
    ];
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|name, _| !MUTABLE.contains(&name.as_str()));
        }
        spec
    };
    if fixed(new) == fixed(old) {
        return Vec::new();
    }
    let text = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
                'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    vec![FieldError::forbidden("spec", text)]
}
