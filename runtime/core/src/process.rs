//! The process table of a pod.

/// A Linux signal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(pub u8);

/// Names one process of the pod, in every namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// The process table of one pod.
#[derive(Debug, Default)]
pub struct Table {}
