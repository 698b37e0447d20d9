//! Bodies of requests and responses as they come in pieces.

/// A body that is still to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// That many bytes are left.
    Length(u64),
    Chunked(Chunked),
    /// Everything until the connection ends.
    UntilClose,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunked {
    state: ChunkState,
    /// Bytes of the head of a chunk, or of trailers.
    line: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChunkState {
    #[default]
    Start,
    Size(u64),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    DataEndLf,
    Trailer {
        empty: bool,
    },
    Done,
}

/// Largest head of a chunk, and all trailers together.
const CHUNK_LINE_MAX: usize = 4096;

/// The peer sent something that is not a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadChunk;

impl Body {
    pub fn is_done(&self) -> bool {
        match self {
            Body::Length(left) => *left == 0,
            Body::Chunked(chunked) => chunked.state == ChunkState::Done,
            Body::UntilClose => false,
        }
    }

    /// Appends the content in `input` to `out`. Returns how many bytes of `input` belong to the body.
    pub fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, BadChunk> {
        match self {
            Body::Length(left) => {
                let len = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                *left -= len as u64;
                out.extend_from_slice(&input[..len]);
                Ok(len)
            }
            Body::UntilClose => {
                out.extend_from_slice(input);
                Ok(input.len())
            }
            Body::Chunked(chunked) => chunked.take(input, out),
        }
    }
}

impl Chunked {
    fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, BadChunk> {
        let mut position = 0;
        while position < input.len() && self.state != ChunkState::Done {
            if let ChunkState::Data(left) = self.state {
                let len = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(input.len() - position);
                out.extend_from_slice(&input[position..position + len]);
                position += len;
                let left = left - len as u64;
                self.state = if left == 0 {
                    ChunkState::DataEnd
                } else {
                    ChunkState::Data(left)
                };
                continue;
            }
            self.state = self.step(input[position])?;
            position += 1;
            self.line += 1;
            if self.line > CHUNK_LINE_MAX {
                return Err(BadChunk);
            }
            if matches!(self.state, ChunkState::Data(_) | ChunkState::Start) {
                self.line = 0;
            }
        }
        Ok(position)
    }

    fn step(&self, byte: u8) -> Result<ChunkState, BadChunk> {
        let sized = |size| {
            if size == 0 {
                ChunkState::Trailer { empty: true }
            } else {
                ChunkState::Data(size)
            }
        };
        Ok(match (self.state, byte) {
            (ChunkState::Start, byte) => ChunkState::Size(hex(byte).ok_or(BadChunk)?),
            (ChunkState::Size(size) | ChunkState::Extension(size), b'\r') => {
                ChunkState::SizeEnd(size)
            }
            (
                ChunkState::Size(size) | ChunkState::Extension(size) | ChunkState::SizeEnd(size),
                b'\n',
            ) => sized(size),
            (ChunkState::Size(size), b';' | b' ' | b'\t') => ChunkState::Extension(size),
            (ChunkState::Size(size), byte) => {
                let digit = hex(byte).ok_or(BadChunk)?;
                ChunkState::Size(
                    size.checked_mul(16)
                        .and_then(|size| size.checked_add(digit))
                        .ok_or(BadChunk)?,
                )
            }
            (ChunkState::Extension(size), _) => ChunkState::Extension(size),
            (ChunkState::DataEnd, b'\r') => ChunkState::DataEndLf,
            (ChunkState::DataEnd | ChunkState::DataEndLf, b'\n') => ChunkState::Start,
            (ChunkState::Trailer { empty }, b'\r') => ChunkState::Trailer { empty },
            (ChunkState::Trailer { empty: true }, b'\n') => ChunkState::Done,
            (ChunkState::Trailer { .. }, b'\n') => ChunkState::Trailer { empty: true },
            (ChunkState::Trailer { .. }, _) => ChunkState::Trailer { empty: false },
            _ => return Err(BadChunk),
        })
    }
}

fn hex(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_whatever_the_pieces() {
        check("3\r\nabc\r\n0\r\n\r\nrest", "abc then rest");
        check(
            "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
            "abc0123456789 then ",
        );
        check("0\r\n\r\n", " then ");
        check("x\r\n", "bad");
        check("3\r\nabcd\r\n", "bad");
        check("fffffffffffffffff\r\n", "bad");
    }

    fn check(input: &str, expected: &str) {
        for piece in [1, 2, 7, input.len()] {
            let mut body = Body::Chunked(Chunked::default());
            let mut out = Vec::new();
            let mut used = 0;
            let mut bad = false;
            for bytes in input.as_bytes().chunks(piece) {
                match body.take(bytes, &mut out) {
                    Ok(len) => used += len,
                    Err(BadChunk) => bad = true,
                }
                if bad || body.is_done() {
                    break;
                }
            }
            let shown = match bad {
                true => "bad".to_owned(),
                false => format!("{} then {}", String::from_utf8_lossy(&out), &input[used..]),
            };
            assert_eq!(shown, expected, "of {input:?} in pieces of {piece}");
        }
    }
}
