//! Random bytes for `rustls`, whose providers are static and cannot carry a seed.
//!
//! Every call into a connection goes through [`with`], which lends the connection's own randomness to what it calls.

use crate::world::Random;
use std::cell::RefCell;

thread_local! {
    static CURRENT: RefCell<Option<Box<dyn Random>>> = const { RefCell::new(None) };
}

/// Calls `work`, whose random bytes come from `random`.
pub(super) fn with<R>(random: &mut Option<Box<dyn Random>>, work: impl FnOnce() -> R) -> R {
    let before = CURRENT.replace(random.take());
    let result = work();
    *random = CURRENT.replace(before);
    result
}

/// `None` outside [`with`].
pub(super) fn fill(buffer: &mut [u8]) -> Option<()> {
    CURRENT.with_borrow_mut(|random| random.as_mut().map(|random| random.fill(buffer)))
}
