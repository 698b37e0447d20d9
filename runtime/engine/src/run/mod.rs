//! The loop of one pod: take what happened, let the state machine decide, do it, step a container, sleep.
//!
//! A pod is one task. Its containers take turns in it, so nothing in a pod is ever touched by two threads at once;
//! many pods run side by side.

mod added;
mod connection;
mod container;
mod entrypoint;
mod environment;
mod faults;
mod handle;
mod network;
mod probes;
mod processes;
mod sandbox;
mod storage;

pub use faults::Exhaustion;
pub(crate) use handle::Inbox;
pub use handle::{ContainerUsage, PodHandle, Request};

use crate::Engine;
use crate::catalog::{Catalog, Watching};
use crate::guest::PodCell;
use crate::jobs::Jobs;
use crate::meters::PodMeters;
use crate::program::LoadError;
use crate::running::{HookRun, ProbeRun, ProcessEnd, yield_now};
use crate::world::{Output, PodName, World};
use container::{Prepared, Pulled, Slot};
use network::Dialer;
use processes::Processes;
use sandbox::Sandbox;
use seedpod_core::kernel::Kernel;
use seedpod_core::net;
use seedpod_core::pod::{
    Action, ConditionType, ContainerId, Event, Identity, Past, Pod, ProbeResult, Status,
    mounted_objects,
};
use seedpod_core::process::{ProcessId, Signal};
use seedpod_core::sched::TaskId;
use seedpod_core::seed::Seed;
use seedpod_core::spec;
use seedpod_core::time::Instant;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use storage::StorageMeter;

/// A pod that is about to run.
pub struct PodStart {
    /// What to run.
    pub spec: Arc<spec::Pod>,
    /// The ConfigMaps, Secrets and Services it may refer to, and the network it shares with other pods.
    pub catalog: Arc<Catalog>,
    /// `metadata.uid`.
    pub uid: String,
    /// What is known of the pod from before the machine started again.
    pub past: Option<Box<Past>>,
    /// Name of the node, where the manifest has none.
    pub node_name: String,
    /// Where all its chance comes from.
    pub seed: Seed,
    /// Whether its guests may reach the machine's network.
    pub egress: net::Egress,
    /// What compiles and runs its programs.
    pub engine: Engine,
    /// Time, chance and the outside.
    pub world: Arc<dyn World>,
}

impl PodStart {
    /// Makes the pod. It lives while the future is polled, which ends with its last status when the pod is gone.
    ///
    /// # Errors
    /// When the pod network has no address left.
    pub fn spawn(
        self,
    ) -> Result<(PodHandle, impl Future<Output = Status> + Send + use<>), net::FabricError> {
        let name = PodName {
            namespace: self.spec.meta.namespace.clone(),
            name: self.spec.meta.name.clone(),
        };
        let namespace = sandbox::network(&self)?;
        let kernel = Kernel {
            timers: Default::default(),
            processes: Default::default(),
            net: namespace,
            ipc: Default::default(),
        };
        let jobs = Jobs::default();
        let cell = Arc::new(PodCell::new(
            kernel,
            self.world.clone(),
            self.engine.clone(),
            self.spec.clone(),
            jobs.ready().clone(),
        ));
        let inbox = Arc::new(Inbox::new(jobs.ready().clone()));
        let handle = PodHandle::new(name.clone(), self.uid.clone(), cell.clone(), inbox.clone());
        let now = self.world.now();
        let identity = self.identity();
        let slots = self
            .spec
            .all_containers()
            .map(|_| Slot::default())
            .collect();
        let watching = self
            .catalog
            .watch(mounted_objects(&self.spec), inbox.clone());
        let mut pod = Pod::new(
            self.spec.clone(),
            identity,
            self.seed.fork("pod"),
            now,
            self.world.epoch(),
        );
        if let Some(past) = &self.past {
            pod.take_up(past);
        }
        let task = PodTask {
            pod,
            processes: Processes::default(),
            sandbox: Sandbox::default(),
            storage: StorageMeter::new(&self.spec),
            meters: PodMeters::new(self.spec.resources.as_ref(), self.engine.clone(), now),
            dialled: 0,
            kubelet: None,
            over: false,
            handle: handle.clone(),
            start: self,
            name,
            cell,
            jobs,
            slots,
            inbox,
            _watching: watching,
        };
        Ok((handle, task.run()))
    }
}

impl PodStart {
    fn identity(&self) -> Identity {
        Identity {
            uid: self.uid.clone(),
            node_name: self.node_name.clone(),
            host_ip: HOST_IP,
        }
    }
}

/// The machine as pods see it: the first address of the pod network.
const HOST_IP: IpAddr = IpAddr::V4(net::NODE_IP);

/// One pod while it runs.
struct PodTask {
    start: PodStart,
    name: PodName,
    pod: Pod,
    cell: Arc<PodCell>,
    jobs: Jobs<Done>,
    processes: Processes,
    /// By [`ContainerId`].
    slots: Vec<Slot>,
    sandbox: Sandbox,
    storage: StorageMeter,
    meters: PodMeters,
    inbox: Arc<Inbox>,
    handle: PodHandle,
    /// Probes and hooks over the network so far.
    dialled: u64,
    /// Its name with the scheduler, once it has dialled.
    kubelet: Option<TaskId>,
    over: bool,
    _watching: Watching,
}

/// What a job of the pod came to.
enum Done {
    Image(Pulled),
    Loaded(ContainerId, Box<Prepared>, Result<(), LoadError>),
    Ended(ProcessId, ProcessEnd),
    Dialed(Dialer, ProbeResult),
}

/// Something a system call left for the loop.
enum Asked {
    Kill(ProcessId, Signal),
    Tell(net::Event),
    Outside(net::Request),
}

impl Asked {
    fn poll(kernel: &mut Kernel) -> Option<Self> {
        let killed = kernel
            .processes
            .poll_killed()
            .map(|(process, signal)| Self::Kill(process, signal));
        let told = || kernel.net.poll_event().map(Self::Tell);
        killed
            .or_else(told)
            .or_else(|| kernel.net.poll_request().map(Self::Outside))
    }
}

/// Steps until the loop looks at requests and lets other pods run.
const STEPS_PER_TURN: u32 = 32;

impl PodTask {
    async fn run(mut self) -> Status {
        while !self.over {
            self.turn(self.start.world.now());
            let idle = (0..STEPS_PER_TURN).any(|_| self.over || !self.step());
            if self.over {
                break;
            }
            if idle {
                self.sleep().await;
            } else {
                yield_now().await;
            }
        }
        self.pod.status().clone()
    }

    /// Everything but stepping guests.
    fn turn(&mut self, now: Instant) {
        for request in self.inbox.take() {
            let changes_objects = matches!(request, Request::ObjectsChanged);
            self.pod.handle(now, request.into());
            self.follow_spec();
            if changes_objects {
                self.refresh_volumes();
            }
        }
        self.pod.handle_timeout(now);
        self.measure_stored(now);
        self.kill_late(now);
        self.after_step(now);
        self.act(now);
    }

    /// An update may have added ephemeral containers, or changed labels that volumes show and Services select by, or the
    /// limits of what runs.
    fn follow_spec(&mut self) {
        let spec = self.pod.spec().clone();
        if !Arc::ptr_eq(&spec, &self.cell.spec()) {
            self.refresh_volumes();
            self.cell
                .with(|kernel| kernel.net.set_labels(&spec.meta.labels));
            self.resize(&spec);
        }
        self.slots
            .resize_with(spec.all_containers().count(), Slot::default);
        self.cell.set_spec(spec);
    }

    fn resize(&self, spec: &spec::Pod) {
        let now = self.start.world.now();
        for (slot, own) in self.slots.iter().zip(spec.all_containers()) {
            if let Some(meters) = slot.meters() {
                self.meters.resize(meters, &own.resources.limits, now);
            }
        }
    }

    /// Does what the state machine wants.
    fn act(&mut self, now: Instant) {
        while !self.over
            && let Some(action) = self.pod.poll_action()
        {
            self.perform(now, action);
            self.after_step(now);
        }
    }

    /// Steps the next process that can go on; false when there is none.
    fn step(&mut self) -> bool {
        let before = self.start.world.now();
        self.cell
            .with(|kernel| kernel.timers.handle_timeout(before));
        self.start.engine.note_step();
        let Some((job, result)) = self.jobs.step(self.cell.scheduler.as_deref()) else {
            return false;
        };
        let now = self.start.world.step_ended();
        self.processes
            .account(job, now, now.saturating_since(before));
        match result {
            Poll::Ready(done) => {
                self.handle_done(now, done);
                self.turn(now);
            }
            Poll::Pending => {
                self.after_step(now);
                self.act(now);
            }
        }
        true
    }

    /// What system calls of the last step asked for.
    fn after_step(&mut self, now: Instant) {
        self.start_spawned();
        while let Some(asked) = self.cell.with(Asked::poll) {
            match asked {
                Asked::Kill(process, signal) => self.kill_process(now, process, signal),
                Asked::Tell(event) => {
                    self.start
                        .world
                        .output(&self.name, Output::Event(sandbox::network_event(&event)));
                }
                Asked::Outside(request) => self.start.world.outside(&self.handle, request),
            }
        }
        let lines = self.cell.outbox.take();
        self.note_stored(now, !lines.is_empty());
        for line in lines {
            if let Some(slot) = self.slot_of(&line.container) {
                slot.remember(&line);
            }
            self.start.world.output(&self.name, Output::Log(line));
        }
    }

    /// Gives every process that was added to the table its future.
    fn start_spawned(&mut self) {
        let spawned = std::mem::take(&mut *self.cell.spawned());
        for spawn in spawned {
            self.start_process(spawn);
        }
    }

    async fn sleep(&mut self) {
        let kernel_timeout = self.cell.with(|kernel| kernel.timers.poll_timeout());
        let deadline = kernel_timeout
            .into_iter()
            .chain(self.pod.poll_timeout())
            .chain(self.processes.poll_timeout())
            .chain(self.storage.poll_timeout())
            .min();
        let world = self.start.world.clone();
        let mut timeout = deadline.map(|deadline| {
            let world = world.clone();
            Box::pin(async move { world.sleep_until(deadline).await })
        });
        let ready = self.jobs.ready().clone();
        let inbox = self.inbox.clone();
        poll_fn(|cx| {
            if ready.poll(cx).is_ready() || !inbox.is_empty() {
                return Poll::Ready(());
            }
            timeout
                .as_mut()
                .map_or(Poll::Pending, |timeout| timeout.as_mut().poll(cx))
        })
        .await;
    }

    fn perform(&mut self, now: Instant, action: Action) {
        match action {
            Action::CreateSandbox => {
                let event = match self.create_sandbox(now) {
                    Ok(pod_ip) => Event::SandboxReady { pod_ip },
                    Err(error) => Event::SandboxFailed { error },
                };
                self.pod.handle(now, event);
            }
            Action::PullImage { container, volume } => self.pull_image(now, container, volume),
            Action::Start { container, attempt } => self.start_container(now, container, attempt),
            Action::Signal { container, signal } => {
                if let Some(process) = self.slots[container.index()].main {
                    self.cell
                        .with(|kernel| kernel.processes.signal(process, signal));
                }
            }
            Action::Kill { container } => self.kill_container(now, container),
            Action::Probe {
                container,
                attempt,
                probe,
            } => self.run_probe(
                now,
                ProbeRun {
                    container,
                    attempt,
                    probe,
                },
            ),
            Action::RunHook {
                container,
                attempt,
                hook,
            } => self.run_hook(
                now,
                HookRun {
                    container,
                    attempt,
                    hook,
                },
            ),
            Action::Emit(event) => self.start.world.output(&self.name, Output::Event(event)),
            Action::StatusChanged => {
                let status = Box::new(self.pod.status().clone());
                let ready = status
                    .condition(ConditionType::Ready)
                    .is_some_and(|ready| ready.status && status.deletion.is_none());
                self.cell.with(|kernel| kernel.net.set_ready(ready));
                self.start.world.output(&self.name, Output::Status(status));
            }
            Action::RemoveSandbox => self.over = true,
        }
    }

    fn handle_done(&mut self, now: Instant, done: Done) {
        match done {
            Done::Image(pulled) => self.handle_image(now, pulled),
            Done::Loaded(container, prepared, result) => {
                self.handle_loaded(now, container, *prepared, result);
            }
            Done::Ended(process, end) => self.handle_end(now, process, &end),
            Done::Dialed(dialer, result) => self.handle_dialed(now, dialer, result),
        }
    }
}

/// However it ends, and also when its future is dropped midway: guests go first, for they hold files of volumes.
impl Drop for PodTask {
    fn drop(&mut self) {
        self.jobs = Jobs::default();
        // First, so that nobody adds a process any more.
        for container in std::mem::take(&mut *self.cell.containers()).values() {
            container.console.end();
        }
        self.cell.spawned().clear();
        self.cell.usage().clear();
        self.slots.clear();
        self.sandbox = Sandbox::default();
        self.start.world.remove_pod(&self.start.uid);
    }
}
