//! HTTP as Go's `net/http` does it, as far as the subcommands show it.

mod body;
pub(crate) mod client;
mod server;
mod tls;

pub(crate) use body::{Body, Disconnect, Sender};
pub(crate) use server::{Protocol, Server, listen_and_serve};
pub(crate) use tls::Tls;

use crate::form::Form;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// Bytes of a request's body that are read.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Bytes that Go looks at to guess the type of a body.
const SNIFF_BYTES: usize = 512;

pub(crate) type Answer = Result<Response<Body>, Disconnect>;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Answer>>>;

/// A request on its way to a handler.
pub(crate) struct Exchange {
    pub(crate) head: Parts,
    pub(crate) client: SocketAddr,
    body: Option<Incoming>,
}

impl Exchange {
    pub(crate) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The same exchange as if it were a GET of this path and query.
    pub(crate) fn replaced(mut self, path: &str) -> Option<Self> {
        self.head.uri = path.parse().ok()?;
        self.head.method = Method::GET;
        self.head.headers.clear();
        self.body = None;
        Some(self)
    }

    /// The form of the query alone.
    pub(crate) fn query(&self) -> Form {
        Form::read(self.head.uri.query().unwrap_or_default())
    }

    /// The form of the body, then that of the query.
    pub(crate) async fn form(&mut self) -> Form {
        let is_form = self
            .content_type()
            .starts_with("application/x-www-form-urlencoded");
        let mut form = match is_form && self.head.method != Method::GET {
            // A body that breaks off carries no form.
            true => Form::read(&String::from_utf8_lossy(
                &self.body().await.unwrap_or_default(),
            )),
            false => Form::default(),
        };
        form.extend(self.query());
        form
    }

    /// The whole body; empty when it was read before.
    pub(crate) async fn body(&mut self) -> Result<Vec<u8>, String> {
        match self.body.take() {
            Some(body) => body::collect(body, BODY_BYTES_MAX).await,
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn content_type(&self) -> &str {
        self.head
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// An answer with a body whose type is guessed as Go guesses it.
pub(crate) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Response<Body> {
    let body = body.into();
    let kind = (!body.is_empty()).then(|| sniff(&body));
    typed(status, kind, body.into())
}

/// An answer of this type.
pub(crate) fn typed(status: u16, kind: Option<&'static str>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    // Go panics in the handler, which closes the connection; hyper has nothing like it.
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(kind) = kind {
        set(&mut response, CONTENT_TYPE, kind);
    }
    response
}

pub(crate) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// `http.Error`
pub(crate) fn error(status: u16, text: &str) -> Response<Body> {
    let mut response = typed(status, Some(TEXT), format!("{text}\n").into_bytes().into());
    let nosniff = HeaderName::from_static("x-content-type-options");
    set(&mut response, nosniff, "nosniff");
    response
}

/// `http.NotFound`
pub(crate) fn not_found() -> Response<Body> {
    error(404, "404 page not found")
}

/// `http.Redirect`
pub(crate) fn redirect(exchange: &Exchange, location: &str, status: u16) -> Response<Body> {
    let has_scheme = location.split(['/', '?', '#']).next().is_some_and(|head| {
        head.find(':')
            .is_some_and(|at| at > 0 && head[..at].chars().all(|c| c.is_ascii_alphanumeric()))
    });
    let location = if has_scheme || location.starts_with('/') {
        location.to_owned()
    } else {
        let folder = exchange.path().rfind('/').map_or(0, |at| at + 1);
        format!("{}{location}", &exchange.path()[..folder])
    };
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let body = match exchange.head.method {
        Method::GET => format!("<a href=\"{}\">{reason}</a>.\n\n", escape_html(&location)),
        _ => String::new(),
    };
    let kind = matches!(exchange.head.method, Method::GET | Method::HEAD).then_some(HTML);
    let mut response = typed(status, kind, body.into_bytes().into());
    set(&mut response, LOCATION, &location);
    response
}

pub(crate) fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

/// The kinds of `http.DetectContentType` that a file of a test can have.
pub(crate) fn sniff(bytes: &[u8]) -> &'static str {
    let bytes = &bytes[..bytes.len().min(SNIFF_BYTES)];
    let head = bytes.trim_ascii_start();
    let begins_with = |tag: &[u8]| {
        head.get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
            && matches!(head.get(tag.len()), Some(b' ' | b'>'))
    };
    let html: [&[u8]; 8] = [
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<body",
        b"<a",
        b"<p",
        b"<h1",
        b"<!--",
    ];
    let binary = |byte: &u8| matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31);
    if html.iter().any(|tag| begins_with(tag)) {
        HTML
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if bytes.starts_with(b"\0asm") {
        "application/wasm"
    } else if bytes.iter().any(binary) {
        "application/octet-stream"
    } else {
        TEXT
    }
}
