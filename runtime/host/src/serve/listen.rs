//! Connections: TLS, then HTTP/1.1 or HTTP/2 as the client prefers.

use super::Context;
use super::answer::answer;
use super::limit::Connection;
use crate::connection as inside;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use seedpod_core::limits::{
    API_CLOSING_TIME_MAX, API_HANDSHAKE_TIME_MAX, API_HEAD_BYTES_MAX, API_HEAD_TIME_MAX,
    API_HEADERS_MAX, API_HTTP2_RESETS_MAX, API_HTTP2_STREAMS_MAX, API_HTTP2_WINDOW_BYTES,
};
use seedpod_core::net::NodeListener;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// How often a connection is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// When the machine has no further sockets, some may be closed meanwhile.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// So that a client that is gone without a word does not stay for ever.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Takes connections until the server closes, and then waits for those that are there.
pub(super) async fn serve(context: Arc<Context>, listener: TcpListener, tls: TlsAcceptor) {
    let mut closing = context.state.closing();
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            // A semaphore that nobody closes.
            let permit = context.limits.connections.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            _ = closing.wait_for(|closing| *closing) => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                let connection = connection(context.clone(), stream, tls.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "cannot accept");
                sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // Whoever is not done by then is cut off.
    let _ = timeout(API_CLOSING_TIME_MAX, all).await;
}

/// Takes connections of pods to a port of the node, for ever.
pub(super) async fn serve_pods(context: Arc<Context>, listener: NodeListener, tls: TlsAcceptor) {
    let mut connections = JoinSet::new();
    loop {
        // A semaphore that nobody closes.
        let permit = context.limits.connections.clone().acquire_owned().await;
        let stream = tokio::select! {
            stream = poll_fn(|cx| listener.poll_accept(cx.waker())) => stream,
            Some(_) = connections.join_next() => continue,
        };
        let connection = connection(
            context.clone(),
            inside::Connection::new(stream),
            tls.clone(),
        );
        connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    context: Arc<Context>,
    stream: S,
    tls: TlsAcceptor,
) {
    let stream = match timeout(API_HANDSHAKE_TIME_MAX, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "no TLS"),
        Err(_) => return tracing::debug!("a handshake took too long"),
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let known = Connection::new();
    let closing = context.state.closing();
    let service = {
        let known = known.clone();
        service_fn(move |request| answer(context.clone(), known.clone(), request))
    };
    let stream = TokioIo::new(stream);
    let ended = if is_http2 {
        let connection = http2().serve_connection(stream, service);
        let shutdown = http2::Connection::graceful_shutdown;
        watched(pin!(connection), shutdown, &known, closing).await
    } else {
        let connection = http1().serve_connection(stream, service).with_upgrades();
        let shutdown = http1::UpgradeableConnection::graceful_shutdown;
        watched(pin!(connection), shutdown, &known, closing).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Drives a connection, and ends it when it is overdue.
async fn watched<C: Future<Output = hyper::Result<()>>>(
    mut connection: Pin<&mut C>,
    shutdown: impl FnOnce(Pin<&mut C>),
    known: &Connection,
    mut closing: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = Some(shutdown);
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            _ = look.tick() => {
                if known.is_overdue() {
                    return Ok(());
                }
            }
            _ = closing.wait_for(|closing| *closing), if shutdown.is_some() => {
                if let Some(shutdown) = shutdown.take() {
                    shutdown(connection.as_mut());
                }
            }
        }
    }
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(API_HEAD_TIME_MAX)
        .max_headers(API_HEADERS_MAX)
        .max_header_size(API_HEAD_BYTES_MAX)
        .max_buf_size(API_HEAD_BYTES_MAX);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(API_HTTP2_STREAMS_MAX)
        .max_pending_accept_reset_streams(API_HTTP2_RESETS_MAX)
        .max_local_error_reset_streams(API_HTTP2_RESETS_MAX)
        .max_header_list_size(API_HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(API_HTTP2_WINDOW_BYTES / 4)
        .initial_connection_window_size(API_HTTP2_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL);
    builder
}
