//! What the node asks of the pod network for one of its pods: the way of probes and hooks.
//!
//! A pod's own loopback is not there: a server on 127.0.0.1 does not answer probes. Outside the pod network the egress
//! policy of the pod holds, for it is the pod's manifest that names the address.

use super::fabric::{Fabric, NAME_SERVER, NODE_IP, Resolved, pod_ipv6};
use super::listener::Listener;
use super::names::{Lookup, normalize};
use super::stream::{Buffers, Stream};
use super::{Error, Namespace, Protocol};
use crate::limits::SOCKET_BACKLOG_DEFAULT;
use crate::pod::resolver::Resolver;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// A port of the node that the world serves itself, such as that of the API server. Closed when it is dropped.
#[derive(Debug)]
pub struct NodeListener {
    fabric: Fabric,
    address: SocketAddr,
    listener: Arc<Listener>,
}

impl Fabric {
    /// Listens on a port of the node.
    ///
    /// # Errors
    /// When somebody does already.
    pub fn listen_on_node(&self, port: u16) -> Result<NodeListener, Error> {
        let address = (NODE_IP, port).into();
        if self.listener(address).is_some() {
            return Err(Error::AddressInUse);
        }
        let buffers = Buffers::default();
        let listener = Listener::new(
            SOCKET_BACKLOG_DEFAULT,
            buffers,
            None,
            self.tapping().cloned(),
        );
        let listener = Arc::new(listener);
        self.set_listener(address, Some(listener.clone()));
        Ok(NodeListener {
            fabric: self.clone(),
            address,
            listener,
        })
    }
}

impl NodeListener {
    /// The next connection.
    pub fn poll_accept(&self, waker: &Waker) -> Poll<Stream> {
        self.listener.poll_accept(waker)
    }
}

impl Drop for NodeListener {
    fn drop(&mut self) {
        self.fabric.set_listener(self.address, None);
        self.listener.close();
    }
}

impl Namespace {
    /// Connects from a port of the node to a pod IP, a Service, or what the egress policy allows. Wait with
    /// [`poll_connected`](super::End::poll_connected).
    pub fn connect_from_node(&mut self, port: u16, to: SocketAddr) -> Result<Stream, Error> {
        let node: IpAddr = match to {
            SocketAddr::V4(_) => NODE_IP.into(),
            SocketAddr::V6(_) => pod_ipv6(NODE_IP).into(),
        };
        let is_node = to.ip().is_loopback() || to.ip() == node;
        let original = to;
        let to = if is_node {
            (node, to.port()).into()
        } else {
            to
        };
        let from = (node, port).into();
        if is_node && let Some(listener) = self.fabric.with_node(|shared| shared.listener(original))
        {
            return listener.connect([from, original], Buffers::default(), None);
        }
        let result = match self.fabric.resolve(Protocol::Tcp, node, to) {
            Resolved::Pod(to) => match self.fabric.listener(to) {
                Some(listener) => listener.connect([from, to], Buffers::default(), None),
                None => Err(Error::ConnectionRefused),
            },
            Resolved::Refused => Err(Error::ConnectionRefused),
            Resolved::Nobody if is_node => Err(Error::ConnectionRefused),
            Resolved::Nobody => Err(Error::RemoteUnreachable),
            Resolved::Outside(to) => self.connect_outside(None, [from, to], Buffers::default()),
        };
        if let Err(error) = &result {
            self.fabric.tap_failure([from, to], *error);
        }
        result
    }

    /// Resolves a name for the node: an address, `localhost`, the cluster's names as the pod's namespace sees them, then
    /// the outside if the egress policy lets it. A node of a cluster knows no cluster names; here they are the names of
    /// the pods of one process, and useful.
    pub fn lookup_from_node(&mut self, name: &str) -> Result<Lookup, Error> {
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(Lookup::ready(Ok(vec![ip.to_canonical()])));
        }
        let name = normalize(name)?;
        if name == "localhost" {
            return Ok(Lookup::ready(Ok(vec![Ipv4Addr::LOCALHOST.into()])));
        }
        let resolver = Resolver::of_cluster(&self.namespace);
        Ok(self.lookup_names(None, NAME_SERVER.into(), resolver.candidates(&name)))
    }
}
