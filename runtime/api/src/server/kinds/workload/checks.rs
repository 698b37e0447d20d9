//! Rules of single fields, in the words of `apimachinery/pkg/api/validation` and `pkg/apis/apps/validation`.

use crate::names::{label_value, qualified_name};
use crate::server::controllers::LabelSelector;
use crate::server::error::FieldError;
use serde_json::Value;

/// These fields of `object` are 0 or more, or not there.
pub(super) fn nonnegative(object: &Value, path: &str, fields: &[&str]) -> Vec<FieldError> {
    let negative = fields.iter().filter(|field| {
        let value = object[**field].as_i64();
        value.is_some_and(|value| value < 0)
    });
    let text = "must be greater than or equal to 0";
    negative
        .map(|field| FieldError::invalid(format!("{path}.{field}"), &object[*field], text))
        .collect()
}

/// These fields of `new` are what they were.
pub(super) fn immutable(new: &Value, old: &Value, path: &str, fields: &[&str]) -> Vec<FieldError> {
    let changed = fields.iter().filter(|field| new[**field] != old[**field]);
    let text = "field is immutable";
    changed
        .map(|field| FieldError::invalid(format!("{path}.{field}"), &new[*field], text))
        .collect()
}

/// What may stand in a `metav1.LabelSelector`.
pub(super) fn label_selector(selector: &Value, path: &str) -> Vec<FieldError> {
    let labels_path = format!("{path}.matchLabels");
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut errors = Vec::new();
    for (key, value) in labels {
        errors.extend(label_key(key, &labels_path));
        errors.extend(label_value_of(value, &labels_path));
    }
    let expressions = selector["matchExpressions"].as_array();
    for (number, expression) in expressions.into_iter().flatten().enumerate() {
        let path = format!("{path}.matchExpressions[{number}]");
        errors.extend(requirement(expression, &path));
    }
    errors
}

fn requirement(expression: &Value, path: &str) -> Vec<FieldError> {
    let values = expression["values"].as_array();
    let values: Vec<&Value> = values.into_iter().flatten().collect();
    let mut errors = Vec::new();
    match expression["operator"].as_str() {
        Some("In" | "NotIn") => {
            if values.is_empty() {
                let text = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{path}.values"), text));
            }
        }
        Some("Exists" | "DoesNotExist") => {
            if !values.is_empty() {
                let text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{path}.values"), text));
            }
        }
        other => errors.push(FieldError::invalid(
            format!("{path}.operator"),
            &other.unwrap_or_default().into(),
            "not a valid selector operator",
        )),
    }
    let key = expression["key"].as_str().unwrap_or_default();
    errors.extend(label_key(key, &format!("{path}.key")));
    for (number, value) in values.into_iter().enumerate() {
        errors.extend(label_value_of(value, &format!("{path}.values[{number}]")));
    }
    errors
}

fn label_key(key: &str, path: &str) -> Option<FieldError> {
    qualified_name(key).map(|rule| FieldError::invalid(path, &key.into(), &rule))
}

fn label_value_of(value: &Value, path: &str) -> Option<FieldError> {
    let rule = label_value(value.as_str().unwrap_or_default());
    rule.map(|rule| FieldError::invalid(path, value, &rule))
}

/// The labels of a template are those that are selected.
pub(super) fn selects_template(selector: &Value, template: &Value, path: &str) -> Vec<FieldError> {
    let selector = LabelSelector::of(selector);
    let labels = &template["metadata"]["labels"];
    if selector.is_empty() || selector.selects_labels(labels) {
        return Vec::new();
    }
    let path = format!("{path}.metadata.labels");
    let text = "`selector` does not match template `labels`";
    vec![FieldError::invalid(path, labels, text)]
}

/// A number of pods, or a percentage of them.
pub(super) fn int_or_percent(value: &Value, path: &str) -> Vec<FieldError> {
    let text = match value {
        Value::String(text) if percent(text).is_none() => {
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex \
             used for validation is '[0-9]+%')"
        }
        Value::Number(number) if number.as_i64().is_some_and(|number| number < 0) => {
            "must be greater than or equal to 0"
        }
        _ => return Vec::new(),
    };
    vec![FieldError::invalid(path, value, text)]
}

/// A percentage is 100 or less.
pub(super) fn at_most_all(value: &Value, path: &str) -> Option<FieldError> {
    let percent = value.as_str().and_then(percent);
    let is_more = percent.is_some_and(|percent| percent > 100);
    is_more.then(|| FieldError::invalid(path, value, "must not be greater than 100%"))
}

/// Whether it is `0` or `0%`, or not there.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => percent(text).unwrap_or_default() == 0,
        value => value.as_i64().unwrap_or_default() == 0,
    }
}

fn percent(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}
