//! Which events hand something on to which: from whoever sends to whoever receives.

use seedpod_core::trace::TraceEvent;
use std::collections::{BTreeMap, VecDeque};

/// How a call uses what it is called on, as far as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Puts something there that another takes.
    In,
    /// Takes something from there.
    Out,
    /// Neither.
    Other,
}

/// The last word of a call's name decides: `mq.send`, `tcp.read`.
pub(super) fn way(kind: &str) -> Way {
    let verb = kind.rsplit(['.', '-']).next().unwrap_or(kind);
    match verb {
        "send" | "write" | "publish" | "post" | "append" | "signal" | "rename" | "kill"
        | "connect" => Way::In,
        "receive" | "recv" | "read" | "wait" | "accept" | "consume" => Way::Out,
        _ => Way::Other,
    }
}

/// Pairs of positions in the trace: what the first handed on, the second took. Things leave in the order they came; where
/// one call takes what several brought, as from a pipe, the last of them counts.
pub(super) fn links(trace: &[TraceEvent]) -> Vec<(usize, usize)> {
    let mut waiting: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
    let mut links = Vec::new();
    for (index, event) in trace.iter().enumerate() {
        if event.object.is_empty() || !matches!(event.result.as_str(), "" | "ok") {
            continue;
        }
        match way(&event.kind) {
            Way::In => {
                let queue = waiting.entry(&event.object).or_default();
                // What nobody takes, as in a file that is only written, need not be remembered for ever.
                if !is_message(&event.kind) {
                    queue.clear();
                }
                queue.push_back(index);
            }
            Way::Out => {
                let Some(queue) = waiting.get_mut(event.object.as_str()) else {
                    continue;
                };
                let own = |index: &usize| trace[*index].task == event.task;
                if let Some(at) = queue.iter().position(|index| !own(index)) {
                    links.extend(queue.remove(at).map(|sent| (sent, index)));
                }
            }
            Way::Other => {}
        }
    }
    links
}

/// Whether what a call puts somewhere stays apart from what others put there.
fn is_message(kind: &str) -> bool {
    matches!(
        kind.rsplit(['.', '-']).next(),
        Some("send" | "publish" | "post" | "connect")
    )
}
