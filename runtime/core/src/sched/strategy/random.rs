//! Random walks.

use super::Strategy;
use crate::sched::{Ready, TaskId};
use crate::seed::Rng;

/// Any ready task, all alike: fair, and good at short windows.
pub(super) struct Random {
    rng: Rng,
}

impl Random {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng }
    }
}

impl Strategy for Random {
    fn started(&mut self, _task: TaskId, _name: &str) {}

    fn pick(&mut self, _ready: &[Ready<'_>], among: &[usize]) -> usize {
        among[self.rng.below(among.len() as u64) as usize]
    }

    fn executed(&mut self, _ready: &[Ready<'_>], _picked: usize) {}
}

/// The last task as a rule: cheap long stretches, which bugs need where one task has to get far before another starts.
pub(super) struct Sticky {
    rng: Rng,
    last: Option<TaskId>,
}

/// A switch in so many steps.
const STEPS_PER_SWITCH: u64 = 10;

impl Sticky {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng, last: None }
    }
}

impl Strategy for Sticky {
    fn started(&mut self, _task: TaskId, _name: &str) {}

    fn pick(&mut self, ready: &[Ready<'_>], among: &[usize]) -> usize {
        let switches = self.rng.below(STEPS_PER_SWITCH) == 0;
        let same = among
            .iter()
            .find(|index| Some(ready[**index].task) == self.last);
        match same {
            Some(same) if !switches => *same,
            _ => among[self.rng.below(among.len() as u64) as usize],
        }
    }

    fn executed(&mut self, ready: &[Ready<'_>], picked: usize) {
        let ready = &ready[picked];
        if !ready.op.is_fault() {
            self.last = Some(ready.task);
        }
    }
}
