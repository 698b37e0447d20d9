//! The grammar of `sed` scripts.

use crate::regex::{self, Grammar};
use regex_lite::{Captures, Regex};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub enum Address {
    Line(u64),
    Last,
    /// `first~step`.
    Step(u64, u64),
    /// An empty pattern is the last one used.
    Pattern(Option<Regex>),
    /// `+count`, as a second address.
    More(u64),
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Line(a), Self::Line(b)) if a == b)
    }
}

#[derive(Debug, Clone)]
pub struct Command {
    pub first: Option<Address>,
    pub second: Option<Address>,
    pub negated: bool,
    pub verb: Verb,
}

#[derive(Debug, Clone)]
pub enum Verb {
    /// With the index after its end.
    Block(usize),
    End,
    Label(String),
    Branch {
        kind: char,
        label: String,
    },
    Substitute(Substitute),
    Transliterate(BTreeMap<char, char>),
    Append(String),
    Insert(String),
    Change(String),
    ReadFile(String),
    WriteFile(String),
    Quit {
        print: bool,
        status: u8,
    },
    /// One of `dDpPnNgGhHxl=`.
    Simple(char),
}

#[derive(Debug, Clone)]
pub struct Substitute {
    pub pattern: Option<Regex>,
    replacement: Vec<Piece>,
    global: bool,
    /// The first match that is replaced, counted from 1.
    nth: usize,
    pub print: bool,
    pub file: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Group(usize),
    /// One of `ULulE`.
    Case(char),
}

impl Substitute {
    /// The text after the substitution; none if nothing matches.
    pub fn apply(&self, regex: &Regex, text: &str) -> Option<String> {
        let mut output = String::new();
        let mut end = 0;
        let mut replaced = false;
        for (index, captures) in regex.captures_iter(text).enumerate() {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            if index + 1 < self.nth {
                continue;
            }
            output.push_str(&text[end..whole.start()]);
            self.replace(&captures, &mut output);
            end = whole.end();
            replaced = true;
            if !self.global {
                break;
            }
        }
        output.push_str(&text[end..]);
        replaced.then_some(output)
    }

    fn replace(&self, captures: &Captures<'_>, output: &mut String) {
        let (mut all, mut next) = ('E', 'E');
        for piece in &self.replacement {
            let text = match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Group(group) => captures.get(*group).map_or("", |group| group.as_str()),
                Piece::Case(letter) => {
                    if letter.is_ascii_lowercase() {
                        next = *letter;
                    } else {
                        (all, next) = (*letter, 'E');
                    }
                    continue;
                }
            };
            for c in text.chars() {
                match (std::mem::replace(&mut next, 'E'), all) {
                    ('u', _) | ('E', 'U') => output.extend(c.to_uppercase()),
                    ('l', _) | ('E', 'L') => output.extend(c.to_lowercase()),
                    _ => output.push(c),
                }
            }
        }
    }
}

/// Commands, and whether the script begins with `#n`.
pub fn parse(text: &str, grammar: Grammar) -> Result<(Vec<Command>, bool), String> {
    let quiet = text == "#n" || text.starts_with("#n\n");
    let mut script = Script {
        chars: text.chars().collect(),
        at: 0,
        grammar,
    };
    let mut commands: Vec<Command> = Vec::new();
    let mut open = Vec::new();
    loop {
        script.skip(|c| c.is_whitespace() || c == ';');
        let Some(c) = script.peek() else { break };
        if c == '#' {
            script.skip(|c| c != '\n');
            continue;
        }
        let first = script.address()?;
        script.skip(|c| c == ' ');
        let mut second = None;
        if first.is_some() && script.take(',') {
            script.skip(|c| c == ' ');
            second = Some(script.address()?.ok_or("no address after comma")?);
        }
        script.skip(|c| c == ' ');
        let mut negated = false;
        while script.take('!') {
            negated = true;
            script.skip(|c| c == ' ');
        }
        let verb = script.verb()?;
        match &verb {
            Verb::Block(_) => open.push(commands.len()),
            Verb::End => {
                let start: usize = open.pop().ok_or("unexpected '}'")?;
                commands[start].verb = Verb::Block(commands.len());
            }
            _ => {}
        }
        commands.push(Command {
            first,
            second,
            negated,
            verb,
        });
    }
    if open.is_empty() {
        Ok((commands, quiet))
    } else {
        Err("unmatched '{'".to_owned())
    }
}

struct Script {
    chars: Vec<char>,
    at: usize,
    grammar: Grammar,
}

impl Script {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn skip(&mut self, while_: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&while_) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        self.skip(|c| c.is_ascii_digit());
        self.chars[start..self.at]
            .iter()
            .collect::<String>()
            .parse()
            .ok()
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        Ok(Some(match self.peek() {
            Some('$') => {
                self.at += 1;
                Address::Last
            }
            Some('+') => {
                self.at += 1;
                Address::More(self.number().unwrap_or(0))
            }
            Some(c) if c.is_ascii_digit() => {
                let first = self.number().unwrap_or(u64::MAX);
                if self.take('~') {
                    Address::Step(first, self.number().unwrap_or(0))
                } else {
                    Address::Line(first)
                }
            }
            Some('/') => {
                self.at += 1;
                self.pattern_address('/')?
            }
            Some('\\') => {
                self.at += 1;
                let delimiter = self.next().ok_or("bad address")?;
                self.pattern_address(delimiter)?
            }
            _ => return Ok(None),
        }))
    }

    fn pattern_address(&mut self, delimiter: char) -> Result<Address, String> {
        let pattern = self.delimited(delimiter, true)?;
        let ignore_case = self.take('I');
        Ok(Address::Pattern(self.compile(&pattern, ignore_case)?))
    }

    fn compile(&self, pattern: &str, ignore_case: bool) -> Result<Option<Regex>, String> {
        if pattern.is_empty() {
            return Ok(None);
        }
        regex::compile(pattern, self.grammar, ignore_case).map(Some)
    }

    /// Text up to an unescaped delimiter. Escapes stay, except that of the delimiter.
    fn delimited(&mut self, delimiter: char, is_pattern: bool) -> Result<String, String> {
        let mut text = String::new();
        let mut in_set = false;
        loop {
            let c = self.next().ok_or("unterminated regex or replacement")?;
            match c {
                '\\' if !in_set => match self.next().ok_or("unterminated regex or replacement")? {
                    escaped if escaped == delimiter => {
                        if is_pattern && delimiter != '/' && "|()+?{}".contains(delimiter) {
                            text.push('\\');
                        }
                        text.push(escaped);
                    }
                    escaped => text.extend(['\\', escaped]),
                },
                '[' if is_pattern && !in_set => {
                    in_set = true;
                    text.push(c);
                    for early in ['^', ']'] {
                        if self.take(early) {
                            text.push(early);
                        }
                    }
                }
                ']' if in_set => {
                    in_set = false;
                    text.push(c);
                }
                c if c == delimiter && !in_set => return Ok(text),
                c => text.push(c),
            }
        }
    }

    fn verb(&mut self) -> Result<Verb, String> {
        let letter = self.next().ok_or("missing command")?;
        Ok(match letter {
            '{' => Verb::Block(0),
            '}' => Verb::End,
            ':' => Verb::Label(self.label()),
            'b' | 't' | 'T' => Verb::Branch {
                kind: letter,
                label: self.label(),
            },
            's' => self.substitute()?,
            'y' => self.transliterate()?,
            'a' | 'i' | 'c' => {
                let text = self.text();
                match letter {
                    'a' => Verb::Append(text),
                    'i' => Verb::Insert(text),
                    _ => Verb::Change(text),
                }
            }
            'r' => Verb::ReadFile(self.rest_of_line()),
            'w' => Verb::WriteFile(self.rest_of_line()),
            'q' | 'Q' => {
                self.skip(|c| c == ' ');
                let status = self.number().unwrap_or(0);
                Verb::Quit {
                    print: letter == 'q',
                    status: status as u8,
                }
            }
            letter if "dDpPnNgGhHxl=".contains(letter) => Verb::Simple(letter),
            letter => return Err(format!("unsupported command {letter}")),
        })
    }

    fn label(&mut self) -> String {
        self.skip(|c| c == ' ');
        let start = self.at;
        self.skip(|c| !c.is_whitespace() && c != ';' && c != '}');
        self.chars[start..self.at].iter().collect()
    }

    fn rest_of_line(&mut self) -> String {
        self.skip(|c| c == ' ');
        let start = self.at;
        self.skip(|c| c != '\n');
        self.chars[start..self.at].iter().collect()
    }

    /// The text of `a`, `i` and `c`: the rest of the line, or the lines after a backslash.
    fn text(&mut self) -> String {
        self.skip(|c| c == ' ' || c == '\t');
        if self.take('\\') {
            self.skip(|c| c == ' ' || c == '\t');
            self.take('\n');
        }
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\n' => break,
                '\\' => text.extend(self.next()),
                c => text.push(c),
            }
        }
        text
    }

    fn substitute(&mut self) -> Result<Verb, String> {
        let delimiter = self
            .next()
            .filter(|c| *c != '\n' && *c != '\\')
            .ok_or("bad s command")?;
        let pattern = self.delimited(delimiter, true)?;
        let replacement = self.delimited(delimiter, false)?;
        let (mut global, mut nth, mut print, mut ignore_case, mut file) =
            (false, 1, false, false, None);
        loop {
            match self.peek() {
                Some('g') => global = true,
                Some('p') => print = true,
                Some('i' | 'I') => ignore_case = true,
                Some('w') => {
                    self.at += 1;
                    file = Some(self.rest_of_line());
                    break;
                }
                Some(c) if c.is_ascii_digit() => {
                    nth = self
                        .number()
                        .filter(|nth| *nth > 0)
                        .ok_or("bad option in s command")? as usize;
                    continue;
                }
                None | Some(';' | '\n' | '}' | ' ' | '#') => break,
                Some(_) => return Err("unknown option to s".to_owned()),
            }
            self.at += 1;
        }
        let pattern = self.compile(&pattern, ignore_case)?;
        let replacement = pieces(&replacement);
        if let Some(regex) = &pattern {
            let groups = regex.captures_len();
            let used = replacement.iter().filter_map(|piece| {
                if let Piece::Group(group) = piece {
                    Some(*group)
                } else {
                    None
                }
            });
            if let Some(group) = used.max().filter(|group| *group >= groups) {
                return Err(format!("invalid reference \\{group} on s command's RHS"));
            }
        }
        Ok(Verb::Substitute(Substitute {
            pattern,
            replacement,
            global,
            nth,
            print,
            file,
        }))
    }

    fn transliterate(&mut self) -> Result<Verb, String> {
        let delimiter = self.next().ok_or("bad y command")?;
        let plain = |text: String| {
            text.replace("\\n", "\n")
                .replace("\\t", "\t")
                .replace("\\\\", "\\")
        };
        let from = plain(self.delimited(delimiter, false)?);
        let to = plain(self.delimited(delimiter, false)?);
        if from.chars().count() != to.chars().count() {
            return Err("strings for y command are different lengths".to_owned());
        }
        let mut map = BTreeMap::new();
        for (from, to) in from.chars().zip(to.chars()) {
            map.entry(from).or_insert(to);
        }
        Ok(Verb::Transliterate(map))
    }
}

fn pieces(replacement: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        let special = match c {
            '&' => Some(Piece::Group(0)),
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') => Some(Piece::Group(digit as usize - '0' as usize)),
                Some(case @ ('U' | 'L' | 'u' | 'l' | 'E')) => Some(Piece::Case(case)),
                Some('n') => {
                    text.push('\n');
                    None
                }
                Some('t') => {
                    text.push('\t');
                    None
                }
                other => {
                    text.extend(other);
                    None
                }
            },
            c => {
                text.push(c);
                None
            }
        };
        if let Some(piece) = special {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(piece);
        }
    }
    pieces.push(Piece::Text(text));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_wrong_scripts() {
        for (text, expected) in [
            ("k", "unsupported command k"),
            ("s/a/b", "unterminated regex or replacement"),
            ("s/a/b/z", "unknown option to s"),
            ("y/ab/c/", "strings for y command are different lengths"),
            ("{p", "unmatched '{'"),
            ("p}", "unexpected '}'"),
            ("s/a/\\1/", "invalid reference \\1 on s command's RHS"),
            ("1,p", "no address after comma"),
        ] {
            assert_eq!(
                parse(text, Grammar::Basic).err().as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }
}
