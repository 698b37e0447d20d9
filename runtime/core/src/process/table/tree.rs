//! What happens to a process and those below it.

use super::{NamespaceId, ProcessId, State, Table};
use crate::process::Signal;

impl Table {
    /// Sends a signal to a process and to all that come from it: what a terminal has in its foreground.
    pub fn signal_tree(&mut self, root: ProcessId, signal: Signal) {
        let comes_from_root = |mut id: ProcessId| {
            while id != root {
                match self.processes.get(&id).and_then(|process| process.parent) {
                    Some(parent) => id = parent,
                    None => return false,
                }
            }
            true
        };
        let tree: Vec<ProcessId> = self
            .processes
            .keys()
            .copied()
            .filter(|id| comes_from_root(*id))
            .collect();
        for id in tree {
            self.signal(id, signal);
        }
    }

    pub(super) fn adopt_children_of(&mut self, id: ProcessId, init: Option<ProcessId>) {
        for process in self.processes.values_mut().filter(|p| p.parent == Some(id)) {
            process.parent = init;
            process.parent_pid = u32::from(init.is_some());
        }
        match init {
            Some(init) => self.tell_parent(init),
            // Zombies that nobody can wait for any more.
            None => self
                .processes
                .retain(|_, p| p.parent.is_some() || p.state == State::Alive),
        }
    }

    pub(super) fn end_namespace(&mut self, namespace: NamespaceId) {
        self.namespaces.remove(&namespace);
        let alive = self
            .list(namespace)
            .filter(|(_, p)| p.state == State::Alive)
            .map(|(id, _)| id);
        for id in alive.collect::<Vec<_>>() {
            self.doom(id, Signal::KILL);
        }
    }
}
