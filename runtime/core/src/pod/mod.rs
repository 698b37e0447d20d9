//! The lifecycle of a pod: which container starts, restarts, is signalled and killed, and what its status says.
//!
//! A [`Pod`] never does anything. It is told what happened, and asked what to do:
//!
//! ```text
//!                 handle(now, Event)          poll_action() -> Action
//!   engine ───────────────────────────► Pod ───────────────────────────► engine
//!                 handle_timeout(now)         poll_timeout() -> when to come back
//! ```
//!
//! After every `handle` and `handle_timeout` take actions until there are none, perform them in that order, then wait for
//! an answer or for `poll_timeout`. The rules are the kubelet's of Kubernetes 1.36; where it retries "about every ten
//! seconds" this does so exactly then, because a run must repeat.
//!
//! ```text
//! pod        Active ─ delete, deadline, eviction, nothing left ────► Terminating ── nobody alive ──► Finished
//!
//! sandbox    Creating ──► Ready ──────────────────────────────────────────────────────────────────► Removed
//!               ▲  └─ failed ─► Waiting
//!               └─── time ────────┘
//!
//! container  Waiting ── its turn ──► Pulling ──► Starting ──► PostStart ──► Running ──► Terminated
//!               ▲                       │           │                                      │   │
//!               └────── failed ─────────┴───────────┘                                      │   └─ restart at once ─► Pulling
//!               └────── restart after back-off ────────────────────────────────────────────┘
//!
//! stop       Untold ── it runs ──► PreStop ──► Turn ── alone, or others ended, or grace over ──► Signalled ─┐
//!               └─────────────────────────────── grace over ───────────────────────────────► Killed ◄─────┘
//! ```
//!
//! Reading order: `event`, the two alphabets; `plan` and `start`, who is tried next; `container`; `probe`, `hook`,
//! `termination`; `update` and `failure`, what else changes or ends it; what is shown: `status`, `phase`, `conditions`,
//! `publish`. The rest are rules without state: [`environment`], [`command`],
//! [`downward`], [`hosts`], [`termination_message()`], [`printer`], [`security`].

pub mod admission;
mod backoff;
pub mod command;
mod conditions;
mod container;
pub mod downward;
mod duration;
pub mod env_file;
pub mod environment;
mod event;
pub mod event_log;
pub mod expansion;
mod failure;
mod hook;
pub mod hosts;
mod outbox;
mod past;
mod payload;
mod phase;
mod plan;
pub mod printer;
mod probe;
mod publish;
mod pull;
mod qos;
pub mod resolver;
mod restart;
mod sandbox;
pub mod security;
mod service_links;
mod start;
mod status;
pub mod storage;
mod termination;
mod termination_message;
pub mod update;
mod words;

pub use duration::{go_duration, human_duration};
pub use event::{
    Action, ContainerId, Event, EventReason, EventType, Exit, ForeignCondition, HookKind,
    ImageError, ImageErrorReason, ImageFacts, PodEvent, ProbeKind, ProbeResult, SandboxError,
    StartError,
};
pub use failure::node_labels;
pub use past::{Past, PastContainer};
pub use payload::{PayloadError, mounted_objects, payload};
pub use pull::missing_pull_secrets;
pub use qos::qos_class;
pub use restart::{Restart, Role};
pub use status::{
    Condition, ConditionReason, ConditionType, ContainerState, ContainerStatus, Deletion, Phase,
    PodReason, QosClass, Status, Terminated, TerminatedReason, Waiting, WaitingReason,
};
pub use termination_message::termination_message;

use crate::limits::{CONTAINERS_PER_POD, TERMINATION_MESSAGES_BYTES};
use crate::seed::{Rng, Seed};
use crate::spec::{self, GracePeriod};
use crate::time::{Instant, WallTime};
use admission::{Admission, Verdict};
use container::Container;
use failure::PodFailure;
use outbox::Outbox;
use pull::Pulls;
use sandbox::Sandbox;
use start::{Progress, Starts};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use termination::Stop;

/// What a pod is told about itself and its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `metadata.uid`.
    pub uid: String,
    /// Name of the node.
    pub node_name: String,
    /// Address of the node.
    pub host_ip: IpAddr,
}

/// One pod. See the module for the order of calls.
#[derive(Debug)]
pub struct Pod {
    spec: Arc<spec::Pod>,
    identity: Identity,
    epoch: WallTime,
    accepted_at: Instant,
    deadline: Option<Instant>,
    /// `metadata.generation`: 1, and one more for each change of the spec and for the deletion.
    generation: u64,
    life: Life,
    /// Why the node ended the pod, or did not take it.
    failure: Option<PodFailure>,
    admission: Admission,
    /// When it was asked for, and the grace period granted since.
    deletion: Option<(Instant, GracePeriod)>,
    sandbox: Sandbox,
    /// In the order of [`spec::Pod::all_containers`].
    containers: Vec<Container>,
    starts: Starts,
    /// Containers that are being stopped.
    stops: BTreeMap<ContainerId, Stop>,
    pulls: Pulls,
    instance_ids: Rng,
    /// What others have set.
    foreign_conditions: Vec<ForeignCondition>,
    status: Status,
    outbox: Outbox,
}

/// Where the pod is in its life.
#[derive(Debug)]
enum Life {
    /// Containers start and restart.
    Active,
    /// Nothing starts any more.
    Terminating,
    /// All over.
    Finished,
    /// The node did not take it; nothing ever ran.
    Rejected,
}

impl Pod {
    /// Accepts a pod at `now`. `epoch` is the wall time of [`Instant::ZERO`]; the seed gives container ids.
    ///
    /// # Panics
    /// When the pod has more than [`CONTAINERS_PER_POD`] containers, which `api` refuses.
    pub fn new(
        spec: Arc<spec::Pod>,
        identity: Identity,
        seed: Seed,
        now: Instant,
        epoch: WallTime,
    ) -> Self {
        let containers: Vec<_> = Role::all(&spec)
            .map(|(role, own)| Container::new(own, role, now))
            .collect();
        assert!(containers.len() <= CONTAINERS_PER_POD);
        let mut outbox = Outbox::default();
        let meta = &spec.meta;
        let message = format!(
            "Successfully assigned {}/{} to {}",
            meta.namespace, meta.name, identity.node_name
        );
        outbox.emit(EventType::Normal, EventReason::Scheduled, message, None);
        let rejected = failure::admit(&spec, &identity).err();
        let mut pod = Self {
            accepted_at: now,
            deadline: spec.active_deadline.map(|span| now + span),
            generation: 1,
            status: Status::accepted(&spec, identity.host_ip, epoch.at(now)),
            spec,
            identity,
            epoch,
            life: Life::Active,
            failure: None,
            admission: Admission::default(),
            deletion: None,
            sandbox: match rejected {
                None => Sandbox::create(&mut outbox),
                Some(_) => Sandbox::never(),
            },
            containers,
            starts: Starts::default(),
            stops: BTreeMap::new(),
            pulls: Pulls::default(),
            instance_ids: seed.fork("container ids").rng(),
            foreign_conditions: Vec::new(),
            outbox,
        };
        match rejected {
            None => pod.publish(now),
            Some(failure) => pod.reject(failure),
        }
        pod
    }

    /// Something happened.
    pub fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::SandboxReady { pod_ip } => self.sandbox.handle_ready(pod_ip),
            Event::SandboxFailed { error } => {
                self.sandbox.handle_failed(error, now, &mut self.outbox);
            }
            Event::ImagePulling { container }
            | Event::ImageReady { container, .. }
            | Event::ImageFailed { container, .. }
            | Event::Started { container }
            | Event::StartFailed { container, .. }
                if self.has(container) =>
            {
                self.handle_start(event, now);
            }
            Event::Exited { container, exit } if self.has(container) => {
                self.handle_exited(container, exit, now);
            }
            Event::ObjectsChanged if self.is_active() => {
                self.sandbox.handle_objects_changed(now, &mut self.outbox);
            }
            Event::Probed {
                container,
                attempt,
                probe,
                result,
            } if self.has(container) => {
                if !self.handle_probed(container, attempt, probe, result, now) {
                    return self.run_probes(now);
                }
            }
            Event::HookEnded {
                container,
                attempt,
                hook,
                result,
            } if self.has(container) => {
                self.handle_hook_ended(container, attempt, hook, result, now);
            }
            Event::EndBackOffs => self.end_back_offs(now),
            Event::Delete { grace } => self.handle_delete(grace, now),
            Event::Evict { message } => self.handle_evict(message, now),
            Event::Update { spec } => self.handle_update(&spec, now),
            Event::Conditions { conditions } if !self.is_finished() => {
                self.foreign_conditions = conditions::foreign(conditions);
            }
            Event::ImagePulling { .. }
            | Event::ImageReady { .. }
            | Event::ImageFailed { .. }
            | Event::Started { .. }
            | Event::StartFailed { .. }
            | Event::Exited { .. }
            | Event::Probed { .. }
            | Event::HookEnded { .. }
            | Event::Conditions { .. }
            | Event::ObjectsChanged => {}
        }
        self.advance(now);
        self.run_probes(now);
    }

    /// What is on the way to a running container.
    fn handle_start(&mut self, event: Event, now: Instant) {
        match event {
            Event::ImagePulling { container } => self.handle_image_pulling(container),
            Event::ImageReady {
                container,
                image,
                config,
            } => self.handle_image_ready(container, image, &config, now),
            Event::ImageFailed { container, error } => {
                self.handle_image_failed(container, error, now);
            }
            Event::Started { container } => self.handle_started(container, now),
            Event::StartFailed { container, error } => {
                self.handle_start_failed(container, error, now);
            }
            _ => {}
        }
    }

    /// Time passed; due when [`poll_timeout`](Self::poll_timeout) says, harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.life_timeout().is_some_and(|at| at <= now) {
            self.sandbox.handle_timeout(now, &mut self.outbox);
            self.advance(now);
        }
        self.run_probes(now);
    }

    /// What to do next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.outbox.poll()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let times = [self.life_timeout(), self.probes_timeout()];
        times.into_iter().flatten().min()
    }

    /// What to show to people.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What the person asked for.
    pub fn spec(&self) -> &Arc<spec::Pod> {
        &self.spec
    }

    /// What the pod was told about itself.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether the last action was taken or waits to be: nothing will happen any more.
    pub fn is_finished(&self) -> bool {
        matches!(self.life, Life::Finished | Life::Rejected)
    }

    /// The spec of one container.
    ///
    /// # Panics
    /// When the pod has no such container.
    pub fn spec_of(&self, id: ContainerId) -> &spec::Container {
        let mut all = self.spec.all_containers();
        all.nth(id.index()).expect("ids come from the same spec")
    }

    /// The container of this name.
    pub fn find(&self, name: &str) -> Option<ContainerId> {
        let mut ids = (0..).map(ContainerId).zip(self.spec.all_containers());
        ids.find(|(_, own)| own.name == name).map(|(id, _)| id)
    }
}

impl Pod {
    fn has(&self, id: ContainerId) -> bool {
        id.index() < self.containers.len()
    }

    /// When something other than a probe is due.
    fn life_timeout(&self) -> Option<Instant> {
        let times = match &self.life {
            Life::Finished | Life::Rejected => return None,
            Life::Terminating => [None; 3],
            Life::Active => [
                self.deadline,
                self.sandbox.poll_timeout(),
                self.starts.poll_timeout(),
            ],
        };
        let always = [self.post_starts_timeout(), self.stops_timeout()];
        times.into_iter().chain(always).flatten().min()
    }

    /// How messages name the pod: `name_namespace(uid)`.
    fn describe(&self) -> String {
        let meta = &self.spec.meta;
        format!("{}_{}({})", meta.name, meta.namespace, self.identity.uid)
    }

    fn next_instance_id(&mut self) -> String {
        let words = [(); 4].map(|()| format!("{:016x}", self.instance_ids.next_u64()));
        format!("seedpod://{}", words.concat())
    }

    /// The share of one container in what all termination messages may take.
    fn cut_message<'a>(&self, message: &'a str) -> &'a str {
        let share = TERMINATION_MESSAGES_BYTES / self.containers.len().max(1);
        &message[..message.floor_char_boundary(share)]
    }

    fn handle_exited(&mut self, id: ContainerId, mut exit: Exit, now: Instant) {
        self.handle_started(id, now);
        self.end_hooks(id, now);
        exit.message = exit
            .message
            .map(|message| self.cut_message(&message).to_owned());
        self.containers[id.index()].handle_exit(&exit, now, self.epoch);
        self.starts.release(id);
    }

    fn handle_delete(&mut self, grace: Option<GracePeriod>, now: Instant) {
        let default = self.spec.termination_grace_period;
        let Verdict::Accept(grace) = self.admission.delete(grace, default) else {
            return;
        };
        let requested_at = self.deletion.map_or(now, |(at, _)| at);
        if self.deletion.is_none() {
            self.generation += 1;
        }
        self.deletion = Some((requested_at, grace));
        match &mut self.life {
            Life::Active => self.terminate(grace, now),
            Life::Terminating => self.shorten_stops(grace, now),
            Life::Finished | Life::Rejected => {}
        }
    }

    /// Draws all conclusions from what is known at `now`.
    fn advance(&mut self, now: Instant) {
        let containers = &self.containers;
        self.stops.retain(|id, _| containers[id.index()].is_alive());
        self.advance_post_starts(now);
        if self.is_active() && self.deadline.is_some_and(|deadline| deadline <= now) {
            self.exceed_deadline(now);
        }
        if self.is_active()
            && self.sandbox.is_ready()
            && self.start_containers(now) == Progress::Complete
        {
            self.complete(now);
        }
        self.advance_stops(now);
        let mut removed = None;
        if let Life::Terminating = self.life
            && !self.containers.iter().any(Container::is_alive)
        {
            self.life = Life::Finished;
            self.admission.handle_finished();
            self.sandbox.handle_removed();
            removed = Some(Action::RemoveSandbox);
        }
        self.publish(now);
        removed
            .into_iter()
            .for_each(|action| self.outbox.act(action));
    }

    fn is_active(&self) -> bool {
        matches!(self.life, Life::Active)
    }
}

#[cfg(test)]
mod tests;
