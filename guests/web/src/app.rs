//! A small HTTP server on tokio and hyper, for guests that answer with a line of text.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

/// Connections served at a time; further ones wait in the backlog.
const CONNECTIONS_MAX: usize = 256;
/// Head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// After a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers a request, of which it sees the head, and the client's address.
pub type Answer = fn(&Request<Incoming>, SocketAddr) -> Response<Full<Bytes>>;

/// Listens, calls `listening` and serves until the process is killed.
pub fn run(address: SocketAddr, answer: Answer, listening: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(address).await?;
        listening(listener.local_addr()?);
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        while let Ok(permit) = connections.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, client)) => {
                    tokio::task::spawn_local(async move {
                        serve(stream, client, answer).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    eprintln!("accept: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        Ok(())
    })
}

async fn serve(stream: TcpStream, client: SocketAddr, answer: Answer) {
    let service = service_fn(|request| ready(Ok::<_, Infallible>(answer(&request, client))));
    let served = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).serve_connection(Stream(stream), service).await;
    if let Err(error) = served {
        eprintln!("{}: {error}", client.ip());
    }
}

/// tokio's stream as hyper takes it.
struct Stream(TcpStream);

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut cursor: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut chunk = [0; 4096];
        let len = chunk.len().min(cursor.remaining());
        let mut buffer = ReadBuf::new(&mut chunk[..len]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        cursor.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A response of plain text.
pub fn text(status: u16, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
