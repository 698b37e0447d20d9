//! How much clients may have at the same time.

use http::Method;
use seedpod_core::limits::{
    API_BODY_BYTES_IN_FLIGHT, API_CONNECTIONS_MAX, API_MUTATING_IN_FLIGHT, API_READS_IN_FLIGHT,
    API_RESPONSE_BYTES_OUTSTANDING, API_RESPONSE_TIME_MAX, API_STREAMS_MAX,
    API_UNAUTHENTICATED_TIME_MAX, API_WATCHES_MAX,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of one server.
pub(super) struct Limits {
    pub(super) connections: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    mutating: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    body_bytes: Arc<Semaphore>,
    response_bytes: Arc<Semaphore>,
}

/// What a request takes from the limits while it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Read,
    Mutating,
    Watch,
    Stream,
}

impl Class {
    /// As upstream's `--long-running-request-regexp` tells them apart.
    pub(super) fn of(method: &Method, is_watch: bool, subresource: &str) -> Self {
        match subresource {
            "attach" | "exec" | "log" | "portforward" | "proxy" => Self::Stream,
            _ if is_watch => Self::Watch,
            _ if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) => Self::Read,
            _ => Self::Mutating,
        }
    }
}

impl Limits {
    pub(super) fn new() -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            connections: semaphore(API_CONNECTIONS_MAX),
            reads: semaphore(API_READS_IN_FLIGHT),
            mutating: semaphore(API_MUTATING_IN_FLIGHT),
            watches: semaphore(API_WATCHES_MAX),
            streams: semaphore(API_STREAMS_MAX),
            body_bytes: semaphore(API_BODY_BYTES_IN_FLIGHT),
            response_bytes: semaphore(API_RESPONSE_BYTES_OUTSTANDING),
        }
    }

    /// Lets a request in; `None` when there are too many of its kind.
    pub(super) fn admit(&self, class: Class) -> Option<OwnedSemaphorePermit> {
        let semaphore = match class {
            Class::Read => &self.reads,
            Class::Mutating => &self.mutating,
            Class::Watch => &self.watches,
            Class::Stream => &self.streams,
        };
        semaphore.clone().try_acquire_owned().ok()
    }

    /// Room for a part of the body of a request.
    pub(super) fn body(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        room(&self.body_bytes, bytes)
    }

    /// Room for a response that the client has not taken yet.
    pub(super) fn response(
        &self,
        connection: &Arc<Connection>,
        bytes: usize,
    ) -> Option<Outstanding> {
        let permit = room(&self.response_bytes, bytes)?;
        Some(Outstanding::new(connection.clone(), permit))
    }
}

fn room(semaphore: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    let bytes = u32::try_from(bytes).ok()?;
    semaphore.clone().try_acquire_many_owned(bytes).ok()
}

/// What is to know of a connection.
pub(super) struct Connection {
    since: Instant,
    is_known: AtomicBool,
    outstanding: Mutex<Times>,
}

#[derive(Default)]
struct Times {
    since: BTreeMap<u64, Instant>,
    next: u64,
}

impl Connection {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            since: Instant::now(),
            is_known: AtomicBool::new(false),
            outstanding: Mutex::default(),
        })
    }

    /// Somebody has shown who they are.
    pub(super) fn authenticated(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// Whether nobody has shown who they are, or a response is not taken, for longer than is good.
    pub(super) fn is_overdue(&self) -> bool {
        let is_stranger = !self.is_known.load(Ordering::Relaxed)
            && self.since.elapsed() > API_UNAUTHENTICATED_TIME_MAX;
        let times = self.times();
        let mut waiting = times.since.values();
        is_stranger || waiting.any(|since| since.elapsed() > API_RESPONSE_TIME_MAX)
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.outstanding
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A response that the client has not taken yet.
pub(super) struct Outstanding {
    connection: Arc<Connection>,
    id: u64,
    _room: OwnedSemaphorePermit,
}

impl Outstanding {
    fn new(connection: Arc<Connection>, room: OwnedSemaphorePermit) -> Self {
        let mut times = connection.times();
        let id = times.next;
        times.next += 1;
        times.since.insert(id, Instant::now());
        drop(times);
        Self {
            connection,
            id,
            _room: room,
        }
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.connection.times().since.remove(&self.id);
    }
}
