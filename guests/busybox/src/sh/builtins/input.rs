//! `read` and `getopts`.

use crate::sh::{Ran, Shell, is_name};
use crate::sys::Error;
use std::time::{Duration, Instant};

/// Bytes of a line `read` keeps.
const LINE_MAX: usize = 16 * 1024 * 1024;

#[derive(Default)]
struct ReadOptions {
    raw: bool,
    limit: Option<usize>,
    timeout: Option<Duration>,
    prompt: String,
}

/// What one call of `getopts` finds.
struct Step {
    shown: String,
    value: String,
    /// Arguments that are used up.
    arguments: usize,
    /// Where the next option is in its argument.
    offset: usize,
}

/// How reading a line ended.
enum End {
    Delimiter,
    Input,
    Timeout,
    Signal(u8),
}

impl Shell {
    pub(super) fn read(&mut self, operands: &[String]) -> Ran {
        let (options, names) = self.read_options(operands)?;
        if !options.prompt.is_empty() {
            self.write_error(&options.prompt);
        }
        let (line, end) = self.read_line(&options)?;
        let separators = self.state.get("IFS").unwrap_or(" \t\n").to_owned();
        let default = ["REPLY".to_owned()];
        let names = if names.is_empty() { &default } else { names };
        for (name, value) in names.iter().zip(split(&line, &separators, names.len())) {
            if !is_name(name) {
                return Err(self.fail(format_args!("{name}: bad variable name")));
            }
            self.state
                .set(name, value)
                .map_err(|error| self.fail(error))?;
        }
        Ok(match end {
            End::Delimiter => 0,
            End::Input => 1,
            End::Timeout => 142,
            End::Signal(signal) => 128 + signal,
        })
    }

    fn read_options<'a>(
        &mut self,
        operands: &'a [String],
    ) -> Result<(ReadOptions, &'a [String]), crate::sh::Stop> {
        let mut options = ReadOptions::default();
        let mut rest = operands;
        while let Some(argument) = rest
            .first()
            .filter(|argument| argument.starts_with('-') && argument.len() > 1)
        {
            rest = &rest[1..];
            if argument == "--" {
                break;
            }
            for (at, letter) in argument.char_indices().skip(1) {
                if letter == 'r' {
                    options.raw = true;
                    continue;
                }
                if letter == 's' {
                    continue;
                }
                let mut value = argument[at + 1..].to_owned();
                if value.is_empty() {
                    let Some(next) = rest.first() else {
                        return Err(self.fail(format_args!("-{letter} requires an argument")));
                    };
                    value.clone_from(next);
                    rest = &rest[1..];
                }
                let seconds = value
                    .parse::<f64>()
                    .ok()
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                match letter {
                    'p' => options.prompt = value,
                    't' if seconds.is_some() => options.timeout = seconds,
                    'n' if value.parse::<usize>().is_ok() => options.limit = value.parse().ok(),
                    _ => return Err(self.fail(format_args!("illegal option -{letter}"))),
                }
                break;
            }
        }
        Ok((options, rest))
    }

    /// A line as characters that know whether a backslash stood before them.
    fn read_line(
        &mut self,
        options: &ReadOptions,
    ) -> Result<(Vec<(char, bool)>, End), crate::sh::Stop> {
        let Some(desc) = self.descriptors.get(&0).cloned() else {
            return Err(self.fail(Error::BadDescriptor));
        };
        let until = options.timeout.map(|timeout| Instant::now() + timeout);
        let mut bytes: Vec<u8> = Vec::new();
        let mut escapes: Vec<usize> = Vec::new();
        let mut escaped = false;
        let end = loop {
            if options.limit.is_some_and(|limit| bytes.len() >= limit) || bytes.len() >= LINE_MAX {
                break End::Delimiter;
            }
            if let Some(until) = until
                && !desc.wait_readable(until.saturating_duration_since(Instant::now()))
            {
                break End::Timeout;
            }
            let byte = match desc.read(1) {
                Ok(byte) => byte.first().copied(),
                Err(Error::Interrupted) => {
                    self.note_signals();
                    match self
                        .pending
                        .iter()
                        .find(|signal| self.traps.contains_key(signal))
                    {
                        Some(signal) => break End::Signal(*signal),
                        None => continue,
                    }
                }
                Err(error) => {
                    self.complain(format_args!("read error: {error}"));
                    None
                }
            };
            let Some(byte) = byte else { break End::Input };
            match byte {
                b'\n' if escaped => {}
                b'\n' => break End::Delimiter,
                b'\\' if !escaped && !options.raw => {
                    escaped = true;
                    continue;
                }
                0 => {}
                byte => {
                    if escaped {
                        escapes.push(bytes.len());
                    }
                    bytes.push(byte);
                }
            }
            escaped = false;
        };
        let mut line = Vec::new();
        let mut at = 0;
        for c in String::from_utf8_lossy(&bytes).chars() {
            line.push((c, escapes.contains(&at)));
            at += c.len_utf8();
        }
        Ok((line, end))
    }

    pub(super) fn getopts(&mut self, operands: &[String]) -> Ran {
        let [letters, name, arguments @ ..] = operands else {
            return Err(self.fail("usage: getopts optstring var [arg]"));
        };
        let arguments = if arguments.is_empty() {
            self.state.positional.clone()
        } else {
            arguments.to_vec()
        };
        let index = self
            .state
            .get("OPTIND")
            .and_then(|index| index.parse::<usize>().ok())
            .unwrap_or(1)
            .max(1);
        let offset = self.state.getopts_offset.max(1);
        let argument = arguments.get(index - 1).map_or("", String::as_str);
        let Some(letter) = argument
            .get(offset..)
            .and_then(|rest| rest.chars().next())
            .filter(|_| argument.starts_with('-'))
        else {
            return self.getopts_end(name, index + usize::from(argument == "--"));
        };
        if argument == "--" {
            return self.getopts_end(name, index + 1);
        }
        let step = self.getopts_step(letters, letter, &arguments[index - 1..], offset);
        let results = [
            ("OPTIND", (index + step.arguments).to_string()),
            (name, step.shown),
            ("OPTARG", step.value),
        ];
        for (name, value) in results {
            self.state
                .set(name, value)
                .map_err(|error| self.fail(error))?;
        }
        self.state.getopts_offset = step.offset;
        Ok(0)
    }

    /// Takes the option `letter` at `offset` of the first argument.
    fn getopts_step(
        &self,
        letters: &str,
        letter: char,
        arguments: &[String],
        offset: usize,
    ) -> Step {
        let quiet = letters.starts_with(':');
        let after = offset + letter.len_utf8();
        let at_end = after >= arguments[0].len();
        let mut step = Step {
            shown: letter.to_string(),
            value: String::new(),
            arguments: usize::from(at_end),
            offset: if at_end { 0 } else { after },
        };
        let fail = |step: &mut Step, mark: &str, text: &str| {
            step.shown = if quiet { mark } else { "?" }.to_owned();
            if quiet {
                step.value = letter.to_string();
            } else {
                self.write_error(text);
            }
        };
        let found = if letter == ':' {
            None
        } else {
            letters.find(letter)
        };
        let Some(found) = found else {
            fail(&mut step, "?", &format!("Illegal option -{letter}\n"));
            return step;
        };
        if letters[found + letter.len_utf8()..].starts_with(':') {
            step.offset = 0;
            match (at_end, arguments.get(1)) {
                (false, _) => {
                    step.arguments = 1;
                    step.value = arguments[0][after..].to_owned();
                }
                (true, Some(value)) => {
                    step.arguments = 2;
                    step.value.clone_from(value);
                }
                (true, None) => fail(&mut step, ":", &format!("No arg for -{letter} option\n")),
            }
        }
        step
    }

    fn getopts_end(&mut self, name: &str, index: usize) -> Ran {
        let ended = self
            .state
            .set("OPTIND", index.to_string())
            .and_then(|()| self.state.set(name, "?"));
        ended.map_err(|error| self.fail(error))?;
        Ok(1)
    }
}

/// Splits a line into `count` values; the last one takes the rest.
fn split(line: &[(char, bool)], separators: &str, count: usize) -> Vec<String> {
    let is_separator = |(c, escaped): (char, bool)| !escaped && separators.contains(c);
    let is_blank = |pair: (char, bool)| is_separator(pair) && pair.0.is_ascii_whitespace();
    let skip_blanks = |at: &mut usize| {
        while line.get(*at).is_some_and(|pair| is_blank(*pair)) {
            *at += 1;
        }
    };
    let field_end = |from: usize| {
        line[from..]
            .iter()
            .position(|pair| is_separator(*pair))
            .map_or(line.len(), |n| from + n)
    };
    let text = |from: usize, to: usize| line[from..to].iter().map(|(c, _)| *c).collect::<String>();
    let mut at = 0;
    skip_blanks(&mut at);
    let mut values = Vec::new();
    while values.len() + 1 < count {
        let end = field_end(at);
        values.push(text(at, end));
        at = end;
        skip_blanks(&mut at);
        if line.get(at).is_some_and(|pair| is_separator(*pair)) {
            at += 1;
            skip_blanks(&mut at);
        }
    }
    let mut end = line.len();
    while end > at && is_blank(line[end - 1]) {
        end -= 1;
    }
    if end > at && field_end(at) == end - 1 {
        end -= usize::from(is_separator(line[end - 1]));
    }
    values.push(text(at, end));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_posix_says() {
        for (line, separators, count, expected) in [
            ("  a b  c ", " ", 2, &["a", "b  c"][..]),
            ("a:b:c", ":", 2, &["a", "b:c"]),
            ("a:", ":", 1, &["a"]),
            ("a:b:", ":", 1, &["a:b:"]),
            ("a", " ", 3, &["a", "", ""]),
            ("a : b", " :", 2, &["a", "b"]),
            (" x ", "", 1, &[" x "]),
        ] {
            let line: Vec<(char, bool)> = line.chars().map(|c| (c, false)).collect();
            assert_eq!(split(&line, separators, count), expected);
        }
    }
}
