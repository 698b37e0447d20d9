//! Exec and attach with a client (`k8s.io/cri-streaming/pkg/streaming/remotecommand`; of version 5, which the API server
//! itself speaks, `apiserver/pkg/util/proxy`).

use super::Streams;
use super::channel::Encoding;
use super::spdy::{ResetStatus, Spdy, SpdyError, SpdyEvent};
use crate::server::error::ApiError;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// What the client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandEvent {
    /// All streams are there: begin.
    Ready,
    /// Bytes for standard input.
    Stdin(Bytes),
    /// Standard input ends.
    StdinEnd,
    /// The terminal has another size.
    Resize(TerminalSize),
}

/// Size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Lines.
    pub height: u16,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With 0, or as an attached container.
    Success,
    /// With another code.
    Exited {
        /// 128 and the number for one that a signal has killed.
        code: i32,
        /// What was run.
        command: Vec<String>,
    },
    /// It could not be started, or not be joined.
    Failed(String),
}

/// One exec or attach, from the protocol's first byte to its last.
pub struct RemoteCommand {
    streams: Streams,
    /// Whether the outcome is a `Status` as JSON; otherwise its text alone, and nothing of success.
    has_status: bool,
    /// Version 5, which tells the end of standard input.
    has_close: bool,
    carrier: Carrier,
    events: VecDeque<CommandEvent>,
    /// Of `resize` over SPDY, a part of a JSON document.
    unread_size: Vec<u8>,
    stdin_has_ended: bool,
}

enum Carrier {
    Channels {
        encoding: Encoding,
        output: VecDeque<Bytes>,
        output_bytes: usize,
    },
    Spdy {
        spdy: Box<Spdy>,
        /// Which stream of the connection is which.
        ids: BTreeMap<Channel, u32>,
        missing: usize,
    },
}

/// Numbers as in `channel.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    Stdin = 0,
    Stdout = 1,
    Stderr = 2,
    Error = 3,
    Resize = 4,
}

/// In version 5, a message of this and of a channel says that the channel ends.
const CLOSE: u8 = 255;
/// Bytes of a document that says the size of a terminal.
const SIZE_BYTES_MAX: usize = 256;

impl RemoteCommand {
    /// Over messages of a WebSocket with this subprotocol.
    pub fn over_channels(protocol: &str, streams: Streams) -> Self {
        let encoding = Encoding::of(protocol);
        let mut new = Self {
            has_status: protocol.starts_with('v'),
            has_close: protocol.starts_with("v5."),
            ..Self::new(
                streams,
                Carrier::Channels {
                    encoding,
                    output: VecDeque::new(),
                    output_bytes: 0,
                },
            )
        };
        new.events.push_back(CommandEvent::Ready);
        // An empty message says that the connection is there.
        let first = match (streams.stdout, streams.stderr) {
            (true, _) => Channel::Stdout,
            (_, true) => Channel::Stderr,
            _ => Channel::Error,
        };
        new.send(first, b"");
        new
    }

    /// Over SPDY with this version of the protocol.
    pub fn over_spdy(version: &str, streams: Streams) -> Self {
        let resizes = matches!(
            version,
            "v5.channel.k8s.io" | "v4.channel.k8s.io" | "v3.channel.k8s.io"
        );
        let wanted = [
            true,
            streams.stdin,
            streams.stdout,
            streams.stderr,
            streams.tty && resizes,
        ];
        let carrier = Carrier::Spdy {
            spdy: Box::new(Spdy::new()),
            ids: BTreeMap::new(),
            missing: wanted.into_iter().filter(|wanted| *wanted).count(),
        };
        Self {
            has_status: matches!(version, "v5.channel.k8s.io" | "v4.channel.k8s.io"),
            ..Self::new(streams, carrier)
        }
    }

    fn new(streams: Streams, carrier: Carrier) -> Self {
        Self {
            streams,
            has_status: false,
            has_close: false,
            carrier,
            events: VecDeque::new(),
            unread_size: Vec::new(),
            stdin_has_ended: false,
        }
    }

    /// Takes a message of the WebSocket, or bytes of the connection. Take all events before the next.
    ///
    /// # Errors
    /// When the client breaks the protocol: the connection has to be closed.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), SpdyError> {
        match &mut self.carrier {
            Carrier::Channels { encoding, .. } => {
                let message = encoding.decode(bytes);
                if let Some((channel, bytes)) = message {
                    self.handle_message(channel, bytes);
                }
            }
            Carrier::Spdy { spdy, .. } => {
                spdy.receive(bytes)?;
                self.handle_spdy();
            }
        }
        Ok(())
    }

    /// What the client wants next.
    pub fn next_event(&mut self) -> Option<CommandEvent> {
        self.events.pop_front()
    }

    fn handle_message(&mut self, channel: u8, bytes: Bytes) {
        const STDIN: u8 = Channel::Stdin as u8;
        const RESIZE: u8 = Channel::Resize as u8;
        match channel {
            STDIN if !bytes.is_empty() => self.handle_stdin(bytes),
            RESIZE => self.handle_resize(&bytes),
            CLOSE if self.has_close && *bytes == [STDIN] => self.handle_stdin_end(),
            _ => {}
        }
    }

    fn handle_spdy(&mut self) {
        while let Carrier::Spdy { spdy, ids, missing } = &mut self.carrier
            && let Some(event) = spdy.next_event()
        {
            let channel_of = |id: u32| {
                let mut all = ids.iter();
                all.find(|(_, one)| **one == id)
                    .map(|(channel, _)| *channel)
            };
            match event {
                SpdyEvent::Opened { id, headers } => {
                    let channel = headers.get("streamtype").and_then(|name| {
                        Some(match name.as_str() {
                            "error" => Channel::Error,
                            "stdin" => Channel::Stdin,
                            "stdout" => Channel::Stdout,
                            "stderr" => Channel::Stderr,
                            "resize" => Channel::Resize,
                            _ => return None,
                        })
                    });
                    let Some(channel) = channel.filter(|channel| !ids.contains_key(channel)) else {
                        spdy.reset(id, ResetStatus::ProtocolError);
                        continue;
                    };
                    ids.insert(channel, id);
                    spdy.reply(id);
                    *missing = missing.saturating_sub(1);
                    if *missing == 0 {
                        *missing = usize::MAX;
                        self.events.push_back(CommandEvent::Ready);
                    }
                }
                SpdyEvent::Data { id, bytes } => match channel_of(id) {
                    Some(Channel::Stdin) => self.handle_stdin(bytes),
                    Some(Channel::Resize) => {
                        spdy.consume(id, bytes.len());
                        self.handle_resize(&bytes);
                    }
                    _ => spdy.consume(id, bytes.len()),
                },
                SpdyEvent::Ended { id } | SpdyEvent::Reset { id } => {
                    if channel_of(id) == Some(Channel::Stdin) {
                        self.handle_stdin_end();
                    }
                }
            }
        }
    }

    fn handle_stdin(&mut self, bytes: Bytes) {
        if self.streams.stdin && !self.stdin_has_ended {
            self.events.push_back(CommandEvent::Stdin(bytes));
        }
    }

    fn handle_stdin_end(&mut self) {
        if self.streams.stdin && !std::mem::replace(&mut self.stdin_has_ended, true) {
            self.events.push_back(CommandEvent::StdinEnd);
        }
    }

    fn handle_resize(&mut self, bytes: &[u8]) {
        self.unread_size.extend_from_slice(bytes);
        let mut documents =
            serde_json::Deserializer::from_slice(&self.unread_size).into_iter::<TerminalSize>();
        let mut read = 0;
        loop {
            match documents.next() {
                Some(Ok(size)) => {
                    self.events.push_back(CommandEvent::Resize(size));
                    read = documents.byte_offset();
                }
                Some(Err(error)) if error.is_eof() => break,
                _ => {
                    read = self.unread_size.len();
                    break;
                }
            }
        }
        self.unread_size.drain(..read);
        if self.unread_size.len() > SIZE_BYTES_MAX {
            self.unread_size.clear();
        }
    }

    /// Says that so many bytes of standard input have been taken.
    pub fn consume_stdin(&mut self, count: usize) {
        if let Carrier::Spdy { spdy, ids, .. } = &mut self.carrier
            && let Some(id) = ids.get(&Channel::Stdin)
        {
            spdy.consume(*id, count);
        }
    }

    /// How much output the client takes now, of what it has asked for; ask again after its next bytes.
    pub fn room(&self, is_stderr: bool) -> usize {
        match &self.carrier {
            Carrier::Channels { .. } => usize::MAX,
            Carrier::Spdy { spdy, ids, .. } => match ids.get(&output(is_stderr)) {
                Some(id) if spdy.is_open(*id) => spdy.room(*id),
                // Nobody wants it: it may go.
                _ => usize::MAX,
            },
        }
    }

    /// Output of the command.
    pub fn write(&mut self, is_stderr: bool, bytes: &[u8]) {
        let is_wanted = match is_stderr {
            true => self.streams.stderr,
            false => self.streams.stdout,
        };
        if is_wanted && !bytes.is_empty() {
            self.send(output(is_stderr), bytes);
        }
    }

    /// The command has ended, and all of its output was written.
    pub fn finish(&mut self, outcome: &Outcome) {
        let text = match self.has_status {
            true => self.status(outcome).to_string(),
            false => self.message(outcome).unwrap_or_default(),
        };
        if !text.is_empty() {
            self.send(Channel::Error, text.as_bytes());
        }
        if let Carrier::Spdy { spdy, ids, .. } = &mut self.carrier {
            for id in ids.values() {
                spdy.finish(*id);
            }
        }
    }

    /// What went wrong; `None` for success.
    fn message(&self, outcome: &Outcome) -> Option<String> {
        match outcome {
            Outcome::Success => None,
            // Version 5 is made of version 4, which a client has read.
            Outcome::Exited { code, .. } if self.has_close => Some(format!(
                "command terminated with non-zero exit code: command terminated with exit code {code}"
            )),
            Outcome::Exited { code, command } => Some(format!(
                "command terminated with non-zero exit code: error executing command [{}], exit code {code}",
                command.join(" ")
            )),
            Outcome::Failed(error) => Some(ApiError::internal(error.clone()).message),
        }
    }

    fn status(&self, outcome: &Outcome) -> Value {
        let message = self.message(outcome).unwrap_or_default();
        match outcome {
            Outcome::Success => json!({"metadata": {}, "status": "Success"}),
            Outcome::Exited { code, .. } => json!({
                "metadata": {}, "status": "Failure", "message": message, "reason": "NonZeroExitCode",
                "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
            }),
            Outcome::Failed(error) => json!({
                "metadata": {}, "status": "Failure", "message": message, "reason": "InternalError",
                "details": {"causes": [{"message": error}]}, "code": 500,
            }),
        }
    }

    fn send(&mut self, channel: Channel, bytes: &[u8]) {
        match &mut self.carrier {
            Carrier::Channels {
                encoding,
                output,
                output_bytes,
            } => {
                let message = encoding.encode(channel as u8, bytes);
                *output_bytes += message.len();
                output.push_back(message);
            }
            Carrier::Spdy { spdy, ids, .. } => {
                if let Some(id) = ids.get(&channel) {
                    spdy.send(*id, bytes);
                }
            }
        }
    }

    /// The next message for the WebSocket, or bytes for the connection.
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

fn output(is_stderr: bool) -> Channel {
    match is_stderr {
        true => Channel::Stderr,
        false => Channel::Stdout,
    }
}

#[cfg(test)]
mod tests;
