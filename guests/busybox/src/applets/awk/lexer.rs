//! Words of a program.

use super::value::leading_number;
use std::rc::Rc;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(Rc<str>),
    /// Source of a regular expression.
    Regex(String),
    /// A name; true if a `(` follows at once.
    Name(String, bool),
    /// A word with a meaning of its own, an operator or a delimiter.
    Word(&'static str),
    Newline,
    End,
}

const KEYWORDS: [&str; 20] = [
    "BEGIN", "END", "break", "continue", "delete", "do", "else", "exit", "for", "func", "function",
    "getline", "if", "in", "next", "nextfile", "print", "printf", "return", "while",
];

/// Longer ones first.
const OPERATORS: [&str; 46] = [
    "**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "**", "==", "<=", ">=",
    "!=", "!~", ">>", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!",
    ">", "<", "|", "?", ":", "~", "$", "=", "@", "&", ".", "#", "`",
];

/// A token and the line it stands in.
pub(super) type Placed = (Token, usize);

/// Splits a program. An error has the line before it, as busybox prints it.
pub(super) fn tokens(source: &str) -> Result<Vec<Placed>, String> {
    let mut lexer = Lexer {
        rest: source,
        line: 1,
        tokens: Vec::new(),
    };
    while lexer.next()? {}
    let line = lexer.line;
    lexer.tokens.push((Token::Newline, line));
    lexer.tokens.push((Token::End, line));
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Placed>,
}

impl<'a> Lexer<'a> {
    fn push(&mut self, token: Token) {
        self.tokens.push((token, self.line));
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Whether a `/` here begins a regular expression: it cannot divide.
    fn regex_may_begin(&self) -> bool {
        match self.tokens.last() {
            None => true,
            Some((token, _)) => match token {
                Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(..) => false,
                Token::Word(word) => !matches!(*word, ")" | "]" | "$" | "++" | "--" | "getline"),
                Token::Newline | Token::End => true,
            },
        }
    }

    /// Reads one token; false at the end.
    fn next(&mut self) -> Result<bool, String> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(false);
        };
        match first {
            ' ' | '\t' | '\r' => {
                self.take(1);
            }
            '\n' => {
                self.push(Token::Newline);
                self.take(1);
                self.line += 1;
            }
            '\\' if self.rest.starts_with("\\\n") || self.rest.starts_with("\\\r\n") => {
                let length = self.rest.find('\n').map_or(1, |at| at + 1);
                self.take(length);
                self.line += 1;
            }
            '#' => {
                let length = self.rest.find('\n').unwrap_or(self.rest.len());
                self.take(length);
            }
            '"' => {
                let text = self.delimited('"')?;
                self.push(Token::Text(unescape(&text).into()));
            }
            '/' if self.regex_may_begin() => {
                let source = self.delimited('/')?;
                self.push(Token::Regex(source));
            }
            '0'..='9' | '.' => self.number()?,
            'a'..='z' | 'A'..='Z' | '_' => self.name(),
            _ => self.operator()?,
        }
        Ok(true)
    }

    /// What stands between two delimiters, with its backslashes; one before a `/` is dropped.
    fn delimited(&mut self, delimiter: char) -> Result<String, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, '\n')) => self.line += 1,
                    Some((_, '/')) => text.push('/'),
                    Some((_, escaped)) => text.extend(['\\', escaped]),
                    None => break,
                },
                '\n' => break,
                c if c == delimiter => {
                    self.take(at + 1);
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        let what = if delimiter == '"' { "string" } else { "regex" };
        Err(format!("{}: Unterminated {what}", self.line))
    }

    fn number(&mut self) -> Result<(), String> {
        let digits = self
            .rest
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'7'))
            .count();
        let octal = self.rest.starts_with('0')
            && digits > 1
            && !self.rest[digits..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
        if octal {
            let text = self.take(digits);
            let number = text
                .bytes()
                .fold(0.0, |number, digit| number * 8.0 + f64::from(digit - b'0'));
            self.push(Token::Number(number));
            return Ok(());
        }
        let Some((number, length)) = leading_number(self.rest) else {
            return Err(self.unexpected());
        };
        self.take(length);
        self.push(Token::Number(number));
        Ok(())
    }

    fn name(&mut self) {
        let length = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        let name = self.take(length);
        let keyword = KEYWORDS.iter().find(|keyword| **keyword == name);
        let token = match keyword {
            Some(keyword) => Token::Word(keyword),
            None => Token::Name(name.to_owned(), self.rest.starts_with('(')),
        };
        self.push(token);
    }

    fn operator(&mut self) -> Result<(), String> {
        let operator = OPERATORS
            .iter()
            .find(|operator| self.rest.starts_with(**operator));
        let Some(operator) = operator else {
            return Err(self.unexpected());
        };
        self.take(operator.len());
        let word = match *operator {
            "**" => "^",
            "**=" => "^=",
            "@" | "&" | "." | "#" | "`" => return Err(self.unexpected()),
            word => word,
        };
        self.push(Token::Word(word));
        Ok(())
    }

    fn unexpected(&self) -> String {
        format!("{}: Unexpected token", self.line)
    }
}

/// Replaces the escapes of a string.
pub(super) fn unescape(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            output.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => output.push('\n'),
            Some('t') => output.push('\t'),
            Some('r') => output.push('\r'),
            Some('a') => output.push('\x07'),
            Some('b') => output.push('\x08'),
            Some('f') => output.push('\x0c'),
            Some('v') => output.push('\x0b'),
            Some(c @ ('\\' | '"' | '/')) => output.push(c),
            Some(digit @ '0'..='7') => {
                let mut code = digit.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + next;
                    chars.next();
                }
                output += &crate::regex::bytes_as_text(&[code as u8]);
            }
            Some(other) => output.extend(['\\', other]),
            None => output.push('\\'),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_division_from_regular_expressions() {
        let kinds = |source: &str| -> usize {
            let tokens = tokens(source).unwrap();
            tokens
                .iter()
                .filter(|(token, _)| matches!(token, Token::Regex(_)))
                .count()
        };
        assert_eq!(kinds("/a/ {x = b / c / d}"), 1);
        assert_eq!(kinds("$1 ~ /a\\/b/ && (1) / 2"), 1);
        assert_eq!(kinds("!/x/, /y/"), 2);
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(r"a\tb\101\.\\"), "a\tbA\\.\\");
        assert!(tokens("\"a").is_err());
        assert!(tokens("a @ b").is_err());
    }
}
