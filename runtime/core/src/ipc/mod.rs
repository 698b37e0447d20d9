//! The IPC namespace of a pod: message queues, semaphores and shared memory, in their POSIX and System V forms.
//!
//! It outlives containers and ends with the pod. What a process has open, and what it owes by `SEM_UNDO`, goes when the
//! process ends. File modes are kept for `IPC_STAT` and never checked: every process of a pod is the superuser.
//!
//! A call that must wait returns [`Attempt::Blocked`]; the caller then asks [`Namespace::poll_wait`] until it is ready, or
//! [`Namespace::cancel`]s. Who waits is served in order of arrival, and what he waited for is handed to him at the moment it
//! exists: nobody who comes later can take it, and a wake-up is never lost.

mod handle;
mod look;
mod memory;
mod mqueue;
mod name;
mod redelivery;
mod semaphore;
mod sysv;
mod sysv_memory;
mod sysv_message;
mod sysv_semaphore;
#[cfg(test)]
mod tests;
mod wait;

pub use handle::Handle;
pub use look::{QueueLook, SemaphoreLook};
pub use memory::{MemoryNews, PAGE_BYTES, Run};
pub use mqueue::{MqueueAttributes, MqueueLimits};
pub use name::{Create, OpenHow};
pub use semaphore::SemaphoreId;
pub use sysv::{IPC_PRIVATE, Permissions};
pub use sysv_memory::SegmentStatus;
pub use sysv_message::{MessageQueueStatus, ReceiveHow};
pub use sysv_semaphore::{SemaphoreSetStatus, SemaphoreStatus, SetOperation};
pub use wait::{Attempt, Blocking, Message, WaitId};

use crate::process::ProcessId;
use crate::time::Instant;

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The process.
    pub process: ProcessId,
    /// The time.
    pub now: Instant,
}

/// Why a call failed: Linux' error numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `EACCES`
    #[error("permission denied")]
    Access,
    /// `EAGAIN`
    #[error("resource temporarily unavailable")]
    Again,
    /// `EBADF`
    #[error("bad descriptor")]
    BadDescriptor,
    /// `EEXIST`
    #[error("it exists")]
    Exist,
    /// `EFBIG`
    #[error("no semaphore of that number")]
    FileTooBig,
    /// `EIDRM`
    #[error("identifier removed")]
    IdentifierRemoved,
    /// `EINTR`
    #[error("interrupted")]
    Interrupted,
    /// `EINVAL`
    #[error("invalid argument")]
    Invalid,
    /// `EMSGSIZE`
    #[error("message size")]
    MessageSize,
    /// `EMFILE`
    #[error("too many open descriptors, or bytes in queues")]
    TooManyOpen,
    /// `ENAMETOOLONG`
    #[error("name too long")]
    NameTooLong,
    /// `ENOENT`
    #[error("no such object")]
    NoEntry,
    /// `ENOMEM`
    #[error("out of memory")]
    NoMemory,
    /// `ENOMSG`
    #[error("no message of that type")]
    NoMessage,
    /// `ENOSPC`
    #[error("too many objects")]
    NoSpace,
    /// `EOVERFLOW`
    #[error("value too large")]
    Overflow,
    /// `EPERM`
    #[error("operation not permitted")]
    NotPermitted,
    /// `ERANGE`
    #[error("value out of range")]
    Range,
    /// `ETIMEDOUT`
    #[error("timed out")]
    TimedOut,
    /// `E2BIG`
    #[error("message or list too long")]
    TooBig,
}

impl Error {
    /// Its name in `errno.h`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Access => "EACCES",
            Self::Again => "EAGAIN",
            Self::BadDescriptor => "EBADF",
            Self::Exist => "EEXIST",
            Self::FileTooBig => "EFBIG",
            Self::IdentifierRemoved => "EIDRM",
            Self::Interrupted => "EINTR",
            Self::Invalid => "EINVAL",
            Self::MessageSize => "EMSGSIZE",
            Self::TooManyOpen => "EMFILE",
            Self::NameTooLong => "ENAMETOOLONG",
            Self::NoEntry => "ENOENT",
            Self::NoMemory => "ENOMEM",
            Self::NoMessage => "ENOMSG",
            Self::NoSpace => "ENOSPC",
            Self::Overflow => "EOVERFLOW",
            Self::NotPermitted => "EPERM",
            Self::Range => "ERANGE",
            Self::TimedOut => "ETIMEDOUT",
            Self::TooBig => "E2BIG",
        }
    }
}

/// The IPC namespace of one pod.
#[derive(Debug, Default)]
pub struct Namespace {
    waits: wait::Waits,
    handles: handle::Handles,
    queues: mqueue::Queues,
    semaphores: semaphore::Semaphores,
    memory: memory::Memories,
    messages: sysv_message::Messages,
    sets: sysv_semaphore::Sets,
    segments: sysv_memory::Segments,
}

impl Namespace {
    /// An empty namespace.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what a process had open, waited for or owed.
    pub fn handle_process_exit(&mut self, by: Caller) {
        self.abandon_waits(by.process);
        for handle in self.handles.of_process(by.process) {
            self.close(handle, by.now);
        }
        self.semaphores_handle_exit(by.process);
        self.sets_handle_exit(by);
    }

    /// Closes a descriptor, a semaphore, or an attached memory object; nothing happens the second time.
    pub fn close(&mut self, handle: Handle, now: Instant) {
        match self.handles.remove(handle) {
            Some(handle::Target::Queue { queue, .. }) => self.mq_release(queue),
            Some(handle::Target::Semaphore(id)) => self.semaphore_release(id),
            Some(handle::Target::Memory(open)) => self.memory_release(open, now),
            None => {}
        }
    }
}
