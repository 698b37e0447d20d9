//! Probes and hooks.

use std::time::Duration;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use seedpod_core::process::Signal;
use seedpod_core::spec::{self, GracePeriod, Hook, HttpGet, ProbeHandler, Scheme, TargetPort};

use super::container::Around;
use super::{non_empty, port};
use crate::log::Object;
use crate::names;
use crate::tree::Path;

/// Which probe; each has a rule of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Liveness,
    Readiness,
    Startup,
}

pub(super) fn probe(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::Probe>,
    kind: Kind,
) -> Option<spec::Probe> {
    let from = from?;
    let handlers = Handlers {
        exec: from.exec,
        http_get: from.http_get,
        tcp_socket: from.tcp_socket,
        grpc: from.grpc,
        sleep: None,
    };
    let handler = handlers.read(object, at, None)?;
    let number = |field: &'static str, value: Option<i32>, default: u32| {
        let value = value.unwrap_or_default();
        match u32::try_from(value) {
            Ok(0) => default,
            Ok(value) => value,
            Err(_) => {
                let detail = "must be greater than or equal to 0";
                object.invalid_number(&at.field(field), value.into(), detail);
                default
            }
        }
    };
    let seconds = |field, value, default| Duration::from_secs(number(field, value, default).into());
    let probe = spec::Probe {
        initial_delay: seconds("initialDelaySeconds", from.initial_delay_seconds, 0),
        timeout: seconds("timeoutSeconds", from.timeout_seconds, 1),
        period: seconds("periodSeconds", from.period_seconds, 10),
        success_threshold: number("successThreshold", from.success_threshold, 1),
        failure_threshold: number("failureThreshold", from.failure_threshold, 3),
        termination_grace_period: grace(object, at, from.termination_grace_period_seconds, kind),
        handler: match handler {
            Handler::Exec(command) => ProbeHandler::Exec(command),
            Handler::HttpGet(get) => ProbeHandler::HttpGet(get),
            Handler::TcpSocket(socket) => ProbeHandler::TcpSocket(socket),
            Handler::Grpc { port, service } => ProbeHandler::Grpc { port, service },
            Handler::Sleep(_) => return None,
        },
    };
    let value = from.success_threshold.unwrap_or_default();
    if kind != Kind::Readiness && !matches!(value, 0 | 1) {
        object.invalid_number(&at.field("successThreshold"), value.into(), "must be 1");
    }
    Some(probe)
}

fn grace(
    object: &Object<'_>,
    at: &Path<'_>,
    seconds: Option<i64>,
    kind: Kind,
) -> Option<GracePeriod> {
    let seconds = seconds?;
    let at = at.field("terminationGracePeriodSeconds");
    if seconds <= 0 {
        object.invalid_number(&at, seconds, "must be greater than 0");
    }
    if kind == Kind::Readiness {
        object.invalid_number(&at, seconds, "must not be set for readinessProbes");
    }
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    Some(GracePeriod { seconds })
}

pub(super) fn lifecycle(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::Lifecycle>,
    around: &Around<'_>,
) -> spec::Lifecycle {
    let Some(from) = from else {
        return spec::Lifecycle::default();
    };
    let hook = |at: &Path<'_>, from: Option<api::LifecycleHandler>| {
        let from = from?;
        let handlers = Handlers {
            exec: from.exec,
            http_get: from.http_get,
            tcp_socket: from.tcp_socket,
            grpc: None,
            sleep: from.sleep,
        };
        match handlers.read(object, at, Some(around.grace_period))? {
            Handler::Exec(command) => Some(Hook::Exec(command)),
            Handler::HttpGet(get) => Some(Hook::HttpGet(get)),
            Handler::TcpSocket(socket) => Some(Hook::TcpSocket(socket)),
            Handler::Sleep(time) => Some(Hook::Sleep(time)),
            Handler::Grpc { .. } => None,
        }
    };
    spec::Lifecycle {
        post_start: hook(&at.field("postStart"), from.post_start),
        pre_stop: hook(&at.field("preStop"), from.pre_stop),
        stop_signal: from
            .stop_signal
            .and_then(|signal| stop_signal(object, &at.field("stopSignal"), &signal, around.os)),
    }
}

/// The same signals under their other names.
const SIGNAL_ALIASES: [(&str, &str); 3] = [
    ("SIGCLD", "SIGCHLD"),
    ("SIGIOT", "SIGABRT"),
    ("SIGPOLL", "SIGIO"),
];

fn stop_signal(object: &Object<'_>, at: &Path<'_>, name: &str, os: Option<&str>) -> Option<Signal> {
    if os.is_none() {
        let detail = "may not be set for containers with empty `spec.os.name`";
        object.forbidden(at, detail);
        return None;
    }
    if name.starts_with("SIGRTM") {
        object.refused(at, "a guest has no real-time signals");
        return None;
    }
    let mut words: Vec<(String, Signal)> = (1..=31)
        .filter_map(Signal::new)
        .map(|signal| (signal.to_string(), signal))
        .collect();
    for (alias, name) in SIGNAL_ALIASES {
        words.extend(name.parse().ok().map(|signal| (alias.to_owned(), signal)));
    }
    words.sort_unstable();
    let words: Vec<(&str, Signal)> = (words.iter())
        .map(|(word, signal)| (word.as_str(), *signal))
        .collect();
    object.word(at, name, &words)
}

/// What probes and hooks can do.
struct Handlers {
    exec: Option<api::ExecAction>,
    http_get: Option<api::HTTPGetAction>,
    tcp_socket: Option<api::TCPSocketAction>,
    grpc: Option<api::GRPCAction>,
    sleep: Option<api::SleepAction>,
}

/// One of them.
enum Handler {
    Exec(Vec<String>),
    HttpGet(HttpGet),
    TcpSocket(spec::TcpSocket),
    Grpc { port: u16, service: String },
    Sleep(Duration),
}

impl Handlers {
    /// Exactly one; the first is read, more are errors.
    fn read(
        self,
        object: &Object<'_>,
        at: &Path<'_>,
        grace: Option<GracePeriod>,
    ) -> Option<Handler> {
        let mut found = None;
        let mut take = |field: &'static str, read: &dyn Fn(&Path<'_>) -> Handler| {
            let at = at.field(field);
            if found.is_some() {
                object.forbidden(&at, "may not specify more than 1 handler type");
            } else {
                found = Some(read(&at));
            }
        };
        if let Some(from) = self.exec {
            take("exec", &|at| exec(object, at, from.command.clone()));
        }
        if let Some(from) = self.http_get {
            take("httpGet", &|at| http_get(object, at, from.clone()));
        }
        if let Some(from) = self.tcp_socket {
            take("tcpSocket", &|at| {
                let port = target_port(object, &at.field("port"), from.port.clone());
                let host = non_empty(from.host.clone());
                Handler::TcpSocket(spec::TcpSocket { host, port })
            });
        }
        if let Some(from) = self.grpc {
            take("grpc", &|at| Handler::Grpc {
                port: port(object, &at.field("port"), from.port),
                service: from.service.clone().unwrap_or_default(),
            });
        }
        if let Some(from) = self.sleep {
            take("sleep", &|at| sleep(object, at, from.seconds, grace));
        }
        if found.is_none() {
            object.required(at, "must specify a handler type");
        }
        found
    }
}

fn exec(object: &Object<'_>, at: &Path<'_>, command: Option<Vec<String>>) -> Handler {
    let command = command.unwrap_or_default();
    if command.is_empty() {
        object.required(&at.field("command"), "");
    }
    Handler::Exec(command)
}

fn http_get(object: &Object<'_>, at: &Path<'_>, from: api::HTTPGetAction) -> Handler {
    let schemes = [("HTTP", Scheme::Http), ("HTTPS", Scheme::Https)];
    let mut headers = Vec::new();
    for header in from.http_headers.unwrap_or_default() {
        if let Some(rule) = names::http_header(&header.name) {
            object.invalid(&at.field("httpHeaders"), &header.name, rule);
        }
        headers.push((header.name, header.value));
    }
    Handler::HttpGet(HttpGet {
        scheme: non_empty(from.scheme)
            .and_then(|word| object.word(&at.field("scheme"), &word, &schemes))
            .unwrap_or_default(),
        host: non_empty(from.host),
        port: target_port(object, &at.field("port"), from.port),
        path: non_empty(from.path).unwrap_or_else(|| "/".to_owned()),
        headers,
    })
}

fn sleep(object: &Object<'_>, at: &Path<'_>, seconds: i64, grace: Option<GracePeriod>) -> Handler {
    let max = grace.unwrap_or_default().seconds;
    match u64::try_from(seconds) {
        Ok(seconds) if seconds <= u64::from(max) => Handler::Sleep(Duration::from_secs(seconds)),
        _ => {
            let rule =
                format!("must be non-negative and less than terminationGracePeriodSeconds ({max})");
            object.invalid_number(at, seconds, rule);
            Handler::Sleep(Duration::ZERO)
        }
    }
}

/// A number from 1 to 65535 or the name of a port.
fn target_port(object: &Object<'_>, at: &Path<'_>, from: IntOrString) -> TargetPort {
    match from {
        IntOrString::Int(number) => TargetPort::Number(port(object, at, number)),
        IntOrString::String(name) => {
            for rule in names::port_name(&name) {
                object.invalid(at, &name, rule);
            }
            TargetPort::Name(name)
        }
    }
}
