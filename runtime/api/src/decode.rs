//! A tree of values to a type of k8s-openapi, with all errors at once.
//!
//! The types say themselves what they expect: `Deserialize` asks for a struct with certain fields, an `i32`, a list.
//! The deserializer here never fails on a wrong value. It notes the error and hands out zero, an empty text or an
//! empty list instead, so that one walk sees everything; what it built is thrown away if there was an error. Where a
//! visitor itself refuses a value (base64, a time), the value counts as `null` and the walk starts over.

mod access;
mod describe;
mod walk;

pub(crate) use describe::describe;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, IntoDeserializer, Visitor};

use crate::error::{Location, Problem, UnknownFieldHint};
use crate::log::Object;
use crate::support::Treatment;
use crate::tree::{NodeId, Path, Scalar, Value};
use crate::words;
use access::{ListAccess, MapAccess, StructAccess};
use describe::hint;
use walk::{Error, Found, Walk};

/// Decodes the object at `node`, which stands at `path` of its document. `None` when nothing could be made of it;
/// errors are in the log either way.
pub(crate) fn decode<T: DeserializeOwned>(
    object: &Object<'_>,
    node: NodeId,
    path: &Path<'_>,
) -> Option<T> {
    let mut refused = Vec::new();
    let mut poisoned = BTreeSet::new();
    loop {
        let walk = Walk {
            object,
            poisoned,
            found: RefCell::default(),
        };
        let cursor = Cursor {
            walk: &walk,
            node,
            label: node,
            path,
            quiet: false,
        };
        let result = T::deserialize(cursor);
        poisoned = walk.poisoned;
        let found = walk.found.into_inner();
        let error = match result {
            Ok(value) => {
                report(object, &refused, found);
                return Some(value);
            }
            Err(error) => error,
        };
        let (at, location, path) = error
            .at
            .unwrap_or_else(|| (node, object.location(path), path.to_string()));
        refused.push((location, path, unreadable(&error.message)));
        if refused.len() == REFUSALS_MAX || !poisoned.insert(at) {
            report(object, &refused, found);
            return None;
        }
    }
}

/// Values of one object that a visitor refuses; each costs a walk.
const REFUSALS_MAX: usize = 16;

fn report(object: &Object<'_>, refused: &[(Location, String, Problem)], found: Found) {
    let mut log = object.log.borrow_mut();
    for (location, path, problem) in refused {
        if !found.errors.iter().any(|(_, known, _)| known == path) {
            log.error(location.clone(), path.clone(), problem.clone());
            object.broken.borrow_mut().push(path.clone());
        }
    }
    for (location, path, problem) in found.errors {
        object.broken.borrow_mut().push(meant(&path, &problem));
        log.error(location, path, problem);
    }
    found.notes.into_iter().for_each(|note| log.note(note));
    found.fields.into_iter().for_each(|field| log.field(field));
}

fn unreadable(message: &str) -> Problem {
    let message = message.trim_end_matches('.');
    // The only visitors that refuse with these words are those of base64.
    let prefix = if message.starts_with("Invalid ") {
        "illegal base64 data, "
    } else {
        ""
    };
    Problem::Unreadable(format!("{prefix}{}", message.to_lowercase()))
}

/// The path that has no good value because of this error: for a mistyped name that of the field that was meant.
fn meant(path: &str, problem: &Problem) -> String {
    match problem {
        Problem::UnknownField {
            name,
            hint: UnknownFieldHint::Nearest(nearest),
        } => {
            format!(
                "{}{nearest}",
                path.strip_suffix(&*words::plain(name)).unwrap_or(path)
            )
        }
        _ => path.to_owned(),
    }
}

/// A value of the tree as serde sees it.
#[derive(Clone, Copy)]
struct Cursor<'c, 'p> {
    walk: &'c Walk<'c>,
    node: NodeId,
    /// The key before the value, or the value itself.
    label: NodeId,
    path: &'p Path<'p>,
    /// Below a field that is not honoured: fields are checked, their treatment is not looked up.
    quiet: bool,
}

impl<'c> Cursor<'c, '_> {
    fn value(&self) -> &'c Value<'c> {
        if self.walk.poisoned.contains(&self.node) {
            return &Value::Scalar(Scalar::Null, std::borrow::Cow::Borrowed(""));
        }
        &self.walk.object.tree[self.node].value
    }

    fn wrong_type(&self, expected: &str) {
        let value = self.value();
        let (found, hint) = (describe(value), hint(expected, value));
        self.walk.error(
            self.node,
            self.path,
            Problem::WrongType {
                expected: expected.to_owned(),
                found,
                hint,
            },
        );
    }

    fn located<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|mut error| {
            if error.at.is_none() {
                error.at = Some((
                    self.node,
                    self.walk.location(self.node),
                    self.path.to_string(),
                ));
            }
            error
        })
    }

    fn string(&self) -> &'c str {
        match self.value() {
            Value::Scalar(Scalar::String, text) => text,
            Value::Scalar(Scalar::Null, _) => "",
            _ => {
                self.wrong_type("a string");
                ""
            }
        }
    }

    fn integer(&self, min: i64, max: i64) -> i64 {
        let value = match self.value() {
            Value::Scalar(Scalar::Null, _) => 0,
            Value::Scalar(Scalar::Int(value), _) => *value,
            Value::Scalar(Scalar::Float(value), _) if value.fract() == 0.0 => *value as i128,
            _ => {
                self.wrong_type("an integer");
                0
            }
        };
        match i64::try_from(value) {
            Ok(value) if (min..=max).contains(&value) => value,
            _ => {
                let detail = format!("must be between {min} and {max}, inclusive");
                self.walk.error(
                    self.node,
                    self.path,
                    Problem::Invalid {
                        value: value.to_string(),
                        detail,
                    },
                );
                0
            }
        }
    }

    /// A number or text as written, for quantities: a detour over floating point would lose digits.
    fn quantity(&self) -> String {
        match self.value() {
            Value::Scalar(Scalar::Null, _) => "0".to_owned(),
            Value::Scalar(Scalar::Int(value), _) => value.to_string(),
            Value::Scalar(Scalar::Float(_), text) => text.replace('_', ""),
            Value::Scalar(Scalar::String, text) => text.clone().into_owned(),
            _ => {
                self.wrong_type("a quantity such as 100Mi or 0.5");
                "0".to_owned()
            }
        }
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty, $min:expr, $max:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let value = self.integer($min, $max);
            self.located(visitor.$visit(value as $type))
        })*
    };
}

impl<'de> serde::Deserializer<'de> for Cursor<'_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match self.value() {
            Value::Scalar(Scalar::Null, _) => visitor.visit_unit(),
            Value::Scalar(Scalar::Bool(value), _) => visitor.visit_bool(*value),
            Value::Scalar(Scalar::Int(value), _) => {
                match (i64::try_from(*value), u64::try_from(*value)) {
                    (Ok(value), _) => visitor.visit_i64(value),
                    (_, Ok(value)) => visitor.visit_u64(value),
                    _ => visitor.visit_f64(*value as f64),
                }
            }
            Value::Scalar(Scalar::Float(value), _) => visitor.visit_f64(*value),
            Value::Scalar(Scalar::String, text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(ListAccess::new(self, items)),
            Value::Map(entries) => visitor.visit_map(MapAccess::new(self, entries)),
        };
        self.located(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = match self.value() {
            Value::Scalar(Scalar::Bool(value), _) => *value,
            Value::Scalar(Scalar::Null, _) => false,
            _ => {
                self.wrong_type("true or false");
                false
            }
        };
        self.located(visitor.visit_bool(value))
    }

    integers! {
        deserialize_i8 visit_i8 i8, i8::MIN.into(), i8::MAX.into();
        deserialize_i16 visit_i16 i16, i16::MIN.into(), i16::MAX.into();
        deserialize_i32 visit_i32 i32, i32::MIN.into(), i32::MAX.into();
        deserialize_i64 visit_i64 i64, i64::MIN, i64::MAX;
        deserialize_u8 visit_u8 u8, 0, u8::MAX.into();
        deserialize_u16 visit_u16 u16, 0, u16::MAX.into();
        deserialize_u32 visit_u32 u32, 0, u32::MAX.into();
        deserialize_u64 visit_u64 u64, 0, i64::MAX;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = match self.value() {
            Value::Scalar(Scalar::Int(value), _) => *value as f64,
            Value::Scalar(Scalar::Float(value), _) => *value,
            Value::Scalar(Scalar::Null, _) => 0.0,
            _ => {
                self.wrong_type("a number");
                0.0
            }
        };
        self.located(visitor.visit_f64(value))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(visitor.visit_str(self.string()))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value() {
            Value::Scalar(Scalar::Null, _) => self.located(visitor.visit_none()),
            _ => self.located(visitor.visit_some(self)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == "Quantity" {
            let text: serde::de::value::StringDeserializer<Error> =
                self.quantity().into_deserializer();
            return self.located(visitor.visit_newtype_struct(text));
        }
        self.located(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.value() {
            Value::List(items) => items.as_slice(),
            Value::Scalar(Scalar::Null, _) => &[],
            Value::Scalar(..) | Value::Map(_) => {
                self.wrong_type("a list");
                &[]
            }
        };
        self.located(visitor.visit_seq(ListAccess::new(self, items)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let entries = match self.value() {
            Value::Map(entries) => entries.as_slice(),
            Value::Scalar(Scalar::Null, _) => &[],
            Value::Scalar(..) | Value::List(_) => {
                self.wrong_type("an object");
                &[]
            }
        };
        if !self.quiet {
            self.walk
                .field(self.label, self.path, Treatment::Honoured, "");
        }
        self.located(visitor.visit_map(MapAccess::new(self, entries)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries = match self.value() {
            Value::Map(entries) => entries.as_slice(),
            Value::Scalar(Scalar::Null, _) => &[],
            Value::Scalar(..) | Value::List(_) => {
                self.wrong_type("an object");
                &[]
            }
        };
        if !self.quiet && entries.is_empty() {
            self.walk
                .field(self.label, self.path, Treatment::Honoured, "");
        }
        self.located(visitor.visit_map(StructAccess::new(self, name, fields, entries)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text: serde::de::value::StrDeserializer<'_, Error> = self.string().into_deserializer();
        self.located(visitor.visit_enum(text))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(visitor.visit_unit())
    }
}
