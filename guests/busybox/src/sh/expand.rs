//! From words to fields: POSIX' shell command language, section 2.6.

use super::ast::{Operation, Parameter, Part, Word};
use super::pattern::{self, Pattern, Text};
use super::{Shell, Stop, arith};

/// What becomes of the literal text of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    /// The word inside `${x:-word}`, whose blanks separate fields.
    Operand,
    Quoted,
}

/// Fields under construction.
struct Fields {
    split: bool,
    separators: String,
    done: Vec<Text>,
    current: Option<Text>,
    /// The last field ended at a blank, so that another separator may belong to it.
    after_blank: bool,
}

impl Fields {
    fn new(split: bool, separators: &str) -> Self {
        Self {
            split,
            separators: separators.to_owned(),
            done: Vec::new(),
            current: None,
            after_blank: false,
        }
    }

    fn push(&mut self, quoted: bool, text: &str) {
        self.after_blank = false;
        let current = self.current.get_or_insert_default();
        match current.last_mut() {
            Some((last_quoted, last)) if *last_quoted == quoted => last.push_str(text),
            _ => current.push((quoted, text.to_owned())),
        }
    }

    fn end(&mut self) {
        self.done.extend(self.current.take());
    }

    /// The result of an expansion without quotes.
    fn expanded(&mut self, text: &str) {
        if !self.split || self.separators.is_empty() {
            if !text.is_empty() {
                self.push(false, text);
            }
            return;
        }
        let separators = self.separators.clone();
        let mut rest = text;
        while let Some(at) = rest.find(|c| separators.contains(c)) {
            if at > 0 {
                self.push(false, &rest[..at]);
            }
            let separator = rest[at..].chars().next().unwrap_or(' ');
            rest = &rest[at + separator.len_utf8()..];
            if separator.is_ascii_whitespace() {
                self.after_blank |= self.current.is_some();
                self.end();
            } else if self.current.is_none() && self.after_blank {
                self.after_blank = false;
            } else {
                self.current.get_or_insert_default();
                self.end();
            }
        }
        if !rest.is_empty() {
            self.push(false, rest);
        }
    }

    fn finish(mut self) -> Vec<Text> {
        self.end();
        self.done
    }
}

fn plain(text: &[(bool, String)]) -> String {
    text.iter().map(|(_, piece)| piece.as_str()).collect()
}

impl Shell {
    /// Words as the arguments of a command.
    pub(super) fn expand_words(&mut self, words: &[Word]) -> Result<Vec<String>, Stop> {
        let mut arguments = Vec::new();
        let declares = matches!(
            words.first().map(Vec::as_slice),
            Some([Part::Literal(name)]) if matches!(name.as_str(), "export" | "local" | "readonly")
        );
        for word in words {
            if declares && let Some((name, value)) = split_assignment(word) {
                let value = self.expand_string(&super::words::assigned(&value))?;
                arguments.push(format!("{name}={value}"));
                continue;
            }
            for field in self.fields(word, true)? {
                let found = if self.state.options.noglob {
                    None
                } else {
                    pattern::paths(&field)
                };
                match found {
                    Some(paths) => arguments.extend(paths),
                    None => arguments.push(plain(&field)),
                }
            }
        }
        Ok(arguments)
    }

    /// A word as one string, without splitting and path names.
    pub(super) fn expand_string(&mut self, word: &[Part]) -> Result<String, Stop> {
        if let [Part::Literal(text)] = word {
            return Ok(text.clone());
        }
        Ok(self
            .fields(word, false)?
            .iter()
            .map(|field| plain(field))
            .collect())
    }

    pub(super) fn expand_pattern(&mut self, word: &[Part]) -> Result<Pattern, Stop> {
        Ok(Pattern::new(&self.fields(word, false)?.concat()))
    }

    fn fields(&mut self, word: &[Part], split: bool) -> Result<Vec<Text>, Stop> {
        let mut fields = Fields::new(split, self.state.get("IFS").unwrap_or(" \t\n"));
        self.expand(word, Mode::Plain, &mut fields)?;
        Ok(fields.finish())
    }

    fn expand(&mut self, word: &[Part], mode: Mode, fields: &mut Fields) -> Result<(), Stop> {
        for part in word {
            match part {
                Part::Literal(text) if mode == Mode::Operand => fields.expanded(text),
                Part::Literal(text) => fields.push(mode == Mode::Quoted, text),
                Part::Quoted(text) => fields.push(true, text),
                Part::DoubleQuoted(inner) => {
                    if !self.is_no_arguments(inner) {
                        fields.push(true, "");
                    }
                    self.expand(inner, Mode::Quoted, fields)?;
                }
                Part::Tilde(user) => {
                    let home = match (user.as_str(), self.state.get("HOME")) {
                        ("", Some(home)) => home.to_owned(),
                        ("root", _) => "/root".to_owned(),
                        _ => format!("~{user}"),
                    };
                    fields.push(true, &home);
                }
                Part::Command(list) => {
                    let output = self.substitute(list)?;
                    insert(&output, mode, fields);
                }
                Part::Arithmetic(expression) => {
                    let text = self.expand_string(expression)?;
                    let value = self.evaluate(&text)?.to_string();
                    insert(&value, mode, fields);
                }
                Part::Parameter(parameter) => self.parameter(parameter, mode, fields)?,
            }
        }
        Ok(())
    }

    /// Whether this is the inside of `"$@"` without positional parameters, which is no field at all.
    fn is_no_arguments(&self, inner: &[Part]) -> bool {
        self.state.positional.is_empty()
            && matches!(inner, [Part::Parameter(parameter)] if parameter.name == "@" && parameter.operation == Operation::Value)
    }

    pub(super) fn evaluate(&mut self, text: &str) -> Result<i64, Stop> {
        arith::evaluate(text, self).map_err(|error| self.fail(error))
    }

    /// Prints an error after which a script does not go on.
    pub(super) fn fail(&mut self, message: impl std::fmt::Display) -> Stop {
        self.complain(message);
        Stop::Fail(2)
    }

    /// The value of a variable or special parameter.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.state.status.to_string()),
            "$" => Some(self.state.pid.to_string()),
            "!" => self.state.last_background.map(|pid| pid.to_string()),
            "#" => Some(self.state.positional.len().to_string()),
            "-" => Some(self.state.options.letters()),
            "0" => Some(self.state.name.clone()),
            "@" => Some(self.state.positional.join(" ")),
            "*" => Some(self.joined()),
            "LINENO" => Some(self.state.line.to_string()),
            _ if name.starts_with(|c: char| c.is_ascii_digit()) => {
                let index: usize = name.parse().ok()?;
                self.state.positional.get(index.checked_sub(1)?).cloned()
            }
            _ => self.state.get(name).map(str::to_owned),
        }
    }

    /// `"$*"`.
    fn joined(&self) -> String {
        let separator = match self.state.get("IFS") {
            None => " ".to_owned(),
            Some(separators) => separators.chars().take(1).collect(),
        };
        self.state.positional.join(&separator)
    }

    fn arguments(&self, name: &str, mode: Mode, fields: &mut Fields) {
        if mode == Mode::Quoted && name == "*" {
            return fields.push(true, &self.joined());
        }
        if !fields.split {
            let text = self.value(name).unwrap_or_default();
            return fields.push(mode == Mode::Quoted, &text);
        }
        for (index, argument) in self.state.positional.iter().enumerate() {
            if index > 0 {
                fields.end();
            }
            insert(argument, mode, fields);
        }
    }

    fn parameter(
        &mut self,
        parameter: &Parameter,
        mode: Mode,
        fields: &mut Fields,
    ) -> Result<(), Stop> {
        let name = parameter.name.as_str();
        let value = self.value(name);
        let is_list = matches!(name, "@" | "*");
        let lacks = |colon: &bool| value.is_none() || (*colon && value.as_deref() == Some(""));
        let inner = if mode == Mode::Quoted {
            Mode::Quoted
        } else {
            Mode::Operand
        };
        match &parameter.operation {
            Operation::Default { colon, word } if lacks(colon) => {
                return self.expand(word, inner, fields);
            }
            Operation::Alternative { colon, word } => {
                return if lacks(colon) {
                    Ok(())
                } else {
                    self.expand(word, inner, fields)
                };
            }
            Operation::Assign { colon, word } if lacks(colon) => {
                if !super::is_name(name) {
                    return Err(self.fail(format_args!("{name}: bad variable name")));
                }
                let text = self.expand_string(word)?;
                insert(&text, mode, fields);
                return self.state.set(name, text).map_err(|error| self.fail(error));
            }
            Operation::Error { colon, word } if lacks(colon) => {
                let mut message = self.expand_string(word)?;
                if message.is_empty() {
                    message = if *colon {
                        "parameter not set or null"
                    } else {
                        "parameter not set"
                    }
                    .to_owned();
                }
                return Err(self.fail(format_args!("{name}: {message}")));
            }
            _ => {}
        }
        if value.is_none() && !is_list && self.state.options.nounset {
            return Err(self.fail(format_args!("{name}: parameter not set")));
        }
        if is_list && parameter.operation == Operation::Length {
            insert(&self.state.positional.len().to_string(), mode, fields);
            return Ok(());
        }
        let text = value.unwrap_or_default();
        match self.operate(&parameter.operation, &text)? {
            Some(result) => insert(&result, mode, fields),
            None if is_list => self.arguments(name, mode, fields),
            None => insert(&text, mode, fields),
        }
        Ok(())
    }

    /// What an operation makes of a value; none if it leaves it as it is.
    fn operate(&mut self, operation: &Operation, text: &str) -> Result<Option<String>, Stop> {
        Ok(Some(match operation {
            Operation::Length => text.chars().count().to_string(),
            Operation::RemovePrefix { longest, pattern } => {
                let pattern = self.expand_pattern(pattern)?;
                text[pattern.prefix(text, *longest).unwrap_or(0)..].to_owned()
            }
            Operation::RemoveSuffix { longest, pattern } => {
                let pattern = self.expand_pattern(pattern)?;
                text[..pattern.suffix(text, *longest).unwrap_or(text.len())].to_owned()
            }
            Operation::Replace { all, pattern, with } => {
                let pattern = self.expand_pattern(pattern)?;
                let with = self.expand_string(with)?;
                replace(text, &pattern, &with, *all)
            }
            Operation::Substring { offset, length } => {
                self.substring(text, offset, length.as_deref())?
            }
            Operation::Value
            | Operation::Default { .. }
            | Operation::Assign { .. }
            | Operation::Error { .. }
            | Operation::Alternative { .. } => return Ok(None),
        }))
    }

    fn substring(
        &mut self,
        text: &str,
        offset: &[Part],
        length: Option<&[Part]>,
    ) -> Result<String, Stop> {
        let chars: Vec<char> = text.chars().collect();
        let count = chars.len() as i64;
        let offset = self.expand_string(offset)?;
        let offset = self.evaluate(&offset)?;
        let start = if offset < 0 { offset + count } else { offset };
        if start < 0 || start > count {
            return Ok(String::new());
        }
        let end = match length {
            None => count,
            Some(length) => {
                let length = self.expand_string(length)?;
                let length = self.evaluate(&length)?;
                if length < 0 {
                    count.saturating_add(length)
                } else {
                    start.saturating_add(length).min(count)
                }
            }
        };
        Ok(chars[start as usize..end.max(start) as usize]
            .iter()
            .collect())
    }
}

/// `name=` at the start of a word, and what follows it.
fn split_assignment(word: &[Part]) -> Option<(&str, Word)> {
    let [Part::Literal(first), rest @ ..] = word else {
        return None;
    };
    let (name, value) = first
        .split_once('=')
        .filter(|(name, _)| super::is_name(name))?;
    let mut words = Word::new();
    if !value.is_empty() {
        words.push(Part::Literal(value.to_owned()));
    }
    words.extend_from_slice(rest);
    Some((name, words))
}

fn insert(text: &str, mode: Mode, fields: &mut Fields) {
    if mode == Mode::Quoted {
        fields.push(true, text);
    } else {
        fields.expanded(text);
    }
}

fn replace(text: &str, pattern: &Pattern, with: &str, all: bool) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match pattern.prefix(rest, true) {
            Some(length) if length > 0 => {
                result.push_str(with);
                rest = &rest[length..];
                if !all {
                    break;
                }
            }
            _ => {
                result.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    result + rest
}

impl arith::Variables for Shell {
    fn get(&self, name: &str) -> Result<String, String> {
        match self.value(name) {
            None if self.state.options.nounset => Err(format!("{name}: parameter not set")),
            value => Ok(value.unwrap_or_default()),
        }
    }

    fn set(&mut self, name: &str, value: i64) -> Result<(), String> {
        self.state.set(name, value.to_string())
    }
}
