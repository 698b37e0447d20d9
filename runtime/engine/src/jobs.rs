//! The futures of one pod, and which of them can go on.

use crate::scheduler::Scheduler;
use futures_util::task::AtomicWaker;
use seedpod_core::sched::TaskId;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The futures of one pod. Containers take turns: each [`step`](Jobs::step) polls the one that has waited longest.
pub(crate) struct Jobs<T> {
    running: BTreeMap<JobId, Running<T>>,
    ready: Arc<Ready>,
    next_id: u64,
    /// Kept for its room.
    tasks: Vec<TaskId>,
}

/// Names one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobId(u64);

type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

struct Running<T> {
    job: Job<T>,
    /// Its name with the scheduler, if it is a process.
    task: Option<TaskId>,
    waker: Waker,
    flag: Arc<Flag>,
}

/// Which jobs can go on, and the task to wake when that changes while it sleeps.
#[derive(Default)]
pub(crate) struct Ready {
    queue: Mutex<VecDeque<JobId>>,
    task: AtomicWaker,
    asleep: AtomicBool,
    /// Nobody in the queue may go on now.
    stalled: AtomicBool,
    /// Something else than a job wants the pod's attention.
    notified: AtomicBool,
}

struct Flag {
    id: JobId,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        Self {
            running: BTreeMap::new(),
            ready: Arc::default(),
            next_id: 0,
            tasks: Vec::new(),
        }
    }
}

impl<T> Jobs<T> {
    /// Adds a job; it is ready at once.
    pub(crate) fn add(&mut self, job: impl Future<Output = T> + Send + 'static) -> JobId {
        self.insert(None, Box::pin(job))
    }

    /// Adds a job that goes on when the scheduler says so.
    pub(crate) fn add_task(
        &mut self,
        task: TaskId,
        job: impl Future<Output = T> + Send + 'static,
    ) -> JobId {
        self.insert(Some(task), Box::pin(job))
    }

    fn insert(&mut self, task: Option<TaskId>, job: Job<T>) -> JobId {
        let id = JobId(self.next_id);
        self.next_id += 1;
        let flag = Arc::new(Flag {
            id,
            queued: AtomicBool::new(false),
            ready: self.ready.clone(),
        });
        let waker = Waker::from(flag.clone());
        waker.wake_by_ref();
        self.running.insert(
            id,
            Running {
                job,
                task,
                waker,
                flag,
            },
        );
        id
    }

    /// Drops a job and everything it owns.
    pub(crate) fn remove(&mut self, id: JobId) -> bool {
        self.running.remove(&id).is_some()
    }

    /// The other side: what wakes the pod.
    pub(crate) fn ready(&self) -> &Arc<Ready> {
        &self.ready
    }

    /// Polls the next job that can go on: what is no process first, then the process that the scheduler picks, or the
    /// one that has waited longest. `None` when there was none.
    pub(crate) fn step(&mut self, scheduler: Option<&dyn Scheduler>) -> Option<(JobId, Poll<T>)> {
        loop {
            let id = match scheduler {
                Some(scheduler) => self.pick(scheduler)?,
                None => self.ready.pop()?,
            };
            let Some(running) = self.running.get_mut(&id) else {
                continue;
            };
            // Reads what a waker wrote that found it still queued: a store could pass the poll's own reads.
            running.flag.queued.swap(false, Ordering::AcqRel);
            let result = running
                .job
                .as_mut()
                .poll(&mut Context::from_waker(&running.waker));
            if result.is_ready() {
                self.running.remove(&id);
            }
            return Some((id, result));
        }
    }

    fn pick(&mut self, scheduler: &dyn Scheduler) -> Option<JobId> {
        let mut queue = self.ready.queue();
        queue.retain(|id| self.running.contains_key(id));
        self.tasks.clear();
        for (place, id) in queue.iter().enumerate() {
            match self.running[id].task {
                Some(task) => self.tasks.push(task),
                None => return queue.remove(place),
            }
        }
        if self.tasks.is_empty() {
            return None;
        }
        // The scheduler may look at the pod, and that may wake a job.
        drop(queue);
        let Some(place) = scheduler.pick(&self.tasks) else {
            self.ready.stalled.store(true, Ordering::Release);
            return None;
        };
        self.ready.queue().remove(place)
    }
}

impl Ready {
    /// Whether a job can go on or [`notify`](Self::notify) was called; if not, `cx` is woken when that changes.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        self.task.register(cx.waker());
        self.asleep.store(true, Ordering::SeqCst);
        let notified = self.notified.swap(false, Ordering::SeqCst);
        if !notified && (self.stalled.load(Ordering::Acquire) || self.queue().is_empty()) {
            return Poll::Pending;
        }
        self.stalled.store(false, Ordering::Release);
        self.asleep.store(false, Ordering::SeqCst);
        Poll::Ready(())
    }

    /// Wakes the pod for another reason than a job.
    pub(crate) fn notify(&self) {
        self.notified.store(true, Ordering::SeqCst);
        self.asleep.store(false, Ordering::SeqCst);
        self.task.wake();
    }

    fn pop(&self) -> Option<JobId> {
        self.queue().pop_front()
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<JobId>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        self.ready.queue().push_back(self.id);
        self.ready.stalled.store(false, Ordering::Release);
        // Most wake-ups come from the pod's own task while it steps: it looks at the queue again anyway.
        if self.ready.asleep.swap(false, Ordering::SeqCst) {
            self.ready.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn, ready};

    #[test]
    fn jobs_take_turns_in_the_order_they_were_woken() {
        let mut jobs = Jobs::default();
        let mut first = true;
        let slow = jobs.add(poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if std::mem::take(&mut first) {
                Poll::Pending
            } else {
                Poll::Ready("slow")
            }
        }));
        let fast = jobs.add(ready("fast"));
        assert_eq!(jobs.step(None), Some((slow, Poll::Pending)));
        assert_eq!(jobs.step(None), Some((fast, Poll::Ready("fast"))));
        assert_eq!(jobs.step(None), Some((slow, Poll::Ready("slow"))));
        assert_eq!(jobs.step(None), None);
    }

    #[test]
    fn a_removed_job_is_dropped() {
        let mut jobs = Jobs::<()>::default();
        let job = jobs.add(pending());
        assert!(jobs.remove(job));
        assert_eq!(jobs.step(None), None);
    }
}
