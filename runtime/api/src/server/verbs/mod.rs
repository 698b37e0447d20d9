//! What can be done with objects.

mod continue_token;
pub(crate) mod decode;
pub(crate) mod delete;
mod list_options;
mod meta;
mod patch;
pub(crate) mod read;
mod scale;
pub(crate) mod selector;
pub(crate) mod watch;
pub(crate) mod write;

use super::Server;
use super::discovery::kind_of_subresource;
use super::error::{ApiError, FieldError};
use super::metrics;
use super::negotiate::require_plain;
use super::request::{Answer, Request, ResourceTarget, Response};
use super::stream;
use super::token::token_request;
use http::{HeaderValue, Method, StatusCode};
use seedpod_core::limits::FIELD_MANAGER_BYTES_MAX;
use serde_json::{Value, json};

/// How something is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Who is noted as the manager of the fields: `fieldManager`, or the first word of the user agent.
    pub(crate) manager: String,
    /// All but the change itself.
    pub(crate) dry_run: bool,
    /// `status` and so on; empty for the object itself.
    pub(crate) subresource: String,
    /// What becomes of unknown fields.
    pub(crate) validation: FieldValidation,
}

/// `fieldValidation`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped, and the client is told in `Warning` headers.
    #[default]
    Warn,
    /// They are refused.
    Strict,
}

impl Options {
    /// Of a controller of this server.
    pub(crate) fn of(manager: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            validation: FieldValidation::Ignore,
            ..Self::default()
        }
    }

    /// For a subresource.
    pub(crate) fn for_subresource(self, subresource: &str) -> Self {
        let subresource = subresource.to_owned();
        Self {
            subresource,
            ..self
        }
    }

    fn of_request(request: &Request, subresource: &str) -> Result<Self, ApiError> {
        let mut errors = Vec::new();
        let manager = request.parameter("fieldManager");
        errors.extend(manager.as_deref().and_then(check_manager));
        let dry_run = request.parameters("dryRun");
        if dry_run.iter().any(|one| one != "All") {
            errors.push(FieldError::not_supported(
                "dryRun",
                &json!(dry_run),
                &["All"],
            ));
        }
        let validation = match request.parameter("fieldValidation").as_deref() {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let all = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported(
                    "fieldValidation",
                    &other.into(),
                    &all,
                ));
                FieldValidation::Warn
            }
        };
        if !errors.is_empty() {
            let kind = match request.method {
                Method::POST => "CreateOptions",
                Method::PUT => "UpdateOptions",
                _ => "PatchOptions",
            };
            return Err(ApiError::invalid_kind("meta.k8s.io", kind, "", &errors));
        }
        let manager = manager.unwrap_or_else(|| manager_of_agent(request));
        Ok(Self {
            manager,
            dry_run: !dry_run.is_empty(),
            subresource: subresource.to_owned(),
            validation,
        })
    }
}

/// Who writes, when the request does not say: the program.
fn manager_of_agent(request: &Request) -> String {
    let agent = request.header("user-agent").unwrap_or("unknown");
    let program = agent.split('/').next().unwrap_or(agent);
    let printable = program.chars().filter(|letter| !letter.is_control());
    printable.take(FIELD_MANAGER_BYTES_MAX).collect()
}

fn check_manager(name: &str) -> Option<FieldError> {
    if name.len() > FIELD_MANAGER_BYTES_MAX {
        return Some(FieldError::too_long(
            "fieldManager",
            FIELD_MANAGER_BYTES_MAX,
        ));
    }
    let (at, letter) = name
        .char_indices()
        .find(|(_, letter)| letter.is_control())?;
    let code = u32::from(letter);
    let why = format!("invalid character U+{code:04X} (at position {at})");
    Some(FieldError::invalid("fieldManager", &name.into(), &why))
}

/// Answers a request about objects.
pub(crate) fn answer(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    if let Some(answer) = stream::ask(server, request, target) {
        return answer;
    }
    let is_watch = target.is_watch || (target.name.is_none() && request.flag("watch"));
    if target.subresource.is_empty() && !target.resource.verbs.contains(&verb(request, target)) {
        return Err(ApiError::method_not_allowed());
    }
    if metrics::is_meant(target) {
        return metrics::answer(server, request, target);
    }
    let (code, object, warnings) = match (&request.method, &target.name) {
        (_, Some(name)) if target.subresource == "scale" => {
            let options = Options::of_request(request, &target.subresource)?;
            scale::answer(server, request, target, name, &options)?
        }
        (&Method::GET, _) if is_watch => return watch::start(server, request, target),
        (&Method::GET, None) => return read::list(server, request, target),
        (&Method::GET, Some(name)) => return read::get(server, request, target, name),
        (&Method::POST, None) => {
            let options = Options::of_request(request, &target.subresource)?;
            let (object, warnings) = decode::decode(request, target.resource, options.validation)?;
            let namespace = target.namespace.as_deref().unwrap_or_default();
            let strategy = target.resource.strategy;
            if let Some(answer) = strategy.review(server, &request.user, namespace, &object) {
                require_plain(request)?;
                let answer = Response::json(StatusCode::CREATED, &answer?);
                return Ok(Answer::Response(with_warnings(answer, &warnings)));
            }
            let due = write::Tracking::Due;
            let created =
                server.create_object(target.resource, namespace, object, &options, due)?;
            created.answer(warnings)
        }
        (&Method::POST, Some(name)) if target.subresource == "token" => {
            return token(server, request, target, name);
        }
        (&Method::POST, Some(_)) if !target.subresource.is_empty() => {
            let options = Options::of_request(request, &target.subresource)?;
            let kind = kind_of_subresource(target.resource, &target.subresource);
            let (body, warnings) = decode::decode_as(request, &kind, options.validation)?;
            let strategy = target.resource.strategy;
            let (code, object) = strategy.create_subresource(server, target, &body, &options)?;
            (code, object, warnings)
        }
        (&Method::PUT, Some(name)) => {
            let options = Options::of_request(request, &target.subresource)?;
            let (object, warnings) = decode::decode(request, target.resource, options.validation)?;
            write::put(server, target, name, object, &options)?.answer(warnings)
        }
        (&Method::PATCH, Some(name)) => {
            let options = Options::of_request(request, &target.subresource)?;
            let (written, warnings) = patch::patch(server, request, target, name, &options)?;
            written.answer(warnings)
        }
        (&Method::DELETE, Some(name)) => return delete::one(server, request, target, name),
        (&Method::DELETE, None) => return delete::collection(server, request, target),
        _ => return Err(ApiError::method_not_allowed()),
    };
    let response = read::response(server, request, target.resource, code, &object)?;
    Ok(Answer::Response(with_warnings(response, &warnings)))
}

fn token(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
) -> Result<Answer, ApiError> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let options = Options::of_request(request, &target.subresource)?;
    let kind = decode::Kind::new("authentication.k8s.io", "v1", "TokenRequest");
    let (wanted, warnings) = decode::decode_as(request, &kind, options.validation)?;
    let token = token_request(server, namespace, name, wanted)?;
    let response = Response::json(StatusCode::CREATED, &token);
    Ok(Answer::Response(with_warnings(response, &warnings)))
}

/// What is to be done with objects themselves; empty for what nobody can do.
fn verb(request: &Request, target: &ResourceTarget) -> &'static str {
    match (&request.method, &target.name) {
        (&Method::GET, None) => "list",
        (&Method::GET, Some(_)) => "get",
        (&Method::POST, None) => "create",
        (&Method::PUT, Some(_)) => "update",
        (&Method::PATCH, Some(_)) => "patch",
        (&Method::DELETE, Some(_)) => "delete",
        (&Method::DELETE, None) => "deletecollection",
        _ => "",
    }
}

/// Adds `Warning` headers (RFC 7234: 299 with agent and text).
fn with_warnings(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        let text = format!("299 - {}", Value::String(warning.clone()));
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers.append("warning", value);
        }
    }
    response
}
