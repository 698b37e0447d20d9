//! The default order: what happens when nobody decides.

use super::{Access, Op, Ready, TaskId};

/// Keeps the last task while it is ready, else takes the one that has been ready longest. Faults do not happen.
///
/// A task that only looks at the same things, and again sees nothing new, gives way to those that do not, and so does one
/// that computes for long without a call, or goes on for very long at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    tasks: Vec<Task>,
    last: Option<TaskId>,
    /// Steps of the last task in a row.
    turn: u32,
    /// Steps and idle moments so far.
    position: u64,
    /// Moments in which only faults were ready.
    idle: u32,
    /// Steps so far that may have changed something.
    changes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Task {
    seen: bool,
    is_fault: bool,
    /// Whether it had been ready when it was last looked at, and since when.
    is_ready: bool,
    since: u64,
    own: u32,
    /// What it looked at last, how often in a row, and as of which change.
    looks: u32,
    look: u64,
    as_of: u64,
    is_handed: bool,
}

/// Looks at the same unchanged things after which a task counts as waiting for them. A file read in parts looks the same,
/// so it may be neither one nor many.
const LOOKS_MAX: u32 = 8;

/// Steps after which a task gives way to others that are ready, or one that never waits would starve them. Most tasks wait
/// much earlier, and are not disturbed.
const TURN_STEPS_MAX: u32 = 64;

impl Order {
    /// Takes note of who is ready. Tells of each task that was not known before.
    pub(super) fn meet(&mut self, ready: &[Ready<'_>], mut started: impl FnMut(&Ready<'_>, bool)) {
        for ready in ready {
            let index = ready.task.0 as usize;
            if index >= self.tasks.len() {
                self.tasks.resize(index + 1, Task::default());
            }
            let task = &mut self.tasks[index];
            if !task.is_ready {
                task.is_ready = true;
                task.since = self.position;
            }
            if !task.seen {
                task.seen = true;
                task.is_fault = ready.op.is_fault();
                started(ready, task.is_fault);
            }
        }
    }

    /// Who goes on, as an index; nobody if only faults are ready.
    pub(super) fn pick(&self, ready: &[Ready<'_>]) -> Option<usize> {
        self.pick_among(ready, |_| true)
    }

    /// The same among some of them, unless they are none.
    pub(super) fn pick_among(
        &self,
        ready: &[Ready<'_>],
        may: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut best: Option<(usize, (bool, bool, u64, TaskId))> = None;
        for (index, ready) in ready.iter().enumerate() {
            let task = &self.tasks[ready.task.0 as usize];
            if task.is_fault || !may(index) {
                continue;
            }
            let looks_on = self.looks_on(ready.task);
            let keeps = self.last == Some(ready.task) && !looks_on && self.turn < TURN_STEPS_MAX;
            let key = (looks_on, !keeps, task.since, ready.task);
            if best.is_none_or(|(_, least)| key < least) {
                best = Some((index, key));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Whether the task would only look again at what has not changed.
    pub(super) fn looks_on(&self, task: TaskId) -> bool {
        let task = &self.tasks[task.0 as usize];
        task.looks >= LOOKS_MAX && task.as_of == self.changes
    }

    /// The task goes on with this call.
    pub(super) fn executed(&mut self, id: TaskId, op: &Op) {
        self.position += 1;
        let task = &mut self.tasks[id.0 as usize];
        task.own += 1;
        task.is_ready = false;
        task.is_handed = false;
        if task.is_fault {
            self.changes += 1;
            return;
        }
        self.turn = match self.last == Some(id) {
            true => self.turn.saturating_add(1),
            false => 1,
        };
        self.last = Some(id);
        if op.touches.iter().any(|touch| touch.access != Access::Read) {
            self.changes += 1;
            return;
        }
        let look = fingerprint(op);
        if task.look == look && task.as_of == self.changes {
            task.looks += 1;
        } else {
            (task.looks, task.look, task.as_of) = (1, look, self.changes);
        }
    }

    /// The step that the task began had to wait, in a call that hands it what it waits for.
    pub(super) fn will_be_handed(&mut self, id: TaskId) {
        self.tasks[id.0 as usize].is_handed = true;
    }

    pub(super) fn is_handed(&self, id: TaskId) -> bool {
        self.tasks[id.0 as usize].is_handed
    }

    pub(super) fn idled(&mut self) {
        self.position += 1;
        self.idle += 1;
    }

    /// Steps the task has done.
    pub(super) fn own(&self, id: TaskId) -> u32 {
        self.tasks[id.0 as usize].own
    }

    pub(super) fn is_fault(&self, id: TaskId) -> bool {
        self.tasks[id.0 as usize].is_fault
    }

    pub(super) fn idle(&self) -> u32 {
        self.idle
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }
}

fn fingerprint(op: &Op) -> u64 {
    let mix =
        |hash: u64, value: u64| (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    let call = op
        .call
        .bytes()
        .fold(0, |hash, byte| mix(hash, u64::from(byte)));
    op.touches.iter().fold(call, |hash, touch| {
        mix(mix(hash, touch.object.kind as u64), touch.object.id)
    })
}
