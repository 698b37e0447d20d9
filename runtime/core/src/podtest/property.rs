//! What must hold in a run.

use std::collections::BTreeMap;
use std::time::Duration;

/// A text in the Common Expression Language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    /// As written.
    pub text: String,
    /// Where it is written, for messages: `tests.yaml:12:7: spec.properties[0].never.expr`. May be empty.
    pub place: String,
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Position in the test, from 0.
    pub number: u32,
    /// Where it is written, for messages: `tests.yaml:12:7: spec.properties[0]`. May be empty.
    pub place: String,
    /// Its name, which no other property of the test has.
    pub name: String,
    /// What it asks.
    pub kind: PropertyKind,
}

/// What a property asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertyKind {
    /// True after every host call that changes what the expression reads.
    Always(Expression),
    /// False after every host call that changes what the expression reads.
    Never(Expression),
    /// True at some moment of the quiet tail.
    Eventually {
        /// What.
        expression: Expression,
        /// How soon after the quiet tail has begun; `None` for all of it.
        within: Option<Duration>,
    },
    /// True at the end.
    Finally(Expression),
    /// True at some moment of some run. Not met by any, the test fails.
    Sometimes(Expression),
    /// A number that never gets larger.
    Bounded {
        /// The number.
        expression: Expression,
        /// At most.
        max: i64,
    },
    /// How containers are at the end, by their names.
    Exit(BTreeMap<String, FinalState>),
    /// A program that looks at the run afterwards.
    Checker(Checker),
}

/// How a container is at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalState {
    /// Ended, with this code.
    Exited(i32),
    /// Running.
    Running,
    /// Waiting to start, such as in a back-off.
    Waiting,
}

/// A program that runs in a pod of its own when a run is over, with the trace as `/history/trace.jsonl` and the logs of
/// containers as `/history/<container>.log`. Exit code 0 means that all is well, and otherwise its output says what is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checker {
    /// As in a container.
    pub image: String,
    /// As in a container; empty for that of the image.
    pub command: Vec<String>,
    /// As in a container.
    pub args: Vec<String>,
}

/// What holds without being written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// A program traps: it panics, or leaves its memory.
    pub trap: Verdict,
    /// Nothing can go on, no time is waited for, and a container that should end has not.
    pub deadlock: Verdict,
    /// For this much virtual time there is work but nothing new comes of it. `None` for any.
    pub livelock: Option<Duration>,
    /// More restarts of one container than this, those after faults not counted. `None` for any number.
    pub restart_loop: Option<u32>,
}

/// What becomes of a run in which something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It fails.
    #[default]
    Fail,
    /// Nothing.
    Ignore,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            trap: Verdict::Fail,
            deadlock: Verdict::Fail,
            livelock: Some(Duration::from_secs(10)),
            restart_loop: Some(5),
        }
    }
}

impl PropertyKind {
    /// Its word in a test file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Always(_) => "always",
            Self::Never(_) => "never",
            Self::Eventually { .. } => "eventually",
            Self::Finally(_) => "finally",
            Self::Sometimes(_) => "sometimes",
            Self::Bounded { .. } => "bounded",
            Self::Exit(_) => "exit",
            Self::Checker(_) => "checker",
        }
    }

    /// What it evaluates.
    pub fn expression(&self) -> Option<&Expression> {
        match self {
            Self::Always(expression)
            | Self::Never(expression)
            | Self::Eventually { expression, .. }
            | Self::Finally(expression)
            | Self::Sometimes(expression)
            | Self::Bounded { expression, .. } => Some(expression),
            Self::Exit(_) | Self::Checker(_) => None,
        }
    }
}

impl Expression {
    /// An expression that stands nowhere.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            place: String::new(),
        }
    }
}
