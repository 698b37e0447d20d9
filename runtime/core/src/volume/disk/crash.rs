//! What is left of a disk's changes when the power goes.

use super::super::inode::{Inode, Kind};
use super::super::tree::Tree;
use super::Decisions;
use super::journal::{DataChange, Journal, Kept, NameChange, content_after, parts};
use crate::sched::ChoiceKind;
use std::collections::{BTreeMap, BTreeSet};

/// How many of several pending changes made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Survival {
    All,
    None,
    /// The first of them.
    Prefix,
    /// Any of them.
    Each,
}

impl Journal {
    /// Decides what of the pending changes made it, and brings the tree to that.
    pub(super) fn crash(self, tree: &mut Tree, volume: &str, decisions: &dyn Decisions) {
        let Self {
            mut durable,
            writes,
            names,
            ..
        } = self;
        for (change, is_kept) in names.iter().zip(kept_names(&names, volume, decisions)) {
            if is_kept {
                change.apply(&mut durable);
            }
        }
        let paths = reachable(tree, &durable);
        for (node, changes) in writes {
            let Some(path) = paths.get(&node) else {
                continue;
            };
            let Some(Kind::File(content)) = durable.get_mut(&node).map(|node| &mut node.kind)
            else {
                continue;
            };
            let label = format!("vol:{volume}/{path}");
            let kept = kept_writes(&changes, &label, decisions);
            *content = content_after(content, &changes, &kept);
        }
        tree.recover(durable);
    }
}

/// One of `arity`; nobody is asked where there is no choice.
fn pick(decisions: &dyn Decisions, arity: usize, label: &str) -> usize {
    match u32::try_from(arity) {
        Ok(0 | 1) | Err(_) => 0,
        Ok(arity) => decisions.choose(ChoiceKind::Disk, arity, label) as usize,
    }
}

fn survival(options: &[Survival], label: &str, decisions: &dyn Decisions) -> Survival {
    let pick = pick(decisions, options.len(), label);
    options.get(pick).copied().unwrap_or(Survival::All)
}

fn kept_names(names: &[NameChange], volume: &str, decisions: &dyn Decisions) -> Vec<bool> {
    let label = format!("vol:{volume} names");
    let options: &[Survival] = match names.len() {
        0 => return Vec::new(),
        1 => &[Survival::All, Survival::None],
        _ => &[
            Survival::All,
            Survival::None,
            Survival::Prefix,
            Survival::Each,
        ],
    };
    match survival(options, &label, decisions) {
        Survival::All => vec![true; names.len()],
        Survival::None => vec![false; names.len()],
        Survival::Prefix => {
            let lost = 1 + pick(decisions, names.len() - 1, &format!("{label} lost"));
            let kept = names.len().saturating_sub(lost);
            (0..names.len()).map(|number| number < kept).collect()
        }
        Survival::Each => {
            let mut kept = Vec::new();
            for (number, change) in names.iter().enumerate() {
                let mut earlier = names[..number].iter().zip(&kept);
                let is_possible = earlier.all(|(other, is_kept)| *is_kept || !change.needs(other));
                let label = change.label(volume);
                kept.push(is_possible && pick(decisions, 2, &label) == 0);
            }
            kept
        }
    }
}

impl NameChange {
    fn label(&self, volume: &str) -> String {
        let names = self.entries.iter().map(|entry| entry.name.as_str());
        let names = names.collect::<Vec<_>>().join(" ");
        format!("vol:{volume} {} {names}", self.call)
    }
}

fn kept_writes(changes: &[DataChange], label: &str, decisions: &dyn Decisions) -> Kept {
    let parts = parts(changes);
    let mut options = vec![Survival::All, Survival::None];
    if changes.len() > 1 {
        options.push(Survival::Prefix);
    }
    if changes.len() > 1 || parts.len() > 1 {
        options.push(Survival::Each);
    }
    let count = changes.len();
    match survival(&options, label, decisions) {
        Survival::All => Kept::First(count),
        Survival::None => Kept::First(0),
        Survival::Prefix => {
            let lost = 1 + pick(decisions, count - 1, &format!("{label} lost"));
            Kept::First(count.saturating_sub(lost))
        }
        Survival::Each => {
            let lost = |of: usize, what: &str| {
                let label = format!("{label} {what}");
                pick(decisions, of + 1, &label)
            };
            let steps = count - lost(count, "length").min(count);
            let parts = parts.into_iter().map(|(block, writes)| {
                let kept = writes - lost(writes, &format!("block {block}")).min(writes);
                (block, kept)
            });
            Kept::Torn(steps, parts.collect())
        }
    }
}

/// Paths of the files that a disk has, by node; of those with several names the first.
fn reachable(tree: &Tree, durable: &BTreeMap<u64, Inode>) -> BTreeMap<u64, String> {
    let mut paths = BTreeMap::new();
    let mut seen = BTreeSet::from([tree.root()]);
    let mut pending = vec![(tree.root(), String::new())];
    while let Some((dir, path)) = pending.pop() {
        let entries = match kind_of(tree, durable, dir) {
            Some(Kind::Directory { entries, .. }) => entries,
            Some(Kind::File(_) | Kind::Symlink(_) | Kind::Device(_)) | None => continue,
        };
        for (name, node) in entries {
            let path = match path.as_str() {
                "" => name.clone(),
                path => format!("{path}/{name}"),
            };
            match kind_of(tree, durable, *node) {
                Some(Kind::Directory { .. }) if seen.insert(*node) => pending.push((*node, path)),
                Some(Kind::File(_)) => {
                    paths.entry(*node).or_insert(path);
                }
                Some(Kind::Directory { .. } | Kind::Symlink(_) | Kind::Device(_)) | None => {}
            }
        }
    }
    paths
}

fn kind_of<'a>(tree: &'a Tree, durable: &'a BTreeMap<u64, Inode>, node: u64) -> Option<&'a Kind> {
    let node = match durable.get(&node) {
        Some(node) => node,
        None => tree.node(node).ok()?,
    };
    Some(&node.kind)
}
