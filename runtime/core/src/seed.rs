//! One seed in, one stream of chance per consumer.

use crate::hash::fnv1a;

/// Where all chance of a run comes from.
///
/// Consumers never share a stream: each [`fork`](Seed::fork)s its own by a label, so that one more draw in the
/// network does not move the jitter of a back-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The seed with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number to print, and to run again with.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// An independent seed, the same for the same label.
    pub fn fork(self, label: &str) -> Self {
        // One splitmix64 step spreads the bits.
        Self(Rng(self.0 ^ fnv1a(label.bytes())).next_u64())
    }

    /// The stream of this seed.
    pub const fn rng(self) -> Rng {
        Rng(self.0)
    }
}

/// A stream of numbers: splitmix64, which is fast, tiny and equal on every machine. Not for secrets: in the `host`
/// world guests' `wasi:random` draws from the operating system.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0);
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Fills `buffer`.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A version 4 UUID (RFC 9562) of these random bits.
pub fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) | (4 << 76);
    let bits = bits & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
    format!("{a}-{b}-{c}-{}-{}", &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_are_independent_and_repeat() {
        let seed = Seed::new(42);
        assert_eq!(seed.fork("net"), seed.fork("net"));
        assert_ne!(seed.fork("net"), seed.fork("backoff"));
        assert_ne!(seed.fork("net"), Seed::new(43).fork("net"));
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Seed::new(7).rng();
        assert!((0..1000).all(|_| rng.below(3) < 3));
    }
}
