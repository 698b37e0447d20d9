//! What tasks wait for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};

#[derive(Default)]
pub(super) struct Reactor {
    next: u64,
    waits: BTreeMap<u64, (Rc<Pollable>, Waker)>,
    /// By deadline in nanoseconds.
    timers: BTreeMap<(u64, u64), Waker>,
}

thread_local! {
    static REACTOR: RefCell<Reactor> = RefCell::new(Reactor::default());
}

impl Reactor {
    /// Waits until something can go on and wakes it; only looks if `busy`, because some task can run anyway.
    pub(super) fn turn(busy: bool) {
        let (ids, pollables, deadline) = REACTOR.with_borrow(|reactor| {
            let ids: Vec<u64> = reactor.waits.keys().copied().collect();
            let pollables: Vec<Rc<Pollable>> = reactor
                .waits
                .values()
                .map(|(pollable, _)| pollable.clone())
                .collect();
            (
                ids,
                pollables,
                reactor.timers.keys().next().map(|&(deadline, _)| deadline),
            )
        });
        let timer = match (busy, deadline) {
            (true, _) => Some(monotonic_clock::subscribe_duration(0)),
            (false, Some(deadline)) => Some(monotonic_clock::subscribe_instant(deadline)),
            (false, None) => None,
        };
        let all: Vec<&Pollable> = pollables
            .iter()
            .map(Rc::as_ref)
            .chain(timer.as_ref())
            .collect();
        assert!(!all.is_empty(), "every task waits for another");
        let ready = poll(&all);
        let mut woken = Vec::new();
        REACTOR.with_borrow_mut(|reactor| {
            for index in ready {
                if let Some((_, waker)) = ids
                    .get(index as usize)
                    .and_then(|id| reactor.waits.remove(id))
                {
                    woken.push(waker);
                }
            }
            if deadline.is_some() {
                let later = reactor.timers.split_off(&(now_ns() + 1, 0));
                woken.extend(std::mem::replace(&mut reactor.timers, later).into_values());
            }
        });
        woken.into_iter().for_each(Waker::wake);
    }
}

/// Time of the monotonic clock.
pub fn now_ns() -> u64 {
    monotonic_clock::now()
}

/// Waits until the pollable is ready.
pub struct Wait {
    pollable: Rc<Pollable>,
    id: Option<u64>,
}

impl Wait {
    pub fn new(pollable: Rc<Pollable>) -> Self {
        Wait { pollable, id: None }
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        REACTOR.with_borrow_mut(|reactor| match self.id {
            Some(id) => match reactor.waits.get_mut(&id) {
                Some((_, waker)) => {
                    waker.clone_from(cx.waker());
                    Poll::Pending
                }
                None => {
                    self.id = None;
                    Poll::Ready(())
                }
            },
            None => {
                let id = reactor.next;
                reactor.next += 1;
                reactor
                    .waits
                    .insert(id, (self.pollable.clone(), cx.waker().clone()));
                self.id = Some(id);
                Poll::Pending
            }
        })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Dropping the pollable may call back into nothing of ours.
            drop(REACTOR.with_borrow_mut(|reactor| reactor.waits.remove(&id)));
        }
    }
}

pub fn sleep(duration: Duration) -> Sleep {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    Sleep {
        deadline: now_ns().saturating_add(nanos),
        id: None,
    }
}

pub struct Sleep {
    deadline: u64,
    id: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        REACTOR.with_borrow_mut(|reactor| match self.id {
            Some(id) => match reactor.timers.get_mut(&(deadline, id)) {
                Some(waker) => {
                    waker.clone_from(cx.waker());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            },
            None => {
                let id = reactor.next;
                reactor.next += 1;
                reactor.timers.insert((deadline, id), cx.waker().clone());
                self.id = Some(id);
                Poll::Pending
            }
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            REACTOR.with_borrow_mut(|reactor| reactor.timers.remove(&(self.deadline, id)));
        }
    }
}

/// Lets every other task run first.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
