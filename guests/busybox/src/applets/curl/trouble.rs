//! Exit codes of curl, and their messages.

use super::{Transfer, reason};
use crate::http::Failure;
use crate::tool::Tool;

/// An exit code of curl and its message.
pub(super) struct Trouble {
    pub(super) code: u8,
    pub(super) message: String,
    /// A retry may help even if nobody asked for retries of everything.
    pub(super) transient: bool,
    pub(super) refused: bool,
}

impl Trouble {
    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            transient: code == 28,
            refused: false,
        }
    }
}

pub(super) fn returned_error(status: u16) -> Trouble {
    let transient = matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
    Trouble {
        transient,
        ..Trouble::new(22, format!("The requested URL returned error: {status}"))
    }
}

impl Transfer<'_> {
    pub(super) fn cannot_connect(
        &self,
        tool: &mut Tool,
        failure: Failure,
        elapsed_ms: u128,
    ) -> Trouble {
        let (host, port) = (&self.url.host, self.url.port);
        match failure {
            Failure::Resolve => {
                self.note(tool, &format!("Could not resolve host: {host}"));
                self.note(tool, "Closing connection 0");
                Trouble::new(6, format!("Could not resolve host: {host}"))
            }
            Failure::Connect(address, error) => {
                self.note(
                    tool,
                    &format!(
                        "connect to {} port {port} failed: {}",
                        address.ip(),
                        reason(&error)
                    ),
                );
                let message = format!(
                    "Failed to connect to {host} port {port} after {elapsed_ms} ms: Couldn't connect to server"
                );
                self.note(tool, &message);
                self.note(tool, "Closing connection 0");
                Trouble {
                    refused: true,
                    ..Trouble::new(7, message)
                }
            }
            _ => {
                let message = format!(
                    "Failed to connect to {host} port {port} after {elapsed_ms} ms: Timeout was reached"
                );
                self.note(tool, &message);
                Trouble::new(28, message)
            }
        }
    }

    pub(super) fn broken(&self, failure: Failure) -> Trouble {
        match failure {
            Failure::Timeout => {
                let (elapsed, size) = (self.started.elapsed().as_millis(), self.facts.size);
                Trouble::new(
                    28,
                    format!(
                        "Operation timed out after {elapsed} milliseconds with {size} bytes received"
                    ),
                )
            }
            Failure::Empty => Trouble::new(52, "Empty reply from server"),
            Failure::Partial(missing) => Trouble::new(
                18,
                format!("transfer closed with {missing} bytes remaining to read"),
            ),
            Failure::Receive(error) => {
                Trouble::new(56, format!("Recv failure: {}", reason(&error)))
            }
            Failure::Invalid => Trouble::new(1, "Received HTTP/0.9 when not allowed"),
            Failure::Sink(message) => Trouble::new(23, message),
            Failure::Resolve | Failure::Connect(..) => {
                Trouble::new(7, "Couldn't connect to server")
            }
        }
    }
}
