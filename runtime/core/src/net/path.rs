//! The path from one socket of a guest to another, and the rules on it.

use super::Error;
use super::fabric::PodKey;
use super::listener::Listener;
use super::namespace::{Namespace, Socket, SocketId};
use super::rules::{Due, Fate, Owner, Path, Rules, Ticket};
use super::stream::{Buffers, Phase, Stream, pair};
use crate::limits::SOCKET_CONNECT_TIMEOUT;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;

/// A connect that goes to a pod.
pub(super) struct Dial {
    /// Whose socket it is.
    pub(super) container: Option<Arc<str>>,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Whether it is to the same pod.
    pub(super) here: bool,
    pub(super) buffers: Buffers,
}

/// A connect on its way.
#[derive(Debug)]
pub(super) struct Syn {
    from: Owner,
    to: SocketAddr,
    here: bool,
    server: Stream,
    ticket: Ticket,
}

impl Namespace {
    /// Says which container a socket belongs to; only rules want to know.
    pub fn set_container(&mut self, id: SocketId, container: &str) {
        if self.fabric.rules().is_none() {
            return;
        }
        let container: Arc<str> = container.into();
        match self.sockets.get_mut(&id) {
            Some(Socket::Tcp(socket)) => socket.container = Some(container),
            Some(Socket::Udp(socket)) => {
                socket.container = Some(container.clone());
                let owner = self.fabric.owner(self.key, Some(container));
                socket.mailbox.set_owner(owner);
            }
            None => {}
        }
    }

    /// Lets connects in that rules have delayed and that have arrived: call it after
    /// [`Rules::handle_timeout`](super::Rules::handle_timeout) and [`Rules::remove`](super::Rules::remove).
    pub fn admit(&mut self) {
        let Some(rules) = self.fabric.rules().cloned() else {
            return;
        };
        for number in rules.take_arrived(self.key) {
            if let Some(syn) = self.syns.remove(&number) {
                self.admit_one(&rules, number, syn);
            }
        }
    }

    fn admit_one(&mut self, rules: &Rules, number: u64, mut syn: Syn) {
        if syn.server.is_abandoned() || !syn.server.is_pending() {
            return;
        }
        let Some(listener) = self.listener_at(syn.to, syn.here) else {
            return syn.server.fail(Error::ConnectionRefused);
        };
        let owner = self.owner_of(&listener, syn.to, syn.here);
        if rules.is_blocked([&syn.from, &owner]) {
            let until = rules.now() + SOCKET_CONNECT_TIMEOUT;
            syn.ticket = rules.park(until, Due::Syn(self.key, number));
            self.syns.insert(number, syn);
            return;
        }
        syn.server.set_acceptor(owner);
        listener.admit(syn.server);
    }

    pub(super) fn dial(&mut self, dial: &Dial) -> Result<Stream, Error> {
        let listener = self.listener_at(dial.to, dial.here);
        let ends = [dial.from, dial.to];
        let Some(rules) = self.fabric.rules().cloned() else {
            let listener = listener.ok_or(Error::ConnectionRefused)?;
            return listener.connect(ends, dial.buffers, None);
        };
        let from = self.fabric.owner(self.key, dial.container.clone());
        let to = match &listener {
            Some(listener) => self.owner_of(listener, dial.to, dial.here),
            None => self.owner_at(dial.to, dial.here),
        };
        let fate = rules.fate([&from, &to]);
        let path = Path {
            rules,
            owners: [from, to],
        };
        if fate.is_blocked || !fate.delay.is_zero() {
            return Ok(self.send_syn(path, dial, fate));
        }
        let listener = listener.ok_or(Error::ConnectionRefused)?;
        listener.connect(ends, dial.buffers, Some(path))
    }

    fn send_syn(&mut self, path: Path, dial: &Dial, fate: Fate) -> Stream {
        let Path { rules, owners } = path.clone();
        let ends = [dial.from, dial.to];
        // The acceptor's own sizes come with its listener.
        let buffers = [dial.buffers, Buffers::default()];
        let line = self.fabric.line(ends);
        let [client, server] = pair(ends, buffers, Phase::Pending, (Some(path), line));
        client.start_connect_timeout();
        let number = self.next_syn;
        self.next_syn += 1;
        let (now, due) = (rules.now(), Due::Syn(self.key, number));
        let ticket = match fate.is_blocked {
            true => rules.park(now + SOCKET_CONNECT_TIMEOUT, due),
            false => rules.schedule(now + fate.delay, due),
        };
        let [from, _] = owners;
        let syn = Syn {
            from,
            to: dial.to,
            here: dial.here,
            server,
            ticket,
        };
        self.syns.insert(number, syn);
        client
    }

    /// Hands a datagram to who is there; whether anyone is.
    pub(super) fn post(
        &self,
        container: Option<Arc<str>>,
        [from, to]: [SocketAddr; 2],
        here: bool,
        data: Bytes,
    ) -> bool {
        let mailbox = match here {
            true => self.mailbox_at(to),
            false => self.fabric.mailbox(to),
        };
        let Some(rules) = self.fabric.rules() else {
            return mailbox.is_some_and(|mailbox| mailbox.deliver(from, data));
        };
        let sender = self.fabric.owner(self.key, container);
        match mailbox.map(|mailbox| (mailbox.owner(), mailbox)) {
            Some((Some(receiver), mailbox)) => {
                rules.send_datagram([&sender, &receiver], &mailbox, from, data)
            }
            Some((None, mailbox)) => mailbox.deliver(from, data),
            // Nor does the answer come that nobody is there.
            None => rules.is_blocked([&sender, &self.owner_at(to, here)]),
        }
    }

    /// Forgets the connects on their way.
    pub(super) fn drop_syns(&mut self) {
        if let Some(rules) = self.fabric.rules() {
            for syn in self.syns.values() {
                rules.cancel(syn.ticket);
            }
            rules.take_arrived(self.key);
        }
        self.syns.clear();
    }

    pub(super) fn owner(&self, container: Option<Arc<str>>) -> Option<Owner> {
        self.fabric
            .rules()
            .map(|_| self.fabric.owner(self.key, container))
    }

    fn listener_at(&self, to: SocketAddr, here: bool) -> Option<Arc<Listener>> {
        match here {
            true => self.listener(to),
            false => self.fabric.listener(to),
        }
    }

    fn owner_of(&self, listener: &Listener, to: SocketAddr, here: bool) -> Owner {
        let owner = listener.owner().cloned();
        owner.unwrap_or_else(|| self.owner_at(to, here))
    }

    /// The pod of an address, whatever its container.
    fn owner_at(&self, to: SocketAddr, here: bool) -> Owner {
        let key = match here {
            true => Some(self.key),
            false => PodKey::at(to.ip()),
        };
        match key {
            Some(key) => self.fabric.owner(key, None),
            None => Owner::nobody(),
        }
    }
}
