//! What the ends of a connection send each other, and what arrives.

use super::{Connection, Phase, State, Wakes};
use crate::net::Error;
use crate::net::rules::{Next, Owner, Segment};

impl Connection {
    /// Takes in what has arrived from a side.
    pub(in crate::net) fn deliver(&self, side: usize) {
        self.with(|state, wakes| state.deliver(side, wakes));
    }

    /// Nobody has answered the connect.
    pub(in crate::net) fn time_out(&self) {
        self.with(|state, wakes| state.settle(Phase::Failed(Error::Timeout), wakes));
    }

    /// Resets an open connection whose ends are meant; whether it was one.
    pub(in crate::net) fn reset_if(&self, is_meant: impl FnOnce([&Owner; 2]) -> bool) -> bool {
        self.with(|state, wakes| {
            let is_meant = state.is_open(is_meant);
            if is_meant {
                state.fail([Error::ConnectionReset; 2], wakes);
            }
            is_meant
        })
    }

    /// Whether it is open and its ends are meant.
    pub(in crate::net) fn is_open(&self, is_meant: impl FnOnce([&Owner; 2]) -> bool) -> bool {
        self.with(|state, _| state.is_open(is_meant))
    }
}

impl State {
    /// What `side` does shows at the other: at once, or when the wire lets it.
    pub(in crate::net) fn send(&mut self, side: usize, segment: Segment, wakes: &mut Wakes) {
        if self.dead {
            return;
        }
        let arrived = match &mut self.wire {
            Some(wire) => wire.send(side, segment),
            None => Some(segment),
        };
        if let Some(segment) = arrived {
            self.arrive(1 - side, segment, wakes);
        }
    }

    fn arrive(&mut self, side: usize, segment: Segment, wakes: &mut Wakes) {
        if let Some(line) = &self.line {
            line.arrived(1 - side, &segment);
        }
        let me = &mut self.sides[side];
        match segment {
            Segment::Bytes(_) if me.closed => self.send(side, Segment::Reset, wakes),
            Segment::Bytes(_) if me.deaf || me.aborted => {}
            Segment::Bytes(bytes) => {
                if me.incoming.is_empty() {
                    wakes.add(&mut me.reader);
                }
                me.incoming.push(bytes);
            }
            Segment::Fin => {
                me.fin = true;
                wakes.add(&mut me.reader);
                // Who has closed takes any number of bytes.
                if self.room(side) > 0 {
                    wakes.add(&mut self.sides[side].writer);
                }
            }
            Segment::Reset if me.closed || me.aborted => {}
            Segment::Reset => {
                me.abort(Error::ConnectionReset);
                me.wake(wakes);
                wakes.add(&mut self.connecting);
            }
            Segment::Established => self.settle(Phase::Established, wakes),
            Segment::Refused(error) => self.settle(Phase::Failed(error), wakes),
        }
    }

    fn deliver(&mut self, side: usize, wakes: &mut Wakes) {
        loop {
            match self.wire.as_mut().map(|wire| wire.next(side)) {
                Some(Next::Arrived(segment)) => self.arrive(1 - side, segment, wakes),
                Some(Next::TimedOut) => {
                    let mut errors = [Error::ConnectionReset; 2];
                    errors[side] = Error::Timeout;
                    self.fail(errors, wakes);
                }
                Some(Next::Nothing) | None => break,
            }
        }
        // What was dropped on arrival has made room.
        if self.room(side) > 0 {
            wakes.add(&mut self.sides[side].writer);
        }
    }

    fn is_open(&self, is_meant: impl FnOnce([&Owner; 2]) -> bool) -> bool {
        let closed = self.dead || self.sides.iter().all(|side| side.closed);
        !closed
            && self.phase == Phase::Established
            && self
                .wire
                .as_ref()
                .is_some_and(|wire| is_meant(wire.owners()))
    }

    /// The network ends the connection.
    fn fail(&mut self, errors: [Error; 2], wakes: &mut Wakes) {
        if let Some(line) = &self.line {
            line.failed(errors);
        }
        for (side, error) in self.sides.iter_mut().zip(errors) {
            if !side.closed && !side.aborted {
                side.abort(error);
            }
            side.wake(wakes);
        }
        self.cut();
    }

    /// Nothing is sent and nothing arrives any more.
    fn cut(&mut self) {
        self.dead = true;
        if let Some(wire) = &mut self.wire {
            wire.cut();
        }
    }
}
