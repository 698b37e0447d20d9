//! Standard streams of a container, as those see them who attach to it.

use crate::world::LogStream;
use bytes::Bytes;
use seedpod_core::limits::{ATTACH_BYTES_PENDING, ATTACHED_CLIENTS};
use seedpod_core::process::PipeWriter;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Standard streams of one instance of a container. It runs on whether anyone is attached or not, and never waits for
/// one who is.
pub(crate) struct Console {
    /// `stdinOnce`: standard input closes with the first client that had it.
    stdin_once: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Keeps standard input open; `None` without `stdin`, and once it is closed.
    stdin: Option<PipeWriter>,
    clients: Vec<Arc<Client>>,
    ended: bool,
}

/// Too many clients are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{ATTACHED_CLIENTS} clients are attached")]
pub(crate) struct TooManyClients;

impl Console {
    pub(crate) fn new(stdin: Option<PipeWriter>, stdin_once: bool) -> Arc<Self> {
        let state = State {
            stdin,
            ..State::default()
        };
        Arc::new(Self {
            stdin_once,
            state: Mutex::new(state),
        })
    }

    /// One more client: what it can write to, if there is such a thing, and what it reads.
    pub(crate) fn attach(&self) -> Result<(Option<PipeWriter>, Arc<Client>), TooManyClients> {
        let mut state = self.lock();
        state.clients.retain(|client| !client.lock().closed);
        if state.clients.len() >= ATTACHED_CLIENTS {
            return Err(TooManyClients);
        }
        let client = Arc::new(Client::default());
        if state.ended {
            client.close();
        } else {
            state.clients.push(client.clone());
        }
        Ok((state.stdin.clone(), client))
    }

    /// Hands output to every client. One that has not read for so long that it has no room is dropped.
    pub(crate) fn write(&self, stream: LogStream, bytes: &[u8]) {
        let mut state = self.lock();
        if state.clients.is_empty() || bytes.is_empty() {
            return;
        }
        let bytes = Bytes::copy_from_slice(bytes);
        state.clients.retain(|client| client.push(stream, &bytes));
    }

    /// A client that had standard input has left, or closed it.
    pub(crate) fn leave_stdin(&self) {
        if self.stdin_once {
            self.lock().stdin = None;
        }
    }

    /// The container has ended.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.stdin = None;
        for client in state.clients.drain(..) {
            client.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one client has not read yet.
#[derive(Default)]
pub(crate) struct Client(Mutex<Unread>);

#[derive(Default)]
struct Unread {
    chunks: VecDeque<(LogStream, Bytes)>,
    bytes: usize,
    closed: bool,
    waiting: Option<Waker>,
}

impl Client {
    /// The next piece of output; `None` when the container has ended or this client was too slow.
    pub(crate) fn poll_read(&self, waker: &Waker) -> Poll<Option<(LogStream, Bytes)>> {
        let mut unread = self.lock();
        if let Some((stream, chunk)) = unread.chunks.pop_front() {
            unread.bytes -= chunk.len() + CHUNK_OVERHEAD;
            return Poll::Ready(Some((stream, chunk)));
        }
        if unread.closed {
            return Poll::Ready(None);
        }
        unread.waiting = Some(waker.clone());
        Poll::Pending
    }

    /// Whether there was room.
    fn push(&self, stream: LogStream, bytes: &Bytes) -> bool {
        let mut unread = self.lock();
        if unread.closed {
            return false;
        }
        let cost = bytes.len() + CHUNK_OVERHEAD;
        if unread.bytes + cost > ATTACH_BYTES_PENDING {
            drop(unread);
            self.close();
            return false;
        }
        unread.bytes += cost;
        unread.chunks.push_back((stream, bytes.clone()));
        if let Some(waker) = unread.waiting.take() {
            waker.wake();
        }
        true
    }

    /// What has been written can still be read.
    pub(crate) fn close(&self) {
        let mut unread = self.lock();
        unread.closed = true;
        if let Some(waker) = unread.waiting.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Unread> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a chunk costs besides its bytes, so that single bytes cannot grow the queue without bound.
const CHUNK_OVERHEAD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use seedpod_core::process::pipe;

    fn read(client: &Client) -> Option<String> {
        match client.poll_read(Waker::noop()) {
            Poll::Ready(Some((stream, bytes))) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Some(format!("{stream:?} {text}"))
            }
            Poll::Ready(None) => Some("end".to_owned()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn every_client_reads_what_comes_after_it() {
        let console = Console::new(None, false);
        let (_, first) = console.attach().unwrap();
        console.write(LogStream::Stdout, b"a");
        let (_, second) = console.attach().unwrap();
        console.write(LogStream::Stderr, b"b");
        console.end();
        assert_eq!(read(&first).unwrap(), "Stdout a");
        assert_eq!(read(&first).unwrap(), "Stderr b");
        assert_eq!(read(&first).unwrap(), "end");
        assert_eq!(read(&second).unwrap(), "Stderr b");
        assert_eq!(read(&console.attach().unwrap().1).unwrap(), "end");
    }

    #[test]
    fn a_client_that_does_not_read_is_dropped_alone() {
        let console = Console::new(None, false);
        let (_, slow) = console.attach().unwrap();
        let (_, fast) = console.attach().unwrap();
        let chunk = vec![b'x'; 1000];
        for _ in 0..=ATTACH_BYTES_PENDING / chunk.len() {
            console.write(LogStream::Stdout, &chunk);
            assert!(read(&fast).is_some());
        }
        assert_eq!(read(&fast), None);
        let read_before_the_end = std::iter::from_fn(|| read(&slow).filter(|text| text != "end"));
        assert!(read_before_the_end.count() > 0);
        assert_eq!(read(&slow).unwrap(), "end");
    }

    #[test]
    fn stdin_closes_with_the_first_client_when_once() {
        let check = |once: bool, ends: bool| {
            let (reader, writer) = pipe();
            let console = Console::new(Some(writer), once);
            let (stdin, _) = console.attach().unwrap();
            drop(stdin);
            console.leave_stdin();
            assert_eq!(reader.is_at_end(), ends);
            assert_eq!(console.attach().unwrap().0.is_none(), ends);
        };
        check(true, true);
        check(false, false);
    }

    #[test]
    fn only_so_many_clients() {
        let console = Console::new(None, false);
        let clients: Vec<_> = (0..ATTACHED_CLIENTS)
            .map(|_| console.attach().unwrap().1)
            .collect();
        assert_eq!(console.attach().err(), Some(TooManyClients));
        clients[0].close();
        assert!(console.attach().is_ok());
    }
}
