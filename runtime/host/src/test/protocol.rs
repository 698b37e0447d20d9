//! What the command and its worker processes say to each other: one JSON object a line, requests on standard input,
//! replies on standard output, in the same order.

use seedpod_core::trace::TraceEvent;
use seedpod_sim::explore::{Case, Sample, Stop};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

/// Asks a worker for something.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Request {
    /// Gets a test ready: the one at this position in the files. Not answered, unless that fails.
    Prepare(Preparation),
    /// The sampled runs from `from` on, before `to`, each answered by a [`Reply::Sample`].
    Sample {
        /// The first.
        from: u64,
        /// After the last.
        to: u64,
    },
    /// One run.
    Run {
        /// Which.
        case: Case,
        /// Whether to answer with its trace too.
        trace: bool,
    },
}

/// Which test, and how its samples are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preparation {
    /// Test files, absolute.
    pub(crate) files: Vec<PathBuf>,
    /// Which of their tests.
    pub(crate) test: usize,
    /// Seed of the exploration.
    pub(crate) seed: u64,
    /// As it is written.
    pub(crate) strategy: String,
    /// What its runs depend on, so that nobody makes runs of a test that has changed meanwhile.
    pub(crate) fingerprint: String,
}

/// Answers a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reply {
    /// A sampled run.
    Sample {
        /// Its number.
        number: u64,
        /// What came of it.
        sample: Sample,
    },
    /// A run.
    Ran {
        /// The hash of its trace.
        hash: (u64, u64),
        /// If it was asked for.
        trace: Option<Vec<TraceEvent>>,
    },
    /// It could not be made.
    Failed(Reason),
}

/// Why a run could not be made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reason {
    Nondeterminism(String),
    Spec(String),
    Infrastructure(String),
}

impl From<Stop> for Reason {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Nondeterminism(text) => Self::Nondeterminism(text),
            Stop::Spec(text) => Self::Spec(text),
            Stop::Infrastructure(text) => Self::Infrastructure(text),
        }
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Nondeterminism(text) => Self::Nondeterminism(text),
            Reason::Spec(text) => Self::Spec(text),
            Reason::Infrastructure(text) => Self::Infrastructure(text),
        }
    }
}

/// Writes one message. It stays in the writer's buffer.
pub(crate) fn write(message: &impl Serialize, writer: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, message)?;
    writer.write_all(b"\n")
}

/// Reads one message; `None` at the end. Both ends are this program, so lines are as long as they must be.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(
    reader: &mut impl BufRead,
) -> io::Result<Option<T>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}
