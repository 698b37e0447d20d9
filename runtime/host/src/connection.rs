//! Streams of bytes into the network of a pod, for tokio.

use bytes::Bytes;
use seedpod_core::net::{Error, Shutdown, Stream};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::net::TcpStream;

/// A TCP connection inside the virtual network of a pod. Dropped, it closes.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
}

impl Connection {
    /// Waits until the other end has taken the connection.
    pub(crate) async fn established(stream: Stream) -> io::Result<Self> {
        poll_fn(|cx| stream.poll_connected(cx.waker()))
            .await
            .map_err(io_error)?;
        Ok(Self { stream })
    }

    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream }
    }

    /// Address of this end.
    pub fn local_address(&self) -> SocketAddr {
        self.stream.local_address()
    }

    /// Address of the other end.
    pub fn remote_address(&self) -> SocketAddr {
        self.stream.remote_address()
    }

    /// Moves bytes between this connection and one of the machine, until both directions have ended or one has failed.
    pub(crate) async fn join(mut self, mut outside: TcpStream) {
        // Small answers must not wait for an acknowledgement; a socket that cannot be told still works.
        let _ = outside.set_nodelay(true);
        if let Err(error) = copy_bidirectional(&mut self, &mut outside).await {
            tracing::debug!(%error, "a connection has ended");
            // The other side learns of it by a reset, not by an orderly end.
            self.stream.abort();
            let _ = outside.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes =
            ready!(self.stream.poll_read(buffer.remaining(), cx.waker())).map_err(io_error)?;
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.stream.poll_writable(cx.waker()));
        let room = self.stream.try_writable().map_err(io_error)?;
        let count = room.min(bytes.len());
        self.stream
            .write(Bytes::copy_from_slice(&bytes[..count]))
            .map_err(io_error)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.shutdown(Shutdown::Send);
        Poll::Ready(Ok(()))
    }
}

/// The error of the machine that means the same.
pub(crate) fn io_error(error: Error) -> io::Error {
    let kind = match error {
        Error::AddressInUse => io::ErrorKind::AddrInUse,
        Error::AddressNotBindable => io::ErrorKind::AddrNotAvailable,
        Error::InvalidArgument | Error::InvalidState | Error::DatagramTooLarge => {
            io::ErrorKind::InvalidInput
        }
        Error::ConnectionRefused => io::ErrorKind::ConnectionRefused,
        Error::ConnectionReset => io::ErrorKind::ConnectionReset,
        Error::BrokenPipe => io::ErrorKind::BrokenPipe,
        Error::RemoteUnreachable => io::ErrorKind::HostUnreachable,
        Error::Timeout => io::ErrorKind::TimedOut,
        Error::NameUnresolvable => io::ErrorKind::NotFound,
        Error::SocketLimit | Error::TemporaryResolverFailure => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// The error inside a pod that means the same.
pub(crate) fn net_error(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Error::ConnectionReset,
        io::ErrorKind::TimedOut => Error::Timeout,
        io::ErrorKind::AddrNotAvailable => Error::AddressNotBindable,
        _ => Error::RemoteUnreachable,
    }
}
