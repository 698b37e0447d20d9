//! Message queues, POSIX and System V.

use super::bindings::seedpod::ipc::types::OpenFlags;
use super::bindings::seedpod::ipc::{message_queues, system_v_messages};
use super::{
    CallError, OpenHandle, create, id_of, id_op, ipc_name, key_freed, key_op, name_access,
    open_how, permissions,
};
use crate::guest::Guest;
use seedpod_core::ipc::{Blocking, Message, MqueueLimits, ReceiveHow};
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::ObjectKind::{QueueCount, QueueHead, QueueTail};
use seedpod_core::sched::{Access, Object, Op};
use wasmtime::component::Resource;

impl Guest {
    fn mq_blocking(&self, deadline: Option<u64>) -> Blocking {
        deadline.map_or(Blocking::Forever, |nanos| {
            Blocking::Until(self.ipc_deadline(nanos))
        })
    }
}

/// Messages enter at one end and leave at the other: the two commute, unless the order of priorities or the number of
/// messages decides what a call does.
impl Guest {
    fn mq_send_op(&self, open: &OpenHandle, priority: u32) -> Op {
        let op = self
            .mq_count(mq_op("mq.send", open), open)
            .touch(QueueTail, id(open), Write);
        match priority {
            0 => op,
            _ => op.touch(QueueHead, id(open), Write),
        }
    }

    fn mq_receive_op(&self, open: &OpenHandle) -> Op {
        self.mq_count(mq_op("mq.receive", open), open)
            .touch(QueueHead, id(open), Write)
    }

    fn mq_count(&self, op: Op, open: &OpenHandle) -> Op {
        let attributes = self.ipc(|ipc, _| ipc.mq_attributes(open.handle));
        match attributes.is_ok_and(|attributes| attributes.non_block) {
            true => op.touch(QueueCount, id(open), Write),
            false => op.touch(QueueCount, id(open), Add),
        }
    }
}

fn mq_op(call: &'static str, open: &OpenHandle) -> Op {
    Op {
        handed: true,
        ..Op::local(call).on(format!("mq:{}", open.name))
    }
}

fn id(open: &OpenHandle) -> u64 {
    Object::named(QueueHead, &open.name).id
}

impl message_queues::HostDescriptor for Guest {
    async fn send(
        &mut self,
        descriptor: Resource<OpenHandle>,
        message: Vec<u8>,
        priority: u32,
        deadline: Option<u64>,
    ) -> Result<(), CallError> {
        let open = self.table.get(&descriptor)?;
        let handle = open.handle;
        let turn = self.enter(|guest| Some(guest.mq_send_op(open, priority)));
        turn.await;
        let blocking = self.mq_blocking(deadline);
        let sent = self
            .ipc_wait(|ipc, by| ipc.mq_send(by, handle, message, priority, blocking))
            .await;
        self.leave(&sent);
        sent.map(drop)
    }

    async fn receive(
        &mut self,
        descriptor: Resource<OpenHandle>,
        max: u32,
        deadline: Option<u64>,
    ) -> Result<(Vec<u8>, u32), CallError> {
        let open = self.table.get(&descriptor)?;
        let handle = open.handle;
        let turn = self.enter(|guest| Some(guest.mq_receive_op(open)));
        turn.await;
        let blocking = self.mq_blocking(deadline);
        let received = self
            .ipc_wait(|ipc, by| ipc.mq_receive(by, handle, max, blocking))
            .await;
        self.leave(&received);
        let message = received?;
        Ok((message.bytes, message.tag.unsigned_abs()))
    }

    async fn attributes(
        &mut self,
        descriptor: Resource<OpenHandle>,
    ) -> wasmtime::Result<message_queues::Attributes> {
        let open = self.table.get(&descriptor)?;
        let turn =
            self.enter(|_| Some(mq_op("mq.getattr", open).touch(QueueCount, id(open), Read)));
        turn.await;
        let handle = self.table.get(&descriptor)?.handle;
        let attributes = self.ipc(|ipc, _| ipc.mq_attributes(handle))?;
        Ok(message_queues::Attributes {
            limits: message_queues::Limits {
                messages_max: attributes.limits.messages,
                message_size_max: attributes.limits.message_bytes,
            },
            non_block: attributes.non_block,
            messages: attributes.messages,
        })
    }

    fn set_non_block(
        &mut self,
        descriptor: Resource<OpenHandle>,
        non_block: bool,
    ) -> wasmtime::Result<()> {
        let handle = self.table.get(&descriptor)?.handle;
        Ok(self.ipc(|ipc, _| ipc.mq_set_non_block(handle, non_block))?)
    }

    fn drop(&mut self, descriptor: Resource<OpenHandle>) -> wasmtime::Result<()> {
        self.table.delete(descriptor)?;
        Ok(())
    }
}

impl message_queues::Host for Guest {
    async fn open(
        &mut self,
        name: String,
        how: OpenFlags,
        limits: Option<message_queues::Limits>,
    ) -> Result<Resource<OpenHandle>, CallError> {
        let access = name_access(how);
        let turn = self.enter(|_| Some(ipc_name("mq.open", "mq", &name, access)));
        turn.await;
        let limits = limits.map(|limits| MqueueLimits {
            messages: limits.messages_max,
            message_bytes: limits.message_size_max,
        });
        let opened = self.ipc(|ipc, by| ipc.mq_open(by, &name, open_how(how), limits));
        self.leave(&opened);
        Ok(self.table.push(self.ipc_handle(opened?, name))?)
    }

    async fn unlink(&mut self, name: String) -> Result<(), CallError> {
        let turn = self.enter(|_| Some(ipc_name("mq.unlink", "mq", &name, Write)));
        turn.await;
        let unlinked = self.ipc(|ipc, _| ipc.mq_unlink(&name));
        self.leave(&unlinked);
        Ok(unlinked?)
    }
}

impl system_v_messages::Host for Guest {
    async fn get(&mut self, key: i32, how: OpenFlags, mode: u32) -> Result<i32, CallError> {
        let turn = self.enter(|_| key_op("msgget", "msgkey", key, how));
        turn.await;
        let got = self.ipc(|ipc, by| ipc.msg_get(by, key, create(how), mode));
        self.leave(&got);
        Ok(got?)
    }

    async fn send(
        &mut self,
        id: i32,
        kind: i32,
        message: Vec<u8>,
        no_wait: bool,
    ) -> Result<(), CallError> {
        let op = msg_op("msgsnd", id, no_wait).touch(QueueTail, id_of(MSG, id), Write);
        self.enter(|_| Some(op)).await;
        let message = Message {
            bytes: message,
            tag: kind,
        };
        let sent = self
            .ipc_wait(|ipc, by| ipc.msg_send(by, id, message, blocking(no_wait)))
            .await;
        self.leave(&sent);
        sent.map(drop)
    }

    async fn receive(
        &mut self,
        id: i32,
        max: u32,
        kind: i32,
        how: system_v_messages::ReceiveFlags,
    ) -> Result<(Vec<u8>, i32), CallError> {
        use system_v_messages::ReceiveFlags;
        let no_wait = how.contains(ReceiveFlags::NO_WAIT);
        let mut op = msg_op("msgrcv", id, no_wait).touch(QueueHead, id_of(MSG, id), Write);
        if kind < 0 {
            // The lowest type goes first, so one that is just sent may.
            op = op.touch(QueueTail, id_of(MSG, id), Write);
        }
        self.enter(|_| Some(op)).await;
        let how = ReceiveHow {
            blocking: blocking(no_wait),
            no_error: how.contains(ReceiveFlags::NO_ERROR),
            except: how.contains(ReceiveFlags::EXCEPT),
        };
        let received = self
            .ipc_wait(|ipc, by| ipc.msg_receive(by, id, max, kind, how))
            .await;
        self.leave(&received);
        let message = received?;
        Ok((message.bytes, message.tag))
    }

    async fn status(&mut self, id: i32) -> Result<system_v_messages::QueueStatus, CallError> {
        let op = msg_all("msgctl.stat", id, Read);
        self.enter(|_| Some(op)).await;
        let status = self.ipc(|ipc, _| ipc.msg_status(id));
        self.leave(&status);
        let status = status?;
        Ok(system_v_messages::QueueStatus {
            permissions: permissions(status.permissions),
            sent_at: self.ipc_seconds(status.sent_at),
            received_at: self.ipc_seconds(status.received_at),
            changed_at: self.ipc_seconds(Some(status.changed_at)),
            messages: status.messages,
            bytes: status.bytes,
            bytes_max: status.bytes_max,
            last_sender: self.ipc_pid(status.last_sender),
            last_receiver: self.ipc_pid(status.last_receiver),
        })
    }

    async fn set(&mut self, id: i32, mode: u32, bytes_max: u32) -> Result<(), CallError> {
        let op = msg_all("msgctl.set", id, Write);
        self.enter(|_| Some(op)).await;
        let set = self.ipc(|ipc, by| ipc.msg_set(by, id, mode, bytes_max));
        self.leave(&set);
        Ok(set?)
    }

    async fn remove(&mut self, id: i32) -> Result<(), CallError> {
        let key = self.ipc(|ipc, _| ipc.msg_status(id).map(|status| status.permissions.key));
        let op = key_freed(msg_all("msgctl.rmid", id, Write), "msgkey", key);
        self.enter(|_| Some(op)).await;
        let removed = self.ipc(|ipc, _| ipc.msg_remove(id));
        self.leave(&removed);
        Ok(removed?)
    }
}

const MSG: &str = "msg";

/// Who will not wait looks at how many there are.
fn msg_op(call: &'static str, id: i32, no_wait: bool) -> Op {
    let op = Op {
        handed: true,
        ..id_op(call, MSG, id)
    };
    op.touch(
        QueueCount,
        id_of(MSG, id),
        if no_wait { Write } else { Add },
    )
}

fn msg_all(call: &'static str, id: i32, access: Access) -> Op {
    [QueueHead, QueueTail, QueueCount]
        .into_iter()
        .fold(id_op(call, MSG, id), |op, kind| {
            op.touch(kind, id_of(MSG, id), access)
        })
}

fn blocking(no_wait: bool) -> Blocking {
    if no_wait {
        Blocking::Never
    } else {
        Blocking::Forever
    }
}
