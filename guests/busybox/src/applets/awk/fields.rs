//! The record and its fields.

use super::value::Value;
use regex_lite::Regex;
use std::rc::Rc;

/// Fields of a record.
const FIELDS_MAX: usize = 1 << 20;

/// How a record or a text falls into parts.
#[derive(Debug, Clone)]
pub(super) enum Separator {
    /// Runs of blanks, and none at the ends.
    Blanks,
    Text(String),
    Regex(Rc<Regex>),
    /// Every character is a part.
    Nothing,
}

impl Separator {
    pub(super) fn parts<'a>(&self, text: &'a str, paragraphs: bool) -> Vec<&'a str> {
        if text.is_empty() {
            return Vec::new();
        }
        match self {
            Separator::Blanks => text
                .split([' ', '\t', '\n'])
                .filter(|part| !part.is_empty())
                .collect(),
            // Where records are paragraphs, a newline separates fields too.
            Separator::Text(separator) if paragraphs => text
                .split('\n')
                .flat_map(|line| line.split(separator.as_str()))
                .collect(),
            Separator::Text(separator) => text.split(separator.as_str()).collect(),
            Separator::Regex(regex) => {
                let mut parts = Vec::new();
                let mut start = 0;
                for found in regex.find_iter(text).filter(|found| !found.is_empty()) {
                    parts.push(&text[start..found.start()]);
                    start = found.end();
                }
                parts.push(&text[start..]);
                parts
            }
            Separator::Nothing => text
                .char_indices()
                .map(|(at, c)| &text[at..at + c.len_utf8()])
                .collect(),
        }
    }
}

/// `$0` and the fields, each made of the other when it is asked for.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: Rc<str>,
    fields: Vec<Value>,
    split: bool,
    joined: bool,
}

impl Record {
    pub(super) fn set(&mut self, text: Rc<str>) {
        *self = Record {
            text,
            fields: Vec::new(),
            split: false,
            joined: true,
        };
    }

    pub(super) fn is_split(&self) -> bool {
        self.split
    }

    pub(super) fn split(&mut self, separator: &Separator, paragraphs: bool) {
        if !self.split {
            let parts = separator.parts(&self.text, paragraphs);
            self.fields = parts
                .into_iter()
                .take(FIELDS_MAX)
                .map(Value::input)
                .collect();
            self.split = true;
        }
    }

    /// `$0`, with `separator` between fields if one was assigned.
    pub(super) fn text(&mut self, separator: &str, format: &str) -> Rc<str> {
        if !self.joined {
            let texts: Vec<Rc<str>> = self.fields.iter().map(|field| field.text(format)).collect();
            self.text = texts.join(separator).into();
            self.joined = true;
        }
        self.text.clone()
    }

    /// Once it has been split.
    pub(super) fn count(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn field(&self, index: usize) -> Value {
        self.fields.get(index - 1).cloned().unwrap_or_default()
    }

    pub(super) fn set_field(&mut self, index: usize, value: Value) -> Result<(), String> {
        if index > self.fields.len() {
            self.resize(index)?;
        }
        self.fields[index - 1] = value;
        self.joined = false;
        Ok(())
    }

    pub(super) fn resize(&mut self, count: usize) -> Result<(), String> {
        if count > FIELDS_MAX {
            return Err(format!("field {count} is out of range"));
        }
        self.fields.resize(count, Value::default());
        self.joined = false;
        Ok(())
    }
}
