//! What is between the two ends of one connection, in both directions.

use super::{Due, Owner, Path, Rules, Ticket};
use crate::limits::{SOCKET_CONNECT_TIMEOUT, SOCKET_RETRANSMIT_TIMEOUT};
use crate::net::Error;
use crate::net::stream::Connection;
use crate::time::Instant;
use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Weak;

/// Both directions; each keeps its order.
pub(in crate::net) struct Wire {
    rules: Rules,
    owners: [Owner; 2],
    connection: Weak<Connection>,
    /// By the side that sends.
    lanes: [Lane; 2],
    connect_timeout: Option<Ticket>,
}

#[derive(Default)]
struct Lane {
    flights: VecDeque<Flight>,
    /// Of all flights.
    bytes: usize,
    /// When the link has room for more, where it is a slow one.
    free_at: Instant,
    /// There is one while there are flights.
    ticket: Option<Ticket>,
}

struct Flight {
    sent_at: Instant,
    at: Instant,
    segment: Segment,
}

/// What one side sends to the other.
#[derive(Debug)]
pub(in crate::net) enum Segment {
    Bytes(Bytes),
    Fin,
    Reset,
    Established,
    Refused(Error),
}

impl Segment {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Fin | Self::Reset | Self::Established | Self::Refused(_) => 0,
        }
    }
}

/// What a look at a lane found.
pub(in crate::net) enum Next {
    Arrived(Segment),
    TimedOut,
    Nothing,
}

impl Wire {
    pub(in crate::net) fn new(path: Path, connection: Weak<Connection>) -> Self {
        path.rules.watch(connection.clone());
        Self {
            rules: path.rules,
            owners: path.owners,
            connection,
            lanes: Default::default(),
            connect_timeout: None,
        }
    }

    pub(in crate::net) fn owners(&self) -> [&Owner; 2] {
        let [one, two] = &self.owners;
        [one, two]
    }

    /// Somebody has been found who listens.
    pub(in crate::net) fn set_acceptor(&mut self, owner: Owner) {
        self.owners[1] = owner;
    }

    /// The connect is on its way; if nobody answers it fails.
    pub(in crate::net) fn start_connect_timeout(&mut self) {
        let at = self.rules.now() + SOCKET_CONNECT_TIMEOUT;
        let due = Due::ConnectTimeout(self.connection.clone());
        self.connect_timeout = Some(self.rules.schedule(at, due));
    }

    pub(in crate::net) fn stop_connect_timeout(&mut self) {
        if let Some(ticket) = self.connect_timeout.take() {
            self.rules.cancel(ticket);
        }
    }

    /// Bytes that `side` has sent and that have not arrived.
    pub(in crate::net) fn bytes_of(&self, side: usize) -> usize {
        self.lanes[side].bytes
    }

    /// Gives back what arrives at once.
    pub(in crate::net) fn send(&mut self, side: usize, segment: Segment) -> Option<Segment> {
        let fate = self.rules.fate(self.ends(side));
        let lane = &mut self.lanes[side];
        if lane.flights.is_empty() && fate.is_nothing() {
            return Some(segment);
        }
        let now = self.rules.now();
        lane.free_at = lane.free_at.max(now) + fate.transmission(segment.len());
        let earliest = match fate.bytes_per_second {
            Some(_) => lane.free_at + fate.delay,
            None => now + fate.delay,
        };
        let last = lane.flights.back().map_or(earliest, |flight| flight.at);
        lane.bytes += segment.len();
        lane.flights.push_back(Flight {
            sent_at: now,
            at: earliest.max(last),
            segment,
        });
        self.wait(side, fate.is_blocked);
        None
    }

    /// Takes what has arrived from `side`, if anything has; else sees to it that somebody looks again.
    pub(in crate::net) fn next(&mut self, side: usize) -> Next {
        if let Some(ticket) = self.lanes[side].ticket.take() {
            self.rules.cancel(ticket);
        }
        let now = self.rules.now();
        let is_blocked = self.rules.is_blocked(self.ends(side));
        let lane = &mut self.lanes[side];
        match lane.flights.front() {
            None => return Next::Nothing,
            Some(first) if is_blocked && first.sent_at + SOCKET_RETRANSMIT_TIMEOUT <= now => {
                return Next::TimedOut;
            }
            Some(first) if first.at <= now && !is_blocked => {
                if let Some(flight) = lane.flights.pop_front() {
                    lane.bytes -= flight.segment.len();
                    return Next::Arrived(flight.segment);
                }
            }
            Some(_) => {}
        }
        self.wait(side, is_blocked);
        Next::Nothing
    }

    /// The connection has ended: nothing arrives any more.
    pub(in crate::net) fn cut(&mut self) {
        self.stop_connect_timeout();
        for lane in &mut self.lanes {
            let lane = std::mem::take(lane);
            if let Some(ticket) = lane.ticket {
                self.rules.cancel(ticket);
            }
        }
    }

    fn wait(&mut self, side: usize, is_blocked: bool) {
        let lane = &self.lanes[side];
        let (None, Some(first)) = (lane.ticket, lane.flights.front()) else {
            return;
        };
        let due = Due::Lane(self.connection.clone(), side);
        let ticket = match is_blocked {
            true => {
                let until = first.sent_at + SOCKET_RETRANSMIT_TIMEOUT;
                self.rules.park(until.max(self.rules.now()), due)
            }
            false => self.rules.schedule(first.at, due),
        };
        self.lanes[side].ticket = Some(ticket);
    }

    fn ends(&self, side: usize) -> [&Owner; 2] {
        [&self.owners[side], &self.owners[1 - side]]
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, two] = &self.owners;
        write!(f, "{one}-{two}")
    }
}
