//! Pods on threads of their own, as the host runs them: no order of locks stops them, and nobody who waits is forgotten.

use bytes::Bytes;
use seedpod_core::net::{Egress, End, Fabric, Family, Namespace};
use seedpod_core::spec::Pod;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

const PODS: usize = 4;
const ROUNDS: usize = 300;
/// Larger than all buffers of a connection, so that writers wait for readers too.
const BYTES: usize = 1 << 20;

/// What the containers of a pod share, as in `engine`.
#[derive(Clone)]
struct Cell(Arc<Mutex<Namespace>>);

impl Cell {
    fn with<R>(&self, call: impl FnOnce(&mut Namespace) -> R) -> R {
        call(&mut self.0.lock().unwrap())
    }
}

#[test]
fn everyone_talks_to_everyone() {
    let fabric = Fabric::default();
    let pods: Vec<Cell> = (0..PODS)
        .map(|_| Namespace::new(&fabric, &Pod::default(), Egress::None).unwrap())
        .map(|net| Cell(Arc::new(Mutex::new(net))))
        .collect();
    let addresses: Vec<SocketAddr> = pods
        .iter()
        .map(|pod| (pod.with(|net| net.pod_ip()), 80).into())
        .collect();
    let listeners: Vec<_> = pods
        .iter()
        .map(|pod| {
            pod.with(|net| {
                let id = net.tcp_create(None, Family::Ipv4).unwrap();
                net.tcp_bind(id, "0.0.0.0:80".parse().unwrap()).unwrap();
                // Short, so that some connects wait in it.
                let mut options = net.tcp_options(id).unwrap();
                options.backlog = 1;
                net.set_tcp_options(id, options).unwrap();
                net.tcp_listen(id).unwrap();
                id
            })
        })
        .collect();

    thread::scope(|scope| {
        for (pod, listener) in pods.iter().zip(listeners) {
            scope.spawn(move || {
                for _ in 0..PODS * ROUNDS {
                    let accepted =
                        poll_fn(|cx| pod.with(|net| net.poll_accept(listener, cx.waker())));
                    let (id, end) = block_on(accepted).unwrap();
                    block_on(echo(&end));
                    pod.with(|net| net.close(id));
                }
            });
        }
        for pod in &pods {
            for to in &addresses {
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let bytes = if round == 0 { BYTES } else { round };
                        let id = pod.with(|net| net.tcp_create(None, Family::Ipv4)).unwrap();
                        pod.with(|net| net.tcp_connect(id, *to)).unwrap();
                        let connected =
                            poll_fn(|cx| pod.with(|net| net.poll_connect(id, cx.waker())));
                        let end = block_on(connected).unwrap();
                        assert_eq!(block_on(exchange(&end, bytes)), bytes);
                        pod.with(|net| net.close(id));
                    }
                });
            }
        }
    });
    for pod in &pods {
        // Everything was closed; only the listener is left, and its port is the only one taken.
        pod.with(|net| {
            let id = net.tcp_create(None, Family::Ipv4).unwrap();
            assert!(net.tcp_bind(id, "0.0.0.0:49152".parse().unwrap()).is_ok());
        });
    }
}

async fn echo(end: &End) {
    loop {
        let mut bytes = poll_fn(|cx| end.poll_read(5000, cx.waker())).await.unwrap();
        if bytes.is_empty() {
            return;
        }
        while !bytes.is_empty() {
            poll_fn(|cx| end.poll_write(&mut bytes, cx.waker()))
                .await
                .unwrap();
        }
    }
}

/// Sends `bytes` bytes and reads as many.
async fn exchange(end: &End, bytes: usize) -> usize {
    let mut sending = Bytes::from(vec![7; bytes]);
    let mut received = 0;
    while received < bytes {
        poll_fn(|cx| {
            let wrote = match end.poll_write(&mut sending, cx.waker()) {
                Poll::Ready(result) if !sending.is_empty() || result != Ok(0) => {
                    result.unwrap();
                    true
                }
                Poll::Ready(_) | Poll::Pending => false,
            };
            let read = match end.poll_read(100_000, cx.waker()) {
                Poll::Ready(piece) => {
                    received += piece.unwrap().len();
                    true
                }
                Poll::Pending => false,
            };
            if wrote || read {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
    received
}

/// Waiting for longer means that a waker was forgotten.
const PATIENCE: Duration = Duration::from_secs(30);

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let unpark = Arc::new(Unpark {
        thread: thread::current(),
        woken: AtomicBool::new(false),
    });
    let waker = Waker::from(unpark.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        let since = Instant::now();
        while !unpark.woken.swap(false, Ordering::Acquire) {
            assert!(since.elapsed() < PATIENCE, "forgotten");
            thread::park_timeout(PATIENCE);
        }
    }
}
