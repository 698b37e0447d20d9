//! `seedpod:ipc`: message queues, semaphores and shared memory of the pod, in their POSIX and System V forms.
//!
//! [`MessageQueue`], [`Semaphore`] and [`SharedMemory`] are the POSIX ones. Below them are the interfaces of
//! `wit/ipc.wit`, which documents them, the System V ones among them.

mod bindings {
    wit_bindgen::generate!({
        path: "wit/ipc.wit",
        world: "seedpod:ipc/ipc",
        generate_all,
    });
}

pub use bindings::seedpod::ipc::{
    message_queues, semaphores, shared_memory, system_v_memory, system_v_messages,
    system_v_semaphores, types,
};
pub use message_queues::Limits;
pub use types::{Blocking, Error};

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use types::OpenFlags;

/// What to do about an object that does not exist, or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// Make it if it is missing.
    IfMissing,
    /// Fail with [`Error::Exist`] if it is there.
    New,
}

impl Create {
    fn flags(self) -> OpenFlags {
        match self {
            Self::IfMissing => OpenFlags::CREATE,
            Self::New => OpenFlags::CREATE | OpenFlags::EXCLUSIVE,
        }
    }
}

/// A message and its priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub bytes: Vec<u8>,
    /// Higher ones are received first.
    pub priority: u32,
}

/// An open POSIX message queue; closed when dropped.
#[derive(Debug)]
pub struct MessageQueue(message_queues::Descriptor);

impl MessageQueue {
    /// Opens a queue that exists, for sending and receiving. The name begins with a slash and has no other.
    pub fn open(name: &str) -> Result<Self, Error> {
        message_queues::open(name, OpenFlags::READ | OpenFlags::WRITE, None).map(Self)
    }

    /// Opens a queue and makes it if need be; without `limits` for 10 messages of 8 KiB.
    pub fn create(name: &str, create: Create, limits: Option<Limits>) -> Result<Self, Error> {
        let how = OpenFlags::READ | OpenFlags::WRITE | create.flags();
        message_queues::open(name, how, limits).map(Self)
    }

    /// Takes the name away; the queue goes when nobody has it open.
    pub fn unlink(name: &str) -> Result<(), Error> {
        message_queues::unlink(name)
    }

    /// Waits while the queue is full.
    pub fn send(&self, bytes: &[u8], priority: u32) -> Result<(), Error> {
        self.0.send(bytes, priority, None)
    }

    /// As [`send`](Self::send), but fails with [`Error::TimedOut`] after `deadline`.
    pub fn send_until(
        &self,
        bytes: &[u8],
        priority: u32,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        self.0.send(bytes, priority, Some(unix_nanos(deadline)))
    }

    /// Waits while the queue is empty; then the oldest message of the highest priority.
    pub fn receive(&self) -> Result<Message, Error> {
        self.receive_by(None)
    }

    /// As [`receive`](Self::receive), but fails with [`Error::TimedOut`] after `deadline`.
    pub fn receive_until(&self, deadline: SystemTime) -> Result<Message, Error> {
        self.receive_by(Some(unix_nanos(deadline)))
    }

    fn receive_by(&self, deadline: Option<u64>) -> Result<Message, Error> {
        let (bytes, priority) = self.0.receive(u32::MAX, deadline)?;
        Ok(Message { bytes, priority })
    }

    /// Whether sending and receiving fail with [`Error::Again`] instead of waiting.
    pub fn set_non_blocking(&self, non_blocking: bool) {
        self.0.set_non_block(non_blocking);
    }

    /// Messages in the queue.
    pub fn len(&self) -> u32 {
        self.0.attributes().messages
    }

    /// Whether no message is in the queue.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An open POSIX semaphore; closed when dropped.
#[derive(Debug)]
pub struct Semaphore(semaphores::Semaphore);

impl Semaphore {
    /// Opens a semaphore that exists. The name begins with a slash and has no other.
    pub fn open(name: &str) -> Result<Self, Error> {
        semaphores::open(name, OpenFlags::empty(), 0).map(Self)
    }

    /// Opens a semaphore and makes it if need be, with this value.
    pub fn create(name: &str, create: Create, value: u32) -> Result<Self, Error> {
        semaphores::open(name, create.flags(), value).map(Self)
    }

    /// Takes the name away; the semaphore goes when nobody has it open.
    pub fn unlink(name: &str) -> Result<(), Error> {
        semaphores::unlink(name)
    }

    /// Lets one in: who waits longest.
    pub fn post(&self) -> Result<(), Error> {
        self.0.post()
    }

    /// Waits while the value is 0, then takes 1.
    pub fn wait(&self) -> Result<(), Error> {
        self.0.wait(Blocking::Forever)
    }

    /// Takes 1, or fails with [`Error::Again`].
    pub fn try_wait(&self) -> Result<(), Error> {
        self.0.wait(Blocking::Never)
    }

    /// As [`wait`](Self::wait), but fails with [`Error::TimedOut`] after `patience`.
    pub fn wait_for(&self, patience: Duration) -> Result<(), Error> {
        let nanos = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        self.0.wait(Blocking::Within(nanos))
    }

    /// Its value.
    pub fn value(&self) -> u32 {
        self.0.value()
    }
}

/// An open POSIX shared memory object; closed when dropped. Reading and writing copy, and take effect at once: the memory
/// of two containers cannot overlap.
#[derive(Debug)]
pub struct SharedMemory(shared_memory::Object);

impl SharedMemory {
    /// Opens an object that exists, for reading and writing.
    pub fn open(name: &str) -> Result<Self, Error> {
        shared_memory::open(name, OpenFlags::READ | OpenFlags::WRITE).map(Self)
    }

    /// Opens an object and makes it if need be; a new one has no bytes.
    pub fn create(name: &str, create: Create) -> Result<Self, Error> {
        shared_memory::open(name, OpenFlags::READ | OpenFlags::WRITE | create.flags()).map(Self)
    }

    /// Takes the name away; the bytes go when nobody has it open.
    pub fn unlink(name: &str) -> Result<(), Error> {
        shared_memory::unlink(name)
    }

    /// Its bytes.
    pub fn size(&self) -> u32 {
        self.0.size()
    }

    /// Cuts it, or adds zeros.
    pub fn resize(&self, size: u64) -> Result<(), Error> {
        self.0.resize(size)
    }

    /// Reads bytes; fewer at the end.
    pub fn read(&self, offset: u32, length: u32) -> Result<Vec<u8>, Error> {
        self.0.read(offset, length)
    }

    /// Writes bytes, which must lie within the object.
    pub fn write(&self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        self.0.write(offset, bytes)
    }
}

/// A time before 1970 is over, whatever it is.
fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
