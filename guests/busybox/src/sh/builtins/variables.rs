//! `export`, `readonly`, `local`, `set`, `shift`, `unset`.

use super::quote;
use crate::sh::state::{OPTIONS, Variable};
use crate::sh::{Ran, Shell, Stop, is_name};

impl Shell {
    pub(super) fn declare(
        &mut self,
        operands: &[String],
        mark: fn(&mut Variable),
        name: &str,
    ) -> Ran {
        let names: Vec<&String> = operands
            .iter()
            .filter(|operand| *operand != "--" && *operand != "-p")
            .collect();
        if names.is_empty() {
            let shown = |variable: &&Variable| {
                if name == "export" {
                    variable.exported
                } else {
                    variable.read_only
                }
            };
            let lines = self
                .state
                .variables
                .iter()
                .filter(|(_, variable)| shown(variable));
            let lines: String = lines
                .map(|(variable, Variable { value, .. })| match value {
                    Some(value) => format!("{name} {variable}={}\n", quote(value)),
                    None => format!("{name} {variable}\n"),
                })
                .collect();
            return Ok(self.print(&lines));
        }
        for operand in names {
            let (variable, value) = self.assignment(operand)?;
            if let Some(value) = value {
                self.state
                    .set(variable, value)
                    .map_err(|error| self.fail(error))?;
            }
            mark(self.state.variables.entry(variable.to_owned()).or_default());
        }
        Ok(0)
    }

    fn assignment<'a>(&mut self, operand: &'a str) -> Result<(&'a str, Option<&'a str>), Stop> {
        let (name, value) = match operand.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (operand, None),
        };
        if is_name(name) {
            Ok((name, value))
        } else {
            Err(self.fail(format_args!("{name}: bad variable name")))
        }
    }

    pub(super) fn local(&mut self, operands: &[String]) -> Ran {
        if self.scopes.is_empty() {
            return Err(self.fail("not in a function"));
        }
        for operand in operands {
            let (name, value) = self.assignment(operand)?;
            let before = self.state.variables.get(name).cloned();
            if let Some(scope) = self.scopes.last_mut() {
                scope.entry(name.to_owned()).or_insert(before);
            }
            match value {
                Some(value) => self
                    .state
                    .set(name, value)
                    .map_err(|error| self.fail(error))?,
                None => drop(self.state.variables.remove(name)),
            }
        }
        Ok(0)
    }

    pub(super) fn set(&mut self, operands: &[String]) -> Ran {
        if operands.is_empty() {
            let values = self.state.variables.iter();
            let lines: String = values
                .filter_map(|(name, variable)| {
                    Some(format!("{name}={}\n", quote(variable.value.as_ref()?)))
                })
                .collect();
            return Ok(self.print(&lines));
        }
        let mut rest = operands;
        while let Some(argument) = rest.first() {
            let on = match argument.bytes().next() {
                Some(b'-') => true,
                Some(b'+') => false,
                _ => break,
            };
            rest = &rest[1..];
            if argument == "--" || argument == "-" {
                self.state.positional = rest.to_vec();
                return Ok(0);
            }
            for letter in argument[1..].chars() {
                let name = match letter {
                    'o' => {
                        let Some(name) = rest.first() else {
                            let lines = self.option_lines(on);
                            return Ok(self.print(&lines));
                        };
                        rest = &rest[1..];
                        name.as_str()
                    }
                    letter => OPTIONS
                        .iter()
                        .find(|(known, _)| *known == letter)
                        .map_or("", |(_, name)| name),
                };
                if !self.state.options.set(name, on) && !matches!(letter, 'm' | 'b' | 'h') {
                    return Err(self.fail(format_args!(
                        "illegal option {argument}{}{name}",
                        if letter == 'o' { " " } else { "" }
                    )));
                }
            }
        }
        if !rest.is_empty() {
            self.state.positional = rest.to_vec();
        }
        Ok(0)
    }

    fn option_lines(&self, readable: bool) -> String {
        let line = |(_, name): &(char, &str)| match (readable, self.state.options.get(name)) {
            (true, on) => format!("{name:<16}{}\n", if on { "on" } else { "off" }),
            (false, on) => format!("set {}o {name}\n", if on { '-' } else { '+' }),
        };
        OPTIONS.iter().map(line).collect()
    }

    pub(super) fn shift(&mut self, operands: &[String]) -> Ran {
        let count = match operands.first() {
            None => 1,
            Some(text) => match text.parse() {
                Ok(count) => count,
                Err(_) => return Err(self.fail(format_args!("Illegal number: {text}"))),
            },
        };
        if count > self.state.positional.len() {
            return Ok(1);
        }
        self.state.positional.drain(..count);
        Ok(0)
    }

    pub(super) fn unset(&mut self, operands: &[String]) -> Ran {
        let functions = operands.first().is_some_and(|option| option == "-f");
        let names = operands
            .iter()
            .skip_while(|operand| operand.starts_with('-'));
        for name in names {
            if functions {
                self.state.functions.remove(name);
                continue;
            }
            if !is_name(name) {
                return Err(self.fail(format_args!("{name}: bad variable name")));
            }
            if self
                .state
                .variables
                .get(name)
                .is_some_and(|variable| variable.read_only)
            {
                return Err(self.fail(format_args!("{name}: is read only")));
            }
            if self.state.variables.remove(name).is_none() {
                self.state.functions.remove(name);
            }
        }
        Ok(0)
    }
}
