//! UDP over `wasi:sockets`.

use super::Wait;
use super::net::{error, family, finish, from_wasi, to_wasi};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use wasip2::io::poll::Pollable;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket as Socket,
};
use wasip2::sockets::udp_create_socket::create_udp_socket;

// The order of the fields is the order in which the handles must be dropped.

/// A socket for datagrams.
pub struct UdpSocket {
    readable: Rc<Pollable>,
    writable: Rc<Pollable>,
    incoming: IncomingDatagramStream,
    outgoing: OutgoingDatagramStream,
    _socket: Socket,
}

impl UdpSocket {
    /// Receives from anyone.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::open(address, None).await
    }

    /// Talks to one peer, from any port.
    pub async fn connect(peer: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = match peer {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self::open(SocketAddr::new(any, 0), Some(peer)).await
    }

    async fn open(local: SocketAddr, peer: Option<SocketAddr>) -> io::Result<Self> {
        let socket = create_udp_socket(family(local)).map_err(error)?;
        let pollable = Rc::new(socket.subscribe());
        let bound = async {
            socket
                .start_bind(&instance_network(), to_wasi(local))
                .map_err(error)?;
            finish(&pollable, || socket.finish_bind()).await
        };
        let bound = bound.await;
        drop(pollable);
        bound?;
        let (incoming, outgoing) = socket.stream(peer.map(to_wasi)).map_err(error)?;
        Ok(UdpSocket {
            readable: Rc::new(incoming.subscribe()),
            writable: Rc::new(outgoing.subscribe()),
            incoming,
            outgoing,
            _socket: socket,
        })
    }

    /// The next datagram, and who sent it.
    pub async fn receive(&self) -> io::Result<(Vec<u8>, SocketAddr)> {
        loop {
            let received = self.incoming.receive(1).map_err(error)?;
            if let Some(datagram) = received.into_iter().next() {
                return Ok((datagram.data, from_wasi(datagram.remote_address)));
            }
            Wait::new(self.readable.clone()).await;
        }
    }

    /// Sends a datagram to `peer`, or to the one it is connected to.
    pub async fn send(&self, bytes: &[u8], peer: Option<SocketAddr>) -> io::Result<()> {
        while self.outgoing.check_send().map_err(error)? == 0 {
            Wait::new(self.writable.clone()).await;
        }
        let datagram = OutgoingDatagram {
            data: bytes.to_vec(),
            remote_address: peer.map(to_wasi),
        };
        self.outgoing.send(&[datagram]).map_err(error).map(drop)
    }
}
