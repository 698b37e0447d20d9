//! What happens to pods from outside, step by step.

use super::property::Expression;
use std::collections::BTreeMap;
use std::time::Duration;

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// Position in the test, from 0. Kept when other steps are taken out.
    pub number: u32,
    /// Where it is written, for messages: `tests.yaml:12:7: spec.drive[0]`. May be empty.
    pub place: String,
    /// When it begins.
    pub start: Start,
    /// What is done.
    pub action: DriveAction,
    /// What must come of it.
    pub expect: Expect,
    /// How long it may take, from its beginning, for the expectation to be met.
    pub within: Duration,
}

/// When a step begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// When the step before it in the test has ended; the first at once.
    #[default]
    AfterPrevious,
    /// At this virtual time since the start of the run, whatever other steps do.
    At(Duration),
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum DriveAction {
    /// Sends messages to a POSIX message queue, which must be there in time. Waits while it is full.
    Publish {
        /// Of several pods, which.
        pod: Option<String>,
        /// Name, with its slash.
        queue: String,
        /// What is sent.
        bodies: Bodies,
        /// Time between two messages.
        every: Duration,
        /// Priority of all of them.
        priority: u32,
    },
    /// An HTTP/1.1 request, repeated while nobody listens.
    Http(HttpRequest),
    /// Connects, sends, and reads until what is expected has come or the other side has closed.
    Tcp {
        /// `container:port`, `pod:port`, `service:port` or `address:port`.
        to: String,
        /// What is sent.
        send: Data,
    },
    /// Runs a program in a container that runs.
    Exec {
        /// Of several pods, which.
        pod: Option<String>,
        /// Which container.
        container: String,
        /// Program and arguments.
        command: Vec<String>,
        /// Its standard input.
        stdin: Option<Data>,
    },
    /// Writes a file of a volume, with its folders, in the place of one that is there.
    Write {
        /// Which.
        path: FileTarget,
        /// What.
        data: Data,
    },
    /// Sends a signal to the first process of a container.
    Signal {
        /// Of several pods, which.
        pod: Option<String>,
        /// Which container.
        container: String,
        /// Linux' number.
        signal: u8,
    },
    /// Deletes a pod, as `kubectl delete` does.
    Delete {
        /// Of several pods, which.
        pod: Option<String>,
        /// Instead of the pod's own grace period.
        grace: Option<Duration>,
    },
    /// Applies a manifest, such as a ConfigMap with other content.
    Apply(Data),
    /// Waits until this is true.
    Wait(Expression),
}

/// Messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// These.
    Inline(Vec<String>),
    /// The lines of a file.
    Lines(String),
}

/// Bytes that a step sends or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// This text.
    Inline(String),
    /// What is in this file, beside the test.
    File(String),
}

/// A file of a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileTarget {
    /// `volume:a/b`: a path in the volume of this name.
    Volume {
        /// Name of the volume.
        volume: String,
        /// Without a slash at its beginning.
        path: String,
    },
    /// `container:/a/b`: what the container has at this path, if it is in a volume.
    Container {
        /// Name of the container.
        container: String,
        /// With its slash.
        path: String,
    },
    /// `/a/b`: what every container has there that has a volume there.
    Any {
        /// With its slash.
        path: String,
    },
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// `container:port`, `pod:port`, `service:port` or `address:port`.
    pub to: String,
    /// `GET`, `POST`.
    pub method: String,
    /// With its slash.
    pub path: String,
    /// Names and values.
    pub headers: BTreeMap<String, String>,
    /// What is sent.
    pub body: Option<Data>,
}

/// What must come of a step. Empty: that it works at all, which for a request is a status below 400 and for a program
/// the exit code 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Of an answer over HTTP.
    pub status: Option<u16>,
    /// Of a program.
    pub exit_code: Option<i32>,
    /// Text that the body, the output or the bytes from the other side contain.
    pub output: Option<String>,
}

impl Drive {
    /// `within` of a step that has none.
    pub const WITHIN: Duration = Duration::from_secs(30);
}

impl DriveAction {
    /// The word of the step in a test file, and in a trace after `drive.`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Http(_) => "http",
            Self::Tcp { .. } => "tcp",
            Self::Exec { .. } => "exec",
            Self::Write { .. } => "write",
            Self::Signal { .. } => "signal",
            Self::Delete { .. } => "delete",
            Self::Apply(_) => "apply",
            Self::Wait(_) => "wait",
        }
    }

    /// The file that it needs.
    pub(super) fn file(&self) -> Option<&str> {
        let data = match self {
            Self::Publish {
                bodies: Bodies::Lines(path),
                ..
            } => return Some(path),
            Self::Http(request) => request.body.as_ref()?,
            Self::Exec { stdin, .. } => stdin.as_ref()?,
            Self::Tcp { send: data, .. } | Self::Write { data, .. } | Self::Apply(data) => data,
            Self::Publish { .. } | Self::Signal { .. } | Self::Delete { .. } | Self::Wait(_) => {
                return None;
            }
        };
        match data {
            Data::File(path) => Some(path),
            Data::Inline(_) => None,
        }
    }
}

impl FileTarget {
    /// Reads `volume:a/b`, `container:/a/b` or `/a/b`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            let path = text.to_owned();
            return Some(Self::Any { path });
        }
        let (owner, path) = text.split_once(':')?;
        if owner.is_empty() || path.is_empty() {
            return None;
        }
        let (owner, path) = (owner.to_owned(), path.to_owned());
        Some(match path.starts_with('/') {
            true => Self::Container {
                container: owner,
                path,
            },
            false => Self::Volume {
                volume: owner,
                path,
            },
        })
    }
}

impl std::fmt::Display for FileTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Volume {
                volume: owner,
                path,
            }
            | Self::Container {
                container: owner,
                path,
            } => write!(f, "{owner}:{path}"),
            Self::Any { path } => f.write_str(path),
        }
    }
}

/// The name of a POSIX object as the kernel has it: with its slash, which people may leave out.
pub fn slashed(name: &str) -> String {
    match name.starts_with('/') {
        true => name.to_owned(),
        false => format!("/{name}"),
    }
}
