//! What probes and hooks write.

use seedpod_core::limits::PROBE_OUTPUT_BYTES;
use seedpod_core::pod::go_duration;
use seedpod_core::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Keeps the beginning of what is written and discards the rest: no writer ever waits.
#[derive(Default)]
pub(crate) struct Capture(Mutex<Vec<u8>>);

impl Capture {
    pub(crate) fn write(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = PROBE_OUTPUT_BYTES - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        assert!(kept.len() <= PROBE_OUTPUT_BYTES);
    }

    fn kept(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A command that was run for a probe or hook.
#[derive(Clone)]
pub(crate) struct Ran {
    /// Its arguments with spaces between them.
    pub(crate) command: String,
    timeout: Option<Duration>,
    pub(crate) stdout: Arc<Capture>,
    pub(crate) stderr: Arc<Capture>,
}

impl Ran {
    pub(crate) fn new(command: &[String], timeout: Option<Duration>) -> Self {
        Self {
            command: command.join(" "),
            timeout,
            stdout: Arc::default(),
            stderr: Arc::default(),
        }
    }

    /// First all output, then all errors, as the kubelet puts them together.
    pub(crate) fn output(&self) -> String {
        let mut bytes = self.stdout.kept();
        bytes.append(&mut self.stderr.kept());
        bytes.truncate(PROBE_OUTPUT_BYTES);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What the kubelet says when it was killed.
    pub(crate) fn timeout_text(&self) -> String {
        let (command, timeout) = (&self.command, go_duration(self.timeout.unwrap_or_default()));
        format!("command timed out: {command:?} timed out after {timeout}")
    }

    /// What the kubelet says when it failed.
    pub(crate) fn exit_text(&self, status: ExitStatus) -> String {
        let (command, code) = (&self.command, status.code());
        let stderr = self.stderr.kept();
        let stderr = String::from_utf8_lossy(&stderr);
        format!("command '{command}' exited with {code}: {stderr}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_after_output_and_what_is_too_much_goes() {
        let ran = Ran::new(
            &["sh".to_owned(), "-c".to_owned()],
            Some(Duration::from_secs(90)),
        );
        ran.stderr.write(b"e");
        ran.stdout.write(b"out ");
        assert_eq!(ran.output(), "out e");
        assert_eq!(
            ran.exit_text(ExitStatus::Exited(3)),
            "command 'sh -c' exited with 3: e"
        );
        assert_eq!(
            ran.timeout_text(),
            "command timed out: \"sh -c\" timed out after 1m30s"
        );
        ran.stdout.write(&[b'x'; PROBE_OUTPUT_BYTES]);
        ran.stdout.write(b"y");
        assert_eq!(ran.output().len(), PROBE_OUTPUT_BYTES);
        assert!(ran.output().ends_with('x'));
    }
}
