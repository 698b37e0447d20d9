//! What processes have open.

use super::memory::OpenMemory;
use super::{Error, Namespace};
use crate::limits::IPC_HANDLES_PER_PROCESS;
use crate::process::ProcessId;
use std::collections::BTreeMap;

/// Names one open queue, semaphore or memory object; never given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(u64);

#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Queue {
        queue: u64,
        read: bool,
        write: bool,
        non_block: bool,
    },
    Semaphore(u64),
    Memory(OpenMemory),
}

#[derive(Debug, Default)]
pub(super) struct Handles {
    open: BTreeMap<Handle, (ProcessId, Target)>,
    counts: BTreeMap<ProcessId, usize>,
    last: u64,
}

impl Handles {
    /// Fails when the process has too much open; to be asked before anything is made.
    pub(super) fn check_room(&self, process: ProcessId) -> Result<(), Error> {
        let count = self.counts.get(&process).copied().unwrap_or(0);
        if count < IPC_HANDLES_PER_PROCESS {
            Ok(())
        } else {
            Err(Error::TooManyOpen)
        }
    }

    pub(super) fn insert(&mut self, process: ProcessId, target: Target) -> Handle {
        *self.counts.entry(process).or_default() += 1;
        self.last += 1;
        let handle = Handle(self.last);
        self.open.insert(handle, (process, target));
        handle
    }

    pub(super) fn get(&self, handle: Handle) -> Result<Target, Error> {
        self.open
            .get(&handle)
            .map(|(_, target)| *target)
            .ok_or(Error::BadDescriptor)
    }

    pub(super) fn remove(&mut self, handle: Handle) -> Option<Target> {
        let (process, target) = self.open.remove(&handle)?;
        if let Some(count) = self.counts.get_mut(&process) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&process);
            }
        }
        Some(target)
    }

    pub(super) fn of_process(&self, process: ProcessId) -> Vec<Handle> {
        let of_process = self.open.iter().filter(|(_, (owner, _))| *owner == process);
        of_process.map(|(handle, _)| *handle).collect()
    }

    fn set_non_block(&mut self, handle: Handle, wanted: bool) -> Result<(), Error> {
        match self.open.get_mut(&handle) {
            Some((_, Target::Queue { non_block, .. })) => {
                *non_block = wanted;
                Ok(())
            }
            Some((_, Target::Semaphore(_) | Target::Memory(_))) | None => Err(Error::BadDescriptor),
        }
    }
}

impl Namespace {
    /// Whether sending and receiving through this descriptor fail instead of waiting: mq_setattr(3).
    ///
    /// # Errors
    /// When it is not the descriptor of a queue.
    pub fn mq_set_non_block(&mut self, handle: Handle, non_block: bool) -> Result<(), Error> {
        self.handles.set_non_block(handle, non_block)
    }
}
