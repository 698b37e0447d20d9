//! What every kind of volume can do, node by node; paths are the business of [`Files`](super::Files).

use super::{Caller, Device, Errno, Opened};
use crate::time::WallTime;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// A file system that can be mounted. Nodes have numbers, never used twice; whoever keeps a number pins it.
///
/// Each volume has its own short lock and never calls another volume. A [`Synthetic`](super::Synthetic) volume may
/// take the lock of the pod's kernel: so never call a volume while holding that.
pub trait Volume: fmt::Debug + Send + Sync {
    /// The root: a directory, or a file if that is all there is.
    fn root(&self) -> u64;
    /// The pod's name of a volume that several containers may see and change; none where nobody else looks.
    fn shared(&self) -> Option<&str> {
        None
    }
    /// Where a directory is, from the root, for people; empty for the root and where that is not known.
    fn path(&self, _dir: u64) -> String {
        String::new()
    }
    /// Finds an entry of a directory and pins it.
    fn lookup(&self, caller: Caller, dir: u64, name: &str) -> Result<(u64, FileType), Errno>;
    /// Pins a node once more.
    fn pin(&self, node: u64);
    /// Takes a pin back. A node without name and pin is gone.
    fn unpin(&self, node: u64);
    /// The directory above, the root itself for the root; pinned.
    fn parent(&self, dir: u64) -> Result<u64, Errno>;
    /// What a node is.
    fn stat(&self, caller: Caller, node: u64) -> Result<Stat, Errno>;
    /// Where a symbolic link points.
    fn read_link(&self, caller: Caller, node: u64) -> Result<String, Errno>;
    /// At most `max` entries in order of their names, those after `after`.
    fn read_dir(
        &self,
        caller: Caller,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno>;
    /// Opens the content of a node which is no directory and no symbolic link.
    fn open(&self, caller: Caller, node: u64, write: bool) -> Result<Opened, Errno>;

    /// Reads a file that was opened as [`Opened::Node`].
    fn read_at(&self, _node: u64, _offset: u64, _max: usize) -> Result<Bytes, Errno> {
        Err(Errno::Invalid)
    }
    /// Writes such a file at `offset`, at the end if there is none; returns what was written and where that ends.
    fn write_at(
        &self,
        _caller: Caller,
        _node: u64,
        _offset: Option<u64>,
        _data: &[u8],
    ) -> Result<(usize, u64), Errno> {
        Err(Errno::ReadOnly)
    }
    /// Sets the length of such a file.
    fn set_len(&self, _caller: Caller, _node: u64, _len: u64) -> Result<(), Errno> {
        Err(Errno::ReadOnly)
    }

    /// Brings a node to where it outlives the machine: content and attributes, with `data_only` no more of them than it
    /// takes to read the content. Of a directory, its entries. Nothing to do in memory.
    fn sync(&self, _node: u64, _data_only: bool) -> Result<(), Errno> {
        Ok(())
    }

    /// Creates an entry and pins it. `EEXIST` if there is one.
    fn create(
        &self,
        _caller: Caller,
        _dir: u64,
        _name: &str,
        _new: New<'_>,
    ) -> Result<(u64, FileType), Errno> {
        Err(Errno::ReadOnly)
    }
    /// Gives a file another name.
    fn link(&self, _caller: Caller, _node: u64, _dir: u64, _name: &str) -> Result<(), Errno> {
        Err(Errno::ReadOnly)
    }
    /// Removes an entry which is no directory.
    fn unlink(&self, _caller: Caller, _dir: u64, _name: &str) -> Result<(), Errno> {
        Err(Errno::ReadOnly)
    }
    /// Removes an empty directory.
    fn remove_dir(&self, _caller: Caller, _dir: u64, _name: &str) -> Result<(), Errno> {
        Err(Errno::ReadOnly)
    }
    /// Moves an entry, over another one if that may be replaced.
    fn rename(&self, _caller: Caller, _from: (u64, &str), _to: (u64, &str)) -> Result<(), Errno> {
        Err(Errno::ReadOnly)
    }
    /// Sets times.
    fn set_times(&self, _caller: Caller, _node: u64, _times: Times) -> Result<(), Errno> {
        Err(Errno::ReadOnly)
    }
    /// Sets the permission bits.
    fn set_mode(&self, _caller: Caller, _node: u64, _mode: u32) -> Result<(), Errno> {
        Err(Errno::ReadOnly)
    }

    /// Bytes of what has been written to it and is still there.
    fn bytes_used(&self) -> u64 {
        0
    }
    /// Whether it may hold more or less than when this was last asked.
    fn take_changed(&self) -> bool {
        false
    }
    /// A file that was opened as [`Opened::Host`] has been written.
    fn note_change(&self) {}

    /// Calls while nothing is wrong with the volume: for who looks at it from outside of all containers.
    fn undisturbed(&self, call: &mut dyn FnMut()) {
        call();
    }
}

/// What kind of file a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// A directory.
    Directory,
    /// A regular file.
    Regular,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Device,
    /// A named pipe, a socket or a block device of the host; cannot be opened.
    Other,
}

/// What `stat` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Kind of file.
    pub kind: FileType,
    /// Number of the mounted volume within the container.
    pub device: u64,
    /// Number of the node within the volume, not 0.
    pub node: u64,
    /// Permission bits. Kept, and asked before a file is executed; otherwise a guest has the rights of root.
    pub mode: u32,
    /// Names of the node.
    pub links: u64,
    /// Bytes.
    pub size: u64,
    /// Last access. Reading does not change it, as with the mount option `noatime`.
    pub accessed: WallTime,
    /// Last change of the content.
    pub modified: WallTime,
    /// Last change of the node.
    pub changed: WallTime,
}

/// One entry of a directory; never `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name.
    pub name: String,
    /// Kind of file.
    pub kind: FileType,
}

/// What to create.
#[derive(Clone, Copy, Debug)]
pub enum New<'a> {
    /// An empty file with these permission bits.
    File(u32),
    /// An empty directory with these permission bits.
    Directory(u32),
    /// A symbolic link to this target.
    Symlink(&'a str),
    /// A device node.
    Device(Device),
}

/// Times to set; `None` keeps one as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Last access.
    pub accessed: Option<WallTime>,
    /// Last change of the content.
    pub modified: Option<WallTime>,
}

/// A pinned node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) volume: Arc<dyn Volume>,
    pub(super) id: u64,
}

impl Node {
    pub(super) fn root(volume: Arc<dyn Volume>) -> Self {
        let id = volume.root();
        volume.pin(id);
        Self { volume, id }
    }

    /// Takes over a pin that the volume has just given.
    pub(super) fn pinned(volume: &Arc<dyn Volume>, id: u64) -> Self {
        Self {
            volume: Arc::clone(volume),
            id,
        }
    }
}

impl Clone for Node {
    fn clone(&self) -> Self {
        self.volume.pin(self.id);
        Self::pinned(&self.volume, self.id)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.volume.unpin(self.id);
    }
}
