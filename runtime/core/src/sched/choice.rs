//! Decisions of a run, as they are logged and replayed.

use serde::{Deserialize, Serialize};

/// One decision. A run is its manifest, its programs and the list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What was decided.
    pub kind: ChoiceKind,
    /// How many possibilities there were, at least 1.
    pub arity: u32,
    /// Which was taken, below `arity`.
    pub pick: u32,
    /// What it was about, such as the task that was picked: a replay that meets another label has diverged.
    pub label: String,
}

/// What can be decided. Each kind draws from a stream of its own, so one more fault does not move the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChoiceKind {
    /// Which task goes on.
    Schedule,
    /// Which pod goes on, where several can.
    Pod,
    /// Whether, when or what fault happens.
    Fault,
    /// How long something takes.
    Latency,
    /// How much of a read or write is done.
    Short,
    /// Which of the ready pollables are told.
    Poll,
    /// What a disk keeps at a crash.
    Disk,
    /// What the network does with a datagram or connection.
    Net,
    /// Anything else that has an order but no reason for it, such as equal times.
    Tie,
}
