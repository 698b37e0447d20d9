//! One container: what it does right now, how its instances ended, and when it may be tried again.

use super::backoff::Backoff;
use super::event::{Exit, ImageFacts, ProbeKind};
use super::past::PastContainer;
use super::probe::Probes;
use super::restart::{Restart, Role, rule_for};
use super::security::User;
use super::status::{
    ContainerState, ContainerStatus, Terminated, TerminatedReason, Waiting, WaitingReason,
};
use crate::process::Signal;
use crate::spec::{self, ResizeRestartPolicy, RestartAction};
use crate::time::{Instant, WallTime};

/// The first process of a container and the attempts to have one.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) state: State,
    /// Why the last attempt did not lead to a running instance.
    pub(super) failure: Option<Waiting>,
    pub(super) crashes: Backoff,
    pub(super) image: Option<ImageFacts>,
    pub(super) user: User,
    /// The image of the last attempt, as the spec had it then.
    pub(super) tried_image: String,
    /// The image of the last instance.
    instance_image: String,
    pub(super) stop_signal: Signal,
    pub(super) probes: Probes,
    /// Whether this instance has to make way for one with other resources.
    is_resized: bool,
    /// The probe that says that this instance has to be stopped.
    pub(super) unhealthy: Option<ProbeKind>,
    /// What `postStart` of this instance has failed with.
    pub(super) post_start_error: Option<String>,
    /// It starts again whatever its exit code says.
    pub(super) is_forced: bool,
    /// It is stopped only to be started again.
    is_replaced: bool,
    latest: Option<Ended>,
    previous: Option<Ended>,
    /// How many times it ran, this time included.
    instances: u32,
    /// What people see of that.
    restart_count: u32,
    /// Whether the last instance, dead or alive, is still there.
    is_there: bool,
    id: Option<String>,
}

/// Why a container has to be stopped while the pod goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhyStop {
    /// The spec has another image by now; it starts again whatever its policy.
    Outdated,
    /// The spec has other resources by now, which it cannot take over as it runs; it starts again whatever its policy.
    Resized,
    /// A probe has failed.
    Unhealthy(ProbeKind),
}

/// What happens to a container right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing, until `due` at the earliest.
    Waiting { due: Instant },
    /// The `index`-th of its images is being resolved.
    Pulling { announced: bool, index: usize },
    /// It is being created and started.
    Starting,
    /// Its first process exists and `postStart` runs, until `ends` if it sleeps; others still see it as it was before.
    PostStart {
        since: Instant,
        ends: Option<Instant>,
    },
    /// Its first process exists.
    Running { since: Instant },
    /// Its last instance ended and nobody has decided yet whether it starts again, or it never will.
    Terminated,
}

#[derive(Clone, Debug)]
struct Ended {
    /// When, as long as it counts for back-off: until all start anew.
    at: Option<Instant>,
    shown: Terminated,
}

impl Container {
    pub(super) fn new(own: &spec::Container, role: Role, now: Instant) -> Self {
        Self {
            name: own.name.clone(),
            role,
            state: State::Waiting { due: now },
            failure: None,
            crashes: Backoff::default(),
            image: None,
            user: User::default(),
            tried_image: own.image.clone(),
            instance_image: own.image.clone(),
            stop_signal: Signal::TERM,
            probes: Probes::new(own),
            is_resized: false,
            unhealthy: None,
            post_start_error: None,
            is_forced: false,
            is_replaced: false,
            latest: None,
            previous: None,
            instances: 0,
            restart_count: 0,
            is_there: false,
            id: None,
        }
    }

    /// Whether a first process exists or may come to exist.
    pub(super) fn is_alive(&self) -> bool {
        self.state == State::Starting || self.has_process()
    }

    /// Whether its first process exists.
    pub(super) fn has_process(&self) -> bool {
        matches!(self.state, State::PostStart { .. } | State::Running { .. })
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether there was an instance since the pod started, or started anew.
    pub(super) fn has_run(&self) -> bool {
        self.is_there
    }

    /// Whether it runs another image than the spec says by now, and is not one that runs only once.
    pub(super) fn is_outdated(&self, own: &spec::Container) -> bool {
        self.goes_on() && self.instance_image != own.image
    }

    /// Whether it runs, and is to run for as long as the pod does.
    fn goes_on(&self) -> bool {
        self.is_running() && matches!(self.role, Role::Sidecar | Role::Regular)
    }

    pub(super) fn why_stop(&self, own: &spec::Container) -> Option<WhyStop> {
        match (self.is_outdated(own), self.unhealthy) {
            (true, _) => Some(WhyStop::Outdated),
            (false, Some(probe)) => Some(WhyStop::Unhealthy(probe)),
            (false, None) => (self.is_resized && self.goes_on()).then_some(WhyStop::Resized),
        }
    }

    /// Whether it is to be stopped only to be started again, whatever the policies.
    pub(super) fn is_replaced_by(&self, own: &spec::Container) -> bool {
        let why = self.why_stop(own);
        matches!(why, Some(WhyStop::Outdated | WhyStop::Resized))
    }

    /// The spec was `old` and is `new` by now. Memory that is only requested changes nothing.
    pub(super) fn handle_resize(&mut self, old: &spec::Container, new: &spec::Container) {
        let restart = ResizeRestartPolicy::RestartContainer;
        let (before, after) = (&old.resources, &new.resources);
        let cpu = |resources: &spec::Resources| (resources.limits.cpu_m, resources.requests.cpu_m);
        let is_new_cpu = cpu(before) != cpu(after);
        let is_new_memory = before.limits.memory != after.limits.memory;
        self.is_resized |= self.has_process()
            && ((is_new_cpu && new.resize_policy.cpu == restart)
                || (is_new_memory && new.resize_policy.memory == restart));
    }

    /// The number of the next instance, from 0.
    pub(super) fn attempt(&self) -> u32 {
        self.instances
    }

    /// The number of the instance whose first process exists, from 0.
    pub(super) fn present_attempt(&self) -> Option<u32> {
        match self.state {
            State::PostStart { .. } => Some(self.instances),
            State::Running { .. } => Some(self.instances.saturating_sub(1)),
            _ => None,
        }
    }

    /// Whether its startup is over.
    pub(super) fn started(&self) -> bool {
        self.is_running() && self.probes.started()
    }

    /// Whether it counts as ready.
    pub(super) fn ready(&self) -> bool {
        match self.role {
            Role::Init => !self.is_alive() && self.exit_code() == Some(0),
            Role::Sidecar | Role::Regular => self.started() && self.probes.ready(),
            Role::Ephemeral => false,
        }
    }

    /// How the last instance ended.
    pub(super) fn exit_code(&self) -> Option<i32> {
        let latest = self.latest.as_ref().filter(|_| self.is_there);
        latest.map(|ended| ended.shown.exit_code)
    }

    /// Whether its exit asks for a new start of all. A program that could not start has not exited.
    pub(super) fn restarts_all(&self, own: &spec::Container) -> bool {
        let exited = |ended: &&Ended| ended.shown.reason != TerminatedReason::StartError;
        let latest = self.latest.as_ref().filter(exited);
        let code = latest.and(self.exit_code());
        !self.is_alive()
            && !self.is_forced
            && self.role != Role::Ephemeral
            && code.and_then(|code| rule_for(own, code))
                == Some(RestartAction::RestartAllContainers)
    }

    /// It is about to be stopped and will start again, whatever the policies say of its exit code.
    pub(super) fn replace(&mut self) {
        (self.is_forced, self.is_replaced) = (true, true);
    }

    /// The end that the back-off of the next attempt counts from. The kubelet stops and starts in one go and still knows
    /// only the instance before: so the first attempt after a stop mostly does not wait.
    pub(super) fn back_off_from(&mut self) -> Option<Instant> {
        let ended = match std::mem::take(&mut self.is_replaced) {
            true => self.previous.as_ref(),
            false => self.latest.as_ref(),
        };
        ended.and_then(|ended| ended.at)
    }

    /// Whether it is to run again; always, before its first instance.
    pub(super) fn restart(&self, pod: &spec::Pod, own: &spec::Container) -> Restart {
        let code = self.exit_code().filter(|_| !self.is_forced);
        code.map_or(Restart::Allowed, |code| {
            Restart::after_exit(pod.restart_policy, own, self.role, code)
        })
    }

    /// When the next attempt may be made; `None` while one is under way or it runs.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { due } => Some(due),
            State::Terminated => Some(Instant::ZERO),
            State::Pulling { .. }
            | State::Starting
            | State::PostStart { .. }
            | State::Running { .. } => None,
        }
    }

    /// The last attempt failed; the next one comes at `due`.
    pub(super) fn wait(&mut self, reason: WaitingReason, message: String, due: Instant) {
        let message = Some(message);
        self.failure = Some(Waiting { reason, message });
        self.state = State::Waiting { due };
    }

    /// The pod ends: the image is not needed any more.
    pub(super) fn give_up_pull(&mut self, now: Instant) {
        if let State::Pulling { .. } = self.state {
            self.state = State::Waiting { due: now };
        }
    }

    /// The spec has another image or other resources: nothing that failed before counts.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        self.crashes = Backoff::default();
        if let State::Waiting { due } = &mut self.state {
            *due = now;
        }
    }

    /// Its instances are gone, and it starts as if for the first time.
    pub(super) fn reset(&mut self, now: Instant) {
        if self.is_there
            && self.failure.is_none()
            && let Some(latest) = &mut self.latest
        {
            let message = Some(RESET_MESSAGE.to_owned());
            latest.shown = Terminated {
                exit_code: 137,
                reason: TerminatedReason::RestartingAllContainers,
                message: message.clone(),
                started_at: WallTime::default(),
                finished_at: WallTime::default(),
                container_id: String::new(),
            };
            let reason = WaitingReason::RestartingAllContainers;
            self.failure = Some(Waiting { reason, message });
            self.restart_count += 1;
        }
        if let Some(latest) = &mut self.latest {
            latest.at = None;
        }
        (self.previous, self.id) = (None, None);
        (self.is_there, self.is_forced, self.is_replaced) = (false, false, false);
        self.state = State::Waiting { due: now };
    }

    /// All others are gone too.
    pub(super) fn forget_reset(&mut self) {
        if !self.is_there && self.latest.is_some() {
            self.failure = None;
        }
    }

    /// It has run before the machine started again.
    pub(super) fn take_up(&mut self, past: &PastContainer, restart: Restart) {
        self.restart_count = past.restart_count;
        self.instances = past.restart_count.saturating_add(1);
        self.latest = Some(Ended {
            at: None,
            shown: past.ended.clone(),
        });
        if restart == Restart::Never {
            self.is_there = true;
            self.id = Some(past.ended.container_id.clone()).filter(|id| !id.is_empty());
            self.state = State::Terminated;
        }
    }

    fn add_instance(&mut self, id: String) {
        self.restart_count = self.instances;
        self.instances += 1;
        self.id = Some(id);
        self.instance_image.clone_from(&self.tried_image);
        (self.is_there, self.is_forced) = (true, false);
    }

    pub(super) fn handle_started(&mut self, id: String, now: Instant) {
        self.add_instance(id);
        self.failure = None;
        self.state = State::Running { since: now };
    }

    /// Its program could not start: an instance that ends where it begins.
    pub(super) fn handle_start_error(
        &mut self,
        id: String,
        message: &str,
        now: Instant,
        epoch: WallTime,
    ) {
        self.add_instance(id);
        self.failure = Some(Waiting {
            reason: WaitingReason::RunContainerError,
            message: Some(message.to_owned()),
        });
        let message = (!message.is_empty()).then(|| message.to_owned());
        self.end(128, TerminatedReason::StartError, message, None, now, epoch);
    }

    pub(super) fn handle_exit(&mut self, exit: &Exit, now: Instant, epoch: WallTime) {
        let State::Running { since } = self.state else {
            return;
        };
        let code = if exit.oom_killed {
            137
        } else {
            exit.status.code()
        };
        let reason = match code {
            _ if exit.oom_killed => TerminatedReason::OOMKilled,
            0 => TerminatedReason::Completed,
            _ => TerminatedReason::Error,
        };
        let message = exit.message.clone().filter(|text| !text.is_empty());
        self.end(code, reason, message, Some(since), now, epoch);
    }

    fn end(
        &mut self,
        exit_code: i32,
        reason: TerminatedReason,
        message: Option<String>,
        since: Option<Instant>,
        now: Instant,
        epoch: WallTime,
    ) {
        let shown = Terminated {
            exit_code,
            reason,
            message,
            started_at: since.map_or(WallTime::default(), |since| epoch.at(since)),
            finished_at: epoch.at(now),
            container_id: self.id.clone().unwrap_or_default(),
        };
        let ended = Ended {
            at: Some(now),
            shown,
        };
        self.previous = self.latest.replace(ended);
        self.state = State::Terminated;
        self.probes.end();
        (self.unhealthy, self.is_resized) = (None, false);
        if let Some(message) = self.post_start_error.take() {
            self.failure = Some(Waiting {
                reason: WaitingReason::PostStartHookError,
                message: Some(message),
            });
        }
    }

    /// Known once there is an instance of it, as the kubelet asks the instance.
    fn image_id(&self) -> String {
        let image = self.image.as_ref().filter(|_| self.has_run());
        image.map_or_else(String::new, |image| image.digest.clone())
    }

    /// What people see: a dead container is `Terminated` until an attempt to restart it left a reason to wait.
    pub(super) fn status(
        &self,
        own: &spec::Container,
        epoch: WallTime,
        view: View,
    ) -> ContainerStatus {
        let latest = self.latest.as_ref().map(|ended| ended.shown.clone());
        let failure = self.failure.clone().filter(|_| match view.restart {
            Restart::Allowed => true,
            Restart::Never => latest.is_none() || !self.is_there,
        });
        let (state, last_state) = match (self.state, failure, latest) {
            (State::Running { since }, _, latest) => {
                let started_at = epoch.at(since);
                (ContainerState::Running { started_at }, latest)
            }
            (_, Some(failure), latest) => (ContainerState::Waiting(failure), latest),
            (_, None, Some(latest)) if self.is_there => {
                let previous = self.previous.as_ref().map(|ended| ended.shown.clone());
                (ContainerState::Terminated(latest), previous)
            }
            (_, None, latest) => {
                let (reason, message) = (view.untried, None);
                (ContainerState::Waiting(Waiting { reason, message }), latest)
            }
        };
        ContainerStatus {
            name: own.name.clone(),
            state,
            last_state,
            ready: self.ready(),
            started: self.started(),
            restart_count: self.restart_count,
            image: match self.is_there {
                true => self.instance_image.clone(),
                false => own.image.clone(),
            },
            image_id: self.image_id(),
            container_id: self.id.clone(),
            user: self.is_there.then(|| self.user.clone()),
        }
    }
}

const RESET_MESSAGE: &str = "The container is removed because RestartAllContainers in place";

/// What the pod adds to the view of one container.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// Whether it would start again; never while the pod ends.
    pub(super) restart: Restart,
    /// What it waits for before its first attempt.
    pub(super) untried: WaitingReason,
}
