//! What the calls on files touch: a container's own files nothing, those of a volume the names and contents they use.

use super::{Descriptor, Failure};
use crate::calls::ErrorName;
use crate::guest::Guest;
use crate::scheduler::Turn;
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::{Access, Object, Op, Touch};
use seedpod_core::volume::{At, Errno, Follow, OpenFlags, Spot};

/// What a call does to the name at the end of a path.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// Looks whether it is there, and where it points.
    Look,
    /// Looks at the file behind it.
    Stat,
    /// Changes attributes of the file behind it.
    Change,
    /// Puts something there.
    Create,
    /// Takes it away.
    Remove,
    /// Opens it, or creates it.
    Open { create: bool, truncate: bool },
}

impl Use {
    pub(crate) fn of(how: OpenFlags) -> Self {
        Self::Open {
            create: how.create,
            truncate: how.truncate,
        }
    }
}

impl Guest {
    /// Stands before a call on a path.
    pub(super) fn enter_path(
        &self,
        call: &'static str,
        base: &Descriptor,
        path: &str,
        follow: Follow,
        how: Use,
    ) -> Turn {
        self.enter(|guest| {
            let at = At::Dir(&base.open.file);
            visible(guest.path_op(Op::local(call), (at, path), follow, how))
        })
    }

    /// Stands before a call on two paths.
    pub(super) fn enter_paths(
        &self,
        call: &'static str,
        (from, from_path, from_use): (&Descriptor, &str, Use),
        (to, to_path, to_use): (&Descriptor, &str, Use),
    ) -> Turn {
        self.enter(|guest| {
            let (from, to) = (At::Dir(&from.open.file), At::Dir(&to.open.file));
            let op = guest.path_op(Op::local(call), (from, from_path), Follow::No, from_use);
            visible(guest.path_op(op, (to, to_path), Follow::No, to_use))
        })
    }

    /// Stands before a call on an absolute path.
    pub(crate) fn enter_absolute(&self, call: &'static str, path: &str, how: Use) -> Turn {
        self.enter(|guest| {
            visible(guest.path_op(Op::local(call), (At::Root, path), Follow::Yes, how))
        })
    }

    /// Stands before a call on an open file.
    pub(super) fn enter_file(&self, call: &'static str, this: &Descriptor, access: Access) -> Turn {
        self.enter(|_| {
            let spot = this.open.file.spot()?;
            let op = Op::local(call).on(format!("vol:{}", spot.path));
            let op = touch(op, spot.content(), access);
            Some(match access {
                Write => touch(op, Some(spot.capacity()), Add),
                Read | Add => op,
            })
        })
    }

    /// Stands before the next look at the names of a directory.
    pub(super) fn enter_directory(&self, dir: Option<Spot>) -> Turn {
        self.enter(|_| {
            let dir = dir?;
            let op = Op::local("fs.readdir").on(format!("vol:{}", dir.path));
            Some(touch(op, dir.names(), Read))
        })
    }

    fn path_op(&self, mut op: Op, (at, path): (At<'_>, &str), follow: Follow, how: Use) -> Op {
        let Some(spot) = self.files().spot(self.caller(), at, path, follow) else {
            return op;
        };
        if !op.label.is_empty() {
            op.label.push_str(" > ");
        }
        op.label.push_str("vol:");
        op.label.push_str(&spot.path);
        touch_spot(op, &spot, how)
    }
}

fn touch_spot(mut op: Op, spot: &Spot, how: Use) -> Op {
    for waypoint in &spot.through {
        op = touch(op, Some(waypoint.entry()), Read);
    }
    let changes_name = match how {
        Use::Look | Use::Stat | Use::Change => false,
        Use::Create | Use::Remove => true,
        Use::Open { create, .. } => create && spot.node.is_none(),
    };
    if changes_name && spot.entry().is_some() {
        op = touch(op, spot.entry(), Write);
        op = touch(op, Some(spot.directory()), Write);
        op = touch(op, Some(spot.capacity()), Add);
    } else {
        op = touch(op, spot.entry(), Read);
    }
    match how {
        Use::Stat => touch(op, spot.content(), Read),
        Use::Change | Use::Open { truncate: true, .. } if spot.node.is_some() => {
            let op = touch(op, spot.content(), Write);
            touch(op, Some(spot.capacity()), Add)
        }
        Use::Look | Use::Change | Use::Create | Use::Remove | Use::Open { .. } => op,
    }
}

fn touch(mut op: Op, object: Option<Object>, access: Access) -> Op {
    op.touches
        .extend(object.map(|object| Touch { object, access }));
    op
}

fn visible(op: Op) -> Option<Op> {
    (!op.touches.is_empty()).then_some(op)
}

impl ErrorName for Failure {
    fn name(&self) -> &'static str {
        match self {
            Self::Code(code) => code.name(),
            Self::Trap(_) => "trap",
        }
    }
}

impl ErrorName for Errno {
    fn name(&self) -> &'static str {
        super::types::ErrorCode::from(*self).name()
    }
}
