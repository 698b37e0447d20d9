//! The two streams of a connection. They touch the connection only, never the pod.

use bytes::Bytes;
use seedpod_core::net::{End, Error};
use std::future::poll_fn;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, OutputStream, StreamError, StreamResult};

pub(super) struct TcpInput {
    end: End,
    /// Whether the guest has been told the end of the stream, or an error.
    closed: bool,
}

pub(super) struct TcpOutput {
    end: End,
    /// Bytes that the last `check-write` allowed and that are not written yet.
    permit: usize,
}

#[async_trait::async_trait]
impl Pollable for TcpInput {
    async fn ready(&mut self) {
        poll_fn(|cx| self.end.poll_readable(cx.waker())).await;
    }
}

#[async_trait::async_trait]
impl InputStream for TcpInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match self.closed {
            true => Err(StreamError::Closed),
            false if size == 0 => Ok(Bytes::new()),
            false => self
                .end
                .try_read(size)
                .map_or_else(|| Ok(Bytes::new()), |result| self.received(result)),
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        if self.closed || size == 0 {
            self.ready().await;
            return self.read(size);
        }
        let result = poll_fn(|cx| self.end.poll_read(size, cx.waker())).await;
        self.received(result)
    }
}

impl TcpInput {
    pub(super) fn new(end: End) -> Self {
        Self { end, closed: false }
    }

    fn received(&mut self, result: Result<Bytes, Error>) -> StreamResult<Bytes> {
        match result {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            Ok(_) => {
                self.closed = true;
                Err(StreamError::Closed)
            }
            Err(error) => {
                self.closed = true;
                Err(failed(error))
            }
        }
    }
}

impl TcpOutput {
    pub(super) fn new(end: End) -> Self {
        Self { end, permit: 0 }
    }
}

#[async_trait::async_trait]
impl Pollable for TcpOutput {
    async fn ready(&mut self) {
        poll_fn(|cx| self.end.poll_writable(cx.waker())).await;
    }
}

#[async_trait::async_trait]
impl OutputStream for TcpOutput {
    fn check_write(&mut self) -> StreamResult<usize> {
        self.permit = self.end.try_writable().map_err(failed)?;
        Ok(self.permit)
    }

    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let Some(rest) = self.permit.checked_sub(bytes.len()) else {
            return Err(StreamError::trap(
                "write exceeds what check-write has permitted",
            ));
        };
        self.permit = rest;
        self.end.write(bytes).map_err(failed)
    }

    /// What is written is on its way already.
    fn flush(&mut self) -> StreamResult<()> {
        self.end.try_writable().map(drop).map_err(failed)
    }

    async fn blocking_write_and_flush(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        self.permit = 0;
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.end.poll_write(&mut bytes, cx.waker()));
            written.await.map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: Error) -> StreamError {
    match error {
        Error::BrokenPipe => StreamError::Closed,
        error => StreamError::LastOperationFailed(error.into()),
    }
}
