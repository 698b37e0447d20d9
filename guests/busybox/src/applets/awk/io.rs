//! Files and commands that a program reads and writes.

use super::ast::Redirect;
use crate::applets::launch;
use crate::regex::{bytes_as_text, encode};
use crate::sys::{self, Desc, How};
use crate::tool::{Input, Tool, absolute};
use regex_lite::Regex;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Files and commands open at a time.
const STREAMS_MAX: usize = 256;
/// Bytes gathered for a file before they are written.
const OUTPUT_BUFFER: usize = 32 * 1024;

/// Where records end.
#[derive(Debug, Clone)]
pub(super) enum Terminator {
    Byte(u8),
    /// Empty lines; the records are what stands between them.
    Paragraph,
    Regex(Rc<Regex>),
}

/// A source of records.
pub(super) struct Reader {
    input: Input,
    /// What a regular expression has not taken yet: all of the input, read at once.
    rest: Option<String>,
    child: Option<u32>,
}

impl Reader {
    pub(super) fn new(input: Input) -> Self {
        Reader {
            input,
            rest: None,
            child: None,
        }
    }

    pub(super) fn record(
        &mut self,
        terminator: &Terminator,
        tool: &mut Tool,
    ) -> Result<Option<String>, String> {
        match terminator {
            Terminator::Byte(end) if self.rest.is_none() => {
                let Some(mut line) = self.input.until(*end, tool)? else {
                    return Ok(None);
                };
                if line.last() == Some(end) {
                    line.pop();
                }
                Ok(Some(bytes_as_text(&line)))
            }
            Terminator::Byte(end) => {
                let end = bytes_as_text(&[*end]);
                Ok(self.cut(|text| text.find(&end).map(|at| (at, at + end.len()))))
            }
            Terminator::Paragraph if self.rest.is_none() => self.paragraph(tool),
            Terminator::Paragraph => Ok(self.cut(|text| {
                let at = text.find("\n\n")?;
                let blank = text[at..].len() - text[at..].trim_start_matches('\n').len();
                Some((at, at + blank))
            })),
            Terminator::Regex(regex) => {
                if self.rest.is_none() {
                    self.rest = Some(bytes_as_text(&self.input.all(tool)?));
                }
                Ok(self.cut(|text| {
                    let found = regex.find_iter(text).find(|found| !found.is_empty())?;
                    Some((found.start(), found.end()))
                }))
            }
        }
    }

    /// Takes what stands before the end that `find` returns.
    fn cut(&mut self, find: impl Fn(&str) -> Option<(usize, usize)>) -> Option<String> {
        let rest = self.rest.as_mut().filter(|rest| !rest.is_empty())?;
        let (end, next) = find(rest).unwrap_or((rest.len(), rest.len()));
        let record = rest[..end].to_owned();
        rest.drain(..next);
        Some(record)
    }

    fn paragraph(&mut self, tool: &mut Tool) -> Result<Option<String>, String> {
        let mut text = Vec::new();
        while let Some(line) = self.input.line(tool)? {
            match (line.as_slice(), text.is_empty()) {
                (b"\n", true) => {}
                (b"\n", false) => break,
                (line, _) => text.extend_from_slice(line),
            }
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        Ok((!text.is_empty()).then(|| bytes_as_text(&text)))
    }
}

struct Writer {
    desc: Desc,
    buffer: Vec<u8>,
    child: Option<u32>,
}

impl Writer {
    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.buffer);
        if !bytes.is_empty() && self.desc.write(&bytes) == Err(sys::Error::BrokenPipe) {
            self.buffer.clear();
        }
    }
}

#[derive(Default)]
pub(super) struct Streams {
    readers: BTreeMap<String, Reader>,
    writers: BTreeMap<String, Writer>,
}

impl Streams {
    fn check_room(&self) -> Result<(), String> {
        match self.readers.len() + self.writers.len() < STREAMS_MAX {
            true => Ok(()),
            false => Err("too many open files".to_owned()),
        }
    }

    /// The next record of a file or a command; `Err(None)` when it cannot be opened.
    pub(super) fn read(
        &mut self,
        name: &str,
        is_command: bool,
        terminator: &Terminator,
        tool: &mut Tool,
    ) -> Result<Option<String>, Option<String>> {
        if !self.readers.contains_key(name) {
            self.check_room().map_err(Some)?;
            let reader = match is_command {
                true => {
                    self.flush(tool);
                    command_reader(name).ok_or(None)?
                }
                false => file_reader(name).ok_or(None)?,
            };
            self.readers.insert(name.to_owned(), reader);
        }
        match self.readers.get_mut(name) {
            Some(reader) => reader.record(terminator, tool).map_err(Some),
            None => Err(None),
        }
    }

    pub(super) fn write(
        &mut self,
        kind: Redirect,
        name: &str,
        bytes: &[u8],
        tool: &mut Tool,
    ) -> Result<(), String> {
        match (kind, name) {
            (Redirect::Write | Redirect::Append, "/dev/stdout" | "-") => {
                tool.write(bytes);
                return Ok(());
            }
            (Redirect::Write | Redirect::Append, "/dev/stderr") => {
                tool.write_error(bytes);
                return Ok(());
            }
            _ => {}
        }
        if !self.writers.contains_key(name) {
            self.check_room()?;
            let writer = match kind {
                Redirect::Pipe => {
                    self.flush(tool);
                    command_writer(name)?
                }
                Redirect::Append => file_writer(name, How::APPEND, tool)?,
                Redirect::Write => file_writer(name, How::CREATE, tool)?,
            };
            self.writers.insert(name.to_owned(), writer);
        }
        if let Some(writer) = self.writers.get_mut(name) {
            writer.buffer.extend_from_slice(bytes);
            if writer.buffer.len() >= OUTPUT_BUFFER {
                writer.flush();
            }
        }
        Ok(())
    }

    pub(super) fn flush(&mut self, tool: &mut Tool) {
        tool.flush();
        self.writers.values_mut().for_each(Writer::flush);
    }

    /// Closes a file, or ends a command: its status, -1 when there is no such stream.
    pub(super) fn close(&mut self, name: &str, tool: &mut Tool) -> f64 {
        let mut status = -1.0;
        if let Some(mut writer) = self.writers.remove(name) {
            tool.flush();
            writer.flush();
            let child = writer.child;
            drop(writer);
            status = ended(child);
        }
        if let Some(reader) = self.readers.remove(name) {
            let child = reader.child;
            drop(reader);
            status = ended(child);
        }
        status
    }

    pub(super) fn close_all(&mut self, tool: &mut Tool) {
        let names: Vec<String> = self
            .writers
            .keys()
            .chain(self.readers.keys())
            .cloned()
            .collect();
        for name in names {
            self.close(&name, tool);
        }
    }
}

fn ended(child: Option<u32>) -> f64 {
    child.map_or(0.0, |child| f64::from(launch::wait(child).status()))
}

fn file_reader(name: &str) -> Option<Reader> {
    let desc = match name {
        "-" | "/dev/stdin" => sys::inherited(0),
        name => {
            let bytes = encode(name);
            let path = String::from_utf8_lossy(&bytes).into_owned();
            sys::open(&absolute(&path), How::READ).ok()
        }
    };
    desc.map(|desc| Reader::new(Input::new(desc)))
}

fn file_writer(name: &str, how: How, tool: &mut Tool) -> Result<Writer, String> {
    let path = String::from_utf8_lossy(&encode(name)).into_owned();
    Ok(Writer {
        desc: tool.create(&path, how)?,
        buffer: Vec::new(),
        child: None,
    })
}

fn shell(command: &str) -> Vec<String> {
    let command = String::from_utf8_lossy(&encode(command)).into_owned();
    vec!["sh".to_owned(), "-c".to_owned(), command]
}

fn command_reader(command: &str) -> Option<Reader> {
    let (read, write) = sys::pipe().ok()?;
    let child = launch::spawn_with(&shell(command), &[(1, &write)]).ok()?;
    drop(write);
    Some(Reader {
        child: Some(child),
        ..Reader::new(Input::new(read))
    })
}

fn command_writer(command: &str) -> Result<Writer, String> {
    let failed = |error| format!("can't run '{command}': {error}");
    let (read, write) = sys::pipe().map_err(failed)?;
    let child = launch::spawn_with(&shell(command), &[(0, &read)]).map_err(failed)?;
    drop(read);
    Ok(Writer {
        desc: write,
        buffer: Vec::new(),
        child: Some(child),
    })
}

/// Runs a command to its end; its status.
pub(super) fn system(command: &str) -> f64 {
    launch::spawn(&shell(command)).map_or(127.0, |child| f64::from(launch::wait(child).status()))
}
