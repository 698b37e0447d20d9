//! Requests, as Go's `http.Client` makes them.

use super::body::{Body, collect};
use crate::go;
use crate::system::log;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Method, Request, Uri};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;
use web::app::Stream;
use web::rt;

/// Bytes of an answer that are read.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Go follows so many.
const REDIRECTS_MAX: usize = 10;
const AGENT: &str = "Go-http-client/1.1";

/// A request that gets its answer within a time; the error has Go's text.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Vec<u8>,
    pub(crate) limit: Duration,
}

impl Call<'_> {
    /// The body of the answer, whatever its status.
    pub(crate) async fn run(self) -> Result<Vec<u8>, String> {
        let (limit, url) = (self.limit, self.url.to_owned());
        let verb = match self.method {
            Method::POST => "Post",
            _ => "Get",
        };
        let answered = rt::timeout(limit, self.follow()).await.unwrap_or_else(|_| {
            Err(
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                    .to_owned(),
            )
        });
        answered.map_err(|error| format!("{verb} {}: {error}", go::quoted(&url)))
    }

    async fn follow(self) -> Result<Vec<u8>, String> {
        let mut url = self.url.to_owned();
        let mut method = self.method;
        let mut body = self.body;
        for _ in 0..=REDIRECTS_MAX {
            let answer = send(method.clone(), &url, self.content_type, body.clone()).await?;
            let status = answer.status().as_u16();
            let location = answer
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308))
                .map(str::to_owned);
            let Some(location) = location else {
                return collect(answer.into_body(), BODY_BYTES_MAX).await;
            };
            if matches!(status, 301..=303) {
                (method, body) = (Method::GET, Vec::new());
            }
            url = join(&url, &location);
        }
        Err(format!("stopped after {REDIRECTS_MAX} redirects"))
    }
}

async fn send(
    method: Method,
    url: &str,
    content_type: Option<&'static str>,
    body: Vec<u8>,
) -> Result<hyper::Response<hyper::body::Incoming>, String> {
    let uri: Uri = url.parse().map_err(|_| "invalid URL".to_owned())?;
    if uri.scheme_str() != Some("http") {
        return Err(format!(
            "unsupported protocol scheme {}",
            go::quoted(uri.scheme_str().unwrap_or_default())
        ));
    }
    let authority = uri.authority().ok_or("no Host in request URL")?.clone();
    let address = resolve(authority.host(), authority.port_u16().unwrap_or(80))?;
    let (reader, writer) = rt::connect(address)
        .await
        .map_err(|error| format!("dial tcp {address}: connect: {}", go::errno(&error)))?;
    let broken = |error: hyper::Error| match error.is_incomplete_message() {
        true => "EOF".to_owned(),
        false => error.to_string(),
    };
    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .handshake(Stream::new(reader, writer))
        .await
        .map_err(broken)?;
    rt::spawn(async move {
        if let Err(error) = connection.await {
            log!("http client: {error}");
        }
    });
    let mut request = Request::builder()
        .method(method)
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, authority.as_str())
        .header(USER_AGENT, AGENT);
    if let Some(kind) = content_type {
        request = request.header(CONTENT_TYPE, kind);
    }
    let request = request
        .body(Body::from(body))
        .map_err(|error| error.to_string())?;
    sender.send_request(request).await.map_err(broken)
}

/// The first address of a name.
pub(crate) fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    (bare, port)
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("lookup {bare}: no such host"))
}

/// The URL that a location means, seen from another URL.
fn join(url: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url[after_scheme..]
        .find('/')
        .map_or(url.len(), |at| after_scheme + at);
    if location.starts_with('/') {
        return format!("{}{location}", &url[..path]);
    }
    let folder = url[path..].rfind('/').map_or(path, |at| path + at);
    format!("{}/{location}", &url[..folder])
}
