//! The body of an answer: known at once, or written as it comes.

use hyper::body::{Body as _, Bytes, Frame, SizeHint};
use hyper::header::HeaderMap;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The connection is closed before the answer is whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disconnect;

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("disconnected")
    }
}

impl Error for Disconnect {}

/// What a connection reads.
pub(crate) struct Body(Rc<RefCell<State>>);

/// What a handler writes; the body ends when it is dropped.
pub(crate) struct Sender(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    frames: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    ended: bool,
    failed: bool,
    /// The connection is gone.
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

impl Body {
    /// The bytes, and what HTTP/2 sends after them.
    pub(crate) fn with_trailers(bytes: Vec<u8>, trailers: HeaderMap) -> Self {
        let body = Body::from(bytes);
        body.0.borrow_mut().trailers = Some(trailers);
        body
    }

    pub(crate) fn channel() -> (Sender, Body) {
        let state = Rc::new(RefCell::new(State::default()));
        (Sender(state.clone()), Body(state))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        let frames = match bytes.is_empty() {
            true => VecDeque::new(),
            false => VecDeque::from([Bytes::from(bytes)]),
        };
        Body(Rc::new(RefCell::new(State {
            frames,
            ended: true,
            ..State::default()
        })))
    }
}

impl Sender {
    /// Hands over the bytes when those before have been taken. Fails when nobody reads.
    pub(crate) async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), Disconnect> {
        let mut bytes = Some(bytes.into());
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            if state.abandoned {
                return Poll::Ready(Err(Disconnect));
            }
            if !state.frames.is_empty() {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            state.frames.extend(bytes.take());
            state.wake_reader();
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Closes the connection after what has been sent.
    pub(crate) fn disconnect(self) {
        self.0.borrow_mut().failed = true;
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.ended = true;
        state.wake_reader();
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.abandoned = true;
        state.wake_writer();
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Disconnect;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Disconnect>>> {
        let mut state = self.0.borrow_mut();
        if let Some(bytes) = state.frames.pop_front() {
            state.wake_writer();
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if let Some(trailers) = state.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match (state.failed, state.ended) {
            (true, _) => Poll::Ready(Some(Err(Disconnect))),
            (false, true) => Poll::Ready(None),
            (false, false) => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let state = self.0.borrow();
        state.ended && !state.failed && state.frames.is_empty() && state.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.0.borrow();
        let bytes = state.frames.iter().map(|bytes| bytes.len() as u64).sum();
        match state.ended && !state.failed {
            true => SizeHint::with_exact(bytes),
            false => SizeHint::default(),
        }
    }
}

/// Reads a whole body of a peer, unless it is longer than `limit`.
pub(crate) async fn collect(
    mut body: hyper::body::Incoming,
    limit: usize,
) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| error.to_string())?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > limit {
                return Err("body is too large".to_owned());
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}
