//! Label selectors: grammar and texts of `apimachinery/pkg/labels`.

use crate::names;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What a label has to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Requirement {
    key: String,
    operator: Operator,
    values: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    /// `=`, `==`, `in`
    In,
    /// `!=`, `notin`: also when there is no such label.
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

impl Requirement {
    pub(super) fn matches(&self, labels: &BTreeMap<&str, &str>) -> bool {
        let found = labels.get(self.key.as_str()).copied();
        let number = |text: &str| text.parse::<i64>().ok();
        let compared = || {
            let wanted = number(self.values.first()?)?;
            Some(number(found?)?.cmp(&wanted))
        };
        match self.operator {
            Operator::In => found.is_some_and(|value| self.values.contains(value)),
            Operator::NotIn => found.is_none_or(|value| !self.values.contains(value)),
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
            Operator::GreaterThan => compared().is_some_and(Ordering::is_gt),
            Operator::LessThan => compared().is_some_and(Ordering::is_lt),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

fn token(text: &str) -> Option<Token> {
    Some(match text {
        ")" => Token::Close,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::DoubleEquals,
        "=" => Token::Equals,
        ">" => Token::Greater,
        "in" => Token::In,
        "<" => Token::Less,
        "!=" => Token::NotEquals,
        "notin" => Token::NotIn,
        "(" => Token::Open,
        _ => return None,
    })
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// All tokens with their texts, the end included.
fn scan(text: &str) -> Vec<(Token, String)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(is_space);
        let Some(first) = rest.chars().next() else {
            tokens.push((Token::End, String::new()));
            return tokens;
        };
        let length = match is_special(first) {
            true => symbol_length(rest),
            false => {
                let end = |c| is_special(c) || is_space(c);
                rest.find(end).unwrap_or(rest.len())
            }
        };
        let (word, after) = rest.split_at(length);
        let found = token(word).unwrap_or(match is_special(first) {
            true => Token::Error,
            false => Token::Identifier,
        });
        let word = match found {
            Token::Error => format!("error expected: keyword found '{word}'"),
            _ => word.to_owned(),
        };
        tokens.push((found, word));
        rest = after;
    }
}

/// The longest symbol; there is no symbol that has one of more than two characters for its beginning.
fn symbol_length(text: &str) -> usize {
    let two = text.get(..2).filter(|two| token(two).is_some());
    two.map_or(1, str::len)
}

struct Parser {
    tokens: Vec<(Token, String)>,
    at: usize,
}

/// In which `in` and `notin` are words like any other.
const VALUES: bool = true;
const OPERATOR: bool = false;

impl Parser {
    fn look(&self, as_values: bool) -> (Token, &str) {
        let last = (Token::End, String::new());
        let (found, text) = self
            .tokens
            .get(self.at)
            .or(self.tokens.last())
            .map_or((last.0, ""), |(found, text)| (*found, text.as_str()));
        match found {
            Token::In | Token::NotIn if as_values => (Token::Identifier, text),
            found => (found, text),
        }
    }

    fn take(&mut self, as_values: bool) -> (Token, String) {
        let (found, text) = self.look(as_values);
        let text = text.to_owned();
        self.at += 1;
        (found, text)
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut found, mut key) = self.take(VALUES);
        let is_negated = found == Token::Not;
        if is_negated {
            (found, key) = self.take(VALUES);
        }
        if found != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        if let Some(rule) = names::qualified_name(&key) {
            return Err(format!("<nil>: Invalid value: {key:?}: {rule}"));
        }
        let is_alone = matches!(self.look(VALUES).0, Token::End | Token::Comma);
        if is_negated || is_alone {
            return Ok(Requirement {
                key,
                operator: match is_negated {
                    true => Operator::DoesNotExist,
                    false => Operator::Exists,
                },
                values: BTreeSet::new(),
            });
        }
        let (operator, is_set) = self.operator()?;
        let values = match is_set {
            true => self.values()?,
            false => self.exact_value()?,
        };
        check_values(&key, operator, &values)?;
        Ok(Requirement {
            key,
            operator,
            values,
        })
    }

    fn operator(&mut self) -> Result<(Operator, bool), String> {
        let (found, text) = self.take(OPERATOR);
        Ok(match found {
            Token::In => (Operator::In, true),
            Token::NotIn => (Operator::NotIn, true),
            Token::Equals | Token::DoubleEquals => (Operator::In, false),
            Token::NotEquals => (Operator::NotIn, false),
            Token::Greater => (Operator::GreaterThan, false),
            Token::Less => (Operator::LessThan, false),
            _ => {
                return Err(format!(
                    "found '{text}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        })
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        let (found, text) = self.take(VALUES);
        if found != Token::Open {
            return Err(format!("found '{text}' expected: '('"));
        }
        match self.look(VALUES) {
            (Token::Identifier | Token::Comma, text) => {
                let first = text.to_owned();
                let values = self.list()?;
                match self.take(VALUES).0 {
                    Token::Close => Ok(values),
                    _ => Err(format!("found '{first}', expected: ')'")),
                }
            }
            (Token::Close, _) => {
                self.at += 1;
                Ok(BTreeSet::from([String::new()]))
            }
            (_, text) => Err(format!("found '{text}', expected: ',', ')' or identifier")),
        }
    }

    fn list(&mut self) -> Result<BTreeSet<String>, String> {
        let mut values = BTreeSet::new();
        loop {
            match self.take(VALUES) {
                (Token::Identifier, text) => {
                    values.insert(text);
                    match self.look(VALUES) {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => return Ok(values),
                        (_, text) => return Err(format!("found '{text}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.look(VALUES).0 {
                        Token::Close => {
                            values.insert(String::new());
                            return Ok(values);
                        }
                        Token::Comma => {
                            values.insert(String::new());
                        }
                        _ => {}
                    }
                }
                (_, text) => return Err(format!("found '{text}', expected: ',', or identifier")),
            }
        }
    }

    fn exact_value(&mut self) -> Result<BTreeSet<String>, String> {
        if matches!(self.look(VALUES).0, Token::End | Token::Comma) {
            return Ok(BTreeSet::from([String::new()]));
        }
        match self.take(VALUES) {
            (Token::Identifier, text) => Ok(BTreeSet::from([text])),
            (_, text) => Err(format!("found '{text}', expected: identifier")),
        }
    }
}

fn check_values(key: &str, operator: Operator, values: &BTreeSet<String>) -> Result<(), String> {
    let mut errors = Vec::new();
    if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
        let wrong = values.iter().filter(|text| text.parse::<i64>().is_err());
        errors.extend(wrong.map(|text| {
            format!("values[0]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be an integer")
        }));
    }
    errors.extend(values.iter().enumerate().filter_map(|(index, value)| {
        let rule = names::label_value(value)?;
        Some(format!(
            "values[{index}][{key}]: Invalid value: {value:?}: {rule}"
        ))
    }));
    match errors.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        all => Err(format!("[{}]", all.join(", "))),
    }
}

/// Reads a selector; the requirements are in the order of their keys.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser {
        tokens: scan(text),
        at: 0,
    };
    let mut requirements = Vec::new();
    loop {
        match parser.look(VALUES) {
            (Token::Identifier | Token::Not, _) => {}
            (Token::End, _) => break,
            (_, text) => {
                return Err(format!(
                    "found '{text}', expected: !, identifier, or 'end of string'"
                ));
            }
        }
        let requirement = parser.requirement();
        requirements
            .push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
        match parser.take(VALUES) {
            (Token::End, _) => break,
            (Token::Comma, _) => match parser.look(VALUES) {
                (Token::Identifier | Token::Not, _) => {}
                (_, text) => {
                    return Err(format!("found '{text}', expected: identifier after ','"));
                }
            },
            (_, text) => return Err(format!("found '{text}', expected: ',' or 'end of string'")),
        }
    }
    requirements.sort();
    Ok(requirements)
}
