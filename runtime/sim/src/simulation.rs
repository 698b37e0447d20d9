//! Pods in virtual time.

use crate::clock::Clock;
use crate::disk::Disks;
use crate::machine::Machine;
use crate::world::{Images, Record, SimWorld};
use seedpod_core::net::{self, Fabric};
use seedpod_core::pod::Status;
use seedpod_core::pod::update;
use seedpod_core::seed::Seed;
use seedpod_core::spec::{GracePeriod, ObjectKey, Objects, Pod};
use seedpod_core::time::{Instant, WallTime};
use seedpod_engine::world::Output;
use seedpod_engine::{Catalog, CatalogError, Engine, PodHandle, PodStart};
use std::fmt::Write as _;
use std::future::Future;
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

/// Pods in virtual time. See the crate.
pub struct Simulation {
    world: Arc<SimWorld>,
    engine: Engine,
    catalog: Arc<Catalog>,
    seed: Seed,
    pods: Vec<SimulatedPod>,
    /// Pods so far, also those that were forgotten; numbers their UIDs and seeds.
    created: usize,
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
}

impl Simulation {
    /// A world without pods, at 2026-01-01T00:00:00Z.
    pub fn new(settings: Settings) -> Self {
        let Settings {
            seed,
            engine,
            images,
        } = settings;
        let epoch = WallTime::from_unix_nanos(1_767_225_600_000_000_000);
        let world = Arc::new(SimWorld {
            clock: Clock::default(),
            epoch,
            machine: Machine::new(epoch),
            images,
            records: Mutex::default(),
            disks: Disks::default(),
        });
        Self {
            world,
            engine,
            catalog: Arc::new(Catalog::new(Fabric::default())),
            seed,
            pods: Vec::new(),
            created: 0,
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
        let number = self.created;
        self.created += 1;
        let start = PodStart {
            spec: Arc::new(spec.clone()),
            catalog: self.catalog.clone(),
            uid: format!("00000000-0000-4000-8000-{number:012}"),
            node_name: "sim".to_owned(),
            seed: self.seed.fork("pod").fork(&number.to_string()),
            egress: net::Egress::None,
            engine: self.engine.clone(),
            world: self.world.clone(),
        };
        let (handle, task) = start.spawn()?;
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.pods.push(SimulatedPod {
            handle,
            task: Some(Box::pin(task)),
            flag,
            status: None,
        });
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

    /// Virtual time since the start.
    pub fn now(&self) -> Instant {
        self.world.clock.now()
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
        if self.poll_pods() {
            return self.now() < end;
        }
        match self.world.clock.next_deadline() {
            Some(deadline) if deadline <= end => {
                self.world.clock.jump(deadline);
                true
            }
            // Everybody waits for later, or for each other.
            Some(_) | None => {
                self.world.clock.jump(end);
                false
            }
        }
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

    fn is_over(&self) -> bool {
        self.pods.iter().all(|pod| pod.task.is_none())
    }

    /// Polls every pod that was woken; whether there was one.
    fn poll_pods(&mut self) -> bool {
        let mut any = false;
        for pod in &mut self.pods {
            let Some(task) = &mut pod.task else { continue };
            if !pod.flag.0.swap(false, Ordering::AcqRel) {
                continue;
            }
            any = true;
            self.polls += 1;
            let waker = Waker::from(pod.flag.clone());
            if let Poll::Ready(status) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
                pod.status = Some(status);
                pod.task = None;
            }
        }
        any
    }
}
