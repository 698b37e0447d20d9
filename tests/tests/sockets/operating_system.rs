//! The arm on the machine's loopback.

use super::{Connect, SocketApi};
use seedpod_core::net::{Error, Shutdown};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

pub(crate) struct Os;

/// Waiting for longer is a failure, not slowness.
const PATIENCE: Duration = Duration::from_secs(30);

impl SocketApi for Os {
    type Tcp = Socket;
    type Udp = UdpSocket;

    fn tcp(&self, at: SocketAddr) -> Result<Socket, Error> {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, None).map_err(known)?;
        if at.is_ipv6() {
            socket.set_only_v6(true).map_err(known)?;
        }
        // What WASI asks of `bind`.
        socket.set_reuse_address(at.port() != 0).map_err(known)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(known)?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(known)?;
        socket.bind(&at.into()).map_err(known)?;
        Ok(socket)
    }

    fn listen(&self, socket: &Socket, backlog: u16) -> Result<(), Error> {
        socket.listen(backlog.into()).map_err(known)
    }

    fn accept(&self, listener: &Socket) -> Result<Socket, Error> {
        let (socket, _) = listener.accept().map_err(known)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(known)?;
        Ok(socket)
    }

    fn connect(&self, socket: &Socket, to: SocketAddr) -> Result<Connect, Error> {
        socket.set_nonblocking(true).map_err(known)?;
        let connected = socket.connect(&to.into());
        socket.set_nonblocking(false).map_err(known)?;
        match connected {
            Ok(()) => Ok(Connect::Done),
            Err(error) if error.raw_os_error() == Some(EINPROGRESS) => Ok(Connect::InProgress),
            Err(error) => Err(known(error)),
        }
    }

    fn finish_connect(&self, socket: &Socket) -> Result<(), Error> {
        // A second `connect`, to wherever, waits for the first one.
        let any: SockAddr = SocketAddr::from(([127, 0, 0, 1], 1)).into();
        match socket.connect(&any) {
            Err(error) if error.raw_os_error() == Some(EISCONN) => Ok(()),
            result => result.map_err(known),
        }
    }

    fn local(&self, socket: &Socket) -> SocketAddr {
        socket.local_addr().unwrap().as_socket().unwrap()
    }

    fn remote(&self, socket: &Socket) -> SocketAddr {
        socket.peer_addr().unwrap().as_socket().unwrap()
    }

    fn read(&self, mut socket: &Socket, max: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; max];
        let len = socket.read(&mut bytes).map_err(known)?;
        bytes.truncate(len);
        Ok(bytes)
    }

    fn try_write(&self, mut socket: &Socket, bytes: &[u8]) -> Option<Result<usize, Error>> {
        socket.set_nonblocking(true).unwrap();
        let written = socket.write(bytes);
        socket.set_nonblocking(false).unwrap();
        match written {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            written => Some(written.map_err(known)),
        }
    }

    fn shutdown(&self, socket: &Socket, how: Shutdown) -> Result<(), Error> {
        let how = match how {
            Shutdown::Receive => std::net::Shutdown::Read,
            Shutdown::Send => std::net::Shutdown::Write,
            Shutdown::Both => std::net::Shutdown::Both,
        };
        socket.shutdown(how).map_err(known)
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        let addresses = (name, 0).to_socket_addrs().map_err(known)?;
        Ok(addresses.map(|address| address.ip()).collect())
    }

    fn udp(&self, at: SocketAddr) -> Result<UdpSocket, Error> {
        let socket = UdpSocket::bind(at).map_err(known)?;
        // Linux doubles it; what a machine gives without asking may be any size.
        SockRef::from(&socket)
            .set_recv_buffer_size(100 << 10)
            .map_err(known)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(known)?;
        Ok(socket)
    }

    fn udp_local(&self, socket: &UdpSocket) -> SocketAddr {
        socket.local_addr().unwrap()
    }

    fn udp_connect(&self, socket: &UdpSocket, to: SocketAddr) -> Result<(), Error> {
        socket.connect(to).map_err(known)
    }

    fn send(&self, socket: &UdpSocket, bytes: &[u8], to: Option<SocketAddr>) -> Result<(), Error> {
        match to {
            Some(to) => socket.send_to(bytes, to).map(drop).map_err(known),
            None => socket.send(bytes).map(drop).map_err(known),
        }
    }

    fn receive(&self, socket: &UdpSocket) -> Result<(Vec<u8>, SocketAddr), Error> {
        let mut bytes = vec![0; 1 << 16];
        let (len, from) = socket.recv_from(&mut bytes).map_err(known)?;
        bytes.truncate(len);
        Ok((bytes, from))
    }

    fn try_receive(&self, socket: &UdpSocket) -> Option<Result<(Vec<u8>, SocketAddr), Error>> {
        let mut bytes = vec![0; 1 << 16];
        socket.set_nonblocking(true).unwrap();
        let received = socket.recv_from(&mut bytes);
        socket.set_nonblocking(false).unwrap();
        match received {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            received => Some(
                received
                    .map_err(known)
                    .map(|(len, from)| (bytes[..len].to_vec(), from)),
            ),
        }
    }
}

const EDESTADDRREQ: i32 = 89;
const EMSGSIZE: i32 = 90;
const EISCONN: i32 = 106;
const EINPROGRESS: i32 = 115;

/// The name that WASI has for Linux' error.
#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn known(error: io::Error) -> Error {
    match (error.kind(), error.raw_os_error()) {
        (_, Some(EMSGSIZE)) => Error::DatagramTooLarge,
        (_, Some(EISCONN)) | (ErrorKind::NotConnected, _) => Error::InvalidState,
        (_, Some(EDESTADDRREQ)) => Error::InvalidArgument,
        (ErrorKind::AddrInUse, _) => Error::AddressInUse,
        (ErrorKind::AddrNotAvailable, _) => Error::AddressNotBindable,
        (ErrorKind::ConnectionRefused, _) => Error::ConnectionRefused,
        (ErrorKind::ConnectionReset, _) => Error::ConnectionReset,
        (ErrorKind::BrokenPipe, _) => Error::BrokenPipe,
        (ErrorKind::InvalidInput, _) => Error::InvalidArgument,
        _ => panic!("{error:?} has no name here"),
    }
}
