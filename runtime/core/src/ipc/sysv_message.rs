//! System V message queues: sysvipc(7), Linux `ipc/msg.c`.

use super::name::Create;
use super::sysv::Ids;
use super::wait::{Place, remove_waiter};
use super::{Attempt, Blocking, Caller, Error, Message, Namespace, Permissions, WaitId};
use crate::limits::{
    MESSAGE_OVERHEAD_BYTES, MSG_BYTES, MSG_BYTES_TOTAL, MSG_QUEUE_BYTES, MSG_QUEUES,
};
use crate::process::ProcessId;
use crate::time::Instant;
use std::collections::VecDeque;

/// The flags of msgrcv(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveHow {
    /// How long to wait; `IPC_NOWAIT` says `ENOMSG`.
    pub blocking: Blocking,
    /// `MSG_NOERROR`: cut a message that is too long instead of failing.
    pub no_error: bool,
    /// `MSG_EXCEPT`: any type but this.
    pub except: bool,
}

/// `struct msqid_ds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageQueueStatus {
    /// Key, id, mode.
    pub permissions: Permissions,
    /// `msg_stime`
    pub sent_at: Option<Instant>,
    /// `msg_rtime`
    pub received_at: Option<Instant>,
    /// `msg_ctime`
    pub changed_at: Instant,
    /// `msg_qnum`
    pub messages: u32,
    /// `msg_cbytes`
    pub bytes: u32,
    /// `msg_qbytes`
    pub bytes_max: u32,
    /// `msg_lspid`
    pub last_sender: Option<ProcessId>,
    /// `msg_lrpid`
    pub last_receiver: Option<ProcessId>,
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    ids: Ids<Queue>,
    /// Of all queued messages and those of waiting senders, overhead included.
    bytes: u64,
}

#[derive(Debug)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    bytes_max: u32,
    /// Each waits only while its message does not fit.
    senders: VecDeque<Sender>,
    /// Each waits only while no message is of its type.
    receivers: VecDeque<Receiver>,
    sent: Option<(Instant, ProcessId)>,
    received: Option<(Instant, ProcessId)>,
    changed_at: Instant,
}

#[derive(Debug)]
struct Sender {
    wait: WaitId,
    message: Message,
}

#[derive(Clone, Copy, Debug)]
struct Receiver {
    wait: WaitId,
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    max: usize,
    kind: i32,
    no_error: bool,
    except: bool,
}

impl Wanted {
    fn accepts(self, tag: i32) -> bool {
        match self.kind {
            0 => true,
            1.. if self.except => tag != self.kind,
            1.. => tag == self.kind,
            ..0 => tag <= self.kind.saturating_neg(),
        }
    }

    /// Whether the message is longer than asked for, and may not be cut.
    fn refuses(self, message: &Message) -> bool {
        message.bytes.len() > self.max && !self.no_error
    }

    fn cut(self, mut message: Message) -> Message {
        message.bytes.truncate(self.max);
        message
    }
}

impl Queue {
    fn fits(&self, bytes: usize) -> bool {
        let max = self.bytes_max as usize;
        self.bytes + bytes <= max && self.messages.len() < max
    }

    /// Which message a receiver gets: the first it accepts, or of the lowest type where it names a bound.
    fn position(&self, wanted: Wanted) -> Option<usize> {
        let accepted = self.messages.iter().enumerate();
        let mut accepted = accepted.filter(|(_, message)| wanted.accepts(message.tag));
        let found = if wanted.kind < 0 {
            accepted.min_by_key(|(_, message)| message.tag)
        } else {
            accepted.next()
        };
        found.map(|(position, _)| position)
    }
}

fn cost(bytes: usize) -> u64 {
    bytes as u64 + MESSAGE_OVERHEAD_BYTES
}

impl Namespace {
    /// msgget(2)
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `ENOSPC`: too many queues.
    pub fn msg_get(
        &mut self,
        by: Caller,
        key: i32,
        create: Create,
        mode: u32,
    ) -> Result<i32, Error> {
        if let Some(id) = self.messages.ids.find(key, create)? {
            return Ok(id);
        }
        let queue = Queue {
            messages: VecDeque::new(),
            bytes: 0,
            bytes_max: MSG_QUEUE_BYTES,
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
            sent: None,
            received: None,
            changed_at: by.now,
        };
        self.messages.ids.insert(key, mode, queue, MSG_QUEUES)
    }

    /// msgsnd(2)
    ///
    /// # Errors
    /// `EINVAL`: no such queue, type below 1, or too long; `EAGAIN`: it does not fit; `EIDRM`; `ENOMEM`: too many bytes in
    /// all queues.
    pub fn msg_send(
        &mut self,
        by: Caller,
        id: i32,
        message: Message,
        blocking: Blocking,
    ) -> Result<Attempt, Error> {
        if message.tag < 1 || message.bytes.len() > MSG_BYTES {
            return Err(Error::Invalid);
        }
        let queue = self.messages.ids.get_mut(id)?;
        let cost = cost(message.bytes.len());
        if self.messages.bytes + cost > MSG_BYTES_TOTAL {
            return Err(Error::NoMemory);
        }
        if !queue.fits(message.bytes.len()) {
            let wait = self.waits.block(by, Place::MessageSend(id), blocking)?;
            self.messages.bytes += cost;
            queue.senders.push_back(Sender { wait, message });
            return Ok(Attempt::Blocked(wait));
        }
        self.messages.bytes += cost;
        queue.sent = Some((by.now, by.process));
        self.msg_deliver(by.now, id, message);
        Ok(Attempt::done())
    }

    /// Gives a message to the first receiver that accepts it, else to the queue. A receiver it is too long for fails.
    fn msg_deliver(&mut self, now: Instant, id: i32, message: Message) {
        let Ok(queue) = self.messages.ids.get_mut(id) else {
            return;
        };
        while let Some(position) = queue
            .receivers
            .iter()
            .position(|receiver| receiver.wanted.accepts(message.tag))
            && let Some(receiver) = queue.receivers.remove(position)
        {
            if receiver.wanted.refuses(&message) {
                self.waits.complete(receiver.wait, Err(Error::TooBig));
                continue;
            }
            if let Some(process) = self.waits.process(receiver.wait) {
                queue.received = Some((now, process));
            }
            self.messages.bytes -= cost(message.bytes.len());
            let message = receiver.wanted.cut(message);
            self.waits.complete(receiver.wait, Ok(message));
            return;
        }
        queue.bytes += message.bytes.len();
        queue.messages.push_back(message);
    }

    /// msgrcv(2) of up to `max` bytes; `kind` is `msgtyp`.
    ///
    /// # Errors
    /// `EINVAL`: no such queue; `E2BIG`: longer than `max`, and it stays; `ENOMSG`: none, and told not to wait; `EIDRM`.
    pub fn msg_receive(
        &mut self,
        by: Caller,
        id: i32,
        max: u32,
        kind: i32,
        how: ReceiveHow,
    ) -> Result<Attempt, Error> {
        let queue = self.messages.ids.get_mut(id)?;
        let wanted = Wanted {
            max: max as usize,
            kind,
            no_error: how.no_error,
            except: how.except,
        };
        let Some(position) = queue.position(wanted) else {
            if how.blocking == Blocking::Never {
                return Err(Error::NoMessage);
            }
            let place = Place::MessageReceive(id);
            let wait = self.waits.block(by, place, how.blocking)?;
            queue.receivers.push_back(Receiver { wait, wanted });
            return Ok(Attempt::Blocked(wait));
        };
        if wanted.refuses(&queue.messages[position]) {
            return Err(Error::TooBig);
        }
        let message = queue.messages.remove(position).ok_or(Error::NoMessage)?;
        queue.bytes -= message.bytes.len();
        queue.received = Some((by.now, by.process));
        self.messages.bytes -= cost(message.bytes.len());
        self.msg_admit(by.now, id);
        Ok(Attempt::Done(wanted.cut(message)))
    }

    /// Lets waiting senders in, the longest waiting first; one whose message is still too long does not hold up the others.
    fn msg_admit(&mut self, now: Instant, id: i32) {
        while let Ok(queue) = self.messages.ids.get_mut(id)
            && let Some(position) = queue
                .senders
                .iter()
                .position(|sender| queue.fits(sender.message.bytes.len()))
            && let Some(sender) = queue.senders.remove(position)
        {
            if let Some(process) = self.waits.process(sender.wait) {
                queue.sent = Some((now, process));
            }
            self.waits.complete(sender.wait, Ok(Message::default()));
            self.msg_deliver(now, id, sender.message);
        }
    }

    /// `IPC_STAT`
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn msg_status(&self, id: i32) -> Result<MessageQueueStatus, Error> {
        let queue = self.messages.ids.get(id)?;
        Ok(MessageQueueStatus {
            permissions: self.messages.ids.permissions(id)?,
            sent_at: queue.sent.map(|(at, _)| at),
            received_at: queue.received.map(|(at, _)| at),
            changed_at: queue.changed_at,
            messages: queue.messages.len() as u32,
            bytes: queue.bytes as u32,
            bytes_max: queue.bytes_max,
            last_sender: queue.sent.map(|(_, process)| process),
            last_receiver: queue.received.map(|(_, process)| process),
        })
    }

    /// `IPC_SET`: the mode, and how many bytes it holds.
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`, `EPERM`: more than the system allows.
    pub fn msg_set(&mut self, by: Caller, id: i32, mode: u32, bytes_max: u32) -> Result<(), Error> {
        let queue = self.messages.ids.get_mut(id)?;
        if bytes_max > MSG_QUEUE_BYTES {
            return Err(Error::NotPermitted);
        }
        queue.bytes_max = bytes_max;
        queue.changed_at = by.now;
        self.messages.ids.set_mode(id, mode)?;
        self.msg_admit(by.now, id);
        Ok(())
    }

    /// `IPC_RMID`: who waits fails with `EIDRM`.
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn msg_remove(&mut self, id: i32) -> Result<(), Error> {
        let queue = self.messages.ids.remove(id)?;
        let queued = queue.messages.iter();
        let waiting = queue.senders.iter().map(|sender| &sender.message);
        let bytes: u64 = queued.chain(waiting).map(|m| cost(m.bytes.len())).sum();
        self.messages.bytes -= bytes;
        let senders = queue.senders.iter().map(|sender| sender.wait);
        let receivers = queue.receivers.iter().map(|receiver| receiver.wait);
        self.waits
            .fail_all(senders.chain(receivers), Error::IdentifierRemoved);
        Ok(())
    }

    pub(super) fn msg_cancel_send(&mut self, id: i32, wait: WaitId) {
        if let Ok(queue) = self.messages.ids.get_mut(id)
            && let Some(sender) = remove_waiter(&mut queue.senders, wait, |sender| sender.wait)
        {
            self.messages.bytes -= cost(sender.message.bytes.len());
        }
    }

    pub(super) fn msg_cancel_receive(&mut self, id: i32, wait: WaitId) {
        if let Ok(queue) = self.messages.ids.get_mut(id) {
            remove_waiter(&mut queue.receivers, wait, |receiver| receiver.wait);
        }
    }
}
