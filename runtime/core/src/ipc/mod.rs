//! The IPC namespace of a pod.

/// The IPC namespace of one pod.
#[derive(Debug, Default)]
pub struct Namespace {}
