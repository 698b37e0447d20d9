//! What things look like to a test.

use bytes::Bytes;
use seedpod_core::ipc::{QueueLook, SemaphoreLook};
use seedpod_core::limits::TEST_FILE_BYTES_MAX;
use seedpod_core::pod::{ContainerState, ContainerStatus};
use serde::de::IgnoredAny;
use std::fmt;
use std::sync::Arc;

/// A thing as it was when it was looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Nothing,
    File(FileLook),
    Queue(Option<QueueLook>),
    Semaphore(Option<SemaphoreLook>),
    Container(ContainerLook),
    Log(Log),
    Events(i64),
}

/// A file of a volume, its first MiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileLook {
    content: Option<Bytes>,
}

impl FileLook {
    pub(crate) fn new(content: Option<Bytes>) -> Self {
        Self { content }
    }

    /// Whether it is there, and a file.
    pub fn exists(&self) -> bool {
        self.content.is_some()
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.content.as_deref().unwrap_or_default()
    }

    /// Its text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Its lines.
    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// Whether it is there and JSON.
    pub fn is_json(&self) -> bool {
        serde_json::from_slice::<IgnoredAny>(self.bytes()).is_ok()
    }

    /// What it says, if it is JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(self.bytes()).ok()
    }
}

/// What a container does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerPhase {
    /// It has not started, or waits to start again.
    #[default]
    Waiting,
    /// It runs.
    Running,
    /// It has ended.
    Terminated,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerLook {
    /// What it does.
    pub state: ContainerPhase,
    /// How it ended, the last time if it did not now.
    pub exit_code: Option<i32>,
    /// Why it waits or how it ended, in Kubernetes' word; empty while it runs.
    pub reason: String,
    /// How often it was restarted.
    pub restarts: u32,
    /// Whether it is ready.
    pub ready: bool,
}

impl ContainerLook {
    pub(crate) fn new(status: &ContainerStatus) -> Self {
        let last = status.last_state.as_ref().map(|end| end.exit_code);
        let (state, exit_code, reason) = match &status.state {
            ContainerState::Waiting(waiting) => {
                (ContainerPhase::Waiting, last, waiting.reason.to_string())
            }
            ContainerState::Running { .. } => (ContainerPhase::Running, last, String::new()),
            ContainerState::Terminated(end) => {
                let code = Some(end.exit_code);
                (ContainerPhase::Terminated, code, end.reason.to_string())
            }
        };
        Self {
            state,
            exit_code,
            reason,
            restarts: status.restart_count,
            ready: status.ready,
        }
    }
}

impl ContainerPhase {
    /// `running`, `waiting`, `terminated`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Terminated => "terminated",
        }
    }
}

/// What a container has written, its last MiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    text: Arc<String>,
    /// Bytes so far, also of what is forgotten.
    length: u64,
}

impl PartialEq for Log {
    /// A log only grows.
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length
    }
}

impl Log {
    pub(crate) fn push(&mut self, bytes: &[u8], partial: bool) {
        self.length += bytes.len() as u64 + 1;
        let text = Arc::make_mut(&mut self.text);
        text.push_str(&String::from_utf8_lossy(bytes));
        if !partial {
            text.push('\n');
        }
        if text.len() > TEST_FILE_BYTES_MAX {
            // A quarter goes at once, so that a long log is not moved at every line.
            let from = text.len() - TEST_FILE_BYTES_MAX / 4 * 3;
            let line = text.as_bytes()[from..]
                .iter()
                .position(|byte| *byte == b'\n');
            let end = line.map_or(text.len(), |line| from + line + 1);
            text.drain(..end);
        }
    }

    pub(crate) fn text(&self) -> Arc<String> {
        self.text.clone()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing | Self::Queue(None) | Self::Semaphore(None) => f.write_str("not there"),
            Self::File(file) if !file.exists() => f.write_str("not there"),
            Self::File(file) => {
                let text = file.text();
                let beginning: String = text.chars().take(SHOWN_CHARS_MAX).collect();
                let rest = if beginning.len() < text.len() {
                    "…"
                } else {
                    ""
                };
                write!(f, "{} bytes, {beginning:?}{rest}", file.bytes().len())
            }
            Self::Queue(Some(queue)) => {
                let QueueLook {
                    depth,
                    sent,
                    received,
                    ..
                } = queue;
                write!(f, "depth {depth}, sent {sent}, received {received}")
            }
            Self::Semaphore(Some(semaphore)) => write!(f, "value {}", semaphore.value),
            Self::Container(container) => {
                f.write_str(container.state.word())?;
                if let Some(code) = container.exit_code {
                    write!(f, ", exit code {code}")?;
                }
                write!(f, ", {} restarts", container.restarts)
            }
            Self::Log(log) => {
                let text = log.text();
                let last = text.lines().next_back().unwrap_or_default();
                let last: String = last.chars().take(SHOWN_CHARS_MAX).collect();
                write!(f, "last line {last:?}")
            }
            Self::Events(count) => write!(f, "{count}"),
        }
    }
}

/// Characters of a file or line that a failure shows.
const SHOWN_CHARS_MAX: usize = 80;
