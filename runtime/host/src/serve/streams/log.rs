//! Logs.

use super::HttpResponse;
use super::link::{Closed, Io, Link, Messages, Wire};
use crate::logs::LogReader;
use crate::serve::body::Body;
use crate::serve::state::State;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame};
use seedpod_api::server::Response;
use seedpod_api::server::error::ApiError;
use seedpod_api::server::stream::channel::Encoding;
use seedpod_api::server::stream::log::{LogOptions, LogPrinter};
use seedpod_engine::world::PodName;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::spawn_blocking;

/// Opens the log of an instance of a container of a pod: namespace, name and uid.
pub(super) async fn open(
    state: &State,
    (namespace, name, uid): (String, String, String),
    container: String,
    restart: u32,
    tail_lines: Option<u64>,
) -> Result<LogReader, Response> {
    let pod = PodName { namespace, name };
    let logs = state.logs().map(|logs| logs.pod(&pod, &uid));
    let logs = logs.ok_or_else(|| failed(&io::ErrorKind::NotFound.into()))?;
    let open = move || LogReader::open(logs, &container, restart, tail_lines);
    blocking(open).await.map_err(|error| failed(&error))
}

fn failed(error: &io::Error) -> Response {
    ApiError::internal(format!("cannot read the log: {error}")).response()
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The part of a log that was asked for.
pub(super) struct Printed {
    reader: LogReader,
    printer: LogPrinter,
    follow: bool,
}

impl Printed {
    pub(super) fn new(reader: LogReader, options: LogOptions) -> Self {
        Self {
            reader,
            printer: LogPrinter::new(options),
            follow: options.follow,
        }
    }

    /// What comes next, and this again; `None` at the end.
    async fn next(mut self) -> io::Result<Option<(Self, Bytes)>> {
        while !self.printer.is_over() {
            // Looked at before the read, so that nothing comes between them.
            let has_ended = self.reader.has_ended();
            let (next, kept) = blocking(move || {
                let kept = self.reader.read()?;
                Ok((self, kept))
            })
            .await?;
            self = next;
            if kept.is_empty() {
                if has_ended || !self.follow {
                    return Ok(None);
                }
                self.reader.more().await;
                continue;
            }
            let mut printed = Vec::new();
            self.printer.print(&kept, &mut printed);
            if !printed.is_empty() {
                return Ok(Some((self, printed.into())));
            }
        }
        Ok(None)
    }
}

/// As the body of a response, read as fast as the client takes it.
pub(super) fn body(state: &State, printed: Printed, permit: OwnedSemaphorePermit) -> HttpResponse {
    let (pieces, receiver) = mpsc::channel(1);
    let mut closing = state.closing();
    tokio::spawn(async move {
        let send = async {
            let mut printed = printed;
            loop {
                match printed.next().await {
                    Ok(Some((next, bytes))) => {
                        printed = next;
                        if pieces.send(Ok(bytes)).await.is_err() {
                            return;
                        }
                    }
                    Ok(None) => return,
                    Err(error) => {
                        // A client that has gone does not care.
                        let _ = pieces.send(Err(error)).await;
                        return;
                    }
                }
            }
        };
        tokio::select! {
            () = send => {}
            () = pieces.closed() => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
        drop(permit);
    });
    let body: Body = Pieces(receiver).boxed_unsync();
    let mut response = hyper::Response::new(body);
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0
            .poll_recv(cx)
            .map(|piece| piece.map(|bytes| bytes.map(Frame::data)))
    }
}

/// As messages of a WebSocket.
pub(super) async fn send(io: Io, protocol: &str, printed: Printed) {
    let encoding = Encoding::of(protocol);
    // An empty message says that the connection is there.
    let hello = Messages(Some(Bytes::new()));
    let link = Arc::new(Link::new(hello, Wire::websocket(encoding.is_text())));
    let (mut reader, mut writer) = tokio::io::split(io);
    let send = async {
        let mut printed = printed;
        while let Ok(Some((next, bytes))) = printed.next().await {
            printed = next;
            link.room(|_| Some(1)).await;
            link.with(|messages| messages.0 = Some(encoding.encode_plain(bytes)));
        }
    };
    let gone = async {
        loop {
            if let Err(Closed) = link.receive(&mut reader).await {
                return;
            }
        }
    };
    let mut write = pin!(link.write(&mut writer));
    tokio::select! {
        () = send => {}
        () = gone => return,
        () = &mut write => return,
    }
    link.close(&mut reader, write).await;
}
