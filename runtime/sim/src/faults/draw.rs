//! What is drawn for a fault, and from what.

use super::Ground;
use super::target::{Target, containers, parties};
use seedpod_core::net;
use seedpod_core::podtest::{DurationRange, Link, Links, OffsetRange};
use seedpod_core::sched::{ChoiceKind, Op};
use std::time::Duration;

/// How many different values a range has.
const STEPS: u32 = 8;

/// One of a range of durations, by a number below an arity.
pub(crate) fn duration(range: DurationRange, choose: impl FnOnce(u32) -> u32) -> Duration {
    if range.max <= range.min {
        return range.min;
    }
    range.min + (range.max - range.min) / (STEPS - 1) * choose(STEPS)
}

impl Ground<'_> {
    /// One of a range of durations; the shortest first.
    pub(super) fn duration(&self, range: DurationRange, label: &str) -> Duration {
        duration(range, |arity| {
            self.scheduler.choose(ChoiceKind::Fault, arity, label)
        })
    }

    /// One of a range of offsets, in nanoseconds; the one next to none first.
    pub(super) fn offset(&self, range: OffsetRange, label: &str) -> i64 {
        let (min, max) = (range.min.nanos, range.max.nanos);
        if max <= min {
            return min;
        }
        match self.scheduler.choose(ChoiceKind::Fault, STEPS + 1, label) {
            0 => 0.clamp(min, max),
            step => between(min, max, step - 1),
        }
    }

    /// Writes down that a fault has happened to somebody.
    pub(super) fn note(&self, fault: &str, call: &'static str, object: &str, what: (&str, &str)) {
        let op = Op::local(call).on(object);
        let (result, detail) = what;
        self.scheduler.note_fault(fault, &op, result, detail);
    }

    pub(super) fn one_of<T: Clone>(&self, all: &[T], label: &str) -> Option<T> {
        let arity = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let index = match arity {
            0 => return None,
            _ => self.scheduler.choose(ChoiceKind::Fault, arity, label),
        };
        all.get(index as usize).cloned()
    }

    /// The containers of this name that run.
    pub(super) fn alive(&self, name: &str) -> Vec<Target> {
        let mut found = containers(name, self.pods);
        found.retain(|target| self.scheduler.is_alive(target));
        found
    }

    pub(super) fn links(&self, link: &Link) -> Vec<net::Link> {
        let ends = |name: &str| parties(name, self.pods, &self.objects);
        let mut links = Vec::new();
        for from in ends(&link.from) {
            for to in ends(&link.to) {
                let forth = net::Link {
                    from: from.clone(),
                    to,
                };
                let back = forth.reversed();
                links.push(forth);
                if link.links == Links::Both && !links.contains(&back) {
                    links.push(back);
                }
            }
        }
        links
    }
}

/// The `step`-th of [`STEPS`] values from `min` to `max`.
fn between(min: i64, max: i64, step: u32) -> i64 {
    let (min, max) = (i128::from(min), i128::from(max));
    let value = min + (max - min) * i128::from(step) / i128::from(STEPS - 1);
    i64::try_from(value).unwrap_or(i64::MAX)
}
