//! What host calls touch, for those who decide which of them comes first.

pub(crate) mod table;

use crate::guest::Guest;
use crate::scheduler::{Scheduler, Turn};
use seedpod_core::sched::{Op, TaskId};

impl Guest {
    /// Who decides about this process, and under which name.
    pub(crate) fn scheduled(&self) -> Option<(&dyn Scheduler, TaskId)> {
        Some((self.pod.scheduler.as_deref()?, self.task?))
    }

    /// Stands before a call that others could notice: one of them may go first. `op` is asked where somebody decides,
    /// and may say that nobody else could notice after all.
    pub(crate) fn enter(&self, op: impl FnOnce(&Self) -> Option<Op>) -> Turn {
        let Some((scheduler, task)) = self.scheduled() else {
            return Turn::none();
        };
        match op(self) {
            Some(op) => {
                debug_assert!(table::allows(&op), "calls/table.txt forbids {op:?}");
                self.in_call.set(true);
                scheduler.enter(task, op);
                Turn::others_first()
            }
            None => Turn::none(),
        }
    }

    /// Tells what came of the call, if it was entered.
    pub(crate) fn leave<T, E: ErrorName>(&self, result: &Result<T, E>) {
        self.leave_with(result, String::new);
    }

    /// As [`leave`](Self::leave), with what else there is to tell of a call that succeeded.
    pub(crate) fn leave_with<T, E: ErrorName>(
        &self,
        result: &Result<T, E>,
        detail: impl FnOnce() -> String,
    ) {
        if self.in_call.replace(false)
            && let Some((scheduler, task)) = self.scheduled()
        {
            match result {
                Ok(_) => scheduler.leave(task, "ok", detail()),
                Err(error) => scheduler.leave(task, error.name(), String::new()),
            }
        }
    }

    /// Tells that the call is over, if it was entered and cannot fail.
    pub(crate) fn leave_done(&self) {
        self.leave::<(), std::convert::Infallible>(&Ok(()));
    }

    /// How much of a read or write of `len` bytes is done.
    pub(crate) fn part(&self, call: &'static str, len: usize) -> usize {
        match self.scheduled() {
            Some((scheduler, task)) if len > 1 => scheduler.part(task, call, len),
            Some(_) | None => len,
        }
    }
}

/// An error as traces name it: the same in every version, whatever its text.
pub(crate) trait ErrorName {
    /// `no-entry`, `would-block`.
    fn name(&self) -> &'static str;
}

impl ErrorName for std::convert::Infallible {
    fn name(&self) -> &'static str {
        match *self {}
    }
}

impl ErrorName for seedpod_core::ipc::Error {
    fn name(&self) -> &'static str {
        self.code()
    }
}
