//! Our own instants, so that traces are equal byte for byte, and the heap of timers guests wait on.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::task::Waker;
use std::time::Duration;

/// Nanoseconds since the world began: the start of the host process, or zero in a simulation.
///
/// The clock that a guest sees as `wasi:clocks/monotonic-clock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// When the world began.
    pub const ZERO: Self = Self(0);

    /// The instant `nanos` nanoseconds after the world began.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the world began.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`, zero when `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates after 584 years.
    fn add(self, delay: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, delay: Duration) {
        *self = *self + delay;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// # Panics
    /// When `earlier` is later than `self`: time never runs backwards.
    fn sub(self, earlier: Self) -> Duration {
        assert!(earlier <= self, "{earlier} is after {self}");
        Duration::from_nanos(self.0 - earlier.0)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:09}s",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000
        )
    }
}

/// A point on the calendar, in nanoseconds since 1970-01-01T00:00:00Z without leap seconds.
///
/// The world knows one wall time at its beginning; every other follows from an [`Instant`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

impl WallTime {
    /// The wall time `nanos` nanoseconds after 1970.
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn as_unix_nanos(self) -> u64 {
        self.0
    }

    /// The wall time at `now`, when `self` is that of [`Instant::ZERO`].
    pub const fn at(self, now: Instant) -> Self {
        Self(self.0.saturating_add(now.as_nanos()))
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339 in UTC with whole seconds, as Kubernetes writes times: `2026-01-02T15:04:05Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000_000;
        let (day, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Days since 1970 to year, month and day (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    (yoe + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

/// Wakers in order of the instant they wait for; the first registered is the first woken at equal instants.
#[derive(Debug, Default)]
pub struct Timers {
    waiting: BTreeMap<(Instant, TimerId), Waker>,
    next_id: u64,
}

/// Names one registration in [`Timers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId(u64);

impl Timers {
    /// Calls `waker` once time has reached `deadline`.
    pub fn register(&mut self, deadline: Instant, waker: Waker) -> TimerId {
        let id = TimerId(self.next_id);
        self.next_id += 1;
        self.waiting.insert((deadline, id), waker);
        id
    }

    /// Replaces the waker of a registration; registers again if it has fired.
    pub fn update(&mut self, deadline: Instant, id: TimerId, waker: &Waker) {
        match self.waiting.get_mut(&(deadline, id)) {
            Some(old) => old.clone_from(waker),
            None => {
                self.waiting.insert((deadline, id), waker.clone());
            }
        }
    }

    /// Forgets a registration; nothing happens if it has fired.
    pub fn cancel(&mut self, deadline: Instant, id: TimerId) {
        self.waiting.remove(&(deadline, id));
    }

    /// The earliest deadline.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(deadline, _)| *deadline)
    }

    /// Wakes everything that waits for `now` or earlier.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 > now {
                break;
            }
            entry.remove().wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_rfc_3339() {
        let check = |seconds: u64, text: &str| {
            assert_eq!(
                WallTime::from_unix_nanos(seconds * 1_000_000_000).to_string(),
                text
            );
        };
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_767_366_245, "2026-01-02T15:04:05Z");
    }

    #[test]
    fn timers_fire_at_their_deadline_and_not_before() {
        let mut timers = Timers::default();
        let (early, late) = (Instant::from_nanos(5), Instant::from_nanos(9));
        timers.register(late, Waker::noop().clone());
        let id = timers.register(early, Waker::noop().clone());
        assert_eq!(timers.poll_timeout(), Some(early));
        timers.handle_timeout(Instant::from_nanos(4));
        assert_eq!(timers.poll_timeout(), Some(early));
        timers.handle_timeout(early);
        assert_eq!(timers.poll_timeout(), Some(late));
        timers.cancel(early, id);
        timers.handle_timeout(late);
        assert_eq!(timers.poll_timeout(), None);
    }
}
