//! Runs the containers of a pod on wasmtime. The only crate that names it.

pub mod guest;
pub mod ipc;
pub mod wasi;
