//! The form in which logs are kept, which is the CRI's, and what the flags of `kubectl logs` do with it.

use seedpod_core::time::WallTime;
use std::fmt::Write as _;

/// Which part of a log is wanted, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on until the container ends.
    pub follow: bool,
    /// Begin each line with when it was written.
    pub timestamps: bool,
    /// Only what was written from then on.
    pub since: Option<WallTime>,
    /// Only so many of the last lines; counted before `since` leaves any out.
    pub tail_lines: Option<u64>,
    /// Only so many bytes; cuts within a line.
    pub limit_bytes: Option<u64>,
    /// Only what was written to one of the streams.
    pub streams: LogStreams,
}

/// Which streams of a container are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogStreams {
    /// Both, in the order of writing.
    #[default]
    All,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line of a log, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry<'b> {
    /// When it was written.
    pub time: WallTime,
    /// Whether to standard error.
    pub is_stderr: bool,
    /// Whether the line goes on in the next entry of the same stream.
    pub is_partial: bool,
    /// Any bytes but line feeds.
    pub bytes: &'b [u8],
}

impl<'b> LogEntry<'b> {
    /// `<time> stdout|stderr F|P <bytes>` and a line feed.
    pub fn write(&self, into: &mut Vec<u8>) {
        let mut head = self.time.to_nanos();
        let stream = if self.is_stderr { "stderr" } else { "stdout" };
        let tag = if self.is_partial { 'P' } else { 'F' };
        // Writing to a String cannot fail.
        let _ = write!(head, " {stream} {tag} ");
        into.extend_from_slice(head.as_bytes());
        into.extend_from_slice(self.bytes);
        into.push(b'\n');
    }

    /// Reads what [`write`](Self::write) has written, without the line feed. `None` for what a crash has left.
    pub fn read(line: &'b [u8]) -> Option<Self> {
        let mut parts = line.splitn(4, |byte| *byte == b' ');
        let time = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let is_stderr = match parts.next()? {
            b"stdout" => false,
            b"stderr" => true,
            _ => return None,
        };
        let is_partial = match parts.next()? {
            b"F" => false,
            b"P" => true,
            _ => return None,
        };
        Some(Self {
            time,
            is_stderr,
            is_partial,
            bytes: parts.next()?,
        })
    }
}

/// Turns entries of a log into what a client is sent. Where to begin for `tail_lines` finds out who has the entries.
#[derive(Debug)]
pub struct LogPrinter {
    options: LogOptions,
    remaining: u64,
    /// Whether the entry before was the end of a line.
    at_line_start: bool,
    unread: Vec<u8>,
}

impl LogPrinter {
    /// Nothing printed yet.
    pub fn new(options: LogOptions) -> Self {
        Self {
            options,
            remaining: options.limit_bytes.unwrap_or(u64::MAX),
            at_line_start: true,
            unread: Vec::new(),
        }
    }

    /// Whether nothing more will be printed.
    pub fn is_over(&self) -> bool {
        self.remaining == 0
    }

    /// Takes a piece of what is kept, cut anywhere, and appends to `into` what the client gets of it.
    pub fn print(&mut self, mut kept: &[u8], into: &mut Vec<u8>) {
        while let Some(at) = kept.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = kept.split_at(at);
            kept = &rest[1..];
            if self.unread.is_empty() {
                self.print_line(line, into);
            } else {
                self.unread.extend_from_slice(line);
                let line = std::mem::take(&mut self.unread);
                self.print_line(&line, into);
            }
        }
        self.unread.extend_from_slice(kept);
    }

    fn print_line(&mut self, line: &[u8], into: &mut Vec<u8>) {
        let Some(entry) = LogEntry::read(line) else {
            return;
        };
        let begins_line = std::mem::replace(&mut self.at_line_start, !entry.is_partial);
        let is_wanted = match self.options.streams {
            LogStreams::All => true,
            LogStreams::Stdout => !entry.is_stderr,
            LogStreams::Stderr => entry.is_stderr,
        };
        let is_new = self.options.since.is_none_or(|since| entry.time >= since);
        if !is_wanted || !is_new {
            return;
        }
        if self.options.timestamps && begins_line {
            self.put(entry.time.to_nanos().as_bytes(), into);
            self.put(b" ", into);
        }
        self.put(entry.bytes, into);
        if !entry.is_partial {
            self.put(b"\n", into);
        }
    }

    fn put(&mut self, bytes: &[u8], into: &mut Vec<u8>) {
        let room = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        into.extend_from_slice(bytes);
        self.remaining -= bytes.len() as u64;
    }
}

/// Finds where the last lines of a log begin, from pieces of it that come from its end to its beginning.
#[derive(Debug)]
pub struct TailFinder {
    /// Line feeds that are still to be found; the first one found ends the last line.
    wanted: u64,
}

impl TailFinder {
    /// For so many lines.
    pub fn new(lines: u64) -> Self {
        let wanted = lines.saturating_add(1);
        Self { wanted }
    }

    /// Where in `piece` the wanted lines begin; `None` when that is before it.
    pub fn find(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, byte) in piece.iter().enumerate().rev() {
            if *byte == b'\n' {
                self.wanted -= 1;
                if self.wanted == 0 {
                    return Some(at + 1);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn kept() -> Vec<u8> {
        let mut kept = Vec::new();
        let entries = [
            (1, false, false, "one"),
            (2, true, false, "oops"),
            (3, false, true, "lo"),
            (3, false, false, "ng"),
            (4, false, false, ""),
        ];
        for (second, is_stderr, is_partial, text) in entries {
            LogEntry {
                time: WallTime::from_unix_nanos(second * 1_000_000_000 + 5),
                is_stderr,
                is_partial,
                bytes: text.as_bytes(),
            }
            .write(&mut kept);
        }
        kept
    }

    #[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
    fn check(options: LogOptions, expected: Expect) {
        let kept = kept();
        let begin = options
            .tail_lines
            .and_then(|lines| TailFinder::new(lines).find(&kept))
            .unwrap_or_default();
        let print = |piece: usize| {
            let mut printer = LogPrinter::new(options);
            let mut printed = Vec::new();
            for piece in kept[begin..].chunks(piece) {
                printer.print(piece, &mut printed);
            }
            String::from_utf8(printed).unwrap()
        };
        assert_eq!(print(3), print(1000));
        expected.assert_eq(&print(1000));
    }

    #[test]
    fn entries_are_kept_as_the_cri_does() {
        let kept = kept();
        expect![[r#"
            1970-01-01T00:00:01.000000005Z stdout F one
            1970-01-01T00:00:02.000000005Z stderr F oops
            1970-01-01T00:00:03.000000005Z stdout P lo
            1970-01-01T00:00:03.000000005Z stdout F ng
            1970-01-01T00:00:04.000000005Z stdout F 
        "#]]
        .assert_eq(&String::from_utf8(kept).unwrap());
    }

    #[test]
    fn everything_is_printed_as_it_was_written() {
        check(
            LogOptions::default(),
            expect![[r#"
            one
            oops
            long

        "#]],
        );
    }

    #[test]
    fn each_line_has_one_timestamp() {
        let options = LogOptions {
            timestamps: true,
            ..LogOptions::default()
        };
        check(
            options,
            expect![[r#"
            1970-01-01T00:00:01.000000005Z one
            1970-01-01T00:00:02.000000005Z oops
            1970-01-01T00:00:03.000000005Z long
            1970-01-01T00:00:04.000000005Z 
        "#]],
        );
    }

    #[test]
    fn one_stream_can_be_chosen() {
        let of = |streams| LogOptions {
            streams,
            ..LogOptions::default()
        };
        check(
            of(LogStreams::Stderr),
            expect![[r#"
            oops
        "#]],
        );
        check(
            of(LogStreams::Stdout),
            expect![[r#"
            one
            long

        "#]],
        );
    }

    #[test]
    fn the_tail_is_counted_before_what_is_too_old_goes() {
        let of = |tail_lines, since| LogOptions {
            tail_lines: Some(tail_lines),
            since: Some(WallTime::from_unix_nanos(since)),
            ..LogOptions::default()
        };
        check(of(0, 0), expect![""]);
        check(
            of(2, 0),
            expect![[r#"
            ng

        "#]],
        );
        check(
            of(4, 3_000_000_000),
            expect![[r#"
            long

        "#]],
        );
        check(of(u64::MAX, u64::MAX), expect![""]);
    }

    #[test]
    fn the_limit_cuts_within_a_line() {
        let of = |limit| LogOptions {
            limit_bytes: Some(limit),
            ..LogOptions::default()
        };
        check(
            of(6),
            expect![[r#"
            one
            oo"#]],
        );
        let mut printer = LogPrinter::new(of(3));
        printer.print(&kept(), &mut Vec::new());
        assert!(printer.is_over());
    }

    #[test]
    fn what_is_no_entry_is_left_out() {
        let mut printed = Vec::new();
        LogPrinter::new(LogOptions::default()).print(b"1970-01-01T0\n\nx y z\n", &mut printed);
        assert_eq!(printed, b"");
    }
}
