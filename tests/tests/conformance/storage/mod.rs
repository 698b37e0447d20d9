//! `test/e2e/common/storage`.

use crate::cases::File;

pub(crate) const FILES: &[File] = &[];
