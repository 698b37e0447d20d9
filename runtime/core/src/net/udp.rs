//! Calls on UDP sockets.

use super::namespace::{Namespace, Route, Socket, SocketId, check_remote, check_unicast};
use super::stream::Buffers;
use super::{Error, Family, Mailbox, Protocol};
use crate::limits::{
    DATAGRAM_BYTES_MAX_IPV4, DATAGRAM_BYTES_MAX_IPV6, DATAGRAM_QUEUE_BYTES_DEFAULT,
    SOCKET_BUFFER_BYTES_DEFAULT,
};
use crate::process::ProcessId;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Udp {
    process: Option<ProcessId>,
    /// Where there are rules.
    pub(super) container: Option<Arc<str>>,
    family: Family,
    /// What the port table holds for this socket.
    bound: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
    options: UdpOptions,
    pub(super) mailbox: Mailbox,
}

/// Options of a UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpOptions {
    /// `IP_TTL`; only reads back.
    pub hop_limit: u8,
    /// `SO_RCVBUF` bounds the datagrams that wait; `SO_SNDBUF` only reads back.
    pub buffers: Buffers,
}

impl Default for UdpOptions {
    fn default() -> Self {
        let buffers = Buffers {
            receive: DATAGRAM_QUEUE_BYTES_DEFAULT,
            send: SOCKET_BUFFER_BYTES_DEFAULT,
        };
        Self {
            hop_limit: 64,
            buffers,
        }
    }
}

impl Namespace {
    /// `socket(2)`. `process` is who asks; `None` is the host, acting inside the pod.
    pub fn udp_create(
        &mut self,
        process: Option<ProcessId>,
        family: Family,
    ) -> Result<SocketId, Error> {
        let options = UdpOptions::default();
        self.insert(Socket::Udp(Udp {
            process,
            container: None,
            family,
            bound: None,
            local: None,
            remote: None,
            options,
            mailbox: Mailbox::new(options.buffers.receive),
        }))
    }

    /// `bind(2)`; port 0 takes a free one.
    pub fn udp_bind(&mut self, id: SocketId, address: SocketAddr) -> Result<(), Error> {
        let socket = self.udp(id)?;
        if socket.bound.is_some() {
            return Err(Error::InvalidState);
        }
        check_unicast(address.ip(), socket.family)?;
        self.check_bindable(address.ip())?;
        let port = self.bind_port(Protocol::Udp, address, id)?;
        let bound: SocketAddr = (address.ip(), port).into();
        let socket = self.udp_mut(id)?;
        (socket.bound, socket.local) = (Some(bound), Some(bound));
        let mailbox = socket.mailbox.clone();
        self.publish_mailbox(bound, id, mailbox);
        Ok(())
    }

    /// `connect(2)`, or its undoing: from then on only `remote` is sent to and heard. Forgets what others have sent.
    pub fn udp_connect(&mut self, id: SocketId, remote: Option<SocketAddr>) -> Result<(), Error> {
        if let Some(to) = remote {
            check_remote(to, self.udp(id)?.family)?;
            self.source(self.udp(id)?.bound.map(|bound| bound.ip()), to.ip())?;
        }
        let bound = self.udp_bound(id)?;
        let source = remote
            .map(|to| self.source(Some(bound.ip()), to.ip()))
            .transpose()?;
        let socket = self.udp_mut(id)?;
        socket.remote = remote;
        socket.local = Some((source.unwrap_or(bound.ip()), bound.port()).into());
        socket.mailbox.set_remote(remote);
        Ok(())
    }

    /// `sendto(2)`; without `to`, to where the socket is connected. A datagram that nobody takes is lost without an
    /// error; a connected socket learns it at its next call (`ECONNREFUSED`).
    pub fn udp_send(
        &mut self,
        id: SocketId,
        data: Bytes,
        to: Option<SocketAddr>,
    ) -> Result<(), Error> {
        let socket = self.udp(id)?;
        let (process, connected, mailbox) = (socket.process, socket.remote, socket.mailbox.clone());
        let container = socket.container.clone();
        let to = match (to, connected) {
            (Some(to), Some(connected)) if to != connected => return Err(Error::InvalidArgument),
            (to, connected) => to.or(connected).ok_or(Error::InvalidArgument)?,
        };
        check_remote(to, socket.family)?;
        let bytes_max = match socket.family {
            Family::Ipv4 => DATAGRAM_BYTES_MAX_IPV4,
            Family::Ipv6 => DATAGRAM_BYTES_MAX_IPV6,
        };
        if data.len() > bytes_max {
            return Err(Error::DatagramTooLarge);
        }
        mailbox.take_error()?;
        let bound = self.udp_bound(id)?;
        let from: SocketAddr = (self.source(Some(bound.ip()), to.ip())?, bound.port()).into();
        let route = self.udp_route(&mailbox, to);
        self.tap_route(&route, [from, to], &data);
        let delivered = match route {
            Route::Here(to) => self.post(container, [from, to], true, data),
            Route::Pod(to) => self.post(container, [from, to], false, data),
            Route::Names => {
                self.ask_names(process, [from, to], &data, &mailbox);
                true
            }
            Route::Refused => false,
            Route::Nobody => return Err(Error::RemoteUnreachable),
            Route::Outside(to) => return self.send_outside(process, [from, to], data),
        };
        if !delivered && connected.is_some() {
            mailbox.report(Error::ConnectionRefused);
        }
        Ok(())
    }

    /// Where what is sent to a socket waits.
    pub fn mailbox(&self, id: SocketId) -> Result<Mailbox, Error> {
        Ok(self.udp(id)?.mailbox.clone())
    }

    /// The options of a UDP socket.
    pub fn udp_options(&self, id: SocketId) -> Result<UdpOptions, Error> {
        Ok(self.udp(id)?.options)
    }

    /// Changes the options of a UDP socket.
    pub fn set_udp_options(&mut self, id: SocketId, mut options: UdpOptions) -> Result<(), Error> {
        options.buffers = self.buffers(options.buffers);
        let socket = self.udp_mut(id)?;
        socket.options = options;
        socket.mailbox.set_limit(options.buffers.receive);
        Ok(())
    }

    pub(super) fn close_udp(&mut self, id: SocketId, socket: &Udp) {
        if let Some(bound) = socket.bound {
            self.release_port(Protocol::Udp, bound, id);
            if let Some(address) = self.on_fabric(bound) {
                self.fabric.set_mailbox(address, None);
            }
        }
        socket.mailbox.close();
    }

    /// As `route`; datagrams of one socket to a Service stay with one backend while it is there.
    fn udp_route(&self, mailbox: &Mailbox, to: SocketAddr) -> Route {
        match mailbox.backend(to) {
            Some(pod) if self.fabric.mailbox(pod).is_some() => {
                return self.route(Protocol::Udp, pod);
            }
            Some(_) | None => {}
        }
        let route = self.route(Protocol::Udp, to);
        if let Route::Here(pod) | Route::Pod(pod) = route
            && pod != to
        {
            mailbox.remember(to, pod);
        }
        route
    }

    /// The bound address; takes a free port on every address if there is none.
    fn udp_bound(&mut self, id: SocketId) -> Result<SocketAddr, Error> {
        if self.udp(id)?.bound.is_none() {
            let any: IpAddr = match self.udp(id)?.family {
                Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
                Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
            };
            self.udp_bind(id, (any, 0).into())?;
        }
        self.udp(id)?.bound.ok_or(Error::InvalidState)
    }

    fn udp(&self, id: SocketId) -> Result<&Udp, Error> {
        match self.sockets.get(&id) {
            Some(Socket::Udp(socket)) => Ok(socket),
            Some(Socket::Tcp(_)) | None => Err(Error::InvalidState),
        }
    }

    fn udp_mut(&mut self, id: SocketId) -> Result<&mut Udp, Error> {
        match self.sockets.get_mut(&id) {
            Some(Socket::Udp(socket)) => Ok(socket),
            Some(Socket::Tcp(_)) | None => Err(Error::InvalidState),
        }
    }
}
