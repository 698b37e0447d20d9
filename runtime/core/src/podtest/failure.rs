//! What a run did wrong.

use crate::time::Instant;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// One property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Name of the property; of one that nobody wrote, its kind and container, such as `trap worker`.
    pub property: String,
    /// What kind of property.
    pub kind: FailureKind,
    /// For people: what was found instead.
    pub message: String,
    /// When, in virtual time.
    #[serde(rename = "nanos", serialize_with = "write", deserialize_with = "read")]
    pub at: Instant,
    /// The event of the trace after which it was found: its number.
    pub event: u64,
}

/// Kinds of properties, as they fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// Was false.
    Always,
    /// Was true.
    Never,
    /// Was not true in time.
    Eventually,
    /// Was false at the end.
    Finally,
    /// Was true in no run. Of a test, not of a run.
    Sometimes,
    /// Was larger.
    Bounded,
    /// A container ended otherwise.
    Exit,
    /// The checker said so.
    Checker,
    /// A step of the drive did not get what it expects.
    Drive,
    /// A program trapped.
    Trap,
    /// Nothing could go on.
    Deadlock,
    /// Nothing new came of all work.
    Livelock,
    /// A container restarted again and again.
    RestartLoop,
    /// An expression could not be evaluated.
    Expression,
}

impl FailureKind {
    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Eventually => "eventually",
            Self::Finally => "finally",
            Self::Sometimes => "sometimes",
            Self::Bounded => "bounded",
            Self::Exit => "exit",
            Self::Checker => "checker",
            Self::Drive => "drive",
            Self::Trap => "trap",
            Self::Deadlock => "deadlock",
            Self::Livelock => "livelock",
            Self::RestartLoop => "restartLoop",
            Self::Expression => "expression",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.property, self.message)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn write<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(at.as_nanos())
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    u64::deserialize(deserializer).map(Instant::from_nanos)
}
