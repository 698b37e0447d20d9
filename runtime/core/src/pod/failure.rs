//! Why the node ends a pod, or does not take it (kubelet `active_deadline.go`, `eviction_manager.go`,
//! `lifecycle/predicate.go`, `sysctl/allowlist.go`).

use super::event::{Action, EventReason, EventType};
use super::status::{Condition, ConditionType, Phase, PodReason};
use super::{Identity, Life, Pod};
use crate::spec::{self, GracePeriod};
use crate::time::Instant;

/// `reason` and `message` of a pod that failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodFailure {
    pub(super) reason: PodReason,
    pub(super) message: String,
}

/// What `os.name` and the label `kubernetes.io/os` have to say.
const NODE_OS: &str = "linux";
/// Go's name of the processor, which `kubernetes.io/arch` shows.
const NODE_ARCH: &str = "wasm";

/// The labels of the node, for `nodeSelector`.
pub fn node_labels(node_name: &str) -> [(&'static str, &str); 5] {
    [
        ("beta.kubernetes.io/arch", NODE_ARCH),
        ("beta.kubernetes.io/os", NODE_OS),
        ("kubernetes.io/arch", NODE_ARCH),
        ("kubernetes.io/hostname", node_name),
        ("kubernetes.io/os", NODE_OS),
    ]
}

/// Whether the node takes the pod.
pub(super) fn admit(spec: &spec::Pod, identity: &Identity) -> Result<(), PodFailure> {
    let reject = |reason, message: &str| {
        let message = message.to_owned();
        Err(PodFailure { reason, message })
    };
    let labelled = spec.meta.labels.get("kubernetes.io/os");
    if labelled.is_some_and(|os| os != NODE_OS) {
        let message =
            "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
        return reject(PodReason::PodOSSelectorNodeLabelDoesNotMatch, message);
    }
    if spec.os.as_deref().is_some_and(|os| os != NODE_OS) {
        let message = "Failed to admit pod as the OS field doesn't match node OS";
        return reject(PodReason::PodOSNotSupported, message);
    }
    let labels = node_labels(&identity.node_name);
    let has = |(name, value): (&String, &String)| labels.contains(&(name.as_str(), value.as_str()));
    if !spec.node_selector.iter().all(has) {
        let message =
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
        return reject(PodReason::NodeAffinity, message);
    }
    for (name, _) in &spec.sysctls {
        if let Err(message) = check_sysctl(name, spec.host_network) {
            return reject(PodReason::SysctlForbidden, &message);
        }
    }
    Ok(())
}

/// The kernel parameters that Kubernetes calls safe.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

fn check_sysctl(name: &str, host_network: bool) -> Result<(), String> {
    let name = name.replace('/', ".");
    if !SAFE_SYSCTLS.contains(&name.as_str()) {
        return Err(format!("forbidden sysctl: {name:?} not allowlisted"));
    }
    if host_network && name.starts_with("net.") {
        return Err(format!(
            "forbidden sysctl: {name:?} not allowed with host Net enabled"
        ));
    }
    Ok(())
}

impl Pod {
    /// Such a pod has no containers, and of the conditions only that of the scheduler.
    pub(super) fn reject(&mut self, failure: PodFailure) {
        let PodFailure { reason, message } = failure;
        let event = match reason {
            PodReason::DeadlineExceeded => EventReason::DeadlineExceeded,
            PodReason::Evicted => EventReason::Evicted,
            PodReason::PodOSNotSupported => EventReason::PodOSNotSupported,
            PodReason::PodOSSelectorNodeLabelDoesNotMatch => {
                EventReason::PodOSSelectorNodeLabelDoesNotMatch
            }
            PodReason::NodeAffinity => EventReason::NodeAffinity,
            PodReason::SysctlForbidden => EventReason::SysctlForbidden,
        };
        self.outbox
            .emit(EventType::Warning, event, message.clone(), None);
        self.life = Life::Rejected;
        self.admission.handle_finished();
        self.status.phase = Phase::Failed;
        self.status.reason = Some(reason);
        self.status.message = Some(format!("Pod was rejected: {message}"));
        self.status.conditions = vec![Condition {
            type_: ConditionType::PodScheduled,
            status: true,
            reason: None,
            message: None,
            last_transition: self.status.start_time,
        }];
        self.outbox.act(Action::StatusChanged);
        self.outbox.act(Action::RemoveSandbox);
    }

    /// `activeDeadlineSeconds` has passed.
    pub(super) fn exceed_deadline(&mut self, now: Instant) {
        let reason = EventReason::DeadlineExceeded;
        self.outbox
            .emit(EventType::Normal, reason, DEADLINE_MESSAGE, None);
        self.failure = Some(PodFailure {
            reason: PodReason::DeadlineExceeded,
            message: DEADLINE_MESSAGE.to_owned(),
        });
        self.terminate(self.spec.termination_grace_period, now);
    }

    /// Also hurries a pod that ends already.
    pub(super) fn handle_evict(&mut self, message: String, now: Instant) {
        let was_evicted = |failure: &PodFailure| failure.reason == PodReason::Evicted;
        if self.is_finished() || self.failure.as_ref().is_some_and(was_evicted) {
            return;
        }
        let reason = EventReason::Evicted;
        self.outbox
            .emit(EventType::Warning, reason, message.clone(), None);
        self.failure = Some(PodFailure {
            reason: PodReason::Evicted,
            message,
        });
        match &mut self.life {
            Life::Active => self.terminate(EVICTION_GRACE, now),
            Life::Terminating => self.shorten_stops(EVICTION_GRACE, now),
            Life::Finished | Life::Rejected => {}
        }
    }
}

const DEADLINE_MESSAGE: &str = "Pod was active on the node longer than the specified deadline";
/// Kubelet's `immediateEvictionGracePeriodSeconds`.
const EVICTION_GRACE: GracePeriod = GracePeriod { seconds: 1 };
