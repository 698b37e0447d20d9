//! A volume on a directory of the machine.

use super::mount::Place;
use super::names::{Names, ROOT};
use super::{Caller, DirEntry, Errno, FileType, New, Opened, Stat, Times, Volume};
use crate::limits::HOST_ENTRIES_COUNTED;
use crate::time::WallTime;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A directory of the machine, in the words of Linux. `engine` implements it over cap-std.
///
/// A path has no `.`, `..` or empty component and no `/` at either end; empty is the directory itself. No component
/// of it was a symbolic link when it was resolved, and whatever it has become since: an implementation never leaves the
/// directory, and never follows a link in the last component.
pub trait HostDir: Send + Sync {
    /// `lstat`
    fn stat(&self, path: &str) -> Result<HostStat, Errno>;
    /// `readlink`
    fn read_link(&self, path: &str) -> Result<String, Errno>;
    /// Hands out all entries in any order. Names that are not Unicode are left out: a guest cannot say them.
    fn read_dir(&self, path: &str, each: &mut dyn FnMut(DirEntry)) -> Result<(), Errno>;
    /// Opens a regular file to read, and to write.
    fn open(&self, path: &str, write: bool) -> Result<Box<dyn HostFile>, Errno>;
    /// `open` with `O_CREAT | O_EXCL`
    fn create_file(&self, path: &str, mode: u32) -> Result<(), Errno>;
    /// `mkdir`
    fn create_dir(&self, path: &str, mode: u32) -> Result<(), Errno>;
    /// `symlink`; the target is kept as it is.
    fn symlink(&self, target: &str, path: &str) -> Result<(), Errno>;
    /// `link`
    fn link(&self, from: &str, to: &str) -> Result<(), Errno>;
    /// `unlink`
    fn unlink(&self, path: &str) -> Result<(), Errno>;
    /// `rmdir`
    fn remove_dir(&self, path: &str) -> Result<(), Errno>;
    /// `rename`
    fn rename(&self, from: &str, to: &str) -> Result<(), Errno>;
    /// `utimensat`
    fn set_times(&self, path: &str, times: Times) -> Result<(), Errno>;
    /// `chmod`
    fn set_mode(&self, path: &str, mode: u32) -> Result<(), Errno>;
}

/// A regular file that the operating system has open.
pub trait HostFile: Send + Sync {
    /// `pread`; short only at the end.
    fn read_at(&self, offset: u64, max: usize) -> Result<Bytes, Errno>;
    /// `pwrite`
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<usize, Errno>;
    /// Writes at the end, in one step for all who append; returns what was written and where that ends.
    fn append(&self, data: &[u8]) -> Result<(usize, u64), Errno>;
    /// `fstat`
    fn stat(&self) -> Result<HostStat, Errno>;
    /// `ftruncate`
    fn set_len(&self, len: u64) -> Result<(), Errno>;
    /// `futimens`
    fn set_times(&self, times: Times) -> Result<(), Errno>;
    /// `fsync`
    fn sync(&self) -> Result<(), Errno>;
}

/// What a [`HostDir`] reports of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostStat {
    /// Kind of file.
    pub kind: FileType,
    /// Number of the node, 0 if the machine has none.
    pub node: u64,
    /// Permission bits.
    pub mode: u32,
    /// Names of the node.
    pub links: u64,
    /// Bytes.
    pub size: u64,
    /// Last access.
    pub accessed: WallTime,
    /// Last change of the content.
    pub modified: WallTime,
    /// Last change of the node.
    pub changed: WallTime,
}

impl HostStat {
    pub(super) fn with_place(self, place: &Place) -> Stat {
        Stat {
            device: place.device,
            ..self.with_number(place.node.id)
        }
    }

    fn with_number(self, number: u64) -> Stat {
        Stat {
            kind: self.kind,
            device: 0,
            node: if self.node == 0 { number } else { self.node },
            mode: self.mode,
            links: self.links,
            size: self.size,
            accessed: self.accessed,
            modified: self.modified,
            changed: self.changed,
        }
    }
}

/// A [`HostDir`] behind the lock that makes a step of a guest one step for its neighbours.
pub struct HostVolume {
    dir: Box<dyn HostDir>,
    root: u64,
    names: Mutex<Names>,
    changed: AtomicBool,
}

impl HostVolume {
    /// Mounts a directory of the machine.
    pub fn new(dir: Box<dyn HostDir>) -> Arc<Self> {
        Arc::new(Self {
            dir,
            root: ROOT,
            names: Mutex::default(),
            changed: AtomicBool::default(),
        })
    }

    /// Mounts one file of a directory of the machine.
    pub fn file(dir: Box<dyn HostDir>, name: &str) -> Arc<Self> {
        let mut names = Names::default();
        let root = names.pin_name(ROOT, name);
        Arc::new(Self {
            dir,
            root,
            names: Mutex::new(names),
            changed: AtomicBool::default(),
        })
    }

    fn with<R>(&self, call: impl FnOnce(&mut Names) -> R) -> R {
        call(&mut self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for HostVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostVolume").finish_non_exhaustive()
    }
}

impl Volume for HostVolume {
    fn root(&self) -> u64 {
        self.root
    }

    fn lookup(&self, _caller: Caller, dir: u64, name: &str) -> Result<(u64, FileType), Errno> {
        self.with(|names| {
            let kind = self.dir.stat(&names.path_below(dir, name)?)?.kind;
            Ok((names.pin_name(dir, name), kind))
        })
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

    fn stat(&self, _caller: Caller, node: u64) -> Result<Stat, Errno> {
        self.with(|names| Ok(self.dir.stat(&names.path(node)?)?.with_number(node)))
    }

    fn read_link(&self, _caller: Caller, node: u64) -> Result<String, Errno> {
        self.with(|names| self.dir.read_link(&names.path(node)?))
    }

    fn read_dir(
        &self,
        _caller: Caller,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno> {
        let mut first = BTreeMap::new();
        let mut each = |entry: DirEntry| {
            if after.is_none_or(|after| entry.name.as_str() > after) {
                first.insert(entry.name, entry.kind);
                if first.len() > max {
                    first.pop_last();
                }
            }
        };
        self.with(|names| self.dir.read_dir(&names.path(dir)?, &mut each))?;
        Ok(first
            .into_iter()
            .map(|(name, kind)| DirEntry { name, kind })
            .collect())
    }

    fn open(&self, _caller: Caller, node: u64, write: bool) -> Result<Opened, Errno> {
        self.with(|names| Ok(Opened::Host(self.dir.open(&names.path(node)?, write)?)))
    }

    fn create(
        &self,
        _caller: Caller,
        dir: u64,
        name: &str,
        new: New<'_>,
    ) -> Result<(u64, FileType), Errno> {
        self.note_change();
        self.with(|names| {
            let path = names.path_below(dir, name)?;
            let kind = match new {
                New::File(mode) => {
                    self.dir.create_file(&path, mode)?;
                    FileType::Regular
                }
                New::Directory(mode) => {
                    self.dir.create_dir(&path, mode)?;
                    FileType::Directory
                }
                New::Symlink(target) => {
                    self.dir.symlink(target, &path)?;
                    FileType::Symlink
                }
                New::Device(_) => return Err(Errno::NotPermitted),
            };
            Ok((names.pin_name(dir, name), kind))
        })
    }

    fn link(&self, _caller: Caller, node: u64, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.with(|names| {
            let from = names.path(node)?;
            self.dir.link(&from, &names.path_below(dir, name)?)
        })
    }

    fn unlink(&self, _caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.with(|names| {
            self.dir.unlink(&names.path_below(dir, name)?)?;
            names.removed(dir, name);
            Ok(())
        })
    }

    fn remove_dir(&self, _caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.with(|names| {
            self.dir.remove_dir(&names.path_below(dir, name)?)?;
            names.removed(dir, name);
            Ok(())
        })
    }

    fn rename(&self, _caller: Caller, from: (u64, &str), to: (u64, &str)) -> Result<(), Errno> {
        self.note_change();
        self.with(|names| {
            let (old, new) = (
                names.path_below(from.0, from.1)?,
                names.path_below(to.0, to.1)?,
            );
            self.dir.rename(&old, &new)?;
            names.renamed(from, to);
            Ok(())
        })
    }

    fn set_times(&self, _caller: Caller, node: u64, times: Times) -> Result<(), Errno> {
        self.with(|names| self.dir.set_times(&names.path(node)?, times))
    }

    fn set_mode(&self, _caller: Caller, node: u64, mode: u32) -> Result<(), Errno> {
        self.with(|names| self.dir.set_mode(&names.path(node)?, mode & 0o7777))
    }

    /// Counts what is there: other programs of the machine may write to it, too.
    fn bytes_used(&self) -> u64 {
        let mut sum = 0_u64;
        let mut seen = 0;
        let mut dirs = vec![String::new()];
        while let Some(dir) = dirs.pop() {
            let mut files = Vec::new();
            let mut each = |entry: DirEntry| {
                seen += 1;
                if seen > HOST_ENTRIES_COUNTED {
                    return;
                }
                let path = match dir.as_str() {
                    "" => entry.name,
                    dir => format!("{dir}/{}", entry.name),
                };
                match entry.kind {
                    FileType::Directory => dirs.push(path),
                    FileType::Regular => files.push(path),
                    FileType::Symlink | FileType::Device | FileType::Other => {}
                }
            };
            // What goes away meanwhile takes no room.
            let _gone = self.dir.read_dir(&dir, &mut each);
            let sizes = files.iter().filter_map(|path| self.dir.stat(path).ok());
            sum = sizes.fold(sum, |sum, stat| sum.saturating_add(stat.size));
        }
        sum
    }

    fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }
}
