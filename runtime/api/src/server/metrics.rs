//! metrics.k8s.io: what pods and the node use right now, as metrics-server tells `kubectl top`.

use super::error::ApiError;
use super::kinds::{items, pod::is_over};
use super::registry::{NODE_METRICS, NODES, POD_METRICS, PODS};
use super::request::{Answer, Request, ResourceTarget, Response};
use super::verbs::selector::Selector;
use super::{Server, object};
use crate::quantity::Quantity;
use http::StatusCode;
use seedpod_core::time::{Instant, WallTime};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Reads the meters of pods that run.
pub trait Meters: Send + Sync {
    /// What the containers of the pod with this uid have used so far. Nothing of one that does not run.
    fn usage(&self, uid: &str) -> Vec<ContainerUsage>;
}

/// What one container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Its name.
    pub container: String,
    /// CPU time since it started.
    pub cpu: Duration,
    /// Bytes of memory that it has now.
    pub memory_bytes: u64,
}

/// What was read before: how much CPU time goes by is seen between two readings.
#[derive(Debug, Default)]
pub(crate) struct Readings(BTreeMap<String, Reading>);

#[derive(Debug)]
struct Reading {
    at: Instant,
    usage: Vec<ContainerUsage>,
}

/// How long a reading is the one that the next ones are compared with (metrics-server `--metric-resolution`).
const RESOLUTION: Duration = Duration::from_secs(15);

/// Whether a request is about measured things.
pub(crate) fn is_meant(target: &ResourceTarget) -> bool {
    *target.resource == POD_METRICS || *target.resource == NODE_METRICS
}

/// Answers a request about them.
///
/// # Errors
/// When there is no such pod or node, or nothing is known of it yet.
pub(crate) fn answer(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    let body = match &target.name {
        Some(name) => one(server, target, name)?,
        None => {
            let selector = Selector::of_request(request, target.resource)?;
            let selected = about(server, target, Some(&selector));
            let measured = selected
                .iter()
                .filter_map(|one| measure(server, target, one));
            let items: Vec<Value> = measured.collect();
            json!({
                "kind": format!("{}List", target.resource.kind),
                "apiVersion": target.resource.api_version(), "metadata": {}, "items": items,
            })
        }
    };
    forget(server);
    Ok(Answer::Response(Response::json(StatusCode::OK, &body)))
}

fn one(server: &mut Server, target: &ResourceTarget, name: &str) -> Result<Value, ApiError> {
    let found = about(server, target, None).into_iter();
    let mut found = found.filter(|one| object::name(one) == name);
    let measured = found.next().and_then(|one| measure(server, target, &one));
    let mut measured = measured.ok_or_else(|| ApiError::not_found(target.resource, name))?;
    measured["kind"] = target.resource.kind.into();
    measured["apiVersion"] = target.resource.api_version().into();
    Ok(measured)
}

/// The pods or nodes that are meant.
fn about(server: &Server, target: &ResourceTarget, selector: Option<&Selector>) -> Vec<Value> {
    let (resource, namespace) = match *target.resource == POD_METRICS {
        true => (&PODS, target.namespace.as_deref()),
        false => (&NODES, None),
    };
    let all = server.store.list(resource.name(), namespace);
    let selected = all.filter(|(key, stored)| {
        selector.is_none_or(|selector| selector.selects_stored(key, &stored.value))
    });
    selected
        .map(|(_, stored)| object::decode(&stored.value))
        .collect()
}

fn measure(server: &mut Server, target: &ResourceTarget, one: &Value) -> Option<Value> {
    let mut measured = json!({
        "metadata": {"name": object::name(one), "creationTimestamp": server.now.wall.to_string()},
        "timestamp": server.now.wall.to_string(),
    });
    if one["metadata"]["labels"].is_object() {
        measured["metadata"]["labels"] = one["metadata"]["labels"].clone();
    }
    if *target.resource == NODE_METRICS {
        let (mut cpu, mut memory) = (0_u64, 0_u64);
        for pod in server.objects(&PODS, None) {
            for (_, usage) in rates(server, &pod).unwrap_or_default().1 {
                cpu = cpu.saturating_add(usage.0);
                memory = memory.saturating_add(usage.1);
            }
        }
        measured["window"] = "15s".into();
        measured["usage"] = usage((cpu, memory));
        return Some(measured);
    }
    let (window, containers) = rates(server, one)?;
    let containers = containers
        .into_iter()
        .map(|(name, amounts)| json!({"name": name, "usage": usage(amounts)}));
    measured["metadata"]["namespace"] = object::namespace(one).into();
    measured["window"] = seedpod_core::pod::go_duration(window).into();
    measured["containers"] = containers.collect();
    Some(measured)
}

/// Billionths of a processor, and bytes.
type Amounts = (u64, u64);

/// What the containers of a pod use, and the span in which that was seen; `None` of one that does not run.
fn rates(server: &mut Server, pod: &Value) -> Option<(Duration, Vec<(String, Amounts)>)> {
    let uid = object::uid(pod);
    let meters = server.meters.clone().filter(|_| !is_over(pod))?;
    let usage = meters.usage(uid);
    if usage.is_empty() {
        return None;
    }
    let now = server.now;
    let readings = &mut server.readings.0;
    let before = readings.get(uid);
    let mut window = Duration::ZERO;
    let mut rates = Vec::new();
    for one in &usage {
        let known = before.and_then(|before| {
            let mut known = before.usage.iter();
            let known = known.find(|known| known.container == one.container)?;
            // A container that has started again begins anew.
            let used = one.cpu.checked_sub(known.cpu)?;
            Some((now.instant.saturating_since(before.at), used))
        });
        let known = known.filter(|(span, _)| *span >= Duration::from_secs(1));
        let (span, used) = known.unwrap_or_else(|| (running_for(pod, one, now.wall), one.cpu));
        let span_nanos = span.as_nanos().max(1);
        let rate = used.as_nanos().saturating_mul(1_000_000_000) / span_nanos;
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        rates.push((one.container.clone(), (rate, one.memory_bytes)));
        window = window.max(span);
    }
    let is_old = before.is_none_or(|before| now.instant.saturating_since(before.at) >= RESOLUTION);
    if is_old {
        let at = now.instant;
        readings.insert(uid.to_owned(), Reading { at, usage });
    }
    Some((Duration::from_secs(window.as_secs().max(1)), rates))
}

fn running_for(pod: &Value, usage: &ContainerUsage, now: WallTime) -> Duration {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let mut all = lists.iter().flat_map(|list| items(&pod["status"][*list]));
    let own = all.find(|status| status["name"] == usage.container.as_str());
    let started = own.and_then(|own| own["state"]["running"]["startedAt"].as_str());
    let started = started.and_then(|text| text.parse::<WallTime>().ok());
    let nanos = started.map_or(0, |started| {
        now.as_unix_nanos().saturating_sub(started.as_unix_nanos())
    });
    Duration::from_nanos(nanos).max(usage.cpu)
}

fn usage((cpu_nanos, memory_bytes): Amounts) -> Value {
    json!({
        "cpu": Quantity::canonical(&format!("{cpu_nanos}n")).unwrap_or_default(),
        "memory": format!("{}Ki", memory_bytes.div_ceil(1024)),
    })
}

/// Readings of pods that are gone.
fn forget(server: &mut Server) {
    let there = server.objects(&PODS, None);
    let there: std::collections::BTreeSet<&str> = there.iter().map(object::uid).collect();
    server
        .readings
        .0
        .retain(|uid, _| there.contains(uid.as_str()));
}
