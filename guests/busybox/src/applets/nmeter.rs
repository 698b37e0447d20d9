//! `nmeter`: a line again and again, with the time in it.

use crate::time::Date;
use crate::tool::{Options, Ran, Tool};
use std::time::Duration;

/// Milliseconds between two lines.
const PAUSE_MS: i64 = 1000;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "+d:", &[])?;
    let [format] = options.operands.as_slice() else {
        return Err("usage: nmeter [-d MSEC] FORMAT_STRING".to_owned());
    };
    let pause = options.number('d')?.unwrap_or(PAUSE_MS);
    let parts = parts(format)?;
    // A carriage return instead of the newline, as `\\r` at the end, overwrites the line.
    let (parts, end) = match parts.split_last() {
        Some((Part::Return, before)) => (before, "\r"),
        _ => (parts.as_slice(), "\n"),
    };
    loop {
        let now = Date::now();
        for part in parts {
            match part {
                Part::Text(text) => tool.print(text),
                Part::Return => tool.print("\r"),
                Part::Time(0) => tool.print(now.format("%H:%M:%S")),
                Part::Time(digits) => {
                    let micros = format!("{:06}", now.nanoseconds / 1000);
                    tool.print(format_args!(
                        "{}.{}",
                        now.format("%H:%M:%S"),
                        &micros[..*digits]
                    ));
                }
            }
        }
        tool.print(end);
        tool.flush();
        if let Ok(pause @ 1..) = u64::try_from(pause) {
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    /// Time of day, with so many digits of its fraction, at most 6.
    Time(usize),
    Return,
}

fn parts(format: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        let part = match c {
            '\\' => match chars.next() {
                Some('r') => Part::Return,
                Some('n') => Part::Text("\n".to_owned()),
                Some(other) => Part::Text(other.to_string()),
                None => Part::Text("\\".to_owned()),
            },
            '%' => match (chars.next(), chars.as_str().starts_with('t')) {
                (Some('%'), _) => Part::Text("%".to_owned()),
                (Some('t'), _) => Part::Time(0),
                (Some(digit @ '0'..='9'), true) => {
                    chars.next();
                    Part::Time((digit.to_digit(10).unwrap_or(0) as usize).min(6))
                }
                // Of the machine's counters a pod shows none.
                _ => return Err("bad format".to_owned()),
            },
            c => {
                text.push(c);
                continue;
            }
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(part);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_formats() {
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(parts("%3t").unwrap(), [Part::Time(3)]);
        assert_eq!(
            parts("at %t%%\\r").unwrap(),
            [text("at "), Part::Time(0), text("%"), Part::Return]
        );
        assert!(parts("%c").is_err());
        assert!(parts("%").is_err());
    }
}
