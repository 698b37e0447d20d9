//! Which ports of a namespace are taken, by Linux' rules of `bind`.

use super::namespace::SocketId;
use super::{Error, Family, Protocol};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

/// Ports for sockets that do not name one (RFC 6335; Linux starts at 32768).
pub(super) const EPHEMERAL: RangeInclusive<u16> = 49152..=65535;

#[derive(Debug, Default)]
pub(super) struct Ports {
    taken: BTreeMap<(Protocol, Family, u16), Vec<Binding>>,
    /// Where the search for a free ephemeral port begins: behind the last one, so that a port rests before its next use.
    next: BTreeMap<Protocol, u16>,
}

#[derive(Clone, Copy, Debug)]
struct Binding {
    socket: SocketId,
    ip: IpAddr,
    reuse: Reuse,
    listening: bool,
}

/// `SO_REUSEADDR`: WASI sets it for TCP sockets that name their port, so that a server restarts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    Yes,
    No,
}

impl Ports {
    /// Takes `address`, or a free port when its port is 0, for `socket`. Returns the port.
    pub(super) fn bind(
        &mut self,
        protocol: Protocol,
        address: SocketAddr,
        socket: SocketId,
    ) -> Result<u16, Error> {
        let ip = address.ip();
        let (port, reuse) = match (address.port(), protocol) {
            (0, _) => (self.free_port(protocol, ip)?, Reuse::No),
            (port, Protocol::Tcp) => (port, Reuse::Yes),
            (port, Protocol::Udp) => (port, Reuse::No),
        };
        let binding = Binding {
            socket,
            ip,
            reuse,
            listening: false,
        };
        let taken = self
            .taken
            .entry((protocol, Family::of(ip), port))
            .or_default();
        if taken.iter().any(|other| other.conflicts(&binding)) {
            return Err(Error::AddressInUse);
        }
        taken.push(binding);
        Ok(port)
    }

    /// Marks `socket` as listening, unless another one listens on an overlapping address.
    pub(super) fn listen(&mut self, address: SocketAddr, socket: SocketId) -> Result<(), Error> {
        let Some(taken) =
            self.taken
                .get_mut(&(Protocol::Tcp, Family::of(address.ip()), address.port()))
        else {
            return Err(Error::InvalidState);
        };
        let overlap = |other: &Binding| other.socket != socket && overlaps(other.ip, address.ip());
        if taken.iter().any(|other| other.listening && overlap(other)) {
            return Err(Error::AddressInUse);
        }
        taken
            .iter_mut()
            .filter(|binding| binding.socket == socket)
            .for_each(|binding| binding.listening = true);
        Ok(())
    }

    pub(super) fn release(&mut self, protocol: Protocol, address: SocketAddr, socket: SocketId) {
        let key = (protocol, Family::of(address.ip()), address.port());
        if let Some(taken) = self.taken.get_mut(&key) {
            taken.retain(|binding| binding.socket != socket);
            if taken.is_empty() {
                self.taken.remove(&key);
            }
        }
    }

    /// The socket that gets what is sent to `address`: a listener, or for UDP whoever is bound.
    pub(super) fn find(&self, protocol: Protocol, address: SocketAddr) -> Option<SocketId> {
        let taken = self
            .taken
            .get(&(protocol, Family::of(address.ip()), address.port()))?;
        let receives = |binding: &&Binding| protocol == Protocol::Udp || binding.listening;
        let exact = taken
            .iter()
            .filter(receives)
            .find(|binding| binding.ip == address.ip());
        let any = || {
            taken
                .iter()
                .filter(receives)
                .find(|binding| binding.ip.is_unspecified())
        };
        exact.or_else(any).map(|binding| binding.socket)
    }

    fn free_port(&mut self, protocol: Protocol, ip: IpAddr) -> Result<u16, Error> {
        let first = *self.next.entry(protocol).or_insert(*EPHEMERAL.start());
        let is_free = |port: &u16| {
            let taken = self.taken.get(&(protocol, Family::of(ip), *port));
            taken.is_none_or(|taken| !taken.iter().any(|other| overlaps(other.ip, ip)))
        };
        let mut search = (first..=*EPHEMERAL.end()).chain(*EPHEMERAL.start()..first);
        let port = search.find(is_free).ok_or(Error::AddressInUse)?;
        let next = if port == *EPHEMERAL.end() {
            *EPHEMERAL.start()
        } else {
            port + 1
        };
        self.next.insert(protocol, next);
        Ok(port)
    }
}

impl Binding {
    /// `inet_csk_bind_conflict`
    fn conflicts(&self, new: &Self) -> bool {
        let both_reuse = self.reuse == Reuse::Yes && new.reuse == Reuse::Yes;
        overlaps(self.ip, new.ip) && (!both_reuse || self.listening)
    }
}

fn overlaps(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}
