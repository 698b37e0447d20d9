//! What a scalar means: the rules of go-yaml v2, which kubectl reads manifests with.

use serde_yaml::granit_parser::{ScalarStyle, Tag};

use crate::error::Problem;
use crate::tree::Scalar;
use crate::words;

/// The meaning of a scalar.
pub(super) fn resolve(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<Scalar, Problem> {
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain {
            plain(text)
        } else {
            Scalar::String
        });
    };
    if tag.is_yaml_core_schema_tag("str") || (tag.handle() == "!" && tag.suffix().is_empty()) {
        return Ok(Scalar::String);
    }
    let Some(core) = tag.core_suffix() else {
        return Err(unknown_tag(tag));
    };
    match (core, plain(text)) {
        ("null", Scalar::Null) => Ok(Scalar::Null),
        ("bool", value @ Scalar::Bool(_))
        | ("int", value @ Scalar::Int(_))
        | ("float", value @ Scalar::Float(_)) => Ok(value),
        ("float", Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
        ("null" | "bool" | "int" | "float", _) => Err(Problem::Syntax(format!(
            "{:?} is no !!{core}",
            words::cut(text)
        ))),
        _ => Err(unknown_tag(tag)),
    }
}

pub(super) fn unknown_tag(tag: &Tag) -> Problem {
    Problem::Syntax(format!(
        "tag {} is not supported here",
        words::plain(&tag.original())
    ))
}

/// The meaning of a scalar without quotes.
pub(crate) fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Scalar::String;
    }
    let digits = if text.starts_with('.') {
        text.to_owned()
    } else {
        text.replace('_', "")
    };
    if let Some(value) = integer(&digits) {
        return Scalar::Int(value);
    }
    if is_float(&digits) {
        return digits.parse().map_or(Scalar::String, Scalar::Float);
    }
    Scalar::String
}

/// `10`, `-1`, `0x1f`, `0b11`, `0o17` and, as in YAML 1.1, `017`; from -2^63 to 2^64-1.
fn integer(digits: &str) -> Option<i128> {
    let (negative, rest) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits),
    };
    let prefixed = |lower: &str, upper: &str| {
        rest.strip_prefix(lower)
            .or_else(|| rest.strip_prefix(upper))
    };
    let (radix, rest) = if let Some(rest) = prefixed("0x", "0X") {
        (16, rest)
    } else if let Some(rest) = prefixed("0b", "0B") {
        (2, rest)
    } else if let Some(rest) = prefixed("0o", "0O") {
        (8, rest)
    } else if rest.len() > 1 && rest.starts_with('0') {
        (8, rest)
    } else {
        (10, rest)
    };
    if rest.is_empty() || !rest.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(rest, radix).ok()?;
    let value = if negative { -value } else { value };
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&value)
        .then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        ),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_good = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_is_good && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_yaml_v2_reads() {
        let check = |texts: &[&str], expected: Scalar| {
            for text in texts {
                assert_eq!(plain(text), expected, "{text}");
            }
        };
        check(&["", "~", "null", "NULL"], Scalar::Null);
        check(&["y", "Yes", "on", "TRUE"], Scalar::Bool(true));
        check(&["n", "No", "OFF", "false"], Scalar::Bool(false));
        check(
            &[
                "420",
                "0644",
                "0o644",
                "0x1a4",
                "0b110100100",
                "4_20",
                "+420",
            ],
            Scalar::Int(420),
        );
        check(&["-1", "-0x1", "-01"], Scalar::Int(-1));
        check(&["18446744073709551615"], Scalar::Int(u64::MAX.into()));
        check(
            &["18446744073709551616", "1.8446744073709551616e19"],
            Scalar::Float(18_446_744_073_709_551_616.0),
        );
        check(
            &["1.5", "+1.5", "15e-1", "1_5e-1", "0.15e1"],
            Scalar::Float(1.5),
        );
        check(&[".5", "0.5", "5.e-1"], Scalar::Float(0.5));
        check(&["0899"], Scalar::Float(899.0));
        check(&["-.inf"], Scalar::Float(f64::NEG_INFINITY));
        check(
            &[
                "yEs",
                "nope",
                "0x",
                "0xg",
                "1e",
                "1.2.3",
                "1:30",
                "2026-01-01",
                "-",
                "+",
                ".",
                "--1",
                "1Gi",
                "500m",
                "-a",
                "1e+",
                "_1",
                "٣",
                "nan",
                "0b2",
                "infinity",
                "+-1",
                "1 ",
                "0x-1",
            ],
            Scalar::String,
        );
    }
}
