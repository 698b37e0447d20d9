//! Media types: what a client sends and what it wants to get: JSON or YAML, of the object itself, of its metadata, or of a
//! table. The rules are those of `apiserver/pkg/endpoints/handlers/negotiation`.

use super::accept::{self, Clause};
use super::error::ApiError;
use super::object;
use super::request::{Request, Response};
use http::StatusCode;

pub(crate) const JSON: &str = "application/json";
pub(crate) const YAML: &str = "application/yaml";

/// In which objects are sent, the one to prefer first.
pub(crate) const OBJECT_TYPES: &[&str] = &[JSON, YAML];

/// The media type of the body without its parameters; empty when there is none.
pub(crate) fn content_type(request: &Request) -> &str {
    let header = request.header("content-type").unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim()
}

/// A version of `meta.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MetaVersion {
    /// `meta.k8s.io/v1`
    V1,
    /// `meta.k8s.io/v1beta1`
    V1Beta1,
}

impl MetaVersion {
    /// `meta.k8s.io/v1`
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// What of an object a row of a table has with it: `includeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Include {
    /// Nothing.
    None,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

/// What is sent of an object or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// It itself.
    Plain,
    /// `PartialObjectMetadata`
    Metadata(MetaVersion),
    /// `Table`
    Table(MetaVersion, Include),
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// On one line.
    Json,
    /// For people.
    PrettyJson,
    /// YAML.
    Yaml,
}

impl Encoding {
    /// A response with some JSON.
    pub(crate) fn response(self, code: StatusCode, json: Vec<u8>) -> Response {
        match self {
            Self::Json => Response::of(code, JSON, json),
            Self::PrettyJson => {
                let value = object::decode(&json);
                let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
                Response::of(code, JSON, pretty)
            }
            Self::Yaml => {
                let value = object::decode(&json);
                let yaml = serde_yaml::to_string(&value).unwrap_or_default();
                Response::of(code, YAML, yaml)
            }
        }
    }
}

/// What a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// What is sent of an object.
    pub(crate) form: Form,
    /// How it is written.
    pub(crate) encoding: Encoding,
}

/// Makes sure that the client accepts what has no other form than its own.
///
/// # Errors
/// When it wants another.
pub(crate) fn require_plain(request: &Request) -> Result<(), ApiError> {
    match Accepted::of_request(request, Count::One)?.form {
        Form::Plain => Ok(()),
        Form::Metadata(_) | Form::Table(..) => Err(ApiError::not_acceptable(OBJECT_TYPES)),
    }
}

/// Whether one object is asked for, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// One, or a watch.
    One,
    /// A list.
    List,
    /// A document that has no other forms.
    Document,
}

impl Accepted {
    /// What the client of a request accepts.
    ///
    /// # Errors
    /// When it accepts nothing that there is.
    pub(crate) fn of_request(request: &Request, count: Count) -> Result<Self, ApiError> {
        let clauses = accept::clauses(request);
        let all = clauses.iter().flat_map(|clause| {
            let supported = OBJECT_TYPES.iter().filter(|one| clause.matches(one));
            supported.map(move |media_type| (clause, *media_type))
        });
        let mut all = all.filter_map(|(clause, media_type)| {
            let target = target(clause, count)?;
            Some((clause, media_type, target))
        });
        let Some((clause, media_type, target)) = all.next() else {
            return Err(ApiError::not_acceptable(OBJECT_TYPES));
        };
        let encoding = match media_type {
            YAML => Encoding::Yaml,
            _ if clause.parameter("pretty") == "1" || is_pretty(request) => Encoding::PrettyJson,
            _ => Encoding::Json,
        };
        let form = match target {
            Target::Plain => Form::Plain,
            Target::Metadata(version) => Form::Metadata(version),
            Target::Table(version) => Form::Table(version, include(request)?),
        };
        Ok(Self { form, encoding })
    }
}

fn include(request: &Request) -> Result<Include, ApiError> {
    match request.parameter("includeObject").as_deref() {
        None | Some("Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::None),
        Some("Object") => Ok(Include::Object),
        Some(other) => Err(ApiError::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
        ))),
    }
}

/// Kubernetes writes for people when they ask for it, or come with a tool of theirs.
fn is_pretty(request: &Request) -> bool {
    if let Some(text) = request.parameter("pretty") {
        return matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    let agent = request.header("user-agent").unwrap_or_default();
    ["curl", "Wget", "Mozilla/5.0"]
        .iter()
        .any(|tool| agent.starts_with(tool))
}

enum Target {
    Plain,
    Metadata(MetaVersion),
    Table(MetaVersion),
}

fn target(clause: &Clause<'_>, count: Count) -> Option<Target> {
    let (kind, group, version) = (
        clause.parameter("as"),
        clause.parameter("g"),
        clause.parameter("v"),
    );
    if (kind, group, version) == ("", "", "") {
        return Some(Target::Plain);
    }
    let version = match (group, version) {
        ("meta.k8s.io", "v1") => MetaVersion::V1,
        ("meta.k8s.io", "v1beta1") => MetaVersion::V1Beta1,
        _ => return None,
    };
    match (kind, count) {
        ("Table", Count::One | Count::List) => Some(Target::Table(version)),
        ("PartialObjectMetadata", Count::One) => Some(Target::Metadata(version)),
        ("PartialObjectMetadataList", Count::List) => Some(Target::Metadata(version)),
        _ => None,
    }
}
