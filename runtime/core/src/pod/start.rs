//! Who starts next. As in the kubelet, a look at the pod yields a list of containers to try, which are then tried one
//! after the other; only then comes the next look.

use super::backoff::SYNC_PERIOD;
use super::container::{Container, State, WhyStop};
use super::duration::go_duration;
use super::event::{
    Action, ContainerId, EventReason, EventType, ImageError, ImageErrorReason, ImageFacts,
    ProbeKind, StartError,
};
use super::plan::{Plan, Step, plan};
use super::restart::{Restart, Role};
use super::status::WaitingReason;
use super::{Pod, security};
use crate::image::ImageConfig;
use crate::process::Signal;
use crate::spec::{GracePeriod, ImagePullPolicy, VolumeSource};
use crate::time::Instant;
use std::collections::VecDeque;

/// The steps of one look at the pod.
#[derive(Debug, Default)]
pub(super) struct Starts {
    queue: VecDeque<Step>,
    /// Whose step waits for an answer of the engine.
    busy: Option<ContainerId>,
    /// When the next attempt is due, if none is under way.
    next: Option<Instant>,
}

impl Starts {
    /// When to look again.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn release(&mut self, id: ContainerId) {
        if self.busy == Some(id) {
            self.busy = None;
        }
    }
}

/// One of the images that a container needs before it can start.
struct NeededImage {
    reference: String,
    policy: ImagePullPolicy,
    /// `None` for the container's own.
    volume: Option<String>,
}

/// Whether there is still something to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Yes.
    Ongoing,
    /// No: see [`Plan::Complete`].
    Complete,
}

impl Pod {
    /// Makes attempts until one needs an answer, all containers wait, or the pod is over.
    pub(super) fn start_containers(&mut self, now: Instant) -> Progress {
        self.starts.next = None;
        while self.starts.busy.is_none() {
            if let Some(step) = self.starts.queue.pop_front() {
                match step {
                    Step::Stop { id, why, restart } => self.stop_one(id, why, restart, now),
                    Step::Remove(id) => self.remove(id, now),
                    Step::Removed => self.containers.iter_mut().for_each(Container::forget_reset),
                    Step::Start(id) => self.attempt(id, now),
                }
                continue;
            }
            match plan(&self.spec, &self.containers, now) {
                Plan::Take(steps) => self.starts.queue.extend(steps),
                Plan::Wait(next) => {
                    self.starts.next = next;
                    break;
                }
                Plan::Complete => return Progress::Complete,
            }
        }
        Progress::Ongoing
    }

    fn stop_one(&mut self, id: ContainerId, why: WhyStop, restart: Restart, now: Instant) {
        let own = self.spec_of(id);
        let container = &self.containers[id.index()];
        if container.why_stop(own) != Some(why) {
            return;
        }
        let what = match why {
            WhyStop::Outdated => "definition changed".to_owned(),
            WhyStop::Resized => "resize requires restart".to_owned(),
            WhyStop::Unhealthy(probe) => {
                format!("failed {} probe", probe.to_string().to_lowercase())
            }
        };
        let name = &own.name;
        let message = match (container.role, restart) {
            _ if why == WhyStop::Resized => format!("Container {name} {what}"),
            (Role::Init | Role::Sidecar, _) => format!("Init container {name} {what}"),
            (Role::Regular | Role::Ephemeral, Restart::Never) => format!("Container {name} {what}"),
            (Role::Regular | Role::Ephemeral, Restart::Allowed) => {
                format!("Container {name} {what}, will be restarted")
            }
        };
        let probe = match why {
            WhyStop::Outdated | WhyStop::Resized => None,
            WhyStop::Unhealthy(ProbeKind::Startup) => own.startup_probe.as_ref(),
            WhyStop::Unhealthy(ProbeKind::Liveness) => own.liveness_probe.as_ref(),
            WhyStop::Unhealthy(ProbeKind::Readiness) => own.readiness_probe.as_ref(),
        };
        let grace = probe.and_then(|probe| probe.termination_grace_period);
        let grace = grace.unwrap_or(self.spec.termination_grace_period);
        if restart == Restart::Allowed {
            self.containers[id.index()].replace();
        }
        self.starts.busy = Some(id);
        self.stop_container(id, message, grace, now);
    }

    /// One that still runs is stopped first, and has its turn again when it has ended.
    fn remove(&mut self, id: ContainerId, now: Instant) {
        let container = &mut self.containers[id.index()];
        if container.has_process() {
            let message = format!("Stopping container {}", container.name);
            self.starts.queue.push_front(Step::Remove(id));
            self.starts.busy = Some(id);
            self.stop_container(id, message, GracePeriod { seconds: 0 }, now);
        } else {
            container.reset(now);
        }
    }

    /// Nothing that failed before counts.
    pub(super) fn end_back_offs(&mut self, now: Instant) {
        for container in &mut self.containers {
            container.begin_anew(now);
        }
    }

    /// Either leaves the container waiting for a later time or asks the engine.
    fn attempt(&mut self, id: ContainerId, now: Instant) {
        let pod = self.describe();
        let container = &mut self.containers[id.index()];
        if container.due().is_none() {
            return;
        }
        let name = container.name.clone();
        if let Some(finished) = container.back_off_from() {
            if let Some(until) = container
                .crashes
                .until(finished)
                .filter(|until| now < *until)
            {
                let delay = go_duration(container.crashes.delay());
                let message =
                    format!("back-off {delay} restarting failed container={name} pod={pod}");
                container.wait(WaitingReason::CrashLoopBackOff, message, until);
                let message = format!("Back-off restarting failed container {name} in pod {pod}");
                self.warn(EventReason::BackOff, message, id);
                return;
            }
            container.crashes.attempt(finished, now);
        }
        let image = self.spec_of(id).image.clone();
        self.containers[id.index()].tried_image = image;
        self.pull(id, 0, now);
    }

    /// Asks for an image; the last of a container's is its own.
    fn pull(&mut self, id: ContainerId, index: usize, now: Instant) {
        let needed = self.needed_image(id, index);
        let (image, policy) = (needed.reference, needed.policy);
        if let Some((until, error)) = self.pulls.wait(&image, now) {
            let message = format!("Back-off pulling image {image:?}");
            let full = format!("{message}: {error}");
            self.containers[id.index()].wait(WaitingReason::ImagePullBackOff, full, until);
            self.inform(EventReason::BackOff, message, id);
            self.warn(EventReason::Failed, "Error: ImagePullBackOff", id);
            self.starts.release(id);
            return;
        }
        self.starts.busy = Some(id);
        self.containers[id.index()].state = State::Pulling {
            announced: false,
            index,
        };
        if policy == ImagePullPolicy::Always {
            self.handle_image_pulling(id);
        }
        self.outbox.act(Action::PullImage {
            container: id,
            volume: needed.volume,
        });
    }

    /// The images of the volumes a container mounts, in the order of the pod's volumes, then its own.
    fn needed_image(&self, id: ContainerId, index: usize) -> NeededImage {
        let own = self.spec_of(id);
        let is_mounted = |name: &str| own.volume_mounts.iter().any(|mount| mount.name == name);
        let mounted = self.spec.volumes.iter().filter_map(|volume| {
            let VolumeSource::Image(image) = &volume.source else {
                return None;
            };
            is_mounted(&volume.name).then(|| NeededImage {
                reference: image.reference.clone(),
                policy: image.pull_policy,
                volume: Some(volume.name.clone()),
            })
        });
        mounted.into_iter().nth(index).unwrap_or(NeededImage {
            reference: self.containers[id.index()].tried_image.clone(),
            policy: own.image_pull_policy,
            volume: None,
        })
    }

    pub(super) fn handle_image_pulling(&mut self, id: ContainerId) {
        if let State::Pulling {
            announced: false,
            index,
        } = self.containers[id.index()].state
        {
            self.containers[id.index()].state = State::Pulling {
                announced: true,
                index,
            };
            let image = self.needed_image(id, index).reference;
            self.inform(EventReason::Pulling, format!("Pulling image {image:?}"), id);
        }
    }

    pub(super) fn handle_image_ready(
        &mut self,
        id: ContainerId,
        image: ImageFacts,
        config: &ImageConfig,
        now: Instant,
    ) {
        if !image.already_present {
            self.handle_image_pulling(id);
        }
        let State::Pulling { announced, index } = self.containers[id.index()].state else {
            return;
        };
        let needed = self.needed_image(id, index);
        let name = &needed.reference;
        let message = if announced {
            let time = go_duration(image.pull_time);
            let size = image.size;
            format!(
                "Successfully pulled image {name:?} in {time} ({time} including waiting). Image size: {size} bytes."
            )
        } else {
            format!(
                "Container image {name:?} already present on machine and can be accessed by the pod"
            )
        };
        self.inform(EventReason::Pulled, message, id);
        if needed.volume.is_some() {
            return self.pull(id, index + 1, now);
        }
        let allowed = security::check_non_root(&self.spec, self.spec_of(id), &config.user);
        let user = security::user(&self.spec, self.spec_of(id), &config.user);
        let stop_signal = self.spec_of(id).lifecycle.stop_signal;
        let container = &mut self.containers[id.index()];
        container.image = Some(image);
        container.user = user;
        container.stop_signal = stop_signal.or(config.stop_signal).unwrap_or(Signal::TERM);
        container.state = State::Starting;
        if let Err(error) = allowed {
            let error = StartError::CreateContainerConfig(error.to_string());
            return self.handle_start_failed(id, error, now);
        }
        let attempt = container.attempt();
        self.outbox.act(Action::Start {
            container: id,
            attempt,
        });
    }

    pub(super) fn handle_image_failed(&mut self, id: ContainerId, error: ImageError, now: Instant) {
        let State::Pulling { index, .. } = self.containers[id.index()].state else {
            return;
        };
        let image = self.needed_image(id, index).reference;
        let ImageError {
            reason,
            message: cause,
        } = error;
        let (waiting, message) = match reason {
            ImageErrorReason::ErrImagePull => {
                self.handle_image_pulling(id);
                self.pulls.fail(&image, format!("{reason}: {cause}"), now);
                let message = format!("Failed to pull image {image:?}: {cause}");
                self.warn(EventReason::Failed, message, id);
                (WaitingReason::ErrImagePull, cause)
            }
            ImageErrorReason::ErrImageNeverPull => {
                let message =
                    format!("Container image {image:?} is not present with pull policy of Never");
                self.warn(EventReason::ErrImageNeverPull, message.clone(), id);
                (WaitingReason::ErrImageNeverPull, message)
            }
            ImageErrorReason::InvalidImageName => {
                let message = format!("Failed to apply default image tag {image:?}: {cause}");
                self.warn(EventReason::InspectFailed, message.clone(), id);
                (WaitingReason::InvalidImageName, message)
            }
            ImageErrorReason::ImageInspectError => {
                let message = format!("Failed to inspect image {image:?}: {cause}");
                self.warn(EventReason::InspectFailed, message.clone(), id);
                (WaitingReason::ImageInspectError, message)
            }
        };
        self.warn(EventReason::Failed, format!("Error: {reason}"), id);
        self.containers[id.index()].wait(waiting, message, now + SYNC_PERIOD);
        self.starts.busy = None;
    }

    pub(super) fn handle_started(&mut self, id: ContainerId, now: Instant) {
        if self.containers[id.index()].state != State::Starting {
            return;
        }
        self.inform(EventReason::Created, "Container created", id);
        self.inform(EventReason::Started, "Container started", id);
        self.begin_post_start(id, now);
    }

    pub(super) fn handle_start_failed(&mut self, id: ContainerId, error: StartError, now: Instant) {
        if self.containers[id.index()].state != State::Starting {
            return;
        }
        let waiting = match &error {
            StartError::CreateContainerConfig(_) => WaitingReason::CreateContainerConfigError,
            StartError::CreateContainer(_) => WaitingReason::CreateContainerError,
            StartError::Start(_) => WaitingReason::RunContainerError,
        };
        let (StartError::CreateContainerConfig(message)
        | StartError::CreateContainer(message)
        | StartError::Start(message)) = error;
        if waiting == WaitingReason::RunContainerError {
            let instance = self.next_instance_id();
            self.inform(EventReason::Created, "Container created", id);
            let message = self.cut_message(&message);
            self.containers[id.index()].handle_start_error(instance, message, now, self.epoch);
        } else {
            let due = now + SYNC_PERIOD;
            self.containers[id.index()].wait(waiting, message.clone(), due);
        }
        self.warn(EventReason::Failed, format!("Error: {message}"), id);
        self.starts.release(id);
    }

    fn inform(&mut self, reason: EventReason, message: impl Into<String>, id: ContainerId) {
        self.outbox
            .emit(EventType::Normal, reason, message, Some(id));
    }

    fn warn(&mut self, reason: EventReason, message: impl Into<String>, id: ContainerId) {
        self.outbox
            .emit(EventType::Warning, reason, message, Some(id));
    }
}
