//! Host calls as the scheduler sees them, and which of them depend on each other.

use crate::hash::fnv1a;

/// One host call that another container could notice, or that could notice another container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Op {
    /// What is called: `fs.write`, `mq.send`.
    pub call: &'static str,
    /// What it is called on, for people: `vol:shared/out.json`, `mq:/orders`. May be empty.
    pub label: String,
    /// What it reads and changes. Nothing, for a call that nobody else can notice.
    pub touches: Vec<Touch>,
    /// Whether somebody who waits in this call is handed what he waits for: going on then is no access any more.
    pub handed: bool,
}

/// One access to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Touch {
    /// What.
    pub object: Object,
    /// How.
    pub access: Access,
}

/// How a call uses an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Looks at it.
    Read,
    /// Changes it in a way that commutes with others of its kind: a count goes up or down.
    Add,
    /// Changes it.
    Write,
}

/// Something that calls meet in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// What kind of thing.
    pub kind: ObjectKind,
    /// Which of them: the kernel's number, or a hash of its name. The same in every run of one test.
    pub id: u64,
}

/// Kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// Content and attributes of a file.
    Node,
    /// A name in a directory.
    Entry,
    /// The set of names in a directory.
    Directory,
    /// The room that is left in a volume.
    Capacity,
    /// Where messages enter a queue.
    QueueTail,
    /// Where messages leave a queue.
    QueueHead,
    /// How many messages a queue holds.
    QueueCount,
    /// A name of the IPC namespace.
    IpcName,
    /// A semaphore, or a set of them.
    Semaphore,
    /// A shared memory object.
    Memory,
    /// The direction of a connection that one end writes and the other reads.
    StreamHalf,
    /// A port of an address, and who listens there.
    Port,
    /// Datagrams that wait at a socket.
    Mailbox,
    /// A pipe.
    Pipe,
    /// A process: its signals and its end.
    Process,
    /// The wall clock of a container.
    Clock,
    /// A container: a fault that ends or stops it depends on all its calls.
    Container,
}

impl Op {
    /// A call that touches nothing.
    pub fn local(call: &'static str) -> Self {
        Self {
            call,
            ..Self::default()
        }
    }

    /// Adds an access.
    #[must_use]
    pub fn touch(mut self, kind: ObjectKind, id: u64, access: Access) -> Self {
        self.touches.push(Touch {
            object: Object { kind, id },
            access,
        });
        self
    }

    /// Says for people what it is called on.
    #[must_use]
    pub fn on(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Whether the order of the two can make a difference.
    pub fn conflicts(&self, other: &Self) -> bool {
        self.touches
            .iter()
            .any(|one| other.touches.iter().any(|two| one.conflicts(*two)))
    }
}

impl Touch {
    /// Whether the order of the two can make a difference: they touch the same, and do not both read or both add.
    pub fn conflicts(self, other: Self) -> bool {
        self.object == other.object
            && !matches!(
                (self.access, other.access),
                (Access::Read, Access::Read) | (Access::Add, Access::Add)
            )
    }
}

impl Object {
    /// The object of a name, the same on every machine.
    pub fn named(kind: ObjectKind, name: &str) -> Self {
        Self {
            kind,
            id: fnv1a(name.bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_depend_on_each_other_when_one_changes_what_the_other_uses() {
        let op = |access| Op::local("x").touch(ObjectKind::Node, 1, access);
        let check = |one, two, expected: bool| {
            assert_eq!(op(one).conflicts(&op(two)), expected, "{one:?} {two:?}");
            assert_eq!(op(two).conflicts(&op(one)), expected, "{two:?} {one:?}");
        };
        check(Access::Read, Access::Read, false);
        check(Access::Add, Access::Add, false);
        check(Access::Read, Access::Add, true);
        check(Access::Read, Access::Write, true);
        check(Access::Add, Access::Write, true);
        check(Access::Write, Access::Write, true);
        let elsewhere = Op::local("x").touch(ObjectKind::Node, 2, Access::Write);
        assert!(!op(Access::Write).conflicts(&elsewhere));
        assert!(!op(Access::Write).conflicts(&Op::local("y")));
    }
}
