//! Which pods go first when there are too many: `controller.ActivePodsWithRanks`.

use super::{is_ready, phase, ready_condition};
use crate::server::controllers::times::time;
use crate::server::object;
use seedpod_core::time::WallTime;
use serde_json::Value;

/// What makes a pod go sooner than others; the smallest goes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_assigned: bool,
    phase: u8,
    is_ready: bool,
    deletion_cost: i64,
    /// The longer ready, the later; in powers of two, so that pods of about the same age go by chance.
    ready_for: i64,
    /// The more restarts, the sooner: negative. Of sidecars after those of containers.
    restarts: (i64, i64),
    /// The older, the later, in the same way.
    age: i64,
    /// That is the chance.
    uid: String,
}

/// Sorts pods so that those come first that shall go first.
pub(in crate::server::controllers) fn sort_for_deletion(pods: &mut [Value], now: WallTime) {
    pods.sort_by_cached_key(|pod| rank(pod, now));
}

fn rank(pod: &Value, now: WallTime) -> Rank {
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    let cost = &pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"];
    let cost = cost.as_str().and_then(|text| text.parse().ok());
    let ready = ready_condition(pod).map(|ready| &ready["lastTransitionTime"]);
    Rank {
        is_assigned: !node.is_empty(),
        phase: match phase(pod) {
            "Running" => 2,
            "Unknown" => 1,
            _ => 0,
        },
        is_ready: is_ready(pod),
        deletion_cost: cost.unwrap_or_default(),
        ready_for: ready.map_or(-1, |since| magnitude(since, now)),
        restarts: restarts(pod),
        age: magnitude(&pod["metadata"]["creationTimestamp"], now),
        uid: object::uid(pod).to_owned(),
    }
}

/// The power of two of the time since then; -1 when it is now, or there is none.
fn magnitude(since: &Value, now: WallTime) -> i64 {
    let since = time(since).unwrap_or(now);
    let nanos = now.as_unix_nanos().saturating_sub(since.as_unix_nanos());
    nanos.checked_ilog2().map_or(-1, i64::from)
}

fn restarts(pod: &Value) -> (i64, i64) {
    let most = |statuses: &Value, is_counted: &dyn Fn(&Value) -> bool| {
        let statuses = statuses.as_array().into_iter().flatten();
        let counted = statuses.filter(|status| is_counted(status));
        let counts = counted.filter_map(|status| status["restartCount"].as_i64());
        counts.max().unwrap_or_default()
    };
    let init = pod["spec"]["initContainers"].as_array();
    let is_sidecar = |status: &Value| {
        let mut containers = init.into_iter().flatten();
        containers.any(|container| {
            container["name"] == status["name"] && container["restartPolicy"] == "Always"
        })
    };
    let status = &pod["status"];
    (
        -most(&status["containerStatuses"], &|_| true),
        -most(&status["initContainerStatuses"], &is_sidecar),
    )
}
