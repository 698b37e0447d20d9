//! `seedpod:process/permissions`: `chmod`, which WASI leaves out.

use super::wit::permissions;
use super::{Answer, Error};
use crate::guest::Guest;
use seedpod_core::volume::{At, Follow};

impl permissions::Host for Guest {
    fn mode(&mut self, path: String) -> Answer<u32> {
        let files = &self.container.files;
        let stat = files.stat(self.caller(), At::Root, &path, Follow::Yes);
        Ok(stat.map(|stat| stat.mode).map_err(Error::from))
    }

    fn change_mode(&mut self, path: String, mode: u32) -> Answer<()> {
        let files = &self.container.files;
        let changed = files.set_mode(self.caller(), &path, mode);
        Ok(changed.map_err(Error::from))
    }
}
