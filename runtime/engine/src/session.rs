//! Exec and attach: how somebody outside talks with a container.

use crate::console::{Client, Console};
use crate::guest::PodCell;
use crate::world::LogStream;
use bytes::Bytes;
use seedpod_core::process::{
    BrokenPipe, ExitStatus, LineDiscipline, PipeReader, PipeWriter, ProcessId, Signal, shown,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker, ready};

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
    terminal: Option<Terminal>,
}

/// What is between a person and a process that has a terminal.
pub(crate) struct Terminal {
    cell: Arc<PodCell>,
    /// It and all that come from it are in the foreground.
    process: ProcessId,
    typed: Mutex<TerminalState>,
}

#[derive(Default)]
struct TerminalState {
    discipline: LineDiscipline,
    /// Lines that the process has no room for yet.
    lines: VecDeque<u8>,
    at_end: bool,
    /// Keys that were taken but not reported, because lines still wait.
    taken: usize,
    echo: Vec<u8>,
    waiting: Option<Waker>,
}

impl Terminal {
    pub(crate) fn new(cell: Arc<PodCell>, process: ProcessId) -> Self {
        Self {
            cell,
            process,
            typed: Mutex::default(),
        }
    }

    /// Takes keys, and says how many once the process has all lines that they completed. The end of the input closes
    /// `stdin` for good: there is no way to read on behind it.
    fn poll_type(
        &self,
        keys: &[u8],
        stdin: &mut Option<Stdin>,
        waker: &Waker,
    ) -> Poll<Result<usize, BrokenPipe>> {
        let mut state = self.lock();
        if state.taken == 0 {
            let keys = &keys[..keys.len().min(KEYS_AT_ONCE)];
            let typed = state.discipline.type_in(keys);
            state.taken = keys.len();
            state.lines.extend(typed.lines);
            state.at_end |= typed.at_end;
            if state.echo.len() < KEYS_AT_ONCE {
                state.echo.extend(typed.echo);
            }
            if let Some(waker) = state.waiting.take() {
                waker.wake();
            }
            for signal in typed.signals {
                self.cell
                    .with(|kernel| kernel.processes.signal_tree(self.process, signal));
                self.cell.notify();
            }
        }
        while !state.lines.is_empty() {
            let Some(stdin) = stdin else {
                return Poll::Ready(Err(BrokenPipe));
            };
            let written = ready!(
                stdin
                    .writer
                    .poll_write(state.lines.make_contiguous(), waker)
            );
            let count = written.inspect_err(|_| state.lines.clear())?;
            state.lines.drain(..count);
        }
        if state.at_end {
            *stdin = None;
        }
        Poll::Ready(Ok(std::mem::take(&mut state.taken)))
    }

    /// What the terminal shows of what was typed; nothing when there is nothing, and then `waker` learns of more.
    fn take_echo(&self, waker: &Waker) -> Vec<u8> {
        let mut state = self.lock();
        state.waiting = Some(waker.clone());
        std::mem::take(&mut state.echo)
    }

    fn lock(&self) -> MutexGuard<'_, TerminalState> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many keys are taken at once; each is shown as at most so many bytes.
const KEYS_AT_ONCE: usize = 4 << 10;

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
        terminal: Option<Terminal>,
    ) -> Self {
        let stdin = stdin.map(|writer| Stdin {
            writer,
            console: Some(console),
        });
        Self {
            stdin: Mutex::new(stdin),
            output: Output::Client(client),
            terminal,
        }
    }

    /// Writes some of `bytes` to standard input and says how many.
    ///
    /// # Errors
    /// When nobody reads it: it is closed, was not asked for, or its reader has ended.
    pub fn poll_write(&self, bytes: &[u8], waker: &Waker) -> Poll<Result<usize, BrokenPipe>> {
        let mut stdin = self.stdin();
        match (&*stdin, &self.terminal) {
            (None, _) => Poll::Ready(Err(BrokenPipe)),
            (Some(_), Some(terminal)) => terminal.poll_type(bytes, &mut stdin, waker),
            (Some(stdin), None) => stdin.writer.poll_write(bytes, waker),
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
        let Some(terminal) = &self.terminal else {
            return self.poll_written(waker);
        };
        let echo = terminal.take_echo(waker);
        if !echo.is_empty() {
            return Poll::Ready(Some((LogStream::Stdout, echo.into())));
        }
        let written = ready!(self.poll_written(waker));
        Poll::Ready(written.map(|(stream, bytes)| (stream, shown(&bytes).into())))
    }

    fn poll_written(&self, waker: &Waker) -> Poll<Option<(LogStream, Bytes)>> {
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
}

impl ExecSession {
    pub(crate) fn new(
        stdin: Option<PipeWriter>,
        output: [Option<PipeReader>; 2],
        exit: Arc<ExitCell>,
        terminal: Option<Terminal>,
    ) -> Self {
        let stdin = stdin.map(|writer| Stdin {
            writer,
            console: None,
        });
        Self {
            streams: Session {
                stdin: Mutex::new(stdin),
                output: Output::Pipes(Mutex::new(output)),
                terminal,
            },
            exit,
        }
    }

    /// How the command has ended. It may have left processes behind that still hold its streams.
    pub fn poll_exit(&self, waker: &Waker) -> Poll<ExitStatus> {
        self.exit.poll(waker)
    }
}

impl Drop for ExecSession {
    fn drop(&mut self) {
        if let Some(Terminal { cell, process, .. }) = &self.streams.terminal
            && self.poll_exit(Waker::noop()).is_pending()
        {
            cell.with(|kernel| kernel.processes.signal(*process, Signal::HUP));
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
