//! Pipes as pipe(7) describes them: a bounded ring of bytes, end of file without writers, EPIPE without readers.

use super::{wait, wake};
use crate::limits::{PIPE_BYTES, PIPES_PER_POD};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// The two ends of a new pipe.
pub fn pipe() -> (PipeReader, PipeWriter) {
    Pipe::open(0, None)
}

/// Counts and numbers the pipes of a pod.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    slots: Arc<()>,
    last: u64,
}

/// The pod has too many pipes (EMFILE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pod already has {PIPES_PER_POD} pipes")]
pub struct PipesExhausted;

impl Pipes {
    pub(super) fn create(&mut self) -> Result<(PipeReader, PipeWriter), PipesExhausted> {
        // One is ours.
        if Arc::strong_count(&self.slots) > PIPES_PER_POD {
            return Err(PipesExhausted);
        }
        self.last += 1;
        Ok(Pipe::open(self.last, Some(self.slots.clone())))
    }
}

/// What both ends share. An object of its own, owned by no process.
#[derive(Debug)]
pub struct Pipe {
    number: u64,
    inner: Mutex<Inner>,
    /// Its share of [`PIPES_PER_POD`].
    _slot: Option<Arc<()>>,
}

/// The reading end; a clone counts as one more reader.
#[derive(Debug)]
pub struct PipeReader(Arc<Pipe>);

/// The writing end; a clone counts as one more writer.
#[derive(Debug)]
pub struct PipeWriter(Arc<Pipe>);

/// Nobody reads this pipe any more (EPIPE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("broken pipe")]
pub struct BrokenPipe;

#[derive(Debug, Default)]
struct Inner {
    bytes: VecDeque<u8>,
    readers: u32,
    writers: u32,
    waiting_readers: Vec<Waker>,
    waiting_writers: Vec<Waker>,
}

impl PipeReader {
    /// Its number in the pod, from 1; 0 for one that is between a process and the host.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Takes up to `max` bytes; none at the end of file.
    pub fn poll_read(&self, max: usize, waker: &Waker) -> Poll<Vec<u8>> {
        self.0.with(|pipe| {
            if pipe.bytes.is_empty() && pipe.writers > 0 && max > 0 {
                wait(&mut pipe.waiting_readers, waker);
                return Poll::Pending;
            }
            let count = max.min(pipe.bytes.len());
            let taken = pipe.bytes.drain(..count).collect();
            if count > 0 {
                wake(&mut pipe.waiting_writers);
            }
            Poll::Ready(taken)
        })
    }

    /// Resolves when a read would not wait.
    pub fn poll_readable(&self, waker: &Waker) -> Poll<()> {
        self.0.with(|pipe| {
            if pipe.bytes.is_empty() && pipe.writers > 0 {
                wait(&mut pipe.waiting_readers, waker);
                return Poll::Pending;
            }
            Poll::Ready(())
        })
    }

    /// Whether a read would answer with the end of file.
    pub fn is_at_end(&self) -> bool {
        self.0
            .with(|pipe| pipe.bytes.is_empty() && pipe.writers == 0)
    }
}

impl PipeWriter {
    /// As of the reading end.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Appends as much of `bytes` as fits, at least one byte, and says how much that was.
    pub fn poll_write(&self, bytes: &[u8], waker: &Waker) -> Poll<Result<usize, BrokenPipe>> {
        self.0.with(|pipe| {
            if pipe.readers == 0 {
                return Poll::Ready(Err(BrokenPipe));
            }
            let room = PIPE_BYTES - pipe.bytes.len();
            // POSIX: a write of up to PIPE_BUF bytes is not torn apart.
            let wanted = if bytes.len() <= PIPE_BUF {
                bytes.len()
            } else {
                1
            };
            if room < wanted {
                wait(&mut pipe.waiting_writers, waker);
                return Poll::Pending;
            }
            let count = room.min(bytes.len());
            pipe.bytes.extend(&bytes[..count]);
            if count > 0 {
                wake(&mut pipe.waiting_readers);
            }
            assert!(pipe.bytes.len() <= PIPE_BYTES);
            Poll::Ready(Ok(count))
        })
    }

    /// Resolves when a write of 4096 bytes would not wait, with the room there is.
    pub fn poll_writable(&self, waker: &Waker) -> Poll<Result<usize, BrokenPipe>> {
        self.0.with(|pipe| {
            if pipe.readers == 0 {
                return Poll::Ready(Err(BrokenPipe));
            }
            let room = PIPE_BYTES - pipe.bytes.len();
            if room < PIPE_BUF {
                wait(&mut pipe.waiting_writers, waker);
                return Poll::Pending;
            }
            Poll::Ready(Ok(room))
        })
    }
}

impl Clone for PipeReader {
    fn clone(&self) -> Self {
        self.0.with(|pipe| pipe.readers += 1);
        Self(self.0.clone())
    }
}

impl Clone for PipeWriter {
    fn clone(&self) -> Self {
        self.0.with(|pipe| pipe.writers += 1);
        Self(self.0.clone())
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.0.with(|pipe| {
            pipe.readers -= 1;
            if pipe.readers == 0 {
                pipe.bytes = VecDeque::new();
                wake(&mut pipe.waiting_writers);
            }
        });
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.0.with(|pipe| {
            pipe.writers -= 1;
            if pipe.writers == 0 {
                wake(&mut pipe.waiting_readers);
            }
        });
    }
}

impl Pipe {
    fn open(number: u64, slot: Option<Arc<()>>) -> (PipeReader, PipeWriter) {
        let inner = Mutex::new(Inner {
            readers: 1,
            writers: 1,
            ..Inner::default()
        });
        let pipe = Arc::new(Self {
            number,
            inner,
            _slot: slot,
        });
        (PipeReader(pipe.clone()), PipeWriter(pipe))
    }

    fn with<R>(&self, call: impl FnOnce(&mut Inner) -> R) -> R {
        call(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes up to this long are atomic (Linux: 4096).
const PIPE_BUF: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_and_then_the_end_of_file() {
        let (reader, writer) = pipe();
        assert_eq!(reader.poll_read(9, Waker::noop()), Poll::Pending);
        assert_eq!(
            writer.poll_write(b"hello", Waker::noop()),
            Poll::Ready(Ok(5))
        );
        assert_eq!(
            reader.poll_read(2, Waker::noop()),
            Poll::Ready(b"he".to_vec())
        );
        drop(writer);
        assert_eq!(
            reader.poll_read(9, Waker::noop()),
            Poll::Ready(b"llo".to_vec())
        );
        assert_eq!(reader.poll_read(9, Waker::noop()), Poll::Ready(Vec::new()));
        assert!(reader.is_at_end());
    }

    #[test]
    fn a_full_pipe_waits_and_a_closed_one_breaks() {
        let (reader, writer) = pipe();
        let block = vec![7; PIPE_BYTES + 1];
        assert_eq!(
            writer.poll_write(&block, Waker::noop()),
            Poll::Ready(Ok(PIPE_BYTES))
        );
        assert_eq!(writer.poll_write(b"x", Waker::noop()), Poll::Pending);
        let second = writer.clone();
        drop(reader);
        assert_eq!(
            second.poll_write(b"x", Waker::noop()),
            Poll::Ready(Err(BrokenPipe))
        );
    }

    #[test]
    fn a_pod_has_only_so_many_pipes() {
        let mut pipes = Pipes::default();
        let mut open: Vec<_> = (0..PIPES_PER_POD)
            .map(|_| pipes.create().unwrap())
            .collect();
        assert_eq!(pipes.create().err(), Some(PipesExhausted));
        let (reader, _) = open.pop().unwrap();
        assert_eq!(
            pipes.create().err(),
            Some(PipesExhausted),
            "one end is left"
        );
        drop(reader);
        assert!(pipes.create().is_ok());
    }

    #[test]
    fn a_short_write_is_never_torn() {
        let (reader, writer) = pipe();
        assert_eq!(
            writer.poll_write(&vec![7; PIPE_BYTES - 3], Waker::noop()),
            Poll::Ready(Ok(PIPE_BYTES - 3))
        );
        assert_eq!(writer.poll_write(b"four", Waker::noop()), Poll::Pending);
        assert_eq!(reader.poll_read(1, Waker::noop()), Poll::Ready(vec![7]));
        assert_eq!(
            writer.poll_write(b"four", Waker::noop()),
            Poll::Ready(Ok(4))
        );
    }
}
