//! Numbers for the nodes of a volume that knows only paths.

use super::Errno;
use std::collections::BTreeMap;

/// Pinned nodes with their names. A node keeps its number when it or a directory above it is renamed through this
/// table, as an entry of Linux' dentry cache does; a node that nobody pins is not in it.
#[derive(Debug)]
pub(super) struct Names {
    entries: BTreeMap<u64, Entry>,
    /// Numbers of entries that are not gone.
    numbers: BTreeMap<(u64, String), u64>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    parent: u64,
    name: String,
    /// By callers, and by the entries below.
    pins: u32,
    /// Removed, while somebody still has it.
    gone: bool,
}

pub(super) const ROOT: u64 = 1;

impl Default for Names {
    fn default() -> Self {
        let root = Entry {
            parent: ROOT,
            name: String::new(),
            pins: 1,
            gone: false,
        };
        Self {
            entries: BTreeMap::from([(ROOT, root)]),
            numbers: BTreeMap::new(),
            next: ROOT + 1,
        }
    }
}

impl Names {
    /// The number of an entry, pinned.
    pub(super) fn pin_name(&mut self, parent: u64, name: &str) -> u64 {
        if let Some(id) = self.numbers.get(&(parent, name.to_owned())).copied() {
            self.pin(id);
            return id;
        }
        let id = self.next;
        self.next += 1;
        self.pin(parent);
        self.numbers.insert((parent, name.to_owned()), id);
        let entry = Entry {
            parent,
            name: name.to_owned(),
            pins: 1,
            gone: false,
        };
        self.entries.insert(id, entry);
        id
    }

    pub(super) fn pin(&mut self, id: u64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.pins += 1;
        }
    }

    pub(super) fn unpin(&mut self, mut id: u64) {
        while let Some(entry) = self.entries.get_mut(&id) {
            entry.pins -= 1;
            if entry.pins > 0 {
                return;
            }
            let Some(entry) = self.entries.remove(&id) else {
                return;
            };
            if !entry.gone {
                self.numbers.remove(&(entry.parent, entry.name));
            }
            id = entry.parent;
        }
    }

    /// The directory above, pinned.
    pub(super) fn parent(&mut self, id: u64) -> Result<u64, Errno> {
        let parent = self.entries.get(&id).ok_or(Errno::NoEntry)?.parent;
        self.pin(parent);
        Ok(parent)
    }

    /// Names from the root, joined by `/`; empty for the root.
    pub(super) fn path(&self, mut id: u64) -> Result<String, Errno> {
        let mut names = Vec::new();
        while id != ROOT {
            let entry = self.entries.get(&id).ok_or(Errno::NoEntry)?;
            if entry.gone {
                return Err(Errno::NoEntry);
            }
            names.push(entry.name.as_str());
            id = entry.parent;
        }
        names.reverse();
        Ok(names.join("/"))
    }

    pub(super) fn path_below(&self, dir: u64, name: &str) -> Result<String, Errno> {
        let dir = self.path(dir)?;
        Ok(if dir.is_empty() {
            name.to_owned()
        } else {
            format!("{dir}/{name}")
        })
    }

    /// An entry was removed.
    pub(super) fn removed(&mut self, parent: u64, name: &str) {
        let id = self.numbers.remove(&(parent, name.to_owned()));
        if let Some(entry) = id.and_then(|id| self.entries.get_mut(&id)) {
            entry.gone = true;
        }
    }

    /// An entry was moved, over another one if there was one.
    pub(super) fn renamed(&mut self, from: (u64, &str), to: (u64, &str)) {
        if from == to {
            return;
        }
        self.removed(to.0, to.1);
        let Some(id) = self.numbers.remove(&(from.0, from.1.to_owned())) else {
            return;
        };
        self.pin(to.0);
        self.numbers.insert((to.0, to.1.to_owned()), id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.parent = to.0;
            entry.name = to.1.to_owned();
        }
        self.unpin(from.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_renames_and_forgets_what_nobody_has() {
        let mut names = Names::default();
        let a = names.pin_name(ROOT, "a");
        let b = names.pin_name(a, "b");
        assert_eq!(names.path(b).as_deref(), Ok("a/b"));
        names.renamed((ROOT, "a"), (ROOT, "c"));
        assert_eq!(names.path(b).as_deref(), Ok("c/b"));
        assert_eq!(names.pin_name(a, "b"), b);
        names.removed(a, "b");
        assert_eq!(names.path(b), Err(Errno::NoEntry));
        let again = names.pin_name(a, "b");
        assert_ne!(again, b);
        for id in [again, b, b, a] {
            names.unpin(id);
        }
        assert_eq!((names.entries.len(), names.numbers.len()), (1, 0));
    }

    #[test]
    fn a_rename_moves_the_pin_of_the_directory_above() {
        let mut names = Names::default();
        let (a, b) = (names.pin_name(ROOT, "a"), names.pin_name(ROOT, "b"));
        let file = names.pin_name(a, "file");
        names.renamed((a, "file"), (b, "other"));
        names.unpin(a);
        names.unpin(b);
        assert_eq!(names.path(file).as_deref(), Ok("b/other"));
        names.unpin(file);
        assert_eq!((names.entries.len(), names.numbers.len()), (1, 0));
    }
}
