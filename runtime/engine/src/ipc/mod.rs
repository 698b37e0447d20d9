//! `seedpod:ipc`: each call asks the pod's IPC namespace, and waits in it where it must.

mod memory;
mod messages;
mod semaphore_sets;
mod semaphores;

use crate::calls::ErrorName;
use crate::guest::{Guest, PodCell};
use bindings::seedpod::ipc::types;
use seedpod_core::ipc::{
    self, Attempt, Blocking, Caller, Create, Handle, Message, OpenHow, WaitId,
};
use seedpod_core::kernel::Kernel;
use seedpod_core::process::ProcessId;
use seedpod_core::sched::{Access, Object, ObjectKind, Op};
use seedpod_core::time::Instant;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../guests/sdk/wit/ipc.wit",
        world: "seedpod:ipc/ipc",
        imports: {
            "seedpod:ipc/message-queues.open": async | trappable,
            "seedpod:ipc/message-queues.unlink": async | trappable,
            "seedpod:ipc/message-queues.[method]descriptor.send": async | trappable,
            "seedpod:ipc/message-queues.[method]descriptor.receive": async | trappable,
            "seedpod:ipc/message-queues.[method]descriptor.attributes": async | trappable,
            "seedpod:ipc/semaphores.open": async | trappable,
            "seedpod:ipc/semaphores.unlink": async | trappable,
            "seedpod:ipc/semaphores.[method]semaphore.post": async | trappable,
            "seedpod:ipc/semaphores.[method]semaphore.wait": async | trappable,
            "seedpod:ipc/semaphores.[method]semaphore.value": async | trappable,
            "seedpod:ipc/semaphores.post": async | trappable,
            "seedpod:ipc/semaphores.wait": async | trappable,
            "seedpod:ipc/semaphores.value": async | trappable,
            "seedpod:ipc/system-v-messages.get": async | trappable,
            "seedpod:ipc/system-v-messages.status": async | trappable,
            "seedpod:ipc/system-v-messages.set": async | trappable,
            "seedpod:ipc/system-v-messages.remove": async | trappable,
            "seedpod:ipc/system-v-semaphores.get": async | trappable,
            "seedpod:ipc/system-v-semaphores.values": async | trappable,
            "seedpod:ipc/system-v-semaphores.set-values": async | trappable,
            "seedpod:ipc/system-v-semaphores.describe": async | trappable,
            "seedpod:ipc/system-v-semaphores.set-value": async | trappable,
            "seedpod:ipc/system-v-semaphores.status": async | trappable,
            "seedpod:ipc/system-v-semaphores.set": async | trappable,
            "seedpod:ipc/system-v-semaphores.remove": async | trappable,
            "seedpod:ipc/system-v-memory.get": async | trappable,
            "seedpod:ipc/system-v-memory.attach": async | trappable,
            "seedpod:ipc/system-v-memory.status": async | trappable,
            "seedpod:ipc/system-v-memory.set": async | trappable,
            "seedpod:ipc/system-v-memory.remove": async | trappable,
            "seedpod:ipc/shared-memory.open": async | trappable,
            "seedpod:ipc/shared-memory.unlink": async | trappable,
            "seedpod:ipc/shared-memory.[method]object.exchange": async | trappable,
            "seedpod:ipc/shared-memory.[method]object.read": async | trappable,
            "seedpod:ipc/shared-memory.[method]object.write": async | trappable,
            "seedpod:ipc/shared-memory.[method]object.size": async | trappable,
            "seedpod:ipc/shared-memory.[method]object.resize": async | trappable,
            "seedpod:ipc/semaphores.destroy": async | trappable,
            "seedpod:ipc/system-v-messages.send": async | trappable,
            "seedpod:ipc/system-v-messages.receive": async | trappable,
            "seedpod:ipc/system-v-semaphores.operate": async | trappable,
            default: trappable,
        },
        trappable_error_type: {
            "seedpod:ipc/types.error" => super::CallError,
        },
        with: {
            "seedpod:ipc/message-queues.descriptor": super::OpenHandle,
            "seedpod:ipc/semaphores.semaphore": super::OpenHandle,
            "seedpod:ipc/shared-memory.object": super::OpenHandle,
        },
        require_store_data_send: true,
    });
}

/// Lets a guest import `seedpod:ipc`.
///
/// # Errors
/// When something else has the same name in this linker.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    bindings::Ipc::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

/// What a call failed with, or why the guest must trap.
#[derive(Debug)]
pub enum CallError {
    /// The guest sees it.
    Failed(ipc::Error),
    /// A handle that is none of the guest's.
    Trap(wasmtime::Error),
}

impl From<ipc::Error> for CallError {
    fn from(error: ipc::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<wasmtime::component::ResourceTableError> for CallError {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

/// An open queue, semaphore or memory object; closes when it is dropped.
pub struct OpenHandle {
    pod: Arc<PodCell>,
    handle: Handle,
    /// What it was opened by, for traces.
    name: String,
}

impl Drop for OpenHandle {
    fn drop(&mut self) {
        let now = self.pod.now();
        self.pod.with(|kernel| kernel.ipc.close(self.handle, now));
    }
}

/// A call that waits; leaves its queue when it is dropped, which is how a killed process stops waiting.
struct Waiting<'a> {
    pod: &'a PodCell,
    id: WaitId,
}

impl Waiting<'_> {
    async fn outcome(&self, process: ProcessId) -> Result<Message, ipc::Error> {
        poll_fn(|context| {
            let now = self.pod.now();
            self.pod.with(|kernel| {
                let waker = context.waker();
                let outcome = kernel
                    .ipc
                    .poll_wait(&mut kernel.timers, now, self.id, waker);
                if outcome.is_pending() && kernel.processes.poll_signal(process, waker).is_ready() {
                    return Poll::Ready(Err(ipc::Error::Interrupted));
                }
                outcome
            })
        })
        .await
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.pod
            .with(|kernel| kernel.ipc.cancel(&mut kernel.timers, self.id));
    }
}

impl Guest {
    /// One call into the IPC namespace.
    fn ipc<R>(&self, call: impl FnOnce(&mut ipc::Namespace, Caller) -> R) -> R {
        let by = self.ipc_caller();
        self.pod.with(|kernel| call(&mut kernel.ipc, by))
    }

    fn ipc_caller(&self) -> Caller {
        Caller {
            process: self.process,
            now: self.pod.now(),
        }
    }

    /// One call into the IPC namespace that may wait.
    async fn ipc_wait(
        &mut self,
        call: impl FnOnce(&mut ipc::Namespace, Caller) -> Result<Attempt, ipc::Error>,
    ) -> Result<Message, CallError> {
        match self.ipc(call)? {
            Attempt::Done(message) => Ok(message),
            Attempt::Blocked(id) => {
                let waiting = Waiting { pod: &self.pod, id };
                Ok(waiting.outcome(self.process).await?)
            }
        }
    }

    fn ipc_handle(&self, handle: Handle, name: String) -> OpenHandle {
        OpenHandle {
            pod: self.pod.clone(),
            handle,
            name,
        }
    }

    /// A point of the calendar, which is how `CLOCK_REALTIME` deadlines come, on the clock of the pod.
    fn ipc_deadline(&self, unix_nanos: u64) -> Instant {
        let wall = self.wall_time().as_unix_nanos();
        self.pod.now() + Duration::from_nanos(unix_nanos.saturating_sub(wall))
    }

    fn ipc_blocking(&self, how: types::Blocking) -> Blocking {
        match how {
            types::Blocking::Never => Blocking::Never,
            types::Blocking::Forever => Blocking::Forever,
            types::Blocking::Until(nanos) => Blocking::Until(self.ipc_deadline(nanos)),
            types::Blocking::Within(nanos) => {
                Blocking::Until(self.pod.now() + Duration::from_nanos(nanos))
            }
        }
    }

    /// Whole seconds since 1970, as System V status structures tell time; 0 for never.
    fn ipc_seconds(&self, at: Option<Instant>) -> u64 {
        let Some(at) = at else { return 0 };
        let ago = self.pod.now().saturating_since(at).as_nanos();
        let wall = u128::from(self.wall_time().as_unix_nanos());
        u64::try_from(wall.saturating_sub(ago) / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// The pid of a process as this one sees it; 0 for one that has ended or lives in another namespace.
    fn ipc_pid(&self, process: Option<ProcessId>) -> u32 {
        let pid = |kernel: &mut Kernel| {
            let own = kernel.processes.get(self.process)?.namespace;
            let other = kernel.processes.get(process?)?;
            (other.namespace == own).then_some(other.pid)
        };
        self.pod.with(pid).unwrap_or(0)
    }
}

/// A call on a name of the namespace.
fn ipc_name(call: &'static str, kind: &str, name: &str, access: Access) -> Op {
    let label = format!("{kind}:{name}");
    let id = Object::named(ObjectKind::IpcName, &label).id;
    Op::local(call)
        .on(label)
        .touch(ObjectKind::IpcName, id, access)
}

/// A call on the key of a System V object.
fn key_op(call: &'static str, kind: &str, key: i32, how: types::OpenFlags) -> Option<Op> {
    // A private one is new and nobody else's.
    (key != ipc::IPC_PRIVATE).then(|| ipc_name(call, kind, &key.to_string(), name_access(how)))
}

/// A call on a System V object; its removal frees the key too.
fn id_op(call: &'static str, kind: &str, id: i32) -> Op {
    Op::local(call).on(format!("{kind}:{id}"))
}

/// What removes a System V object frees its key.
fn key_freed(op: Op, kind: &str, key: Result<i32, ipc::Error>) -> Op {
    match key {
        Ok(key) if key != ipc::IPC_PRIVATE => {
            let id = Object::named(ObjectKind::IpcName, &format!("{kind}:{key}")).id;
            op.touch(ObjectKind::IpcName, id, Access::Write)
        }
        Ok(_) | Err(_) => op,
    }
}

/// The object of a System V id, apart from those of other kinds.
fn id_of(kind: &str, id: i32) -> u64 {
    Object::named(ObjectKind::IpcName, &format!("{kind}:{id}")).id
}

/// Opening changes the name where it may create it.
fn name_access(how: types::OpenFlags) -> Access {
    match create(how) {
        Create::No => Access::Read,
        Create::IfMissing | Create::Exclusive => Access::Write,
    }
}

fn create(how: types::OpenFlags) -> Create {
    let (create, exclusive) = (
        how.contains(types::OpenFlags::CREATE),
        how.contains(types::OpenFlags::EXCLUSIVE),
    );
    match (create, exclusive) {
        (false, _) => Create::No,
        (true, false) => Create::IfMissing,
        (true, true) => Create::Exclusive,
    }
}

fn open_how(how: types::OpenFlags) -> OpenHow {
    OpenHow {
        read: how.contains(types::OpenFlags::READ),
        write: how.contains(types::OpenFlags::WRITE),
        create: create(how),
        truncate: how.contains(types::OpenFlags::TRUNCATE),
        non_block: how.contains(types::OpenFlags::NON_BLOCK),
    }
}

fn permissions(of: ipc::Permissions) -> types::Permissions {
    types::Permissions {
        key: of.key,
        id: of.id,
        mode: of.mode,
    }
}

impl types::Host for Guest {
    fn convert_error(&mut self, error: CallError) -> wasmtime::Result<types::Error> {
        match error {
            CallError::Failed(error) => Ok(error_number(error)),
            CallError::Trap(trap) => Err(trap),
        }
    }
}

impl ErrorName for CallError {
    fn name(&self) -> &'static str {
        match self {
            Self::Failed(error) => error.name(),
            Self::Trap(_) => "trap",
        }
    }
}

fn error_number(error: ipc::Error) -> types::Error {
    match error {
        ipc::Error::Access => types::Error::Access,
        ipc::Error::Again => types::Error::Again,
        ipc::Error::BadDescriptor => types::Error::BadDescriptor,
        ipc::Error::Exist => types::Error::Exist,
        ipc::Error::FileTooBig => types::Error::FileTooBig,
        ipc::Error::IdentifierRemoved => types::Error::IdentifierRemoved,
        ipc::Error::Interrupted => types::Error::Interrupted,
        ipc::Error::Invalid => types::Error::Invalid,
        ipc::Error::MessageSize => types::Error::MessageSize,
        ipc::Error::TooManyOpen => types::Error::TooManyOpen,
        ipc::Error::NameTooLong => types::Error::NameTooLong,
        ipc::Error::NoEntry => types::Error::NoEntry,
        ipc::Error::NoMemory => types::Error::NoMemory,
        ipc::Error::NoMessage => types::Error::NoMessage,
        ipc::Error::NoSpace => types::Error::NoSpace,
        ipc::Error::Overflow => types::Error::Overflow,
        ipc::Error::NotPermitted => types::Error::NotPermitted,
        ipc::Error::Range => types::Error::Range,
        ipc::Error::TimedOut => types::Error::TimedOut,
        ipc::Error::TooBig => types::Error::TooBig,
    }
}
