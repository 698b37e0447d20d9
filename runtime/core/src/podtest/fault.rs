//! What may go wrong in a run, and what does at a certain moment.
//!
//! Names in faults may be `*`, which stands for each of the kind; which of them it is, is drawn when the fault happens.

use super::property::Expression;
use super::range::{CountRange, DurationRange, OffsetRange, Rate};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// All faults of a test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultScript {
    /// How many faults of the menu happen in one run. Drawn for each run.
    pub budget: CountRange,
    /// Faults of which some are enabled in a run; the schedule decides when they happen.
    pub menu: Vec<Fault>,
    /// Faults that happen in every run.
    pub script: Vec<Scripted>,
}

/// A fault that may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Position in the menu, from 0. Kept when others are taken out.
    pub number: u32,
    /// Where it is written, for messages: `tests.yaml:12:7: spec.faults.menu[0]`. May be empty.
    pub place: String,
    /// How often it may happen in one run, at least once.
    pub times: u32,
    /// What.
    pub kind: FaultKind,
}

/// A fault that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Scripted {
    /// Position in the script, from 0. Kept when others are taken out.
    pub number: u32,
    /// Where it is written, for messages: `tests.yaml:12:7: spec.faults.script[0]`. May be empty.
    pub place: String,
    /// When: once.
    pub when: Trigger,
    /// What.
    pub kind: FaultKind,
}

/// When a fault of the script happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// At this virtual time since the start.
    At(Duration),
    /// When this becomes true for the first time.
    When(Expression),
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// All processes of a container die as of SIGKILL; its pod decides about a restart.
    Crash {
        /// Which.
        container: String,
    },
    /// A container is killed for want of memory, at a call or when its memory grows.
    Oom {
        /// Which.
        container: String,
    },
    /// A container does nothing for a while and does not notice.
    Pause {
        /// Which.
        container: String,
        /// How long.
        duration: DurationRange,
    },
    /// What is sent arrives late.
    Slow {
        /// Where.
        link: Link,
        /// How much later.
        latency: DurationRange,
        /// How long this lasts.
        duration: DurationRange,
    },
    /// Nothing that is sent arrives; of a connection, it arrives afterwards.
    Partition {
        /// Between whom.
        between: (String, String),
        /// How long.
        duration: DurationRange,
        /// Whether one of the two still hears the other.
        one_way: OneWay,
    },
    /// Connections are reset.
    Reset {
        /// Where.
        link: Link,
    },
    /// Datagrams are lost.
    Loss {
        /// Where.
        link: Link,
        /// How many.
        rate: Rate,
        /// How long this lasts.
        duration: DurationRange,
    },
    /// Datagrams overtake each other.
    Reorder {
        /// Where.
        link: Link,
        /// How many.
        rate: Rate,
        /// How long this lasts.
        duration: DurationRange,
    },
    /// A volume has no room.
    DiskFull {
        /// Which.
        volume: String,
        /// How long.
        duration: DurationRange,
    },
    /// Calls on the files of a volume fail with EIO.
    IoError {
        /// Which.
        volume: String,
        /// Which calls.
        calls: BTreeSet<DiskCall>,
        /// How many of them.
        rate: Rate,
        /// How long this lasts.
        duration: DurationRange,
    },
    /// A container crashes in the middle of its next write, of which a part is on the disk.
    TornWrite {
        /// Which.
        volume: String,
    },
    /// A volume says that it has synced what it has not. Noticed after a crash.
    LostFsync {
        /// Which.
        volume: String,
        /// How long.
        duration: DurationRange,
    },
    /// The wall clock of a container jumps.
    ClockJump {
        /// Which.
        container: String,
        /// How far.
        by: OffsetRange,
    },
    /// A message that was received is in its queue again.
    Redeliver {
        /// Which, with its slash.
        queue: String,
    },
}

/// Whether a partition is deaf on one side only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OneWay {
    /// On both.
    #[default]
    No,
    /// What the first sends does not reach the second.
    Yes,
    /// Drawn when it happens.
    Maybe,
}

/// Calls on files that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskCall {
    /// Content is read.
    Read,
    /// Content is written, cut or made longer.
    Write,
    /// A file is synced.
    Fsync,
    /// A name is looked up, made, changed or removed.
    Name,
}

/// Where a fault of the network happens: `api->db`, `api<->db`, `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// A container, pod or Service, or `*`.
    pub from: String,
    /// A container, pod or Service, or `*`.
    pub to: String,
    /// Which way bytes go.
    pub links: Links,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// From the first to the second.
    Forth,
    /// Both ways.
    Both,
}

impl FaultKind {
    /// The word of the fault in a test file, and in a trace after `fault.`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::Oom { .. } => "oom",
            Self::Pause { .. } => "pause",
            Self::Slow { .. } => "slow",
            Self::Partition { .. } => "partition",
            Self::Reset { .. } => "reset",
            Self::Loss { .. } => "loss",
            Self::Reorder { .. } => "reorder",
            Self::DiskFull { .. } => "diskFull",
            Self::IoError { .. } => "ioError",
            Self::TornWrite { .. } => "tornWrite",
            Self::LostFsync { .. } => "lostFsync",
            Self::ClockJump { .. } => "clockJump",
            Self::Redeliver { .. } => "redeliver",
        }
    }

    /// What it happens to: a container, a volume, a queue, a link. `crash worker` is its word and this.
    pub fn target(&self) -> String {
        match self {
            Self::Crash { container }
            | Self::Oom { container }
            | Self::Pause { container, .. }
            | Self::ClockJump { container, .. } => container.clone(),
            Self::Slow { link, .. }
            | Self::Reset { link }
            | Self::Loss { link, .. }
            | Self::Reorder { link, .. } => link.to_string(),
            Self::Partition { between, .. } => format!("{}<->{}", between.0, between.1),
            Self::DiskFull { volume, .. }
            | Self::IoError { volume, .. }
            | Self::TornWrite { volume }
            | Self::LostFsync { volume, .. } => volume.clone(),
            Self::Redeliver { queue } => queue.clone(),
        }
    }
}

/// Why a text is no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no link; write one such as \"api->db\", \"api<->db\" or \"*\"")]
pub struct ParseLinkError(String);

impl FromStr for Link {
    type Err = ParseLinkError;

    fn from_str(text: &str) -> Result<Self, ParseLinkError> {
        let (from, to, links) = if let Some((from, to)) = text.split_once("<->") {
            (from, to, Links::Both)
        } else if let Some((from, to)) = text.split_once("->") {
            (from, to, Links::Forth)
        } else if text.trim() == "*" {
            ("*", "*", Links::Both)
        } else {
            return Err(ParseLinkError(text.to_owned()));
        };
        let (from, to) = (from.trim().to_owned(), to.trim().to_owned());
        if from.is_empty() || to.is_empty() || to.contains("->") {
            return Err(ParseLinkError(text.to_owned()));
        }
        Ok(Self { from, to, links })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.links {
            Links::Forth => "->",
            Links::Both if self.from == "*" && self.to == "*" => return f.write_str("*"),
            Links::Both => "<->",
        };
        write!(f, "{}{arrow}{}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_two_ends() {
        let check = |text: &str| assert_eq!(text.parse::<Link>().unwrap().to_string(), text);
        check("api->db");
        check("api<->db");
        check("*");
        check("*->db");
        for wrong in ["", "api", "->", "a->", "a->b->c"] {
            assert!(wrong.parse::<Link>().is_err(), "{wrong}");
        }
    }
}
