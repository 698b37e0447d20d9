//! An open file: what Linux calls an open file description.

use super::mount::Place;
use super::{
    Access, Caller, Device, DirEntry, Entropy, Errno, FileType, HostFile, OpenFlags, Stat, Times,
};
use crate::limits;
use bytes::Bytes;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file, directory or device that was opened, with one offset for all who share it.
///
/// It keeps what it was opened on: the content of a file lives on when its last name goes, or its container.
#[derive(Debug)]
pub struct OpenFile {
    pub(super) place: Place,
    access: Access,
    flags: OpenFlags,
    opened: Option<Opened>,
    offset: Mutex<u64>,
    /// The directory and name it was opened by, where others may see it.
    pub(super) entry: Option<(u64, String)>,
}

/// How to get at the content of an open file.
pub enum Opened {
    /// By calls on its volume.
    Node,
    /// By a file that the operating system has open.
    Host(Box<dyn HostFile>),
    /// It was rendered when it was opened.
    Bytes(Bytes),
    /// It is a device.
    Device(Device),
    /// It is a source of random bytes.
    Random(Arc<Mutex<dyn Entropy>>),
}

impl OpenFile {
    pub(super) fn new(
        place: Place,
        access: Access,
        flags: OpenFlags,
        opened: Option<Opened>,
    ) -> Self {
        Self {
            place,
            access,
            flags,
            opened,
            offset: Mutex::new(0),
            entry: None,
        }
    }

    pub(super) fn with_entry(self, dir: &Place, name: String) -> Self {
        let is_shared = dir.node.volume.shared().is_some();
        Self {
            entry: is_shared.then_some((dir.node.id, name)),
            ..self
        }
    }

    /// What kind of file it is.
    pub fn kind(&self) -> FileType {
        self.place.kind
    }

    /// How it was opened.
    pub fn flags(&self) -> OpenFlags {
        self.flags
    }

    pub(super) fn with_flags(self, flags: OpenFlags) -> Self {
        Self { flags, ..self }
    }

    /// Which device it is, for devices that the process connects itself.
    pub fn device(&self) -> Option<Device> {
        match self.opened {
            Some(Opened::Device(device)) => Some(device),
            _ => None,
        }
    }

    /// Whether a write may succeed at all.
    pub fn is_writable(&self) -> bool {
        self.flags.write
    }

    /// Up to `max` bytes from `offset`, never more than [`FILE_IO_BYTES_MAX`](limits::FILE_IO_BYTES_MAX); none at the end.
    pub fn read_at(&self, offset: u64, max: usize) -> Result<Bytes, Errno> {
        let opened = self.opened.as_ref().ok_or(Errno::IsDirectory)?;
        if !self.flags.read {
            return Err(Errno::BadDescriptor);
        }
        let max = max.min(limits::FILE_IO_BYTES_MAX);
        match opened {
            Opened::Node => self
                .place
                .node
                .volume
                .read_at(self.place.node.id, offset, max),
            Opened::Host(file) => file.read_at(offset, max),
            Opened::Bytes(bytes) => {
                let start = bytes
                    .len()
                    .min(usize::try_from(offset).unwrap_or(usize::MAX));
                Ok(bytes.slice(start..bytes.len().min(start.saturating_add(max))))
            }
            Opened::Device(Device::Null) => Ok(Bytes::new()),
            Opened::Device(Device::Zero | Device::Full) => Ok(Bytes::from(vec![0; max])),
            Opened::Device(Device::Standard(_) | Device::Descriptor(..) | Device::Random) => {
                Err(Errno::Unsupported)
            }
            Opened::Random(entropy) => {
                let mut bytes = vec![0; max];
                lock(entropy).fill(&mut bytes);
                Ok(Bytes::from(bytes))
            }
        }
    }

    /// The whole content; what lies in memory unchanged is shared, not copied.
    pub(super) fn read_all(&self, max: usize) -> Result<Bytes, Errno> {
        let node = &self.place.node;
        match &self.opened {
            Some(Opened::Node) if self.flags.read => node.volume.read_at(node.id, 0, max),
            Some(Opened::Host(file)) if self.flags.read => file.read_at(0, max),
            _ => self.read_at(0, max),
        }
    }

    /// Writes what fits at `offset`; at the end if the file was opened to append. At least one byte, or an error.
    pub fn write_at(&self, caller: Caller, offset: u64, data: &[u8]) -> Result<usize, Errno> {
        let offset = (!self.flags.append).then_some(offset);
        self.write_to(caller, offset, data)
            .map(|(written, _)| written)
    }

    /// Writes what fits at the end.
    pub fn append(&self, caller: Caller, data: &[u8]) -> Result<usize, Errno> {
        self.write_to(caller, None, data)
            .map(|(written, _)| written)
    }

    /// Reads from the shared offset, and moves it.
    pub fn read(&self, max: usize) -> Result<Bytes, Errno> {
        let mut offset = lock(&self.offset);
        let bytes = self.read_at(*offset, max)?;
        *offset += bytes.len() as u64;
        Ok(bytes)
    }

    /// Writes at the shared offset, and moves it.
    pub fn write(&self, caller: Caller, data: &[u8]) -> Result<usize, Errno> {
        let mut offset = lock(&self.offset);
        let at = (!self.flags.append).then_some(*offset);
        let (written, end) = self.write_to(caller, at, data)?;
        *offset = end;
        Ok(written)
    }

    /// The shared offset.
    pub fn offset(&self) -> u64 {
        *lock(&self.offset)
    }

    /// Moves the shared offset.
    pub fn seek(&self, offset: u64) -> Result<(), Errno> {
        if offset > limits::FILE_BYTES_MAX {
            return Err(Errno::Invalid);
        }
        *lock(&self.offset) = offset;
        Ok(())
    }

    /// What it is, with its size as of now.
    pub fn stat(&self, caller: Caller) -> Result<Stat, Errno> {
        match &self.opened {
            Some(Opened::Host(file)) => Ok(file.stat()?.with_place(&self.place)),
            _ => self.place.stat(caller),
        }
    }

    /// Cuts the file, or lets it grow with zeros.
    pub fn set_len(&self, caller: Caller, len: u64) -> Result<(), Errno> {
        let opened = self.opened.as_ref().ok_or(Errno::IsDirectory)?;
        if !self.flags.write {
            return Err(Errno::Invalid);
        }
        match opened {
            Opened::Node => self
                .place
                .node
                .volume
                .set_len(caller, self.place.node.id, len),
            Opened::Host(_) if len > limits::FILE_BYTES_MAX => Err(Errno::FileTooLarge),
            Opened::Host(file) => {
                self.place.node.volume.note_change();
                file.set_len(len)
            }
            Opened::Bytes(_) | Opened::Device(_) | Opened::Random(_) => Err(Errno::Invalid),
        }
    }

    /// Sets times.
    pub fn set_times(&self, caller: Caller, times: Times) -> Result<(), Errno> {
        if self.access == Access::ReadOnly {
            return Err(Errno::ReadOnly);
        }
        match &self.opened {
            Some(Opened::Host(file)) => file.set_times(times),
            _ => self
                .place
                .node
                .volume
                .set_times(caller, self.place.node.id, times),
        }
    }

    /// Brings what was written to where it outlives the machine, of a directory the entries: `fsync`.
    pub fn sync(&self) -> Result<(), Errno> {
        self.sync_node(false)
    }

    /// The same of the content alone: `fdatasync`.
    pub fn sync_data(&self) -> Result<(), Errno> {
        self.sync_node(true)
    }

    fn sync_node(&self, data_only: bool) -> Result<(), Errno> {
        let node = &self.place.node;
        match &self.opened {
            Some(Opened::Host(file)) => file.sync(),
            None | Some(Opened::Node) => node.volume.sync(node.id, data_only),
            Some(Opened::Bytes(_) | Opened::Device(_) | Opened::Random(_)) => Ok(()),
        }
    }

    /// Entries of a directory in order of their names, those after `after`; at most
    /// [`READDIR_ENTRIES_MAX`](limits::READDIR_ENTRIES_MAX), none at the end.
    pub fn read_dir(&self, caller: Caller, after: Option<&str>) -> Result<Vec<DirEntry>, Errno> {
        if self.kind() != FileType::Directory {
            return Err(Errno::NotDirectory);
        }
        let node = &self.place.node;
        node.volume
            .read_dir(caller, node.id, after, limits::READDIR_ENTRIES_MAX)
    }

    fn write_to(
        &self,
        caller: Caller,
        offset: Option<u64>,
        data: &[u8],
    ) -> Result<(usize, u64), Errno> {
        let opened = self.opened.as_ref().ok_or(Errno::IsDirectory)?;
        if !self.flags.write {
            return Err(Errno::BadDescriptor);
        }
        let data = &data[..data.len().min(limits::FILE_IO_BYTES_MAX)];
        let node = &self.place.node;
        match opened {
            Opened::Node => node.volume.write_at(caller, node.id, offset, data),
            Opened::Host(file) => {
                node.volume.note_change();
                write_host(file.as_ref(), offset, data)
            }
            Opened::Device(Device::Null | Device::Zero) | Opened::Random(_) => Ok((data.len(), 0)),
            Opened::Device(Device::Full) => Err(Errno::InsufficientSpace),
            Opened::Device(Device::Standard(_) | Device::Descriptor(..) | Device::Random)
            | Opened::Bytes(_) => Err(Errno::Unsupported),
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Node => "Node",
            Self::Host(_) => "Host",
            Self::Bytes(_) => "Bytes",
            Self::Device(_) => "Device",
            Self::Random(_) => "Random",
        })
    }
}

fn write_host(
    file: &dyn HostFile,
    offset: Option<u64>,
    data: &[u8],
) -> Result<(usize, u64), Errno> {
    let Some(offset) = offset else {
        return file.append(data);
    };
    let room = limits::FILE_BYTES_MAX.saturating_sub(offset);
    if room == 0 && !data.is_empty() {
        return Err(Errno::FileTooLarge);
    }
    let data = &data[..data.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
    let written = file.write_at(offset, data)?;
    Ok((written, offset + written as u64))
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
