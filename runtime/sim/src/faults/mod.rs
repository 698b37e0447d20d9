//! The faults of one run: which of the menu may happen, when they do, and when they are over.
//!
//! A fault that may happen is a task: it stands among the ready ones with an [`Op`](seedpod_core::sched::Op) that depends on
//! every call that could notice it, and happens when it is picked, so a strategy finds the moments of faults as it finds
//! orders of calls. It happens between two steps, with all pods standing still. What lasts for a while ends on virtual
//! time. By default, in the order that nobody decided, no fault of the menu happens; those of the script always do.
//!
//! Which entries are enabled is drawn for each run, and so is how many of them happen (swarm testing): a run with few
//! faults finds what one with all of them hides. A container that dies starts again as its pod's `restartPolicy` says, and
//! never with `Never`. Where a test says that only synced data is durable, the machine dies with the container: every
//! container of its pod, and what its volumes had not synced. Who tears a write sees an error of it, and is dead before its
//! next call that others could notice. Probes of the kubelet and requests of the drive come from the
//! node, which is on no link: no fault of the network touches them.

mod draw;
mod effects;
mod target;
mod tasks;

pub(crate) use draw::duration;
pub(crate) use target::Target;
pub(crate) use tasks::FaultTasks;

use crate::disk::Disks;
use crate::scheduler::SimScheduler;
use effects::Ending;
use seedpod_core::limits::FAULTS_PER_RUN;
use seedpod_core::net::{self, Effect, RuleId, Rules};
use seedpod_core::podtest::{Durable, Expression, Fault, FaultKind, PodTest, Scripted, Trigger};
use seedpod_core::sched::{ChoiceKind, TaskId};
use seedpod_core::spec::Objects;
use seedpod_core::time::Instant;
use seedpod_engine::PodHandle;
use std::collections::BTreeMap;
use std::sync::Arc;
use tasks::Reach;

/// The faults of one run.
pub(crate) struct Faults {
    /// Whether a crash is that of the machine.
    machine_dies: bool,
    entries: Vec<Entry>,
    /// How many more of the menu happen.
    budget: u32,
    script: Vec<Script>,
    /// What ends when.
    endings: BTreeMap<(Instant, u64), Ending>,
    number: u64,
    rules: Option<Rules>,
    /// What is wrong with disks, by number.
    disk_faults: BTreeMap<u64, (String, effects::DiskFault)>,
    /// Whether a write is to be torn.
    tears: bool,
    /// Containers that end when they ask for more memory.
    exhausted: Vec<Target>,
    /// How many faults of a name there have been.
    names: BTreeMap<String, u32>,
    skews: BTreeMap<String, seedpod_core::podtest::OffsetRange>,
    is_over: bool,
}

/// An enabled fault of the menu.
struct Entry {
    kind: FaultKind,
    /// How often it may still happen.
    left: u32,
    /// The task that stands for its next time.
    task: Option<TaskId>,
    /// Its last time is over then.
    until: Instant,
}

struct Script {
    fault: Scripted,
    has_happened: bool,
}

/// The world in which faults happen.
pub(crate) struct Ground<'a> {
    pub(crate) scheduler: &'a SimScheduler,
    /// By their place, see [`SimScheduler::pod_number`].
    pub(crate) pods: &'a [PodHandle],
    pub(crate) disks: &'a Disks,
    pub(crate) objects: Arc<Objects>,
    pub(crate) now: Instant,
}

impl Faults {
    /// Whether the network of a run of this test has rules.
    pub(crate) fn need_rules(test: &PodTest) -> bool {
        let faults = &test.faults;
        let menu = faults.menu.iter().map(|fault| &fault.kind);
        let mut kinds = menu.chain(faults.script.iter().map(|fault| &fault.kind));
        !test.world.net.latency.max.is_zero() || kinds.any(is_of_network)
    }

    /// Whether a run of this test differs from one without faults.
    pub(crate) fn need(test: &PodTest) -> bool {
        let faults = &test.faults;
        let has_faults = !faults.menu.is_empty() || !faults.script.is_empty();
        let is_skewed = !test.world.clock_skew.is_empty();
        let is_staggered = !test.world.start_stagger.max.is_zero();
        Self::need_rules(test) || has_faults || is_skewed || is_staggered
    }

    /// Draws the faults of a run.
    pub(crate) fn new(test: &PodTest, scheduler: &SimScheduler, rules: Option<Rules>) -> Self {
        let range = test.faults.budget;
        let spread = range.max.saturating_sub(range.min).min(FAULTS_PER_RUN - 1);
        // Most first: in the default order none of them happens anyway.
        let fewer = scheduler.choose(ChoiceKind::Fault, spread + 1, "budget");
        let budget = range.min.saturating_add(spread - fewer).min(FAULTS_PER_RUN);
        let machine_dies = test.world.disk.durable == Durable::Fsync;
        let mut faults = Self {
            machine_dies,
            entries: Vec::new(),
            budget,
            script: Vec::new(),
            endings: BTreeMap::new(),
            number: 0,
            rules,
            disk_faults: BTreeMap::new(),
            tears: false,
            exhausted: Vec::new(),
            names: BTreeMap::new(),
            skews: test.world.clock_skew.clone(),
            is_over: false,
        };
        for fault in &test.faults.menu {
            let name = format!("without {}", name_of(&fault.kind));
            if budget > 0 && scheduler.choose(ChoiceKind::Fault, 2, &name) == 0 {
                faults.enable(fault, scheduler);
            }
        }
        let script = test.faults.script.iter().cloned();
        faults.script = script
            .map(|fault| Script {
                fault,
                has_happened: false,
            })
            .collect();
        let latency = test.world.net.latency;
        if !latency.max.is_zero() {
            let (min, max) = (latency.min, latency.max);
            faults.add_rule(net::Link::ANY, Effect::Latency { min, max });
        }
        faults
    }

    fn enable(&mut self, fault: &Fault, scheduler: &SimScheduler) {
        let reach = Reach::of(&fault.kind, self.machine_dies);
        scheduler.with_faults(|tasks| tasks.watch(reach));
        let mut entry = Entry {
            kind: fault.kind.clone(),
            left: fault.times.min(self.budget),
            task: None,
            until: Instant::ZERO,
        };
        self.stand(&mut entry, scheduler);
        self.entries.push(entry);
    }

    /// Puts the next time of a fault among the tasks.
    fn stand(&mut self, entry: &mut Entry, scheduler: &SimScheduler) {
        if entry.left == 0 {
            return;
        }
        let name = self.next_name(&entry.kind);
        let task = scheduler.add_fault(&name);
        let reach = Reach::of(&entry.kind, self.machine_dies);
        let op = reach.op(call_of(&entry.kind), &entry.kind.target());
        scheduler.with_faults(|tasks| tasks.add(task, op));
        entry.task = Some(task);
    }

    /// `fault:crash worker`, `fault:crash worker#2`.
    fn next_name(&mut self, kind: &FaultKind) -> String {
        let name = format!("fault:{}", name_of(kind));
        let count = self.names.entry(name.clone()).or_default();
        *count += 1;
        match count {
            1 => name,
            count => format!("{name}#{count}"),
        }
    }

    /// A pod has come to be.
    pub(crate) fn pod_started(&mut self, ground: &Ground<'_>, pod: usize) {
        let handle = &ground.pods[pod];
        let redelivers = |kind: &FaultKind| matches!(kind, FaultKind::Redeliver { .. });
        let menu = self.entries.iter().map(|entry| &entry.kind);
        let mut kinds = menu.chain(self.script.iter().map(|script| &script.fault.kind));
        if kinds.any(redelivers) {
            handle.with(|kernel| kernel.ipc.keep_received());
        }
        for spec in handle.spec().all_containers() {
            let range = self.skews.get(&spec.name).or_else(|| self.skews.get("*"));
            let Some(range) = range else { continue };
            let label = format!("skew {}", spec.name);
            let by = ground.offset(*range, &label);
            let container = spec.name.clone();
            let target = Target { pod, container };
            ground
                .scheduler
                .with_faults(|tasks| tasks.move_clock(target, by));
        }
    }

    /// A step is about to be done.
    pub(crate) fn before_step(&mut self, ground: &Ground<'_>) {
        if self.poll_timeout().is_some_and(|at| at <= ground.now) {
            self.handle_timeout(ground);
        }
        self.look(ground);
    }

    /// A step was done, or there was none to do.
    pub(crate) fn after_step(&mut self, ground: &Ground<'_>) {
        for (target, delay) in ground.scheduler.with_faults(FaultTasks::take_held) {
            self.number += 1;
            let at = (ground.now + delay, self.number);
            self.endings.insert(at, Ending::Resume(target));
        }
        if self.tears {
            self.kill_torn(ground);
        }
        let happening = ground.scheduler.with_faults(FaultTasks::take_happening);
        if let Some(task) = happening {
            self.happen(ground, task);
        }
    }

    /// When the next fault ends or begins by itself, or something arrives that one has delayed.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let ending = self.endings.keys().next().map(|(at, _)| *at);
        let rules = self.rules.as_ref().and_then(Rules::poll_timeout);
        let script = self.script.iter().filter(|script| !script.has_happened);
        let scripted = script.filter_map(|script| match script.fault.when {
            Trigger::At(at) => Some(Instant::ZERO + at),
            Trigger::When(_) => None,
        });
        let scripted = scripted.min().filter(|_| !self.is_over);
        [ending, rules, scripted].into_iter().flatten().min()
    }

    /// Time has passed: does what [`poll_timeout`](Self::poll_timeout) said.
    fn handle_timeout(&mut self, ground: &Ground<'_>) {
        while let Some(entry) = self.endings.first_entry() {
            if entry.key().0 > ground.now {
                break;
            }
            let ending = entry.remove();
            self.end(ground, ending);
        }
        if let Some(rules) = &self.rules {
            rules.handle_timeout(ground.now);
        }
        self.admit(ground);
        for index in 0..self.script.len() {
            let script = &self.script[index];
            let is_due =
                matches!(script.fault.when, Trigger::At(at) if Instant::ZERO + at <= ground.now);
            if is_due && !script.has_happened && !self.is_over {
                self.happen_of_script(ground, index);
            }
        }
    }

    /// Connects that were on their way meet who listens.
    fn admit(&self, ground: &Ground<'_>) {
        if self.rules.as_ref().is_some_and(Rules::has_arrived) {
            for pod in ground.pods {
                pod.with(|kernel| kernel.net.admit());
            }
        }
    }

    /// Faults of the script that wait for an expression to become true, by their place.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (usize, &Expression)> {
        let script = self.script.iter().enumerate();
        let waiting = script.filter(|(_, script)| !script.has_happened && !self.is_over);
        waiting.filter_map(|(index, script)| match &script.fault.when {
            Trigger::When(expression) => Some((index, expression)),
            Trigger::At(_) => None,
        })
    }

    /// The moment of a fault of the script has come.
    pub(crate) fn happen_of_script(&mut self, ground: &Ground<'_>, index: usize) {
        self.script[index].has_happened = true;
        let kind = self.script[index].fault.kind.clone();
        let name = self.next_name(&kind);
        self.happen_as(ground, &kind, &name);
    }

    /// It is the turn of a fault of the menu.
    fn happen(&mut self, ground: &Ground<'_>, task: TaskId) {
        let mut entries = self.entries.iter();
        let Some(index) = entries.position(|entry| entry.task == Some(task)) else {
            return;
        };
        ground.scheduler.with_faults(|tasks| tasks.remove(task));
        let mut entry = self.entries.swap_remove(index);
        let name = ground.scheduler.task_name(task);
        let until = self.happen_as(ground, &entry.kind, &name);
        self.budget = self.budget.saturating_sub(1);
        entry.left -= 1;
        entry.task = None;
        entry.until = until;
        if self.budget > 0 {
            self.stand(&mut entry, ground.scheduler);
        }
        self.entries.insert(index, entry);
    }

    /// Does it, and writes it down. Returns when it is over.
    fn happen_as(&mut self, ground: &Ground<'_>, kind: &FaultKind, name: &str) -> Instant {
        let done = self.perform(ground, kind, &format!("{name} "));
        let object = done.object.unwrap_or_else(|| kind.target());
        ground.note(name, call_of(kind), &object, (done.result, &done.detail));
        done.until.unwrap_or(ground.now)
    }

    /// Says which faults could happen now.
    fn look(&self, ground: &Ground<'_>) {
        for entry in &self.entries {
            if let Some(task) = entry.task {
                let can_happen = self.budget > 0
                    && entry.until <= ground.now
                    && self.is_possible(ground, &entry.kind);
                ground
                    .scheduler
                    .with_faults(|tasks| tasks.set_can_happen(task, can_happen));
            }
        }
    }

    /// Faults are over: what lasted ends, and containers that wait to be restarted are.
    pub(crate) fn stop(&mut self, ground: &Ground<'_>) {
        self.is_over = true;
        self.entries.clear();
        ground.scheduler.with_faults(FaultTasks::stop);
        for ending in std::mem::take(&mut self.endings).into_values() {
            self.end(ground, ending);
        }
        for target in std::mem::take(&mut self.exhausted) {
            if let Some(pod) = ground.pods.get(target.pod) {
                pod.restore_memory(&target.container);
            }
        }
        self.disk_faults.clear();
        self.tears = false;
        self.set_disks(ground);
        self.admit(ground);
        for pod in ground.pods {
            pod.end_back_offs();
            pod.wake();
        }
    }

    fn add_rule(&mut self, link: net::Link, effect: Effect) -> Option<RuleId> {
        self.rules.as_ref()?.add(link, effect).ok()
    }
}

fn is_of_network(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Slow { .. }
            | FaultKind::Partition { .. }
            | FaultKind::Reset { .. }
            | FaultKind::Loss { .. }
            | FaultKind::Reorder { .. }
    )
}

/// `crash worker`
fn name_of(kind: &FaultKind) -> String {
    format!("{} {}", kind.word(), kind.target())
}

fn call_of(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::Crash { .. } => "fault.crash",
        FaultKind::Oom { .. } => "fault.oom",
        FaultKind::Pause { .. } => "fault.pause",
        FaultKind::Slow { .. } => "fault.slow",
        FaultKind::Partition { .. } => "fault.partition",
        FaultKind::Reset { .. } => "fault.reset",
        FaultKind::Loss { .. } => "fault.loss",
        FaultKind::Reorder { .. } => "fault.reorder",
        FaultKind::DiskFull { .. } => "fault.diskFull",
        FaultKind::IoError { .. } => "fault.ioError",
        FaultKind::TornWrite { .. } => "fault.tornWrite",
        FaultKind::LostFsync { .. } => "fault.lostFsync",
        FaultKind::ClockJump { .. } => "fault.clockJump",
        FaultKind::Redeliver { .. } => "fault.redeliver",
    }
}
