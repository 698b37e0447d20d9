//! Shared memory: POSIX objects by name, and the bytes of System V segments.
//!
//! The linear memories of two instances cannot alias, so a guest maps a copy. It keeps a twin of what it last saw and
//! exchanges differences at its synchronisation points, as the distributed shared memory of TreadMarks did (Keleher et al.,
//! 1994): bytes it changed go out, pages others changed come in. Two writers of different bytes of a page do not undo each
//! other; two writers of one byte race, as they do on real memory.

use super::handle::Target;
use super::name::{Found, Names};
use super::{Caller, Error, Handle, Namespace, OpenHow};
use crate::limits::{SHARED_MEMORY_BYTES_TOTAL, SHARED_MEMORY_OBJECTS};
use crate::time::Instant;
use std::collections::BTreeMap;

/// Bytes of a page: what is told apart when others ask for what changed.
pub const PAGE_BYTES: usize = 4096;

/// Some bytes at some place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where, in bytes from the start of the object.
    pub offset: u32,
    /// What.
    pub bytes: Vec<u8>,
}

/// What others changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryNews {
    /// What to ask with next time.
    pub version: u64,
    /// Whole pages, neighbours joined, in order.
    pub runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OpenMemory {
    pub(super) memory: u64,
    pub(super) write: bool,
    /// The System V segment it is attached from.
    pub(super) segment: Option<i32>,
    pub(super) process: crate::process::ProcessId,
}

#[derive(Debug, Default)]
pub(super) struct Memories {
    names: Names,
    memories: BTreeMap<u64, Memory>,
    last: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Memory {
    bytes: Vec<u8>,
    /// The version that changed each page last.
    pages: Vec<u64>,
    version: u64,
    handles: u32,
    linked: bool,
}

impl Memory {
    fn resize(&mut self, size: usize) {
        let old = self.bytes.len();
        if size != old && self.version > 0 {
            self.version += 1;
        }
        if old == 0 {
            // Not touched until it is used.
            self.bytes = vec![0; size];
        } else {
            self.bytes.resize(size, 0);
        }
        self.pages.resize(size.div_ceil(PAGE_BYTES), self.version);
        if size < old && !size.is_multiple_of(PAGE_BYTES) {
            // Growing again shows zeros after the cut, in this page too.
            self.pages[size / PAGE_BYTES] = self.version;
        }
    }

    /// Writes what lies within the object; the rest is beyond its end, where Linux would raise SIGBUS.
    fn write(&mut self, run: &Run) {
        let start = (run.offset as usize).min(self.bytes.len());
        let end = start + run.bytes.len().min(self.bytes.len() - start);
        if start == end {
            return;
        }
        self.bytes[start..end].copy_from_slice(&run.bytes[..end - start]);
        self.pages[start / PAGE_BYTES..end.div_ceil(PAGE_BYTES)].fill(self.version);
    }

    fn pages_since(&self, offset: u32, length: u32, since: u64) -> Vec<usize> {
        let start = (offset as usize).min(self.bytes.len());
        let end = start.saturating_add(length as usize).min(self.bytes.len());
        let pages = start / PAGE_BYTES..end.div_ceil(PAGE_BYTES);
        pages.filter(|page| self.pages[*page] > since).collect()
    }

    fn runs(&self, pages: &[usize]) -> Vec<Run> {
        let neighbours = pages.chunk_by(|a, b| a + 1 == *b);
        let run = |pages: &[usize]| {
            let start = pages[0] * PAGE_BYTES;
            let end = (start + pages.len() * PAGE_BYTES).min(self.bytes.len());
            Run {
                // Objects are smaller than 4 GiB: `SHARED_MEMORY_BYTES_TOTAL`.
                offset: start as u32,
                bytes: self.bytes[start..end].to_vec(),
            }
        };
        neighbours.map(run).collect()
    }
}

impl Namespace {
    /// shm_open(3). A new object is empty.
    ///
    /// # Errors
    /// A wrong name, `EEXIST`, `ENOSPC`: too many objects, `EMFILE`.
    pub fn memory_open(&mut self, by: Caller, name: &str, how: OpenHow) -> Result<Handle, Error> {
        self.handles.check_room(by.process)?;
        let memory = match self.memory.names.find(name, how.create)? {
            Found::Existing(memory) => {
                if how.truncate && how.write {
                    self.memory_set_size(memory, 0)?;
                }
                memory
            }
            Found::Missing => {
                let memory = self.memory_create(0)?;
                self.memory.names.insert(name, memory);
                self.memory_set_linked(memory, true);
                memory
            }
        };
        Ok(self.memory_add_handle(by, memory, how.write, None))
    }

    /// shm_unlink(3): the name goes at once, the bytes when nobody has it open or mapped.
    ///
    /// # Errors
    /// `ENOENT`, or a wrong name.
    pub fn memory_unlink(&mut self, name: &str) -> Result<(), Error> {
        let memory = self.memory.names.remove(name)?;
        self.memory_set_linked(memory, false);
        Ok(())
    }

    /// Which object an open one is; the same number for all who have it open.
    ///
    /// # Errors
    /// When it is not an open object.
    pub fn memory_number(&self, handle: Handle) -> Result<u64, Error> {
        match self.handles.get(handle)? {
            Target::Memory(open) => Ok(open.memory),
            Target::Queue { .. } | Target::Semaphore(_) => Err(Error::BadDescriptor),
        }
    }

    /// Bytes of an object.
    ///
    /// # Errors
    /// When it is not an open object.
    pub fn memory_size(&self, handle: Handle) -> Result<u32, Error> {
        let memory = self.memory_get(handle)?;
        Ok(memory.bytes.len() as u32)
    }

    /// ftruncate(2): what is added is zero.
    ///
    /// # Errors
    /// `EINVAL`: not open for writing, or a System V segment; `ENOSPC`: too many bytes in shared memory, which Linux would
    /// say only when they are touched.
    pub fn memory_resize(&mut self, handle: Handle, size: u64) -> Result<(), Error> {
        match self.handles.get(handle)? {
            Target::Memory(OpenMemory {
                memory,
                write: true,
                segment: None,
                ..
            }) => self.memory_set_size(memory, size),
            Target::Memory(_) => Err(Error::Invalid),
            Target::Queue { .. } | Target::Semaphore(_) => Err(Error::BadDescriptor),
        }
    }

    /// Release and acquire: writes what the caller changed, then tells what others changed since version `since` in
    /// `length` bytes from `offset`.
    ///
    /// # Errors
    /// `EACCES`: it changed something and may not.
    pub fn memory_exchange(
        &mut self,
        handle: Handle,
        (offset, length): (u32, u32),
        since: u64,
        changed: &[Run],
    ) -> Result<MemoryNews, Error> {
        let memory = self.memory_for(handle, !changed.is_empty())?;
        let pages = memory.pages_since(offset, length, since);
        if !changed.is_empty() {
            memory.version += 1;
            for run in changed {
                memory.write(run);
            }
        }
        Ok(MemoryNews {
            version: memory.version,
            runs: memory.runs(&pages),
        })
    }

    /// Some bytes of an object; fewer at its end.
    ///
    /// # Errors
    /// When it is not an open object.
    pub fn memory_read(&self, handle: Handle, offset: u32, length: u32) -> Result<Vec<u8>, Error> {
        let bytes = &self.memory_get(handle)?.bytes;
        let start = (offset as usize).min(bytes.len());
        let end = start.saturating_add(length as usize).min(bytes.len());
        Ok(bytes[start..end].to_vec())
    }

    /// Writes bytes that must lie within the object.
    ///
    /// # Errors
    /// `EACCES`: open for reading only; `EINVAL`: beyond the end.
    pub fn memory_write(&mut self, handle: Handle, run: &Run) -> Result<(), Error> {
        let memory = self.memory_for(handle, true)?;
        if (run.offset as usize).saturating_add(run.bytes.len()) > memory.bytes.len() {
            return Err(Error::Invalid);
        }
        memory.version += 1;
        memory.write(run);
        Ok(())
    }

    pub(super) fn memory_create(&mut self, size: u64) -> Result<u64, Error> {
        if self.memory.memories.len() >= SHARED_MEMORY_OBJECTS {
            return Err(Error::NoSpace);
        }
        self.memory.last += 1;
        let id = self.memory.last;
        self.memory.memories.insert(id, Memory::default());
        let sized = self.memory_set_size(id, size);
        if sized.is_err() {
            self.memory.memories.remove(&id);
        }
        sized.map(|()| id)
    }

    pub(super) fn memory_add_handle(
        &mut self,
        by: Caller,
        id: u64,
        write: bool,
        segment: Option<i32>,
    ) -> Handle {
        if let Some(memory) = self.memory.memories.get_mut(&id) {
            memory.handles += 1;
        }
        let open = OpenMemory {
            memory: id,
            write,
            segment,
            process: by.process,
        };
        self.handles.insert(by.process, Target::Memory(open))
    }

    /// An object that is linked stays while nobody has it open.
    pub(super) fn memory_set_linked(&mut self, id: u64, linked: bool) {
        if let Some(memory) = self.memory.memories.get_mut(&id) {
            memory.linked = linked;
        }
        self.memory_sweep(id);
    }

    pub(super) fn memory_release(&mut self, open: OpenMemory, now: Instant) {
        if let Some(memory) = self.memory.memories.get_mut(&open.memory) {
            memory.handles -= 1;
        }
        if let Some(segment) = open.segment {
            self.segment_detach(segment, open.process, now);
        }
        self.memory_sweep(open.memory);
    }

    pub(super) fn memory_handles(&self, id: u64) -> u32 {
        self.memory.memories.get(&id).map_or(0, |m| m.handles)
    }

    fn memory_sweep(&mut self, id: u64) {
        if let Some(memory) = self.memory.memories.get(&id)
            && memory.handles == 0
            && !memory.linked
        {
            self.memory.bytes -= memory.bytes.len() as u64;
            self.memory.memories.remove(&id);
        }
    }

    fn memory_set_size(&mut self, id: u64, size: u64) -> Result<(), Error> {
        let memories = &mut self.memory;
        let memory = memories.memories.get_mut(&id).ok_or(Error::BadDescriptor)?;
        let others = memories.bytes - memory.bytes.len() as u64;
        if size > SHARED_MEMORY_BYTES_TOTAL - others {
            return Err(Error::NoSpace);
        }
        memories.bytes = others + size;
        memory.resize(size as usize);
        Ok(())
    }

    fn memory_for(&mut self, handle: Handle, writing: bool) -> Result<&mut Memory, Error> {
        match self.handles.get(handle)? {
            Target::Memory(open) if writing && !open.write => Err(Error::Access),
            Target::Memory(open) => {
                let memory = self.memory.memories.get_mut(&open.memory);
                memory.ok_or(Error::BadDescriptor)
            }
            Target::Queue { .. } | Target::Semaphore(_) => Err(Error::BadDescriptor),
        }
    }

    fn memory_get(&self, handle: Handle) -> Result<&Memory, Error> {
        match self.handles.get(handle)? {
            Target::Memory(open) => {
                let memory = self.memory.memories.get(&open.memory);
                memory.ok_or(Error::BadDescriptor)
            }
            Target::Queue { .. } | Target::Semaphore(_) => Err(Error::BadDescriptor),
        }
    }
}
