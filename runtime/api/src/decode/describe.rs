//! Words for values of the wrong type.

use crate::tree::{Scalar, Value};
use crate::words;
use crate::yaml;

/// Type and text of a value.
pub(crate) fn describe(value: &Value<'_>) -> String {
    let (scalar, text) = match value {
        Value::List(_) => return "a list".to_owned(),
        Value::Map(_) => return "an object".to_owned(),
        Value::Scalar(scalar, text) => (scalar, text),
    };
    let cut = words::cut(text);
    match scalar {
        Scalar::Null => "null".to_owned(),
        Scalar::Bool(_) => format!("boolean {cut}"),
        Scalar::Int(_) | Scalar::Float(_) => format!("number {cut}"),
        Scalar::String => format!("string {cut:?}"),
    }
}

/// How to write a value of the type that was expected; empty when there is no advice to give.
pub(super) fn hint(expected: &str, value: &Value<'_>) -> String {
    match (expected, value) {
        ("a string", Value::Map(_)) => ", a text with \": \" in it needs quotes".to_owned(),
        ("a string", Value::Scalar(Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_), text)) => {
            format!(", write {:?} with quotes", words::cut(text))
        }
        ("an integer" | "a number", Value::Scalar(Scalar::String, text)) => match yaml::plain(text)
        {
            Scalar::Int(_) | Scalar::Float(_) => ", leave the quotes out".to_owned(),
            _ => String::new(),
        },
        ("true or false", Value::Scalar(Scalar::String, text)) => match yaml::plain(text) {
            Scalar::Bool(_) => ", leave the quotes out".to_owned(),
            _ => String::new(),
        },
        ("a list", Value::Scalar(..)) => {
            ", the items of a list are written as lines that begin with \"- \"".to_owned()
        }
        _ => String::new(),
    }
}
