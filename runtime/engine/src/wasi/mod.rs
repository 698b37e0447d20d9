//! What guests import. Each file only translates guest calls into calls of the kernel.

mod cli;
mod clocks;
mod filesystem;
mod io;
mod process;
mod random;
mod sockets;

use crate::guest::Guest;
use crate::settings::Slice;
use wasmtime::component::Linker;

/// Registers everything a guest can import. Turns at streams cost something and are for those who run by fuel: nobody
/// else decides about the order of calls.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>, slice: Slice) -> wasmtime::Result<()> {
    match slice {
        Slice::Time(_) => wasmtime_wasi_io::add_to_linker_async(linker)?,
        Slice::Fuel(_) => io::add_to_linker(linker)?,
    }
    cli::add_to_linker(linker)?;
    clocks::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)?;
    random::add_to_linker(linker)?;
    process::add_to_linker(linker)?;
    sockets::add_to_linker(linker)?;
    crate::ipc::add_to_linker(linker)?;
    Ok(())
}
