//! Path resolution, as path_resolution(7) has it for a process in a chroot.

use super::mount::{Place, components};
use super::volume::Node;
use super::{Caller, Errno, FileType, Files, Follow, Waypoint};
use crate::limits;

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Goal {
    /// The directory that has, or would have, the last component.
    pub(super) dir: Place,
    /// The last component, after symbolic links.
    pub(super) last: Last,
    /// What is there.
    pub(super) node: Option<Place>,
    /// The path says that it is a directory, by a slash at its end.
    pub(super) slash: bool,
}

#[derive(Debug)]
pub(super) enum Last {
    /// The name of an entry of [`Goal::dir`].
    Name(String),
    /// The directory itself, or the root.
    Dot,
    /// The directory above.
    DotDot,
}

impl Last {
    pub(super) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Name(name) if name == wanted)
    }
}

/// What happens to `..` at the root and to links from the root.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundary {
    /// They stay at the root.
    Root,
    /// They are refused, with [`Errno::NotPermitted`].
    Refuse,
}

impl Files {
    pub(super) fn resolve(
        &self,
        caller: Caller,
        start: &Place,
        path: &str,
        follow: Follow,
    ) -> Result<Goal, Errno> {
        self.resolve_within(caller, start, path, follow, Boundary::Root, None)
    }

    pub(super) fn resolve_within(
        &self,
        caller: Caller,
        start: &Place,
        path: &str,
        follow: Follow,
        boundary: Boundary,
        trail: Option<&mut Vec<Waypoint>>,
    ) -> Result<Goal, Errno> {
        check_path(path)?;
        let mut walk = Walk {
            files: self,
            caller,
            boundary,
            trail,
            pending: Vec::new(),
            slash: path.ends_with('/'),
            links: 0,
        };
        let mut goal = Goal {
            dir: start.clone(),
            last: Last::Dot,
            node: None,
            slash: false,
        };
        let mut place = walk.enter(start.clone(), path)?;
        while let Some(name) = walk.pending.pop() {
            place.check_dir()?;
            if name == "." {
                goal.last = Last::Dot;
                continue;
            }
            if name == ".." {
                place = walk.above(&place)?;
                goal.last = Last::DotDot;
                continue;
            }
            let Some(child) = walk.entry(&place, &name)? else {
                return Ok(Goal {
                    dir: place,
                    last: Last::Name(name),
                    node: None,
                    slash: walk.slash,
                });
            };
            let is_last = walk.pending.is_empty();
            if child.kind == FileType::Symlink && (!is_last || walk.slash || follow == Follow::Yes)
            {
                goal.last = Last::Dot;
                place = walk.follow(place, &child)?;
                continue;
            }
            goal.dir = place;
            goal.last = Last::Name(name);
            place = child;
        }
        if walk.slash {
            place.check_dir()?;
        }
        if !matches!(goal.last, Last::Name(_)) {
            goal.dir = place.clone();
        }
        Ok(Goal {
            node: Some(place),
            slash: walk.slash,
            ..goal
        })
    }

    /// Finds an entry of a directory and steps onto what is mounted there.
    pub(super) fn lookup(&self, caller: Caller, dir: &Place, name: &str) -> Result<Place, Errno> {
        dir.check_dir()?;
        let (id, kind) = dir.node.volume.lookup(caller, dir.node.id, name)?;
        Ok(self.uncover(Place {
            mount: dir.mount,
            device: dir.device,
            node: Node::pinned(&dir.node.volume, id),
            kind,
        }))
    }

    /// What is mounted on a node, or the node.
    pub(super) fn uncover(&self, mut place: Place) -> Place {
        while let Some(mount) = self.covered.get(&(place.mount, place.node.id)) {
            place = self.mounts[*mount].root.clone();
        }
        place
    }

    /// The directory above, across mounts; `None` at the root.
    fn parent(&self, place: &Place) -> Result<Option<Place>, Errno> {
        let mut place = place.clone();
        loop {
            if place.is(&self.root()) {
                return Ok(None);
            }
            let mounted = &self.mounts[place.mount];
            match &mounted.covers {
                Some(covers) if place.is(&mounted.root) => place = covers.clone(),
                None if place.is(&mounted.root) => return Ok(None),
                _ => break,
            }
        }
        let id = place.node.volume.parent(place.node.id)?;
        Ok(Some(self.uncover(Place {
            node: Node::pinned(&place.node.volume, id),
            ..place.clone()
        })))
    }
}

struct Walk<'a> {
    files: &'a Files,
    caller: Caller,
    boundary: Boundary,
    /// Takes the entries of shared volumes that are looked up.
    trail: Option<&'a mut Vec<Waypoint>>,
    /// Components still to go, the next one last.
    pending: Vec<String>,
    slash: bool,
    links: u32,
}

impl Walk<'_> {
    /// Puts the components of a path before those still to go; returns where they start.
    fn enter(&mut self, place: Place, path: &str) -> Result<Place, Errno> {
        let start = self.pending.len();
        self.pending.extend(components(path).map(str::to_owned));
        // Elsewhere a dot means nothing; at the end it is what may not be removed or renamed.
        let end = path.trim_end_matches('/');
        if end == "." || end.ends_with("/.") {
            self.pending.push(".".to_owned());
        }
        self.pending[start..].reverse();
        if !path.starts_with('/') {
            place.check_dir()?;
            return Ok(place);
        }
        match self.boundary {
            Boundary::Root => Ok(self.files.root()),
            Boundary::Refuse => Err(Errno::NotPermitted),
        }
    }

    /// An entry of a directory; none if the last component is missing.
    fn entry(&mut self, dir: &Place, name: &str) -> Result<Option<Place>, Errno> {
        if name.len() > limits::FILE_NAME_BYTES_MAX {
            return Err(Errno::NameTooLong);
        }
        if let (Some(trail), Some(volume)) = (&mut self.trail, dir.node.volume.shared()) {
            trail.push(Waypoint {
                volume: volume.to_owned(),
                dir: dir.node.id,
                name: name.to_owned(),
            });
        }
        match self.files.lookup(self.caller, dir, name) {
            Err(Errno::NoEntry) if self.pending.is_empty() => Ok(None),
            child => child.map(Some),
        }
    }

    fn above(&self, place: &Place) -> Result<Place, Errno> {
        match (self.files.parent(place)?, self.boundary) {
            (Some(parent), _) => Ok(parent),
            (None, Boundary::Root) => Ok(self.files.root()),
            (None, Boundary::Refuse) => Err(Errno::NotPermitted),
        }
    }

    fn follow(&mut self, dir: Place, link: &Place) -> Result<Place, Errno> {
        self.links += 1;
        if self.links > limits::SYMLINKS_FOLLOWED_MAX {
            return Err(Errno::Loop);
        }
        let target = link.node.volume.read_link(self.caller, link.node.id)?;
        check_path(&target)?;
        if self.pending.is_empty() {
            self.slash |= target.ends_with('/');
        }
        self.enter(dir, &target)
    }
}

/// Refuses what no path of Linux can be.
pub(super) fn check_path(path: &str) -> Result<(), Errno> {
    if path.is_empty() {
        return Err(Errno::NoEntry);
    }
    if path.len() >= limits::PATH_BYTES_MAX {
        return Err(Errno::NameTooLong);
    }
    if path.contains('\0') {
        return Err(Errno::Invalid);
    }
    Ok(())
}
