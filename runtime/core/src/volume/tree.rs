//! A tree of files in memory: an image, the private layer of a container over it, or a memory volume.

use super::content::Content;
use super::inode::{Inode, Kind};
use super::{Device, DirEntry, Errno, FileType, New, Stat, Times, TreeBuilder, Usage};
use crate::limits;
use crate::time::WallTime;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Files, directories and symbolic links by node number, possibly over another tree that stays as it is.
///
/// A layer over an image is not a second tree with whiteouts: nodes have the same numbers in both, a changed node is
/// copied up, a removed one leaves a `None`. So hard links, renames of directories and node numbers are what they
/// are on one disk, where overlayfs has `EXDEV` and copies.
#[derive(Debug)]
pub struct Tree {
    pub(super) base: Option<Arc<Tree>>,
    pub(super) nodes: BTreeMap<u64, Option<Inode>>,
    /// Open files, mount points and walks under way; absent is 0.
    pub(super) pins: BTreeMap<u64, u32>,
    next: u64,
    pub(super) used: Usage,
    limit: Usage,
    /// Whether nothing more fits, whatever the limit.
    full: bool,
}

pub(super) const ROOT: u64 = 1;

impl Default for Tree {
    fn default() -> Self {
        Self::new(Usage::IMAGE, 0o755, WallTime::default())
    }
}

impl Tree {
    /// Starts an image.
    pub fn builder() -> TreeBuilder {
        TreeBuilder::default()
    }

    /// An empty tree.
    pub fn new(limit: Usage, mode: u32, now: WallTime) -> Self {
        let root = Inode {
            links: 2,
            ..Inode::new(
                Kind::Directory {
                    entries: BTreeMap::new(),
                    parent: ROOT,
                    name: String::new(),
                },
                mode,
                now,
            )
        };
        Self {
            base: None,
            nodes: BTreeMap::from([(ROOT, Some(root))]),
            pins: BTreeMap::new(),
            next: ROOT + 1,
            used: Usage::default(),
            limit,
            full: false,
        }
    }

    /// A private layer over `base`, which never changes.
    pub fn over(base: Arc<Self>, limit: Usage) -> Self {
        Self {
            nodes: BTreeMap::new(),
            pins: BTreeMap::new(),
            next: base.next,
            used: base.used,
            limit: Usage {
                bytes: base.used.bytes.saturating_add(limit.bytes),
                entries: base.used.entries.saturating_add(limit.entries),
            },
            base: Some(base),
            full: false,
        }
    }

    /// Lets nothing more fit, or as much as the limit allows.
    pub(super) fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// What was added to the tree below.
    pub fn usage(&self) -> Usage {
        let base = self
            .base
            .as_ref()
            .map_or_else(Usage::default, |base| base.used);
        Usage {
            bytes: self.used.bytes.saturating_sub(base.bytes),
            entries: self.used.entries.saturating_sub(base.entries),
        }
    }

    pub(super) const fn root(&self) -> u64 {
        ROOT
    }

    pub(super) fn lookup(&self, dir: u64, name: &str) -> Result<(u64, FileType), Errno> {
        let id = *self.entries(dir)?.get(name).ok_or(Errno::NoEntry)?;
        Ok((id, self.node(id)?.kind.file_type()))
    }

    pub(super) fn parent(&self, dir: u64) -> Result<u64, Errno> {
        match self.node(dir)?.kind {
            Kind::Directory { parent, .. } => Ok(parent),
            _ => Err(Errno::NotDirectory),
        }
    }

    pub(super) fn stat(&self, id: u64) -> Result<Stat, Errno> {
        let node = self.node(id)?;
        Ok(Stat {
            kind: node.kind.file_type(),
            device: 0,
            node: id,
            mode: node.mode,
            links: u64::from(node.links),
            size: match &node.kind {
                Kind::File(content) => content.len(),
                Kind::Symlink(target) => target.len() as u64,
                Kind::Directory { .. } | Kind::Device(_) => 0,
            },
            accessed: node.accessed,
            modified: node.modified,
            changed: node.changed,
        })
    }

    pub(super) fn device(&self, id: u64) -> Result<Option<Device>, Errno> {
        Ok(match self.node(id)?.kind {
            Kind::Device(device) => Some(device),
            _ => None,
        })
    }

    pub(super) fn read_link(&self, id: u64) -> Result<String, Errno> {
        match &self.node(id)?.kind {
            Kind::Symlink(target) => Ok(target.clone()),
            _ => Err(Errno::Invalid),
        }
    }

    pub(super) fn read_dir(
        &self,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries(dir)?
            .range::<str, _>((start, Bound::Unbounded))
            .take(max)
            .map(|(name, id)| {
                Ok(DirEntry {
                    name: name.clone(),
                    kind: self.node(*id)?.kind.file_type(),
                })
            })
            .collect()
    }

    pub(super) fn create(
        &mut self,
        dir: u64,
        name: &str,
        new: New<'_>,
        now: WallTime,
    ) -> Result<(u64, FileType), Errno> {
        self.check_new_entry(dir, name)?;
        let (kind, mode) = match new {
            New::File(mode) => (Kind::File(Content::default()), mode),
            New::Directory(mode) => {
                if self.node(dir)?.links >= limits::HARD_LINKS_MAX {
                    return Err(Errno::TooManyLinks);
                }
                let kind = Kind::Directory {
                    entries: BTreeMap::new(),
                    parent: dir,
                    name: name.to_owned(),
                };
                (kind, mode)
            }
            New::Symlink(target) => {
                let bytes = target.len() as u64;
                if self.free_bytes() < bytes {
                    return Err(Errno::InsufficientSpace);
                }
                self.used.bytes += bytes;
                (Kind::Symlink(target.to_owned()), 0o777)
            }
            New::Device(device) => (Kind::Device(device), 0o666),
        };
        let kind_of_file = kind.file_type();
        let id = self.next;
        self.next += 1;
        let mut node = Inode::new(kind, mode & 0o7777, now);
        if kind_of_file == FileType::Directory {
            node.links = 2;
        }
        self.nodes.insert(id, Some(node));
        self.insert_entry(dir, name, id, now)?;
        Ok((id, kind_of_file))
    }

    pub(super) fn link(
        &mut self,
        id: u64,
        dir: u64,
        name: &str,
        now: WallTime,
    ) -> Result<(), Errno> {
        self.check_new_entry(dir, name)?;
        let node = self.node(id)?;
        if node.kind.file_type() == FileType::Directory {
            return Err(Errno::NotPermitted);
        }
        // An unlinked file stays unlinked, as Linux has it for all but O_TMPFILE.
        if node.links == 0 {
            return Err(Errno::NoEntry);
        }
        if node.links >= limits::HARD_LINKS_MAX {
            return Err(Errno::TooManyLinks);
        }
        let node = self.node_mut(id)?;
        node.links += 1;
        node.changed = now;
        self.insert_entry(dir, name, id, now)
    }

    pub(super) fn unlink(&mut self, dir: u64, name: &str, now: WallTime) -> Result<(), Errno> {
        let (id, kind) = self.lookup(dir, name)?;
        if kind == FileType::Directory {
            return Err(Errno::IsDirectory);
        }
        self.remove_entry(dir, name, now)?;
        self.drop_link(id, now)
    }

    pub(super) fn remove_dir(&mut self, dir: u64, name: &str, now: WallTime) -> Result<(), Errno> {
        let (id, kind) = self.lookup(dir, name)?;
        if kind != FileType::Directory {
            return Err(Errno::NotDirectory);
        }
        if !self.entries(id)?.is_empty() {
            return Err(Errno::NotEmpty);
        }
        self.remove_entry(dir, name, now)?;
        self.drop_link(id, now)
    }

    pub(super) fn rename(
        &mut self,
        (from_dir, from): (u64, &str),
        (to_dir, to): (u64, &str),
        now: WallTime,
    ) -> Result<(), Errno> {
        let (id, kind) = self.lookup(from_dir, from)?;
        let replaced = match self.lookup(to_dir, to) {
            Ok(replaced) => Some(replaced),
            Err(Errno::NoEntry) => None,
            Err(error) => return Err(error),
        };
        if replaced.is_some_and(|(replaced, _)| replaced == id) {
            return Ok(());
        }
        let is_dir = kind == FileType::Directory;
        if is_dir && self.is_below(to_dir, id)? {
            return Err(Errno::Invalid);
        }
        match replaced {
            None => self.check_alive(to_dir)?,
            Some((_, FileType::Directory)) if !is_dir => return Err(Errno::IsDirectory),
            Some((replaced, FileType::Directory)) => {
                if !self.entries(replaced)?.is_empty() {
                    return Err(Errno::NotEmpty);
                }
            }
            Some(_) if is_dir => return Err(Errno::NotDirectory),
            Some(_) => {}
        }
        if let Some((replaced, _)) = replaced {
            self.remove_entry(to_dir, to, now)?;
            self.drop_link(replaced, now)?;
        }
        self.remove_entry(from_dir, from, now)?;
        self.insert_entry(to_dir, to, id, now)?;
        let node = self.node_mut(id)?;
        node.changed = now;
        if let Kind::Directory { parent, name, .. } = &mut node.kind {
            *parent = to_dir;
            to.clone_into(name);
        }
        Ok(())
    }

    pub(super) fn set_times(&mut self, id: u64, times: Times, now: WallTime) -> Result<(), Errno> {
        let node = self.node_mut(id)?;
        node.accessed = times.accessed.unwrap_or(node.accessed);
        node.modified = times.modified.unwrap_or(node.modified);
        node.changed = now;
        Ok(())
    }

    pub(super) fn read_at(&self, id: u64, offset: u64, max: usize) -> Result<Bytes, Errno> {
        match &self.node(id)?.kind {
            Kind::File(content) => Ok(content.read_at(offset, max)),
            _ => Err(Errno::Invalid),
        }
    }

    /// Writes at `offset`, or at the end when there is none; returns what was written and where the next byte goes.
    pub(super) fn write_at(
        &mut self,
        id: u64,
        offset: Option<u64>,
        data: &[u8],
        now: WallTime,
    ) -> Result<(usize, u64), Errno> {
        let space = self.free_bytes();
        self.with_content(id, now, |content| {
            let offset = offset.unwrap_or(content.len());
            let written = content.write_at(offset, data, space)?;
            Ok((written, offset + written as u64))
        })
    }

    pub(super) fn set_len(&mut self, id: u64, len: u64, now: WallTime) -> Result<(), Errno> {
        self.with_content(id, now, |content| content.set_len(len))
    }

    /// Gives a file content that is shared, and so not charged.
    pub(super) fn set_bytes(&mut self, id: u64, bytes: Bytes, now: WallTime) -> Result<(), Errno> {
        self.with_content(id, now, |content| {
            *content = Content::from(bytes);
            Ok(())
        })
    }

    /// Sets the permission bits.
    pub(super) fn set_mode(&mut self, id: u64, mode: u32, now: WallTime) -> Result<(), Errno> {
        let node = self.node_mut(id)?;
        (node.mode, node.changed) = (mode & 0o7777, now);
        Ok(())
    }

    fn with_content<R>(
        &mut self,
        id: u64,
        now: WallTime,
        change: impl FnOnce(&mut Content) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let node = self.node_mut(id)?;
        let Kind::File(content) = &mut node.kind else {
            return Err(Errno::Invalid);
        };
        let before = content.charged();
        let result = change(content)?;
        let after = content.charged();
        node.modified = now;
        node.changed = now;
        let most = self.limit.bytes.max(self.used.bytes);
        self.used.bytes = self.used.bytes - before + after;
        assert!(self.used.bytes <= most);
        Ok(result)
    }

    fn free_bytes(&self) -> u64 {
        if self.full {
            return 0;
        }
        self.limit.bytes.saturating_sub(self.used.bytes)
    }

    pub(super) fn node(&self, id: u64) -> Result<&Inode, Errno> {
        match self.nodes.get(&id) {
            Some(node) => node.as_ref().ok_or(Errno::NoEntry),
            None => self.base.as_ref().ok_or(Errno::NoEntry)?.node(id),
        }
    }

    pub(super) fn node_mut(&mut self, id: u64) -> Result<&mut Inode, Errno> {
        if !self.nodes.contains_key(&id) {
            let copy = self.node(id)?.clone();
            self.nodes.insert(id, Some(copy));
        }
        self.nodes
            .get_mut(&id)
            .and_then(Option::as_mut)
            .ok_or(Errno::NoEntry)
    }

    fn entries(&self, dir: u64) -> Result<&BTreeMap<String, u64>, Errno> {
        match &self.node(dir)?.kind {
            Kind::Directory { entries, .. } => Ok(entries),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// A removed directory that somebody still has open takes no new entries.
    fn check_alive(&self, dir: u64) -> Result<(), Errno> {
        if self.node(dir)?.links == 0 {
            return Err(Errno::NoEntry);
        }
        Ok(())
    }

    fn check_new_entry(&self, dir: u64, name: &str) -> Result<(), Errno> {
        if self.entries(dir)?.contains_key(name) {
            return Err(Errno::Exist);
        }
        self.check_alive(dir)?;
        if self.full || self.used.entries >= self.limit.entries {
            return Err(Errno::InsufficientSpace);
        }
        Ok(())
    }

    fn insert_entry(&mut self, dir: u64, name: &str, id: u64, now: WallTime) -> Result<(), Errno> {
        let is_dir = self.node(id)?.kind.file_type() == FileType::Directory;
        let node = self.node_mut(dir)?;
        let Kind::Directory { entries, .. } = &mut node.kind else {
            return Err(Errno::NotDirectory);
        };
        entries.insert(name.to_owned(), id);
        node.links += u32::from(is_dir);
        node.modified = now;
        node.changed = now;
        self.used.entries += 1;
        Ok(())
    }

    fn remove_entry(&mut self, dir: u64, name: &str, now: WallTime) -> Result<(), Errno> {
        let (_, kind) = self.lookup(dir, name)?;
        let node = self.node_mut(dir)?;
        let Kind::Directory { entries, .. } = &mut node.kind else {
            return Err(Errno::NotDirectory);
        };
        entries.remove(name);
        node.links -= u32::from(kind == FileType::Directory);
        node.modified = now;
        node.changed = now;
        self.used.entries -= 1;
        Ok(())
    }

    /// Whether `dir` is `above` or somewhere below it.
    fn is_below(&self, mut dir: u64, above: u64) -> Result<bool, Errno> {
        loop {
            if dir == above {
                return Ok(true);
            }
            if dir == ROOT {
                return Ok(false);
            }
            dir = self.parent(dir)?;
        }
    }
}
