//! Mounts: which volume lies where in the tree of a container.

use super::resolve::{Boundary, Goal, Last};
use super::volume::Node;
use super::{Caller, Errno, FileType, Files, Follow, New, Stat, Volume};
use crate::limits;
use std::sync::Arc;

/// Whether a mount takes changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It does.
    ReadWrite,
    /// Changes fail with `EROFS`.
    ReadOnly,
}

/// A volume to mount.
#[derive(Clone, Debug)]
pub struct Mount<'a> {
    /// Where in the container; from the root, absolute or not. Missing directories are created.
    pub path: &'a str,
    /// What.
    pub volume: Arc<dyn Volume>,
    /// Which file or directory of the volume; created as a directory if it is missing. Resolved now, once.
    pub sub_path: Option<&'a str>,
    /// Whether it takes changes.
    pub access: Access,
}

/// Why a volume could not be mounted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// The place in the container cannot be made.
    #[error("create mount point {path}: {errno}")]
    Point {
        /// Path in the container.
        path: String,
        /// Why.
        errno: Errno,
    },
    /// A directory goes on a directory only, a file on a file.
    #[error(
        "mount at {path}: not a directory: a directory cannot be mounted onto a file, or a file onto a directory"
    )]
    Kind {
        /// Path in the container.
        path: String,
    },
    /// The part of the volume cannot be reached.
    #[error("subPath {sub_path} of the volume at {path}: {errno}")]
    SubPath {
        /// Path in the container.
        path: String,
        /// Path in the volume.
        sub_path: String,
        /// Why; [`Errno::NotPermitted`] when it leads out of the volume.
        errno: Errno,
    },
    /// More than [`MOUNTS_MAX`](limits::MOUNTS_MAX).
    #[error("mount at {path}: more than {max} mounts", max = limits::MOUNTS_MAX)]
    TooMany {
        /// Path in the container.
        path: String,
    },
}

/// A node at the place where a walk found it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) mount: usize,
    pub(super) device: u64,
    pub(super) node: Node,
    pub(super) kind: FileType,
}

/// One line of the mount table.
#[derive(Debug)]
pub(super) struct Mounted {
    pub(super) root: Place,
    pub(super) access: Access,
    /// What it hides; nothing for the root.
    pub(super) covers: Option<Place>,
}

impl Place {
    pub(super) fn stat(&self, caller: Caller) -> Result<Stat, Errno> {
        let stat = self.node.volume.stat(caller, self.node.id)?;
        Ok(Stat {
            device: self.device,
            ..stat
        })
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.mount == other.mount && self.node.id == other.node.id
    }

    pub(super) fn check_dir(&self) -> Result<(), Errno> {
        match self.kind {
            FileType::Directory => Ok(()),
            _ => Err(Errno::NotDirectory),
        }
    }
}

impl Files {
    /// Starts with a root volume. [`Access::ReadOnly`] is `readOnlyRootFilesystem`; mount points are created
    /// nevertheless.
    pub fn new(root: Arc<dyn Volume>, access: Access) -> Self {
        let root = Mounted {
            root: Place {
                mount: 0,
                device: 1,
                node: Node::root(root),
                kind: FileType::Directory,
            },
            access,
            covers: None,
        };
        Self::with_root(root)
    }

    /// Mounts volumes, the outer before the inner.
    pub fn mount_all(
        &mut self,
        caller: Caller,
        mut mounts: Vec<Mount<'_>>,
    ) -> Result<(), MountError> {
        mounts.sort_by_key(|mount| components(mount.path).count());
        mounts
            .into_iter()
            .try_for_each(|mount| self.mount(caller, &mount))
    }

    /// Mounts a volume over whatever is at its path.
    pub fn mount(&mut self, caller: Caller, mount: &Mount<'_>) -> Result<(), MountError> {
        let path = || mount.path.to_owned();
        if self.mounts.len() >= limits::MOUNTS_MAX {
            return Err(MountError::TooMany { path: path() });
        }
        let (node, kind) = sub_path_node(caller, mount).map_err(|errno| MountError::SubPath {
            path: path(),
            sub_path: mount.sub_path.unwrap_or_default().to_owned(),
            errno,
        })?;
        let covers = self
            .mount_point(caller, mount.path, kind)
            .map_err(|errno| MountError::Point {
                path: path(),
                errno,
            })?;
        if (covers.kind == FileType::Directory) != (kind == FileType::Directory) {
            return Err(MountError::Kind { path: path() });
        }
        self.push_mount(mount, node, kind, covers);
        Ok(())
    }

    fn push_mount(&mut self, mount: &Mount<'_>, node: Node, kind: FileType, covers: Place) {
        let index = self.mounts.len();
        let device = self
            .mounts
            .iter()
            .find(|other| Arc::ptr_eq(&other.root.node.volume, &mount.volume))
            .map_or(index as u64 + 1, |other| other.root.device);
        self.covered.insert((covers.mount, covers.node.id), index);
        self.mounts.push(Mounted {
            root: Place {
                mount: index,
                device,
                node,
                kind,
            },
            access: mount.access,
            covers: Some(covers),
        });
    }

    /// Finds what a mount hides; what is missing is created, in a read-only root too.
    fn mount_point(&self, caller: Caller, path: &str, kind: FileType) -> Result<Place, Errno> {
        let mut place = self.root();
        let mut rest = components(path).peekable();
        while let Some(name) = rest.next() {
            let is_last = rest.peek().is_none();
            let goal = self.resolve(caller, &place, name, Follow::Yes)?;
            place = match goal {
                Goal {
                    node: Some(place), ..
                } => place,
                Goal {
                    dir,
                    last: Last::Name(name),
                    node: None,
                    ..
                } => {
                    if dir.mount > 0 && self.mounts[dir.mount].access == Access::ReadOnly {
                        return Err(Errno::ReadOnly);
                    }
                    let new = match kind {
                        FileType::Directory => New::Directory(0o755),
                        _ if is_last => New::File(0o644),
                        _ => New::Directory(0o755),
                    };
                    self.create_in(caller, &dir, &name, new)?
                }
                Goal { .. } => return Err(Errno::NoEntry),
            };
        }
        Ok(place)
    }
}

/// Creates what is missing of a sub path, with the mode of the volume's root: a node does so before it mounts the part,
/// be it read-only.
pub fn create_sub_path(
    caller: Caller,
    volume: &Arc<dyn Volume>,
    sub_path: &str,
) -> Result<(), Errno> {
    let mount = Mount {
        path: "/",
        volume: Arc::clone(volume),
        sub_path: Some(sub_path),
        access: Access::ReadWrite,
    };
    sub_path_node(caller, &mount).map(drop)
}

/// Finds the part of a volume that is mounted. Links in it must not lead out of it.
fn sub_path_node(caller: Caller, mount: &Mount<'_>) -> Result<(Node, FileType), Errno> {
    let files = Files::new(Arc::clone(&mount.volume), mount.access);
    let root = files.root();
    let stat = root.stat(caller)?;
    let mut place = Place {
        kind: stat.kind,
        ..root
    };
    let sub_path = mount.sub_path.unwrap_or_default();
    if sub_path.starts_with('/') {
        return Err(Errno::NotPermitted);
    }
    for name in components(sub_path) {
        let goal =
            files.resolve_within(caller, &place, name, Follow::Yes, Boundary::Refuse, None)?;
        place = match (goal.node, goal.last) {
            (Some(place), _) => place,
            (None, Last::Name(name)) => {
                files.check_writable(&goal.dir)?;
                files.create_in(caller, &goal.dir, &name, New::Directory(stat.mode))?
            }
            (None, Last::Dot | Last::DotDot) => return Err(Errno::NoEntry),
        };
    }
    Ok((place.node, place.kind))
}

pub(super) fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|name| !name.is_empty() && *name != ".")
}
