//! What a request for a subresource of a pod asks for (`pkg/registry/core/pod/strategy.go`, and of the kubelet
//! `validateContainerLogStatus`: the texts are theirs).

use super::log::{LogOptions, LogStreams};
use super::{Stream, StreamKind, Streams, proxy};
use crate::server::error::{ApiError, FieldError};
use crate::server::registry::{PODS, SERVICES};
use crate::server::request::{Answer, Request, ResourceTarget, Response};
use crate::server::{Server, object};
use http::{Method, StatusCode};
use seedpod_core::limits::{EXEC_ARGUMENTS_MAX, FORWARDED_PORTS_MAX};
use seedpod_core::time::WallTime;
use serde_json::{Value, json};
use std::time::Duration;

/// Answers a request for a subresource that is a stream; `None` when it is none of these.
pub(crate) fn ask(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
) -> Option<Result<Answer, ApiError>> {
    let name = target.name.as_deref()?;
    let subresource = target.subresource.as_str();
    let is_stream = match target.resource {
        resource if *resource == PODS => {
            matches!(
                subresource,
                "attach" | "exec" | "log" | "portforward" | "proxy"
            )
        }
        resource if *resource == SERVICES => subresource == "proxy",
        _ => false,
    };
    if !is_stream {
        return None;
    }
    if subresource == "proxy" {
        return Some(proxy::ask(server, request, target, name));
    }
    let allowed = match subresource {
        "log" => request.method == Method::GET,
        _ => matches!(request.method, Method::GET | Method::POST),
    };
    if !allowed {
        return Some(Err(ApiError::method_not_allowed()));
    }
    let namespace = target.namespace.as_deref().unwrap_or_default();
    Some(of_pod(server, request, namespace, name, subresource))
}

fn of_pod(
    server: &Server,
    request: &Request,
    namespace: &str,
    name: &str,
    subresource: &str,
) -> Result<Answer, ApiError> {
    let log = match subresource {
        "log" => Some(log_options(server, request, name)?),
        _ => None,
    };
    let pod = server
        .object(&PODS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&PODS, name))?;
    let kind = match (subresource, log) {
        (_, Some((options, previous))) => {
            let container = container(request, &pod)?;
            if !is_scheduled(&pod) {
                let nothing = Response::of(StatusCode::OK, "text/plain", "");
                return Ok(Answer::Response(nothing));
            }
            let restart = instance(&pod, &container, previous)?;
            StreamKind::Log {
                container,
                restart,
                options,
            }
        }
        ("portforward", _) => {
            assigned(&pod)?;
            let ports = ports(request)?;
            StreamKind::PortForward { ports }
        }
        (what, _) => command(request, &pod, what)?,
    };
    Ok(Answer::Stream(Box::new(Stream {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: object::uid(&pod).to_owned(),
        kind,
    })))
}

fn is_scheduled(pod: &Value) -> bool {
    pod["spec"]["nodeName"]
        .as_str()
        .is_some_and(|name| !name.is_empty())
}

fn assigned(pod: &Value) -> Result<(), ApiError> {
    if is_scheduled(pod) {
        return Ok(());
    }
    let name = object::name(pod);
    let message = format!("pod {name} does not have a host assigned");
    Err(ApiError::bad_request(message))
}

/// Exec and attach.
fn command(request: &Request, pod: &Value, what: &str) -> Result<StreamKind, ApiError> {
    let container = container(request, pod)?;
    assigned(pod)?;
    let tty = request.flag("tty");
    let streams = Streams {
        stdin: request.flag("stdin"),
        stdout: request.flag("stdout"),
        stderr: request.flag("stderr") && !tty,
        tty,
    };
    if !streams.stdin && !streams.stdout && !streams.stderr {
        let message = "you must specify at least 1 of stdin, stdout, stderr";
        return Err(ApiError::bad_request(message));
    }
    if what == "attach" {
        let spec = containers(pod).find(|spec| spec["name"] == container.as_str());
        let tty = spec.is_some_and(|spec| spec["tty"] == true);
        let stderr = streams.stderr && !tty;
        return Ok(StreamKind::Attach {
            container,
            streams: Streams {
                tty,
                stderr,
                ..streams
            },
        });
    }
    let command = request.parameters("command");
    if command.is_empty() {
        let message = "you must specify at least one command for the container";
        return Err(ApiError::bad_request(message));
    }
    if command.len() > EXEC_ARGUMENTS_MAX {
        let message = format!("a command has at most {EXEC_ARGUMENTS_MAX} arguments");
        return Err(ApiError::too_large(message));
    }
    Ok(StreamKind::Exec {
        container,
        command,
        streams,
    })
}

/// All containers in the order of `podutil.VisitContainers`.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|kind| pod["spec"][kind].as_array().into_iter().flatten())
}

/// `container` of the query, or the only one.
fn container(request: &Request, pod: &Value) -> Result<String, ApiError> {
    let pod_name = object::name(pod);
    let names: Vec<&str> = containers(pod)
        .filter_map(|spec| spec["name"].as_str())
        .collect();
    if let Some(name) = request.parameter("container") {
        if names.contains(&name.as_str()) {
            return Ok(name);
        }
        let message = format!("container {name} is not valid for pod {pod_name}");
        return Err(ApiError::bad_request(message));
    }
    let regular = pod["spec"]["containers"].as_array();
    match regular.map(Vec::as_slice) {
        Some([only]) => Ok(only["name"].as_str().unwrap_or_default().to_owned()),
        _ => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {pod_name}, choose one of: [{}]",
            names.join(" ")
        ))),
    }
}

/// How many instances there were before the one whose log is wanted.
fn instance(pod: &Value, container: &str, previous: bool) -> Result<u32, ApiError> {
    let name = object::name(pod);
    let bad = |text: String| Err(ApiError::bad_request(text));
    let kinds = [
        "containerStatuses",
        "initContainerStatuses",
        "ephemeralContainerStatuses",
    ];
    let mut all = kinds
        .into_iter()
        .flat_map(|kind| pod["status"][kind].as_array().into_iter().flatten());
    let Some(status) = all.find(|status| status["name"] == container) else {
        return bad(format!(
            "container {container:?} in pod {name:?} is not available"
        ));
    };
    let restarts = status["restartCount"].as_u64().unwrap_or_default();
    let restarts = u32::try_from(restarts).unwrap_or(u32::MAX);
    let (state, last) = (&status["state"], &status["lastState"]["terminated"]);
    let started = |terminated: &Value| {
        terminated["containerID"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    };
    let (runs, ended) = (state["running"].is_object(), &state["terminated"]);
    // The count goes up when the next instance starts, so that one that waits still counts as the last one.
    let before = if runs || started(ended) {
        restarts.checked_sub(1)
    } else {
        Some(restarts)
    };
    if previous {
        return match before.filter(|_| started(last)) {
            Some(before) => Ok(before),
            None => bad(format!(
                "previous terminated container {container:?} in pod {name:?} not found"
            )),
        };
    }
    if runs || started(ended) || started(last) {
        return Ok(restarts);
    }
    if ended.is_object() || last.is_object() {
        return bad(format!(
            "container {container:?} in pod {name:?} is terminated"
        ));
    }
    let waiting = format!("container {container:?} in pod {name:?} is waiting to start");
    bad(match state["waiting"]["reason"].as_str() {
        Some("ErrImagePull") => format!("{waiting}: image can't be pulled"),
        Some("ImagePullBackOff") => format!("{waiting}: trying and failing to pull image"),
        Some(reason) => format!("{waiting}: {reason}"),
        None => format!("{waiting} - no logs yet"),
    })
}

/// `PodLogOptions`, and whether the previous instance is meant.
fn log_options(
    server: &Server,
    request: &Request,
    name: &str,
) -> Result<(LogOptions, bool), ApiError> {
    let integer = |name: &str| match request.parameter(name) {
        None => Ok(None),
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| {
            ApiError::bad_request(format!(
                "strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))
        }),
    };
    let (tail, limit, seconds) = (
        integer("tailLines")?,
        integer("limitBytes")?,
        integer("sinceSeconds")?,
    );
    let since_time = match request.parameter("sinceTime") {
        None => None,
        Some(text) => Some(
            text.parse::<WallTime>()
                .map_err(|error| ApiError::bad_request(error.to_string()))?,
        ),
    };
    let mut errors = Vec::new();
    if let Some(tail) = tail.filter(|tail| *tail < 0) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("tailLines", &json!(tail), detail));
    }
    if let Some(limit) = limit.filter(|limit| *limit < 1) {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid("limitBytes", &json!(limit), detail));
    }
    if seconds.is_some() && since_time.is_some() {
        let detail = "at most one of `sinceTime` or `sinceSeconds` may be specified";
        errors.push(FieldError::forbidden("", detail));
    } else if let Some(seconds) = seconds.filter(|seconds| *seconds < 1) {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid("sinceSeconds", &json!(seconds), detail));
    }
    let stream = request
        .parameter("stream")
        .unwrap_or_else(|| "All".to_owned());
    let streams = log_streams(&stream, &mut errors);
    if stream != "All" && tail.is_some() {
        let detail = "`tailLines` and specific `stream` are mutually exclusive for now";
        errors.push(FieldError::forbidden("", detail));
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid_kind("", "PodLogOptions", name, &errors));
    }
    let positive = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let ago = positive(seconds).map(|seconds| {
        let nanos = Duration::from_secs(seconds).as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        WallTime::from_unix_nanos(server.now.wall.as_unix_nanos().saturating_sub(nanos))
    });
    let options = LogOptions {
        follow: request.flag("follow"),
        timestamps: request.flag("timestamps"),
        since: since_time.or(ago),
        tail_lines: positive(tail),
        limit_bytes: positive(limit),
        streams,
    };
    Ok((options, request.flag("previous")))
}

fn log_streams(stream: &str, errors: &mut Vec<FieldError>) -> LogStreams {
    match stream {
        "Stdout" => LogStreams::Stdout,
        "Stderr" => LogStreams::Stderr,
        "All" => LogStreams::All,
        other => {
            let known = ["All", "Stderr", "Stdout"];
            errors.push(FieldError::not_supported("stream", &json!(other), &known));
            LogStreams::All
        }
    }
}

/// `ports` of a port forwarding over WebSocket: none over SPDY, where each connection names its own.
fn ports(request: &Request) -> Result<Vec<u16>, ApiError> {
    let mut ports = Vec::new();
    let texts = request.parameters("ports");
    for text in texts.iter().flat_map(|text| text.split(',')) {
        let port: u16 = text.parse().map_err(|_| {
            ApiError::bad_request(format!(
                "unable to parse {text:?} as a port: strconv.ParseUint: parsing {text:?}: invalid syntax"
            ))
        })?;
        if port == 0 {
            return Err(ApiError::bad_request(format!("port {text:?} must be > 0")));
        }
        ports.push(port);
    }
    if ports.len() > FORWARDED_PORTS_MAX {
        let message = format!("at most {FORWARDED_PORTS_MAX} ports can be forwarded at once");
        return Err(ApiError::bad_request(message));
    }
    Ok(ports)
}
