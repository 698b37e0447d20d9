//! Starts a shell: its options, and where its commands come from.

use super::parser::{Parser, SyntaxError};
use super::state::{OPTIONS, State, Variable};
use super::{Ran, Shell, Stop, child, is_name};
use crate::sys::{self, Error};

pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The signal of ^C.
const INTERRUPT: u8 = 2;

/// Bytes a script file may have.
const SCRIPT_MAX: usize = 16 * 1024 * 1024;

/// Runs the program as `sh`; `arguments` begin with its name.
pub fn main(arguments: &[String]) -> u8 {
    if let Some(status) = child::run_inherited() {
        return status;
    }
    let mut shell = Shell::new(initial_state(arguments));
    match shell.options(&arguments[1..]) {
        Ok((source, rest)) => shell.run(source, rest),
        Err(status) => status,
    }
}

/// Where commands come from.
#[derive(Clone, Copy)]
enum Source {
    /// `-c`.
    Text,
    File,
    Input,
}

fn initial_state(arguments: &[String]) -> State {
    let mut state = State {
        name: arguments
            .first()
            .map_or("sh", |name| name.trim_start_matches('-'))
            .to_owned(),
        directory: std::env::current_dir()
            .ok()
            .and_then(|path| path.into_os_string().into_string().ok())
            .unwrap_or_else(|| "/".to_owned()),
        pid: sys::id(),
        ..State::default()
    };
    for (name, value) in std::env::vars_os() {
        let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else {
            continue;
        };
        if !is_name(&name) {
            state.foreign.push((name, value));
            continue;
        }
        state.variables.insert(
            name,
            Variable {
                value: Some(value),
                exported: true,
                read_only: false,
            },
        );
    }
    let defaults = [
        ("IFS", " \t\n".to_owned()),
        ("OPTIND", "1".to_owned()),
        ("PPID", sys::parent().to_string()),
        ("PS4", "+ ".to_owned()),
    ];
    for (name, value) in defaults {
        state.variables.insert(
            name.to_owned(),
            Variable {
                value: Some(value),
                ..Variable::default()
            },
        );
    }
    let pwd = state.directory.clone();
    for (name, value) in [
        ("PWD", pwd.as_str()),
        ("PATH", DEFAULT_PATH),
        ("PS1", "\\w \\$ "),
        ("PS2", "> "),
    ] {
        let variable = state.variables.entry(name.to_owned()).or_default();
        if variable.value.is_none() || name == "PWD" {
            variable.value = Some(value.to_owned());
        }
    }
    state
}

impl Shell {
    /// Reads the options; returns where commands come from and what follows the options.
    fn options<'a>(&mut self, arguments: &'a [String]) -> Result<(Source, &'a [String]), u8> {
        let (mut text, mut input) = (false, false);
        let mut rest = arguments;
        while let Some(argument) = rest.first() {
            let Some(sign @ (b'-' | b'+')) = argument.bytes().next() else {
                break;
            };
            rest = &rest[1..];
            if argument == "-" || argument == "--" {
                break;
            }
            let on = sign == b'-';
            for letter in argument[1..].chars() {
                match letter {
                    'c' if on => text = true,
                    's' if on => input = true,
                    'i' => self.interactive = on,
                    'l' | 'm' => {}
                    'o' => {
                        let name = rest.first().map_or("", String::as_str);
                        if !self.state.options.set(name, on) {
                            self.complain(format_args!("illegal option -o {name}"));
                            return Err(2);
                        }
                        rest = &rest[1..];
                    }
                    letter => match OPTIONS
                        .iter()
                        .find(|(known, _)| *known == letter && letter != ' ')
                    {
                        Some((_, name)) => {
                            self.state.options.set(name, on);
                        }
                        None => {
                            self.complain(format_args!("illegal option -{letter}"));
                            return Err(2);
                        }
                    },
                }
            }
        }
        let source = match (text, input || rest.is_empty()) {
            (true, _) => Source::Text,
            (false, true) => Source::Input,
            (false, false) => Source::File,
        };
        Ok((source, rest))
    }

    fn run(&mut self, source: Source, rest: &[String]) -> u8 {
        let ran = match source {
            Source::Text => {
                let Some((text, rest)) = rest.split_first() else {
                    self.complain("-c requires an argument");
                    return 2;
                };
                if let Some((name, positional)) = rest.split_first() {
                    self.state.name.clone_from(name);
                    self.state.positional = positional.to_vec();
                }
                self.run_last_text(text)
            }
            Source::File => {
                let path = rest[0].clone();
                self.state.positional = rest[1..].to_vec();
                match self.read_script(&path) {
                    Ok(text) => {
                        self.state.name = path;
                        self.state.in_script = true;
                        self.run_last_text(&text)
                    }
                    Err(error) => {
                        self.complain(format_args!("can't open '{path}': {error}"));
                        return 2;
                    }
                }
            }
            Source::Input => {
                self.state.positional = rest.to_vec();
                let terminal = |number| {
                    self.descriptors
                        .get(&number)
                        .is_some_and(sys::Desc::is_terminal)
                };
                self.interactive |= terminal(0) && terminal(2);
                if self.interactive {
                    // ^C ends what runs, not the shell; where there are no signals, nothing does.
                    let _ = self.set_trap(INTERRUPT, Some(":"));
                }
                self.run_input()
            }
        };
        self.finish(ran)
    }

    pub(super) fn read_script(&self, path: &str) -> Result<String, Error> {
        let desc = sys::open(&self.state.absolute(path), sys::How::READ)?;
        let mut bytes = Vec::new();
        loop {
            match desc.read(64 * 1024) {
                Ok(more) if more.is_empty() => {
                    return Ok(String::from_utf8_lossy(&bytes).into_owned());
                }
                Ok(more) => bytes.extend(more),
                Err(Error::Interrupted) => {}
                Err(error) => return Err(error),
            }
            if bytes.len() > SCRIPT_MAX {
                return Err(Error::Limit);
            }
        }
    }

    /// Runs a text, one complete command after another, as `eval` does.
    pub(super) fn run_text(&mut self, text: &str) -> Ran {
        let line = self.state.line.saturating_sub(1);
        self.run_commands(text, line, false)
    }

    /// Runs the text that is the whole program.
    fn run_last_text(&mut self, text: &str) -> Ran {
        self.run_commands(text, 0, true)
    }

    fn run_commands(&mut self, text: &str, line: u32, last: bool) -> Ran {
        self.nest()?;
        let mut parser = Parser::new(text, line);
        let mut status = 0;
        loop {
            match parser.next_command() {
                Ok(None) => break,
                Ok(Some(list)) => {
                    if self.state.options.noexec {
                        continue;
                    }
                    let at_end = last && text[parser.position()..].trim().is_empty();
                    match self.run_items(&list, at_end) {
                        Ok(done) => status = done,
                        Err(stop) => {
                            self.calls -= 1;
                            return Err(stop);
                        }
                    }
                }
                Err(error) => {
                    self.state.line = parser.line();
                    self.calls -= 1;
                    return Err(self.fail(error));
                }
            }
        }
        self.calls -= 1;
        Ok(status)
    }

    /// Runs what stands on the standard input, which commands may read from too.
    fn run_input(&mut self) -> Ran {
        let mut text = String::new();
        let mut line = 0;
        self.prompt("PS1");
        loop {
            let more = self.input_line()?;
            let ended = more.is_none();
            text.push_str(&more.unwrap_or_default());
            let mut parser = Parser::new(&text, line);
            match parser.next_command() {
                Ok(None) => {}
                Ok(Some(list)) => {
                    let list = list.clone();
                    match self.run_items(&list, false) {
                        Err(Stop::Fail(status)) if self.interactive => self.state.status = status,
                        Err(Stop::Break(_) | Stop::Continue(_)) => {}
                        ran => drop(ran?),
                    }
                }
                Err(SyntaxError::Incomplete(_)) if !ended => {
                    self.prompt("PS2");
                    continue;
                }
                Err(error) if self.interactive => self.complain(error),
                Err(error) => return Err(self.fail(error)),
            }
            line += text.matches('\n').count() as u32;
            text.clear();
            if ended {
                return Ok(self.state.status);
            }
            self.prompt("PS1");
        }
    }

    fn prompt(&self, name: &str) {
        if self.interactive {
            let home = self.state.get("HOME").unwrap_or("/");
            let directory = self
                .state
                .directory
                .strip_prefix(home)
                .filter(|_| home != "/")
                .map_or_else(|| self.state.directory.clone(), |rest| format!("~{rest}"));
            let text = self
                .state
                .get(name)
                .unwrap_or("$ ")
                .replace("\\w", &directory)
                .replace("\\$", "#");
            self.write_error(&text);
        }
    }

    /// One line, read byte by byte, so that commands find the next one.
    fn input_line(&mut self) -> Result<Option<String>, Stop> {
        let Some(desc) = self.descriptors.get(&0).cloned() else {
            return Ok(None);
        };
        let mut line = Vec::new();
        loop {
            match desc.read(1) {
                Ok(byte) if byte.is_empty() => break,
                Ok(byte) => {
                    line.extend(&byte);
                    if byte == b"\n" {
                        break;
                    }
                }
                Err(Error::Interrupted) => {
                    self.note_signals();
                    let is_typed = self.interactive && self.pending.contains(&INTERRUPT);
                    self.run_traps()?;
                    if is_typed {
                        line.clear();
                        self.write_error("\n");
                        self.prompt("PS1");
                    }
                }
                Err(_) => break,
            }
        }
        Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()))
    }
}
