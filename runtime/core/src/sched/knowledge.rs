//! What earlier runs of a test told about the next.

use super::{Access, Execution, Object, Op};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many calls the tasks of a test make, and what they meet in. Cheap to clone.
///
/// Strategies draw from it, so whoever wants seeds to repeat lets it learn from the same runs before: the first of a test.
#[derive(Clone, Debug, Default)]
pub struct Knowledge(Arc<Learned>);

#[derive(Clone, Debug, Default)]
struct Learned {
    /// Of the longest run.
    steps: u64,
    /// Those of them on something that is shared.
    meetings: u64,
    /// What only one task has touched, or nobody has changed.
    private: BTreeSet<Object>,
    /// Calls on each object that several tasks touch and one changes, by task.
    shared: BTreeMap<Object, BTreeMap<String, u32>>,
    /// Calls on any of these, by task.
    calls: BTreeMap<String, u32>,
}

impl Knowledge {
    /// Learns from one more run.
    pub fn observe(&mut self, execution: &Execution) {
        let mut touched: BTreeMap<Object, Touched> = BTreeMap::new();
        for step in &execution.steps {
            for touch in &step.op.touches {
                let touched = touched.entry(touch.object).or_default();
                *touched.calls.entry(step.task).or_insert(0) += 1;
                touched.is_changed |= touch.access != Access::Read;
            }
        }
        let learned = Arc::make_mut(&mut self.0);
        touched.retain(|object, touched| {
            let is_shared = touched.is_changed && touched.calls.len() > 1
                || learned.shared.contains_key(object);
            match is_shared {
                true => learned.private.remove(object),
                false => learned.private.insert(*object),
            };
            is_shared
        });
        learned.steps = learned.steps.max(execution.steps.len() as u64);
        let mut calls = BTreeMap::new();
        for step in &execution.steps {
            let touches = step.op.touches.iter();
            if touches
                .into_iter()
                .any(|touch| touched.contains_key(&touch.object))
            {
                *calls.entry(step.task).or_insert(0) += 1;
            }
        }
        let keep_most = |known: &mut BTreeMap<String, u32>, task, count: u32| {
            let known = known
                .entry(execution.names.name(task).to_owned())
                .or_insert(0);
            *known = count.max(*known);
        };
        let meetings = calls.values().map(|count| u64::from(*count)).sum();
        learned.meetings = learned.meetings.max(meetings);
        for (task, count) in calls {
            keep_most(&mut learned.calls, task, count);
        }
        for (object, touched) in touched {
            let known = learned.shared.entry(object).or_default();
            for (task, count) in touched.calls {
                keep_most(known, task, count);
            }
        }
    }

    /// Steps of the longest run so far.
    pub fn steps(&self) -> u64 {
        self.0.steps
    }

    /// Steps on something that is shared, of the run with most of them.
    pub(super) fn meetings(&self) -> u64 {
        self.0.meetings
    }

    /// Whether no other task cares for this call, as far as is known.
    pub(super) fn is_private(&self, op: &Op) -> bool {
        let mut touches = op.touches.iter();
        touches.all(|touch| self.0.private.contains(&touch.object))
    }

    /// What several tasks touch and one changes, in order.
    pub(super) fn shared_objects(&self) -> Vec<Object> {
        self.0.shared.keys().copied().collect()
    }

    pub(super) fn is_shared(&self, object: Object) -> bool {
        self.0.shared.contains_key(&object)
    }

    /// Calls of the task on this object.
    pub(super) fn calls_on(&self, object: Object, task: &str) -> u32 {
        let shared = self.0.shared.get(&object);
        shared
            .and_then(|calls| calls.get(task))
            .copied()
            .unwrap_or(0)
    }

    /// Calls of the task on anything that is shared.
    pub(super) fn shared_calls(&self, task: &str) -> u32 {
        self.0.calls.get(task).copied().unwrap_or(0)
    }
}

#[derive(Default)]
struct Touched {
    calls: BTreeMap<super::TaskId, u32>,
    is_changed: bool,
}
