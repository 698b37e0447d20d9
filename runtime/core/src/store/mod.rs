//! The objects of the API server: versioned values under keys, and the changes that led to them.
//!
//! What a value says is nobody's business here. Every change has the next revision of the whole store, as in etcd; the
//! last changes are kept, so that a watch can go on from where it was and a list in pages shows one moment. Nothing is
//! written to a disk: the world takes what has to be written, writes it, and only then lets an answer out.

mod changes;
#[cfg(test)]
mod tests;

pub use changes::{Change, ChangeKind, Changes};

use crate::limits::{OBJECT_BYTES_MAX, STORED_BYTES_MAX, STORED_OBJECTS_MAX};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Number of a change of the store: `resourceVersion`. The first change is 1.
pub type Revision = u64;

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its resource with its group: `pods`, `deployments.apps`.
    pub resource: Arc<str>,
    /// Its namespace; empty when its resource has none.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Key {
    /// The key with these parts.
    pub fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self {
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// An object as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The change that made it what it is.
    pub revision: Revision,
    /// What it is.
    pub value: Bytes,
}

/// What has to be on the disk before anybody hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The change.
    pub revision: Revision,
    /// Which object.
    pub key: Key,
    /// What it is now; `None` when it is gone.
    pub value: Option<Bytes>,
}

/// What an object must be for a change to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Not there.
    Nothing,
    /// There, as this change left it.
    Revision(Revision),
    /// There, whatever it is.
    Something,
}

/// Why a change did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is one already.
    #[error("the object already exists")]
    Exists,
    /// There is none.
    #[error("the object was not found")]
    NotFound,
    /// Somebody was faster.
    #[error("the object has been modified")]
    Modified {
        /// What it is now.
        revision: Revision,
    },
    /// Larger than [`OBJECT_BYTES_MAX`].
    #[error("the object has {0} bytes, at most {OBJECT_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// More than [`STORED_OBJECTS_MAX`] or [`STORED_BYTES_MAX`].
    #[error(
        "the store is full: at most {STORED_OBJECTS_MAX} objects of {STORED_BYTES_MAX} bytes in all"
    )]
    Full,
}

/// The state at this revision is no longer known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revision {0} is no longer known")]
pub struct Expired(pub Revision);

/// All objects, in the order of their keys.
#[derive(Debug, Default)]
pub struct Store {
    revision: Revision,
    objects: BTreeMap<Key, Stored>,
    bytes: usize,
    changes: Changes,
    writes: Vec<Write>,
}

impl Store {
    /// A store that has these objects, at this revision: what a disk has kept.
    pub fn restored(revision: Revision, objects: impl IntoIterator<Item = (Key, Stored)>) -> Self {
        let objects: BTreeMap<_, _> = objects.into_iter().collect();
        Self {
            revision,
            bytes: objects.values().map(|stored| stored.value.len()).sum(),
            changes: Changes::after(revision),
            objects,
            writes: Vec::new(),
        }
    }

    /// The last change.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The changes that are still known.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// One object as it is now.
    pub fn get(&self, key: &Key) -> Option<&Stored> {
        self.objects.get(key)
    }

    /// The objects of a resource as they are now, in one namespace or in all, by namespace and name.
    pub fn list<'s>(
        &'s self,
        resource: &'s str,
        namespace: Option<&'s str>,
    ) -> impl Iterator<Item = (&'s Key, &'s Stored)> {
        let first = Key::new(resource, namespace.unwrap_or(""), "");
        let range = self.objects.range(first..);
        range.take_while(move |(key, _)| {
            *key.resource == *resource && namespace.is_none_or(|name| *key.namespace == *name)
        })
    }

    /// The objects of a resource after `after` as they were at `revision`, at most `limit`; and how many there are
    /// after these.
    ///
    /// # Errors
    /// When that is too long ago.
    pub fn list_at(
        &self,
        revision: Revision,
        resource: &str,
        namespace: Option<&str>,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<(Vec<(Key, Stored)>, usize), Expired> {
        // What was there then and has changed since, first change first.
        let mut then: BTreeMap<&Key, Option<&Stored>> = BTreeMap::new();
        for change in self.changes.since(revision)? {
            then.entry(&change.key).or_insert(change.previous.as_ref());
        }
        let lower = match after {
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Included(Key::new(resource, namespace.unwrap_or(""), "")),
        };
        let is_wanted = |key: &Key| {
            *key.resource == *resource && namespace.is_none_or(|name| *key.namespace == *name)
        };
        let now = self.objects.range((lower.clone(), Bound::Unbounded));
        let now = now.take_while(|(key, _)| is_wanted(key));
        let unchanged = now.filter(|(key, _)| !then.contains_key(key));
        let is_later = |key: &Key| match &lower {
            Bound::Excluded(lower) => key > lower,
            _ => true,
        };
        let changed = then
            .iter()
            .filter(|(key, _)| is_wanted(key) && is_later(key));
        let changed = changed.filter_map(|(key, stored)| stored.map(|stored| (*key, stored)));
        let changed: Vec<_> = changed.collect();
        let mut all: Vec<(Key, Stored)> = Vec::new();
        let (mut unchanged, mut changed) = (unchanged.peekable(), changed.into_iter().peekable());
        loop {
            let next = match (unchanged.peek(), changed.peek()) {
                (Some((one, _)), Some((other, _))) if one < other => unchanged.next(),
                (_, Some(_)) => changed.next(),
                (Some(_), None) => unchanged.next(),
                (None, None) => return Ok((all, 0)),
            };
            if all.len() == limit {
                return Ok((all, 1 + unchanged.count() + changed.count()));
            }
            all.extend(next.map(|(key, stored)| (key.clone(), stored.clone())));
        }
    }

    /// Makes or changes an object; `value` gets the revision of this change, which it may hold.
    ///
    /// # Errors
    /// When it is not what is expected, or there is no room. Then nothing has changed.
    pub fn put(
        &mut self,
        key: Key,
        expected: Expected,
        value: impl FnOnce(Revision) -> Bytes,
    ) -> Result<Revision, StoreError> {
        self.check(&key, expected)?;
        let revision = self.revision + 1;
        let value = value(revision);
        if value.len() > OBJECT_BYTES_MAX {
            return Err(StoreError::TooLarge(value.len()));
        }
        let previous = self.objects.get(&key);
        let before = previous.map_or(0, |previous| previous.value.len());
        let bytes = self.bytes - before + value.len();
        let is_new = previous.is_none();
        // What makes an object smaller is always welcome.
        if (is_new && self.objects.len() >= STORED_OBJECTS_MAX)
            || (bytes > STORED_BYTES_MAX && value.len() > before)
        {
            return Err(StoreError::Full);
        }
        self.bytes = bytes;
        let stored = Stored { revision, value };
        let previous = self.objects.insert(key.clone(), stored.clone());
        let kind = match is_new {
            true => ChangeKind::Added,
            false => ChangeKind::Modified,
        };
        self.changed(key, kind, stored, previous);
        Ok(revision)
    }

    /// Removes an object; `last` is what watches are told it was, with the revision of this change.
    ///
    /// # Errors
    /// When it is not what is expected. Then nothing has changed.
    pub fn remove(
        &mut self,
        key: &Key,
        expected: Expected,
        last: impl FnOnce(Revision, &Stored) -> Bytes,
    ) -> Result<Revision, StoreError> {
        self.check(key, expected)?;
        let revision = self.revision + 1;
        let Some(previous) = self.objects.remove(key) else {
            return Err(StoreError::NotFound);
        };
        self.bytes -= previous.value.len();
        let value = last(revision, &previous);
        let stored = Stored { revision, value };
        self.changed(key.clone(), ChangeKind::Deleted, stored, Some(previous));
        Ok(revision)
    }

    /// What has changed since this was asked last, for the disk.
    pub fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes)
    }

    fn check(&self, key: &Key, expected: Expected) -> Result<(), StoreError> {
        match (self.objects.get(key), expected) {
            (None, Expected::Nothing) | (Some(_), Expected::Something) => Ok(()),
            (Some(_), Expected::Nothing) => Err(StoreError::Exists),
            (None, _) => Err(StoreError::NotFound),
            (Some(stored), Expected::Revision(revision)) if stored.revision == revision => Ok(()),
            (Some(stored), Expected::Revision(_)) => Err(StoreError::Modified {
                revision: stored.revision,
            }),
        }
    }

    fn changed(&mut self, key: Key, kind: ChangeKind, stored: Stored, previous: Option<Stored>) {
        self.revision = stored.revision;
        self.writes.push(Write {
            revision: stored.revision,
            key: key.clone(),
            value: (kind != ChangeKind::Deleted).then(|| stored.value.clone()),
        });
        self.changes.push(Change {
            key,
            kind,
            stored,
            previous,
        });
    }
}
