//! Connections: two rings of bytes and their wakers, owned by neither end's pod.
//!
//! What an end sees is what Linux shows over loopback, where every segment arrives at once: queued bytes stay
//! readable after a reset; an end that closes with unread bytes resets its peer (`ECONNRESET`, or `EPIPE` when the
//! peer had seen the end of the stream); a write after the peer closed is lost, the next one is a broken pipe. Under
//! [`Rules`](super::Rules) there is a wire between the two, and all of this happens when it lets a segment arrive.

mod segments;

use super::ring::Ring;
use super::rules::{Owner, Path, Segment, Wire};
use super::tap::Line;
use super::{Error, Shutdown};
use crate::limits::{SOCKET_BUFFER_BYTES_MIN, SOCKET_WRITE_BYTES_MAX};
use bytes::Bytes;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker, ready};

/// Sizes of the buffers of one end, in bytes: `SO_RCVBUF` and `SO_SNDBUF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Bytes that wait for this end to read them.
    pub receive: usize,
    /// Bytes that this end may have written before the other end has room.
    pub send: usize,
}

/// One end of a connection, in the hands of whoever reads and writes.
///
/// Each of reading, writing and connecting has room for one waker: the last one that polled is woken.
#[derive(Clone, Debug)]
pub struct End {
    connection: Arc<Connection>,
    side: usize,
}

/// An [`End`] that closes when dropped. Who holds it owns the end.
#[derive(Debug)]
pub struct Stream(End);

#[derive(Debug)]
pub(super) struct Connection {
    addresses: [SocketAddr; 2],
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    connecting: Option<Waker>,
    sides: [Side; 2],
    /// `None`: what one side sends arrives at once.
    wire: Option<Box<Wire>>,
    /// Neither end sends any more: the network has ended it.
    dead: bool,
    line: Option<Line>,
}

/// How far the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Pending,
    Established,
    Failed(Error),
}

#[derive(Debug)]
struct Side {
    buffers: Buffers,
    /// Bytes on the way to this side.
    incoming: Ring,
    /// The peer will send no more.
    fin: bool,
    /// This side will send no more.
    fin_sent: bool,
    /// This side will read no more.
    deaf: bool,
    closed: bool,
    /// No byte passes any more; `error` tells it once.
    aborted: bool,
    error: Option<Error>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Wakers to call when the lock is free again.
#[derive(Default)]
struct Wakes([Option<Waker>; 5]);

impl Wakes {
    fn add(&mut self, waker: &mut Option<Waker>) {
        if let Some(waker) = waker.take() {
            let free = self.0.iter_mut().find(|slot| slot.is_none());
            *free.expect("a connection has five wakers") = Some(waker);
        }
    }
}

/// Makes a connection; `[0]` is the end that connects, `[1]` the one that accepts.
pub(super) fn pair(
    addresses: [SocketAddr; 2],
    buffers: [Buffers; 2],
    phase: Phase,
    (path, line): (Option<Path>, Option<Line>),
) -> [Stream; 2] {
    if let Some(line) = &line {
        line.begins(phase);
    }
    let side = |buffers| Side {
        buffers,
        incoming: Ring::default(),
        fin: false,
        fin_sent: false,
        deaf: false,
        closed: false,
        aborted: false,
        error: None,
        reader: None,
        writer: None,
    };
    let connection = Arc::new_cyclic(|me| Connection {
        addresses,
        state: Mutex::new(State {
            phase,
            connecting: None,
            sides: buffers.map(side),
            wire: path.map(|path| Box::new(Wire::new(path, me.clone()))),
            dead: false,
            line,
        }),
    });
    [0, 1].map(|side| {
        Stream(End {
            connection: connection.clone(),
            side,
        })
    })
}

impl End {
    /// Address of this end.
    pub fn local_address(&self) -> SocketAddr {
        self.connection.addresses[self.side]
    }

    /// Address of the other end.
    pub fn remote_address(&self) -> SocketAddr {
        self.connection.addresses[1 - self.side]
    }

    /// Waits until the other end has taken the connection, or why it did not.
    pub fn poll_connected(&self, waker: &Waker) -> Poll<Result<(), Error>> {
        self.with(|state, _| match state.phase {
            Phase::Established => Poll::Ready(Ok(())),
            Phase::Failed(error) => Poll::Ready(Err(error)),
            Phase::Pending => {
                register(&mut state.connecting, waker);
                Poll::Pending
            }
        })
    }

    /// Takes at most `max` bytes, which is not 0; no bytes are the end of the stream. `None`: nothing has come yet.
    pub fn try_read(&self, max: usize) -> Option<Result<Bytes, Error>> {
        self.with(|state, wakes| state.read(self.side, max, wakes))
    }

    /// As [`try_read`](Self::try_read); waits.
    pub fn poll_read(&self, max: usize, waker: &Waker) -> Poll<Result<Bytes, Error>> {
        self.with(|state, wakes| match state.read(self.side, max, wakes) {
            Some(result) => Poll::Ready(result),
            None => {
                register(&mut state.sides[self.side].reader, waker);
                Poll::Pending
            }
        })
    }

    /// Waits until [`try_read`](Self::try_read) has an answer.
    pub fn poll_readable(&self, waker: &Waker) -> Poll<()> {
        self.with(|state, _| {
            let side = &mut state.sides[self.side];
            if side.is_readable() {
                return Poll::Ready(());
            }
            register(&mut side.reader, waker);
            Poll::Pending
        })
    }

    /// How many bytes [`write`](Self::write) takes; 0 while the buffers are so full that Linux would not report the
    /// socket writable (more than two thirds).
    pub fn try_writable(&self) -> Result<usize, Error> {
        self.with(|state, _| {
            state
                .take_write_error(self.side)
                .map(|()| state.room(self.side))
        })
    }

    /// Waits until [`try_writable`](Self::try_writable) is not 0.
    pub fn poll_writable(&self, waker: &Waker) -> Poll<()> {
        self.with(|state, _| {
            if state.is_write_broken(self.side) || state.room(self.side) > 0 {
                return Poll::Ready(());
            }
            register(&mut state.sides[self.side].writer, waker);
            Poll::Pending
        })
    }

    /// Sends `bytes`, which are not more than [`try_writable`](Self::try_writable) has told.
    pub fn write(&self, bytes: Bytes) -> Result<(), Error> {
        self.with(|state, wakes| {
            state.take_write_error(self.side)?;
            state.push(self.side, bytes, wakes);
            Ok(())
        })
    }

    /// Sends the beginning of `bytes` and cuts it off; waits for room. Returns how many bytes went.
    pub fn poll_write(&self, bytes: &mut Bytes, waker: &Waker) -> Poll<Result<usize, Error>> {
        ready!(self.poll_writable(waker));
        Poll::Ready(self.with(|state, wakes| {
            state.take_write_error(self.side)?;
            let piece = bytes.split_to(state.room(self.side).min(bytes.len()));
            let len = piece.len();
            state.push(self.side, piece, wakes);
            Ok(len)
        }))
    }

    /// Stops one or both directions.
    pub fn shutdown(&self, how: Shutdown) {
        self.with(|state, wakes| {
            let [me, peer] = state.both(self.side);
            if matches!(how, Shutdown::Receive | Shutdown::Both) {
                me.deaf = true;
                me.incoming.clear();
                wakes.add(&mut me.reader);
                wakes.add(&mut peer.writer);
            }
            if matches!(how, Shutdown::Send | Shutdown::Both) && !me.fin_sent {
                me.fin_sent = true;
                wakes.add(&mut me.writer);
                state.send(self.side, Segment::Fin, wakes);
            }
        });
    }

    /// Gives the end back. Unread bytes reset the connection.
    pub fn close(&self) {
        self.with(|state, wakes| {
            let unread = !state.sides[self.side].incoming.is_empty();
            state.close(
                self.side,
                if unread { Close::Reset } else { Close::Orderly },
                wakes,
            );
        });
    }

    /// Resets the connection.
    pub fn abort(&self) {
        self.with(|state, wakes| state.close(self.side, Close::Reset, wakes));
    }

    /// Sizes of the buffers.
    pub fn buffers(&self) -> Buffers {
        self.with(|state, _| state.sides[self.side].buffers)
    }

    /// Changes the sizes of the buffers; what they hold stays.
    pub fn set_buffers(&self, buffers: Buffers) {
        self.with(|state, wakes| {
            state.sides[self.side].buffers = buffers;
            let [me, peer] = state.both(self.side);
            wakes.add(&mut me.writer);
            wakes.add(&mut peer.writer);
        });
    }

    /// The acceptor's end takes the connection.
    pub(super) fn establish(&self) {
        self.with(|state, wakes| state.send(self.side, Segment::Established, wakes));
    }

    /// The acceptor's end refuses the connection.
    pub(super) fn fail(&self, error: Error) {
        self.with(|state, wakes| state.send(self.side, Segment::Refused(error), wakes));
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.with(|state, _| state.sides[1 - self.side].closed)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.with(|state, _| state.phase == Phase::Pending)
    }

    /// The connect is on its way, which may take too long.
    pub(super) fn start_connect_timeout(&self) {
        self.with(|state, _| {
            if let Some(wire) = &mut state.wire {
                wire.start_connect_timeout();
            }
        });
    }

    /// Somebody has been found who listens.
    pub(super) fn set_acceptor(&self, owner: Owner) {
        self.with(|state, _| {
            if let Some(wire) = &mut state.wire {
                wire.set_acceptor(owner);
            }
        });
    }

    fn with<R>(&self, call: impl FnOnce(&mut State, &mut Wakes) -> R) -> R {
        self.connection.with(call)
    }
}

impl Connection {
    fn with<R>(&self, call: impl FnOnce(&mut State, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let result = {
            let state = self.state.lock();
            call(
                &mut state.unwrap_or_else(PoisonError::into_inner),
                &mut wakes,
            )
        };
        wakes.0.into_iter().flatten().for_each(Waker::wake);
        result
    }
}

impl Deref for Stream {
    type Target = End;

    fn deref(&self) -> &End {
        &self.0
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[derive(Clone, Copy)]
enum Close {
    Orderly,
    Reset,
}

impl State {
    fn both(&mut self, side: usize) -> [&mut Side; 2] {
        let [first, second] = &mut self.sides;
        if side == 0 {
            [first, second]
        } else {
            [second, first]
        }
    }

    fn read(&mut self, side: usize, max: usize, wakes: &mut Wakes) -> Option<Result<Bytes, Error>> {
        let was_full = self.room(1 - side) == 0;
        let me = &mut self.sides[side];
        if me.incoming.is_empty() {
            return me.read_end();
        }
        let bytes = me.incoming.pop(max);
        if was_full && self.room(1 - side) > 0 {
            wakes.add(&mut self.sides[1 - side].writer);
        }
        Some(Ok(bytes))
    }

    fn push(&mut self, side: usize, bytes: Bytes, wakes: &mut Wakes) {
        if !bytes.is_empty() || self.sides[1 - side].closed {
            self.send(side, Segment::Bytes(bytes), wakes);
        }
    }

    /// Bytes that `side` may write.
    fn room(&self, side: usize) -> usize {
        let (me, peer) = (&self.sides[side], &self.sides[1 - side]);
        // Whoever accepts may write before the other end knows that it is connected.
        if self.phase == Phase::Pending && side == 0 {
            return 0;
        }
        let on_the_way = self.wire.as_ref().map_or(0, |wire| wire.bytes_of(side));
        if on_the_way == 0 && (peer.deaf || peer.closed) {
            return SOCKET_WRITE_BYTES_MAX;
        }
        let capacity = (me.buffers.send + peer.buffers.receive).max(SOCKET_BUFFER_BYTES_MIN);
        let room = capacity.saturating_sub(peer.incoming.len() + on_the_way);
        if room < capacity / 3 {
            0
        } else {
            room.min(SOCKET_WRITE_BYTES_MAX)
        }
    }

    fn is_write_broken(&self, side: usize) -> bool {
        self.sides[side].aborted || self.sides[side].fin_sent
    }

    fn take_write_error(&mut self, side: usize) -> Result<(), Error> {
        match self.sides[side].error.take() {
            Some(error) => Err(error),
            None if self.is_write_broken(side) => Err(Error::BrokenPipe),
            None => Ok(()),
        }
    }

    fn close(&mut self, side: usize, how: Close, wakes: &mut Wakes) {
        let me = &mut self.sides[side];
        if me.closed {
            return;
        }
        me.closed = true;
        me.incoming.clear();
        me.aborted = true;
        me.wake(wakes);
        let segment = match how {
            Close::Orderly => Segment::Fin,
            Close::Reset => Segment::Reset,
        };
        self.send(side, segment, wakes);
        wakes.add(&mut self.connecting);
        if side == 0
            && self.phase == Phase::Pending
            && let Some(wire) = &mut self.wire
        {
            wire.stop_connect_timeout();
        }
    }

    fn settle(&mut self, phase: Phase, wakes: &mut Wakes) {
        if self.phase != Phase::Pending {
            return;
        }
        self.phase = phase;
        if let Some(wire) = &mut self.wire {
            wire.stop_connect_timeout();
        }
        let client = &mut self.sides[0];
        if let Phase::Failed(error) = phase {
            client.aborted = true;
            client.error = Some(error);
            wakes.add(&mut client.reader);
        }
        wakes.add(&mut client.writer);
        wakes.add(&mut self.connecting);
    }
}

impl Side {
    fn is_readable(&self) -> bool {
        !self.incoming.is_empty() || self.fin || self.deaf || self.aborted
    }

    /// What a read answers when no bytes are left, in the order of Linux' `tcp_recvmsg`.
    fn read_end(&mut self) -> Option<Result<Bytes, Error>> {
        if self.fin || self.deaf {
            return Some(Ok(Bytes::new()));
        }
        match self.error.take() {
            Some(error) => Some(Err(error)),
            None => self.aborted.then(|| Ok(Bytes::new())),
        }
    }

    fn abort(&mut self, error: Error) {
        self.aborted = true;
        self.error = Some(match error {
            Error::ConnectionReset if self.fin => Error::BrokenPipe,
            error => error,
        });
    }

    fn wake(&mut self, wakes: &mut Wakes) {
        wakes.add(&mut self.reader);
        wakes.add(&mut self.writer);
    }
}

pub(super) fn register(slot: &mut Option<Waker>, waker: &Waker) {
    match slot {
        Some(old) => old.clone_from(waker),
        None => *slot = Some(waker.clone()),
    }
}
