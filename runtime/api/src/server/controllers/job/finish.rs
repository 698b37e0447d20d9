//! When a Job has come to its end.

use super::policy::{fail_message, success_message};
use super::{Sync, int};
use crate::server::controllers::conditions::{condition, is_true};
use crate::server::controllers::pods::phase;
use crate::server::controllers::times::{seconds, time};
use serde_json::{Value, json};

/// How a Job ends. First it has a condition that says where it is going, then, when its pods are gone and counted, one
/// that says that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finish {
    pub(super) is_success: bool,
    pub(super) reason: String,
    pub(super) message: String,
}

impl Finish {
    pub(super) fn success() -> Self {
        Self {
            is_success: true,
            reason: "CompletionsReached".to_owned(),
            message: "Reached expected number of succeeded pods".to_owned(),
        }
    }

    fn failure(reason: &str, message: &str) -> Self {
        Self {
            is_success: false,
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }

    /// Type of the first condition.
    pub(super) fn target(&self) -> &'static str {
        match self.is_success {
            true => "SuccessCriteriaMet",
            false => "FailureTarget",
        }
    }

    /// Type of the last condition.
    pub(super) fn end(&self) -> &'static str {
        match self.is_success {
            true => "Complete",
            false => "Failed",
        }
    }

    /// The condition of this type.
    pub(super) fn condition(&self, kind: &str, now: &str) -> Value {
        json!({
            "type": kind, "status": "True", "reason": self.reason, "message": self.message,
            "lastProbeTime": now, "lastTransitionTime": now,
        })
    }

    fn of_status(status: &Value) -> Option<Self> {
        let kind = ["SuccessCriteriaMet", "FailureTarget"]
            .into_iter()
            .find(|kind| is_true(status, kind))?;
        let condition = condition(status, kind)?;
        let text = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
        Some(Self {
            is_success: kind == "SuccessCriteriaMet",
            reason: text("reason"),
            message: text("message"),
        })
    }
}

impl Sync<'_> {
    /// Whether the Job ends, by what is known before its pods are looked after.
    pub(super) fn judge(&mut self) {
        let finish = Finish::of_status(&self.job["status"])
            .or_else(|| self.policy_failure())
            .or_else(|| self.limit_failure())
            .or_else(|| self.index_failure())
            .or_else(|| self.policy_success());
        self.finish = finish;
    }

    fn policy_failure(&self) -> Option<Finish> {
        let policy = &self.spec()["podFailurePolicy"];
        let mut failed = self.pods.iter().filter(|pod| self.is_failed(pod));
        let message = failed.find_map(|pod| fail_message(policy, pod))?;
        Some(Finish::failure("PodFailurePolicy", &message))
    }

    fn limit_failure(&mut self) -> Option<Finish> {
        let limit = int(&self.spec()["backoffLimit"]);
        if self.failed > limit || self.has_restarted(limit) {
            let message = "Job has reached the specified backoff limit";
            return Some(Finish::failure("BackoffLimitExceeded", message));
        }
        let deadline = seconds(&self.spec()["activeDeadlineSeconds"])?;
        let started = time(&self.job["status"]["startTime"])?;
        if self.is_suspended() {
            return None;
        }
        match self.server.time_until(started, deadline) {
            Some(left) => {
                self.look_again_in(left);
                None
            }
            None => {
                let message = "Job was active longer than specified deadline";
                Some(Finish::failure("DeadlineExceeded", message))
            }
        }
    }

    /// Whether containers that are restarted in their pods were so too often.
    fn has_restarted(&self, limit: i64) -> bool {
        if self.spec()["template"]["spec"]["restartPolicy"] != "OnFailure" {
            return false;
        }
        let running = self.pods.iter();
        let running = running.filter(|pod| matches!(phase(pod), "Running" | "Pending"));
        let lists = ["initContainerStatuses", "containerStatuses"];
        let statuses = running.flat_map(|pod| lists.map(|list| pod["status"][list].as_array()));
        let statuses = statuses.flatten().flatten();
        let restarts: i64 = statuses.map(|status| int(&status["restartCount"])).sum();
        restarts >= limit.max(1)
    }

    fn index_failure(&self) -> Option<Finish> {
        let failed = self.failed_indexes.as_ref()?.len();
        let most = self.spec()["maxFailedIndexes"].as_i64();
        if most.is_some_and(|most| failed > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(Finish::failure("MaxFailedIndexesExceeded", message));
        }
        let is_over = failed + self.succeeded_indexes.len() >= self.completions()?;
        let is_failure = failed > 0 && is_over;
        is_failure.then(|| Finish::failure("FailedIndexes", "Job has failed indexes"))
    }

    fn policy_success(&self) -> Option<Finish> {
        let policy = &self.spec()["successPolicy"];
        let message = success_message(policy, self.completions()?, &self.succeeded_indexes)?;
        Some(Finish {
            is_success: true,
            reason: "SuccessPolicy".to_owned(),
            message,
        })
    }
}
