//! Copies of the shell in child processes, and what `$(…)` prints.

use super::ast::{Chain, Command, Compound, Item, List, Pipeline, Simple};
use super::state::State;
use super::{Ran, STATE_DESCRIPTOR, Shell, Stop, builtins};
use crate::sys::{self, Desc, Disposition, Error, Program};
use serde::{Deserialize, Serialize};

/// What a copy of the shell is to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Work {
    List(List),
    Chain(Chain),
    Command(Command),
    /// Writes the text of a here-document.
    Print(String),
}

/// Bytes read in one call.
const CHUNK: usize = 64 * 1024;
/// What `$(…)` may print.
const SUBSTITUTION_MAX: usize = 64 * 1024 * 1024;

impl Shell {
    /// Starts a copy of this shell with work to do; the error is a status.
    pub(super) fn start_copy(&mut self, work: &Work) -> Result<u32, u8> {
        let arguments: Vec<String> = std::env::args().collect();
        let program = Program {
            path: sys::SELF.to_owned(),
            arguments,
            environment: self.state.environment(),
            directory: self.state.directory.clone(),
        };
        let message = postcard::to_allocvec(&(&self.state, work));
        let started = message.map_err(|_| Error::Limit).and_then(|message| {
            let (read, write) = sys::pipe()?;
            let mut descs: Vec<(u32, &Desc)> = self
                .descriptors
                .iter()
                .map(|(number, desc)| (*number, desc))
                .collect();
            descs.push((STATE_DESCRIPTOR, &read));
            let pid = sys::spawn(&program, &descs)?;
            drop(read);
            // A child that died before it read all has a status of its own.
            let _ = write.write(&message);
            Ok(pid)
        });
        started.map_err(|error| {
            self.complain(format_args!("can't fork: {error}"));
            2
        })
    }

    /// The output of a list, without the newlines at its end.
    pub(super) fn substitute(&mut self, list: &List) -> Result<String, Stop> {
        let output = match single(list) {
            Some(simple) if self.is_printing(simple) => {
                let outer = self.captured.replace(Vec::new());
                let result = self
                    .expand_words(&simple.words)
                    .and_then(|arguments| self.run_builtin(&arguments));
                let output = std::mem::replace(&mut self.captured, outer).unwrap_or_default();
                self.substituted = result?;
                output
            }
            _ if list.is_empty() => {
                self.substituted = 0;
                Vec::new()
            }
            single => {
                let (read, write) = sys::pipe()
                    .map_err(|error| self.fail(format_args!("can't create pipe: {error}")))?;
                let unchecked = std::mem::take(&mut self.state.unchecked);
                let started = self.with_ends(None, Some(write), |shell| match single {
                    Some(simple) if shell.is_plain(simple) => {
                        shell.start(&Command::Simple(simple.clone()))
                    }
                    _ => shell.start_copy(&Work::List(list.clone())),
                });
                self.state.unchecked = unchecked;
                let output = self.read_to_end(&read)?;
                self.substituted = started.map_or_else(|status| status, |pid| self.wait_for(pid));
                output
            }
        };
        self.state.status = self.substituted;
        let mut text = String::from_utf8_lossy(&output).into_owned();
        text.truncate(text.trim_end_matches('\n').len());
        text.retain(|c| c != '\0');
        Ok(text)
    }

    /// Whether a command only prints, so that it may run in this process while its output is kept.
    fn is_printing(&self, simple: &Simple) -> bool {
        let name = match simple.words.first().map(Vec::as_slice) {
            Some([super::ast::Part::Literal(name)]) => name.as_str(),
            _ => return false,
        };
        let names = Simple {
            words: simple.words[1..].to_vec(),
            ..Simple::default()
        };
        builtins::only_prints(name)
            && self.function(name).is_none()
            && simple.assignments.is_empty()
            && simple.redirects.is_empty()
            && names.words.iter().all(super::run::is_pure)
    }

    fn read_to_end(&mut self, desc: &Desc) -> Result<Vec<u8>, Stop> {
        let mut output = Vec::new();
        loop {
            match desc.read(CHUNK) {
                Ok(bytes) if bytes.is_empty() => return Ok(output),
                Ok(bytes) => output.extend(bytes),
                Err(Error::Interrupted) => self.note_signals(),
                Err(error) => return Err(self.fail(format_args!("read error: {error}"))),
            }
            if output.len() > SUBSTITUTION_MAX {
                return Err(self.fail("out of memory"));
            }
        }
    }
}

/// The one simple command a list consists of.
fn single(list: &List) -> Option<&Simple> {
    match list.as_slice() {
        [
            Item {
                chain:
                    Chain {
                        first:
                            Pipeline {
                                negated: false,
                                stages,
                            },
                        rest,
                    },
                background: false,
            },
        ] if rest.is_empty() => match stages.as_slice() {
            [Command::Simple(simple)] => Some(simple),
            _ => None,
        },
        _ => None,
    }
}

/// Does the work a parent shell left on the state descriptor, if this process is a copy of a shell.
pub fn run_inherited() -> Option<u8> {
    let desc = sys::inherited(STATE_DESCRIPTOR)?;
    let mut message = Vec::new();
    loop {
        match desc.read(CHUNK) {
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => message.extend(bytes),
            Err(Error::Interrupted) => {}
            Err(_) => return Some(2),
        }
    }
    drop(desc);
    let Ok((state, work)) = postcard::from_bytes::<(State, Work)>(&message) else {
        return Some(2);
    };
    for signal in &state.ignored {
        // The parent could ignore it, so this process can.
        let _ = sys::handle(*signal, Disposition::Ignore);
    }
    let mut shell = Shell::new(state);
    // A directory that is gone by now still has its name, as for the parent.
    let _ = std::env::set_current_dir(&shell.state.directory);
    let ran = shell.work(&work);
    Some(shell.finish(ran))
}

impl Shell {
    fn work(&mut self, work: &Work) -> Ran {
        match work {
            Work::List(list) => self.run_items(list, true),
            Work::Chain(chain) => self.run_items(
                &[Item {
                    chain: chain.clone(),
                    background: false,
                }],
                true,
            ),
            Work::Command(Command::Compound(Compound::Subshell(list), redirects)) => {
                self.apply(redirects).map_err(Stop::Exit)?;
                self.run_items(list, true)
            }
            Work::Command(command) => {
                let chain = Chain {
                    first: Pipeline {
                        negated: false,
                        stages: vec![command.clone()],
                    },
                    rest: Vec::new(),
                };
                self.run_items(
                    &[Item {
                        chain,
                        background: false,
                    }],
                    true,
                )
            }
            Work::Print(text) => Ok(self.print(text)),
        }
    }
}
