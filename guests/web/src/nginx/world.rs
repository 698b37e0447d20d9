//! What the server needs from where it runs.

use crate::stream::{Read, Write};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

pub trait World: 'static {
    type Reader: Read;
    type Writer: Write;

    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<(Self::Reader, Self::Writer)>>;
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
    fn yield_now(&self) -> impl Future<Output = ()>;
    fn wall(&self) -> SystemTime;
    /// Nanoseconds of a clock that never goes back.
    fn now_ns(&self) -> u64;
    /// The process's own id.
    fn pid(&self) -> u32;
}

/// Waits for the future, but not longer than `limit`; then the error is `TimedOut`.
pub async fn timeout<W: World, T>(
    world: &W,
    limit: Duration,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut future = pin!(future);
    let mut sleep = pin!(world.sleep(limit));
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(output),
        Poll::Pending => sleep
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into())),
    })
    .await
}

/// What [`race`] saw first.
pub enum First<A, B> {
    Left(A),
    Right(B),
}

/// Runs both and returns what is done first; the other is dropped.
pub async fn race<A, B>(
    left: impl Future<Output = A>,
    right: impl Future<Output = B>,
) -> First<A, B> {
    let mut left = pin!(left);
    let mut right = pin!(right);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = right.as_mut().poll(cx) {
            return Poll::Ready(First::Right(output));
        }
        left.as_mut().poll(cx).map(First::Left)
    })
    .await
}
