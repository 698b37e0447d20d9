//! The row of a pod (`printPod`), from its JSON: what a client or another kubelet wrote counts as well.

use super::{age, count, items, name, since, text, text_or};
use crate::server::object;
use seedpod_core::time::WallTime;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, Default)]
struct Restarts<'p> {
    count: i64,
    /// When the last run ended that there was a restart after.
    last: Option<(WallTime, &'p Value)>,
}

impl<'p> Restarts<'p> {
    fn add(&mut self, status: &'p Value) {
        self.count += count(&status["restartCount"]);
        let ended = &status["lastState"]["terminated"]["finishedAt"];
        let at = text(ended).parse().ok();
        let is_later = |at: &WallTime| self.last.is_none_or(|(last, _)| last < *at);
        if let Some(at) = at.filter(is_later) {
            self.last = Some((at, ended));
        }
    }
}

/// What init containers and sidecars say, up to the first that is not done.
#[derive(Debug, Default)]
struct Init<'p> {
    /// What that one says.
    reason: Option<String>,
    ready: usize,
    restarts: Restarts<'p>,
    sidecar_restarts: Restarts<'p>,
}

impl<'p> Init<'p> {
    fn read(pod: &'p Value) -> Self {
        let mut init = Self::default();
        let own = &pod["spec"]["initContainers"];
        let total = items(own).len();
        for (index, status) in items(&pod["status"]["initContainerStatuses"]).enumerate() {
            let mut all = items(own);
            let spec = all.find(|one| one["name"] == status["name"]);
            let is_sidecar = spec.is_some_and(is_sidecar);
            init.restarts.add(status);
            if is_sidecar {
                init.sidecar_restarts.add(status);
            }
            let state = &status["state"];
            let (ended, waiting) = (&state["terminated"], text(&state["waiting"]["reason"]));
            init.reason = Some(match () {
                () if ended.is_object() && count(&ended["exitCode"]) == 0 => continue,
                () if is_sidecar && status["started"] == true => {
                    init.ready += usize::from(status["ready"] == true);
                    continue;
                }
                () if ended.is_object() => format!("Init:{}", ended_reason(ended)),
                () if !matches!(waiting, "" | "PodInitializing") => format!("Init:{waiting}"),
                () => format!("Init:{index}/{total}"),
            });
            break;
        }
        init
    }
}

fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

fn ended_reason(ended: &Value) -> String {
    match (text(&ended["reason"]), count(&ended["signal"])) {
        ("", 0) => format!("ExitCode:{}", count(&ended["exitCode"])),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn has_condition(pod: &Value, wanted: &str) -> bool {
    let mut all = items(&pod["status"]["conditions"]);
    all.any(|one| one["type"] == wanted && one["status"] == "True")
}

fn runs(status: &Value) -> bool {
    status["ready"] == true && status["state"]["running"].is_object()
}

/// Phase, reason, or that nobody may schedule it yet.
fn whole_reason(pod: &Value) -> String {
    let mut conditions = items(&pod["status"]["conditions"]);
    let is_gated =
        conditions.any(|one| one["type"] == "PodScheduled" && one["reason"] == "SchedulingGated");
    let status = &pod["status"];
    match is_gated {
        true => "SchedulingGated".to_owned(),
        false => text_or(&status["reason"], text(&status["phase"])).to_owned(),
    }
}

/// What the first regular container that does not run says.
fn regular_reason(pod: &Value, whole: String) -> String {
    let statuses = items(&pod["status"]["containerStatuses"]);
    let (mut reason, mut failed) = (whole, None);
    for status in statuses.clone().rev() {
        let (waiting, ended) = (
            text(&status["state"]["waiting"]["reason"]),
            &status["state"]["terminated"],
        );
        if !waiting.is_empty() {
            reason = waiting.to_owned();
        } else if ended.is_object() {
            reason = ended_reason(ended);
            if count(&ended["exitCode"]) != 0 {
                failed = Some(reason.clone());
            }
        }
    }
    let has_running = statuses.clone().any(runs);
    match (reason.as_str(), failed) {
        ("Completed", _) if has_running && has_condition(pod, "Ready") => "Running".to_owned(),
        ("Completed", Some(failed)) => failed,
        ("Completed", None) if has_running => "NotReady".to_owned(),
        _ => reason,
    }
}

/// Name, ready, status, restarts, age; wide: IP, node, nominated node, readiness gates.
pub(super) fn cells(pod: &Value, now: WallTime) -> Vec<Value> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let init = Init::read(pod);
    let mut ready = init.ready;
    let mut restarts = init.restarts;
    let is_initializing = init.reason.is_some() && !has_condition(pod, "Initialized");
    let mut reason = init.reason.unwrap_or_else(|| whole_reason(pod));
    if !is_initializing {
        restarts = init.sidecar_restarts;
        items(&status["containerStatuses"]).for_each(|one| restarts.add(one));
        ready += items(&status["containerStatuses"])
            .filter(|one| runs(one))
            .count();
        reason = regular_reason(pod, reason);
    }
    if object::is_deleted(pod) {
        if status["reason"] == "NodeLost" {
            reason = "Unknown".to_owned();
        } else if !matches!(text(&status["phase"]), "Succeeded" | "Failed") {
            reason = "Terminating".to_owned();
        }
    }
    let sidecars = items(&spec["initContainers"]).filter(|one| is_sidecar(one));
    let total = sidecars.count() + items(&spec["containers"]).len();
    let restarts = match restarts.last.filter(|_| restarts.count != 0) {
        Some((_, last)) => format!("{} ({} ago)", restarts.count, since(last, now)),
        None => restarts.count.to_string(),
    };
    let ip = text_or(&status["podIPs"][0]["ip"], "<none>");
    let none_or = |value| text_or(value, "<none>");
    vec![
        name(pod),
        format!("{ready}/{total}").into(),
        reason.into(),
        restarts.into(),
        age(pod, now),
        ip.into(),
        none_or(&spec["nodeName"]).into(),
        none_or(&status["nominatedNodeName"]).into(),
        readiness_gates(pod).into(),
    ]
}

fn readiness_gates(pod: &Value) -> String {
    let gates = items(&pod["spec"]["readinessGates"]);
    if gates.len() == 0 {
        return "<none>".to_owned();
    }
    let is_true = |gate: &&Value| {
        let mut all = items(&pod["status"]["conditions"]);
        let found = all.find(|one| one["type"] == gate["conditionType"]);
        found.is_some_and(|one| one["status"] == "True")
    };
    format!("{}/{}", gates.clone().filter(is_true).count(), gates.len())
}

/// Of a row whose pod has ended.
pub(super) fn conditions(pod: &Value) -> Option<Value> {
    let message = match text(&pod["status"]["phase"]) {
        "Succeeded" => "The pod has completed successfully.",
        "Failed" => "The pod failed.",
        _ => return None,
    };
    Some(json!([{
        "type": "Completed", "status": "True", "reason": pod["status"]["phase"], "message": message,
    }]))
}
