//! Calls that wait: one table for every kind of object.

use super::{Error, Namespace};
use crate::process::ProcessId;
use crate::time::{Instant, TimerId, Timers};
use std::collections::{BTreeMap, VecDeque};
use std::task::{Poll, Waker};

/// Names one call that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitId(u64);

/// How long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// It fails instead: `O_NONBLOCK`, `IPC_NOWAIT`.
    Never,
    /// Until it can go on.
    Forever,
    /// Until this instant.
    Until(Instant),
}

/// What a call brings; empty for one that brings nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub bytes: Vec<u8>,
    /// Priority of a POSIX message, type of a System V one.
    pub tag: i32,
}

/// How far a call got that may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Attempt {
    /// It is done.
    Done(Message),
    /// It waits; ask [`Namespace::poll_wait`].
    Blocked(WaitId),
}

impl Attempt {
    pub(super) fn done() -> Self {
        Self::Done(Message::default())
    }
}

/// In which queue a call waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    MqueueSend(u64),
    MqueueReceive(u64),
    Semaphore(u64),
    MessageSend(i32),
    MessageReceive(i32),
    Set(i32),
}

/// Every call that waits. A process is in one call at a time, so `PROCESSES_PER_POD` bounds it.
#[derive(Debug, Default)]
pub(super) struct Waits {
    waits: BTreeMap<WaitId, Wait>,
    last: u64,
}

#[derive(Debug)]
struct Wait {
    process: ProcessId,
    place: Place,
    outcome: Option<Result<Message, Error>>,
    waker: Option<Waker>,
    deadline: Option<Instant>,
    timer: Option<TimerId>,
}

impl Waits {
    /// Begins to wait, or says why it will not.
    pub(super) fn block(
        &mut self,
        by: super::Caller,
        place: Place,
        blocking: Blocking,
    ) -> Result<WaitId, Error> {
        let deadline = match blocking {
            Blocking::Never => return Err(Error::Again),
            Blocking::Forever => None,
            Blocking::Until(deadline) if deadline <= by.now => return Err(timed_out(place)),
            Blocking::Until(deadline) => Some(deadline),
        };
        self.last += 1;
        let id = WaitId(self.last);
        let wait = Wait {
            process: by.process,
            place,
            outcome: None,
            waker: None,
            deadline,
            timer: None,
        };
        self.waits.insert(id, wait);
        Ok(id)
    }

    /// Ends a wait with its outcome and wakes who waits. Whoever calls has taken it out of the queue of its object.
    pub(super) fn complete(&mut self, id: WaitId, outcome: Result<Message, Error>) {
        if let Some(wait) = self.waits.get_mut(&id) {
            assert!(wait.outcome.is_none(), "a wait ends once");
            wait.outcome = Some(outcome);
            if let Some(waker) = wait.waker.take() {
                waker.wake();
            }
        }
    }

    /// Ends all waits of a queue in the same way.
    pub(super) fn fail_all(&mut self, ids: impl IntoIterator<Item = WaitId>, error: Error) {
        for id in ids {
            self.complete(id, Err(error));
        }
    }

    pub(super) fn process(&self, id: WaitId) -> Option<ProcessId> {
        self.waits.get(&id).map(|wait| wait.process)
    }
}

/// `semtimedop` says that its time is over as if it had not waited; the POSIX calls have a word for it.
fn timed_out(place: Place) -> Error {
    match place {
        Place::Set(_) => Error::Again,
        Place::MqueueSend(_)
        | Place::MqueueReceive(_)
        | Place::Semaphore(_)
        | Place::MessageSend(_)
        | Place::MessageReceive(_) => Error::TimedOut,
    }
}

impl Namespace {
    /// The outcome of a call that waits; forgets it once told. `waker` is called when it is worth asking again.
    pub fn poll_wait(
        &mut self,
        timers: &mut Timers,
        now: Instant,
        id: WaitId,
        waker: &Waker,
    ) -> Poll<Result<Message, Error>> {
        let Some(wait) = self.waits.waits.get_mut(&id) else {
            return Poll::Ready(Err(Error::Invalid));
        };
        if let Some(outcome) = wait.outcome.take() {
            self.forget(timers, id);
            return Poll::Ready(outcome);
        }
        if let Some(deadline) = wait.deadline {
            if deadline <= now {
                let error = timed_out(wait.place);
                self.cancel(timers, id);
                return Poll::Ready(Err(error));
            }
            match wait.timer {
                Some(timer) => timers.update(deadline, timer, waker),
                None => wait.timer = Some(timers.register(deadline, waker.clone())),
            }
        }
        match &mut wait.waker {
            Some(old) => old.clone_from(waker),
            None => wait.waker = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// Stops waiting. If the outcome had been decided it stays so, as on Linux for a process that is killed just then.
    pub fn cancel(&mut self, timers: &mut Timers, id: WaitId) {
        let Some(wait) = self.forget(timers, id) else {
            return;
        };
        if wait.outcome.is_none() {
            self.leave(wait.place, id);
        }
    }

    /// Ends the waits of a process that has ended; who polled them still has to cancel.
    pub(super) fn abandon_waits(&mut self, process: ProcessId) {
        let waits = self.waits.waits.iter();
        let waiting = waits.filter(|(_, w)| w.process == process && w.outcome.is_none());
        let waiting: Vec<_> = waiting.map(|(id, wait)| (*id, wait.place)).collect();
        for (id, place) in waiting {
            self.leave(place, id);
            self.waits.complete(id, Err(Error::Interrupted));
        }
    }

    fn leave(&mut self, place: Place, id: WaitId) {
        match place {
            Place::MqueueSend(queue) => self.mq_cancel_send(queue, id),
            Place::MqueueReceive(queue) => self.mq_cancel_receive(queue, id),
            Place::Semaphore(semaphore) => self.semaphore_cancel(semaphore, id),
            Place::MessageSend(queue) => self.msg_cancel_send(queue, id),
            Place::MessageReceive(queue) => self.msg_cancel_receive(queue, id),
            Place::Set(set) => self.set_cancel(set, id),
        }
    }

    fn forget(&mut self, timers: &mut Timers, id: WaitId) -> Option<Wait> {
        let wait = self.waits.waits.remove(&id)?;
        if let (Some(deadline), Some(timer)) = (wait.deadline, wait.timer) {
            timers.cancel(deadline, timer);
        }
        Some(wait)
    }
}

/// Takes one wait out of the queue of an object.
pub(super) fn remove_waiter<T>(
    queue: &mut VecDeque<T>,
    id: WaitId,
    of: impl Fn(&T) -> WaitId,
) -> Option<T> {
    let position = queue.iter().position(|waiter| of(waiter) == id)?;
    queue.remove(position)
}
