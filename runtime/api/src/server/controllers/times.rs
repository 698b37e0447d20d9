//! Times in objects.

use crate::server::Server;
use seedpod_core::time::WallTime;
use serde_json::Value;
use std::time::Duration;

/// A time in an object; `None` when there is none.
pub(super) fn time(value: &Value) -> Option<WallTime> {
    value.as_str()?.parse().ok()
}

/// A number of seconds in an object; `None` when there is none.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let seconds = u64::try_from(value.as_i64()?).ok()?;
    Some(Duration::from_secs(seconds))
}

impl Server {
    /// Now, as it is written down.
    pub(super) fn wall(&self) -> String {
        self.now.wall.to_string()
    }

    /// How long it is until `delay` after `from`; `None` when that is over.
    pub(super) fn time_until(&self, from: WallTime, delay: Duration) -> Option<Duration> {
        let due = Duration::from_nanos(from.as_unix_nanos()).saturating_add(delay);
        let now = Duration::from_nanos(self.now.wall.as_unix_nanos());
        due.checked_sub(now).filter(|left| !left.is_zero())
    }
}
