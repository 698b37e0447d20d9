//! Exec and attach, to be awaited.

use bytes::Bytes;
use seedpod_core::process::ExitStatus;
use seedpod_engine::world::LogStream;
use seedpod_engine::{ExecSession, Session};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};

/// A command that runs in a container. Dropped, the command goes on with broken pipes; one with a terminal gets SIGHUP.
pub struct Exec(ExecSession);

/// The standard streams of a container that runs.
pub struct Attach(Session);

impl Exec {
    pub(crate) fn new(session: ExecSession) -> Self {
        Self(session)
    }

    /// Writes all of `bytes` to the standard input of the command.
    ///
    /// # Errors
    /// When nobody reads it, or it was not asked for.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        write(&self.0.streams, bytes).await
    }

    /// Closes standard input: the command reads its end.
    pub fn close_stdin(&self) {
        self.0.streams.close_stdin();
    }

    /// The next piece of output; `None` when nobody holds the streams of the command any more.
    pub async fn read(&self) -> Option<(LogStream, Bytes)> {
        read(&self.0.streams).await
    }

    /// Waits until the command has ended. It does not while its output has no room: read that meanwhile.
    pub async fn wait(&self) -> ExitStatus {
        poll_fn(|cx| self.0.poll_exit(cx.waker())).await
    }
}

impl Attach {
    pub(crate) fn new(session: Session) -> Self {
        Self(session)
    }

    /// Whether it can write to the container.
    pub fn has_stdin(&self) -> bool {
        self.0.has_stdin()
    }

    /// Writes all of `bytes` to the standard input of the container.
    ///
    /// # Errors
    /// When the container has none, or nobody reads it any more.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        write(&self.0, bytes).await
    }

    /// Gives standard input up: with `stdinOnce` the container reads its end.
    pub fn close_stdin(&self) {
        self.0.close_stdin();
    }

    /// The next piece of output; `None` when the container has ended, or when this reader was too slow.
    pub async fn read(&self) -> Option<(LogStream, Bytes)> {
        read(&self.0).await
    }
}

async fn write(session: &Session, mut bytes: &[u8]) -> io::Result<()> {
    poll_fn(|cx| {
        while !bytes.is_empty() {
            let count = ready!(session.poll_write(bytes, cx.waker()))
                .map_err(|error| io::Error::new(io::ErrorKind::BrokenPipe, error))?;
            bytes = &bytes[count..];
        }
        Poll::Ready(Ok(()))
    })
    .await
}

async fn read(session: &Session) -> Option<(LogStream, Bytes)> {
    poll_fn(|cx| session.poll_output(cx.waker())).await
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").finish_non_exhaustive()
    }
}

impl fmt::Debug for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attach").finish_non_exhaustive()
    }
}
