//! From bytes to lines, as containerd cuts them.

use crate::limits::LOG_LINE_BYTES;

/// Cuts one stream of output into lines.
#[derive(Debug, Default)]
pub struct LineSplitter {
    rest: Vec<u8>,
}

/// A line without its line feed, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text; any bytes.
    pub bytes: Vec<u8>,
    /// Whether it has no line feed: the line goes on in the next part, or was the last and ended without one.
    pub partial: bool,
}

impl LineSplitter {
    /// Calls `emit` for every line that `bytes` completes.
    pub fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(Line)) {
        while !bytes.is_empty() {
            // A line of exactly the limit is whole, so its line feed may stand one byte behind.
            let window = &bytes[..bytes.len().min(LOG_LINE_BYTES + 1 - self.rest.len())];
            if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
                self.rest.extend_from_slice(&bytes[..end]);
                emit(Line {
                    bytes: std::mem::take(&mut self.rest),
                    partial: false,
                });
                bytes = &bytes[end + 1..];
                continue;
            }
            self.rest.extend_from_slice(window);
            bytes = &bytes[window.len()..];
            if self.rest.len() > LOG_LINE_BYTES {
                let next = self.rest.split_off(LOG_LINE_BYTES);
                emit(Line {
                    bytes: std::mem::replace(&mut self.rest, next),
                    partial: true,
                });
            }
        }
        assert!(self.rest.len() <= LOG_LINE_BYTES);
    }

    /// What came after the last line feed; partial, as containerd marks it.
    pub fn finish(&mut self) -> Option<Line> {
        let bytes = std::mem::take(&mut self.rest);
        (!bytes.is_empty()).then_some(Line {
            bytes,
            partial: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<(usize, bool)> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |line| lines.push((line.bytes.len(), line.partial)));
        }
        lines.extend(
            splitter
                .finish()
                .map(|line| (line.bytes.len(), line.partial)),
        );
        lines
    }

    #[test]
    fn lines_may_come_in_pieces() {
        assert_eq!(
            lines(&[b"a\nbc", b"d\n\ne"]),
            [(1, false), (3, false), (0, false), (1, true)]
        );
        assert_eq!(lines(&[b""]), []);
    }

    #[test]
    fn long_lines_are_cut() {
        let long = [b'x'; LOG_LINE_BYTES];
        assert_eq!(
            lines(&[&long, b"yz\n"]),
            [(LOG_LINE_BYTES, true), (2, false)]
        );
        let mut with_end = long.to_vec();
        with_end.extend(b"\nz");
        assert_eq!(lines(&[&with_end]), [(LOG_LINE_BYTES, false), (1, true)]);
    }
}
