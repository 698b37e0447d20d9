//! What every tool needs: options, buffered input and output, messages.

use crate::sys::{self, Desc, Error, How};
use std::fmt::Display;

/// Bytes gathered before they are written.
const OUTPUT_BUFFER: usize = 32 * 1024;
/// Bytes read in one call.
pub const CHUNK: usize = 64 * 1024;

/// The status of a tool; the error is a message that ends it with status 1.
pub type Ran = Result<u8, String>;

/// A running tool.
pub struct Tool {
    pub name: String,
    output: Option<Desc>,
    error: Option<Desc>,
    buffer: Vec<u8>,
    write_failed: bool,
}

impl Tool {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            output: sys::inherited(1),
            error: sys::inherited(2),
            buffer: Vec::new(),
            write_failed: false,
        }
    }

    pub fn complain(&mut self, message: impl Display) {
        self.flush();
        let text = format!("{}: {message}\n", self.name);
        self.write_error(text.as_bytes());
    }

    pub fn write_error(&mut self, bytes: &[u8]) {
        if let Some(desc) = &self.error {
            // Nobody is left to tell.
            let _ = desc.write(bytes);
        }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= OUTPUT_BUFFER {
            self.flush();
        }
    }

    pub fn print(&mut self, text: impl Display) {
        self.write(text.to_string().as_bytes());
    }

    pub fn line(&mut self, text: impl Display) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// Writes what is buffered; ends the process if nobody will read it.
    pub fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.buffer);
        let result = self
            .output
            .as_ref()
            .map_or(Err(Error::BadDescriptor), |desc| desc.write(&bytes));
        match result {
            Ok(()) => {}
            Err(Error::BrokenPipe) => sys::die_of_broken_pipe(),
            Err(error) => {
                if !std::mem::replace(&mut self.write_failed, true) {
                    let text = format!("{}: write error: {error}\n", self.name);
                    self.write_error(text.as_bytes());
                }
            }
        }
    }

    /// Flushes, and turns a failed write into a status.
    pub fn finish(&mut self, status: u8) -> u8 {
        self.flush();
        if self.write_failed {
            status.max(1)
        } else {
            status
        }
    }

    pub fn is_terminal(&self) -> bool {
        self.output.as_ref().is_some_and(Desc::is_terminal)
    }

    /// As [`Self::open`], with the shorter message some tools have.
    pub fn open_briefly(&mut self, path: &str) -> Option<Input> {
        self.open_with(path, |error| format!("{path}: {error}"))
    }

    /// Opens a file to read, `-` for standard input; on an error prints why.
    pub fn open(&mut self, path: &str) -> Option<Input> {
        self.open_with(path, |error| format!("can't open '{path}': {error}"))
    }

    fn open_with(&mut self, path: &str, message: impl Fn(Error) -> String) -> Option<Input> {
        let opened = match path {
            "-" => sys::inherited(0).ok_or(Error::BadDescriptor),
            path => sys::open(&absolute(path), How::READ),
        };
        match opened {
            Ok(desc) => Some(Input::new(desc)),
            Err(error) => {
                self.complain(message(error));
                None
            }
        }
    }

    /// Opens a file to write.
    pub fn create(&mut self, path: &str, how: How) -> Result<Desc, String> {
        sys::open(&absolute(path), how).map_err(|error| format!("can't open '{path}': {error}"))
    }

    /// Calls `each` with every input named, standard input if none is; the status is 1 if one could not be opened.
    pub fn inputs(
        &mut self,
        paths: &[String],
        each: impl FnMut(&mut Self, &mut Input) -> Result<(), String>,
    ) -> Ran {
        self.inputs_with(paths, Self::open, each)
    }

    /// As [`Self::inputs`], with the shorter message some tools have.
    pub fn inputs_briefly(
        &mut self,
        paths: &[String],
        each: impl FnMut(&mut Self, &mut Input) -> Result<(), String>,
    ) -> Ran {
        self.inputs_with(paths, Self::open_briefly, each)
    }

    fn inputs_with(
        &mut self,
        paths: &[String],
        open: fn(&mut Self, &str) -> Option<Input>,
        mut each: impl FnMut(&mut Self, &mut Input) -> Result<(), String>,
    ) -> Ran {
        let standard = ["-".to_owned()];
        let paths = if paths.is_empty() { &standard } else { paths };
        let mut status = 0;
        for path in paths {
            match open(self, path) {
                Some(mut input) => {
                    each(self, &mut input).map_err(|error| format!("{path}: {error}"))?;
                }
                None => status = 1,
            }
        }
        Ok(status)
    }
}

/// `path` below the current directory.
pub fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
    format!(
        "{}/{path}",
        directory.to_string_lossy().trim_end_matches('/')
    )
}

/// A buffered reader.
pub struct Input {
    pub desc: Desc,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Input {
    pub fn new(desc: Desc) -> Self {
        Self {
            desc,
            buffer: Vec::new(),
            at: 0,
            ended: false,
        }
    }

    /// The next bytes, as many as there are; empty at the end. Writes `tool`'s output first: the wait may be long.
    pub fn chunk(&mut self, tool: &mut Tool) -> Result<Vec<u8>, String> {
        if self.at < self.buffer.len() {
            let rest = self.buffer.split_off(self.at);
            self.buffer.clear();
            self.at = 0;
            return Ok(rest);
        }
        tool.flush();
        loop {
            match self.desc.read(CHUNK) {
                Err(Error::Interrupted) => {}
                result => return result.map_err(|error| error.to_string()),
            }
        }
    }

    /// The next line with the newline it ends with, if it does; none at the end.
    pub fn line(&mut self, tool: &mut Tool) -> Result<Option<Vec<u8>>, String> {
        self.until(b'\n', tool)
    }

    /// As `line`, for another end.
    pub fn until(&mut self, end: u8, tool: &mut Tool) -> Result<Option<Vec<u8>>, String> {
        let mut scanned = self.at;
        loop {
            if let Some(found) = self.buffer[scanned..].iter().position(|byte| *byte == end) {
                let line = self.buffer[self.at..=scanned + found].to_vec();
                self.at = scanned + found + 1;
                return Ok(Some(line));
            }
            if self.ended {
                let line = self.buffer.split_off(self.at);
                return Ok((!line.is_empty()).then_some(line));
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            scanned = self.buffer.len();
            tool.flush();
            match self.desc.read(CHUNK) {
                Ok(more) if more.is_empty() => self.ended = true,
                Ok(more) => self.buffer.extend(more),
                Err(Error::Interrupted) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    pub fn all(&mut self, tool: &mut Tool) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        loop {
            let chunk = self.chunk(tool)?;
            if chunk.is_empty() {
                return Ok(all);
            }
            all.extend(chunk);
        }
    }
}

/// Options as given, in order, and the operands.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    given: Vec<(char, String)>,
    pub operands: Vec<String>,
}

impl Options {
    /// Reads `arguments`, the tool's name first. `letters` are as for getopt, `+` first to stop at the first operand;
    /// `long` maps names to letters.
    pub fn read(
        arguments: &[String],
        letters: &str,
        long: &[(&str, char)],
    ) -> Result<Self, String> {
        let stop_early = letters.starts_with('+');
        let takes_value = |letter: char| {
            letters
                .find(letter)
                .is_some_and(|at| letters[at + 1..].starts_with(':'))
        };
        let mut options = Self::default();
        let mut rest = arguments.iter().skip(1);
        while let Some(argument) = rest.next() {
            if argument == "--" {
                options.operands.extend(rest.cloned());
                break;
            }
            if let Some(name) = argument.strip_prefix("--") {
                let (name, value) = name
                    .split_once('=')
                    .map_or((name, None), |(name, value)| (name, Some(value)));
                let known = long.iter().find(|(known, _)| *known == name);
                let Some((_, letter)) = known else {
                    return Err(format!("unrecognized option '--{name}'"));
                };
                let value = match value {
                    Some(value) => value.to_owned(),
                    None if takes_value(*letter) => rest
                        .next()
                        .cloned()
                        .ok_or_else(|| format!("option '--{name}' requires an argument"))?,
                    None => String::new(),
                };
                options.given.push((*letter, value));
                continue;
            }
            if argument.len() < 2 || !argument.starts_with('-') {
                options.operands.push(argument.clone());
                if stop_early {
                    options.operands.extend(rest.cloned());
                    break;
                }
                continue;
            }
            for (at, letter) in argument.char_indices().skip(1) {
                if !letters.contains(letter) || letter == ':' || letter == '+' {
                    return Err(format!("invalid option -- '{letter}'"));
                }
                if !takes_value(letter) {
                    options.given.push((letter, String::new()));
                    continue;
                }
                let value = match &argument[at + letter.len_utf8()..] {
                    "" => rest
                        .next()
                        .cloned()
                        .ok_or_else(|| format!("option requires an argument -- '{letter}'"))?,
                    value => value.to_owned(),
                };
                options.given.push((letter, value));
                break;
            }
        }
        Ok(options)
    }

    pub fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(given, _)| *given == letter)
    }

    /// The last value given for a letter.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.values(letter).last()
    }

    pub fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        self.given
            .iter()
            .filter(move |(given, _)| *given == letter)
            .map(|(_, value)| value.as_str())
    }

    /// What was given for several letters, in order.
    pub fn in_order<'a>(&'a self, letters: &'a [char]) -> impl Iterator<Item = (char, &'a str)> {
        let wanted = move |(given, _): &&(char, String)| letters.contains(given);
        self.given
            .iter()
            .filter(wanted)
            .map(|(given, value)| (*given, value.as_str()))
    }

    /// Counts an option as given that another one implies.
    pub fn add(&mut self, letter: char, value: &str) {
        self.given.push((letter, value.to_owned()));
    }

    /// The last of several letters that was given.
    pub fn last_of(&self, letters: &str) -> Option<char> {
        self.given
            .iter()
            .rev()
            .map(|(given, _)| *given)
            .find(|given| letters.contains(*given))
    }

    /// A number given for a letter.
    pub fn number<T: std::str::FromStr>(&self, letter: char) -> Result<Option<T>, String> {
        self.value(letter)
            .map(|text| text.parse().map_err(|_| format!("invalid number '{text}'")))
            .transpose()
    }
}

/// A size such as `10`, `4k` or `1M`.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match &text[digits.len()..] {
        "" | "c" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "kB" | "KB" => 1000,
        "m" | "M" | "MiB" => 1 << 20,
        "g" | "G" | "GiB" => 1 << 30,
        _ => return Err(format!("invalid number '{text}'")),
    };
    let number = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor));
    number.ok_or_else(|| format!("invalid number '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_options_as_getopt() {
        for (arguments, letters, expected) in [
            ("x -ab file", "ab", "a= b= | file"),
            ("x file -a", "ab", "a= | file"),
            ("x -n5 -n 6 --all", "an:", "n=5 n=6 a= | "),
            ("x -- -a", "a", " | -a"),
            ("x cmd -a", "+a", " | cmd -a"),
            ("x -z", "a", "invalid option -- 'z'"),
            ("x -n", "n:", "option requires an argument -- 'n'"),
            ("x --none", "a", "unrecognized option '--none'"),
            ("x -", "a", " | -"),
        ] {
            let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
            let shown = match Options::read(&arguments, letters, &[("all", 'a')]) {
                Ok(Options { given, operands }) => {
                    let given: Vec<String> = given
                        .iter()
                        .map(|(letter, value)| format!("{letter}={value}"))
                        .collect();
                    format!("{} | {}", given.join(" "), operands.join(" "))
                }
                Err(error) => error,
            };
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn reads_sizes() {
        for (text, expected) in [
            ("10", Some(10)),
            ("4k", Some(4096)),
            ("1M", Some(1 << 20)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }
}
