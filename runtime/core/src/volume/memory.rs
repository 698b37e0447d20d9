//! A volume in memory.

use super::open_file::Opened;
use super::{
    Caller, Device, DirEntry, Entropy, Errno, FileType, New, Stat, Times, Tree, Usage, Volume,
};
use crate::time::WallTime;
use bytes::Bytes;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A [`Tree`] behind its lock.
pub struct MemoryVolume {
    tree: Mutex<Tree>,
    shared: Option<String>,
    entropy: Option<Arc<Mutex<dyn Entropy>>>,
    changed: AtomicBool,
}

impl MemoryVolume {
    /// Mounts a tree.
    pub fn new(tree: Tree) -> Arc<Self> {
        Arc::new(Self::of(tree))
    }

    fn of(tree: Tree) -> Self {
        Self {
            tree: Mutex::new(tree),
            shared: None,
            entropy: None,
            changed: AtomicBool::default(),
        }
    }

    /// Mounts a tree that several containers of a pod see, under the pod's name of it.
    pub fn shared_as(name: &str, tree: Tree) -> Arc<Self> {
        Arc::new(Self {
            shared: Some(name.to_owned()),
            ..Self::of(tree)
        })
    }

    /// The private layer of a container over its image.
    pub fn layer(image: Arc<Tree>) -> Arc<Self> {
        Self::new(Tree::over(image, Usage::LAYER))
    }

    /// An `emptyDir`, under the pod's name of it.
    pub fn empty(name: &str, size_limit_bytes: Option<u64>, now: WallTime) -> Arc<Self> {
        let tree = Tree::new(Usage::memory(size_limit_bytes), 0o777, now);
        Self::shared_as(name, tree)
    }

    /// A volume with one file in it, to be mounted with [`Mount::sub_path`](super::Mount::sub_path).
    pub fn file(name: &str, bytes: Bytes, mode: u32, now: WallTime) -> Result<Arc<Self>, Errno> {
        Self::files([(name, bytes)], mode, now)
    }

    /// The same of several files.
    pub fn files<'a>(
        files: impl IntoIterator<Item = (&'a str, Bytes)>,
        mode: u32,
        now: WallTime,
    ) -> Result<Arc<Self>, Errno> {
        let mut tree = Tree::new(Usage::memory(None), 0o755, now);
        for (name, bytes) in files {
            let (node, _) = tree.create(tree.root(), name, New::File(mode), now)?;
            tree.set_bytes(node, bytes, now)?;
        }
        Ok(Self::new(tree))
    }

    pub(super) fn with_entropy(tree: Tree, entropy: Box<dyn Entropy>) -> Arc<Self> {
        struct Boxed(Box<dyn Entropy>);
        impl Entropy for Boxed {
            fn fill(&mut self, buffer: &mut [u8]) {
                self.0.fill(buffer);
            }
        }
        Arc::new(Self {
            entropy: Some(Arc::new(Mutex::new(Boxed(entropy)))),
            ..Self::of(tree)
        })
    }

    /// What was written.
    pub fn usage(&self) -> Usage {
        self.with(|tree| tree.usage())
    }

    /// The last `max` bytes of a file at the root, as a termination message is read.
    pub fn tail(&self, name: &str, max: usize) -> Result<Bytes, Errno> {
        self.with(|tree| {
            let (node, _) = tree.lookup(tree.root(), name)?;
            let start = tree.stat(node)?.size.saturating_sub(max as u64);
            tree.read_at(node, start, max)
        })
    }

    pub(super) fn with<R>(&self, call: impl FnOnce(&mut Tree) -> R) -> R {
        call(&mut self.tree.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn into_tree(self) -> Tree {
        self.tree
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = self.usage();
        f.debug_tuple("MemoryVolume").field(&usage).finish()
    }
}

impl Volume for MemoryVolume {
    fn root(&self) -> u64 {
        self.with(|tree| tree.root())
    }

    fn shared(&self) -> Option<&str> {
        self.shared.as_deref()
    }

    fn path(&self, dir: u64) -> String {
        self.with(|tree| tree.path(dir))
    }

    fn lookup(&self, _caller: Caller, dir: u64, name: &str) -> Result<(u64, FileType), Errno> {
        self.with(|tree| {
            let found = tree.lookup(dir, name)?;
            tree.pin(found.0);
            Ok(found)
        })
    }

    fn pin(&self, node: u64) {
        self.with(|tree| tree.pin(node));
    }

    fn unpin(&self, node: u64) {
        self.with(|tree| tree.unpin(node));
    }

    fn parent(&self, dir: u64) -> Result<u64, Errno> {
        self.with(|tree| {
            let parent = tree.parent(dir)?;
            tree.pin(parent);
            Ok(parent)
        })
    }

    fn stat(&self, _caller: Caller, node: u64) -> Result<Stat, Errno> {
        self.with(|tree| tree.stat(node))
    }

    fn read_link(&self, _caller: Caller, node: u64) -> Result<String, Errno> {
        self.with(|tree| tree.read_link(node))
    }

    fn read_dir(
        &self,
        _caller: Caller,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno> {
        self.with(|tree| tree.read_dir(dir, after, max))
    }

    fn open(&self, _caller: Caller, node: u64, _write: bool) -> Result<Opened, Errno> {
        Ok(match self.with(|tree| tree.device(node))? {
            None => Opened::Node,
            Some(Device::Random) => {
                Opened::Random(Arc::clone(self.entropy.as_ref().ok_or(Errno::Io)?))
            }
            Some(device) => Opened::Device(device),
        })
    }

    fn read_at(&self, node: u64, offset: u64, max: usize) -> Result<Bytes, Errno> {
        self.with(|tree| tree.read_at(node, offset, max))
    }

    fn write_at(
        &self,
        caller: Caller,
        node: u64,
        offset: Option<u64>,
        data: &[u8],
    ) -> Result<(usize, u64), Errno> {
        self.note_change();
        self.with(|tree| tree.write_at(node, offset, data, caller.now))
    }

    fn set_len(&self, caller: Caller, node: u64, len: u64) -> Result<(), Errno> {
        self.note_change();
        self.with(|tree| tree.set_len(node, len, caller.now))
    }

    fn create(
        &self,
        caller: Caller,
        dir: u64,
        name: &str,
        new: New<'_>,
    ) -> Result<(u64, FileType), Errno> {
        self.note_change();
        self.with(|tree| {
            let created = tree.create(dir, name, new, caller.now)?;
            tree.pin(created.0);
            Ok(created)
        })
    }

    fn link(&self, caller: Caller, node: u64, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.with(|tree| tree.link(node, dir, name, caller.now))
    }

    fn unlink(&self, caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.with(|tree| tree.unlink(dir, name, caller.now))
    }

    fn remove_dir(&self, caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.with(|tree| tree.remove_dir(dir, name, caller.now))
    }

    fn rename(&self, caller: Caller, from: (u64, &str), to: (u64, &str)) -> Result<(), Errno> {
        self.note_change();
        self.with(|tree| tree.rename(from, to, caller.now))
    }

    fn set_times(&self, caller: Caller, node: u64, times: Times) -> Result<(), Errno> {
        self.with(|tree| tree.set_times(node, times, caller.now))
    }

    fn set_mode(&self, caller: Caller, node: u64, mode: u32) -> Result<(), Errno> {
        self.with(|tree| tree.set_mode(node, mode, caller.now))
    }

    fn bytes_used(&self) -> u64 {
        self.usage().bytes
    }

    fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }
}
