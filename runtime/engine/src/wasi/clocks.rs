//! `wasi:clocks`: time is the world's, waiting is the kernel's.

use crate::guest::{Guest, PodCell};
use async_trait::async_trait;
use seedpod_core::time::{Instant, TimerId};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    wall_clock::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.pod.now().as_nanos())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let deadline = Instant::from_nanos(when);
        let timer = self.table.push(Timer {
            deadline,
            id: None,
            pod: self.pod.clone(),
        })?;
        subscribe(&mut self.table, timer)
    }

    fn subscribe_duration(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let deadline = self.pod.now() + Duration::from_nanos(when);
        self.subscribe_instant(deadline.as_nanos())
    }
}

impl wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(self.wall_time().as_unix_nanos()))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(1))
    }
}

fn datetime(nanos: u64) -> wall_clock::Datetime {
    let nanoseconds = u32::try_from(nanos % 1_000_000_000).expect("a remainder below 2^32");
    wall_clock::Datetime {
        seconds: nanos / 1_000_000_000,
        nanoseconds,
    }
}

struct Timer {
    deadline: Instant,
    id: Option<TimerId>,
    pod: Arc<PodCell>,
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        let mut yielded = false;
        poll_fn(|cx| {
            if self.pod.now() >= self.deadline {
                // A guest that polls in a circle must not keep its neighbours from running.
                if std::mem::replace(&mut yielded, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            yielded = true;
            self.pod.with(|kernel| match self.id {
                Some(id) => kernel.timers.update(self.deadline, id, cx.waker()),
                None => self.id = Some(kernel.timers.register(self.deadline, cx.waker().clone())),
            });
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.pod
                .with(|kernel| kernel.timers.cancel(self.deadline, id));
        }
    }
}
