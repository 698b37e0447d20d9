//! Which steps of a run had to come before which others, whatever the schedule.

use super::{Access, ObjectKind, Step, TaskId, TaskNames};
use std::collections::BTreeMap;

/// How many steps of each task come before something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock(Vec<u32>);

impl Clock {
    pub(super) fn of(&self, task: usize) -> u32 {
        self.0.get(task).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, task: usize, steps: u32) {
        if task >= self.0.len() {
            self.0.resize(task + 1, 0);
        }
        self.0[task] = steps;
    }

    /// Adds all that comes before `other`.
    pub(super) fn join(&mut self, other: &Self) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u32)> {
        self.0.iter().copied().enumerate()
    }
}

/// What comes before each step besides what it conflicts with: the earlier steps of its task, the step that made its task
/// ready, the step that sent what it receives.
///
/// Call [`before`](Self::before), [`receive`](Self::receive) and [`after`](Self::after) for each step in turn.
#[derive(Debug, Default)]
pub(super) struct Causality {
    tasks: Vec<Task>,
    /// All steps so far.
    all: Clock,
    /// Of the last step.
    last: Clock,
    queues: BTreeMap<u64, Queue>,
    steps: usize,
}

#[derive(Debug, Default)]
struct Task {
    clock: Clock,
    own: u32,
    is_ready: bool,
    /// Whether it could have been ready since its last step, and was not.
    is_missed: bool,
    /// Tasks of one pod are looked at together.
    pod: Option<String>,
}

/// A queue that some wait at: its n-th message comes before the n-th call that receives one.
#[derive(Debug, Default)]
struct Queue {
    sent: Vec<Clock>,
    received: usize,
    /// Somebody asked how many there are, or more were received than sent: messages cannot be told apart by counting.
    is_opaque: bool,
}

impl Causality {
    /// All that comes before `step` so far, as `number` maps tasks; with how many steps its task has done. What sends what it
    /// receives is not in it: it could receive something else.
    pub(super) fn before(
        &mut self,
        step: &Step,
        number: &impl Fn(TaskId) -> usize,
        names: &TaskNames,
    ) -> (Clock, u32) {
        let mut pod = None;
        for ready in &step.ready {
            let index = number(*ready);
            if index >= self.tasks.len() {
                self.tasks.resize_with(index + 1, Task::default);
            }
            let task = &mut self.tasks[index];
            if task.own == 0 && !task.is_ready {
                task.pod = names
                    .name(*ready)
                    .split_once('/')
                    .map(|(pod, _)| pod.to_owned());
                task.is_missed = self.steps > 0;
            }
            if !task.is_ready {
                task.is_ready = true;
                if step.after_idle {
                    task.clock.join(&self.all);
                } else if task.is_missed {
                    task.clock.join(&self.last);
                }
                task.is_missed = false;
            }
            pod = task.pod.clone();
        }
        for task in &mut self.tasks {
            task.is_missed |= !task.is_ready && task.own > 0 && task.pod == pod;
        }
        let index = number(step.task);
        (self.tasks[index].clock.clone(), self.tasks[index].own)
    }

    /// The step is over, and `clock` is all that came before it.
    pub(super) fn after(&mut self, step: &Step, index: usize, mut clock: Clock) -> Clock {
        let task = &mut self.tasks[index];
        task.own += 1;
        task.is_ready = false;
        clock.set(index, task.own);
        task.clock = clock.clone();
        self.all.set(index, task.own);
        self.last = clock.clone();
        self.steps += 1;
        for touch in &step.op.touches {
            let id = touch.object.id;
            match (touch.object.kind, touch.access) {
                (ObjectKind::QueueTail, Access::Write) if !step.blocked => {
                    let queue = self.queues.entry(id).or_default();
                    queue.sent.push(clock.clone());
                }
                (ObjectKind::QueueCount, Access::Read | Access::Write) => {
                    self.queues.entry(id).or_default().is_opaque = true;
                }
                _ => {}
            }
        }
        clock
    }

    /// The step is over as it was in an earlier run, where its clock was found.
    pub(super) fn again(&mut self, task: usize, step: &Step, mut clock: Clock) {
        self.receive(step, &mut clock);
        self.after(step, task, clock);
    }

    /// All that comes before the next step of the task, but for what it conflicts with.
    pub(super) fn clock(&self, task: usize) -> Clock {
        let task = self.tasks.get(task);
        task.map_or_else(Clock::default, |task| task.clock.clone())
    }

    /// Adds to `clock`, which is before `step`, what sends what the step receives.
    pub(super) fn receive(&mut self, step: &Step, clock: &mut Clock) {
        if step.blocked || step.handed {
            return;
        }
        let touches = || {
            step.op
                .touches
                .iter()
                .filter(|touch| touch.access == Access::Write)
        };
        let sends = touches().any(|touch| touch.object.kind == ObjectKind::QueueTail);
        for touch in touches().filter(|touch| touch.object.kind == ObjectKind::QueueHead) {
            if sends {
                continue;
            }
            let queue = self.queues.entry(touch.object.id).or_default();
            let sent = queue.sent.get(queue.received);
            queue.received += 1;
            match sent {
                Some(sent) if !queue.is_opaque => clock.join(sent),
                Some(_) => {}
                None => queue.is_opaque = true,
            }
        }
    }
}
