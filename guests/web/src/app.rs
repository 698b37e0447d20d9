//! A small HTTP server on hyper, for guests that answer with a line of text.

use crate::rt::{self, Counter, Listener, Reader, Writer};
use crate::stream::{Read as _, Write as _};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Connections served at a time; further ones wait in the backlog.
const CONNECTIONS_MAX: usize = 256;
/// Head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// After a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A connection is dropped after this time, whatever it does.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);

/// Answers a request, of which it sees the head, and the client's address.
pub type Answer = fn(&Request<Incoming>, SocketAddr) -> Response<Full<Bytes>>;

/// Listens, calls `listening` and serves until the process is killed.
pub fn run(address: SocketAddr, answer: Answer, listening: impl FnOnce(SocketAddr)) -> io::Error {
    rt::block_on(async {
        let listener = match Listener::bind(address).await {
            Ok(listener) => listener,
            Err(error) => return error,
        };
        listening(address);
        let connections = Counter::default();
        loop {
            connections.below(CONNECTIONS_MAX).await;
            match listener.accept().await {
                Ok((reader, writer, client)) => {
                    let guard = connections.enter();
                    rt::spawn(async move {
                        // One that takes too long is dropped without a word, as a server under load would.
                        let _ = rt::timeout(
                            CONNECTION_TIME_MAX,
                            serve(Stream::new(reader, writer), client, answer),
                        )
                        .await;
                        drop(guard);
                    });
                }
                Err(error) => {
                    eprintln!("accept: {error}");
                    rt::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}

async fn serve(stream: Stream, client: SocketAddr, answer: Answer) {
    let service = service_fn(|request| ready(Ok::<_, Infallible>(answer(&request, client))));
    let served = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(stream, service)
        .await;
    if let Err(error) = served {
        eprintln!("{}: {error}", client.ip());
    }
}

/// Both halves of a connection, as hyper takes it.
pub struct Stream {
    reader: Reader,
    writer: Writer,
}

impl Stream {
    pub fn new(reader: Reader, writer: Writer) -> Self {
        Stream { reader, writer }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; 4096];
        let len = chunk.len().min(cursor.remaining());
        let len = ready!(self.reader.poll_read(cx, &mut chunk[..len]))?;
        cursor.put_slice(&chunk[..len]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writer.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.writer.poll_flush(cx))?;
        self.writer.shutdown();
        Poll::Ready(Ok(()))
    }
}

/// A response of text.
pub fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
