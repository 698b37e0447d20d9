//! Reading and writing files of a volume from outside of all containers. No fault of its disk happens then.

use super::{Caller, Errno, FileType, New, Volume};
use bytes::Bytes;
use std::collections::VecDeque;

/// The content of a file of a volume, at most `max` bytes of it. Symbolic links are followed inside of the volume.
///
/// # Errors
/// When there is no such file, it is none, or a link leads out.
pub fn look(volume: &dyn Volume, caller: Caller, path: &str, max: usize) -> Result<Bytes, Errno> {
    let mut content = Err(Errno::NoEntry);
    volume.undisturbed(&mut || content = read(volume, caller, path, max));
    content
}

fn read(volume: &dyn Volume, caller: Caller, path: &str, max: usize) -> Result<Bytes, Errno> {
    let mut walk = Walk {
        volume,
        caller,
        dirs: vec![volume.root()],
    };
    volume.pin(walk.dirs[0]);
    let found = walk.find(path);
    let content = found.and_then(|(node, kind)| {
        let content = match kind {
            FileType::Regular => volume.read_at(node, 0, max),
            FileType::Directory => Err(Errno::IsDirectory),
            FileType::Symlink | FileType::Device | FileType::Other => Err(Errno::Invalid),
        };
        volume.unpin(node);
        content
    });
    walk.dirs.iter().for_each(|dir| volume.unpin(*dir));
    content
}

/// Puts a file into a volume, with the directories that it needs, in the place of one that is there.
///
/// # Errors
/// When one of its directories is a file or a link, it is no file itself, or there is no room.
pub fn put(volume: &dyn Volume, caller: Caller, path: &str, data: &[u8]) -> Result<(), Errno> {
    let mut written = Err(Errno::NoEntry);
    volume.undisturbed(&mut || written = write(volume, caller, path, data));
    written
}

fn write(volume: &dyn Volume, caller: Caller, path: &str, data: &[u8]) -> Result<(), Errno> {
    let mut names: Vec<String> = split(path).collect();
    let last = names.pop().ok_or(Errno::IsDirectory)?;
    let mut pinned = vec![volume.root()];
    volume.pin(pinned[0]);
    let mut dir = Ok(pinned[0]);
    for name in &names {
        dir = dir.and_then(|dir| {
            let (node, kind) = find_or_create(volume, caller, dir, name, New::Directory(0o755))?;
            pinned.push(node);
            match kind {
                FileType::Directory => Ok(node),
                _ => Err(Errno::NotDirectory),
            }
        });
    }
    let written = dir.and_then(|dir| {
        let (node, kind) = find_or_create(volume, caller, dir, &last, New::File(0o644))?;
        pinned.push(node);
        match kind {
            FileType::Regular => fill(volume, caller, node, data),
            FileType::Directory => Err(Errno::IsDirectory),
            FileType::Symlink | FileType::Device | FileType::Other => Err(Errno::Invalid),
        }
    });
    pinned.iter().for_each(|node| volume.unpin(*node));
    written
}

fn find_or_create(
    volume: &dyn Volume,
    caller: Caller,
    dir: u64,
    name: &str,
    new: New<'_>,
) -> Result<(u64, FileType), Errno> {
    if name == ".." {
        return Err(Errno::NotPermitted);
    }
    match volume.lookup(caller, dir, name) {
        Err(Errno::NoEntry) => volume.create(caller, dir, name, new),
        found => found,
    }
}

fn fill(volume: &dyn Volume, caller: Caller, node: u64, data: &[u8]) -> Result<(), Errno> {
    volume.set_len(caller, node, 0)?;
    let mut done = 0;
    while done < data.len() {
        let (written, _) = volume.write_at(caller, node, Some(done as u64), &data[done..])?;
        if written == 0 {
            return Err(Errno::InsufficientSpace);
        }
        done += written;
    }
    Ok(())
}

/// Links that one look follows (Linux: 40).
const LINKS_MAX: usize = 40;

struct Walk<'v> {
    volume: &'v dyn Volume,
    caller: Caller,
    /// Pinned, from the root down.
    dirs: Vec<u64>,
}

impl Walk<'_> {
    /// The node at a path, pinned.
    fn find(&mut self, path: &str) -> Result<(u64, FileType), Errno> {
        let mut names: VecDeque<String> = split(path).collect();
        let mut links = 0;
        while let Some(name) = names.pop_front() {
            if name == ".." {
                if self.dirs.len() == 1 {
                    return Err(Errno::NotPermitted);
                }
                self.dirs
                    .pop()
                    .into_iter()
                    .for_each(|dir| self.volume.unpin(dir));
                continue;
            }
            let dir = *self.dirs.last().expect("the root is never taken out");
            let (node, kind) = self.volume.lookup(self.caller, dir, &name)?;
            match kind {
                FileType::Symlink => {
                    let target = self.volume.read_link(self.caller, node);
                    self.volume.unpin(node);
                    let target = target?;
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Errno::Loop);
                    }
                    if target.starts_with('/') {
                        return Err(Errno::NotPermitted);
                    }
                    for name in split(&target).collect::<Vec<_>>().into_iter().rev() {
                        names.push_front(name);
                    }
                }
                FileType::Directory => self.dirs.push(node),
                _ if names.is_empty() => return Ok((node, kind)),
                _ => {
                    self.volume.unpin(node);
                    return Err(Errno::NotDirectory);
                }
            }
        }
        let dir = *self.dirs.last().expect("the root is never taken out");
        self.volume.pin(dir);
        Ok((dir, FileType::Directory))
    }
}

fn split(path: &str) -> impl Iterator<Item = String> {
    path.split('/')
        .filter(|name| !matches!(*name, "" | "."))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallTime;
    use crate::volume::{MemoryVolume, New};

    #[test]
    fn looks_through_folders_and_links_but_not_out() {
        let caller = Caller::host(WallTime::default());
        let volume = MemoryVolume::empty("v", None, caller.now);
        let root = volume.root();
        let (dir, _) = volume
            .create(caller, root, "a", New::Directory(0o755))
            .unwrap();
        let (file, _) = volume.create(caller, dir, "f", New::File(0o644)).unwrap();
        volume.write_at(caller, file, None, b"text").unwrap();
        for (name, target) in [
            ("l", "a/f"),
            ("up", "a/../a/f"),
            ("out", "../x"),
            ("abs", "/x"),
            ("loop", "loop"),
        ] {
            volume
                .create(caller, root, name, New::Symlink(target))
                .unwrap();
        }
        let check = |path: &str, expected: Result<&'static str, Errno>| {
            let found = look(&*volume, caller, path, 100);
            assert_eq!(
                found,
                expected.map(|text| Bytes::from_static(text.as_bytes())),
                "{path}"
            );
        };
        check("a/f", Ok("text"));
        check("/a//./f", Ok("text"));
        check("l", Ok("text"));
        check("up", Ok("text"));
        check("a", Err(Errno::IsDirectory));
        check("a/f/g", Err(Errno::NotDirectory));
        check("b", Err(Errno::NoEntry));
        check("out", Err(Errno::NotPermitted));
        check("abs", Err(Errno::NotPermitted));
        check("loop", Err(Errno::Loop));
        assert_eq!(look(&*volume, caller, "a/f", 2).unwrap(), "te");
    }

    #[test]
    fn puts_files_with_their_folders() {
        let caller = Caller::host(WallTime::default());
        let volume = MemoryVolume::empty("v", None, caller.now);
        let put = |path: &str, text: &str| put(&*volume, caller, path, text.as_bytes());
        assert_eq!(put("a/b/f", "long text"), Ok(()));
        assert_eq!(put("/a/b/f", "text"), Ok(()));
        assert_eq!(look(&*volume, caller, "a/b/f", 100).unwrap(), "text");
        assert_eq!(put("a/b", "x"), Err(Errno::IsDirectory));
        assert_eq!(put("a/b/f/g", "x"), Err(Errno::NotDirectory));
        assert_eq!(put("../f", "x"), Err(Errno::NotPermitted));
        assert_eq!(put("", "x"), Err(Errno::IsDirectory));
    }
}
