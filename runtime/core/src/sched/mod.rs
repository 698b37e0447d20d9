//! Deterministic scheduling: who runs next, and every other decision of a simulated run, as data.
//!
//! The containers of a pod share no memory: they meet in host calls only. So a schedule is the order of host calls, and
//! a task stands before each of them with its [`Op`], which says what the call touches. Whoever decides, decides from a
//! seed, from a log of earlier decisions, or systematically; [`Op::conflicts`] is the relation all of it rests on.

mod causality;
mod choice;
mod chooser;
pub mod coverage;
mod execution;
mod explorer;
mod knowledge;
mod op;
mod order;
mod plan;
pub mod shrink;
mod source;
mod strategy;

pub use choice::{Choice, ChoiceKind};
pub use chooser::{Chooser, Record};
pub use coverage::Coverage;
pub use execution::{Execution, Step, TaskNames};
pub use explorer::Explorer;
pub use knowledge::Knowledge;
pub use op::{Access, Object, ObjectKind, Op, Touch};
pub use plan::{Deviation, Divergence, IDLE, PickKey, Plan, Prefix};
pub use shrink::{Decisive, Shrinker};
pub use strategy::{StrategyKind, UnknownStrategy};

/// Names a task of one run: a process of a container, or a fault that waits to happen. Numbered in order of appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u32);

/// A task that could go on, and what it would do.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'a> {
    /// Who.
    pub task: TaskId,
    /// The host call it stands before.
    pub op: &'a Op,
}

#[cfg(test)]
mod tests;
