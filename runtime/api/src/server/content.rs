//! Bodies of responses: compressed for clients that can read that, and with a tag for clients that keep them.

use super::request::{Request, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use http::{HeaderValue, Method, StatusCode, header};
use seedpod_core::hash::fnv1a;
use seedpod_core::limits;
use std::io::Read;

/// A response with a body that is kept compressed, as `gzip` writes it.
pub(super) fn stored(
    request: &Request,
    tag: &str,
    content_type: &'static str,
    gzip: &'static [u8],
) -> Response {
    if is_known(request, tag) {
        return with_tag(
            Response::of(StatusCode::NOT_MODIFIED, content_type, ""),
            tag,
        );
    }
    if accepts_gzip(request) {
        let mut response = Response::of(StatusCode::OK, content_type, gzip);
        mark_compressed(&mut response);
        return with_tag(response, tag);
    }
    let mut body = Vec::new();
    match GzDecoder::new(gzip).read_to_end(&mut body) {
        Ok(_) => with_tag(Response::of(StatusCode::OK, content_type, body), tag),
        Err(error) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// A response with a body that is made anew each time but is mostly the same.
pub(super) fn tagged(request: &Request, content_type: &'static str, body: Bytes) -> Response {
    let tag = format!("{:016X}", fnv1a(body.iter().copied()));
    let response = if is_known(request, &tag) {
        Response::of(StatusCode::NOT_MODIFIED, content_type, "")
    } else {
        Response::of(StatusCode::OK, content_type, body)
    };
    let mut response = with_tag(response, &tag);
    let public = HeaderValue::from_static("public");
    response.headers.insert(header::CACHE_CONTROL, public);
    response
}

fn is_known(request: &Request, tag: &str) -> bool {
    request.header("if-none-match") == Some(format!("\"{tag}\"").as_str())
}

fn with_tag(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers.insert(header::ETAG, tag);
    }
    let accept = HeaderValue::from_static("Accept");
    response.headers.append(header::VARY, accept);
    response
}

fn accepts_gzip(request: &Request) -> bool {
    let header = request.header("accept-encoding").unwrap_or_default();
    let mut all = header.split(',').map(str::trim);
    all.any(|one| one == "gzip")
}

/// Compresses a large response to a client that can read that, as little as Kubernetes does.
pub(super) fn compress(request: &Request, response: &mut Response) {
    let is_compressed = response.headers.contains_key(header::CONTENT_ENCODING);
    let is_large = response.body.len() > limits::RESPONSE_BYTES_UNCOMPRESSED;
    if request.method != Method::GET || is_compressed || !is_large || !accepts_gzip(request) {
        return;
    }
    let mut encoder = GzEncoder::new(&*response.body, Compression::fast());
    let mut body = Vec::new();
    if encoder.read_to_end(&mut body).is_ok() {
        response.body = body.into();
        mark_compressed(response);
    }
}

fn mark_compressed(response: &mut Response) {
    let gzip = HeaderValue::from_static("gzip");
    response.headers.insert(header::CONTENT_ENCODING, gzip);
    let vary = HeaderValue::from_static("Accept-Encoding");
    response.headers.append(header::VARY, vary);
}
