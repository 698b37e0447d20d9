//! What host calls touch, for those who decide which of them comes first.

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
                scheduler.enter(task, op);
                Turn::others_first()
            }
            None => Turn::none(),
        }
    }

    /// Tells what came of the call that was entered last.
    pub(crate) fn leave<T, E: ErrorName>(&self, result: &Result<T, E>) {
        if let Some((scheduler, task)) = self.scheduled() {
            let name = result.as_ref().map_or_else(E::name, |_| "ok");
            scheduler.leave(task, name, String::new());
        }
    }
}

/// An error as traces name it: the same in every version, whatever its text.
pub(crate) trait ErrorName {
    /// `no-entry`, `would-block`.
    fn name(&self) -> &'static str;
}

impl ErrorName for seedpod_core::ipc::Error {
    fn name(&self) -> &'static str {
        self.code()
    }
}
