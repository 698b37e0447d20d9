//! What the world of all runs of a test is like, faults aside.

use super::range::{DurationRange, OffsetRange, Rate};
use std::collections::BTreeMap;

/// What the world is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldSettings {
    /// The network between and within pods.
    pub net: NetSettings,
    /// The disks of volumes.
    pub disk: DiskSettings,
    /// How far the wall clock of a container is off, by its name; `*` for all others. Drawn for each run.
    pub clock_skew: BTreeMap<String, OffsetRange>,
    /// How much later than it could a container starts. Drawn for each start.
    pub start_stagger: DurationRange,
}

/// The network between and within pods. Lossless: loss is a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetSettings {
    /// How long bytes and datagrams are under way.
    pub latency: DurationRange,
    /// How often a read or write of a socket moves fewer bytes than it could.
    pub short_read: Rate,
}

/// The disks of volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskSettings {
    /// What is left of a volume after a crash.
    pub durable: Durable,
    /// How often a read or write of a file moves fewer bytes than it could.
    pub short_read: Rate,
}

/// What is left of a volume after a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durable {
    /// What was written: the process died, the machine did not.
    #[default]
    Write,
    /// What was synced, and any part of what was not: the machine died as well.
    Fsync,
}
