//! Why a request fails, as a `metav1.Status`. Reasons, codes and texts are those of `apimachinery/pkg/api/errors`.

use super::registry::Resource;
use super::request::Response;
use http::StatusCode;
use seedpod_core::store::Revision;
use serde_json::{Value, json};

/// Why a request fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// Of the response.
    pub code: StatusCode,
    /// A word for programs, such as `NotFound`; empty when there is none.
    pub reason: &'static str,
    /// What a person reads.
    pub message: String,
    /// `details` of the status.
    pub details: Option<Value>,
    /// Where a list that has expired can be gone on with: `metadata.continue`.
    pub continue_token: Option<Box<str>>,
}

/// One field that is wrong. The texts are those of `apimachinery/pkg/util/validation/field`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// `FieldValueRequired` and so on.
    pub reason: &'static str,
    /// `spec.containers[0].name`
    pub path: String,
    /// Without the path: `Required value: …`.
    pub message: String,
}

impl FieldError {
    /// There is no value.
    pub fn required(path: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueRequired", path, "Required value", detail)
    }

    /// The value is wrong.
    pub fn invalid(path: impl Into<String>, value: &Value, detail: &str) -> Self {
        let what = format!("Invalid value: {value}");
        Self::new("FieldValueInvalid", path, &what, detail)
    }

    /// There must be no value, or not this change of it.
    pub fn forbidden(path: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", path, "Forbidden", detail)
    }

    /// The value is none of a few.
    pub fn not_supported(path: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<_> = supported.iter().map(|word| format!("{word:?}")).collect();
        let what = format!("Unsupported value: {value}");
        let detail = format!("supported values: {}", supported.join(", "));
        Self::new("FieldValueNotSupported", path, &what, &detail)
    }

    /// There is another of the same.
    pub fn duplicate(path: impl Into<String>, value: &Value) -> Self {
        let what = format!("Duplicate value: {value}");
        Self::new("FieldValueDuplicate", path, &what, "")
    }

    /// The value has more bytes than it may have.
    pub fn too_long(path: impl Into<String>, max: usize) -> Self {
        let detail = format!("may not be more than {max} bytes");
        Self::new("FieldValueTooLong", path, "Too long", &detail)
    }

    /// More items than are allowed.
    pub fn too_many(path: impl Into<String>, actual: usize, max: usize) -> Self {
        let what = format!("Too many: {actual}");
        let detail = format!("must have at most {max} items");
        Self::new("FieldValueTooMany", path, &what, &detail)
    }

    fn new(reason: &'static str, path: impl Into<String>, what: &str, detail: &str) -> Self {
        let message = match detail {
            "" => what.to_owned(),
            detail => format!("{what}: {detail}"),
        };
        Self {
            reason,
            path: path.into(),
            message,
        }
    }
}

impl ApiError {
    fn new(code: StatusCode, reason: &'static str, message: String) -> Self {
        Self {
            code,
            reason,
            message,
            details: None,
            continue_token: None,
        }
    }

    fn about(self, resource: &Resource, name: &str) -> Self {
        let mut details = json!({"kind": resource.plural});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !resource.group.is_empty() {
            details["group"] = resource.group.into();
        }
        let details = Some(details);
        Self { details, ..self }
    }

    /// No such object.
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.name());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(resource, name)
    }

    /// No such path.
    pub fn not_found_path() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        let mut error = Self::new(StatusCode::NOT_FOUND, "NotFound", message);
        error.details = Some(json!({}));
        error
    }

    /// There is one already.
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.name());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(resource, name)
    }

    /// There is one of every name that was tried.
    pub fn name_not_generated(resource: &Resource, name: &str) -> Self {
        let mut error = Self::already_exists(resource, name);
        error.message += ", the server was not able to generate a unique name for the object";
        error.details.get_or_insert_default()["retryAfterSeconds"] = 1.into();
        error
    }

    /// The one that is there is being deleted.
    pub fn while_deleted(mut self) -> Self {
        self.message = format!("object is being deleted: {}", self.message);
        self
    }

    /// An apply sets fields that belong to others: conflicts by manager and path.
    pub fn apply_conflict(message: String, conflicts: &[(String, String)]) -> Self {
        let causes = conflicts.iter().map(|(manager, path)| {
            let message = format!("conflict with {manager}");
            json!({"reason": "FieldManagerConflict", "message": message, "field": path})
        });
        let causes: Value = causes.collect();
        let mut error = Self::new(StatusCode::CONFLICT, "Conflict", message);
        error.details = Some(json!({"causes": causes}));
        error
    }

    /// Somebody was faster.
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let what = resource.name();
        let message = format!("Operation cannot be fulfilled on {what} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(resource, name)
    }

    /// The object breaks rules.
    pub fn invalid(resource: &Resource, name: &str, errors: &[FieldError]) -> Self {
        Self::invalid_kind(resource.group, resource.kind, name, errors)
    }

    /// The object or parameters, of a kind that need not be stored, break rules.
    pub fn invalid_kind(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let qualified = match group {
            "" => kind.to_owned(),
            group => format!("{kind}.{group}"),
        };
        let message = format!("{qualified} {name:?} is invalid: {}", join(errors));
        let mut details = json!({"kind": kind, "causes": causes(errors)});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !group.is_empty() {
            details["group"] = group.into();
        }
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        error.details = Some(details);
        error
    }

    /// The state that is asked for has not come yet.
    pub(crate) fn too_new(wanted: Revision, current: Revision) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let mut error = Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message);
        let cause =
            json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        error.details = Some(json!({"causes": [cause], "retryAfterSeconds": 1}));
        error
    }

    /// There is nobody to do it now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let code = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(code, "ServiceUnavailable", message.into())
    }

    /// Something has failed that the client cannot help.
    pub fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        let text = format!("Internal error occurred: {message}");
        let mut error = Self::new(code, "InternalError", text);
        error.details = Some(json!({"causes": [{"message": message}]}));
        error
    }

    /// A patch does not fit the object that is there.
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        error.details = Some(json!({}));
        error
    }

    /// What Kubernetes has no reason for.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message.into())
    }

    /// Nothing new comes into a namespace that goes.
    pub fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut error = Self::forbidden(resource, name, &why);
        error.details.get_or_insert_default()["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        error
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message.into())
    }

    /// Not allowed.
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let what = resource.name();
        let message = match name {
            "" => format!("{what} is forbidden: {why}"),
            name => format!("{what} {name:?} is forbidden: {why}"),
        };
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(resource, name)
    }

    /// Not allowed to be taken for somebody: `resource` is `users` or `serviceaccounts`.
    pub fn forbidden_user(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("{resource} {name:?} is forbidden: {why}");
        let mut error = Self::new(StatusCode::FORBIDDEN, "Forbidden", message);
        error.details = Some(json!({"name": name, "kind": resource}));
        error
    }

    /// Not allowed with this path.
    pub fn forbidden_path(why: &str) -> Self {
        let mut error = Self::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            format!("forbidden: {why}"),
        );
        error.details = Some(json!({}));
        error
    }

    /// The resource has no such verb.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        error.details = Some(json!({}));
        error
    }

    /// The body is in no format that is known.
    pub fn unsupported_media_type(supported: &[&str]) -> Self {
        let supported = supported.join(", ");
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {supported}"
        );
        let code = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(code, "UnsupportedMediaType", message)
    }

    /// Nothing of what the client accepts can be given.
    pub fn not_acceptable(supported: &[&str]) -> Self {
        let supported = supported.join(", ");
        let message = format!("only the following media types are accepted: {supported}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// Too long ago.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message.into())
    }

    /// Too much.
    pub fn too_large(message: impl Into<String>) -> Self {
        let code = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(code, "RequestEntityTooLarge", message.into())
    }

    /// No room, or not now.
    pub fn too_many_requests(message: impl Into<String>) -> Self {
        let code = StatusCode::TOO_MANY_REQUESTS;
        Self::new(code, "TooManyRequests", message.into())
    }

    /// The `metav1.Status` that says so.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(token) = &self.continue_token {
            status["metadata"]["continue"] = (**token).into();
        }
        status
    }

    /// The response that says so.
    pub fn response(&self) -> Response {
        Response::json(self.code, &self.status())
    }
}

fn join(errors: &[FieldError]) -> String {
    let texts: Vec<_> = errors
        .iter()
        .map(|error| match error.path.as_str() {
            "" => error.message.clone(),
            path => format!("{path}: {}", error.message),
        })
        .collect();
    match texts.as_slice() {
        [one] => one.clone(),
        all => format!("[{}]", all.join(", ")),
    }
}

fn causes(errors: &[FieldError]) -> Value {
    let causes = errors.iter().map(
        |error| json!({"reason": error.reason, "message": error.message, "field": error.path}),
    );
    causes.collect()
}
