//! The grammar inside words: quoting, parameters, substitutions, here-documents.

use super::ast::{List, Operation, Parameter, Part, Word};
use super::parser::{Parsed, Parser, SyntaxError};

/// Where a piece of a word stands; decides what ends it and what its quotes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Word,
    /// After the operator of `${name…}`.
    Braced {
        quoted: bool,
    },
    /// The pattern of `${name/pattern/with}`, or the offset of `${name:offset:length}`.
    Until(char),
    DoubleQuotes,
    Here,
    Arithmetic,
}

impl Context {
    fn ends_at(self, c: char) -> bool {
        match self {
            Self::Word => " \t\n;&|<>()".contains(c),
            Self::Braced { .. } => c == '}',
            Self::Until(end) => c == end || c == '}',
            Self::DoubleQuotes => c == '"',
            Self::Here | Self::Arithmetic => false,
        }
    }

    /// Whether the text already stands between double quotes, or as if it did.
    fn is_quoted(self) -> bool {
        match self {
            Self::Word | Self::Until(_) => false,
            Self::Braced { quoted } => quoted,
            Self::DoubleQuotes | Self::Here | Self::Arithmetic => true,
        }
    }

    /// Whether a backslash takes the meaning of `c`; otherwise it stands for itself.
    fn escapes(self, c: char) -> bool {
        match self {
            Self::Here => "$`\\".contains(c),
            Self::Braced { quoted: true } => "$`\"\\}".contains(c),
            _ if self.is_quoted() => "$`\"\\".contains(c),
            _ => true,
        }
    }
}

/// Parts under construction; characters gather in a literal.
#[derive(Default)]
struct Parts {
    done: Word,
    literal: String,
}

impl Parts {
    fn push(&mut self, part: Part) {
        if !self.literal.is_empty() {
            self.done
                .push(Part::Literal(std::mem::take(&mut self.literal)));
        }
        self.done.push(part);
    }

    fn finish(mut self) -> Word {
        if !self.literal.is_empty() {
            self.done.push(Part::Literal(self.literal));
        }
        self.done
    }
}

impl Parser<'_> {
    pub(super) fn word(&mut self) -> Parsed<Word> {
        let tilde = self.tilde();
        let mut word = self.parts(Context::Word)?;
        if let Some(tilde) = tilde {
            word.insert(0, tilde);
        }
        Ok(word)
    }

    /// The text of a here-document, which begins after the line the parser is in.
    pub(super) fn here_document(&mut self, strip_tabs: bool) -> Parsed<Word> {
        self.skip_blanks();
        let (delimiter, quoted) = self.delimiter()?;
        let start = match self.here_end {
            Some((_, end)) => end,
            None => self.source[self.position..]
                .find('\n')
                .map_or(self.source.len(), |at| self.position + at + 1),
        };
        let newline = self
            .here_end
            .map_or(start.saturating_sub(1), |(newline, _)| newline);
        let mut body = String::new();
        let mut at = start;
        loop {
            if at >= self.source.len() {
                return Err(SyntaxError::Incomplete(
                    "unterminated here-document".to_owned(),
                ));
            }
            let line_end = self.source[at..]
                .find('\n')
                .map_or(self.source.len(), |end| at + end + 1);
            let raw = &self.source[at..line_end];
            let line = if strip_tabs {
                raw.trim_start_matches('\t')
            } else {
                raw
            };
            at = line_end;
            if line.strip_suffix('\n').unwrap_or(line) == delimiter {
                break;
            }
            body.push_str(line);
        }
        self.here_end = Some((newline, at));
        if quoted {
            Ok(vec![Part::Quoted(body)])
        } else {
            self.here_text(&body)
        }
    }

    /// The text of a here-document whose delimiter is not quoted.
    fn here_text(&mut self, body: &str) -> Parsed<Word> {
        let text = Parser::nested(body, self).parts(Context::Here)?;
        Ok(vec![Part::DoubleQuoted(text)])
    }

    /// The delimiter of a here-document without its quotes, and whether it had any.
    fn delimiter(&mut self) -> Parsed<(String, bool)> {
        let start = self.position;
        let word = self.parts(Context::Word)?;
        let raw = &self.source[start..self.position];
        let quoted = raw.contains(['\'', '"', '\\']);
        if !quoted {
            return Ok((raw.to_owned(), false));
        }
        let mut text = String::new();
        fn gather(word: &[Part], text: &mut String) {
            for part in word {
                match part {
                    Part::Literal(piece) | Part::Quoted(piece) => text.push_str(piece),
                    Part::DoubleQuoted(inner) => gather(inner, text),
                    Part::Parameter(_)
                    | Part::Command(_)
                    | Part::Arithmetic(_)
                    | Part::Tilde(_) => {}
                }
            }
        }
        gather(&word, &mut text);
        Ok((text, true))
    }

    fn current(&self) -> Option<char> {
        self.source[self.position..].chars().next()
    }

    fn after(&self, offset: usize) -> Option<char> {
        self.source.get(self.position + offset..)?.chars().next()
    }

    fn tilde(&mut self) -> Option<Part> {
        let rest = self.source[self.position..].strip_prefix('~')?;
        let end = rest
            .find(|c: char| c == '/' || Context::Word.ends_at(c))
            .unwrap_or(rest.len());
        let name = &rest[..end];
        if !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        {
            return None;
        }
        self.position += 1 + end;
        Some(Part::Tilde(name.to_owned()))
    }

    fn parts(&mut self, context: Context) -> Parsed<Word> {
        self.enter()?;
        let mut parts = Parts::default();
        let mut parentheses = 0_u32;
        loop {
            let Some(c) = self.current() else {
                if matches!(context, Context::Word | Context::Here) {
                    break;
                }
                return Err(incomplete(context));
            };
            if context.ends_at(c) {
                break;
            }
            match c {
                '\\' => self.backslash(context, &mut parts),
                '\'' if !context.is_quoted() => parts.push(self.single_quotes()?),
                '"' if context == Context::Arithmetic => self.position += 1,
                '"' if context != Context::Here => {
                    self.position += 1;
                    let inner = self.parts(Context::DoubleQuotes)?;
                    self.position += 1;
                    parts.push(Part::DoubleQuoted(inner));
                }
                '$' => match self.dollar(context)? {
                    Some(part) => parts.push(part),
                    None => parts.literal.push('$'),
                },
                '`' => parts.push(self.backquotes(context)?),
                ')' if context == Context::Arithmetic && parentheses == 0 => {
                    if self.after(1) == Some(')') {
                        break;
                    }
                    return Err(SyntaxError::Wrong("missing '))'".to_owned()));
                }
                _ => {
                    if context == Context::Arithmetic {
                        parentheses += u32::from(c == '(');
                        parentheses -= u32::from(c == ')');
                    }
                    parts.literal.push(c);
                    self.position += c.len_utf8();
                }
            }
        }
        self.leave();
        Ok(parts.finish())
    }

    fn backslash(&mut self, context: Context, parts: &mut Parts) {
        self.position += 1;
        match self.current() {
            Some('\n') => self.position += 1,
            Some(c) if context.escapes(c) => {
                parts.push(Part::Quoted(c.to_string()));
                self.position += c.len_utf8();
            }
            Some(_) => parts.literal.push('\\'),
            None => parts.push(Part::Quoted("\\".to_owned())),
        }
    }

    fn single_quotes(&mut self) -> Parsed<Part> {
        let start = self.position + 1;
        let length = self.source[start..]
            .find('\'')
            .ok_or_else(|| incomplete(Context::DoubleQuotes))?;
        self.position = start + length + 1;
        Ok(Part::Quoted(self.source[start..start + length].to_owned()))
    }

    /// What a `$` at the position begins; none if it stands for itself, and then it is read.
    fn dollar(&mut self, context: Context) -> Parsed<Option<Part>> {
        self.position += 1;
        let Some(c) = self.current() else {
            return Ok(None);
        };
        if self.source[self.position..].starts_with("((")
            && let Some(expression) = self.arithmetic()?
        {
            return Ok(Some(Part::Arithmetic(expression)));
        }
        match c {
            '(' => {
                self.position += 1;
                Ok(Some(Part::Command(self.substitution()?)))
            }
            '{' => {
                self.position += 1;
                self.braced(context.is_quoted()).map(Some)
            }
            _ => {
                let name = self.parameter_name(false);
                Ok((!name.is_empty()).then(|| parameter(name, Operation::Value)))
            }
        }
    }

    /// `((…))` at the position; none if it is a subshell in a command substitution.
    fn arithmetic(&mut self) -> Parsed<Option<Word>> {
        let (start, depth) = (self.position, self.depth);
        self.position += 2;
        match self.parts(Context::Arithmetic) {
            Ok(expression) => {
                self.position += 2;
                Ok(Some(expression))
            }
            Err(SyntaxError::Incomplete(text)) => Err(SyntaxError::Incomplete(text)),
            Err(SyntaxError::Wrong(_)) => {
                (self.position, self.depth) = (start, depth);
                Ok(None)
            }
        }
    }

    /// A name, a number or a special character; empty if there is none.
    fn parameter_name(&mut self, braced: bool) -> String {
        let rest = &self.source[self.position..];
        let length = match rest.chars().next() {
            Some(c) if c.is_ascii_digit() && !braced => 1,
            Some(c) if c.is_ascii_digit() => rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len()),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len()),
            Some(c) if "@*#?-$!".contains(c) => 1,
            _ => 0,
        };
        let name = rest[..length].to_owned();
        self.position += length;
        name
    }

    fn braced(&mut self, quoted: bool) -> Parsed<Part> {
        if self.current() == Some('#') && self.after(1) != Some('}') {
            let start = self.position;
            self.position += 1;
            let name = self.parameter_name(true);
            if !name.is_empty() && self.current() == Some('}') {
                self.position += 1;
                return Ok(parameter(name, Operation::Length));
            }
            self.position = start;
        }
        let name = self.parameter_name(true);
        if name.is_empty() {
            return Err(if self.current().is_none() {
                incomplete(Context::Word)
            } else {
                bad_substitution()
            });
        }
        let operation = self.operation(quoted)?;
        if self.current() != Some('}') {
            return Err(bad_substitution());
        }
        self.position += 1;
        Ok(parameter(name, operation))
    }

    fn operation(&mut self, quoted: bool) -> Parsed<Operation> {
        let colon = self.current() == Some(':');
        let offset = usize::from(colon);
        let Some(operator) = self.after(offset) else {
            return Err(incomplete(Context::Word));
        };
        if colon && !"-=?+".contains(operator) {
            self.position += 1;
            return self.substring();
        }
        if operator == '}' {
            return Ok(Operation::Value);
        }
        self.position += offset + operator.len_utf8();
        Ok(match operator {
            '-' => Operation::Default {
                colon,
                word: self.parts(Context::Braced { quoted })?,
            },
            '=' => Operation::Assign {
                colon,
                word: self.parts(Context::Braced { quoted })?,
            },
            '?' => Operation::Error {
                colon,
                word: self.parts(Context::Braced { quoted })?,
            },
            '+' => Operation::Alternative {
                colon,
                word: self.parts(Context::Braced { quoted })?,
            },
            '#' | '%' => {
                let longest = self.current() == Some(operator);
                self.position += usize::from(longest);
                let pattern = self.parts(Context::Braced { quoted: false })?;
                match operator {
                    '#' => Operation::RemovePrefix { longest, pattern },
                    _ => Operation::RemoveSuffix { longest, pattern },
                }
            }
            '/' => {
                let all = self.current() == Some('/');
                self.position += usize::from(all);
                let pattern = self.parts(Context::Until('/'))?;
                let mut with = Word::new();
                if self.current() == Some('/') {
                    self.position += 1;
                    with = self.parts(Context::Braced { quoted: false })?;
                }
                Operation::Replace { all, pattern, with }
            }
            _ => return Err(bad_substitution()),
        })
    }

    fn substring(&mut self) -> Parsed<Operation> {
        let offset = self.parts(Context::Until(':'))?;
        let mut length = None;
        if self.current() == Some(':') {
            self.position += 1;
            length = Some(self.parts(Context::Braced { quoted: true })?);
        }
        Ok(Operation::Substring { offset, length })
    }

    fn backquotes(&mut self, context: Context) -> Parsed<Part> {
        self.position += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.current() else {
                return Err(incomplete(Context::DoubleQuotes));
            };
            self.position += c.len_utf8();
            match (c, self.current()) {
                ('`', _) => break,
                ('\\', Some(escaped)) => {
                    let meant = "`\\$".contains(escaped)
                        || (context == Context::DoubleQuotes && escaped == '"');
                    if !meant {
                        text.push('\\');
                    }
                    text.push(escaped);
                    self.position += escaped.len_utf8();
                }
                _ => text.push(c),
            }
        }
        let list: List = Parser::nested(&text, self).all().map_err(never_complete)?;
        Ok(Part::Command(list))
    }
}

/// A word that is assigned: a tilde counts at its start and after each colon.
pub(super) fn assigned(word: &[Part]) -> Word {
    let mut result = Word::new();
    for (index, part) in word.iter().enumerate() {
        let Part::Literal(text) = part else {
            result.push(part.clone());
            continue;
        };
        let mut rest = text.as_str();
        let mut at_start = index == 0;
        while let Some(at) = tilde_in(rest, at_start) {
            result.push(Part::Literal(rest[..at].to_owned()));
            result.push(Part::Tilde(String::new()));
            rest = &rest[at + 1..];
            at_start = false;
        }
        result.push(Part::Literal(rest.to_owned()));
    }
    result
}

/// Where a tilde stands for the home directory.
fn tilde_in(text: &str, at_start: bool) -> Option<usize> {
    let counts = |at: &usize| {
        let begins = (*at == 0 && at_start) || text[..*at].ends_with(':');
        begins && matches!(text[at + 1..].chars().next(), None | Some('/' | ':'))
    };
    text.match_indices('~').map(|(at, _)| at).find(counts)
}

/// More input cannot complete what backquotes have closed.
fn never_complete(error: SyntaxError) -> SyntaxError {
    match error {
        SyntaxError::Incomplete(text) | SyntaxError::Wrong(text) => SyntaxError::Wrong(text),
    }
}

fn parameter(name: String, operation: Operation) -> Part {
    Part::Parameter(Box::new(Parameter { name, operation }))
}

fn bad_substitution() -> SyntaxError {
    SyntaxError::Wrong("bad substitution".to_owned())
}

fn incomplete(context: Context) -> SyntaxError {
    SyntaxError::Incomplete(match context {
        Context::DoubleQuotes => "unterminated quoted string".to_owned(),
        Context::Arithmetic => "missing '))'".to_owned(),
        _ => "missing '}'".to_owned(),
    })
}
