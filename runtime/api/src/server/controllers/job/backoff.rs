//! How long a Job waits after pods have failed: 10 s, twice as long each time, 10 min at most.

use super::Sync;
use crate::server::controllers::conditions::condition;
use crate::server::controllers::pods::phase;
use crate::server::controllers::times::{seconds, time};
use seedpod_core::time::WallTime;
use serde_json::Value;
use std::time::Duration;

const DELAY_MIN: Duration = Duration::from_secs(10);
const DELAY_MAX: Duration = Duration::from_secs(600);

/// When a pod ended: when the last of its containers did; or it was ready last; or was asked to end.
pub(super) fn finished_at(pod: &Value) -> Option<WallTime> {
    of_containers(pod)
        .or_else(|| {
            let ready = condition(&pod["status"], "Ready")?;
            time(&ready["lastTransitionTime"]).filter(|_| ready["status"] == "False")
        })
        .or_else(|| {
            let deleted = time(&pod["metadata"]["deletionTimestamp"])?;
            let grace = seconds(&pod["metadata"]["deletionGracePeriodSeconds"]);
            let grace = u64::try_from(grace.unwrap_or_default().as_nanos()).ok()?;
            let nanos = deleted.as_unix_nanos().saturating_sub(grace);
            Some(WallTime::from_unix_nanos(nanos))
        })
        .or_else(|| time(&pod["metadata"]["creationTimestamp"]))
}

fn of_containers(pod: &Value) -> Option<WallTime> {
    let statuses = pod["status"]["containerStatuses"].as_array()?;
    let times = statuses.iter();
    let times = times.map(|status| time(&status["state"]["terminated"]["finishedAt"]));
    let times: Option<Vec<_>> = times.collect();
    times?.into_iter().max()
}

impl Sync<'_> {
    /// How long no pod shall be made yet: by those that have failed since the last that succeeded.
    pub(super) fn backoff(&self) -> Option<Duration> {
        let ended = |pod: &&Value| phase(pod) == "Succeeded";
        let success = self.pods.iter().filter(ended).filter_map(finished_at).max();
        let failures = self.pods.iter().filter(|pod| self.is_failed(pod));
        let failures = failures.filter_map(finished_at);
        let failures = failures.filter(|at| success.is_none_or(|success| *at > success));
        let failures: Vec<WallTime> = failures.collect();
        self.delay_after(failures.len(), failures.into_iter().max()?)
    }

    /// What is left of the delay after so many failures, of which the last was then.
    pub(super) fn delay_after(&self, failures: usize, last: WallTime) -> Option<Duration> {
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let delay = DELAY_MIN.saturating_mul(2_u32.saturating_pow(doublings));
        self.server.time_until(last, delay.min(DELAY_MAX))
    }

    /// Has the Job looked at again after this time, or sooner.
    pub(super) fn look_again_in(&mut self, delay: Duration) {
        self.again = Some(self.again.map_or(delay, |again| again.min(delay)));
    }
}
