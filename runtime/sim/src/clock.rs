//! Virtual time.

use seedpod_core::time::{Instant, Timers};
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// A clock that moves when it is told to.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Instant,
    timers: Timers,
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        self.lock().now
    }

    /// Lets time pass while somebody runs.
    pub(crate) fn advance(&self, time: Duration) -> Instant {
        let mut state = self.lock();
        state.now += time;
        let now = state.now;
        state.timers.handle_timeout(now);
        now
    }

    /// When the next sleeper wakes.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.lock().timers.poll_timeout()
    }

    /// Jumps to `instant`, unless time is already later.
    pub(crate) fn jump(&self, instant: Instant) {
        let mut state = self.lock();
        state.now = state.now.max(instant);
        let now = state.now;
        state.timers.handle_timeout(now);
    }

    pub(crate) fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        let mut sleeper = Sleeper {
            clock: clock.clone(),
            deadline,
            id: None,
        };
        poll_fn(move |cx| {
            let mut state = clock.lock();
            if state.now >= sleeper.deadline {
                return Poll::Ready(());
            }
            match sleeper.id {
                Some(id) => state.timers.update(sleeper.deadline, id, cx.waker()),
                None => {
                    sleeper.id = Some(state.timers.register(sleeper.deadline, cx.waker().clone()));
                }
            }
            Poll::Pending
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Sleeper {
    clock: Clock,
    deadline: Instant,
    id: Option<seedpod_core::time::TimerId>,
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.lock().timers.cancel(self.deadline, id);
        }
    }
}
