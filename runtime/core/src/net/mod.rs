//! The network of a pod.
//!
//! A [`Namespace`] is the network stack of one pod: `lo`, a pod IP, its sockets and ports. A [`Fabric`] is the
//! virtual pod network that connects the pods of a host process: pod IPs, Services, cluster names. What two pods share
//! are objects of their own: a connection ([`Stream`], [`End`]), a listener's backlog, a socket's datagram queue
//! ([`Mailbox`]). Reads and writes touch nothing but the connection.
//!
//! Locks are taken in this order, and never two of one kind: namespace (the caller's), fabric, listener, mailbox,
//! connection. So no code ever holds the namespaces of two pods.
//!
//! All of it is in poll style: a call that must wait leaves a [`Waker`](std::task::Waker) in the object it waits for.
//! From outside in there is one door, [`Namespace::connect_from`] and [`Fabric::connect_from`]; from inside out there
//! is one, [`Namespace::poll_request`], which stays empty unless [`Egress::Host`] opens it. The node stands between the
//! two: for a pod's probes it connects by [`Namespace::connect_from_node`]. The node stands between the
//! two: what it asks of pods, and for a pod of the outside, goes through [`Namespace::connect_from_node`].
//!
//! Rules on the path between two containers (delay, loss, reset, partition) hang where a socket of a guest meets another:
//! `path.rs`, which every connect and every datagram between pods passes. Without [`Rules`] it does nothing.

mod datagram;
mod dns;
mod egress;
mod fabric;
mod listener;
mod name_server;
mod names;
mod namespace;
mod node;
mod path;
mod places;
mod ports;
mod ring;
mod rules;
mod service;
mod shared;
mod stream;
mod tap;
mod tcp;
mod udp;
mod zone;

#[cfg(test)]
mod tests;

pub use crate::spec::Protocol;
pub use datagram::{Datagram, Mailbox};
pub use egress::{Denied, Egress, Event, OutsideConnect, OutsideLookup, Request};
pub use fabric::{CLUSTER_DOMAIN, Fabric, FabricError, NAME_SERVER, NODE_IP, may_be_cluster_ip};
pub use names::{Lookup, NameFiles};
pub use namespace::{Namespace, SocketId};
pub use node::NodeListener;
pub use rules::{Chance, Effect, Link, Party, RuleId, Rules, TooManyRules};
pub use stream::{Buffers, End, Stream};
pub use tap::{Passed, Sent, Tap, What};
pub use tcp::TcpOptions;
pub use udp::UdpOptions;

use std::net::IpAddr;

/// Why a socket call failed. `engine` maps each to the WASI code and so to the `errno` of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `EADDRINUSE`
    #[error("address already in use")]
    AddressInUse,
    /// `EADDRNOTAVAIL`
    #[error("cannot assign requested address")]
    AddressNotBindable,
    /// `EINVAL`
    #[error("invalid argument")]
    InvalidArgument,
    /// `EINVAL`, `EISCONN`, `ENOTCONN`: not what a socket in this state can do.
    #[error("invalid socket state")]
    InvalidState,
    /// `ECONNREFUSED`
    #[error("connection refused")]
    ConnectionRefused,
    /// `ECONNRESET`
    #[error("connection reset by peer")]
    ConnectionReset,
    /// `EPIPE`
    #[error("broken pipe")]
    BrokenPipe,
    /// `EHOSTUNREACH`
    #[error("no route to host")]
    RemoteUnreachable,
    /// `ETIMEDOUT`
    #[error("connection timed out")]
    Timeout,
    /// `EMFILE`
    #[error("too many open sockets")]
    SocketLimit,
    /// `EMSGSIZE`
    #[error("message too long")]
    DatagramTooLarge,
    /// `EAI_NONAME`
    #[error("name or service not known")]
    NameUnresolvable,
    /// `EAI_AGAIN`
    #[error("temporary failure in name resolution")]
    TemporaryResolverFailure,
}

/// `AF_INET` or `AF_INET6`. A socket of one family never sees the other: IPv6 sockets are `IPV6_V6ONLY`, as WASI says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

impl Family {
    /// The family of an address.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// Which direction of a connection to stop: `SHUT_RD`, `SHUT_WR`, `SHUT_RDWR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// No more reads. What is queued is dropped, and so is what still comes.
    Receive,
    /// No more writes. The peer reads to the end.
    Send,
    /// Neither.
    Both,
}
