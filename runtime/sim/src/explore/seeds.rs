//! Seeds of the runs of one exploration.

use seedpod_core::seed::Seed;

/// The seeds of many runs: they differ in their last six digits, which are the number of the run. So the seed of a run
/// says all about it, and any process can make any run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds(Seed);

const NUMBER_BITS: u32 = 24;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

impl Seeds {
    /// Those that a seed belongs to, whatever the number of its run.
    pub fn containing(seed: Seed) -> Self {
        Self(Seed::new(seed.number() & !NUMBER_MASK))
    }

    /// Those of a number that may be small: a test's digest, or what a person has thought of.
    pub fn derived(seed: Seed) -> Self {
        Self::containing(seed.fork("exploration"))
    }

    /// The seed of a run. After 16 million runs the seeds are those of another exploration.
    pub fn of(self, number: u64) -> Seed {
        let lap = number >> NUMBER_BITS;
        let base = match lap {
            0 => self.0,
            _ => Self::containing(self.0.fork(&lap.to_string())).0,
        };
        Seed::new(base.number() | (number & NUMBER_MASK))
    }

    /// The number of the run that has this seed.
    pub fn number(seed: Seed) -> u64 {
        seed.number() & NUMBER_MASK
    }

    /// The seed of run 0.
    pub fn first(self) -> Seed {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_its_run() {
        let seeds = Seeds::derived(Seed::new(7));
        let check = |number: u64| {
            let seed = seeds.of(number);
            assert_eq!(Seeds::containing(seed).of(Seeds::number(seed)), seed);
            seed
        };
        assert_eq!(check(0), seeds.first());
        assert_eq!(check(37).number(), seeds.first().number() + 37);
        assert_ne!(check(1 << 24), check(0));
        assert_ne!(check((1 << 24) + 5), check((2 << 24) + 5));
    }
}
