//! Runs commands.

use super::ast::{Chain, Command, Compound, Item, Joint, List, Pipeline, Simple, Word};
use super::child::Work;
use super::state::Variable;
use super::{CALLS_MAX, Ran, Shell, Stop, builtins};
use crate::sys::{self, Desc};
use std::collections::BTreeMap;
use std::rc::Rc;

impl Shell {
    pub(super) fn run_list(&mut self, list: &[Item]) -> Ran {
        self.run_items(list, false)
    }

    /// Runs a list that may be the last thing this process does: its last command may then take the process over.
    pub(super) fn run_items(&mut self, list: &[Item], last: bool) -> Ran {
        for (index, item) in list.iter().enumerate() {
            self.run_traps()?;
            if item.background {
                self.state.status = self.background(&item.chain);
                continue;
            }
            let tail = last && index + 1 == list.len() && self.traps.is_empty();
            self.state.status = match &item.chain {
                Chain {
                    first:
                        Pipeline {
                            negated: false,
                            stages,
                        },
                    rest,
                } if tail && rest.is_empty() => match stages.as_slice() {
                    [Command::Simple(simple)] => self.run_simple(simple, true)?,
                    _ => self.run_chain(&item.chain)?,
                },
                chain => self.run_chain(chain)?,
            };
        }
        self.run_traps()?;
        Ok(self.state.status)
    }

    fn run_chain(&mut self, chain: &Chain) -> Ran {
        let mut status = self.run_pipeline(&chain.first, !chain.rest.is_empty())?;
        for (index, (joint, pipeline)) in chain.rest.iter().enumerate() {
            if (*joint == Joint::And) == (status == 0) {
                status = self.run_pipeline(pipeline, index + 1 < chain.rest.len())?;
            }
        }
        Ok(status)
    }

    /// `condition` says that the status decides what runs next, so that `set -e` does not count.
    fn run_pipeline(&mut self, pipeline: &Pipeline, condition: bool) -> Ran {
        let unchecked = condition || pipeline.negated;
        self.state.unchecked += u32::from(unchecked);
        let result = match pipeline.stages.as_slice() {
            [command] => self.run_command(command),
            stages => self.run_stages(stages),
        };
        self.state.unchecked -= u32::from(unchecked);
        let status = result?;
        self.state.status = if pipeline.negated {
            u8::from(status == 0)
        } else {
            status
        };
        let is_checked = match pipeline.stages.as_slice() {
            [Command::Compound(compound, _)] => matches!(compound, Compound::Subshell(_)),
            [Command::Function(..)] => false,
            _ => true,
        };
        if is_checked
            && !unchecked
            && self.state.unchecked == 0
            && status != 0
            && self.state.options.errexit
        {
            return Err(Stop::Exit(status));
        }
        Ok(self.state.status)
    }

    fn run_stages(&mut self, stages: &[Command]) -> Ran {
        let mut started = Vec::new();
        let mut input: Option<Desc> = None;
        for (index, stage) in stages.iter().enumerate() {
            let ends = if index + 1 < stages.len() {
                Some(
                    sys::pipe()
                        .map_err(|error| self.fail(format_args!("can't create pipe: {error}")))?,
                )
            } else {
                None
            };
            let (next, output) = ends.unzip();
            started.push(self.with_ends(input.take(), output, |shell| shell.start(stage)));
            input = next;
        }
        let statuses: Vec<u8> = started
            .into_iter()
            .map(|stage| stage.map_or_else(|status| status, |pid| self.wait_for(pid)))
            .collect();
        let last = statuses.last().copied().unwrap_or(0);
        if self.state.options.pipefail {
            return Ok(statuses
                .into_iter()
                .rfind(|status| *status != 0)
                .unwrap_or(0));
        }
        Ok(last)
    }

    /// Runs `body` with other descriptors 0 and 1.
    pub(super) fn with_ends<T>(
        &mut self,
        input: Option<Desc>,
        output: Option<Desc>,
        body: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let saved = self.descriptors.clone();
        self.descriptors.extend(input.map(|desc| (0, desc)));
        self.descriptors.extend(output.map(|desc| (1, desc)));
        let result = body(self);
        self.descriptors = saved;
        result
    }

    /// Starts a command as a child; the error is its status if it could not start.
    pub(super) fn start(&mut self, command: &Command) -> Result<u32, u8> {
        if let Command::Simple(simple) = command
            && self.is_plain(simple)
        {
            let saved = self.apply(&simple.redirects)?;
            let pid = self.start_plain(simple);
            self.restore(saved);
            return pid;
        }
        self.start_copy(&Work::Command(command.clone()))
    }

    fn start_plain(&mut self, simple: &Simple) -> Result<u32, u8> {
        let status = |stop| match stop {
            Stop::Fail(status) | Stop::Exit(status) | Stop::Return(status) => status,
            Stop::Break(_) | Stop::Continue(_) => 0,
        };
        let arguments = self.expand_words(&simple.words).map_err(status)?;
        let mut environment = self.state.environment();
        for (name, word) in &simple.assignments {
            environment.retain(|(known, _)| known != name);
            environment.push((name.clone(), self.expand_string(word).map_err(status)?));
        }
        self.trace(&[], &arguments);
        self.spawn(&arguments, environment)
    }

    /// Whether a command is a program whose words change nothing in this shell, so that it needs no copy of the shell.
    pub(super) fn is_plain(&self, simple: &Simple) -> bool {
        let Some([super::ast::Part::Literal(name)]) = simple.words.first().map(Vec::as_slice)
        else {
            return false;
        };
        let assigned = simple.assignments.iter().map(|(_, word)| word);
        let targets = simple.redirects.iter().map(|redirect| &redirect.target);
        self.function(name).is_none()
            && !builtins::is_builtin(name)
            && simple
                .words
                .iter()
                .chain(assigned)
                .chain(targets)
                .all(is_pure)
    }

    pub(super) fn run_command(&mut self, command: &Command) -> Ran {
        match command {
            Command::Simple(simple) => self.run_simple(simple, false),
            Command::Compound(Compound::Subshell(_), _) => match self.start(command) {
                Ok(pid) => Ok(self.wait_for(pid)),
                Err(status) => Ok(status),
            },
            Command::Compound(compound, redirects) => match self.apply(redirects) {
                Ok(saved) => {
                    let result = self.run_compound(compound);
                    self.restore(saved);
                    result
                }
                Err(status) => Ok(status),
            },
            Command::Function(name, body) => {
                self.state.functions.insert(name.clone(), Rc::clone(body));
                Ok(0)
            }
        }
    }

    pub(super) fn run_compound(&mut self, compound: &Compound) -> Ran {
        match compound {
            Compound::Brace(list) | Compound::Subshell(list) => self.run_list(list),
            Compound::If { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.run_condition(condition)? == 0 {
                        return self.run_list(body);
                    }
                }
                otherwise.as_ref().map_or(Ok(0), |list| self.run_list(list))
            }
            Compound::Loop {
                until,
                condition,
                body,
            } => self.run_loop(|shell, _| {
                let status = shell.run_condition(condition)?;
                Ok(if (status == 0) == *until {
                    None
                } else {
                    Some(body)
                })
            }),
            Compound::For { name, words, body } => {
                let values = match words {
                    Some(words) => self.expand_words(words)?,
                    None => self.state.positional.clone(),
                };
                self.run_loop(|shell, round| {
                    let Some(value) = values.get(round) else {
                        return Ok(None);
                    };
                    shell
                        .state
                        .set(name, value.as_str())
                        .map_err(|error| shell.fail(error))?;
                    Ok(Some(body))
                })
            }
            Compound::Case { word, arms } => self.run_case(word, arms),
        }
    }

    fn run_case(&mut self, word: &Word, arms: &[(Vec<Word>, List)]) -> Ran {
        let text = self.expand_string(word)?;
        for (patterns, body) in arms {
            for pattern in patterns {
                if self.expand_pattern(pattern)?.matches(&text) {
                    self.state.status = 0;
                    return self.run_list(body);
                }
            }
        }
        Ok(0)
    }

    fn run_condition(&mut self, condition: &List) -> Ran {
        self.state.unchecked += 1;
        let result = self.run_list(condition);
        self.state.unchecked -= 1;
        result
    }

    /// Runs what `next` returns for each round, until it returns none.
    fn run_loop<'a>(
        &mut self,
        mut next: impl FnMut(&mut Self, usize) -> Result<Option<&'a List>, Stop>,
    ) -> Ran {
        let mut status = 0;
        let mut round = 0;
        self.loops += 1;
        let result = loop {
            let ran = match next(self, round) {
                Ok(None) => break Ok(status),
                Ok(Some(body)) => self.run_list(body),
                Err(stop) => Err(stop),
            };
            round += 1;
            match ran {
                Ok(last) => status = last,
                Err(Stop::Break(levels)) if levels > 1 => break Err(Stop::Break(levels - 1)),
                Err(Stop::Break(_)) => break Ok(0),
                Err(Stop::Continue(levels)) if levels > 1 => break Err(Stop::Continue(levels - 1)),
                Err(Stop::Continue(_)) => status = 0,
                Err(stop) => break Err(stop),
            }
        };
        self.loops -= 1;
        result
    }

    fn run_simple(&mut self, simple: &Simple, tail: bool) -> Ran {
        self.state.line = simple.line;
        self.substituted = 0;
        let arguments = self.expand_words(&simple.words)?;
        let Some(name) = arguments.first() else {
            return self.run_assignments(simple);
        };
        let name = name.clone();
        let mut assignments = Vec::new();
        for (variable, word) in &simple.assignments {
            assignments.push((variable.clone(), self.expand_string(word)?));
        }
        self.trace(&assignments, &arguments);
        if name == "exec" {
            return self.run_exec(simple, &arguments, &assignments);
        }
        let special = builtins::is_special(&name) && self.function(&name).is_none();
        let saved = match self.apply(&simple.redirects) {
            Ok(saved) => saved,
            Err(status) if special => return Err(Stop::Fail(status)),
            Err(status) => return Ok(status),
        };
        let result = self.run_named(&arguments, &assignments, special, tail);
        self.restore(saved);
        result
    }

    fn run_named(
        &mut self,
        arguments: &[String],
        assignments: &[(String, String)],
        special: bool,
        tail: bool,
    ) -> Ran {
        let name = arguments[0].as_str();
        let function = self.function(name);
        if function.is_none() && !builtins::is_builtin(name) {
            let mut environment = self.state.environment();
            environment.retain(|(known, _)| !assignments.iter().any(|(name, _)| name == known));
            environment.extend_from_slice(assignments);
            return Ok(self.run_program(arguments, environment, tail));
        }
        let before: Vec<(String, Option<Variable>)> = assignments
            .iter()
            .map(|(name, _)| (name.clone(), self.state.variables.get(name).cloned()))
            .collect();
        for (name, value) in assignments {
            self.state
                .set(name, value.as_str())
                .map_err(|error| self.fail(error))?;
            if !special && let Some(variable) = self.state.variables.get_mut(name) {
                variable.exported = true;
            }
        }
        let result = match function {
            Some(body) => self.call(&body, &arguments[1..]),
            None => self.run_builtin(arguments),
        };
        if !special {
            for (name, variable) in before {
                self.set_variable(name, variable);
            }
        }
        result
    }

    fn run_assignments(&mut self, simple: &Simple) -> Ran {
        for (name, word) in &simple.assignments {
            let value = self.expand_string(word)?;
            self.trace(&[(name.clone(), value.clone())], &[]);
            self.state
                .set(name, value)
                .map_err(|error| self.fail(error))?;
        }
        match self.apply(&simple.redirects) {
            Ok(saved) => {
                self.restore(saved);
                Ok(self.substituted)
            }
            Err(status) => Ok(status),
        }
    }

    fn run_exec(
        &mut self,
        simple: &Simple,
        arguments: &[String],
        assignments: &[(String, String)],
    ) -> Ran {
        let saved = self.apply(&simple.redirects).map_err(Stop::Fail)?;
        let skip = 1 + usize::from(arguments.get(1).is_some_and(|argument| argument == "--"));
        if arguments.len() <= skip {
            for (name, value) in assignments {
                self.state
                    .set(name, value.as_str())
                    .map_err(|error| self.fail(error))?;
            }
            return Ok(0);
        }
        let mut environment = self.state.environment();
        environment.extend_from_slice(assignments);
        let status = self.replace(&arguments[skip..], environment);
        self.restore(saved);
        Err(Stop::Exit(status))
    }

    /// Calls a function.
    pub(super) fn call(&mut self, body: &Command, arguments: &[String]) -> Ran {
        self.nest()?;
        let positional = std::mem::replace(&mut self.state.positional, arguments.to_vec());
        let loops = std::mem::take(&mut self.loops);
        let in_function = std::mem::replace(&mut self.state.in_function, true);
        self.scopes.push(BTreeMap::new());
        let result = self.run_command(body);
        for (name, variable) in self.scopes.pop().unwrap_or_default() {
            self.set_variable(name, variable);
        }
        self.state.in_function = in_function;
        self.loops = loops;
        self.state.positional = positional;
        self.calls -= 1;
        match result {
            Err(Stop::Return(status)) => Ok(status),
            result => result,
        }
    }

    /// Counts a call; the caller takes it back.
    pub(super) fn nest(&mut self) -> Result<(), Stop> {
        if self.calls >= CALLS_MAX {
            return Err(self.fail(format_args!(
                "Maximum function recursion depth ({CALLS_MAX}) reached"
            )));
        }
        self.calls += 1;
        Ok(())
    }

    fn set_variable(&mut self, name: String, variable: Option<Variable>) {
        match variable {
            Some(variable) => self.state.variables.insert(name, variable),
            None => self.state.variables.remove(&name),
        };
    }

    fn trace(&mut self, assignments: &[(String, String)], arguments: &[String]) {
        if !self.state.options.xtrace {
            return;
        }
        let assigned = assignments
            .iter()
            .map(|(name, value)| format!("{name}={}", builtins::quote_for_trace(value)));
        let words: Vec<String> = assigned
            .chain(arguments.iter().map(|word| builtins::quote_for_trace(word)))
            .collect();
        let prefix = self.state.get("PS4").unwrap_or("+ ").to_owned();
        self.write_error(&format!("{prefix}{}\n", words.join(" ")));
    }
}

/// Whether expanding a word in this shell, or in a copy of it, makes no difference to this shell.
pub(super) fn is_pure(word: &Word) -> bool {
    use super::ast::{Operation, Part};
    word.iter().all(|part| match part {
        Part::Literal(_) | Part::Quoted(_) | Part::Tilde(_) => true,
        Part::DoubleQuoted(inner) => is_pure(inner),
        Part::Parameter(parameter) => match &parameter.operation {
            Operation::Value | Operation::Length => true,
            Operation::Default { word, .. } | Operation::Alternative { word, .. } => is_pure(word),
            Operation::RemovePrefix { pattern, .. } | Operation::RemoveSuffix { pattern, .. } => {
                is_pure(pattern)
            }
            Operation::Replace { pattern, with, .. } => is_pure(pattern) && is_pure(with),
            Operation::Assign { .. } | Operation::Error { .. } | Operation::Substring { .. } => {
                false
            }
        },
        Part::Command(_) | Part::Arithmetic(_) => false,
    })
}
