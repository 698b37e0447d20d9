//! What there is: groups, versions and resources, as documents of their own and in one (`apidiscovery.k8s.io`); the
//! version of the server, its health, and all its paths.

use super::accept;
use super::content;
use super::error::ApiError;
use super::negotiate::{Accepted, Count};
use super::openapi;
use super::registry::{RESOURCES, Resource};
use super::request::{Request, Response};
use super::verbs::decode::Kind;
use super::{Server, Settings};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

/// Groups in the order in which discovery lists them; others come after these.
const GROUPS: &[&str] = &[
    "",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "policy",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
];

/// Answers a request for a path that is of no resource.
pub(super) fn answer(server: &Server, request: &Request, path: &str) -> Result<Response, ApiError> {
    if request.method != Method::GET && request.method != Method::HEAD {
        return Err(ApiError::method_not_allowed());
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let document = match parts.as_slice() {
        [] => json!({"paths": paths()}),
        [check @ ("healthz" | "livez" | "readyz"), one @ ..] => return health(request, check, one),
        ["openapi", rest @ ..] => return openapi::answer(request, &rest.join("/")),
        ["version"] => version(server),
        [root @ ("api" | "apis")] => return discovery(server, request, root),
        ["api", "v1"] => resource_list("", "v1")?,
        ["apis", group] => one_group(group)?,
        ["apis", group, version] => resource_list(group, version)?,
        _ => return Ok(not_found()),
    };
    negotiated(request, &document)
}

fn not_found() -> Response {
    Response::text(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn negotiated(request: &Request, document: &Value) -> Result<Response, ApiError> {
    let accepted = Accepted::of_request(request, Count::Document)?;
    let json = document.to_string().into_bytes();
    Ok(accepted.encoding.response(StatusCode::OK, json))
}

/// In one document for who asks for that, else only the versions or groups.
fn discovery(server: &Server, request: &Request, root: &str) -> Result<Response, ApiError> {
    const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const V2_BETA_1: &str =
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    for clause in accept::clauses(request) {
        if !clause.matches("application/json") {
            continue;
        }
        let parameters = ["g", "v", "as"].map(|name| clause.parameter(name));
        let (version, content_type) = match parameters {
            ["", "", ""] => break,
            ["apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"] => ("v2", V2),
            ["apidiscovery.k8s.io", "v2beta1", "APIGroupDiscoveryList"] => ("v2beta1", V2_BETA_1),
            _ => continue,
        };
        let body = aggregated(root, version).to_string();
        return Ok(content::tagged(request, content_type, body.into()));
    }
    let mut response = match root {
        "api" => {
            let address =
                std::net::SocketAddr::new(server.settings.node_ip, server.settings.api_port);
            let addresses =
                json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": address.to_string()}]);
            negotiated(
                request,
                &json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}),
            )?
        }
        _ => {
            let groups: Vec<Value> = groups()
                .filter(|group| !group.is_empty())
                .map(group)
                .collect();
            negotiated(
                request,
                &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
            )?
        }
    };
    let vary = HeaderValue::from_static("Accept");
    response.headers.append(header::VARY, vary);
    Ok(response)
}

fn groups() -> impl Iterator<Item = &'static str> {
    let known = GROUPS.iter().copied();
    let served = |group: &&str| RESOURCES.iter().any(|one| one.group == *group);
    let mut others: Vec<&str> = RESOURCES.iter().map(|one| one.group).collect();
    others.retain(|group| !GROUPS.contains(group));
    others.dedup();
    known.filter(served).chain(others)
}

fn resources_of(group: &str) -> impl Iterator<Item = &'static Resource> {
    let all = RESOURCES.iter().copied();
    all.filter(move |one| one.group == group)
}

/// The versions of a group, the preferred one first.
fn versions(group: &str) -> Vec<&'static str> {
    let mut versions: Vec<_> = resources_of(group).map(|one| one.version).collect();
    versions.dedup();
    versions
}

fn group(name: &str) -> Value {
    let versions: Vec<Value> = versions(name)
        .into_iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    json!({"name": name, "preferredVersion": versions.first(), "versions": versions})
}

fn one_group(name: &str) -> Result<Value, ApiError> {
    if name.is_empty() || versions(name).is_empty() {
        return Err(ApiError::not_found_path());
    }
    let mut document = group(name);
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    Ok(document)
}

fn resource_list(group: &str, version: &str) -> Result<Value, ApiError> {
    let found: Vec<_> = resources_of(group)
        .filter(|one| one.version == version)
        .collect();
    let first = found.first().ok_or_else(ApiError::not_found_path)?;
    let group_version = first.api_version();
    let mut resources = Vec::new();
    for resource in found {
        let mut entry = json!({
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.is_namespaced,
            "kind": resource.kind,
            "verbs": resource.verbs,
        });
        add_names(&mut entry, resource);
        resources.push(entry);
        for name in resource.subresources {
            let sub = Subresource::of(resource, name);
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural),
                "singularName": "",
                "namespaced": resource.is_namespaced,
                "kind": sub.kind,
                "verbs": sub.verbs,
            });
            if let Some((group, version)) = sub.group_version {
                entry["group"] = group.into();
                entry["version"] = version.into();
            }
            resources.push(entry);
        }
    }
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
    }))
}

fn add_names(entry: &mut Value, resource: &Resource) {
    for (field, names) in [
        ("shortNames", resource.short_names),
        ("categories", resource.categories),
    ] {
        if !names.is_empty() {
            entry[field] = json!(names);
        }
    }
}

/// What can be done with a part of an object.
struct Subresource {
    kind: String,
    /// When it is not that of the resource.
    group_version: Option<(&'static str, &'static str)>,
    verbs: &'static [&'static str],
}

impl Subresource {
    fn of(resource: &Resource, name: &str) -> Self {
        const CHANGE: &[&str] = &["get", "patch", "update"];
        const CONNECT: &[&str] = &["create", "get"];
        const CREATE: &[&str] = &["create"];
        const PROXY: &[&str] = &["create", "delete", "get", "patch", "update"];
        let kind = resource.kind;
        let (kind, group_version, verbs) = match name {
            "attach" => (format!("{kind}AttachOptions"), None, CONNECT),
            "exec" => (format!("{kind}ExecOptions"), None, CONNECT),
            "portforward" => (format!("{kind}PortForwardOptions"), None, CONNECT),
            "proxy" => (format!("{kind}ProxyOptions"), None, PROXY),
            "binding" => ("Binding".to_owned(), None, CREATE),
            "eviction" => ("Eviction".to_owned(), Some(("policy", "v1")), CREATE),
            "token" => {
                let group_version = Some(("authentication.k8s.io", "v1"));
                ("TokenRequest".to_owned(), group_version, CREATE)
            }
            "scale" => ("Scale".to_owned(), Some(("autoscaling", "v1")), CHANGE),
            "finalize" => (kind.to_owned(), None, &["update"][..]),
            "log" => (kind.to_owned(), None, &["get"][..]),
            _ => (kind.to_owned(), None, CHANGE),
        };
        Self {
            kind,
            group_version,
            verbs,
        }
    }
}

/// The kind of what is sent to a part of an object.
pub(crate) fn kind_of_subresource(resource: &Resource, name: &str) -> Kind {
    let part = Subresource::of(resource, name);
    let own = (resource.group, resource.version);
    let (group, version) = part.group_version.unwrap_or(own);
    Kind::new(group, version, &part.kind)
}

fn aggregated(root: &str, document_version: &str) -> Value {
    let groups = groups().filter(|group| group.is_empty() == (root == "api"));
    let items: Vec<Value> = groups
        .map(|group| {
            let versions: Vec<Value> = versions(group)
                .into_iter()
                .map(|version| {
                    let all = resources_of(group).filter(|one| one.version == version);
                    let resources: Vec<Value> = all.map(aggregated_resource).collect();
                    json!({"version": version, "freshness": "Current", "resources": resources})
                })
                .collect();
            let metadata = match group {
                "" => json!({}),
                name => json!({"name": name}),
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{document_version}"),
        "metadata": {},
        "items": items,
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = |(group, version): (&str, &str), kind: &str| json!({"group": group, "version": version, "kind": kind});
    let own = (resource.group, resource.version);
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": kind(own, resource.kind),
        "scope": if resource.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    add_names(&mut entry, resource);
    let subresources = resource.subresources.iter().map(|name| {
        let sub = Subresource::of(resource, name);
        json!({
            "subresource": name,
            "responseKind": kind(sub.group_version.unwrap_or(own), &sub.kind),
            "verbs": sub.verbs,
        })
    });
    if !resource.subresources.is_empty() {
        entry["subresources"] = subresources.collect();
    }
    entry
}

/// `GET /version`. Nothing here was made by Go, and nothing says when it was built.
fn version(server: &Server) -> Value {
    let Settings {
        operating_system,
        architecture,
        ..
    } = &server.settings;
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.2+seedpod",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{operating_system}/{architecture}"),
    })
}

/// What is looked at: that requests are answered, and that the store is there. Without the one or the other nobody would
/// come here.
const CHECKS: &[&str] = &["ping", "store"];

fn health(request: &Request, check: &str, one: &[&str]) -> Result<Response, ApiError> {
    match one {
        [] => {}
        [one] if CHECKS.contains(one) => return Ok(Response::text(StatusCode::OK, "ok")),
        _ => return Ok(not_found()),
    }
    if request.parameters("verbose").is_empty() {
        return Ok(Response::text(StatusCode::OK, "ok"));
    }
    let excluded = request.parameters("exclude");
    let mut text = String::new();
    for name in CHECKS {
        let is_excluded = excluded.iter().any(|one| one == name);
        let how = if is_excluded { " excluded: ok" } else { " ok" };
        text.push_str(&format!("[+]{name}{how}\n"));
    }
    text.push_str(&format!("{check} check passed\n"));
    Ok(Response::text(StatusCode::OK, text))
}

/// `GET /`
fn paths() -> Vec<String> {
    let mut paths: Vec<String> = ["/api", "/api/v1", "/apis", "/apis/", "/version"]
        .map(str::to_owned)
        .into();
    for group in groups().filter(|group| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(
            versions(group)
                .iter()
                .map(|version| format!("/apis/{group}/{version}")),
        );
    }
    for check in ["healthz", "livez", "readyz"] {
        paths.push(format!("/{check}"));
        paths.extend(CHECKS.iter().map(|one| format!("/{check}/{one}")));
    }
    paths.extend(openapi::paths());
    paths.sort();
    paths
}
