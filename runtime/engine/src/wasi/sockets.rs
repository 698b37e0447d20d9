//! `wasi:sockets@0.2` over the pod's network.
//!
//! The bindings are our own, from a pinned copy of the WIT, because those of wasmtime-wasi are tied to its sockets of
//! the machine. Nothing here waits: what is not ready is `would-block`, and its pollable leaves a waker in the kernel.

mod lookup;
mod stream;
mod tcp;
mod touches;
mod udp;

pub use lookup::ResolveAddressStream;
pub use tcp::TcpSocket;
pub use udp::{IncomingDatagramStream, OutgoingDatagramStream, UdpSocket};

use crate::guest::Guest;
use bindings::wasi::sockets::{
    instance_network, ip_name_lookup, network, tcp as tcp_bindings, tcp_create_socket,
    udp as udp_bindings, udp_create_socket,
};
use network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use seedpod_core::net;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTableError};

mod bindings {
    wasmtime::component::bindgen!({
        path: ["wit/deps/io.wit", "wit/deps/clocks.wit", "wit/deps/sockets.wit"],
        world: "wasi:sockets/imports",
        imports: {
            default: trappable,
            "wasi:sockets/tcp.[method]tcp-socket.start-bind": async | trappable,
            "wasi:sockets/tcp.[method]tcp-socket.start-connect": async | trappable,
            "wasi:sockets/tcp.[method]tcp-socket.start-listen": async | trappable,
            "wasi:sockets/tcp.[method]tcp-socket.accept": async | trappable,
            "wasi:sockets/tcp.[method]tcp-socket.shutdown": async | trappable,
            "wasi:sockets/tcp.[method]tcp-socket.set-listen-backlog-size": async | trappable,
            "wasi:sockets/tcp.[drop]tcp-socket": async | trappable,
            "wasi:sockets/udp.[method]udp-socket.start-bind": async | trappable,
            "wasi:sockets/udp.[method]udp-socket.stream": async | trappable,
            "wasi:sockets/udp.[method]incoming-datagram-stream.receive": async | trappable,
            "wasi:sockets/udp.[method]outgoing-datagram-stream.send": async | trappable,
            "wasi:sockets/udp.[drop]udp-socket": async | trappable,
        },
        require_store_data_send: true,
        trappable_error_type: { "wasi:sockets/network.error-code" => super::Failure },
        with: {
            "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
            "wasi:sockets/network.network": super::Network,
            "wasi:sockets/tcp.tcp-socket": super::TcpSocket,
            "wasi:sockets/udp.udp-socket": super::UdpSocket,
            "wasi:sockets/udp.incoming-datagram-stream": super::IncomingDatagramStream,
            "wasi:sockets/udp.outgoing-datagram-stream": super::OutgoingDatagramStream,
            "wasi:sockets/ip-name-lookup.resolve-address-stream": super::ResolveAddressStream,
        },
    });
}

/// Adds the interfaces of `wasi:sockets`.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut options = network::LinkOptions::default();
    options.network_error_code(true);
    network::add_to_linker::<_, HasSelf<Guest>>(linker, &options, |guest| guest)?;
    instance_network::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    ip_name_lookup::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    tcp_bindings::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    tcp_create_socket::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    udp_bindings::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    udp_create_socket::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

/// The right to use the network. Every guest has it: the network is its pod's.
#[derive(Debug)]
pub struct Network;

/// What a socket call answers instead of a result.
#[derive(Debug)]
pub enum Failure {
    /// An error the guest sees.
    Code(ErrorCode),
    /// A guest that breaks the rules of the interface.
    Trap(wasmtime::Error),
}

type SocketResult<T> = Result<T, Failure>;

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<net::Error> for Failure {
    fn from(error: net::Error) -> Self {
        Self::Code(error.into())
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl From<net::Error> for ErrorCode {
    fn from(error: net::Error) -> Self {
        match error {
            net::Error::AddressInUse => Self::AddressInUse,
            net::Error::AddressNotBindable => Self::AddressNotBindable,
            net::Error::InvalidArgument => Self::InvalidArgument,
            net::Error::InvalidState => Self::InvalidState,
            net::Error::ConnectionRefused => Self::ConnectionRefused,
            // A broken pipe is told as a closed stream; where only a code will do, it was reset.
            net::Error::ConnectionReset | net::Error::BrokenPipe => Self::ConnectionReset,
            net::Error::RemoteUnreachable => Self::RemoteUnreachable,
            net::Error::Timeout => Self::Timeout,
            net::Error::SocketLimit => Self::NewSocketLimit,
            net::Error::DatagramTooLarge => Self::DatagramTooLarge,
            net::Error::NameUnresolvable => Self::NameUnresolvable,
            net::Error::TemporaryResolverFailure => Self::TemporaryResolverFailure,
        }
    }
}

impl network::Host for Guest {
    fn convert_error_code(&mut self, failure: Failure) -> wasmtime::Result<ErrorCode> {
        match failure {
            Failure::Code(code) => Ok(code),
            Failure::Trap(error) => Err(error),
        }
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        let error = self.table.get(&error)?;
        Ok(error
            .downcast_ref::<net::Error>()
            .map(|error| (*error).into()))
    }
}

impl network::HostNetwork for Guest {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        self.table.delete(network)?;
        Ok(())
    }
}

impl instance_network::Host for Guest {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<Network>> {
        Ok(self.table.push(Network)?)
    }
}

impl From<IpAddressFamily> for net::Family {
    fn from(family: IpAddressFamily) -> Self {
        match family {
            IpAddressFamily::Ipv4 => Self::Ipv4,
            IpAddressFamily::Ipv6 => Self::Ipv6,
        }
    }
}

impl From<net::Family> for IpAddressFamily {
    fn from(family: net::Family) -> Self {
        match family {
            net::Family::Ipv4 => Self::Ipv4,
            net::Family::Ipv6 => Self::Ipv6,
        }
    }
}

impl From<IpAddr> for IpAddress {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::Ipv4(ip.octets().into()),
            IpAddr::V6(ip) => Self::Ipv6(ip.segments().into()),
        }
    }
}

impl From<IpSocketAddress> for SocketAddr {
    fn from(address: IpSocketAddress) -> Self {
        match address {
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port,
                address: (a, b, c, d),
            }) => SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port).into(),
            IpSocketAddress::Ipv6(Ipv6SocketAddress { port, address, .. }) => {
                let (a, b, c, d, e, f, g, h) = address;
                // The virtual network has no scopes and no flows: two addresses that differ in them only are one.
                SocketAddrV6::new(Ipv6Addr::new(a, b, c, d, e, f, g, h), port, 0, 0).into()
            }
        }
    }
}

impl From<SocketAddr> for IpSocketAddress {
    fn from(address: SocketAddr) -> Self {
        let port = address.port();
        match address.ip() {
            IpAddr::V4(ip) => Self::Ipv4(Ipv4SocketAddress {
                port,
                address: ip.octets().into(),
            }),
            IpAddr::V6(ip) => Self::Ipv6(Ipv6SocketAddress {
                port,
                flow_info: 0,
                address: ip.segments().into(),
                scope_id: 0,
            }),
        }
    }
}
