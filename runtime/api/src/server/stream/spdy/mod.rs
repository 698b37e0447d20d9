//! SPDY/3.1 as a server that opens no streams: `draft-mbelshe-httpbis-spdy-00` with the windows of 3.1.
//!
//! Kubernetes' own SPDY has no flow control: it never says how much it has read and sends without limit. So a client's
//! windows count from the moment it first speaks of them; until then TCP is what slows both sides. Only one read of the
//! socket is ever held here: who calls takes all events before the next.

mod headers;

use bytes::Bytes;
use headers::{Reader, Writer};
use seedpod_core::limits::{SPDY_FRAME_BYTES, SPDY_HEADERS_BYTES, SPDY_STREAMS_MAX};
use std::collections::{BTreeMap, VecDeque};

/// What the other side has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpdyEvent {
    /// It wants a stream: reply to it or reset it.
    Opened {
        /// Number of the stream.
        id: u32,
        /// Names in lower case, and values.
        headers: BTreeMap<String, String>,
    },
    /// It has sent something.
    Data {
        /// Number of the stream.
        id: u32,
        /// Some of it.
        bytes: Bytes,
    },
    /// It sends nothing more.
    Ended {
        /// Number of the stream.
        id: u32,
    },
    /// The stream is gone.
    Reset {
        /// Number of the stream.
        id: u32,
    },
}

/// The other side does not speak SPDY/3.1, or too much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpdyError {
    /// Another version.
    #[error("SPDY version {0}, expected 3")]
    Version(u16),
    /// A control frame that is longer than its fields and headers may be.
    #[error("a SPDY control frame of {0} bytes")]
    FrameTooLarge(usize),
    /// A control frame that is shorter than its fields.
    #[error("a SPDY control frame of type {0} is too short")]
    FrameTooShort(u16),
    /// A header block that cannot be read, or is too large.
    #[error("a SPDY header block that cannot be read")]
    Headers,
}

/// `RST_STREAM`: why a stream is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetStatus {
    /// The other side has broken the rules.
    ProtocolError = 1,
    /// Nothing was done with it.
    RefusedStream = 3,
    /// It is no longer wanted.
    Cancel = 5,
}

/// One connection.
#[derive(Default)]
pub struct Spdy {
    reader: Reader,
    writer: Writer,
    /// Of a frame that is not all there; a control frame at most.
    unread: Vec<u8>,
    /// The data frame that is being read.
    data: Option<DataFrame>,
    streams: BTreeMap<u32, StreamState>,
    last_id: u32,
    /// What the client may still be sent in all, once it counts.
    window: i64,
    initial_window: i64,
    has_windows: bool,
    /// Bytes taken off the connection since it was last told.
    consumed: u32,
    events: VecDeque<SpdyEvent>,
    output: Vec<u8>,
}

#[derive(Clone, Copy)]
struct DataFrame {
    id: u32,
    remaining: usize,
    is_last: bool,
}

struct StreamState {
    window: i64,
    consumed: u32,
    has_ended: bool,
    is_finished: bool,
}

const FLAG_FIN: u8 = 1;
const HEAD_BYTES: usize = 8;
/// Windows begin with this (SPDY/3.1 section 2.6.8).
const WINDOW_BYTES: i64 = 64 << 10;
/// The client is told after this many bytes, so that its window never runs dry.
const WINDOW_UPDATE_BYTES: u32 = 32 << 10;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const SETTINGS: u16 = 4;
const PING: u16 = 6;
const HEADERS: u16 = 8;
const WINDOW_UPDATE: u16 = 9;
const SETTINGS_INITIAL_WINDOW: u32 = 7;

impl Spdy {
    /// A connection that has just begun.
    pub fn new() -> Self {
        Self {
            window: WINDOW_BYTES,
            initial_window: WINDOW_BYTES,
            ..Self::default()
        }
    }

    /// Takes what came from the client.
    ///
    /// # Errors
    /// When it makes no sense; the connection has to be closed.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<(), SpdyError> {
        loop {
            if let Some(frame) = &mut self.data {
                let (now, rest) = bytes.split_at(bytes.len().min(frame.remaining));
                frame.remaining -= now.len();
                bytes = rest;
                let frame = *frame;
                self.handle_data(frame.id, now);
                if frame.remaining > 0 {
                    return Ok(());
                }
                self.data = None;
                if frame.is_last {
                    self.handle_end(frame.id);
                }
            }
            let missing = self.frame_bytes()?.saturating_sub(self.unread.len());
            let (now, rest) = bytes.split_at(bytes.len().min(missing));
            self.unread.extend_from_slice(now);
            bytes = rest;
            if self.unread.len() < self.frame_bytes()? {
                if bytes.is_empty() {
                    return Ok(());
                }
                continue;
            }
            let frame = std::mem::take(&mut self.unread);
            self.handle_frame(&frame)?;
        }
    }

    /// How much of the frame in `unread` is needed before it can be looked at: its head, or all of a control frame.
    fn frame_bytes(&self) -> Result<usize, SpdyError> {
        match self.unread.first_chunk::<HEAD_BYTES>() {
            Some(head) if head[0] & 0x80 != 0 => {
                let length = be24(&head[5..]);
                if length > SPDY_HEADERS_BYTES {
                    return Err(SpdyError::FrameTooLarge(length));
                }
                Ok(HEAD_BYTES + length)
            }
            _ => Ok(HEAD_BYTES),
        }
    }

    fn handle_frame(&mut self, frame: &[u8]) -> Result<(), SpdyError> {
        let (head, payload) = frame.split_at(HEAD_BYTES);
        let (flags, length) = (head[4], be24(&head[5..]));
        if head[0] & 0x80 == 0 {
            self.data = Some(DataFrame {
                id: be32(head) & 0x7fff_ffff,
                remaining: length,
                is_last: flags & FLAG_FIN != 0,
            });
            return Ok(());
        }
        let version = u16::from_be_bytes([head[0] & 0x7f, head[1]]);
        if version != 3 {
            return Err(SpdyError::Version(version));
        }
        let kind = u16::from_be_bytes([head[2], head[3]]);
        let needed = match kind {
            SYN_STREAM => 10,
            RST_STREAM | WINDOW_UPDATE => 8,
            SYN_REPLY | HEADERS | PING | SETTINGS => 4,
            _ => return Ok(()),
        };
        if payload.len() < needed {
            return Err(SpdyError::FrameTooShort(kind));
        }
        let number = be32(payload) & 0x7fff_ffff;
        match kind {
            SYN_STREAM => {
                let headers = self.reader.read(&payload[10..])?;
                self.handle_open(number, headers, flags & FLAG_FIN != 0);
            }
            SYN_REPLY | HEADERS => {
                // What it says does not matter, but all header blocks are one compressed text.
                self.reader.read(&payload[4..])?;
                if flags & FLAG_FIN != 0 {
                    self.handle_end(number);
                }
            }
            RST_STREAM if self.streams.remove(&number).is_some() => {
                self.events.push_back(SpdyEvent::Reset { id: number });
            }
            SETTINGS => self.handle_settings(&payload[4..]),
            // Those of clients are odd; an answer to a ping of ours there is never.
            PING if payload[3] & 1 == 1 => self.control(PING, 0, &payload[..4]),
            WINDOW_UPDATE => self.handle_window(number, be32(&payload[4..]) & 0x7fff_ffff),
            _ => {}
        }
        Ok(())
    }

    fn handle_open(&mut self, id: u32, headers: BTreeMap<String, String>, is_last: bool) {
        if id.is_multiple_of(2) || id <= self.last_id {
            if self.streams.contains_key(&id) {
                self.events.push_back(SpdyEvent::Reset { id });
            }
            return self.reset(id, ResetStatus::ProtocolError);
        }
        self.last_id = id;
        if self.streams.len() >= SPDY_STREAMS_MAX {
            return self.reset(id, ResetStatus::RefusedStream);
        }
        let state = StreamState {
            window: self.initial_window,
            consumed: 0,
            has_ended: false,
            is_finished: false,
        };
        self.streams.insert(id, state);
        self.events.push_back(SpdyEvent::Opened { id, headers });
        if is_last {
            self.handle_end(id);
        }
    }

    fn handle_data(&mut self, id: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.streams.get(&id) {
            Some(stream) if !stream.has_ended => {
                let bytes = Bytes::copy_from_slice(bytes);
                self.events.push_back(SpdyEvent::Data { id, bytes });
            }
            // Of a stream that is gone: nobody else will say that it has been read.
            _ => self.consume_of_connection(bytes.len()),
        }
    }

    fn handle_end(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut stream.has_ended, true) {
            self.events.push_back(SpdyEvent::Ended { id });
        }
        if stream.is_finished {
            self.streams.remove(&id);
        }
    }

    fn handle_settings(&mut self, entries: &[u8]) {
        for entry in entries.chunks_exact(8) {
            if be32(entry) & 0x00ff_ffff != SETTINGS_INITIAL_WINDOW {
                continue;
            }
            let window = i64::from(be32(&entry[4..]) & 0x7fff_ffff);
            self.has_windows = true;
            let change = window - std::mem::replace(&mut self.initial_window, window);
            for stream in self.streams.values_mut() {
                stream.window = stream.window.saturating_add(change);
            }
        }
    }

    fn handle_window(&mut self, id: u32, delta: u32) {
        self.has_windows = true;
        let window = match self.streams.get_mut(&id) {
            Some(stream) => &mut stream.window,
            None if id == 0 => &mut self.window,
            None => return,
        };
        *window = window.saturating_add(i64::from(delta));
    }

    /// What the client has done next.
    pub fn next_event(&mut self) -> Option<SpdyEvent> {
        self.events.pop_front()
    }

    /// Accepts a stream.
    pub fn reply(&mut self, id: u32) {
        let mut payload = id.to_be_bytes().to_vec();
        payload.extend_from_slice(&self.writer.write(&[]));
        self.control(SYN_REPLY, 0, &payload);
    }

    /// Gives a stream up.
    pub fn reset(&mut self, id: u32, status: ResetStatus) {
        self.streams.remove(&id);
        let payload = [id.to_be_bytes(), (status as u32).to_be_bytes()].concat();
        self.control(RST_STREAM, 0, &payload);
    }

    /// How many bytes may be sent on a stream now; none on one that is gone.
    pub fn room(&self, id: u32) -> usize {
        let Some(stream) = self.streams.get(&id).filter(|one| !one.is_finished) else {
            return 0;
        };
        if !self.has_windows {
            return usize::MAX;
        }
        usize::try_from(stream.window.min(self.window)).unwrap_or(0)
    }

    /// Whether something can still be sent on a stream.
    pub fn is_open(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|one| !one.is_finished)
    }

    /// Sends at most [`room`](Self::room) bytes on a stream.
    pub fn send(&mut self, id: u32, bytes: &[u8]) {
        let Some(stream) = self.streams.get_mut(&id).filter(|one| !one.is_finished) else {
            return;
        };
        let count = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        stream.window = stream.window.saturating_sub(count);
        self.window = self.window.saturating_sub(count);
        for piece in bytes.chunks(SPDY_FRAME_BYTES) {
            self.data_frame(id, 0, piece);
        }
    }

    /// Sends nothing more on a stream.
    pub fn finish(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut stream.is_finished, true) {
            return;
        }
        if stream.has_ended {
            self.streams.remove(&id);
        }
        self.data_frame(id, FLAG_FIN, &[]);
    }

    /// Says that so many bytes of a stream have been used, so that the client may send as many more.
    pub fn consume(&mut self, id: u32, count: usize) {
        self.consume_of_connection(count);
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let consumed = update(&mut stream.consumed, count);
        if consumed > 0 && !stream.has_ended {
            self.window_update(id, consumed);
        }
    }

    fn consume_of_connection(&mut self, count: usize) {
        let consumed = update(&mut self.consumed, count);
        if consumed > 0 {
            self.window_update(0, consumed);
        }
    }

    fn window_update(&mut self, id: u32, delta: u32) {
        let payload = [id.to_be_bytes(), delta.to_be_bytes()].concat();
        self.control(WINDOW_UPDATE, 0, &payload);
    }

    /// What has to go to the client.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How much of it there is.
    pub fn output_bytes(&self) -> usize {
        self.output.len()
    }

    fn control(&mut self, kind: u16, flags: u8, payload: &[u8]) {
        self.output.extend_from_slice(&[0x80, 3]);
        self.output.extend_from_slice(&kind.to_be_bytes());
        self.head_end(flags, payload);
    }

    fn data_frame(&mut self, id: u32, flags: u8, payload: &[u8]) {
        self.output.extend_from_slice(&id.to_be_bytes());
        self.head_end(flags, payload);
    }

    fn head_end(&mut self, flags: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        debug_assert!(length < 1 << 24, "a frame's length has 24 bits");
        self.output.push(flags);
        self.output.extend_from_slice(&length.to_be_bytes()[1..]);
        self.output.extend_from_slice(payload);
    }
}

/// Adds to what has been used; what the client is to be told of it, in larger pieces.
fn update(consumed: &mut u32, count: usize) -> u32 {
    *consumed = consumed.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    if *consumed < WINDOW_UPDATE_BYTES {
        return 0;
    }
    std::mem::take(consumed).min(0x7fff_ffff)
}

fn be24(bytes: &[u8]) -> usize {
    bytes[..3]
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn be32(bytes: &[u8]) -> u32 {
    bytes[..4]
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Frames as a client writes and reads them.
#[cfg(test)]
pub(crate) mod client;
#[cfg(test)]
mod tests;
