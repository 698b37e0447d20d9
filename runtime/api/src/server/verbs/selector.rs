//! Label selectors and field selectors.

mod fields;
mod labels;

use crate::server::error::ApiError;
use crate::server::registry::Resource;
use crate::server::request::Request;
use crate::server::{object, splice};
use fields::Term;
use labels::Requirement;
use seedpod_core::store::Key;
use std::collections::BTreeMap;

/// What a list or watch is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Term>,
}

impl Selector {
    /// `labelSelector` and `fieldSelector` of a request.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) fn of_request(request: &Request, resource: &Resource) -> Result<Self, ApiError> {
        let labels = request.parameter("labelSelector").unwrap_or_default();
        let fields = request.parameter("fieldSelector").unwrap_or_default();
        Ok(Self {
            labels: labels::parse(&labels).map_err(ApiError::bad_request)?,
            fields: fields::parse(&fields, resource).map_err(ApiError::bad_request)?,
        })
    }

    /// The same, of the one object of this name.
    ///
    /// # Errors
    /// When the fields ask for another name.
    pub(crate) fn of_name(mut self, name: &str) -> Result<Self, ApiError> {
        if self.fields.is_empty() {
            self.fields.push(Term::name(name));
        } else if self.name() != Some(name) {
            let message = "fieldSelector metadata.name doesn't match requested name";
            return Err(ApiError::bad_request(message));
        }
        Ok(self)
    }

    /// Whether everything is meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The only name that can be meant.
    pub(crate) fn name(&self) -> Option<&str> {
        self.fields.iter().find_map(Term::exact_name)
    }

    /// Whether a stored object is meant. No more of it is read than has to be.
    pub(crate) fn selects_stored(&self, key: &Key, json: &[u8]) -> bool {
        let mut later = self.fields.iter().filter(|term| !term.is_of_key());
        let early = self.fields.iter().filter(|term| term.is_of_key());
        if !early.into_iter().all(|term| term.matches_key(key)) {
            return false;
        }
        if !self.labels.is_empty() {
            let metadata = splice::field(json, "metadata").unwrap_or_default();
            let labels = splice::field(metadata, "labels").unwrap_or(b"{}");
            let labels: BTreeMap<String, String> =
                serde_json::from_slice(labels).unwrap_or_default();
            let labels = labels
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()));
            let labels = labels.collect();
            if !self.labels.iter().all(|one| one.matches(&labels)) {
                return false;
            }
        }
        let Some(first) = later.next() else {
            return true;
        };
        let object = object::decode(json);
        first.matches(&object) && later.all(|term| term.matches(&object))
    }
}
