//! `printf`.

use super::echo::unescape;
use crate::tool::{Ran, Tool};

/// What a format printed, and what was wrong.
#[derive(Debug, Default, PartialEq)]
pub struct Printed {
    pub output: Vec<u8>,
    pub errors: Vec<String>,
}

/// Widths and precisions above this are cut: they would only fill memory.
const WIDTH_MAX: usize = 64 * 1024;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let printed = format(&arguments[1..]);
    tool.write(&printed.output);
    for error in &printed.errors {
        tool.complain(error);
    }
    Ok(u8::from(!printed.errors.is_empty()))
}

pub fn format(operands: &[String]) -> Printed {
    let operands = operands
        .strip_prefix(&["--".to_owned()][..])
        .unwrap_or(operands);
    let mut printed = Printed::default();
    let Some((format, values)) = operands.split_first() else {
        printed
            .errors
            .push("usage: printf FORMAT [ARG]...".to_owned());
        return printed;
    };
    let mut values = values.iter();
    loop {
        let before = values.len();
        let goes_on = once(format.as_bytes(), &mut values, &mut printed);
        if !goes_on || values.len() == 0 || values.len() == before {
            return printed;
        }
    }
}

/// One conversion.
#[derive(Debug, Default)]
pub struct Conversion {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Uses the format once; false if it ends all output.
fn once(format: &[u8], values: &mut std::slice::Iter<'_, String>, printed: &mut Printed) -> bool {
    let mut rest = format;
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            let length = rest
                .iter()
                .position(|byte| *byte == b'%')
                .unwrap_or(rest.len());
            let (text, stopped) = unescape(&rest[..length], false);
            printed.output.extend(text);
            if stopped {
                return false;
            }
            rest = &rest[length..];
            continue;
        }
        if after.first() == Some(&b'%') {
            printed.output.push(b'%');
            rest = &after[1..];
            continue;
        }
        let mut conversion = Conversion::default();
        let start = rest;
        rest = conversion.read(after, values);
        let Some((&letter, after)) = rest.split_first() else {
            printed.errors.push(format!(
                "{}: invalid format",
                String::from_utf8_lossy(start)
            ));
            return false;
        };
        rest = after;
        if !conversion.print(letter, values, printed) {
            let length = start.len() - rest.len();
            printed.errors.push(format!(
                "{}: invalid format",
                String::from_utf8_lossy(&start[..length])
            ));
            return false;
        }
        if letter == b'b' && printed.output.last() == Some(&STOPPED) {
            printed.output.pop();
            return false;
        }
    }
    true
}

/// Stands after output that a `\c` in a `%b` ended; no text can hold it.
const STOPPED: u8 = 0xff;

impl Conversion {
    /// Reads flags, width and precision; returns what follows.
    pub fn read<'a>(
        &mut self,
        format: &'a [u8],
        values: &mut std::slice::Iter<'_, String>,
    ) -> &'a [u8] {
        let mut rest = format;
        while let Some((flag, after)) = rest.split_first() {
            match flag {
                b'-' => self.left = true,
                b'0' => self.zero = true,
                b'+' => self.plus = true,
                b' ' => self.space = true,
                b'#' => self.alternate = true,
                _ => break,
            }
            rest = after;
        }
        let mut number = |rest: &mut &'a [u8]| -> i64 {
            if let Some(after) = rest.strip_prefix(b"*") {
                *rest = after;
                return values
                    .next()
                    .and_then(|value| value.parse().ok())
                    .unwrap_or(0);
            }
            let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, after) = rest.split_at(count);
            *rest = after;
            std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(0)
        };
        let width = number(&mut rest);
        self.left |= width < 0;
        self.width = (width.unsigned_abs() as usize).min(WIDTH_MAX);
        if let Some(after) = rest.strip_prefix(b".") {
            rest = after;
            self.precision = usize::try_from(number(&mut rest))
                .ok()
                .map(|precision| precision.min(WIDTH_MAX));
        }
        let lengths = rest
            .iter()
            .take_while(|byte| b"hlLqjzt".contains(byte))
            .count();
        &rest[lengths..]
    }

    /// False if there is no such conversion.
    fn print(
        &self,
        letter: u8,
        values: &mut std::slice::Iter<'_, String>,
        printed: &mut Printed,
    ) -> bool {
        match letter {
            b's' | b'c' | b'b' => {
                let text = values.next().map_or("", String::as_str);
                let (bytes, stopped) = match letter {
                    b'b' => unescape(text.as_bytes(), true),
                    b'c' => (text.chars().take(1).collect::<String>().into_bytes(), false),
                    _ => (text.as_bytes().to_vec(), false),
                };
                self.print_text(&bytes, &mut printed.output);
                if stopped {
                    printed.output.push(STOPPED);
                }
            }
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => {
                let value = integer(values.next(), &mut printed.errors);
                return self.print_integer(value, letter, &mut printed.output);
            }
            b'f' | b'F' | b'e' | b'E' | b'g' | b'G' => {
                let value = float(values.next(), &mut printed.errors);
                return self.print_float(value, letter, &mut printed.output);
            }
            _ => return false,
        }
        true
    }

    pub fn print_text(&self, bytes: &[u8], output: &mut Vec<u8>) {
        let bytes = &bytes[..self.precision.unwrap_or(bytes.len()).min(bytes.len())];
        self.pad(bytes, output);
    }

    /// False if it is no conversion of an integer.
    pub fn print_integer(&self, value: i64, letter: u8, output: &mut Vec<u8>) -> bool {
        let bits = value as u64;
        let (prefix, digits) = match letter {
            b'd' | b'i' => (self.sign(value < 0), value.unsigned_abs().to_string()),
            b'u' => ("", bits.to_string()),
            b'o' => ("0", format!("{bits:o}")),
            b'x' => ("0x", format!("{bits:x}")),
            b'X' => ("0X", format!("{bits:X}")),
            _ => return false,
        };
        let prefix = match letter {
            b'o' | b'x' | b'X' if !self.alternate || value == 0 => "",
            _ => prefix,
        };
        self.number(
            prefix,
            &self.digits(&digits),
            self.precision.is_none(),
            output,
        );
        true
    }

    /// False if it is no conversion of a number with a fraction.
    pub fn print_float(&self, value: f64, letter: u8, output: &mut Vec<u8>) -> bool {
        if !matches!(letter, b'f' | b'F' | b'e' | b'E' | b'g' | b'G') {
            return false;
        }
        let text = self.float(value.abs(), letter);
        let sign = self.sign(value.is_sign_negative());
        self.number(sign, &text, value.is_finite(), output);
        true
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn digits(&self, digits: &str) -> String {
        let width = self.precision.unwrap_or(1);
        if width == 0 && digits == "0" {
            String::new()
        } else {
            format!("{digits:0>width$}")
        }
    }

    fn float(&self, value: f64, letter: u8) -> String {
        let precision = self.precision.unwrap_or(6);
        let text = match letter.to_ascii_lowercase() {
            _ if !value.is_finite() => value.to_string().to_lowercase(),
            b'f' => format!("{value:.precision$}"),
            b'e' => exponent(value, precision),
            _ => {
                let precision = precision.max(1);
                let shown = exponent(value, precision - 1);
                let power: i32 = shown
                    .split_once('e')
                    .and_then(|(_, power)| power.parse().ok())
                    .unwrap_or(0);
                let text = if power < -4 || power >= precision as i32 {
                    shown
                } else {
                    format!("{value:.*}", (precision as i32 - 1 - power) as usize)
                };
                if self.alternate {
                    text
                } else {
                    without_zeros(&text)
                }
            }
        };
        if letter.is_ascii_uppercase() {
            text.to_uppercase()
        } else {
            text
        }
    }

    fn number(&self, sign: &str, digits: &str, zeros: bool, output: &mut Vec<u8>) {
        if self.zero && zeros && !self.left {
            let width = self.width.saturating_sub(sign.len());
            output.extend(format!("{sign}{digits:0>width$}").bytes());
        } else {
            self.pad(format!("{sign}{digits}").as_bytes(), output);
        }
    }

    fn pad(&self, text: &[u8], output: &mut Vec<u8>) {
        let blanks = self
            .width
            .saturating_sub(String::from_utf8_lossy(text).chars().count());
        if !self.left {
            output.extend(std::iter::repeat_n(b' ', blanks));
        }
        output.extend(text);
        if self.left {
            output.extend(std::iter::repeat_n(b' ', blanks));
        }
    }
}

/// As C prints `%e`.
fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = power
        .strip_prefix('-')
        .map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn without_zeros(text: &str) -> String {
    let (mantissa, power) = text.find('e').map_or((text, ""), |at| text.split_at(at));
    if !mantissa.contains('.') {
        return text.to_owned();
    }
    format!(
        "{}{power}",
        mantissa.trim_end_matches('0').trim_end_matches('.')
    )
}

fn integer(value: Option<&String>, errors: &mut Vec<String>) -> i64 {
    let Some(text) = value else { return 0 };
    if let Some(quoted) = text.strip_prefix(['"', '\'']) {
        return quoted.chars().next().map_or(0, |c| i64::from(u32::from(c)));
    }
    let trimmed = text.trim();
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let magnitude = if let Some(hex) = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        u64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    match magnitude {
        Ok(magnitude) if negative => (magnitude as i64).wrapping_neg(),
        Ok(magnitude) => magnitude as i64,
        Err(_) => {
            errors.push(format!("invalid number '{text}'"));
            0
        }
    }
}

fn float(value: Option<&String>, errors: &mut Vec<String>) -> f64 {
    let Some(text) = value else { return 0.0 };
    text.trim().parse().unwrap_or_else(|_| {
        errors.push(format!("invalid number '{text}'"));
        0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_c() {
        for (operands, expected) in [
            (&["%d %s\\n", "12", "a"][..], "12 a\n"),
            (&["%s\\n", "a", "b"], "a\nb\n"),
            (&["%5s|%-5s|", "b", "c"], "    b|c    |"),
            (&["%05.1f", "3.14159"], "003.1"),
            (&["%x %X %o %#x", "255", "255", "8", "255"], "ff FF 10 0xff"),
            (
                &["%05d|%+d|% d|%.3d", "-42", "5", "5", "7"],
                "-0042|+5| 5|007",
            ),
            (&["%c%c", "abc", "def"], "ad"),
            (&["%b", "a\\tb\\c", "no"], "a\tb"),
            (
                &["%e %g %g", "12345.678", "0.0001", "1e10"],
                "1.234568e+04 0.0001 1e+10",
            ),
            (&["%d", "'A"], "65"),
            (&["%*d", "5", "1"], "    1"),
            (&["%s"], ""),
            (&["100%%\\n"], "100%\n"),
            (&["%.2s", "abc"], "ab"),
            (&["\\101\\n"], "A\n"),
        ] {
            let operands: Vec<String> = operands
                .iter()
                .map(|operand| (*operand).to_owned())
                .collect();
            let printed = format(&operands);
            assert_eq!(
                (
                    String::from_utf8_lossy(&printed.output).as_ref(),
                    printed.errors
                ),
                (expected, Vec::new())
            );
        }
    }

    #[test]
    fn names_what_is_wrong() {
        for (operands, expected) in [
            (&["%d", "abc"][..], "invalid number 'abc'"),
            (&["%q"], "%q: invalid format"),
            (&["%"], "%: invalid format"),
            (&[], "usage: printf FORMAT [ARG]..."),
        ] {
            let operands: Vec<String> = operands
                .iter()
                .map(|operand| (*operand).to_owned())
                .collect();
            assert_eq!(format(&operands).errors, [expected]);
        }
    }
}
