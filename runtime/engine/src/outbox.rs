//! What the containers of a pod wrote and nobody has taken yet.

use crate::console::Console;
use crate::world::{LogLine, LogStream};
use seedpod_core::limits::LOG_BYTES_PENDING;
use seedpod_core::log::{Line, LineSplitter};
use seedpod_core::time::Instant;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// The output of one pod, in the order it was written.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    lines: VecDeque<LogLine>,
    bytes: usize,
    waiting: Vec<Waker>,
}

impl Outbox {
    /// Takes everything there is; writers that waited for room go on.
    pub(crate) fn take(&self) -> VecDeque<LogLine> {
        let mut inner = self.lock();
        inner.bytes = 0;
        inner.waiting.drain(..).for_each(Waker::wake);
        std::mem::take(&mut inner.lines)
    }

    fn push(&self, line: LogLine) {
        let mut inner = self.lock();
        inner.bytes += line.bytes.len() + LINE_OVERHEAD;
        inner.lines.push_back(line);
    }

    fn poll_room(&self, waker: &Waker) -> Poll<usize> {
        let mut inner = self.lock();
        match LOG_BYTES_PENDING.saturating_sub(inner.bytes) {
            0 => {
                if !inner.waiting.iter().any(|known| known.will_wake(waker)) {
                    inner.waiting.push(waker.clone());
                }
                Poll::Pending
            }
            room => Poll::Ready(room),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an empty line counts, so that line feeds alone cannot grow the queue without bound.
const LINE_OVERHEAD: usize = 64;

/// Standard output or standard error of a container: everything written becomes lines of its log.
pub(crate) struct LogWriter {
    container: String,
    restart: u32,
    stream: LogStream,
    console: Arc<Console>,
    splitter: Mutex<LineSplitter>,
    outbox: Arc<Outbox>,
}

impl LogWriter {
    /// `restart` is how many instances of the container there were before.
    pub(crate) fn new(
        container: &str,
        restart: u32,
        stream: LogStream,
        console: Arc<Console>,
        outbox: Arc<Outbox>,
    ) -> Self {
        Self {
            container: container.to_owned(),
            restart,
            stream,
            console,
            splitter: Mutex::default(),
            outbox,
        }
    }

    /// How many bytes may be written now.
    pub(crate) fn poll_room(&self, waker: &Waker) -> Poll<usize> {
        self.outbox.poll_room(waker)
    }

    pub(crate) fn write(&self, bytes: &[u8], now: Instant) {
        let mut splitter = self.splitter.lock().unwrap_or_else(PoisonError::into_inner);
        splitter.push(bytes, |line| self.outbox.push(self.line(line, now)));
        self.console.write(self.stream, bytes);
    }

    /// Writes out a last line without a line feed, when the container has ended.
    pub(crate) fn finish(&self, now: Instant) {
        let mut splitter = self.splitter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = splitter.finish() {
            self.outbox.push(self.line(line, now));
        }
    }

    fn line(&self, line: Line, at: Instant) -> LogLine {
        let (container, stream) = (self.container.clone(), self.stream);
        LogLine {
            container,
            restart: self.restart,
            stream,
            at,
            bytes: line.bytes,
            partial: line.partial,
        }
    }
}
