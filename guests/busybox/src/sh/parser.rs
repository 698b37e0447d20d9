//! The grammar of commands: POSIX' shell command language, section 2.10. [`super::words`] reads what is inside words.
//!
//! Written here rather than taken from `brush-parser`: its grammar of bash would be a third of this program's size,
//! and the parts of a script that go to a subshell must be serializable.

use super::ast::{
    Chain, Command, Compound, Item, Joint, List, Part, Pipeline, Redirect, RedirectKind, Simple,
    Word,
};
use super::tokens::Token;
use std::rc::Rc;

/// Nested commands and substitutions a script may have; deeper ones would overflow the stack.
const DEPTH_MAX: u32 = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyntaxError {
    /// More input could complete the command; says what is missing.
    Incomplete(String),
    /// No input could.
    Wrong(String),
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete(text) | Self::Wrong(text) => write!(f, "syntax error: {text}"),
        }
    }
}

pub type Parsed<T> = Result<T, SyntaxError>;

/// Reads one complete command after another from a text.
#[derive(Debug)]
pub struct Parser<'a> {
    pub(super) source: &'a str,
    pub(super) position: usize,
    /// Where here-documents end that begin after the newline at the first position.
    pub(super) here_end: Option<(usize, usize)>,
    pub(super) depth: u32,
    /// Lines before the source.
    line_base: u32,
    counted: (usize, u32),
}

impl<'a> Parser<'a> {
    pub fn new(source: &'a str, line_base: u32) -> Self {
        Self {
            source,
            position: 0,
            here_end: None,
            depth: 0,
            line_base,
            counted: (0, 1),
        }
    }

    /// Reads a text that stands inside the source of `outer`.
    pub(super) fn nested(source: &'a str, outer: &mut Parser<'_>) -> Self {
        Self {
            depth: outer.depth,
            ..Self::new(source, outer.line() - 1)
        }
    }

    /// Bytes of the source that are read.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The line being read, counted from 1.
    pub fn line(&mut self) -> u32 {
        let (from, lines) = self.counted;
        if self.position >= from {
            let more = self.source.as_bytes()[from..self.position]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            self.counted = (self.position, lines + more as u32);
        }
        self.line_base + self.counted.1
    }

    /// The next command up to the end of its line, or none at the end of the source.
    pub fn next_command(&mut self) -> Parsed<Option<List>> {
        loop {
            match self.peek()? {
                Token::End => return Ok(None),
                Token::Newline => self.newline(),
                _ => break,
            }
        }
        let mut list = List::new();
        loop {
            let chain = self.chain()?;
            let background = self.take_operator("&")?;
            list.push(Item { chain, background });
            if !background && !self.take_operator(";")? {
                break;
            }
            if matches!(self.peek()?, Token::End | Token::Newline) {
                break;
            }
        }
        match self.peek()? {
            Token::Newline => self.newline(),
            Token::End => {}
            _ => return Err(self.unexpected(None)),
        }
        Ok(Some(list))
    }

    /// Everything up to the end of the source.
    pub fn all(&mut self) -> Parsed<List> {
        let mut all = List::new();
        while let Some(list) = self.next_command()? {
            all.extend(list);
        }
        Ok(all)
    }

    pub(super) fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            Err(SyntaxError::Wrong("nested too deeply".to_owned()))
        } else {
            Ok(())
        }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    fn chain(&mut self) -> Parsed<Chain> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let joint = if self.take_operator("&&")? {
                Joint::And
            } else if self.take_operator("||")? {
                Joint::Or
            } else {
                return Ok(Chain { first, rest });
            };
            self.skip_newlines()?;
            rest.push((joint, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        let mut negated = false;
        while self.take_reserved("!")? {
            negated = !negated;
        }
        let mut stages = vec![self.command()?];
        while self.take_operator("|")? {
            self.skip_newlines()?;
            stages.push(self.command()?);
        }
        Ok(Pipeline { negated, stages })
    }

    fn command(&mut self) -> Parsed<Command> {
        self.enter()?;
        let command = self.command_inner();
        self.leave();
        command
    }

    fn command_inner(&mut self) -> Parsed<Command> {
        let compound = if self.take_operator("(")? {
            let list = self.list_until_operator(")")?;
            Some(Compound::Subshell(list))
        } else {
            self.reserved_compound()?
        };
        match compound {
            Some(compound) => {
                let mut redirects = Vec::new();
                while let Token::Redirect(number, operator) = self.peek()? {
                    redirects.push(self.redirect(number, operator)?);
                }
                Ok(Command::Compound(compound, redirects))
            }
            None => self.simple(),
        }
    }

    fn reserved_compound(&mut self) -> Parsed<Option<Compound>> {
        let Some(word) = self.peek_reserved()? else {
            return Ok(None);
        };
        match word {
            "{" | "if" | "while" | "until" | "for" | "case" => self.advance_word(word),
            _ => return Err(self.unexpected(None)),
        }
        Ok(Some(match word {
            "{" => Compound::Brace(self.list_until(&["}"])?.0),
            "if" => self.if_command()?,
            "while" | "until" => {
                let (condition, _) = self.list_until(&["do"])?;
                let (body, _) = self.list_until(&["done"])?;
                Compound::Loop {
                    until: word == "until",
                    condition,
                    body,
                }
            }
            "for" => self.for_command()?,
            _ => self.case_command()?,
        }))
    }

    fn if_command(&mut self) -> Parsed<Compound> {
        let mut arms = Vec::new();
        loop {
            let (condition, _) = self.list_until(&["then"])?;
            let (body, ended_by) = self.list_until(&["elif", "else", "fi"])?;
            arms.push((condition, body));
            let otherwise = match ended_by {
                "elif" => continue,
                "else" => Some(self.list_until(&["fi"])?.0),
                _ => None,
            };
            return Ok(Compound::If { arms, otherwise });
        }
    }

    fn for_command(&mut self) -> Parsed<Compound> {
        self.skip_blanks();
        let name = match self.peek()? {
            Token::Word => self.plain_word()?,
            _ => return Err(self.unexpected(None)),
        };
        if !super::is_name(&name) {
            return Err(SyntaxError::Wrong("bad for loop variable".to_owned()));
        }
        let mut words = None;
        self.skip_newlines()?;
        if self.take_reserved("in")? {
            let mut list = Vec::new();
            while self.peek()? == Token::Word {
                list.push(self.word()?);
            }
            words = Some(list);
            if !self.take_operator(";")? && self.peek()? != Token::Newline {
                return Err(self.unexpected(None));
            }
        } else {
            self.take_operator(";")?;
        }
        self.skip_newlines()?;
        self.expect_reserved("do")?;
        let (body, _) = self.list_until(&["done"])?;
        Ok(Compound::For { name, words, body })
    }

    fn case_command(&mut self) -> Parsed<Compound> {
        if self.peek()? != Token::Word {
            return Err(self.unexpected(None));
        }
        let word = self.word()?;
        self.skip_newlines()?;
        self.expect_reserved("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.take_reserved("esac")? {
                return Ok(Compound::Case { word, arms });
            }
            self.take_operator("(")?;
            let mut patterns = Vec::new();
            loop {
                if self.peek()? != Token::Word {
                    return Err(self.unexpected(Some(")")));
                }
                patterns.push(self.word()?);
                if !self.take_operator("|")? {
                    break;
                }
            }
            if !self.take_operator(")")? {
                return Err(self.unexpected(Some(")")));
            }
            let mut body = List::new();
            loop {
                self.skip_newlines()?;
                if self.take_operator(";;")? {
                    break;
                }
                if self.peek_reserved()? == Some("esac") {
                    break;
                }
                self.item(&mut body)?;
            }
            arms.push((patterns, body));
        }
    }

    /// One chain and its separator, where a newline counts as one.
    fn item(&mut self, list: &mut List) -> Parsed<()> {
        let chain = self.chain()?;
        let background = self.take_operator("&")?;
        list.push(Item { chain, background });
        if !background && !self.take_operator(";")? && self.peek()? == Token::Newline {
            self.newline();
        }
        Ok(())
    }

    fn list_until(&mut self, ends: &[&'static str]) -> Parsed<(List, &'static str)> {
        let mut list = List::new();
        loop {
            self.skip_newlines()?;
            if let Some(word) = self.peek_reserved()?
                && let Some(end) = ends.iter().find(|end| **end == word)
                && !list.is_empty()
            {
                self.advance_word(end);
                return Ok((list, end));
            }
            match self.peek()? {
                Token::End => return Err(self.unexpected(Some(ends[ends.len() - 1]))),
                Token::Operator(operator) if operator != "(" => {
                    return Err(self.unexpected(Some(ends[ends.len() - 1])));
                }
                _ => self.item(&mut list)?,
            }
        }
    }

    fn list_until_operator(&mut self, end: &'static str) -> Parsed<List> {
        let mut list = List::new();
        loop {
            self.skip_newlines()?;
            if !list.is_empty() && self.take_operator(end)? {
                return Ok(list);
            }
            match self.peek()? {
                Token::End => return Err(self.unexpected(Some(end))),
                Token::Operator(operator) if operator != "(" => return Err(self.unexpected(None)),
                _ => self.item(&mut list)?,
            }
        }
    }

    /// The list of a `$(…)`, whose parenthesis is read.
    pub(super) fn substitution(&mut self) -> Parsed<List> {
        self.enter()?;
        self.skip_newlines()?;
        let list = if self.take_operator(")")? {
            List::new()
        } else {
            self.list_until_operator(")")?
        };
        self.leave();
        Ok(list)
    }

    fn simple(&mut self) -> Parsed<Command> {
        let mut simple = Simple {
            line: self.line(),
            ..Simple::default()
        };
        loop {
            match self.peek()? {
                Token::Redirect(number, operator) => {
                    simple.redirects.push(self.redirect(number, operator)?);
                }
                Token::Word => {
                    if simple.words.is_empty()
                        && let Some(name) = self.take_assignment()
                    {
                        simple.assignments.push((name, self.value()?));
                        continue;
                    }
                    let word = self.word()?;
                    if let Some(name) = self.function_name(&simple, &word)? {
                        self.skip_newlines()?;
                        return Ok(Command::Function(name, Rc::new(self.command()?)));
                    }
                    simple.words.push(word);
                }
                _ => break,
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty() {
            return Err(self.unexpected(None));
        }
        Ok(Command::Simple(simple))
    }

    /// The name, if `word` was the first of a command and `()` follows.
    fn function_name(&mut self, simple: &Simple, word: &Word) -> Parsed<Option<String>> {
        let first =
            simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty();
        if !first || self.peek()? != Token::Operator("(") {
            return Ok(None);
        }
        let [Part::Literal(name)] = word.as_slice() else {
            return Err(self.unexpected(None));
        };
        let name = name.clone();
        self.take_operator("(")?;
        if !self.take_operator(")")? {
            return Err(self.unexpected(Some(")")));
        }
        Ok(Some(name))
    }

    /// `name=` at the position.
    fn take_assignment(&mut self) -> Option<String> {
        let rest = &self.source[self.position..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let name = &rest[..end];
        if !rest[end..].starts_with('=') || !super::is_name(name) {
            return None;
        }
        self.position += end + 1;
        Some(name.to_owned())
    }

    /// What follows `name=`, which may be nothing.
    fn value(&mut self) -> Parsed<Word> {
        let rest = self.source[self.position..].chars().next();
        if rest.is_none_or(|c| " \t\n;&|<>()".contains(c)) {
            Ok(Word::new())
        } else {
            self.word().map(|word| super::words::assigned(&word))
        }
    }

    fn redirect(&mut self, number: Option<u32>, operator: &'static str) -> Parsed<Redirect> {
        self.skip_redirect(operator);
        let (kind, default) = match operator {
            "<" => (RedirectKind::Read, 0),
            ">" => (RedirectKind::Write, 1),
            ">|" => (RedirectKind::Clobber, 1),
            ">>" => (RedirectKind::Append, 1),
            "<>" => (RedirectKind::ReadWrite, 0),
            "<&" => (RedirectKind::Duplicate, 0),
            ">&" => (RedirectKind::Duplicate, 1),
            _ => (RedirectKind::Here, 0),
        };
        let number = number.unwrap_or(default);
        if self.peek()? != Token::Word {
            return Err(
                if kind == RedirectKind::Duplicate || self.peek()? != Token::End {
                    self.unexpected(None)
                } else {
                    SyntaxError::Wrong("unexpected redirection".to_owned())
                },
            );
        }
        let target = match operator {
            "<<" | "<<-" => self.here_document(operator == "<<-")?,
            _ => self.word()?,
        };
        Ok(Redirect {
            number,
            kind,
            target,
        })
    }
}
