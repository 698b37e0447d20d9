//! What the pod wants done and nobody has taken yet: the core puts in, the engine takes out.

use super::event::{Action, ContainerId, EventReason, EventType, PodEvent};
use std::collections::VecDeque;

/// Grows by a few actions per event and container; the engine empties it every turn.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    actions: VecDeque<Action>,
}

impl Outbox {
    pub(super) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(super) fn emit(
        &mut self,
        type_: EventType,
        reason: EventReason,
        message: impl Into<String>,
        container: Option<ContainerId>,
    ) {
        self.act(Action::Emit(PodEvent {
            type_,
            reason,
            message: message.into(),
            container,
        }));
    }

    pub(super) fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
