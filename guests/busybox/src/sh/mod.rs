//! `sh`: POSIX' shell command language.
//!
//! WebAssembly has no fork. What needs a copy of the shell (a subshell, a stage of a pipeline, `&`, `$(…)`) becomes a
//! child process of this same program, which reads the shell's [`state::State`] and its part of the script from an
//! inherited pipe; [`child`] does that. What is a plain command is started at once.

pub mod arith;
pub mod ast;
pub mod builtins;
pub mod child;
mod expand;
pub mod main;
pub mod parser;
pub mod pattern;
pub mod programs;
pub mod redirect;
mod run;
pub mod state;
pub mod tokens;
pub mod traps;
pub mod words;

pub use main::main;
pub use pattern::{Pattern, in_class};

use crate::sys::{self, Desc};
use ast::Command;
use state::State;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Descriptor numbers a script may use.
const DESCRIPTOR_MAX: u32 = 64;
/// The descriptor on which a copy of a shell reads its state.
const STATE_DESCRIPTOR: u32 = DESCRIPTOR_MAX;
/// Calls of functions, `eval` and `.` inside each other: more would overflow the stack.
const CALLS_MAX: u32 = 100;

/// Why commands stop before their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Loops still to leave.
    Break(u32),
    /// Loops still to leave before the next round of one.
    Continue(u32),
    Return(u8),
    Exit(u8),
    /// An error that ends a shell without a person at it.
    Fail(u8),
}

/// A status, or why the commands after it do not run.
type Ran = Result<u8, Stop>;

#[derive(Debug, Clone, Copy)]
struct Job {
    pid: u32,
    status: Option<u8>,
}

/// A running shell.
struct Shell {
    state: State,
    descriptors: BTreeMap<u32, Desc>,
    jobs: Vec<Job>,
    traps: BTreeMap<u8, String>,
    /// Variables to restore when each function call ends.
    scopes: Vec<BTreeMap<String, Option<state::Variable>>>,
    loops: u32,
    calls: u32,
    /// The built-in that runs, for messages.
    builtin: Option<&'static str>,
    interactive: bool,
    in_trap: bool,
    /// Caught signals whose traps have not run.
    pending: Vec<u8>,
    /// Status of the last `$(…)`, which a command without a name takes over.
    substituted: u8,
    /// Output of a command that runs in this process for a `$(…)`.
    captured: Option<Vec<u8>>,
}

impl Shell {
    fn new(state: State) -> Self {
        let descriptors = (0..DESCRIPTOR_MAX.min(10))
            .filter_map(|number| Some((number, sys::inherited(number)?)));
        Self {
            state,
            descriptors: descriptors.collect(),
            jobs: Vec::new(),
            traps: BTreeMap::new(),
            scopes: Vec::new(),
            loops: 0,
            calls: 0,
            builtin: None,
            interactive: false,
            in_trap: false,
            pending: Vec::new(),
            substituted: 0,
            captured: None,
        }
    }

    /// Prints an error the way busybox does.
    fn complain(&self, message: impl std::fmt::Display) {
        let mut text = format!("{}: ", self.state.name);
        if let Some(builtin) = self.builtin {
            text.push_str(builtin);
            text.push_str(": ");
        }
        if self.state.in_script || (self.builtin.is_some() && !self.interactive) {
            let line = if self.state.in_script {
                self.state.line
            } else {
                0
            };
            text.push_str(&format!("line {line}: "));
        }
        self.write_error(&format!("{text}{message}\n"));
    }

    fn write_error(&self, text: &str) {
        if let Some(desc) = self.descriptors.get(&2) {
            // Nobody is left to tell.
            let _ = desc.write(text.as_bytes());
        }
    }

    /// Writes to the shell's standard output, on behalf of a built-in; the status says whether it worked.
    fn print(&mut self, text: &str) -> u8 {
        if let Some(captured) = &mut self.captured {
            captured.extend_from_slice(text.as_bytes());
            return 0;
        }
        let result = match self.descriptors.get(&1) {
            Some(desc) => desc.write(text.as_bytes()),
            None => Err(sys::Error::BadDescriptor),
        };
        match result {
            Ok(()) => 0,
            Err(sys::Error::BrokenPipe) => sys::die_of_broken_pipe(),
            Err(error) => {
                self.complain(format_args!("write error: {error}"));
                1
            }
        }
    }

    fn function(&self, name: &str) -> Option<Rc<Command>> {
        self.state.functions.get(name).cloned()
    }
}

/// Whether `text` can be the name of a variable.
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
