//! A test and its failures, with all that is known of them: what every form of report is made from.

use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use serde::Serialize;
use std::time::Duration;

/// What came of one test.
#[derive(Clone, Debug, Default)]
pub struct TestReport {
    /// `metadata.name`
    pub test: String,
    /// In the order of the test file; then those that are on without being written.
    pub properties: Vec<PropertyReport>,
    /// What is not the fault of the pod. The verdicts then count for nothing.
    pub troubles: Vec<Trouble>,
    /// The seed all runs come from.
    pub seed: u64,
    /// As it was asked for: `portfolio`, `pct:3`.
    pub strategy: String,
    /// What must be equal for a seed to mean the same run: names and values, as `seedpod` and `0.4.0`.
    pub fingerprint: Vec<(String, String)>,
    /// Runs that were made.
    pub runs: u64,
    /// Different orders of dependent calls that they have seen.
    pub interleavings: u64,
    /// Real time.
    pub elapsed: Duration,
    /// Virtual time of all runs together.
    pub simulated: Duration,
}

/// What came of one property.
#[derive(Clone, Debug)]
pub struct PropertyReport {
    /// `never half`, `exit`, `deadlock`: the kind, and the name if it has one.
    pub property: String,
    /// What.
    pub verdict: Verdict,
}

/// Whether a property holds.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It held in every run.
    Held,
    /// It failed, in as many ways as there are reports, at least one.
    Failed(Vec<FailureReport>),
    /// A `sometimes` that no run has met: the test does not test what it means to.
    Unmet,
}

/// A test that has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Two runs from the same choices differed; the first event in which they did.
    Nondeterminism(String),
    /// The machine failed: no memory, or no time left.
    Infrastructure(String),
}

/// One failure of one property, after it was made as small as could be.
#[derive(Clone, Debug, Default)]
pub struct FailureReport {
    /// `metadata.name` of the test.
    pub test: String,
    /// `never half`, `exit`, `deadlock`: the kind, and the name if it has one.
    pub property: String,
    /// What was seen, in a line or more.
    pub message: String,
    /// The seed of the run that failed.
    pub seed: u64,
    /// Which run it was, from 1.
    pub run: u64,
    /// Of how many.
    pub runs: u64,
    /// When it failed, in virtual time.
    pub at: Instant,
    /// The event at which it failed, a number of [`trace`](Self::trace).
    pub event: u64,
    /// The strategy of this run, such as `pos`.
    pub strategy: String,
    /// What must be equal for a replay: names and values, as `seedpod` and `0.4.0`.
    pub fingerprint: Vec<(String, String)>,
    /// What is left of the schedule and the faults; nothing, if it was not made smaller.
    pub minimised: Option<Minimised>,
    /// The two events whose order decides, if they were found.
    pub decisive: Option<Decisive>,
    /// The smallest run that fails, whole or the end of it. Events that the rest names are in it.
    pub trace: Vec<TraceEvent>,
    /// Where the choices are that replay it.
    pub choices: Option<String>,
}

/// How small a failure could be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minimised {
    /// Context switches that are left, besides those of the default order.
    pub switches: u32,
    /// How many there were.
    pub switches_before: u32,
    /// Faults that are left.
    pub faults: u32,
    /// How many there were.
    pub faults_before: u32,
    /// Runs it took.
    pub replays: u32,
}

/// The adjacent pair of a run that fails and one that passes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decisive {
    /// The last event before the switch, a number of the trace.
    pub before: u64,
    /// The first event after it, by another task.
    pub after: u64,
    /// What the first task does instead in a run that passes; it has not happened in this one, or only later.
    pub instead: Option<TraceEvent>,
}

impl FailureReport {
    /// An event of the trace by its number.
    pub fn find(&self, number: u64) -> Option<&TraceEvent> {
        let found = self
            .trace
            .binary_search_by_key(&number, |event| event.number);
        found.ok().map(|index| &self.trace[index])
    }
}

/// What kind of event a line that a container has printed is.
const LOG: &str = "log";

/// The lines that were printed around an event, oldest first: at most `count` of those before it and of those after.
pub fn logs_around(trace: &[TraceEvent], number: u64, count: usize) -> Vec<&TraceEvent> {
    let logs = || trace.iter().filter(|event| event.kind == LOG);
    let is_before = |event: &&TraceEvent| event.number <= number;
    let skipped = logs().filter(is_before).count().saturating_sub(count);
    let before = logs().filter(is_before).skip(skipped);
    before
        .chain(logs().filter(|event| !is_before(event)).take(count))
        .collect()
}
