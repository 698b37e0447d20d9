//! What happened in a run, event by event, in one canonical form.

use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// One event of a run. As a line of JSON it is the same in every process and on every machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// Position in the run, from 0.
    #[serde(rename = "n")]
    pub number: u64,
    /// Virtual time, in nanoseconds since the start.
    #[serde(rename = "t")]
    pub nanos: u64,
    /// Who: a task such as `worker`, `worker@1` after its first restart, `worker:7` for its process 7; a pod; empty for
    /// the world. With several pods, `pod/worker`.
    #[serde(rename = "c", default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// Fuel the task had used.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fuel: u64,
    /// What: a host call such as `fs.write`, or `log`, `event`, `status`, `start`, `exit`, `fault.crash`, `drive.publish`.
    #[serde(rename = "k")]
    pub kind: String,
    /// On what: `vol:shared/out.json`, `mq:/orders`, `tcp:127.0.0.1:8080`.
    #[serde(rename = "o", default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// How: a range, a priority, the text of a log line.
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What came of it: `ok`, `blocked`, or the name of an error.
    #[serde(rename = "r", default, skip_serializing_if = "String::is_empty")]
    pub result: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl TraceEvent {
    /// When it happened.
    pub fn at(&self) -> Instant {
        Instant::from_nanos(self.nanos)
    }
}
