//! `sleep`, `usleep`.

use crate::tool::{Options, Ran, Tool};
use std::time::Duration;

pub fn main(_: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "+", &[])?;
    if options.operands.is_empty() {
        return Err("missing operand".to_owned());
    }
    let mut total = Some(Duration::ZERO);
    for operand in &options.operands {
        total = match (total, duration(operand)?) {
            (Some(total), Some(more)) => total.checked_add(more),
            _ => None,
        };
    }
    match total {
        Some(total) => std::thread::sleep(total),
        None => loop {
            std::thread::sleep(Duration::from_secs(1 << 30));
        },
    }
    Ok(0)
}

/// Sleeps for microseconds.
pub fn usleep(_: &mut Tool, arguments: &[String]) -> Ran {
    let text = arguments.get(1).ok_or("missing operand")?;
    let micros = text
        .parse()
        .map_err(|_| format!("invalid number '{text}'"))?;
    std::thread::sleep(Duration::from_micros(micros));
    Ok(0)
}

/// A time such as `1`, `0.5`, `2m` or `1d`; none for ever.
pub fn duration(text: &str) -> Result<Option<Duration>, String> {
    if matches!(text, "infinity" | "inf") {
        return Ok(None);
    }
    let invalid = || format!("invalid number '{text}'");
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        Some((at, 'd')) => (&text[..at], 86400.0),
        _ => (text, 1.0),
    };
    let seconds: f64 = digits.parse().map_err(|_| invalid())?;
    Duration::try_from_secs_f64(seconds * factor)
        .map(Some)
        .map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        for (text, expected) in [
            ("1", Ok(Some(1000))),
            ("0.25", Ok(Some(250))),
            ("2m", Ok(Some(120_000))),
            ("infinity", Ok(None)),
            ("x", Err(())),
            ("-1", Err(())),
            ("", Err(())),
        ] {
            let read = duration(text)
                .map(|time| time.map(|time| time.as_millis()))
                .map_err(drop);
            assert_eq!(read, expected, "{text}");
        }
    }
}
