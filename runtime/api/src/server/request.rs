//! Requests and answers, and what a path means.

use super::error::ApiError;
use super::registry::{self, Resource};
use super::stream::Stream;
use super::verbs::watch::Watch;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::Value;

/// Who asks, after the world has made sure of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// `system:admin`
    pub name: String,
    /// `system:masters`
    pub groups: Vec<String>,
}

/// A request with its whole body.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// With what.
    pub uri: Uri,
    /// How.
    pub headers: HeaderMap,
    /// At most [`OBJECT_BYTES_MAX`](seedpod_core::limits::OBJECT_BYTES_MAX) and the size of a status.
    pub body: Bytes,
    /// Who asks.
    pub user: User,
}

impl Request {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a parameter of the query, in order.
    pub fn parameters(&self, name: &str) -> Vec<String> {
        let query = self.uri.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let named = pairs.filter(|(key, _)| percent_decoded(key) == name);
        named.map(|(_, value)| percent_decoded(value)).collect()
    }

    /// The first value of a parameter; `None` when it is empty.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let first = self.parameters(name).into_iter().next();
        first.filter(|value| !value.is_empty())
    }

    /// Whether a parameter is true, as Go's `strconv.ParseBool` and Kubernetes read it.
    pub fn flag(&self, name: &str) -> bool {
        let first = self.parameters(name).into_iter().next();
        first.is_some_and(|text| !matches!(text.as_str(), "0" | "false" | "False" | "f" | "F"))
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// How it went.
    pub status: StatusCode,
    /// `Content-Type`, `Warning` and so on; what belongs to the connection is added by who sends it.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
}

impl Response {
    /// JSON.
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string())
    }

    /// Text.
    pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::of(status, "text/plain; charset=utf-8", body)
    }

    /// Anything.
    pub fn of(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let content_type = (CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status,
            headers: HeaderMap::from_iter([content_type]),
            body: body.into(),
        }
    }
}

/// What a request is answered with.
#[derive(Debug)]
pub enum Answer {
    /// All at once.
    Response(Response),
    /// `200` and a body without end, which [`Server::read_watch`](super::Server::read_watch) gives piece by piece.
    Watch(Box<Watch>),
    /// Something of a pod, which the world opens.
    Stream(Box<Stream>),
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'r> {
    /// Objects.
    Resource(ResourceTarget),
    /// Discovery, health and so on.
    Other(&'r str),
}

/// Objects of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceTarget {
    /// Which.
    pub resource: &'static Resource,
    /// `None` for all namespaces, or when there are none.
    pub namespace: Option<String>,
    /// `None` for all objects.
    pub name: Option<String>,
    /// `status`, `log` and so on; empty for the object itself.
    pub subresource: String,
    /// What follows the subresource `proxy`.
    pub rest: String,
    /// Whether the path itself asks for a watch: `/api/v1/watch/…`.
    pub is_watch: bool,
}

impl<'r> Target<'r> {
    /// What the path of a request means.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn of(request: &'r Request) -> Result<Self, ApiError> {
        let path = request.uri.path();
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let (group, version) = match parts.next() {
            Some("api") => (Some(""), parts.next()),
            Some("apis") => (parts.next(), parts.next()),
            _ => return Ok(Self::Other(path)),
        };
        let parts: Vec<String> = parts.map(percent_decoded).collect();
        let (Some(group), Some(version), false) = (group, version, parts.is_empty()) else {
            return Ok(Self::Other(path));
        };
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (is_watch, parts) = match parts.as_slice() {
            ["watch", rest @ ..] => (true, rest),
            all => (false, all),
        };
        let find = |plural: &str| {
            registry::find(group, version, plural).ok_or_else(ApiError::not_found_path)
        };
        let (namespace, parts) = match parts {
            // `namespaces/x/status` and `namespaces/x/finalize` are of the namespace itself.
            ["namespaces", namespace, plural, rest @ ..]
                if !group.is_empty() || !matches!(*plural, "status" | "finalize") =>
            {
                let resource = find(plural)?;
                if !resource.is_namespaced {
                    return Err(ApiError::not_found_path());
                }
                (Some(*namespace), (resource, rest))
            }
            [plural, rest @ ..] => (None, (find(plural)?, rest)),
            [] => return Err(ApiError::not_found_path()),
        };
        let (resource, parts) = parts;
        if resource.is_namespaced && namespace.is_none() && !parts.is_empty() {
            return Err(ApiError::not_found_path());
        }
        let (name, subresource, rest) = match parts {
            [] => (None, "", String::new()),
            [name] => (Some(*name), "", String::new()),
            [name, subresource, rest @ ..] => (Some(*name), *subresource, rest.join("/")),
        };
        if !subresource.is_empty() && !resource.subresources.contains(&subresource) {
            return Err(ApiError::not_found_path());
        }
        Ok(Self::Resource(ResourceTarget {
            resource,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.to_owned(),
            rest,
            is_watch,
        }))
    }
}

/// `%20` and `+`, as in a query.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes.get(..2)?).ok()?;
            u8::from_str_radix(text, 16).ok()
        };
        match byte {
            b'%' => match hex(&rest.clone().take(2).collect::<Vec<_>>()) {
                Some(decoded) => {
                    bytes.push(decoded);
                    rest.nth(1);
                }
                None => bytes.push(byte),
            },
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
