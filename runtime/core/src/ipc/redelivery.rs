//! Messages that come again, for tests: what a consumer of an at-least-once queue must be ready for.

use super::Namespace;
use super::mqueue::message;
use crate::limits::MQUEUE_MESSAGES_KEPT;

impl Namespace {
    /// From now on, what is received from POSIX queues is kept for [`redeliver`](Self::redeliver): the last messages of
    /// each.
    pub fn keep_received(&mut self) {
        self.queues.keep_received = true;
    }

    /// Whether a message of this queue can come again now: one was received since the last that did, and the queue has
    /// room.
    pub fn can_redeliver(&self, name: &str) -> bool {
        let queue = self.queues.named(name);
        queue.is_some_and(|queue| !queue.kept.is_empty() && !queue.is_full())
    }

    /// The message that was received last is in its queue again, behind others of its priority. Whether there was one, and
    /// room for it.
    pub fn redeliver(&mut self, name: &str) -> bool {
        let Some(queue) = self.queues.named_mut(name) else {
            return false;
        };
        if queue.is_full() {
            return false;
        }
        let Some((priority, bytes)) = queue.kept.pop_back() else {
            return false;
        };
        match queue.receivers.pop_front() {
            Some(receiver) => self.waits.complete(receiver, Ok(message(priority, bytes))),
            None => queue.push(priority, bytes),
        }
        true
    }
}

/// The last messages that were received from a queue.
#[derive(Debug, Default)]
pub(super) struct Received(std::collections::VecDeque<(u32, Vec<u8>)>);

impl Received {
    pub(super) fn push(&mut self, priority: u32, bytes: &[u8]) {
        if self.0.len() >= MQUEUE_MESSAGES_KEPT {
            self.0.pop_front();
        }
        self.0.push_back((priority, bytes.to_vec()));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn pop_back(&mut self) -> Option<(u32, Vec<u8>)> {
        self.0.pop_back()
    }
}
