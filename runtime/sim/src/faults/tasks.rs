//! Faults as the scheduler sees them: tasks that stand among the ready ones, containers that are paused, clocks that are
//! off.

use super::target::{Target, means};
use seedpod_core::podtest::FaultKind;
use seedpod_core::sched::{Access, Object, ObjectKind, Op, Ready, TaskId, Touch};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the scheduler knows of faults.
#[derive(Debug, Default)]
pub(crate) struct FaultTasks {
    standing: Vec<Standing>,
    /// The one whose turn it is; it happens when the pods stand still.
    happening: Option<TaskId>,
    /// Nobody but faults could go on, and none of them was to happen.
    declined: bool,
    reaches: Vec<Reach>,
    paused: BTreeSet<Target>,
    /// Containers that have just been paused, and for how long.
    held: Vec<(Target, Duration)>,
    /// Nanoseconds.
    clocks: BTreeMap<Target, i64>,
}

/// A fault that may happen.
#[derive(Debug)]
struct Standing {
    task: TaskId,
    op: Op,
    can_happen: bool,
}

/// Which calls could notice a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    kind: ReachKind,
    /// Names as written.
    names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReachKind {
    /// All calls of these containers.
    Container,
    /// Calls of these containers on the network; a name may also be that of a pod or Service.
    Network,
    /// Calls on these volumes.
    Volume,
    /// Calls on these queues.
    Queue,
}

impl Reach {
    /// `machine_dies`: a crash takes all containers of the pod.
    pub(crate) fn of(kind: &FaultKind, machine_dies: bool) -> Self {
        let reach = |kind, name: &str| Self {
            kind,
            names: vec![name.to_owned()],
        };
        let between = |from: &str, to: &str| Self {
            kind: ReachKind::Network,
            names: vec![from.to_owned(), to.to_owned()],
        };
        match kind {
            FaultKind::Crash { .. } if machine_dies => reach(ReachKind::Container, "*"),
            FaultKind::Crash { container }
            | FaultKind::Oom { container }
            | FaultKind::Pause { container, .. }
            | FaultKind::ClockJump { container, .. } => reach(ReachKind::Container, container),
            FaultKind::Slow { link, .. }
            | FaultKind::Reset { link }
            | FaultKind::Loss { link, .. }
            | FaultKind::Reorder { link, .. } => between(&link.from, &link.to),
            FaultKind::Partition { between: ends, .. } => between(&ends.0, &ends.1),
            FaultKind::DiskFull { volume, .. }
            | FaultKind::IoError { volume, .. }
            | FaultKind::TornWrite { volume }
            | FaultKind::LostFsync { volume, .. } => reach(ReachKind::Volume, volume),
            FaultKind::Redeliver { queue } => reach(ReachKind::Queue, queue),
        }
    }

    /// The object in which the fault and the calls that could notice it meet.
    fn object(&self) -> Object {
        let kind = match self.kind {
            ReachKind::Container => "container",
            ReachKind::Network => "network",
            ReachKind::Volume => "volume",
            ReachKind::Queue => "queue",
        };
        let name = format!("fault {kind} {}", self.names.join(" "));
        Object::named(ObjectKind::Container, &name)
    }

    /// What the fault does when it happens.
    pub(crate) fn op(&self, call: &'static str, label: &str) -> Op {
        let object = self.object();
        Op::local(call)
            .on(label)
            .touch(object.kind, object.id, Access::Write)
    }

    fn is_noticed(&self, pod: &str, container: &str, op: &Op) -> bool {
        match self.kind {
            ReachKind::Container => self.names.iter().any(|name| means(name, pod, container)),
            ReachKind::Network => ["tcp.", "udp.", "net."]
                .iter()
                .any(|prefix| op.call.starts_with(prefix)),
            ReachKind::Volume => self.is_of(op, "vol:", '/'),
            ReachKind::Queue => self.is_of(op, "mq:", '\0'),
        }
    }

    /// Whether the call is on one of these: `prefix`, the name, and what `separator` parts from it.
    fn is_of(&self, op: &Op, prefix: &str, separator: char) -> bool {
        let Some(rest) = op.label.strip_prefix(prefix) else {
            return false;
        };
        let name = rest.split(separator).next().unwrap_or_default();
        self.names.iter().any(|known| known == "*" || known == name)
    }
}

impl FaultTasks {
    /// A fault may happen from now on, as far as its moment allows.
    pub(crate) fn add(&mut self, task: TaskId, op: Op) {
        self.standing.push(Standing {
            task,
            op,
            can_happen: false,
        });
    }

    /// A fault does not happen any more.
    pub(crate) fn remove(&mut self, task: TaskId) {
        self.standing.retain(|standing| standing.task != task);
    }

    /// No fault happens any more, and nothing is paused.
    pub(crate) fn stop(&mut self) {
        self.standing.clear();
        self.reaches.clear();
        self.paused.clear();
        self.held.clear();
        self.happening = None;
    }

    pub(crate) fn set_can_happen(&mut self, task: TaskId, can_happen: bool) {
        let mut standing = self.standing.iter_mut();
        if let Some(standing) = standing.find(|standing| standing.task == task) {
            standing.can_happen = can_happen;
        }
    }

    /// Calls that could notice such a fault say so.
    pub(crate) fn watch(&mut self, reach: Reach) {
        if !self.reaches.contains(&reach) {
            self.reaches.push(reach);
        }
    }

    /// Adds to a call what the faults are that it could notice.
    pub(crate) fn mark(&self, pod: &str, container: &str, op: &mut Op) {
        for reach in &self.reaches {
            if reach.is_noticed(pod, container, op) {
                op.touches.push(Touch {
                    object: reach.object(),
                    access: Access::Read,
                });
            }
        }
    }

    /// The faults that could happen now.
    pub(crate) fn ready(&self) -> impl Iterator<Item = Ready<'_>> {
        let ready = self.standing.iter().filter(|standing| standing.can_happen);
        ready.map(|standing| Ready {
            task: standing.task,
            op: &standing.op,
        })
    }

    /// It is the turn of a fault.
    pub(crate) fn pick(&mut self, task: TaskId) {
        self.happening = Some(task);
    }

    pub(crate) fn take_happening(&mut self) -> Option<TaskId> {
        self.happening.take()
    }

    /// Whether faults could happen that nobody has decided about since something else did.
    pub(crate) fn is_open(&self) -> bool {
        !self.declined && self.ready().next().is_some()
    }

    pub(crate) fn set_declined(&mut self, declined: bool) {
        self.declined = declined;
    }

    pub(crate) fn pause(&mut self, target: Target) {
        self.paused.insert(target);
    }

    /// A container begins later than it could.
    pub(crate) fn hold(&mut self, target: Target, delay: Duration) {
        self.paused.insert(target.clone());
        self.held.push((target, delay));
    }

    pub(crate) fn take_held(&mut self) -> Vec<(Target, Duration)> {
        std::mem::take(&mut self.held)
    }

    pub(crate) fn resume(&mut self, target: &Target) {
        self.paused.remove(target);
    }

    pub(crate) fn is_paused(&self, target: &Target) -> bool {
        !self.paused.is_empty() && self.paused.contains(target)
    }

    /// Moves the wall clock of a container by so many nanoseconds.
    pub(crate) fn move_clock(&mut self, target: Target, by: i64) {
        let clock = self.clocks.entry(target).or_default();
        *clock = clock.saturating_add(by);
    }

    pub(crate) fn wall_offset(&self, target: &Target) -> i64 {
        match self.clocks.is_empty() {
            true => 0,
            false => self.clocks.get(target).copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedpod_core::podtest::DurationRange;

    #[test]
    fn calls_that_could_notice_a_fault_depend_on_it() {
        let volume = FaultKind::DiskFull {
            volume: "shared".to_owned(),
            duration: DurationRange::default(),
        };
        let queue = FaultKind::Redeliver {
            queue: "/orders".to_owned(),
        };
        let crash = FaultKind::Crash {
            container: "worker".to_owned(),
        };
        let reset = FaultKind::Reset {
            link: "*".parse().unwrap(),
        };
        let check = |fault: &FaultKind, container: &str, call, label: &str, expected: bool| {
            let reach = Reach::of(fault, false);
            let mut tasks = FaultTasks::default();
            tasks.watch(reach.clone());
            let mut op = Op::local(call).on(label);
            tasks.mark("pod", container, &mut op);
            let fault = reach.op("fault.x", "");
            assert_eq!(fault.conflicts(&op), expected, "{container} {call} {label}");
        };
        check(&volume, "worker", "fs.write", "vol:shared/out", true);
        check(&volume, "worker", "fs.write", "vol:other/out", false);
        check(&volume, "worker", "mq.send", "mq:/orders", false);
        check(&queue, "worker", "mq.receive", "mq:/orders", true);
        check(&queue, "worker", "mq.receive", "mq:/other", false);
        check(&crash, "worker", "mq.receive", "mq:/other", true);
        check(&crash, "api", "mq.receive", "mq:/other", false);
        check(&reset, "api", "tcp.read", "tcp:127.0.0.1:80", true);
        check(&reset, "api", "fs.read", "vol:shared/out", false);
    }
}
