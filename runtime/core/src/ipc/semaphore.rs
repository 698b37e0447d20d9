//! POSIX semaphores, named and unnamed: sem_overview(7).

use super::handle::Target;
use super::name::{Found, Names};
use super::wait::{Place, remove_waiter};
use super::{
    Attempt, Blocking, Caller, Error, Handle, Message, Namespace, OpenHow, SemaphoreLook, WaitId,
};
use crate::limits::{SEMAPHORE_VALUE, SEMAPHORES};
use crate::process::ProcessId;
use std::collections::{BTreeMap, VecDeque};

/// Names one semaphore; never given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SemaphoreId(pub u64);

#[derive(Debug, Default)]
pub(super) struct Semaphores {
    names: Names,
    semaphores: BTreeMap<u64, Semaphore>,
    last: u64,
}

#[derive(Debug)]
struct Semaphore {
    value: u32,
    /// They wait only while the value is 0.
    waiters: VecDeque<WaitId>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Named {
        handles: u32,
        linked: bool,
    },
    /// One of a single process goes with it.
    Unnamed(Option<ProcessId>),
}

impl Semaphores {
    fn create(&mut self, value: u32, kind: Kind) -> Result<u64, Error> {
        if value > SEMAPHORE_VALUE {
            return Err(Error::Invalid);
        }
        if self.semaphores.len() >= SEMAPHORES {
            return Err(Error::NoSpace);
        }
        self.last += 1;
        let semaphore = Semaphore {
            value,
            waiters: VecDeque::new(),
            kind,
        };
        self.semaphores.insert(self.last, semaphore);
        Ok(self.last)
    }
}

impl Namespace {
    /// sem_open(3). `value` counts for a semaphore this call makes.
    ///
    /// # Errors
    /// A wrong name, `EEXIST`, `EINVAL`: the value is too large, `ENOSPC`: too many semaphores, `EMFILE`.
    pub fn semaphore_open(
        &mut self,
        by: Caller,
        name: &str,
        how: OpenHow,
        value: u32,
    ) -> Result<Handle, Error> {
        self.handles.check_room(by.process)?;
        let id = match self.semaphores.names.find(name, how.create)? {
            Found::Existing(id) => id,
            Found::Missing => {
                let kind = Kind::Named {
                    handles: 0,
                    linked: true,
                };
                let id = self.semaphores.create(value, kind)?;
                self.semaphores.names.insert(name, id);
                id
            }
        };
        if let Some(Semaphore {
            kind: Kind::Named { handles, .. },
            ..
        }) = self.semaphores.semaphores.get_mut(&id)
        {
            *handles += 1;
        }
        Ok(self.handles.insert(by.process, Target::Semaphore(id)))
    }

    /// sem_unlink(3): the name goes at once, the semaphore when nobody has it open.
    ///
    /// # Errors
    /// `ENOENT`, or a wrong name.
    pub fn semaphore_unlink(&mut self, name: &str) -> Result<(), Error> {
        let id = self.semaphores.names.remove(name)?;
        if let Some(Semaphore {
            kind: Kind::Named { linked, .. },
            ..
        }) = self.semaphores.semaphores.get_mut(&id)
        {
            *linked = false;
        }
        self.semaphore_sweep(id);
        Ok(())
    }

    /// What there is to see of a semaphore, by its name; `None` when none has it.
    pub fn look_at_semaphore(&self, name: &str) -> Option<SemaphoreLook> {
        let id = self.semaphores.names.get(name)?;
        let semaphore = self.semaphores.semaphores.get(&id)?;
        Some(SemaphoreLook {
            value: semaphore.value,
            waiting: semaphore.waiters.len(),
        })
    }

    /// Which semaphore an open one is.
    ///
    /// # Errors
    /// When it is not an open semaphore.
    pub fn semaphore_id(&self, handle: Handle) -> Result<SemaphoreId, Error> {
        match self.handles.get(handle)? {
            Target::Semaphore(id) => Ok(SemaphoreId(id)),
            Target::Queue { .. } | Target::Memory(_) => Err(Error::BadDescriptor),
        }
    }

    /// sem_init(3). A semaphore that is not shared ends with its process.
    ///
    /// # Errors
    /// `EINVAL`: the value is too large, `ENOSPC`: too many semaphores.
    pub fn semaphore_create(
        &mut self,
        by: Caller,
        shared: bool,
        value: u32,
    ) -> Result<SemaphoreId, Error> {
        let owner = (!shared).then_some(by.process);
        let id = self.semaphores.create(value, Kind::Unnamed(owner))?;
        Ok(SemaphoreId(id))
    }

    /// sem_destroy(3). Who waits for it fails with `EINVAL`; POSIX leaves that undefined.
    ///
    /// # Errors
    /// `EINVAL`: there is no such unnamed semaphore.
    pub fn semaphore_destroy(&mut self, id: SemaphoreId) -> Result<(), Error> {
        match self.semaphores.semaphores.get(&id.0) {
            Some(Semaphore {
                kind: Kind::Unnamed(_),
                ..
            }) => {
                self.semaphore_remove(id.0);
                Ok(())
            }
            Some(_) | None => Err(Error::Invalid),
        }
    }

    /// sem_post(3): who waits longest gets it.
    ///
    /// # Errors
    /// `EINVAL`: there is no such semaphore, `EOVERFLOW`.
    pub fn semaphore_post(&mut self, id: SemaphoreId) -> Result<(), Error> {
        let semaphore = self.semaphores.semaphores.get_mut(&id.0);
        let semaphore = semaphore.ok_or(Error::Invalid)?;
        if let Some(waiter) = semaphore.waiters.pop_front() {
            assert_eq!(semaphore.value, 0);
            self.waits.complete(waiter, Ok(Message::default()));
        } else if semaphore.value < SEMAPHORE_VALUE {
            semaphore.value += 1;
        } else {
            return Err(Error::Overflow);
        }
        Ok(())
    }

    /// sem_timedwait(3)
    ///
    /// # Errors
    /// `EINVAL`: there is no such semaphore, `EAGAIN`, `ETIMEDOUT`.
    pub fn semaphore_wait(
        &mut self,
        by: Caller,
        id: SemaphoreId,
        blocking: Blocking,
    ) -> Result<Attempt, Error> {
        let semaphore = self.semaphores.semaphores.get_mut(&id.0);
        let semaphore = semaphore.ok_or(Error::Invalid)?;
        if let Some(value) = semaphore.value.checked_sub(1) {
            semaphore.value = value;
            return Ok(Attempt::done());
        }
        let wait = self.waits.block(by, Place::Semaphore(id.0), blocking)?;
        semaphore.waiters.push_back(wait);
        Ok(Attempt::Blocked(wait))
    }

    /// sem_getvalue(3): 0 while somebody waits, as on Linux.
    ///
    /// # Errors
    /// `EINVAL`: there is no such semaphore.
    pub fn semaphore_value(&self, id: SemaphoreId) -> Result<u32, Error> {
        let semaphore = self.semaphores.semaphores.get(&id.0);
        semaphore.map(|s| s.value).ok_or(Error::Invalid)
    }

    pub(super) fn semaphore_cancel(&mut self, id: u64, wait: WaitId) {
        if let Some(semaphore) = self.semaphores.semaphores.get_mut(&id) {
            remove_waiter(&mut semaphore.waiters, wait, |waiter| *waiter);
        }
    }

    pub(super) fn semaphore_release(&mut self, id: u64) {
        if let Some(Semaphore {
            kind: Kind::Named { handles, .. },
            ..
        }) = self.semaphores.semaphores.get_mut(&id)
        {
            *handles -= 1;
        }
        self.semaphore_sweep(id);
    }

    pub(super) fn semaphores_handle_exit(&mut self, process: ProcessId) {
        let of_process = |semaphore: &Semaphore| matches!(semaphore.kind, Kind::Unnamed(owner) if owner == Some(process));
        let semaphores = self.semaphores.semaphores.iter();
        let gone: Vec<u64> = semaphores
            .filter(|(_, semaphore)| of_process(semaphore))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.semaphore_remove(id);
        }
    }

    fn semaphore_sweep(&mut self, id: u64) {
        if let Some(Semaphore {
            kind:
                Kind::Named {
                    handles: 0,
                    linked: false,
                },
            ..
        }) = self.semaphores.semaphores.get(&id)
        {
            self.semaphore_remove(id);
        }
    }

    fn semaphore_remove(&mut self, id: u64) {
        if let Some(semaphore) = self.semaphores.semaphores.remove(&id) {
            self.waits.fail_all(semaphore.waiters, Error::Invalid);
        }
    }
}
