//! All schedules of a test that can make a difference, one after the other.

use super::causality::{Causality, Clock};
use super::{Execution, Op, Prefix, Step, TaskId};
use crate::limits::SYSTEMATIC_STEPS_MAX;
use std::collections::BTreeMap;

/// Dynamic partial order reduction: after each run, finds the pairs of calls that conflict and could have come in the
/// other order, and asks for runs in which they do.
///
/// After Flanagan and Godefroid ("Dynamic Partial-Order Reduction for Model Checking Software", POPL 2005) with sleep sets
/// and the source sets of Abdulla and others (POPL 2014). A call that has to wait is a step that changes nothing. Faults
/// are steps that need not happen: they come in only where they conflict with a call.
///
/// Call [`next`](Self::next), run what it gives by [`Chooser::prefix`](super::Chooser::prefix), and tell
/// [`finished`](Self::finished) what happened, until there is no next.
#[derive(Debug)]
pub struct Explorer {
    names: BTreeMap<String, usize>,
    /// The steps of the last run, with what is left to do at each.
    frames: Vec<Frame>,
    executions: u64,
    executions_max: u64,
    is_started: bool,
    /// Runs that were longer than is looked at, or did not do as told.
    is_partial: bool,
    /// Runs in which time had to pass between two steps.
    is_timed: bool,
}

/// A moment before a step, and the step that was taken there.
#[derive(Debug)]
struct Frame {
    step: Step,
    /// Who took it, by our number.
    task: usize,
    /// How many steps it had done.
    own: u32,
    /// All that comes before the step, and the step.
    clock: Clock,
    /// The same for what comes after it: a step that had to wait does not order what it saw.
    kept: Clock,
    /// Which objects the step touches, as one bit each.
    mask: u64,
    ready: Vec<usize>,
    /// Who has to go on here in some run.
    wanted: Vec<usize>,
    /// Who has gone on here, with what.
    done: Vec<(usize, Op)>,
    /// Whose going on here would show nothing new.
    asleep: Vec<(usize, Op)>,
}

impl Default for Explorer {
    /// As many runs as it takes.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl Explorer {
    /// An exploration of no more than so many runs.
    pub fn new(executions_max: u64) -> Self {
        Self {
            names: BTreeMap::new(),
            frames: Vec::new(),
            executions: 0,
            executions_max,
            is_started: false,
            is_partial: false,
            is_timed: false,
        }
    }

    /// How the next run begins. `None` if there is none, or there have been enough.
    #[expect(
        clippy::should_implement_trait,
        reason = "each run has to be told before the next"
    )]
    pub fn next(&mut self) -> Option<Prefix> {
        if self.executions >= self.executions_max {
            return None;
        }
        if !self.is_started {
            self.is_started = true;
            return Some(Prefix::default());
        }
        while let Some(frame) = self.frames.last_mut() {
            let is_new = |task: &&usize| {
                let known = |list: &[(usize, Op)]| list.iter().any(|(known, _)| known == *task);
                !known(&frame.done) && !known(&frame.asleep)
            };
            if let Some(next) = frame.wanted.iter().find(is_new) {
                frame.task = *next;
                return Some(self.prefix());
            }
            self.frames.pop();
        }
        None
    }

    fn prefix(&self) -> Prefix {
        let names: BTreeMap<_, _> = self
            .names
            .iter()
            .map(|(name, index)| (*index, name))
            .collect();
        let name = |task: usize| names[&task].clone();
        let last = self.frames.last().expect("a frame with something to do");
        let asleep = last.asleep.iter().chain(&last.done);
        Prefix {
            tasks: self.frames.iter().map(|frame| name(frame.task)).collect(),
            asleep: asleep.map(|(task, op)| (name(*task), op.clone())).collect(),
        }
    }

    /// What became of the run that [`next`](Self::next) asked for.
    pub fn finished(&mut self, execution: &Execution) {
        self.executions += 1;
        let numbers: Vec<_> = (0..execution.names.len() as u32)
            .map(|task| self.number(execution.names.name(TaskId(task))))
            .collect();
        let run = Run { execution, numbers };
        let told = self.frames.len();
        let task_at = |index: usize| execution.steps.get(index).map(|step| run.number(step.task));
        if (0..told).any(|index| task_at(index) != Some(self.frames[index].task)) {
            self.is_partial = true;
            let frame = self
                .frames
                .last_mut()
                .expect("a beginning that was not followed");
            let task = frame.task;
            frame.wanted.retain(|wanted| *wanted != task);
            return;
        }
        self.is_partial |= execution.steps.len() > SYSTEMATIC_STEPS_MAX;
        self.is_timed |= execution.steps.iter().skip(1).any(|step| step.after_idle);
        let mut causality = Causality::default();
        let steps = execution.steps.iter().take(SYSTEMATIC_STEPS_MAX);
        for (index, step) in steps.enumerate() {
            if !self.take(index, told, step, &run, &mut causality) {
                return;
            }
        }
        for (task, op) in &execution.pending {
            self.look_at_pending(run.number(*task), op, &causality);
        }
    }

    fn number(&mut self, name: &str) -> usize {
        let next = self.names.len();
        match self.names.get(name) {
            Some(number) => *number,
            None => *self.names.entry(name.to_owned()).or_insert(next),
        }
    }

    /// Takes in one step of a run. `false` if earlier runs have shown what comes of it.
    fn take(
        &mut self,
        index: usize,
        told: usize,
        step: &Step,
        run: &Run<'_>,
        causality: &mut Causality,
    ) -> bool {
        let (before, own) = causality.before(step, &|task| run.number(task), &run.execution.names);
        let task = run.number(step.task);
        if index + 1 < told {
            // Told again, and the same as it was.
            causality.again(task, step, self.frames[index].kept.clone());
            return true;
        }
        let mask = mask(&step.op);
        if index + 1 == told {
            let frame = &mut self.frames[index];
            frame.done.push((task, step.op.clone()));
        } else {
            let asleep = self
                .frames
                .last()
                .map_or_else(Vec::new, Frame::asleep_after);
            if asleep.iter().any(|(asleep, _)| *asleep == task) {
                return false;
            }
            self.frames.push(Frame {
                step: step.clone(),
                task,
                own,
                clock: Clock::default(),
                kept: Clock::default(),
                mask,
                ready: step.ready.iter().map(|ready| run.number(*ready)).collect(),
                wanted: vec![task],
                done: vec![(task, step.op.clone())],
                asleep,
            });
        }
        let (mut clock, mut kept) = self.look_back(index, task, step, before);
        causality.receive(step, &mut kept);
        let kept = causality.after(step, task, kept);
        clock.join(&kept);
        let frame = &mut self.frames[index];
        (frame.clock, frame.kept) = (clock, kept);
        (frame.step, frame.own, frame.mask) = (step.clone(), own, mask);
        true
    }

    /// Finds the earlier steps that could have come after this one. Returns all that comes before it, and before what
    /// comes after it.
    fn look_back(
        &mut self,
        index: usize,
        task: usize,
        step: &Step,
        before: Clock,
    ) -> (Clock, Clock) {
        let mut kept = before.clone();
        let mut seen = before;
        if step.handed {
            return (seen, kept);
        }
        let mask = mask(&step.op);
        for earlier in (0..index).rev() {
            let frame = &self.frames[earlier];
            if frame.mask & mask == 0 || frame.task == task || !frame.step.affects(&step.op) {
                continue;
            }
            // What had to wait was not let in by what came before; if it stands in line, that is where.
            let lets_in = !step.blocked || step.op.handed && frame.step.op.both_write(&step.op);
            let clock = frame.kept.clone();
            if seen.of(frame.task) <= frame.own {
                self.want(earlier, index, task, &seen);
                seen.join(&clock);
            }
            if lets_in {
                kept.join(&clock);
            }
        }
        (seen, kept)
    }

    /// The same for a call that was not made.
    fn look_at_pending(&mut self, task: usize, op: &Op, causality: &Causality) {
        let step = Step {
            task: TaskId(u32::MAX),
            op: op.clone(),
            blocked: true,
            handed: false,
            after_idle: false,
            ready: Vec::new(),
        };
        let before = causality.clock(task);
        self.look_back(self.frames.len(), task, &step, before);
    }

    /// Makes `task`, which took or would take the step at `later`, come before the step at `earlier` in some run.
    fn want(&mut self, earlier: usize, later: usize, task: usize, before: &Clock) {
        let reversed = &self.frames[earlier];
        // Who can begin with what need not come after `reversed`.
        let mut firsts: Vec<(usize, u32)> = Vec::new();
        let mut beginners = Vec::new();
        let depends = |clock: &Clock, firsts: &[(usize, u32)]| {
            firsts.iter().any(|(task, own)| clock.of(*task) > *own)
        };
        for frame in self.frames[earlier + 1..later.min(self.frames.len())].iter() {
            if frame.clock.of(reversed.task) > reversed.own
                || firsts.iter().any(|(first, _)| *first == frame.task)
            {
                continue;
            }
            if !depends(&frame.clock, &firsts) {
                beginners.push(frame.task);
            }
            firsts.push((frame.task, frame.own));
        }
        if firsts.iter().all(|(first, _)| *first != task) && !depends(before, &firsts) {
            beginners.push(task);
        }
        let covered = |beginner: &usize| {
            reversed.wanted.contains(beginner)
                || reversed.asleep.iter().any(|(asleep, _)| asleep == beginner)
        };
        if beginners.iter().any(covered) {
            return;
        }
        let can = |beginner: &&usize| reversed.ready.contains(beginner);
        let best = match beginners.contains(&task) && reversed.ready.contains(&task) {
            true => Some(task),
            false => beginners.iter().find(can).copied(),
        };
        let frame = &mut self.frames[earlier];
        match best {
            Some(best) => frame.wanted.push(best),
            None => {
                for ready in &frame.ready {
                    if !frame.wanted.contains(ready) {
                        frame.wanted.push(*ready);
                    }
                }
            }
        }
    }

    /// Runs so far.
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// Whether every order of calls was seen that can make a difference: nothing is left to do, all runs did as told and
    /// were not too long, and none [`is_timed`](Self::is_timed).
    pub fn is_exhausted(&self) -> bool {
        let is_done = self.executions > 0 && self.frames.is_empty();
        is_done && !self.is_partial && !self.is_timed
    }

    /// Whether time had to pass between two steps of some run: what then goes on could do so earlier or later, and was only
    /// seen at its time.
    pub fn is_timed(&self) -> bool {
        self.is_timed
    }
}

impl Frame {
    /// Who is asleep after the step.
    fn asleep_after(&self) -> Vec<(usize, Op)> {
        let others = self.asleep.iter().chain(&self.done);
        let others = others.filter(|(task, op)| *task != self.task && !self.step.affects(op));
        others.cloned().collect()
    }
}

struct Run<'a> {
    execution: &'a Execution,
    /// Our numbers of its tasks.
    numbers: Vec<usize>,
}

impl Run<'_> {
    fn number(&self, task: TaskId) -> usize {
        self.numbers[task.0 as usize]
    }
}

fn mask(op: &Op) -> u64 {
    op.touches.iter().fold(0, |mask, touch| {
        let hash = touch.object.id ^ (touch.object.kind as u64) << 56;
        mask | 1 << (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    })
}
