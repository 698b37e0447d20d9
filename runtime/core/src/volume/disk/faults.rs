//! What can be wrong with a disk.

use super::super::content::PAGE;
use crate::podtest::DiskCall;
use crate::sched::ChoiceKind;
use crate::seed::Seed;
use std::collections::BTreeSet;
use std::time::Duration;

/// Where a disk gets its decisions. The first possibility is always the one that surprises least.
pub trait Decisions: Send + Sync {
    /// One of `arity` possibilities.
    fn choose(&self, kind: ChoiceKind, arity: u32, label: &str) -> u32;
    /// Whether something happens that happens so often in a million.
    fn chance(&self, kind: ChoiceKind, per_million: u32, label: &str) -> bool;
}

/// Decides that everything is as usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usual;

impl Decisions for Usual {
    fn choose(&self, _kind: ChoiceKind, _arity: u32, _label: &str) -> u32 {
        0
    }

    fn chance(&self, _kind: ChoiceKind, _per_million: u32, _label: &str) -> bool {
        false
    }
}

/// When a disk has a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// With the file: `fsync` of a file brings its names with it, as ext4, XFS and Btrfs do.
    #[default]
    NamesWithFile,
    /// With the directory alone, which is all that POSIX promises.
    NamesApart,
}

/// Calls that fail with `EIO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskErrors {
    /// Which. Of those on names, the ones that open, make, change, remove or list.
    pub calls: BTreeSet<DiskCall>,
    /// How often in a million.
    pub per_million: u32,
}

/// What is wrong with a disk now; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// Nothing more fits: `ENOSPC`.
    pub full: bool,
    /// `EIO`.
    pub errors: Option<DiskErrors>,
    /// How often in a million a sync says that it is done and has done nothing.
    pub lost_syncs_per_million: u32,
    /// The next write does only a part, fails with `EIO`, and is noted for
    /// [`take_torn`](super::DiskVolume::take_torn): who wrote dies in the middle of it.
    pub tear_next_write: bool,
    /// Time stamps are multiples of this: FAT has 2 s.
    pub time_granularity: Duration,
}

impl DiskFaults {
    pub(super) fn error(&self, decisions: &dyn Decisions, call: DiskCall, volume: &str) -> bool {
        self.errors.as_ref().is_some_and(|errors| {
            let label = || format!("{} vol:{volume} fails", word(call));
            errors.calls.contains(&call) && happens(decisions, errors.per_million, label)
        })
    }

    pub(super) fn sync_is_lost(&self, decisions: &dyn Decisions, volume: &str) -> bool {
        let label = || format!("fsync vol:{volume} is lost");
        happens(decisions, self.lost_syncs_per_million, label)
    }
}

/// Nobody is asked about what always or never happens.
fn happens(decisions: &dyn Decisions, per_million: u32, label: impl Fn() -> String) -> bool {
    match per_million {
        0 => false,
        1..1_000_000 => decisions.chance(ChoiceKind::Disk, per_million, &label()),
        1_000_000.. => true,
    }
}

/// How many of `bytes` a write does that is torn: whole blocks, where there are several.
pub(super) fn torn(decisions: &dyn Decisions, volume: &str, bytes: usize) -> usize {
    let label = format!("write vol:{volume} is torn");
    match bytes.div_ceil(PAGE) {
        0 => 0,
        1 => match decisions.choose(ChoiceKind::Disk, 3, &label) {
            0 => bytes / 2,
            1 => 0,
            _ => bytes - 1,
        },
        blocks => {
            let arity = u32::try_from(blocks).unwrap_or(u32::MAX);
            let lost = 1 + decisions.choose(ChoiceKind::Disk, arity, &label) as usize;
            PAGE * blocks.saturating_sub(lost)
        }
    }
}

fn word(call: DiskCall) -> &'static str {
    match call {
        DiskCall::Read => "read",
        DiskCall::Write => "write",
        DiskCall::Fsync => "fsync",
        DiskCall::Name => "name",
    }
}

/// In which order a disk lists the entries of a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// That of the names.
    #[default]
    Names,
    /// It is decided when the first directory is listed.
    Undecided,
    /// That of a hash of the names, as ext4 has it.
    Hash(u32),
}

impl Order {
    pub(super) fn decided(self, decisions: &dyn Decisions, volume: &str) -> Self {
        if self != Self::Undecided {
            return self;
        }
        let label = format!("vol:{volume} order of names");
        match decisions.choose(ChoiceKind::Tie, ORDERS, &label) {
            0 => Self::Names,
            hash => Self::Hash(hash),
        }
    }
}

/// Orders of a directory that are tried; enough for every order of three names to be likely.
const ORDERS: u32 = 16;

/// Where a name stands in a directory that is ordered by a hash.
pub(super) fn rank(hash: u32, name: &str) -> u64 {
    Seed::new(hash.into()).fork(name).number()
}
