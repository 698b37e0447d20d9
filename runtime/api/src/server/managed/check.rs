//! Whether a configuration that is applied fits the schema. The texts are those of `structured-merge-diff`.

use super::set::{Element, Scalar};
use super::typed::item_element;
use crate::server::schema::{self, List, Shape, Type};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is wrong with a configuration that is applied, with the path of each.
pub(super) fn check(value: &Value, ty: Option<Type>) -> Vec<String> {
    let mut errors = Vec::new();
    check_at(value, ty, "", &mut errors);
    errors
}

fn check_at(value: &Value, ty: Option<Type>, path: &str, errors: &mut Vec<String>) {
    let Some(ty) = ty else { return };
    match (ty.shape(), value) {
        (Shape::Any, _) | (_, Value::Null) => {}
        (Shape::Scalar(scalar), value) => {
            let wrong = scalar_misfit(scalar, value);
            errors.extend(wrong.map(|what| format!("{path}: {what}")));
        }
        (Shape::Object | Shape::Map, Value::Object(fields)) => {
            for (name, child) in fields {
                let path = format!("{path}.{name}");
                match ty.field(name) {
                    None => errors.push(format!("{path}: field not declared in schema")),
                    child_type => check_at(child, child_type, &path, errors),
                }
            }
        }
        (Shape::List(list), Value::Array(items)) => check_items(items, list, ty, path, errors),
        (Shape::Object | Shape::Map, other) => {
            errors.push(format!("{path}: expected map, got &{{{}}}", plain(other)));
        }
        (Shape::List(_), other) => {
            errors.push(format!("{path}: expected list, got &{{{}}}", plain(other)));
        }
    }
}

fn check_items(items: &[Value], list: List, ty: Type, path: &str, errors: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let element = match list {
            List::Atomic => Ok(Element::Index(i64::try_from(index).unwrap_or(i64::MAX))),
            List::Set | List::Map(_) => item_element(list, ty.item(), item),
        };
        match element {
            Err(what) => return errors.push(format!("{path}: element {index}: {what}")),
            Ok(element) => {
                let below = format!("{path}{element}");
                if !seen.insert(element.clone()) {
                    errors.push(format!("{path}: duplicate entries for key {element}"));
                }
                check_at(item, ty.item(), &below, errors);
            }
        }
    }
}

/// What is wrong with a value that should have no parts.
fn scalar_misfit(scalar: schema::Scalar, value: &Value) -> Option<String> {
    use schema::Scalar as Kind;
    match (scalar, value) {
        (Kind::Int32 | Kind::Int64 | Kind::Double, Value::Number(_))
        | (Kind::Boolean, Value::Bool(_))
        | (Kind::String | Kind::Bytes | Kind::Time | Kind::MicroTime, Value::String(_)) => None,
        (Kind::Quantity | Kind::IntOrString, value) => {
            let is_scalar = Scalar::of(value).is_some();
            (!is_scalar).then(|| format!("expected any scalar, got &{{{}}}", plain(value)))
        }
        (Kind::Int32 | Kind::Int64 | Kind::Double, value) => {
            let found = match value {
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                Value::Array(_) => "[]interface {}",
                _ => "map[string]interface {}",
            };
            Some(format!("expected numeric (int or float), got {found}"))
        }
        (Kind::Boolean, value) => Some(format!("expected boolean, got &{{{}}}", plain(value))),
        (_, value) => {
            let found = plain(value);
            Some(format!(
                "expected string, got &value.valueUnstructured{{Value:{found}}}"
            ))
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
