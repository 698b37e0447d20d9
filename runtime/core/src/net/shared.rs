//! Ports of the node's own network, which pods with `hostNetwork` share: each has its own sockets, all have one table of
//! who is bound where.

use super::listener::Listener;
use super::namespace::{Namespace, SocketId};
use super::ports::Ports;
use super::{Error, Mailbox, Protocol};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who is bound in the node's network. Ids of sockets are unique among all pods there.
#[derive(Debug, Default)]
pub(super) struct NodePorts {
    ports: Ports,
    listeners: BTreeMap<SocketId, Arc<Listener>>,
    mailboxes: BTreeMap<SocketId, Mailbox>,
}

impl NodePorts {
    /// Who listens on an address of the node.
    pub(super) fn listener(&self, to: SocketAddr) -> Option<Arc<Listener>> {
        let id = self.ports.find(Protocol::Tcp, to)?;
        self.listeners.get(&id).cloned()
    }
}

impl Namespace {
    /// Takes a port, or a free one for port 0. Returns it.
    pub(super) fn bind_port(
        &mut self,
        protocol: Protocol,
        address: SocketAddr,
        id: SocketId,
    ) -> Result<u16, Error> {
        match self.host_network {
            true => self
                .fabric
                .with_node(|node| node.ports.bind(protocol, address, id)),
            false => self.ports.bind(protocol, address, id),
        }
    }

    /// A bound socket begins to listen.
    pub(super) fn check_listen(&mut self, bound: SocketAddr, id: SocketId) -> Result<(), Error> {
        match self.host_network {
            true => self.fabric.with_node(|node| node.ports.listen(bound, id)),
            false => self.ports.listen(bound, id),
        }
    }

    /// Lets others find what listens on `address`, here and on the pod network.
    pub(super) fn publish_listener(
        &mut self,
        address: SocketAddr,
        id: SocketId,
        listener: &Arc<Listener>,
    ) {
        if self.host_network {
            let listener = listener.clone();
            self.fabric
                .with_node(|node| node.listeners.insert(id, listener));
        }
        if let Some(address) = self.on_fabric(address) {
            self.fabric.set_listener(address, Some(listener.clone()));
        }
    }

    /// The same of a mailbox.
    pub(super) fn publish_mailbox(&mut self, address: SocketAddr, id: SocketId, mailbox: Mailbox) {
        if self.host_network {
            let mailbox = mailbox.clone();
            self.fabric
                .with_node(|node| node.mailboxes.insert(id, mailbox));
        }
        if let Some(address) = self.on_fabric(address) {
            self.fabric.set_mailbox(address, Some(mailbox));
        }
    }

    /// Gives a port back.
    pub(super) fn release_port(&mut self, protocol: Protocol, address: SocketAddr, id: SocketId) {
        if !self.host_network {
            return self.ports.release(protocol, address, id);
        }
        self.fabric.with_node(|node| {
            node.ports.release(protocol, address, id);
            node.listeners.remove(&id);
            node.mailboxes.remove(&id);
        });
    }

    /// Who listens on an address of this network.
    pub(super) fn listener(&self, to: SocketAddr) -> Option<Arc<Listener>> {
        if !self.host_network {
            return self.own_listener(self.ports.find(Protocol::Tcp, to)?);
        }
        self.fabric.with_node(|node| node.listener(to))
    }

    /// Who takes datagrams to an address of this network.
    pub(super) fn mailbox_at(&self, to: SocketAddr) -> Option<Mailbox> {
        if !self.host_network {
            return self.mailbox(self.ports.find(Protocol::Udp, to)?).ok();
        }
        self.fabric.with_node(|node| {
            let id = node.ports.find(Protocol::Udp, to)?;
            node.mailboxes.get(&id).cloned()
        })
    }
}
