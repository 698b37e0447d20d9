//! `grep`, `egrep`, `fgrep`.

use super::reason;
use crate::regex::{self, Grammar};
use crate::tool::{Input, Options, Ran, Tool};
use regex_lite::Regex;

const LONG: [(&str, char); 16] = [
    ("color", 'K'),
    ("count", 'c'),
    ("extended-regexp", 'E'),
    ("file", 'f'),
    ("files-with-matches", 'l'),
    ("fixed-strings", 'F'),
    ("ignore-case", 'i'),
    ("include", 'I'),
    ("invert-match", 'v'),
    ("line-number", 'n'),
    ("max-count", 'm'),
    ("only-matching", 'o'),
    ("quiet", 'q'),
    ("recursive", 'r'),
    ("regexp", 'e'),
    ("word-regexp", 'w'),
];

struct Search {
    patterns: Vec<Regex>,
    options: Options,
    before: usize,
    after: usize,
    limit: u64,
    named: bool,
    /// An earlier group of lines was printed, so that the next one is separated from it.
    grouped: bool,
}

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let mut options = Options::read(arguments, "lnqvscFiHhe:f:LorRm:wxA:B:C:EazK", &LONG)?;
    let mut texts: Vec<String> = Vec::new();
    for pattern in options.values('e') {
        texts.extend(pattern.split('\n').map(str::to_owned));
    }
    for path in options.values('f') {
        let text = std::fs::read(path).map_err(|error| format!("{path}: {}", reason(&error)))?;
        texts.extend(regex::decode(&text).lines().map(str::to_owned));
    }
    if !options.has('e') && !options.has('f') {
        if options.operands.is_empty() {
            tool.write_error(b"Usage: grep [-HhnlLoqvsrRiwxEFm] [-A N] [-B N] [-C N] { PATTERN | -e PATTERN... | -f FILE } [FILE]...\n");
            return Ok(2);
        }
        texts.extend(options.operands.remove(0).split('\n').map(str::to_owned));
    }
    let fixed = options.has('F') || tool.name == "fgrep";
    let extended = options.has('E') || tool.name == "egrep";
    let compile = |text: &String| {
        if fixed {
            return regex::compile_fixed(text, options.has('i'));
        }
        regex::compile(
            text,
            if extended {
                Grammar::Extended
            } else {
                Grammar::Basic
            },
            options.has('i'),
        )
    };
    let patterns = match texts.iter().map(compile).collect::<Result<Vec<_>, _>>() {
        Ok(patterns) => patterns,
        Err(error) => {
            tool.complain(error);
            return Ok(2);
        }
    };
    let around = options.number('C')?.unwrap_or(0);
    let recursive = options.has('r') || options.has('R');
    let mut search = Search {
        patterns,
        before: options.number('B')?.unwrap_or(around),
        after: options.number('A')?.unwrap_or(around),
        limit: options.number('m')?.unwrap_or(u64::MAX),
        named: (options.operands.len() > 1 || recursive || options.has('H')) && !options.has('h'),
        grouped: false,
        options,
    };
    search.all(tool, recursive)
}

impl Search {
    fn all(&mut self, tool: &mut Tool, recursive: bool) -> Ran {
        let mut stack = self.options.operands.clone();
        if stack.is_empty() {
            stack.push(if recursive { "." } else { "-" }.to_owned());
        }
        stack.reverse();
        let (mut found, mut failed) = (false, false);
        while let Some(path) = stack.pop() {
            if path != "-" && std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                if recursive {
                    stack.extend(below(&path));
                } else if !self.options.has('s') {
                    tool.complain(format_args!("{path}: Is a directory"));
                }
                continue;
            }
            match open(&path) {
                Ok(mut input) => found |= self.file(tool, &path, &mut input)?,
                Err(error) => {
                    failed = true;
                    if !self.options.has('s') {
                        tool.complain(format_args!("{path}: {error}"));
                    }
                }
            }
            if found && self.options.has('q') {
                return Ok(0);
            }
        }
        Ok(if failed { 2 } else { u8::from(!found) })
    }

    /// Where the line matches; empty if the line counts because nothing does.
    fn matches<'a>(&self, line: &'a str) -> Option<Vec<&'a str>> {
        let mut found: Vec<&str> = Vec::new();
        for pattern in &self.patterns {
            let whole = |text: &str| !self.options.has('x') || text.len() == line.len();
            let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            for text in pattern.find_iter(line).filter(|text| whole(text.as_str())) {
                let (before, after) = (&line[..text.start()], &line[text.end()..]);
                let bounded =
                    !is_word(before.chars().next_back()) && !is_word(after.chars().next());
                if !self.options.has('w') || bounded {
                    found.push(text.as_str());
                }
            }
        }
        if self.options.has('v') {
            return found.is_empty().then(Vec::new);
        }
        (!found.is_empty()).then_some(found)
    }

    fn file(&mut self, tool: &mut Tool, path: &str, input: &mut Input) -> Result<bool, String> {
        let name = if path == "-" {
            "(standard input)"
        } else {
            path
        };
        let quiet = ['q', 'l', 'L', 'c']
            .into_iter()
            .any(|letter| self.options.has(letter));
        let mut count = 0;
        let mut number = 0_u64;
        let mut last_shown = 0;
        let mut following = 0;
        let mut earlier: std::collections::VecDeque<(u64, Vec<u8>)> =
            std::collections::VecDeque::new();
        while count < self.limit || following > 0 {
            let Some(mut line) = input.line(tool)? else {
                break;
            };
            number += 1;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            let text = regex::decode(&line);
            let matched = if count < self.limit {
                self.matches(&text)
            } else {
                None
            };
            let Some(pieces) = matched else {
                if !quiet && following > 0 {
                    following -= 1;
                    last_shown = number;
                    self.show(tool, name, number, '-', &line);
                } else if self.before > 0 {
                    if earlier.len() == self.before {
                        earlier.pop_front();
                    }
                    earlier.push_back((number, line));
                }
                continue;
            };
            count += 1;
            if self.options.has('q') || self.options.has('l') || self.options.has('L') {
                break;
            }
            if quiet {
                continue;
            }
            let first = earlier.front().map_or(number, |(first, _)| *first);
            let is_apart = last_shown == 0 || first > last_shown + 1;
            if self.before + self.after > 0 && self.grouped && is_apart {
                tool.line("--");
            }
            for (number, line) in earlier.drain(..) {
                self.show(tool, name, number, '-', &line);
            }
            self.show_match(tool, name, number, &line, &pieces);
            (last_shown, following, self.grouped) = (number, self.after, true);
        }
        let found = count > 0;
        self.show_summary(tool, name, count);
        Ok(found != self.options.has('L'))
    }

    fn show_match(&self, tool: &mut Tool, name: &str, number: u64, line: &[u8], pieces: &[&str]) {
        if !self.options.has('o') {
            return self.show(tool, name, number, ':', line);
        }
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            self.show(tool, name, number, ':', &regex::encode(piece));
        }
    }

    /// What `-l`, `-L` and `-c` print.
    fn show_summary(&self, tool: &mut Tool, name: &str, count: u64) {
        let found = count > 0;
        if (self.options.has('l') && found) || (self.options.has('L') && !found) {
            tool.line(name);
        } else if self.options.has('c') && !self.options.has('q') {
            let prefix = if self.named {
                format!("{name}:")
            } else {
                String::new()
            };
            tool.line(format_args!("{prefix}{count}"));
        }
    }

    fn show(&self, tool: &mut Tool, name: &str, number: u64, separator: char, line: &[u8]) {
        if self.named {
            tool.print(format_args!("{name}{separator}"));
        }
        if self.options.has('n') {
            tool.print(format_args!("{number}{separator}"));
        }
        tool.write(line);
        tool.write(b"\n");
    }
}

fn open(path: &str) -> Result<Input, crate::sys::Error> {
    let desc = match path {
        "-" => crate::sys::inherited(0).ok_or(crate::sys::Error::BadDescriptor)?,
        path => crate::sys::open(&crate::tool::absolute(path), crate::sys::How::READ)?,
    };
    Ok(Input::new(desc))
}

/// The entries of a directory, the last one first.
fn below(directory: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let directory = directory.trim_end_matches('/');
    let path =
        |entry: std::fs::DirEntry| format!("{directory}/{}", entry.file_name().to_string_lossy());
    let mut paths: Vec<String> = entries
        .filter_map(|entry| Some(path(entry.ok()?)))
        .collect();
    paths.sort_unstable_by(|a, b| b.cmp(a));
    paths
}
