//! Partial order sampling (Yuan, Yang, Gu: "Partial Order Aware Concurrency Sampling", CAV 2018).

use super::{PerTask, Strategy};
use crate::sched::{Ready, TaskId};
use crate::seed::Rng;

/// Every call that is about to happen has a random priority, and the greatest goes first. What conflicts with it draws
/// again; what does not is not disturbed, so that calls without meaning for each other do not dilute the choice.
pub(super) struct Pos {
    rng: Rng,
    /// Of the next call of each task; 0 before it is drawn.
    priorities: PerTask<u64>,
}

impl Pos {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            priorities: PerTask::default(),
        }
    }
}

impl Strategy for Pos {
    fn started(&mut self, _task: TaskId, _name: &str) {}

    fn pick(&mut self, ready: &[Ready<'_>], among: &[usize]) -> usize {
        let mut best = (0, among[0]);
        for index in among {
            let priority = self.priorities.at(ready[*index].task);
            if *priority == 0 {
                *priority = self.rng.next_u64() | 1;
            }
            best = best.max((*priority, *index));
        }
        best.1
    }

    fn executed(&mut self, ready: &[Ready<'_>], picked: usize) {
        let done = ready[picked];
        for other in ready {
            if other.task == done.task || done.op.conflicts(other.op) {
                *self.priorities.at(other.task) = 0;
            }
        }
    }
}
