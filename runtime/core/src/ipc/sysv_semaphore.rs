//! System V semaphore sets: sysvipc(7), Linux `ipc/sem.c`.

use super::name::Create;
use super::sysv::Ids;
use super::wait::{Place, remove_waiter};
use super::{Attempt, Blocking, Caller, Error, Message, Namespace, Permissions, WaitId};
use crate::limits::{SEM_OPERATIONS, SEM_PER_SET, SEM_SETS, SEM_TOTAL, SEM_UNDO_TOTAL, SEM_VALUE};
use crate::process::ProcessId;
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};

/// `struct sembuf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetOperation {
    /// `sem_num`
    pub number: u16,
    /// `sem_op`
    pub delta: i16,
    /// `IPC_NOWAIT`
    pub no_wait: bool,
    /// `SEM_UNDO`
    pub undo: bool,
}

/// `struct semid_ds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SemaphoreSetStatus {
    /// Key, id, mode.
    pub permissions: Permissions,
    /// `sem_otime`
    pub operated_at: Option<Instant>,
    /// `sem_ctime`
    pub changed_at: Instant,
    /// `sem_nsems`
    pub semaphores: u32,
}

/// One semaphore of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SemaphoreStatus {
    /// `GETVAL`
    pub value: u16,
    /// `GETPID`
    pub last_process: Option<ProcessId>,
    /// `GETNCNT`
    pub waiting_for_more: u32,
    /// `GETZCNT`
    pub waiting_for_zero: u32,
}

#[derive(Debug, Default)]
pub(super) struct Sets {
    ids: Ids<Set>,
    /// Semaphores of all sets.
    semaphores: usize,
    /// What to add to a semaphore when a process ends: `semadj`.
    undo: BTreeMap<(ProcessId, i32, u16), i32>,
}

#[derive(Debug)]
struct Set {
    values: Vec<Semaphore>,
    /// Each waits only while its operations cannot all be done.
    pending: VecDeque<Pending>,
    operated_at: Option<Instant>,
    changed_at: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Semaphore {
    value: i32,
    last_process: Option<ProcessId>,
}

#[derive(Debug)]
struct Pending {
    wait: WaitId,
    process: ProcessId,
    operations: Vec<SetOperation>,
    /// The operation it waits for.
    blocking: SetOperation,
}

/// What stops a list of operations.
enum Stop {
    Blocked(SetOperation),
    Failed(Error),
}

impl Sets {
    /// Does all operations or none.
    fn apply(
        &mut self,
        process: ProcessId,
        id: i32,
        operations: &[SetOperation],
        now: Instant,
    ) -> Result<(), Stop> {
        let set = self.ids.get_mut(id).map_err(Stop::Failed)?;
        for (done, operation) in operations.iter().enumerate() {
            if let Err(stop) = set.operate(*operation) {
                for operation in operations[..done].iter().rev() {
                    set.values[usize::from(operation.number)].value -= i32::from(operation.delta);
                }
                return Err(stop);
            }
        }
        if let Err(error) = Self::record(&mut self.undo, process, id, operations) {
            for operation in operations {
                set.values[usize::from(operation.number)].value -= i32::from(operation.delta);
            }
            return Err(Stop::Failed(error));
        }
        for operation in operations {
            set.values[usize::from(operation.number)].last_process = Some(process);
        }
        set.operated_at = Some(now);
        Ok(())
    }

    /// Notes what the end of the process must give back, or nothing of it.
    fn record(
        undo: &mut BTreeMap<(ProcessId, i32, u16), i32>,
        process: ProcessId,
        id: i32,
        operations: &[SetOperation],
    ) -> Result<(), Error> {
        let mut changes: BTreeMap<u16, i32> = BTreeMap::new();
        for operation in operations.iter().filter(|operation| operation.undo) {
            let key = (process, id, operation.number);
            let old = || undo.get(&key).copied().unwrap_or(0);
            let adjustment = changes.entry(operation.number).or_insert_with(old);
            *adjustment -= i32::from(operation.delta);
            if !(-SEM_VALUE - 1..=SEM_VALUE).contains(adjustment) {
                return Err(Error::Range);
            }
        }
        if undo.len() + changes.len() > SEM_UNDO_TOTAL {
            return Err(Error::NoMemory);
        }
        for (number, adjustment) in changes {
            if adjustment == 0 {
                undo.remove(&(process, id, number));
            } else {
                undo.insert((process, id, number), adjustment);
            }
        }
        Ok(())
    }

    fn forget_undo(&mut self, id: i32, number: Option<u16>) {
        self.undo.retain(|(_, of, n), _| {
            let forgotten = *of == id && number.is_none_or(|number| number == *n);
            !forgotten
        });
    }
}

impl Set {
    fn operate(&mut self, operation: SetOperation) -> Result<(), Stop> {
        let semaphore = &mut self.values[usize::from(operation.number)];
        let value = semaphore.value + i32::from(operation.delta);
        let blocked = value < 0 || (operation.delta == 0 && semaphore.value != 0);
        if blocked && operation.no_wait {
            Err(Stop::Failed(Error::Again))
        } else if blocked {
            Err(Stop::Blocked(operation))
        } else if value > SEM_VALUE {
            Err(Stop::Failed(Error::Range))
        } else {
            semaphore.value = value;
            Ok(())
        }
    }

    fn check_number(&self, number: u32) -> Result<usize, Error> {
        let number = number as usize;
        if number < self.values.len() {
            Ok(number)
        } else {
            Err(Error::Invalid)
        }
    }
}

impl Namespace {
    /// semget(2); new semaphores are 0.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `EINVAL`: no or too many semaphores, or more than the set has; `ENOSPC`.
    pub fn sem_get(
        &mut self,
        by: Caller,
        key: i32,
        count: u32,
        create: Create,
        mode: u32,
    ) -> Result<i32, Error> {
        if count > SEM_PER_SET {
            return Err(Error::Invalid);
        }
        if let Some(id) = self.sets.ids.find(key, create)? {
            let has = self.sets.ids.get(id)?.values.len();
            return if count as usize <= has {
                Ok(id)
            } else {
                Err(Error::Invalid)
            };
        }
        if count == 0 {
            return Err(Error::Invalid);
        }
        if self.sets.semaphores + count as usize > SEM_TOTAL {
            return Err(Error::NoSpace);
        }
        let set = Set {
            values: vec![Semaphore::default(); count as usize],
            pending: VecDeque::new(),
            operated_at: None,
            changed_at: by.now,
        };
        let id = self.sets.ids.insert(key, mode, set, SEM_SETS)?;
        self.sets.semaphores += count as usize;
        Ok(id)
    }

    /// semtimedop(2): all operations or none.
    ///
    /// # Errors
    /// `EINVAL`: no such set, or no operation; `E2BIG`: too many; `EFBIG`: no such semaphore; `EAGAIN`: told not to wait, or
    /// the time is over; `ERANGE`; `EIDRM`; `ENOMEM`: too many adjustments for `SEM_UNDO`.
    pub fn sem_operate(
        &mut self,
        by: Caller,
        id: i32,
        operations: Vec<SetOperation>,
        blocking: Blocking,
    ) -> Result<Attempt, Error> {
        match operations.len() {
            0 => return Err(Error::Invalid),
            1..=SEM_OPERATIONS => {}
            _ => return Err(Error::TooBig),
        }
        let semaphores = self.sets.ids.get(id)?.values.len();
        if operations
            .iter()
            .any(|operation| usize::from(operation.number) >= semaphores)
        {
            return Err(Error::FileTooBig);
        }
        match self.sets.apply(by.process, id, &operations, by.now) {
            Ok(()) => {
                if alters(&operations) {
                    self.set_update(id, by.now);
                }
                Ok(Attempt::done())
            }
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Blocked(stopped)) => {
                let wait = self.waits.block(by, Place::Set(id), blocking)?;
                self.sets.ids.get_mut(id)?.pending.push_back(Pending {
                    wait,
                    process: by.process,
                    operations,
                    blocking: stopped,
                });
                Ok(Attempt::Blocked(wait))
            }
        }
    }

    /// Completes everything that can go on, those that only wait for zero first, then in order of arrival; again from the
    /// front after each that changed a value.
    fn set_update(&mut self, id: i32, now: Instant) {
        let mut altering = false;
        let mut position = 0;
        while let Ok(set) = self.sets.ids.get(id) {
            let Some(pending) = set.pending.get(position) else {
                if altering {
                    return;
                }
                (altering, position) = (true, 0);
                continue;
            };
            if alters(&pending.operations) != altering {
                position += 1;
                continue;
            }
            let (wait, process) = (pending.wait, pending.process);
            let operations = pending.operations.clone();
            let outcome = match self.sets.apply(process, id, &operations, now) {
                Ok(()) => Ok(Message::default()),
                Err(Stop::Failed(error)) => Err(error),
                Err(Stop::Blocked(stopped)) => {
                    if let Ok(set) = self.sets.ids.get_mut(id) {
                        set.pending[position].blocking = stopped;
                    }
                    position += 1;
                    continue;
                }
            };
            if outcome.is_ok() && altering {
                (altering, position) = (false, 0);
            }
            self.set_cancel(id, wait);
            self.waits.complete(wait, outcome);
        }
    }

    /// `GETALL`
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn sem_values(&self, id: i32) -> Result<Vec<u16>, Error> {
        let values = self.sets.ids.get(id)?.values.iter();
        Ok(values.map(|semaphore| semaphore.value as u16).collect())
    }

    /// `SETALL`: adjustments of all processes are forgotten.
    ///
    /// # Errors
    /// `EINVAL`: no such set, or not one value for each semaphore; `EIDRM`; `ERANGE`.
    pub fn sem_set_values(&mut self, by: Caller, id: i32, values: &[u16]) -> Result<(), Error> {
        let set = self.sets.ids.get_mut(id)?;
        if values.len() != set.values.len() {
            return Err(Error::Invalid);
        }
        if values.iter().any(|value| i32::from(*value) > SEM_VALUE) {
            return Err(Error::Range);
        }
        for (semaphore, value) in set.values.iter_mut().zip(values) {
            *semaphore = Semaphore {
                value: i32::from(*value),
                last_process: Some(by.process),
            };
        }
        set.changed_at = by.now;
        self.sets.forget_undo(id, None);
        self.set_update(id, by.now);
        Ok(())
    }

    /// `GETVAL`, `GETPID`, `GETNCNT`, `GETZCNT`
    ///
    /// # Errors
    /// `EINVAL`: no such set or semaphore; `EIDRM`.
    pub fn sem_describe(&self, id: i32, number: u32) -> Result<SemaphoreStatus, Error> {
        let set = self.sets.ids.get(id)?;
        let semaphore = set.values[set.check_number(number)?];
        let waiting = |zero: bool| {
            let pending = set.pending.iter().map(|pending| pending.blocking);
            let here = pending.filter(|on| u32::from(on.number) == number);
            here.filter(|on| (on.delta == 0) == zero).count() as u32
        };
        Ok(SemaphoreStatus {
            value: semaphore.value as u16,
            last_process: semaphore.last_process,
            waiting_for_more: waiting(false),
            waiting_for_zero: waiting(true),
        })
    }

    /// `SETVAL`: adjustments of all processes to this semaphore are forgotten.
    ///
    /// # Errors
    /// `EINVAL`: no such set or semaphore; `EIDRM`; `ERANGE`.
    pub fn sem_set_value(
        &mut self,
        by: Caller,
        id: i32,
        number: u32,
        value: i32,
    ) -> Result<(), Error> {
        let set = self.sets.ids.get_mut(id)?;
        let index = set.check_number(number)?;
        if !(0..=SEM_VALUE).contains(&value) {
            return Err(Error::Range);
        }
        set.values[index] = Semaphore {
            value,
            last_process: Some(by.process),
        };
        set.changed_at = by.now;
        // A set has fewer than 65,536 semaphores: `SEM_PER_SET`.
        self.sets.forget_undo(id, Some(index as u16));
        self.set_update(id, by.now);
        Ok(())
    }

    /// `IPC_STAT`
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn sem_status(&self, id: i32) -> Result<SemaphoreSetStatus, Error> {
        let set = self.sets.ids.get(id)?;
        Ok(SemaphoreSetStatus {
            permissions: self.sets.ids.permissions(id)?,
            operated_at: set.operated_at,
            changed_at: set.changed_at,
            semaphores: set.values.len() as u32,
        })
    }

    /// `IPC_SET`: the mode.
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn sem_set(&mut self, by: Caller, id: i32, mode: u32) -> Result<(), Error> {
        self.sets.ids.get_mut(id)?.changed_at = by.now;
        self.sets.ids.set_mode(id, mode)
    }

    /// `IPC_RMID`: who waits fails with `EIDRM`.
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn sem_remove(&mut self, id: i32) -> Result<(), Error> {
        let set = self.sets.ids.remove(id)?;
        self.sets.semaphores -= set.values.len();
        self.sets.forget_undo(id, None);
        let waiting = set.pending.iter().map(|pending| pending.wait);
        self.waits.fail_all(waiting, Error::IdentifierRemoved);
        Ok(())
    }

    pub(super) fn set_cancel(&mut self, id: i32, wait: WaitId) {
        if let Ok(set) = self.sets.ids.get_mut(id) {
            remove_waiter(&mut set.pending, wait, |pending| pending.wait);
        }
    }

    /// Gives back what a process owes by `SEM_UNDO`; a value never leaves its range (Linux `exit_sem`).
    pub(super) fn sets_handle_exit(&mut self, by: Caller) {
        let owed = self.sets.undo.iter();
        let owed: Vec<_> = owed
            .filter(|((process, _, _), _)| *process == by.process)
            .map(|(key, adjustment)| (*key, *adjustment))
            .collect();
        let mut sets: Vec<i32> = Vec::new();
        for (key, adjustment) in owed {
            self.sets.undo.remove(&key);
            let (process, id, number) = key;
            if let Ok(set) = self.sets.ids.get_mut(id) {
                let semaphore = &mut set.values[usize::from(number)];
                semaphore.value = (semaphore.value + adjustment).clamp(0, SEM_VALUE);
                semaphore.last_process = Some(process);
                set.operated_at = Some(by.now);
                sets.push(id);
            }
        }
        sets.dedup();
        for id in sets {
            self.set_update(id, by.now);
        }
    }
}

fn alters(operations: &[SetOperation]) -> bool {
    operations.iter().any(|operation| operation.delta != 0)
}
