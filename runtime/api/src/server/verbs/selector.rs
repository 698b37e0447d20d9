//! Label selectors and field selectors.

use crate::server::error::ApiError;
use crate::server::object;
use crate::server::registry::Resource;
use crate::server::request::Request;
use serde_json::Value;

/// What a list or watch is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    /// `labelSelector` and `fieldSelector` of a request.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) fn of_request(request: &Request) -> Result<Self, ApiError> {
        let text = request.parameter("fieldSelector").unwrap_or_default();
        let mut fields = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let (field, value) = term.split_once('=').ok_or_else(|| {
                ApiError::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                ))
            })?;
            let is_equal = !field.ends_with('!');
            let field = field.trim_end_matches('!').to_owned();
            let value = value.trim_start_matches('=').to_owned();
            fields.push((field, is_equal, value));
        }
        Ok(Self { fields })
    }

    /// Whether an object is meant.
    pub(crate) fn selects(&self, resource: &Resource, object: &Value) -> bool {
        let known = resource.strategy.fields(object);
        self.fields.iter().all(|(field, is_equal, value)| {
            let found = match field.as_str() {
                "metadata.name" => object::name(object),
                "metadata.namespace" => object::namespace(object),
                field => known.get(field).map(String::as_str).unwrap_or_default(),
            };
            (found == value) == *is_equal
        })
    }
}
