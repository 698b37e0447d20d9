//! POSIX message queues: mq_overview(7), Linux `ipc/mqueue.c`.
//!
//! Notification by signal (mq_notify(3)) is left out: guests have no asynchronous signals.

use super::handle::Target;
use super::name::{Found, Names};
use super::redelivery::Received;
use super::wait::{Place, remove_waiter};
use super::{
    Attempt, Blocking, Caller, Create, Error, Handle, Message, Namespace, OpenHow, QueueLook,
    WaitId,
};
use crate::limits::{
    MESSAGE_OVERHEAD_BYTES, MQUEUE_BYTES_TOTAL, MQUEUE_MESSAGE_BYTES, MQUEUE_MESSAGE_BYTES_DEFAULT,
    MQUEUE_MESSAGES, MQUEUE_MESSAGES_DEFAULT, MQUEUE_PRIORITIES, MQUEUES,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// How much a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MqueueLimits {
    /// `mq_maxmsg`
    pub messages: u32,
    /// `mq_msgsize`, in bytes.
    pub message_bytes: u32,
}

impl Default for MqueueLimits {
    fn default() -> Self {
        Self {
            messages: MQUEUE_MESSAGES_DEFAULT,
            message_bytes: MQUEUE_MESSAGE_BYTES_DEFAULT,
        }
    }
}

/// `struct mq_attr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MqueueAttributes {
    /// `mq_maxmsg`, `mq_msgsize`.
    pub limits: MqueueLimits,
    /// `mq_curmsgs`
    pub messages: u32,
    /// `O_NONBLOCK` in `mq_flags`.
    pub non_block: bool,
}

#[derive(Debug, Default)]
pub(super) struct Queues {
    names: Names,
    queues: BTreeMap<u64, Queue>,
    last: u64,
    bytes_reserved: u64,
    pub(super) keep_received: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    limits: MqueueLimits,
    messages: BinaryHeap<Queued>,
    last_message: u64,
    /// Messages that were accepted since it was made.
    sent: u64,
    /// Messages that were handed out since it was made.
    received: u64,
    /// They wait only while the queue is full.
    senders: VecDeque<Sender>,
    /// They wait only while the queue is empty.
    pub(super) receivers: VecDeque<WaitId>,
    /// For [`Namespace::redeliver`].
    pub(super) kept: Received,
    handles: u32,
    linked: bool,
}

/// Ordered by priority, then by age.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    priority: u32,
    number: Reverse<u64>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Sender {
    wait: WaitId,
    priority: u32,
    bytes: Vec<u8>,
}

impl Queues {
    pub(super) fn named(&self, name: &str) -> Option<&Queue> {
        match self.names.find(name, Create::No) {
            Ok(Found::Existing(id)) => self.queues.get(&id),
            Ok(Found::Missing) | Err(_) => None,
        }
    }

    pub(super) fn named_mut(&mut self, name: &str) -> Option<&mut Queue> {
        match self.names.find(name, Create::No) {
            Ok(Found::Existing(id)) => self.queues.get_mut(&id),
            Ok(Found::Missing) | Err(_) => None,
        }
    }
}

impl Queue {
    pub(super) fn push(&mut self, priority: u32, bytes: Vec<u8>) {
        assert!(!self.is_full());
        self.last_message += 1;
        self.messages.push(Queued {
            priority,
            number: Reverse(self.last_message),
            bytes,
        });
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= self.limits.messages as usize
    }
}

impl Namespace {
    /// mq_open(3). `limits` count for a queue this call makes.
    ///
    /// # Errors
    /// `EINVAL`, `ENOENT`, `EACCES`, `ENAMETOOLONG`: a wrong name; `EEXIST`; `EINVAL`: limits out of bounds; `ENOSPC`: too
    /// many queues; `EMFILE`: too many bytes in queues, or descriptors.
    pub fn mq_open(
        &mut self,
        by: Caller,
        name: &str,
        how: OpenHow,
        limits: Option<MqueueLimits>,
    ) -> Result<Handle, Error> {
        self.handles.check_room(by.process)?;
        let queue = match self.queues.names.find(name, how.create)? {
            Found::Existing(queue) => queue,
            Found::Missing => self.mq_create(name, limits.unwrap_or_default())?,
        };
        if let Some(queue) = self.queues.queues.get_mut(&queue) {
            queue.handles += 1;
        }
        let target = Target::Queue {
            queue,
            read: how.read,
            write: how.write,
            non_block: how.non_block,
        };
        Ok(self.handles.insert(by.process, target))
    }

    fn mq_create(&mut self, name: &str, limits: MqueueLimits) -> Result<u64, Error> {
        let queues = &mut self.queues;
        if !(1..=MQUEUE_MESSAGES).contains(&limits.messages)
            || !(1..=MQUEUE_MESSAGE_BYTES).contains(&limits.message_bytes)
        {
            return Err(Error::Invalid);
        }
        if queues.queues.len() >= MQUEUES {
            return Err(Error::NoSpace);
        }
        let reserved = queues.bytes_reserved + reservation(limits);
        if reserved > MQUEUE_BYTES_TOTAL {
            return Err(Error::TooManyOpen);
        }
        queues.bytes_reserved = reserved;
        queues.last += 1;
        let queue = Queue {
            limits,
            messages: BinaryHeap::new(),
            last_message: 0,
            sent: 0,
            received: 0,
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
            kept: Received::default(),
            handles: 0,
            linked: true,
        };
        queues.queues.insert(queues.last, queue);
        queues.names.insert(name, queues.last);
        Ok(queues.last)
    }

    /// mq_unlink(3): the name goes at once, the queue with its last descriptor.
    ///
    /// # Errors
    /// `ENOENT`, or a wrong name.
    pub fn mq_unlink(&mut self, name: &str) -> Result<(), Error> {
        let id = self.queues.names.remove(name)?;
        if let Some(queue) = self.queues.queues.get_mut(&id) {
            queue.linked = false;
        }
        self.mq_sweep(id);
        Ok(())
    }

    /// mq_getattr(3)
    ///
    /// # Errors
    /// When it is not the descriptor of a queue.
    pub fn mq_attributes(&self, handle: Handle) -> Result<MqueueAttributes, Error> {
        let Target::Queue {
            queue, non_block, ..
        } = self.handles.get(handle)?
        else {
            return Err(Error::BadDescriptor);
        };
        let queue = self.queues.queues.get(&queue).ok_or(Error::BadDescriptor)?;
        Ok(MqueueAttributes {
            limits: queue.limits,
            messages: u32::try_from(queue.messages.len()).unwrap_or(u32::MAX),
            non_block,
        })
    }

    /// mq_timedsend(3). A descriptor with `O_NONBLOCK` never waits.
    ///
    /// # Errors
    /// `EBADF`: not open for writing; `EMSGSIZE`; `EINVAL`: no such priority; `EAGAIN`, `ETIMEDOUT`: it is full.
    pub fn mq_send(
        &mut self,
        by: Caller,
        handle: Handle,
        bytes: Vec<u8>,
        priority: u32,
        blocking: Blocking,
    ) -> Result<Attempt, Error> {
        let Target::Queue {
            queue: id,
            write: true,
            non_block,
            ..
        } = self.handles.get(handle)?
        else {
            return Err(Error::BadDescriptor);
        };
        let queue = self.queues.queues.get_mut(&id);
        let queue = queue.ok_or(Error::BadDescriptor)?;
        if priority >= MQUEUE_PRIORITIES {
            return Err(Error::Invalid);
        }
        if bytes.len() > queue.limits.message_bytes as usize {
            return Err(Error::MessageSize);
        }
        if let Some(receiver) = queue.receivers.pop_front() {
            assert!(queue.messages.is_empty());
            queue.sent += 1;
            if self.queues.keep_received {
                queue.kept.push(priority, &bytes);
            }
            queue.received += 1;
            self.waits.complete(receiver, Ok(message(priority, bytes)));
        } else if queue.is_full() {
            let blocking = if non_block { Blocking::Never } else { blocking };
            let wait = self.waits.block(by, Place::MqueueSend(id), blocking)?;
            queue.senders.push_back(Sender {
                wait,
                priority,
                bytes,
            });
            return Ok(Attempt::Blocked(wait));
        } else {
            queue.sent += 1;
            queue.push(priority, bytes);
        }
        Ok(Attempt::done())
    }

    /// Puts a message into a queue from outside of the pod, where nobody can wait.
    ///
    /// # Errors
    /// `ENOENT`, or a wrong name; `EMSGSIZE`; `EINVAL`: no such priority; `EAGAIN`: it is full.
    pub fn mq_publish(&mut self, name: &str, bytes: Vec<u8>, priority: u32) -> Result<(), Error> {
        let Found::Existing(id) = self.queues.names.find(name, Create::No)? else {
            return Err(Error::NoEntry);
        };
        let queue = self.queues.queues.get_mut(&id).ok_or(Error::NoEntry)?;
        if priority >= MQUEUE_PRIORITIES {
            return Err(Error::Invalid);
        }
        if bytes.len() > queue.limits.message_bytes as usize {
            return Err(Error::MessageSize);
        }
        if let Some(receiver) = queue.receivers.pop_front() {
            queue.received += 1;
            self.waits.complete(receiver, Ok(message(priority, bytes)));
        } else if queue.is_full() {
            return Err(Error::Again);
        } else {
            queue.push(priority, bytes);
        }
        queue.sent += 1;
        Ok(())
    }

    /// What there is to see of a queue, by its name; `None` when none has it.
    pub fn look_at_queue(&self, name: &str) -> Option<QueueLook> {
        let id = self.queues.names.get(name)?;
        let queue = self.queues.queues.get(&id)?;
        Some(QueueLook {
            depth: queue.messages.len(),
            sent: queue.sent,
            received: queue.received,
            senders: queue.senders.len(),
            receivers: queue.receivers.len(),
        })
    }

    /// mq_timedreceive(3): the oldest message of the highest priority. `max` is the size of the caller's buffer.
    ///
    /// # Errors
    /// `EBADF`: not open for reading; `EMSGSIZE`: the buffer is smaller than the queue's messages may be; `EAGAIN`,
    /// `ETIMEDOUT`: it is empty.
    pub fn mq_receive(
        &mut self,
        by: Caller,
        handle: Handle,
        max: u32,
        blocking: Blocking,
    ) -> Result<Attempt, Error> {
        let Target::Queue {
            queue: id,
            read: true,
            non_block,
            ..
        } = self.handles.get(handle)?
        else {
            return Err(Error::BadDescriptor);
        };
        let queue = self.queues.queues.get_mut(&id);
        let queue = queue.ok_or(Error::BadDescriptor)?;
        if max < queue.limits.message_bytes {
            return Err(Error::MessageSize);
        }
        let Some(first) = queue.messages.pop() else {
            let blocking = if non_block { Blocking::Never } else { blocking };
            let wait = self.waits.block(by, Place::MqueueReceive(id), blocking)?;
            queue.receivers.push_back(wait);
            return Ok(Attempt::Blocked(wait));
        };
        queue.received += 1;
        if let Some(sender) = queue.senders.pop_front() {
            queue.sent += 1;
            queue.push(sender.priority, sender.bytes);
            self.waits.complete(sender.wait, Ok(Message::default()));
        }
        if self.queues.keep_received {
            queue.kept.push(first.priority, &first.bytes);
        }
        Ok(Attempt::Done(message(first.priority, first.bytes)))
    }

    pub(super) fn mq_cancel_send(&mut self, id: u64, wait: WaitId) {
        if let Some(queue) = self.queues.queues.get_mut(&id) {
            remove_waiter(&mut queue.senders, wait, |sender| sender.wait);
        }
    }

    pub(super) fn mq_cancel_receive(&mut self, id: u64, wait: WaitId) {
        if let Some(queue) = self.queues.queues.get_mut(&id) {
            remove_waiter(&mut queue.receivers, wait, |receiver| *receiver);
        }
    }

    pub(super) fn mq_release(&mut self, id: u64) {
        if let Some(queue) = self.queues.queues.get_mut(&id) {
            queue.handles -= 1;
        }
        self.mq_sweep(id);
    }

    fn mq_sweep(&mut self, id: u64) {
        let queues = &mut self.queues;
        if let Some(queue) = queues.queues.get(&id)
            && queue.handles == 0
            && !queue.linked
        {
            queues.bytes_reserved -= reservation(queue.limits);
            queues.queues.remove(&id);
        }
    }
}

fn reservation(limits: MqueueLimits) -> u64 {
    u64::from(limits.messages) * (u64::from(limits.message_bytes) + MESSAGE_OVERHEAD_BYTES)
}

pub(super) fn message(priority: u32, bytes: Vec<u8>) -> Message {
    Message {
        bytes,
        // Checked when it was sent.
        tag: i32::try_from(priority).unwrap_or(i32::MAX),
    }
}
