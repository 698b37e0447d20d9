//! Probes and hooks that run a command in their container. Those that go over the network are in `network`.

use super::PodTask;
use super::added::{AddError, Addition};
use crate::capture::Ran;
use crate::description::Description;
use crate::running::{HookRun, OnEnd, ProbeRun};
use seedpod_core::pod::{ContainerId, Event, HookKind, ProbeKind, ProbeResult, command};
use seedpod_core::probe_client::{Client, Purpose};
use seedpod_core::process::{ExitStatus, ProcessId};
use seedpod_core::spec::{self, Hook, ProbeHandler};
use seedpod_core::time::Instant;

impl PodTask {
    pub(super) fn run_probe(&mut self, now: Instant, run: ProbeRun) {
        let spec = self.container_spec(run.container);
        let Some(probe) = probe_of(spec, run.probe) else {
            return;
        };
        let timeout = now + probe.timeout;
        match &probe.handler {
            ProbeHandler::Exec(argv) => {
                let argv = command::probe_command(spec, argv);
                let ran = Ran::new(&argv, Some(probe.timeout));
                match self.run_command(run.container, argv, &ran, OnEnd::Probe(run, ran.clone())) {
                    Ok(process) => self.set_timeout(process, timeout),
                    Err(AddError::NotRunning) => {}
                    Err(error) => {
                        let error = ProbeResult::Error(self.exec_error(&error));
                        self.answer_probe(now, run, error);
                    }
                }
            }
            ProbeHandler::HttpGet(get) => {
                let client = Client::http_get(Purpose::Probe, get, spec, self.pod_ip());
                self.dial_probe(now, run, client, timeout);
            }
            ProbeHandler::TcpSocket(socket) => {
                let client = Client::tcp_socket(socket, spec, self.pod_ip());
                self.dial_probe(now, run, client, timeout);
            }
            ProbeHandler::Grpc { port, service } => {
                let client = Client::grpc(*port, service, probe.timeout, self.pod_ip());
                self.dial_probe(now, run, Ok(client), timeout);
            }
        }
    }

    pub(super) fn run_hook(&mut self, now: Instant, run: HookRun) {
        match hook_of(self.container_spec(run.container), run.hook) {
            Some(Hook::Exec(argv)) => {
                let argv = argv.clone();
                let ran = Ran::new(&argv, None);
                match self.run_command(run.container, argv, &ran, OnEnd::Hook(run, ran.clone())) {
                    Ok(_) | Err(AddError::NotRunning) => {}
                    Err(error) => {
                        let text = self.hook_failure(run, &ran, &self.exec_error(&error));
                        self.answer_hook(now, run, Err(text));
                    }
                }
            }
            Some(Hook::HttpGet(get)) => {
                let get = get.clone();
                self.dial_hook(now, run, &get);
            }
            // Those are the state machine's own.
            Some(Hook::Sleep(_) | Hook::TcpSocket(_)) | None => {}
        }
    }

    fn run_command(
        &mut self,
        container: ContainerId,
        command: Vec<String>,
        ran: &Ran,
        on_end: OnEnd,
    ) -> Result<ProcessId, AddError> {
        let addition = Addition {
            command,
            descriptors: [
                Description::Null,
                Description::Capture(ran.stdout.clone()),
                Description::Capture(ran.stderr.clone()),
            ],
            tty: false,
            on_end,
        };
        let process = addition.add(&self.cell, &self.container_spec(container).name)?;
        self.start_spawned();
        Ok(process)
    }

    /// A process that somebody outside waited for has ended.
    pub(super) fn tell_end(
        &mut self,
        now: Instant,
        on_end: OnEnd,
        status: ExitStatus,
        timed_out: bool,
    ) {
        match on_end {
            OnEnd::Nothing => {}
            OnEnd::Session(sender) => sender.send(status),
            OnEnd::Probe(run, ran) => {
                let result = match status {
                    _ if timed_out => ProbeResult::Failure(ran.timeout_text()),
                    ExitStatus::Exited(0) => ProbeResult::Success,
                    ExitStatus::Exited(_) | ExitStatus::Signaled(_) => {
                        ProbeResult::Failure(ran.output())
                    }
                };
                self.answer_probe(now, run, result);
            }
            OnEnd::Hook(run, ran) => {
                let result = match status {
                    ExitStatus::Exited(0) => Ok(()),
                    ExitStatus::Exited(_) | ExitStatus::Signaled(_) => {
                        Err(self.hook_failure(run, &ran, &ran.exit_text(status)))
                    }
                };
                self.answer_hook(now, run, result);
            }
        }
    }

    /// Nothing is said about an instance that has ended.
    pub(super) fn answer_probe(&mut self, now: Instant, run: ProbeRun, result: ProbeResult) {
        let ProbeRun {
            container,
            attempt,
            probe,
        } = run;
        if self.is_running(container) {
            let event = Event::Probed {
                container,
                attempt,
                probe,
                result,
            };
            self.pod.handle(now, event);
        }
    }

    pub(super) fn answer_hook(&mut self, now: Instant, run: HookRun, result: Result<(), String>) {
        let HookRun {
            container,
            attempt,
            hook,
        } = run;
        if self.is_running(container) {
            let event = Event::HookEnded {
                container,
                attempt,
                hook,
                result,
            };
            self.pod.handle(now, event);
        }
    }

    fn is_running(&self, container: ContainerId) -> bool {
        self.slots
            .get(container.index())
            .is_some_and(|slot| slot.main.is_some())
    }

    /// What the kubelet makes of containerd's answer.
    fn exec_error(&self, error: &AddError) -> String {
        let id = self.processes.exec_id(self.start.seed);
        format!(
            "rpc error: code = Unknown desc = failed to exec in container: {}",
            error.start_failure(&id)
        )
    }

    fn hook_failure(&self, run: HookRun, ran: &Ran, error: &str) -> String {
        let container = &self.container_spec(run.container).name;
        let (meta, uid) = (&self.pod.spec().meta, &self.start.uid);
        let pod = format!("{}_{}({uid})", meta.name, meta.namespace);
        format!(
            "Exec lifecycle hook ([{}]) for Container {container:?} in Pod {pod:?} failed - error: {error}, message: {:?}",
            ran.command,
            ran.output()
        )
    }
}

fn probe_of(spec: &spec::Container, kind: ProbeKind) -> Option<&spec::Probe> {
    match kind {
        ProbeKind::Startup => spec.startup_probe.as_ref(),
        ProbeKind::Liveness => spec.liveness_probe.as_ref(),
        ProbeKind::Readiness => spec.readiness_probe.as_ref(),
    }
}

pub(super) fn hook_of(spec: &spec::Container, kind: HookKind) -> Option<&Hook> {
    match kind {
        HookKind::PostStart => spec.lifecycle.post_start.as_ref(),
        HookKind::PreStop => spec.lifecycle.pre_stop.as_ref(),
    }
}
