//! Listening, serving and stopping.

use super::config::Config;

/// Serves until a signal ends it. Returns the exit code.
pub fn main(_config: Config) -> u8 {
    1
}
