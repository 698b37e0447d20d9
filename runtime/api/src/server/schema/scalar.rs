//! Single values: which ones fit, and how Kubernetes writes them.

use super::Scalar;
use crate::quantity::Quantity;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine, alphabet};
use k8s_openapi::jiff::Timestamp;
use seedpod_core::time::WallTime;
use serde_json::{Number, Value};

/// How a value fits.
pub(super) enum Literal {
    /// As it is to be kept.
    Good(Value),
    /// It is of another type.
    Wrong {
        /// `string`, `number 1.5`
        found: String,
        wanted: &'static str,
    },
    /// It cannot be read.
    Bad(String),
    /// It cannot be read, and Go stops there.
    Fatal(String),
}

/// Fits a boolean, number or text.
pub(super) fn literal(scalar: Scalar, value: Value) -> Literal {
    match (scalar, value) {
        (Scalar::String | Scalar::IntOrString, value @ Value::String(_))
        | (Scalar::Boolean, value @ Value::Bool(_))
        | (Scalar::Double, value @ Value::Number(_)) => Literal::Good(value),
        (Scalar::Int64, Value::Number(number)) => integer(number, "int64", i64::MIN..=i64::MAX),
        (Scalar::Int32 | Scalar::IntOrString, Value::Number(number)) => {
            integer(number, "int32", i32::MIN.into()..=i32::MAX.into())
        }
        (Scalar::Bytes, Value::String(text)) => bytes(&text),
        (Scalar::Time | Scalar::MicroTime, Value::String(text)) => time(scalar, &text),
        (Scalar::Quantity, Value::String(text)) => quantity(text.trim()),
        (Scalar::Quantity, Value::Number(number)) => quantity(&number.to_string()),
        (Scalar::Quantity, Value::Bool(value)) => quantity(&value.to_string()),
        (scalar, value) => {
            let found = match value {
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                _ => "string",
            };
            Literal::Wrong {
                found: found.to_owned(),
                wanted: go_type(scalar),
            }
        }
    }
}

/// What Go's decoder wants to find.
fn go_type(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bytes => "[]uint8",
        Scalar::Boolean => "bool",
        Scalar::Int32 | Scalar::IntOrString => "int32",
        Scalar::Int64 => "int64",
        Scalar::Double => "float64",
        Scalar::String | Scalar::Time | Scalar::MicroTime | Scalar::Quantity => "string",
    }
}

/// What `null` is where there must be something.
pub(super) fn zero(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Boolean => false.into(),
        Scalar::Int32 | Scalar::Int64 | Scalar::IntOrString | Scalar::Double => 0.into(),
        Scalar::Quantity => "0".into(),
        Scalar::String | Scalar::Bytes => "".into(),
        Scalar::Time | Scalar::MicroTime => Value::Null,
    }
}

fn integer(number: Number, wanted: &'static str, range: std::ops::RangeInclusive<i64>) -> Literal {
    match number.as_i64() {
        Some(value) if range.contains(&value) => Literal::Good(Value::Number(number)),
        _ => Literal::Wrong {
            found: format!("number {number}"),
            wanted,
        },
    }
}

/// Lines are joined, as Go's decoder does.
fn bytes(text: &str) -> Literal {
    const STRICT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, STRICT);
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match BASE64.decode(&text) {
        Ok(decoded) => Literal::Good(BASE64.encode(decoded).into()),
        Err(error) => {
            let at = match error {
                DecodeError::InvalidByte(at, _)
                | DecodeError::InvalidLastSymbol { offset: at, .. } => at,
                _ => text.len(),
            };
            Literal::Bad(format!("illegal base64 data at input byte {at}"))
        }
    }
}

fn time(scalar: Scalar, text: &str) -> Literal {
    let micro = "2006-01-02T15:04:05.000000Z07:00";
    let layout = match scalar {
        Scalar::MicroTime => micro,
        _ => "2006-01-02T15:04:05Z07:00",
    };
    // The zero of Go's times, which Kubernetes writes as nothing.
    if text == "0001-01-01T00:00:00Z" {
        return Literal::Good(Value::Null);
    }
    match text.parse::<WallTime>() {
        Ok(time) if scalar == Scalar::MicroTime => Literal::Good(time.to_micros().into()),
        Ok(time) => Literal::Good(time.to_string().into()),
        Err(_) => {
            // Before 1970, where our own times begin.
            if let Ok(time) = text.parse::<Timestamp>() {
                return Literal::Good(match scalar {
                    Scalar::MicroTime => format!("{time:.6}").into(),
                    _ => format!("{time:.0}").into(),
                });
            }
            let (rest, element) = misfit(text);
            Literal::Fatal(format!(
                "parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}"
            ))
        }
    }
}

/// Where a text stops looking like a time, and what Go's layout wants there.
fn misfit(text: &str) -> (&str, &'static str) {
    let elements = [
        "2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05",
    ];
    let mut rest = text;
    for element in elements {
        let good = match rest.get(..element.len()) {
            Some(found) if element.len() == 1 => found == element,
            Some(found) => found.bytes().all(|byte| byte.is_ascii_digit()),
            None => false,
        };
        if !good {
            return (rest, element);
        }
        rest = &rest[element.len()..];
    }
    (rest, "Z07:00")
}

fn quantity(text: &str) -> Literal {
    match Quantity::canonical(text) {
        Ok(canonical) => Literal::Good(canonical.into()),
        Err(error) => Literal::Fatal(error.to_string()),
    }
}
