//! Files: trees, layers and volumes.

/// A tree of files.
#[derive(Debug, Default)]
pub struct Tree {}
