//! What a copy of a shell takes over: everything a script can ask about, except open descriptors.

use super::ast::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// None if it is only exported or read-only so far.
    pub value: Option<String>,
    pub exported: bool,
    pub read_only: bool,
}

/// Options of `set`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Options {
    pub all_export: bool,
    pub errexit: bool,
    pub noclobber: bool,
    pub noglob: bool,
    pub noexec: bool,
    pub nounset: bool,
    pub verbose: bool,
    pub xtrace: bool,
    pub pipefail: bool,
}

/// Letters and names of the options; a blank where there is no letter.
pub const OPTIONS: [(char, &str); 9] = [
    ('e', "errexit"),
    ('f', "noglob"),
    ('C', "noclobber"),
    ('a', "allexport"),
    ('n', "noexec"),
    ('u', "nounset"),
    ('v', "verbose"),
    ('x', "xtrace"),
    (' ', "pipefail"),
];

impl Options {
    pub fn get(&self, name: &str) -> bool {
        match name {
            "errexit" => self.errexit,
            "noglob" => self.noglob,
            "noclobber" => self.noclobber,
            "allexport" => self.all_export,
            "noexec" => self.noexec,
            "nounset" => self.nounset,
            "verbose" => self.verbose,
            "xtrace" => self.xtrace,
            _ => self.pipefail,
        }
    }

    /// False if there is no such option.
    pub fn set(&mut self, name: &str, on: bool) -> bool {
        let option = match name {
            "errexit" => &mut self.errexit,
            "noglob" => &mut self.noglob,
            "noclobber" => &mut self.noclobber,
            "allexport" => &mut self.all_export,
            "noexec" => &mut self.noexec,
            "nounset" => &mut self.nounset,
            "verbose" => &mut self.verbose,
            "xtrace" => &mut self.xtrace,
            "pipefail" => &mut self.pipefail,
            _ => return false,
        };
        *option = on;
        true
    }

    /// `$-`.
    pub fn letters(&self) -> String {
        let on = OPTIONS
            .iter()
            .filter(|(letter, name)| *letter != ' ' && self.get(name));
        on.map(|(letter, _)| *letter).collect()
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    pub variables: BTreeMap<String, Variable>,
    /// What of the environment the shell cannot name; programs it starts get it all the same.
    pub foreign: Vec<(String, String)>,
    pub functions: BTreeMap<String, Rc<Command>>,
    pub positional: Vec<String>,
    /// `$0`.
    pub name: String,
    pub options: Options,
    /// The current directory, absolute, as the script named it.
    pub directory: String,
    /// `$?`.
    pub status: u8,
    /// `$$`: that of the first shell.
    pub pid: u32,
    /// `$!`.
    pub last_background: Option<u32>,
    pub in_script: bool,
    pub line: u32,
    pub in_function: bool,
    /// Conditions around the command, inside which `set -e` does not count.
    pub unchecked: u32,
    /// The next character of the argument `getopts` is in.
    pub getopts_offset: usize,
    /// Signals the script ignores; children do too.
    pub ignored: Vec<u8>,
}

impl State {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.value.as_deref()
    }

    /// Sets a variable; the error is what the shell prints.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), String> {
        let variable = self.variables.entry(name.to_owned()).or_default();
        if variable.read_only {
            return Err(format!("{name}: is read only"));
        }
        variable.value = Some(value.into());
        variable.exported |= self.options.all_export;
        if name == "OPTIND" {
            self.getopts_offset = 0;
        }
        Ok(())
    }

    /// What a started program sees.
    pub fn environment(&self) -> Vec<(String, String)> {
        let exported = self
            .variables
            .iter()
            .filter(|(_, variable)| variable.exported);
        exported
            .filter_map(|(name, variable)| Some((name.clone(), variable.value.clone()?)))
            .chain(self.foreign.iter().cloned())
            .collect()
    }

    /// `path` below the current directory of the script.
    pub fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else if self.directory.ends_with('/') {
            format!("{}{path}", self.directory)
        } else {
            format!("{}/{path}", self.directory)
        }
    }
}
