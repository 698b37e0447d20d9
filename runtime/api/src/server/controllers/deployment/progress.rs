//! The status of a Deployment, and whether it makes progress.

use super::{MANAGER, PROGRESSING, Rollout, UPDATED};
use crate::server::controllers::conditions::{
    Condition, condition, push_condition, remove_condition, set_condition,
};
use crate::server::controllers::pods::int;
use crate::server::controllers::times::{seconds, time};
use crate::server::error::ApiError;
use crate::server::object;
use serde_json::{Value, json};
use std::time::Duration;

const AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const FAILURE: &str = "ReplicaFailure";

/// Whether all pods are of the newest template and available, and there are no others.
pub(super) fn is_complete(deployment: &Value, status: &Value) -> bool {
    let replicas = int(&deployment["spec"]["replicas"]);
    let counts = ["updatedReplicas", "replicas", "availableReplicas"];
    counts.iter().all(|name| int(&status[*name]) == replicas)
        && int(&status["observedGeneration"]) >= int(&deployment["metadata"]["generation"])
}

/// Whether there are more new pods, fewer old ones, or more that are ready or available than before.
fn is_progressing(old: &Value, new: &Value) -> bool {
    let count = |status: &Value, name: &str| int(&status[name]);
    let outdated = |status: &Value| count(status, "replicas") - count(status, "updatedReplicas");
    let more = ["updatedReplicas", "readyReplicas", "availableReplicas"];
    more.iter().any(|name| count(new, name) > count(old, name)) || outdated(new) < outdated(old)
}

impl Rollout<'_> {
    /// Writes the status, of a Deployment that is paused, scaled or about to go.
    pub(super) fn sync_status(&mut self) -> Result<Option<Duration>, ApiError> {
        let status = self.status();
        MANAGER.update_status(self.server, &self.deployment, status)?;
        Ok(None)
    }

    /// Writes the status, with what can be said about progress. When to look again whether there is any.
    pub(super) fn sync_rollout_status(&mut self) -> Result<Option<Duration>, ApiError> {
        let mut status = self.status();
        let current = condition(&self.deployment["status"], PROGRESSING).cloned();
        let reason = |condition: &Option<Value>| {
            let condition = condition.as_ref();
            condition.and_then(|condition| condition["reason"].as_str().map(str::to_owned))
        };
        let was_available = reason(&current).as_deref() == Some(AVAILABLE);
        let is_done = int(&status["replicas"]) == int(&status["updatedReplicas"]) && was_available;
        if !self.has_progress_deadline() {
            remove_condition(&mut status, PROGRESSING);
        } else if !is_done {
            self.estimate(&mut status, current);
        }
        match self.failure() {
            Some(failure) => {
                remove_condition(&mut status, FAILURE);
                push_condition(&mut status, failure);
            }
            None => remove_condition(&mut status, FAILURE),
        }
        let current = condition(&status, PROGRESSING).cloned();
        let is_open = !is_complete(&self.deployment, &status)
            && reason(&current).as_deref() != Some(TIMED_OUT);
        MANAGER.update_status(self.server, &self.deployment, status)?;
        let current = current.filter(|_| is_open && self.has_progress_deadline());
        Ok(current.map(|current| {
            let left = self.time_left(&current).unwrap_or_default();
            // Times are written without fractions.
            left + Duration::from_secs(1)
        }))
    }

    fn estimate(&self, status: &mut Value, current: Option<Value>) {
        let (kind, name) = match self.newest() {
            Some(newest) => ("ReplicaSet", object::name(newest)),
            None => ("Deployment", object::name(&self.deployment)),
        };
        let (state, reason, what) = if is_complete(&self.deployment, status) {
            ("True", AVAILABLE, "has successfully progressed")
        } else if is_progressing(&self.deployment["status"], status) {
            ("True", "ReplicaSetUpdated", "is progressing")
        } else if self.is_timed_out(current.as_ref()) {
            ("False", TIMED_OUT, "has timed out progressing")
        } else {
            return;
        };
        let now = self.server.wall();
        let new = Condition {
            kind: PROGRESSING,
            status: state,
            reason,
            message: format!("{kind} {name:?} {what}."),
        };
        if reason != "ReplicaSetUpdated" {
            set_condition(status, &new, UPDATED, &now);
            return;
        }
        // Every progress counts from now, even if it is one more of the same.
        remove_condition(status, PROGRESSING);
        set_condition(status, &new, UPDATED, &now);
        let was_true = current.filter(|current| current["status"] == "True");
        let conditions = status
            .pointer_mut("/conditions")
            .and_then(Value::as_array_mut);
        if let (Some(current), Some(new)) = (was_true, conditions.and_then(|all| all.last_mut())) {
            new["lastTransitionTime"] = current["lastTransitionTime"].clone();
        }
    }

    fn is_timed_out(&self, current: Option<&Value>) -> bool {
        match current {
            None => false,
            Some(current) if current["reason"] == AVAILABLE => false,
            Some(current) if current["reason"] == TIMED_OUT => true,
            Some(current) => self.time_left(current).is_none(),
        }
    }

    fn time_left(&self, current: &Value) -> Option<Duration> {
        let deadline = seconds(&self.spec()["progressDeadlineSeconds"])?;
        self.server
            .time_until(time(&current["lastUpdateTime"])?, deadline)
    }

    /// Why pods cannot be made or deleted, of the newest ReplicaSet or of any.
    fn failure(&self) -> Option<Value> {
        let newest = self.newest().into_iter();
        let mut conditions = newest
            .chain(&self.sets)
            .filter_map(|set| condition(&set["status"], FAILURE));
        let mut failure = conditions.next()?.clone();
        failure["lastUpdateTime"] = failure["lastTransitionTime"].clone();
        Some(failure)
    }

    fn status(&self) -> Value {
        let sum = |name: &str| -> i64 {
            let counts = self.sets.iter().map(|set| int(&set["status"][name]));
            counts.sum()
        };
        let available = sum("availableReplicas");
        let updated = self
            .newest()
            .map_or(0, |newest| int(&newest["status"]["replicas"]));
        let mut status = json!({
            "observedGeneration": self.deployment["metadata"]["generation"],
            "terminatingReplicas": sum("terminatingReplicas"),
        });
        let counts = [
            ("replicas", sum("replicas")),
            ("updatedReplicas", updated),
            ("readyReplicas", sum("readyReplicas")),
            ("availableReplicas", available),
            (
                "unavailableReplicas",
                (self.total_wanted() - available).max(0),
            ),
        ];
        for (name, number) in counts.into_iter().filter(|(_, number)| *number > 0) {
            status[name] = number.into();
        }
        for name in ["collisionCount", "conditions"] {
            let value = &self.deployment["status"][name];
            if !value.is_null() {
                status[name] = value.clone();
            }
        }
        let has_enough = available >= self.replicas() - self.max_unavailable();
        let (state, reason, message) = match has_enough {
            true => (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            ),
            false => (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            ),
        };
        let condition = Condition {
            kind: "Available",
            status: state,
            reason,
            message: message.to_owned(),
        };
        set_condition(&mut status, &condition, UPDATED, &self.server.wall());
        status
    }
}
