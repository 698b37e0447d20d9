//! The calls on descriptors.

use super::bindings::wasi::filesystem::types;
use super::streams::{DirectoryEntries, FileInput, FileOutput};
use super::{Descriptor, Failure, Open};
use crate::description::{Input, Output};
use crate::guest::Guest;
use bytes::Bytes;
use seedpod_core::limits;
use seedpod_core::volume::{At, Errno, FileType, Follow, OpenFile, OpenFlags, Stat, Times};
use std::sync::Arc;
use types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, PathFlags,
};
use wasmtime::component::Resource;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

type Answer<T> = Result<T, Failure>;

impl types::HostDescriptor for Guest {
    fn read_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<DynInputStream>> {
        let open = self.open(&this)?;
        let file = &open.file;
        let stream: DynInputStream = match self.described(file.device()) {
            Some(description) => Box::new(Input(description)),
            None => {
                if file.kind() == FileType::Directory {
                    return Err(Errno::IsDirectory.into());
                }
                if !file.flags().read {
                    return Err(Errno::BadDescriptor.into());
                }
                Box::new(FileInput { open, offset })
            }
        };
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<DynOutputStream>> {
        self.output(&this, Some(offset))
    }

    fn append_via_stream(
        &mut self,
        this: Resource<Descriptor>,
    ) -> Answer<Resource<DynOutputStream>> {
        self.output(&this, None)
    }

    fn advise(
        &mut self,
        this: Resource<Descriptor>,
        _offset: u64,
        _length: u64,
        _advice: Advice,
    ) -> Answer<()> {
        match self.open(&this)?.file.kind() {
            FileType::Directory => Err(Errno::BadDescriptor.into()),
            _ => Ok(()),
        }
    }

    fn sync_data(&mut self, this: Resource<Descriptor>) -> Answer<()> {
        Ok(self.open(&this)?.file.sync_data()?)
    }

    fn get_flags(&mut self, this: Resource<Descriptor>) -> Answer<DescriptorFlags> {
        Ok(self.table.get(&this)?.flags)
    }

    fn get_type(&mut self, this: Resource<Descriptor>) -> Answer<DescriptorType> {
        Ok(self.open(&this)?.file.kind().into())
    }

    fn set_size(&mut self, this: Resource<Descriptor>, size: u64) -> Answer<()> {
        let caller = self.caller();
        Ok(self.open(&this)?.file.set_len(caller, size)?)
    }

    fn set_times(
        &mut self,
        this: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> Answer<()> {
        let times = self.times(accessed, modified)?;
        let caller = self.caller();
        Ok(self.open(&this)?.file.set_times(caller, times)?)
    }

    fn read(
        &mut self,
        this: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> Answer<(Vec<u8>, bool)> {
        let max = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = self.open(&this)?.file.read_at(offset, max)?;
        let at_end = bytes.is_empty() && length > 0;
        Ok((bytes.into(), at_end))
    }

    fn write(&mut self, this: Resource<Descriptor>, bytes: Vec<u8>, offset: u64) -> Answer<u64> {
        let caller = self.caller();
        let bytes = Bytes::from(bytes);
        Ok(self.open(&this)?.file.write_at(caller, offset, &bytes)? as u64)
    }

    fn read_directory(&mut self, this: Resource<Descriptor>) -> Answer<Resource<DirectoryEntries>> {
        let open = self.open(&this)?;
        if open.file.kind() != FileType::Directory {
            return Err(Errno::NotDirectory.into());
        }
        let slot = self.slot()?;
        Ok(self.table.push(DirectoryEntries::new(open, slot))?)
    }

    fn sync(&mut self, this: Resource<Descriptor>) -> Answer<()> {
        Ok(self.open(&this)?.file.sync()?)
    }

    fn create_directory_at(&mut self, this: Resource<Descriptor>, path: String) -> Answer<()> {
        let base = self.base(&this, &path)?;
        Ok(self
            .files()
            .create_dir(self.caller(), At::Dir(&base.file), &path, DIRECTORY_MODE)?)
    }

    fn stat(&mut self, this: Resource<Descriptor>) -> Answer<DescriptorStat> {
        Ok(self.open(&this)?.file.stat(self.caller())?.into())
    }

    fn stat_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<DescriptorStat> {
        Ok(self.stat_path(&this, flags, &path)?.into())
    }

    fn set_times_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> Answer<()> {
        let times = self.times(accessed, modified)?;
        let base = self.base(&this, &path)?;
        Ok(self.files().set_times(
            self.caller(),
            At::Dir(&base.file),
            &path,
            follow(flags),
            times,
        )?)
    }

    fn link_at(
        &mut self,
        this: Resource<Descriptor>,
        old_flags: PathFlags,
        old_path: String,
        new: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (old, new) = (self.base(&this, &old_path)?, self.base(&new, &new_path)?);
        Ok(self.files().link(
            self.caller(),
            (At::Dir(&old.file), &old_path),
            follow(old_flags),
            (At::Dir(&new.file), &new_path),
        )?)
    }

    fn open_at(
        &mut self,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: types::OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Resource<Descriptor>> {
        let base = self.base(&this, &path)?;
        let how = OpenFlags {
            read: flags.contains(DescriptorFlags::READ),
            write: flags.contains(DescriptorFlags::WRITE),
            append: false,
            create: open_flags.contains(types::OpenFlags::CREATE),
            exclusive: open_flags.contains(types::OpenFlags::EXCLUSIVE),
            truncate: open_flags.contains(types::OpenFlags::TRUNCATE),
            directory: open_flags.contains(types::OpenFlags::DIRECTORY),
            follow: follow(path_flags),
            mode: FILE_MODE,
        };
        let file = self
            .files()
            .open(self.caller(), At::Dir(&base.file), &path, how)?;
        self.push_descriptor(file, flags)
    }

    fn readlink_at(&mut self, this: Resource<Descriptor>, path: String) -> Answer<String> {
        let base = self.base(&this, &path)?;
        Ok(self
            .files()
            .read_link(self.caller(), At::Dir(&base.file), &path)?)
    }

    fn remove_directory_at(&mut self, this: Resource<Descriptor>, path: String) -> Answer<()> {
        let base = self.base(&this, &path)?;
        Ok(self
            .files()
            .remove_dir(self.caller(), At::Dir(&base.file), &path)?)
    }

    fn rename_at(
        &mut self,
        this: Resource<Descriptor>,
        old_path: String,
        new: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (old, new) = (self.base(&this, &old_path)?, self.base(&new, &new_path)?);
        Ok(self.files().rename(
            self.caller(),
            (At::Dir(&old.file), &old_path),
            (At::Dir(&new.file), &new_path),
        )?)
    }

    fn symlink_at(
        &mut self,
        this: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> Answer<()> {
        let base = self.base(&this, &path)?;
        Ok(self
            .files()
            .symlink(self.caller(), &target, At::Dir(&base.file), &path)?)
    }

    fn unlink_file_at(&mut self, this: Resource<Descriptor>, path: String) -> Answer<()> {
        let base = self.base(&this, &path)?;
        Ok(self
            .files()
            .unlink(self.caller(), At::Dir(&base.file), &path)?)
    }

    fn is_same_object(
        &mut self,
        this: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let (this, other) = (self.table.get(&this)?, self.table.get(&other)?);
        let caller = self.caller();
        let identity = |file: &OpenFile| file.stat(caller).map(|stat| (stat.device, stat.node));
        let (this, other) = (&this.open.file, &other.open.file);
        Ok(matches!((identity(this), identity(other)), (Ok(a), Ok(b)) if a == b))
    }

    fn metadata_hash(&mut self, this: Resource<Descriptor>) -> Answer<MetadataHashValue> {
        Ok(metadata_hash(self.open(&this)?.file.stat(self.caller())?))
    }

    fn metadata_hash_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<MetadataHashValue> {
        Ok(metadata_hash(self.stat_path(&this, flags, &path)?))
    }

    fn drop(&mut self, this: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Guest {
    fn read_directory_entry(
        &mut self,
        this: Resource<DirectoryEntries>,
    ) -> Answer<Option<DirectoryEntry>> {
        let caller = self.caller();
        let entry = self.table.get_mut(&this)?.next(caller)?;
        Ok(entry.map(|entry| DirectoryEntry {
            type_: entry.kind.into(),
            name: entry.name,
        }))
    }

    fn drop(&mut self, this: Resource<DirectoryEntries>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl Guest {
    fn open(&self, this: &Resource<Descriptor>) -> Answer<Arc<Open>> {
        Ok(Arc::clone(&self.table.get(this)?.open))
    }

    /// Where a path starts. An absolute one is no path of WASI, whose C library has cut the slash off.
    fn base(&self, this: &Resource<Descriptor>, path: &str) -> Answer<Arc<Open>> {
        let open = self.open(this)?;
        if path.starts_with('/') {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(open)
    }

    fn stat_path(&self, this: &Resource<Descriptor>, flags: PathFlags, path: &str) -> Answer<Stat> {
        let base = self.base(this, path)?;
        let files = self.files();
        Ok(files.stat(self.caller(), At::Dir(&base.file), path, follow(flags))?)
    }

    fn times(&self, accessed: NewTimestamp, modified: NewTimestamp) -> Result<Times, Errno> {
        Ok(Times {
            accessed: self.new_time(accessed)?,
            modified: self.new_time(modified)?,
        })
    }

    fn output(
        &mut self,
        this: &Resource<Descriptor>,
        offset: Option<u64>,
    ) -> Answer<Resource<DynOutputStream>> {
        let open = self.open(this)?;
        let file = &open.file;
        let stream: DynOutputStream = match self.described(file.device()) {
            Some(description) => Box::new(Output::new(self, description).map_err(Failure::Trap)?),
            None => {
                if file.kind() == FileType::Directory {
                    return Err(Errno::IsDirectory.into());
                }
                if !file.flags().write {
                    return Err(Errno::BadDescriptor.into());
                }
                Box::new(FileOutput {
                    open,
                    offset,
                    pod: Arc::clone(&self.pod),
                    process: self.process,
                })
            }
        };
        Ok(self.table.push(stream)?)
    }
}

/// Permission bits of what a guest creates: 0666 and 0777 under the usual umask of 022.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

fn follow(flags: PathFlags) -> Follow {
    if flags.contains(PathFlags::SYMLINK_FOLLOW) {
        Follow::Yes
    } else {
        Follow::No
    }
}

/// Equal for the same file only. C libraries take the lower half as `st_ino` and know no `st_dev`, so the number of the
/// mount is in both.
fn metadata_hash(stat: Stat) -> MetadataHashValue {
    MetadataHashValue {
        lower: stat.node ^ (stat.device - 1) << 48,
        upper: stat.device,
    }
}

const _: () = assert!(limits::MOUNTS_MAX < 1 << 16);
