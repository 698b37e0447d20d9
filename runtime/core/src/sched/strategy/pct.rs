//! Probabilistic concurrency testing (Burckhardt and others: "A Randomized Scheduler with Probabilistic Guarantees of
//! Finding Bugs", ASPLOS 2010).

use super::{PerTask, Strategy};
use crate::sched::{Ready, TaskId};
use crate::seed::Rng;

/// Every task has a random priority, and the greatest goes on; at `depth` - 1 random steps, the task that is about to go
/// on falls behind all others. A bug that needs `depth` steps in order among k steps of n tasks is found with a
/// probability of at least 1/(n·k^(depth-1)).
pub(super) struct Pct {
    rng: Rng,
    /// 0 before it is drawn. What has fallen behind is below [`FALLEN`].
    priorities: PerTask<u64>,
    /// Decisions at which somebody falls behind, in descending order.
    changes: Vec<u64>,
    position: u64,
}

/// Priorities below are of tasks that fell behind, the later the lower.
const FALLEN: u64 = 1 << 32;

impl Pct {
    /// `decisions` is how often it will be asked, about.
    pub(super) fn new(mut rng: Rng, depth: u32, decisions: u64) -> Self {
        let mut changes: Vec<_> = (1..depth).map(|_| rng.below(decisions.max(1))).collect();
        changes.sort_unstable_by_key(|step| u64::MAX - step);
        Self {
            rng,
            priorities: PerTask::default(),
            changes,
            position: 0,
        }
    }

    fn greatest(&mut self, ready: &[Ready<'_>], among: &[usize]) -> usize {
        let mut best = (0, among[0]);
        for index in among {
            let priority = self.priorities.at(ready[*index].task);
            if *priority == 0 {
                *priority = self.rng.next_u64() | FALLEN;
            }
            best = best.max((*priority, *index));
        }
        best.1
    }
}

impl Strategy for Pct {
    fn started(&mut self, _task: TaskId, _name: &str) {}

    fn pick(&mut self, ready: &[Ready<'_>], among: &[usize]) -> usize {
        let mut greatest = self.greatest(ready, among);
        while self
            .changes
            .last()
            .is_some_and(|step| *step <= self.position)
        {
            self.changes.pop();
            let behind = 1 + self.changes.len() as u64;
            *self.priorities.at(ready[greatest].task) = behind;
            greatest = self.greatest(ready, among);
        }
        self.position += 1;
        greatest
    }

    fn executed(&mut self, _ready: &[Ready<'_>], _picked: usize) {}
}
