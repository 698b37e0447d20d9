//! Objects as clients write them, made to fit their type: what Go's strict JSON decoder, conversion to the types of
//! Kubernetes and encoding again do to an object, with the same complaints.
//!
//! Unknown fields and fields that stand twice are *strict errors*: who reads decides whether they matter. A value of the
//! wrong type is always an error. `null`, and lists and maps with nothing in them that need not be there, go.

use super::scalar::{self, Literal};
use super::{Shape, Type};
use seedpod_core::limits;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// An object that fits its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conformed {
    pub(crate) object: Value,
    /// `unknown field "spec.x"`, `duplicate field "spec.y"`
    pub(crate) strict: Vec<String>,
}

/// Why an object cannot be made to fit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misfit {
    /// This is no JSON.
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    /// A value is of the wrong type.
    #[error("{0}")]
    Type(String),
}

/// Reads an object from JSON.
pub(crate) fn from_json(of: Type, json: &[u8]) -> Result<Conformed, Misfit> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let conformed = read(of, &mut deserializer)?;
    deserializer.end()?;
    Ok(conformed)
}

/// Makes an object fit that was made of parts, such as by a patch.
pub(crate) fn from_value(of: Type, object: &Value) -> Result<Conformed, Misfit> {
    read(of, object)
}

fn read<'de, D: Deserializer<'de, Error = serde_json::Error>>(
    of: Type,
    from: D,
) -> Result<Conformed, Misfit> {
    let mut reader = Reader::default();
    let object = reader.place(of).deserialize(from)?;
    match reader.fatal.or(reader.error) {
        Some(error) => Err(Misfit::Type(error)),
        None => Ok(Conformed {
            object: object.unwrap_or_default(),
            strict: reader.strict,
        }),
    }
}

#[derive(Default)]
struct Reader {
    strict: Vec<String>,
    /// What a type with a decoder of its own says, which ends Go's decoding; its first.
    fatal: Option<String>,
    /// The first value of a wrong type.
    error: Option<String>,
    /// `spec.containers[0].name`
    path: String,
    /// `spec`, `containers`, `name`
    fields: Vec<&'static str>,
    /// The Go type that has the innermost field.
    holder: &'static str,
}

impl Reader {
    fn strict(&mut self, what: &str, field: &str) {
        let path = match self.path.as_str() {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        };
        let text = format!("{what} {path:?}");
        if self.strict.len() < limits::STRICT_ERRORS_MAX && !self.strict.contains(&text) {
            self.strict.push(text);
        }
    }

    fn place(&mut self, of: Type) -> Place<'_> {
        Place { of, reader: self }
    }

    fn mismatch(&self, found: &str, wanted: &str) -> String {
        match self.fields.as_slice() {
            [] => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
            fields => format!(
                "json: cannot unmarshal {found} into Go struct field {}.{} of type {wanted}",
                self.holder,
                fields.join("."),
            ),
        }
    }

    /// Goes to a field or key; the length of the path that [`leave`](Self::leave) wants.
    fn enter(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        length
    }

    fn enter_item(&mut self, index: usize) -> usize {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        length
    }

    fn leave(&mut self, length: usize) {
        self.path.truncate(length);
    }
}

/// A place in an object, to be read.
struct Place<'r> {
    of: Type,
    reader: &'r mut Reader,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Value>, D::Error> {
        match self.of.shape() {
            Shape::Any => serde::Deserialize::deserialize(from),
            _ => from.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.literal(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.literal(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.literal(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.literal(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.literal(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (Shape::List(_), Some(of)) = (self.of.shape(), self.of.item()) else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            self.wrong("array");
            return Ok(None);
        };
        let mut list = Vec::new();
        loop {
            let length = self.reader.enter_item(list.len());
            let item = items.next_element_seed(self.reader.place(of));
            self.reader.leave(length);
            match item? {
                Some(item) => list.push(item.unwrap_or_else(|| zero(of))),
                None => return Ok(Some(Value::Array(list))),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        match (self.of.shape(), self.of.item()) {
            (Shape::Object, _) => self.object(entries),
            (Shape::Map, Some(of)) => self.map(of, entries),
            _ => {
                let mut entries = entries;
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                self.wrong("object");
                Ok(None)
            }
        }
    }
}

impl Place<'_> {
    fn object<'de, A: MapAccess<'de>>(self, mut entries: A) -> Result<Option<Value>, A::Error> {
        let mut object = Map::new();
        let mut seen = BTreeSet::new();
        let holder = self.reader.holder;
        while let Some(key) = entries.next_key::<String>()? {
            let Some((name, of)) = self.of.named_field(&key) else {
                self.reader.strict("unknown field", &key);
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            if !seen.insert(name) {
                self.reader.strict("duplicate field", name);
            }
            self.reader.holder = self.of.go_name();
            let outside = self.reader.fields.len();
            let embedded = embedded(self.of.go_name(), name);
            self.reader.fields.extend(embedded);
            self.reader.fields.push(name);
            let length = self.reader.enter(name);
            let value = entries.next_value_seed(self.reader.place(of));
            self.reader.leave(length);
            self.reader.fields.truncate(outside);
            self.reader.holder = holder;
            match value? {
                Some(value) if !is_left_out(of, &value) || self.of.requires(name) => {
                    object.insert(key, value);
                }
                _ => {
                    object.remove(name);
                }
            }
        }
        Ok(Some(Value::Object(object)))
    }

    fn map<'de, A: MapAccess<'de>>(
        self,
        of: Type,
        mut entries: A,
    ) -> Result<Option<Value>, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                self.reader.strict("duplicate field", &key);
            }
            let length = self.reader.enter(&key);
            let value = entries.next_value_seed(self.reader.place(of));
            self.reader.leave(length);
            map.insert(key, value?.unwrap_or_else(|| zero(of)));
        }
        Ok(Some(Value::Object(map)))
    }

    fn literal(self, value: Value) -> Option<Value> {
        let Shape::Scalar(scalar) = self.of.shape() else {
            let found = match value {
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                _ => "string",
            };
            self.wrong(found);
            return None;
        };
        match scalar::literal(scalar, value) {
            Literal::Good(value) => return Some(value),
            Literal::Wrong { found, wanted } => {
                let text = self.reader.mismatch(&found, wanted);
                self.reader.error.get_or_insert(text);
            }
            Literal::Bad(text) => {
                self.reader.error.get_or_insert(text);
            }
            Literal::Fatal(text) => {
                self.reader.fatal.get_or_insert(text);
            }
        }
        None
    }

    fn wrong(self, found: &str) {
        let text = self.reader.mismatch(found, &self.of.go_type());
        self.reader.error.get_or_insert(text);
    }
}

/// The struct that a field is in, in Go, where that is embedded in the one of the type: Go's errors name it.
fn embedded(holder: &str, field: &str) -> Option<&'static str> {
    Some(match (holder, field) {
        ("Probe", "exec" | "grpc" | "httpGet" | "tcpSocket") => "ProbeHandler",
        ("Volume", field) if field != "name" => "VolumeSource",
        ("EphemeralContainer", field) if field != "targetContainerName" => {
            "EphemeralContainerCommon"
        }
        (
            "ConfigMapEnvSource"
            | "ConfigMapKeySelector"
            | "ConfigMapProjection"
            | "ConfigMapVolumeSource"
            | "SecretEnvSource"
            | "SecretKeySelector"
            | "SecretProjection",
            "name",
        ) => "LocalObjectReference",
        _ => return None,
    })
}

/// Whether Go's `omitempty` leaves this out; that of texts, numbers and booleans depends on more than the type.
fn is_left_out(of: Type, value: &Value) -> bool {
    match of.shape() {
        Shape::List(_) => value.as_array().is_some_and(Vec::is_empty),
        Shape::Map => value.as_object().is_some_and(Map::is_empty),
        Shape::Object | Shape::Scalar(_) | Shape::Any => false,
    }
}

/// What `null` is as an item of a list or as a value of a map.
fn zero(of: Type) -> Value {
    match of.shape() {
        Shape::Object | Shape::Map => Value::Object(Map::new()),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Scalar(scalar) => scalar::zero(scalar),
        Shape::Any => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::schema::Scalar;
    use proptest::prelude::*;
    use proptest::sample::subsequence;
    use serde_json::json;

    /// A value of a type, or now and then something else.
    fn any_value(of: Type, depth: u32) -> BoxedStrategy<Value> {
        let good = match (of.shape(), of.item()) {
            (Shape::Object, _) if depth > 0 => {
                let fields: Vec<_> = of.fields().collect();
                let most = fields.len().min(4);
                subsequence(fields, 0..=most)
                    .prop_flat_map(move |fields| {
                        let fields = fields.into_iter();
                        let fields =
                            fields.map(|(name, of)| (Just(name), any_value(of, depth - 1)));
                        fields.collect::<Vec<_>>()
                    })
                    .prop_map(|fields| fields.into_iter().collect())
                    .boxed()
            }
            (Shape::Map, Some(of)) if depth > 0 => {
                let entries = proptest::collection::btree_map("[a-z]{1,2}", any_value(of, 0), 0..3);
                entries
                    .prop_map(|entries| entries.into_iter().collect())
                    .boxed()
            }
            (Shape::List(_), Some(of)) if depth > 0 => {
                let items = proptest::collection::vec(any_value(of, depth - 1), 0..3);
                items.prop_map(Value::Array).boxed()
            }
            (Shape::Scalar(scalar), _) => any_scalar(scalar),
            (Shape::List(_), _) => Just(json!([])).boxed(),
            _ => Just(json!({})).boxed(),
        };
        let other = prop_oneof![
            Just(Value::Null),
            Just(json!({"unknown": [1]})),
            Just(json!([null, "x"])),
            Just(json!(1.5)),
            Just(json!(true)),
            Just(json!(i64::MIN)),
            Just(json!(u64::MAX)),
        ];
        prop_oneof![30 => good, 1 => other].boxed()
    }

    fn any_scalar(scalar: Scalar) -> BoxedStrategy<Value> {
        match scalar {
            Scalar::Boolean => any::<bool>().prop_map(Value::from).boxed(),
            Scalar::Int32 | Scalar::Int64 => any::<i32>().prop_map(Value::from).boxed(),
            Scalar::Double => (-1e9..1e9).prop_map(|value: f64| value.into()).boxed(),
            Scalar::Bytes => "([A-Za-z0-9+/]{4}\n?){0,3}".prop_map(Value::from).boxed(),
            Scalar::Time | Scalar::MicroTime => {
                "20[0-9]{2}-0[1-9]-1[0-9]T0[0-9]:[0-5][0-9]:00(\\.[0-9]{1,9})?(Z|[+-]0[0-9]:30)"
                    .prop_map(Value::from)
                    .boxed()
            }
            Scalar::Quantity => {
                "[+-]?[0-9]{1,9}(\\.[0-9]{1,4})?([numkMGTPE]|Ki|Mi|Gi|Ti|e-?[0-9])?"
                    .prop_map(Value::from)
                    .boxed()
            }
            Scalar::String | Scalar::IntOrString => ".{0,4}".prop_map(Value::from).boxed(),
        }
    }

    fn kind() -> impl Strategy<Value = Type> {
        let kinds = prop_oneof![
            Just(("", "Pod")),
            Just(("", "Secret")),
            Just(("", "Service")),
            Just(("apps", "Deployment")),
            Just(("batch", "CronJob")),
            Just(("coordination.k8s.io", "Lease")),
        ];
        kinds.prop_map(|(group, kind)| Type::of(group, "v1", kind).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_fits_fits_again_and_is_the_same_as_json(
            (of, value) in kind().prop_flat_map(|of| (Just(of), any_value(of, 6)))
        ) {
            let read = from_value(of, &value);
            let as_json = from_json(of, value.to_string().as_bytes());
            match (read, as_json) {
                (Ok(read), Ok(as_json)) => {
                    prop_assert_eq!(&read, &as_json);
                    let again = from_value(of, &read.object).unwrap();
                    prop_assert_eq!(again, Conformed { strict: Vec::new(), ..read });
                }
                (Err(read), Err(as_json)) => prop_assert_eq!(read.to_string(), as_json.to_string()),
                (read, as_json) => prop_assert!(false, "{read:?} but {as_json:?}"),
            }
        }

        #[test]
        fn nothing_makes_it_panic(of in kind(), text in "[{}\\[\\]:,\"a-z0-9 .]{0,60}") {
            let _ = from_json(of, text.as_bytes());
        }
    }
}
