//! The bytes of one direction of a connection, between the writer's copy out and the reader's copy in.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// A queue of bytes that hands out the very buffers it was given.
///
/// Small pieces which meet a reader that lags are joined, so that a guest which writes byte by byte costs the
/// host a small multiple of what it wrote.
#[derive(Debug, Default)]
pub(super) struct Ring {
    chunks: VecDeque<Bytes>,
    /// Joined small pieces, behind all of `chunks`.
    tail: BytesMut,
    len: usize,
}

/// Pieces shorter than this are copied together instead of queued alone.
const JOIN_BELOW_BYTES: usize = 4 << 10;
/// The longest piece made of joined ones.
const JOINED_MAX_BYTES: usize = 64 << 10;

impl Ring {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let lagging = self.len > 0;
        self.len += bytes.len();
        if lagging && bytes.len() < JOIN_BELOW_BYTES {
            self.tail.extend_from_slice(&bytes);
            if self.tail.len() >= JOINED_MAX_BYTES {
                self.seal();
            }
        } else {
            self.seal();
            self.chunks.push_back(bytes);
        }
    }

    /// Takes at most `max` bytes; none only when `max` is 0 or nothing is queued.
    pub(super) fn pop(&mut self, max: usize) -> Bytes {
        let first = self.pop_piece(max);
        let more = max.saturating_sub(first.len()).min(self.len);
        if more == 0 || first.len() >= JOIN_BELOW_BYTES {
            return first;
        }
        let want = (first.len() + more).min(JOINED_MAX_BYTES);
        let mut joined = BytesMut::with_capacity(want);
        joined.extend_from_slice(&first);
        while joined.len() < want {
            let piece = self.pop_piece(want - joined.len());
            joined.extend_from_slice(&piece);
        }
        joined.freeze()
    }

    fn pop_piece(&mut self, max: usize) -> Bytes {
        if self.chunks.is_empty() {
            self.seal();
        }
        let piece = match self.chunks.front_mut() {
            Some(front) if front.len() > max => front.split_to(max),
            Some(_) | None => self.chunks.pop_front().unwrap_or_default(),
        };
        self.len -= piece.len();
        piece
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.chunks
                .push_back(std::mem::take(&mut self.tail).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_a_queue_of_bytes(steps in prop::collection::vec((0..9000_usize, 0..70_000_usize), 1..60)) {
            let (mut ring, mut model, mut next) = (Ring::default(), VecDeque::new(), 0_u8);
            for (write, read) in steps {
                let bytes: Vec<u8> = (0..write).map(|_| { next = next.wrapping_add(1); next }).collect();
                model.extend(bytes.iter().copied());
                ring.push(bytes.into());
                let got = ring.pop(read);
                prop_assert!(got.len() <= read);
                prop_assert!(!got.is_empty() || read == 0 || model.is_empty());
                prop_assert!(model.drain(..got.len()).eq(got.iter().copied()));
                prop_assert_eq!(ring.len(), model.len());
            }
        }

        #[test]
        fn small_pieces_do_not_pile_up(sizes in prop::collection::vec(1..5000_usize, 1..400)) {
            let mut ring = Ring::default();
            for size in sizes {
                ring.push(vec![0; size].into());
            }
            prop_assert!(ring.chunks.len() <= 2 + 2 * ring.len() / JOIN_BELOW_BYTES);
        }
    }

    #[test]
    fn hands_out_the_buffer_it_was_given() {
        let mut ring = Ring::default();
        let bytes = Bytes::from(vec![7; 65536]);
        let address = bytes.as_ptr();
        ring.push(bytes);
        assert_eq!(ring.pop(65536).as_ptr(), address);
    }
}
