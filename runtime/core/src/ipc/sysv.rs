//! Keys and ids, which all System V objects share: sysvipc(7), Linux `ipc/util.c`.

use super::Error;
use super::name::Create;
use std::collections::BTreeMap;

/// The key that always makes a new object.
pub const IPC_PRIVATE: i32 = 0;

/// Ids that differ by this stand for the same slot at different times.
const SLOTS: i32 = 32_768;
/// How often a slot can be used before ids repeat.
const SEQUENCES: i32 = i32::MAX / SLOTS;

/// `struct ipc_perm`, without owners: every process of a pod is the superuser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Its key.
    pub key: i32,
    /// Its id.
    pub id: i32,
    /// Its mode; never checked.
    pub mode: u32,
}

/// The System V objects of one kind.
#[derive(Debug)]
pub(super) struct Ids<T> {
    slots: BTreeMap<i32, Slot<T>>,
    keys: BTreeMap<i32, i32>,
    next_slot: i32,
    sequence: i32,
}

#[derive(Debug)]
struct Slot<T> {
    permissions: Permissions,
    object: T,
}

impl<T> Default for Ids<T> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            keys: BTreeMap::new(),
            next_slot: 0,
            sequence: 0,
        }
    }
}

impl<T> Ids<T> {
    /// The object of a key, none when it is to be made.
    pub(super) fn find(&self, key: i32, create: Create) -> Result<Option<i32>, Error> {
        if key == IPC_PRIVATE {
            return Ok(None);
        }
        match (self.keys.get(&key), create) {
            (Some(_), Create::Exclusive) => Err(Error::Exist),
            (Some(id), Create::No | Create::IfMissing) => Ok(Some(*id)),
            (None, Create::No) => Err(Error::NoEntry),
            (None, Create::IfMissing | Create::Exclusive) => Ok(None),
        }
    }

    /// Adds an object. Slots are given out in turn, so that an old id is not soon used again.
    pub(super) fn insert(
        &mut self,
        key: i32,
        mode: u32,
        object: T,
        max: usize,
    ) -> Result<i32, Error> {
        if self.slots.len() >= max.min(SLOTS as usize) {
            return Err(Error::NoSpace);
        }
        while self.slots.contains_key(&self.next_slot) {
            self.advance();
        }
        let id = self.sequence * SLOTS + self.next_slot;
        let permissions = Permissions {
            key,
            id,
            mode: mode & 0o777,
        };
        self.slots.insert(
            self.next_slot,
            Slot {
                permissions,
                object,
            },
        );
        if key != IPC_PRIVATE {
            self.keys.insert(key, id);
        }
        self.advance();
        Ok(id)
    }

    fn advance(&mut self) {
        self.next_slot += 1;
        if self.next_slot == SLOTS {
            self.next_slot = 0;
            self.sequence = (self.sequence + 1) % SEQUENCES;
        }
    }

    fn slot(&self, id: i32) -> Result<&Slot<T>, Error> {
        let slot = self.slots.get(&(id & (SLOTS - 1))).ok_or(Error::Invalid)?;
        if slot.permissions.id == id {
            Ok(slot)
        } else if id < 0 {
            Err(Error::Invalid)
        } else {
            Err(Error::IdentifierRemoved)
        }
    }

    pub(super) fn get(&self, id: i32) -> Result<&T, Error> {
        Ok(&self.slot(id)?.object)
    }

    pub(super) fn get_mut(&mut self, id: i32) -> Result<&mut T, Error> {
        self.slot(id)?;
        let slot = self.slots.get_mut(&(id & (SLOTS - 1)));
        Ok(&mut slot.ok_or(Error::Invalid)?.object)
    }

    pub(super) fn permissions(&self, id: i32) -> Result<Permissions, Error> {
        Ok(self.slot(id)?.permissions)
    }

    pub(super) fn set_mode(&mut self, id: i32, mode: u32) -> Result<(), Error> {
        self.slot(id)?;
        if let Some(slot) = self.slots.get_mut(&(id & (SLOTS - 1))) {
            slot.permissions.mode = mode & 0o777;
        }
        Ok(())
    }

    /// Makes the key free, as if the object had been made with [`IPC_PRIVATE`].
    pub(super) fn forget_key(&mut self, id: i32) -> Result<(), Error> {
        let key = self.slot(id)?.permissions.key;
        self.keys.remove(&key);
        if let Some(slot) = self.slots.get_mut(&(id & (SLOTS - 1))) {
            slot.permissions.key = IPC_PRIVATE;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, id: i32) -> Result<T, Error> {
        self.forget_key(id)?;
        let slot = self.slots.remove(&(id & (SLOTS - 1)));
        Ok(slot.ok_or(Error::Invalid)?.object)
    }
}
