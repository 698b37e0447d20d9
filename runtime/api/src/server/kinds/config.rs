//! ConfigMaps and Secrets (`pkg/registry/core/{configmap,secret}/strategy.go`).

use super::Strategy;
use crate::server::error::FieldError;
use crate::server::{Server, manifest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// The rules of ConfigMaps.
pub(crate) struct ConfigMaps;

/// The rules of Secrets.
pub(crate) struct Secrets;

impl Strategy for ConfigMaps {
    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some(old) = old {
            immutable(old, object, &["data", "binaryData"], &mut errors);
        }
        errors.extend(manifest::config_map(object).errors);
        errors
    }
}

impl Strategy for Secrets {
    fn default(&self, object: &mut Value) {
        merge_string_data(object);
        if object["type"].as_str().unwrap_or_default().is_empty() {
            object["type"] = "Opaque".into();
        }
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some(old) = old {
            if old["type"] != object["type"] {
                let detail = "field is immutable";
                errors.push(FieldError::invalid("type", &object["type"], detail));
            }
            immutable(old, object, &["data"], &mut errors);
        }
        errors.extend(manifest::secret(object).errors);
        errors
    }
}

/// `immutable` stays, and so does what it is about.
fn immutable(old: &Value, new: &Value, fields: &[&'static str], errors: &mut Vec<FieldError>) {
    const DETAIL: &str = "field is immutable when `immutable` is set";
    if old["immutable"] != true {
        return;
    }
    if new["immutable"] != true {
        errors.push(FieldError::forbidden("immutable", DETAIL));
    }
    let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
    for field in fields {
        let (old, new) = (&old[*field], &new[*field]);
        if old != new && !(is_empty(old) && is_empty(new)) {
            errors.push(FieldError::forbidden(*field, DETAIL));
        }
    }
}

/// `stringData` is only written, never read: its texts become bytes of `data`.
fn merge_string_data(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let Some(Value::Object(texts)) = fields.remove("stringData") else {
        return;
    };
    for (key, text) in texts {
        let encoded = BASE64_STANDARD.encode(text.as_str().unwrap_or_default());
        object["data"][key] = encoded.into();
    }
}
