//! What an image is once it has been resolved: a tree of files and how to start it.

use crate::volume::Tree;
use std::sync::Arc;

/// A resolved image. Containers share the tree and never write to it.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name the manifest used.
    pub reference: String,
    /// Digest of the content, `sha256:…`; what status reports as `imageID`.
    pub digest: String,
    /// Bytes of its files.
    pub size: u64,
    /// How to start it.
    pub config: ImageConfig,
    /// Its files.
    pub tree: Arc<Tree>,
}

/// The part of an OCI image config that decides what runs (pod-semantics: command and args against the image).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// `ENTRYPOINT`; replaced by `command` of the manifest.
    pub entrypoint: Vec<String>,
    /// `CMD`; replaced by `args`, dropped when `command` is set.
    pub cmd: Vec<String>,
    /// `ENV`, in order.
    pub env: Vec<(String, String)>,
    /// `WORKDIR`; `/` when empty.
    pub working_dir: String,
    /// `USER`, as written: a name, a number, or empty for root.
    pub user: String,
    /// `STOPSIGNAL`; SIGTERM when `None`.
    pub stop_signal: Option<crate::process::Signal>,
}
