//! Who goes on in a simulation: one process at a time, each standing before its next host call.
//!
//! Every decision is the [`Chooser`]'s. What a process does between two calls nobody can notice, so a step is one call and
//! what is computed until the next. Time is what processes compute, on one core, and a little for each call.

mod faults;

use crate::clock::Clock;
use crate::faults::{FaultTasks, Target};
use crate::property::Blocked;
use crate::record::{Recorded, Recorder};
use crate::world::Record;
use seedpod_core::podtest::{DurationRange, Rate};
use seedpod_core::sched::{ChoiceKind, Chooser, ObjectKind, Op, Ready, TaskId, TaskNames, Touch};
use seedpod_core::time::Instant;
use seedpod_engine::scheduler::{Scheduler, TaskStart};
use seedpod_engine::world::PodName;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The scheduler of one simulation.
pub(crate) struct SimScheduler {
    clock: Clock,
    /// Fuel of a slice, after which a process gives way without a call.
    slice: u64,
    state: Mutex<State>,
}

struct State {
    chooser: Chooser,
    names: TaskNames,
    /// By their number.
    tasks: Vec<Task>,
    /// How many processes an instance of a container has had, by name.
    instances: BTreeMap<(PodName, String, u32), u32>,
    /// Pods in order of appearance; their place makes numbers of their kernels different.
    pods: Vec<PodName>,
    /// Whether names of tasks say their pod.
    several_pods: bool,
    picked: Option<Picked>,
    /// The process that went on last.
    last: Option<TaskId>,
    faults: FaultTasks,
    short: Short,
    stagger: DurationRange,
    /// Since when a process computes and nothing happens.
    computing: Option<(Instant, TaskId)>,
    /// Events before that.
    computing_after: u64,
    /// How many more steps the pod that is polled may do.
    picks_left: u32,
    stalled: bool,
    /// What the calls since somebody asked have touched.
    touched: Vec<Touch>,
    recorder: Recorder,
}

/// How often a read or write does only a part.
#[derive(Clone, Copy, Default)]
struct Short {
    net: Rate,
    disk: Rate,
}

struct Task {
    /// Whose process it is; that of a fault is nobody's.
    target: Target,
    /// The call it stands before or is in.
    op: Arc<Op>,
    place: Place,
    /// Fuel that it has used.
    fuel: u64,
    /// Fuel that time has passed for, where it has not been seen to use that much.
    prepaid: u64,
    alive: bool,
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between calls.
    Between,
    /// Before a call.
    Before,
    /// In a call.
    In,
}

/// The step that is done.
struct Picked {
    task: TaskId,
    charged: bool,
    /// The visible call that began.
    op: Option<Arc<Op>>,
}

/// Fuel is about an instruction of compiled code, of which a core does some four in a nanosecond.
const FUEL_PER_NANO: u64 = 4;

/// Computing without an event that is worth a look.
const COMPUTING_MIN: Duration = Duration::from_millis(50);

/// What a host call takes, besides what the guest does for it. It must not be nothing, or a guest that asks for the time
/// until it has passed would ask for ever.
const CALL_TIME: Duration = Duration::from_nanos(500);

impl SimScheduler {
    pub(crate) fn new(clock: Clock, slice: u64, chooser: Chooser, recorder: Recorder) -> Self {
        Self {
            clock,
            slice,
            state: Mutex::new(State {
                chooser,
                names: TaskNames::default(),
                tasks: Vec::new(),
                instances: BTreeMap::new(),
                pods: Vec::new(),
                several_pods: false,
                picked: None,
                last: None,
                faults: FaultTasks::default(),
                short: Short::default(),
                stagger: DurationRange::default(),
                computing: None,
                computing_after: 0,
                picks_left: u32::MAX,
                stalled: false,
                touched: Vec::new(),
                recorder,
            }),
        }
    }

    /// A decision that is no schedule.
    pub(crate) fn choose(&self, kind: ChoiceKind, arity: u32, label: &str) -> u32 {
        self.lock().chooser.choose(kind, arity, label)
    }

    /// Which pod this is, by its place.
    pub(crate) fn pod_number(&self, name: &PodName) -> usize {
        self.lock().pod_number(name)
    }

    /// Says how many pods there will be: with several of them a pod does one step at a time, and names say the pod.
    pub(crate) fn expect_pods(&self, pods: usize) {
        self.lock().several_pods = pods > 1;
    }

    /// A pod is about to be polled.
    pub(crate) fn begin_poll(&self) {
        let mut state = self.lock();
        state.stalled = false;
        // Who keeps what happens looks at the pods after every step.
        let one = state.several_pods || state.recorder.is_on();
        state.picks_left = if one { 1 } else { u32::MAX };
    }

    /// Whether the pod that was polled stopped only because it may not do more for now.
    pub(crate) fn has_stalled(&self) -> bool {
        self.lock().stalled
    }

    /// Time that passes for the step that was done.
    pub(crate) fn step_ended(&self) -> Instant {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(picked) = state.picked.take() else {
            return now;
        };
        let slice = self.slice;
        let events = state.recorder.events();
        if state.computing.is_none() || state.computing_after != events {
            state.computing = Some((now, picked.task));
            state.computing_after = events;
        }
        let uncharged = state.finish(picked, now, slice);
        drop(state);
        match uncharged {
            true => self
                .clock
                .advance(Duration::from_nanos(slice / FUEL_PER_NANO)),
            false => now,
        }
    }

    /// What a pod has said.
    pub(crate) fn output(&self, record: &Record) {
        let mut state = self.lock();
        let several = state.several_pods;
        state.recorder.output(record, several);
    }

    /// What the calls since the last time touched.
    pub(crate) fn take_touched(&self) -> Vec<Touch> {
        std::mem::take(&mut self.lock().touched)
    }

    /// Something happens from outside.
    pub(crate) fn note(&self, kind: &str, object: &str, detail: &str) {
        let now = self.clock.now();
        self.lock().recorder.note(now, kind, object, detail);
    }

    pub(crate) fn with_recorder<R>(&self, call: impl FnOnce(&mut Recorder) -> R) -> R {
        call(&mut self.lock().recorder)
    }

    /// Time passes in which nobody computes.
    pub(crate) fn rest(&self) {
        self.lock().computing = None;
    }

    /// Who computes, if nothing has happened for long and no time was waited for, and for how long.
    pub(crate) fn computing(&self) -> Option<(String, Duration)> {
        let now = self.clock.now();
        let state = self.lock();
        let (since, task) = state.computing?;
        let time = now.saturating_since(since);
        let name = || state.names.name(task).to_string();
        (time >= COMPUTING_MIN).then(|| (name(), time))
    }

    /// Who waits in a call, and in which.
    pub(crate) fn blocked(&self) -> Vec<Blocked> {
        let state = self.lock();
        let waiting = state.tasks.iter().zip(0..);
        let waiting = waiting.filter(|(task, _)| task.alive && task.place == Place::In);
        let blocked = waiting.map(|(task, number)| Blocked {
            task: state.names.name(TaskId(number)).to_owned(),
            op: task.op.clone(),
        });
        blocked.collect()
    }

    /// Time is about to pass, because nobody can go on, unless a fault happens first: whether one does.
    pub(crate) fn idle(&self) -> bool {
        let mut state = self.lock();
        state.computing = None;
        state.idle()
    }

    /// What has been recorded; nothing is from now on.
    pub(crate) fn take_recorded(&self) -> Recorded {
        let mut state = self.lock();
        let (hash, events) = state.recorder.take();
        let chooser = std::mem::replace(&mut state.chooser, Chooser::default_order());
        let pending: Vec<Ready<'_>> = Vec::new();
        Recorded {
            hash,
            events,
            schedule: chooser.finish(state.names.clone(), &pending),
            names: state.names.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scheduler for SimScheduler {
    fn start(&self, start: &TaskStart<'_>) -> TaskId {
        let now = self.clock.now();
        self.lock().start(start, now)
    }

    fn enter(&self, task: TaskId, op: Op) {
        let mut state = self.lock();
        let several = state.several_pods;
        if state.task(task).place == Place::In {
            let now = self.clock.now();
            state.leave(task, now, "", "");
        }
        let State {
            tasks,
            pods,
            faults,
            ..
        } = &mut *state;
        let task = &mut tasks[task.0 as usize];
        let pod = task.target.pod;
        let mut op = if several { of_pod(op, pod as u64) } else { op };
        faults.mark(&pods[pod].name, &task.target.container, &mut op);
        task.op = Arc::new(op);
        task.place = Place::Before;
    }

    fn leave(&self, task: TaskId, result: &str, detail: String) {
        let now = self.clock.now();
        self.lock().leave(task, now, result, &detail);
    }

    fn end(&self, task: TaskId, how: &str) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.task(task).alive = false;
        let fuel = state.task(task).fuel;
        let State {
            names, recorder, ..
        } = &mut *state;
        recorder.lifecycle(now, names.name(task), fuel, "exit", how);
    }

    fn pick(&self, ready: &[TaskId]) -> Option<usize> {
        self.lock().pick(ready)
    }

    fn charge(&self, task: TaskId, fuel: u64) {
        let mut state = self.lock();
        if let Some(picked) = &mut state.picked {
            picked.charged = true;
        }
        let task = state.task(task);
        let paid_until = task.fuel.max(task.prepaid);
        task.fuel += fuel;
        let nanos = |fuel: u64| fuel / FUEL_PER_NANO;
        let time = nanos(task.fuel).saturating_sub(nanos(paid_until));
        drop(state);
        self.clock.advance(Duration::from_nanos(time) + CALL_TIME);
    }

    fn wall_offset(&self, task: TaskId) -> i64 {
        let state = self.lock();
        let task = &state.tasks[task.0 as usize];
        state.faults.wall_offset(&task.target)
    }

    fn part(&self, task: TaskId, call: &'static str, len: usize) -> usize {
        self.lock().part(task, call, len)
    }
}

impl State {
    fn task(&mut self, id: TaskId) -> &mut Task {
        &mut self.tasks[id.0 as usize]
    }

    fn pod_number(&mut self, name: &PodName) -> usize {
        let place = self.pods.iter().position(|pod| pod == name);
        place.unwrap_or_else(|| {
            self.pods.push(name.clone());
            self.pods.len() - 1
        })
    }

    fn start(&mut self, start: &TaskStart<'_>, now: Instant) -> TaskId {
        let pod = self.pod_number(start.pod);
        let instance = (start.pod.clone(), start.container.to_owned(), start.restart);
        let processes = self.instances.entry(instance).or_default();
        *processes += 1;
        let is_first = *processes == 1;
        let mut name = match self.several_pods {
            true => format!("{}/{}", start.pod.name, start.container),
            false => start.container.to_owned(),
        };
        if start.restart > 0 {
            name = format!("{name}@{}", start.restart);
        }
        if !is_first {
            name = format!("{name}:{}", start.pid);
        }
        self.recorder.lifecycle(now, &name, 0, "start", "");
        let container = start.container.to_owned();
        let target = Target { pod, container };
        if is_first {
            self.stagger(&target, &name);
        }
        let id = self.names.add(name);
        let task = Task {
            target,
            op: Arc::new(Op::local("start")),
            place: Place::Between,
            fuel: 0,
            prepaid: 0,
            alive: true,
        };
        self.tasks.push(task);
        id
    }

    fn pick(&mut self, ready: &[TaskId]) -> Option<usize> {
        if self.picks_left == 0 {
            self.stalled = true;
            return None;
        }
        let tasks = &self.tasks;
        let local = Op::local("");
        let standing = ready.iter().filter_map(|id| {
            let task = &tasks[id.0 as usize];
            let op = match task.place {
                Place::Between => &local,
                Place::In | Place::Before => &*task.op,
            };
            let is_paused = self.faults.is_paused(&task.target);
            (!is_paused).then_some(Ready { task: *id, op })
        });
        let mut standing: Vec<Ready<'_>> = standing.collect();
        if standing.is_empty() {
            return None;
        }
        self.picks_left = self.picks_left.saturating_sub(1);
        self.faults.set_declined(false);
        let processes = standing.len();
        standing.extend(self.faults.ready());
        let Some(place) = self.chooser.schedule(&standing, &self.names) else {
            self.stalled = true;
            return None;
        };
        let id = standing[place].task;
        if place >= processes {
            self.faults.pick(id);
            self.stalled = true;
            return None;
        }
        self.last = Some(id);
        let task = &mut self.tasks[id.0 as usize];
        self.picked = Some(Picked {
            task: id,
            charged: false,
            op: (task.place == Place::Before).then(|| task.op.clone()),
        });
        if task.place == Place::Before {
            task.place = Place::In;
        }
        ready.iter().position(|known| *known == id)
    }

    fn idle(&mut self) -> bool {
        let ready: Vec<Ready<'_>> = self.faults.ready().collect();
        if ready.is_empty() {
            self.chooser.idled();
            return false;
        }
        let picked = self.chooser.schedule(&ready, &self.names);
        let picked = picked.map(|index| ready[index].task);
        match picked {
            Some(task) => self.faults.pick(task),
            None => self.faults.set_declined(true),
        }
        picked.is_some()
    }

    /// Ends a step; whether it ran to the end of its slice.
    fn finish(&mut self, picked: Picked, now: Instant, slice: u64) -> bool {
        let task = &mut self.tasks[picked.task.0 as usize];
        let blocked = task.alive && task.place == Place::In;
        if blocked {
            self.chooser.waited();
        }
        if let Some(op) = picked.op {
            if blocked {
                let name = self.names.name(picked.task);
                self.recorder.call(now, name, task.fuel, &op, "blocked", "");
            }
            if self.recorder.is_on() {
                self.touched.extend_from_slice(&op.touches);
            }
        }
        let used_up = !picked.charged && !blocked && task.alive;
        if used_up {
            task.prepaid = task.prepaid.max(task.fuel) + slice;
        }
        used_up
    }

    fn leave(&mut self, id: TaskId, now: Instant, result: &str, detail: &str) {
        let task = &mut self.tasks[id.0 as usize];
        task.place = Place::Between;
        self.recorder.call(
            now,
            self.names.name(id),
            task.fuel,
            &task.op,
            result,
            detail,
        );
    }
}

/// Numbers of a pod's own kernel mean other objects in another pod.
fn of_pod(mut op: Op, pod: u64) -> Op {
    for touch in &mut op.touches {
        match touch.object.kind {
            ObjectKind::StreamHalf | ObjectKind::Port | ObjectKind::Mailbox => {}
            _ => touch.object.id ^= pod.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }
    op
}
