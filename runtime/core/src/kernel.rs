//! What the containers of one pod share, behind one short lock that `engine` holds for the length of a system call.

use crate::time::Timers;
use crate::{ipc, net, process};

/// The system-call side of a pod. A guest changes it only through its own calls.
#[derive(Debug)]
pub struct Kernel {
    /// Everything that waits for time to pass.
    pub timers: Timers,
    /// Who runs.
    pub processes: process::Table,
    /// Sockets, addresses and names.
    pub net: net::Namespace,
    /// Message queues, semaphores and shared memory.
    pub ipc: ipc::Namespace,
}
