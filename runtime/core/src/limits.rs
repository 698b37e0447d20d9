//! A bound on everything a guest or a manifest can make grow. One line each: unit, and why this number.
/// Processes of a pod, zombies included. Each is an instance with its own memory; a fork bomb ends here.
pub const PROCESSES_PER_POD: usize = 512;

/// Bytes a pipe holds before a writer waits (Linux: 64 KiB).
pub const PIPE_BYTES: usize = 64 << 10;

/// Descriptors a process can be given at its start.
pub const DESCRIPTORS_PER_SPAWN: usize = 64;

/// Bytes of arguments and environment together (Linux `ARG_MAX`: 128 KiB).
pub const ARG_BYTES: usize = 128 << 10;

/// Bytes of output of a container that wait for the world; then its writers wait.
pub const LOG_BYTES_PENDING: usize = 256 << 10;

/// A line longer than this is logged in parts (containerd: 16 KiB).
pub const LOG_LINE_BYTES: usize = 16 << 10;

/// Linear memory of a container without a limit of its own, in bytes.
pub const CONTAINER_MEMORY_DEFAULT: u64 = 4 << 30;
