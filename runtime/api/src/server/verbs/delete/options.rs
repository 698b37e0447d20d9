//! `DeleteOptions`: how something is to be deleted.

use crate::server::error::{ApiError, FieldError};
use crate::server::request::Request;
use crate::server::verbs::decode;
use crate::server::{negotiate, protobuf};
use serde_json::Value;

/// What becomes of the dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They go after their owner.
    Background,
    /// They go before their owner.
    Foreground,
    /// They stay.
    Orphan,
}

/// How something is to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    /// `gracePeriodSeconds`; a negative one is 1.
    pub(crate) grace_seconds: Option<i64>,
    /// `propagationPolicy`
    pub(crate) propagation: Option<Propagation>,
    /// `orphanDependents`, the older form of it.
    pub(crate) orphan_dependents: Option<bool>,
    /// `preconditions.uid`
    pub(crate) uid: Option<String>,
    /// `preconditions.resourceVersion`
    pub(crate) revision: Option<String>,
    /// All but the change itself.
    pub(crate) dry_run: bool,
}

impl DeleteOptions {
    /// Dependents go after their owner.
    pub(crate) fn background() -> Self {
        Self {
            propagation: Some(Propagation::Background),
            ..Self::default()
        }
    }

    /// At once, when it still is the one of this `metadata.uid`.
    pub(crate) fn now(uid: &str) -> Self {
        Self {
            grace_seconds: Some(0),
            uid: Some(uid.to_owned()),
            ..Self::default()
        }
    }

    /// Those of a request: its body, or its query when it has none.
    ///
    /// # Errors
    /// When they cannot be read, or contradict each other.
    pub(super) fn of_request(request: &Request) -> Result<Self, ApiError> {
        let fields = match request.body.is_empty() {
            true => of_query(request)?,
            false => of_body(request)?,
        };
        let text = |path: &str| fields.pointer(path).and_then(Value::as_str);
        let policy = text("/propagationPolicy");
        let propagation = match policy {
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            _ => None,
        };
        let orphan_dependents = fields["orphanDependents"].as_bool();
        let mut errors = Vec::new();
        if let (Some(policy), true) = (policy, orphan_dependents.is_some()) {
            errors.push(FieldError::invalid(
                "propagationPolicy",
                &policy.into(),
                "orphanDependents and deletionPropagation cannot be both set",
            ));
        }
        if let (Some(policy), None) = (policy, propagation) {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            errors.push(FieldError::not_supported(
                "propagationPolicy",
                &policy.into(),
                &known,
            ));
        }
        let dry_run = fields["dryRun"].as_array().cloned().unwrap_or_default();
        if dry_run.iter().any(|one| one != "All") {
            let all = Value::Array(dry_run.clone());
            errors.push(FieldError::not_supported("dryRun", &all, &["All"]));
        }
        if !errors.is_empty() {
            return Err(ApiError::invalid_kind(
                "meta.k8s.io",
                "DeleteOptions",
                "",
                &errors,
            ));
        }
        Ok(Self {
            grace_seconds: fields["gracePeriodSeconds"].as_i64(),
            propagation,
            orphan_dependents,
            uid: text("/preconditions/uid").map(str::to_owned),
            revision: text("/preconditions/resourceVersion").map(str::to_owned),
            dry_run: !dry_run.is_empty(),
        })
    }

    /// What `propagation` and `orphan_dependents` say together.
    pub(super) fn effective_propagation(&self) -> Option<Propagation> {
        match self.orphan_dependents {
            Some(true) => Some(Propagation::Orphan),
            Some(false) => Some(Propagation::Background),
            None => self.propagation,
        }
    }
}

fn of_body(request: &Request) -> Result<Value, ApiError> {
    let fields: Value = match negotiate::content_type(request) {
        "" | negotiate::JSON => serde_json::from_slice(&request.body).map_err(|error| {
            let message = format!("couldn't get version/kind; json parse error: {error}");
            ApiError::bad_request(message)
        })?,
        negotiate::YAML => serde_yaml::from_slice(&request.body).map_err(|error| {
            ApiError::bad_request(format!("error converting YAML to JSON: yaml: {error}"))
        })?,
        protobuf::MEDIA_TYPE => protobuf::decode(&request.body)
            .map_err(|error| ApiError::bad_request(error.to_string()))?,
        _ => return Err(ApiError::unsupported_media_type(decode::MEDIA_TYPES)),
    };
    let kind = fields["kind"].as_str().unwrap_or("DeleteOptions");
    if !fields.is_object() || kind != "DeleteOptions" {
        let message = "decoded object cannot be converted to DeleteOptions";
        return Err(ApiError::bad_request(message));
    }
    let wrong_type = [
        ("gracePeriodSeconds", "int64"),
        ("orphanDependents", "bool"),
        ("propagationPolicy", "string"),
    ];
    for (field, wanted) in wrong_type {
        let value = &fields[field];
        let is_right = match wanted {
            "int64" => value.is_i64(),
            "bool" => value.is_boolean(),
            _ => value.is_string(),
        };
        if !is_right && !value.is_null() {
            let message = format!(
                "json: cannot unmarshal {value} into Go struct field DeleteOptions.{field} of type {wanted}"
            );
            return Err(ApiError::bad_request(message));
        }
    }
    Ok(fields)
}

fn of_query(request: &Request) -> Result<Value, ApiError> {
    let mut fields = serde_json::Map::new();
    if let Some(text) = request.parameter("gracePeriodSeconds") {
        let seconds: i64 = text.parse().map_err(|_| {
            let message = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
            ApiError::bad_request(message)
        })?;
        fields.insert("gracePeriodSeconds".to_owned(), seconds.into());
    }
    if !request.parameters("orphanDependents").is_empty() {
        let orphans = request.flag("orphanDependents");
        fields.insert("orphanDependents".to_owned(), orphans.into());
    }
    if let Some(policy) = request.parameter("propagationPolicy") {
        fields.insert("propagationPolicy".to_owned(), policy.into());
    }
    let dry_run = request.parameters("dryRun");
    if !dry_run.is_empty() {
        fields.insert("dryRun".to_owned(), dry_run.into());
    }
    Ok(Value::Object(fields))
}
