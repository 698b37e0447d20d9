//! One node of a tree.

use super::content::Content;
use super::{Device, FileType};
use crate::time::WallTime;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) links: u32,
    pub(super) accessed: WallTime,
    pub(super) modified: WallTime,
    pub(super) changed: WallTime,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    File(Content),
    Directory {
        entries: BTreeMap<String, u64>,
        parent: u64,
        /// Its name in `parent`; empty for the root.
        name: String,
    },
    Symlink(String),
    Device(Device),
}

impl Inode {
    pub(super) fn new(kind: Kind, mode: u32, now: WallTime) -> Self {
        Self {
            kind,
            mode,
            links: 1,
            accessed: now,
            modified: now,
            changed: now,
        }
    }

    /// Bytes charged to the tree.
    pub(super) fn charged(&self) -> u64 {
        match &self.kind {
            Kind::File(content) => content.charged(),
            Kind::Symlink(target) => target.len() as u64,
            Kind::Directory { .. } | Kind::Device(_) => 0,
        }
    }
}

impl Kind {
    pub(super) fn file_type(&self) -> FileType {
        match self {
            Self::File(_) => FileType::Regular,
            Self::Directory { .. } => FileType::Directory,
            Self::Symlink(_) => FileType::Symlink,
            Self::Device(_) => FileType::Device,
        }
    }
}
