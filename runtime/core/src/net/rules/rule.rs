//! What a rule says, and about whom.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Who may be at an end of a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Every container of every pod.
    Any,
    /// Every container of the pods of this name.
    Pod(String),
    /// One container.
    Container {
        /// Name of its pod.
        pod: String,
        /// Its name.
        container: String,
    },
}

/// One direction of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Who sends.
    pub from: Party,
    /// Who receives.
    pub to: Party,
}

impl Link {
    /// Every path.
    pub const ANY: Self = Self {
        from: Party::Any,
        to: Party::Any,
    };

    /// The other direction.
    pub fn reversed(&self) -> Self {
        Self {
            from: self.to.clone(),
            to: self.from.clone(),
        }
    }

    pub(super) fn matches(&self, [from, to]: [&Owner; 2]) -> bool {
        self.from.is(from) && self.to.is(to)
    }
}

/// What a rule does to what takes its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing passes: bytes and connects wait, datagrams are lost.
    Partition,
    /// Everything takes this long, chosen anew for each write, connect and datagram.
    Latency {
        /// At least.
        min: Duration,
        /// At most.
        max: Duration,
    },
    /// So many bytes pass in a second.
    Bandwidth {
        /// At least 1.
        bytes_per_second: u64,
    },
    /// Some datagrams are lost.
    Loss {
        /// How many of a million.
        per_million: u32,
    },
    /// Some datagrams arrive twice.
    Duplicate {
        /// How many of a million.
        per_million: u32,
    },
    /// Some datagrams are late, so that later ones overtake them.
    Reorder {
        /// How many of a million.
        per_million: u32,
        /// How late.
        by: Duration,
    },
}

/// Whose socket it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net) struct Owner {
    pub(in crate::net) pod: Arc<str>,
    pub(in crate::net) container: Option<Arc<str>>,
}

impl Owner {
    /// What no link knows.
    pub(in crate::net) fn nobody() -> Self {
        Self {
            pod: "".into(),
            container: None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let container = self.container.as_deref().unwrap_or_default();
        write!(f, "{}/{container}", self.pod)
    }
}

impl Party {
    fn is(&self, owner: &Owner) -> bool {
        match self {
            Self::Any => true,
            Self::Pod(pod) => **pod == *owner.pod,
            Self::Container { pod, container } => {
                **pod == *owner.pod && owner.container.as_deref() == Some(container)
            }
        }
    }
}

/// What the rules do to one thing that is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::net) struct Fate {
    pub(in crate::net) is_blocked: bool,
    pub(in crate::net) delay: Duration,
    /// The lowest that holds.
    pub(in crate::net) bytes_per_second: Option<u64>,
}

impl Fate {
    pub(in crate::net) fn is_nothing(&self) -> bool {
        !self.is_blocked && self.delay.is_zero() && self.bytes_per_second.is_none()
    }

    /// How long `bytes` occupy the link.
    pub(in crate::net) fn transmission(&self, bytes: usize) -> Duration {
        self.bytes_per_second.map_or(Duration::ZERO, |rate| {
            let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate.max(1));
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        })
    }
}
