//! Folders of the machine: where compiled code is kept, where volumes live, and what `hostPath` means.

use seedpod_core::spec::{HostPath, HostPathType};
use seedpod_core::volume::Volume;
use seedpod_engine::{host_dir_volume, host_file_volume};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder for everything that may be lost, as the operating system suggests; `None` when it does not say.
pub fn cache_folder() -> Option<PathBuf> {
    let caches = if cfg!(windows) {
        from_environment("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        below_home("Library/Caches")
    } else {
        from_environment("XDG_CACHE_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| below_home(".cache"))
    };
    caches.map(|caches| caches.join("seedpod"))
}

/// The folder for what has to be there at the next start, as the XDG Base Directory Specification or the operating system
/// suggests; `None` when neither says.
pub fn state_folder() -> Option<PathBuf> {
    let xdg = from_environment("XDG_STATE_HOME").filter(|folder| folder.is_absolute());
    let states = xdg.or_else(|| match cfg!(windows) {
        true => from_environment("LOCALAPPDATA").map(|folder| folder.join("state")),
        false => below_home(".local/state"),
    });
    states.map(|states| states.join("seedpod"))
}

fn from_environment(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn below_home(path: &str) -> Option<PathBuf> {
    from_environment("HOME").map(|home| home.join(path))
}

/// The volumes of one process: a folder that is this process' while it holds a lock, and anybody's to remove after.
#[derive(Debug)]
pub struct RunFolder {
    folder: PathBuf,
    /// Released by the operating system, however the process ends.
    _lock: File,
}

/// Held while folders are created or swept, so that nobody removes a folder before its owner has locked it.
const ROOT_LOCK: &str = "lock";
/// In each folder, held by its owner.
const OWNER_LOCK: &str = "owner";

impl RunFolder {
    /// Makes a folder below `root`, and removes those whose owners are gone.
    ///
    /// # Errors
    /// When `root` cannot be written.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let sweep = lock_file(&root.join(ROOT_LOCK))?;
        sweep.lock()?;
        for entry in fs::read_dir(root)? {
            let path = entry?.path();
            if path.is_dir()
                && let Err(error) = remove_if_left(&path)
            {
                tracing::debug!(%error, "cannot remove {}", path.display());
            }
        }
        let mut name = [0; 8];
        crate::world::fill_random(&mut name);
        let folder = root.join(format!("{:016x}", u64::from_le_bytes(name)));
        fs::create_dir(&folder)?;
        let lock = lock_file(&folder.join(OWNER_LOCK))?;
        lock.lock()?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Makes the empty folder of a volume.
    pub(crate) fn create(&self, uid: &str, volume: &str) -> io::Result<Arc<dyn Volume>> {
        let path = self.folder.join(uid).join(volume);
        fs::create_dir_all(&path)?;
        Ok(host_dir_volume(&path)?)
    }

    /// Removes the volumes of a pod; it may have none.
    pub(crate) fn remove(&self, uid: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.folder.join(uid)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::debug!(%error, "the next start removes {}", self.folder.display());
        }
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

fn remove_if_left(folder: &Path) -> io::Result<()> {
    let lock = lock_file(&folder.join(OWNER_LOCK))?;
    match lock.try_lock() {
        Ok(()) => {
            // Windows does not remove a file that is open.
            drop(lock);
            fs::remove_dir_all(folder)
        }
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The volume behind a `hostPath`, after the checks that its `type` asks for (kubelet `checkTypeInternal`). Without a type
/// a missing directory is created, as container runtimes do.
pub(crate) fn host_path(spec: &HostPath) -> Result<Arc<dyn Volume>, String> {
    let path = Path::new(&spec.path);
    let failed = |error: io::Error| format!("hostPath {}: {error}", spec.path);
    let is_missing =
        matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound);
    match spec.kind {
        HostPathType::DirectoryOrCreate | HostPathType::Unset if is_missing => {
            create_dirs(path).map_err(|error| not_created("mkdir", spec, &error))?;
        }
        HostPathType::FileOrCreate if is_missing => {
            create_file(path).map_err(|error| not_created("open", spec, &error))?;
        }
        kind => check_kind(kind, &spec.path)?,
    }
    let volume = if fs::metadata(path).map_err(failed)?.is_dir() {
        host_dir_volume(path)
    } else {
        host_file_volume(path)
    };
    Ok(volume.map_err(failed)?)
}

/// As Go words it.
fn not_created(call: &str, spec: &HostPath, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "read-only file system".to_owned(),
        _ => error.to_string(),
    };
    format!("{call} {}: {reason}", spec.path)
}

fn check_kind(kind: HostPathType, path: &str) -> Result<(), String> {
    let is = |test: fn(&fs::Metadata) -> bool| fs::metadata(path).is_ok_and(|found| test(&found));
    let (fits, noun) = match kind {
        HostPathType::Unset => return Ok(()),
        HostPathType::Directory | HostPathType::DirectoryOrCreate => {
            (is(fs::Metadata::is_dir), "directory")
        }
        HostPathType::File | HostPathType::FileOrCreate => (is(|found| !found.is_dir()), "file"),
        HostPathType::Socket => (is(special::is_socket), "socket file"),
        HostPathType::CharDevice => (is(special::is_char_device), "character device"),
        HostPathType::BlockDevice => (is(special::is_block_device), "block device"),
    };
    if fits {
        Ok(())
    } else {
        Err(format!(
            "hostPath type check failed: {path} is not a {noun}"
        ))
    }
}

#[cfg(unix)]
mod special {
    use std::fs::Metadata;
    use std::os::unix::fs::FileTypeExt;

    pub(super) fn is_socket(found: &Metadata) -> bool {
        found.file_type().is_socket()
    }

    pub(super) fn is_char_device(found: &Metadata) -> bool {
        found.file_type().is_char_device()
    }

    pub(super) fn is_block_device(found: &Metadata) -> bool {
        found.file_type().is_block_device()
    }
}

/// Windows has nothing of the kind behind a path.
#[cfg(not(unix))]
mod special {
    use std::fs::Metadata;

    pub(super) fn is_socket(_: &Metadata) -> bool {
        false
    }

    pub(super) use {is_socket as is_char_device, is_socket as is_block_device};
}

/// All parents too, with mode 0755.
fn create_dirs(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.create(path)
}

/// No parents; mode 0644.
fn create_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(path).map(drop)
}

/// Whether a file of this name is a manifest, when a whole folder is given.
pub fn is_manifest(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_are_swept_and_those_of_the_living_stay() {
        let root = tempfile::tempdir().unwrap();
        let living = RunFolder::open(root.path()).unwrap();
        living.create("pod", "volume").unwrap();
        // What a process leaves that was killed: its folder, and a lock that nobody holds.
        let dead = root.path().join("dead");
        fs::create_dir_all(dead.join("pod/volume")).unwrap();
        fs::write(dead.join(OWNER_LOCK), "").unwrap();

        let next = RunFolder::open(root.path()).unwrap();
        assert!(!dead.exists());
        assert!(living.folder.join("pod/volume").is_dir());
        living.remove("pod").unwrap();
        living.remove("pod").unwrap();
        drop((living, next));
        let left: Vec<_> = fs::read_dir(root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [ROOT_LOCK]);
    }

    #[test]
    fn host_paths_are_checked() {
        let root = tempfile::tempdir().unwrap();
        let check = |name: &str, kind: HostPathType| {
            let path = root.path().join(name).to_str().unwrap().to_owned();
            host_path(&HostPath { path, kind })
                .map(drop)
                .map_err(|error| error.replace(root.path().to_str().unwrap(), ""))
        };
        let wrong = |what: &str| Err(format!("hostPath type check failed: {what}"));
        let not_a_dir = wrong("/a/b is not a directory");
        assert_eq!(check("a/b", HostPathType::Directory), not_a_dir);
        assert_eq!(
            check("a/b", HostPathType::FileOrCreate),
            Err("open /a/b: no such file or directory".to_owned())
        );
        assert_eq!(check("a/b", HostPathType::DirectoryOrCreate), Ok(()));
        assert_eq!(check("a/b", HostPathType::Directory), Ok(()));
        assert_eq!(
            check("a/b", HostPathType::File),
            wrong("/a/b is not a file")
        );
        assert_eq!(check("a/f", HostPathType::FileOrCreate), Ok(()));
        assert_eq!(check("a/f", HostPathType::Unset), Ok(()));
        assert_eq!(
            check("a/f", HostPathType::Socket),
            wrong("/a/f is not a socket file")
        );
        assert_eq!(
            check("a/f", HostPathType::CharDevice),
            wrong("/a/f is not a character device")
        );
        assert_eq!(
            check("no", HostPathType::BlockDevice),
            wrong("/no is not a block device")
        );
        assert_eq!(check("new/dir", HostPathType::Unset), Ok(()));
        assert!(root.path().join("new/dir").is_dir());
    }
}
