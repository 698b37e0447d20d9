//! A tap on the network: what passes, for a packet capture. Where there is none it costs a look at a pointer.
//!
//! A segment of a connection passes when it arrives, a datagram when it is sent.

use super::namespace::{Namespace, Route};
use super::rules::Segment;
use super::stream::Phase;
use super::{Error, Fabric};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sees what passes. It is told while the network is locked, so it must not call back.
pub trait Tap: fmt::Debug + Send + Sync {
    /// Something has passed.
    fn passed(&self, passed: Passed<'_>);
}

/// Something that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed<'a> {
    /// Whose it is.
    pub from: SocketAddr,
    /// Who gets it.
    pub to: SocketAddr,
    /// What.
    pub what: What<'a>,
}

/// What passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// A datagram, whether anybody hears it or not.
    Datagram(&'a [u8]),
    /// Part of a connection. Connections are numbered, no number is used again.
    Segment(u64, Sent<'a>),
}

/// What one end of a connection sends to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent<'a> {
    /// It wants to connect.
    Connect,
    /// It takes the connection.
    Established,
    /// It does not.
    Refused,
    /// Bytes; maybe more than fit into one segment.
    Bytes(&'a [u8]),
    /// It will send no more. May be said twice.
    Fin,
    /// The connection is over.
    Reset,
    /// Nothing: both ends have forgotten the connection.
    Gone,
}

#[derive(Clone, Debug)]
pub(super) struct Tapping(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tap: Arc<dyn Tap>,
    connections: AtomicU64,
}

/// A tap on one connection.
#[derive(Debug)]
pub(super) struct Line {
    tapping: Tapping,
    connection: u64,
    /// As [`pair`](super::stream::pair) has them.
    addresses: [SocketAddr; 2],
}

impl Fabric {
    /// Tells `tap` what passes from now on, in the pods and between them. The first tap stays for good.
    pub fn set_tap(&self, tap: Arc<dyn Tap>) {
        let _first_stays = self.tap.set(Tapping(Arc::new(Inner {
            tap,
            connections: AtomicU64::new(0),
        })));
    }

    pub(super) fn tapping(&self) -> Option<&Tapping> {
        self.tap.get()
    }

    pub(super) fn line(&self, ends: [SocketAddr; 2]) -> Option<Line> {
        self.tapping().map(|tapping| tapping.line(ends))
    }

    /// A connect that met nobody.
    pub(super) fn tap_failure(&self, ends: [SocketAddr; 2], error: Error) {
        if let Some(tapping) = self.tapping() {
            let line = tapping.line(ends);
            line.passed(0, Sent::Connect);
            if error == Error::ConnectionRefused {
                line.passed(1, Sent::Refused);
            }
        }
    }

    pub(super) fn tap_datagram(&self, [from, to]: [SocketAddr; 2], data: &[u8]) {
        if let Some(Tapping(inner)) = self.tapping() {
            let what = What::Datagram(data);
            inner.tap.passed(Passed { from, to, what });
        }
    }
}

impl Namespace {
    /// A datagram that a guest has sent.
    pub(super) fn tap_route(&self, route: &Route, [from, to]: [SocketAddr; 2], data: &[u8]) {
        let to = match route {
            Route::Here(to) | Route::Pod(to) | Route::Outside(to) => *to,
            Route::Names | Route::Refused => to,
            Route::Nobody => return,
        };
        self.fabric.tap_datagram([from, to], data);
    }
}

impl Tapping {
    pub(super) fn line(&self, addresses: [SocketAddr; 2]) -> Line {
        Line {
            tapping: self.clone(),
            connection: self.0.connections.fetch_add(1, Ordering::Relaxed),
            addresses,
        }
    }
}

impl Line {
    /// One end connects, and may find the other ready.
    pub(super) fn begins(&self, phase: Phase) {
        self.passed(0, Sent::Connect);
        if phase == Phase::Established {
            self.passed(1, Sent::Established);
        }
    }

    /// Something that `side` has sent is there.
    pub(super) fn arrived(&self, side: usize, segment: &Segment) {
        let sent = match segment {
            Segment::Bytes(bytes) if bytes.is_empty() => return,
            Segment::Bytes(bytes) => Sent::Bytes(bytes),
            Segment::Fin => Sent::Fin,
            Segment::Reset => Sent::Reset,
            Segment::Established => Sent::Established,
            Segment::Refused(Error::ConnectionRefused) => Sent::Refused,
            Segment::Refused(_) => return,
        };
        self.passed(side, sent);
    }

    /// The network has ended the connection, with these errors for its ends.
    pub(super) fn failed(&self, errors: [Error; 2]) {
        for (side, error) in errors.into_iter().enumerate() {
            if error == Error::ConnectionReset {
                self.passed(1 - side, Sent::Reset);
            }
        }
    }

    fn passed(&self, side: usize, sent: Sent<'_>) {
        self.tapping.0.tap.passed(Passed {
            from: self.addresses[side],
            to: self.addresses[1 - side],
            what: What::Segment(self.connection, sent),
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.passed(0, Sent::Gone);
    }
}
