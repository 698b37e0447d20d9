//! How a run is chosen among the many a test can have.

mod pct;
mod pos;
mod random;
mod surw;

use super::{Knowledge, Ready, TaskId};
use crate::seed::Rng;
use std::fmt;
use std::str::FromStr;

/// Decides a schedule, step by step.
pub(super) trait Strategy: Send {
    /// A task is ready for the first time.
    fn started(&mut self, task: TaskId, name: &str);

    /// Which of `ready` goes on: one of the indices in `among`, of which there is at least one.
    fn pick(&mut self, ready: &[Ready<'_>], among: &[usize]) -> usize;

    /// The task at this index of `ready` goes on.
    fn executed(&mut self, ready: &[Ready<'_>], picked: usize);
}

/// The strategies there are.
///
/// What each is worth is measured by thirteen small bugs in `sched/tests/models.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StrategyKind {
    /// The default order, and the default of every other decision: no chance, no fault.
    Default,
    /// Any ready task, all alike.
    Random,
    /// The last task as a rule, another one in a tenth of the steps.
    Sticky,
    /// Partial order sampling: random priorities, drawn again for calls that conflict with the last one.
    Pos,
    /// Selectively uniform random walk: tasks in proportion to the calls they have left.
    Surw,
    /// Probabilistic concurrency testing: fixed priorities that change at `depth` - 1 random steps.
    Pct {
        /// How many steps have to be in the right order for the bugs it is made for, at least 1.
        depth: u32,
    },
    /// All of the above in turn.
    #[default]
    Portfolio,
    /// Every schedule that can make a difference, by [`Explorer`](super::Explorer); then the portfolio.
    Systematic,
}

/// One strategy of the portfolio for each of twenty runs: 45 % POS, 25 % SURW, 15 % PCT, 15 % random walks.
const PORTFOLIO: [StrategyKind; 20] = {
    use StrategyKind::{Pct, Pos, Random, Sticky, Surw};
    [
        Pos,
        Surw,
        Pos,
        Pct { depth: 3 },
        Pos,
        Surw,
        Sticky,
        Pos,
        Surw,
        Pct { depth: 2 },
        Pos,
        Random,
        Pos,
        Surw,
        Pos,
        Pct { depth: 4 },
        Pos,
        Surw,
        Sticky,
        Pos,
    ]
};

impl StrategyKind {
    /// The strategy of one run of many, counted from 0. The first two are the default order: one tells what is broken
    /// anyway, and both together tell whether the test is deterministic.
    #[must_use]
    pub fn for_run(self, run: u64) -> Self {
        match (run, self) {
            (0 | 1, _) => Self::Default,
            (_, Self::Portfolio | Self::Systematic) => {
                PORTFOLIO[((run - 2) % PORTFOLIO.len() as u64) as usize]
            }
            _ => self,
        }
    }
}

/// The strategy of this kind; `None` for the default order. What a portfolio is made of is up to
/// [`for_run`](StrategyKind::for_run): by itself it is its first. `only_meetings` says that it is asked only where tasks
/// meet.
pub(super) fn strategy(
    kind: StrategyKind,
    rng: Rng,
    knowledge: &Knowledge,
    only_meetings: bool,
) -> Option<Box<dyn Strategy>> {
    let decisions = match only_meetings {
        true => knowledge.meetings(),
        false => knowledge.steps(),
    };
    Some(match kind {
        StrategyKind::Default => return None,
        StrategyKind::Random => Box::new(random::Random::new(rng)),
        StrategyKind::Sticky => Box::new(random::Sticky::new(rng)),
        StrategyKind::Pct { depth } => Box::new(pct::Pct::new(rng, depth, decisions)),
        StrategyKind::Surw => Box::new(surw::Surw::new(rng, knowledge)),
        StrategyKind::Pos | StrategyKind::Portfolio | StrategyKind::Systematic => {
            Box::new(pos::Pos::new(rng))
        }
    })
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Random => f.write_str("random"),
            Self::Sticky => f.write_str("sticky"),
            Self::Pos => f.write_str("pos"),
            Self::Surw => f.write_str("surw"),
            Self::Pct { depth } => write!(f, "pct:{depth}"),
            Self::Portfolio => f.write_str("portfolio"),
            Self::Systematic => f.write_str("systematic"),
        }
    }
}

/// No strategy is called that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no strategy {0:?}; use default, random, sticky, pos, surw, portfolio, systematic, or pct:N with N from 1 to {PCT_DEPTH_MAX}"
)]
pub struct UnknownStrategy(String);

/// Greatest depth of PCT. Each step more makes a given schedule less likely by the length of the run.
const PCT_DEPTH_MAX: u32 = 16;

impl FromStr for StrategyKind {
    type Err = UnknownStrategy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = match text {
            "default" => Self::Default,
            "random" => Self::Random,
            "sticky" => Self::Sticky,
            "pos" => Self::Pos,
            "surw" => Self::Surw,
            "portfolio" => Self::Portfolio,
            "systematic" => Self::Systematic,
            _ => {
                let depth = text
                    .strip_prefix("pct:")
                    .and_then(|depth| depth.parse().ok());
                match depth {
                    Some(depth @ 1..=PCT_DEPTH_MAX) => Self::Pct { depth },
                    _ => return Err(UnknownStrategy(text.to_owned())),
                }
            }
        };
        Ok(kind)
    }
}

/// A value for each task, by its number.
#[derive(Debug)]
pub(super) struct PerTask<T>(Vec<T>);

impl<T> Default for PerTask<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + Default> PerTask<T> {
    pub(super) fn at(&mut self, task: TaskId) -> &mut T {
        let index = task.0 as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, T::default());
        }
        &mut self.0[index]
    }
}
