//! What can be wrong with a disk.

use super::super::content::PAGE;
use crate::podtest::DiskCall;
use crate::sched::ChoiceKind;
use std::collections::BTreeSet;
use std::time::Duration;

/// Where a disk gets its decisions. The first possibility is always the one that surprises least.
pub trait Decisions: Send {
    /// One of `arity` possibilities.
    fn choose(&mut self, kind: ChoiceKind, arity: u32, label: &str) -> u32;
    /// Whether something happens that happens so often in a million.
    fn chance(&mut self, kind: ChoiceKind, per_million: u32, label: &str) -> bool;
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
    /// How often in a million a read or write does less than was asked for.
    pub short_per_million: u32,
    /// How often in a million a sync says that it is done and has done nothing.
    pub lost_syncs_per_million: u32,
    /// The next write does only a part, fails with `EIO`, and is noted for
    /// [`take_torn`](super::DiskVolume::take_torn): who wrote dies in the middle of it.
    pub tear_next_write: bool,
    /// Orders directories by a hash of the names with this seed, not by the names.
    pub shuffle: Option<u64>,
    /// Time stamps are multiples of this: FAT has 2 s.
    pub time_granularity: Duration,
}

impl DiskFaults {
    pub(super) fn error(
        &self,
        decisions: &mut dyn Decisions,
        call: DiskCall,
        volume: &str,
    ) -> bool {
        let Some(errors) = self
            .errors
            .as_ref()
            .filter(|errors| errors.calls.contains(&call))
        else {
            return false;
        };
        let label = format!("{} vol:{volume} fails", word(call));
        decisions.chance(ChoiceKind::Disk, errors.per_million, &label)
    }

    pub(super) fn sync_is_lost(&self, decisions: &mut dyn Decisions, volume: &str) -> bool {
        let rate = self.lost_syncs_per_million;
        rate > 0
            && decisions.chance(
                ChoiceKind::Disk,
                rate,
                &format!("fsync vol:{volume} is lost"),
            )
    }

    /// How many of `bytes` are read or written: one, half of them, or all but one.
    pub(super) fn short(
        &self,
        decisions: &mut dyn Decisions,
        call: DiskCall,
        volume: &str,
        bytes: usize,
    ) -> usize {
        if self.short_per_million == 0 || bytes < 2 {
            return bytes;
        }
        let label = format!("{} vol:{volume} is short", word(call));
        if !decisions.chance(ChoiceKind::Short, self.short_per_million, &label) {
            return bytes;
        }
        match decisions.choose(ChoiceKind::Short, 3, &label) {
            0 => bytes - 1,
            1 => bytes / 2,
            _ => 1,
        }
    }
}

/// How many of `bytes` a write does that is torn: whole blocks, where there are several.
pub(super) fn torn(decisions: &mut dyn Decisions, volume: &str, bytes: usize) -> usize {
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
            PAGE * (blocks - 1 - decisions.choose(ChoiceKind::Disk, arity, &label) as usize)
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

/// Where a name stands in a shuffled directory.
pub(super) fn rank(seed: u64, name: &str) -> u64 {
    crate::seed::Seed::new(seed).fork(name).number()
}
