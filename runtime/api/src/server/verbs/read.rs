//! `get` and `list`.

use super::continue_token::ContinueToken;
use super::list_options::{ListOptions, Match};
use super::selector::Selector;
use crate::server::error::ApiError;
use crate::server::negotiate::{Accepted, Count, Form, MetaVersion};
use crate::server::registry::Resource;
use crate::server::request::{Answer, Request, ResourceTarget, Response};
use crate::server::table::{self, Table};
use crate::server::{Server, object, splice};
use http::StatusCode;
use seedpod_core::limits::LIST_CHUNK;
use seedpod_core::store::{Key, Revision, Stored};
use serde_json::{Value, json};

/// One object.
pub(crate) fn get(
    server: &Server,
    request: &Request,
    target: &ResourceTarget,
    name: &str,
) -> Result<Answer, ApiError> {
    let wanted = ListOptions {
        resource_version: request.parameter("resourceVersion"),
        ..ListOptions::default()
    };
    check_not_newer(server, &wanted)?;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let object = server
        .object(target.resource, namespace, name)
        .ok_or_else(|| ApiError::not_found(target.resource, name))?;
    response(server, request, target.resource, StatusCode::OK, &object).map(Answer::Response)
}

/// All objects that are selected.
pub(crate) fn list(
    server: &Server,
    request: &Request,
    target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    let options = ListOptions::of_request(request)?;
    let selector = Selector::of_request(request, target.resource)?;
    let page = page(server, target, &options, &selector)?;
    list_response(server, request, target.resource, page).map(Answer::Response)
}

/// A part of a list, as it was at one moment.
#[derive(Debug)]
pub(crate) struct Page {
    /// What is selected, in the order of the keys.
    pub(crate) items: Vec<(Key, Stored)>,
    revision: Revision,
    continue_token: Option<String>,
    remaining: Option<usize>,
}

/// The page that the options ask for.
pub(crate) fn page(
    server: &Server,
    target: &ResourceTarget,
    options: &ListOptions,
    selector: &Selector,
) -> Result<Page, ApiError> {
    let (revision, mut after) = start(server, target, options)?;
    let name = target.resource.name();
    let namespace = target.namespace.as_deref();
    let limit = match options.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let mut items = Vec::new();
    let remaining = loop {
        let chunk = match selector.is_empty() {
            true => limit,
            false => LIST_CHUNK,
        };
        let (chunk, mut remaining) = server
            .store
            .list_at(revision, name, namespace, after.as_ref(), chunk)
            .map_err(|_| expired(options, after.as_ref(), target))?;
        let mut chunk = chunk.into_iter();
        for (key, stored) in chunk.by_ref() {
            if selector.selects_stored(&key, &stored.value) {
                items.push((key.clone(), stored));
            }
            after = Some(key);
            if items.len() == limit {
                break;
            }
        }
        remaining += chunk.len();
        if remaining == 0 || items.len() == limit {
            break remaining;
        }
    };
    let token = after.filter(|_| remaining > 0);
    Ok(Page {
        items,
        revision,
        continue_token: token.map(|key| token_after(&key, Some(revision), target)),
        remaining: (selector.is_empty() && remaining > 0).then_some(remaining),
    })
}

/// The moment that is asked for, and what the page comes after.
fn start(
    server: &Server,
    target: &ResourceTarget,
    options: &ListOptions,
) -> Result<(Revision, Option<Key>), ApiError> {
    let now = server.revision();
    if let Some(text) = &options.continue_token {
        let token = ContinueToken::decode(text)
            .map_err(|why| ApiError::bad_request(format!("invalid continue token: {why}")))?;
        if !matches!(options.resource_version.as_deref(), None | Some("0")) {
            let message = "specifying resource version is not allowed when using continue";
            return Err(ApiError::bad_request(message));
        }
        let namespace = target.namespace.as_deref().unwrap_or(&token.namespace);
        let after = target.resource.key(namespace, &token.name);
        let revision = token.revision.unwrap_or(now);
        if revision > now {
            return Err(ApiError::too_new(revision, now));
        }
        return Ok((revision, Some(after)));
    }
    let wanted = check_not_newer(server, options)?;
    let is_exact = match options.matching {
        Some(matching) => matching == Match::Exact,
        None => options.limit > 0 && wanted > 0,
    };
    Ok((if is_exact { wanted } else { now }, None))
}

fn check_not_newer(server: &Server, options: &ListOptions) -> Result<Revision, ApiError> {
    let wanted = options.revision().map_err(|error| {
        let message = format!(
            "invalid resource version: {}: {}",
            error.path, error.message
        );
        ApiError::bad_request(message)
    })?;
    match server.revision() {
        now if wanted > now => Err(ApiError::too_new(wanted, now)),
        _ => Ok(wanted),
    }
}

fn token_after(key: &Key, revision: Option<Revision>, target: &ResourceTarget) -> String {
    let namespace = match target.namespace {
        Some(_) => "",
        None => &*key.namespace,
    };
    let token = ContinueToken {
        revision,
        namespace: namespace.to_owned(),
        name: key.name.to_string(),
    };
    token.encode()
}

fn expired(options: &ListOptions, after: Option<&Key>, target: &ResourceTarget) -> ApiError {
    let (Some(_), Some(after)) = (&options.continue_token, after) else {
        return ApiError::expired("The resourceVersion for the provided list is too old.");
    };
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
        list without the continue parameter, or use the continue token in this response to retrieve the remainder of \
        the results. Continuing with the provided token results in an inconsistent list - objects that were created, \
        modified, or deleted between the time the first chunk was returned and now may show up in the list.";
    let mut error = ApiError::expired(message);
    error.continue_token = Some(token_after(after, None, target).into());
    error
}

/// A list in the form that the client asked for.
pub(crate) fn list_response(
    server: &Server,
    request: &Request,
    resource: &Resource,
    page: Page,
) -> Result<Response, ApiError> {
    let accepted = Accepted::of_request(request, Count::List)?;
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if let Some(token) = page.continue_token {
        metadata["continue"] = token.into();
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    let (kind, api_version) = match accepted.form {
        Form::Plain => (format!("{}List", resource.kind), resource.api_version()),
        Form::Metadata(version) => (
            "PartialObjectMetadataList".to_owned(),
            version.api_version().to_owned(),
        ),
        Form::Table(version, include) => {
            let mut table = Table::new(resource, version, include, server.now.wall);
            table.metadata = metadata;
            for (_, stored) in &page.items {
                table.push(object::decode(&stored.value));
            }
            let table = table.into_value();
            return Ok(accepted
                .encoding
                .response(StatusCode::OK, table.to_string().into()));
        }
    };
    let head = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
    let mut body = head.to_string().into_bytes();
    body.pop();
    body.extend_from_slice(b",\"items\":[");
    for (index, (_, stored)) in page.items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        match accepted.form {
            Form::Metadata(version) => push_metadata(&mut body, version, &stored.value),
            _ => splice::push_item(&mut body, &stored.value),
        }
    }
    body.extend_from_slice(b"]}");
    Ok(accepted.encoding.response(StatusCode::OK, body))
}

/// Appends the `PartialObjectMetadata` of an encoded object.
pub(crate) fn push_metadata(to: &mut Vec<u8>, version: MetaVersion, json: &[u8]) {
    let head = format!(
        r#"{{"kind":"PartialObjectMetadata","apiVersion":"{}","metadata":"#,
        version.api_version()
    );
    to.extend_from_slice(head.as_bytes());
    to.extend_from_slice(splice::field(json, "metadata").unwrap_or(b"{}"));
    to.push(b'}');
}

/// An object in the form that the client asked for. A `Status` stays what it is.
pub(crate) fn response(
    server: &Server,
    request: &Request,
    resource: &Resource,
    code: StatusCode,
    object: &Value,
) -> Result<Response, ApiError> {
    let accepted = Accepted::of_request(request, Count::One)?;
    let is_status = object["kind"] == "Status" && object["apiVersion"] == "v1";
    let body = match accepted.form {
        _ if is_status => object.to_string().into_bytes(),
        Form::Plain => object.to_string().into_bytes(),
        Form::Metadata(version) => table::partial(object, version).to_string().into_bytes(),
        Form::Table(version, include) => {
            let mut table = Table::new(resource, version, include, server.now.wall);
            table.metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            table.push(object.clone());
            table.into_value().to_string().into_bytes()
        }
    };
    Ok(accepted.encoding.response(code, body))
}
