//! How nginx reads numbers, sizes, times and switches.

use std::time::Duration;

/// `on` or `off`.
pub fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A decimal number without a sign.
pub fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// Bytes: a number with an optional `k`, `m` or `g`.
pub fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 10),
        b'm' | b'M' => (&text[..text.len() - 1], 20),
        b'g' | b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number(digits)?.checked_mul(1 << shift)
}

/// Longest time that is taken as written; longer ones are errors.
const TIME_MAX: Duration = Duration::from_secs(68 * 365 * 24 * 3600);

/// A time such as `65`, `30s`, `1h 30m` or `500ms`; a number alone is seconds.
pub fn time(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    let mut finest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value = number(rest.get(..digits).filter(|digits| !digits.is_empty())?)?;
        rest = &rest[digits..];
        let (unit_ms, len): (u64, usize) = match rest.as_bytes() {
            [b'm', b's', ..] => (1, 2),
            [b's', ..] => (1_000, 1),
            [] | [b' ', ..] => (1_000, 0),
            [b'm', ..] => (60_000, 1),
            [b'h', ..] => (3_600_000, 1),
            [b'd', ..] => (86_400_000, 1),
            [b'w', ..] => (7 * 86_400_000, 1),
            [b'M', ..] => (30 * 86_400_000, 1),
            [b'y', ..] => (365 * 86_400_000, 1),
            _ => return None,
        };
        if unit_ms >= finest {
            return None;
        }
        finest = unit_ms;
        total = total.checked_add(Duration::from_millis(value.checked_mul(unit_ms)?))?;
        rest = rest[len..].trim_start_matches(' ');
    }
    (!text.is_empty() && total <= TIME_MAX).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("0", Some(0)),
            ("8k", Some(8192)),
            ("1M", Some(1 << 20)),
            ("1g", Some(1 << 30)),
            ("k", None),
            ("-1", None),
            ("", None),
            ("1x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text), expected, "of {text:?}");
        }
    }

    #[test]
    fn times() {
        let cases = [
            ("65", Some(65_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("1s1h", None),
            ("x", None),
            ("", None),
            ("5q", None),
        ];
        for (text, expected_ms) in cases {
            assert_eq!(
                time(text),
                expected_ms.map(Duration::from_millis),
                "of {text:?}"
            );
        }
    }
}
