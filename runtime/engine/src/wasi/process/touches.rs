//! What the calls on processes touch. A process is written by signals to it and by the ends of its children; the table
//! of a namespace is what `ps` shows.

use super::Error;
use crate::calls::ErrorName;
use crate::guest::Guest;
use crate::scheduler::Turn;
use seedpod_core::process::{ProcessId, Signal};
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::{Access, Object, ObjectKind, Op, Touch};

impl Guest {
    /// Stands before a call on the process itself: its signals, its children.
    pub(super) fn enter_own(&self, call: &'static str, access: Access) -> Turn {
        self.enter(|guest| {
            let mut op = Op::local(call);
            op.touches.push(own(guest.process, access));
            Some(op)
        })
    }

    /// Stands before a call on the table of processes.
    pub(super) fn enter_table(&self, call: &'static str, label: &str, access: Access) -> Turn {
        self.enter(|guest| {
            let mut op = Op::local(call).on(label);
            op.touches.push(guest.table(access));
            Some(op)
        })
    }

    /// Stands before a signal to these.
    pub(super) fn enter_kill(&self, targets: &[u32], signal: Option<Signal>) -> Turn {
        self.enter(|guest| {
            let access = if signal.is_some() { Write } else { Read };
            let mut op = Op::local("kill");
            if let Some(signal) = signal {
                op = op.on(format!("signal:{}", signal.number()));
            }
            let namespace = guest.container.namespace;
            let found = guest.pod.with(|kernel| {
                let targets = targets.iter();
                let found = targets.filter_map(|pid| kernel.processes.lookup(namespace, *pid));
                found.collect::<Vec<_>>()
            });
            op.touches
                .extend(found.into_iter().map(|target| own(target, access)));
            // Whether somebody of that number is there at all.
            op.touches.push(guest.table(Read));
            Some(op)
        })
    }

    /// Stands before its own end, when there is somebody to notice.
    pub(crate) fn enter_end(&self) -> Turn {
        self.enter(|guest| {
            let parent = guest
                .pod
                .with(|kernel| kernel.processes.get(guest.process)?.parent);
            let mut op = Op::local("exit");
            op.touches.extend(guest.meanings.closed_at_end());
            if let Some(parent) = parent {
                op.touches.push(own(parent, Write));
                op.touches.push(guest.table(Add));
            }
            (!op.touches.is_empty()).then_some(op)
        })
    }

    fn table(&self, access: Access) -> Touch {
        let namespace = self.container.namespace;
        Touch {
            object: Object::named(ObjectKind::Process, &format!("{namespace:?}")),
            access,
        }
    }
}

/// A process: its signals and its children.
pub(super) fn own(process: ProcessId, access: Access) -> Touch {
    Touch {
        object: Object::named(ObjectKind::Process, &format!("{process:?}")),
        access,
    }
}

impl ErrorName for Error {
    fn name(&self) -> &'static str {
        Self::name(self)
    }
}
