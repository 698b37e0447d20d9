//! From a request of HTTP to its response.

use super::Context;
use super::body::{self, Body};
use super::limit::{Class, Connection};
use super::streams;
use super::token;
use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use seedpod_api::server::error::ApiError;
use seedpod_api::server::request::Target;
use seedpod_api::server::{Answer, Request, Response, User, Watch};
use seedpod_core::limits::{API_BODY_BYTES_MAX, API_BODY_TIME_MAX};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

type HttpResponse = hyper::Response<Body>;
/// The response to a request that the server does not even see.
type Refusal = Box<Response>;

/// Answers a request.
pub(super) async fn answer(
    context: Arc<Context>,
    connection: Arc<Connection>,
    request: hyper::Request<Incoming>,
) -> Result<HttpResponse, Infallible> {
    let since = Instant::now();
    let line = context.log_requests.then(|| {
        let agent = request.headers().get(http::header::USER_AGENT);
        (
            request.method().clone(),
            request.uri().path().to_owned(),
            agent.cloned(),
        )
    });
    let response = match respond(&context, &connection, request).await {
        Ok(response) => response,
        Err(refusal) => whole(&context, &connection, *refusal),
    };
    if let Some((method, path, agent)) = line {
        let status = response.status().as_u16();
        let ms = since.elapsed().as_millis();
        let agent = agent.as_ref().and_then(|agent| agent.to_str().ok());
        tracing::info!(target: "seedpod::requests", %method, path, agent, status, ms);
    }
    Ok(response)
}

async fn respond(
    context: &Context,
    connection: &Arc<Connection>,
    request: hyper::Request<Incoming>,
) -> Result<HttpResponse, Refusal> {
    let (mut parts, incoming) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let user = authenticate(context, &parts.headers);
    let user = user.ok_or_else(|| refused(&unauthorized()))?;
    connection.authenticated();
    let mut request = api_request(&parts, user);
    let class = class_of(&request);
    let permit = context.limits.admit(class).ok_or_else(refused_for_now)?;
    let (bytes, _room) = read_body(context, incoming).await?;
    request.body = bytes;
    let (answer, revision) = context
        .state
        .with(|server, now| server.handle(now, &request));
    let written = context.state.written(revision).await;
    written.map_err(|error| refused(&internal(&error.to_string())))?;
    match answer {
        Answer::Response(response) => Ok(whole(context, connection, response)),
        Answer::Watch(watch) => watching(context, *watch, class, permit),
        Answer::Stream(stream) => {
            let permit = match class {
                Class::Stream => permit,
                _ => context.limits.admit(Class::Stream).ok_or_else(too_many)?,
            };
            streams::answer(&context.state, *stream, request, upgrade, permit).await
        }
    }
}

fn refused(error: &ApiError) -> Refusal {
    Box::new(error.response())
}

fn refused_for_now() -> Refusal {
    Box::new(too_many())
}

/// Who sends these headers.
fn authenticate(context: &Context, headers: &HeaderMap) -> Option<User> {
    let bearer = token::bearer(headers)?;
    let account = || {
        context
            .state
            .look(|server, now| server.authenticate(now, bearer))
    };
    context.token.user(bearer).or_else(account)
}

fn api_request(parts: &Parts, user: User) -> Request {
    Request {
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        body: Bytes::new(),
        user,
    }
}

fn class_of(request: &Request) -> Class {
    let subresource = match Target::of(request) {
        Ok(Target::Resource(target)) => target.subresource,
        _ => String::new(),
    };
    Class::of(&request.method, request.flag("watch"), &subresource)
}

/// The body of a request, with the room that it takes.
async fn read_body(
    context: &Context,
    mut incoming: Incoming,
) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Refusal> {
    let mut room = Vec::new();
    let mut bytes = BytesMut::new();
    let read = async {
        while let Some(frame) = incoming.frame().await {
            let frame =
                frame.map_err(|error| refused(&ApiError::bad_request(error.to_string())))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > API_BODY_BYTES_MAX {
                let message = format!("Request entity too large: limit is {API_BODY_BYTES_MAX}");
                return Err(refused(&ApiError::too_large(message)));
            }
            let more = context
                .limits
                .body(data.len())
                .ok_or_else(refused_for_now)?;
            match room.first_mut() {
                Some(room) => OwnedSemaphorePermit::merge(room, more),
                None => room.push(more),
            }
            bytes.extend_from_slice(&data);
        }
        Ok(())
    };
    match timeout(API_BODY_TIME_MAX, read).await {
        Ok(read) => read.map(|()| (bytes.freeze(), room)),
        Err(_) => Err(refused(&too_slow())),
    }
}

fn watching(
    context: &Context,
    watch: Watch,
    class: Class,
    permit: OwnedSemaphorePermit,
) -> Result<HttpResponse, Refusal> {
    // What a watch is, the server says; what looked like one, the request.
    let permit = match class {
        Class::Watch => permit,
        _ => context
            .limits
            .admit(Class::Watch)
            .ok_or_else(refused_for_now)?,
    };
    let mut response = hyper::Response::new(body::watching(context.state.clone(), watch, permit));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    add_cache_control(&mut response);
    Ok(response)
}

/// A response that is there as a whole.
fn whole(context: &Context, connection: &Arc<Connection>, response: Response) -> HttpResponse {
    let (response, outstanding) = match context.limits.response(connection, response.body.len()) {
        Some(outstanding) => (response, Some(outstanding)),
        None => (too_many(), None),
    };
    let mut sent = hyper::Response::new(body::whole(response.body, outstanding));
    *sent.status_mut() = response.status;
    *sent.headers_mut() = response.headers;
    add_cache_control(&mut sent);
    sent
}

/// As `WithCacheControl` of `apiserver/pkg/endpoints/filters`.
fn add_cache_control(response: &mut HttpResponse) {
    let value = HeaderValue::from_static("no-cache, private");
    response.headers_mut().entry(CACHE_CONTROL).or_insert(value);
}

/// `apiserver/pkg/endpoints/filters/authentication.go`, without anonymous users.
fn unauthorized() -> ApiError {
    ApiError {
        code: StatusCode::UNAUTHORIZED,
        reason: "Unauthorized",
        message: "Unauthorized".to_owned(),
        details: None,
        continue_token: None,
    }
}

/// `apiserver/pkg/server/filters/timeout.go`
fn too_slow() -> ApiError {
    ApiError {
        code: StatusCode::GATEWAY_TIMEOUT,
        reason: "Timeout",
        message: "Timeout: request did not complete within the allotted timeout".to_owned(),
        details: None,
        continue_token: None,
    }
}

/// `NewInternalError`
fn internal(why: &str) -> ApiError {
    ApiError {
        code: StatusCode::INTERNAL_SERVER_ERROR,
        reason: "InternalError",
        message: format!("Internal error occurred: {why}"),
        details: None,
        continue_token: None,
    }
}

/// `apiserver/pkg/server/filters/maxinflight.go`
fn too_many() -> Response {
    let text = "Too many requests, please try again later.\n";
    let mut response = Response::text(StatusCode::TOO_MANY_REQUESTS, text);
    let one = HeaderValue::from_static("1");
    response.headers.insert(RETRY_AFTER, one);
    response
}
