//! A pod that was started.

use crate::connection::{Connection, io_error};
use crate::record::Record;
use crate::session::{Attach, Exec};
use seedpod_core::net::{Family, SocketId};
use seedpod_core::pod::event_log::CountedEvent;
use seedpod_core::pod::update::{self, UpdateError};
use seedpod_core::pod::{ContainerState, ForeignCondition, PodEvent, Status};
use seedpod_core::spec::{self, GracePeriod};
use seedpod_engine::world::{LogLine, PodName};
use seedpod_engine::{AttachRequest, ExecError, ExecRequest, PodHandle};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A pod that was started. It runs whether or not anyone holds this. Cheap to clone.
#[derive(Clone)]
pub struct Pod {
    handle: PodHandle,
    record: Arc<Record>,
    ip: IpAddr,
}

impl Pod {
    pub(crate) fn new(handle: PodHandle, record: Arc<Record>) -> Self {
        let ip = handle.with(|kernel| kernel.net.pod_ip()).into();
        Self { handle, record, ip }
    }

    pub(crate) fn handle(&self) -> &PodHandle {
        &self.handle
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Namespace and name.
    pub fn name(&self) -> &PodName {
        self.handle.name()
    }

    /// `metadata.uid`
    pub fn uid(&self) -> &str {
        self.handle.uid()
    }

    /// What the manifest asked for, and every update since.
    pub fn spec(&self) -> Arc<spec::Pod> {
        self.handle.spec()
    }

    /// Changes the pod: images, labels and annotations, a shorter life span.
    ///
    /// # Errors
    /// When a field has changed that Kubernetes would not let change.
    pub fn update(&self, spec: spec::Pod) -> Result<(), UpdateError> {
        update::check(&self.spec(), &spec)?;
        self.handle.update(Arc::new(spec));
        Ok(())
    }

    /// Adds ephemeral containers; `spec` has all of them, and nothing else has changed in it.
    ///
    /// # Errors
    /// When one that was there has changed or gone, or a new one is wrong.
    pub fn update_ephemeral_containers(&self, spec: spec::Pod) -> Result<(), UpdateError> {
        update::check_ephemeral_containers(&self.spec(), &spec)?;
        self.handle.update(Arc::new(spec));
        Ok(())
    }

    /// Changes requests and limits of containers that go on, with a new start of those whose `resizePolicy` asks for one.
    ///
    /// # Errors
    /// When anything else has changed, or the quality of service would.
    pub fn resize(&self, spec: spec::Pod) -> Result<(), UpdateError> {
        update::check_resize(&self.spec(), &spec)?;
        self.handle.update(Arc::new(spec));
        Ok(())
    }

    /// Sets all conditions that are not the kubelet's, such as those that `readinessGates` name.
    pub fn set_conditions(&self, conditions: Vec<ForeignCondition>) {
        self.handle.set_conditions(conditions);
    }

    /// Ends the pod as one that uses more than it may.
    pub fn evict(&self, message: &str) {
        self.handle.evict(message.to_owned());
    }

    /// Runs a command in a container.
    ///
    /// # Errors
    /// When there is no such container, it does not run, or has no such program.
    pub fn exec(&self, request: ExecRequest) -> Result<Exec, ExecError> {
        self.handle.exec(request).map(Exec::new)
    }

    /// Joins the standard streams of a container. What it wrote before is in its log.
    ///
    /// # Errors
    /// When there is no such container, or it does not run.
    pub fn attach(&self, request: &AttachRequest) -> Result<Attach, ExecError> {
        self.handle.attach(request).map(Attach::new)
    }

    /// Its address on the pod network.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Its status; `None` before its first turn.
    pub fn status(&self) -> Option<Status> {
        self.record.latest().status
    }

    /// Waits until the status is what `condition` asks for. `None` when the pod ended without that.
    pub async fn wait_for(&self, mut condition: impl FnMut(&Status) -> bool) -> Option<Status> {
        let mut latest = self.record.subscribe();
        let found = latest
            .wait_for(|latest| latest.ended || latest.status.as_ref().is_some_and(&mut condition))
            .await;
        // The sender lives in the record that we hold.
        let status = found.ok().and_then(|found| found.status.clone());
        status.filter(condition)
    }

    /// Waits until the pod is gone, and returns its last status.
    pub async fn wait(&self) -> Status {
        let mut latest = self.record.subscribe();
        loop {
            let found = latest
                .wait_for(|latest| latest.ended)
                .await
                .ok()
                .and_then(|found| found.status.clone());
            if let Some(status) = found {
                return status;
            }
        }
    }

    /// Stops the pod: SIGTERM, and SIGKILL after its grace period or `grace`. A second call may shorten the first.
    pub fn delete(&self, grace: Option<GracePeriod>) {
        self.handle.delete(grace);
    }

    /// Reads the log of all containers from its beginning, or from what is kept of a long one.
    pub fn logs(&self) -> Logs {
        Logs {
            record: self.record.clone(),
            position: 0,
        }
    }

    /// What is kept of the log of one instance of a container.
    ///
    /// # Errors
    /// When there is no such container or instance.
    pub fn container_logs(&self, container: &str, which: Which) -> Result<Vec<LogLine>, LogsError> {
        let (pod, name) = (self.name().name.clone(), container.to_owned());
        let status = self.status();
        let mut all = status.iter().flat_map(Status::all_containers);
        let Some(status) = all.find(|status| status.name == container) else {
            return Err(LogsError::InvalidContainer { name, pod });
        };
        let restart = match (which, &status.state) {
            (Which::Previous, _) => status
                .restart_count
                .checked_sub(1)
                .ok_or(LogsError::NoPrevious { name, pod })?,
            (Which::Current, ContainerState::Waiting(waiting)) if status.last_state.is_none() => {
                let reason = waiting.reason.to_string();
                return Err(LogsError::Waiting { name, pod, reason });
            }
            (Which::Current, _) => status.restart_count,
        };
        let wanted = |line: &LogLine| line.container == container && line.restart == restart;
        Ok(self.record.logs.kept(wanted))
    }

    /// Reads the events from their beginning, or from what is kept of many.
    pub fn events(&self) -> Events {
        Events {
            record: self.record.clone(),
            position: 0,
        }
    }

    /// The events of the last hour as a cluster would keep them: the same one again only counts, and there is an end to
    /// how many a pod may have. What happened last comes last.
    pub fn counted_events(&self) -> Vec<CountedEvent> {
        self.record.counted_events()
    }

    /// Connects to `127.0.0.1:port` inside the pod, as a container of it would.
    ///
    /// # Errors
    /// As `connect(2)`: nobody listens, or its backlog is full.
    pub async fn connect(&self, port: u16) -> io::Result<Connection> {
        self.connect_to(Ipv4Addr::LOCALHOST.into(), port).await
    }

    /// Connects to an address of the loopback inside the pod.
    pub(crate) async fn connect_to(&self, ip: IpAddr, port: u16) -> io::Result<Connection> {
        let (from, to) = ((ip, 0).into(), (ip, port).into());
        let stream = self
            .handle
            .with(|kernel| kernel.net.connect_from(from, to))
            .map_err(io_error)?;
        Connection::established(stream).await
    }

    /// As [`connect`](Self::connect), and tries again while nobody listens yet.
    ///
    /// # Errors
    /// That of the last try once `patience` has passed.
    pub async fn connect_within(&self, port: u16, patience: Duration) -> io::Result<Connection> {
        let end = Instant::now() + patience;
        loop {
            match self.connect(port).await {
                Err(error)
                    if error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < end =>
                {
                    sleep_until(end.min(Instant::now() + CONNECT_INTERVAL)).await;
                }
                result => return result,
            }
        }
    }

    /// Listens on `127.0.0.1:port` inside the pod, so that its containers can connect to this program.
    ///
    /// # Errors
    /// When the port is in use.
    pub fn listen(&self, port: u16) -> io::Result<Listener> {
        let socket = self.handle.with(|kernel| {
            let socket = kernel.net.tcp_create(None, Family::Ipv4)?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match kernel
                .net
                .tcp_bind(socket, address)
                .and_then(|()| kernel.net.tcp_listen(socket))
            {
                Ok(()) => Ok(socket),
                Err(error) => {
                    kernel.net.close(socket);
                    Err(error)
                }
            }
        });
        Ok(Listener {
            pod: self.handle.clone(),
            socket: socket.map_err(io_error)?,
        })
    }
}

/// An instance of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one that runs, or ran last.
    Current,
    /// The one before.
    Previous,
}

/// Why there is no log. Texts as the API server and the kubelet have them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// The pod has no such container.
    #[error("container {name} is not valid for pod {pod}")]
    InvalidContainer {
        /// As asked for.
        name: String,
        /// Name of the pod.
        pod: String,
    },
    /// It has not been restarted.
    #[error("previous terminated container {name:?} in pod {pod:?} not found")]
    NoPrevious {
        /// Name of the container.
        name: String,
        /// Name of the pod.
        pod: String,
    },
    /// It has not started yet.
    #[error("container {name:?} in pod {pod:?} is waiting to start: {reason}")]
    Waiting {
        /// Name of the container.
        name: String,
        /// Name of the pod.
        pod: String,
        /// Why it waits.
        reason: String,
    },
}

impl fmt::Debug for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pod")
            .field("name", self.name())
            .finish_non_exhaustive()
    }
}

/// How often [`Pod::connect_within`] tries.
const CONNECT_INTERVAL: Duration = Duration::from_millis(5);

/// A port inside a pod where this program listens. Dropped, it closes.
pub struct Listener {
    pod: PodHandle,
    socket: SocketId,
}

impl Listener {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// When the pod has ended.
    pub async fn accept(&self) -> io::Result<Connection> {
        let accept = |cx: &mut std::task::Context<'_>| {
            self.pod
                .with(|kernel| kernel.net.poll_accept_stream(self.socket, cx.waker()))
        };
        poll_fn(accept).await.map(Connection::new).map_err(io_error)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.pod.with(|kernel| kernel.net.close(self.socket));
    }
}

/// The log of a pod, line by line as its containers write.
#[derive(Clone, Debug)]
pub struct Logs {
    record: Arc<Record>,
    position: u64,
}

impl Logs {
    /// Waits for the next line. `None` when the pod is gone and all has been read.
    pub async fn next(&mut self) -> Option<LogLine> {
        self.record.logs.next(&mut self.position).await
    }
}

/// The events of a pod as they happen.
#[derive(Clone, Debug)]
pub struct Events {
    record: Arc<Record>,
    position: u64,
}

impl Events {
    /// Waits for the next event. `None` when the pod is gone and all have been read.
    pub async fn next(&mut self) -> Option<PodEvent> {
        self.record.events.next(&mut self.position).await
    }
}
