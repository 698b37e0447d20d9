//! Durations, counts and rates with a lower and an upper bound: `100ms`, `1s..20s`, `-2s..2s`, `0..3`, `1%`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRangeError {
    /// No duration.
    #[error("{0:?} is no duration; write one such as 250us, 100ms, 1.5s, 2m or 1h")]
    Duration(String),
    /// A duration below zero where there can be none.
    #[error("{0} is negative")]
    Negative(String),
    /// No count.
    #[error("{0:?} is no whole number from 0 to 4294967295")]
    Count(String),
    /// No rate.
    #[error("{0:?} is no rate; write a percentage from 0% to 100% or a number from 0 to 1")]
    Rate(String),
    /// The bounds are the wrong way round.
    #[error("{min} is more than {max}; write the smaller bound first")]
    Backwards {
        /// As written.
        min: String,
        /// As written.
        max: String,
    },
}

/// From `min` to `max`, both included. One duration alone is both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationRange {
    /// At least.
    pub min: Duration,
    /// At most.
    pub max: Duration,
}

/// A time that may lie before the one it is added to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset {
    /// Nanoseconds, below zero for earlier.
    pub nanos: i64,
}

/// From `min` to `max`, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffsetRange {
    /// At least.
    pub min: Offset,
    /// At most.
    pub max: Offset,
}

/// From `min` to `max`, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountRange {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

/// How often something happens, of a million times that it could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    /// 0 to 1,000,000.
    pub per_million: u32,
}

impl DurationRange {
    /// Exactly this.
    pub const fn exactly(duration: Duration) -> Self {
        Self {
            min: duration,
            max: duration,
        }
    }
}

impl CountRange {
    /// Exactly this.
    pub const fn exactly(count: u32) -> Self {
        Self {
            min: count,
            max: count,
        }
    }
}

impl Rate {
    /// Every time.
    pub const ALWAYS: Self = Self {
        per_million: 1_000_000,
    };
    /// Never.
    pub const NEVER: Self = Self { per_million: 0 };
}

/// Reads a duration as Go writes it: numbers with units, `1m30s`, `1.5s`, `250us`, `0`.
///
/// # Errors
/// When it is none, is below zero, or longer than 292 years.
pub fn parse_duration(text: &str) -> Result<Duration, ParseRangeError> {
    let offset: Offset = text.parse()?;
    let nanos =
        u64::try_from(offset.nanos).map_err(|_| ParseRangeError::Negative(text.to_owned()))?;
    Ok(Duration::from_nanos(nanos))
}

const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl FromStr for Offset {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let wrong = || ParseRangeError::Duration(text.to_owned());
        let trimmed = text.trim();
        let (negative, mut rest) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut nanos: u64 = 0;
        while !rest.is_empty() {
            let (part, after) = leading_part(rest).ok_or_else(wrong)?;
            nanos = nanos.checked_add(part).ok_or_else(wrong)?;
            rest = after;
        }
        let nanos = i64::try_from(nanos).map_err(|_| wrong())?;
        Ok(Self {
            nanos: if negative { -nanos } else { nanos },
        })
    }
}

/// The nanoseconds of a number and its unit, and what stands behind them.
fn leading_part(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, rest) = text.split_at(end);
    let unit_end = rest
        .find(|letter: char| letter.is_ascii_digit() || letter == '.')
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut nanos = match whole {
        "" => 0,
        _ => whole.parse::<u64>().ok()?.checked_mul(*scale)?,
    };
    let mut digit_scale = *scale;
    for digit in fraction.chars() {
        digit_scale /= 10;
        nanos = nanos.checked_add(u64::from(digit.to_digit(10)?) * digit_scale)?;
    }
    Some((nanos, rest))
}

/// The two sides of `a..b`, or the same text twice.
fn bounds(text: &str) -> (&str, &str) {
    match text.split_once("..") {
        Some((min, max)) => (min.trim(), max.trim()),
        None => (text.trim(), text.trim()),
    }
}

fn ordered<T: PartialOrd>(text: &str, min: T, max: T) -> Result<(T, T), ParseRangeError> {
    if min <= max {
        return Ok((min, max));
    }
    let (min, max) = bounds(text);
    Err(ParseRangeError::Backwards {
        min: min.to_owned(),
        max: max.to_owned(),
    })
}

impl FromStr for DurationRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let (min, max) = bounds(text);
        let (min, max) = ordered(text, parse_duration(min)?, parse_duration(max)?)?;
        Ok(Self { min, max })
    }
}

impl FromStr for OffsetRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let (min, max) = bounds(text);
        let (min, max) = ordered(text, min.parse()?, max.parse()?)?;
        Ok(Self { min, max })
    }
}

impl FromStr for CountRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let count = |part: &str| {
            let wrong = |_| ParseRangeError::Count(part.to_owned());
            part.parse::<u32>().map_err(wrong)
        };
        let (min, max) = bounds(text);
        let (min, max) = ordered(text, count(min)?, count(max)?)?;
        Ok(Self { min, max })
    }
}

impl FromStr for Rate {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, ParseRangeError> {
        let wrong = || ParseRangeError::Rate(text.to_owned());
        let (number, whole) = match text.trim().strip_suffix('%') {
            Some(number) => (number.trim(), 100.0),
            None => (text.trim(), 1.0),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        if !(0.0..=whole).contains(&number) {
            return Err(wrong());
        }
        Ok(Self {
            per_million: (number / whole * 1e6).round() as u32,
        })
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.nanos < 0 { "-" } else { "" };
        write!(
            f,
            "{sign}{:?}",
            Duration::from_nanos(self.nanos.unsigned_abs())
        )
    }
}

impl fmt::Display for DurationRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.min == self.max {
            true => write!(f, "{:?}", self.min),
            false => write!(f, "{:?}..{:?}", self.min, self.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        let check = |text: &str, nanos: i64| {
            assert_eq!(text.parse(), Ok(Offset { nanos }), "{text}");
        };
        check("0", 0);
        check("0s", 0);
        check("250us", 250_000);
        check("100ms", 100_000_000);
        check("1.5s", 1_500_000_000);
        check("1m30s", 90_000_000_000);
        check("-2s", -2_000_000_000);
        check(".5ms", 500_000);
        for wrong in [
            "",
            "5",
            "s",
            "1x",
            "1s2",
            ".s",
            "1..2s",
            "99999999999h",
            "-",
            "é",
        ] {
            assert!(wrong.parse::<Offset>().is_err(), "{wrong}");
        }
        assert_eq!(
            parse_duration("-1s").unwrap_err().to_string(),
            "-1s is negative"
        );
    }

    #[test]
    fn ranges_have_two_ends() {
        let range: DurationRange = "1s..20s".parse().unwrap();
        assert_eq!((range.min.as_secs(), range.max.as_secs()), (1, 20));
        assert_eq!(range.to_string(), "1s..20s");
        let range: DurationRange = "100ms".parse().unwrap();
        assert_eq!(range, DurationRange::exactly(Duration::from_millis(100)));
        let range: OffsetRange = "-2s..2s".parse().unwrap();
        assert_eq!(
            (range.min.to_string(), range.max.to_string()),
            ("-2s".into(), "2s".into())
        );
        assert_eq!("0..3".parse(), Ok(CountRange { min: 0, max: 3 }));
        assert_eq!("2".parse(), Ok(CountRange::exactly(2)));
        assert_eq!(
            "3..1".parse::<CountRange>().unwrap_err().to_string(),
            "3 is more than 1; write the smaller bound first"
        );
        assert_eq!(
            "2s..1s".parse::<DurationRange>().unwrap_err().to_string(),
            "2s is more than 1s; write the smaller bound first"
        );
    }

    #[test]
    fn rates_are_percentages_or_fractions() {
        let check = |text: &str, per_million: u32| {
            assert_eq!(text.parse(), Ok(Rate { per_million }), "{text}");
        };
        check("1%", 10_000);
        check("100%", 1_000_000);
        check("0.25", 250_000);
        check("0", 0);
        for wrong in ["101%", "2", "-1%", "x", "NaN"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
