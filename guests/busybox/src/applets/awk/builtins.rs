//! Functions of the language.

use super::ast::{Builtin, Expr};
use super::io;
use super::parser::special;
use super::run::{Done, Interpreter};
use super::value::Value;
use crate::applets::printf::Conversion;
use crate::regex::{bytes_as_text, encode};
use crate::time::Date;
use regex_lite::{Captures, Regex};
use std::fmt::Write as _;
use std::rc::Rc;

impl Interpreter<'_> {
    pub(super) fn builtin(&mut self, builtin: Builtin, arguments: &[Expr]) -> Done<Value> {
        Ok(match builtin {
            Builtin::Length => return self.length(arguments),
            Builtin::Split => return self.split(arguments),
            Builtin::Sub | Builtin::Gsub => {
                let (pattern, replacement) = (&arguments[0], &arguments[1]);
                let all = builtin == Builtin::Gsub;
                return self.substitute(pattern, replacement, arguments.get(2), all);
            }
            Builtin::Gensub => return self.gensub(arguments),
            Builtin::Match => return self.match_text(arguments),
            Builtin::Substr => return self.substr(arguments),
            Builtin::Sprintf => {
                let bytes = self.formatted(arguments)?;
                bytes_as_text(&bytes).into()
            }
            Builtin::Index => {
                let text = self.text(&arguments[0])?;
                let wanted = self.text(&arguments[1])?;
                let at = text.find(&*wanted).map(|at| text[..at].chars().count());
                at.map_or(0.0, |at| at as f64 + 1.0).into()
            }
            Builtin::Tolower => self.text(&arguments[0])?.to_ascii_lowercase().into(),
            Builtin::Toupper => self.text(&arguments[0])?.to_ascii_uppercase().into(),
            Builtin::System => {
                self.streams.flush(self.tool);
                let command = self.text(&arguments[0])?;
                io::system(&command).into()
            }
            Builtin::Close => {
                let name = self.text(&arguments[0])?;
                self.streams.close(&name, self.tool).into()
            }
            Builtin::Fflush => {
                self.streams.flush(self.tool);
                0.0.into()
            }
            Builtin::Systime => (Date::now().seconds as f64).into(),
            Builtin::Strftime => {
                let format = match arguments.first() {
                    Some(format) => self.text(format)?,
                    None => "%a %b %e %H:%M:%S %Z %Y".into(),
                };
                let date = match arguments.get(1) {
                    Some(seconds) => Date::new(self.number(seconds)? as i64, 0),
                    None => Date::now(),
                };
                date.format(&format).into()
            }
            Builtin::Srand => {
                let before = self.seed;
                self.seed = match arguments.first() {
                    Some(seed) => self.number(seed)?,
                    None => Date::now().seconds as f64,
                };
                self.random = self.seed as i64 as u64;
                before.into()
            }
            Builtin::Rand => self.random().into(),
            _ => return self.arithmetic(builtin, arguments),
        })
    }

    fn arithmetic(&mut self, builtin: Builtin, arguments: &[Expr]) -> Done<Value> {
        let first = self.number(&arguments[0])?;
        let second = match arguments.get(1) {
            Some(second) => self.number(second)?,
            None => 0.0,
        };
        let (a, b) = (first as i64 as u64, second as i64 as u64);
        Ok(match builtin {
            Builtin::Int => first.trunc(),
            Builtin::Sin => first.sin(),
            Builtin::Cos => first.cos(),
            Builtin::Exp => first.exp(),
            Builtin::Log => first.ln(),
            Builtin::Sqrt => first.sqrt(),
            Builtin::Atan2 => first.atan2(second),
            Builtin::And => (a & b) as f64,
            Builtin::Or => (a | b) as f64,
            Builtin::Xor => (a ^ b) as f64,
            Builtin::Compl => !a as f64,
            Builtin::Lshift => a.checked_shl(b as u32).unwrap_or(0) as f64,
            _ => a.checked_shr(b as u32).unwrap_or(0) as f64,
        }
        .into())
    }

    /// From 0 to below 1 (splitmix64).
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    fn length(&mut self, arguments: &[Expr]) -> Done<Value> {
        let text = match arguments.first() {
            None => self.record_text(),
            Some(Expr::Variable(name)) if self.is_array(*name) => {
                let array = self.array(*name)?;
                let length = array.borrow().len() as f64;
                return Ok(length.into());
            }
            Some(argument) => self.text(argument)?,
        };
        Ok((text.chars().count() as f64).into())
    }

    fn split(&mut self, arguments: &[Expr]) -> Done<Value> {
        let text = self.text(&arguments[0])?;
        let Expr::Variable(name) = &arguments[1] else {
            return Err("Not an array".to_owned().into());
        };
        let separator = match arguments.get(2) {
            Some(Expr::Regex(regex)) => super::fields::Separator::Regex(regex.clone()),
            Some(separator) => {
                let separator = self.text(separator)?;
                self.separator(&separator)?
            }
            None => {
                let separator = self.special(special::FS);
                self.separator(&separator)?
            }
        };
        let parts = separator.parts(&text, false);
        let array = self.array(*name)?;
        let mut array = array.borrow_mut();
        array.clear();
        for (index, part) in parts.iter().enumerate() {
            array.insert((index + 1).to_string().into(), Value::input(part));
        }
        Ok((parts.len() as f64).into())
    }

    /// As busybox cuts: a start before the text does not shorten the length.
    fn substr(&mut self, arguments: &[Expr]) -> Done<Value> {
        let text = self.text(&arguments[0])?;
        let start = (self.number(&arguments[1])? - 1.0).max(0.0) as usize;
        let length = match arguments.get(2) {
            Some(length) => self.number(length)?.max(0.0) as usize,
            None => usize::MAX,
        };
        let part: String = text.chars().skip(start).take(length).collect();
        Ok(part.into())
    }

    fn match_text(&mut self, arguments: &[Expr]) -> Done<Value> {
        let text = self.text(&arguments[0])?;
        let regex = self.pattern(&arguments[1])?;
        let (start, length) = match regex.find(&text) {
            Some(found) => (
                text[..found.start()].chars().count() as f64 + 1.0,
                found.as_str().chars().count() as f64,
            ),
            None => (0.0, -1.0),
        };
        self.set_special(special::RSTART, start);
        self.set_special(special::RLENGTH, length);
        Ok(start.into())
    }

    fn substitute(
        &mut self,
        pattern: &Expr,
        replacement: &Expr,
        target: Option<&Expr>,
        all: bool,
    ) -> Done<Value> {
        let record = Expr::Field(Box::new(Expr::Number(0.0)));
        let target = target.unwrap_or(&record);
        let regex = self.pattern(pattern)?;
        let replacement = self.text(replacement)?;
        let text = self.text(target)?;
        let which = if all { Which::All } else { Which::Number(1) };
        let (changed, count) = replaced(&regex, &text, which, |found| {
            expanded(&replacement, found, false)
        });
        if count > 0 {
            self.set(target, changed.into())?;
        }
        Ok((count as f64).into())
    }

    fn gensub(&mut self, arguments: &[Expr]) -> Done<Value> {
        let regex = self.pattern(&arguments[0])?;
        let replacement = self.text(&arguments[1])?;
        let which = self.text(&arguments[2])?;
        let which = match which.starts_with(['g', 'G']) {
            true => Which::All,
            false => Which::Number(which.parse::<usize>().unwrap_or(1).max(1)),
        };
        let text = match arguments.get(3) {
            Some(text) => self.text(text)?,
            None => self.record_text(),
        };
        let (changed, _) = replaced(&regex, &text, which, |found| {
            expanded(&replacement, found, true)
        });
        Ok(changed.into())
    }

    /// What `printf` writes.
    pub(super) fn formatted(&mut self, arguments: &[Expr]) -> Done<Vec<u8>> {
        // `printf("…", x)` has a list in parentheses.
        if let [Expr::List(inner)] = arguments {
            return self.formatted(inner);
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        let convfmt = self.special(special::CONVFMT);
        let format: Rc<str> = match values.first() {
            Some(value) => value.text(&convfmt),
            None => "".into(),
        };
        let values = values.get(1..).unwrap_or_default();
        format_values(&encode(&format), values, &convfmt).map_err(Into::into)
    }
}

/// `printf` of C, with the values of a program.
fn format_values(format: &[u8], values: &[Value], convfmt: &str) -> Result<Vec<u8>, String> {
    let mut values = values.iter();
    let mut output = Vec::new();
    let mut rest = format;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            output.push(first);
            continue;
        }
        if let Some(after) = rest.strip_prefix(b"%") {
            output.push(b'%');
            rest = after;
            continue;
        }
        let start = rest;
        let mut conversion = Conversion::default();
        let stars = start.iter().take_while(|byte| !byte.is_ascii_alphabetic());
        let stars = stars.filter(|byte| **byte == b'*').count();
        let widths: Vec<String> = values
            .by_ref()
            .take(stars)
            .map(|value| (value.number() as i64).to_string())
            .collect();
        rest = conversion.read(start, &mut widths.iter());
        let Some((&letter, after)) = rest.split_first() else {
            output.push(b'%');
            output.extend_from_slice(start);
            break;
        };
        rest = after;
        let value = values.next().cloned().unwrap_or_default();
        let done = match letter {
            b'c' => {
                conversion.print_text(&character(&value), &mut output);
                true
            }
            b's' => {
                conversion.print_text(&encode(&value.text(convfmt)), &mut output);
                true
            }
            b'd' | b'i' | b'o' | b'u' | b'x' | b'X' => {
                conversion.print_integer(value.number() as i64, letter, &mut output)
            }
            letter => conversion.print_float(value.number(), letter, &mut output),
        };
        if !done {
            let length = start.len() - rest.len();
            let shown = String::from_utf8_lossy(&start[..length]).into_owned();
            return Err(format!("%{shown} formats are not supported"));
        }
    }
    Ok(output)
}

/// The byte of a number, or the first of a text.
fn character(value: &Value) -> Vec<u8> {
    match value {
        Value::Number(number) | Value::Numeric(_, number) => vec![*number as i64 as u8],
        value => encode(&value.text("")).into_iter().take(1).collect(),
    }
}

/// Which matches are replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    /// From 1.
    Number(usize),
}

/// The text with matches replaced, and how many were.
fn replaced(
    regex: &Regex,
    text: &str,
    which: Which,
    replace: impl Fn(&Captures<'_>) -> String,
) -> (String, usize) {
    let mut output = String::with_capacity(text.len());
    let (mut last, mut count) = (0, 0);
    // An empty match right after another one is none.
    let mut previous_end = None;
    let mut number = 0;
    for captures in regex.captures_iter(text) {
        let Some(found) = captures.get(0) else {
            continue;
        };
        if found.is_empty() && previous_end == Some(found.start()) {
            continue;
        }
        previous_end = Some(found.end());
        number += 1;
        if which != Which::All && which != Which::Number(number) {
            continue;
        }
        output += &text[last..found.start()];
        output += &replace(&captures);
        last = found.end();
        count += 1;
        if which != Which::All {
            break;
        }
    }
    output += &text[last..];
    (output, count)
}

/// A replacement: `&` is the match, `\&` is itself, and with groups `\1` is what the first one matched.
fn expanded(replacement: &str, found: &Captures<'_>, groups: bool) -> String {
    let group = |index: usize| found.get(index).map_or("", |group| group.as_str());
    let mut output = String::new();
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        match c {
            '&' => output += group(0),
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') if groups => {
                    output += group(digit.to_digit(10).unwrap_or(0) as usize);
                }
                Some(c @ ('&' | '\\')) => output.push(c),
                Some(c) => {
                    let _infallible = write!(output, "\\{c}");
                }
                None => output.push('\\'),
            },
            c => output.push(c),
        }
    }
    output
}
