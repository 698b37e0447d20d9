//! The way out of a pod, for the world to take, and what it denied.

use super::names::Answer;
use super::stream::Stream;
use super::{Error, Mailbox};
use crate::process::ProcessId;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// What may leave the virtual pod network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Nothing.
    #[default]
    None,
    /// Whatever the host's own network reaches.
    Host,
}

/// Something a person should know about the pod's network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A process asked for something outside that [`Egress::None`] denies. Reported once for each.
    EgressDenied {
        /// Who asked; `None` is the host, acting inside the pod.
        process: Option<ProcessId>,
        /// For what.
        denied: Denied,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::EgressDenied { denied, .. } = self;
        match denied {
            Denied::Tcp(address) => write!(f, "connection to {address}")?,
            Denied::Udp(address) => write!(f, "datagram to {address}")?,
            Denied::Name(name) => write!(f, "look-up of {name:?}")?,
        }
        f.write_str(" denied: it is outside the pod network; allow it with --egress host")
    }
}

/// What was denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// A connection.
    Tcp(SocketAddr),
    /// A datagram.
    Udp(SocketAddr),
    /// A name.
    Name(String),
}

/// What a pod asks of the world.
#[derive(Debug)]
pub enum Request {
    /// Connect to an address.
    Connect(OutsideConnect),
    /// Resolve a name.
    Lookup(OutsideLookup),
    /// Exchange datagrams with an address, until [`Namespace::close_outside`](super::Namespace::close_outside).
    Datagrams {
        /// The address outside.
        remote: SocketAddr,
        /// What guests send there; each datagram's `from` is the guest's socket. Answers go in by
        /// [`Namespace::send_from`](super::Namespace::send_from).
        mailbox: Mailbox,
    },
}

/// A guest waits for a connection outside. Dropped unanswered, it finds the address unreachable.
#[derive(Debug)]
pub struct OutsideConnect {
    stream: Option<Stream>,
}

impl OutsideConnect {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream: Some(stream),
        }
    }

    /// Where to.
    pub fn remote(&self) -> SocketAddr {
        // The world stands in for the remote side: its own end's address is the one the guest named.
        self.stream
            .as_ref()
            .map_or((IpAddr::from([0; 4]), 0).into(), |stream| {
                stream.local_address()
            })
    }

    /// The world is connected, and pumps bytes between its socket and this stream. `None` when the guest gave up.
    pub fn accept(mut self) -> Option<Stream> {
        let stream = self.stream.take()?;
        stream.establish();
        (!stream.is_abandoned()).then_some(stream)
    }

    /// The world could not connect.
    pub fn refuse(mut self, error: Error) {
        if let Some(stream) = self.stream.take() {
            stream.fail(error);
        }
    }
}

impl Drop for OutsideConnect {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.fail(Error::RemoteUnreachable);
        }
    }
}

/// A guest waits for the addresses of a name outside. Dropped unanswered, resolution fails for now (`EAI_AGAIN`).
#[derive(Debug)]
pub struct OutsideLookup {
    names: Vec<String>,
    answer: Answer,
}

impl OutsideLookup {
    pub(super) fn new(names: Vec<String>, answer: Answer) -> Self {
        Self { names, answer }
    }

    /// The names to try, in order, until one has addresses; a search list makes several of one.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Answers; no addresses are an unknown name.
    pub fn resolve(self, addresses: Vec<IpAddr>) {
        self.answer.give(if addresses.is_empty() {
            Err(Error::NameUnresolvable)
        } else {
            Ok(addresses)
        });
    }

    /// Answers that there is no such name, or none to be had for now.
    pub fn fail(self, error: Error) {
        self.answer.give(Err(error));
    }
}

impl Drop for OutsideLookup {
    fn drop(&mut self) {
        self.answer.give(Err(Error::TemporaryResolverFailure));
    }
}
