//! The network of a pod.

/// The network namespace of one pod.
#[derive(Debug, Default)]
pub struct Namespace {}
