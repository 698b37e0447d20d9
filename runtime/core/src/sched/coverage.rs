//! How much of a test has been seen.

use super::causality::Clock;
use super::{Access, Execution, Object, ObjectKind, Op, Step, TaskId};
use crate::limits::COVERAGE_CLASSES_MAX;
use std::collections::{BTreeMap, BTreeSet};

/// A number for all runs that differ in the order of calls only where the order makes no difference: a hash of the graph of
/// which step conflicts with which earlier one (a Mazurkiewicz trace). The same on every machine.
///
/// Tasks are told apart by their names. A call that had to wait counts where it is done, or where it stood in line.
pub fn class(execution: &Execution) -> u64 {
    let names = (0..execution.names.len() as u32).map(|task| {
        let name = execution.names.name(TaskId(task));
        Object::named(ObjectKind::Process, name).id
    });
    let names: Vec<_> = names.collect();
    let name = |task: usize| names.get(task).copied().unwrap_or(0);
    let mut clocks: Vec<Clock> = vec![Clock::default(); names.len()];
    let mut objects: BTreeMap<Object, Accesses> = BTreeMap::new();
    let mut class = 0_u64;
    let counts = |step: &&Step| !step.handed && (!step.blocked || step.op.handed);
    for step in execution.steps.iter().filter(counts) {
        let task = step.task.0 as usize;
        if task >= clocks.len() {
            continue;
        }
        let mut clock = std::mem::take(&mut clocks[task]);
        clock.set(task, clock.of(task) + 1);
        for touch in &step.op.touches {
            let accesses = objects.entry(touch.object).or_default();
            accesses.join_into(&mut clock, touch.access);
        }
        for touch in &step.op.touches {
            let accesses = objects.entry(touch.object).or_default();
            accesses.add(touch.access, &clock);
        }
        let past = clock.iter().filter(|(_, steps)| *steps > 0);
        let past = past.map(|(task, steps)| mix(name(task), u64::from(steps)));
        let past = past.fold(0, u64::wrapping_add);
        class = class.wrapping_add(mix(mix(name(task), past), hash(&step.op)));
        clocks[task] = clock;
    }
    class
}

/// Who used an object, in so far as a later access can depend on it.
#[derive(Default)]
struct Accesses {
    write: Clock,
    reads: Clock,
    adds: Clock,
}

impl Accesses {
    fn join_into(&self, clock: &mut Clock, access: Access) {
        clock.join(&self.write);
        if access != Access::Read {
            clock.join(&self.reads);
        }
        if access != Access::Add {
            clock.join(&self.adds);
        }
    }

    fn add(&mut self, access: Access, clock: &Clock) {
        match access {
            Access::Read => self.reads.join(clock),
            Access::Add => self.adds.join(clock),
            Access::Write => {
                *self = Self {
                    write: clock.clone(),
                    ..Self::default()
                }
            }
        }
    }
}

fn hash(op: &Op) -> u64 {
    let bytes = op.call.bytes();
    let call = bytes.fold(0, |hash, byte| mix(hash, u64::from(byte)));
    op.touches.iter().fold(call, |hash, touch| {
        mix(mix(hash, touch.object.kind as u64), touch.object.id)
    })
}

const fn mix(hash: u64, value: u64) -> u64 {
    let mixed = (hash.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// How many different runs of a test there were, up to the order of what does not matter.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    seen: BTreeSet<u64>,
    runs: u64,
    last_new: u64,
}

impl Coverage {
    /// Adds the [`class`] of one more run. Says whether it is new.
    pub fn add(&mut self, class: u64) -> bool {
        self.runs += 1;
        let is_new = self.seen.len() < COVERAGE_CLASSES_MAX && self.seen.insert(class);
        if is_new {
            self.last_new = self.runs;
        }
        is_new
    }

    /// Different runs. No more than [`COVERAGE_CLASSES_MAX`] are counted.
    pub fn classes(&self) -> usize {
        self.seen.len()
    }

    /// Runs.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Whether the last 30 % of the runs, and of no fewer than fifty, told nothing new: more of the kind will not either.
    pub fn is_saturated(&self) -> bool {
        self.runs >= RUNS_MIN && (self.runs - self.last_new) * 10 >= self.runs * 3
    }
}

const RUNS_MIN: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_saturated_when_three_tenths_of_the_runs_gave_nothing_new() {
        let mut coverage = Coverage::default();
        let mut add = |class| {
            coverage.add(class);
            coverage.is_saturated()
        };
        assert!((0..49).all(|_| !add(1)), "too few to tell");
        assert!(add(1));
        assert!((2..100).all(|class| !add(class)), "each was new");
        let more = (0..).take_while(|_| !add(1)).count() as u64;
        assert_eq!((more + 1) * 10 / coverage.runs(), 3);
        assert_eq!(coverage.classes(), 99);
    }
}
