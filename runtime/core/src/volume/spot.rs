//! Where a call on a file of a shared volume meets other containers.

use super::inode::Kind;
use super::mount::Place;
use super::resolve::Boundary;
use super::tree::ROOT;
use super::{At, Caller, FileType, Files, Follow, OpenFile, Tree};

/// A place in a volume that other containers may see and change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The pod's name of the volume.
    pub volume: String,
    /// The directory that has, or would have, the entry; the node itself where it is the root of a mount or was not reached
    /// by a name.
    pub dir: u64,
    /// The entry; empty where there is none to name.
    pub name: String,
    /// What is there.
    pub node: Option<u64>,
    /// For people: `shared/out.json`. An open file keeps the name it was opened by.
    pub path: String,
    /// Other entries of shared volumes that the way there went through: directories and symbolic links.
    pub through: Vec<Waypoint>,
}

/// An entry of a shared volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waypoint {
    /// The pod's name of the volume.
    pub volume: String,
    /// The directory.
    pub dir: u64,
    /// The entry.
    pub name: String,
}

impl Files {
    /// Where a path leads, or where the way there ends, in a shared volume; none if it never enters one. Changes nothing.
    pub fn spot(&self, caller: Caller, at: At<'_>, path: &str, follow: Follow) -> Option<Spot> {
        let mut trail = Vec::new();
        let start = self.start(at);
        let trail_of_walk = Some(&mut trail);
        let goal = self.resolve_within(caller, &start, path, follow, Boundary::Root, trail_of_walk);
        let end = goal.as_ref().ok().and_then(|goal| {
            let end = goal.node.as_ref().unwrap_or(&goal.dir);
            Some((goal, end, end.node.volume.shared()?))
        });
        let Some((goal, end, volume)) = end else {
            // It failed on the way, or leaves the volume again by a link.
            return self.of_trail(&start, trail);
        };
        let is_entry = trail.last().is_some_and(|last| {
            last.dir == goal.dir.node.id && goal.dir.mount == end.mount && goal.last.is(&last.name)
        });
        if !is_entry {
            return Some(of_node(end, volume, trail));
        }
        let entry = trail.pop()?;
        Some(Spot {
            path: people(volume, &end.node.volume.path(entry.dir), &entry.name),
            volume: entry.volume,
            dir: entry.dir,
            name: entry.name,
            node: goal.node.as_ref().map(|place| place.node.id),
            through: trail,
        })
    }

    fn of_trail(&self, start: &Place, mut trail: Vec<Waypoint>) -> Option<Spot> {
        let entry = trail.pop()?;
        let mounts = self.mounts.iter().map(|mount| &mount.root.node.volume);
        let mut volumes = mounts.chain([&start.node.volume]);
        let volume = volumes.find(|volume| volume.shared() == Some(&entry.volume))?;
        Some(Spot {
            path: people(&entry.volume, &volume.path(entry.dir), &entry.name),
            volume: entry.volume,
            dir: entry.dir,
            name: entry.name,
            node: None,
            through: trail,
        })
    }
}

impl OpenFile {
    /// Where the file is, if that is a shared volume. Changes nothing.
    pub fn spot(&self) -> Option<Spot> {
        let volume = self.place.node.volume.shared()?;
        let Some((dir, name)) = &self.entry else {
            return Some(of_node(&self.place, volume, Vec::new()));
        };
        Some(Spot {
            volume: volume.to_owned(),
            dir: *dir,
            name: name.clone(),
            node: Some(self.place.node.id),
            path: people(volume, &self.place.node.volume.path(*dir), name),
            through: Vec::new(),
        })
    }
}

impl Tree {
    /// Names from the root, joined by `/`; empty for the root and for what is no directory any more.
    pub(super) fn path(&self, mut dir: u64) -> String {
        let mut names = Vec::new();
        while dir != ROOT {
            let Ok(Kind::Directory { parent, name, .. }) = self.node(dir).map(|node| &node.kind)
            else {
                return String::new();
            };
            names.push(name.as_str());
            dir = *parent;
        }
        names.reverse();
        names.join("/")
    }
}

/// A node that was not reached by a name: the root of a mount, or by `.` and `..`.
fn of_node(place: &Place, volume: &str, through: Vec<Waypoint>) -> Spot {
    let path = match place.kind {
        FileType::Directory => place.node.volume.path(place.node.id),
        FileType::Regular | FileType::Symlink | FileType::Device | FileType::Other => String::new(),
    };
    Spot {
        volume: volume.to_owned(),
        dir: place.node.id,
        name: String::new(),
        node: Some(place.node.id),
        path: people(volume, &path, ""),
        through,
    }
}

fn people(volume: &str, dir: &str, name: &str) -> String {
    let parts = [volume, dir, name];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallTime;
    use crate::volume::{Access, Errno, MemoryVolume, Mount, OpenFlags};
    use expect_test::{Expect, expect};
    use std::sync::Arc;

    const CALLER: Caller = Caller::host(WallTime::from_unix_nanos(1));

    fn files() -> Result<Files, Errno> {
        let mut image = Tree::builder();
        image.insert_symlink("/link", "shared/dir/file")?;
        let mut files = Files::of_image(Arc::new(image.build()), Access::ReadWrite);
        let shared = MemoryVolume::empty("shared", None, CALLER.now);
        let mount = |path, sub_path| Mount {
            path,
            volume: shared.clone(),
            sub_path,
            access: Access::ReadWrite,
        };
        files.mount(CALLER, &mount("/shared", None)).expect("mount");
        files
            .mount(CALLER, &mount("/part", Some("dir")))
            .expect("mount");
        files.open(CALLER, At::Root, "/shared/dir/file", OpenFlags::CREATE)?;
        files.symlink(CALLER, "dir", At::Root, "/shared/current")?;
        files.symlink(CALLER, "/private", At::Root, "/shared/out")?;
        Ok(files)
    }

    fn check(path: &str, expected: &Expect) {
        let files = files().expect("a tree with room");
        let text =
            files
                .spot(CALLER, At::Root, path, Follow::Yes)
                .map_or("private".to_owned(), |spot| {
                    let through = spot.through.iter();
                    let through: String = through
                        .map(|passed| format!(" through {}:{}", passed.dir, passed.name))
                        .collect();
                    let node = spot.node.map_or("none".to_owned(), |node| node.to_string());
                    format!(
                        "{}: entry {}:{} node {node}{through}",
                        spot.path, spot.dir, spot.name
                    )
                });
        expected.assert_eq(&text);
    }

    #[test]
    fn a_path_is_found_where_it_meets_others() {
        check("/private/file", &expect!["private"]);
        check("/", &expect!["private"]);
        check("/shared", &expect!["shared: entry 1: node 1"]);
        check("/shared/../link2", &expect!["private"]);
        check(
            "/shared/dir/file",
            &expect!["shared/dir/file: entry 2:file node 3 through 1:dir"],
        );
        check("/shared/dir", &expect!["shared/dir: entry 1:dir node 2"]);
        check(
            "/shared/dir/..",
            &expect!["shared: entry 1: node 1 through 1:dir"],
        );
        check("/shared/new", &expect!["shared/new: entry 1:new node none"]);
        check(
            "/shared/missing/new",
            &expect!["shared/missing: entry 1:missing node none"],
        );
        check(
            "/shared/current/file",
            &expect!["shared/dir/file: entry 2:file node 3 through 1:current through 1:dir"],
        );
        check("/shared/out", &expect!["shared/out: entry 1:out node none"]);
        check(
            "/part/file",
            &expect!["shared/dir/file: entry 2:file node 3"],
        );
        check(
            "/link",
            &expect!["shared/dir/file: entry 2:file node 3 through 1:dir"],
        );
    }

    #[test]
    fn an_open_file_keeps_its_name_and_follows_its_directory() {
        let files = files().expect("a tree with room");
        let open = |path| files.open(CALLER, At::Root, path, OpenFlags::READ);
        let file = open("/shared/dir/file").expect("it is there");
        let moved = files.rename(
            CALLER,
            (At::Root, "/shared/dir"),
            (At::Root, "/shared/moved"),
        );
        assert_eq!(moved, Ok(()));
        let spot = file.spot().expect("it is shared");
        assert_eq!(spot.path, "shared/moved/file");
        assert_eq!(
            files.spot(CALLER, At::Root, "/link", Follow::No),
            None,
            "the link is private"
        );
        assert_eq!(
            open("/link").map(|file| file.spot()).err(),
            Some(Errno::NoEntry)
        );
        let dir = open("/shared/moved").expect("it is there");
        let below = files.spot(CALLER, At::Dir(&dir), "file", Follow::Yes);
        assert_eq!(below.map(|spot| spot.node), Some(spot.node));
        assert_eq!(open("/").expect("it is there").spot(), None);
    }
}
