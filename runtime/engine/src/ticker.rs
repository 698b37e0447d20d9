//! Tells running guests that time passes, and sleeps when nobody runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::EngineWeak;

/// A thread that increments the epoch of its engines once per slice while guests run.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<Thread>,
}

#[derive(Default)]
struct Shared {
    steps: AtomicU64,
    parked: AtomicBool,
    stopped: AtomicBool,
    /// Containers with less than one core.
    limited: AtomicU64,
}

/// While one of these is held, slices are short: a container with a limit must not take much more than its quota.
pub(crate) struct ShortSlices(Arc<Shared>);

impl Drop for ShortSlices {
    fn drop(&mut self) {
        self.0.limited.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ticker {
    pub(crate) fn new(slice: Duration, engines: Vec<EngineWeak>) -> Self {
        let shared = Arc::new(Shared::default());
        let body = {
            let shared = shared.clone();
            move || tick(slice, &engines, &shared)
        };
        let thread = thread::Builder::new()
            .name("seedpod-ticker".to_owned())
            .spawn(body);
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread for the ticker: a guest that never waits will starve its neighbours");
        }
        Self {
            shared,
            thread: thread.ok().map(|handle| handle.thread().clone()),
        }
    }

    /// Shortens slices.
    pub(crate) fn short_slices(&self) -> ShortSlices {
        self.shared.limited.fetch_add(1, Ordering::Relaxed);
        ShortSlices(self.shared.clone())
    }

    /// Says that a guest is about to run.
    pub(crate) fn note_step(&self) {
        // Counted before the look at `parked`, which the ticker sets before it looks at the count: one of the two sees
        // the other, if both are sequentially consistent.
        self.shared.steps.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst)
            && self.shared.parked.swap(false, Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

fn tick(slice: Duration, engines: &[EngineWeak], shared: &Shared) {
    let mut idle = 0;
    let mut seen = 0;
    while !shared.stopped.load(Ordering::Acquire) {
        let limited = shared.limited.load(Ordering::Relaxed) > 0;
        thread::park_timeout(if limited {
            slice.min(SHORT_SLICE)
        } else {
            slice
        });
        for engine in engines.iter().filter_map(EngineWeak::upgrade) {
            engine.increment_epoch();
        }
        let steps = shared.steps.load(Ordering::Relaxed);
        idle = if steps == seen { idle + 1 } else { 0 };
        seen = steps;
        if idle >= TICKS_UNTIL_PARKED {
            shared.parked.store(true, Ordering::SeqCst);
            // One step of one long-running guest is one step, however long: it still needs its ticks. Such a guest
            // gives way after a slice, and being stepped again counts, so a still counter means nobody runs.
            if shared.steps.load(Ordering::SeqCst) == seen {
                thread::park();
            }
            shared.parked.store(false, Ordering::SeqCst);
            idle = 0;
        }
    }
}

const TICKS_UNTIL_PARKED: u32 = 10;

/// The smallest quota that a container can have in a period.
const SHORT_SLICE: Duration = Duration::from_millis(1);
