//! Many runs of one test: which of them are made, what they have in common, and the smallest of those that fail.
//!
//! Run 0 goes in the default order without faults: a pod that fails there is broken, not racy. Run 1 is the same once
//! more and must leave the same trace. Then come the recorded choices of the test, then the systematic search where the
//! pod is small enough for one, then samples, each from a seed of its own ([`Seeds`]), until the runs or the budget are
//! used up, nothing new is seen, or enough has failed. What fails is run again elsewhere, made smaller, and replayed.
//!
//! [`explore`] knows neither clock nor process: a [`Runner`] makes the runs and says when it is enough. So the result
//! depends on how many runs there were, never on how many processes made them.

pub mod choices;
mod minimise;
mod search;
mod seeds;
#[cfg(test)]
mod tests;

pub use choices::{Difference, Fingerprint, Recording, RecordingError, parse_seed};
pub use search::explore;
pub use seeds::Seeds;

use crate::Keep;
use crate::run::RunReport;
use seedpod_core::podtest::{Failure, ItemId};
use seedpod_core::sched::{Choice, ChoiceKind, Chooser, Knowledge, StrategyKind, coverage};
use seedpod_core::seed::Seed;
use seedpod_core::trace::TraceEvent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3;

/// What is asked of an exploration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the runs come from.
    pub seeds: Seeds,
    /// How samples are chosen.
    pub strategy: StrategyKind,
    /// Runs, at most; those that make a failure smaller are not counted.
    pub runs: u64,
    /// Runs of the systematic search, at most.
    pub systematic: u64,
    /// Distinct failures after which it ends, at least 1.
    pub failures: usize,
    /// Whether to end when no new interleaving has been seen for long.
    pub until_saturated: bool,
    /// How many of a million runs are made again elsewhere.
    pub checked_per_million: u32,
    /// Properties that some run must meet.
    pub sometimes: BTreeSet<String>,
    /// Steps of the drive that a smaller failure may do without, by number.
    pub workload: Vec<u32>,
}

/// One run, as far as the test and its programs do not say it already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Number of its seed.
    pub seed: u64,
    /// What of the test is taken out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<ItemId>,
    /// What decides.
    pub how: How,
}

/// What decides a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// The default order, without faults.
    Default,
    /// The seed, by the strategy of its number.
    Sampled,
    /// These choices.
    Recorded(Vec<Choice>),
}

/// What is known of a run that did not fail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Hash of its trace, in two halves, for JSON has no numbers of 128 bits.
    pub hash: (u64, u64),
    /// Its interleaving.
    pub class: u64,
    /// What else was decided.
    pub decisions: u64,
    /// Virtual time, in nanoseconds.
    pub nanos: u64,
    /// The first property that did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Properties of the kind `sometimes` that it met.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sometimes: BTreeSet<String>,
}

/// Makes runs.
pub trait Runner {
    /// One run, now.
    ///
    /// # Errors
    /// When it cannot be made.
    fn run(&mut self, case: &Case, chooser: Chooser, keep: Keep) -> Result<RunReport, Stop>;

    /// The sampled run of this number, which may have been made elsewhere and before. Numbers are asked for in order.
    ///
    /// # Errors
    /// When it cannot be made.
    fn sample(&mut self, number: u64, knowledge: &Knowledge) -> Result<Sample, Stop>;

    /// Has a run made again, elsewhere; its trace must have this hash. [`When::Later`] may answer for an earlier one.
    ///
    /// # Errors
    /// When it has another hash, or cannot be made.
    fn check(&mut self, case: &Case, hash: u128, when: When) -> Result<(), Stop>;

    /// Waits for everything that was to be checked later.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    fn finish_checks(&mut self) -> Result<(), Stop>;

    /// Whether the budget allows another run.
    fn keep_going(&mut self) -> bool;

    /// Whether the budget allows another run to make a failure smaller; `made` were.
    fn keep_shrinking(&mut self, made: u32) -> bool;

    /// Says how far it is.
    fn progress(&mut self, exploration: &Exploration);
}

/// When a check must be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the call returns.
    Now,
    /// Before the exploration ends.
    Later,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The same run left two different traces; the text shows where they part.
    #[error("{0}")]
    Nondeterminism(String),
    /// The test cannot be run as it is written.
    #[error("{0}")]
    Spec(String),
    /// A run could not be made, which says nothing about the test.
    #[error("{0}")]
    Infrastructure(String),
}

/// What came of many runs.
#[derive(Clone, Debug, Default)]
pub struct Exploration {
    /// Runs that were made.
    pub runs: u64,
    /// Of those, the ones that failed.
    pub failed: u64,
    /// Runs that made failures smaller.
    pub replays: u64,
    /// Distinct interleavings: orders of calls that depend on each other.
    pub interleavings: u64,
    /// Virtual time of all runs.
    pub simulated: Duration,
    /// Why there were no more.
    pub ended: Ended,
    /// Distinct failures, each as small as it got.
    pub found: Vec<Found>,
    /// Properties of the kind `sometimes` that no run met. Empty when failures cut the exploration short.
    pub unmet: BTreeSet<String>,
    /// Recordings whose choices no longer fit the test, by their position.
    pub stale: Vec<usize>,
}

/// Why an exploration ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// All runs that were asked for were made.
    #[default]
    Runs,
    /// The budget was used up.
    Budget,
    /// Runs brought nothing new any more.
    Saturated,
    /// The systematic search has seen every order.
    Exhausted,
    /// Enough has failed.
    Failures,
}

/// One failure, made as small as it got.
#[derive(Clone, Debug)]
pub struct Found {
    /// What failed.
    pub failure: Failure,
    /// The run that found it, from 1.
    pub run: u64,
    /// What decided that run, as a strategy is written.
    pub strategy: String,
    /// The smallest run that fails like it: its seed, what of the test it does without, and all its choices.
    pub case: Case,
    /// That run, with its trace.
    pub report: RunReport,
    /// How much smaller it is.
    pub size: Size,
    /// The trace of a run that passes and differs from it in one decision.
    pub passing: Option<Vec<TraceEvent>>,
}

/// How much smaller a failing run has become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Context switches besides those of the default order.
    pub switches: u32,
    /// How many there were.
    pub switches_before: u32,
    /// Faults.
    pub faults: u32,
    /// How many there were.
    pub faults_before: u32,
    /// Runs it took.
    pub replays: u32,
}

impl Case {
    /// The run of a seed.
    pub fn sampled(seed: Seed) -> Self {
        Self {
            seed: seed.number(),
            without: BTreeSet::new(),
            how: How::Sampled,
        }
    }

    /// The first run of a test.
    pub fn first(seeds: Seeds) -> Self {
        Self {
            how: How::Default,
            ..Self::sampled(seeds.of(0))
        }
    }

    /// The same run by the choices it made.
    #[must_use]
    pub fn recorded(&self, report: &RunReport) -> Self {
        Self {
            how: How::Recorded(report.schedule.log.clone()),
            ..self.clone()
        }
    }

    /// Its seed.
    pub fn seed(&self) -> Seed {
        Seed::new(self.seed)
    }

    /// What decides it.
    pub fn chooser(&self, strategy: StrategyKind, knowledge: &Knowledge) -> Chooser {
        match &self.how {
            How::Default => Chooser::seeded(self.seed(), StrategyKind::Default, knowledge),
            How::Sampled => Chooser::seeded(self.seed(), self.strategy(strategy), knowledge),
            How::Recorded(choices) => Chooser::replay(choices.clone()),
        }
    }

    /// The strategy of a sampled run, of those that `strategy` takes turns with.
    pub fn strategy(&self, strategy: StrategyKind) -> StrategyKind {
        strategy.for_run(Seeds::number(self.seed()))
    }
}

impl Found {
    /// Whether it fails in the default order and without faults: then it is broken, not racy.
    pub fn is_broken(&self) -> bool {
        self.run == 1 && self.strategy == StrategyKind::Default.to_string()
    }
}

impl Sample {
    /// What is kept of a run.
    pub fn of(report: &RunReport) -> Self {
        Self {
            hash: ((report.hash >> 64) as u64, report.hash as u64),
            class: coverage::class(&report.schedule.execution),
            decisions: decisions(&report.schedule.log),
            nanos: u64::try_from(report.virtual_time.as_nanos()).unwrap_or(u64::MAX),
            failed: report
                .failures
                .first()
                .map(|failure| failure.property.clone()),
            sometimes: report.sometimes.clone(),
        }
    }

    /// Hash of its trace.
    pub fn hash(&self) -> u128 {
        (u128::from(self.hash.0) << 64) | u128::from(self.hash.1)
    }
}

/// A hash of what was decided besides the order.
fn decisions(log: &[Choice]) -> u64 {
    let mut hash = Xxh3::new();
    let is_other =
        |choice: &&Choice| !matches!(choice.kind, ChoiceKind::Schedule | ChoiceKind::Pod);
    for choice in log.iter().filter(is_other) {
        hash.update(choice.label.as_bytes());
        hash.update(&choice.pick.to_le_bytes());
    }
    hash.digest()
}
