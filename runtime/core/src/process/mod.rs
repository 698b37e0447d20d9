//! The process table of a pod: who runs, who waits for whom, and what signals do.
//!
//! A container is a tree of processes in one namespace of its own, or in the pod's shared one. Process 1 of a
//! namespace adopts orphans, and when it ends the namespace ends with it, as on Linux.

mod pipe;
mod signal;
mod table;
mod terminal;

pub use pipe::{BrokenPipe, Pipe, PipeReader, PipeWriter, PipesExhausted, pipe};
pub use signal::{Disposition, ParseSignalError, Signal};
pub use table::{
    ExitStatus, KillError, NamespaceId, Process, ProcessId, Program, SpawnError, State, Table,
    WaitError, Which,
};

pub use terminal::{LineDiscipline, Typed, shown};

use crate::limits::PROCESSES_PER_POD;
use std::task::Waker;

/// Whoever waits asks again after each wake-up, so one too many does no harm: it clears out those that are gone.
fn wait(queue: &mut Vec<Waker>, waker: &Waker) {
    if queue.len() >= PROCESSES_PER_POD {
        wake(queue);
    }
    if !queue.iter().any(|known| known.will_wake(waker)) {
        queue.push(waker.clone());
    }
}

fn wake(queue: &mut Vec<Waker>) {
    for waker in queue.drain(..) {
        waker.wake();
    }
}
