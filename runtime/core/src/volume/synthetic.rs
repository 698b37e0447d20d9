//! Files that are rendered when somebody looks: `/proc`.

use super::names::{Names, ROOT};
use super::{Caller, Device, DirEntry, Errno, FileType, Opened, Stat, Volume};
use bytes::Bytes;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Who renders the files of a [`SyntheticVolume`].
pub trait Synthetic: Send + Sync {
    /// What is at `path`, for example `self/status`; the root is empty. Called without any lock of a volume.
    fn node(&self, caller: Caller, path: &str) -> Option<SyntheticNode>;
}

/// A rendered node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntheticNode {
    /// A directory and its entries, in any order.
    Directory(Vec<DirEntry>),
    /// A file.
    File(Bytes),
    /// A symbolic link.
    Symlink(String),
    /// A device, for example `self/fd/1`.
    Device(Device),
}

/// A read-only volume of rendered files.
pub struct SyntheticVolume {
    source: Arc<dyn Synthetic>,
    names: Mutex<Names>,
}

impl SyntheticVolume {
    /// Mounts what `source` renders.
    pub fn new(source: Arc<dyn Synthetic>) -> Arc<Self> {
        Arc::new(Self {
            source,
            names: Mutex::default(),
        })
    }

    fn node(&self, caller: Caller, node: u64) -> Result<SyntheticNode, Errno> {
        let path = self.with(|names| names.path(node))?;
        self.source.node(caller, &path).ok_or(Errno::NoEntry)
    }

    fn with<R>(&self, call: impl FnOnce(&mut Names) -> R) -> R {
        call(&mut self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for SyntheticVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyntheticVolume").finish_non_exhaustive()
    }
}

impl SyntheticNode {
    fn file_type(&self) -> FileType {
        match self {
            Self::Directory(_) => FileType::Directory,
            Self::File(_) => FileType::Regular,
            Self::Symlink(_) => FileType::Symlink,
            Self::Device(_) => FileType::Device,
        }
    }
}

impl Volume for SyntheticVolume {
    fn root(&self) -> u64 {
        ROOT
    }

    fn lookup(&self, caller: Caller, dir: u64, name: &str) -> Result<(u64, FileType), Errno> {
        let path = self.with(|names| names.path_below(dir, name))?;
        let node = self.source.node(caller, &path).ok_or(Errno::NoEntry)?;
        let id = self.with(|names| names.pin_name(dir, name));
        Ok((id, node.file_type()))
    }

    fn pin(&self, node: u64) {
        self.with(|names| names.pin(node));
    }

    fn unpin(&self, node: u64) {
        self.with(|names| names.unpin(node));
    }

    fn parent(&self, dir: u64) -> Result<u64, Errno> {
        self.with(|names| names.parent(dir))
    }

    /// Files of `/proc` have no size and no time before they are read.
    fn stat(&self, caller: Caller, node: u64) -> Result<Stat, Errno> {
        let kind = self.node(caller, node)?.file_type();
        Ok(Stat {
            kind,
            device: 0,
            node,
            mode: match kind {
                FileType::Directory => 0o555,
                FileType::Symlink => 0o777,
                FileType::Regular | FileType::Device | FileType::Other => 0o444,
            },
            links: 1,
            size: 0,
            accessed: caller.now,
            modified: caller.now,
            changed: caller.now,
        })
    }

    fn read_link(&self, caller: Caller, node: u64) -> Result<String, Errno> {
        match self.node(caller, node)? {
            SyntheticNode::Symlink(target) => Ok(target),
            _ => Err(Errno::Invalid),
        }
    }

    fn read_dir(
        &self,
        caller: Caller,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno> {
        let SyntheticNode::Directory(mut entries) = self.node(caller, dir)? else {
            return Err(Errno::NotDirectory);
        };
        entries.retain(|entry| after.is_none_or(|after| entry.name.as_str() > after));
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.truncate(max);
        Ok(entries)
    }

    fn open(&self, caller: Caller, node: u64, write: bool) -> Result<Opened, Errno> {
        match self.node(caller, node)? {
            SyntheticNode::Device(device) => Ok(Opened::Device(device)),
            SyntheticNode::File(_) if write => Err(Errno::Access),
            SyntheticNode::File(bytes) => Ok(Opened::Bytes(bytes)),
            SyntheticNode::Directory(_) | SyntheticNode::Symlink(_) => Err(Errno::Invalid),
        }
    }
}
