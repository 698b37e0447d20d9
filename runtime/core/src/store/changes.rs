//! The last changes of a store.

use super::{Expired, Key, Revision, Stored};
use crate::limits::{CHANGES_BYTES_MAX, CHANGES_KEPT};
use std::collections::VecDeque;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It was another before.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which object.
    pub key: Key,
    /// What happened.
    pub kind: ChangeKind,
    /// What it is now, or was last, with the revision of the change.
    pub stored: Stored,
    /// What it was before.
    pub previous: Option<Stored>,
}

impl Change {
    fn bytes(&self) -> usize {
        let previous = self
            .previous
            .as_ref()
            .map_or(0, |stored| stored.value.len());
        self.stored.value.len() + previous
    }
}

/// The last changes, without a gap, oldest first: at most [`CHANGES_KEPT`] of [`CHANGES_BYTES_MAX`] bytes in all.
#[derive(Debug, Default)]
pub struct Changes {
    changes: VecDeque<Change>,
    bytes: usize,
    /// The last change that is no longer known.
    forgotten: Revision,
}

impl Changes {
    pub(super) fn after(revision: Revision) -> Self {
        Self {
            forgotten: revision,
            ..Self::default()
        }
    }

    /// What changed after `revision`, oldest first.
    ///
    /// # Errors
    /// When something in between is forgotten.
    pub fn since(&self, revision: Revision) -> Result<impl Iterator<Item = &Change>, Expired> {
        if revision < self.forgotten {
            return Err(Expired(revision));
        }
        // Revisions have no gaps; one that has not come yet has nothing after it.
        let first = usize::try_from(revision - self.forgotten).unwrap_or(usize::MAX);
        Ok(self.changes.range(first.min(self.changes.len())..))
    }

    /// The oldest revision from which changes are known.
    pub fn oldest(&self) -> Revision {
        self.forgotten
    }

    pub(super) fn push(&mut self, change: Change) {
        self.bytes += change.bytes();
        self.changes.push_back(change);
        while self.changes.len() > CHANGES_KEPT || self.bytes > CHANGES_BYTES_MAX {
            let Some(oldest) = self.changes.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
            self.forgotten = oldest.stored.revision;
        }
    }
}
