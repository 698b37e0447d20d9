//! The other side of a pod: what people and servers ask of it while it runs.

use super::added::{AddError, Addition};
use crate::description::Description;
use crate::guest::PodCell;
use crate::jobs::Ready;
use crate::running::OnEnd;
use crate::session::{
    AttachRequest, ExecError, ExecRequest, ExecSession, ExitCell, ExitSender, Session, Terminal,
};
use crate::world::PodName;
use seedpod_core::kernel::Kernel;
use seedpod_core::pod::{Event, ForeignCondition};
use seedpod_core::spec::{self, GracePeriod};
use seedpod_core::volume::Volume;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Something asked of a pod.
#[derive(Clone, Debug)]
pub enum Request {
    /// Stop and go away.
    Delete {
        /// Instead of the pod's own grace period.
        grace: Option<GracePeriod>,
    },
    /// An object that the pod mounts is another.
    ObjectsChanged,
    /// What waits to be restarted is, at once.
    EndBackOffs,
    /// Become this.
    Update {
        /// All of the pod, changed only where Kubernetes allows it.
        spec: Arc<spec::Pod>,
    },
    /// Take the conditions of others.
    Conditions {
        /// All that are not the kubelet's.
        conditions: Vec<ForeignCondition>,
    },
    /// End: the pod uses more than it may.
    Evict {
        /// Shown in status and event.
        message: String,
    },
}

impl From<Request> for Event {
    fn from(request: Request) -> Self {
        match request {
            Request::Delete { grace } => Self::Delete { grace },
            Request::ObjectsChanged => Self::ObjectsChanged,
            Request::EndBackOffs => Self::EndBackOffs,
            Request::Update { spec } => Self::Update { spec },
            Request::Conditions { conditions } => Self::Conditions { conditions },
            Request::Evict { message } => Self::Evict { message },
        }
    }
}

/// What a container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Its name.
    pub container: String,
    /// CPU time since it started.
    pub cpu: Duration,
    /// Bytes of memory that it has now.
    pub memory_bytes: u64,
}

/// A running pod, as others hold it.
#[derive(Clone)]
pub struct PodHandle {
    name: PodName,
    uid: String,
    pub(super) cell: Arc<PodCell>,
    pub(super) inbox: Arc<Inbox>,
}

impl PodHandle {
    pub(super) fn new(name: PodName, uid: String, cell: Arc<PodCell>, inbox: Arc<Inbox>) -> Self {
        Self {
            name,
            uid,
            cell,
            inbox,
        }
    }

    /// Namespace and name.
    pub fn name(&self) -> &PodName {
        &self.name
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Stops the pod with its grace period, or with `grace`; a second call may only shorten it.
    pub fn delete(&self, grace: Option<GracePeriod>) {
        self.inbox.send(Request::Delete { grace });
    }

    /// The pod as last updated.
    pub fn spec(&self) -> Arc<spec::Pod> {
        self.cell.spec()
    }

    /// Changes the pod to `spec`, which validation has allowed: an image, labels, a deadline, a new ephemeral container.
    pub fn update(&self, spec: Arc<spec::Pod>) {
        self.inbox.send(Request::Update { spec });
    }

    /// Sets all conditions of the pod that are not the kubelet's.
    pub fn set_conditions(&self, conditions: Vec<ForeignCondition>) {
        self.inbox.send(Request::Conditions { conditions });
    }

    /// Ends the pod because it uses more than it may.
    pub fn evict(&self, message: String) {
        self.inbox.send(Request::Evict { message });
    }

    /// Runs a command in a container.
    ///
    /// # Errors
    /// When there is no such container, it does not run, or has no such program.
    pub fn exec(&self, request: ExecRequest) -> Result<ExecSession, ExecError> {
        self.check_container(&request.container)?;
        if request.command.is_empty() {
            return Err(ExecError::NoCommand);
        }
        let pipe = || {
            let made = self.cell.with(|kernel| kernel.processes.pipe());
            made.map_err(|error| ExecError::Limit(error.to_string()))
        };
        let (stdin, stdin_writer) = match request.stdin {
            true => {
                pipe().map(|(reader, writer)| (Description::PipeReader(reader), Some(writer)))?
            }
            false => (Description::Null, None),
        };
        let (stdout_reader, stdout) = pipe()?;
        let (stderr_reader, stderr) = match request.tty {
            true => (None, stdout.clone()),
            false => pipe().map(|(reader, writer)| (Some(reader), writer))?,
        };
        let streams = [
            stdin,
            Description::PipeWriter(stdout),
            Description::PipeWriter(stderr),
        ];
        let exit = Arc::new(ExitCell::default());
        let addition = Addition {
            command: request.command,
            descriptors: match request.tty {
                true => streams.map(|one| Description::Terminal(Box::new(one))),
                false => streams,
            },
            tty: request.tty,
            on_end: OnEnd::Session(ExitSender(exit.clone())),
        };
        let process =
            addition
                .add(&self.cell, &request.container)
                .map_err(|error| match error {
                    AddError::NotRunning => ExecError::NotRunning(request.container),
                    error => ExecError::Failed(error.start_failure(&self.uid)),
                })?;
        self.cell.notify();
        let terminal = request
            .tty
            .then(|| Terminal::new(self.cell.clone(), process));
        let output = [Some(stdout_reader), stderr_reader];
        Ok(ExecSession::new(stdin_writer, output, exit, terminal))
    }

    /// Joins the standard streams of a container. What it wrote before is in its log.
    ///
    /// # Errors
    /// When there is no such container, or it does not run.
    pub fn attach(&self, request: &AttachRequest) -> Result<Session, ExecError> {
        self.check_container(&request.container)?;
        let containers = self.cell.containers();
        let container =
            containers
                .get(&request.container)
                .ok_or_else(|| ExecError::NotAttachable {
                    container: request.container.clone(),
                    pod: format!("{}_{}", self.name.name, self.name.namespace),
                })?;
        let console = container.console.clone();
        let (stdin, client) = console
            .attach()
            .map_err(|error| ExecError::Limit(error.to_string()))?;
        let stdin = stdin.filter(|_| request.stdin);
        let spec = self.spec();
        let mut all = spec.all_containers();
        let has_terminal = all.any(|spec| spec.name == request.container && spec.tty);
        // The first process of a container is older than any that was added.
        let first = self.cell.with(|kernel| {
            let alive = kernel.processes.alive_in(&request.container);
            alive.into_iter().min()
        });
        let terminal = first
            .filter(|_| has_terminal)
            .map(|process| Terminal::new(self.cell.clone(), process));
        Ok(Session::attached(console, stdin, client, terminal))
    }

    /// What the containers that run use.
    pub fn usage(&self) -> Vec<ContainerUsage> {
        let containers = self.cell.containers();
        let usage = containers.values().map(|container| ContainerUsage {
            container: container.name.clone(),
            cpu: container.meters.cpu.used(),
            memory_bytes: container.meters.memory.used(),
        });
        usage.collect()
    }

    /// Makes the pod look again which of its processes may go on.
    pub fn wake(&self) {
        self.cell.notify();
    }

    /// A volume of the pod, once it is there.
    pub fn volume(&self, name: &str) -> Option<Arc<dyn Volume>> {
        self.cell.volumes().get(name).cloned()
    }

    fn check_container(&self, name: &str) -> Result<(), ExecError> {
        if self.spec().all_containers().any(|spec| spec.name == name) {
            return Ok(());
        }
        Err(ExecError::InvalidContainer {
            container: name.to_owned(),
            pod: self.name.name.clone(),
        })
    }

    /// Calls into the kernel of the pod, such as `kernel.net` to connect to a port or to listen on one. Keep it short:
    /// the guests of the pod wait meanwhile.
    pub fn with<R>(&self, call: impl FnOnce(&mut Kernel) -> R) -> R {
        self.cell.with(call)
    }
}

/// Requests that wait for the pod's next turn.
pub(crate) struct Inbox {
    requests: Mutex<Vec<Request>>,
    ready: Arc<Ready>,
}

impl Inbox {
    pub(super) fn new(ready: Arc<Ready>) -> Self {
        Self {
            requests: Mutex::default(),
            ready,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.lock())
    }

    /// However often, it is one request until the pod has looked.
    pub(crate) fn objects_changed(&self) {
        let mut requests = self.lock();
        if !matches!(requests.last(), Some(Request::ObjectsChanged)) {
            requests.push(Request::ObjectsChanged);
        }
        drop(requests);
        self.ready.notify();
    }

    pub(super) fn send(&self, request: Request) {
        self.lock().push(request);
        self.ready.notify();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
