//! Selectively uniform random walk (Zhao and others: "Selectively Uniform Concurrency Testing", ASPLOS 2025).

use super::{PerTask, Strategy};
use crate::sched::{Knowledge, Object, Op, Ready, TaskId};
use crate::seed::Rng;

/// All orders of some interesting calls alike: the task that does the next of them is drawn in proportion to how many it
/// has left, and until then other tasks do only what is not interesting. Interesting are the calls on objects that several
/// tasks meet in; in most runs on one such object, in the others on all.
pub(super) struct Surw {
    rng: Rng,
    knowledge: Knowledge,
    /// The one object of interest; all shared ones if there is none.
    focus: Option<Object>,
    /// Interesting calls the task has left.
    left: PerTask<u32>,
    /// Who does the next of them.
    intended: Option<TaskId>,
}

impl Surw {
    pub(super) fn new(mut rng: Rng, knowledge: &Knowledge) -> Self {
        let shared = knowledge.shared_objects();
        let focus = match shared.len() {
            0 | 1 => None,
            // Each of them in turn, or all.
            many => shared.get(rng.below(many as u64 + 1) as usize).copied(),
        };
        Self {
            rng,
            knowledge: knowledge.clone(),
            focus,
            left: PerTask::default(),
            intended: None,
        }
    }

    fn interests(&self, op: &Op) -> bool {
        if op.is_fault() {
            return true;
        }
        op.touches.iter().any(|touch| match self.focus {
            Some(focus) => touch.object == focus,
            None => self.knowledge.is_shared(touch.object),
        })
    }

    /// Draws who does the next interesting call, among those that could do one now or later.
    fn intend(&mut self, ready: &[Ready<'_>], among: &[usize]) -> TaskId {
        let weight =
            |left: &mut PerTask<u32>, index: usize| u64::from((*left.at(ready[index].task)).max(1));
        let total = among
            .iter()
            .map(|index| weight(&mut self.left, *index))
            .sum();
        let mut drawn = self.rng.below(total);
        for index in among {
            let weight = weight(&mut self.left, *index);
            if drawn < weight {
                return ready[*index].task;
            }
            drawn -= weight;
        }
        ready[among[0]].task
    }
}

impl Strategy for Surw {
    fn started(&mut self, task: TaskId, name: &str) {
        *self.left.at(task) = match self.focus {
            Some(focus) => self.knowledge.calls_on(focus, name),
            None => self.knowledge.shared_calls(name),
        };
    }

    fn pick(&mut self, ready: &[Ready<'_>], among: &[usize]) -> usize {
        if among.len() == 1 {
            return among[0];
        }
        let is_there = |task| among.iter().any(|index| ready[*index].task == task);
        let intended = match self.intended {
            Some(intended) if is_there(intended) => intended,
            _ => self.intend(ready, among),
        };
        self.intended = Some(intended);
        let may = |surw: &Self, index: usize| {
            ready[index].task == intended || !surw.interests(ready[index].op)
        };
        let count = among.iter().filter(|index| may(self, **index)).count() as u64;
        let nth = self.rng.below(count.max(1)) as usize;
        let nth = among.iter().filter(|index| may(self, **index)).nth(nth);
        nth.copied().unwrap_or(among[0])
    }

    fn executed(&mut self, ready: &[Ready<'_>], picked: usize) {
        let ready = &ready[picked];
        if self.interests(ready.op) {
            let left = self.left.at(ready.task);
            *left = left.saturating_sub(1);
            if self.intended == Some(ready.task) {
                self.intended = None;
            }
        }
    }
}
