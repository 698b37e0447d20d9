//! `seedpod:process/permissions`: `chmod`, which WASI leaves out.

use super::wit::permissions;
use super::{Answer, Error};
use crate::guest::Guest;
use crate::wasi::filesystem::Use;
use seedpod_core::volume::{At, Follow};

impl permissions::Host for Guest {
    async fn mode(&mut self, path: String) -> Answer<u32> {
        let turn = self.enter_absolute("fs.stat", &path, Use::Stat);
        turn.await;
        let files = &self.container.files;
        let stat = files.stat(self.caller(), At::Root, &path, Follow::Yes);
        self.leave(&stat);
        Ok(stat.map(|stat| stat.mode).map_err(Error::from))
    }

    async fn change_mode(&mut self, path: String, mode: u32) -> Answer<()> {
        let turn = self.enter_absolute("fs.chmod", &path, Use::Change);
        turn.await;
        let files = &self.container.files;
        let changed = files.set_mode(self.caller(), &path, mode);
        self.leave(&changed);
        Ok(changed.map_err(Error::from))
    }
}
