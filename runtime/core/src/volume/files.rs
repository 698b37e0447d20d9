//! What a container sees: one tree of mounts.

use super::mount::{Access, Mounted, Place};
use super::resolve::{Goal, Last, check_path};
use super::volume::Node;
use super::{Caller, Errno, FileType, MemoryVolume, New, OpenFile, Stat, Times, Tree, Volume};
use crate::limits;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files of one container. Mounts are made before its first process starts; from then on all calls are shared.
#[derive(Debug)]
pub struct Files {
    pub(super) mounts: Vec<Mounted>,
    /// Which mount lies on a node, by mount and number of the node.
    pub(super) covered: BTreeMap<(usize, u64), usize>,
}

/// Where a relative path starts. An absolute one always starts at the root.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    /// The root of the container.
    Root,
    /// An open directory.
    Dir(&'a OpenFile),
}

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// As `stat` does.
    Yes,
    /// As `lstat` does.
    No,
}

/// How to open a file: the `O_…` of `open(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFlags {
    /// Reads are allowed.
    pub read: bool,
    /// Writes are allowed.
    pub write: bool,
    /// `O_APPEND`: every write goes to the end.
    pub append: bool,
    /// `O_CREAT`
    pub create: bool,
    /// `O_EXCL`
    pub exclusive: bool,
    /// `O_TRUNC`
    pub truncate: bool,
    /// `O_DIRECTORY`
    pub directory: bool,
    /// Not `O_NOFOLLOW`.
    pub follow: Follow,
    /// Permission bits of a file that is created.
    pub mode: u32,
}

impl OpenFlags {
    /// `O_RDONLY`
    pub const READ: Self = Self {
        read: true,
        write: false,
        append: false,
        create: false,
        exclusive: false,
        truncate: false,
        directory: false,
        follow: Follow::Yes,
        mode: 0o644,
    };
    /// `O_WRONLY | O_CREAT | O_TRUNC`, the `>` of a shell.
    pub const CREATE: Self = Self {
        read: false,
        write: true,
        create: true,
        truncate: true,
        ..Self::READ
    };
}

impl Files {
    /// A container's root: its private layer over the image.
    pub fn of_image(image: Arc<Tree>, access: Access) -> Self {
        Self::new(MemoryVolume::layer(image), access)
    }

    /// The volume at the root: the private layer of a container.
    pub fn root_volume(&self) -> &Arc<dyn Volume> {
        &self.mounts[0].root.node.volume
    }

    pub(super) fn with_root(root: Mounted) -> Self {
        Self {
            mounts: vec![root],
            covered: BTreeMap::new(),
        }
    }

    /// Opens, and creates if asked to.
    pub fn open(
        &self,
        caller: Caller,
        at: At<'_>,
        path: &str,
        flags: OpenFlags,
    ) -> Result<OpenFile, Errno> {
        if flags.create && flags.directory {
            return Err(Errno::Invalid);
        }
        // Another container may create what was missing a moment ago; then it is opened.
        for _ in 0..limits::CREATE_RACES_MAX {
            match self.try_open(caller, at, path, flags) {
                Err(Errno::Exist) if !flags.exclusive => {}
                result => return result,
            }
        }
        Err(Errno::Exist)
    }

    fn try_open(
        &self,
        caller: Caller,
        at: At<'_>,
        path: &str,
        flags: OpenFlags,
    ) -> Result<OpenFile, Errno> {
        let exclusive = flags.create && flags.exclusive;
        let follow = if exclusive { Follow::No } else { flags.follow };
        let goal = self.resolve(caller, &self.start(at), path, follow)?;
        let Some(place) = goal.node else {
            if !flags.create {
                return Err(Errno::NoEntry);
            }
            let Last::Name(name) = goal.last else {
                return Err(Errno::NoEntry);
            };
            if goal.slash {
                return Err(Errno::IsDirectory);
            }
            self.check_writable(&goal.dir)?;
            let place = self.create_in(caller, &goal.dir, &name, New::File(flags.mode))?;
            let file = self.open_place(caller, place, flags)?;
            return Ok(file.with_entry(&goal.dir, name));
        };
        if exclusive {
            return Err(Errno::Exist);
        }
        let is_inside = goal.dir.mount == place.mount;
        let file = self.open_existing(caller, place, flags)?;
        Ok(match goal.last {
            Last::Name(name) if is_inside => file.with_entry(&goal.dir, name),
            Last::Name(_) | Last::Dot | Last::DotDot => file,
        })
    }

    fn open_existing(
        &self,
        caller: Caller,
        place: Place,
        flags: OpenFlags,
    ) -> Result<OpenFile, Errno> {
        let changes = flags.write || flags.truncate;
        match place.kind {
            FileType::Directory if flags.create || changes => return Err(Errno::IsDirectory),
            FileType::Symlink if !flags.directory => return Err(Errno::Loop),
            FileType::Regular | FileType::Symlink | FileType::Device | FileType::Other
                if flags.directory =>
            {
                return Err(Errno::NotDirectory);
            }
            FileType::Regular if changes => self.check_writable(&place)?,
            FileType::Other => return Err(Errno::Unsupported),
            FileType::Directory | FileType::Regular | FileType::Symlink | FileType::Device => {}
        }
        let truncate = flags.truncate && place.kind == FileType::Regular;
        let writing = OpenFlags {
            write: changes,
            ..flags
        };
        let file = self.open_place(caller, place, writing)?;
        if truncate {
            file.set_len(caller, 0)?;
        }
        Ok(file.with_flags(flags))
    }

    fn open_place(
        &self,
        caller: Caller,
        place: Place,
        flags: OpenFlags,
    ) -> Result<OpenFile, Errno> {
        let opened = match place.kind {
            FileType::Directory => None,
            _ => Some(place.node.volume.open(caller, place.node.id, flags.write)?),
        };
        let access = self.mounts[place.mount].access;
        Ok(OpenFile::new(place, access, flags, opened))
    }

    /// Reports what is at a path.
    pub fn stat(
        &self,
        caller: Caller,
        at: At<'_>,
        path: &str,
        follow: Follow,
    ) -> Result<Stat, Errno> {
        self.existing(caller, at, path, follow)?.stat(caller)
    }

    /// Reports where a symbolic link points.
    pub fn read_link(&self, caller: Caller, at: At<'_>, path: &str) -> Result<String, Errno> {
        let place = self.existing(caller, at, path, Follow::No)?;
        match place.kind {
            FileType::Symlink => place.node.volume.read_link(caller, place.node.id),
            _ => Err(Errno::Invalid),
        }
    }

    /// Creates a directory.
    pub fn create_dir(
        &self,
        caller: Caller,
        at: At<'_>,
        path: &str,
        mode: u32,
    ) -> Result<(), Errno> {
        let goal = self.resolve(caller, &self.start(at), path, Follow::No)?;
        self.create_goal(caller, goal, New::Directory(mode))
    }

    /// Creates a symbolic link.
    pub fn symlink(
        &self,
        caller: Caller,
        target: &str,
        at: At<'_>,
        path: &str,
    ) -> Result<(), Errno> {
        check_path(target)?;
        let goal = self.resolve(caller, &self.start(at), path, Follow::No)?;
        if goal.node.is_none() && goal.slash {
            return Err(Errno::NoEntry);
        }
        self.create_goal(caller, goal, New::Symlink(target))
    }

    /// Gives a file another name in the same mount.
    pub fn link(
        &self,
        caller: Caller,
        (from_at, from): (At<'_>, &str),
        follow: Follow,
        (to_at, to): (At<'_>, &str),
    ) -> Result<(), Errno> {
        let place = self.existing(caller, from_at, from, follow)?;
        let goal = self.resolve(caller, &self.start(to_at), to, Follow::No)?;
        let (dir, name) = missing(goal)?;
        if place.mount != dir.mount {
            return Err(Errno::CrossDevice);
        }
        self.check_writable(&dir)?;
        if place.kind == FileType::Directory {
            return Err(Errno::NotPermitted);
        }
        dir.node
            .volume
            .link(caller, place.node.id, dir.node.id, &name)
    }

    /// Removes a name of what is no directory. Open files live on.
    pub fn unlink(&self, caller: Caller, at: At<'_>, path: &str) -> Result<(), Errno> {
        let goal = self.resolve(caller, &self.start(at), path, Follow::No)?;
        let place = goal.node.ok_or(Errno::NoEntry)?;
        let Last::Name(name) = goal.last else {
            return Err(Errno::IsDirectory);
        };
        self.check_writable(&goal.dir)?;
        if place.kind == FileType::Directory {
            return Err(Errno::IsDirectory);
        }
        self.check_no_mount(&goal.dir, &place)?;
        goal.dir.node.volume.unlink(caller, goal.dir.node.id, &name)
    }

    /// Removes an empty directory.
    pub fn remove_dir(&self, caller: Caller, at: At<'_>, path: &str) -> Result<(), Errno> {
        let goal = self.resolve(caller, &self.start(at), path, Follow::No)?;
        let place = goal.node.ok_or(Errno::NoEntry)?;
        let name = match goal.last {
            Last::Name(name) => name,
            Last::Dot if place.is(&self.root()) => return Err(Errno::Busy),
            Last::Dot => return Err(Errno::Invalid),
            Last::DotDot => return Err(Errno::NotEmpty),
        };
        self.check_writable(&goal.dir)?;
        place.check_dir()?;
        self.check_no_mount(&goal.dir, &place)?;
        goal.dir
            .node
            .volume
            .remove_dir(caller, goal.dir.node.id, &name)
    }

    /// Moves a file or directory within a mount, over another one if that may be replaced.
    pub fn rename(
        &self,
        caller: Caller,
        (from_at, from): (At<'_>, &str),
        (to_at, to): (At<'_>, &str),
    ) -> Result<(), Errno> {
        let source = self.resolve(caller, &self.start(from_at), from, Follow::No)?;
        let target = self.resolve(caller, &self.start(to_at), to, Follow::No)?;
        let (Last::Name(from), Last::Name(to)) = (source.last, target.last) else {
            return Err(Errno::Busy);
        };
        let place = source.node.ok_or(Errno::NoEntry)?;
        if target.slash && place.kind != FileType::Directory {
            return Err(Errno::NotDirectory);
        }
        if source.dir.mount != target.dir.mount {
            return Err(Errno::CrossDevice);
        }
        self.check_writable(&source.dir)?;
        self.check_no_mount(&source.dir, &place)?;
        if let Some(replaced) = &target.node {
            self.check_no_mount(&target.dir, replaced)?;
        }
        source.dir.node.volume.rename(
            caller,
            (source.dir.node.id, &from),
            (target.dir.node.id, &to),
        )
    }

    /// Sets times of what is at a path.
    pub fn set_times(
        &self,
        caller: Caller,
        at: At<'_>,
        path: &str,
        follow: Follow,
        times: Times,
    ) -> Result<(), Errno> {
        let place = self.existing(caller, at, path, follow)?;
        self.check_writable(&place)?;
        place.node.volume.set_times(caller, place.node.id, times)
    }

    /// Sets the permission bits of what is at a path.
    pub fn set_mode(&self, caller: Caller, path: &str, mode: u32) -> Result<(), Errno> {
        let place = self.existing(caller, At::Root, path, Follow::Yes)?;
        self.check_writable(&place)?;
        place.node.volume.set_mode(caller, place.node.id, mode)
    }

    /// The whole content of a file of at most `max` bytes; a larger one is [`Errno::FileTooLarge`].
    pub fn read(&self, caller: Caller, path: &str, max: usize) -> Result<Bytes, Errno> {
        let file = self.open(caller, At::Root, path, OpenFlags::READ)?;
        if file.stat(caller)?.size > max as u64 {
            return Err(Errno::FileTooLarge);
        }
        // One byte more tells whether it has grown meanwhile.
        let whole = file.read_all(max.saturating_add(1))?;
        if whole.len() > max {
            return Err(Errno::FileTooLarge);
        }
        Ok(whole)
    }

    pub(super) fn root(&self) -> Place {
        self.uncover(self.mounts[0].root.clone())
    }

    pub(super) fn check_writable(&self, place: &Place) -> Result<(), Errno> {
        match self.mounts[place.mount].access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Errno::ReadOnly),
        }
    }

    pub(super) fn create_in(
        &self,
        caller: Caller,
        dir: &Place,
        name: &str,
        new: New<'_>,
    ) -> Result<Place, Errno> {
        let (id, kind) = dir.node.volume.create(caller, dir.node.id, name, new)?;
        Ok(Place {
            node: Node::pinned(&dir.node.volume, id),
            kind,
            ..dir.clone()
        })
    }

    fn create_goal(&self, caller: Caller, goal: Goal, new: New<'_>) -> Result<(), Errno> {
        let (dir, name) = missing(goal)?;
        self.check_writable(&dir)?;
        self.create_in(caller, &dir, &name, new).map(drop)
    }

    fn existing(
        &self,
        caller: Caller,
        at: At<'_>,
        path: &str,
        follow: Follow,
    ) -> Result<Place, Errno> {
        self.resolve(caller, &self.start(at), path, follow)?
            .node
            .ok_or(Errno::NoEntry)
    }

    /// The entry of `dir` must not be hidden by a mount.
    fn check_no_mount(&self, dir: &Place, place: &Place) -> Result<(), Errno> {
        if dir.mount != place.mount {
            return Err(Errno::Busy);
        }
        Ok(())
    }

    pub(super) fn start(&self, at: At<'_>) -> Place {
        match at {
            At::Root => self.root(),
            At::Dir(dir) => dir.place.clone(),
        }
    }
}

fn missing(goal: Goal) -> Result<(Place, String), Errno> {
    match goal {
        Goal {
            dir,
            last: Last::Name(name),
            node: None,
            ..
        } => Ok((dir, name)),
        Goal { .. } => Err(Errno::Exist),
    }
}
