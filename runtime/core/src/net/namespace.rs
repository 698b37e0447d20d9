//! The network stack of one pod.

use super::egress::{Denied, Egress, Event, OutsideConnect, Request};
use super::fabric::{Fabric, FabricError, NODE_IP, PodKey, Resolved, pod_ipv6};
use super::name_server::{NameClient, is_name_server};
use super::path::Syn;
use super::ports::Ports;
use super::stream::{Buffers, Phase, Stream, pair};
use super::tcp::Tcp;
use super::udp::Udp;
use super::{Error, Family, Mailbox, Protocol};
use crate::limits::{
    DATAGRAM_OUTSIDE_PEERS, DATAGRAM_QUEUE_BYTES_DEFAULT, EGRESS_DENIALS_REPORTED,
    OUTSIDE_REQUESTS_PENDING, SOCKET_BUFFER_BYTES_MAX, SOCKET_BUFFER_BYTES_MIN,
    SOCKET_BUFFER_BYTES_PER_POD, SOCKETS_PER_POD,
};
use crate::process::ProcessId;
use crate::spec;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Names a socket of a namespace; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(u64);

/// The network namespace of one pod. `tcp_*` and `udp_*` are the calls of guests, and of a host that acts inside the pod.
///
/// Dropping it closes every socket and gives the pod's address back.
#[derive(Debug)]
pub struct Namespace {
    pub(super) fabric: Fabric,
    pub(super) key: PodKey,
    /// Whether its sockets are in the node's network.
    pub(super) host_network: bool,
    /// `metadata.namespace`
    pub(super) namespace: String,
    pub(super) egress: Egress,
    pub(super) sockets: BTreeMap<SocketId, Socket>,
    next_socket: u64,
    pub(super) ports: Ports,
    /// Connects that rules delay.
    pub(super) syns: BTreeMap<u64, Syn>,
    pub(super) next_syn: u64,
    outside: BTreeMap<SocketAddr, Mailbox>,
    pub(super) requests: VecDeque<Request>,
    /// Connections to the name server.
    pub(super) name_clients: Vec<NameClient>,
    denied: BTreeSet<Denied>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(Tcp),
    Udp(Udp),
}

/// Where a packet to an address goes.
pub(super) enum Route {
    /// To a socket of this pod.
    Here(SocketAddr),
    /// To a socket of another pod.
    Pod(SocketAddr),
    /// To a name server of ours.
    Names,
    /// To a Service without backends.
    Refused,
    /// Nowhere.
    Nobody,
    /// Off the pod network.
    Outside(SocketAddr),
}

impl Namespace {
    /// Gives `pod` an address on the pod network. No Service selects it before [`set_ready`](Self::set_ready).
    pub fn new(fabric: &Fabric, pod: &spec::Pod, egress: Egress) -> Result<Self, FabricError> {
        let key = fabric.attach(pod)?;
        Ok(Self {
            fabric: fabric.clone(),
            key,
            host_network: pod.host_network,
            namespace: pod.meta.namespace.clone(),
            egress,
            sockets: BTreeMap::new(),
            // Unique in the node's network.
            next_socket: u64::from(key.number) << 32,
            ports: Ports::default(),
            syns: BTreeMap::new(),
            next_syn: 0,
            outside: BTreeMap::new(),
            requests: VecDeque::new(),
            name_clients: Vec::new(),
            denied: BTreeSet::new(),
            events: VecDeque::new(),
        })
    }

    /// `status.podIP`; the node's with `hostNetwork`.
    pub fn pod_ip(&self) -> Ipv4Addr {
        self.key.ip
    }

    /// The labels of the pod have changed; Services select by them.
    pub fn set_labels(&mut self, labels: &BTreeMap<String, String>) {
        self.fabric.set_labels(self.key, labels);
    }

    /// Whether Services send connections to this pod.
    pub fn set_ready(&mut self, ready: bool) {
        self.fabric.set_ready(self.key, ready);
    }

    /// What a person should know, oldest first. New ones appear only during calls of guests.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What the world has to do for this pod. New ones appear only during calls of guests.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.serve_names();
        self.requests.pop_front()
    }

    /// Connects from outside, as seen from `from`, to an address inside the pod, loopback included: the way of
    /// port-forward, probes and an embedding host. Wait with [`poll_connected`](super::End::poll_connected).
    pub fn connect_from(&mut self, from: SocketAddr, to: SocketAddr) -> Result<Stream, Error> {
        let listener = self.listener(to).ok_or(Error::ConnectionRefused)?;
        listener.connect([from, to], Buffers::default(), None)
    }

    /// Lets an address outside exchange datagrams with this pod: what guests send to `peer` arrives in the mailbox.
    pub fn open_outside(&mut self, peer: SocketAddr) -> Result<Mailbox, Error> {
        if let Some(mailbox) = self.outside.get(&peer) {
            return Ok(mailbox.clone());
        }
        if self.outside.len() >= DATAGRAM_OUTSIDE_PEERS {
            return Err(Error::SocketLimit);
        }
        let mailbox = Mailbox::new(DATAGRAM_QUEUE_BYTES_DEFAULT);
        self.outside.insert(peer, mailbox.clone());
        Ok(mailbox)
    }

    /// Ends [`open_outside`](Self::open_outside).
    pub fn close_outside(&mut self, peer: SocketAddr) {
        if let Some(mailbox) = self.outside.remove(&peer) {
            mailbox.close();
        }
    }

    /// Delivers a datagram from outside to an address inside the pod.
    pub fn send_from(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        data: Bytes,
    ) -> Result<(), Error> {
        self.fabric.tap_datagram([from, to], &data);
        let mailbox = self.mailbox_at(to);
        let delivered = mailbox.is_some_and(|mailbox| mailbox.deliver(from, data));
        if delivered {
            Ok(())
        } else {
            Err(Error::ConnectionRefused)
        }
    }

    /// Closes a socket as the last `close(2)` does; nothing happens if there is no such socket.
    pub fn close(&mut self, id: SocketId) {
        match self.sockets.remove(&id) {
            Some(Socket::Tcp(socket)) => self.close_tcp(id, socket),
            Some(Socket::Udp(socket)) => self.close_udp(id, &socket),
            None => {}
        }
    }

    /// The address of a bound socket.
    pub fn local_address(&self, id: SocketId) -> Result<SocketAddr, Error> {
        let local = match self.sockets.get(&id) {
            Some(Socket::Tcp(socket)) => socket.local,
            Some(Socket::Udp(socket)) => socket.local,
            None => None,
        };
        local.ok_or(Error::InvalidState)
    }

    /// The address a socket is connected to: the one it asked for, even if a Service chose another.
    pub fn remote_address(&self, id: SocketId) -> Result<SocketAddr, Error> {
        let remote = match self.sockets.get(&id) {
            Some(Socket::Tcp(socket)) => socket.remote,
            Some(Socket::Udp(socket)) => socket.remote,
            None => None,
        };
        remote.ok_or(Error::InvalidState)
    }

    pub(super) fn insert(&mut self, socket: Socket) -> Result<SocketId, Error> {
        self.check_limit()?;
        let id = SocketId(self.next_socket);
        self.next_socket += 1;
        self.sockets.insert(id, socket);
        Ok(id)
    }

    pub(super) fn check_limit(&self) -> Result<(), Error> {
        if self.sockets.len() < SOCKETS_PER_POD {
            Ok(())
        } else {
            Err(Error::SocketLimit)
        }
    }

    /// The single place where paths fork, for connects and datagrams alike.
    pub(super) fn route(&self, protocol: Protocol, to: SocketAddr) -> Route {
        // Clients of published ports stand behind the node's address.
        if self.outside.contains_key(&to) {
            return Route::Outside(to);
        }
        if self.asks_node(to) {
            return Route::Names;
        }
        if self.is_own(to.ip()) {
            return Route::Here(to);
        }
        match self.fabric.resolve(protocol, self.key.ip.into(), to) {
            Resolved::Pod(pod) if self.is_own(pod.ip()) => Route::Here(pod),
            Resolved::Pod(pod) => Route::Pod(pod),
            Resolved::Refused => Route::Refused,
            Resolved::Nobody if is_name_server(to) => Route::Names,
            Resolved::Nobody => Route::Nobody,
            Resolved::Outside(to) => Route::Outside(to),
        }
    }

    /// Whether a message to this address is for the node's name server, as nobody in its network has taken its port.
    fn asks_node(&self, to: SocketAddr) -> bool {
        let is_taken = || self.fabric.listener(to).is_some() || self.fabric.mailbox(to).is_some();
        to.ip() == NODE_IP && is_name_server(to) && !is_taken()
    }

    /// The address Linux gives what a socket bound to `bound` sends to `to`.
    pub(super) fn source(&self, bound: Option<IpAddr>, to: IpAddr) -> Result<IpAddr, Error> {
        match bound.filter(|ip| !ip.is_unspecified()) {
            Some(bound) if bound.is_loopback() && !self.is_own(to) => Err(Error::InvalidArgument),
            Some(bound) => Ok(bound),
            None if to.is_loopback() && to.is_ipv4() => Ok(Ipv4Addr::LOCALHOST.into()),
            None if to.is_loopback() => Ok(Ipv6Addr::LOCALHOST.into()),
            None => Ok(self.own(Family::of(to))),
        }
    }

    /// Checks an address to bind, and says where the port is seen on the pod network, if it is.
    pub(super) fn check_bindable(&self, ip: IpAddr) -> Result<(), Error> {
        if ip.is_unspecified() || self.is_own(ip) {
            Ok(())
        } else {
            Err(Error::AddressNotBindable)
        }
    }

    /// The address under which other pods reach a socket bound to `local`.
    pub(super) fn on_fabric(&self, local: SocketAddr) -> Option<SocketAddr> {
        let own = self.own(Family::of(local.ip()));
        (local.ip().is_unspecified() || local.ip() == own).then_some((own, local.port()).into())
    }

    /// `wanted` bytes, or what a socket may have while so many are open.
    pub(super) fn buffer_bytes(&self, wanted: usize) -> usize {
        let share = SOCKET_BUFFER_BYTES_PER_POD / self.sockets.len().max(1);
        wanted
            .min(share)
            .clamp(SOCKET_BUFFER_BYTES_MIN, SOCKET_BUFFER_BYTES_MAX)
    }

    pub(super) fn connect_outside(
        &mut self,
        process: Option<ProcessId>,
        [from, to]: [SocketAddr; 2],
        buffers: Buffers,
    ) -> Result<Stream, Error> {
        match self.egress {
            Egress::None => {
                self.deny(process, Denied::Tcp(to));
                Err(Error::RemoteUnreachable)
            }
            Egress::Host if self.requests.len() >= OUTSIDE_REQUESTS_PENDING => Err(Error::Timeout),
            Egress::Host => {
                let line = self.fabric.line([from, to]);
                let buffers = [buffers, Buffers::default()];
                let [client, server] = pair([from, to], buffers, Phase::Pending, (None, line));
                self.requests
                    .push_back(Request::Connect(OutsideConnect::new(server)));
                Ok(client)
            }
        }
    }

    pub(super) fn send_outside(
        &mut self,
        process: Option<ProcessId>,
        [from, to]: [SocketAddr; 2],
        data: Bytes,
    ) -> Result<(), Error> {
        if let Some(mailbox) = self.outside.get(&to) {
            mailbox.deliver(from, data);
            return Ok(());
        }
        if self.egress == Egress::None {
            self.deny(process, Denied::Udp(to));
            return Err(Error::RemoteUnreachable);
        }
        if self.requests.len() < OUTSIDE_REQUESTS_PENDING {
            let mailbox = self.open_outside(to)?;
            mailbox.deliver(from, data);
            self.requests.push_back(Request::Datagrams {
                remote: to,
                mailbox,
            });
        }
        Ok(())
    }

    fn own(&self, family: Family) -> IpAddr {
        match family {
            Family::Ipv4 => self.key.ip.into(),
            Family::Ipv6 => pod_ipv6(self.key.ip).into(),
        }
    }

    pub(super) fn is_own(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || ip == self.own(Family::of(ip))
    }

    pub(super) fn deny(&mut self, process: Option<ProcessId>, denied: Denied) {
        if self.denied.len() < EGRESS_DENIALS_REPORTED && self.denied.insert(denied.clone()) {
            self.events
                .push_back(Event::EgressDenied { process, denied });
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        while let Some((id, _)) = self.sockets.first_key_value() {
            self.close(*id);
        }
        self.drop_syns();
        self.outside.values().for_each(Mailbox::close);
        self.fabric.detach(self.key);
    }
}

/// What can be the address of one machine.
pub(super) fn check_unicast(ip: IpAddr, family: Family) -> Result<(), Error> {
    let unicast = match ip {
        IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_multicast() && ip.to_ipv4_mapped().is_none(),
    };
    if unicast && Family::of(ip) == family {
        Ok(())
    } else {
        Err(Error::InvalidArgument)
    }
}

/// What can be connected or sent to. Unlike Linux, WASI does not take 0.0.0.0 for this machine.
pub(super) fn check_remote(to: SocketAddr, family: Family) -> Result<(), Error> {
    check_unicast(to.ip(), family)?;
    if to.ip().is_unspecified() || to.port() == 0 {
        Err(Error::InvalidArgument)
    } else {
        Ok(())
    }
}
