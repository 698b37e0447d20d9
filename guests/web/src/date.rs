//! Times as HTTP, logs and directory listings write them, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_S: i64 = 86_400;

/// A time broken into what a calendar and a clock show.
pub struct Civil {
    pub year: i64,
    /// From 1.
    pub month: usize,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    weekday: usize,
}

impl Civil {
    /// Breaks up seconds since the Unix epoch (days to civil date after Howard Hinnant).
    pub fn of(seconds: i64) -> Civil {
        let days = seconds.div_euclid(DAY_S);
        let second = seconds.rem_euclid(DAY_S);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_shifted = (5 * day_of_year + 2) / 153;
        let month = if month_shifted < 10 {
            month_shifted + 3
        } else {
            month_shifted - 9
        };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as usize,
            day: day_of_year - (153 * month_shifted + 2) / 5 + 1,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: days.rem_euclid(7) as usize,
        }
    }

    fn month_name(&self) -> &'static str {
        MONTHS[self.month - 1]
    }
}

/// Seconds since the Unix epoch; 0 for anything before it.
pub fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs() as i64
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub fn http(seconds: i64) -> String {
    let at = Civil::of(seconds);
    format!(
        "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
        WEEKDAYS[at.weekday],
        at.day,
        at.month_name(),
        at.year,
        at.hour,
        at.minute,
        at.second
    )
}

/// `06/Nov/1994:08:49:37 +0000`
pub fn log(time: SystemTime) -> String {
    let at = Civil::of(seconds(time));
    format!(
        "{:02}/{}/{}:{:02}:{:02}:{:02} +0000",
        at.day,
        at.month_name(),
        at.year,
        at.hour,
        at.minute,
        at.second
    )
}

/// `1994/11/06 08:49:37`, as nginx' error log writes it.
pub fn error_log(time: SystemTime) -> String {
    let at = Civil::of(seconds(time));
    format!(
        "{}/{:02}/{:02} {:02}:{:02}:{:02}",
        at.year, at.month, at.day, at.hour, at.minute, at.second
    )
}

/// `1994-11-06T08:49:37+00:00`
pub fn iso8601(time: SystemTime) -> String {
    let at = Civil::of(seconds(time));
    format!(
        "{}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00",
        at.year, at.month, at.day, at.hour, at.minute, at.second
    )
}

/// `06-Nov-1994 08:49`, as nginx' directory listing writes it.
pub fn listing(seconds: i64) -> String {
    let at = Civil::of(seconds);
    format!(
        "{:02}-{}-{} {:02}:{:02}",
        at.day,
        at.month_name(),
        at.year,
        at.hour,
        at.minute
    )
}

/// Reads the form of [`http`]. Older forms of the standard are not accepted.
pub fn parse_http(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let month_name = words.next()?;
    let month = MONTHS.iter().position(|&known| known == month_name)? as i64 + 1;
    let year: i64 = words
        .next()?
        .parse()
        .ok()
        .filter(|year| (1970..10_000).contains(year))?;
    let mut clock = words
        .next()?
        .split(':')
        .map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..61).contains(&second)
        || !(1..32).contains(&day)
    {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    (words.next() == Some("GMT")).then_some(days * DAY_S + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_agree_with_the_calendar() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ];
        for (seconds, text) in cases {
            assert_eq!(http(seconds), text);
            assert_eq!(parse_http(text), Some(seconds), "of {text:?}");
        }
        for wrong in [
            "",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
        ] {
            assert_eq!(parse_http(wrong), None, "of {wrong:?}");
        }
        assert_eq!(
            log(UNIX_EPOCH + Duration::from_secs(784_111_777)),
            "06/Nov/1994:08:49:37 +0000"
        );
    }
}
