//! The receive queue of a UDP socket.

use super::Error;
use super::rules::Owner;
use super::stream::register;
use crate::limits::{DATAGRAM_OVERHEAD_BYTES, DATAGRAM_SERVICES_REMEMBERED};
use bytes::Bytes;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// A datagram that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// Its payload.
    pub data: Bytes,
}

impl Datagram {
    fn cost(&self) -> usize {
        self.data.len() + DATAGRAM_OVERHEAD_BYTES
    }
}

/// Where datagrams to one socket wait, oldest first. What does not fit is dropped, as UDP does.
#[derive(Clone, Debug)]
pub struct Mailbox(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    queue: VecDeque<Datagram>,
    /// Bytes in `queue`, overhead included.
    used: usize,
    limit: usize,
    /// When connected, the only one who may send.
    remote: Option<SocketAddr>,
    /// Service addresses this socket has sent to, and the backend each goes to: kube-proxy's conntrack entries.
    services: VecDeque<(SocketAddr, SocketAddr)>,
    error: Option<Error>,
    closed: bool,
    /// Whose socket it is, where there are rules.
    owner: Option<Owner>,
    reader: Option<Waker>,
}

impl Mailbox {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            queue: VecDeque::new(),
            used: 0,
            limit,
            remote: None,
            services: VecDeque::new(),
            error: None,
            closed: false,
            owner: None,
            reader: None,
        })))
    }

    /// The oldest datagram, or an error that an earlier one met.
    pub fn try_receive(&self) -> Option<Result<Datagram, Error>> {
        self.lock().receive()
    }

    /// As [`try_receive`](Self::try_receive); waits.
    pub fn poll_receive(&self, waker: &Waker) -> Poll<Result<Datagram, Error>> {
        let mut state = self.lock();
        match state.receive() {
            Some(result) => Poll::Ready(result),
            None => {
                register(&mut state.reader, waker);
                Poll::Pending
            }
        }
    }

    /// Waits until [`try_receive`](Self::try_receive) has an answer.
    pub fn poll_receivable(&self, waker: &Waker) -> Poll<()> {
        let mut state = self.lock();
        if state.error.is_some() || !state.queue.is_empty() || state.closed {
            return Poll::Ready(());
        }
        register(&mut state.reader, waker);
        Poll::Pending
    }

    /// Returns whether anyone is there, not whether it was kept.
    pub(super) fn deliver(&self, from: SocketAddr, data: Bytes) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        let from = state
            .services
            .iter()
            .find(|(_, backend)| *backend == from)
            .map_or(from, |(service, _)| *service);
        if state.remote.is_some_and(|remote| remote != from) {
            return false;
        }
        if state.used >= state.limit {
            return true;
        }
        let datagram = Datagram { from, data };
        state.used += datagram.cost();
        state.queue.push_back(datagram);
        wake(state);
        true
    }

    pub(super) fn set_remote(&self, remote: Option<SocketAddr>) {
        let mut state = self.lock();
        state.remote = remote;
        state.error = None;
        // WASI promises that a connected stream hears its peer alone; Linux would still hand out what came before.
        if let Some(remote) = remote {
            state.queue.retain(|datagram| datagram.from == remote);
            state.used = state.queue.iter().map(Datagram::cost).sum();
        }
    }

    pub(super) fn set_owner(&self, owner: Owner) {
        self.lock().owner = Some(owner);
    }

    pub(super) fn owner(&self) -> Option<Owner> {
        self.lock().owner.clone()
    }

    pub(super) fn set_limit(&self, limit: usize) {
        self.lock().limit = limit;
    }

    /// The backend that datagrams to `service` went to before.
    pub(super) fn backend(&self, service: SocketAddr) -> Option<SocketAddr> {
        let state = self.lock();
        state
            .services
            .iter()
            .find(|(known, _)| *known == service)
            .map(|(_, backend)| *backend)
    }

    pub(super) fn remember(&self, service: SocketAddr, backend: SocketAddr) {
        let mut state = self.lock();
        state.services.retain(|(known, _)| *known != service);
        if state.services.len() >= DATAGRAM_SERVICES_REMEMBERED {
            state.services.pop_front();
        }
        state.services.push_back((service, backend));
    }

    /// An ICMP answer to something this socket sent.
    pub(super) fn report(&self, error: Error) {
        let mut state = self.lock();
        state.error = Some(error);
        wake(state);
    }

    pub(super) fn take_error(&self) -> Result<(), Error> {
        self.lock().error.take().map_or(Ok(()), Err)
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queue.clear();
        wake(state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn receive(&mut self) -> Option<Result<Datagram, Error>> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let datagram = self.queue.pop_front();
        match &datagram {
            Some(datagram) => self.used -= datagram.cost(),
            None if self.closed => return Some(Err(Error::InvalidState)),
            None => {}
        }
        datagram.map(Ok)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    reader.into_iter().for_each(Waker::wake);
}
