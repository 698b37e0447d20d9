//! The backlog of a listening socket: where connects of its own pod, of other pods and of the outside meet.

use super::Error;
use super::rules::{Owner, Path};
use super::stream::{Buffers, Phase, Stream, pair, register};
use super::tap::Tapping;
use crate::limits::{SOCKET_BACKLOG_MAX, SOCKET_CONNECTS_WAITING};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

#[derive(Debug)]
pub(super) struct Listener {
    state: Mutex<State>,
    /// Whose socket it is, where there are rules.
    owner: Option<Owner>,
    tapping: Option<Tapping>,
}

#[derive(Debug)]
struct State {
    backlog: usize,
    buffers: Buffers,
    /// Established, and to be accepted.
    ready: VecDeque<Stream>,
    /// Connects that found the backlog full. Linux drops their SYN, and they try again until there is room; here they
    /// take their turn in order, and give up when their socket is closed.
    waiting: VecDeque<Stream>,
    acceptor: Option<Waker>,
    closed: bool,
}

impl Listener {
    pub(super) fn new(
        backlog: usize,
        buffers: Buffers,
        owner: Option<Owner>,
        tapping: Option<Tapping>,
    ) -> Self {
        let state = State {
            backlog: backlog.min(SOCKET_BACKLOG_MAX),
            buffers,
            ready: VecDeque::new(),
            waiting: VecDeque::new(),
            acceptor: None,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            owner,
            tapping,
        }
    }

    pub(super) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Returns the connecting end.
    pub(super) fn connect(
        &self,
        ends: [SocketAddr; 2],
        buffers: Buffers,
        path: Option<Path>,
    ) -> Result<Stream, Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::ConnectionRefused);
        }
        let full = state.is_full();
        if full && !state.has_room_to_wait() {
            return Err(Error::Timeout);
        }
        let line = self.tapping.as_ref().map(|tapping| tapping.line(ends));
        let phase = if full {
            Phase::Pending
        } else {
            Phase::Established
        };
        let [client, server] = pair(ends, [buffers, state.buffers], phase, (path, line));
        if full {
            state.waiting.push_back(server);
        } else {
            state.ready.push_back(server);
            let acceptor = state.acceptor.take();
            drop(state);
            acceptor.into_iter().for_each(Waker::wake);
        }
        Ok(client)
    }

    /// Takes a connect that has been on its way.
    pub(super) fn admit(&self, server: Stream) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return server.fail(Error::ConnectionRefused);
        }
        server.set_buffers(state.buffers);
        if !state.is_full() {
            server.establish();
            state.ready.push_back(server);
            let acceptor = state.acceptor.take();
            drop(state);
            return acceptor.into_iter().for_each(Waker::wake);
        }
        if state.has_room_to_wait() {
            state.waiting.push_back(server);
        } else {
            drop(state);
            server.fail(Error::Timeout);
        }
    }

    pub(super) fn poll_accept(&self, waker: &Waker) -> Poll<Stream> {
        let mut state = self.lock();
        match state.ready.pop_front() {
            Some(stream) => {
                state.promote();
                Poll::Ready(stream)
            }
            None => {
                register(&mut state.acceptor, waker);
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_acceptable(&self, waker: &Waker) -> Poll<()> {
        let mut state = self.lock();
        if !state.ready.is_empty() {
            return Poll::Ready(());
        }
        register(&mut state.acceptor, waker);
        Poll::Pending
    }

    pub(super) fn set_backlog(&self, backlog: usize) {
        let mut state = self.lock();
        state.backlog = backlog.min(SOCKET_BACKLOG_MAX);
        state.promote();
    }

    pub(super) fn set_buffers(&self, buffers: Buffers) {
        self.lock().buffers = buffers;
    }

    /// Resets who was established, refuses who waited.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let (ready, waiting) = (
            std::mem::take(&mut state.ready),
            std::mem::take(&mut state.waiting),
        );
        drop(state);
        ready.iter().for_each(|stream| stream.abort());
        waiting
            .iter()
            .for_each(|stream| stream.fail(Error::ConnectionRefused));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Linux admits one more than the backlog (`sk_acceptq_is_full`).
    fn is_full(&self) -> bool {
        self.ready.len() > self.backlog
    }

    fn has_room_to_wait(&mut self) -> bool {
        if self.waiting.len() >= SOCKET_CONNECTS_WAITING {
            self.waiting.retain(|stream| !stream.is_abandoned());
        }
        self.waiting.len() < SOCKET_CONNECTS_WAITING
    }

    fn promote(&mut self) {
        while !self.is_full() {
            let Some(stream) = self.waiting.pop_front() else {
                return;
            };
            if !stream.is_abandoned() {
                stream.establish();
                self.ready.push_back(stream);
            }
        }
        // Promotion follows an accept or a longer backlog: whoever accepts is awake or finds `ready` filled already.
    }
}
