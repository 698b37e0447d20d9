//! Probes and hooks over the network: each is a job of its pod, without a thread and without an instance.
//!
//! They come from the node's address, so they see what other pods see. Time is the pod's own; a probe ends with its
//! timeout, and with the instance of the container it asks about.

use super::connection::Connection;
use super::probes::hook_of;
use super::{Done, PodTask};
use crate::guest::PodCell;
use crate::jobs::JobId;
use crate::running::{HookRun, ProbeRun};
use crate::scheduler::TaskStart;
use crate::world::Output;
use bytes::Bytes;
use seedpod_core::net::{Error, Stream};
use seedpod_core::pod::{ContainerId, EventReason, EventType, PodEvent, ProbeResult};
use seedpod_core::probe_client::{
    Client, DialError, Event, PortError, Purpose, ReadError, Step, Target,
};
use seedpod_core::sched::TaskId;
use seedpod_core::seed::Seed;
use seedpod_core::spec::{Hook, HttpGet};
use seedpod_core::time::{Instant, TimerId};
use std::future::{Future, pending, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// On whose behalf somebody dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialer {
    Probe(ProbeRun),
    Hook(HookRun),
}

impl Dialer {
    fn container(self) -> ContainerId {
        match self {
            Self::Probe(run) => run.container,
            Self::Hook(run) => run.container,
        }
    }
}

/// What dials for one container, until its instance ends.
#[derive(Default)]
pub(super) struct Dials(Vec<(Dialer, JobId)>);

impl Dials {
    fn remove(&mut self, dialer: Dialer) {
        self.0.retain(|(known, _)| *known != dialer);
    }

    /// The jobs that are left.
    pub(super) fn take(&mut self) -> impl Iterator<Item = JobId> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|(_, job)| job)
    }
}

impl PodTask {
    /// The address that probes and hooks dial when the manifest names none.
    pub(super) fn pod_ip(&self) -> IpAddr {
        self.cell.with(|kernel| kernel.net.pod_ip()).into()
    }

    pub(super) fn dial_probe(
        &mut self,
        now: Instant,
        run: ProbeRun,
        client: Result<Client, PortError>,
        timeout: Instant,
    ) {
        match client {
            Ok(client) => self.dial(Dialer::Probe(run), client, Some(timeout)),
            Err(error) => self.answer_probe(now, run, ProbeResult::Error(error.to_string())),
        }
    }

    /// A hook has no timeout of its own.
    pub(super) fn dial_hook(&mut self, now: Instant, run: HookRun, get: &HttpGet) {
        let spec = self.container_spec(run.container);
        match Client::http_get(Purpose::Lifecycle, get, spec, self.pod_ip()) {
            Ok(client) => self.dial(Dialer::Hook(run), client, None),
            Err(error) => {
                let text = self.http_hook_failure(run, &error.to_string());
                self.answer_hook(now, run, Err(text));
            }
        }
    }

    fn dial(&mut self, dialer: Dialer, client: Client, timeout: Option<Instant>) {
        let talk = self.talk(timeout);
        let dialled = async move { Done::Dialed(dialer, talk.run(client).await) };
        let job = match self.kubelet() {
            Some(kubelet) => self.jobs.add_task(kubelet, dialled),
            None => self.jobs.add(dialled),
        };
        self.slots[dialer.container().index()]
            .dials
            .0
            .push((dialer, job));
    }

    /// The node that dials takes turns with those it dials, where somebody decides whose it is.
    fn kubelet(&mut self) -> Option<TaskId> {
        let scheduler = self.cell.scheduler.as_ref()?;
        let start = || scheduler.start(&TaskStart::kubelet(&self.name));
        Some(*self.kubelet.get_or_insert_with(start))
    }

    fn talk(&mut self, timeout: Option<Instant>) -> Talk {
        let number = self.dialled;
        self.dialled += 1;
        // Two connections may share a port: nobody tells them apart by it.
        let offset = number % EPHEMERAL_PORTS;
        Talk {
            cell: self.cell.clone(),
            port: EPHEMERAL_PORT_MIN + u16::try_from(offset).unwrap_or(0),
            timeout,
            seed: self.start.seed.fork("dial").fork(&number.to_string()),
            connections: 0,
        }
    }

    pub(super) fn handle_dialed(&mut self, now: Instant, dialer: Dialer, result: ProbeResult) {
        self.slots[dialer.container().index()].dials.remove(dialer);
        let run = match dialer {
            Dialer::Probe(run) => return self.answer_probe(now, run, result),
            Dialer::Hook(run) => run,
        };
        let result = match result {
            ProbeResult::Success => Ok(()),
            ProbeResult::Warning(message) => {
                self.warn_of_fallback(message);
                Ok(())
            }
            ProbeResult::Failure(error)
            | ProbeResult::Error(error)
            | ProbeResult::Interrupted(error) => Err(self.http_hook_failure(run, &error)),
        };
        self.answer_hook(now, run, result);
    }

    fn warn_of_fallback(&self, message: String) {
        let event = PodEvent {
            type_: EventType::Warning,
            reason: EventReason::LifecycleHTTPFallback,
            message,
            container: None,
        };
        self.start.world.output(&self.name, Output::Event(event));
    }

    fn http_hook_failure(&self, run: HookRun, error: &str) -> String {
        let spec = self.container_spec(run.container);
        let path = match hook_of(spec, run.hook) {
            Some(Hook::HttpGet(get)) => get.path.as_str(),
            _ => "",
        };
        let container = &spec.name;
        let (meta, uid) = (&self.pod.spec().meta, &self.start.uid);
        let pod = format!("{}_{}({uid})", meta.name, meta.namespace);
        format!(
            "HTTP lifecycle hook ({path}) for Container {container:?} in Pod {pod:?} failed - error: {error}"
        )
    }
}

/// Where ports begin that the system chooses (RFC 6335).
const EPHEMERAL_PORT_MIN: u16 = 49152;
const EPHEMERAL_PORTS: u64 = 16384;

/// One client on its way.
struct Talk {
    cell: Arc<PodCell>,
    /// Of the node.
    port: u16,
    timeout: Option<Instant>,
    seed: Seed,
    /// Connections so far; labels their seeds.
    connections: u32,
}

/// What came of a step.
enum Happened {
    Connected(Connection),
    DialFailed(DialError),
    Sent,
    Received(Bytes),
    Ended,
    ReadFailed(ReadError),
    Waited,
}

impl Talk {
    async fn run(mut self, mut client: Client) -> ProbeResult {
        let cell = self.cell.clone();
        let mut timeout = Timer::new(&cell, self.timeout);
        let mut connection = None;
        loop {
            let step = client.poll_step();
            if let Step::Done(result) = step {
                return result;
            }
            let Some(happened) = before(&mut timeout, self.perform(step, &mut connection)).await
            else {
                client.handle(Event::TimedOut);
                continue;
            };
            match happened {
                Happened::Connected(connected) => {
                    connection = Some(connected);
                    client.handle(Event::Connected);
                }
                Happened::DialFailed(error) => client.handle(Event::DialFailed(&error)),
                Happened::Sent => {}
                Happened::Received(bytes) => client.handle(Event::Received(&bytes)),
                Happened::Ended => client.handle(Event::Ended),
                Happened::ReadFailed(error) => client.handle(Event::ReadFailed(&error)),
                Happened::Waited => client.handle(Event::Waited),
            }
        }
    }

    async fn perform(&mut self, step: Step, connection: &mut Option<Connection>) -> Happened {
        match (step, &mut *connection) {
            (Step::Connect(target), _) => {
                *connection = None;
                match self.dial(&target).await {
                    Ok(connected) => Happened::Connected(connected),
                    Err(error) => Happened::DialFailed(error),
                }
            }
            (Step::Send(bytes), Some(connection)) => {
                connection.send(bytes).await;
                Happened::Sent
            }
            (Step::Receive, Some(connection)) => match connection.receive().await {
                Ok(bytes) if bytes.is_empty() => Happened::Ended,
                Ok(bytes) => Happened::Received(bytes),
                Err(error) => Happened::ReadFailed(error),
            },
            (Step::Wait(time), _) => {
                *connection = None;
                let mut timer = Timer::new(&self.cell, Some(self.cell.now() + time));
                poll_fn(|cx| timer.poll(cx)).await;
                Happened::Waited
            }
            (Step::Send(_) | Step::Receive, None) => Happened::Ended,
            (Step::Done(_), _) => pending().await,
        }
    }

    async fn dial(&mut self, target: &Target) -> Result<Connection, DialError> {
        let stream = self.connect(target).await?;
        if !target.secure {
            return Ok(Connection::plain(stream));
        }
        let seed = self.seed.fork(&self.connections.to_string());
        self.connections += 1;
        let random = self.cell.world().random(seed);
        Connection::secure(stream, &target.host, random).await
    }

    /// Tries the addresses in turn; the first error is the one to tell.
    async fn connect(&self, target: &Target) -> Result<Stream, DialError> {
        let unknown = || DialError::UnknownHost(target.host.clone());
        let lookup = self
            .cell
            .with(|kernel| kernel.net.lookup_from_node(&target.host))
            .map_err(|_| unknown())?;
        let addresses = poll_fn(|cx| lookup.poll(cx.waker())).await;
        let addresses = addresses.map_err(|error| match error {
            Error::TemporaryResolverFailure => DialError::LookupFailed(target.host.clone()),
            _ => unknown(),
        })?;
        let mut first = None;
        for ip in addresses {
            let address = SocketAddr::new(ip, target.port);
            match self.connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    first.get_or_insert(DialError::Connect(address, error));
                }
            }
        }
        Err(first.unwrap_or_else(unknown))
    }

    async fn connect_to(&self, address: SocketAddr) -> Result<Stream, Error> {
        let stream = self
            .cell
            .with(|kernel| kernel.net.connect_from_node(self.port, address))?;
        poll_fn(|cx| stream.poll_connected(cx.waker())).await?;
        Ok(stream)
    }
}

/// `None` when the time is over first.
async fn before<T>(timeout: &mut Timer<'_>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => timeout.poll(cx).map(|()| None),
    })
    .await
}

/// Waits in the kernel's heap of timers.
struct Timer<'a> {
    cell: &'a PodCell,
    /// Never when `None`.
    deadline: Option<Instant>,
    id: Option<TimerId>,
}

impl<'a> Timer<'a> {
    fn new(cell: &'a PodCell, deadline: Option<Instant>) -> Self {
        let id = None;
        Self { cell, deadline, id }
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if self.cell.now() >= deadline {
            return Poll::Ready(());
        }
        self.cell.with(|kernel| match self.id {
            Some(id) => kernel.timers.update(deadline, id, cx.waker()),
            None => self.id = Some(kernel.timers.register(deadline, cx.waker().clone())),
        });
        Poll::Pending
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if let (Some(deadline), Some(id)) = (self.deadline, self.id) {
            self.cell.with(|kernel| kernel.timers.cancel(deadline, id));
        }
    }
}
