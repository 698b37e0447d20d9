//! A connection against a model that knows only lists of bytes: none is lost, order is kept, the end and a reset come
//! exactly when they should, and a waker is called exactly when there is something to do.

use crate::net::stream::{Buffers, Phase, Stream, pair};
use crate::net::{Error, Shutdown};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    Read(usize),
    ShutdownSend,
    Close,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        10 => (1..20_000_usize).prop_map(Step::Write),
        10 => (1..50_000_usize).prop_map(Step::Read),
        1 => Just(Step::ShutdownSend),
        1 => Just(Step::Close),
    ];
    (0..2_usize, step)
}

/// What one side has coming, and whether anything more can come or go.
#[derive(Default)]
struct Side {
    incoming: VecDeque<u8>,
    end: bool,
    reset: bool,
    broken: bool,
    closed: bool,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

proptest! {
    #[test]
    fn streams_are_lists_of_bytes(steps in prop::collection::vec(step(), 1..80), buffer in 4096..60_000_usize) {
        let buffers = Buffers { receive: buffer, send: buffer };
        let addresses = ["127.0.0.1:1", "127.0.0.1:2"].map(|address| address.parse().unwrap());
        let [client, server] = pair(addresses, [buffers; 2], Phase::Established, (None, None));
        let mut streams = [Some(client), Some(server)];
        let mut sides = [Side::default(), Side::default()];
        let mut next = 0_u8;
        for (side, step) in steps {
            let wakers = watch(&streams);
            let Some(stream) = &streams[side] else { continue };
            match step {
                Step::Write(len) => write(stream, &mut sides, side, len, &mut next)?,
                Step::Read(max) => read(stream, &mut sides[side], max)?,
                Step::ShutdownSend => {
                    stream.shutdown(Shutdown::Send);
                    sides[1 - side].end = true;
                    sides[side].broken = true;
                }
                Step::Close => {
                    streams[side] = None;
                    close(&mut sides, side);
                }
            }
            check_wakes(&streams, &wakers)?;
        }
    }
}

fn write(
    stream: &Stream,
    sides: &mut [Side; 2],
    side: usize,
    len: usize,
    next: &mut u8,
) -> Result<(), TestCaseError> {
    let room = match stream.try_writable() {
        Ok(room) => room,
        Err(error) => {
            let reset = std::mem::take(&mut sides[side].reset);
            prop_assert_eq!(
                error,
                if reset {
                    Error::ConnectionReset
                } else {
                    Error::BrokenPipe
                }
            );
            prop_assert!(reset || sides[side].broken);
            sides[side].broken = true;
            sides[side].end |= reset;
            return Ok(());
        }
    };
    prop_assert!(!sides[side].reset && !sides[side].broken);
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        *next = next.wrapping_add(1);
        *next
    })
    .take(len.min(room))
    .collect();
    if sides[1 - side].closed {
        // The first write after the peer has gone is lost; it breaks the pipe.
        sides[side].broken |= room > 0;
    } else {
        sides[1 - side].incoming.extend(&bytes);
    }
    prop_assert_eq!(stream.write(Bytes::from(bytes)), Ok(()));
    Ok(())
}

fn read(stream: &Stream, side: &mut Side, max: usize) -> Result<(), TestCaseError> {
    match stream.try_read(max) {
        None => prop_assert!(side.incoming.is_empty() && !side.end && !side.reset),
        Some(Ok(bytes)) if bytes.is_empty() => prop_assert!(side.incoming.is_empty() && side.end),
        Some(Ok(bytes)) => {
            prop_assert!(bytes.len() <= max && bytes.len() <= side.incoming.len());
            prop_assert!(side.incoming.drain(..bytes.len()).eq(bytes));
        }
        Some(Err(error)) => {
            prop_assert_eq!(error, Error::ConnectionReset);
            prop_assert!(side.incoming.is_empty() && side.reset);
            (side.reset, side.end, side.broken) = (false, true, true);
        }
    }
    Ok(())
}

fn close(sides: &mut [Side; 2], side: usize) {
    let unread = !sides[side].incoming.is_empty();
    sides[side].closed = true;
    let peer = &mut sides[1 - side];
    if unread && peer.end {
        peer.broken = true;
    } else if unread {
        peer.reset = true;
    } else {
        peer.end = true;
    }
}

type Watched = [Option<Arc<Flag>>; 4];

/// Leaves a waker wherever one would wait.
fn watch(streams: &[Option<Stream>; 2]) -> Watched {
    let mut watched = Watched::default();
    for (index, slot) in watched.iter_mut().enumerate() {
        let flag = Arc::new(Flag::default());
        if ready(streams, index, &Waker::from(flag.clone())) == Some(false) {
            *slot = Some(flag);
        }
    }
    watched
}

fn check_wakes(streams: &[Option<Stream>; 2], watched: &Watched) -> Result<(), TestCaseError> {
    for (index, flag) in watched.iter().enumerate() {
        let Some(flag) = flag else { continue };
        if let Some(ready) = ready(streams, index, Waker::noop()) {
            prop_assert_eq!(flag.0.load(Ordering::Relaxed), ready, "waker {}", index);
        }
    }
    Ok(())
}

/// Whether one end can be read (indices 0 and 1) or written (2 and 3); `None` when it is closed.
fn ready(streams: &[Option<Stream>; 2], index: usize, waker: &Waker) -> Option<bool> {
    let stream = streams[index % 2].as_ref()?;
    let poll = if index < 2 {
        stream.poll_readable(waker)
    } else {
        stream.poll_writable(waker)
    };
    Some(poll == Poll::Ready(()))
}
