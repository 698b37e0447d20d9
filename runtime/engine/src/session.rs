//! Exec and attach: how somebody outside talks with a container.

use crate::console::{Client, Console};
use crate::guest::PodCell;
use crate::world::LogStream;
use bytes::Bytes;
use seedpod_core::process::{BrokenPipe, ExitStatus, PipeReader, PipeWriter, ProcessId, Signal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// A command to run in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecRequest {
    /// Name of the container.
    pub container: String,
    /// The program, looked up in the container's `PATH`, and its arguments.
    pub command: Vec<String>,
    /// Whether the session has a standard input; at its end otherwise.
    pub stdin: bool,
    /// Whether the command sees a terminal; its standard error is then part of its standard output.
    pub tty: bool,
}

/// Streams of a container to join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachRequest {
    /// Name of the container.
    pub container: String,
    /// Whether to write to its standard input, if it has one (`stdin: true`).
    pub stdin: bool,
}

/// Why there is no session. Texts as the API server, the kubelet and containerd have them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// The pod has no such container.
    #[error("container {container} is not valid for pod {pod}")]
    InvalidContainer {
        /// As asked for.
        container: String,
        /// Name of the pod.
        pod: String,
    },
    /// It does not run.
    #[error("container not found ({0:?})")]
    NotRunning(String),
    /// It does not run.
    #[error("container {container} not found in pod {pod}")]
    NotAttachable {
        /// As asked for.
        container: String,
        /// `name_namespace`
        pod: String,
    },
    /// Nothing to run.
    #[error("you must specify at least one command for the container")]
    NoCommand,
    /// The command cannot be started.
    #[error("error executing command in container: failed to exec in container: {0}")]
    Failed(String),
    /// The pod has no room for one more session.
    #[error("too many sessions: {0}")]
    Limit(String),
}

/// Streams to and from a container. Dropped, it is closed: what runs goes on and may find its pipes broken.
pub struct Session {
    stdin: Mutex<Option<Stdin>>,
    output: Output,
}

enum Output {
    /// Standard output and standard error of an added process, until both have ended.
    Pipes(Mutex<[Option<PipeReader>; 2]>),
    /// What a container writes.
    Client(Arc<Client>),
}

struct Stdin {
    writer: PipeWriter,
    /// Of whose container this is the standard input.
    console: Option<Arc<Console>>,
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if let Some(console) = &self.console {
            console.leave_stdin();
        }
    }
}

impl Session {
    pub(crate) fn attached(
        console: Arc<Console>,
        stdin: Option<PipeWriter>,
        client: Arc<Client>,
    ) -> Self {
        let stdin = stdin.map(|writer| Stdin {
            writer,
            console: Some(console),
        });
        Self {
            stdin: Mutex::new(stdin),
            output: Output::Client(client),
        }
    }

    /// Writes some of `bytes` to standard input and says how many.
    ///
    /// # Errors
    /// When nobody reads it: it is closed, was not asked for, or its reader has ended.
    pub fn poll_write(&self, bytes: &[u8], waker: &Waker) -> Poll<Result<usize, BrokenPipe>> {
        match &*self.stdin() {
            Some(stdin) => stdin.writer.poll_write(bytes, waker),
            None => Poll::Ready(Err(BrokenPipe)),
        }
    }

    /// Closes standard input. The command of an exec reads its end then; a container only with `stdinOnce`.
    pub fn close_stdin(&self) {
        *self.stdin() = None;
    }

    /// Whether it can write to a standard input.
    pub fn has_stdin(&self) -> bool {
        self.stdin().is_some()
    }

    /// The next piece of output. `None` at the end: when the container has ended, when nobody holds the streams of the
    /// command any more, or when this client of a container has not read for too long.
    pub fn poll_output(&self, waker: &Waker) -> Poll<Option<(LogStream, Bytes)>> {
        let mut pipes = match &self.output {
            Output::Client(client) => return client.poll_read(waker),
            Output::Pipes(pipes) => pipes.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let streams = [LogStream::Stdout, LogStream::Stderr];
        for (pipe, stream) in pipes.iter_mut().zip(streams) {
            let read = pipe
                .as_ref()
                .map(|reader| reader.poll_read(READ_BYTES_MAX, waker));
            match read {
                Some(Poll::Ready(bytes)) if bytes.is_empty() => *pipe = None,
                Some(Poll::Ready(bytes)) => return Poll::Ready(Some((stream, bytes.into()))),
                Some(Poll::Pending) | None => {}
            }
        }
        if pipes.iter().all(Option::is_none) {
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    fn stdin(&self) -> MutexGuard<'_, Option<Stdin>> {
        self.stdin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Output::Client(client) = &self.output {
            client.close();
        }
    }
}

/// How much one read can return.
const READ_BYTES_MAX: usize = 64 << 10;

/// A command that runs in a container. Dropped, the command goes on with broken pipes; one with a terminal gets SIGHUP.
pub struct ExecSession {
    /// Its streams.
    pub streams: Session,
    exit: Arc<ExitCell>,
    /// Only with a terminal.
    terminal: Option<(Arc<PodCell>, ProcessId)>,
}

impl ExecSession {
    pub(crate) fn new(
        stdin: Option<PipeWriter>,
        output: [Option<PipeReader>; 2],
        exit: Arc<ExitCell>,
        terminal: Option<(Arc<PodCell>, ProcessId)>,
    ) -> Self {
        let stdin = stdin.map(|writer| Stdin {
            writer,
            console: None,
        });
        Self {
            streams: Session {
                stdin: Mutex::new(stdin),
                output: Output::Pipes(Mutex::new(output)),
            },
            exit,
            terminal,
        }
    }

    /// How the command has ended. It may have left processes behind that still hold its streams.
    pub fn poll_exit(&self, waker: &Waker) -> Poll<ExitStatus> {
        self.exit.poll(waker)
    }
}

impl Drop for ExecSession {
    fn drop(&mut self) {
        if let Some((cell, process)) = self.terminal.take()
            && self.poll_exit(Waker::noop()).is_pending()
        {
            cell.with(|kernel| kernel.processes.signal(process, Signal::HUP));
            cell.notify();
        }
    }
}

/// Where the status of a process is put for whoever asked for it.
#[derive(Default)]
pub(crate) struct ExitCell(Mutex<Exit>);

#[derive(Default)]
struct Exit {
    status: Option<ExitStatus>,
    waiting: Option<Waker>,
}

impl ExitCell {
    fn poll(&self, waker: &Waker) -> Poll<ExitStatus> {
        let mut exit = self.lock();
        match exit.status {
            Some(status) => Poll::Ready(status),
            None => {
                exit.waiting = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    /// The first status counts.
    fn set(&self, status: ExitStatus) {
        let mut exit = self.lock();
        exit.status.get_or_insert(status);
        if let Some(waker) = exit.waiting.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Exit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other side of an [`ExitCell`]: a process that goes with its pod was killed.
pub(crate) struct ExitSender(pub(crate) Arc<ExitCell>);

impl ExitSender {
    pub(crate) fn send(self, status: ExitStatus) {
        self.0.set(status);
    }
}

impl Drop for ExitSender {
    fn drop(&mut self) {
        self.0.set(ExitStatus::Signaled(Signal::KILL));
    }
}
