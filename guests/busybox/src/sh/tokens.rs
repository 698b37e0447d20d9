//! Reads the tokens between words: POSIX' shell command language, section 2.3.

use super::parser::{Parsed, Parser, SyntaxError};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    End,
    Newline,
    /// Control operators.
    Operator(&'static str),
    /// `<`, `>>`, … with the number before it.
    Redirect(Option<u32>, &'static str),
    Word,
}

const RESERVED: [&str; 16] = [
    "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then",
    "until", "while",
];

impl Parser<'_> {
    pub(super) fn plain_word(&mut self) -> Parsed<String> {
        let start = self.position;
        self.word()?;
        Ok(self.source[start..self.position].to_owned())
    }

    pub(super) fn expect_reserved(&mut self, word: &'static str) -> Parsed<()> {
        if self.take_reserved(word)? {
            Ok(())
        } else {
            Err(self.unexpected(Some(word)))
        }
    }

    pub(super) fn take_reserved(&mut self, word: &'static str) -> Parsed<bool> {
        let found = self.peek_reserved()? == Some(word);
        if found {
            self.advance_word(word);
        }
        Ok(found)
    }

    pub(super) fn advance_word(&mut self, word: &str) {
        self.position += word.len();
    }

    pub(super) fn peek_reserved(&mut self) -> Parsed<Option<&'static str>> {
        if self.peek()? != Token::Word {
            return Ok(None);
        }
        let rest = &self.source[self.position..];
        let end = rest
            .find(|c: char| " \t\n;&|<>()".contains(c))
            .unwrap_or(rest.len());
        Ok(RESERVED.iter().find(|word| **word == &rest[..end]).copied())
    }

    pub(super) fn take_operator(&mut self, operator: &'static str) -> Parsed<bool> {
        let found = self.peek()? == Token::Operator(operator);
        if found {
            self.position += operator.len();
        }
        Ok(found)
    }

    pub(super) fn skip_newlines(&mut self) -> Parsed<()> {
        while self.peek()? == Token::Newline {
            self.newline();
        }
        Ok(())
    }

    /// Steps over the newline at the position, and the here-documents that follow it.
    pub(super) fn newline(&mut self) {
        match self.here_end {
            Some((newline, end)) if newline <= self.position => {
                self.position = end;
                self.here_end = None;
            }
            _ => self.position += 1,
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        let bytes = self.source.as_bytes();
        loop {
            match bytes.get(self.position) {
                Some(b' ' | b'\t' | b'\r') => self.position += 1,
                Some(b'\\') if bytes.get(self.position + 1) == Some(&b'\n') => self.position += 2,
                Some(b'#') => {
                    let rest = &self.source[self.position..];
                    self.position += rest.find('\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// What stands at the position, after blanks and comments.
    pub(super) fn peek(&mut self) -> Parsed<Token> {
        self.skip_blanks();
        let rest = &self.source[self.position..];
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        if first == '\n' {
            return Ok(Token::Newline);
        }
        for operator in ["&&", "||", ";;", "&", "|", ";", "(", ")"] {
            if rest.starts_with(operator) {
                return Ok(Token::Operator(operator));
            }
        }
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        for operator in ["<<-", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"] {
            if rest[digits..].starts_with(operator) {
                let number = if digits == 0 {
                    None
                } else {
                    rest[..digits].parse().ok()
                };
                if digits == 0 || number.is_some_and(|number| number < super::DESCRIPTOR_MAX) {
                    return Ok(Token::Redirect(number, operator));
                }
            }
        }
        Ok(Token::Word)
    }

    pub(super) fn skip_redirect(&mut self, operator: &str) {
        while self
            .source
            .as_bytes()
            .get(self.position)
            .is_some_and(u8::is_ascii_digit)
        {
            self.position += 1;
        }
        self.position += operator.len();
    }

    pub(super) fn unexpected(&mut self, expecting: Option<&str>) -> SyntaxError {
        let hint = expecting.map_or(String::new(), |word| format!(" (expecting \"{word}\")"));
        let what = match self.peek() {
            Err(error) => return error,
            Ok(Token::End) => {
                return SyntaxError::Incomplete(format!("unexpected end of file{hint}"));
            }
            Ok(Token::Newline) => "newline".to_owned(),
            Ok(Token::Operator(operator)) => format!("\"{operator}\""),
            Ok(Token::Redirect(..)) => "redirection".to_owned(),
            Ok(Token::Word) => match self.peek_reserved() {
                Ok(Some(word)) => format!("\"{word}\""),
                _ => "word".to_owned(),
            },
        };
        SyntaxError::Wrong(format!("unexpected {what}{hint}"))
    }
}
