//! Field selectors: equality of a few fields of each kind (`apimachinery/pkg/fields`, the `AddFieldLabelConversionFunc`
//! of each group, and the `ToSelectableFields` of each registry).

use crate::server::registry::Resource;
use seedpod_core::store::Key;
use serde_json::Value;
use std::borrow::Cow;

/// A field that can be asked for.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: &'static str,
    /// Where it is; the first of these that says something counts.
    paths: &'static [&'static str],
    /// What it is when it says nothing.
    default: &'static str,
}

const fn field(name: &'static str, paths: &'static [&'static str]) -> Field {
    with_default(name, paths, "")
}

const fn with_default(
    name: &'static str,
    paths: &'static [&'static str],
    default: &'static str,
) -> Field {
    Field {
        name,
        paths,
        default,
    }
}

static NAME: Field = field("metadata.name", &["/metadata/name"]);
static NAMESPACE: Field = field("metadata.namespace", &["/metadata/namespace"]);

/// Beside name and namespace. Kinds that are not here know no others, and say so with another text.
static FIELDS: &[(&str, &[Field])] = &[
    (
        "events",
        &[
            field("involvedObject.kind", &["/involvedObject/kind"]),
            field("involvedObject.namespace", &["/involvedObject/namespace"]),
            field("involvedObject.name", &["/involvedObject/name"]),
            field("involvedObject.uid", &["/involvedObject/uid"]),
            field("involvedObject.apiVersion", &["/involvedObject/apiVersion"]),
            field(
                "involvedObject.resourceVersion",
                &["/involvedObject/resourceVersion"],
            ),
            field("involvedObject.fieldPath", &["/involvedObject/fieldPath"]),
            field("reason", &["/reason"]),
            field("reportingComponent", &["/reportingComponent"]),
            field("source", &["/source/component", "/reportingComponent"]),
            field("type", &["/type"]),
        ],
    ),
    ("namespaces", &[field("status.phase", &["/status/phase"])]),
    (
        "nodes",
        &[with_default(
            "spec.unschedulable",
            &["/spec/unschedulable"],
            "false",
        )],
    ),
    (
        "pods",
        &[
            field("spec.nodeName", &["/spec/nodeName"]),
            field("spec.restartPolicy", &["/spec/restartPolicy"]),
            field("spec.schedulerName", &["/spec/schedulerName"]),
            field("spec.serviceAccountName", &["/spec/serviceAccountName"]),
            with_default("spec.hostNetwork", &["/spec/hostNetwork"], "false"),
            field("status.phase", &["/status/phase"]),
            field("status.podIP", &["/status/podIPs/0/ip", "/status/podIP"]),
            field("status.podIPs", &["/status/podIPs/0/ip", "/status/podIP"]),
            field("status.nominatedNodeName", &["/status/nominatedNodeName"]),
        ],
    ),
    (
        "replicationcontrollers",
        &[with_default("status.replicas", &["/status/replicas"], "0")],
    ),
    ("secrets", &[field("type", &["/type"])]),
    (
        "services",
        &[
            field("spec.clusterIP", &["/spec/clusterIP"]),
            field("spec.type", &["/spec/type"]),
        ],
    ),
    (
        "jobs.batch",
        &[with_default(
            "status.successful",
            &["/status/succeeded"],
            "0",
        )],
    ),
];

/// One term of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    field: &'static Field,
    is_equal: bool,
    value: String,
}

impl Term {
    /// The one of this name.
    pub(super) fn name(name: &str) -> Self {
        Self {
            field: &NAME,
            is_equal: true,
            value: name.to_owned(),
        }
    }

    /// The name, when only one can be meant.
    pub(super) fn exact_name(&self) -> Option<&str> {
        (self.field == &NAME && self.is_equal).then_some(self.value.as_str())
    }

    /// Whether the key of an object says enough.
    pub(super) fn is_of_key(&self) -> bool {
        self.field == &NAME || self.field == &NAMESPACE
    }

    pub(super) fn matches_key(&self, key: &Key) -> bool {
        let found = match self.field == &NAME {
            true => &key.name,
            false => &key.namespace,
        };
        (**found == *self.value) == self.is_equal
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let mut all = self.field.paths.iter().map(|path| object.pointer(path));
        let found = all.find_map(|value| value.filter(|value| !is_empty(value)));
        let found: Cow<'_, str> = match found {
            Some(Value::String(text)) => text.into(),
            Some(other) => other.to_string().into(),
            None => self.field.default.into(),
        };
        (found == self.value) == self.is_equal
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// Reads a selector.
pub(super) fn parse(text: &str, resource: &Resource) -> Result<Vec<Term>, String> {
    let mut parts = split_terms(text);
    parts.sort_unstable();
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(|part| parse_term(text, part, resource)).collect()
}

fn parse_term(text: &str, part: &str, resource: &Resource) -> Result<Term, String> {
    let not_understood = || format!("invalid selector: '{text}'; can't understand '{part}'");
    let at = part.find(['!', '=']).ok_or_else(not_understood)?;
    let at = match part[at..].starts_with('!') && !part[at..].starts_with("!=") {
        // An exclamation mark alone is part of the name.
        true => at + part[at..].find(['=']).ok_or_else(not_understood)?,
        false => at,
    };
    let (name, rest) = part.split_at(at);
    let operators = [("!=", false), ("==", true), ("=", true)];
    let mut known = operators
        .iter()
        .filter_map(|(operator, is_equal)| Some((rest.strip_prefix(operator)?, *is_equal)));
    let (value, is_equal) = known.next().ok_or_else(not_understood)?;
    Ok(Term {
        field: find(name, resource)?,
        is_equal,
        value: unescape(value)?,
    })
}

fn find(name: &str, resource: &Resource) -> Result<&'static Field, String> {
    let own = FIELDS
        .iter()
        .find(|(of, _)| *of == resource.name())
        .map(|(_, fields)| *fields);
    let wanted = match (name, resource.name()) {
        ("spec.host", "pods") => "spec.nodeName",
        (name, _) => name,
    };
    let common = match wanted {
        "metadata.name" => Some(&NAME),
        // Only where all resources have their own list does an object without a namespace refuse to be asked for one.
        "metadata.namespace" if resource.is_namespaced || own.is_none() => Some(&NAMESPACE),
        _ => None,
    };
    let of_kind = || own?.iter().find(|field| field.name == wanted);
    common.or_else(of_kind).ok_or_else(|| match (own, resource.group) {
        (Some(_), "") => format!("field label not supported: {name}"),
        (Some(_), _) => format!("field label {name:?} not supported for {}", resource.kind),
        (None, _) => format!(
            "{name:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ),
    })
}

/// At commas without a backslash before them.
fn split_terms(text: &str) -> Vec<&str> {
    let mut is_escaped = false;
    text.split(|c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        is_escaped = c == '\\' && !was_escaped;
        c == ',' && !was_escaped
    })
    .collect()
}

fn unescape(text: &str) -> Result<String, String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, c == '\\') {
            (_, true) => match rest.next() {
                Some(c @ ('\\' | ',' | '=')) => value.push(c),
                other => {
                    let sequence: String = ['\\'].into_iter().chain(other).collect();
                    return Err(format!(
                        "invalid field selector: invalid escape sequence: {sequence}"
                    ));
                }
            },
            (',' | '=', _) => {
                return Err(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(c)
                ));
            }
            _ => value.push(c),
        }
    }
    Ok(value)
}
