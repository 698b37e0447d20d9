//! Dates: the calendar in UTC, and `strftime`.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    pub nanoseconds: u32,
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    /// 0 is Sunday.
    pub weekday: u32,
    /// 1 to 366.
    pub day_of_year: u32,
}

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY_S: i64 = 86_400;

/// Days since the epoch of a date in the Gregorian calendar.
fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl Date {
    pub fn new(seconds: i64, nanoseconds: u32) -> Self {
        let (day_count, second_of_day) =
            (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S) as u32);
        let shifted = day_count + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = (if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        }) as u32;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            seconds,
            nanoseconds,
            year,
            month,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            weekday: (day_count + 4).rem_euclid(7) as u32,
            day_of_year: (day_count - days(year, 1, 1) + 1) as u32,
        }
    }

    pub fn now() -> Self {
        Self::from_system(SystemTime::now())
    }

    pub fn from_system(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self::new(
                i64::try_from(since.as_secs()).unwrap_or(i64::MAX / 2),
                since.subsec_nanos(),
            ),
            Err(before) => Self::new(-i64::try_from(before.duration().as_secs()).unwrap_or(0), 0),
        }
    }

    /// None if there is no such date.
    pub fn from_parts(
        year: i64,
        month: u32,
        day: u32,
        hour: u32,
        minute: u32,
        second: u32,
    ) -> Option<Self> {
        if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let seconds =
            days(year, month, day) * DAY_S + i64::from(hour * 3600 + minute * 60 + second);
        Some(Self::new(seconds, 0)).filter(|date| date.month == month)
    }

    /// `date` as `strftime` prints it.
    pub fn format(&self, format: &str) -> String {
        let mut output = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                output.push(c);
                continue;
            }
            let Some(mut letter) = chars.next() else {
                output.push('%');
                break;
            };
            let padding = if matches!(letter, '-' | '_') {
                Some(letter)
            } else {
                None
            };
            if padding.is_some() {
                letter = chars.next().unwrap_or('%');
            }
            let piece = self.field(letter);
            match padding {
                None => output.push_str(&piece),
                Some(padding) => {
                    let bare = piece.trim_start_matches(['0', ' ']);
                    let bare = if bare.is_empty() { "0" } else { bare };
                    let width = if padding == '_' {
                        piece.chars().count()
                    } else {
                        0
                    };
                    output.push_str(&format!("{bare:>width$}"));
                }
            }
        }
        output
    }

    fn field(&self, letter: char) -> String {
        let weekday = WEEKDAYS[self.weekday as usize];
        let month = MONTHS[self.month as usize - 1];
        let hour12 = match self.hour % 12 {
            0 => 12,
            hour => hour,
        };
        match letter {
            'a' => weekday[..3].to_owned(),
            'A' => weekday.to_owned(),
            'b' | 'h' => month[..3].to_owned(),
            'B' => month.to_owned(),
            'c' => self.format("%a %b %e %H:%M:%S %Y"),
            'C' => format!("{:02}", self.year.div_euclid(100)),
            'd' => format!("{:02}", self.day),
            'D' | 'x' => self.format("%m/%d/%y"),
            'e' => format!("{:2}", self.day),
            'F' => self.format("%Y-%m-%d"),
            'g' => format!("{:02}", self.iso_week().0.rem_euclid(100)),
            'G' => self.iso_week().0.to_string(),
            'H' => format!("{:02}", self.hour),
            'I' => format!("{hour12:02}"),
            'j' => format!("{:03}", self.day_of_year),
            'k' => format!("{:2}", self.hour),
            'l' => format!("{hour12:2}"),
            'm' => format!("{:02}", self.month),
            'M' => format!("{:02}", self.minute),
            'n' => "\n".to_owned(),
            'N' => format!("{:09}", self.nanoseconds),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'P' => if self.hour < 12 { "am" } else { "pm" }.to_owned(),
            'r' => self.format("%I:%M:%S %p"),
            'R' => self.format("%H:%M"),
            's' => self.seconds.to_string(),
            'S' => format!("{:02}", self.second),
            't' => "\t".to_owned(),
            'T' | 'X' => self.format("%H:%M:%S"),
            'u' => if self.weekday == 0 { 7 } else { self.weekday }.to_string(),
            'U' => format!("{:02}", (self.day_of_year + 6 - self.weekday) / 7),
            'V' => format!("{:02}", self.iso_week().1),
            'w' => self.weekday.to_string(),
            'W' => format!("{:02}", (self.day_of_year + 6 - (self.weekday + 6) % 7) / 7),
            'y' => format!("{:02}", self.year.rem_euclid(100)),
            'Y' => self.year.to_string(),
            'z' => "+0000".to_owned(),
            'Z' => "UTC".to_owned(),
            '%' => "%".to_owned(),
            other => format!("%{other}"),
        }
    }

    /// Year and week of ISO 8601: that of the week's Thursday.
    fn iso_week(&self) -> (i64, u32) {
        let monday_based = i64::from((self.weekday + 6) % 7);
        let thursday = Self::new(self.seconds + (3 - monday_based) * DAY_S, 0);
        (thursday.year, (thursday.day_of_year - 1) / 7 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_strftime() {
        for (seconds, format, expected) in [
            (
                1_503_686_166,
                "%a %b %e %H:%M:%S %Z %Y",
                "Fri Aug 25 18:36:06 UTC 2017",
            ),
            (1_503_686_166, "%F_%H-%M-%S", "2017-08-25_18-36-06"),
            (0, "%F %T %s %u %j", "1970-01-01 00:00:00 0 4 001"),
            (-1, "%F %T", "1969-12-31 23:59:59"),
            (951_782_400, "%F %A %B", "2000-02-29 Tuesday February"),
            (1_230_768_000, "%G-%V %U %W", "2009-01 00 00"),
            (
                1_503_686_166,
                "%I:%M %p %-d %_m %D %%",
                "06:36 PM 25  8 08/25/17 %",
            ),
            (0, "%", "%"),
        ] {
            assert_eq!(Date::new(seconds, 0).format(format), expected);
        }
    }

    #[test]
    fn goes_both_ways() {
        for seconds in (-4_000_000_000_i64..8_000_000_000).step_by(7_654_321) {
            let date = Date::new(seconds, 0);
            let back = Date::from_parts(
                date.year,
                date.month,
                date.day,
                date.hour,
                date.minute,
                date.second,
            );
            assert_eq!(back, Some(date));
        }
        assert_eq!(Date::from_parts(2023, 2, 29, 0, 0, 0), None);
    }
}
