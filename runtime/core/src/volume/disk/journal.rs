//! What a disk does not have yet: changes that only the page cache knows.

use super::super::Errno;
use super::super::content::{Content, PAGE};
use super::super::inode::{Inode, Kind};
use super::super::tree::Tree;
use super::Durability;
use crate::limits;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Changes since the last sync, and what the disk has of the nodes they are about. Everything else is on the disk as it is
/// in the tree.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) durability: Durability,
    /// Nodes as the disk has them.
    pub(super) durable: BTreeMap<u64, Inode>,
    /// Changes of content, in order.
    pub(super) writes: BTreeMap<u64, Vec<DataChange>>,
    /// Changes of names, in order.
    pub(super) names: Vec<NameChange>,
    pending_writes: usize,
    pending_bytes: usize,
}

#[derive(Clone, Debug)]
pub(super) enum DataChange {
    Write { offset: u64, bytes: Bytes },
    SetLen(u64),
}

/// One call that gave or took names. A disk has all of it or nothing.
#[derive(Clone, Debug)]
pub(super) struct NameChange {
    /// `create`, `link`, `rename`, `unlink` or `rmdir`.
    pub(super) call: &'static str,
    /// What the names are about.
    pub(super) node: u64,
    pub(super) is_dir: bool,
    /// What lost its name to it.
    pub(super) replaced: Option<u64>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) dir: u64,
    pub(super) name: String,
    /// None where the name is taken away.
    pub(super) node: Option<u64>,
}

impl DataChange {
    fn bytes(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => bytes.len(),
            Self::SetLen(_) => 0,
        }
    }
}

impl NameChange {
    fn nodes(&self) -> impl Iterator<Item = u64> + '_ {
        let dirs = self.entries.iter().map(|entry| entry.dir);
        dirs.chain([self.node]).chain(self.replaced)
    }

    /// Whether it cannot be on a disk without `earlier`: both are about one node or one name, or one happens in a directory
    /// which the other made or moved. Directories move in order, or one could end up below itself.
    pub(super) fn needs(&self, earlier: &Self) -> bool {
        self.node == earlier.node
            || (self.call == "rename" && earlier.call == "rename" && self.is_dir && earlier.is_dir)
            || self.entries.iter().any(|entry| {
                entry.dir == earlier.node
                    || earlier
                        .entries
                        .iter()
                        .any(|other| other.dir == entry.dir && other.name == entry.name)
            })
    }

    /// Puts the names into the nodes that a disk has.
    pub(super) fn apply(&self, durable: &mut BTreeMap<u64, Inode>) {
        for entry in &self.entries {
            let Some(Kind::Directory { entries, .. }) =
                durable.get_mut(&entry.dir).map(|dir| &mut dir.kind)
            else {
                continue;
            };
            match entry.node {
                Some(node) => entries.insert(entry.name.clone(), node),
                None => entries.remove(&entry.name),
            };
        }
    }
}

impl Journal {
    pub(super) fn new(durability: Durability) -> Self {
        Self {
            durability,
            ..Self::default()
        }
    }

    /// Keeps what the disk has of a node, before it is changed.
    pub(super) fn remember(&mut self, tree: &Tree, node: u64) -> Result<(), Errno> {
        if let std::collections::btree_map::Entry::Vacant(vacant) = self.durable.entry(node) {
            vacant.insert(tree.node(node)?.clone());
        }
        Ok(())
    }

    /// Notes a change of content, after it was made. Too many of them, and the disk takes them.
    pub(super) fn wrote(&mut self, tree: &Tree, node: u64, change: DataChange) {
        self.pending_bytes += change.bytes();
        self.pending_writes += 1;
        self.writes.entry(node).or_default().push(change);
        if self.pending_bytes > limits::DISK_PENDING_BYTES_MAX
            || self.pending_writes > limits::DISK_PENDING_WRITES_MAX
        {
            for node in self.writes.keys().copied().collect::<Vec<_>>() {
                self.sync_content(tree, node);
            }
            self.forget(tree);
        }
    }

    /// Notes a change of names, after it was made.
    pub(super) fn named(&mut self, tree: &Tree, change: NameChange) {
        self.names.push(change);
        if self.names.len() > limits::DISK_PENDING_NAMES_MAX {
            self.sync_names(|_| true);
            self.forget(tree);
        }
    }

    /// `fsync`, or with `data_only` `fdatasync`.
    pub(super) fn sync(&mut self, tree: &Tree, node: u64, data_only: bool) {
        self.sync_content(tree, node);
        let own = match self.durability {
            Durability::NamesWithFile => true,
            Durability::NamesApart => false,
        };
        self.sync_names(|change| {
            let is_entry_of = change.entries.iter().any(|entry| entry.dir == node);
            is_entry_of || (own && change.node == node && (change.call == "create" || !data_only))
        });
        self.forget(tree);
    }

    fn sync_content(&mut self, tree: &Tree, node: u64) {
        self.drop_writes(node);
        if let (Some(durable), Ok(live)) = (self.durable.get_mut(&node), tree.node(node))
            && let Kind::File(_) = live.kind
        {
            *durable = live.clone();
        }
    }

    /// Takes name changes to the disk, and those they need.
    fn sync_names(&mut self, wanted: impl Fn(&NameChange) -> bool) {
        let mut taken: Vec<bool> = self.names.iter().map(wanted).collect();
        for later in (0..self.names.len()).rev() {
            if !taken[later] {
                continue;
            }
            let (earlier, rest) = self.names.split_at(later);
            for (is_taken, change) in taken.iter_mut().zip(earlier) {
                *is_taken |= rest[0].needs(change);
            }
        }
        let mut taken = taken.into_iter();
        let durable = &mut self.durable;
        self.names.retain(|change| {
            let is_taken = taken.next() == Some(true);
            if is_taken {
                change.apply(durable);
            }
            !is_taken
        });
    }

    fn drop_writes(&mut self, node: u64) {
        for change in self.writes.remove(&node).unwrap_or_default() {
            self.pending_bytes -= change.bytes();
            self.pending_writes -= 1;
        }
    }

    /// Forgets what the disk has of nodes without pending changes: it is what the tree has. Nobody misses writes to a file
    /// that is gone for good.
    fn forget(&mut self, tree: &Tree) {
        let pending: BTreeSet<u64> = self.names.iter().flat_map(NameChange::nodes).collect();
        let nodes = self.writes.keys().copied();
        let gone = nodes.filter(|node| tree.node(*node).is_err() && !pending.contains(node));
        for node in gone.collect::<Vec<_>>() {
            self.drop_writes(node);
        }
        let writes = &self.writes;
        self.durable
            .retain(|node, _| writes.contains_key(node) || pending.contains(node));
    }
}

/// How much of the changes of one file a disk has.
#[derive(Debug)]
pub(super) enum Kept {
    /// The first so many.
    First(usize),
    /// The length after so many, and of every part so many of the writes to it.
    Torn(usize, BTreeMap<u64, usize>),
}

/// Parts of a file that writes have changed, by their first block, and how many writes each. A part ends where the next
/// begins.
pub(super) fn parts(changes: &[DataChange]) -> BTreeMap<u64, usize> {
    let ranges = || {
        changes.iter().filter_map(|change| match change {
            DataChange::Write { offset, bytes } => {
                let last = (bytes.len() as u64).checked_sub(1)?;
                Some((offset / BLOCK, (offset + last) / BLOCK))
            }
            DataChange::SetLen(_) => None,
        })
    };
    let blocks: BTreeSet<u64> = ranges().flat_map(|(first, last)| first..=last).collect();
    let run = blocks.len().div_ceil(limits::DISK_TORN_PARTS_MAX).max(1);
    let mut parts: BTreeMap<u64, usize> = blocks
        .into_iter()
        .step_by(run)
        .map(|first| (first, 0))
        .collect();
    for (first, last) in ranges() {
        let begun = parts
            .range(..=first)
            .next_back()
            .map_or(first, |(block, _)| *block);
        for (_, writes) in parts.range_mut(begun..=last) {
            *writes += 1;
        }
    }
    parts
}

/// The content of a file after a crash.
pub(super) fn content_after(durable: &Content, changes: &[DataChange], kept: &Kept) -> Content {
    let (steps, torn) = match kept {
        Kept::First(steps) => (*steps, None),
        Kept::Torn(steps, parts) => (*steps, Some(parts)),
    };
    let mut content = durable.clone();
    let mut len = durable.len();
    let mut done: BTreeMap<u64, usize> = BTreeMap::new();
    let mut is_cut_pending = false;
    for (number, change) in changes.iter().enumerate() {
        let is_kept = number < steps;
        match change {
            DataChange::SetLen(to) => {
                // What is written after a cut lies in blocks that only the file that was cut has.
                is_cut_pending |= !is_kept;
                if is_kept {
                    len = *to;
                    let _within_limit = content.set_len(*to);
                }
            }
            DataChange::Write { offset, bytes } => {
                if is_kept {
                    len = len.max(offset + bytes.len() as u64);
                }
                match torn {
                    None if is_kept => write(&mut content, *offset, bytes),
                    Some(parts) if !is_cut_pending => {
                        write_parts(&mut content, *offset, bytes, parts, &mut done);
                    }
                    None | Some(_) => {}
                }
            }
        }
    }
    let _within_limit = content.set_len(len);
    content
}

fn write_parts(
    content: &mut Content,
    offset: u64,
    bytes: &Bytes,
    parts: &BTreeMap<u64, usize>,
    done: &mut BTreeMap<u64, usize>,
) {
    let end = offset + bytes.len() as u64;
    let ends = parts.keys().skip(1).map(|block| block * BLOCK);
    let ranges = parts.iter().zip(ends.chain([u64::MAX]));
    for ((block, kept), part_end) in ranges {
        let (from, to) = (offset.max(block * BLOCK), end.min(part_end));
        if from >= to {
            continue;
        }
        let count = done.entry(*block).or_default();
        *count += 1;
        if *count <= *kept {
            let part = (from - offset) as usize..(to - offset) as usize;
            write(content, from, &bytes[part]);
        }
    }
}

fn write(content: &mut Content, offset: u64, bytes: &[u8]) {
    // It was written once, so it is within the limits of a file.
    let _written = content.write_at(offset, bytes, u64::MAX);
}

/// Bytes that a disk writes whole or not at all.
const BLOCK: u64 = PAGE as u64;
