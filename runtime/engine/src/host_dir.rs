//! Directories of the machine as volumes, over cap-std: whatever a path has become, nothing outside is reached.

use bytes::{Bytes, BytesMut};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use seedpod_core::time::WallTime;
use seedpod_core::volume::{
    DirEntry, Errno, FileType, HostDir, HostFile, HostStat, HostVolume, Times,
};
use std::fs::{File, FileTimes};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Makes a directory of the machine a volume. What is mounted at a path is the directory that is there now.
pub fn host_dir_volume(path: &Path) -> io::Result<Arc<HostVolume>> {
    let dir = Dir::open_ambient_dir(path, ambient_authority())?;
    Ok(HostVolume::new(Box::new(MachineDir { dir })))
}

/// Makes a file of the machine a volume that consists of that file alone.
pub fn host_file_volume(path: &Path) -> io::Result<Arc<HostVolume>> {
    let path = path.canonicalize()?;
    let (Some(parent), Some(name)) = (
        path.parent(),
        path.file_name().and_then(|name| name.to_str()),
    ) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let dir = Dir::open_ambient_dir(parent, ambient_authority())?;
    Ok(HostVolume::file(Box::new(MachineDir { dir }), name))
}

struct MachineDir {
    dir: Dir,
}

struct MachineFile {
    file: File,
}

/// Held while a file is extended at its end, since a handle that appends could write nowhere else. All volumes share
/// it: two of them may lie on the same directory.
static APPEND: Mutex<()> = Mutex::new(());

impl HostDir for MachineDir {
    fn stat(&self, path: &str) -> Result<HostStat, Errno> {
        let metadata = if path.is_empty() {
            self.dir.dir_metadata()
        } else {
            self.dir.symlink_metadata(checked(path)?)
        };
        Ok(stat(&metadata.map_err(errno)?))
    }

    fn read_link(&self, path: &str) -> Result<String, Errno> {
        let target = self.dir.read_link_contents(checked(path)?).map_err(errno)?;
        let target = target.into_os_string().into_string();
        target.map_err(|_| Errno::IllegalByteSequence)
    }

    fn read_dir(&self, path: &str, each: &mut dyn FnMut(DirEntry)) -> Result<(), Errno> {
        for entry in self.dir.read_dir(checked(path)?).map_err(errno)? {
            let entry = entry.map_err(errno)?;
            if let Ok(name) = entry.file_name().into_string() {
                let kind = file_type(entry.file_type().map_err(errno)?);
                each(DirEntry { name, kind });
            }
        }
        Ok(())
    }

    fn open(&self, path: &str, write: bool) -> Result<Box<dyn HostFile>, Errno> {
        let mut options = OpenOptions::new();
        options.read(true).write(write);
        let file = self.dir.open_with(checked(path)?, &options);
        let file = file.map_err(errno)?.into_std();
        Ok(Box::new(MachineFile { file }))
    }

    fn create_file(&self, path: &str, mode: u32) -> Result<(), Errno> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        set_mode(&mut options, mode);
        let file = self.dir.open_with(checked(path)?, &options);
        file.map(drop).map_err(errno)
    }

    fn create_dir(&self, path: &str, mode: u32) -> Result<(), Errno> {
        let builder = dir_builder(mode);
        self.dir
            .create_dir_with(checked(path)?, &builder)
            .map_err(errno)
    }

    #[cfg(unix)]
    fn symlink(&self, target: &str, path: &str) -> Result<(), Errno> {
        self.dir
            .symlink_contents(target, checked(path)?)
            .map_err(errno)
    }

    /// Windows wants to know what the target is, and a privilege.
    #[cfg(not(unix))]
    fn symlink(&self, _target: &str, _path: &str) -> Result<(), Errno> {
        Err(Errno::Unsupported)
    }

    fn link(&self, from: &str, to: &str) -> Result<(), Errno> {
        self.dir
            .hard_link(checked(from)?, &self.dir, checked(to)?)
            .map_err(errno)
    }

    fn unlink(&self, path: &str) -> Result<(), Errno> {
        self.dir.remove_file(checked(path)?).map_err(errno)
    }

    fn remove_dir(&self, path: &str) -> Result<(), Errno> {
        self.dir.remove_dir(checked(path)?).map_err(errno)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Errno> {
        self.dir
            .rename(checked(from)?, &self.dir, checked(to)?)
            .map_err(errno)
    }

    /// Not of symbolic links: neither std nor cap-std can.
    fn set_times(&self, path: &str, times: Times) -> Result<(), Errno> {
        if !matches!(
            self.stat(path)?.kind,
            FileType::Directory | FileType::Regular
        ) {
            return Err(Errno::Unsupported);
        }
        let file = self.dir.open(checked(path)?).map_err(errno)?.into_std();
        MachineFile { file }.set_times(times)
    }

    /// A machine without permission bits keeps none.
    fn set_mode(&self, path: &str, mode: u32) -> Result<(), Errno> {
        #[cfg(unix)]
        {
            use cap_std::fs::{Permissions, PermissionsExt};
            // The owner keeps access: it is we who open the files, and who remove them in the end.
            let owner = if self.stat(path)?.kind == FileType::Directory {
                0o700
            } else {
                0o600
            };
            let permissions = Permissions::from_mode(mode & 0o777 | owner);
            self.dir
                .set_permissions(checked(path)?, permissions)
                .map_err(errno)
        }
        #[cfg(not(unix))]
        {
            let _ = mode;
            self.dir.metadata(checked(path)?).map(drop).map_err(errno)
        }
    }
}

impl HostFile for MachineFile {
    fn read_at(&self, offset: u64, max: usize) -> Result<Bytes, Errno> {
        let len = self.file.metadata().map_err(errno)?.len();
        let expected = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = BytesMut::zeroed(max.min(expected));
        let mut filled = 0;
        while filled < bytes.len() {
            match read_at(&self.file, &mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(errno(error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes.freeze())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<usize, Errno> {
        loop {
            match write_at(&self.file, data, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(errno),
            }
        }
    }

    fn append(&self, data: &[u8]) -> Result<(usize, u64), Errno> {
        let _guard = APPEND.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.file.metadata().map_err(errno)?.len();
        let written = self.write_at(end, data)?;
        Ok((written, end + written as u64))
    }

    fn stat(&self) -> Result<HostStat, Errno> {
        let metadata = Metadata::from_file(&self.file).map_err(errno)?;
        Ok(stat(&metadata))
    }

    fn set_len(&self, len: u64) -> Result<(), Errno> {
        self.file.set_len(len).map_err(errno)
    }

    fn set_times(&self, times: Times) -> Result<(), Errno> {
        let mut new = FileTimes::new();
        if let Some(time) = times.accessed {
            new = new.set_accessed(system_time(time));
        }
        if let Some(time) = times.modified {
            new = new.set_modified(system_time(time));
        }
        self.file.set_times(new).map_err(errno)
    }

    fn sync(&self) -> Result<(), Errno> {
        self.file.sync_all().map_err(errno)
    }
}

/// The path as cap-std wants it. On Windows some names that Linux allows would be paths or streams.
fn checked(path: &str) -> Result<&Path, Errno> {
    if cfg!(windows) && path.contains(['\\', ':']) {
        return Err(Errno::Invalid);
    }
    Ok(Path::new(if path.is_empty() { "." } else { path }))
}

fn stat(metadata: &Metadata) -> HostStat {
    let modified = metadata
        .modified()
        .map_or_else(|_| WallTime::default(), |time| wall_time(time.into_std()));
    let accessed = metadata
        .accessed()
        .map_or(modified, |time| wall_time(time.into_std()));
    let stat = HostStat {
        kind: file_type(metadata.file_type()),
        node: 0,
        mode: if metadata.is_dir() { 0o777 } else { 0o755 },
        links: 1,
        size: metadata.len(),
        accessed,
        modified,
        changed: modified,
    };
    with_unix(stat, metadata)
}

#[cfg(unix)]
fn with_unix(stat: HostStat, metadata: &Metadata) -> HostStat {
    use cap_std::fs::MetadataExt;
    let nanos = metadata
        .ctime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.ctime_nsec());
    HostStat {
        node: metadata.ino(),
        mode: metadata.mode() & 0o7777,
        links: metadata.nlink(),
        changed: WallTime::from_unix_nanos(u64::try_from(nanos).unwrap_or(0)),
        ..stat
    }
}

#[cfg(not(unix))]
fn with_unix(stat: HostStat, _metadata: &Metadata) -> HostStat {
    stat
}

fn file_type(kind: cap_std::fs::FileType) -> FileType {
    if kind.is_dir() {
        FileType::Directory
    } else if kind.is_file() {
        FileType::Regular
    } else if kind.is_symlink() {
        FileType::Symlink
    } else {
        FileType::Other
    }
}

#[cfg(unix)]
fn set_mode(options: &mut OpenOptions, mode: u32) {
    cap_std::fs::OpenOptionsExt::mode(options, mode);
}

#[cfg(not(unix))]
fn set_mode(_options: &mut OpenOptions, _mode: u32) {}

#[cfg(unix)]
fn dir_builder(mode: u32) -> cap_std::fs::DirBuilder {
    let mut builder = cap_std::fs::DirBuilder::new();
    cap_std::fs::DirBuilderExt::mode(&mut builder, mode);
    builder
}

#[cfg(not(unix))]
fn dir_builder(_mode: u32) -> cap_std::fs::DirBuilder {
    cap_std::fs::DirBuilder::new()
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(unix)]
fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, data, offset)
}

#[cfg(windows)]
fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, data, offset)
}

fn wall_time(time: SystemTime) -> WallTime {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    WallTime::from_unix_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn system_time(time: WallTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(time.as_unix_nanos())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn errno(error: io::Error) -> Errno {
    #[cfg(unix)]
    if let Some(errno) = error.raw_os_error().and_then(unix_errno) {
        return errno;
    }
    match error.kind() {
        io::ErrorKind::NotFound => Errno::NoEntry,
        // What cap-std reports of a path that would lead out of the directory.
        io::ErrorKind::PermissionDenied => Errno::NotPermitted,
        io::ErrorKind::AlreadyExists => Errno::Exist,
        io::ErrorKind::InvalidInput => Errno::Invalid,
        io::ErrorKind::NotADirectory => Errno::NotDirectory,
        io::ErrorKind::IsADirectory => Errno::IsDirectory,
        io::ErrorKind::DirectoryNotEmpty => Errno::NotEmpty,
        io::ErrorKind::ReadOnlyFilesystem => Errno::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Errno::InsufficientSpace,
        io::ErrorKind::FileTooLarge => Errno::FileTooLarge,
        io::ErrorKind::ResourceBusy | io::ErrorKind::ExecutableFileBusy => Errno::Busy,
        io::ErrorKind::CrossesDevices => Errno::CrossDevice,
        io::ErrorKind::TooManyLinks => Errno::TooManyLinks,
        io::ErrorKind::InvalidFilename => Errno::NameTooLong,
        io::ErrorKind::OutOfMemory => Errno::InsufficientMemory,
        io::ErrorKind::Unsupported => Errno::Unsupported,
        io::ErrorKind::NotSeekable => Errno::InvalidSeek,
        _ => Errno::Io,
    }
}

/// Numbers that every Unix has in common, for what std's kinds do not tell apart.
#[cfg(unix)]
fn unix_errno(number: i32) -> Option<Errno> {
    match number {
        1 => Some(Errno::NotPermitted),
        13 => Some(Errno::Access),
        _ if cfg!(target_os = "linux") && number == 40 => Some(Errno::Loop),
        _ if cfg!(target_vendor = "apple") && number == 62 => Some(Errno::Loop),
        _ => None,
    }
}
