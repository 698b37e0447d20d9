//! What a script means. Serializable, because a subshell is another process and gets its part of the script this way.

use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Commands in sequence.
pub type List = Vec<Item>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub chain: Chain,
    /// Ended by `&`.
    pub background: bool,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    pub first: Pipeline,
    pub rest: Vec<(Joint, Pipeline)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Joint {
    And,
    Or,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub negated: bool,
    pub stages: Vec<Command>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Simple(Simple),
    Compound(Compound, Vec<Redirect>),
    Function(String, Rc<Command>),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Simple {
    pub line: u32,
    pub assignments: Vec<(String, Word)>,
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Compound {
    Brace(List),
    Subshell(List),
    If {
        arms: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    Loop {
        until: bool,
        condition: List,
        body: List,
    },
    /// No words means the positional parameters.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Redirect {
    pub number: u32,
    pub kind: RedirectKind,
    /// A file name, a descriptor number or `-`, or the text of a here-document.
    pub target: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectKind {
    Read,
    Write,
    /// Even if `set -C` protects the file.
    Clobber,
    Append,
    ReadWrite,
    Duplicate,
    Here,
}

pub type Word = Vec<Part>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    Literal(String),
    /// In single quotes or after a backslash.
    Quoted(String),
    DoubleQuoted(Word),
    Parameter(Box<Parameter>),
    Command(List),
    Arithmetic(Word),
    /// `~` or `~name` at the start of a word.
    Tilde(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    Value,
    Length,
    Default {
        colon: bool,
        word: Word,
    },
    Assign {
        colon: bool,
        word: Word,
    },
    Error {
        colon: bool,
        word: Word,
    },
    Alternative {
        colon: bool,
        word: Word,
    },
    RemovePrefix {
        longest: bool,
        pattern: Word,
    },
    RemoveSuffix {
        longest: bool,
        pattern: Word,
    },
    Replace {
        all: bool,
        pattern: Word,
        with: Word,
    },
    Substring {
        offset: Word,
        length: Option<Word>,
    },
}
