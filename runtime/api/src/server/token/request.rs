//! `serviceaccounts/token`: the TokenRequest that `kubectl create token` sends.

use super::{BOUND, Grant};
use crate::server::error::{ApiError, FieldError};
use crate::server::registry::SERVICE_ACCOUNTS;
use crate::server::{Server, object};
use serde_json::{Value, json};

/// Seconds of a token whose request does not say.
const SECONDS_DEFAULT: u64 = 3600;
/// Seconds of a token at least (`pkg/apis/authentication/validation`).
const SECONDS_MIN: i64 = 600;
/// Seconds of a token at most.
const SECONDS_MAX: i64 = 1 << 32;

/// Makes a token for the account `name`, as `request` asks for it. The request with its status.
///
/// # Errors
/// When there is no such account, or the request is wrong.
pub(crate) fn token_request(
    server: &mut Server,
    namespace: &str,
    name: &str,
    mut request: Value,
) -> Result<Value, ApiError> {
    let account = server
        .object(&SERVICE_ACCOUNTS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&SERVICE_ACCOUNTS, name))?;
    let seconds = &request["spec"]["expirationSeconds"];
    let seconds = match seconds.as_i64() {
        None => SECONDS_DEFAULT,
        Some(number @ SECONDS_MIN..=SECONDS_MAX) => number.unsigned_abs(),
        Some(number) => {
            let detail = match number < SECONDS_MIN {
                true => "may not specify a duration less than 10 minutes",
                false => "may not specify a duration larger than 2^32 seconds",
            };
            let error = FieldError::invalid("spec.expirationSeconds", seconds, detail);
            let mut error = ApiError::invalid(&SERVICE_ACCOUNTS, "", &[error]);
            // The object that is wrong is the request.
            let wrong = "TokenRequest.authentication.k8s.io";
            error.message = error.message.replacen("ServiceAccount", wrong, 1);
            return Err(error);
        }
    };
    let audiences = request["spec"]["audiences"]
        .as_array()
        .into_iter()
        .flatten();
    let audiences: Vec<String> = audiences
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let reference = request["spec"]["boundObjectRef"].clone();
    let bound = bound_object(server, namespace, &reference)?;
    let token = server.issue(&Grant {
        account: &account,
        audiences: &audiences,
        seconds,
        bound: bound.as_ref().map(|(kind, found)| (*kind, found)),
    });
    if audiences.is_empty() {
        request["spec"]["audiences"] = json!([super::ISSUER]);
    }
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    request["spec"]["expirationSeconds"] = seconds.into();
    request["metadata"] = json!({"name": name, "namespace": namespace,
        "creationTimestamp": server.now.wall.to_string()});
    request["status"] =
        json!({"token": token.text, "expirationTimestamp": token.expires.to_string()});
    Ok(request)
}

/// What the token shall not outlive.
fn bound_object(
    server: &Server,
    namespace: &str,
    reference: &Value,
) -> Result<Option<(&'static str, Value)>, ApiError> {
    let Some(kind) = reference["kind"].as_str() else {
        return Ok(None);
    };
    let name = reference["name"].as_str().unwrap_or_default();
    let bound = BOUND
        .iter()
        .find(|(_, resource)| resource.kind == kind && reference["apiVersion"] == "v1");
    let Some((word, resource)) = bound else {
        let version = reference["apiVersion"].as_str().unwrap_or_default();
        let message = format!(
            "cannot bind token for serviceaccount to object with type {version}, Kind={kind}"
        );
        return Err(ApiError::bad_request(message));
    };
    let found = server
        .object(resource, namespace, name)
        .ok_or_else(|| ApiError::not_found(resource, name))?;
    let wanted = reference["uid"].as_str().unwrap_or_default();
    if !wanted.is_empty() && wanted != object::uid(&found) {
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have \
             been deleted and then recreated"
        );
        return Err(ApiError::conflict(resource, name, &why));
    }
    Ok(Some((*word, found)))
}
