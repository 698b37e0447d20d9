//! Files: what a container sees, and the volumes it consists of.
//!
//! A container has one [`Files`]: a table of mounts, fixed before its first process starts, over volumes that may be
//! shared with other containers. [`Files`] resolves paths as a kernel does in a chroot: symbolic links and `..`
//! never leave the container's root, because nothing above it has a name. A [`Volume`] knows nodes, not paths:
//! [`MemoryVolume`] over a [`Tree`] (the image with the private layer, memory volumes, generated files, devices),
//! [`HostVolume`] over a directory of the machine, and [`SyntheticVolume`] for `/proc`.
//!
//! Locks: every volume has its own, held for one operation on one node; no code ever holds two. A synthetic volume asks
//! its owner for content and that may lock the kernel, so the order is volume, then kernel, never the reverse.

mod atomic;
mod builder;
mod content;
mod device;
mod disk;
mod errno;
mod files;
mod host;
mod inode;
mod look;
mod memory;
mod mount;
mod names;
mod objects;
mod open_file;
mod reap;
mod resolve;
mod spot;
mod synthetic;
#[cfg(test)]
mod tests;
mod tree;
mod usage;
#[expect(
    clippy::module_inception,
    reason = "the trait that gives the module its name"
)]
mod volume;

pub use atomic::{Payload, PayloadFile, ProjectedVolume};
pub use builder::TreeBuilder;
pub use device::{Device, Entropy};
pub use disk::{Decisions, DiskErrors, DiskFaults, DiskVolume, Durability, Usual};
pub use errno::Errno;
pub use files::{At, Files, Follow, OpenFlags};
pub use host::{HostDir, HostFile, HostStat, HostVolume};
pub use look::{look, put};
pub use memory::MemoryVolume;
pub use mount::{Access, Mount, MountError, create_sub_path};
pub use open_file::{OpenFile, Opened};
pub use spot::{Spot, Waypoint};
pub use synthetic::{Synthetic, SyntheticNode, SyntheticVolume};
pub use tree::Tree;
pub use usage::Usage;
pub use volume::{DirEntry, FileType, New, Stat, Times, Volume};

use crate::process::ProcessId;
use crate::time::WallTime;

/// Who calls, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The process, for `/proc/self`; none when the host itself prepares a container.
    pub process: Option<ProcessId>,
    /// The time, for time stamps.
    pub now: WallTime,
}

impl Caller {
    /// The host itself, as it prepares a container.
    pub const fn host(now: WallTime) -> Self {
        Self { process: None, now }
    }
}
