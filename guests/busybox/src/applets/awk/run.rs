//! Runs statements.

use super::ast::{Block, Expr, Name, Pattern, Program, Redirect, Statement};
use super::fields::{Record, Separator};
use super::io::{Reader, Streams, Terminator};
use super::lexer::unescape;
use super::parser::{SPECIAL, special};
use super::value::Value;
use crate::regex::{Grammar, bytes_as_text, compile, encode};
use crate::tool::{Input, Tool};
use regex_lite::Regex;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Compiled expressions that are kept for texts used as such.
const REGEXES_MAX: usize = 64;

pub(super) type Array = Rc<RefCell<BTreeMap<Rc<str>, Value>>>;

/// What a variable holds.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Value(Value),
    Array(Array),
    /// A parameter that nothing was given for: it may become this array, which the caller then has too.
    Either(Array),
}

impl Default for Slot {
    fn default() -> Self {
        Slot::Value(Value::Unset)
    }
}

/// Why a statement was left.
pub(super) enum Stop {
    Break,
    Continue,
    Next,
    NextFile,
    Return(Value),
    Exit,
    Failed(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Stop::Failed(message)
    }
}

pub(super) type Done<T = ()> = Result<T, Stop>;

pub(super) struct Interpreter<'t> {
    pub(super) tool: &'t mut Tool,
    pub(super) program: Rc<Program>,
    pub(super) globals: Vec<Slot>,
    /// Parameters of the functions that run, the innermost last.
    pub(super) frames: Vec<Vec<Slot>>,
    pub(super) record: Record,
    pub(super) streams: Streams,
    pub(super) random: u64,
    pub(super) seed: f64,
    regexes: BTreeMap<Rc<str>, Rc<Regex>>,
    ranges: BTreeMap<usize, bool>,
    main: Option<Reader>,
    /// Of `ARGV`, to be opened next.
    next_argument: usize,
    any_file: bool,
    pub(super) exit_status: u8,
    /// Of the statement that runs.
    line: usize,
}

impl<'t> Interpreter<'t> {
    pub(super) fn new(tool: &'t mut Tool, program: Program) -> Self {
        let mut interpreter = Interpreter {
            globals: vec![Slot::default(); program.globals.len()],
            program: Rc::new(program),
            tool,
            frames: Vec::new(),
            record: Record::default(),
            streams: Streams::default(),
            random: 1,
            seed: 1.0,
            regexes: BTreeMap::new(),
            ranges: BTreeMap::new(),
            main: None,
            next_argument: 1,
            any_file: false,
            exit_status: 0,
            line: 1,
        };
        interpreter.record.set("".into());
        for (name, value) in [
            ("FS", " "),
            ("OFS", " "),
            ("ORS", "\n"),
            ("RS", "\n"),
            ("SUBSEP", "\x1c"),
            ("CONVFMT", "%.6g"),
            ("OFMT", "%.6g"),
        ] {
            interpreter.set_variable(name, value);
        }
        for counter in [special::NR, special::FNR] {
            interpreter.globals[counter] = Slot::Value(0.0.into());
        }
        let environment = interpreter.global_array(special::ENVIRON);
        for (name, value) in std::env::vars_os() {
            let text = |os: &std::ffi::OsStr| bytes_as_text(os.as_encoded_bytes());
            let value = Value::input(&text(&value));
            environment.borrow_mut().insert(text(&name).into(), value);
        }
        interpreter
    }

    fn global_array(&mut self, index: usize) -> Array {
        let array = Array::default();
        self.globals[index] = Slot::Array(array.clone());
        array
    }

    pub(super) fn set_variable(&mut self, name: &str, value: &str) {
        // A name that the program does not mention needs no place.
        if let Some(index) = self.program.globals.iter().position(|known| known == name) {
            self.globals[index] = Slot::Value(Value::input(value));
        }
    }

    /// `name=value` of the command line; false if it is none.
    pub(super) fn assign(&mut self, argument: &str) -> bool {
        let Some((name, value)) = argument.split_once('=') else {
            return false;
        };
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return false;
        }
        let value = unescape(&bytes_as_text(value.as_bytes()));
        if name == SPECIAL[special::NF] {
            return true;
        }
        self.set_variable(name, &value);
        true
    }

    pub(super) fn set_arguments(&mut self, operands: &[String]) {
        let array = self.global_array(special::ARGV);
        let all = ["awk"]
            .into_iter()
            .chain(operands.iter().map(String::as_str));
        for (index, argument) in all.enumerate() {
            let argument = Value::input(&bytes_as_text(argument.as_bytes()));
            array
                .borrow_mut()
                .insert(index.to_string().into(), argument);
        }
        self.globals[special::ARGC] = Slot::Value((operands.len() as f64 + 1.0).into());
    }

    pub(super) fn special(&self, index: usize) -> Rc<str> {
        match &self.globals[index] {
            Slot::Value(value) => value.text("%.6g"),
            Slot::Array(_) | Slot::Either(_) => "".into(),
        }
    }

    /// Runs the whole program; its exit status.
    pub(super) fn run(&mut self) -> Result<u8, String> {
        let program = self.program.clone();
        let mut ended = program.begin.iter().try_for_each(|block| self.block(block));
        if ended.is_ok() && (!program.rules.is_empty() || !program.end.is_empty()) {
            ended = self.records(&program);
        }
        if matches!(ended, Ok(()) | Err(Stop::Exit)) {
            // An `exit` before runs these too; one in them ends all.
            ended = program.end.iter().try_for_each(|block| self.block(block));
        }
        self.streams.close_all(self.tool);
        match ended {
            Err(Stop::Failed(message)) => Err(format!("{}: {message}", self.line)),
            Ok(()) | Err(_) => Ok(self.exit_status),
        }
    }

    fn records(&mut self, program: &Program) -> Done {
        while let Some(record) = self.next_main()? {
            self.record.set(record.into());
            for rule in &program.rules {
                if !self.matches(&rule.pattern)? {
                    continue;
                }
                let done = match &rule.action {
                    Some(block) => self.block(block),
                    None => self.print(&[], None),
                };
                match done {
                    Err(Stop::Next) => break,
                    Err(Stop::NextFile) => {
                        self.main = None;
                        break;
                    }
                    done => done?,
                }
            }
        }
        Ok(())
    }

    fn matches(&mut self, pattern: &Pattern) -> Done<bool> {
        match pattern {
            Pattern::Always => Ok(true),
            Pattern::When(expr) => self.is_true(expr),
            Pattern::Range(from, to, number) => {
                if !self.ranges.get(number).copied().unwrap_or(false) && !self.is_true(from)? {
                    return Ok(false);
                }
                let ends = self.is_true(to)?;
                self.ranges.insert(*number, !ends);
                Ok(true)
            }
        }
    }

    /// The next record of the files on the command line, counted.
    pub(super) fn next_main(&mut self) -> Done<Option<String>> {
        loop {
            let terminator = self.terminator()?;
            if self.main.is_none() && !self.open_next()? {
                return Ok(None);
            }
            let Some(reader) = &mut self.main else {
                continue;
            };
            if let Some(record) = reader.record(&terminator, self.tool)? {
                self.count(special::NR);
                self.count(special::FNR);
                return Ok(Some(record));
            }
            self.main = None;
        }
    }

    pub(super) fn count(&mut self, counter: usize) {
        let number = match &self.globals[counter] {
            Slot::Value(value) => value.number(),
            Slot::Array(_) | Slot::Either(_) => 0.0,
        };
        self.globals[counter] = Slot::Value((number + 1.0).into());
    }

    /// Opens the next file named, or standard input if none is.
    fn open_next(&mut self) -> Done<bool> {
        let argument_count = match &self.globals[special::ARGC] {
            Slot::Value(value) => value.number() as usize,
            Slot::Array(_) | Slot::Either(_) => 0,
        };
        while self.next_argument < argument_count {
            let key = self.next_argument.to_string();
            self.next_argument += 1;
            let argument = match &self.globals[special::ARGV] {
                Slot::Array(array) => array.borrow().get(key.as_str()).cloned(),
                Slot::Value(_) | Slot::Either(_) => None,
            };
            let argument = argument.unwrap_or_default().text("%.6g");
            let bytes = encode(&argument);
            let path = String::from_utf8_lossy(&bytes).into_owned();
            if argument.is_empty() || self.assign(&path) {
                continue;
            }
            self.any_file = true;
            if let Some(input) = self.tool.open_briefly(&path) {
                self.begin_file(input, &argument);
                return Ok(true);
            }
            self.exit_status = 1;
        }
        if self.any_file {
            return Ok(false);
        }
        self.any_file = true;
        match self.tool.open("-") {
            Some(input) => {
                self.begin_file(input, "");
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn begin_file(&mut self, input: Input, name: &str) {
        self.main = Some(Reader::new(input));
        self.globals[special::FNR] = Slot::Value(0.0.into());
        self.globals[special::FILENAME] = Slot::Value(name.into());
    }

    pub(super) fn terminator(&mut self) -> Done<Terminator> {
        let text = self.special(special::RS);
        let mut chars = text.chars();
        Ok(match (chars.next(), chars.next()) {
            (None, _) => Terminator::Paragraph,
            (Some(_), None) => Terminator::Byte(encode(&text).first().copied().unwrap_or(b'\n')),
            (Some(_), Some(_)) => Terminator::Regex(self.regex(&text)?),
        })
    }

    pub(super) fn separator(&mut self, text: &Rc<str>) -> Done<Separator> {
        let mut chars = text.chars();
        Ok(match (chars.next(), chars.next()) {
            (None, _) => Separator::Nothing,
            (Some(' '), None) => Separator::Blanks,
            (Some('\\' | '^' | '$' | '|'), None) => Separator::Text(text.to_string()),
            (Some(_), None) if !text.contains(['.', '*', '+', '?', '[', '(', ')', '{']) => {
                Separator::Text(text.to_string())
            }
            (Some(c), None) => Separator::Text(c.to_string()),
            (Some(_), Some(_)) => Separator::Regex(self.regex(text)?),
        })
    }

    pub(super) fn split_record(&mut self) -> Done {
        if !self.record.is_split() {
            let text = self.special(special::FS);
            let separator = self.separator(&text)?;
            let paragraphs = self.special(special::RS).is_empty();
            self.record.split(&separator, paragraphs);
        }
        Ok(())
    }

    /// A text as a regular expression.
    pub(super) fn regex(&mut self, text: &Rc<str>) -> Done<Rc<Regex>> {
        if let Some(regex) = self.regexes.get(text) {
            return Ok(regex.clone());
        }
        let regex = Rc::new(compile(text, Grammar::Extended, false)?);
        if self.regexes.len() >= REGEXES_MAX {
            self.regexes.clear();
        }
        self.regexes.insert(text.clone(), regex.clone());
        Ok(regex)
    }

    pub(super) fn block(&mut self, block: &Block) -> Done {
        block.iter().try_for_each(|(line, statement)| {
            self.line = *line;
            self.statement(statement)
        })
    }

    fn statement(&mut self, statement: &Statement) -> Done {
        match statement {
            Statement::Block(block) => self.block(block),
            Statement::Expr(expr) => self.value(expr).map(drop),
            Statement::Print(arguments, redirect) => self.print(arguments, redirect.as_ref()),
            Statement::Printf(arguments, redirect) => {
                let bytes = self.formatted(arguments)?;
                self.output(&bytes, redirect.as_ref())
            }
            Statement::If(condition, then, otherwise) => match self.is_true(condition)? {
                true => self.block(then),
                false => self.block(otherwise),
            },
            Statement::While(condition, body) => self.repeat(Some(condition), body, None),
            Statement::Do(body, condition) => match self.once(body)? {
                true => self.repeat(Some(condition), body, None),
                false => Ok(()),
            },
            Statement::For(first, condition, step, body) => {
                if let Some(first) = first {
                    self.statement(first)?;
                }
                self.repeat(condition.as_ref(), body, step.as_deref())
            }
            Statement::ForIn(variable, array, body) => {
                for key in self.keys(*array)? {
                    self.set(variable, Value::input(&key))?;
                    if !self.once(body)? {
                        break;
                    }
                }
                Ok(())
            }
            Statement::Break => Err(Stop::Break),
            Statement::Continue => Err(Stop::Continue),
            Statement::Next => Err(Stop::Next),
            Statement::NextFile => Err(Stop::NextFile),
            Statement::Exit(status) => {
                if let Some(status) = status {
                    self.exit_status = self.value(status)?.number() as i64 as u8;
                }
                Err(Stop::Exit)
            }
            Statement::Return(expr) => {
                let value = expr.as_ref().map(|expr| self.value(expr)).transpose()?;
                Err(Stop::Return(value.unwrap_or_default()))
            }
            Statement::Delete(array, subscripts) => self.delete(*array, subscripts),
        }
    }

    /// Runs the body of a loop; false if it was broken.
    fn once(&mut self, body: &Block) -> Done<bool> {
        match self.block(body) {
            Err(Stop::Break) => Ok(false),
            Err(Stop::Continue) => Ok(true),
            done => done.map(|()| true),
        }
    }

    fn repeat(&mut self, condition: Option<&Expr>, body: &Block, step: Option<&Statement>) -> Done {
        loop {
            if let Some(condition) = condition
                && !self.is_true(condition)?
            {
                return Ok(());
            }
            if !self.once(body)? {
                return Ok(());
            }
            if let Some(step) = step {
                self.statement(step)?;
            }
        }
    }

    /// Subscripts in order: whole numbers first, by size, then texts.
    fn keys(&mut self, array: Name) -> Done<Vec<Rc<str>>> {
        let array = self.array(array)?;
        let mut keys: Vec<Rc<str>> = array.borrow().keys().cloned().collect();
        keys.sort_by_cached_key(|key| match key.parse::<i64>() {
            Ok(number) => (false, number, key.clone()),
            Err(_) => (true, 0, key.clone()),
        });
        Ok(keys)
    }

    fn delete(&mut self, array: Name, subscripts: &[Expr]) -> Done {
        let array = self.array(array)?;
        if subscripts.is_empty() {
            array.borrow_mut().clear();
        } else {
            let key = self.key(subscripts)?;
            array.borrow_mut().remove(&key);
        }
        Ok(())
    }

    fn print(&mut self, arguments: &[Expr], redirect: Option<&(Redirect, Expr)>) -> Done {
        let mut text = String::new();
        if arguments.is_empty() {
            text += &self.record_text();
        }
        let (separator, format) = (self.special(special::OFS), self.special(special::OFMT));
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                text += &separator;
            }
            text += &self.value(argument)?.text(&format);
        }
        text += &self.special(special::ORS);
        self.output(&encode(&text), redirect)
    }

    fn output(&mut self, bytes: &[u8], redirect: Option<&(Redirect, Expr)>) -> Done {
        let Some((kind, target)) = redirect else {
            self.tool.write(bytes);
            return Ok(());
        };
        let name = self.text(target)?;
        self.streams.write(*kind, &name, bytes, self.tool)?;
        Ok(())
    }

    pub(super) fn record_text(&mut self) -> Rc<str> {
        let (separator, format) = (self.special(special::OFS), self.special(special::CONVFMT));
        self.record.text(&separator, &format)
    }
}
