//! RuntimeClasses (`pkg/apis/node/validation`). There is one runtime, so that every handler means it; what a class says of
//! overhead and scheduling comes into the pods that name it.

use super::Strategy;
use crate::names;
use crate::quantity::Quantity;
use crate::server::Server;
use crate::server::error::FieldError;
use serde_json::Value;

/// The rules of RuntimeClasses.
pub(crate) struct RuntimeClasses;

impl Strategy for RuntimeClasses {
    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let handler = &object["handler"];
        let mut errors = Vec::new();
        if old.is_some_and(|old| old["handler"] != *handler) {
            errors.push(FieldError::invalid(
                "handler",
                handler,
                "field is immutable",
            ));
        }
        let name = handler.as_str().unwrap_or_default();
        if let Some(rule) = names::dns_label(name) {
            errors.push(FieldError::invalid("handler", &name.into(), &rule));
        }
        let overhead = object["overhead"]["podFixed"].as_object();
        for (resource, quantity) in overhead.into_iter().flatten() {
            let text = match quantity {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let path = format!("overhead.podFixed[{resource}]");
            match Quantity::parse(&text) {
                Ok(value) if value.is_negative() => {
                    let detail = "must be greater than or equal to 0";
                    errors.push(FieldError::invalid(path, quantity, detail));
                }
                Ok(_) => {}
                Err(error) => {
                    errors.push(FieldError::invalid(path, quantity, &error.to_string()));
                }
            }
        }
        errors
    }
}
