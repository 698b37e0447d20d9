//! Runs a script over lines.

use super::script::{Address, Command, Verb};
use crate::regex;
use crate::sys::{Desc, How};
use crate::tool::{Input, Ran, Tool};
use regex_lite::Regex;
use std::collections::{BTreeMap, VecDeque};

/// Commands one line may take; a script that needs more has no end.
const STEPS_MAX: u64 = 100_000_000;

/// Whether a range of addresses has begun.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Active {
    No,
    Yes,
    /// Up to and including this line.
    Until(u64),
}

pub(super) struct Editor {
    commands: Vec<Command>,
    labels: BTreeMap<String, usize>,
    active: Vec<Active>,
    quiet: bool,
    /// Files of `w`, opened when first written.
    files: BTreeMap<String, Desc>,
    hold: String,
    number: u64,
    /// What `a` and `r` print after the line.
    appended: Vec<Vec<u8>>,
    last_regex: Option<Regex>,
    /// Where output goes with `-i`.
    pub(super) output: Option<Vec<u8>>,
    pub(super) status: u8,
}

/// Reads one line ahead, to know the last one.
struct Lines {
    paths: VecDeque<String>,
    current: Option<Input>,
    next: Option<Vec<u8>>,
    failed: bool,
}

impl Lines {
    fn fetch(&mut self, tool: &mut Tool) -> Result<(), String> {
        loop {
            if let Some(input) = &mut self.current {
                self.next = input.line(tool)?;
                if self.next.is_some() {
                    return Ok(());
                }
                self.current = None;
            }
            let Some(path) = self.paths.pop_front() else {
                return Ok(());
            };
            self.current = tool.open_briefly(&path);
            self.failed |= self.current.is_none();
        }
    }

    fn take(&mut self, tool: &mut Tool) -> Result<Option<Vec<u8>>, String> {
        let line = self.next.take();
        if line.is_some() {
            self.fetch(tool)?;
        }
        Ok(line)
    }
}

/// How a cycle ended.
enum End {
    Next,
    /// Without printing.
    Delete,
    /// Starts over with what is left of the pattern space.
    Again,
    Quit {
        print: bool,
    },
}

/// The line being edited.
struct Space {
    text: String,
    /// The input's last line may lack its newline; so does the output then.
    newline: bool,
    replaced: bool,
}

impl Editor {
    pub(super) fn new(commands: Vec<Command>, quiet: bool) -> Self {
        let label = |(at, command): (usize, &Command)| match &command.verb {
            Verb::Label(name) => Some((name.clone(), at)),
            _ => None,
        };
        Self {
            labels: commands.iter().enumerate().filter_map(label).collect(),
            active: vec![Active::No; commands.len()],
            commands,
            quiet,
            files: BTreeMap::new(),
            hold: String::new(),
            number: 0,
            appended: Vec::new(),
            last_regex: None,
            output: None,
            status: 0,
        }
    }

    /// Makes the next run one of its own, whose output is kept.
    pub(super) fn begin_file(&mut self) {
        self.number = 0;
        self.active.fill(Active::No);
        self.output = Some(Vec::new());
    }

    pub(super) fn run(&mut self, tool: &mut Tool, paths: VecDeque<String>) -> Ran {
        let mut lines = Lines {
            paths,
            current: None,
            next: None,
            failed: false,
        };
        lines.fetch(tool)?;
        let mut again: Option<Space> = None;
        loop {
            let mut space = match again.take() {
                Some(space) => space,
                None => match lines.take(tool)? {
                    Some(line) => self.space(&line),
                    None => break,
                },
            };
            let end = self.cycle(tool, &mut space, &mut lines)?;
            let print = match end {
                End::Next => true,
                End::Quit { print } => print,
                End::Delete | End::Again => false,
            };
            if print && !self.quiet {
                self.emit(tool, &space.text, space.newline);
            }
            for text in std::mem::take(&mut self.appended) {
                self.write(tool, &text);
            }
            match end {
                End::Quit { .. } => return Ok(self.status),
                End::Again => again = Some(space),
                End::Next | End::Delete => {}
            }
        }
        Ok(if lines.failed { 1 } else { self.status })
    }

    fn space(&mut self, line: &[u8]) -> Space {
        self.number += 1;
        let newline = line.last() == Some(&b'\n');
        let body = if newline {
            &line[..line.len() - 1]
        } else {
            line
        };
        Space {
            text: regex::decode(body),
            newline,
            replaced: false,
        }
    }

    fn write(&mut self, tool: &mut Tool, bytes: &[u8]) {
        match &mut self.output {
            Some(output) => output.extend_from_slice(bytes),
            None => tool.write(bytes),
        }
    }

    fn emit(&mut self, tool: &mut Tool, text: &str, newline: bool) {
        let mut bytes = regex::encode(text);
        if newline {
            bytes.push(b'\n');
        }
        self.write(tool, &bytes);
    }

    fn regex(&mut self, regex: Option<&Regex>) -> Result<Regex, String> {
        if let Some(regex) = regex {
            self.last_regex = Some(regex.clone());
        }
        self.last_regex
            .clone()
            .ok_or_else(|| "no previous regexp".to_owned())
    }

    fn is_at(&mut self, address: &Address, space: &Space, lines: &Lines) -> Result<bool, String> {
        Ok(match address {
            Address::Line(number) => self.number == *number,
            Address::Last => lines.next.is_none(),
            Address::Step(first, 0) => self.number == *first,
            Address::Step(first, step) => {
                self.number >= *first && (self.number - first).is_multiple_of(*step)
            }
            Address::Pattern(pattern) => self.regex(pattern.as_ref())?.is_match(&space.text),
            Address::More(_) => false,
        })
    }

    /// Whether the command at `at` applies to the line.
    fn selects(&mut self, at: usize, space: &Space, lines: &Lines) -> Result<bool, String> {
        let command = self.commands[at].clone();
        let Some(first) = &command.first else {
            return Ok(true);
        };
        let Some(second) = &command.second else {
            return Ok(self.is_at(first, space, lines)? != command.negated);
        };
        let selected = match self.active[at] {
            Active::No => {
                let begins = *first == Address::Line(0) || self.is_at(first, space, lines)?;
                if begins {
                    self.active[at] = match second {
                        Address::Line(last) if *last <= self.number => Active::No,
                        Address::Line(last) => Active::Until(*last),
                        Address::More(0) => Active::No,
                        Address::More(count) => Active::Until(self.number.saturating_add(*count)),
                        _ => Active::Yes,
                    };
                    if *first == Address::Line(0) && self.is_at(second, space, lines)? {
                        self.active[at] = Active::No;
                    }
                }
                begins && (*first != Address::Line(0) || self.number == 1)
            }
            Active::Until(last) => {
                if self.number >= last {
                    self.active[at] = Active::No;
                }
                self.number <= last
            }
            Active::Yes => {
                if self.is_at(second, space, lines)? {
                    self.active[at] = Active::No;
                }
                true
            }
        };
        Ok(selected != command.negated)
    }

    fn cycle(
        &mut self,
        tool: &mut Tool,
        space: &mut Space,
        lines: &mut Lines,
    ) -> Result<End, String> {
        let mut at = 0;
        let mut steps = 0;
        while at < self.commands.len() {
            steps += 1;
            if steps > STEPS_MAX {
                return Err("the script does not end".to_owned());
            }
            let selected = self.selects(at, space, lines)?;
            let verb = self.commands[at].verb.clone();
            at += 1;
            if !selected {
                if let Verb::Block(end) = verb {
                    at = end;
                }
                continue;
            }
            match verb {
                Verb::Block(_) | Verb::Label(_) | Verb::End => {}
                Verb::Branch { kind, label } => {
                    let taken = match kind {
                        'b' => true,
                        't' => std::mem::take(&mut space.replaced),
                        _ => !std::mem::take(&mut space.replaced),
                    };
                    if taken {
                        at = match label.as_str() {
                            "" => self.commands.len(),
                            label => *self
                                .labels
                                .get(label)
                                .ok_or_else(|| format!("can't find label for jump to '{label}'"))?,
                        };
                    }
                }
                verb => {
                    if let Some(end) = self.apply(tool, &verb, at - 1, space, lines)? {
                        return Ok(end);
                    }
                }
            }
        }
        Ok(End::Next)
    }

    fn apply(
        &mut self,
        tool: &mut Tool,
        verb: &Verb,
        at: usize,
        space: &mut Space,
        lines: &mut Lines,
    ) -> Result<Option<End>, String> {
        match verb {
            Verb::Substitute(substitute) => {
                let regex = self.regex(substitute.pattern.as_ref())?;
                let Some(text) = substitute.apply(&regex, &space.text) else {
                    return Ok(None);
                };
                space.text = text;
                space.replaced = true;
                if substitute.print {
                    self.emit(tool, &space.text.clone(), true);
                }
                if let Some(path) = &substitute.file {
                    self.write_file(tool, path, &space.text.clone())?;
                }
            }
            Verb::Transliterate(map) => {
                space.text = space
                    .text
                    .chars()
                    .map(|c| *map.get(&c).unwrap_or(&c))
                    .collect();
            }
            Verb::Append(text) => self.appended.push(format!("{text}\n").into_bytes()),
            Verb::Insert(text) => self.emit(tool, text, true),
            Verb::Change(text) => {
                if self.commands[at].second.is_none() || self.active[at] == Active::No {
                    self.emit(tool, text, true);
                }
                return Ok(Some(End::Delete));
            }
            Verb::ReadFile(path) => self.appended.extend(std::fs::read(path)),
            Verb::WriteFile(path) => self.write_file(tool, path, &space.text.clone())?,
            Verb::Quit { print, status } => {
                self.status = *status;
                return Ok(Some(End::Quit { print: *print }));
            }
            Verb::Simple(letter) => return self.simple(tool, *letter, space, lines),
            Verb::Block(_) | Verb::Label(_) | Verb::End | Verb::Branch { .. } => {}
        }
        Ok(None)
    }

    fn simple(
        &mut self,
        tool: &mut Tool,
        letter: char,
        space: &mut Space,
        lines: &mut Lines,
    ) -> Result<Option<End>, String> {
        match letter {
            'd' => return Ok(Some(End::Delete)),
            'D' => match space.text.split_once('\n') {
                Some((_, rest)) => {
                    space.text = rest.to_owned();
                    return Ok(Some(End::Again));
                }
                None => return Ok(Some(End::Delete)),
            },
            'p' => self.emit(tool, &space.text.clone(), true),
            'P' => {
                let first = space.text.split('\n').next().unwrap_or("").to_owned();
                self.emit(tool, &first, true);
            }
            'n' => {
                if lines.next.is_none() {
                    return Ok(Some(End::Quit { print: true }));
                }
                if !self.quiet {
                    self.emit(tool, &space.text.clone(), true);
                }
                if let Some(line) = lines.take(tool)? {
                    let replaced = space.replaced;
                    *space = self.space(&line);
                    space.replaced = replaced;
                }
            }
            'N' => match lines.take(tool)? {
                Some(line) => {
                    let next = self.space(&line);
                    space.text.push('\n');
                    space.text.push_str(&next.text);
                    space.newline = next.newline;
                }
                None => return Ok(Some(End::Quit { print: true })),
            },
            'g' => space.text.clone_from(&self.hold),
            'G' => {
                space.text.push('\n');
                space.text.push_str(&self.hold);
            }
            'h' => self.hold.clone_from(&space.text),
            'H' => {
                self.hold.push('\n');
                self.hold.push_str(&space.text);
            }
            'x' => std::mem::swap(&mut space.text, &mut self.hold),
            '=' => {
                let number = self.number.to_string();
                self.emit(tool, &number, true);
            }
            _ => {
                let text = visible(&regex::encode(&space.text));
                self.emit(tool, &text, true);
            }
        }
        Ok(None)
    }

    fn write_file(&mut self, tool: &mut Tool, path: &str, text: &str) -> Result<(), String> {
        let mut bytes = regex::encode(text);
        bytes.push(b'\n');
        match path {
            "/dev/stdout" => self.write(tool, &bytes),
            "/dev/stderr" => tool.write_error(&bytes),
            path => {
                if !self.files.contains_key(path) {
                    let file = tool.create(path, How::CREATE)?;
                    self.files.insert(path.to_owned(), file);
                }
                self.files[path]
                    .write(&bytes)
                    .map_err(|error| format!("{path}: {error}"))?;
            }
        }
        Ok(())
    }
}

/// What `l` prints.
fn visible(bytes: &[u8]) -> String {
    let mut output = String::new();
    for &byte in bytes {
        match byte {
            b'\\' => output.push_str("\\\\"),
            b'\n' => output.push_str("\\n"),
            b'\t' => output.push_str("\\t"),
            b'\r' => output.push_str("\\r"),
            0x20..0x7f => output.push(byte as char),
            byte => output.push_str(&format!("\\{byte:03o}")),
        }
    }
    output + "$"
}
