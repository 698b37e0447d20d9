//! Commands the shell runs itself.

mod input;
mod processes;
mod variables;

use super::{Ran, Shell, Stop};
use crate::applets;

const SPECIAL: [&str; 15] = [
    ":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set",
    "shift", "times", "trap", "unset",
];

const REGULAR: [&str; 20] = [
    "[", "[[", "cd", "command", "echo", "false", "getopts", "hash", "kill", "let", "local",
    "printf", "pwd", "read", "source", "test", "true", "type", "umask", "wait",
];

pub fn is_special(name: &str) -> bool {
    SPECIAL.contains(&name)
}

pub fn is_builtin(name: &str) -> bool {
    SPECIAL.contains(&name) || REGULAR.contains(&name)
}

/// Whether a built-in changes nothing in the shell.
pub fn only_prints(name: &str) -> bool {
    matches!(name, "echo" | "printf" | "pwd" | "true" | "false" | ":")
}

/// A value as a word that a shell reads back.
pub fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\"'\"'"))
}

/// A word as `set -x` shows it.
pub fn quote_for_trace(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:=,+@%^".contains(c);
    if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        quote(value)
    }
}

impl Shell {
    /// Runs the built-in `arguments[0]` names.
    pub(super) fn run_builtin(&mut self, arguments: &[String]) -> Ran {
        let name = SPECIAL
            .iter()
            .chain(&REGULAR)
            .find(|name| **name == arguments[0])
            .copied();
        let outer = std::mem::replace(&mut self.builtin, name);
        let result = self.dispatch(arguments);
        self.builtin = outer;
        match result {
            // What is wrong with other built-ins does not end a script.
            Err(Stop::Fail(status)) if !is_special(&arguments[0]) && arguments[0] != "local" => {
                Ok(status)
            }
            result => result,
        }
    }

    fn dispatch(&mut self, arguments: &[String]) -> Ran {
        let operands = &arguments[1..];
        match arguments[0].as_str() {
            ":" | "true" | "hash" => Ok(0),
            "false" => Ok(1),
            "break" => self.leave_loop(operands, Stop::Break),
            "continue" => self.leave_loop(operands, Stop::Continue),
            "return" => Err(Stop::Return(self.status_operand(operands)?)),
            "exit" => Err(Stop::Exit(self.status_operand(operands)?)),
            "eval" => self.script(|shell| shell.run_text(&operands.join(" "))),
            "." | "source" => self.source(operands),
            "command" => self.command(operands),
            "type" => Ok(self.kinds(operands)),
            "echo" => Ok(self.print_bytes(&applets::echo::text(operands))),
            "printf" => {
                let printed = applets::printf::format(operands);
                let status = self.print_bytes(&printed.output);
                printed
                    .errors
                    .iter()
                    .for_each(|error| self.complain_as_applet(error));
                Ok(status.max(u8::from(!printed.errors.is_empty())))
            }
            "test" | "[" | "[[" => Ok(self.test(arguments)),
            "let" => self.arithmetic(operands),
            "cd" => Ok(self.change_directory(operands)),
            "pwd" => {
                let directory = format!("{}\n", self.state.directory);
                Ok(self.print(&directory))
            }
            "read" => self.read(operands),
            "getopts" => self.getopts(operands),
            "export" => self.declare(operands, |variable| variable.exported = true, "export"),
            "readonly" => self.declare(operands, |variable| variable.read_only = true, "readonly"),
            "local" => self.local(operands),
            "set" => self.set(operands),
            "shift" => self.shift(operands),
            "unset" => self.unset(operands),
            "trap" => Ok(self.trap(operands)),
            "wait" => self.wait(operands),
            "kill" => Ok(self.kill(operands)),
            "times" => Ok(self.times()),
            _ => Ok(self.umask(operands)),
        }
    }

    /// Prints an error of a tool that is part of the shell, which knows no lines.
    fn complain_as_applet(&self, message: &str) {
        self.write_error(&format!("sh: {message}\n"));
    }

    fn print_bytes(&mut self, bytes: &[u8]) -> u8 {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.print(text),
            Err(_) if self.captured.is_some() => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                self.print(&text)
            }
            Err(_) => match self.descriptors.get(&1).map(|desc| desc.write(bytes)) {
                Some(Ok(())) => 0,
                _ => 1,
            },
        }
    }

    /// Runs script text on behalf of a built-in: messages name no built-in meanwhile.
    fn script(&mut self, body: impl FnOnce(&mut Self) -> Ran) -> Ran {
        let outer = self.builtin.take();
        let result = body(self);
        self.builtin = outer;
        result
    }

    fn leave_loop(&mut self, operands: &[String], stop: fn(u32) -> Stop) -> Ran {
        let levels = match operands.first() {
            None => 1,
            Some(text) => match text.parse::<u32>() {
                Ok(levels) if levels > 0 => levels,
                _ => return Err(self.fail(format_args!("Illegal number: {text}"))),
            },
        };
        if self.loops == 0 {
            Ok(0)
        } else {
            Err(stop(levels.min(self.loops)))
        }
    }

    fn status_operand(&mut self, operands: &[String]) -> Ran {
        match operands.first() {
            None => Ok(self.state.status),
            Some(text) => match text.parse::<u32>() {
                Ok(status) => Ok(status as u8),
                Err(_) => Err(self.fail(format_args!("Illegal number: {text}"))),
            },
        }
    }

    fn source(&mut self, operands: &[String]) -> Ran {
        let Some(name) = operands.first() else {
            return Err(self.fail("filename argument required"));
        };
        let path = if name.contains('/') {
            Some(name.clone())
        } else {
            self.find_script(name)
        };
        let text = path
            .ok_or(crate::sys::Error::NoEntry)
            .and_then(|path| self.read_script(&path));
        let text = match text {
            Ok(text) => text,
            Err(error) => return Err(self.fail(format_args!("can't open '{name}': {error}"))),
        };
        let positional = (operands.len() > 1)
            .then(|| std::mem::replace(&mut self.state.positional, operands[1..].to_vec()));
        let line = std::mem::replace(&mut self.state.line, 0);
        let result = self.script(|shell| shell.run_text(&text));
        self.state.line = line;
        if let Some(positional) = positional {
            self.state.positional = positional;
        }
        match result {
            Err(Stop::Return(status)) => Ok(status),
            result => result,
        }
    }

    fn find_script(&self, name: &str) -> Option<String> {
        let path = self.state.get("PATH").unwrap_or_default();
        let candidates = path
            .split(':')
            .chain(["."])
            .map(|directory| format!("{directory}/{name}"));
        candidates
            .into_iter()
            .find(|path| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()))
    }

    fn command(&mut self, operands: &[String]) -> Ran {
        let mut rest = operands;
        let (mut short, mut long) = (false, false);
        while let Some(option) = rest
            .first()
            .filter(|option| option.starts_with('-') && option.len() > 1)
        {
            rest = &rest[1..];
            if option == "--" {
                break;
            }
            short |= option.contains('v');
            long |= option.contains('V');
        }
        if long {
            return Ok(self.kinds(rest));
        }
        let Some(name) = rest.first() else {
            return Ok(0);
        };
        if short {
            let text = if is_builtin(name) || self.function(name).is_some() {
                Some(name.clone())
            } else {
                self.path_of(name)
            };
            return Ok(match text {
                Some(text) => self.print(&format!("{text}\n")),
                None => 127,
            });
        }
        if is_builtin(name) {
            return match self.run_builtin(rest) {
                Err(Stop::Fail(status)) => Ok(status),
                result => result,
            };
        }
        self.builtin = None;
        let environment = self.state.environment();
        Ok(self.run_program(rest, environment, false))
    }

    /// What a name would run, if it is a file: a tool of this program is shown by its name.
    fn path_of(&self, name: &str) -> Option<String> {
        let path = self.locate(name)?;
        if path == crate::sys::SELF {
            return Some(name.to_owned());
        }
        std::fs::metadata(&path).is_ok().then_some(path)
    }

    fn kinds(&mut self, names: &[String]) -> u8 {
        let mut status = 0;
        for name in names {
            let kind = if is_special(name) {
                "is a special shell builtin".to_owned()
            } else if self.function(name).is_some() {
                "is a function".to_owned()
            } else if is_builtin(name) {
                "is a shell builtin".to_owned()
            } else if let Some(path) = self.path_of(name) {
                format!("is {path}")
            } else {
                status = 127;
                self.print(&format!("{name}: not found\n"));
                continue;
            };
            self.print(&format!("{name} {kind}\n"));
        }
        status
    }

    fn test(&mut self, arguments: &[String]) -> u8 {
        let mut operands = &arguments[1..];
        let closing = match arguments[0].as_str() {
            "[" => Some("]"),
            "[[" => Some("]]"),
            _ => None,
        };
        if let Some(closing) = closing {
            match operands.split_last() {
                Some((last, rest)) if last == closing => operands = rest,
                _ => {
                    self.complain_as_applet(&format!("missing {closing}"));
                    return 2;
                }
            }
        }
        let terminal = |number: u32| {
            self.descriptors
                .get(&number)
                .is_some_and(crate::sys::Desc::is_terminal)
        };
        match applets::test::evaluate(operands, &terminal) {
            Ok(result) => u8::from(!result),
            Err(error) => {
                self.complain_as_applet(&error);
                2
            }
        }
    }

    fn arithmetic(&mut self, expressions: &[String]) -> Ran {
        let mut value = 0;
        for expression in expressions {
            value = self.evaluate(expression)?;
        }
        Ok(u8::from(value == 0))
    }

    fn change_directory(&mut self, operands: &[String]) -> u8 {
        let operand = operands
            .iter()
            .find(|operand| !matches!(operand.as_str(), "-L" | "-P" | "--"));
        let target = match operand.map(String::as_str) {
            None => self.state.get("HOME").unwrap_or("/").to_owned(),
            Some("-") => match self.state.get("OLDPWD") {
                Some(old) => old.to_owned(),
                None => {
                    self.complain("OLDPWD not set");
                    return 2;
                }
            },
            Some(path) => path.to_owned(),
        };
        let directory = normalize(&self.state.absolute(&target));
        let entered = std::fs::metadata(&directory).and_then(|metadata| match metadata.is_dir() {
            true => std::env::set_current_dir(&directory),
            false => Err(std::io::ErrorKind::NotADirectory.into()),
        });
        if let Err(error) = entered {
            self.complain(format_args!(
                "can't cd to {target}: {}",
                applets::reason(&error)
            ));
            return 2;
        }
        let old = std::mem::replace(&mut self.state.directory, directory);
        // Only a variable that the script made read-only refuses; the directory has changed all the same.
        let _ = self.state.set("OLDPWD", old);
        let _ = self.state.set("PWD", self.state.directory.clone());
        if operand.is_some_and(|operand| operand == "-") {
            let shown = format!("{}\n", self.state.directory);
            return self.print(&shown);
        }
        0
    }

    fn umask(&mut self, operands: &[String]) -> u8 {
        match operands.first() {
            None => self.print("0022\n"),
            Some(mask) if u32::from_str_radix(mask, 8).is_ok_and(|mask| mask <= 0o777) => 0,
            Some(mask) => {
                self.complain(format_args!("illegal mode: {mask}"));
                1
            }
        }
    }
}

/// An absolute path without `.` and `..`.
fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
