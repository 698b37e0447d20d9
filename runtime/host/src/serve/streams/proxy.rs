//! The subresource `proxy`: one request more, to a server in a pod (`apimachinery/pkg/util/proxy/transport.go`).

use super::HttpResponse;
use crate::serve::body::Body;
use crate::serve::state::State;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, LOCATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as HttpBody, Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use seedpod_api::server::error::ApiError;
use seedpod_api::server::stream::Backend;
use seedpod_api::server::{Request, Response};
use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

/// What concerns one connection alone (RFC 9110 section 7.6.1), and what is only for the API server.
const OWN: [HeaderName; 8] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    AUTHORIZATION,
];

/// Asks the server and gives back what it says.
pub(super) async fn answer(
    state: &State,
    backend: &Backend,
    request: Request,
    permit: OwnedSemaphorePermit,
) -> Result<HttpResponse, Response> {
    if backend.is_tls {
        return Err(unreachable(&"servers in pods are not spoken to over TLS"));
    }
    let connection = state.connect(backend.address).await;
    let connection = connection
        .map_err(|error| unreachable(&format_args!("dial tcp {}: {error}", backend.address)))?;
    let shaken = http1::handshake(TokioIo::new(connection)).await;
    let (mut sender, driver) = shaken.map_err(|error| unreachable(&error))?;
    let driver = tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "a server in a pod");
        }
    });
    let driver = Driver(driver.abort_handle());
    let request = inner(backend, request).map_err(|error| error.response())?;
    let sent = sender.send_request(request).await;
    let (mut parts, incoming) = sent.map_err(|error| unreachable(&error))?.into_parts();
    remove_own(&mut parts.headers);
    if let Some(location) = parts.headers.get(LOCATION)
        && let Some(outer) = outer_location(backend, location)
    {
        parts.headers.insert(LOCATION, outer);
    }
    let body = Relayed {
        incoming,
        _driver: driver,
        _permit: permit,
    };
    let body: Body = body.boxed_unsync();
    Ok(hyper::Response::from_parts(parts, body))
}

fn unreachable(error: &dyn Display) -> Response {
    ApiError::unavailable(format!("error trying to reach service: {error}")).response()
}

/// The request that the server gets.
fn inner(backend: &Backend, request: Request) -> Result<hyper::Request<Full<Bytes>>, ApiError> {
    let wrong = |error: http::Error| ApiError::bad_request(error.to_string());
    let mut headers = request.headers;
    remove_own(&mut headers);
    headers.remove(CONTENT_LENGTH);
    let host = HeaderValue::from_str(&backend.address.to_string());
    headers.insert(HOST, host.map_err(|error| wrong(error.into()))?);
    let uri = HeaderValue::from_str(&format!("{}{}", backend.prefix, backend.path));
    let forwarded = HeaderName::from_static("x-forwarded-uri");
    headers.insert(forwarded, uri.map_err(|error| wrong(error.into()))?);
    let mut inner = hyper::Request::builder()
        .method(request.method)
        .uri(&backend.path)
        .body(Full::new(request.body))
        .map_err(wrong)?;
    *inner.headers_mut() = headers;
    Ok(inner)
}

fn remove_own(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OWN) {
        headers.remove(name);
    }
}

/// A redirect of the server to itself leads through the proxy again.
fn outer_location(backend: &Backend, location: &HeaderValue) -> Option<HeaderValue> {
    let location = location.to_str().ok()?;
    let own = format!("http://{}", backend.address);
    let path = location.strip_prefix(&own).unwrap_or(location);
    let is_own = path.starts_with('/') && !path.starts_with("//");
    let outer = format!("{}{path}", backend.prefix);
    HeaderValue::from_str(&outer).ok().filter(|_| is_own)
}

/// Drives the connection for as long as somebody reads from it.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The body of the server's response, read as fast as the client takes it.
struct Relayed {
    incoming: Incoming,
    _driver: Driver,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for Relayed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.incoming)
            .poll_frame(cx)
            .map(|frame| frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_of_the_server_lead_through_the_proxy() {
        let backend = Backend {
            address: ([10, 88, 0, 2], 80).into(),
            is_tls: false,
            prefix: "/p".to_owned(),
            path: "/".to_owned(),
        };
        let check = |location: &'static str, expected: Option<&str>| {
            let outer = outer_location(&backend, &HeaderValue::from_static(location));
            let outer = outer.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(outer, expected, "{location}");
        };
        check("/x", Some("/p/x"));
        check("http://10.88.0.2:80/x", Some("/p/x"));
        check("http://10.88.0.3:80/x", None);
        check("//elsewhere/x", None);
        check("x", None);
    }
}
