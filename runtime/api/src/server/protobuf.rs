//! Objects in the binary form of Kubernetes, which newer kubectls send: `application/vnd.kubernetes.protobuf`. Only
//! bodies of requests; every client that sends it takes JSON for an answer.
//!
//! The numbers of the fields are in `data/protobuf.txt`, read when the first such body comes.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use k8s_openapi::jiff::Timestamp;
use seedpod_core::limits::PROTOBUF_DEPTH_MAX;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What such a body begins with (`runtime/serializer/protobuf`).
const MAGIC: &[u8] = b"k8s\0";

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// Why a body cannot be read. Texts of gogo's decoder where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtobufError {
    /// Something else.
    #[error(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    )]
    NoMagic,
    /// It is cut.
    #[error("unexpected EOF")]
    Cut,
    /// A field of another kind than it should be.
    #[error("proto: wrong wireType for field {0}")]
    WireType(&'static str),
    /// A text that is none.
    #[error("proto: field {0} contains invalid UTF-8")]
    Utf8(&'static str),
    /// JSON within that is none.
    #[error("proto: field {0} contains invalid JSON")]
    Json(&'static str),
    /// Before the year -9999, or after 9999.
    #[error("proto: field {0} contains a time that cannot be written")]
    Time(&'static str),
    /// A message within a message, too often.
    #[error("proto: message is nested more than {PROTOBUF_DEPTH_MAX} deep")]
    Depth,
    /// A kind that no request has.
    #[error("no such kind is known in this form")]
    UnknownKind,
}

/// One field of a message.
#[derive(Debug)]
struct Field {
    /// In JSON; empty when the fields of the message stand in the object itself.
    name: &'static str,
    count: Count,
    /// Whether zero is a value, and not what stands for nothing.
    keeps_zero: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    One,
    Many,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Bool,
    Int,
    Double,
    Message(&'static str),
}

type Messages = BTreeMap<&'static str, BTreeMap<u64, Field>>;

static MESSAGES: LazyLock<Messages> =
    LazyLock::new(|| parse(include_str!("../../data/protobuf.txt")));

fn parse(text: &'static str) -> Messages {
    let mut messages = Messages::new();
    let mut fields: &mut BTreeMap<u64, Field> = &mut BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (first, name, third) = (words.next(), words.next(), words.next());
        let (Some(first), Some(name)) = (first, name) else {
            continue;
        };
        let Ok(number) = first.parse() else {
            fields = messages.entry(name).or_default();
            continue;
        };
        let (count, kind) = match third.unwrap_or_default() {
            "map" => (Count::Map, words.next().unwrap_or_default()),
            kind => match kind.strip_prefix('*') {
                Some(kind) => (Count::Many, kind),
                None => (Count::One, kind),
            },
        };
        let word = kind.trim_start_matches('?');
        let field = Field {
            name: if name == "inline" { "" } else { name },
            count,
            keeps_zero: word.len() < kind.len() || count != Count::One,
            kind: match word {
                "string" => Kind::Text,
                "bytes" => Kind::Bytes,
                "bool" => Kind::Bool,
                "int" => Kind::Int,
                "double" => Kind::Double,
                message => Kind::Message(message),
            },
        };
        fields.insert(number, field);
    }
    messages
}

/// The object in a body, with its `apiVersion` and `kind` where the body says them.
///
/// # Errors
/// When it is no such object.
pub(crate) fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(ProtobufError::NoMagic)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut rest = envelope;
    while let Some((number, wire)) = next(&mut rest)? {
        match (number, wire) {
            (1, Wire::Bytes(mut meta)) => {
                while let Some((number, wire)) = next(&mut meta)? {
                    match (number, wire) {
                        (1, wire) => api_version = wire.text("apiVersion")?,
                        (2, wire) => kind = wire.text("kind")?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let message = message_of(&api_version, &kind).ok_or(ProtobufError::UnknownKind)?;
    let mut object = Map::new();
    read_message(message, raw, 0, &mut object)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

fn message_of(api_version: &str, kind: &str) -> Option<&'static str> {
    if kind == "DeleteOptions" {
        return MESSAGES
            .get_key_value(format!("{META}DeleteOptions").as_str())
            .map(|(name, _)| *name);
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    // `coordination.k8s.io` is the package `coordination`.
    let group = group.split('.').next().unwrap_or(group);
    let name = format!("io.k8s.api.{group}.{version}.{kind}");
    MESSAGES.get_key_value(name.as_str()).map(|(name, _)| *name)
}

#[derive(Clone, Copy, Debug)]
enum Wire<'b> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'b [u8]),
    Other,
}

impl<'b> Wire<'b> {
    fn bytes(self, field: &'static str) -> Result<&'b [u8], ProtobufError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(ProtobufError::WireType(field)),
        }
    }

    fn text(self, field: &'static str) -> Result<String, ProtobufError> {
        let text = std::str::from_utf8(self.bytes(field)?);
        Ok(text.map_err(|_| ProtobufError::Utf8(field))?.to_owned())
    }

    fn number(self, field: &'static str) -> Result<i64, ProtobufError> {
        match self {
            Self::Varint(number) => Ok(number.cast_signed()),
            _ => Err(ProtobufError::WireType(field)),
        }
    }
}

/// The next field; `None` at the end.
fn next<'b>(rest: &mut &'b [u8]) -> Result<Option<(u64, Wire<'b>)>, ProtobufError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let key = varint(rest)?;
    let wire = match key & 7 {
        0 => Wire::Varint(varint(rest)?),
        1 => {
            let (bytes, after) = rest.split_first_chunk().ok_or(ProtobufError::Cut)?;
            *rest = after;
            Wire::Fixed64(u64::from_le_bytes(*bytes))
        }
        2 => {
            let length = usize::try_from(varint(rest)?).map_err(|_| ProtobufError::Cut)?;
            let (bytes, after) = rest.split_at_checked(length).ok_or(ProtobufError::Cut)?;
            *rest = after;
            Wire::Bytes(bytes)
        }
        5 => {
            let (_, after) = rest.split_at_checked(4).ok_or(ProtobufError::Cut)?;
            *rest = after;
            Wire::Other
        }
        _ => return Err(ProtobufError::Cut),
    };
    Ok(Some((key >> 3, wire)))
}

fn varint(rest: &mut &[u8]) -> Result<u64, ProtobufError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(ProtobufError::Cut)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ProtobufError::Cut)
}

fn read_message(
    message: &'static str,
    mut rest: &[u8],
    depth: usize,
    object: &mut Map<String, Value>,
) -> Result<(), ProtobufError> {
    if depth > PROTOBUF_DEPTH_MAX {
        return Err(ProtobufError::Depth);
    }
    let fields = MESSAGES.get(message).ok_or(ProtobufError::UnknownKind)?;
    while let Some((number, wire)) = next(&mut rest)? {
        // Fields that this version of Kubernetes does not know are passed over, as Go does.
        let Some(field) = fields.get(&number) else {
            continue;
        };
        if let (Kind::Message(inner), "") = (field.kind, field.name) {
            read_message(inner, wire.bytes(inner)?, depth + 1, object)?;
            continue;
        }
        match field.count {
            Count::One => {
                let value = read_value(field, wire, depth)?;
                if field.keeps_zero || !is_zero(&value) {
                    object.insert(field.name.to_owned(), value);
                }
            }
            Count::Many => {
                let value = read_value(field, wire, depth)?;
                let list = object.entry(field.name).or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(value);
                }
            }
            Count::Map => {
                let (key, value) = read_entry(field, wire.bytes(field.name)?, depth)?;
                let map = object.entry(field.name).or_insert_with(|| json!({}));
                if let Some(map) = map.as_object_mut() {
                    map.insert(key, value);
                }
            }
        }
    }
    Ok(())
}

fn read_entry(
    field: &Field,
    mut rest: &[u8],
    depth: usize,
) -> Result<(String, Value), ProtobufError> {
    let (mut key, mut value) = (String::new(), None);
    while let Some((number, wire)) = next(&mut rest)? {
        match number {
            1 => key = wire.text(field.name)?,
            2 => value = Some(read_value(field, wire, depth)?),
            _ => {}
        }
    }
    let empty = match field.kind {
        Kind::Text | Kind::Bytes => "".into(),
        Kind::Bool => false.into(),
        Kind::Int | Kind::Double => 0.into(),
        Kind::Message(_) => Value::Null,
    };
    Ok((key, value.unwrap_or(empty)))
}

fn read_value(field: &Field, wire: Wire<'_>, depth: usize) -> Result<Value, ProtobufError> {
    let name = field.name;
    Ok(match field.kind {
        Kind::Text => wire.text(name)?.into(),
        Kind::Bytes => BASE64_STANDARD.encode(wire.bytes(name)?).into(),
        Kind::Bool => (wire.number(name)? != 0).into(),
        Kind::Int => wire.number(name)?.into(),
        Kind::Double => match wire {
            Wire::Fixed64(bits) => f64::from_bits(bits).into(),
            _ => return Err(ProtobufError::WireType(name)),
        },
        Kind::Message(message) => read_inner(message, name, wire.bytes(name)?, depth)?,
    })
}

/// A message that is one value in JSON, or an object.
fn read_inner(
    message: &'static str,
    field: &'static str,
    bytes: &[u8],
    depth: usize,
) -> Result<Value, ProtobufError> {
    let word = message.rsplit('.').next().unwrap_or(message);
    Ok(match word {
        "Quantity" => first(bytes, 1)?
            .map_or(Ok("0".to_owned()), |wire| wire.text(field))?
            .into(),
        "Time" => time(bytes, field, "")?,
        "MicroTime" => time(bytes, field, "micro")?,
        "FieldsV1" | "RawExtension" => match first(bytes, 1)? {
            Some(wire) => serde_json::from_slice(wire.bytes(field)?)
                .map_err(|_| ProtobufError::Json(field))?,
            None => Value::Null,
        },
        "IntOrString" => match first(bytes, 1)? {
            Some(Wire::Varint(1)) => match first(bytes, 3)? {
                Some(wire) => wire.text(field)?.into(),
                None => "".into(),
            },
            _ => match first(bytes, 2)? {
                Some(wire) => wire.number(field)?.into(),
                None => 0.into(),
            },
        },
        // A list of texts that has to be a message to stand in a map.
        "ExtraValue" => {
            let mut object = Map::new();
            read_message(message, bytes, depth + 1, &mut object)?;
            object.remove("items").unwrap_or_else(|| json!([]))
        }
        _ => {
            let mut object = Map::new();
            read_message(message, bytes, depth + 1, &mut object)?;
            Value::Object(object)
        }
    })
}

/// The last field with this number.
fn first(mut bytes: &[u8], wanted: u64) -> Result<Option<Wire<'_>>, ProtobufError> {
    let mut found = None;
    while let Some((number, wire)) = next(&mut bytes)? {
        if number == wanted {
            found = Some(wire);
        }
    }
    Ok(found)
}

fn time(bytes: &[u8], field: &'static str, precision: &str) -> Result<Value, ProtobufError> {
    let number = |wanted| match first(bytes, wanted)? {
        Some(wire) => wire.number(field).map(Some),
        None => Ok(None),
    };
    // The zero time of Go is an empty message.
    let (Some(seconds), nanos) = (number(1)?, number(2)?.unwrap_or_default()) else {
        return Ok(Value::Null);
    };
    let nanos = i32::try_from(nanos).map_err(|_| ProtobufError::Time(field))?;
    let time = Timestamp::new(seconds, nanos).map_err(|_| ProtobufError::Time(field))?;
    Ok(match precision {
        "micro" => format!("{time:.6}"),
        _ => format!("{time:.0}"),
    }
    .into())
}

/// What Go writes for a field that is not set, unless it is a pointer.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests;
