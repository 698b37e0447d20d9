//! Exec, attach, logs, port forwarding and proxies: what is asked for, and the protocols it is carried in, as state
//! machines without input and output of their own.
//!
//! `ask` turns a request into a [`Stream`]; [`upgrade`] agrees with the client on a protocol. [`command`] is exec and
//! attach, [`forward`] is port forwarding, each over WebSocket [`channel`]s or [`spdy`]. [`log`] is the form in which logs
//! are kept and what the flags of `kubectl logs` do with it.

pub mod channel;
pub mod command;
pub mod forward;
pub mod log;
pub mod spdy;
pub mod upgrade;

mod ask;
mod proxy;

pub(crate) use ask::ask;
pub use proxy::Backend;

use log::LogOptions;

/// Something of a pod that the world opens for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Namespace of the pod.
    pub namespace: String,
    /// `metadata.name` of the pod, or of the Service of a proxy.
    pub name: String,
    /// `metadata.uid` of it.
    pub uid: String,
    /// What is asked for.
    pub kind: StreamKind,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// The log of one instance of a container.
    Log {
        /// Name of the container.
        container: String,
        /// How many instances of it there were before.
        restart: u32,
        /// Which part of it, and how.
        options: LogOptions,
    },
    /// A command in a container.
    Exec {
        /// Name of the container.
        container: String,
        /// The program and its arguments.
        command: Vec<String>,
        /// Its standard streams.
        streams: Streams,
    },
    /// The standard streams of a container that runs.
    Attach {
        /// Name of the container.
        container: String,
        /// Which of them; whether there is a terminal says the container.
        streams: Streams,
    },
    /// Connections to ports of the pod.
    PortForward {
        /// `ports` of the query: those of the old protocol over WebSocket, which names them at once.
        ports: Vec<u16>,
    },
    /// One HTTP request, or what it is upgraded to, for a server in a pod.
    Proxy(Backend),
}

/// Which standard streams a client has asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error; never with a terminal.
    pub stderr: bool,
    /// Whether it is a terminal.
    pub tty: bool,
}
