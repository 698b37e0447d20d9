//! How much a tree may hold.

use crate::limits;

/// What a tree holds, or may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of pages written, and of targets of symbolic links. Content a tree was built with is shared and free.
    pub bytes: u64,
    /// Directory entries.
    pub entries: u64,
}

impl Usage {
    /// What an image may hold.
    pub const IMAGE: Self = Self {
        bytes: limits::LAYER_BYTES_MAX,
        entries: limits::IMAGE_ENTRIES_MAX,
    };
    /// What the private layer of a container may hold.
    pub const LAYER: Self = Self {
        bytes: limits::LAYER_BYTES_MAX,
        entries: limits::TREE_ENTRIES_MAX,
    };

    /// What a memory volume with this `sizeLimit` may hold.
    pub fn memory(size_limit_bytes: Option<u64>) -> Self {
        let max = limits::MEMORY_VOLUME_BYTES_MAX;
        Self {
            bytes: size_limit_bytes.map_or(max, |bytes| bytes.min(max)),
            entries: limits::TREE_ENTRIES_MAX,
        }
    }
}
