//! Volumes of configMaps, secrets and the downward API: what `pkg/volume/util/atomic_writer.go` writes.

use super::{Errno, FileType, MemoryVolume, New, Tree, Usage};
use crate::limits;
use crate::time::WallTime;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The files of such a volume, by their path in it.
pub type Payload = BTreeMap<String, PayloadFile>;

/// One file of a [`Payload`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFile {
    /// Content.
    pub bytes: Bytes,
    /// Permission bits.
    pub mode: u32,
}

/// A volume whose whole content changes at once: `..data` is a symbolic link to a directory named after the time, each
/// top-level name one into `..data`. Mount its [`volume`](Self::volume) read-only.
#[derive(Debug)]
pub struct ProjectedVolume {
    volume: Arc<MemoryVolume>,
    payload: Mutex<Payload>,
}

const DATA: &str = "..data";
const DATA_NEW: &str = "..data_tmp";

impl ProjectedVolume {
    /// Writes the first content.
    pub fn new(payload: Payload, now: WallTime) -> Result<Self, Errno> {
        let this = Self {
            volume: MemoryVolume::new(Tree::new(Usage::memory(None), 0o777, now)),
            payload: Mutex::default(),
        };
        this.write(payload, now, &BTreeSet::new())?;
        Ok(this)
    }

    /// What to mount.
    pub fn volume(&self) -> Arc<MemoryVolume> {
        Arc::clone(&self.volume)
    }

    /// Replaces the content; nothing is written if it is the same.
    pub fn update(&self, payload: Payload, now: WallTime) -> Result<(), Errno> {
        let old = self.lock().clone();
        if old == payload {
            return Ok(());
        }
        let old_names = old.keys().map(|path| top_level(path).to_owned()).collect();
        self.write(payload, now, &old_names)
    }

    fn write(
        &self,
        payload: Payload,
        now: WallTime,
        old_names: &BTreeSet<String>,
    ) -> Result<(), Errno> {
        for path in payload.keys() {
            check_payload_path(path)?;
        }
        let names: BTreeSet<String> = payload
            .keys()
            .map(|path| top_level(path).to_owned())
            .collect();
        self.volume.with(|tree| {
            let root = tree.root();
            let old_data = tree
                .lookup(root, DATA)
                .and_then(|(id, _)| tree.read_link(id));
            let (dir, name) = new_data_dir(tree, now)?;
            for (path, file) in &payload {
                insert(tree, dir, path, file, now)?;
            }
            tree.create(root, DATA_NEW, New::Symlink(&name), now)?;
            tree.rename((root, DATA_NEW), (root, DATA), now)?;
            for name in names.difference(old_names) {
                tree.create(root, name, New::Symlink(&format!("{DATA}/{name}")), now)?;
            }
            for name in old_names.difference(&names) {
                tree.unlink(root, name, now)?;
            }
            if let Ok(old) = old_data {
                remove_all(tree, root, &old, now)?;
            }
            Ok::<(), Errno>(())
        })?;
        *self.lock() = payload;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Payload> {
        self.payload.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what `validatePath` refuses.
fn check_payload_path(path: &str) -> Result<(), Errno> {
    super::resolve::check_path(path)?;
    if path.starts_with('/') || path.starts_with("..") {
        return Err(Errno::Invalid);
    }
    for name in path.split('/') {
        if name.len() > limits::FILE_NAME_BYTES_MAX {
            return Err(Errno::NameTooLong);
        }
        if matches!(name, "" | "." | "..") {
            return Err(Errno::Invalid);
        }
    }
    Ok(())
}

fn top_level(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Creates a directory named after the time, as Go's layout `..2006_01_02_15_04_05.` and digits.
fn new_data_dir(tree: &mut Tree, now: WallTime) -> Result<(u64, String), Errno> {
    let second: String = now
        .to_string()
        .chars()
        .filter(|c| *c != 'Z')
        .map(|c| if c.is_ascii_digit() { c } else { '_' })
        .collect();
    let mut digits = now.as_unix_nanos() % 1_000_000_000;
    loop {
        let name = format!("..{second}.{digits:09}");
        match tree.create(tree.root(), &name, New::Directory(0o755), now) {
            Ok((dir, _)) => return Ok((dir, name)),
            Err(Errno::Exist) => digits += 1,
            Err(error) => return Err(error),
        }
    }
}

fn insert(
    tree: &mut Tree,
    mut dir: u64,
    path: &str,
    file: &PayloadFile,
    now: WallTime,
) -> Result<(), Errno> {
    let mut rest = path;
    while let Some((name, below)) = rest.split_once('/') {
        dir = match tree.create(dir, name, New::Directory(0o755), now) {
            Ok((id, _)) => id,
            Err(Errno::Exist) => tree.lookup(dir, name)?.0,
            Err(error) => return Err(error),
        };
        rest = below;
    }
    let (id, _) = tree.create(dir, rest, New::File(file.mode), now)?;
    tree.set_bytes(id, file.bytes.clone(), now)
}

fn remove_all(tree: &mut Tree, dir: u64, name: &str, now: WallTime) -> Result<(), Errno> {
    let mut stack = vec![(dir, name.to_owned())];
    while let Some((dir, name)) = stack.last() {
        let (id, kind) = tree.lookup(*dir, name)?;
        if kind != FileType::Directory {
            tree.unlink(*dir, name, now)?;
            stack.pop();
            continue;
        }
        match tree.read_dir(id, None, 1)?.into_iter().next() {
            Some(entry) => stack.push((id, entry.name)),
            None => {
                tree.remove_dir(*dir, name, now)?;
                stack.pop();
            }
        }
    }
    Ok(())
}
