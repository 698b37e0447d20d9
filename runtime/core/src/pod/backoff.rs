//! How long something that failed waits until it is tried again: client-go's `flowcontrol.Backoff` for one key.

use crate::time::Instant;
use std::time::Duration;

/// Delays of one container or one image: 10 s, 20 s, 40 s … up to 5 min.
///
/// The delay of one failure is decided at the attempt before it, so the first failure of a container costs nothing:
/// `attempt` when it is tried again, then `until` says how long the failure after that has to wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    entry: Option<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    delay: Duration,
    updated: Instant,
}

impl Backoff {
    /// When the wait for a failure at `failed` is over; `None` if there is none.
    pub(super) fn until(&self, failed: Instant) -> Option<Instant> {
        let entry = self.entry.filter(|entry| !entry.is_forgotten(failed))?;
        Some(failed + entry.delay)
    }

    /// When the wait since the last [`attempt`](Self::attempt) is over.
    pub(super) fn until_since_attempt(&self) -> Option<Instant> {
        self.entry.and_then(|entry| self.until(entry.updated))
    }

    /// Counts one more attempt at `now`, after a failure at `failed`.
    pub(super) fn attempt(&mut self, failed: Instant, now: Instant) {
        let delay = match self.entry.filter(|entry| !entry.is_forgotten(failed)) {
            Some(entry) => (entry.delay * 2).min(DELAY_MAX),
            None => DELAY_MIN,
        };
        self.entry = Some(Entry {
            delay,
            updated: now,
        });
    }

    /// The delay as it stands.
    pub(super) fn delay(&self) -> Duration {
        self.entry.map_or(Duration::ZERO, |entry| entry.delay)
    }
}

impl Entry {
    fn is_forgotten(&self, failed: Instant) -> bool {
        failed.saturating_since(self.updated) > RESET_AFTER
    }
}

const DELAY_MIN: Duration = Duration::from_secs(10);
const DELAY_MAX: Duration = Duration::from_secs(300);
/// Twice the maximum without a failure: what failed before is forgotten.
const RESET_AFTER: Duration = Duration::from_secs(600);

/// How soon the kubelet looks again at a pod that could not be brought up (`backOffPeriod`).
pub(super) const SYNC_PERIOD: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_immediate_then_delays_double_up_to_the_maximum() {
        assert_eq!(delays_s(&[1; 9]), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn a_run_of_more_than_ten_minutes_is_a_new_beginning() {
        assert_eq!(delays_s(&[1, 1, 1, 600, 1]), [0, 10, 20, 40, 80]);
        assert_eq!(delays_s(&[1, 1, 1, 601, 1]), [0, 10, 20, 0, 10]);
    }

    fn delays_s(runs_s: &[u64]) -> Vec<u64> {
        let mut backoff = Backoff::default();
        let mut now = Instant::ZERO;
        let delay = |run_s| {
            let failed = now + Duration::from_secs(run_s);
            now = backoff.until(failed).unwrap_or(failed);
            backoff.attempt(failed, now);
            (now - failed).as_secs()
        };
        runs_s.iter().copied().map(delay).collect()
    }
}
