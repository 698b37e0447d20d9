//! What a run did, step by step: the matter that coverage, systematic exploration and shrinking work on.

use super::{Access, Op, TaskId};
use std::sync::Arc;

/// The names of the tasks of a run, by number.
///
/// A number says only when a task appeared; the name is the same in every run of one test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskNames(Vec<Arc<str>>);

impl TaskNames {
    /// Numbers a task.
    pub fn add(&mut self, name: impl Into<Arc<str>>) -> TaskId {
        let task = TaskId(u32::try_from(self.0.len()).expect("fewer tasks than steps"));
        self.0.push(name.into());
        task
    }

    /// What the task is called. Empty for one that was never added.
    pub fn name(&self, task: TaskId) -> &str {
        self.0.get(task.0 as usize).map_or("", |name| name)
    }

    pub(super) fn shared(&self, task: TaskId) -> Option<Arc<str>> {
        self.0.get(task.0 as usize).cloned()
    }

    /// The task of this name.
    pub fn find(&self, name: &str) -> Option<TaskId> {
        let index = self.0.iter().position(|known| **known == *name)?;
        u32::try_from(index).ok().map(TaskId)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One visible host call, from the pick of its task to the task's next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who went on.
    pub task: TaskId,
    /// With what.
    pub op: Op,
    /// Whether the call had to wait, so that its task tries again later. Otherwise it was done.
    pub blocked: bool,
    /// Whether the task had waited and was handed what it waited for: this step is no access any more.
    pub handed: bool,
    /// Whether nothing was ready before it, so that time had to pass.
    pub after_idle: bool,
    /// Who could have gone on, itself included.
    pub ready: Vec<TaskId>,
}

impl Step {
    /// Whether a later `op` could notice that this step came before it.
    ///
    /// A call that had to wait changed nothing; but those who are handed what they wait for stand in line, and their order
    /// matters to others who take from the same.
    pub fn affects(&self, op: &Op) -> bool {
        if self.handed {
            false
        } else if !self.blocked {
            self.op.conflicts(op)
        } else {
            self.op.handed && self.op.both_write(op)
        }
    }
}

impl Op {
    pub(super) fn both_write(&self, other: &Self) -> bool {
        let writes = |op: &'_ Self| -> Vec<_> {
            let touches = op.touches.iter();
            touches
                .filter(|touch| touch.access == Access::Write)
                .map(|touch| touch.object)
                .collect()
        };
        let theirs = writes(other);
        writes(self).iter().any(|object| theirs.contains(object))
    }

    /// Whether this is the moment of a fault, not a call of a program.
    pub fn is_fault(&self) -> bool {
        self.call.starts_with(FAULT_PREFIX)
    }
}

/// How calls begin that are faults which happen.
const FAULT_PREFIX: &str = "fault.";

/// The steps of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// In order.
    pub steps: Vec<Step>,
    /// Who could still have gone on at the end: faults that did not happen, and everybody if the run was cut short.
    pub pending: Vec<(TaskId, Op)>,
    /// What the tasks are called.
    pub names: TaskNames,
}

impl Execution {
    /// The step that is the `own`-th of the task called `name`, counted from 0, and its position.
    pub fn find(&self, name: &str, own: u32) -> Option<(usize, &Step)> {
        let task = self.names.find(name)?;
        let steps = self.steps.iter().enumerate();
        steps
            .filter(|(_, step)| step.task == task)
            .nth(own as usize)
    }
}
