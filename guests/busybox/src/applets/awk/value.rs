//! Values: numbers, texts, and texts that look like numbers.

use crate::applets::printf::Conversion;
use std::cmp::Ordering;
use std::rc::Rc;

#[derive(Debug, Clone, Default)]
pub(super) enum Value {
    #[default]
    Unset,
    Number(f64),
    Text(Rc<str>),
    /// Text from outside that is a number.
    Numeric(Rc<str>, f64),
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Value::Number(f64::from(u8::from(yes)))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl Value {
    /// A text from outside: a number too if it looks like one.
    pub(super) fn input(text: &str) -> Self {
        let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
        match leading_number(trimmed) {
            Some((number, length)) if length == trimmed.len() => {
                Value::Numeric(text.into(), number)
            }
            _ => Value::Text(text.into()),
        }
    }

    pub(super) fn number(&self) -> f64 {
        match self {
            Value::Unset => 0.0,
            Value::Number(number) | Value::Numeric(_, number) => *number,
            Value::Text(text) => {
                let text = text.trim_start_matches([' ', '\t', '\n', '\r']);
                leading_number(text).map_or(0.0, |(number, _)| number)
            }
        }
    }

    /// As text; `format` is how numbers that are not whole are written.
    pub(super) fn text(&self, format: &str) -> Rc<str> {
        match self {
            Value::Unset => "".into(),
            Value::Number(number) => number_text(*number, format).into(),
            Value::Text(text) | Value::Numeric(text, _) => text.clone(),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Unset => false,
            Value::Number(number) | Value::Numeric(_, number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
        }
    }

    /// As numbers if both are, as text otherwise.
    pub(super) fn compare(&self, other: &Value, format: &str) -> Option<Ordering> {
        match (self, other) {
            (Value::Text(_), _) | (_, Value::Text(_)) => {
                Some(self.text(format).cmp(&other.text(format)))
            }
            _ => self.number().partial_cmp(&other.number()),
        }
    }
}

/// Whole numbers are written without a fraction, others as `format` says.
pub(super) fn number_text(number: f64, format: &str) -> String {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        return (number as i64).to_string();
    }
    let mut conversion = Conversion::default();
    let Some(rest) = format.strip_prefix('%') else {
        return number.to_string();
    };
    let rest = conversion.read(rest.as_bytes(), &mut [].iter());
    let mut output = Vec::new();
    let letter = rest.first().copied().unwrap_or(b'g');
    if !conversion.print_float(number, letter, &mut output) {
        return number.to_string();
    }
    String::from_utf8_lossy(&output).into_owned()
}

/// The number a text begins with, as `strtod` reads it, and its length.
pub(super) fn leading_number(text: &str) -> Option<(f64, usize)> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let sign = if bytes.first() == Some(&b'-') {
        -1.0
    } else {
        1.0
    };
    if let Some(hex) = text[at..]
        .strip_prefix("0x")
        .or_else(|| text[at..].strip_prefix("0X"))
    {
        let length = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        if length > 0 {
            let number = hex[..length]
                .chars()
                .filter_map(|digit| digit.to_digit(16))
                .fold(0.0, |number, digit| number * 16.0 + f64::from(digit));
            return Some((sign * number, at + 2 + length));
        }
    }
    let whole = digits(at);
    at += whole;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        fraction = digits(at + 1);
        at += usize::from(whole + fraction > 0) + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let power = digits(at + 1 + signed);
        if power > 0 {
            at += 1 + signed + power;
        }
    }
    text[..at].parse().ok().map(|number| (number, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_as_strtod() {
        for (text, expected) in [
            ("12abc", Some((12.0, 2))),
            ("-1.5e3x", Some((-1500.0, 6))),
            (".5", Some((0.5, 2))),
            ("1e", Some((1.0, 1))),
            ("5.", Some((5.0, 2))),
            ("0x1A", Some((26.0, 4))),
            ("010", Some((10.0, 3))),
            ("+3", Some((3.0, 2))),
            (".", None),
            ("-", None),
            ("inf", None),
            ("", None),
        ] {
            assert_eq!(leading_number(text), expected, "{text}");
        }
    }

    #[test]
    fn writes_numbers() {
        for (number, text) in [
            (3.0, "3"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333"),
            (1e15, "1000000000000000"),
            (1e300, "1e+300"),
            (123_456_789.123, "1.23457e+08"),
        ] {
            assert_eq!(number_text(number, "%.6g"), text);
        }
    }
}
