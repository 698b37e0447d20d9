//! Back-off of image pulls. It belongs to the image: containers of a pod that use the same one share it.

use super::backoff::Backoff;
use crate::time::Instant;
use std::collections::BTreeMap;

/// The images that could not be fetched. At most one entry per container.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    failed: BTreeMap<String, Failed>,
}

#[derive(Debug)]
struct Failed {
    backoff: Backoff,
    error: String,
}

impl Pulls {
    /// When `image` may be asked for again, and what went wrong, if that is not yet.
    pub(super) fn wait(&self, image: &str, now: Instant) -> Option<(Instant, &str)> {
        let failed = self.failed.get(image)?;
        let until = failed.backoff.until_since_attempt()?;
        (now < until).then_some((until, failed.error.as_str()))
    }

    /// `image` could not be fetched.
    pub(super) fn fail(&mut self, image: &str, error: String, now: Instant) {
        let failed = self
            .failed
            .entry(image.to_owned())
            .or_insert_with(|| Failed {
                backoff: Backoff::default(),
                error: String::new(),
            });
        failed.backoff.attempt(now, now);
        failed.error = error;
    }
}
