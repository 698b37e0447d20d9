//! Our own instants, so that traces are equal byte for byte, and the heap of timers guests wait on.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;
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

impl WallTime {
    /// RFC 3339 in UTC with microseconds, as Kubernetes writes the times of leases: `2026-01-02T15:04:05.000000Z`.
    pub fn to_micros(self) -> String {
        let whole = self.to_string();
        let micros = self.0 % 1_000_000_000 / 1000;
        format!("{}.{micros:06}Z", whole.trim_end_matches('Z'))
    }

    /// RFC 3339 in UTC with nanoseconds, as logs have them: `2026-01-02T15:04:05.000000000Z`.
    pub fn to_nanos(self) -> String {
        let whole = self.to_string();
        let nanos = self.0 % 1_000_000_000;
        format!("{}.{nanos:09}Z", whole.trim_end_matches('Z'))
    }
}

/// A text is no time, or one before 1970 or after 2554.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no time like 2026-01-02T15:04:05Z between 1970 and 2554")]
pub struct WallTimeError;

impl FromStr for WallTime {
    type Err = WallTimeError;

    /// RFC 3339 with any fraction of a second and any offset.
    fn from_str(text: &str) -> Result<Self, WallTimeError> {
        parse_rfc_3339(text).map(Self).ok_or(WallTimeError)
    }
}

fn parse_rfc_3339(text: &str) -> Option<u64> {
    let digits = |digits: &str| {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|_| is_number)
    };
    let number = |from: usize, to: usize| digits(text.get(from..to)?);
    let has = |at: usize, byte: u8| text.as_bytes().get(at) == Some(&byte);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_form = has(4, b'-') && has(7, b'-') && has(10, b'T') && has(13, b':') && has(16, b':');
    let is_time = hour < 24 && minute < 60 && second < 60;
    let days = days_from_civil(year, month, day)?;
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("0", rest),
    };
    if !is_form || !is_time || fraction.is_empty() {
        return None;
    }
    let nanos = digits(&format!("{fraction:0<9}")[..9])?;
    let east = match zone.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digits(zone.get(1..3)?)?, digits(zone.get(4..6)?)?);
            let seconds = i64::try_from(hours * 3600 + minutes * 60).ok()?;
            let is_good = hours < 24 && minutes < 60;
            is_good.then_some(if *sign == b'+' { seconds } else { -seconds })?
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    let seconds = seconds.checked_add_signed(-east)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// The other way round, for days there are.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let year_of_march = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let (era, yoe) = (year_of_march / 400, year_of_march % 400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let doy = ((153 * month_from_march + 2) / 5 + day).checked_sub(1)?;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let days = (era * 146_097 + doe).checked_sub(719_468)?;
    (civil_from_days(days) == (year, month, day)).then_some(days)
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
    fn wall_time_reads_rfc_3339() {
        let check = |text: &str, expected: Option<&str>| {
            let read = text.parse::<WallTime>().map(WallTime::to_micros);
            assert_eq!(read.ok().as_deref(), expected, "{text}");
        };
        check("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000000Z"));
        check(
            "2000-02-29T23:59:59.5Z",
            Some("2000-02-29T23:59:59.500000Z"),
        );
        check(
            "2026-01-02T15:04:05.123456789+02:00",
            Some("2026-01-02T13:04:05.123456Z"),
        );
        check(
            "2026-01-02T15:04:05-00:30",
            Some("2026-01-02T15:34:05.000000Z"),
        );
        for wrong in [
            "",
            "2026-01-02",
            "2026-01-02T15:04:05",
            "2026-01-02 15:04:05Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "+026-01-02T15:04:05Z",
            "2026-01-02T15:04:05.Z",
            "2026-01-02T15:04:05+2:00",
            "1969-12-31T23:59:59Z",
            "9999-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-02T15:04:05é",
        ] {
            check(wrong, None);
        }
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
