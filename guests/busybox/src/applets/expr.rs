//! `expr`.

use crate::regex::{self, Grammar};
use crate::tool::{Ran, Tool};

/// Parentheses inside each other.
const DEPTH_MAX: u32 = 100;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    match evaluate(&arguments[1..]) {
        Ok(value) => {
            let is_null = value.is_empty() || value.parse() == Ok(0_i64);
            tool.line(value);
            Ok(u8::from(is_null))
        }
        Err(error) => {
            tool.complain(error);
            Ok(2)
        }
    }
}

fn evaluate(words: &[String]) -> Result<String, String> {
    let mut expression = Expression {
        rest: words,
        depth: 0,
    };
    let value = expression.level(0)?;
    if expression.rest.is_empty() {
        Ok(value)
    } else {
        Err("syntax error".to_owned())
    }
}

struct Expression<'a> {
    rest: &'a [String],
    depth: u32,
}

/// Operators, the weakest first.
const LEVELS: [&[&str]; 6] = [
    &["|"],
    &["&"],
    &["=", "==", "!=", "<", "<=", ">", ">="],
    &["+", "-"],
    &["*", "/", "%"],
    &[":"],
];

impl Expression<'_> {
    fn take(&mut self, words: &[&str]) -> Option<String> {
        let first = self
            .rest
            .first()
            .filter(|first| words.contains(&first.as_str()))?
            .clone();
        self.rest = &self.rest[1..];
        Some(first)
    }

    fn next(&mut self) -> Result<String, String> {
        let (first, rest) = self.rest.split_first().ok_or("syntax error")?;
        self.rest = rest;
        Ok(first.clone())
    }

    fn level(&mut self, level: usize) -> Result<String, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.primary();
        };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.take(operators) {
            let right = self.level(level + 1)?;
            left = apply(&operator, &left, &right)?;
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<String, String> {
        let word = self.next()?;
        match word.as_str() {
            "(" => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err("syntax error".to_owned());
                }
                let value = self.level(0)?;
                self.depth -= 1;
                self.take(&[")"]).ok_or("syntax error")?;
                Ok(value)
            }
            "length" => Ok(self.next()?.chars().count().to_string()),
            "match" => {
                let text = self.next()?;
                let pattern = self.next()?;
                matched(&text, &pattern)
            }
            "index" => {
                let text = self.next()?;
                let letters = self.next()?;
                let at = text
                    .chars()
                    .position(|c| letters.contains(c))
                    .map_or(0, |at| at + 1);
                Ok(at.to_string())
            }
            "substr" => {
                let text = self.next()?;
                let start = number(&self.next()?)?;
                let length = number(&self.next()?)?;
                if start < 1 || length < 1 {
                    return Ok(String::new());
                }
                Ok(text
                    .chars()
                    .skip(start as usize - 1)
                    .take(length as usize)
                    .collect())
            }
            "quote" => self.next(),
            _ => Ok(word),
        }
    }
}

fn apply(operator: &str, left: &str, right: &str) -> Result<String, String> {
    let is_null = |text: &str| text.is_empty() || text.parse() == Ok(0_i64);
    let order = match (left.parse::<i64>(), right.parse::<i64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(right),
    };
    let truth = |value: bool| Ok(u8::from(value).to_string());
    match operator {
        "|" => Ok(if is_null(left) { right } else { left }.to_owned()),
        "&" => Ok(if is_null(left) || is_null(right) {
            "0"
        } else {
            left
        }
        .to_owned()),
        "=" | "==" => truth(order.is_eq()),
        "!=" => truth(order.is_ne()),
        "<" => truth(order.is_lt()),
        "<=" => truth(order.is_le()),
        ">" => truth(order.is_gt()),
        ">=" => truth(order.is_ge()),
        ":" => matched(left, right),
        _ => {
            let (left, right) = (number(left)?, number(right)?);
            let value = match operator {
                "+" => left.checked_add(right),
                "-" => left.checked_sub(right),
                "*" => left.checked_mul(right),
                _ if right == 0 => return Err("division by zero".to_owned()),
                "/" => left.checked_div(right),
                _ => left.checked_rem(right),
            };
            value
                .map(|value| value.to_string())
                .ok_or_else(|| "result out of range".to_owned())
        }
    }
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "non-numeric argument".to_owned())
}

/// `text : pattern`, anchored at the start: the first group, or the length of the match.
fn matched(text: &str, pattern: &str) -> Result<String, String> {
    let regex = regex::compile(
        &format!("^{}", pattern.trim_start_matches('^')),
        Grammar::Basic,
        false,
    )?;
    let Some(captures) = regex
        .captures(text)
        .filter(|captures| captures.get(0).is_some_and(|whole| whole.start() == 0))
    else {
        return Ok(if pattern.contains("\\(") {
            String::new()
        } else {
            "0".to_owned()
        });
    };
    if captures.len() > 1 {
        return Ok(captures
            .get(1)
            .map_or(String::new(), |group| group.as_str().to_owned()));
    }
    Ok(captures
        .get(0)
        .map_or(0, |whole| whole.as_str().chars().count())
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes() {
        for (words, expected) in [
            ("1 + 2 * 3", Ok("7")),
            ("( 1 + 2 ) * 3", Ok("9")),
            ("7 % 4", Ok("3")),
            ("abc : a\\(.\\)c", Ok("b")),
            ("abc : a.", Ok("2")),
            ("abc : b", Ok("0")),
            ("length hello", Ok("5")),
            ("substr hello 2 3", Ok("ell")),
            ("index hello l", Ok("3")),
            ("a < b", Ok("1")),
            ("10 < 9", Ok("0")),
            ("0 | x", Ok("x")),
            ("1 / 0", Err("division by zero")),
            ("1 +", Err("syntax error")),
            ("a + 1", Err("non-numeric argument")),
        ] {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            assert_eq!(
                evaluate(&words),
                expected.map(str::to_owned).map_err(str::to_owned),
                "{words:?}"
            );
        }
    }
}
