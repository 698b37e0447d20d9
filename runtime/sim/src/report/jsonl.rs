//! The trace as lines of JSON, and its hash.
//!
//! The hash of a trace is the XXH3 hash, 128 bits, of its lines: that of the file, as `xxh128sum` prints it.

use seedpod_core::limits::TRACE_LINE_BYTES_MAX;
use seedpod_core::trace::TraceEvent;
use std::io::{self, BufRead, Read as _};
use xxhash_rust::xxh3::Xxh3;

/// Adds the event as one line, its end included.
pub fn write_event(event: &TraceEvent, text: &mut String) {
    text.push_str(&serde_json::to_string(event).expect(ALWAYS_JSON));
    text.push('\n');
}

/// The events as lines.
pub fn write(events: &[TraceEvent]) -> String {
    let mut text = String::new();
    events
        .iter()
        .for_each(|event| write_event(event, &mut text));
    text
}

const ALWAYS_JSON: &str = "an event has nothing but numbers and text";

/// The hash of a trace, kept up with event by event.
#[derive(Clone, Default)]
pub struct TraceHash {
    state: Xxh3,
    line: Vec<u8>,
}

impl TraceHash {
    /// Adds an event.
    pub fn update(&mut self, event: &TraceEvent) {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event).expect(ALWAYS_JSON);
        self.line.push(b'\n');
        self.state.update(&self.line);
    }

    /// The hash of all events so far.
    pub fn value(&self) -> u128 {
        self.state.digest128()
    }
}

/// The hash of a whole trace.
pub fn hash(events: &[TraceEvent]) -> u128 {
    let mut hash = TraceHash::default();
    events.iter().for_each(|event| hash.update(event));
    hash.value()
}

/// Why a trace cannot be read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The reader failed.
    #[error("line {line}: {error}")]
    Io {
        /// Where.
        line: u64,
        /// Why.
        error: io::Error,
    },
    /// A line is no event.
    #[error("line {line}: not an event of a trace: {error}; traces are written with --trace")]
    NoEvent {
        /// Where.
        line: u64,
        /// Why.
        error: serde_json::Error,
    },
    /// No event is that long.
    #[error(
        "line {line}: longer than {TRACE_LINE_BYTES_MAX} bytes; traces are written with --trace"
    )]
    TooLong {
        /// Where.
        line: u64,
    },
}

/// The events of a trace, in order; ends after the first error. Empty lines are passed over.
pub fn read<R: BufRead>(reader: R) -> Events<R> {
    Events {
        reader,
        line: 0,
        bytes: Vec::new(),
        is_over: false,
    }
}

/// See [`read`].
pub struct Events<R> {
    reader: R,
    line: u64,
    bytes: Vec<u8>,
    is_over: bool,
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = Result<TraceEvent, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let event = self.read_event();
        self.is_over = !matches!(event, Some(Ok(_)));
        event
    }
}

impl<R: BufRead> Events<R> {
    fn read_event(&mut self) -> Option<Result<TraceEvent, ReadError>> {
        loop {
            self.bytes.clear();
            self.line += 1;
            let line = self.line;
            let mut limited = self.reader.by_ref().take(TRACE_LINE_BYTES_MAX + 1);
            match limited.read_until(b'\n', &mut self.bytes) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(ReadError::Io { line, error })),
            }
            if self.bytes.len() as u64 > TRACE_LINE_BYTES_MAX {
                return Some(Err(ReadError::TooLong { line }));
            }
            if !self.bytes.trim_ascii().is_empty() {
                let event = serde_json::from_slice(&self.bytes);
                return Some(event.map_err(|error| ReadError::NoEvent { line, error }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn event() -> impl Strategy<Value = TraceEvent> {
        let text = || {
            prop_oneof![
                Just(String::new()),
                any::<String>(),
                "[a-z.:/<>\\\\\"]{0,9}"
            ]
        };
        let numbers = (any::<u64>(), any::<u64>(), any::<u64>());
        let texts = (text(), text(), text(), text(), text());
        (numbers, texts).prop_map(
            |((number, nanos, fuel), (task, kind, object, detail, result))| TraceEvent {
                number,
                nanos,
                task,
                fuel,
                kind,
                object,
                detail,
                result,
            },
        )
    }

    proptest! {
        #[test]
        fn any_trace_comes_back_from_its_lines(events in proptest::collection::vec(event(), 0..20)) {
            let text = write(&events);
            prop_assert_eq!(text.lines().count(), events.len());
            let read: Result<Vec<_>, _> = read(text.as_bytes()).collect();
            prop_assert_eq!(read.unwrap(), events);
        }

        #[test]
        fn the_hash_of_a_trace_is_that_of_its_lines(events in proptest::collection::vec(event(), 0..20)) {
            prop_assert_eq!(hash(&events), xxhash_rust::xxh3::xxh3_128(write(&events).as_bytes()));
        }
    }

    #[test]
    fn an_event_is_one_line_without_what_is_empty() {
        let check = |event: TraceEvent, expected: Expect| {
            let mut text = String::new();
            write_event(&event, &mut text);
            expected.assert_eq(&text);
        };
        let open = TraceEvent {
            number: 812,
            nanos: 3_214_000_000,
            task: "worker".to_owned(),
            fuel: 123_456,
            kind: "fs.write".to_owned(),
            object: "vol:shared/out.json".to_owned(),
            detail: "0..4096".to_owned(),
            result: "ok".to_owned(),
        };
        check(
            open,
            expect![[r#"
                {"n":812,"t":3214000000,"c":"worker","fuel":123456,"k":"fs.write","o":"vol:shared/out.json","a":"0..4096","r":"ok"}
            "#]],
        );
        let log = TraceEvent {
            kind: "log".to_owned(),
            detail: "two\nlines \u{1b}[1m\"quoted\" \u{2028}".to_owned(),
            ..TraceEvent::default()
        };
        check(
            log,
            expect![[r#"
                {"n":0,"t":0,"k":"log","a":"two\nlines \u001b[1m\"quoted\"  "}
            "#]],
        );
    }

    #[test]
    fn what_is_no_trace_is_refused_with_the_line() {
        let check = |text: &str, expected: Expect| {
            let outcome: Result<Vec<_>, _> = read(text.as_bytes()).collect();
            expected.assert_eq(&match outcome {
                Ok(events) => format!("{} events", events.len()),
                Err(error) => error.to_string(),
            });
        };
        let good = r#"{"n":0,"t":0,"k":"log"}"#;
        check("", expect!["0 events"]);
        check(&format!("{good}\n\n{good}"), expect!["2 events"]);
        check(
            &format!("{good}\nhello\n"),
            expect![[
                "line 2: not an event of a trace: expected value at line 1 column 1; traces are written with --trace"
            ]],
        );
        check(
            &format!("{good}\n{{\"n\":1}}\n"),
            expect![[
                "line 2: not an event of a trace: missing field `t` at line 1 column 7; traces are written with --trace"
            ]],
        );
        check(
            &format!("{good}\n\"{}\"", "x".repeat(2 << 20)),
            expect!["line 2: longer than 1048576 bytes; traces are written with --trace"],
        );
    }
}
