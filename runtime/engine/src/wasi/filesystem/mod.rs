//! `wasi:filesystem` over the files of the container. No call waits, none leaves the thread.
//!
//! Paths are those of Linux rather than of the WASI sandbox: `..` may leave the directory a path starts at and a
//! symbolic link may be absolute, because both end at the root of the container and never beyond.

mod common;
mod descriptor;
mod streams;
mod touches;

pub(crate) use touches::Use;

use crate::guest::Guest;
use bindings::wasi::filesystem::{preopens, types};
use seedpod_core::limits;
use seedpod_core::time::WallTime;
use seedpod_core::volume::{At, Errno, FileType, OpenFile, OpenFlags, Stat};
use std::sync::Arc;
use types::{Datetime, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, NewTimestamp};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTableError};

mod bindings {
    wasmtime::component::bindgen!({
        path: ["wit/deps/io.wit", "wit/deps/clocks.wit", "wit/deps/filesystem.wit"],
        world: "wasi:filesystem/imports",
        with: {
            "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:filesystem/types.descriptor": super::Descriptor,
            "wasi:filesystem/types.directory-entry-stream": super::streams::DirectoryEntries,
        },
        trappable_error_type: {
            "wasi:filesystem/types.error-code" => super::Failure,
        },
        imports: {
            default: trappable,
            "wasi:filesystem/types.[method]descriptor.open-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.stat-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.metadata-hash-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.set-times-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.link-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.create-directory-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.readlink-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.remove-directory-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.rename-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.symlink-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.unlink-file-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.read": async | trappable,
            "wasi:filesystem/types.[method]descriptor.write": async | trappable,
            "wasi:filesystem/types.[method]descriptor.stat": async | trappable,
            "wasi:filesystem/types.[method]descriptor.set-size": async | trappable,
            "wasi:filesystem/types.[method]descriptor.set-times": async | trappable,
            "wasi:filesystem/types.[method]descriptor.sync": async | trappable,
            "wasi:filesystem/types.[method]descriptor.sync-data": async | trappable,
            "wasi:filesystem/types.[method]directory-entry-stream.read-directory-entry": async | trappable,
        },
        require_store_data_send: true,
    });
}

/// Registers `wasi:filesystem`.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    preopens::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

/// A handle of an open file.
#[derive(Debug)]
pub struct Descriptor {
    open: Arc<Open>,
    flags: DescriptorFlags,
}

/// An open file, which a descriptor shares with its streams.
#[derive(Debug)]
struct Open {
    file: OpenFile,
    _slot: Slot,
}

/// One of the [`limits::OPEN_FILES_PER_PROCESS_MAX`] of a process.
type Slot = Arc<()>;

/// Why a call fails: the guest is told, or it traps.
#[derive(Debug)]
pub enum Failure {
    /// The guest is told.
    Code(ErrorCode),
    /// A resource that the guest does not have.
    Trap(wasmtime::Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Code(errno.into())
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl types::Host for Guest {
    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        let error = self.table.get(&error)?;
        Ok(error.downcast_ref::<Errno>().copied().map(ErrorCode::from))
    }

    fn convert_error_code(&mut self, failure: Failure) -> wasmtime::Result<ErrorCode> {
        match failure {
            Failure::Code(code) => Ok(code),
            Failure::Trap(error) => Err(error),
        }
    }
}

impl preopens::Host for Guest {
    /// The root alone: `initial-cwd` says where relative paths start, and a second directory would only hide which of
    /// the two an absolute path means from the C libraries of preview 1, which cut the slash off.
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let root = self
            .files()
            .open(self.caller(), At::Root, "/", OpenFlags::READ)?;
        let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        match self.push_descriptor(root, flags) {
            Ok(root) => Ok(vec![(root, "/".to_owned())]),
            Err(Failure::Code(code)) => Err(code.into()),
            Err(Failure::Trap(error)) => Err(error),
        }
    }
}

impl Guest {
    fn push_descriptor(
        &mut self,
        file: OpenFile,
        flags: DescriptorFlags,
    ) -> Result<Resource<Descriptor>, Failure> {
        let _slot = self.slot()?;
        let open = Arc::new(Open { file, _slot });
        Ok(self.table.push(Descriptor { open, flags })?)
    }

    fn slot(&self) -> Result<Slot, Errno> {
        if Arc::strong_count(&self.open_files) > limits::OPEN_FILES_PER_PROCESS_MAX {
            return Err(Errno::InsufficientMemory);
        }
        Ok(Arc::clone(&self.open_files))
    }

    fn new_time(&self, time: NewTimestamp) -> Result<Option<WallTime>, Errno> {
        match time {
            NewTimestamp::NoChange => Ok(None),
            NewTimestamp::Now => Ok(Some(self.caller().now)),
            NewTimestamp::Timestamp(time) => time
                .seconds
                .checked_mul(1_000_000_000)
                .and_then(|nanos| nanos.checked_add(u64::from(time.nanoseconds)))
                .map(|nanos| Some(WallTime::from_unix_nanos(nanos)))
                .ok_or(Errno::Invalid),
        }
    }
}

impl From<Stat> for DescriptorStat {
    fn from(stat: Stat) -> Self {
        Self {
            type_: stat.kind.into(),
            link_count: stat.links,
            size: stat.size,
            data_access_timestamp: Some(datetime(stat.accessed)),
            data_modification_timestamp: Some(datetime(stat.modified)),
            status_change_timestamp: Some(datetime(stat.changed)),
        }
    }
}

fn datetime(time: WallTime) -> Datetime {
    let nanos = time.as_unix_nanos();
    Datetime {
        seconds: nanos / 1_000_000_000,
        nanoseconds: (nanos % 1_000_000_000) as u32,
    }
}

impl From<FileType> for DescriptorType {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::Directory => Self::Directory,
            FileType::Regular => Self::RegularFile,
            FileType::Symlink => Self::SymbolicLink,
            FileType::Device => Self::CharacterDevice,
            FileType::Other => Self::Unknown,
        }
    }
}

impl From<Errno> for ErrorCode {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::Access => Self::Access,
            Errno::BadDescriptor => Self::BadDescriptor,
            Errno::Busy => Self::Busy,
            Errno::Exist => Self::Exist,
            Errno::FileTooLarge => Self::FileTooLarge,
            Errno::IllegalByteSequence => Self::IllegalByteSequence,
            Errno::InsufficientMemory => Self::InsufficientMemory,
            Errno::InsufficientSpace => Self::InsufficientSpace,
            Errno::Invalid => Self::Invalid,
            Errno::InvalidSeek => Self::InvalidSeek,
            Errno::Io => Self::Io,
            Errno::IsDirectory => Self::IsDirectory,
            Errno::Loop => Self::Loop,
            Errno::NameTooLong => Self::NameTooLong,
            Errno::NoEntry => Self::NoEntry,
            Errno::NotDirectory => Self::NotDirectory,
            Errno::NotEmpty => Self::NotEmpty,
            Errno::NotPermitted => Self::NotPermitted,
            Errno::ReadOnly => Self::ReadOnly,
            Errno::TooManyLinks => Self::TooManyLinks,
            Errno::Unsupported => Self::Unsupported,
            Errno::CrossDevice => Self::CrossDevice,
        }
    }
}
