//! All decisions of a run, from one place, and their log.

use super::order::Order;
use super::plan::{Deviation, Divergence, IDLE, Plan, Prefix, picks_of};
use super::source::{Led, Planned, Replayed, Seeded, Source};
use super::strategy::StrategyKind;
use super::{Choice, ChoiceKind, Execution, Knowledge, Op, Ready, Step, TaskId, TaskNames};
use crate::limits::{SCHEDULE_CHOICES_MAX, SCHEDULE_STEPS_MAX};
use crate::seed::Seed;
use std::sync::Arc;

/// Takes every decision of a run, and writes it down.
///
/// The calls of a run come in this order: [`schedule`](Self::schedule) whenever a task may go on, even if it is the only
/// one; [`waited`](Self::waited) if the step that it began had to wait; [`choose`](Self::choose) and
/// [`chance`](Self::chance) at any time; [`settle`](Self::settle) when the quiet end of the run begins; at last
/// [`finish`](Self::finish). A decision with one possibility is none, and is not in the log.
pub struct Chooser {
    source: Source,
    order: Order,
    log: Vec<Choice>,
    steps: Vec<Step>,
    faults: Vec<(TaskId, Op)>,
    /// Where the schedule left the default order: whose turn it was, after how many steps, and who went on.
    deviations: Vec<(Option<TaskId>, u32, Option<TaskId>)>,
    deviated_at: Vec<usize>,
    divergence: Option<Divergence>,
    is_idle: bool,
    is_full: bool,
}

/// What a run was, for those who look at it afterwards.
#[derive(Clone, Debug)]
pub struct Record {
    /// Every decision, in order.
    pub log: Vec<Choice>,
    /// Every step.
    pub execution: Execution,
    /// The same run by how it differs from the default one.
    pub plan: Plan,
    /// Before which step each deviation of the plan took place.
    pub deviated_at: Vec<usize>,
    /// The first decision that a replayed log, or a given beginning, did not fit.
    pub divergence: Option<Divergence>,
}

impl Chooser {
    /// The default order, and the default of every other decision.
    pub fn default_order() -> Self {
        Self::plan(Plan::default())
    }

    /// The schedule by a strategy, every other decision by chance; but all of it by default for
    /// [`StrategyKind::Default`]. A portfolio is what [`StrategyKind::for_run`] makes of it.
    pub fn seeded(seed: Seed, kind: StrategyKind, knowledge: &Knowledge) -> Self {
        match Seeded::new(seed, kind, knowledge) {
            Some(seeded) => Self::new(Source::Seeded(Box::new(seeded))),
            None => Self::default_order(),
        }
    }

    /// What an earlier run decided. After the end of the log, and after a decision that differs, the default.
    pub fn replay(log: Vec<Choice>) -> Self {
        Self::new(Source::Replayed(Replayed::new(log)))
    }

    /// The default but for what the plan says.
    pub fn plan(plan: Plan) -> Self {
        Self::new(Source::Planned(Planned::new(plan)))
    }

    /// The given steps, then the default; the default of every other decision.
    pub fn prefix(prefix: Prefix) -> Self {
        Self::new(Source::Led(Led::new(prefix)))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            order: Order::default(),
            log: Vec::new(),
            steps: Vec::new(),
            faults: Vec::new(),
            deviations: Vec::new(),
            deviated_at: Vec::new(),
            divergence: None,
            is_idle: false,
            is_full: false,
        }
    }

    /// Which of `ready` goes on. `None` if only faults are ready, and none of them is to happen now: time has to pass.
    pub fn schedule(&mut self, ready: &[Ready<'_>], names: &TaskNames) -> Option<usize> {
        let Self {
            order,
            source,
            faults,
            ..
        } = self;
        order.meet(ready, |met, is_fault| {
            if let Source::Seeded(seeded) = source {
                seeded.started(met.task, is_fault, names.name(met.task));
            }
            if is_fault {
                faults.push((met.task, met.op.clone()));
            }
        });
        let usual = self.order.pick(ready);
        let arity = ready.len() + usize::from(usual.is_none());
        let picked = self.pick(ready, usual, names);
        if arity > 1 {
            let label = picked.map_or(IDLE, |index| names.name(ready[index].task));
            let pick = picked.unwrap_or(ready.len());
            self.note(ChoiceKind::Schedule, arity as u32, pick as u32, label);
        }
        self.proceed(ready, usual, picked);
        picked
    }

    fn pick(
        &mut self,
        ready: &[Ready<'_>],
        usual: Option<usize>,
        names: &TaskNames,
    ) -> Option<usize> {
        let arity = ready.len() + usize::from(usual.is_none());
        let name = |index: Option<usize>| index.map_or(IDLE, |index| names.name(ready[index].task));
        match &mut self.source {
            Source::Led(led) => {
                let picked = led.pick(ready, usual, self.steps.last(), &self.order, names);
                picked.unwrap_or_else(|lost| {
                    let choice = |label: &str| Choice {
                        kind: ChoiceKind::Schedule,
                        arity: arity as u32,
                        pick: 0,
                        label: label.to_owned(),
                    };
                    self.divergence = Some(Divergence {
                        index: lost.index,
                        expected: choice(&lost.task),
                        found: choice(name(usual)),
                    });
                    usual
                })
            }
            _ if arity <= 1 => usual,
            Source::Seeded(seeded) => seeded.pick(ready, &self.order),
            Source::Planned(planned) => planned.pick(ready, usual, &self.order, names),
            Source::Replayed(_) => {
                let default = usual.unwrap_or(ready.len()) as u32;
                let index = |pick: u32| Some(pick as usize).filter(|pick| *pick < ready.len());
                let label = |pick| name(index(pick)).to_owned();
                index(self.replayed(ChoiceKind::Schedule, arity as u32, default, label))
            }
        }
    }

    /// Takes note of what was decided, and begins the step.
    fn proceed(&mut self, ready: &[Ready<'_>], usual: Option<usize>, picked: Option<usize>) {
        if picked != usual && self.deviations.len() < SCHEDULE_STEPS_MAX {
            let task = |index: Option<usize>| index.map(|index| ready[index].task);
            let own = task(usual).map_or(self.order.idle(), |task| self.order.own(task));
            self.deviations.push((task(usual), own, task(picked)));
            self.deviated_at.push(self.steps.len());
        }
        let Some(index) = picked else {
            self.order.idled();
            self.is_idle = true;
            return;
        };
        let Ready { task, op } = ready[index];
        if let Source::Seeded(seeded) = &mut self.source {
            seeded.executed(ready, index);
        }
        let handed = self.order.is_handed(task);
        self.order.executed(task, op);
        if self.steps.len() >= SCHEDULE_STEPS_MAX {
            self.is_full = true;
            return;
        }
        self.steps.push(Step {
            task,
            op: op.clone(),
            blocked: false,
            handed,
            after_idle: std::mem::take(&mut self.is_idle),
            ready: ready.iter().map(|ready| ready.task).collect(),
        });
    }

    /// The step that began last had to wait: its call is not done, and its task is ready again later.
    pub fn waited(&mut self) {
        if let Some(step) = self.steps.last_mut() {
            step.blocked = true;
            step.handed = false;
            if step.op.handed {
                self.order.will_be_handed(step.task);
            }
        }
    }

    /// Nothing was ready, not even a fault, and time passed.
    pub fn idled(&mut self) {
        self.order.idled();
        self.is_idle = true;
    }

    /// Which of `arity` possibilities it is, from 0; the first is what usually happens. The label is the same in every run
    /// for the same question.
    pub fn choose(&mut self, kind: ChoiceKind, arity: u32, label: &str) -> u32 {
        if arity <= 1 {
            return 0;
        }
        let pick = match &mut self.source {
            Source::Seeded(seeded) => seeded.stream(kind).below(u64::from(arity)) as u32,
            Source::Planned(planned) => planned.choose(kind, label).min(arity - 1),
            Source::Led(_) => 0,
            Source::Replayed(_) => self.replayed(kind, arity, 0, |_| label.to_owned()),
        };
        self.note(kind, arity, pick, label);
        pick
    }

    /// Whether something happens that does so in this many of a million cases, and usually does not.
    pub fn chance(&mut self, kind: ChoiceKind, per_million: u32, label: &str) -> bool {
        if per_million == 0 {
            return false;
        }
        let pick = match &mut self.source {
            Source::Seeded(seeded) => {
                u32::from(seeded.stream(kind).below(1_000_000) < u64::from(per_million))
            }
            Source::Planned(planned) => planned.choose(kind, label).min(1),
            Source::Led(_) => 0,
            Source::Replayed(_) => self.replayed(kind, 2, 0, |_| label.to_owned()),
        };
        self.note(kind, 2, pick, label);
        pick == 1
    }

    /// The quiet end of the run begins: no faults happen any more, and every task gets its turn, so that what does not
    /// happen is not for lack of one.
    pub fn settle(&mut self) {
        if let Source::Seeded(seeded) = &mut self.source {
            seeded.settle();
        }
    }

    /// Every decision so far.
    pub fn log(&self) -> &[Choice] {
        &self.log
    }

    /// Every step so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The first decision that a replayed log, or a given beginning, did not fit. The run means nothing from there on.
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.as_ref()
    }

    /// Decisions of a replayed log that the run has not come to.
    pub fn unread(&self) -> usize {
        match &self.source {
            Source::Replayed(replayed) => replayed.unread(),
            Source::Seeded(_) | Source::Planned(_) | Source::Led(_) => 0,
        }
    }

    /// Whether there were more decisions or steps than are kept, so that the run cannot be told or replayed.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether an earlier run has shown all that can come of this one, which may as well end here.
    pub fn is_redundant(&self) -> bool {
        matches!(&self.source, Source::Led(led) if led.is_redundant())
    }

    /// What the run was. `pending` are the tasks that could still have gone on, if it was cut short.
    pub fn finish(self, names: TaskNames, pending: &[Ready<'_>]) -> Record {
        let happened = |task| self.steps.iter().any(|step| step.task == task);
        let faults = self.faults.iter().filter(|(task, _)| !happened(*task));
        let mut left: Vec<_> = faults.cloned().collect();
        for ready in pending.iter().filter(|ready| !ready.op.is_fault()) {
            left.push((ready.task, ready.op.clone()));
        }
        let idle: Arc<str> = IDLE.into();
        let name = |task: Option<TaskId>| {
            let name = task.and_then(|task| names.shared(task));
            name.unwrap_or_else(|| idle.clone())
        };
        let deviations = self
            .deviations
            .iter()
            .map(|(task, own, instead)| Deviation {
                task: name(*task),
                own: *own,
                instead: name(*instead),
            });
        Record {
            plan: Plan {
                deviations: deviations.collect(),
                picks: picks_of(&self.log),
                ..Plan::default()
            },
            log: self.log,
            deviated_at: self.deviated_at,
            execution: Execution {
                steps: self.steps,
                pending: left,
                names,
            },
            divergence: self.divergence,
        }
    }

    fn note(&mut self, kind: ChoiceKind, arity: u32, pick: u32, label: &str) {
        if self.log.len() >= SCHEDULE_CHOICES_MAX {
            self.is_full = true;
            return;
        }
        self.log.push(Choice {
            kind,
            arity,
            pick,
            label: label.to_owned(),
        });
    }

    /// The next decision of the log if it is about the same, else the default.
    fn replayed(
        &mut self,
        kind: ChoiceKind,
        arity: u32,
        default: u32,
        label: impl Fn(u32) -> String,
    ) -> u32 {
        let Source::Replayed(replayed) = &mut self.source else {
            return default;
        };
        let Some((index, expected)) = replayed.next() else {
            return default;
        };
        let pick = expected.pick.min(arity - 1);
        let found = Choice {
            kind,
            arity,
            pick,
            label: label(pick),
        };
        if expected == found {
            return pick;
        }
        replayed.stop();
        self.divergence = Some(Divergence {
            index,
            expected,
            found,
        });
        default
    }
}

impl std::fmt::Debug for Chooser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chooser")
            .field("decisions", &self.log.len())
            .field("divergence", &self.divergence)
            .finish_non_exhaustive()
    }
}
