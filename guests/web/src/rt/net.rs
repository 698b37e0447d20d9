//! TCP over `wasi:sockets`.

use super::Wait;
use crate::stream::{Read, Write};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

/// Bytes asked for at a time.
const READ_MAX: usize = 64 * 1024;

pub struct Listener {
    pollable: Rc<Pollable>,
    socket: TcpSocket,
}

impl Listener {
    pub async fn bind(address: SocketAddr) -> io::Result<Listener> {
        let socket = create_tcp_socket(family(address)).map_err(error)?;
        let pollable = Rc::new(socket.subscribe());
        let bound = async {
            socket
                .start_bind(&instance_network(), to_wasi(address))
                .map_err(error)?;
            finish(&pollable, || socket.finish_bind()).await?;
            socket.start_listen().map_err(error)?;
            finish(&pollable, || socket.finish_listen()).await
        };
        let bound = bound.await;
        let listener = Listener { pollable, socket };
        bound.map(|()| listener)
    }

    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_address().map(from_wasi).map_err(error)
    }

    /// Returns both halves of the next connection, and the peer's address.
    pub async fn accept(&self) -> io::Result<(Reader, Writer, SocketAddr)> {
        let (socket, input, output) = finish(&self.pollable, || self.socket.accept()).await?;
        let peer = socket.remote_address().map(from_wasi).map_err(error);
        let (reader, writer) = halves(socket, input, output);
        peer.map(|peer| (reader, writer, peer))
    }
}

pub async fn connect(address: SocketAddr) -> io::Result<(Reader, Writer)> {
    let socket = create_tcp_socket(family(address)).map_err(error)?;
    let pollable = Rc::new(socket.subscribe());
    let connected = async {
        socket
            .start_connect(&instance_network(), to_wasi(address))
            .map_err(error)?;
        finish(&pollable, || socket.finish_connect()).await
    };
    let connected = connected.await;
    drop(pollable);
    connected.map(|(input, output)| halves(socket, input, output))
}

/// Calls until it is not "would block".
pub(super) async fn finish<T>(
    pollable: &Rc<Pollable>,
    mut call: impl FnMut() -> Result<T, ErrorCode>,
) -> io::Result<T> {
    loop {
        match call() {
            Err(ErrorCode::WouldBlock) => Wait::new(pollable.clone()).await,
            result => return result.map_err(error),
        }
    }
}

fn halves(socket: TcpSocket, input: InputStream, output: OutputStream) -> (Reader, Writer) {
    let socket = Rc::new(socket);
    let reader = Reader {
        wait: None,
        pollable: None,
        stream: input,
        socket: socket.clone(),
    };
    (
        reader,
        Writer {
            wait: None,
            pollable: None,
            flushing: false,
            stream: output,
            socket,
        },
    )
}

// In both halves the order of the fields is the order in which the handles must be dropped.

pub struct Reader {
    wait: Option<Wait>,
    pollable: Option<Rc<Pollable>>,
    stream: InputStream,
    socket: Rc<TcpSocket>,
}

impl Reader {
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_address().map(from_wasi).map_err(error)
    }
}

impl Read for Reader {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(Pin::new(wait).poll(cx));
                self.wait = None;
            }
            match self.stream.read(buffer.len().min(READ_MAX) as u64) {
                Ok(bytes) if bytes.is_empty() && !buffer.is_empty() => {
                    let pollable = self
                        .pollable
                        .get_or_insert_with(|| Rc::new(self.stream.subscribe()));
                    self.wait = Some(Wait::new(pollable.clone()));
                }
                Ok(bytes) => {
                    buffer[..bytes.len()].copy_from_slice(&bytes);
                    return Poll::Ready(Ok(bytes.len()));
                }
                Err(StreamError::Closed) => return Poll::Ready(Ok(0)),
                Err(StreamError::LastOperationFailed(_)) => {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
            }
        }
    }
}

pub struct Writer {
    wait: Option<Wait>,
    pollable: Option<Rc<Pollable>>,
    flushing: bool,
    stream: OutputStream,
    socket: Rc<TcpSocket>,
}

impl Writer {
    /// Returns how much may be written now, at least 1.
    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(Pin::new(wait).poll(cx));
                self.wait = None;
            }
            match self.stream.check_write() {
                Ok(0) => {
                    let pollable = self
                        .pollable
                        .get_or_insert_with(|| Rc::new(self.stream.subscribe()));
                    self.wait = Some(Wait::new(pollable.clone()));
                }
                Ok(permit) => {
                    return Poll::Ready(Ok(usize::try_from(permit).unwrap_or(usize::MAX)));
                }
                Err(_) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
    }
}

impl Write for Writer {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let len = ready!(self.poll_permit(cx))?.min(bytes.len());
        Poll::Ready(match self.stream.write(&bytes[..len]) {
            Ok(()) => Ok(len),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.flushing {
            if self.stream.flush().is_err() {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.flushing = true;
        }
        let permit = ready!(self.poll_permit(cx));
        self.flushing = false;
        Poll::Ready(permit.map(|_| ()))
    }

    fn shutdown(&mut self) {
        // The connection may be gone already; then the peer knows.
        let _ = self.socket.shutdown(ShutdownType::Send);
    }
}

pub(super) fn family(address: SocketAddr) -> IpAddressFamily {
    match address {
        SocketAddr::V4(_) => IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => IpAddressFamily::Ipv6,
    }
}

pub(super) fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port: address.port(),
                address: (a, b, c, d),
            })
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: address.port(),
                flow_info: address.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: address.scope_id(),
            })
        }
    }
}

pub(super) fn from_wasi(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(v4) => {
            let (a, b, c, d) = v4.address;
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), v4.port)
        }
        IpSocketAddress::Ipv6(v6) => {
            let (a, b, c, d, e, f, g, h) = v6.address;
            let ip = Ipv6Addr::new(a, b, c, d, e, f, g, h);
            SocketAddr::V6(SocketAddrV6::new(ip, v6.port, v6.flow_info, v6.scope_id))
        }
    }
}

pub(super) fn error(code: ErrorCode) -> io::Error {
    use io::ErrorKind;
    let kind = match code {
        ErrorCode::AccessDenied => ErrorKind::PermissionDenied,
        ErrorCode::NotSupported => ErrorKind::Unsupported,
        ErrorCode::InvalidArgument => ErrorKind::InvalidInput,
        ErrorCode::OutOfMemory => ErrorKind::OutOfMemory,
        ErrorCode::Timeout => ErrorKind::TimedOut,
        ErrorCode::AddressNotBindable => ErrorKind::AddrNotAvailable,
        ErrorCode::AddressInUse => ErrorKind::AddrInUse,
        ErrorCode::RemoteUnreachable => ErrorKind::HostUnreachable,
        ErrorCode::ConnectionRefused => ErrorKind::ConnectionRefused,
        ErrorCode::ConnectionReset => ErrorKind::ConnectionReset,
        ErrorCode::ConnectionAborted => ErrorKind::ConnectionAborted,
        code => return io::Error::other(code),
    };
    kind.into()
}
