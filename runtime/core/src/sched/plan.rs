//! A run described by how it differs from the default one: short, and still meaningful when parts are left out.

use super::{Choice, ChoiceKind, Op};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a schedule leaves the default order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deviation {
    /// Whose turn it would be by the default order; [`IDLE`] where time would pass.
    pub task: Arc<str>,
    /// How many steps that task had done before.
    pub own: u32,
    /// Who goes on instead; [`IDLE`] if nobody.
    pub instead: Arc<str>,
}

/// Stands for no task: everybody waits, and only faults could happen.
pub const IDLE: &str = "idle";

/// One decision besides the schedule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PickKey {
    /// What was decided.
    pub kind: ChoiceKind,
    /// About what.
    pub label: String,
    /// Which of the decisions with this kind and label, from 0.
    pub nth: u32,
}

/// What a run does other than the default: the default order of tasks, and the first of all other possibilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they happen.
    pub deviations: Vec<Deviation>,
    /// Picks other than 0.
    pub picks: BTreeMap<PickKey, u32>,
    /// Steps of the workload that are left out, by number. For whoever drives the run; nothing here decides by it.
    pub dropped: BTreeSet<u32>,
}

impl Deviation {
    /// Whether it makes a fault happen.
    pub fn is_fault(&self) -> bool {
        self.instead.starts_with(FAULT_TASK_PREFIX)
    }
}

/// How tasks are called that are faults waiting to happen.
const FAULT_TASK_PREFIX: &str = "fault:";

/// The beginning of a schedule, to be followed by the default order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Who does each of the first steps.
    pub tasks: Vec<String>,
    /// Who need not go on right after them, until something happened that their calls depend on: what would come of it has
    /// been seen.
    pub asleep: Vec<(String, Op)>,
}

/// A run that asks for other decisions than its log has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "decision {index} was {expected}, but this run has to decide {found}; replay with the programs, manifest, test and version of \
     seedpod that the log was made with"
)]
pub struct Divergence {
    /// Which decision, from 0.
    pub index: usize,
    /// What the log has.
    pub expected: Choice,
    /// What the run met.
    pub found: Choice,
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kind,
            arity,
            pick,
            label,
        } = self;
        write!(f, "{kind:?} {label:?} ({pick} of {arity})")
    }
}

/// The picks of a log that are not 0 and not about the schedule.
pub(super) fn picks_of(log: &[Choice]) -> BTreeMap<PickKey, u32> {
    let mut count = BTreeMap::new();
    let mut picks = BTreeMap::new();
    for choice in log
        .iter()
        .filter(|choice| choice.kind != ChoiceKind::Schedule)
    {
        let nth = count
            .entry((choice.kind, choice.label.as_str()))
            .or_insert(0);
        if choice.pick > 0 {
            let key = PickKey {
                kind: choice.kind,
                label: choice.label.clone(),
                nth: *nth,
            };
            picks.insert(key, choice.pick);
        }
        *nth += 1;
    }
    picks
}
