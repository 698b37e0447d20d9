//! Waiting for what pods show.

use super::{Cluster, Event, container_of, is_true, waiting_reason};
use seedpod::status::{ConditionType, Phase, Status};
use std::time::Duration;

impl Cluster {
    /// Waits until the pod shows such a status, and returns it.
    ///
    /// # Panics
    /// When it does not within `seconds`.
    pub fn wait(
        &mut self,
        pod: &str,
        seconds: u64,
        mut wanted: impl FnMut(&Status) -> bool,
    ) -> Status {
        self.read_records();
        let mut next = self.seen(pod).statuses.len().saturating_sub(1);
        let mut found = None;
        self.advance(Duration::from_secs(seconds), |cluster| {
            for (_, status) in &cluster.seen(pod).statuses[next..] {
                next += 1;
                if wanted(status) {
                    found = Some(status.clone());
                    return true;
                }
            }
            false
        });
        match found {
            Some(status) => status,
            None => panic!("waited for {seconds} s in vain\n{}", self.describe(pod)),
        }
    }

    /// `Consistently`: every status the pod shows in this time is such a one, the present one included.
    ///
    /// # Panics
    /// When one is not.
    pub fn hold(&mut self, pod: &str, seconds: u64, mut wanted: impl FnMut(&Status) -> bool) {
        self.read_records();
        let mut next = self.seen(pod).statuses.len().saturating_sub(1);
        let broken = self.advance(Duration::from_secs(seconds), |cluster| {
            let new = &cluster.seen(pod).statuses[next..];
            next += new.len();
            new.iter().any(|(_, status)| !wanted(status))
        });
        assert!(!broken, "did not stay so\n{}", self.describe(pod));
    }

    /// Waits for phase Running.
    pub fn wait_for_running(&mut self, pod: &str, seconds: u64) -> Status {
        let status = self.wait(pod, seconds, |status| {
            status.phase == Phase::Running || status.phase.is_terminal()
        });
        assert_eq!(status.phase, Phase::Running, "{}", self.describe(pod));
        status
    }

    /// Waits for the condition Ready.
    pub fn wait_for_ready(&mut self, pod: &str, seconds: u64) -> Status {
        self.wait(pod, seconds, |status| is_true(status, ConditionType::Ready))
    }

    /// Waits for phase Succeeded.
    ///
    /// # Panics
    /// When the pod fails instead.
    pub fn wait_for_success(&mut self, pod: &str, seconds: u64) -> Status {
        let status = self.wait(pod, seconds, |status| status.phase.is_terminal());
        assert_eq!(status.phase, Phase::Succeeded, "{}", self.describe(pod));
        status
    }

    /// Waits for phase Failed.
    ///
    /// # Panics
    /// When the pod succeeds instead.
    pub fn wait_for_failure(&mut self, pod: &str, seconds: u64) -> Status {
        let status = self.wait(pod, seconds, |status| status.phase.is_terminal());
        assert_eq!(status.phase, Phase::Failed, "{}", self.describe(pod));
        status
    }

    /// Waits until one container waits for this reason.
    pub fn wait_for_waiting(&mut self, pod: &str, container: &str, reason: &str, seconds: u64) {
        self.wait(pod, seconds, |status| {
            waiting_reason(container_of(status, container)).as_deref() == Some(reason)
        });
    }

    /// Waits until a pod that was deleted is gone.
    ///
    /// # Panics
    /// When it stays.
    pub fn wait_for_not_found(&mut self, pod: &str, seconds: u64) {
        let gone = self.advance(Duration::from_secs(seconds), |cluster| !cluster.exists(pod));
        assert!(gone, "still there\n{}", self.describe(pod));
    }

    /// Waits for an event of this reason whose message contains this.
    ///
    /// # Panics
    /// When none comes.
    pub fn wait_for_event(
        &mut self,
        pod: &str,
        reason: &str,
        message: &str,
        seconds: u64,
    ) -> Event {
        let mut found = None;
        self.advance(Duration::from_secs(seconds), |cluster| {
            let events = &cluster.seen(pod).events;
            found = events
                .iter()
                .find(|event| event.reason == reason && event.message.contains(message))
                .cloned();
            found.is_some()
        });
        found.unwrap_or_else(|| panic!("no event {reason} {message:?}\n{}", self.describe(pod)))
    }
}
