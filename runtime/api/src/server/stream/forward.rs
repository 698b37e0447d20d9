//! Port forwarding with a client (`k8s.io/cri-streaming/pkg/streaming/portforward`).

use super::channel::Encoding;
use super::spdy::{ResetStatus, Spdy, SpdyError, SpdyEvent};
use bytes::Bytes;
use seedpod_core::limits::FORWARDED_CONNECTIONS_MAX;
use std::collections::{BTreeMap, VecDeque};

/// What the client wants. Connections are numbered by the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardEvent {
    /// A connection to a port.
    Opened {
        /// Its number.
        id: u32,
        /// Inside the pod.
        port: u16,
    },
    /// Bytes for the server.
    Data {
        /// Number of the connection.
        id: u32,
        /// Some of them.
        bytes: Bytes,
    },
    /// The client sends nothing more.
    Ended {
        /// Number of the connection.
        id: u32,
    },
    /// The client has gone.
    Reset {
        /// Number of the connection.
        id: u32,
    },
}

/// One `kubectl port-forward`.
pub struct PortForward {
    carrier: Carrier,
    events: VecDeque<ForwardEvent>,
}

enum Carrier {
    Channels {
        encoding: Encoding,
        connections: u32,
        output: VecDeque<Bytes>,
        output_bytes: usize,
    },
    Spdy {
        spdy: Box<Spdy>,
        /// Pairs by what the client calls them, until both streams are there.
        waiting: BTreeMap<String, Pair>,
        /// The stream for errors of each stream of data.
        errors: BTreeMap<u32, u32>,
    },
}

#[derive(Default)]
struct Pair {
    data: Option<u32>,
    error: Option<u32>,
    port: u16,
}

impl PortForward {
    /// Over SPDY, which may itself be in messages of a WebSocket: a connection for each pair of streams.
    pub fn over_spdy() -> Self {
        Self {
            carrier: Carrier::Spdy {
                spdy: Box::new(Spdy::new()),
                waiting: BTreeMap::new(),
                errors: BTreeMap::new(),
            },
            events: VecDeque::new(),
        }
    }

    /// Over messages of a WebSocket with this subprotocol: one connection for each port, two channels for each.
    pub fn over_channels(protocol: &str, ports: &[u16]) -> Self {
        let mut new = Self {
            carrier: Carrier::Channels {
                encoding: Encoding::of(protocol),
                connections: u32::try_from(ports.len()).unwrap_or(0),
                output: VecDeque::new(),
                output_bytes: 0,
            },
            events: VecDeque::new(),
        };
        for (id, port) in (0..).zip(ports) {
            new.message(2 * id, &port.to_le_bytes());
            new.message(2 * id + 1, &port.to_le_bytes());
            new.events
                .push_back(ForwardEvent::Opened { id, port: *port });
        }
        new
    }

    /// Takes a message of the WebSocket, or bytes of SPDY. Take all events before the next.
    ///
    /// # Errors
    /// When the client breaks the protocol: the connection has to be closed.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), SpdyError> {
        match &mut self.carrier {
            Carrier::Channels {
                encoding,
                connections,
                ..
            } => {
                if let Some((channel, bytes)) = encoding.decode(bytes)
                    && channel % 2 == 0
                    && u32::from(channel / 2) < *connections
                    && !bytes.is_empty()
                {
                    let id = u32::from(channel / 2);
                    self.events.push_back(ForwardEvent::Data { id, bytes });
                }
            }
            Carrier::Spdy { spdy, .. } => {
                spdy.receive(bytes)?;
                self.handle_spdy();
            }
        }
        Ok(())
    }

    fn handle_spdy(&mut self) {
        while let Carrier::Spdy { spdy, errors, .. } = &mut self.carrier
            && let Some(event) = spdy.next_event()
        {
            let is_connection = |id: &u32| errors.contains_key(id);
            match event {
                SpdyEvent::Opened { id, headers } => self.handle_stream(id, &headers),
                SpdyEvent::Data { id, bytes } if is_connection(&id) => {
                    self.events.push_back(ForwardEvent::Data { id, bytes });
                }
                SpdyEvent::Data { id, bytes } => spdy.consume(id, bytes.len()),
                SpdyEvent::Ended { id } if is_connection(&id) => {
                    self.events.push_back(ForwardEvent::Ended { id });
                }
                SpdyEvent::Reset { id } if is_connection(&id) => {
                    self.events.push_back(ForwardEvent::Reset { id });
                }
                SpdyEvent::Ended { .. } | SpdyEvent::Reset { .. } => {}
            }
        }
    }

    fn handle_stream(&mut self, id: u32, headers: &BTreeMap<String, String>) {
        let Carrier::Spdy {
            spdy,
            waiting,
            errors,
        } = &mut self.carrier
        else {
            return;
        };
        let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
        let port: Option<u16> = header("port").parse().ok().filter(|port| *port > 0);
        let is_error = match header("streamtype") {
            "error" => Some(true),
            "data" => Some(false),
            _ => None,
        };
        let (Some(port), Some(is_error)) = (port, is_error) else {
            return spdy.reset(id, ResetStatus::RefusedStream);
        };
        let request = match (header("requestid"), is_error) {
            // Clients before Kubernetes 1.3: the stream for errors comes first, the one for data next.
            ("", true) => id.to_string(),
            ("", false) => id.saturating_sub(2).to_string(),
            (request, _) => request.to_owned(),
        };
        if waiting.len() + errors.len() >= FORWARDED_CONNECTIONS_MAX
            && !waiting.contains_key(&request)
        {
            return spdy.reset(id, ResetStatus::RefusedStream);
        }
        let pair = waiting.entry(request.clone()).or_default();
        pair.port = port;
        let place = match is_error {
            true => &mut pair.error,
            false => &mut pair.data,
        };
        if place.is_some() {
            return spdy.reset(id, ResetStatus::ProtocolError);
        }
        *place = Some(id);
        spdy.reply(id);
        if let (Some(data), Some(error)) = (pair.data, pair.error) {
            waiting.remove(&request);
            errors.insert(data, error);
            self.events
                .push_back(ForwardEvent::Opened { id: data, port });
        }
    }

    /// What the client wants next.
    pub fn next_event(&mut self) -> Option<ForwardEvent> {
        self.events.pop_front()
    }

    /// How many bytes may be written to a connection now; ask again after the client's next bytes. `None` when it wants
    /// no more.
    pub fn room(&self, id: u32) -> Option<usize> {
        match &self.carrier {
            Carrier::Channels { .. } => Some(usize::MAX),
            Carrier::Spdy { spdy, .. } => spdy.is_open(id).then(|| spdy.room(id)),
        }
    }

    /// Bytes of the server.
    pub fn write(&mut self, id: u32, bytes: &[u8]) {
        match &mut self.carrier {
            Carrier::Channels { .. } => self.message(2 * id, bytes),
            Carrier::Spdy { spdy, .. } => spdy.send(id, bytes),
        }
    }

    /// The server has taken so many bytes.
    pub fn consume(&mut self, id: u32, count: usize) {
        if let Carrier::Spdy { spdy, .. } = &mut self.carrier {
            spdy.consume(id, count);
        }
    }

    /// The server sends nothing more.
    pub fn finish(&mut self, id: u32) {
        if let Carrier::Spdy { spdy, errors, .. } = &mut self.carrier {
            spdy.finish(id);
            if let Some(error) = errors.get(&id) {
                spdy.finish(*error);
            }
        }
    }

    /// The connection is over on both sides.
    pub fn forget(&mut self, id: u32) {
        self.finish(id);
        if let Carrier::Spdy { errors, .. } = &mut self.carrier {
            errors.remove(&id);
        }
    }

    /// The connection could not be made, or has failed.
    pub fn fail(&mut self, id: u32, message: &str) {
        match &mut self.carrier {
            Carrier::Channels { .. } => self.message(2 * id + 1, message.as_bytes()),
            Carrier::Spdy { spdy, errors, .. } => {
                if let Some(error) = errors.remove(&id) {
                    spdy.send(error, message.as_bytes());
                    spdy.finish(error);
                }
                spdy.reset(id, ResetStatus::Cancel);
            }
        }
    }

    fn message(&mut self, channel: u32, bytes: &[u8]) {
        if let Carrier::Channels {
            encoding,
            output,
            output_bytes,
            ..
        } = &mut self.carrier
            && let Ok(channel) = u8::try_from(channel)
        {
            let message = encoding.encode(channel, bytes);
            *output_bytes += message.len();
            output.push_back(message);
        }
    }

    /// The next message for the WebSocket, or bytes of SPDY.
    pub fn next_output(&mut self) -> Option<Bytes> {
        match &mut self.carrier {
            Carrier::Channels {
                output,
                output_bytes,
                ..
            } => {
                let message = output.pop_front()?;
                *output_bytes -= message.len();
                Some(message)
            }
            Carrier::Spdy { spdy, .. } => {
                Some(Bytes::from(spdy.take_output())).filter(|bytes| !bytes.is_empty())
            }
        }
    }

    /// How much there is of it.
    pub fn output_bytes(&self) -> usize {
        match &self.carrier {
            Carrier::Channels { output_bytes, .. } => *output_bytes,
            Carrier::Spdy { spdy, .. } => spdy.output_bytes(),
        }
    }
}

#[cfg(test)]
mod tests;
