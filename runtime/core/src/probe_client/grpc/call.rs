//! One connection of HTTP/2 with one call on it.

use super::frame::{self, Frame, Frames, ProtocolError};
use super::health::{self, INTERNAL, RESOURCE_EXHAUSTED, Status, UNAVAILABLE, UNKNOWN};
use crate::limits::{PROBE_FRAME_BYTES, PROBE_HEADER_BLOCK_BYTES, PROBE_MESSAGE_BYTES};
use crate::probe_client::{Purpose, user_agent};
use bytes::{Buf, Bytes, BytesMut};
use loona_hpack::Decoder;
use std::fmt;
use std::time::Duration;

pub(super) struct Call {
    frames: Frames,
    out: BytesMut,
    decoder: Decoder<'static>,
    /// A header block that goes on, and whether the stream ends with it.
    block: Option<(BytesMut, bool)>,
    authority: String,
    timeout: Duration,
    sent: bool,
    /// What is left of the request, until the server has room for it.
    request: Bytes,
    /// Bytes the server takes: on the connection, and on the stream.
    connection_window: i64,
    stream_window: i64,
    /// What the server gives a new stream.
    initial_window: i64,
    answer: Answer,
}

/// What has come of the answer.
#[derive(Debug, Default)]
struct Answer {
    headers_seen: bool,
    fields: Fields,
    body: Vec<u8>,
}

/// The headers that matter.
#[derive(Debug, Default)]
struct Fields {
    http_status: Option<u16>,
    content_type: Option<String>,
    grpc_status: Option<String>,
    grpc_message: String,
}

/// What the call came to: the serving status, or why there is none.
type Outcome = Result<u64, Status>;

const STREAM: u32 = 1;
/// Until the server says something else.
const WINDOW: i64 = 65_535;
const INITIAL_WINDOW_SIZE: u16 = 4;
const ENABLE_PUSH: u16 = 2;

impl Call {
    pub(super) fn new(authority: &str, service: &str, timeout: Duration) -> Self {
        let mut out = BytesMut::from(frame::PREFACE);
        let [high, low] = ENABLE_PUSH.to_be_bytes();
        let no_push = [high, low, 0, 0, 0, 0];
        frame::write(&mut out, [frame::SETTINGS, 0], 0, &no_push);
        Self {
            frames: Frames::default(),
            out,
            decoder: Decoder::new(),
            block: None,
            authority: authority.to_owned(),
            timeout,
            sent: false,
            request: health::request(service),
            connection_window: WINDOW,
            stream_window: WINDOW,
            initial_window: WINDOW,
            answer: Answer::default(),
        }
    }

    /// Whether the server has introduced itself, so that the call has begun.
    pub(super) fn is_sent(&self) -> bool {
        self.sent
    }

    pub(super) fn take_output(&mut self) -> BytesMut {
        self.out.split()
    }

    /// Takes what has come; the outcome when it is there.
    pub(super) fn handle(&mut self, bytes: &[u8]) -> Result<Option<Outcome>, ProtocolError> {
        self.frames.push(bytes);
        while let Some(frame) = self.frames.pop()? {
            if !self.sent && frame.kind != frame::SETTINGS {
                return Err(ProtocolError);
            }
            if self.block.is_some() && frame.kind != frame::CONTINUATION {
                return Err(ProtocolError);
            }
            let outcome = self.handle_frame(&frame)?;
            if outcome.is_some() {
                return Ok(outcome);
            }
        }
        Ok(None)
    }

    fn handle_frame(&mut self, frame: &Frame) -> Result<Option<Outcome>, ProtocolError> {
        match (frame.kind, frame.stream) {
            (frame::SETTINGS, 0) => self.handle_settings(frame)?,
            (frame::PING, 0) if frame.has(frame::ACK) => {}
            (frame::PING, 0) if frame.payload.len() == 8 => {
                let kind = [frame::PING, frame::ACK];
                frame::write(&mut self.out, kind, 0, &frame.payload);
            }
            (frame::WINDOW_UPDATE, stream) => self.handle_window(stream, frame)?,
            (frame::GOAWAY, 0) => {
                let last = frame.payload.clone().try_get_u32();
                if last.map_err(|_| ProtocolError)? & !(1 << 31) < STREAM {
                    let status = Status::new(UNAVAILABLE, "error reading from server: EOF");
                    return Ok(Some(Err(status)));
                }
            }
            (frame::RST_STREAM, STREAM) => {
                let code = frame.payload.clone().try_get_u32();
                let status = Status::of_reset(code.map_err(|_| ProtocolError)?);
                return Ok(Some(Err(status)));
            }
            (frame::HEADERS, STREAM) => {
                let content = frame.content()?;
                self.block = Some((BytesMut::new(), frame.has(frame::END_STREAM)));
                return self.handle_block(&content, frame.has(frame::END_HEADERS));
            }
            (frame::CONTINUATION, STREAM) => {
                return self.handle_block(&frame.payload, frame.has(frame::END_HEADERS));
            }
            (frame::DATA, STREAM) => return self.handle_data(frame),
            (
                frame::DATA
                | frame::HEADERS
                | frame::CONTINUATION
                | frame::SETTINGS
                | frame::PING
                | frame::GOAWAY
                | frame::PUSH_PROMISE,
                _,
            ) => return Err(ProtocolError),
            // Frames of a later standard are ignored, and so are priorities.
            _ => {}
        }
        Ok(None)
    }

    fn handle_settings(&mut self, frame: &Frame) -> Result<(), ProtocolError> {
        if frame.has(frame::ACK) {
            return Ok(());
        }
        let (settings, rest) = frame.payload.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(ProtocolError);
        }
        for [i, j, a, b, c, d] in settings {
            let value = i64::from(u32::from_be_bytes([*a, *b, *c, *d]));
            if u16::from_be_bytes([*i, *j]) == INITIAL_WINDOW_SIZE {
                if value > i64::from(i32::MAX) {
                    return Err(ProtocolError);
                }
                self.stream_window += value - self.initial_window;
                self.initial_window = value;
            }
        }
        frame::write(&mut self.out, [frame::SETTINGS, frame::ACK], 0, &[]);
        if !self.sent {
            self.sent = true;
            self.send_headers();
        }
        self.send_request();
        Ok(())
    }

    fn handle_window(&mut self, stream: u32, frame: &Frame) -> Result<(), ProtocolError> {
        let increment = frame.payload.clone().try_get_u32();
        let increment = i64::from(increment.map_err(|_| ProtocolError)? & !(1 << 31));
        let window = match stream {
            0 => &mut self.connection_window,
            STREAM => &mut self.stream_window,
            _ => return Ok(()),
        };
        *window += increment;
        if *window > i64::from(i32::MAX) {
            return Err(ProtocolError);
        }
        self.send_request();
        Ok(())
    }

    fn send_headers(&mut self) {
        let millis = self.timeout.as_millis();
        let timeout = if millis < 100_000_000 {
            format!("{millis}m")
        } else {
            format!("{}S", self.timeout.as_secs().min(99_999_999))
        };
        let mut block = BytesMut::new();
        for (name, value) in [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", self.authority.as_str()),
            ("content-type", "application/grpc"),
            ("user-agent", user_agent(Purpose::Probe)),
            ("te", "trailers"),
            ("grpc-timeout", &timeout),
        ] {
            frame::write_header(&mut block, name, value);
        }
        let kind = [frame::HEADERS, frame::END_HEADERS];
        frame::write(&mut self.out, kind, STREAM, &block);
    }

    /// As much of the request as the server has room for.
    fn send_request(&mut self) {
        while !self.request.is_empty() {
            let room = self.connection_window.min(self.stream_window);
            let length = usize::try_from(room).unwrap_or(0);
            let length = length.min(self.request.len()).min(PROBE_FRAME_BYTES);
            if length == 0 {
                return;
            }
            let piece = self.request.split_to(length);
            self.connection_window -= length as i64;
            self.stream_window -= length as i64;
            let flags = if self.request.is_empty() {
                frame::END_STREAM
            } else {
                0
            };
            frame::write(&mut self.out, [frame::DATA, flags], STREAM, &piece);
        }
    }

    fn handle_block(&mut self, part: &[u8], last: bool) -> Result<Option<Outcome>, ProtocolError> {
        let (block, end_stream) = self.block.as_mut().ok_or(ProtocolError)?;
        if block.len() + part.len() > PROBE_HEADER_BLOCK_BYTES {
            return Err(ProtocolError);
        }
        block.extend_from_slice(part);
        if !last {
            return Ok(None);
        }
        let end_stream = *end_stream;
        let block = self.block.take().map(|(block, _)| block);
        let fields = &mut self.answer.fields;
        let decoded = self
            .decoder
            .decode_with_cb(&block.unwrap_or_default(), |name, value| {
                fields.take(&name, &value);
            });
        decoded.map_err(|_| ProtocolError)?;
        Ok(self.answer.handle_headers(end_stream))
    }

    fn handle_data(&mut self, frame: &Frame) -> Result<Option<Outcome>, ProtocolError> {
        if !self.answer.headers_seen {
            return Err(ProtocolError);
        }
        let content = frame.content()?;
        if self.answer.body.len() + content.len() > PROBE_MESSAGE_BYTES {
            let text = format!(
                "grpc: received message larger than max ({} vs. {PROBE_MESSAGE_BYTES})",
                self.answer.body.len() + content.len()
            );
            return Ok(Some(Err(Status::new(RESOURCE_EXHAUSTED, text))));
        }
        self.answer.body.extend_from_slice(&content);
        Ok(frame.has(frame::END_STREAM).then(|| {
            let text = "server closed the stream without sending trailers";
            Err(Status::new(INTERNAL, text))
        }))
    }
}

impl Fields {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).into_owned();
        match name {
            b":status" => self.http_status = text().parse().ok(),
            b"content-type" => self.content_type = Some(text()),
            b"grpc-status" => self.grpc_status = Some(text()),
            b"grpc-message" => self.grpc_message = health::percent_decoded(value),
            _ => {}
        }
    }
}

impl Answer {
    fn handle_headers(&mut self, end_stream: bool) -> Option<Outcome> {
        if !self.headers_seen {
            let status = match self.fields.http_status {
                Some(100..=199) => return None,
                Some(status) => status,
                None => {
                    let text = "malformed header: missing HTTP status";
                    return Some(Err(Status::new(INTERNAL, text)));
                }
            };
            self.headers_seen = true;
            let wrong_type = match &self.fields.content_type {
                Some(known) if is_grpc(known) => None,
                Some(other) => Some(format!(
                    "transport: received unexpected content-type {other:?}"
                )),
                None => Some("malformed header: missing HTTP content-type".to_owned()),
            };
            if status != 200 || wrong_type.is_some() {
                return Some(Err(Status::of_http(status, wrong_type)));
            }
        } else if !end_stream {
            let text = "a HEADERS frame cannot appear in the middle of a stream";
            return Some(Err(Status::new(INTERNAL, text)));
        }
        end_stream.then(|| self.outcome())
    }

    /// After the trailers.
    fn outcome(&self) -> Outcome {
        match self.fields.grpc_status.as_deref().map(str::parse) {
            Some(Ok(0_u32)) => self.message(),
            Some(Ok(code)) => Err(Status::new(code, self.fields.grpc_message.as_str())),
            Some(Err(_)) => Err(Status::new(INTERNAL, "transport: malformed grpc-status")),
            None => Err(Status::new(UNKNOWN, self.fields.grpc_message.as_str())),
        }
    }

    fn message(&self) -> Outcome {
        let Some(([compressed, a, b, c, d], message)) = self.body.split_first_chunk() else {
            let text =
                "cardinality violation: received no response message from non-server-streaming RPC";
            return Err(Status::new(INTERNAL, text));
        };
        if *compressed != 0 {
            let text = "grpc: compressed flag set with identity or empty encoding";
            return Err(Status::new(INTERNAL, text));
        }
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let status = (message.len() == length)
            .then(|| health::serving_status(message))
            .flatten();
        status.ok_or_else(|| {
            let text = "grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data";
            Status::new(INTERNAL, text)
        })
    }
}

fn is_grpc(content_type: &str) -> bool {
    let rest = content_type.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("sent", &self.sent)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}
