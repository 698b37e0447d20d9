//! Pods in virtual time.

mod faults;
mod pods;

use crate::clock::Clock;
use crate::disk::Disks;
use crate::faults::Faults;
use crate::machine::Machine;
use crate::property::Blocked;
use crate::record::{Keep, Recorded, Recorder};
use crate::report::pcap::{Capture, CaptureError};
use crate::scheduler::SimScheduler;
use crate::world::{Images, Record, SimWorld};
use seedpod_core::net::{self, Fabric};
use seedpod_core::pod::Status;
use seedpod_core::pod::update;
use seedpod_core::sched::{ChoiceKind, Chooser, Touch};
use seedpod_core::seed::Seed;
use seedpod_core::spec::{GracePeriod, ObjectKey, Objects, Pod};
use seedpod_core::time::{Instant, WallTime};
use seedpod_core::trace::TraceEvent;
use seedpod_core::volume::Errno;
use seedpod_engine::world::Output;
use seedpod_engine::{Catalog, CatalogError, Engine, PodHandle};
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What a simulation is made from.
pub struct Settings {
    /// Where all chance comes from.
    pub seed: Seed,
    /// Made from [`EngineSettings::deterministic`](seedpod_engine::EngineSettings::deterministic).
    pub engine: Engine,
    /// Where images come from.
    pub images: Images,
}

/// Who goes on in a simulation, and what is kept of it.
pub struct Scheduling {
    /// Decides; in the default order unless told otherwise.
    pub chooser: Chooser,
    /// For [`Simulation::take_recorded`].
    pub keep: Keep,
}

/// Pods in virtual time. See the crate.
pub struct Simulation {
    world: Arc<SimWorld>,
    engine: Engine,
    catalog: Arc<Catalog>,
    seed: Seed,
    pods: Vec<SimulatedPod>,
    /// By the scheduler's number of their pods.
    handles: Vec<PodHandle>,
    faults: Option<Box<Faults>>,
    /// Pods so far, also those that were forgotten; numbers their UIDs and seeds.
    created: usize,
    /// The pod that was polled last.
    polled: usize,
    /// How often in a row.
    in_a_row: u32,
    polls: u64,
}

struct SimulatedPod {
    handle: PodHandle,
    task: Option<Pin<Box<dyn Future<Output = Status> + Send>>>,
    flag: Arc<Flag>,
    status: Option<Status>,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Why objects could not be added.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The pod network is full.
    #[error(transparent)]
    Network(#[from] net::FabricError),
    /// There is no place for a Service, ConfigMap or Secret.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A pod of this name is there and cannot become this one.
    #[error(transparent)]
    Update(#[from] update::UpdateError),
    /// Packets cannot be written.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

/// Polls of one pod until others have their turn.
const POLLS_IN_A_ROW: u32 = 32;

/// Time must pass for guests whose slices real time ends, too.
const SLICE_MIN: u64 = 10_000;

impl Simulation {
    /// A world without pods, at 2026-01-01T00:00:00Z, where processes go on in the default order.
    pub fn new(settings: Settings) -> Self {
        let scheduling = Scheduling {
            chooser: Chooser::default_order(),
            keep: Keep::Nothing,
        };
        Self::scheduled(settings, scheduling)
    }

    /// The same, where `scheduling` decides who goes on.
    pub fn scheduled(settings: Settings, scheduling: Scheduling) -> Self {
        let Settings {
            seed,
            engine,
            images,
        } = settings;
        let epoch = WallTime::from_unix_nanos(1_767_225_600_000_000_000);
        let clock = Clock::default();
        let scheduler = SimScheduler::new(
            clock.clone(),
            engine.fuel_per_slice().max(SLICE_MIN),
            scheduling.chooser,
            Recorder::new(scheduling.keep),
        );
        let scheduler = Arc::new(scheduler);
        let disks = Disks::new(scheduler.clone());
        let world = Arc::new(SimWorld {
            clock,
            epoch,
            scheduler,
            machine: Machine::new(epoch),
            images,
            records: Mutex::default(),
            disks,
        });
        Self {
            world,
            engine,
            catalog: Arc::new(Catalog::new(Fabric::default())),
            seed,
            pods: Vec::new(),
            handles: Vec::new(),
            faults: None,
            created: 0,
            polled: 0,
            in_a_row: 0,
            polls: 0,
        }
    }

    /// Starts a run: [`apply`](Self::apply) of its objects.
    ///
    /// # Errors
    /// As there.
    pub fn start(&mut self, objects: &Objects) -> Result<(), StartError> {
        self.apply(objects)
    }

    /// Adds ConfigMaps, Secrets and Services or puts them in the place of those of the same name, then starts pods in
    /// their order; one of the name of a pod that is there changes that pod.
    ///
    /// # Errors
    /// When the pod network or the catalog is full, or a pod may not change like that.
    pub fn apply(&mut self, objects: &Objects) -> Result<(), StartError> {
        self.catalog.apply(objects)?;
        let scheduler = &self.world.scheduler;
        scheduler.expect_pods(self.created + objects.pods.len());
        for pod in &objects.pods {
            let is_same = |there: &&SimulatedPod| {
                let name = there.handle.name();
                let same = name.name == pod.meta.name && name.namespace == pod.meta.namespace;
                same && there.task.is_some()
            };
            match self.pods.iter().find(is_same) {
                Some(there) => {
                    update::check(&there.handle.spec(), pod)?;
                    there.handle.update(Arc::new(pod.clone()));
                }
                None => self.start_pod(pod)?,
            }
        }
        Ok(())
    }

    fn start_pod(&mut self, spec: &Pod) -> Result<(), StartError> {
        let uid = format!("00000000-0000-4000-8000-{:012}", self.created);
        self.start_pod_as(uid, Arc::new(spec.clone()), None)?;
        Ok(())
    }

    /// Removes a ConfigMap, Secret or Service; whether it was there.
    pub fn delete_object(&mut self, key: &ObjectKey) -> bool {
        self.catalog.delete(key)
    }

    /// The ConfigMaps, Secrets and Services of the run.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What plain `emptyDir`s lie on.
    pub fn disks(&self) -> &Disks {
        &self.world.disks
    }

    /// Writes what passes the network from now on, as packets with virtual times. Flush it when the run is over.
    ///
    /// # Errors
    /// When `output` takes nothing.
    pub fn capture(&self, output: Box<dyn io::Write + Send>) -> Result<Arc<Capture>, CaptureError> {
        let world = self.world.clone();
        let clock = Box::new(move || world.epoch.at(world.clock.now()));
        let capture = Arc::new(Capture::new(output, clock)?);
        self.catalog.fabric().set_tap(capture.clone());
        Ok(capture)
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Instant {
        self.world.clock.now()
    }

    /// Wall time of the world.
    pub fn wall_time(&self) -> WallTime {
        self.world.epoch.at(self.now())
    }

    /// Puts a file onto the machine that the pods run on, where a `hostPath` finds it.
    ///
    /// # Errors
    /// When one of its directories is a file.
    pub fn put_file(&self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        self.world.machine.put(path, bytes, self.wall_time())
    }

    /// Says in the trace what happens from outside.
    pub(crate) fn note(&mut self, kind: &str, object: &str, detail: &str) {
        self.world.scheduler.note(kind, object, detail);
    }

    /// Keeps new events for [`take_new_events`](Self::take_new_events) from now on.
    pub(crate) fn watch(&mut self) {
        self.world.scheduler.with_recorder(Recorder::watch);
    }

    /// Events since the last time.
    pub(crate) fn take_new_events(&mut self) -> Vec<TraceEvent> {
        self.world.scheduler.with_recorder(Recorder::take_new)
    }

    /// Who computes while nothing happens, and for how long.
    pub(crate) fn computing(&self) -> Option<(String, Duration)> {
        self.world.scheduler.computing()
    }

    /// Who waits in a call, and in which.
    pub(crate) fn blocked(&self) -> Vec<Blocked> {
        self.world.scheduler.blocked()
    }

    /// How many records there are.
    pub(crate) fn records_len(&self) -> usize {
        let records = self.world.records.lock();
        records.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How often pods were woken so far: an idle pod is not.
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// Lets the pods run for `time`, or until all of them have ended. Whether they have.
    pub fn run(&mut self, time: Duration) -> bool {
        let end = self.now() + time;
        while !self.is_over() && self.step(end) {}
        self.is_over()
    }

    /// Polls every pod that was woken once, or, when there is none, jumps to the next deadline, at most to `end`. False
    /// once time has reached `end`.
    pub fn step(&mut self, end: Instant) -> bool {
        self.with_faults(Faults::before_step);
        if self.poll_pods() {
            self.with_faults(Faults::after_step);
            return self.now() < end;
        }
        let scheduler = &self.world.scheduler;
        match self.next_deadline().filter(|deadline| *deadline <= end) {
            Some(deadline) => {
                if !scheduler.idle() {
                    self.world.clock.jump(deadline);
                }
            }
            // Everybody waits for later, or for each other: only a fault could change that.
            None if scheduler.with_faults(|faults| faults.is_open()) => {
                scheduler.idle();
            }
            None => {
                scheduler.rest();
                self.world.clock.jump(end);
                return false;
            }
        }
        self.with_faults(Faults::after_step);
        true
    }

    /// Whether a fault is still to end, or to happen at its time.
    pub(crate) fn awaits_faults(&self) -> bool {
        let faults = self.faults.as_ref();
        faults.is_some_and(|faults| faults.poll_timeout().is_some())
    }

    /// When something happens by itself.
    fn next_deadline(&self) -> Option<Instant> {
        let faults = self
            .faults
            .as_ref()
            .and_then(|faults| faults.poll_timeout());
        let clock = self.world.clock.next_deadline();
        faults.into_iter().chain(clock).min()
    }

    /// Stops every pod that still runs and lets it end.
    pub fn stop(&mut self, grace: Option<GracePeriod>) {
        for pod in &self.pods {
            pod.handle.delete(grace);
        }
        self.run(Duration::from_secs(24 * 3600));
    }

    /// A pod by its name; the last of them.
    pub fn pod(&self, name: &str) -> Option<&PodHandle> {
        self.find(name).map(|pod| &pod.handle)
    }

    /// The last status of a pod that has ended.
    pub fn status(&self, name: &str) -> Option<&Status> {
        self.find(name)?.status.as_ref()
    }

    /// Makes the name of a pod that has ended free for another.
    pub fn forget(&mut self, name: &str) {
        self.pods
            .retain(|pod| pod.task.is_some() || pod.handle.name().name != name);
    }

    fn find(&self, name: &str) -> Option<&SimulatedPod> {
        let mut latest = self.pods.iter().rev();
        latest.find(|pod| pod.handle.name().name == name)
    }

    /// Everything the pods have said, in order.
    pub fn records(&self) -> Vec<Record> {
        self.records_from(0)
    }

    /// Everything the pods have said after their first `skipped` records.
    pub fn records_from(&self, skipped: usize) -> Vec<Record> {
        let records = self.world.records.lock();
        let records = records.unwrap_or_else(PoisonError::into_inner);
        records.get(skipped..).unwrap_or_default().to_vec()
    }

    /// Lines of output as `seedpod run` prints them: `[pod/container] line`.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for record in self.records() {
            if let Output::Log(line) = record.output {
                let (pod, container) = (&record.pod.name, &line.container);
                let _infallible = writeln!(
                    text,
                    "[{pod}/{container}] {}",
                    String::from_utf8_lossy(&line.bytes)
                );
            }
        }
        text
    }

    /// What has been recorded; nothing is from now on.
    pub fn take_recorded(&mut self) -> Recorded {
        self.world.scheduler.take_recorded()
    }

    /// What the calls since the last time touched.
    pub fn take_touched(&mut self) -> Vec<Touch> {
        self.world.scheduler.take_touched()
    }

    /// Whether nothing will happen any more unless somebody outside does something.
    pub fn is_quiescent(&self) -> bool {
        let may_go_on = || {
            let scheduler = &self.world.scheduler;
            self.next_deadline().is_some() || scheduler.with_faults(|faults| faults.is_open())
        };
        self.is_over() || !self.is_awake() && !may_go_on()
    }

    /// Whether a pod can go on without time passing.
    pub fn is_awake(&self) -> bool {
        let mut pods = self.pods.iter();
        pods.any(|pod| pod.task.is_some() && pod.flag.0.load(Ordering::Acquire))
    }

    /// Whether all pods have ended.
    pub fn is_over(&self) -> bool {
        self.pods.iter().all(|pod| pod.task.is_none())
    }

    /// Polls a pod that was woken, chosen where there are several; whether there was one.
    fn poll_pods(&mut self) -> bool {
        let woken = |index: &usize| {
            let pod = &self.pods[*index];
            pod.task.is_some() && pod.flag.0.load(Ordering::Acquire)
        };
        // In the default order a pod goes on for a while, and then the next has its turn.
        let stays = self.in_a_row < POLLS_IN_A_ROW;
        let first = (self.polled + usize::from(!stays)).min(self.pods.len());
        let candidates = (first..self.pods.len()).chain(0..first).filter(woken);
        let scheduler = &self.world.scheduler;
        let count = u32::try_from(candidates.clone().count()).unwrap_or(u32::MAX);
        let chosen = match count {
            0 => return false,
            1 => 0,
            several => scheduler.choose(ChoiceKind::Pod, several, ""),
        };
        let Some(index) = candidates.clone().nth(chosen as usize) else {
            return false;
        };
        self.in_a_row = if self.polled == index {
            self.in_a_row + 1
        } else {
            0
        };
        self.polled = index;
        let pod = &mut self.pods[index];
        let Some(task) = &mut pod.task else {
            return false;
        };
        pod.flag.0.store(false, Ordering::Release);
        self.polls += 1;
        scheduler.begin_poll();
        let waker = Waker::from(pod.flag.clone());
        if let Poll::Ready(status) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            pod.status = Some(status);
            pod.task = None;
        } else if scheduler.has_stalled() {
            pod.handle.wake();
        }
        true
    }
}
