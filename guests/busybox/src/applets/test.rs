//! `test` and `[`.

use crate::files::Stat;
use crate::sys;
use crate::tool::{Ran, Tool};

/// Parentheses and `!` inside each other.
const DEPTH_MAX: u32 = 200;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let mut operands = &arguments[1..];
    if tool.name == "[" {
        match operands.split_last() {
            Some((last, rest)) if last == "]" => operands = rest,
            _ => {
                tool.complain("missing ]");
                return Ok(2);
            }
        }
    }
    let terminal = |number| sys::inherited(number).is_some_and(|desc| desc.is_terminal());
    match evaluate(operands, &terminal) {
        Ok(result) => Ok(u8::from(!result)),
        Err(error) => {
            tool.complain(error);
            Ok(2)
        }
    }
}

/// Whether the expression holds; `terminal` answers `-t`. The error is what the tool prints.
pub fn evaluate(operands: &[String], terminal: &dyn Fn(u32) -> bool) -> Result<bool, String> {
    let mut test = Test {
        rest: operands,
        terminal,
        depth: 0,
    };
    match operands {
        [] => return Ok(false),
        [one] => return Ok(!one.is_empty()),
        [not, one] if not == "!" => return Ok(one.is_empty()),
        [left, operator, right] if is_binary(operator) => {
            return test.binary(left, operator, right);
        }
        [not, rest @ ..] if not == "!" && rest.len() <= 3 => {
            return evaluate(rest, terminal).map(|result| !result);
        }
        [open, inner @ .., close] if open == "(" && close == ")" && inner.len() <= 2 => {
            return evaluate(inner, terminal);
        }
        _ => {}
    }
    let result = test.or()?;
    match test.rest.first() {
        None => Ok(result),
        Some(extra) => Err(format!("{extra}: unknown operand")),
    }
}

struct Test<'a> {
    rest: &'a [String],
    terminal: &'a dyn Fn(u32) -> bool,
    depth: u32,
}

fn is_binary(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "=="
            | "!="
            | "<"
            | ">"
            | "-eq"
            | "-ne"
            | "-lt"
            | "-le"
            | "-gt"
            | "-ge"
            | "-nt"
            | "-ot"
            | "-ef"
            | "-a"
            | "-o"
    )
}

fn is_unary(operator: &str) -> bool {
    operator.len() == 2
        && operator.starts_with('-')
        && "bcdefghkLnOprstuwxzGS".contains(&operator[1..])
}

impl Test<'_> {
    fn or(&mut self) -> Result<bool, String> {
        let mut result = self.and()?;
        while self.take("-o") {
            result |= self.and()?;
        }
        Ok(result)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut result = self.not()?;
        while self.take("-a") {
            result &= self.not()?;
        }
        Ok(result)
    }

    fn not(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("too many arguments".to_owned());
        }
        let result = if self.rest.len() > 1 && self.take("!") {
            self.not().map(|result| !result)
        } else {
            self.primary()
        };
        self.depth -= 1;
        result
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.rest.first().is_some_and(|first| first == word);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn primary(&mut self) -> Result<bool, String> {
        let rest = self.rest;
        match rest {
            [] => Err("argument expected".to_owned()),
            [left, operator, right, ..]
                if is_binary(operator) && operator != "-a" && operator != "-o" =>
            {
                self.rest = &rest[3..];
                self.binary(left, operator, right)
            }
            [open, ..] if open == "(" => {
                self.rest = &rest[1..];
                let result = self.or()?;
                if self.take(")") {
                    Ok(result)
                } else {
                    Err("closing paren expected".to_owned())
                }
            }
            [operator, operand, ..] if is_unary(operator) => {
                self.rest = &rest[2..];
                self.unary(operator, operand)
            }
            [_, operator] if is_binary(operator) => Err(format!("{operator}: argument expected")),
            [one, ..] => {
                self.rest = &rest[1..];
                Ok(!one.is_empty())
            }
        }
    }

    fn unary(&self, operator: &str, operand: &str) -> Result<bool, String> {
        match operator {
            "-n" => return Ok(!operand.is_empty()),
            "-z" => return Ok(operand.is_empty()),
            "-t" => {
                return Ok((self.terminal)(
                    u32::try_from(number(operand)?).unwrap_or(u32::MAX),
                ));
            }
            _ => {}
        }
        let Ok(stat) = Stat::read(operand, !matches!(operator, "-h" | "-L")) else {
            return Ok(false);
        };
        Ok(match operator {
            "-d" => stat.is_directory(),
            "-f" => stat.is_regular(),
            "-h" | "-L" => stat.is_symlink(),
            "-s" => stat.size > 0,
            "-c" => stat.is_character_device(),
            "-b" | "-p" | "-S" => stat.mode_text().starts_with(match operator {
                "-b" => 'b',
                "-p" => 'p',
                _ => 's',
            }),
            "-g" | "-k" | "-u" => false,
            "-x" => stat.mode & 0o111 != 0 || stat.is_directory(),
            _ => true,
        })
    }

    fn binary(&self, left: &str, operator: &str, right: &str) -> Result<bool, String> {
        let stats = || (Stat::read(left, true), Stat::read(right, true));
        let modified = |stat: &Stat| (stat.modified_s, stat.modified_ns);
        Ok(match operator {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "-a" => !left.is_empty() && !right.is_empty(),
            "-o" => !left.is_empty() || !right.is_empty(),
            "-nt" => match stats() {
                (Ok(left), Ok(right)) => modified(&left) > modified(&right),
                (left, _) => left.is_ok(),
            },
            "-ot" => match stats() {
                (Ok(left), Ok(right)) => modified(&left) < modified(&right),
                (_, right) => right.is_ok(),
            },
            "-ef" => {
                matches!(stats(), (Ok(left), Ok(right)) if (left.device, left.inode) == (right.device, right.inode))
            }
            _ => {
                let (left, right) = (number(left)?, number(right)?);
                match operator {
                    "-eq" => left == right,
                    "-ne" => left != right,
                    "-lt" => left < right,
                    "-le" => left <= right,
                    "-gt" => left > right,
                    _ => left >= right,
                }
            }
        })
    }
}

fn number(text: &str) -> Result<i64, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("{text}: bad number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_as_posix_says() {
        for (expression, expected) in [
            ("", Ok(false)),
            ("a", Ok(true)),
            ("-n", Ok(true)),
            ("! a", Ok(false)),
            ("a = a", Ok(true)),
            ("1 -lt 2", Ok(true)),
            ("a = b -o c = c", Ok(true)),
            ("! a = b", Ok(true)),
            ("( a = a ) -a b", Ok(true)),
            ("-d /", Ok(true)),
            ("-f /", Ok(false)),
            ("-e /nonexistent", Ok(false)),
            ("1 -eq x", Err("x: bad number")),
            ("a b c", Err("b: unknown operand")),
            ("! ! ! a", Ok(false)),
            ("-t 0", Ok(false)),
        ] {
            let operands: Vec<String> = expression.split_whitespace().map(str::to_owned).collect();
            let result = evaluate(&operands, &|_| false);
            assert_eq!(result, expected.map_err(str::to_owned), "{expression}");
        }
    }
}
