//! OpenAPI documents: `/openapi/v3` with a document for each group and version, and `/openapi/v2`.
//!
//! They lie in the program compressed, and go out so to a client that can read that: nothing of them is kept in memory.

use super::accept;
use super::content;
use super::error::ApiError;
use super::registry::RESOURCES;
use super::request::{Request, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// `data/openapi/index.json`: the digests of the documents.
#[derive(Deserialize)]
struct Index {
    v2: String,
    /// By path.
    v3: BTreeMap<String, String>,
}

const INDEX: &str = include_str!("../../data/openapi/index.json");
const V2_JSON: &[u8] = include_bytes!("../../data/openapi/v2.json.gz");
const V2_PROTOBUF: &[u8] = include_bytes!("../../data/openapi/v2.pb.gz");

macro_rules! documents {
    ($($path:literal from $file:literal,)*) => {
        /// The documents of v3 by their path.
        const DOCUMENTS: &[(&str, &[u8])] =
            &[$(($path, include_bytes!(concat!("../../data/openapi/", $file, ".json.gz")))),*];
    };
}

documents! {
    "api" from "api",
    "api/v1" from "api__v1",
    "apis" from "apis",
    "apis/apps" from "apis__apps",
    "apis/apps/v1" from "apis__apps__v1",
    "apis/authentication.k8s.io" from "apis__authentication.k8s.io",
    "apis/authentication.k8s.io/v1" from "apis__authentication.k8s.io__v1",
    "apis/authorization.k8s.io" from "apis__authorization.k8s.io",
    "apis/authorization.k8s.io/v1" from "apis__authorization.k8s.io__v1",
    "apis/batch" from "apis__batch",
    "apis/batch/v1" from "apis__batch__v1",
    "apis/coordination.k8s.io" from "apis__coordination.k8s.io",
    "apis/coordination.k8s.io/v1" from "apis__coordination.k8s.io__v1",
    "apis/discovery.k8s.io" from "apis__discovery.k8s.io",
    "apis/discovery.k8s.io/v1" from "apis__discovery.k8s.io__v1",
    "apis/metrics.k8s.io/v1beta1" from "apis__metrics.k8s.io__v1beta1",
    "apis/node.k8s.io" from "apis__node.k8s.io",
    "apis/node.k8s.io/v1" from "apis__node.k8s.io__v1",
    "version" from "version",
}

const JSON: &str = "application/json";

/// The names under which kubectl asks for the document of v2 as a message of Protocol Buffers.
const PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

/// Answers a request for something below `/openapi/`.
pub(super) fn answer(request: &Request, path: &str) -> Result<Response, ApiError> {
    let index: Index = serde_json::from_str(INDEX).expect("a test reads the same file");
    match path.split_once('/').unwrap_or((path, "")) {
        ("v2", "") => v2(request, &index),
        ("v3", "") => v3_index(request, &index),
        ("v3", path) => v3(request, &index, path),
        _ => Err(ApiError::not_found_path()),
    }
}

fn v2(request: &Request, index: &Index) -> Result<Response, ApiError> {
    let offers = [JSON, PROTOBUF[0], PROTOBUF[1]];
    match accept::best(request, &offers) {
        Some(0) => Ok(content::stored(request, &index.v2, JSON, V2_JSON)),
        Some(_) => Ok(content::stored(
            request,
            &index.v2,
            PROTOBUF[0],
            V2_PROTOBUF,
        )),
        None => Err(ApiError::not_acceptable(&offers[..2])),
    }
}

fn v3_index(request: &Request, index: &Index) -> Result<Response, ApiError> {
    accept::best(request, &[JSON]).ok_or_else(|| ApiError::not_acceptable(&[JSON]))?;
    let served = index.v3.iter().filter(|(path, _)| is_served(path));
    let paths = served.map(|(path, digest)| {
        let url = v3_url(path, digest);
        (path.clone(), json!({"serverRelativeURL": url}))
    });
    let paths: Map<String, Value> = paths.collect();
    let body = json!({"paths": paths}).to_string();
    Ok(content::tagged(request, JSON, body.into()))
}

/// Whether the group of a document has resources here.
fn is_served(path: &str) -> bool {
    let mut parts = path.split('/');
    match (parts.next(), parts.next()) {
        (Some("apis"), Some(group)) => RESOURCES.iter().any(|one| one.group == group),
        _ => true,
    }
}

fn v3_url(path: &str, digest: &str) -> String {
    format!("/openapi/v3/{path}?hash={digest}")
}

fn v3(request: &Request, index: &Index, path: &str) -> Result<Response, ApiError> {
    let document = DOCUMENTS
        .iter()
        .find(|(name, _)| *name == path && is_served(path));
    let (Some((_, document)), Some(digest)) = (document, index.v3.get(path)) else {
        return Err(ApiError::not_found_path());
    };
    accept::best(request, &[JSON]).ok_or_else(|| ApiError::not_acceptable(&[JSON]))?;
    let hash = request.parameter("hash");
    if hash.as_ref().is_some_and(|hash| hash != digest) {
        let mut moved = Response::text(StatusCode::MOVED_PERMANENTLY, "");
        if let Ok(url) = HeaderValue::from_str(&v3_url(path, digest)) {
            moved.headers.insert(header::LOCATION, url);
        }
        return Ok(moved);
    }
    let mut response = content::stored(request, digest, JSON, document);
    if hash.is_some() {
        let forever = HeaderValue::from_static("public, immutable");
        response.headers.insert(header::CACHE_CONTROL, forever);
    }
    Ok(response)
}

/// The paths there are below `/openapi/v3/`, and `/openapi/v2` and `/openapi/v3`.
pub(super) fn paths() -> impl Iterator<Item = String> {
    let documents = DOCUMENTS
        .iter()
        .filter(|(path, _)| is_served(path))
        .map(|(path, _)| format!("/openapi/v3/{path}"));
    ["/openapi/v2", "/openapi/v3"]
        .map(str::to_owned)
        .into_iter()
        .chain(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_a_document_and_every_document_a_digest() {
        let index: Index = serde_json::from_str(INDEX).unwrap();
        let documents: Vec<_> = DOCUMENTS.iter().map(|(path, _)| *path).collect();
        assert!(index.v3.keys().eq(documents.iter()));
        for resource in RESOURCES {
            let path = match resource.group {
                "" => "api/v1".to_owned(),
                group => format!("apis/{group}/{}", resource.version),
            };
            assert!(documents.contains(&path.as_str()), "{path}");
        }
    }
}
