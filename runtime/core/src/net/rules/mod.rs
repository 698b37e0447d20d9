//! Rules on the path between two parties, for tests: partition, latency, bandwidth, loss, duplication, reordering, reset.
//!
//! A fabric has none unless it was made [`with_rules`](super::Fabric::with_rules): then its connections have a [`Wire`]
//! that obeys them, and the sockets of guests know their container. Both ends must be sockets of guests: the node's probes,
//! the name server and the outside are on no link.
//!
//! TCP keeps its promise under every rule: bytes arrive once and in order, or the connection ends. What a partition holds
//! back is delivered when it heals, as a retransmission would; after the time Linux retries, the sender is told that it
//! timed out. Acknowledgements are no bytes here: room in a buffer shows at the other end at once, whatever the rules.
//! Loss, duplication and reordering are for datagrams alone.
//!
//! Time comes from outside: [`Rules::handle_timeout`] delivers what is due. The lock of the rules is taken last of all;
//! the [`Chance`] is asked under it and must not call back.

mod rule;
mod wire;

pub use rule::{Effect, Link, Party};
pub(super) use rule::{Fate, Owner};
pub(super) use wire::{Next, Segment, Wire};

use super::Mailbox;
use super::fabric::{Fabric, PodKey};
use super::stream::Connection;
use crate::limits::{DATAGRAM_BYTES_DELAYED, DATAGRAM_OVERHEAD_BYTES, NETWORK_RULES};
use crate::sched::ChoiceKind;
use crate::time::Instant;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Names a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleId(u64);

/// Why a rule was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are already {NETWORK_RULES} rules of the network; remove some first")]
pub struct TooManyRules;

/// Where rules take their decisions from.
pub trait Chance: Send + Sync {
    /// A number below `arity`.
    fn choose(&self, kind: ChoiceKind, arity: u32, label: &str) -> u32;

    /// Whether something happens that does so `per_million` times of a million.
    fn chance(&self, kind: ChoiceKind, per_million: u32, label: &str) -> bool;
}

/// The rules of one fabric, and what is on its way because of them.
#[derive(Clone)]
pub struct Rules(Arc<Mutex<State>>);

struct State {
    now: Instant,
    chance: Arc<dyn Chance>,
    rules: BTreeMap<RuleId, (Link, Effect)>,
    next: u64,
    due: BTreeMap<Ticket, Due>,
    /// Those of `due` that wait for a partition to heal; they are due only to be given up.
    parked: BTreeSet<Ticket>,
    /// Connects that their pods have to admit.
    arrived: BTreeSet<(PodKey, u64)>,
    connections: Vec<Weak<Connection>>,
    datagram_bytes: usize,
}

/// Names something that is due.
pub(super) type Ticket = (Instant, u64);

/// What happens at a time.
pub(super) enum Due {
    /// What a side of a connection has sent is looked at.
    Lane(Weak<Connection>, usize),
    ConnectTimeout(Weak<Connection>),
    /// A connect of a pod, by its number there.
    Syn(PodKey, u64),
    Datagram(Late),
}

/// A datagram on its way.
pub(super) struct Late {
    mailbox: Mailbox,
    from: SocketAddr,
    data: Bytes,
}

impl Late {
    fn cost(&self) -> usize {
        self.data.len() + DATAGRAM_OVERHEAD_BYTES
    }
}

/// What a connection is made on.
#[derive(Clone)]
pub(super) struct Path {
    pub(super) rules: Rules,
    pub(super) owners: [Owner; 2],
}

impl Fabric {
    /// A pod network whose paths have rules, for tests.
    pub fn with_rules(rules: Rules) -> Self {
        let mut fabric = Self::default();
        fabric.rules = Some(rules);
        fabric
    }

    /// The rules on its paths; none outside tests.
    pub fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }
}

impl Rules {
    /// No rules yet.
    pub fn new(chance: Arc<dyn Chance>) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Instant::ZERO,
            chance,
            rules: BTreeMap::new(),
            next: 0,
            due: BTreeMap::new(),
            parked: BTreeSet::new(),
            arrived: BTreeSet::new(),
            connections: Vec::new(),
            datagram_bytes: 0,
        })))
    }

    /// Adds a rule for what is sent from now on; a partition also holds what is on its way.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add(&self, link: Link, effect: Effect) -> Result<RuleId, TooManyRules> {
        let mut state = self.lock();
        if state.rules.len() >= NETWORK_RULES {
            return Err(TooManyRules);
        }
        let id = RuleId(state.number());
        state.rules.insert(id, (link, effect));
        Ok(id)
    }

    /// Takes a rule away. What it alone held back goes on its way.
    pub fn remove(&self, id: RuleId) {
        let mut state = self.lock();
        if state.rules.remove(&id).is_none() {
            return;
        }
        let parked = std::mem::take(&mut state.parked);
        let waiting: Vec<_> = parked.iter().filter_map(|t| state.due.remove(t)).collect();
        drop(state);
        waiting.into_iter().for_each(|due| self.fire(due));
    }

    /// Resets every connection that takes the link in one direction or the other. Returns how many there were.
    pub fn reset(&self, link: &Link) -> usize {
        let mut connections = std::mem::take(&mut self.lock().connections);
        let mut count = 0;
        for connection in connections.iter().filter_map(Weak::upgrade) {
            count += usize::from(
                connection
                    .reset_if(|[one, two]| link.matches([one, two]) || link.matches([two, one])),
            );
        }
        let mut state = self.lock();
        connections.append(&mut state.connections);
        state.connections = connections;
        count
    }

    /// Whether a connection takes the link now, in one direction or the other.
    pub fn has_connection(&self, link: &Link) -> bool {
        let connections = self.lock().connections.clone();
        let mut alive = connections.iter().filter_map(Weak::upgrade);
        alive.any(|connection| {
            connection.is_open(|[one, two]| link.matches([one, two]) || link.matches([two, one]))
        })
    }

    /// When the next byte, connect or datagram arrives, or is given up.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.lock().due.keys().next().map(|(at, _)| *at)
    }

    /// Time has reached `now`: delivers what is due. Connects that have arrived wait for
    /// [`Namespace::admit`](super::Namespace::admit) of the pods.
    pub fn handle_timeout(&self, now: Instant) {
        loop {
            let due = self.lock().next_due(now);
            let Some(due) = due else { return };
            self.fire(due);
        }
    }

    /// Whether a connect has arrived and waits to be admitted.
    pub fn has_arrived(&self) -> bool {
        !self.lock().arrived.is_empty()
    }

    fn fire(&self, due: Due) {
        match due {
            Due::Lane(connection, side) => {
                if let Some(connection) = connection.upgrade() {
                    connection.deliver(side);
                }
            }
            Due::ConnectTimeout(connection) => {
                if let Some(connection) = connection.upgrade() {
                    connection.time_out();
                }
            }
            Due::Syn(pod, number) => {
                self.lock().arrived.insert((pod, number));
            }
            Due::Datagram(late) => {
                self.lock().datagram_bytes -= late.cost();
                late.mailbox.deliver(late.from, late.data);
            }
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.lock().now
    }

    pub(super) fn watch(&self, connection: Weak<Connection>) {
        let mut state = self.lock();
        if state.connections.len() == state.connections.capacity() {
            state
                .connections
                .retain(|connection| connection.strong_count() > 0);
        }
        state.connections.push(connection);
    }

    pub(super) fn is_blocked(&self, ends: [&Owner; 2]) -> bool {
        self.lock().is_blocked(ends)
    }

    pub(super) fn fate(&self, ends: [&Owner; 2]) -> Fate {
        self.lock().fate(ends)
    }

    pub(super) fn schedule(&self, at: Instant, due: Due) -> Ticket {
        self.lock().schedule(at, due)
    }

    /// As [`schedule`](Self::schedule), but it fires as soon as a rule goes.
    pub(super) fn park(&self, until: Instant, due: Due) -> Ticket {
        let mut state = self.lock();
        let ticket = state.schedule(until, due);
        state.parked.insert(ticket);
        ticket
    }

    pub(super) fn cancel(&self, ticket: Ticket) {
        let mut state = self.lock();
        state.parked.remove(&ticket);
        state.due.remove(&ticket);
    }

    /// The connects of a pod that have arrived.
    pub(super) fn take_arrived(&self, pod: PodKey) -> Vec<u64> {
        let mut state = self.lock();
        let (mine, others) = std::mem::take(&mut state.arrived)
            .into_iter()
            .partition(|(whose, _)| *whose == pod);
        state.arrived = others;
        let mine: BTreeSet<(PodKey, u64)> = mine;
        mine.into_iter().map(|(_, number)| number).collect()
    }

    /// Returns whether anyone is there, which the sender of a late one cannot know.
    pub(super) fn send_datagram(
        &self,
        ends: [&Owner; 2],
        mailbox: &Mailbox,
        from: SocketAddr,
        data: Bytes,
    ) -> bool {
        let mut state = self.lock();
        let arrivals = state.datagram_delays(ends, data.len());
        if arrivals == [Duration::ZERO] {
            drop(state);
            return mailbox.deliver(from, data);
        }
        for delay in arrivals {
            let late = Late {
                mailbox: mailbox.clone(),
                from,
                data: data.clone(),
            };
            if state.datagram_bytes + late.cost() <= DATAGRAM_BYTES_DELAYED {
                state.datagram_bytes += late.cost();
                let at = state.now + delay;
                state.schedule(at, Due::Datagram(late));
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn schedule(&mut self, at: Instant, due: Due) -> Ticket {
        let ticket = (at, self.number());
        self.due.insert(ticket, due);
        ticket
    }

    fn next_due(&mut self, now: Instant) -> Option<Due> {
        let due = self.due.first_entry().filter(|due| due.key().0 <= now);
        let Some(due) = due else {
            self.now = self.now.max(now);
            return None;
        };
        let (ticket, due) = due.remove_entry();
        self.now = self.now.max(ticket.0);
        self.parked.remove(&ticket);
        Some(due)
    }

    fn effects(&self, ends: [&Owner; 2]) -> Vec<Effect> {
        let matching = self.rules.values().filter(|(link, _)| link.matches(ends));
        matching.map(|(_, effect)| *effect).collect()
    }

    fn is_blocked(&self, ends: [&Owner; 2]) -> bool {
        self.rules
            .values()
            .any(|(link, effect)| *effect == Effect::Partition && link.matches(ends))
    }

    fn fate(&mut self, ends: [&Owner; 2]) -> Fate {
        let mut fate = Fate::default();
        for effect in self.effects(ends) {
            match effect {
                Effect::Partition => fate.is_blocked = true,
                Effect::Latency { min, max } => fate.delay += self.latency(min, max, ends),
                Effect::Bandwidth { bytes_per_second } => {
                    let lowest = fate.bytes_per_second.unwrap_or(u64::MAX);
                    fate.bytes_per_second = Some(lowest.min(bytes_per_second));
                }
                Effect::Loss { .. } | Effect::Duplicate { .. } | Effect::Reorder { .. } => {}
            }
        }
        fate
    }

    fn latency(&mut self, min: Duration, max: Duration, [from, to]: [&Owner; 2]) -> Duration {
        if max <= min {
            return min;
        }
        let label = format!("latency {from}>{to}");
        let step = self
            .chance
            .choose(ChoiceKind::Latency, LATENCY_STEPS, &label);
        min + (max - min) * step / (LATENCY_STEPS - 1)
    }

    /// When each copy of a datagram arrives; none when it is lost.
    fn datagram_delays(&mut self, ends: [&Owner; 2], bytes: usize) -> Vec<Duration> {
        let effects = self.effects(ends);
        let fate = self.fate(ends);
        let mut delays = match fate.is_blocked {
            true => return Vec::new(),
            false => vec![fate.delay + fate.transmission(bytes)],
        };
        let [from, to] = ends;
        let happens = |per_million, what| {
            if per_million >= 1_000_000 {
                return true;
            }
            let label = format!("{what} {from}>{to}");
            self.chance.chance(ChoiceKind::Net, per_million, &label)
        };
        for effect in effects {
            match effect {
                Effect::Loss { per_million } if happens(per_million, "loss") => return Vec::new(),
                Effect::Duplicate { per_million } if happens(per_million, "duplicate") => {
                    delays.push(delays[0]);
                }
                Effect::Reorder { per_million, by } if happens(per_million, "reorder") => {
                    delays[0] += by;
                }
                Effect::Partition
                | Effect::Latency { .. }
                | Effect::Bandwidth { .. }
                | Effect::Loss { .. }
                | Effect::Duplicate { .. }
                | Effect::Reorder { .. } => {}
            }
        }
        delays
    }
}

/// How many different latencies there are between the least and the most.
const LATENCY_STEPS: u32 = 8;

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().rules.values()).finish()
    }
}
