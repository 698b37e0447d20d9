//! A single-threaded executor over `wasi:io/poll`.
//!
//! One `poll` waits for sockets, timers and signals alike. tokio's driver cannot do that: it waits with poll(2), which
//! knows descriptors only, and accepting with it fails on the libc of this toolchain (F_SETFL on a new connection).

mod net;
mod reactor;
mod udp;

pub use net::{Listener, Reader, Writer, connect};
pub use reactor::{Sleep, Wait, now_ns, sleep, yield_now};
pub use udp::UdpSocket;

use reactor::Reactor;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

type Task = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    static TASKS: RefCell<BTreeMap<u64, Option<Task>>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(1) };
    static QUEUE: Arc<Queue> = Arc::new(Queue::default());
}

#[derive(Default)]
struct Queue(Mutex<VecDeque<u64>>);

impl Queue {
    fn push(&self, task: u64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(task);
    }

    fn take(&self) -> VecDeque<u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

struct TaskWaker {
    task: u64,
    queue: Arc<Queue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.queue.push(self.task);
    }
}

/// The task of [`block_on`] itself.
const MAIN: u64 = 0;

/// Starts a task that runs beside the caller.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    let id = NEXT.replace(NEXT.get() + 1);
    TASKS.with_borrow_mut(|tasks| tasks.insert(id, Some(Box::pin(future))));
    QUEUE.with(|queue| queue.push(id));
}

/// Runs the future and all tasks until the future is done.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let queue = QUEUE.with(Arc::clone);
    queue.push(MAIN);
    loop {
        for id in queue.take() {
            let waker = Waker::from(Arc::new(TaskWaker {
                task: id,
                queue: queue.clone(),
            }));
            let mut cx = Context::from_waker(&waker);
            if id == MAIN {
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return output;
                }
                continue;
            }
            let Some(mut task) =
                TASKS.with_borrow_mut(|tasks| tasks.get_mut(&id).and_then(Option::take))
            else {
                continue;
            };
            let ended = task.as_mut().poll(&mut cx).is_ready();
            if ended {
                TASKS.with_borrow_mut(|tasks| tasks.remove(&id));
            } else {
                TASKS.with_borrow_mut(|tasks| tasks.insert(id, Some(task)));
            }
        }
        Reactor::turn(!queue.is_empty());
    }
}

/// The time was over first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Waits for the future, but not longer than `limit`.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = pin!(sleep(limit));
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| Err(Elapsed)),
    })
    .await
}

/// Counts what runs at a time, and lets one wait until none does.
#[derive(Clone, Default)]
pub struct Counter(Rc<CounterState>);

#[derive(Default)]
struct CounterState {
    count: Cell<usize>,
    waiting: RefCell<Vec<Waker>>,
}

impl Counter {
    pub fn count(&self) -> usize {
        self.0.count.get()
    }

    /// Counts one more until the guard is dropped.
    pub fn enter(&self) -> CounterGuard {
        self.0.count.set(self.0.count.get() + 1);
        CounterGuard(self.0.clone())
    }

    /// Waits until fewer than `limit` are counted.
    pub async fn below(&self, limit: usize) {
        std::future::poll_fn(|cx| {
            if self.0.count.get() < limit {
                return Poll::Ready(());
            }
            self.0.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

pub struct CounterGuard(Rc<CounterState>);

impl Drop for CounterGuard {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}
