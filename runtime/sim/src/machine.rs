//! The files of the machine that a simulation runs on, for `hostPath`: in memory, and as long-lived as the simulation.

use bytes::Bytes;
use seedpod_core::spec::{HostPath, HostPathType};
use seedpod_core::time::WallTime;
use seedpod_core::volume::{
    Caller, DirEntry, Errno, FileType, MemoryVolume, New, Opened, Stat, Times, Tree, Usage, Volume,
    put,
};
use std::sync::Arc;

/// A machine with `/tmp` and `/etc/hosts`, and what pods put there.
pub(crate) struct Machine {
    volume: Arc<MemoryVolume>,
}

/// All volumes over these files are one: no volume of a pod can be called like this.
const NAME: &str = "hostPath";

const HOSTS: &[u8] = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

impl Machine {
    pub(crate) fn new(now: WallTime) -> Self {
        let mut tree = Tree::builder();
        tree.set_time(now);
        let made = tree
            .insert_dir("/tmp", 0o1777)
            .and_then(|()| tree.insert_file("/etc/hosts", Bytes::from_static(HOSTS), 0o644));
        made.expect("an empty tree has room for two names");
        Self {
            volume: MemoryVolume::shared_as(NAME, Tree::over(Arc::new(tree.build()), Usage::LAYER)),
        }
    }

    /// Writes a file, with the directories that it needs.
    pub(crate) fn put(&self, path: &str, bytes: &[u8], now: WallTime) -> Result<(), Errno> {
        put(&*self.volume, Caller::host(now), path, bytes)
    }

    /// What is behind a `hostPath`, after the checks that its `type` asks for, with their words.
    pub(crate) fn volume(&self, path: &HostPath, now: WallTime) -> Result<Arc<dyn Volume>, String> {
        let caller = Caller::host(now);
        let failed = |errno: Errno| format!("hostPath {}: {errno}", path.path);
        let found = match self.find(caller, &path.path) {
            Err(Errno::NoEntry) => self
                .create(caller, path)
                .map_err(|errno| not_created(path, errno))?,
            Err(errno) => return Err(failed(errno)),
            Ok(found) => Some(found),
        };
        let is = |wanted: fn(FileType) -> bool| found.is_some_and(|(_, kind)| wanted(kind));
        let (fits, noun) = match path.kind {
            HostPathType::Unset => (found.is_some(), "directory"),
            HostPathType::Directory | HostPathType::DirectoryOrCreate => {
                (is(|kind| kind == FileType::Directory), "directory")
            }
            HostPathType::File | HostPathType::FileOrCreate => {
                (is(|kind| kind != FileType::Directory), "file")
            }
            HostPathType::Socket => (false, "socket file"),
            HostPathType::CharDevice => (is(|kind| kind == FileType::Device), "character device"),
            HostPathType::BlockDevice => (false, "block device"),
        };
        match found {
            Some((root, _)) if fits => Ok(Arc::new(Below {
                volume: self.volume.clone(),
                root,
            })),
            _ => Err(format!(
                "hostPath type check failed: {} is not a {noun}",
                path.path
            )),
        }
    }

    fn find(&self, caller: Caller, path: &str) -> Result<(u64, FileType), Errno> {
        let mut found = (self.volume.root(), FileType::Directory);
        for name in names(path) {
            found = self.volume.lookup(caller, found.0, name)?;
        }
        Ok(found)
    }

    /// Creates what is missing, where its type allows that.
    fn create(&self, caller: Caller, path: &HostPath) -> Result<Option<(u64, FileType)>, Errno> {
        match path.kind {
            HostPathType::Unset | HostPathType::DirectoryOrCreate => {}
            HostPathType::FileOrCreate => {
                let (parent, name) = path.path.rsplit_once('/').unwrap_or(("", &path.path));
                let (parent, _) = self.find(caller, parent)?;
                let new = self.volume.create(caller, parent, name, New::File(0o644));
                return new.map(Some);
            }
            HostPathType::Directory
            | HostPathType::File
            | HostPathType::Socket
            | HostPathType::CharDevice
            | HostPathType::BlockDevice => return Ok(None),
        }
        let mut found = (self.volume.root(), FileType::Directory);
        for name in names(&path.path) {
            found = match self.volume.lookup(caller, found.0, name) {
                Err(Errno::NoEntry) => {
                    let new = New::Directory(0o755);
                    self.volume.create(caller, found.0, name, new)?
                }
                looked_up => looked_up?,
            };
        }
        Ok(Some(found))
    }
}

fn not_created(path: &HostPath, errno: Errno) -> String {
    let call = match path.kind {
        HostPathType::FileOrCreate => "open",
        _ => "mkdir",
    };
    format!("{call} {}: {errno}", path.path)
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|name| !name.is_empty() && *name != ".")
}

/// A part of the machine's files. Its nodes stay pinned as long as the machine lives.
#[derive(Debug)]
struct Below {
    volume: Arc<MemoryVolume>,
    root: u64,
}

impl Volume for Below {
    fn root(&self) -> u64 {
        self.root
    }

    fn shared(&self) -> Option<&str> {
        self.volume.shared()
    }

    fn path(&self, dir: u64) -> String {
        self.volume.path(dir)
    }

    fn lookup(&self, caller: Caller, dir: u64, name: &str) -> Result<(u64, FileType), Errno> {
        self.volume.lookup(caller, dir, name)
    }

    fn pin(&self, node: u64) {
        self.volume.pin(node);
    }

    fn unpin(&self, node: u64) {
        self.volume.unpin(node);
    }

    fn parent(&self, dir: u64) -> Result<u64, Errno> {
        if dir == self.root {
            self.volume.pin(dir);
            return Ok(dir);
        }
        self.volume.parent(dir)
    }

    fn stat(&self, caller: Caller, node: u64) -> Result<Stat, Errno> {
        self.volume.stat(caller, node)
    }

    fn read_link(&self, caller: Caller, node: u64) -> Result<String, Errno> {
        self.volume.read_link(caller, node)
    }

    fn read_dir(
        &self,
        caller: Caller,
        dir: u64,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<DirEntry>, Errno> {
        self.volume.read_dir(caller, dir, after, max)
    }

    fn open(&self, caller: Caller, node: u64, write: bool) -> Result<Opened, Errno> {
        self.volume.open(caller, node, write)
    }

    fn read_at(&self, node: u64, offset: u64, max: usize) -> Result<Bytes, Errno> {
        self.volume.read_at(node, offset, max)
    }

    fn write_at(
        &self,
        caller: Caller,
        node: u64,
        offset: Option<u64>,
        data: &[u8],
    ) -> Result<(usize, u64), Errno> {
        self.volume.write_at(caller, node, offset, data)
    }

    fn set_len(&self, caller: Caller, node: u64, len: u64) -> Result<(), Errno> {
        self.volume.set_len(caller, node, len)
    }

    fn sync(&self, node: u64, data_only: bool) -> Result<(), Errno> {
        self.volume.sync(node, data_only)
    }

    fn create(
        &self,
        caller: Caller,
        dir: u64,
        name: &str,
        new: New<'_>,
    ) -> Result<(u64, FileType), Errno> {
        self.volume.create(caller, dir, name, new)
    }

    fn link(&self, caller: Caller, node: u64, dir: u64, name: &str) -> Result<(), Errno> {
        self.volume.link(caller, node, dir, name)
    }

    fn unlink(&self, caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.volume.unlink(caller, dir, name)
    }

    fn remove_dir(&self, caller: Caller, dir: u64, name: &str) -> Result<(), Errno> {
        self.volume.remove_dir(caller, dir, name)
    }

    fn rename(&self, caller: Caller, from: (u64, &str), to: (u64, &str)) -> Result<(), Errno> {
        self.volume.rename(caller, from, to)
    }

    fn set_times(&self, caller: Caller, node: u64, times: Times) -> Result<(), Errno> {
        self.volume.set_times(caller, node, times)
    }

    fn set_mode(&self, caller: Caller, node: u64, mode: u32) -> Result<(), Errno> {
        self.volume.set_mode(caller, node, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked_as_on_a_host() {
        let now = WallTime::default();
        let machine = Machine::new(now);
        let check = |path: &str, kind: HostPathType| {
            let path = path.to_owned();
            machine.volume(&HostPath { path, kind }, now).map(drop)
        };
        let wrong = |what: &str| Err(format!("hostPath type check failed: {what}"));
        let not_a_dir = wrong("/a/b is not a directory");
        assert_eq!(check("/a/b", HostPathType::Directory), not_a_dir);
        assert_eq!(
            check("/a/b", HostPathType::FileOrCreate),
            Err("open /a/b: no such file or directory".to_owned())
        );
        assert_eq!(check("/a/b", HostPathType::DirectoryOrCreate), Ok(()));
        assert_eq!(check("/a/b", HostPathType::Directory), Ok(()));
        assert_eq!(
            check("/a/b", HostPathType::File),
            wrong("/a/b is not a file")
        );
        assert_eq!(check("/a/f", HostPathType::FileOrCreate), Ok(()));
        assert_eq!(
            check("/a/f", HostPathType::Socket),
            wrong("/a/f is not a socket file")
        );
        assert_eq!(
            check("/a/f", HostPathType::CharDevice),
            wrong("/a/f is not a character device")
        );
        assert_eq!(check("/new", HostPathType::Unset), Ok(()));
        assert_eq!(check("/etc/hosts", HostPathType::File), Ok(()));
    }

    #[test]
    fn what_one_volume_writes_another_reads() {
        let now = WallTime::default();
        let machine = Machine::new(now);
        let volume = |path: &str| {
            let path = path.to_owned();
            let kind = HostPathType::DirectoryOrCreate;
            machine.volume(&HostPath { path, kind }, now).unwrap()
        };
        let (caller, inner, outer) = (Caller::host(now), volume("/tmp/a"), volume("/tmp"));
        let (file, _) = inner
            .create(caller, inner.root(), "f", New::File(0o600))
            .unwrap();
        inner.write_at(caller, file, None, b"text").unwrap();
        let (dir, _) = outer.lookup(caller, outer.root(), "a").unwrap();
        assert_eq!(
            outer.lookup(caller, dir, "f"),
            Ok((file, FileType::Regular))
        );
        assert_eq!(outer.read_at(file, 0, 9).unwrap(), "text");
        assert_eq!(inner.parent(inner.root()), Ok(inner.root()));
    }
}
