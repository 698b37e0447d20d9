//! `$((…))`: the integer expressions of C.

/// The variables an expression reads and writes.
pub trait Variables {
    /// The value of a variable as it stands.
    fn get(&self, name: &str) -> Result<String, String>;
    fn set(&mut self, name: &str, value: i64) -> Result<(), String>;
}

/// Nested parentheses, or variables that name variables.
const DEPTH_MAX: u32 = 100;

/// The value of `text`; the error is what the shell prints.
pub fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, String> {
    evaluate_at(text, variables, 0)
}

fn evaluate_at(text: &str, variables: &mut dyn Variables, depth: u32) -> Result<i64, String> {
    if text.trim().is_empty() {
        return Ok(0);
    }
    let mut expression = Expression {
        rest: text,
        variables,
        depth,
        skip: false,
    };
    let value = expression.comma()?;
    expression.blanks();
    if expression.rest.is_empty() {
        Ok(value)
    } else {
        Err(syntax())
    }
}

fn syntax() -> String {
    "arithmetic syntax error".to_owned()
}

struct Expression<'a> {
    rest: &'a str,
    variables: &'a mut dyn Variables,
    depth: u32,
    /// In the part of `&&`, `||` or `?:` that does not count.
    skip: bool,
}

/// Binary operators, the weakest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGNMENTS: [&str; 11] = [
    "=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|=",
];

/// All operators, so that the longest one is taken.
const OPERATORS: [&str; 36] = [
    "<<=", ">>=", "||", "&&", "==", "!=", "<=", ">=", "<<", ">>", "+=", "-=", "*=", "/=", "%=",
    "&=", "^=", "|=", "++", "--", "**", "|", "^", "&", "<", ">", "+", "-", "*", "/", "%", "=", "?",
    ":", "!", "~",
];

impl<'a> Expression<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn operator(&mut self) -> &'static str {
        self.blanks();
        OPERATORS
            .iter()
            .find(|operator| self.rest.starts_with(**operator))
            .copied()
            .unwrap_or("")
    }

    fn take(&mut self, operator: &str) -> bool {
        let found = self.operator() == operator;
        if found {
            self.rest = &self.rest[operator.len()..];
        }
        found
    }

    fn comma(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("expression recursion level exceeded".to_owned());
        }
        let mut value = self.assignment()?;
        loop {
            self.blanks();
            let Some(rest) = self.rest.strip_prefix(',') else {
                break;
            };
            self.rest = rest;
            value = self.assignment()?;
        }
        self.depth -= 1;
        Ok(value)
    }

    fn name(&mut self) -> Option<&'a str> {
        self.blanks();
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        if !super::is_name(name) {
            return None;
        }
        self.rest = &self.rest[end..];
        Some(name)
    }

    fn assignment(&mut self) -> Result<i64, String> {
        let start = self.rest;
        if let Some(name) = self.name() {
            let operator = self.operator();
            if ASSIGNMENTS.contains(&operator) {
                self.rest = &self.rest[operator.len()..];
                let right = self.assignment()?;
                let value = match operator {
                    "=" => right,
                    _ => {
                        let left = self.variable(name)?;
                        self.apply(&operator[..operator.len() - 1], left, right)?
                    }
                };
                return self.store(name, value);
            }
        }
        self.rest = start;
        self.ternary()
    }

    fn ternary(&mut self) -> Result<i64, String> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let outer = self.skip;
        self.skip = outer || condition == 0;
        let yes = self.assignment()?;
        if !self.take(":") {
            return Err(syntax());
        }
        self.skip = outer || condition != 0;
        let no = self.ternary()?;
        self.skip = outer;
        Ok(if condition != 0 { yes } else { no })
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.power();
        };
        let mut left = self.binary(level + 1)?;
        loop {
            let operator = self.operator();
            if !operators.contains(&operator) {
                return Ok(left);
            }
            self.rest = &self.rest[operator.len()..];
            let outer = self.skip;
            self.skip = outer || (operator == "&&" && left == 0) || (operator == "||" && left != 0);
            let right = self.binary(level + 1)?;
            self.skip = outer;
            left = self.apply(operator, left, right)?;
        }
    }

    fn power(&mut self) -> Result<i64, String> {
        let base = self.unary()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = self.power()?;
        match u32::try_from(exponent) {
            Ok(exponent) => Ok(base.wrapping_pow(exponent)),
            Err(_) => Err("exponent less than 0".to_owned()),
        }
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Result<i64, String> {
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" | "%" if right == 0 => {
                if self.skip {
                    0
                } else {
                    return Err("divide by zero".to_owned());
                }
            }
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn unary(&mut self) -> Result<i64, String> {
        let operator = self.operator();
        match operator {
            "++" | "--" => {
                self.rest = &self.rest[2..];
                let name = self.name().ok_or_else(syntax)?;
                let value =
                    self.variable(name)?
                        .wrapping_add(if operator == "++" { 1 } else { -1 });
                self.store(name, value)
            }
            "+" | "-" | "!" | "~" => {
                self.rest = &self.rest[1..];
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err("expression recursion level exceeded".to_owned());
                }
                let value = self.unary()?;
                self.depth -= 1;
                Ok(match operator {
                    "+" => value,
                    "-" => value.wrapping_neg(),
                    "!" => i64::from(value == 0),
                    _ => !value,
                })
            }
            _ => self.primary(),
        }
    }

    fn primary(&mut self) -> Result<i64, String> {
        self.blanks();
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let value = self.comma()?;
            self.blanks();
            self.rest = self.rest.strip_prefix(')').ok_or_else(syntax)?;
            return Ok(value);
        }
        if let Some(name) = self.name() {
            let value = self.variable(name)?;
            for (operator, step) in [("++", 1), ("--", -1)] {
                if self.take(operator) {
                    self.store(name, value.wrapping_add(step))?;
                }
            }
            return Ok(value);
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '#'))
            .unwrap_or(self.rest.len());
        let digits = &self.rest[..end];
        self.rest = &self.rest[end..];
        number(digits).ok_or_else(syntax)
    }

    fn variable(&mut self, name: &str) -> Result<i64, String> {
        if self.skip {
            return Ok(0);
        }
        let text = self.variables.get(name)?;
        let text = text.trim();
        match number(text.strip_prefix('-').unwrap_or(text)) {
            Some(value) if text.starts_with('-') => Ok(value.wrapping_neg()),
            Some(value) => Ok(value),
            None if self.depth >= DEPTH_MAX => Err("expression recursion loop detected".to_owned()),
            None => evaluate_at(text, self.variables, self.depth + 1),
        }
    }

    fn store(&mut self, name: &str, value: i64) -> Result<i64, String> {
        if !self.skip {
            self.variables.set(name, value)?;
        }
        Ok(value)
    }
}

fn number(text: &str) -> Option<i64> {
    if let Some((base, digits)) = text.split_once('#') {
        let base = base.parse().ok().filter(|base| (2..=36).contains(base))?;
        return i64::from_str_radix(digits, base).ok();
    }
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(|value| value as i64);
    }
    if text.len() > 1 && text.starts_with('0') {
        return i64::from_str_radix(text, 8).ok();
    }
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Variables for BTreeMap<String, String> {
        fn get(&self, name: &str) -> Result<String, String> {
            Ok(BTreeMap::get(self, name).cloned().unwrap_or_default())
        }

        fn set(&mut self, name: &str, value: i64) -> Result<(), String> {
            self.insert(name.to_owned(), value.to_string());
            Ok(())
        }
    }

    #[test]
    fn computes_as_c() {
        for (text, expected) in [
            ("1 + 2 * 3", Ok(7)),
            ("(1 + 2) * 3", Ok(9)),
            ("-7 / 2", Ok(-3)),
            ("-7 % 2", Ok(-1)),
            ("1 << 4 | 1", Ok(17)),
            ("0x1f + 010", Ok(39)),
            ("x = 5, x += 2, x++ + ++x", Ok(16)),
            ("0 && (y = 1)", Ok(0)),
            ("y", Ok(0)),
            ("1 ? 2 : 3 / 0", Ok(2)),
            ("!0 + ~0", Ok(0)),
            ("3 > 2 == 1", Ok(1)),
            ("2 ** 10", Ok(1024)),
            ("16#ff", Ok(255)),
            ("5 - - 3", Ok(8)),
            ("", Ok(0)),
            ("1 / 0", Err("divide by zero")),
            ("1 +", Err("arithmetic syntax error")),
            ("1 2", Err("arithmetic syntax error")),
            ("9223372036854775807 + 1", Ok(i64::MIN)),
        ] {
            let mut variables = BTreeMap::from([("x".to_owned(), "1".to_owned())]);
            assert_eq!(
                evaluate(text, &mut variables),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_endless_recursion() {
        let mut variables = BTreeMap::from([("x".to_owned(), "x+0".to_owned())]);
        assert!(evaluate("x", &mut variables).is_err());
        assert!(evaluate(&"(".repeat(10_000), &mut variables).is_err());
        assert!(evaluate(&"-".repeat(10_000), &mut variables).is_err());
    }
}
