//! What can be wrong with a disk.

use crate::sched::ChoiceKind;
use std::fmt;
use std::str::FromStr;
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

/// Calls that a disk answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskOp {
    /// Opening a file.
    Open,
    /// Reading it.
    Read,
    /// Writing it, or setting its length.
    Write,
    /// Syncing it.
    Fsync,
    /// Making a file, directory or link.
    Create,
    /// Renaming.
    Rename,
    /// Removing a name.
    Unlink,
    /// Listing a directory.
    Readdir,
}

/// Not the name of a [`DiskOp`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no operation of a disk: open, read, write, fsync, create, rename, unlink or readdir"
)]
pub struct UnknownDiskOp(pub String);

impl DiskOp {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Read,
        Self::Write,
        Self::Fsync,
        Self::Create,
        Self::Rename,
        Self::Unlink,
        Self::Readdir,
    ];

    /// Its name in a test.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Fsync => "fsync",
            Self::Create => "create",
            Self::Rename => "rename",
            Self::Unlink => "unlink",
            Self::Readdir => "readdir",
        }
    }
}

impl fmt::Display for DiskOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DiskOp {
    type Err = UnknownDiskOp;

    fn from_str(name: &str) -> Result<Self, UnknownDiskOp> {
        let mut all = Self::ALL.into_iter();
        all.find(|op| op.name() == name)
            .ok_or_else(|| UnknownDiskOp(name.to_owned()))
    }
}

/// Calls that fail with `EIO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskErrors {
    /// Which.
    pub ops: Vec<DiskOp>,
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
    /// Orders directories by a hash of the names with this seed, not by the names.
    pub shuffle: Option<u64>,
    /// Time stamps are multiples of this: FAT has 2 s.
    pub time_granularity: Duration,
}

impl DiskFaults {
    pub(super) fn error(&self, decisions: &mut dyn Decisions, op: DiskOp, volume: &str) -> bool {
        let Some(errors) = self
            .errors
            .as_ref()
            .filter(|errors| errors.ops.contains(&op))
        else {
            return false;
        };
        let label = format!("{op} vol:{volume} fails");
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
        op: DiskOp,
        volume: &str,
        bytes: usize,
    ) -> usize {
        if self.short_per_million == 0 || bytes < 2 {
            return bytes;
        }
        let label = format!("{op} vol:{volume} is short");
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

/// Where a name stands in a shuffled directory.
pub(super) fn rank(seed: u64, name: &str) -> u64 {
    crate::seed::Seed::new(seed).fork(name).number()
}
