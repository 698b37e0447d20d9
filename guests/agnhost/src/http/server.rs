//! Listening and serving.

use super::{Answering, Exchange, Tls};
use crate::go;
use crate::system::{Event, fatal, log};
use hyper::header::HOST;
use hyper::rt::{Executor, Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use web::app::Stream;
use web::rt::{self, Counter, Listener, Reader, Writer};

/// Connections served at a time by one listener; further ones wait in the backlog.
const CONNECTIONS_MAX: usize = 256;
/// Head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Requests at a time of one connection of HTTP/2.
const STREAMS_MAX: u32 = 100;
/// After a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Handler = Rc<dyn Fn(Exchange) -> Answering>;

/// `http.Server`
#[derive(Clone)]
pub(crate) struct Server {
    handler: Handler,
    closing: Event,
    /// Requests that are being answered.
    busy: Counter,
    protocol: Protocol,
    tls: Option<Tls>,
}

/// What clients speak.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// From the first byte on, as gRPC does.
    Http2,
}

impl Server {
    pub(crate) fn new(handler: impl Fn(Exchange) -> Answering + 'static) -> Self {
        Server {
            handler: Rc::new(handler),
            closing: Event::default(),
            busy: Counter::default(),
            protocol: Protocol::Http1,
            tls: None,
        }
    }

    pub(crate) fn speaking(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Serves under TLS, if there is any.
    pub(crate) fn under(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls;
        self
    }

    /// Serves a port on every address. Returns when it cannot, or after [`shutdown`](Self::shutdown).
    pub(crate) async fn listen_and_serve(&self, port: u16) -> Result<(), String> {
        let listeners = listen(port).await?;
        let closed = Counter::default();
        for listener in listeners {
            let (server, guard) = (self.clone(), closed.enter());
            rt::spawn(async move {
                server.accept(listener).await;
                drop(guard);
            });
        }
        closed.below(1).await;
        Ok(())
    }

    async fn accept(&self, listener: Listener) {
        let connections = Counter::default();
        loop {
            let next = async {
                connections.below(CONNECTIONS_MAX).await;
                listener.accept().await
            };
            let accepted = match first(next, self.closing.happens()).await {
                Some(accepted) => accepted,
                None => return,
            };
            let (reader, writer, client) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    log!("http: Accept error: {}; retrying", go::errno(&error));
                    rt::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (server, guard) = (self.clone(), connections.enter());
            rt::spawn(async move {
                server.welcome(reader, writer, client).await;
                drop(guard);
            });
        }
    }

    async fn welcome(&self, reader: Reader, writer: Writer, client: SocketAddr) {
        match &self.tls {
            None => self.serve(Stream::new(reader, writer), client).await,
            Some(tls) => match tls.accept(reader, writer, client) {
                Ok(stream) => self.serve(stream, client).await,
                Err(error) => log!("http: TLS handshake error from {client}: tls: {error}"),
            },
        }
    }

    async fn serve(&self, stream: impl Read + Write + Unpin + 'static, client: SocketAddr) {
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let (mut head, body) = request.into_parts();
            // Go moves it out of the header.
            head.headers.remove(HOST);
            let guard = self.busy.enter();
            let answer = (self.handler)(Exchange {
                head,
                client,
                body: Some(body),
            });
            async move {
                let answer = answer.await;
                drop(guard);
                answer
            }
        });
        // A peer that breaks off, or a handler that does, is no news: Go says nothing either.
        match self.protocol {
            Protocol::Http1 => {
                let connection = http1::Builder::new()
                    .title_case_headers(true)
                    .half_close(true)
                    .max_buf_size(HEAD_BYTES_MAX)
                    .serve_connection(stream, service);
                let _ = first(connection, self.closed_and_idle()).await;
            }
            Protocol::Http2 => {
                let connection = http2::Builder::new(Spawn)
                    .max_concurrent_streams(STREAMS_MAX)
                    .max_header_list_size(HEAD_BYTES_MAX as u32)
                    .serve_connection(stream, service);
                let _ = first(connection, self.closed_and_idle()).await;
            }
        }
    }

    async fn closed_and_idle(&self) {
        self.closing.happens().await;
        self.busy.below(1).await;
    }

    /// Accepts no more and waits for the answers under way, at most this long. Whether all were finished.
    pub(crate) async fn shutdown(&self, limit: Duration) -> bool {
        self.closing.set(0);
        rt::timeout(limit, self.busy.below(1)).await.is_ok()
    }
}

/// Starts the tasks of a connection of HTTP/2.
#[derive(Clone)]
struct Spawn;

impl<F: Future<Output = ()> + 'static> Executor<F> for Spawn {
    fn execute(&self, task: F) {
        rt::spawn(task);
    }
}

/// `http.ListenAndServe` with `log.Fatal`: serves a port for ever.
pub(crate) async fn listen_and_serve(
    port: u16,
    handler: impl Fn(Exchange) -> Answering + 'static,
) -> u8 {
    match Server::new(handler).listen_and_serve(port).await {
        Ok(()) => 0,
        Err(error) => fatal(&error),
    }
}

/// Listens on all addresses. A pod may have no IPv6, or one socket for both.
pub(crate) async fn listen(port: u16) -> Result<Vec<Listener>, String> {
    let wrong = |error: io::Error| format!("listen tcp :{port}: bind: {}", go::errno(&error));
    let mut listeners = vec![
        Listener::bind((Ipv4Addr::UNSPECIFIED, port).into())
            .await
            .map_err(wrong)?,
    ];
    listeners.extend(
        Listener::bind((Ipv6Addr::UNSPECIFIED, port).into())
            .await
            .ok(),
    );
    Ok(listeners)
}

/// The result of `future`, unless `other` comes first.
async fn first<F: Future>(future: F, other: impl Future) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut other = std::pin::pin!(other);
    std::future::poll_fn(|cx| {
        use std::task::Poll;
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        other.as_mut().poll(cx).map(|_| None)
    })
    .await
}
