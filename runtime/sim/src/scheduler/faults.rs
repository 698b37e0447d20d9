//! What faults and the world of a test ask of the scheduler.

use super::{Place, Short, SimScheduler, State, Task};
use crate::faults::{FaultTasks, Target, duration};
use seedpod_core::net;
use seedpod_core::podtest::{Rate, WorldSettings};
use seedpod_core::sched::{Access, ChoiceKind, Object, ObjectKind, Op, TaskId, Touch};
use seedpod_core::volume::Decisions;
use std::sync::Arc;

impl SimScheduler {
    /// What the world of a test is like.
    pub(crate) fn set_world(&self, world: &WorldSettings) {
        let mut state = self.lock();
        state.short = Short {
            net: world.net.short_read,
            disk: world.disk.short_read,
        };
        state.stagger = world.start_stagger;
    }

    pub(crate) fn with_faults<R>(&self, call: impl FnOnce(&mut FaultTasks) -> R) -> R {
        call(&mut self.lock().faults)
    }

    /// A task that is a fault.
    pub(crate) fn add_fault(&self, name: &str) -> TaskId {
        let mut state = self.lock();
        state.tasks.push(Task {
            target: Target::default(),
            op: Arc::new(Op::local("")),
            place: Place::Between,
            fuel: 0,
            prepaid: 0,
            alive: false,
        });
        state.names.add(name)
    }

    pub(crate) fn task_name(&self, task: TaskId) -> String {
        self.lock().names.name(task).to_owned()
    }

    /// A fault has happened.
    pub(crate) fn note_fault(&self, name: &str, op: &Op, result: &str, detail: &str) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.recorder.call(now, name, 0, op, result, detail);
        // Whatever files and queues have become by it.
        let changed = [ObjectKind::Node, ObjectKind::QueueCount].map(|kind| Touch {
            object: Object { kind, id: 0 },
            access: Access::Write,
        });
        state.touched.extend(changed);
    }

    /// The name of a container, with its pod where there are several.
    pub(crate) fn container_name(&self, target: &Target) -> String {
        let state = self.lock();
        match state.pods.get(target.pod) {
            Some(pod) if state.several_pods => format!("{}/{}", pod.name, target.container),
            Some(_) | None => target.container.clone(),
        }
    }

    /// Whether a process of the container runs.
    pub(crate) fn is_alive(&self, target: &Target) -> bool {
        let state = self.lock();
        let mut tasks = state.tasks.iter();
        tasks.any(|task| task.alive && task.target == *target)
    }

    /// The container whose process went on last.
    pub(crate) fn last_target(&self) -> Option<Target> {
        let mut state = self.lock();
        let last = state.last?;
        Some(state.task(last).target.clone())
    }

    /// The quiet tail begins.
    pub(crate) fn settle(&self) {
        self.lock().chooser.settle();
    }
}

/// The disks of a simulation ask here.
impl Decisions for SimScheduler {
    fn choose(&self, kind: ChoiceKind, arity: u32, label: &str) -> u32 {
        self.choose(kind, arity, label)
    }

    fn chance(&self, kind: ChoiceKind, per_million: u32, label: &str) -> bool {
        self.lock().chooser.chance(kind, per_million, label)
    }
}

/// So does its network.
impl net::Chance for SimScheduler {
    fn choose(&self, kind: ChoiceKind, arity: u32, label: &str) -> u32 {
        self.choose(kind, arity, label)
    }

    fn chance(&self, kind: ChoiceKind, per_million: u32, label: &str) -> bool {
        self.lock().chooser.chance(kind, per_million, label)
    }
}

impl State {
    /// Lets a container begin later than it could, where the test says so.
    pub(super) fn stagger(&mut self, target: &Target, name: &str) {
        let label = format!("start {name}");
        let chooser = &mut self.chooser;
        let delay = duration(self.stagger, |arity| {
            chooser.choose(ChoiceKind::Latency, arity, &label)
        });
        if !delay.is_zero() {
            self.faults.hold(target.clone(), delay);
        }
    }

    pub(super) fn part(&mut self, task: TaskId, call: &'static str, len: usize) -> usize {
        let rate = match call.starts_with("fs.") {
            true => self.short.disk,
            false => self.short.net,
        };
        if len <= 1 || rate == Rate::NEVER {
            return len;
        }
        let label = format!("short {call} {}", self.names.name(task));
        let chooser = &mut self.chooser;
        if !chooser.chance(ChoiceKind::Short, rate.per_million, &label) {
            return len;
        }
        match chooser.choose(ChoiceKind::Short, 3, &label) {
            0 => len / 2,
            1 => 1,
            _ => len - 1,
        }
    }
}
