//! Objects in the bodies of requests: their media types, what they say they are, and whether their fields are known.
//! The texts are those of `apiserver/pkg/endpoints/handlers` and of Go's JSON decoder.

use super::FieldValidation;
use crate::error::{Position, Problem};
use crate::server::error::{ApiError, FieldError};
use crate::server::negotiate;
use crate::server::protobuf;
use crate::server::registry::Resource;
use crate::server::request::Request;
use crate::server::schema::Type;
use crate::server::schema::conform::{self, Conformed, Misfit};
use crate::yaml;
use http::StatusCode;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::fmt;

/// What an object says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

impl Kind {
    /// `Kind::new("policy", "v1", "Eviction")`
    pub(crate) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// Of the objects of a resource.
    pub(crate) fn of(resource: &Resource) -> Self {
        Self::new(resource.group, resource.version, resource.kind)
    }

    fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    fn schema(&self) -> Option<Type> {
        Type::of(&self.group, &self.version, &self.kind)
    }
}

/// The object in the body of a request, and warnings about it.
///
/// # Errors
/// When it is no object of the resource.
pub(crate) fn decode(
    request: &Request,
    resource: &Resource,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), ApiError> {
    decode_as(request, &Kind::of(resource), validation)
}

/// The object in the body of a request that wants an object of this kind, such as a subresource does.
///
/// # Errors
/// When it is none.
pub(crate) fn decode_as(
    request: &Request,
    wanted: &Kind,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), ApiError> {
    let body = body(request, wanted)?;
    let found = kind_of(&body, wanted).map_err(|why| unrecognized(wanted, &why, &request.body))?;
    let refuse = |why: &str| {
        ApiError::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            found.kind, found.version, wanted.kind
        ))
    };
    let Some(schema) = found.schema() else {
        return Err(refuse(&format!(
            "no kind {:?} is registered for version {:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
            found.kind,
            found.api_version()
        )));
    };
    let conformed = match &body {
        Body::Json(bytes) => conform::from_json(schema, bytes),
        Body::Value(value, _) => conform::from_value(schema, value),
    };
    let Conformed { mut object, strict } = conformed.map_err(|error| match error {
        Misfit::Syntax(error) => refuse(&syntax(&error, &request.body)),
        Misfit::Type(text) => refuse(&text),
    })?;
    if found != *wanted {
        let internal = match wanted.group.split('.').next() {
            None | Some("") => "core",
            Some(group) => group,
        };
        return Err(refuse(&format!(
            "converting ({}.{}) to ({internal}.{}): unknown conversion",
            found.version, found.kind, wanted.kind
        )));
    }
    let strict: Vec<String> = match body {
        Body::Json(_) => strict,
        Body::Value(_, duplicates) => duplicates.into_iter().chain(strict).collect(),
    };
    let warnings = judge(strict, validation).map_err(|text| refuse(&text))?;
    object["kind"] = wanted.kind.as_str().into();
    object["apiVersion"] = wanted.api_version().into();
    Ok((object, warnings))
}

/// What a patch made of an object of a resource, as its type has it, and warnings about it. `shown` is what the error
/// shows: the patched object for a JSON patch or merge patch, the patch for a strategic merge patch.
///
/// # Errors
/// When it no longer is an object of the resource.
pub(crate) fn patched(
    resource: &Resource,
    object: &Value,
    shown: &str,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), ApiError> {
    patched_as(&Kind::of(resource), object, shown, validation)
}

/// The same for an object of this kind, such as a subresource has.
///
/// # Errors
/// When it no longer is one.
pub(crate) fn patched_as(
    kind: &Kind,
    object: &Value,
    shown: &str,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), ApiError> {
    let refuse = |why: &str| {
        let error = FieldError::invalid("patch", &shown.into(), why);
        let message = format!(" \"\" is invalid: {}: {}", error.path, error.message);
        let cause = json!({"reason": error.reason, "message": error.message, "field": error.path});
        ApiError {
            code: StatusCode::UNPROCESSABLE_ENTITY,
            reason: "Invalid",
            message,
            details: Some(json!({"causes": [cause]})),
            continue_token: None,
        }
    };
    let Some(schema) = kind.schema() else {
        return Ok((object.clone(), Vec::new()));
    };
    let conformed =
        conform::from_value(schema, object).map_err(|error| refuse(&error.to_string()))?;
    let warnings = judge(conformed.strict, validation).map_err(|text| refuse(&text))?;
    Ok((conformed.object, warnings))
}

/// The configuration in the body of an apply patch, and warnings about it. Its fields are looked at when it is applied.
///
/// # Errors
/// When it is no YAML, or has a key twice and may not.
pub(crate) fn configuration(
    request: &Request,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), ApiError> {
    let bad = |what: &str, why: &str| ApiError::bad_request(format!("{what}: {why}"));
    let body = from_yaml(&request.body)
        .map_err(|why| bad("error decoding YAML", &format!("yaml: {why}")))?;
    let (config, duplicates) = match body {
        Body::Value(config, duplicates) => (config, duplicates),
        Body::Json(_) => (Value::Null, None),
    };
    match (duplicates, validation) {
        (Some(why), FieldValidation::Strict) => Err(bad("error strict decoding YAML", &why)),
        (Some(why), FieldValidation::Warn) => Ok((config, vec![why])),
        _ => Ok((config, Vec::new())),
    }
}

/// Warnings, or the text of the error.
fn judge(strict: Vec<String>, validation: FieldValidation) -> Result<Vec<String>, String> {
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(strict),
        FieldValidation::Strict if strict.is_empty() => Ok(strict),
        FieldValidation::Strict => Err(format!("strict decoding error: {}", strict.join(", "))),
    }
}

/// In which objects can be sent.
pub(super) const MEDIA_TYPES: &[&str] = &[negotiate::JSON, negotiate::YAML, protobuf::MEDIA_TYPE];

enum Body<'r> {
    Json(&'r [u8]),
    /// YAML or protobuf, with what is wrong with it in the eyes of who is strict.
    Value(Value, Option<String>),
}

fn body<'r>(request: &'r Request, wanted: &Kind) -> Result<Body<'r>, ApiError> {
    match negotiate::content_type(request) {
        "" | negotiate::JSON => Ok(Body::Json(&request.body)),
        negotiate::YAML => from_yaml(&request.body).map_err(|why| {
            unrecognized(
                wanted,
                &format!("error converting YAML to JSON: yaml: {why}"),
                &request.body,
            )
        }),
        protobuf::MEDIA_TYPE => match protobuf::decode(&request.body) {
            Ok(value) => Ok(Body::Value(value, None)),
            Err(error) => Err(unrecognized(wanted, &error.to_string(), &request.body)),
        },
        _ => Err(ApiError::unsupported_media_type(MEDIA_TYPES)),
    }
}

fn from_yaml(bytes: &[u8]) -> Result<Body<'_>, String> {
    let file = yaml::read(bytes);
    let mut duplicates = Vec::new();
    for (position, problem) in &file.errors {
        let line = position.map(|Position { line, .. }| format!("line {line}: "));
        let line = line.unwrap_or_default();
        match problem {
            Problem::DuplicateKey { key, .. } => {
                duplicates.push(format!("{line}key {key:?} already set in map"));
            }
            problem => return Err(format!("{line}{problem}")),
        }
    }
    let duplicates = (!duplicates.is_empty())
        .then(|| format!("yaml: unmarshal errors:\n  {}", duplicates.join("\n  ")));
    let root = file.documents.first();
    let value = root.map_or(Value::Null, |root| yaml::to_json(&file.tree, *root));
    Ok(Body::Value(value, duplicates))
}

/// What says what an object is, whatever else is wrong with it.
#[derive(Default)]
struct TypeMeta {
    api_version: Value,
    kind: Value,
}

impl<'de> Deserialize<'de> for TypeMeta {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TypeMetaVisitor)
    }
}

struct TypeMetaVisitor;

impl<'de> Visitor<'de> for TypeMetaVisitor {
    type Value = TypeMeta;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<TypeMeta, E> {
        Ok(TypeMeta::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<TypeMeta, A::Error> {
        let mut meta = TypeMeta::default();
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "apiVersion" => meta.api_version = entries.next_value()?,
                "kind" => meta.kind = entries.next_value()?,
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(meta)
    }
}

/// What a body says it is; where it says nothing, it is what is wanted.
fn kind_of(body: &Body<'_>, wanted: &Kind) -> Result<Kind, String> {
    let found = match body {
        Body::Json(bytes) => serde_json::from_slice::<TypeMeta>(bytes)
            .map_err(|error| no_kind(&go_error(&error, bytes)))?,
        Body::Value(value, _) => {
            TypeMeta::deserialize(value).map_err(|error| no_kind(&go_error(&error, b"")))?
        }
    };
    let text = |field: &str, value: Value| match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        other => Err(no_kind(&format!(
            "json: cannot unmarshal {} into Go struct field .{field} of type string",
            go_word(&other)
        ))),
    };
    let (api_version, kind) = (
        text("apiVersion", found.api_version)?,
        text("kind", found.kind)?,
    );
    let (group, version) = match api_version.split_once('/') {
        None => ("", api_version.as_str()),
        Some((_, version)) if version.contains('/') => {
            return Err(format!("unexpected GroupVersion string: {api_version}"));
        }
        Some(both) => both,
    };
    let (group, version) = match (group, version) {
        ("", "") => (wanted.group.as_str(), wanted.version.as_str()),
        (group, "") if group == wanted.group => (group, wanted.version.as_str()),
        both => both,
    };
    let kind = if kind.is_empty() { &wanted.kind } else { &kind };
    Ok(Kind::new(group, version, kind))
}

fn no_kind(why: &str) -> String {
    format!("couldn't get version/kind; json parse error: {why}")
}

pub(super) fn go_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn unrecognized(wanted: &Kind, why: &str, body: &[u8]) -> ApiError {
    const BYTES_SHOWN: usize = 30;
    let shown = &body[..body.len().min(BYTES_SHOWN)];
    let more = if body.len() > BYTES_SHOWN { " ..." } else { "" };
    let shown = match shown {
        [] => "<empty>".to_owned(),
        [b'{', ..] => String::from_utf8_lossy(shown).into_owned(),
        bytes => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    ApiError::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): {why} ({shown}{more})",
        wanted.kind
    ))
}

/// An error of our JSON decoder in the words of Go's.
fn go_error(error: &serde_json::Error, body: &[u8]) -> String {
    if !error.is_data() {
        return syntax(error, body);
    }
    let found = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') | None => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(_) => "number",
    };
    format!(
        "json: cannot unmarshal {found} into Go value of type struct {{ \
         APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    )
}

pub(super) fn syntax(error: &serde_json::Error, body: &[u8]) -> String {
    let text = error.to_string();
    let lines: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let at = (lines + error.column()).saturating_sub(1);
    let Some(byte) = body.get(at).filter(|_| !error.is_eof()) else {
        return "unexpected end of JSON input".to_owned();
    };
    let place = [
        ("expected `:`", "after object key"),
        ("expected `,` or `}`", "after object key:value pair"),
        ("expected `,` or `]`", "after array element"),
        (
            "key must be a string",
            "looking for beginning of object key string",
        ),
        (
            "trailing comma",
            "looking for beginning of object key string",
        ),
        ("trailing characters", "after top-level value"),
        ("control character", "in string literal"),
        ("invalid escape", "in string escape code"),
        ("invalid number", "in numeric literal"),
    ];
    let place = place.iter().find(|(ours, _)| text.starts_with(ours));
    let place = place.map_or("looking for beginning of value", |(_, go)| go);
    format!("invalid character {:?} {place}", char::from(*byte))
}
