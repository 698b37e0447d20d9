//! ControllerRevision.

use crate::server::Server;
use crate::server::error::FieldError;
use crate::server::kinds::Strategy;
use serde_json::Value;

pub(crate) struct ControllerRevision;

impl Strategy for ControllerRevision {
    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let is_negative = object["revision"].as_i64().is_some_and(|number| number < 0);
        let mut errors = Vec::new();
        if is_negative {
            let text = "must be greater than or equal to 0";
            errors.push(FieldError::invalid("revision", &object["revision"], text));
        }
        match (old, &object["data"]) {
            (Some(old), data) if old["data"] != *data => {
                errors.push(FieldError::invalid("data", data, "field is immutable"));
            }
            (Some(_), _) | (None, Value::Object(_)) => {}
            (None, Value::Null) => errors.push(FieldError::required("data", "data is mandatory")),
            (None, _) => errors.push(FieldError::required(
                "data",
                "data must be a valid JSON object",
            )),
        }
        errors
    }
}
