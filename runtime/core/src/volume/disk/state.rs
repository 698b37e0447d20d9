//! What a disk is: the tree that guests see, what of it is not on the disk, and what is wrong.

use super::super::{Caller, DirEntry, Errno, FileType, Tree};
use super::faults::{DiskFaults, Order, rank};
use super::journal::{DataChange, Entry, Journal, NameChange};
use crate::time::WallTime;
use bytes::Bytes;

pub(super) struct State {
    pub(super) tree: Tree,
    /// None where the power stays on: then everything is on the disk at once.
    pub(super) journal: Option<Journal>,
    /// None is the quiet case, which costs nothing.
    pub(super) faults: Option<Box<DiskFaults>>,
    /// A write was torn, and nobody has asked since.
    pub(super) torn: bool,
    pub(super) order: Order,
}

impl State {
    pub(super) fn new(tree: Tree) -> Self {
        Self {
            tree,
            journal: None,
            faults: None,
            torn: false,
            order: Order::default(),
        }
    }

    pub(super) fn time(&self, caller: Caller) -> WallTime {
        let granularity = self.faults.as_ref().map(|faults| faults.time_granularity);
        let granularity = granularity.map_or(0, |time| time.as_nanos());
        let now = caller.now.as_unix_nanos();
        match u64::try_from(granularity) {
            Ok(1..) => WallTime::from_unix_nanos(now - now % granularity as u64),
            Ok(0) | Err(_) => caller.now,
        }
    }

    /// Whether the write under way is to be torn; no later one is.
    pub(super) fn take_tear(&mut self) -> bool {
        let Some(faults) = &mut self.faults else {
            return false;
        };
        let is_torn = std::mem::take(&mut faults.tear_next_write);
        self.torn |= is_torn;
        is_torn
    }

    pub(super) fn write(
        &mut self,
        caller: Caller,
        node: u64,
        offset: Option<u64>,
        data: &[u8],
    ) -> Result<(usize, u64), Errno> {
        let now = self.time(caller);
        self.remember(&[node])?;
        let (written, end) = self.tree.write_at(node, offset, data, now)?;
        if written > 0 {
            self.wrote(node, || DataChange::Write {
                offset: end - written as u64,
                bytes: Bytes::copy_from_slice(&data[..written]),
            });
        }
        Ok((written, end))
    }

    pub(super) fn remember(&mut self, nodes: &[u64]) -> Result<(), Errno> {
        let Self { tree, journal, .. } = self;
        let Some(journal) = journal else {
            return Ok(());
        };
        nodes
            .iter()
            .try_for_each(|node| journal.remember(tree, *node))
    }

    pub(super) fn named(&mut self, change: impl FnOnce() -> NameChange) {
        if let Some(journal) = &mut self.journal {
            journal.named(&self.tree, change());
        }
    }

    pub(super) fn wrote(&mut self, node: u64, change: impl FnOnce() -> DataChange) {
        if let Some(journal) = &mut self.journal {
            journal.wrote(&self.tree, node, change());
        }
    }

    /// Attributes are on the disk at once: no program relies on less.
    pub(super) fn set_attributes(
        &mut self,
        node: u64,
        set: impl FnOnce(&mut Tree) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        set(&mut self.tree)?;
        let durable = self.journal.as_mut();
        let durable = durable.and_then(|journal| journal.durable.get_mut(&node));
        if let Some(durable) = durable {
            let live = self.tree.node(node)?;
            (durable.mode, durable.accessed) = (live.mode, live.accessed);
            (durable.modified, durable.changed) = (live.modified, live.changed);
        }
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        (dir, name): (u64, &str),
        call: &'static str,
        remove: impl FnOnce(&mut Tree) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let (node, kind) = self.tree.lookup(dir, name)?;
        self.remember(&[dir, node])?;
        remove(&mut self.tree)?;
        self.named(|| NameChange {
            call,
            node,
            is_dir: kind == FileType::Directory,
            replaced: None,
            entries: vec![entry(dir, name, None)],
        });
        Ok(())
    }

    pub(super) fn read_dir_by_hash(
        &self,
        hash: u32,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno> {
        let rank = |name: &str| (rank(hash, name), name.to_owned());
        let entries = self.tree.read_dir(dir, None, usize::MAX)?;
        let after = after.map(rank);
        let mut ranked: Vec<_> = entries
            .into_iter()
            .map(|entry| (rank(&entry.name), entry))
            .filter(|(rank, _)| after.as_ref().is_none_or(|after| rank > after))
            .collect();
        ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(ranked
            .into_iter()
            .take(max)
            .map(|(_, entry)| entry)
            .collect())
    }
}

pub(super) fn entry(dir: u64, name: &str, node: Option<u64>) -> Entry {
    Entry {
        dir,
        name: name.to_owned(),
        node,
    }
}
