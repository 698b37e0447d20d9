//! The subresource `proxy` of pods and Services: which server a request is for.

use super::{Stream, StreamKind};
use crate::server::error::ApiError;
use crate::server::registry::{ENDPOINTS, PODS, SERVICES};
use crate::server::request::{Answer, Request, ResourceTarget, Response};
use crate::server::{Server, object};
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// A server in a pod, and what to ask it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Where it listens, on the pod network.
    pub address: SocketAddr,
    /// Whether it is spoken to over TLS.
    pub is_tls: bool,
    /// What was asked for before: what redirects and links of the server are told to begin with.
    pub prefix: String,
    /// Path and query.
    pub path: String,
}

pub(super) fn ask(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
    id: &str,
) -> Result<Answer, ApiError> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let is_pod = *target.resource == PODS;
    let Some((scheme, name, port)) = split(id) else {
        let what = if is_pod { "pod" } else { "service" };
        let message = format!("invalid {what} request {id:?}");
        return Err(ApiError::bad_request(message));
    };
    let (address, uid) = match is_pod {
        true => pod_address(server, namespace, name, port)?,
        false => service_address(server, namespace, name, port)?,
    };
    let path = request.uri.path();
    let (prefix, path) = cut(path);
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    if path.is_empty() && is_read && request.header("upgrade").is_none() {
        return Ok(Answer::Response(redirect(request)));
    }
    let path = if path.is_empty() { "/" } else { path };
    let query = request.uri.query().map(|query| format!("?{query}"));
    let backend = Backend {
        address,
        is_tls: scheme == "https",
        prefix: prefix.to_owned(),
        path: format!("{path}{}", query.unwrap_or_default()),
    };
    Ok(Answer::Stream(Box::new(Stream {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid,
        kind: StreamKind::Proxy(backend),
    })))
}

/// Without the slash at its end, links of a page would lead elsewhere.
fn redirect(request: &Request) -> Response {
    let mut response = Response::of(StatusCode::MOVED_PERMANENTLY, "text/plain", "");
    let query = request.uri.query().map(|query| format!("?{query}"));
    let location = format!("{}/{}", request.uri.path(), query.unwrap_or_default());
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers.insert(http::header::LOCATION, location);
    }
    response
}

/// What is before the path for the server, `/proxy` at its end, and this path as the client has written it.
fn cut(path: &str) -> (&str, &str) {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    // `/api/v1/namespaces/NAMESPACE/pods/NAME/proxy` has seven.
    match slashes.nth(7) {
        Some(at) => path.split_at(at),
        None => (path, ""),
    }
}

/// `name`, `name:port`, `scheme:name:port`
fn split(id: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = id.split(':').collect();
    let (scheme, name, port) = match parts.as_slice() {
        [name] => ("", *name, ""),
        [name, port] => ("", *name, *port),
        [scheme, name, port] => (*scheme, *name, *port),
        _ => return None,
    };
    (!name.is_empty() && matches!(scheme, "" | "http" | "https")).then_some((scheme, name, port))
}

fn pod_address(
    server: &Server,
    namespace: &str,
    name: &str,
    port: &str,
) -> Result<(SocketAddr, String), ApiError> {
    let pod = server
        .object(&PODS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&PODS, name))?;
    let containers = pod["spec"]["containers"].as_array();
    let mut first = containers.into_iter().flatten();
    let port = match port {
        "" => first
            .find_map(|container| container["ports"][0]["containerPort"].as_u64())
            .map_or(80, |port| u16::try_from(port).unwrap_or_default()),
        port => port
            .parse()
            .map_err(|_| ApiError::bad_request(format!("invalid pod request {name}:{port}")))?,
    };
    let ip: Option<IpAddr> = pod["status"]["podIP"]
        .as_str()
        .and_then(|ip| ip.parse().ok());
    let ip = ip
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast())
        .ok_or_else(|| ApiError::bad_request("address not allowed"))?;
    Ok(((ip, port).into(), object::uid(&pod).to_owned()))
}

fn service_address(
    server: &mut Server,
    namespace: &str,
    name: &str,
    port: &str,
) -> Result<(SocketAddr, String), ApiError> {
    let service = server
        .object(&SERVICES, namespace, name)
        .ok_or_else(|| ApiError::not_found(&SERVICES, name))?;
    let ports = || service["spec"]["ports"].as_array().into_iter().flatten();
    let port_name = match port.parse::<u64>() {
        Err(_) => port,
        Ok(number) => match ports().find(|one| one["port"] == number) {
            Some(one) => one["name"].as_str().unwrap_or_default(),
            None => {
                let message = format!("no service port {number} found for service {name:?}");
                return Err(ApiError::unavailable(message));
            }
        },
    };
    let none = || ApiError::unavailable(format!("no endpoints available for service {name:?}"));
    let endpoints = server
        .object(&ENDPOINTS, namespace, name)
        .ok_or_else(none)?;
    let subsets = endpoints["subsets"].as_array().into_iter().flatten();
    let found: Vec<SocketAddr> = subsets
        .flat_map(|subset| addresses(subset, port_name))
        .collect();
    let chosen = server.rng.below(found.len().max(1) as u64);
    let chosen = usize::try_from(chosen).unwrap_or_default();
    let address = *found.get(chosen).ok_or_else(none)?;
    Ok((address, object::uid(&service).to_owned()))
}

/// The addresses of a subset that are ready, with its port of this name.
fn addresses(subset: &Value, port_name: &str) -> Vec<SocketAddr> {
    let mut ports = subset["ports"].as_array().into_iter().flatten();
    let port = ports.find(|port| port["name"].as_str().unwrap_or_default() == port_name);
    let port = port
        .and_then(|port| port["port"].as_u64())
        .and_then(|port| u16::try_from(port).ok());
    let Some(port) = port else {
        return Vec::new();
    };
    let addresses = subset["addresses"].as_array().into_iter().flatten();
    addresses
        .filter_map(|address| address["ip"].as_str()?.parse::<IpAddr>().ok())
        .map(|ip| (ip, port).into())
        .collect()
}
