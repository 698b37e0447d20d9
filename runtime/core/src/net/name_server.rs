//! Names: what `getaddrinfo` finds for a process, and the two name servers of the virtual network. The cluster's knows
//! Services and pods; the node's, for `dnsPolicy: Default`, knows none of them. Both ask the outside for other names if
//! the egress policy lets them.

use super::dns::{Failure, Query};
use super::egress::{Denied, Egress, OutsideLookup, Request};
use super::fabric::{NAME_SERVER, NODE_IP, is_of_cluster};
use super::names::{Lookup, NameFiles, normalize};
use super::namespace::Namespace;
use super::stream::{Buffers, Phase, Stream, pair};
use super::zone::{Found, Kind};
use super::{Error, Fabric, Mailbox};
use crate::limits::{DNS_CONNECTIONS_PER_POD, OUTSIDE_REQUESTS_PENDING};
use crate::pod::resolver::Resolver;
use crate::process::ProcessId;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

const PORT: u16 = 53;

/// Whether one of our name servers has this address.
pub(super) fn is_name_server(to: SocketAddr) -> bool {
    to.port() == PORT && (to.ip() == NAME_SERVER || to.ip() == NODE_IP)
}

/// A client of a name server over TCP. It is served whenever its pod has taken a step.
#[derive(Debug)]
pub(super) struct NameClient {
    stream: Stream,
    server: IpAddr,
    input: BytesMut,
    output: Bytes,
    /// What the outside is asked for.
    pending: Option<(Query, Lookup)>,
}

/// What came of a question.
enum Answer {
    Ready(Bytes),
    Later(Query, Lookup),
    Never,
}

impl Namespace {
    /// Resolves a name as `getaddrinfo` does with these files: an address, `/etc/hosts`, then what the first name server
    /// knows. One in another pod is not asked, and no connection is made to one outside: the machine resolves the name.
    pub fn lookup(
        &mut self,
        process: Option<ProcessId>,
        name: &str,
        files: NameFiles<'_>,
    ) -> Result<Lookup, Error> {
        let literal = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        if let Ok(ip) = literal.parse::<IpAddr>() {
            return Ok(Lookup::ready(Ok(vec![ip.to_canonical()])));
        }
        let normal = normalize(name)?;
        let found = files.hosts(&normal);
        if !found.is_empty() {
            return Ok(Lookup::ready(Ok(found)));
        }
        let resolver = Resolver::parse(files.resolv_conf);
        let server = match resolver.servers.first() {
            Some(server) if *server == NAME_SERVER => NAME_SERVER,
            Some(server) if *server == NODE_IP || !is_of_cluster(*server) => NODE_IP,
            Some(_) | None => {
                return Ok(Lookup::ready(Err(Error::TemporaryResolverFailure)));
            }
        };
        let dot = if name.ends_with('.') { "." } else { "" };
        let names = resolver.candidates(&format!("{normal}{dot}"));
        Ok(self.lookup_names(process, server.into(), names))
    }

    /// The addresses of the first of these full names that has any.
    pub(super) fn lookup_names(
        &mut self,
        process: Option<ProcessId>,
        server: IpAddr,
        names: Vec<String>,
    ) -> Lookup {
        let mut outside = Vec::new();
        for name in names {
            match self.fabric.addresses(&name) {
                Some(found) if server == NAME_SERVER && !found.is_empty() => {
                    return Lookup::ready(Ok(found));
                }
                Some(_) => {}
                None => outside.push(name),
            }
        }
        match self.egress {
            _ if outside.is_empty() => {}
            Egress::Host if self.requests.len() < OUTSIDE_REQUESTS_PENDING => {
                let (lookup, answer) = Lookup::pending();
                let request = OutsideLookup::new(outside, answer);
                self.requests.push_back(Request::Lookup(request));
                return lookup;
            }
            Egress::Host => {}
            Egress::None => {
                // A single label is a mistyped name of the cluster rather than a wish to leave it.
                if let Some(name) = outside.into_iter().find(|name| name.contains('.')) {
                    self.deny(process, Denied::Name(name));
                }
            }
        }
        Lookup::ready(Err(Error::NameUnresolvable))
    }

    /// A datagram to a name server; the answer goes back into the mailbox of the socket that asks.
    pub(super) fn ask_names(
        &mut self,
        process: Option<ProcessId>,
        [client, server]: [SocketAddr; 2],
        message: &Bytes,
        mailbox: &Mailbox,
    ) {
        match self.answer(process, server.ip(), message, Query::datagram_bytes) {
            Answer::Ready(reply) => {
                self.fabric.tap_datagram([server, client], &reply);
                mailbox.deliver(server, reply);
            }
            Answer::Later(query, lookup) => {
                let waiting = Arc::new(Waiting {
                    lookup,
                    query,
                    server,
                    client,
                    mailbox: mailbox.clone(),
                    fabric: self.fabric.clone(),
                });
                waiting.deliver();
            }
            Answer::Never => {}
        }
    }

    fn answer(
        &mut self,
        process: Option<ProcessId>,
        server: IpAddr,
        message: &Bytes,
        max: fn(&Query) -> usize,
    ) -> Answer {
        let query = match Query::parse(message) {
            Ok(query) => query,
            Err(reply) => return reply.map_or(Answer::Never, Answer::Ready),
        };
        let found = match self.fabric.find(&query.name, query.kind) {
            // The node's server knows the cluster's names no more than that of a real node does.
            Found::Records(_) | Found::NoData if server != NAME_SERVER => Found::NoName,
            found => found,
        };
        let is_address = matches!(query.kind, Kind::A | Kind::Aaaa);
        if found != Found::Elsewhere || !is_address || query.name.is_empty() {
            let max = max(&query);
            return Answer::Ready(query.answer(&found, max));
        }
        let lookup = self.lookup_names(process, server, vec![query.name.clone()]);
        match lookup.poll(Waker::noop()) {
            Poll::Ready(result) => {
                let max = max(&query);
                Answer::Ready(reply(&query, result, max))
            }
            Poll::Pending => Answer::Later(query, lookup),
        }
    }

    /// A connection to a name server.
    pub(super) fn connect_names(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        buffers: Buffers,
    ) -> Result<Stream, Error> {
        let line = self.fabric.line([from, to]);
        let buffers = [buffers, Buffers::default()];
        let [client, server] = pair([from, to], buffers, Phase::Established, (None, line));
        if self.name_clients.len() >= DNS_CONNECTIONS_PER_POD {
            self.name_clients.remove(0);
        }
        self.name_clients.push(NameClient {
            stream: server,
            server: to.ip(),
            input: BytesMut::new(),
            output: Bytes::new(),
            pending: None,
        });
        Ok(client)
    }

    /// Answers what has come over connections.
    pub(super) fn serve_names(&mut self) {
        if self.name_clients.is_empty() {
            return;
        }
        let mut clients = std::mem::take(&mut self.name_clients);
        clients.retain_mut(|client| self.serve(client) == Serving::GoesOn);
        self.name_clients.append(&mut clients);
    }

    fn serve(&mut self, client: &mut NameClient) -> Serving {
        loop {
            if client.write() == Serving::Over {
                return Serving::Over;
            }
            if !client.output.is_empty() {
                return Serving::GoesOn;
            }
            if let Some((query, lookup)) = &client.pending {
                let Poll::Ready(result) = lookup.poll(Waker::noop()) else {
                    return Serving::GoesOn;
                };
                client.output = framed(&reply(query, result, MESSAGE_BYTES_MAX));
                client.pending = None;
                continue;
            }
            if let Some(message) = client.message() {
                match self.answer(None, client.server, &message, |_| MESSAGE_BYTES_MAX) {
                    Answer::Ready(reply) => client.output = framed(&reply),
                    Answer::Later(query, lookup) => client.pending = Some((query, lookup)),
                    Answer::Never => return Serving::Over,
                }
                continue;
            }
            match client.stream.try_read(READ_BYTES) {
                Some(Ok(bytes)) if !bytes.is_empty() => client.input.extend_from_slice(&bytes),
                Some(_) => return Serving::Over,
                None => return Serving::GoesOn,
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Serving {
    GoesOn,
    Over,
}

/// Two bytes say how long a message over TCP is.
const MESSAGE_BYTES_MAX: usize = u16::MAX as usize;
const READ_BYTES: usize = 4096;

impl NameClient {
    fn write(&mut self) -> Serving {
        while !self.output.is_empty() {
            match self.stream.try_writable() {
                Ok(0) => break,
                Ok(room) => {
                    let piece = self.output.split_to(room.min(self.output.len()));
                    if self.stream.write(piece).is_err() {
                        return Serving::Over;
                    }
                }
                Err(_) => return Serving::Over,
            }
        }
        Serving::GoesOn
    }

    /// The next message that has come as a whole.
    fn message(&mut self) -> Option<Bytes> {
        let len = self.input.get(..2)?;
        let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
        if self.input.len() < 2 + len {
            return None;
        }
        self.input.advance(2);
        Some(self.input.split_to(len).freeze())
    }
}

fn framed(message: &Bytes) -> Bytes {
    let mut framed = BytesMut::with_capacity(2 + message.len());
    framed.put_u16(u16::try_from(message.len()).unwrap_or(u16::MAX));
    framed.extend_from_slice(message);
    framed.freeze()
}

fn reply(query: &Query, result: Result<Vec<IpAddr>, Error>, max: usize) -> Bytes {
    match result {
        Ok(addresses) => query.answer_addresses(&addresses, max),
        Err(Error::NameUnresolvable) => query.fail(Failure::NoName),
        Err(_) => query.fail(Failure::Server),
    }
}

/// A question by datagram that the outside is asked for.
struct Waiting {
    lookup: Lookup,
    query: Query,
    server: SocketAddr,
    client: SocketAddr,
    mailbox: Mailbox,
    fabric: Fabric,
}

impl Waiting {
    /// Answers now, or when there is something to answer: whoever asks the outside always tells.
    fn deliver(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        if let Poll::Ready(result) = self.lookup.poll(&waker) {
            let reply = reply(&self.query, result, self.query.datagram_bytes());
            self.fabric.tap_datagram([self.server, self.client], &reply);
            self.mailbox.deliver(self.server, reply);
        }
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.deliver();
    }
}
