//! What a world may know of guests beyond their output: every host call that others could notice, before it happens, so
//! that it can decide who goes on.

use crate::world::PodName;
use seedpod_core::sched::{Op, TaskId};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Decides which process goes on, and is told what each of them does.
///
/// The calls for one task come in this order: [`start`](Self::start); then, for each host call that others could notice,
/// [`enter`](Self::enter), a [`pick`](Self::pick) that takes it, [`leave`](Self::leave) once the call is over, which may
/// be picks later; at last [`end`](Self::end), which may come at any moment.
pub trait Scheduler: Send + Sync {
    /// A process has come to be.
    fn start(&self, task: &TaskStart<'_>) -> TaskId;

    /// A process stands before a call.
    fn enter(&self, task: TaskId, op: Op);

    /// The call is over: `ok` or the name of an error, and what else there is to tell, such as a number of bytes.
    fn leave(&self, task: TaskId, result: &str, detail: String);

    /// A process has ended: `exit 0`, `signal 9`.
    fn end(&self, task: TaskId, how: &str);

    /// Which of these goes on, by its place; they are in the order in which they became ready. `None` when none of them
    /// may now: they stay ready, and the pod sleeps until [`PodHandle::wake`](crate::PodHandle::wake) or something new.
    fn pick(&self, ready: &[TaskId]) -> Option<usize>;

    /// A process makes a host call of any kind and has used this much fuel since the last time.
    fn charge(&self, task: TaskId, fuel: u64);

    /// Nanoseconds by which the wall clock of a process is off.
    fn wall_offset(&self, _task: TaskId) -> i64 {
        0
    }

    /// How much of a read or write of `len` bytes is done, at least 1 and at most all of it.
    fn part(&self, _task: TaskId, _call: &'static str, len: usize) -> usize {
        len
    }

    /// Which of the pollables that are ready a process is told: those to keep, never none. `ready` is how many there
    /// are.
    fn told(&self, _task: TaskId, ready: usize) -> Vec<usize> {
        (0..ready).collect()
    }
}

/// A process that has come to be.
#[derive(Clone, Copy, Debug)]
pub struct TaskStart<'a> {
    /// Its pod.
    pub pod: &'a PodName,
    /// Its container.
    pub container: &'a str,
    /// How many instances of the container there were before.
    pub restart: u32,
    /// Its number in its process namespace.
    pub pid: u32,
}

impl<'a> TaskStart<'a> {
    /// What the kubelet does for a pod besides its processes: it dials probes and hooks.
    pub(crate) fn kubelet(pod: &'a PodName) -> Self {
        Self {
            pod,
            container: KUBELET,
            restart: 0,
            pid: 0,
        }
    }
}

/// No container can have this name.
const KUBELET: &str = "(kubelet)";

/// Lets others have their turn before a call, or not.
#[must_use = "nothing happens until it is awaited"]
pub(crate) struct Turn {
    yields: bool,
}

impl Turn {
    pub(crate) const fn none() -> Self {
        Self { yields: false }
    }

    pub(crate) const fn others_first() -> Self {
        Self { yields: true }
    }
}

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !std::mem::take(&mut self.yields) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
