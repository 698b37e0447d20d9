//! Streams of bytes that wait without blocking the program.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

pub trait Read {
    /// Reads some bytes; 0 is the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;
}

pub trait Write {
    /// Writes some of the bytes.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
    /// Waits until the peer's system has everything that was written.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Tells the peer that nothing follows.
    fn shutdown(&mut self);
}

pub async fn read<R: Read>(reader: &mut R, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| reader.poll_read(cx, buffer)).await
}

pub async fn write_all<W: Write>(writer: &mut W, mut bytes: &[u8]) -> io::Result<()> {
    poll_fn(|cx| {
        while !bytes.is_empty() {
            let written = ready!(writer.poll_write(cx, bytes))?;
            bytes = &bytes[written..];
        }
        Poll::Ready(Ok(()))
    })
    .await
}

pub async fn flush<W: Write>(writer: &mut W) -> io::Result<()> {
    poll_fn(|cx| writer.poll_flush(cx)).await
}
