//! The calls on descriptors.

use super::bindings::wasi::filesystem::types;
use super::streams::{DirectoryEntries, FileInput};
use super::touches::Use;
use super::{Descriptor, Failure};
use crate::description::Input;
use crate::guest::Guest;
use bytes::Bytes;
use seedpod_core::limits;
use seedpod_core::sched::Access::{Read, Write};
use seedpod_core::volume::{At, Errno, FileType, Follow, OpenFile, OpenFlags, Stat};
use types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, MetadataHashValue,
    NewTimestamp, PathFlags,
};
use wasmtime::component::Resource;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

pub(super) type Answer<T> = Result<T, Failure>;

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
        let meaning = self.stream_of_file(&this)?;
        let stream = self.table.push(stream)?;
        self.meanings.add_stream(stream.rep(), meaning);
        Ok(stream)
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

    async fn sync_data(&mut self, this: Resource<Descriptor>) -> Answer<()> {
        self.sync_file("fs.fdatasync", &this, OpenFile::sync_data)
            .await
    }

    fn get_flags(&mut self, this: Resource<Descriptor>) -> Answer<DescriptorFlags> {
        Ok(self.table.get(&this)?.flags)
    }

    fn get_type(&mut self, this: Resource<Descriptor>) -> Answer<DescriptorType> {
        Ok(self.open(&this)?.file.kind().into())
    }

    async fn set_size(&mut self, this: Resource<Descriptor>, size: u64) -> Answer<()> {
        let turn = self.enter_file("fs.truncate", self.table.get(&this)?, Write);
        turn.await;
        let caller = self.caller();
        let result = self.open(&this)?.file.set_len(caller, size);
        self.leave_with(&result, || format!("to {size}"));
        Ok(result?)
    }

    async fn set_times(
        &mut self,
        this: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> Answer<()> {
        let turn = self.enter_file("fs.utimens", self.table.get(&this)?, Write);
        turn.await;
        let times = self.times(accessed, modified)?;
        let caller = self.caller();
        let result = self.open(&this)?.file.set_times(caller, times);
        self.leave(&result);
        Ok(result?)
    }

    async fn read(
        &mut self,
        this: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> Answer<(Vec<u8>, bool)> {
        let turn = self.enter_file("fs.read", self.table.get(&this)?, Read);
        turn.await;
        let max = usize::try_from(length).unwrap_or(usize::MAX);
        let max = self.part("fs.read", max);
        let result = self.open(&this)?.file.read_at(offset, max);
        self.leave_with(&result, || {
            at(offset, result.as_ref().map_or(0, Bytes::len))
        });
        let bytes = result?;
        let at_end = bytes.is_empty() && length > 0;
        Ok((bytes.into(), at_end))
    }

    async fn write(
        &mut self,
        this: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: u64,
    ) -> Answer<u64> {
        let turn = self.enter_file("fs.write", self.table.get(&this)?, Write);
        turn.await;
        let caller = self.caller();
        let part = self.part("fs.write", bytes.len());
        let file = &self.open(&this)?.file;
        let result = file.write_at(caller, offset, &bytes[..part]);
        self.leave_with(&result, || at(offset, *result.as_ref().unwrap_or(&0)));
        Ok(result? as u64)
    }

    fn read_directory(&mut self, this: Resource<Descriptor>) -> Answer<Resource<DirectoryEntries>> {
        let open = self.open(&this)?;
        if open.file.kind() != FileType::Directory {
            return Err(Errno::NotDirectory.into());
        }
        let slot = self.slot()?;
        Ok(self.table.push(DirectoryEntries::new(open, slot))?)
    }

    async fn sync(&mut self, this: Resource<Descriptor>) -> Answer<()> {
        self.sync_file("fs.fsync", &this, OpenFile::sync).await
    }

    async fn create_directory_at(
        &mut self,
        this: Resource<Descriptor>,
        path: String,
    ) -> Answer<()> {
        let base = self.base(&this, &path)?;
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.mkdir", dir, &path, Follow::No, Use::Create);
        turn.await;
        let at = At::Dir(&base.file);
        let caller = self.caller();
        let result = self.files().create_dir(caller, at, &path, DIRECTORY_MODE);
        self.leave(&result);
        Ok(result?)
    }

    async fn stat(&mut self, this: Resource<Descriptor>) -> Answer<DescriptorStat> {
        let turn = self.enter_file("fs.stat", self.table.get(&this)?, Read);
        turn.await;
        let result = self.open(&this)?.file.stat(self.caller());
        self.leave(&result);
        Ok(result?.into())
    }

    async fn stat_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<DescriptorStat> {
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.stat", dir, &path, follow(flags), Use::Stat);
        turn.await;
        let result = self.stat_path(&this, flags, &path);
        self.leave(&result);
        Ok(result?.into())
    }

    async fn set_times_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> Answer<()> {
        let base = self.base(&this, &path)?;
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.utimens", dir, &path, follow(flags), Use::Change);
        turn.await;
        let times = self.times(accessed, modified)?;
        let at = At::Dir(&base.file);
        let files = self.files();
        let result = files.set_times(self.caller(), at, &path, follow(flags), times);
        self.leave(&result);
        Ok(result?)
    }

    async fn link_at(
        &mut self,
        this: Resource<Descriptor>,
        old_flags: PathFlags,
        old_path: String,
        new: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (from, to) = (self.table.get(&this)?, self.table.get(&new)?);
        let (from, to) = (
            (from, old_path.as_str(), Use::Look),
            (to, new_path.as_str(), Use::Create),
        );
        let turn = self.enter_paths("fs.link", from, to);
        turn.await;
        let (old, new) = (self.base(&this, &old_path)?, self.base(&new, &new_path)?);
        let result = self.files().link(
            self.caller(),
            (At::Dir(&old.file), &old_path),
            follow(old_flags),
            (At::Dir(&new.file), &new_path),
        );
        self.leave(&result);
        Ok(result?)
    }

    async fn open_at(
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
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.open", dir, &path, how.follow, Use::of(how));
        turn.await;
        let caller = self.caller();
        let result = self.files().open(caller, At::Dir(&base.file), &path, how);
        self.leave(&result);
        self.push_descriptor(result?, flags)
    }

    async fn readlink_at(&mut self, this: Resource<Descriptor>, path: String) -> Answer<String> {
        let base = self.base(&this, &path)?;
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.readlink", dir, &path, Follow::No, Use::Look);
        turn.await;
        let caller = self.caller();
        let result = self.files().read_link(caller, At::Dir(&base.file), &path);
        self.leave(&result);
        Ok(result?)
    }

    async fn remove_directory_at(
        &mut self,
        this: Resource<Descriptor>,
        path: String,
    ) -> Answer<()> {
        let base = self.base(&this, &path)?;
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.rmdir", dir, &path, Follow::No, Use::Remove);
        turn.await;
        let caller = self.caller();
        let result = self.files().remove_dir(caller, At::Dir(&base.file), &path);
        self.leave(&result);
        Ok(result?)
    }

    async fn rename_at(
        &mut self,
        this: Resource<Descriptor>,
        old_path: String,
        new: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (from, to) = (self.table.get(&this)?, self.table.get(&new)?);
        let (from, to) = (
            (from, old_path.as_str(), Use::Remove),
            (to, new_path.as_str(), Use::Create),
        );
        let turn = self.enter_paths("fs.rename", from, to);
        turn.await;
        let (old, new) = (self.base(&this, &old_path)?, self.base(&new, &new_path)?);
        let result = self.files().rename(
            self.caller(),
            (At::Dir(&old.file), &old_path),
            (At::Dir(&new.file), &new_path),
        );
        self.leave(&result);
        Ok(result?)
    }

    async fn symlink_at(
        &mut self,
        this: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> Answer<()> {
        let base = self.base(&this, &path)?;
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.symlink", dir, &path, Follow::No, Use::Create);
        turn.await;
        let (files, at) = (self.files(), At::Dir(&base.file));
        let result = files.symlink(self.caller(), &target, at, &path);
        self.leave(&result);
        Ok(result?)
    }

    async fn unlink_file_at(&mut self, this: Resource<Descriptor>, path: String) -> Answer<()> {
        let base = self.base(&this, &path)?;
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.unlink", dir, &path, Follow::No, Use::Remove);
        turn.await;
        let caller = self.caller();
        let result = self.files().unlink(caller, At::Dir(&base.file), &path);
        self.leave(&result);
        Ok(result?)
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

    async fn metadata_hash_at(
        &mut self,
        this: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<MetadataHashValue> {
        let dir = self.table.get(&this)?;
        let turn = self.enter_path("fs.stat", dir, &path, follow(flags), Use::Look);
        turn.await;
        let result = self.stat_path(&this, flags, &path);
        self.leave(&result);
        Ok(metadata_hash(result?))
    }

    fn drop(&mut self, this: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Guest {
    async fn read_directory_entry(
        &mut self,
        this: Resource<DirectoryEntries>,
    ) -> Answer<Option<DirectoryEntry>> {
        let dir = self.table.get(&this)?.to_be_read();
        let turn = self.enter_directory(dir);
        turn.await;
        let caller = self.caller();
        let result = self.table.get_mut(&this)?.next(caller);
        self.leave(&result);
        let entry = result?;
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

/// A part of a file, as traces tell it.
fn at(offset: u64, len: usize) -> String {
    format!("{offset}..{}", offset + len as u64)
}

/// Permission bits of what a guest creates: 0666 and 0777 under the usual umask of 022.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

pub(super) fn follow(flags: PathFlags) -> Follow {
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
