//! What somebody outside of a pod sees of its objects, without opening them.

/// A message queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLook {
    /// Messages in it.
    pub depth: usize,
    /// Messages that it took since it was made.
    pub sent: u64,
    /// Messages that it gave since it was made.
    pub received: u64,
    /// Who waits for room.
    pub senders: usize,
    /// Who waits for a message.
    pub receivers: usize,
}

/// A semaphore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SemaphoreLook {
    /// Its value.
    pub value: u32,
    /// Who waits for it.
    pub waiting: usize,
}
