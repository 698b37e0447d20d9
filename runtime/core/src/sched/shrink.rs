//! Makes a failing run small: what is left of it is what it takes to fail.

use super::plan::{Deviation, PickKey, Plan};
use super::{ChoiceKind, IDLE, Record};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Delta debugging of a plan, as data in and data out.
///
/// Call [`next_candidate`](Self::next_candidate), run it by [`Chooser::plan`](super::Chooser::plan), and tell
/// [`result`](Self::result) what came of it, until there is no next; [`best`](Self::best) is the smallest run so far. First
/// faults are left out, then steps of the workload, then context switches, then other decisions; then numbers get smaller;
/// at last the two calls are found whose order decides.
#[derive(Debug)]
pub struct Shrinker {
    best: Plan,
    /// Its run, if there was one yet.
    record: Option<Box<Record>>,
    workload: Vec<u32>,
    stage: Stage,
    /// Whether the stages since the first one have left something out.
    has_changed: bool,
    candidate: Option<Plan>,
    replays: u32,
    replays_max: u32,
    is_reproduced: bool,
    decisive: Option<Decisive>,
}

/// Two calls next to each other whose order decides whether a run fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decisive {
    /// The call that comes first when it fails: the task, and how many steps that had done before.
    pub first: (String, u32),
    /// The call that comes second when it fails, and first when it passes.
    pub second: (String, u32),
    /// A run that passes, and differs in nothing before.
    pub passing: Plan,
}

#[derive(Debug)]
enum Stage {
    /// The whole plan, to see that it fails.
    Whole,
    LeaveOut(Kind, Chunks),
    /// Plans of faults alone, which happen after the same call of another task.
    Place(Vec<Plan>),
    Lower(Lower),
    Decide(Decide),
    Done,
}

/// What is left out, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Faults,
    Workload,
    Switches,
    Picks,
}

/// Something that can be left out.
#[derive(Clone, Debug)]
enum Part {
    Deviation(usize),
    Pick(PickKey),
    Workload(u32),
}

/// Leaves out all, then halves, then quarters, at last single ones until none can go.
#[derive(Debug)]
struct Chunks {
    size: usize,
    at: usize,
    has_changed: bool,
}

/// Halves the numbers that matter, one after the other.
#[derive(Debug)]
struct Lower {
    keys: Vec<PickKey>,
    /// Below this the run does not fail.
    passes: u32,
}

/// Moves the last context switch call by call towards where the run passes.
///
/// Instead of the call number `own` of `task`, the `others` calls of `instead` from `first` on are made. Swapping one call
/// of `task` with one of `instead` at a time, all of the latter come after ever more calls of the former; swap by swap are
/// the points between which the search bisects.
#[derive(Debug)]
struct Decide {
    before: Vec<Deviation>,
    task: Arc<str>,
    own: u32,
    instead: Arc<str>,
    first: u32,
    others: u32,
    fails: u32,
    passes: Option<u32>,
    point: u32,
}

/// Picks whose numbers are made smaller; more tell nobody anything.
const LOWERED_MAX: usize = 16;

/// Plans that place faults elsewhere, at most.
const PLACES_MAX: usize = 64;

/// Calls by which the last context switch is moved at most.
const MOVES_MAX: u32 = 256;

impl Shrinker {
    /// Starts with a run that failed. `workload` are the steps of its workload that may be left out, by number; no more
    /// than `replays_max` runs will be asked for.
    pub fn new(plan: Plan, workload: Vec<u32>, replays_max: u32) -> Self {
        Self {
            best: plan,
            record: None,
            workload,
            stage: Stage::Whole,
            has_changed: false,
            candidate: None,
            replays: 0,
            replays_max,
            is_reproduced: false,
            decisive: None,
        }
    }

    /// What to run next.
    pub fn next_candidate(&mut self) -> Option<Plan> {
        if self.replays >= self.replays_max {
            return None;
        }
        loop {
            let candidate = match &mut self.stage {
                Stage::Whole => Some(self.best.clone()),
                Stage::LeaveOut(kind, chunks) => {
                    let parts = parts(&self.best, *kind, &self.workload);
                    let out = chunks.next(&parts);
                    out.map(|out| without(&self.best, out))
                }
                Stage::Place(plans) => plans.pop(),
                Stage::Lower(lower) => lower.next(&self.best),
                Stage::Decide(decide) => decide.next(&self.best),
                Stage::Done => return None,
            };
            if candidate.is_some() {
                self.replays += 1;
                self.candidate.clone_from(&candidate);
                return candidate;
            }
            self.advance();
        }
    }

    /// What came of the run: how it went if it failed like the first one, `None` if it did not.
    pub fn result(&mut self, failed: Option<&Record>) {
        let Some(candidate) = self.candidate.take() else {
            return;
        };
        match &mut self.stage {
            Stage::Whole => match failed {
                Some(_) => {
                    self.is_reproduced = true;
                    self.stage = Stage::LeaveOut(Kind::Faults, Chunks::new());
                }
                None => self.stage = Stage::Done,
            },
            Stage::LeaveOut(_, chunks) => chunks.result(failed.is_some()),
            Stage::Place(plans) if failed.is_some() => plans.clear(),
            Stage::Place(_) => {}
            Stage::Lower(lower) => lower.result(&self.best, failed.is_some()),
            Stage::Decide(decide) => {
                // What fails here is as good as what failed before, but not smaller.
                let begins = decide.others == 0;
                decide.result(failed);
                if begins && failed.is_none() {
                    self.stage = Stage::Done;
                }
                return;
            }
            Stage::Done => return,
        }
        if let Some(record) = failed {
            self.has_changed |= self.is_reproduced && candidate != self.best;
            self.best = adopt(candidate, record);
            self.record = Some(Box::new(record.clone()));
        }
    }

    fn advance(&mut self) {
        let next = |kind| Stage::LeaveOut(kind, Chunks::new());
        self.stage = match &self.stage {
            Stage::Whole => next(Kind::Faults),
            Stage::LeaveOut(Kind::Faults, _) => next(Kind::Workload),
            Stage::LeaveOut(Kind::Workload, _) => next(Kind::Switches),
            Stage::LeaveOut(Kind::Switches, _) => {
                let record = self.record.as_deref();
                let plans = record.map(|record| placed(&self.best, record));
                Stage::Place(plans.unwrap_or_default())
            }
            Stage::Place(_) => next(Kind::Picks),
            Stage::LeaveOut(Kind::Picks, _) => Stage::Lower(Lower::new(&self.best)),
            Stage::Lower(_) if std::mem::take(&mut self.has_changed) => next(Kind::Faults),
            Stage::Lower(_) => Decide::new(&self.best).map_or(Stage::Done, Stage::Decide),
            Stage::Decide(decide) => {
                self.decisive = decide.found(&self.best);
                Stage::Done
            }
            Stage::Done => Stage::Done,
        };
    }

    /// The smallest run so far that failed alike.
    pub fn best(&self) -> &Plan {
        &self.best
    }

    /// Whether the plan that it started with failed alike, and not only the run that the plan was made from.
    pub fn is_reproduced(&self) -> bool {
        self.is_reproduced
    }

    /// The two calls whose order decides, once they are found.
    pub fn decisive(&self) -> Option<&Decisive> {
        self.decisive.as_ref()
    }

    /// Runs asked for so far.
    pub fn replays(&self) -> u32 {
        self.replays
    }
}

/// The plan that failed, less what did not come about in its run.
fn adopt(candidate: Plan, record: &Record) -> Plan {
    if record.plan.deviations.len() > candidate.deviations.len() {
        return candidate;
    }
    Plan {
        dropped: candidate.dropped,
        ..record.plan.clone()
    }
}

/// Other ways to say when a fault of the plan happens, without any context switch: it need not be the turn of the task that
/// it hits.
fn placed(plan: &Plan, record: &Record) -> Vec<Plan> {
    let is_small = plan.deviations.iter().all(Deviation::is_fault);
    if is_small || plan.deviations != record.plan.deviations {
        return Vec::new();
    }
    let Record { execution, .. } = record;
    let faults = plan.deviations.iter().zip(&record.deviated_at);
    let faults = faults.filter(|(deviation, _)| deviation.is_fault());
    let mut plans = Vec::new();
    for (place, (fault, at)) in faults.clone().enumerate() {
        let mut done: BTreeMap<&str, u32> = BTreeMap::new();
        for step in execution.steps.iter().take(*at) {
            *done.entry(execution.names.name(step.task)).or_insert(0) += 1;
        }
        done.retain(|task, own| (*task, *own) != (&*fault.task, fault.own));
        for (task, own) in done {
            let mut deviations: Vec<_> = faults.clone().map(|(fault, _)| fault.clone()).collect();
            (deviations[place].task, deviations[place].own) = (task.into(), own);
            plans.push(Plan {
                deviations,
                ..plan.clone()
            });
        }
    }
    plans.truncate(PLACES_MAX);
    plans
}

fn parts(plan: &Plan, kind: Kind, workload: &[u32]) -> Vec<Part> {
    let deviations = |is_fault: bool| {
        let deviations = plan.deviations.iter().enumerate();
        let fitting = deviations.filter(move |(_, deviation)| deviation.is_fault() == is_fault);
        fitting.map(|(index, _)| Part::Deviation(index))
    };
    let picks = |is_fault: bool| {
        let keys = plan.picks.keys();
        let fitting = keys.filter(move |key| (key.kind == ChoiceKind::Fault) == is_fault);
        fitting.cloned().map(Part::Pick)
    };
    match kind {
        Kind::Faults => deviations(true).chain(picks(true)).collect(),
        Kind::Workload => {
            let left = workload.iter().filter(|step| !plan.dropped.contains(step));
            left.copied().map(Part::Workload).collect()
        }
        Kind::Switches => deviations(false).collect(),
        Kind::Picks => picks(false).collect(),
    }
}

fn without(plan: &Plan, parts: &[Part]) -> Plan {
    let mut smaller = plan.clone();
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Deviation(index) => out.push(*index),
            Part::Pick(key) => drop(smaller.picks.remove(key)),
            Part::Workload(step) => drop(smaller.dropped.insert(*step)),
        }
    }
    let mut index = 0;
    smaller.deviations.retain(|_| {
        index += 1;
        !out.contains(&(index - 1))
    });
    smaller
}

impl Chunks {
    fn new() -> Self {
        Self {
            size: usize::MAX,
            at: 0,
            has_changed: false,
        }
    }

    /// What to leave out next of these.
    fn next<'a>(&mut self, parts: &'a [Part]) -> Option<&'a [Part]> {
        if parts.is_empty() {
            return None;
        }
        self.size = self.size.min(parts.len());
        if self.at >= parts.len() {
            if self.size == 1 && !self.has_changed {
                return None;
            }
            self.size = self.size.div_ceil(2);
            (self.at, self.has_changed) = (0, false);
        }
        let end = parts.len().min(self.at + self.size);
        Some(&parts[self.at..end])
    }

    fn result(&mut self, failed: bool) {
        match failed {
            true => self.has_changed = true,
            false => self.at += self.size,
        }
    }
}

impl Lower {
    fn new(plan: &Plan) -> Self {
        let keys = plan.picks.keys().take(LOWERED_MAX).cloned();
        Self {
            keys: keys.collect(),
            passes: 0,
        }
    }

    fn next(&mut self, plan: &Plan) -> Option<Plan> {
        loop {
            let key = self.keys.last()?;
            let pick = plan.picks.get(key).copied().unwrap_or(0);
            if pick > self.passes + 1 {
                let mut lower = plan.clone();
                lower.picks.insert(key.clone(), self.passes.midpoint(pick));
                return Some(lower);
            }
            self.keys.pop();
            self.passes = 0;
        }
    }

    fn result(&mut self, plan: &Plan, failed: bool) {
        if let (Some(key), false) = (self.keys.last(), failed) {
            let pick = plan.picks.get(key).copied().unwrap_or(0);
            self.passes = self.passes.midpoint(pick);
        }
    }
}

impl Decide {
    fn new(plan: &Plan) -> Option<Self> {
        let (last, before) = plan.deviations.split_last()?;
        if *last.task == *IDLE || *last.instead == *IDLE {
            return None;
        }
        Some(Self {
            before: before.to_vec(),
            task: last.task.clone(),
            own: last.own,
            instead: last.instead.clone(),
            first: 0,
            others: 0,
            fails: 0,
            passes: None,
            point: 0,
        })
    }

    fn next(&mut self, best: &Plan) -> Option<Plan> {
        if self.others == 0 {
            return Some(best.clone());
        }
        self.point = match self.passes {
            Some(passes) if passes == self.fails + 1 => return None,
            Some(passes) => self.fails.midpoint(passes),
            None if self.fails >= MOVES_MAX => return None,
            None => (self.fails * 2).max(self.others),
        };
        Some(self.plan(best, self.point))
    }

    /// The plan after so many swaps.
    fn plan(&self, best: &Plan, point: u32) -> Plan {
        let (moved, swapped) = (point / self.others, point % self.others);
        let deviation = |task: &Arc<str>, own, instead: &Arc<str>| Deviation {
            task: task.clone(),
            own,
            instead: instead.clone(),
        };
        let (task, instead) = (&self.task, &self.instead);
        let mut deviations = self.before.clone();
        deviations.push(deviation(task, self.own + moved, instead));
        if swapped > 0 {
            let back = self.first + self.others - swapped;
            deviations.push(deviation(instead, back, task));
            deviations.push(deviation(task, self.own + moved + 1, instead));
        }
        Plan {
            deviations,
            ..best.clone()
        }
    }

    fn result(&mut self, failed: Option<&Record>) {
        match (failed, self.others) {
            (Some(record), 0) => self.measure(record),
            (None, 0) => {}
            (Some(_), _) => self.fails = self.point,
            (None, _) => self.passes = Some(self.point),
        }
    }

    /// Finds what the last context switch switches to.
    fn measure(&mut self, record: &Record) {
        let steps = &record.execution.steps;
        let names = &record.execution.names;
        let at = record
            .deviated_at
            .last()
            .copied()
            .unwrap_or(0)
            .min(steps.len());
        let is_other = |step: &&super::Step| *names.name(step.task) == *self.instead;
        self.first = steps[..at].iter().filter(is_other).count() as u32;
        let others = steps[at..].iter().take_while(is_other).count() as u32;
        self.others = others.clamp(1, MOVES_MAX);
    }

    fn found(&self, best: &Plan) -> Option<Decisive> {
        let passes = self.passes?;
        let (moved, swapped) = (self.fails / self.others, self.fails % self.others);
        let first = self.first + self.others - swapped - 1;
        Some(Decisive {
            first: (self.instead.to_string(), first),
            second: (self.task.to_string(), self.own + moved),
            passing: self.plan(best, passes),
        })
    }
}
