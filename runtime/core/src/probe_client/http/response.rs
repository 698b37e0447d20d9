//! An answer of HTTP/1, as it comes in.

use crate::limits::{
    PROBE_BODY_BYTES, PROBE_CHUNK_LINE_BYTES, PROBE_HEAD_BYTES, PROBE_HEADERS,
    PROBE_INFORMATIONAL_RESPONSES,
};
use crate::probe_client::go::quote;
use std::str;

/// The part of an answer that has come.
#[derive(Debug, Default)]
pub(super) struct Response {
    /// What has come of the head.
    buffer: Vec<u8>,
    status_line_seen: bool,
    informational: usize,
    head: Option<Head>,
    framing: Framing,
    body: Vec<u8>,
}

/// Status line and headers.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// `Location`, empty when there is none.
    pub(super) location: String,
}

/// How the end of the body shows.
#[derive(Debug, Default)]
enum Framing {
    #[default]
    UntilEnd,
    Length(u64),
    Chunked(Chunked),
    Complete,
}

#[derive(Debug)]
enum Chunked {
    /// In the line with the length of the next chunk.
    Size(Vec<u8>),
    Data(u64),
    /// In the line end after a chunk: how many bytes of it are missing.
    DataEnd(u8),
    /// In a line after the last chunk: how many bytes it has so far.
    Trailer(usize),
}

/// What is wrong with an answer. The texts follow `net/http: HTTP/1.x transport connection broken: ` while the head has
/// not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ResponseError {
    #[error("malformed HTTP response {}", quote(.0))]
    NotHttp(Vec<u8>),
    #[error("malformed HTTP status code {}", quote(.0))]
    StatusCode(Vec<u8>),
    #[error("malformed HTTP version {}", quote(.0))]
    Version(Vec<u8>),
    #[error("malformed MIME header line")]
    Header,
    #[error("bad Content-Length {}", quote(.0))]
    ContentLength(Vec<u8>),
    #[error("unsupported transfer encoding: {}", quote(.0))]
    TransferEncoding(Vec<u8>),
    #[error("too many 1xx informational responses")]
    TooManyInformational,
    #[error("server response headers exceeded {PROBE_HEAD_BYTES} bytes; aborted")]
    HeadTooLarge,
    #[error("invalid byte in chunk length")]
    ChunkLength,
    #[error("malformed chunked encoding")]
    ChunkEnd,
    #[error("header line too long")]
    ChunkLineTooLong,
}

impl Response {
    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// At most [`PROBE_BODY_BYTES`] of it.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether anything has come.
    pub(super) fn is_begun(&self) -> bool {
        !self.buffer.is_empty() || self.head.is_some() || self.informational > 0
    }

    /// Whether nothing more comes, or nobody wants to see more than `limit` bytes of the body.
    pub(super) fn is_complete(&self, limit: usize) -> bool {
        self.head.is_some()
            && (matches!(self.framing, Framing::Complete) || self.body.len() >= limit)
    }

    /// Whether the answer may end here.
    pub(super) fn may_end(&self) -> bool {
        self.head.is_some() && matches!(self.framing, Framing::UntilEnd | Framing::Complete)
    }

    /// What is wrong when the answer ends within its head: maybe the little that came was no HTTP at all.
    pub(super) fn check_end_of_head(&self) -> Result<(), ResponseError> {
        if self.status_line_seen {
            return Ok(());
        }
        status_line(&self.buffer).map(|_| ())
    }

    /// Takes what has come.
    pub(super) fn handle(&mut self, mut bytes: &[u8]) -> Result<(), ResponseError> {
        while self.head.is_none() {
            let Some(rest) = self.handle_head(bytes)? else {
                return Ok(());
            };
            bytes = rest;
        }
        self.handle_body(bytes)
    }

    /// Returns what comes after the head when its end is there.
    fn handle_head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, ResponseError> {
        let known = self.buffer.len();
        let taken = bytes.len().min(PROBE_HEAD_BYTES - known);
        self.buffer.extend_from_slice(&bytes[..taken]);
        if !self.status_line_seen
            && let Some(end) = self.buffer[known..].iter().position(|byte| *byte == b'\n')
        {
            status_line(&self.buffer[..known + end])?;
            self.status_line_seen = true;
        }
        let Some(end) = head_end(&self.buffer, known.saturating_sub(2)) else {
            return if self.buffer.len() < PROBE_HEAD_BYTES {
                Ok(None)
            } else {
                Err(ResponseError::HeadTooLarge)
            };
        };
        let buffer = std::mem::take(&mut self.buffer);
        self.status_line_seen = false;
        self.finish_head(&buffer[..end])?;
        Ok(Some(&bytes[end - known..]))
    }

    fn finish_head(&mut self, head: &[u8]) -> Result<(), ResponseError> {
        let line_end = head.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        let (status, chunks_allowed) = status_line(&head[..line_end])?;
        if matches!(status, 100 | 102..=199) {
            self.informational += 1;
            return if self.informational > PROBE_INFORMATIONAL_RESPONSES {
                Err(ResponseError::TooManyInformational)
            } else {
                Ok(())
            };
        }
        let mut storage = [httparse::EMPTY_HEADER; PROBE_HEADERS];
        let parsed = httparse::parse_headers(&head[line_end + 1..], &mut storage);
        let Ok(httparse::Status::Complete((_, headers))) = parsed else {
            return Err(ResponseError::Header);
        };
        self.framing = framing(status, headers, chunks_allowed)?;
        let location = headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("location"));
        self.head = Some(Head {
            status,
            location: location.map_or_else(String::new, |header| {
                String::from_utf8_lossy(header.value).into_owned()
            }),
        });
        Ok(())
    }

    fn handle_body(&mut self, mut bytes: &[u8]) -> Result<(), ResponseError> {
        while !bytes.is_empty() && !matches!(self.framing, Framing::Complete) {
            match &mut self.framing {
                Framing::Complete => {}
                Framing::UntilEnd => {
                    self.push(bytes);
                    bytes = &[];
                }
                Framing::Length(left) => {
                    let (data, rest) = bytes.split_at(at_most(bytes.len(), *left));
                    *left -= data.len() as u64;
                    if *left == 0 {
                        self.framing = Framing::Complete;
                    }
                    self.push(data);
                    bytes = rest;
                }
                Framing::Chunked(Chunked::Data(left)) => {
                    let (data, rest) = bytes.split_at(at_most(bytes.len(), *left));
                    *left -= data.len() as u64;
                    if *left == 0 {
                        self.framing = Framing::Chunked(Chunked::DataEnd(2));
                    }
                    self.push(data);
                    bytes = rest;
                }
                Framing::Chunked(between) => {
                    let complete = between.handle(bytes[0])?;
                    if complete {
                        self.framing = Framing::Complete;
                    }
                    bytes = &bytes[1..];
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, data: &[u8]) {
        let room = PROBE_BODY_BYTES - self.body.len();
        self.body.extend_from_slice(&data[..data.len().min(room)]);
    }
}

impl Chunked {
    /// Takes a byte between two chunks; whether it was the last of the body.
    fn handle(&mut self, byte: u8) -> Result<bool, ResponseError> {
        match self {
            Self::Size(line) => {
                line.push(byte);
                if line.len() > PROBE_CHUNK_LINE_BYTES {
                    return Err(ResponseError::ChunkLineTooLong);
                }
                if byte == b'\n' {
                    *self = match httparse::parse_chunk_size(line) {
                        Ok(httparse::Status::Complete((_, 0))) => Self::Trailer(0),
                        Ok(httparse::Status::Complete((_, size))) => Self::Data(size),
                        Ok(httparse::Status::Partial) | Err(_) => {
                            return Err(ResponseError::ChunkLength);
                        }
                    };
                }
            }
            Self::DataEnd(missing) => {
                let expected = if *missing == 2 { b'\r' } else { b'\n' };
                if byte != expected {
                    return Err(ResponseError::ChunkEnd);
                }
                *missing -= 1;
                if *missing == 0 {
                    *self = Self::Size(Vec::new());
                }
            }
            Self::Trailer(length) => match byte {
                b'\n' if *length == 0 => return Ok(true),
                b'\n' => *length = 0,
                b'\r' => {}
                _ => *length += 1,
            },
            Self::Data(_) => {}
        }
        Ok(false)
    }
}

fn at_most(len: usize, left: u64) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

/// Where the body begins, looking for the empty line from `from` on.
fn head_end(buffer: &[u8], from: usize) -> Option<usize> {
    let mut line_ends = (from..buffer.len()).filter(|at| buffer[*at] == b'\n');
    line_ends.find_map(|at| {
        let before = &buffer[..at];
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        before.ends_with(b"\n").then_some(at + 1)
    })
}

/// Status, and whether this version of HTTP knows chunks.
fn status_line(line: &[u8]) -> Result<(u16, bool), ResponseError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let not_http = || ResponseError::NotHttp(line.to_vec());
    let space = line.iter().position(|byte| *byte == b' ');
    let (version, rest) = line.split_at(space.ok_or_else(not_http)?);
    let code = rest.trim_ascii_start();
    let code = code.split(|byte| *byte == b' ').next().unwrap_or_default();
    let number = str::from_utf8(code).ok().and_then(|code| code.parse().ok());
    let status = match number {
        Some(number) if code.len() == 3 && code.iter().all(u8::is_ascii_digit) => number,
        Some(_) | None => return Err(ResponseError::StatusCode(code.to_vec())),
    };
    match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Ok((status, (*major, *minor) >= (b'1', b'1')))
        }
        _ => Err(ResponseError::Version(version.to_vec())),
    }
}

fn framing(
    status: u16,
    headers: &[httparse::Header<'_>],
    chunks_allowed: bool,
) -> Result<Framing, ResponseError> {
    let find = |name: &'static str| {
        headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let chunked = find("transfer-encoding").next().filter(|_| chunks_allowed);
    if let Some(encoding) = chunked
        && !encoding.eq_ignore_ascii_case(b"chunked")
    {
        return Err(ResponseError::TransferEncoding(encoding.to_vec()));
    }
    let mut length = None;
    for value in find("content-length") {
        let wrong = || ResponseError::ContentLength(value.to_vec());
        let text = str::from_utf8(value).map_err(|_| wrong())?;
        let number: u64 = text.trim().parse().map_err(|_| wrong())?;
        if length.is_some_and(|length| length != number) {
            return Err(wrong());
        }
        length = Some(number);
    }
    Ok(match (status, length) {
        (101 | 204 | 304, _) => Framing::Complete,
        _ if chunked.is_some() => Framing::Chunked(Chunked::Size(Vec::new())),
        (_, Some(0)) => Framing::Complete,
        (_, Some(length)) => Framing::Length(length),
        (_, None) => Framing::UntilEnd,
    })
}
