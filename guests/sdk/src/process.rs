//! `seedpod:process`: child processes, open file descriptions that processes share, and signals.
//!
//! The names are those of `wit/process.wit`, which documents them.

mod bindings {
    wit_bindgen::generate!({
        path: ["wit/deps/io.wit", "wit/process.wit"],
        world: "seedpod:process/process",
        generate_all,
    });
}

pub use bindings::seedpod::process::{descriptors, permissions, processes, signals, types};
pub use bindings::wasi::io::poll;
