//! Label selectors in objects.

use serde_json::Value;

/// A `metav1.LabelSelector`, or the plain map of labels that a ReplicationController or Service has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelSelector<'s>(&'s Value);

impl<'s> LabelSelector<'s> {
    /// What stands in the field `selector` of an object.
    pub(crate) fn of(selector: &'s Value) -> Self {
        Self(selector)
    }

    /// Whether it selects anything; one that is empty or not there selects nothing here.
    pub(crate) fn is_empty(self) -> bool {
        let is_empty = |value: &Value| match value {
            Value::Object(fields) => fields.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => true,
        };
        match self.is_structured() {
            true => is_empty(&self.0["matchLabels"]) && is_empty(&self.0["matchExpressions"]),
            false => is_empty(self.0),
        }
    }

    /// Whether an object has labels that are selected.
    pub(crate) fn selects(self, object: &Value) -> bool {
        self.selects_labels(&object["metadata"]["labels"])
    }

    /// Whether these labels are selected.
    pub(crate) fn selects_labels(self, labels: &Value) -> bool {
        if self.is_empty() {
            return false;
        }
        if !self.is_structured() {
            return has_all(labels, self.0);
        }
        let expressions = self.0["matchExpressions"].as_array();
        has_all(labels, &self.0["matchLabels"])
            && expressions
                .into_iter()
                .flatten()
                .all(|expression| holds(expression, labels))
    }

    /// A plain map of labels has texts for values, never objects or lists.
    fn is_structured(self) -> bool {
        self.0["matchLabels"].is_object() || self.0["matchExpressions"].is_array()
    }
}

fn has_all(labels: &Value, wanted: &Value) -> bool {
    let wanted = wanted.as_object().into_iter().flatten();
    wanted
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let key = expression["key"].as_str().unwrap_or_default();
    let label = labels.get(key);
    let values = expression["values"].as_array();
    let is_listed = |label| values.is_some_and(|values| values.contains(label));
    match expression["operator"].as_str() {
        Some("In") => label.is_some_and(is_listed),
        Some("NotIn") => !label.is_some_and(is_listed),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}
