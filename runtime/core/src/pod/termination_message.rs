//! What a container says at its end (kubelet `getTerminationMessage`).

use crate::limits::{TERMINATION_LOG_BYTES, TERMINATION_LOG_LINES, TERMINATION_MESSAGE_BYTES};
use crate::spec::TerminationMessagePolicy;

/// The message of an instance that ended with `exit_code`: the end of its file, or with `FallbackToLogsOnError`, if
/// that is empty and it failed, the end of its log. `log` need not be longer than [`TERMINATION_LOG_BYTES`].
pub fn termination_message(
    policy: TerminationMessagePolicy,
    exit_code: i32,
    file: &[u8],
    log: &[u8],
) -> Option<String> {
    let wants_log = policy == TerminationMessagePolicy::FallbackToLogsOnError && exit_code != 0;
    let bytes = if file.is_empty() && wants_log {
        last_bytes(
            last_lines(log, TERMINATION_LOG_LINES),
            TERMINATION_LOG_BYTES,
        )
    } else {
        last_bytes(file, TERMINATION_MESSAGE_BYTES)
    };
    (!bytes.is_empty()).then(|| text(bytes))
}

fn last_bytes(bytes: &[u8], count: usize) -> &[u8] {
    &bytes[bytes.len().saturating_sub(count)..]
}

/// A last line without its end counts.
fn last_lines(bytes: &[u8], count: usize) -> &[u8] {
    let closed = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let ends = closed
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    match ends.map(|(index, _)| index + 1).nth(count - 1) {
        Some(start) => &bytes[start..],
        None => bytes,
    }
}

/// A character that the cut went through is dropped, other bytes that are no text are replaced.
fn text(bytes: &[u8]) -> String {
    let is_tail = |byte: &&u8| **byte & 0xc0 == 0x80;
    let broken = bytes.iter().take(3).take_while(is_tail).count();
    String::from_utf8_lossy(&bytes[broken..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use TerminationMessagePolicy::{FallbackToLogsOnError, File};

    #[test]
    fn sources() {
        let check = |policy, exit_code, file: &str, log: &str, expected: Option<&str>| {
            let found = termination_message(policy, exit_code, file.as_bytes(), log.as_bytes());
            assert_eq!(found.as_deref(), expected);
        };
        check(File, 1, "file", "log", Some("file"));
        check(File, 1, "", "log", None);
        check(FallbackToLogsOnError, 1, "", "log", Some("log"));
        check(FallbackToLogsOnError, 0, "", "log", None);
        check(FallbackToLogsOnError, 1, "file", "log", Some("file"));
        check(FallbackToLogsOnError, 0, "file", "log", Some("file"));
        check(FallbackToLogsOnError, 1, "", "", None);
    }

    #[test]
    fn only_the_end_counts() {
        let file = "x".repeat(10) + &"y".repeat(TERMINATION_MESSAGE_BYTES);
        let found = termination_message(File, 1, file.as_bytes(), b"").unwrap();
        assert_eq!(found, "y".repeat(TERMINATION_MESSAGE_BYTES));

        let lines: String = (0..100).map(|line| format!("{line}\n")).collect();
        let found = termination_message(FallbackToLogsOnError, 1, b"", lines.as_bytes()).unwrap();
        assert_eq!(found, lines[lines.find("20\n").unwrap()..]);
        let open = termination_message(FallbackToLogsOnError, 1, b"", lines.trim_end().as_bytes());
        assert_eq!(open.unwrap(), found.trim_end());

        let log = "z".repeat(5000);
        let found = termination_message(FallbackToLogsOnError, 1, b"", log.as_bytes()).unwrap();
        assert_eq!(found.len(), TERMINATION_LOG_BYTES);
    }

    #[test]
    fn cuts_between_characters() {
        let file = "é".repeat(TERMINATION_MESSAGE_BYTES / 2) + "x";
        let found = termination_message(File, 1, file.as_bytes(), b"").unwrap();
        assert_eq!(found, "é".repeat(TERMINATION_MESSAGE_BYTES / 2 - 1) + "x");
        assert_eq!(
            termination_message(File, 1, b"a\xff", b"").unwrap(),
            "a\u{fffd}"
        );
    }
}
