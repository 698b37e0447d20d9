//! `test/e2e/node` and `test/e2e/common/network`: pods beside each other.

mod networking;
mod pre_stop;
mod security_context;

use crate::cases::File;

pub(crate) const FILES: &[File] = &[networking::FILE, pre_stop::FILE, security_context::FILE];
