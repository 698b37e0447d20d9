//! Objects as JSON, and what all of them have.

use serde_json::Value;
use std::collections::BTreeMap;

/// What the store keeps is what [`encode`](super::encode) made.
pub(crate) fn decode(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// A text of the metadata; empty when there is none.
pub(crate) fn meta<'o>(object: &'o Value, field: &str) -> &'o str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// `metadata.name`
pub(crate) fn name(object: &Value) -> &str {
    meta(object, "name")
}

/// `metadata.namespace`
pub(crate) fn namespace(object: &Value) -> &str {
    meta(object, "namespace")
}

/// `metadata.uid`
pub(crate) fn uid(object: &Value) -> &str {
    meta(object, "uid")
}

/// `metadata.labels`
pub(crate) fn labels(object: &Value) -> BTreeMap<&str, &str> {
    let labels = object["metadata"]["labels"].as_object();
    let labels = labels.into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect()
}

/// Whether somebody has asked for the object to go.
pub(crate) fn is_deleted(object: &Value) -> bool {
    !meta(object, "deletionTimestamp").is_empty()
}

/// `metadata.resourceVersion`; `None` when it is not set.
pub(crate) fn revision(object: &Value) -> Option<&str> {
    Some(meta(object, "resourceVersion")).filter(|text| !text.is_empty())
}

/// Sets `metadata.finalizers`; without any, the field goes.
pub(crate) fn set_finalizers(object: &mut Value, finalizers: Vec<String>) {
    let Some(meta) = object["metadata"].as_object_mut() else {
        return;
    };
    match finalizers.is_empty() {
        true => meta.remove("finalizers"),
        false => meta.insert("finalizers".to_owned(), finalizers.into()),
    };
}

/// A text of an object; empty when there is none.
pub(crate) fn text<'o>(object: &'o Value, field: &str) -> &'o str {
    object[field].as_str().unwrap_or_default()
}
