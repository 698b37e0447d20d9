//! What guests import. Each file only translates guest calls into calls of the kernel.

mod cli;
mod clocks;
mod filesystem;
mod process;
mod random;
mod sockets;

use crate::guest::Guest;
use wasmtime::component::Linker;

/// Registers everything a guest can import.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi_io::add_to_linker_async(linker)?;
    cli::add_to_linker(linker)?;
    clocks::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)?;
    random::add_to_linker(linker)?;
    process::add_to_linker(linker)?;
    sockets::add_to_linker(linker)?;
    crate::ipc::add_to_linker(linker)?;
    Ok(())
}
