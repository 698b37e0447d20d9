//! `seedpod:process/permissions`: `chmod`, which WASI leaves out.

use super::process::{Error, permissions};
use crate::guest::Guest;
use seedpod_core::volume::{At, Follow};

impl permissions::Host for Guest {
    fn mode(&mut self, path: String) -> wasmtime::Result<Result<u32, Error>> {
        let files = &self.container.files;
        let stat = files.stat(self.caller(), At::Root, &path, Follow::Yes);
        Ok(stat.map(|stat| stat.mode).map_err(Error::from))
    }

    fn change_mode(&mut self, path: String, mode: u32) -> wasmtime::Result<Result<(), Error>> {
        let files = &self.container.files;
        let changed = files.set_mode(self.caller(), &path, mode);
        Ok(changed.map_err(Error::from))
    }
}
