//! What can be looked at, and which of it may have become another.

use seedpod_core::podtest::FileTarget;
use seedpod_core::sched::{Access, ObjectKind, Touch};

/// Something that can be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    File(FileTarget),
    /// Pod, if it is said, and name.
    Queue(Option<String>, String),
    Semaphore(Option<String>, String),
    Container(String),
    Log(String),
    /// Call and object.
    Events(String, String),
    Time,
}

/// What may have become another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) files: bool,
    pub(crate) queues: bool,
    pub(crate) semaphores: bool,
    pub(crate) containers: bool,
    pub(crate) logs: bool,
    pub(crate) events: bool,
}

impl Changes {
    pub(crate) const ALL: Self = Self {
        files: true,
        queues: true,
        semaphores: true,
        containers: true,
        logs: true,
        events: true,
    };

    pub(crate) fn of_touch(&mut self, touch: &Touch) {
        if touch.access == Access::Read {
            return;
        }
        match touch.object.kind {
            ObjectKind::Node | ObjectKind::Entry | ObjectKind::Directory | ObjectKind::Capacity => {
                self.files = true;
            }
            ObjectKind::QueueTail | ObjectKind::QueueHead => self.queues = true,
            ObjectKind::QueueCount | ObjectKind::IpcName => {
                self.queues = true;
                self.semaphores = true;
            }
            ObjectKind::Semaphore => self.semaphores = true,
            _ => {}
        }
    }

    pub(crate) fn contain(self, thing: &Thing) -> bool {
        match thing {
            Thing::File(_) => self.files,
            Thing::Queue(..) => self.queues,
            Thing::Semaphore(..) => self.semaphores,
            Thing::Container(_) => self.containers,
            Thing::Log(_) => self.logs,
            Thing::Events(..) => self.events,
            Thing::Time => true,
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(target) => write!(f, "file {target}"),
            Self::Queue(_, name) => write!(f, "queue {name}"),
            Self::Semaphore(_, name) => write!(f, "semaphore {name}"),
            Self::Container(name) => write!(f, "container {name}"),
            Self::Log(name) => write!(f, "log of {name}"),
            Self::Events(call, object) if object.is_empty() => write!(f, "events {call}"),
            Self::Events(call, object) => write!(f, "events {call} {object}"),
            Self::Time => f.write_str("time"),
        }
    }
}
