//! `date`.

use crate::files::Stat;
use crate::time::Date;
use crate::tool::{Options, Ran, Tool};

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "uRI::d:D:r:s:",
        &[
            ("utc", 'u'),
            ("date", 'd'),
            ("reference", 'r'),
            ("rfc-2822", 'R'),
        ],
    );
    let options = options?;
    if options.has('s') {
        return Err("can't set date: Operation not permitted".to_owned());
    }
    let date = match (options.value('d'), options.value('r')) {
        (Some(text), _) => parse(text).ok_or_else(|| format!("invalid date '{text}'"))?,
        (None, Some(path)) => {
            let stat = Stat::read(path, true)
                .map_err(|error| format!("{path}: {}", super::reason(&error)))?;
            Date::new(stat.modified_s, stat.modified_ns)
        }
        (None, None) => Date::now(),
    };
    let format = match options.operands.as_slice() {
        [] if options.has('R') => "%a, %d %b %Y %H:%M:%S %z",
        [] if options.has('I') => match options.value('I') {
            Some("seconds") => "%Y-%m-%dT%H:%M:%S%z",
            Some("minutes") => "%Y-%m-%dT%H:%M%z",
            Some("hours") => "%Y-%m-%dT%H%z",
            _ => "%Y-%m-%d",
        },
        [] => "%a %b %e %H:%M:%S %Z %Y",
        [format] if format.starts_with('+') => &format[1..],
        [operand, ..] => return Err(format!("invalid date '{operand}'")),
    };
    tool.line(date.format(format));
    Ok(0)
}

/// `@seconds`, `YYYY-MM-DD[ T]hh:mm[:ss]`, `hh:mm[:ss]`, `MMDDhhmm[[YY]YY][.ss]` and a few words.
pub fn parse(text: &str) -> Option<Date> {
    let now = Date::now();
    match text {
        "now" => return Some(now),
        "yesterday" => return Some(Date::new(now.seconds - 86_400, 0)),
        "tomorrow" => return Some(Date::new(now.seconds + 86_400, 0)),
        _ => {}
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds
            .parse()
            .ok()
            .filter(|seconds: &i64| seconds.unsigned_abs() < 1 << 40)
            .map(|s| Date::new(s, 0));
    }
    let numbers = |text: &str, separator: char| -> Option<Vec<u32>> {
        text.split(separator)
            .map(|number| number.parse().ok())
            .collect()
    };
    let clock = |text: &str| -> Option<(u32, u32, u32)> {
        match numbers(text.trim_end_matches('Z').split('.').next()?, ':')?.as_slice() {
            [hour, minute] => Some((*hour, *minute, 0)),
            [hour, minute, second] => Some((*hour, *minute, *second)),
            _ => None,
        }
    };
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (Some(day), Some(time)),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    if let (Some(day), None) = (day, time)
        && let Some(date) = compact(day, now.year)
    {
        return Some(date);
    }
    let (hour, minute, second) = time.map_or(Some((0, 0, 0)), clock)?;
    let day = day.map_or(Some(vec![now.year as u32, now.month, now.day]), |day| {
        numbers(day, '-')
    })?;
    let [year, month, day] = day.as_slice() else {
        return None;
    };
    Date::from_parts(i64::from(*year), *month, *day, hour, minute, second)
}

fn compact(text: &str, year: i64) -> Option<Date> {
    let (digits, second) = text.split_once('.').unwrap_or((text, "0"));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize| digits.get(from..from + 2)?.parse::<u32>().ok();
    let year = match digits.len() {
        8 => year,
        10 => 2000 + i64::from(number(8)?),
        12 => i64::from(number(8)? * 100 + number(10)?),
        _ => return None,
    };
    Date::from_parts(
        year,
        number(0)?,
        number(2)?,
        number(4)?,
        number(6)?,
        second.parse().ok()?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates() {
        for (text, expected) in [
            ("@86400", Some("1970-01-02 00:00:00")),
            ("2024-02-29 12:30", Some("2024-02-29 12:30:00")),
            ("2024-02-29T12:30:05Z", Some("2024-02-29 12:30:05")),
            ("2024-02-29", Some("2024-02-29 00:00:00")),
            ("022912302024.07", Some("2024-02-29 12:30:07")),
            ("2023-02-29", None),
            ("soon", None),
            ("é", None),
        ] {
            assert_eq!(
                parse(text).map(|date| date.format("%F %T")).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
