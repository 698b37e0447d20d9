//! The lifecycle of a pod.
