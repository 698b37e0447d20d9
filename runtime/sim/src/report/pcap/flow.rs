//! A connection as TCP would have carried it.

use super::frame::{Flags, SEGMENT_BYTES_MAX, segment};
use seedpod_core::net::Sent;
use std::net::SocketAddr;

/// What there is to know of a connection to number its segments.
pub(super) struct Flow {
    /// `[0]` connects.
    ends: [SocketAddr; 2],
    /// The same in the capture.
    pub(super) shown: [SocketAddr; 2],
    /// The number of the byte that each end sends next.
    next: [u32; 2],
    fin: [bool; 2],
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Asked,
    Open,
    Over,
}

/// Linux acknowledges every second segment.
const SEGMENTS_PER_ACK: usize = 2;

impl Flow {
    pub(super) fn new(ends: [SocketAddr; 2], shown: [SocketAddr; 2], number: u64) -> Self {
        // Far from each other, so that one connection after another on the same ports cannot be taken for one.
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let first = (number as u32).wrapping_mul(0x9E37_79B1);
        Self {
            ends,
            shown,
            next: [first, first.rotate_left(16)],
            fin: [false; 2],
            phase: Phase::Asked,
        }
    }

    /// The frames of what an end has sent, and of what the other answers.
    pub(super) fn sent(&mut self, from: SocketAddr, sent: Sent<'_>) -> Vec<Vec<u8>> {
        let side = usize::from(from != self.ends[0]);
        let mut frames = Vec::new();
        match (self.phase, sent) {
            (Phase::Asked, Sent::Connect) => self.push(&mut frames, side, Flags::SYN, &[]),
            (Phase::Asked, Sent::Established) => {
                self.push(&mut frames, side, Flags::SYN | Flags::ACK, &[]);
                self.push(&mut frames, 1 - side, Flags::ACK, &[]);
                self.phase = Phase::Open;
            }
            (Phase::Asked, Sent::Refused) => {
                self.push(&mut frames, side, Flags::RST | Flags::ACK, &[]);
                self.phase = Phase::Over;
            }
            (Phase::Open, Sent::Bytes(bytes)) if !self.fin[side] => {
                self.bytes(&mut frames, side, bytes);
            }
            (Phase::Open, Sent::Fin) if !self.fin[side] => {
                self.push(&mut frames, side, Flags::FIN | Flags::ACK, &[]);
                self.push(&mut frames, 1 - side, Flags::ACK, &[]);
                self.fin[side] = true;
            }
            (Phase::Open, Sent::Reset) if self.fin != [true; 2] => {
                self.push(&mut frames, side, Flags::RST | Flags::ACK, &[]);
                self.phase = Phase::Over;
            }
            (Phase::Asked, Sent::Fin | Sent::Reset) => self.phase = Phase::Over,
            (Phase::Asked | Phase::Open | Phase::Over, _) => {}
        }
        frames
    }

    fn bytes(&mut self, frames: &mut Vec<Vec<u8>>, side: usize, bytes: &[u8]) {
        let mut segments = bytes.chunks(SEGMENT_BYTES_MAX).enumerate().peekable();
        while let Some((index, bytes)) = segments.next() {
            let is_last = segments.peek().is_none();
            let push = if is_last { Flags::PSH } else { Flags::NONE };
            self.push(frames, side, Flags::ACK | push, bytes);
            if is_last || (index + 1).is_multiple_of(SEGMENTS_PER_ACK) {
                self.push(frames, 1 - side, Flags::ACK, &[]);
            }
        }
    }

    fn push(&mut self, frames: &mut Vec<Vec<u8>>, side: usize, flags: Flags, bytes: &[u8]) {
        let ends = [self.shown[side], self.shown[1 - side]];
        let numbers = [self.next[side], self.next[1 - side]];
        frames.extend(segment(ends, numbers, flags, bytes));
        #[expect(clippy::cast_possible_truncation, reason = "a segment is short")]
        let mut len = bytes.len() as u32;
        // Each of these two counts as a byte.
        len += u32::from(flags.has(Flags::SYN)) + u32::from(flags.has(Flags::FIN));
        self.next[side] = self.next[side].wrapping_add(len);
    }
}
