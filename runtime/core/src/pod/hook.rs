//! Hooks (kubelet `lifecycle/handlers.go`): `postStart` holds back everything that comes after the start, `preStop`
//! everything that comes after `Killing`. `exec` and `httpGet` are the engine's work, `sleep` is a timer of the pod.

use super::container::{Container, State};
use super::event::{Action, ContainerId, EventReason, EventType, HookKind};
use super::outbox::Outbox;
use super::{Life, Pod};
use crate::spec::{Hook, TargetPort, TcpSocket};
use crate::time::Instant;

/// What happens when a hook is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// The engine will say how it ended.
    Asked,
    /// It ends by itself.
    Until(Instant),
    /// It has failed with this message.
    Failed(String),
}

/// Runs a hook of the present instance.
pub(super) fn run(
    hook: &Hook,
    kind: HookKind,
    id: ContainerId,
    container: &Container,
    outbox: &mut Outbox,
    now: Instant,
) -> Run {
    match hook {
        Hook::Exec(_) | Hook::HttpGet(_) => {
            outbox.act(Action::RunHook {
                container: id,
                attempt: container.present_attempt().unwrap_or_default(),
                hook: kind,
            });
            Run::Asked
        }
        Hook::Sleep(span) => Run::Until(now + *span),
        Hook::TcpSocket(socket) => Run::Failed(no_handler(socket)),
    }
}

/// Go's print of the handler, which is all that the kubelet says.
fn no_handler(socket: &TcpSocket) -> String {
    let port = match &socket.port {
        TargetPort::Number(port) => format!("{{0 {port} }}"),
        TargetPort::Name(name) => format!("{{1 0 {name}}}"),
    };
    let host = socket.host.as_deref().unwrap_or_default();
    format!(
        "Cannot run handler: invalid handler: &LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:&TCPSocketAction{{Port:{port},Host:{host},}},Sleep:nil,}}"
    )
}

impl Pod {
    /// The process exists: next comes `postStart`, unless the pod ends.
    pub(super) fn begin_post_start(&mut self, id: ContainerId, now: Instant) {
        let hook = self.spec_of(id).lifecycle.post_start.clone();
        let container = &mut self.containers[id.index()];
        let (since, ends) = (now, None);
        container.state = State::PostStart { since, ends };
        let Some(hook) = hook.filter(|_| matches!(self.life, Life::Active)) else {
            return self.finish_start(id, now);
        };
        let kind = HookKind::PostStart;
        match run(&hook, kind, id, container, &mut self.outbox, now) {
            Run::Asked => {}
            Run::Until(at) => {
                let ends = Some(at);
                container.state = State::PostStart { since, ends };
            }
            Run::Failed(message) => self.fail_post_start(id, message, now),
        }
    }

    /// `postStart` is over or there is none: the container is seen running.
    pub(super) fn finish_start(&mut self, id: ContainerId, now: Instant) {
        let State::PostStart { since, .. } = self.containers[id.index()].state else {
            return;
        };
        let instance = self.next_instance_id();
        let container = &mut self.containers[id.index()];
        container.handle_started(instance, since);
        container.probes.begin(since, self.epoch, now);
        if self.stops.contains_key(&id) {
            container.probes.hold();
        }
        self.starts.release(id);
    }

    /// The container is stopped, and nothing else starts before it is dead.
    fn fail_post_start(&mut self, id: ContainerId, message: String, now: Instant) {
        self.warn_of_post_start(id);
        self.containers[id.index()].post_start_error = Some(message);
        let grace = self.spec.termination_grace_period;
        self.stop_container(id, POST_START_KILLING.to_owned(), grace, now);
    }

    fn warn_of_post_start(&mut self, id: ContainerId) {
        let (type_, reason) = (EventType::Warning, EventReason::FailedPostStartHook);
        self.outbox
            .emit(type_, reason, "PostStartHook failed", Some(id));
    }

    fn tell_post_start_killing(&mut self, id: ContainerId) {
        let (type_, reason) = (EventType::Normal, EventReason::Killing);
        self.outbox
            .emit(type_, reason, POST_START_KILLING, Some(id));
    }

    /// The pod ends while the hook runs. The kubelet cancels it, which is a failure.
    pub(super) fn abandon_post_start(&mut self, id: ContainerId, now: Instant) {
        let container = &self.containers[id.index()];
        if !matches!(container.state, State::PostStart { .. }) {
            return;
        }
        if container.post_start_error.is_none() {
            self.warn_of_post_start(id);
            self.tell_post_start_killing(id);
        }
        self.finish_start(id, now);
    }

    pub(super) fn handle_hook_ended(
        &mut self,
        id: ContainerId,
        attempt: u32,
        hook: HookKind,
        result: Result<(), String>,
        now: Instant,
    ) {
        let container = &self.containers[id.index()];
        if container.present_attempt() != Some(attempt) {
            return;
        }
        match hook {
            HookKind::PostStart => {
                let waits = matches!(container.state, State::PostStart { ends: None, .. });
                match result {
                    _ if !waits || container.post_start_error.is_some() => {}
                    Ok(()) => self.finish_start(id, now),
                    Err(message) => self.fail_post_start(id, message, now),
                }
            }
            HookKind::PreStop => self.handle_pre_stop_ended(id, result.map_err(drop), now),
        }
    }

    /// The process is gone, and with it the commands that hooks run in its container.
    pub(super) fn end_hooks(&mut self, id: ContainerId, now: Instant) {
        let lifecycle = self.spec_of(id).lifecycle.clone();
        if let Some(Hook::Exec(_)) = &lifecycle.pre_stop {
            self.handle_pre_stop_ended(id, Err(()), now);
        }
        let container = &self.containers[id.index()];
        if !matches!(container.state, State::PostStart { .. }) {
            return;
        }
        if let (Some(Hook::Exec(command)), None) =
            (&lifecycle.post_start, &container.post_start_error)
        {
            let (name, pod) = (container.name.clone(), self.describe());
            let command = command.join(" ");
            self.warn_of_post_start(id);
            self.tell_post_start_killing(id);
            self.containers[id.index()].post_start_error = Some(format!(
                "Exec lifecycle hook ([{command}]) for Container {name:?} in Pod {pod:?} failed - error: command '{command}' exited with 137: , message: \"\""
            ));
        }
        self.finish_start(id, now);
    }

    /// When a hook that sleeps after a start is over.
    pub(super) fn post_starts_timeout(&self) -> Option<Instant> {
        let ends = |container: &Container| match container.state {
            State::PostStart { ends, .. } => ends,
            _ => None,
        };
        self.containers.iter().filter_map(ends).min()
    }

    /// Ends the sleep of those that have slept enough.
    pub(super) fn advance_post_starts(&mut self, now: Instant) {
        for index in 0..self.containers.len() {
            let State::PostStart { ends, .. } = self.containers[index].state else {
                continue;
            };
            if let (Some(at), Ok(id)) = (ends, u16::try_from(index))
                && at <= now
            {
                self.finish_start(ContainerId(id), now);
            }
        }
    }
}

const POST_START_KILLING: &str = "FailedPostStartHook";
