//! Media types: what a client sends and what it wants to get.
//! The rules are those of `apiserver/pkg/endpoints/handlers/negotiation`.

use super::request::Request;

pub(crate) const JSON: &str = "application/json";
pub(crate) const YAML: &str = "application/yaml";

/// In which objects are read and written.
pub(crate) const OBJECT_TYPES: &[&str] = &[JSON, YAML];

/// The media type of the body without its parameters; empty when there is none.
pub(crate) fn content_type(request: &Request) -> &str {
    let header = request.header("content-type").unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim()
}
