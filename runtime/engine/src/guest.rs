//! The data of one store: one process of a container, and what it shares with others.

use crate::Engine;
use crate::console::Console;
use crate::description::Description;
use crate::jobs::Ready;
use crate::meaning::Meanings;
use crate::meters::{Meters, ProcessMeter};
use crate::outbox::Outbox;
use crate::running::Spawn;
use crate::scheduler::Scheduler;
use crate::world::{Random, World};
use seedpod_core::kernel::Kernel;
use seedpod_core::pod::security::User;
use seedpod_core::process::{NamespaceId, ProcessId, Program};
use seedpod_core::sched::TaskId;
use seedpod_core::spec;
use seedpod_core::time::{Instant, WallTime};
use seedpod_core::volume::{Caller, Device, Files, Volume};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use wasmtime::component::ResourceTable;

/// What the containers of a pod share. One short lock, never held over an `await`, behind one function.
pub struct PodCell {
    kernel: Mutex<Kernel>,
    world: Arc<dyn World>,
    pub(crate) scheduler: Option<Arc<dyn Scheduler>>,
    pub(crate) engine: Engine,
    pub(crate) outbox: Arc<Outbox>,
    /// Processes that system calls have added to the table and that the run loop will start.
    spawned: Mutex<Vec<Spawn>>,
    usage: Mutex<BTreeMap<ProcessId, Arc<Usage>>>,
    /// Containers that run, by name: where probes, hooks and people add processes.
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
    /// Those of the sandbox, by name.
    volumes: Mutex<BTreeMap<String, Arc<dyn Volume>>>,
    /// As last updated.
    spec: Mutex<Arc<spec::Pod>>,
    ready: Arc<Ready>,
}

/// What a process has used so far, as `ps` shows it.
#[derive(Default)]
pub(crate) struct Usage {
    /// Bytes of linear memory.
    pub(crate) memory: AtomicU64,
    /// Nanoseconds of execution.
    pub(crate) cpu_time: AtomicU64,
    /// Its standard descriptors; it alone keeps them open.
    pub(crate) standard: Mutex<[Weak<Description>; 3]>,
}

impl PodCell {
    pub(crate) fn new(
        kernel: Kernel,
        world: Arc<dyn World>,
        engine: Engine,
        spec: Arc<spec::Pod>,
        ready: Arc<Ready>,
    ) -> Self {
        Self {
            kernel: Mutex::new(kernel),
            scheduler: world.scheduler(),
            world,
            engine,
            outbox: Arc::default(),
            spawned: Mutex::default(),
            usage: Mutex::default(),
            containers: Mutex::default(),
            volumes: Mutex::default(),
            spec: Mutex::new(spec),
            ready,
        }
    }

    /// Calls into the kernel.
    pub fn with<R>(&self, call: impl FnOnce(&mut Kernel) -> R) -> R {
        // A panic below is contained to its pod; whoever asks next still gets an answer.
        call(&mut self.kernel.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// The wall time.
    pub fn wall_time(&self) -> WallTime {
        self.world.epoch().at(self.world.now())
    }

    pub(crate) fn world(&self) -> &Arc<dyn World> {
        &self.world
    }

    pub(crate) fn spawned(&self) -> MutexGuard<'_, Vec<Spawn>> {
        self.spawned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn usage(&self) -> MutexGuard<'_, BTreeMap<ProcessId, Arc<Usage>>> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As whom the processes of a container run; root for the pause process.
    pub(crate) fn user(&self, container: &str) -> User {
        let containers = self.containers.lock();
        let containers = containers.unwrap_or_else(PoisonError::into_inner);
        let container = containers.get(container);
        container.map_or_else(User::default, |container| container.user.clone())
    }

    /// What the pod is asked to be.
    pub(crate) fn spec(&self) -> Arc<spec::Pod> {
        let spec = self.spec.lock().unwrap_or_else(PoisonError::into_inner);
        spec.clone()
    }

    pub(crate) fn set_spec(&self, new: Arc<spec::Pod>) {
        let mut spec = self.spec.lock().unwrap_or_else(PoisonError::into_inner);
        *spec = new;
    }

    /// Makes the pod look at what was changed from outside.
    pub(crate) fn notify(&self) {
        self.ready.notify();
    }

    /// Locked before [`spawned`](Self::spawned), and that before the kernel.
    pub(crate) fn volumes(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn Volume>>> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn containers(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Container>>> {
        self.containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the processes of one instance of a container share.
pub struct Container {
    /// Name in the manifest.
    pub name: String,
    /// How many instances of it there were before.
    pub restart: u32,
    /// Process namespace: its own, or the pod's.
    pub namespace: NamespaceId,
    /// User and groups shown to its processes.
    pub user: User,
    /// The files its processes see.
    pub files: Arc<Files>,
    /// What all its processes use.
    pub(crate) meters: Arc<Meters>,
    /// What its first process was given, and those that are added from outside.
    pub(crate) environment: Vec<(String, String)>,
    /// Where they start.
    pub(crate) directory: String,
    /// Standard streams of its first process.
    pub(crate) console: Arc<Console>,
}

/// How a process was started: what `wasi:cli` and a child of it inherit.
#[derive(Clone)]
pub(crate) struct ProcessStart {
    pub(crate) program: Program,
    pub(crate) environment: Vec<(String, String)>,
    /// Absolute path of the working directory.
    pub(crate) directory: String,
    pub(crate) descriptors: BTreeMap<u32, Arc<Description>>,
}

impl ProcessStart {
    /// Its standard descriptors, for others who look at them.
    pub(crate) fn standard(&self) -> [Weak<Description>; 3] {
        [0, 1, 2].map(|number| {
            self.descriptors
                .get(&number)
                .map(Arc::downgrade)
                .unwrap_or_default()
        })
    }
}

/// One process of a container, as its host functions see it.
pub struct Guest {
    /// Resources the guest holds handles of.
    pub table: ResourceTable,
    /// What its pod shares.
    pub pod: Arc<PodCell>,
    /// What its container shares.
    pub container: Arc<Container>,
    /// Which process it is.
    pub process: ProcessId,
    /// Its name with the scheduler, where there is one.
    pub(crate) task: Option<TaskId>,
    /// Fuel that the scheduler knows of.
    pub(crate) fuel_charged: u64,
    /// Whether the scheduler knows of a call and not of its end.
    pub(crate) in_call: Cell<bool>,
    pub(crate) meanings: Meanings,
    pub(crate) start: ProcessStart,
    /// One share for each open file.
    pub(crate) open_files: Arc<()>,
    /// One share for each stream to a standard descriptor.
    pub(crate) output_streams: Arc<()>,
    pub(crate) random: Box<dyn Random>,
    pub(crate) meter: ProcessMeter,
    /// The program that replaces this one: set by `exec`, which then ends the instance.
    pub(crate) replacement: Option<Spawn>,
}

impl Guest {
    /// What stands behind a standard descriptor; `/dev/null` when it is closed.
    pub(crate) fn descriptor(&self, number: u32) -> Arc<Description> {
        self.start
            .descriptors
            .get(&number)
            .cloned()
            .unwrap_or_else(|| Arc::new(Description::Null))
    }

    /// What stands behind a device that is a descriptor of some process.
    pub(crate) fn described(&self, device: Option<Device>) -> Option<Arc<Description>> {
        match device? {
            Device::Standard(number) => Some(self.descriptor(number.into())),
            Device::Descriptor(process, number) if process == self.process => {
                Some(self.descriptor(number.into()))
            }
            Device::Descriptor(process, number) => {
                let usage = self.pod.usage().get(&process).cloned();
                let found = usage.and_then(|usage| {
                    let standard = usage.standard.lock();
                    let standard = standard.unwrap_or_else(PoisonError::into_inner);
                    standard.get(usize::from(number))?.upgrade()
                });
                // It has ended meanwhile, or closed it.
                Some(found.unwrap_or_else(|| Arc::new(Description::Null)))
            }
            Device::Null | Device::Zero | Device::Full | Device::Random => None,
        }
    }

    pub(crate) fn files(&self) -> &Files {
        &self.container.files
    }

    /// The wall clock of this process, which a world may have set wrong.
    pub(crate) fn wall_time(&self) -> WallTime {
        let time = self.pod.wall_time();
        match self.scheduled() {
            Some((scheduler, task)) => {
                let nanos = time.as_unix_nanos();
                WallTime::from_unix_nanos(nanos.saturating_add_signed(scheduler.wall_offset(task)))
            }
            None => time,
        }
    }

    /// Who calls into the file system.
    pub fn caller(&self) -> Caller {
        Caller {
            process: Some(self.process),
            now: self.pod.wall_time(),
        }
    }
}

impl wasmtime_wasi_io::IoView for Guest {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}
