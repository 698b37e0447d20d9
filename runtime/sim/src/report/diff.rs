//! Where two traces part: the first event that differs, and what led there on both sides.

use super::text::{event as event_line, printable};
use seedpod_core::limits::REPORT_DIFF_EVENTS;
use seedpod_core::trace::TraceEvent;
use std::fmt::Write as _;

/// The first difference of two traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence<'a> {
    /// How many events are equal.
    pub equal: usize,
    /// The last events that both have.
    pub common: &'a [TraceEvent],
    /// Names of the fields that differ, as the lines of a trace have them. Empty when one trace has ended.
    pub fields: Vec<&'static str>,
    /// From the differing event on, for a little; empty when the trace has ended.
    pub sides: [&'a [TraceEvent]; 2],
    /// The last events before it of the task it is of.
    pub causes: [Vec<&'a TraceEvent>; 2],
}

/// The first difference; `None` when the traces are equal.
pub fn diff<'a>(left: &'a [TraceEvent], right: &'a [TraceEvent]) -> Option<Divergence<'a>> {
    let equal = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    if equal == left.len().max(right.len()) {
        return None;
    }
    let sides = [left, right].map(|trace| {
        let rest = &trace[equal.min(trace.len())..];
        &rest[..rest.len().min(REPORT_DIFF_EVENTS)]
    });
    let before = &left[..equal.min(left.len())];
    let causes = sides.map(|side| match side.first() {
        Some(event) => last_of(before, &event.task),
        None => Vec::new(),
    });
    let fields = match (sides[0].first(), sides[1].first()) {
        (Some(left), Some(right)) => differing(left, right),
        _ => Vec::new(),
    };
    Some(Divergence {
        equal,
        common: &before[before.len().saturating_sub(REPORT_DIFF_EVENTS)..],
        fields,
        sides,
        causes,
    })
}

impl Divergence<'_> {
    /// For a terminal. `names` are those of the traces.
    pub fn text(&self, names: [&str; 2]) -> String {
        let then = match self.sides.map(<[_]>::is_empty) {
            [true, _] => format!("{} has ended", printable(names[0])),
            [_, true] => format!("{} has ended", printable(names[1])),
            [false, false] => format!("the next differs in {}", self.fields.join(", ")),
        };
        let mut text = format!("{} events are equal, then {then}\n", self.equal);
        for event in self.common {
            let _infallible = writeln!(text, "    {}", event_line(event));
        }
        let one_task = self.causes[0] == self.causes[1];
        for (index, mark) in ['-', '+'].into_iter().enumerate() {
            let _infallible = writeln!(text, "{}", printable(names[index]));
            let is_shown = |event: &TraceEvent| self.common.iter().any(|shown| shown == event);
            let causes = self.causes[index].iter().filter(|event| !is_shown(event));
            if !one_task {
                for event in causes {
                    let _infallible = writeln!(text, "  ∵ {}", event_line(event));
                }
            }
            for event in self.sides[index] {
                let _infallible = writeln!(text, "  {mark} {}", event_line(event));
            }
        }
        text
    }
}

/// The last events of a task, oldest first.
fn last_of<'a>(trace: &'a [TraceEvent], task: &str) -> Vec<&'a TraceEvent> {
    let of_task = trace.iter().rev().filter(|event| event.task == task);
    let mut events: Vec<_> = of_task.take(REPORT_DIFF_EVENTS).collect();
    events.reverse();
    events
}

fn differing(left: &TraceEvent, right: &TraceEvent) -> Vec<&'static str> {
    let fields = [
        ("n", left.number == right.number),
        ("t", left.nanos == right.nanos),
        ("c", left.task == right.task),
        ("fuel", left.fuel == right.fuel),
        ("k", left.kind == right.kind),
        ("o", left.object == right.object),
        ("a", left.detail == right.detail),
        ("r", left.result == right.result),
    ];
    let differing = fields.into_iter().filter(|(_, is_equal)| !is_equal);
    differing.map(|(name, _)| name).collect()
}
