//! Bodies of responses.

use super::limit::Outstanding;
use super::state::State;
use super::store::Progress;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use seedpod_api::server::Watch;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::{OwnedSemaphorePermit, watch};

/// The body of any response.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body that is there; `outstanding` for as long as the client has not taken it.
pub(super) fn whole(bytes: Bytes, outstanding: Option<Outstanding>) -> Body {
    let whole = Whole {
        bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
        _outstanding: outstanding,
    };
    whole.boxed_unsync()
}

struct Whole {
    bytes: Option<Bytes>,
    _outstanding: Option<Outstanding>,
}

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let bytes = &mut self.get_mut().bytes;
        Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// What a watch sees. It is read only as fast as the client takes it.
pub(super) fn watching(state: Arc<State>, watch: Watch, permit: OwnedSemaphorePermit) -> Body {
    let reader = Reader {
        written: state.disk.progress(),
        closing: state.closing(),
        state,
        watch,
        is_over: false,
        _permit: permit,
    };
    let next = Box::pin(reader.next());
    Watching { next: Some(next) }.boxed_unsync()
}

struct Watching {
    /// `None` once it is over.
    next: Option<Next>,
}

type Next = Pin<Box<dyn Future<Output = Option<(Reader, io::Result<Bytes>)>> + Send>>;

impl HttpBody for Watching {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let Some(next) = &mut this.next else {
            return Poll::Ready(None);
        };
        let read = ready!(next.as_mut().poll(cx));
        this.next = None;
        Poll::Ready(read.map(|(reader, bytes)| {
            if bytes.is_ok() {
                this.next = Some(Box::pin(reader.next()));
            }
            bytes.map(Frame::data)
        }))
    }
}

struct Reader {
    state: Arc<State>,
    watch: Watch,
    written: watch::Receiver<Progress>,
    closing: watch::Receiver<bool>,
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// Waits for what there is to send next; `None` at the end.
    async fn next(mut self) -> Option<(Self, io::Result<Bytes>)> {
        loop {
            if self.is_over || *self.closing.borrow() {
                return None;
            }
            self.written.mark_unchanged();
            let ((read, pause), revision) = self.state.with(|server, now| {
                let read = server.read_watch(now, &mut self.watch);
                (
                    read,
                    self.watch.next_deadline().saturating_since(now.instant),
                )
            });
            self.is_over = read.is_over;
            if !read.bytes.is_empty() {
                let written = self.state.written(revision).await;
                let bytes = written.map(|()| read.bytes).map_err(io::Error::from);
                return Some((self, bytes));
            }
            tokio::select! {
                // Its senders live in the state.
                _ = self.written.changed() => {}
                () = tokio::time::sleep(pause) => {}
                _ = self.closing.wait_for(|closing| *closing) => {}
            }
        }
    }
}
