//! Builds the tree of an image, layer by layer.

use super::resolve::Last;
use super::{
    Access, At, Caller, Errno, FileType, Files, Follow, MemoryVolume, New, Tree, Usage, Volume,
};
use crate::time::WallTime;
use bytes::Bytes;
use std::sync::Arc;

/// Puts files into a tree. Missing directories are created, entries replaced, as when a layer is unpacked. Symbolic
/// links on the way are followed within the tree, so that no path leads out of it.
#[derive(Debug)]
pub struct TreeBuilder {
    volume: Arc<MemoryVolume>,
    files: Files,
    caller: Caller,
}

impl Default for TreeBuilder {
    fn default() -> Self {
        let now = WallTime::default();
        let volume = MemoryVolume::new(Tree::new(Usage::IMAGE, 0o755, now));
        let root: Arc<dyn Volume> = Arc::clone(&volume) as _;
        Self {
            files: Files::new(root, Access::ReadWrite),
            caller: Caller::host(now),
            volume,
        }
    }
}

impl TreeBuilder {
    /// Sets the time stamps of what is inserted from now on; before, they are 1970.
    pub fn set_time(&mut self, time: WallTime) {
        self.caller = Caller::host(time);
    }

    /// Puts a file; its bytes are shared, not copied.
    pub fn insert_file(&mut self, path: &str, bytes: Bytes, mode: u32) -> Result<(), Errno> {
        let node = self.replace(path, New::File(mode))?;
        let now = self.caller.now;
        self.volume.with(|tree| tree.set_bytes(node, bytes, now))
    }

    /// Puts a symbolic link.
    pub fn insert_symlink(&mut self, path: &str, target: &str) -> Result<(), Errno> {
        super::resolve::check_path(target)?;
        self.replace(path, New::Symlink(target)).map(drop)
    }

    /// Puts a directory, or sets the permission bits of the one that is there.
    pub fn insert_dir(&mut self, path: &str, mode: u32) -> Result<(), Errno> {
        let there = self.files.stat(self.caller, At::Root, path, Follow::No);
        let node = match there {
            Ok(stat) if stat.kind == FileType::Directory => stat.node,
            _ => self.replace(path, New::Directory(mode))?,
        };
        let now = self.caller.now;
        self.volume.with(|tree| tree.set_mode(node, mode, now))
    }

    /// Gives the file at `existing` another name.
    pub fn insert_hard_link(&mut self, path: &str, existing: &str) -> Result<(), Errno> {
        let from = (At::Root, existing);
        if self
            .files
            .stat(self.caller, At::Root, existing, Follow::No)?
            .kind
            == FileType::Directory
        {
            return Err(Errno::NotPermitted);
        }
        self.make_room(path)?;
        self.files
            .link(self.caller, from, Follow::No, (At::Root, path))
    }

    /// Removes what is at `path` with everything below, as a whiteout does. Nothing happens if nothing is there.
    pub fn remove(&mut self, path: &str) -> Result<(), Errno> {
        let goal = match self
            .files
            .resolve(self.caller, &self.files.root(), path, Follow::No)
        {
            Ok(goal) => goal,
            Err(Errno::NoEntry | Errno::NotDirectory) => return Ok(()),
            Err(error) => return Err(error),
        };
        let (Some(_), Last::Name(name)) = (goal.node, goal.last) else {
            return Ok(());
        };
        let mut stack = vec![(goal.dir, name)];
        while let Some((dir, name)) = stack.last() {
            let place = self.files.lookup(self.caller, dir, name)?;
            let (volume, id) = (&dir.node.volume, dir.node.id);
            if place.kind != FileType::Directory {
                volume.unlink(self.caller, id, name)?;
                stack.pop();
                continue;
            }
            let entries = volume.read_dir(self.caller, place.node.id, None, 1)?;
            if let Some(entry) = entries.into_iter().next() {
                stack.push((place, entry.name));
            } else {
                volume.remove_dir(self.caller, id, name)?;
                stack.pop();
            }
        }
        Ok(())
    }

    /// Removes what is in a directory, as an opaque whiteout does; call it before anything of its own layer goes there.
    pub fn clear_dir(&mut self, path: &str) -> Result<(), Errno> {
        let mode = match self.files.stat(self.caller, At::Root, path, Follow::Yes) {
            Ok(stat) => stat.mode,
            Err(Errno::NoEntry) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.remove(path)?;
        self.insert_dir(path, mode)
    }

    /// The tree, from now on unchangeable.
    pub fn build(self) -> Tree {
        drop(self.files);
        Arc::into_inner(self.volume)
            .expect("the builder alone has its volume")
            .into_tree()
    }

    fn replace(&mut self, path: &str, new: New<'_>) -> Result<u64, Errno> {
        self.make_room(path)?;
        let goal = self
            .files
            .resolve(self.caller, &self.files.root(), path, Follow::No)?;
        let Last::Name(name) = goal.last else {
            return Err(Errno::Exist);
        };
        let place = self.files.create_in(self.caller, &goal.dir, &name, new)?;
        Ok(place.node.id)
    }

    /// Creates the directories above `path` and removes what is there.
    fn make_room(&mut self, path: &str) -> Result<(), Errno> {
        let mut end = 0;
        let path = path.trim_end_matches('/');
        while let Some(slash) = path[end..].find('/') {
            end += slash + 1;
            let above = &path[..end];
            match self.files.create_dir(self.caller, At::Root, above, 0o755) {
                Ok(()) | Err(Errno::Exist) => {}
                Err(error) => return Err(error),
            }
        }
        self.remove(path)
    }
}
