//! Where a [`Chooser`](super::Chooser) has its decisions from.

use super::order::Order;
use super::plan::{Deviation, IDLE, PickKey, Plan, Prefix};
use super::strategy::{PerTask, Strategy, StrategyKind, strategy};
use super::{Choice, ChoiceKind, Knowledge, Ready, Step, TaskId, TaskNames};
use crate::seed::{Rng, Seed};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) enum Source {
    Seeded(Box<Seeded>),
    Replayed(Replayed),
    Planned(Planned),
    Led(Led),
}

/// Decisions by chance.
pub(super) struct Seeded {
    strategy: Box<dyn Strategy>,
    /// For the quiet end.
    fair: Box<dyn Strategy>,
    is_fair: bool,
    rng: Rng,
    /// One of each kind of decision.
    streams: Vec<Rng>,
    steps: u64,
    /// From which position on each fault may happen.
    due: BTreeMap<TaskId, u64>,
    /// Kept for its room.
    among: Vec<usize>,
    /// What tells whether a call is private; nothing if that is not to matter.
    knowledge: Option<Knowledge>,
    /// Whether the call before which a task stands is private.
    private: PerTask<Option<bool>>,
}

impl Seeded {
    /// `None` for the strategy that decides nothing.
    pub(super) fn new(seed: Seed, kind: StrategyKind, knowledge: &Knowledge) -> Option<Self> {
        let stream = |label: &str| seed.fork(label).rng();
        let knows = knowledge.steps() > 0 && stream("private").below(RUNS_PER_NAIVE) > 0;
        Some(Self {
            strategy: strategy(kind, stream("schedule"), knowledge, knows)?,
            fair: strategy(StrategyKind::Random, stream("settle"), knowledge, knows)?,
            is_fair: false,
            rng: stream("faults"),
            streams: STREAMS.map(stream).into(),
            steps: knowledge.steps(),
            due: BTreeMap::new(),
            among: Vec::new(),
            knowledge: knows.then(|| knowledge.clone()),
            private: PerTask::default(),
        })
    }

    pub(super) fn settle(&mut self) {
        self.is_fair = true;
    }

    pub(super) fn stream(&mut self, kind: ChoiceKind) -> &mut Rng {
        &mut self.streams[kind as usize]
    }

    fn strategy(&mut self) -> &mut dyn Strategy {
        match self.is_fair {
            true => self.fair.as_mut(),
            false => self.strategy.as_mut(),
        }
    }

    /// A strategy would make most faults happen at once, for one that conflicts with every call of a container is considered
    /// at each of them. So most may only happen from some point of the run on.
    pub(super) fn started(&mut self, task: TaskId, is_fault: bool, name: &str) {
        if is_fault {
            let due = match self.rng.below(FAULTS_PER_EARLY) {
                0 => 0,
                _ => self.rng.below(self.steps + 1),
            };
            self.due.insert(task, due);
        }
        self.strategy.started(task, name);
    }

    pub(super) fn executed(&mut self, ready: &[Ready<'_>], picked: usize) {
        *self.private.at(ready[picked].task) = None;
        self.strategy().executed(ready, picked);
    }

    /// Who may go on at once, because nobody cares in which order with others: a decision less that a strategy could waste.
    fn private(&mut self, ready: &[Ready<'_>], order: &Order) -> Option<usize> {
        let knowledge = self.knowledge.as_ref()?;
        let private = &mut self.private;
        (0..ready.len()).find(|index| {
            let Ready { task, op } = ready[*index];
            if op.is_fault() || order.looks_on(task) {
                return false;
            }
            let private = private.at(task);
            let is_private = *private.get_or_insert_with(|| knowledge.is_private(op));
            is_private
                && !ready
                    .iter()
                    .any(|other| other.task != task && op.conflicts(other.op))
        })
    }

    pub(super) fn pick(&mut self, ready: &[Ready<'_>], order: &Order) -> Option<usize> {
        if let Some(private) = self.private(ready, order) {
            return Some(private);
        }
        let mut among = std::mem::take(&mut self.among);
        among.clear();
        among.extend((0..ready.len()).filter(|index| {
            let task = ready[*index].task;
            !order.is_fault(task) && !order.looks_on(task)
        }));
        let only_looks = among.is_empty();
        if only_looks {
            among.extend((0..ready.len()).filter(|index| !order.is_fault(ready[*index].task)));
        }
        let is_idle = among.is_empty();
        if !self.is_fair {
            among.extend((0..ready.len()).filter(|index| {
                let due = self.due.get(&ready[*index].task);
                due.is_some_and(|due| *due <= order.position())
            }));
        }
        let picked = match is_idle {
            true => among
                .get(self.rng.below(among.len() as u64 + 1) as usize)
                .copied(),
            // A strategy that follows priorities would let one of them look for ever.
            false if only_looks => Some(self.fair.pick(ready, &among)),
            false => Some(self.strategy().pick(ready, &among)),
        };
        self.among = among;
        picked
    }
}

/// One in so many faults may happen from the start.
const FAULTS_PER_EARLY: u64 = 8;

/// One in so many runs does not rely on what is known of private calls: it was learned from few runs.
const RUNS_PER_NAIVE: u64 = 5;

/// Labels of the streams, in the order of [`ChoiceKind`].
const STREAMS: [&str; 9] = [
    "tie of tasks",
    "pod",
    "fault",
    "latency",
    "short",
    "poll",
    "disk",
    "net",
    "tie",
];

/// Decisions of an earlier run.
pub(super) struct Replayed {
    log: Vec<Choice>,
    next: usize,
}

impl Replayed {
    pub(super) fn new(log: Vec<Choice>) -> Self {
        Self { log, next: 0 }
    }

    /// The next decision and its number.
    pub(super) fn next(&mut self) -> Option<(usize, Choice)> {
        let index = self.next;
        let choice = self.log.get(index)?.clone();
        self.next += 1;
        Some((index, choice))
    }

    pub(super) fn unread(&self) -> usize {
        self.log.len() - self.next
    }

    pub(super) fn stop(&mut self) {
        self.log.truncate(self.next);
    }
}

/// Decisions of a plan, the default where it says nothing.
#[derive(Default)]
pub(super) struct Planned {
    /// Those not met yet, in reverse order, by whose turn it is and how many steps that task has done.
    deviations: BTreeMap<(Arc<str>, u32), Vec<Arc<str>>>,
    picks: BTreeMap<PickKey, u32>,
    counts: BTreeMap<(ChoiceKind, String), u32>,
}

impl Planned {
    pub(super) fn new(plan: Plan) -> Self {
        let mut planned = Self {
            picks: plan.picks,
            ..Self::default()
        };
        for Deviation { task, own, instead } in plan.deviations.into_iter().rev() {
            let turn = planned.deviations.entry((task, own)).or_default();
            turn.push(instead);
        }
        planned
    }

    pub(super) fn pick(
        &mut self,
        ready: &[Ready<'_>],
        usual: Option<usize>,
        order: &Order,
        names: &TaskNames,
    ) -> Option<usize> {
        if self.deviations.is_empty() {
            return usual;
        }
        let turn = match usual {
            Some(usual) => {
                let task = ready[usual].task;
                (names.shared(task).unwrap_or_default(), order.own(task))
            }
            None => (IDLE.into(), order.idle()),
        };
        let Some(instead) = self.deviations.get_mut(&turn) else {
            return usual;
        };
        let found = instead.iter().rposition(|name| {
            let mut ready = ready.iter();
            ready.any(|ready| *names.name(ready.task) == **name)
        });
        let Some(found) = found else { return usual };
        let name = instead.remove(found);
        let mut ready = ready.iter();
        ready.position(|ready| *names.name(ready.task) == *name)
    }

    pub(super) fn choose(&mut self, kind: ChoiceKind, label: &str) -> u32 {
        if self.picks.is_empty() {
            return 0;
        }
        let count = self.counts.entry((kind, label.to_owned())).or_insert(0);
        let key = PickKey {
            kind,
            label: label.to_owned(),
            nth: *count,
        };
        *count += 1;
        self.picks.get(&key).copied().unwrap_or(0)
    }
}

/// A schedule of which the beginning is given.
pub(super) struct Led {
    prefix: Prefix,
    next: usize,
    is_redundant: bool,
}

/// A given beginning that cannot be followed: who should go on.
pub(super) struct Lost {
    pub(super) index: usize,
    pub(super) task: String,
}

impl Led {
    pub(super) fn new(prefix: Prefix) -> Self {
        Self {
            prefix,
            next: 0,
            is_redundant: false,
        }
    }

    pub(super) fn pick(
        &mut self,
        ready: &[Ready<'_>],
        usual: Option<usize>,
        last: Option<&Step>,
        order: &Order,
        names: &TaskNames,
    ) -> Result<Option<usize>, Lost> {
        if let Some(task) = self.prefix.tasks.get(self.next) {
            let mut tasks = ready.iter().map(|ready| names.name(ready.task));
            let found = tasks.position(|name| name == task);
            if found.is_none() && usual.is_some() {
                let (index, task) = (self.next, task.clone());
                self.prefix = Prefix::default();
                return Err(Lost { index, task });
            }
            self.next += usize::from(found.is_some());
            return Ok(found);
        }
        let asleep = &mut self.prefix.asleep;
        if asleep.is_empty() || usual.is_none() {
            return Ok(usual);
        }
        if let Some(last) = last {
            asleep.retain(|(_, op)| !last.affects(op));
        }
        let is_awake = |index: usize| {
            let name = names.name(ready[index].task);
            asleep.iter().all(|(asleep, _)| asleep != name)
        };
        let awake = order.pick_among(ready, is_awake);
        self.is_redundant |= awake.is_none();
        Ok(awake.or(usual))
    }

    pub(super) fn is_redundant(&self) -> bool {
        self.is_redundant
    }
}
