//! Nodes come to their end when they have neither a name nor a pin.

use super::inode::{Inode, Kind};
use super::tree::ROOT;
use super::{Errno, Tree, Usage};
use crate::time::WallTime;
use std::collections::{BTreeMap, BTreeSet};

impl Tree {
    pub(super) fn pin(&mut self, id: u64) {
        *self.pins.entry(id).or_default() += 1;
    }

    pub(super) fn unpin(&mut self, id: u64) {
        let Some(pins) = self.pins.get_mut(&id) else {
            return;
        };
        *pins -= 1;
        if *pins == 0 {
            self.pins.remove(&id);
            self.reap(id);
        }
    }

    /// One name less; a directory has but one.
    pub(super) fn drop_link(&mut self, id: u64, now: WallTime) -> Result<(), Errno> {
        let node = self.node_mut(id)?;
        match node.kind {
            Kind::Directory { .. } => node.links = 0,
            _ => node.links -= 1,
        }
        node.changed = now;
        self.reap(id);
        Ok(())
    }

    pub(super) fn reap(&mut self, id: u64) {
        if self.pins.contains_key(&id) {
            return;
        }
        let Ok(node) = self.node(id) else { return };
        if node.links > 0 {
            return;
        }
        self.used.bytes -= node.charged();
        if self.base.as_ref().is_some_and(|base| base.node(id).is_ok()) {
            self.nodes.insert(id, None);
        } else {
            self.nodes.remove(&id);
        }
    }

    /// Puts back what `durable` says of its nodes, as after a crash. What has no name in the tree that this gives is gone,
    /// but for pinned nodes, which wait for their last pin.
    pub(super) fn recover(&mut self, durable: BTreeMap<u64, Inode>) {
        for (id, node) in durable {
            self.nodes.insert(id, Some(node));
        }
        let links = self.connect();
        let mut used = Usage::default();
        self.nodes.retain(|id, node| {
            let named = links.get(id).copied().unwrap_or_default();
            let Some(node) = node
                .as_mut()
                .filter(|_| named > 0 || self.pins.contains_key(id))
            else {
                return false;
            };
            node.links = named;
            if let (0, Kind::Directory { entries, .. }) = (named, &mut node.kind) {
                entries.clear();
            }
            used.bytes += node.charged();
            if let Kind::Directory { entries, .. } = &node.kind {
                used.entries += entries.len() as u64;
            }
            true
        });
        self.used = used;
    }

    /// Walks from the root, drops entries that lead nowhere or into a circle, and counts the names of every node.
    fn connect(&mut self) -> BTreeMap<u64, u32> {
        let mut links = BTreeMap::from([(ROOT, 2)]);
        let mut seen = BTreeSet::from([ROOT]);
        let mut pending = vec![ROOT];
        while let Some(dir) = pending.pop() {
            let Ok(Kind::Directory { entries, .. }) = self.node(dir).map(|node| &node.kind) else {
                continue;
            };
            let mut kept = BTreeMap::new();
            for (name, id) in entries.clone() {
                let Ok(node) = self.node_mut(id) else {
                    continue;
                };
                if let Kind::Directory {
                    parent, name: own, ..
                } = &mut node.kind
                {
                    if !seen.insert(id) {
                        continue;
                    }
                    (*parent, *own) = (dir, name.clone());
                    links.insert(id, 2);
                    *links.entry(dir).or_default() += 1;
                    pending.push(id);
                } else {
                    *links.entry(id).or_default() += 1;
                }
                kept.insert(name, id);
            }
            if let Ok(Kind::Directory { entries, .. }) =
                self.node_mut(dir).map(|node| &mut node.kind)
            {
                *entries = kept;
            }
        }
        links
    }
}
