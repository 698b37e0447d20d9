//! System V shared memory segments: sysvipc(7), Linux `ipc/shm.c`.

use super::name::Create;
use super::sysv::Ids;
use super::{Caller, Error, Handle, Namespace, Permissions};
use crate::limits::SHARED_MEMORY_OBJECTS;
use crate::process::ProcessId;
use crate::time::Instant;

/// `struct shmid_ds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentStatus {
    /// Key, id, mode.
    pub permissions: Permissions,
    /// `shm_segsz`
    pub size: u32,
    /// `shm_atime`
    pub attached_at: Option<Instant>,
    /// `shm_dtime`
    pub detached_at: Option<Instant>,
    /// `shm_ctime`
    pub changed_at: Instant,
    /// `shm_cpid`
    pub creator: ProcessId,
    /// `shm_lpid`
    pub last_process: Option<ProcessId>,
    /// `shm_nattch`
    pub attached: u32,
    /// `SHM_DEST`: it goes with its last detach.
    pub removed: bool,
}

pub(super) type Segments = Ids<Segment>;

#[derive(Debug)]
pub(super) struct Segment {
    memory: u64,
    size: u32,
    attached_at: Option<Instant>,
    detached_at: Option<Instant>,
    changed_at: Instant,
    creator: ProcessId,
    last_process: Option<ProcessId>,
    removed: bool,
}

impl Namespace {
    /// shmget(2); a new segment is zero.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `EINVAL`: no bytes, or more than the segment has; `ENOSPC`: too many segments or bytes.
    pub fn shm_get(
        &mut self,
        by: Caller,
        key: i32,
        size: u32,
        create: Create,
        mode: u32,
    ) -> Result<i32, Error> {
        if let Some(id) = self.segments.find(key, create)? {
            return if size <= self.segments.get(id)?.size {
                Ok(id)
            } else {
                Err(Error::Invalid)
            };
        }
        if size == 0 {
            return Err(Error::Invalid);
        }
        let memory = self.memory_create(u64::from(size))?;
        let segment = Segment {
            memory,
            size,
            attached_at: None,
            detached_at: None,
            changed_at: by.now,
            creator: by.process,
            last_process: None,
            removed: false,
        };
        let id = self
            .segments
            .insert(key, mode, segment, SHARED_MEMORY_OBJECTS);
        self.memory_set_linked(memory, id.is_ok());
        id
    }

    /// shmat(2); [`close`](Namespace::close) is shmdt(2).
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`, `EMFILE`
    pub fn shm_attach(&mut self, by: Caller, id: i32, read_only: bool) -> Result<Handle, Error> {
        self.handles.check_room(by.process)?;
        let segment = self.segments.get_mut(id)?;
        segment.attached_at = Some(by.now);
        segment.last_process = Some(by.process);
        let memory = segment.memory;
        Ok(self.memory_add_handle(by, memory, !read_only, Some(id)))
    }

    pub(super) fn segment_detach(&mut self, id: i32, process: ProcessId, now: Instant) {
        let Ok(segment) = self.segments.get_mut(id) else {
            return;
        };
        segment.detached_at = Some(now);
        segment.last_process = Some(process);
        self.segment_sweep(id);
    }

    /// `IPC_STAT`
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn shm_status(&self, id: i32) -> Result<SegmentStatus, Error> {
        let segment = self.segments.get(id)?;
        Ok(SegmentStatus {
            permissions: self.segments.permissions(id)?,
            size: segment.size,
            attached_at: segment.attached_at,
            detached_at: segment.detached_at,
            changed_at: segment.changed_at,
            creator: segment.creator,
            last_process: segment.last_process,
            attached: self.memory_handles(segment.memory),
            removed: segment.removed,
        })
    }

    /// `IPC_SET`: the mode.
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn shm_set(&mut self, by: Caller, id: i32, mode: u32) -> Result<(), Error> {
        self.segments.get_mut(id)?.changed_at = by.now;
        self.segments.set_mode(id, mode)
    }

    /// `IPC_RMID`: its key is free at once, its bytes with the last detach.
    ///
    /// # Errors
    /// `EINVAL`, `EIDRM`
    pub fn shm_remove(&mut self, id: i32) -> Result<(), Error> {
        self.segments.get_mut(id)?.removed = true;
        self.segments.forget_key(id)?;
        self.segment_sweep(id);
        Ok(())
    }

    fn segment_sweep(&mut self, id: i32) {
        if let Ok(segment) = self.segments.get(id)
            && segment.removed
            && self.memory_handles(segment.memory) == 0
        {
            let memory = segment.memory;
            // It was found just above.
            if self.segments.remove(id).is_ok() {
                self.memory_set_linked(memory, false);
            }
        }
    }
}
