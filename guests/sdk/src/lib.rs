//! What a seedpod pod offers to its guests beyond WASI, as Rust.

pub mod ipc;
pub mod process;
