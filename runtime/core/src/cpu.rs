//! CPU limits, as Linux' CFS bandwidth control has them (sched-bwc): so much time in every period of 100 ms.

use crate::time::Instant;
use std::time::Duration;

/// What a group of processes may use. Time that is left at the end of a period is lost; time that one long slice took
/// beyond the quota is owed to the next periods.
#[derive(Clone, Debug)]
pub struct Bandwidth {
    quota: Duration,
    since: Instant,
    /// Number of the period that `left` belongs to.
    period: u64,
    /// Nanoseconds.
    left: i64,
    stat: Stat,
}

/// What `cpu.stat` shows besides the time used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Periods in which somebody ran or wanted to.
    pub periods: u64,
    /// Those in which the quota was used up.
    pub throttled: u64,
    /// For how long nobody could run.
    pub throttled_time: Duration,
}

impl Bandwidth {
    /// `limit_m` in thousandths of a core. The kubelet never asks for less than 1 ms in a period.
    pub fn new(limit_m: u64, now: Instant) -> Self {
        let quota = Duration::from_micros(limit_m.saturating_mul(QUOTA_MICROS_PER_M));
        let quota = quota.clamp(QUOTA_MIN, QUOTA_MAX);
        Self {
            quota,
            since: now,
            period: 0,
            left: nanos(quota),
            stat: Stat {
                periods: 1,
                ..Stat::default()
            },
        }
    }

    /// Another limit from `now` on; what was used of this period stays used.
    pub fn set_limit(&mut self, limit_m: u64, now: Instant) {
        self.refill(now);
        let quota = Self::new(limit_m, now).quota;
        let used = nanos(self.quota).saturating_sub(self.left);
        self.left = nanos(quota).saturating_sub(used);
        self.quota = quota;
    }

    /// How much may be used in a period.
    pub fn quota(&self) -> Duration {
        self.quota
    }

    /// Somebody has run for `time` until `now`.
    pub fn charge(&mut self, now: Instant, time: Duration) {
        self.refill(now);
        let had = self.left;
        self.left = self.left.saturating_sub(nanos(time));
        if let Some(until) = self.exhausted_until()
            && had > 0
        {
            self.stat.throttled += 1;
            self.stat.throttled_time += until.saturating_since(now);
        }
    }

    /// When somebody may run again; `None` for now.
    pub fn throttled_until(&mut self, now: Instant) -> Option<Instant> {
        self.refill(now);
        self.exhausted_until()
    }

    /// Counters at `now`.
    pub fn stat(&self) -> Stat {
        self.stat
    }

    fn exhausted_until(&self) -> Option<Instant> {
        if self.left > 0 {
            return None;
        }
        let periods = self.left.unsigned_abs() / nanos(self.quota).unsigned_abs() + 1;
        let end = (self.period + periods).saturating_mul(nanos(PERIOD).unsigned_abs());
        Some(self.since + Duration::from_nanos(end))
    }

    fn refill(&mut self, now: Instant) {
        let period = now.saturating_since(self.since).as_nanos() / PERIOD.as_nanos();
        let period = u64::try_from(period).unwrap_or(u64::MAX);
        let passed = period.saturating_sub(self.period);
        if passed == 0 {
            return;
        }
        self.period = period;
        self.stat.periods += 1;
        let quota = nanos(self.quota);
        let refill = quota.saturating_mul(i64::try_from(passed).unwrap_or(i64::MAX));
        self.left = self.left.saturating_add(refill).min(quota);
    }
}

/// `cpu.cfs_period_us` of the kubelet.
pub const PERIOD: Duration = Duration::from_millis(100);

/// A thousandth of a core in a period.
const QUOTA_MICROS_PER_M: u64 = 100;

/// The kubelet's `minQuotaPeriod`.
const QUOTA_MIN: Duration = Duration::from_millis(1);

/// More cores than any machine has.
const QUOTA_MAX: Duration = Duration::from_secs(1000);

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    /// Runs slices of these milliseconds one after the other, as soon as each may; when they ended.
    fn ends(limit_m: u64, slices: &[u64]) -> Vec<u64> {
        let mut bandwidth = Bandwidth::new(limit_m, at(0));
        let mut now = at(0);
        let run = |slice: &u64| {
            now = bandwidth.throttled_until(now).unwrap_or(now) + Duration::from_millis(*slice);
            bandwidth.charge(now, Duration::from_millis(*slice));
            now.as_nanos() / 1_000_000
        };
        slices.iter().map(run).collect()
    }

    #[test]
    fn a_quota_is_for_one_period() {
        assert_eq!(ends(200, &[10, 10, 10, 10, 10]), [10, 20, 110, 120, 210]);
        assert_eq!(ends(1000, &[60, 60, 60]), [60, 120, 180]);
        assert_eq!(ends(4000, &[90, 90, 90]), [90, 180, 270]);
    }

    #[test]
    fn what_was_too_much_is_owed() {
        assert_eq!(ends(100, &[35, 5, 10, 1]), [35, 305, 410, 501]);
    }

    #[test]
    fn what_is_left_is_lost() {
        let mut bandwidth = Bandwidth::new(100, at(0));
        assert_eq!(bandwidth.throttled_until(at(5_000)), None);
        bandwidth.charge(at(5_010), Duration::from_millis(10));
        assert_eq!(bandwidth.throttled_until(at(5_010)), Some(at(5_100)));
        assert_eq!(bandwidth.throttled_until(at(5_100)), None);
        let stat = bandwidth.stat();
        assert_eq!(
            (stat.throttled, stat.throttled_time),
            (1, Duration::from_millis(90))
        );
    }

    #[test]
    fn less_than_a_millisecond_is_rounded_up() {
        assert_eq!(Bandwidth::new(1, at(0)).quota(), Duration::from_millis(1));
        assert_eq!(
            Bandwidth::new(250, at(0)).quota(),
            Duration::from_millis(25)
        );
        assert!(Bandwidth::new(u64::MAX, at(0)).quota() > PERIOD);
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_the_share(
            limit_m in 1_u64..2000,
            slices in prop::collection::vec(0_u64..50_000, 1..200),
        ) {
            let mut bandwidth = Bandwidth::new(limit_m, at(0));
            let (mut now, mut used) = (at(0), Duration::ZERO);
            for slice in slices {
                let slice = Duration::from_micros(slice);
                now = bandwidth.throttled_until(now).unwrap_or(now);
                prop_assert_eq!(bandwidth.throttled_until(now), None);
                now += slice;
                used += slice;
                bandwidth.charge(now, slice);
            }
            let periods = now.as_nanos() / nanos(PERIOD).unsigned_abs() + 1;
            let most = bandwidth.quota() * u32::try_from(periods).unwrap() + Duration::from_millis(50);
            prop_assert!(used <= most, "{used:?} of {most:?}");
        }
    }
}
