//! A simulated disk: what a plain `emptyDir` lies on in a simulation.
//!
//! Guests see a [`Tree`], as on any volume. Where a test may cut the power, a journal keeps what the disk has of every node
//! that was changed since it was last synced, and the changes. The end of a process loses nothing, for the page cache
//! outlives it; the end of the machine does: [`DiskVolume::crash`] decides what of the pending changes made it. Content
//! survives change by change, or torn: the length as of one change, each block as of another. A call that gives or takes
//! names survives whole or not at all, in any order, but a name never without the directory it is in. This is the model of
//! ALICE (OSDI '14) and of turmoil's file system, with two additions: `fsync` of a file brings its names with it, as Linux'
//! file systems do ([`Durability`]), and a disk that is given too much unsynced writes it back by itself.

mod crash;
mod faults;
mod journal;
mod state;

#[cfg(test)]
mod tests;

pub use faults::{Decisions, DiskErrors, DiskFaults, Durability, Usual};

use super::{Caller, DirEntry, Errno, FileType, New, Opened, Stat, Times, Tree, Usage, Volume};
use crate::podtest::DiskCall;
use crate::time::WallTime;
use bytes::Bytes;
use faults::Order;
use journal::{DataChange, Journal, NameChange};
use state::{State, entry};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A volume that can lose what was not synced, and can fail. See the module.
pub struct DiskVolume {
    name: String,
    state: Mutex<State>,
    changed: AtomicBool,
    /// Asked under the lock of `state`, so whoever answers never calls a volume.
    decisions: Arc<dyn Decisions>,
}

impl DiskVolume {
    /// An empty disk, under the pod's name of it.
    pub fn new(
        name: &str,
        size_limit_bytes: Option<u64>,
        now: WallTime,
        decisions: Arc<dyn Decisions>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            state: Mutex::new(State::new(Tree::new(
                Usage::memory(size_limit_bytes),
                0o777,
                now,
            ))),
            changed: AtomicBool::default(),
            decisions,
        })
    }

    /// The pod's name of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From now on the power may go; what is there already is on the disk.
    pub fn keep_journal(&self, durability: Durability) {
        self.with(|state| state.journal = Some(Journal::new(durability)));
    }

    /// From now on directories are listed in any order; which, is decided when the first is. It stays that of the names
    /// where nobody decides otherwise.
    pub fn choose_order(&self) {
        self.with(|state| state.order = Order::Undecided);
    }

    /// The power goes: what was not synced is decided upon, and whoever looks next sees what is left. Open files of the
    /// dead stay harmless until they are closed. Nothing happens without [`keep_journal`](Self::keep_journal).
    pub fn crash(&self) {
        self.with(|state| {
            let Some(journal) = state.journal.take() else {
                return;
            };
            state.journal = Some(Journal::new(journal.durability));
            journal.crash(&mut state.tree, &self.name, &*self.decisions);
        });
        self.note_change();
    }

    /// What is wrong with it from now on; [`DiskFaults::default`] is nothing.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.with(|state| {
            state.tree.set_full(faults.full);
            state.faults = (faults != DiskFaults::default()).then(|| Box::new(faults));
        });
    }

    /// What is wrong with it.
    pub fn faults(&self) -> DiskFaults {
        self.with(|state| state.faults.as_deref().cloned().unwrap_or_default())
    }

    /// Changes one thing that is wrong with it.
    pub fn change_faults(&self, change: impl FnOnce(&mut DiskFaults)) {
        let mut faults = self.faults();
        change(&mut faults);
        self.set_faults(faults);
    }

    /// Whether nothing more fits.
    pub fn set_full(&self, full: bool) {
        self.change_faults(|faults| faults.full = full);
    }

    /// Whether a write was torn since this was last asked.
    pub fn take_torn(&self) -> bool {
        self.with(|state| std::mem::take(&mut state.torn))
    }

    /// What was written.
    pub fn usage(&self) -> Usage {
        self.with(|state| state.tree.usage())
    }

    fn with<R>(&self, call: impl FnOnce(&mut State) -> R) -> R {
        call(&mut lock(&self.state))
    }

    /// Calls unless the disk fails.
    fn call<R>(
        &self,
        kind: DiskCall,
        call: impl FnOnce(&mut State) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        self.with(|state| {
            if let Some(faults) = &state.faults
                && faults.error(&*self.decisions, kind, &self.name)
            {
                return Err(Errno::Io);
            }
            call(state)
        })
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for DiskVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskVolume")
            .field("name", &self.name)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

impl Volume for DiskVolume {
    fn root(&self) -> u64 {
        super::tree::ROOT
    }

    fn shared(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn path(&self, dir: u64) -> String {
        self.with(|state| state.tree.path(dir))
    }

    fn lookup(&self, _caller: Caller, dir: u64, name: &str) -> Result<(u64, FileType), Errno> {
        self.with(|state| {
            let found = state.tree.lookup(dir, name)?;
            state.tree.pin(found.0);
            Ok(found)
        })
    }

    fn pin(&self, node: u64) {
        self.with(|state| state.tree.pin(node));
    }

    fn unpin(&self, node: u64) {
        self.with(|state| state.tree.unpin(node));
    }

    fn parent(&self, dir: u64) -> Result<u64, Errno> {
        self.with(|state| {
            let parent = state.tree.parent(dir)?;
            state.tree.pin(parent);
            Ok(parent)
        })
    }

    fn stat(&self, _caller: Caller, node: u64) -> Result<Stat, Errno> {
        self.with(|state| state.tree.stat(node))
    }

    fn read_link(&self, _caller: Caller, node: u64) -> Result<String, Errno> {
        self.with(|state| state.tree.read_link(node))
    }

    fn read_dir(
        &self,
        _caller: Caller,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno> {
        self.call(DiskCall::Name, |state| {
            state.order = state.order.decided(&*self.decisions, &self.name);
            match state.order {
                Order::Hash(hash) => state.read_dir_by_hash(hash, dir, after, max),
                Order::Names | Order::Undecided => state.tree.read_dir(dir, after, max),
            }
        })
    }

    fn open(&self, _caller: Caller, node: u64, _write: bool) -> Result<Opened, Errno> {
        self.call(DiskCall::Name, |state| {
            Ok(match state.tree.device(node)? {
                None => Opened::Node,
                Some(device) => Opened::Device(device),
            })
        })
    }

    fn read_at(&self, node: u64, offset: u64, max: usize) -> Result<Bytes, Errno> {
        self.call(DiskCall::Read, |state| {
            state.tree.read_at(node, offset, max)
        })
    }

    fn write_at(
        &self,
        caller: Caller,
        node: u64,
        offset: Option<u64>,
        data: &[u8],
    ) -> Result<(usize, u64), Errno> {
        self.note_change();
        self.call(DiskCall::Write, |state| {
            if !state.take_tear() {
                return state.write(caller, node, offset, data);
            }
            let count = faults::torn(&*self.decisions, &self.name, data.len());
            state.write(caller, node, offset, &data[..count])?;
            Err(Errno::Io)
        })
    }

    fn set_len(&self, caller: Caller, node: u64, len: u64) -> Result<(), Errno> {
        self.note_change();
        self.call(DiskCall::Write, |state| {
            let now = state.time(caller);
            let is_change = state.tree.stat(node)?.size != len;
            state.remember(&[node])?;
            state.tree.set_len(node, len, now)?;
            if is_change {
                state.wrote(node, || DataChange::SetLen(len));
            }
            Ok(())
        })
    }

    fn sync(&self, node: u64, data_only: bool) -> Result<(), Errno> {
        self.call(DiskCall::Fsync, |state| {
            let faults = state.faults.as_ref();
            if faults.is_some_and(|faults| faults.sync_is_lost(&*self.decisions, &self.name)) {
                return Ok(());
            }
            if let Some(journal) = &mut state.journal {
                journal.sync(&state.tree, node, data_only);
            }
            Ok(())
        })
    }

    fn create(
        &self,
        caller: Caller,
        dir: u64,
        name: &str,
        new: New<'_>,
    ) -> Result<(u64, FileType), Errno> {
        self.note_change();
        self.call(DiskCall::Name, |state| {
            let now = state.time(caller);
            state.remember(&[dir])?;
            let (node, kind) = state.tree.create(dir, name, new, now)?;
            state.tree.pin(node);
            state.remember(&[node])?;
            state.named(|| NameChange {
                call: "create",
                node,
                is_dir: kind == FileType::Directory,
                replaced: None,
                entries: vec![entry(dir, name, Some(node))],
            });
            Ok((node, kind))
        })
    }

    fn link(&self, caller: Caller, node: u64, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.call(DiskCall::Name, |state| {
            let now = state.time(caller);
            state.remember(&[dir])?;
            state.tree.link(node, dir, name, now)?;
            state.named(|| NameChange {
                call: "link",
                node,
                is_dir: false,
                replaced: None,
                entries: vec![entry(dir, name, Some(node))],
            });
            Ok(())
        })
    }

    fn unlink(&self, caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.call(DiskCall::Name, |state| {
            let now = state.time(caller);
            state.remove((dir, name), "unlink", |tree| tree.unlink(dir, name, now))
        })
    }

    fn remove_dir(&self, caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.note_change();
        self.call(DiskCall::Name, |state| {
            let now = state.time(caller);
            state.remove((dir, name), "rmdir", |tree| tree.remove_dir(dir, name, now))
        })
    }

    fn rename(&self, caller: Caller, from: (u64, &str), to: (u64, &str)) -> Result<(), Errno> {
        self.note_change();
        self.call(DiskCall::Name, |state| {
            let now = state.time(caller);
            let (node, kind) = state.tree.lookup(from.0, from.1)?;
            let replaced = state.tree.lookup(to.0, to.1).ok().map(|(node, _)| node);
            state.remember(&[from.0, to.0])?;
            state.remember(replaced.as_slice())?;
            state.tree.rename(from, to, now)?;
            if replaced == Some(node) {
                return Ok(());
            }
            state.named(|| NameChange {
                call: "rename",
                node,
                is_dir: kind == FileType::Directory,
                replaced,
                entries: vec![entry(from.0, from.1, None), entry(to.0, to.1, Some(node))],
            });
            Ok(())
        })
    }

    fn set_times(&self, caller: Caller, node: u64, times: Times) -> Result<(), Errno> {
        self.with(|state| {
            let now = state.time(caller);
            state.set_attributes(node, |tree| tree.set_times(node, times, now))
        })
    }

    fn set_mode(&self, caller: Caller, node: u64, mode: u32) -> Result<(), Errno> {
        self.with(|state| {
            let now = state.time(caller);
            state.set_attributes(node, |tree| tree.set_mode(node, mode, now))
        })
    }

    fn bytes_used(&self) -> u64 {
        self.usage().bytes
    }

    fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    fn undisturbed(&self, call: &mut dyn FnMut()) {
        let faults = self.with(|state| {
            state.tree.set_full(false);
            state.faults.take()
        });
        call();
        self.with(|state| {
            state
                .tree
                .set_full(faults.as_ref().is_some_and(|faults| faults.full));
            state.faults = faults;
        });
    }

    fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }
}
