//! Frames of HTTP/2, as many as a single call needs (RFC 9113).

use crate::limits::PROBE_FRAME_BYTES;
use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;
/// What stands before a header block with a priority.
const PRIORITY_BYTES: usize = 5;

/// What a client says first.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Bytes,
}

/// The connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProtocolError;

impl Frame {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of DATA or HEADERS without padding and priority.
    pub(super) fn content(&self) -> Result<Bytes, ProtocolError> {
        let mut content = self.payload.clone();
        if self.has(PADDED) {
            let padding = usize::from(content.try_get_u8().map_err(|_| ProtocolError)?);
            let length = content.len().checked_sub(padding).ok_or(ProtocolError)?;
            content.truncate(length);
        }
        if self.kind == HEADERS && self.has(PRIORITY) {
            if content.len() < PRIORITY_BYTES {
                return Err(ProtocolError);
            }
            content.advance(PRIORITY_BYTES);
        }
        Ok(content)
    }
}

/// Bytes that become frames.
#[derive(Debug, Default)]
pub(super) struct Frames(BytesMut);

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next frame, when all of it is there.
    pub(super) fn pop(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let Some((head, _)) = self.0.split_first_chunk::<9>() else {
            return Ok(None);
        };
        let [a, b, c, kind, flags, s, t, u, v] = *head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length > PROBE_FRAME_BYTES {
            return Err(ProtocolError);
        }
        if self.0.len() < 9 + length {
            return Ok(None);
        }
        self.0.advance(9);
        Ok(Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s, t, u, v]) & !(1 << 31),
            payload: self.0.split_to(length).freeze(),
        }))
    }
}

/// Writes a frame, whose payload is at most [`PROBE_FRAME_BYTES`].
pub(super) fn write(out: &mut BytesMut, [kind, flags]: [u8; 2], stream: u32, payload: &[u8]) {
    out.put_uint(payload.len() as u64, 3);
    out.put_u8(kind);
    out.put_u8(flags);
    out.put_u32(stream);
    out.extend_from_slice(payload);
}

/// A header field that is not to be remembered, with a new name (RFC 7541, 6.2.2).
pub(super) fn write_header(out: &mut BytesMut, name: &str, value: &str) {
    out.put_u8(0);
    for text in [name, value] {
        let mut length = text.len();
        if length < 0x7f {
            out.put_u8(u8::try_from(length).unwrap_or(0));
        } else {
            out.put_u8(0x7f);
            length -= 0x7f;
            while length >= 0x80 {
                out.put_u8(0x80 | u8::try_from(length & 0x7f).unwrap_or(0));
                length >>= 7;
            }
            out.put_u8(u8::try_from(length).unwrap_or(0));
        }
        out.extend_from_slice(text.as_bytes());
    }
}
