//! Open file descriptions: what stands behind descriptors, shared between processes as on Linux.

use crate::capture::Capture;
use crate::guest::{Guest, PodCell};
use crate::outbox::LogWriter;
use async_trait::async_trait;
use bytes::{Buf, Bytes};
use seedpod_core::limits::OUTPUT_STREAMS_PER_PROCESS;
use seedpod_core::process::{PipeReader, PipeWriter};
use seedpod_core::volume::{Caller, Errno, OpenFile};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker, ready};
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, OutputStream, StreamError, StreamResult};

/// What stands behind a descriptor.
pub(crate) enum Description {
    /// `/dev/null`.
    Null,
    /// The reading end of a pipe.
    PipeReader(PipeReader),
    /// The writing end of a pipe.
    PipeWriter(PipeWriter),
    /// The log of the container.
    Log(Arc<LogWriter>, Arc<PodCell>),
    /// A file, with one offset for all who share it.
    File(OpenFile, Arc<PodCell>),
    /// The output of a probe or hook.
    Capture(Arc<Capture>),
    /// One of these, shown as a terminal.
    Terminal(Box<Description>),
}

/// Why a description cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DescriptionError {
    /// EBADF: not open for that.
    BadDescriptor,
    /// EPIPE
    BrokenPipe,
    /// The file system says so.
    File(Errno),
}

impl From<Errno> for DescriptionError {
    fn from(error: Errno) -> Self {
        Self::File(error)
    }
}

impl Description {
    /// Whether isatty(3) says so.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// Reads up to `max` bytes; none at the end.
    pub(crate) fn poll_read(
        &self,
        max: usize,
        waker: &Waker,
    ) -> Poll<Result<Bytes, DescriptionError>> {
        match self {
            Self::Terminal(inner) => inner.poll_read(max, waker),
            Self::Null => Poll::Ready(Ok(Bytes::new())),
            Self::PipeReader(pipe) => pipe.poll_read(max, waker).map(|bytes| Ok(bytes.into())),
            Self::File(file, _) => Poll::Ready(Ok(file.read(max)?)),
            Self::PipeWriter(_) | Self::Log(..) | Self::Capture(_) => {
                Poll::Ready(Err(DescriptionError::BadDescriptor))
            }
        }
    }

    /// Writes some of `bytes` and says how many.
    pub(crate) fn poll_write(
        &self,
        bytes: &[u8],
        waker: &Waker,
    ) -> Poll<Result<usize, DescriptionError>> {
        match self {
            Self::Terminal(inner) => inner.poll_write(bytes, waker),
            Self::Null => Poll::Ready(Ok(bytes.len())),
            Self::PipeWriter(pipe) => pipe
                .poll_write(bytes, waker)
                .map_err(|_| DescriptionError::BrokenPipe),
            Self::Log(log, pod) => log.poll_room(waker).map(|room| {
                let count = room.min(bytes.len());
                log.write(&bytes[..count], pod.now());
                Ok(count)
            }),
            Self::File(file, pod) => {
                let caller = Caller::host(pod.wall_time());
                Poll::Ready(Ok(file.write(caller, bytes)?))
            }
            Self::Capture(capture) => {
                capture.write(bytes);
                Poll::Ready(Ok(bytes.len()))
            }
            Self::PipeReader(_) => Poll::Ready(Err(DescriptionError::BadDescriptor)),
        }
    }

    /// Resolves when a read would not wait.
    pub(crate) fn poll_readable(&self, waker: &Waker) -> Poll<()> {
        match self {
            Self::Terminal(inner) => inner.poll_readable(waker),
            Self::PipeReader(pipe) => pipe.poll_readable(waker),
            Self::Null
            | Self::PipeWriter(_)
            | Self::Log(..)
            | Self::File(..)
            | Self::Capture(_) => Poll::Ready(()),
        }
    }

    /// Resolves with the number of bytes that a write would take.
    pub(crate) fn poll_writable(&self, waker: &Waker) -> Poll<Result<usize, DescriptionError>> {
        match self {
            Self::Terminal(inner) => inner.poll_writable(waker),
            Self::Null | Self::File(..) | Self::Capture(_) => Poll::Ready(Ok(WRITE_BYTES_MAX)),
            Self::PipeWriter(pipe) => pipe
                .poll_writable(waker)
                .map_err(|_| DescriptionError::BrokenPipe),
            Self::Log(log, _) => log.poll_room(waker).map(Ok),
            Self::PipeReader(_) => Poll::Ready(Err(DescriptionError::BadDescriptor)),
        }
    }
}

/// How much a stream promises to take at once.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// A description as `wasi:io` input stream.
pub(crate) struct Input(pub(crate) Arc<Description>);

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_readable(cx.waker())).await;
    }
}

#[async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match self.0.poll_read(size.min(READ_BYTES_MAX), Waker::noop()) {
            Poll::Pending => Ok(Bytes::new()),
            Poll::Ready(Ok(bytes)) if bytes.is_empty() && size > 0 => Err(StreamError::Closed),
            Poll::Ready(Ok(bytes)) => Ok(bytes),
            Poll::Ready(Err(error)) => Err(error.into()),
        }
    }
}

/// How much one read can return.
const READ_BYTES_MAX: usize = 64 << 10;

/// A description as `wasi:io` output stream.
pub(crate) struct Output {
    description: Arc<Description>,
    /// Accepted, but another writer of the same pipe was faster.
    rest: Bytes,
    /// Bytes that the next write may have.
    permit: usize,
    /// Its share of [`OUTPUT_STREAMS_PER_PROCESS`].
    _slot: Arc<()>,
}

impl Output {
    /// A stream of `guest` to `description`.
    ///
    /// # Errors
    /// A trap, when the guest already has too many.
    pub(crate) fn new(guest: &Guest, description: Arc<Description>) -> wasmtime::Result<Self> {
        // One share is the guest's own.
        if Arc::strong_count(&guest.output_streams) > OUTPUT_STREAMS_PER_PROCESS {
            wasmtime::bail!(
                "more than {OUTPUT_STREAMS_PER_PROCESS} streams to standard descriptors"
            );
        }
        Ok(Self {
            description,
            rest: Bytes::new(),
            permit: 0,
            _slot: guest.output_streams.clone(),
        })
    }

    fn poll_room(&mut self, waker: &Waker) -> Poll<StreamResult<usize>> {
        while !self.rest.is_empty() {
            let written = ready!(self.description.poll_write(&self.rest, waker));
            let count = written.inspect_err(|_| self.rest.clear())?;
            self.rest.advance(count);
        }
        self.description
            .poll_writable(waker)
            .map(|room| Ok(room?.min(WRITE_BYTES_MAX)))
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        // An error is readiness too: the next write reports it.
        poll_fn(|cx| self.poll_room(cx.waker()).map(|_| ())).await;
    }
}

#[async_trait]
impl OutputStream for Output {
    fn check_write(&mut self) -> StreamResult<usize> {
        self.permit = 0;
        if let Poll::Ready(room) = self.poll_room(Waker::noop()) {
            self.permit = room?;
        }
        Ok(self.permit)
    }

    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let Some(permit) = self.permit.checked_sub(bytes.len()) else {
            return Err(StreamError::trap(
                "write exceeds what check-write has permitted",
            ));
        };
        self.permit = permit;
        // Within one permit a second write waits behind the first.
        self.rest = if self.rest.is_empty() {
            bytes
        } else {
            [&self.rest[..], &bytes].concat().into()
        };
        match self.poll_room(Waker::noop()) {
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(_)) | Poll::Pending => Ok(()),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }
}

impl From<DescriptionError> for StreamError {
    fn from(error: DescriptionError) -> Self {
        match error {
            DescriptionError::BrokenPipe => Self::Closed,
            DescriptionError::File(error) => Self::LastOperationFailed(wasmtime::Error::new(error)),
            DescriptionError::BadDescriptor => {
                Self::LastOperationFailed(wasmtime::format_err!("bad file descriptor"))
            }
        }
    }
}
