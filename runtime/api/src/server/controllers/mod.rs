//! What changes objects because others have changed.

use super::Server;
use seedpod_core::time::Instant;

/// What the controllers remember.
#[derive(Debug, Default)]
pub(crate) struct Controllers;

impl Controllers {
    /// When one of them has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

/// Makes what every cluster has.
pub(crate) fn bootstrap(_server: &mut Server) {}

/// Does what is due.
pub(crate) fn turn(_server: &mut Server) {}
