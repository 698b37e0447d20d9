//! Probes, hooks, and rules for restarts.

use super::{GracePeriod, TargetPort};
use crate::process::Signal;
use std::time::Duration;

/// A probe, with Kubernetes' defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is done.
    pub handler: ProbeHandler,
    /// Time from the start of the container to the first run; 0 by default.
    pub initial_delay: Duration,
    /// Time between runs; 10 s by default, at least 1 s.
    pub period: Duration,
    /// Time after which a run has failed; 1 s by default.
    pub timeout: Duration,
    /// Successes in a row that count as one; 1 by default.
    pub success_threshold: u32,
    /// Failures in a row that count as one; 3 by default.
    pub failure_threshold: u32,
    /// Instead of the pod's, when a failed liveness or startup probe ends the container.
    pub termination_grace_period: Option<GracePeriod>,
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeHandler {
    /// Runs a command in the container: 0 is success.
    Exec(Vec<String>),
    /// Asks over HTTP: 200 to 399 is success.
    HttpGet(HttpGet),
    /// Connects.
    TcpSocket(TcpSocket),
    /// Asks `grpc.health.v1.Health/Check`: SERVING is success.
    Grpc {
        /// Port of the pod.
        port: u16,
        /// `service` of the request; empty by default.
        service: String,
    },
}

/// `httpGet` of a probe or hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGet {
    /// HTTP by default.
    pub scheme: Scheme,
    /// Where to; the pod's address when `None`.
    pub host: Option<String>,
    /// A number, or the name of a port of the same container.
    pub port: TargetPort,
    /// Path and query; `/` by default.
    pub path: String,
    /// Further headers, in order.
    pub headers: Vec<(String, String)>,
}

/// `scheme` of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `HTTP`
    #[default]
    Http,
    /// `HTTPS`, the certificate is not verified.
    Https,
}

/// `tcpSocket` of a probe or hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// Where to; the pod's address when `None`.
    pub host: Option<String>,
    /// A number, or the name of a port of the same container.
    pub port: TargetPort,
}

/// `lifecycle` of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Runs right after the start; the next container waits for it.
    pub post_start: Option<Hook>,
    /// Runs before the stop signal, inside the grace period.
    pub pre_stop: Option<Hook>,
    /// Instead of the image's stop signal.
    pub stop_signal: Option<Signal>,
}

/// What a hook does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Runs a command in the container.
    Exec(Vec<String>),
    /// Asks over HTTP; any answer is success.
    HttpGet(HttpGet),
    /// Passes validation and always fails (kubelet: `invalid handler`).
    TcpSocket(TcpSocket),
    /// Waits.
    Sleep(Duration),
}

/// One entry of `restartPolicyRules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartRule {
    /// What happens.
    pub action: RestartAction,
    /// Whether the codes match when they are in `values`, or when they are not.
    pub operator: ExitCodesOperator,
    /// Exit codes, at most 255.
    pub values: Vec<i32>,
}

impl RestartRule {
    /// Whether the rule is for this exit code.
    pub fn matches(&self, code: i32) -> bool {
        let contains = self.values.contains(&code);
        match self.operator {
            ExitCodesOperator::In => contains,
            ExitCodesOperator::NotIn => !contains,
        }
    }
}

/// `action` of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartAction {
    /// The container starts again.
    Restart,
    /// All containers of the pod start again, init containers first.
    RestartAllContainers,
}

/// `exitCodes.operator` of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCodesOperator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
}
