//! Containers: from an image to a running process, and back.

use super::network::Dials;
use super::{Done, PodTask, entrypoint};
use crate::console::Console;
use crate::description::Description;
use crate::guest::{Container, PodCell, ProcessStart};
use crate::jobs::JobId;
use crate::meters::Meters;
use crate::outbox::LogWriter;
use crate::program::LoadError;
use crate::running::{OnEnd, ProcessEnd, Spawn};
use crate::world::{ImageError, LogLine, LogStream, Output, ResolvedImage};
use bytes::Bytes;
use seedpod_core::limits::{TERMINATION_LOG_BYTES, TERMINATION_MESSAGE_BYTES};
use seedpod_core::pod::{
    self, ContainerId, Event, Exit, ImageErrorReason, ImageFacts, StartError, security,
};
use seedpod_core::process::{NamespaceId, PipeWriter, ProcessId, Program, Signal, pipe};
use seedpod_core::spec;
use seedpod_core::time::Instant;
use seedpod_core::volume::{MemoryVolume, Volume};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// One container of the pod, from one instance to the next.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) main: Option<ProcessId>,
    image: Option<ResolvedImage>,
    pull: Option<JobId>,
    load: Option<JobId>,
    instance: Option<Instance>,
    /// A process namespace that nothing has been started in.
    namespace: Option<NamespaceId>,
    log_tail: VecDeque<u8>,
    /// Bytes of all lines of all instances.
    logged: u64,
    pub(super) dials: Dials,
}

impl Slot {
    /// What counts its present instance.
    pub(super) fn meters(&self) -> Option<&Meters> {
        let instance = self.instance.as_ref();
        instance.map(|instance| &*instance.container.meters)
    }
}

/// What goes with one instance of a container.
pub(super) struct Instance {
    container: Arc<Container>,
    logs: [Arc<LogWriter>; 2],
    termination_log: Arc<MemoryVolume>,
}

/// A container that only lacks its code.
pub(super) struct Prepared {
    instance: Instance,
    program: Bytes,
    start: ProcessStart,
}

/// What came of resolving an image.
pub(super) struct Pulled {
    container: ContainerId,
    /// The volume whose image it is; the container's own when `None`.
    volume: Option<String>,
    result: Result<ResolvedImage, ImageError>,
    time: Duration,
}

impl Slot {
    /// The private layer of the instance that is there.
    pub(super) fn layer(&self) -> Option<&Arc<dyn Volume>> {
        let instance = self.instance.as_ref()?;
        Some(instance.container.files.root_volume())
    }

    /// Bytes written to the log.
    pub(super) fn logged(&self) -> u64 {
        self.logged
    }

    /// Keeps the end of the log, for the termination message.
    pub(super) fn remember(&mut self, line: &LogLine) {
        self.logged += line.bytes.len() as u64 + 1;
        self.log_tail.extend(&line.bytes);
        if !line.partial {
            self.log_tail.push_back(b'\n');
        }
        let excess = self.log_tail.len().saturating_sub(TERMINATION_LOG_BYTES);
        self.log_tail.drain(..excess);
    }
}

impl PodTask {
    pub(super) fn container_spec(&self, id: ContainerId) -> &spec::Container {
        self.pod
            .spec()
            .all_containers()
            .nth(id.index())
            .expect("ids come from the same spec")
    }

    pub(super) fn slot_of(&mut self, container: &str) -> Option<&mut Slot> {
        let index = self
            .pod
            .spec()
            .all_containers()
            .position(|spec| spec.name == container)?;
        self.slots.get_mut(index)
    }

    /// Resolves the image of a container, or of a volume it mounts.
    pub(super) fn pull_image(&mut self, now: Instant, id: ContainerId, volume: Option<String>) {
        let spec = self.container_spec(id);
        let own = (spec.image.clone(), spec.image_pull_policy);
        let mounted = volume.as_ref().and_then(|name| self.image_of(name));
        let (reference, policy) = mounted.unwrap_or(own);
        let world = self.start.world.clone();
        let job = self.jobs.add(async move {
            let result = world.image(&reference, policy).await;
            Done::Image(Pulled {
                container: id,
                volume,
                result,
                time: world.now().saturating_since(now),
            })
        });
        self.slots[id.index()].pull = Some(job);
    }

    pub(super) fn handle_image(&mut self, now: Instant, pulled: Pulled) {
        let Pulled {
            container: id,
            volume,
            result,
            time: pull_time,
        } = pulled;
        self.slots[id.index()].pull = None;
        let event = match result {
            Ok(resolved) => {
                let image = ImageFacts {
                    digest: resolved.image.digest.clone(),
                    size: resolved.image.size,
                    already_present: resolved.already_present,
                    pull_time,
                };
                let config = resolved.image.config.clone();
                if let Some(substitute) = &resolved.substitute {
                    let event = pod::PodEvent {
                        type_: pod::EventType::Normal,
                        reason: pod::EventReason::ImageSubstituted,
                        message: format!(
                            "Image {:?} is {substitute} here",
                            resolved.image.reference
                        ),
                        container: Some(id),
                    };
                    self.start.world.output(&self.name, Output::Event(event));
                }
                match volume {
                    Some(volume) => self.mount_image(&volume, &resolved.image),
                    None => self.slots[id.index()].image = Some(resolved),
                }
                Event::ImageReady {
                    container: id,
                    image,
                    config,
                }
            }
            Err(error) => {
                let reason = match error {
                    ImageError::InvalidName { .. } => ImageErrorReason::InvalidImageName,
                    ImageError::NeverPull(_) => ImageErrorReason::ErrImageNeverPull,
                    ImageError::Pull { .. } => ImageErrorReason::ErrImagePull,
                };
                let error = pod::ImageError {
                    reason,
                    message: error.to_string(),
                };
                Event::ImageFailed {
                    container: id,
                    error,
                }
            }
        };
        self.pod.handle(now, event);
    }

    pub(super) fn start_container(&mut self, now: Instant, id: ContainerId, attempt: u32) {
        match self.prepare(id, attempt) {
            Ok(prepared) => {
                let engine = self.start.engine.clone();
                let job = self.jobs.add(async move {
                    let result = engine.program(prepared.program.clone()).await.map(|_| ());
                    Done::Loaded(id, Box::new(prepared), result)
                });
                self.slots[id.index()].load = Some(job);
            }
            Err(error) => self.pod.handle(
                now,
                Event::StartFailed {
                    container: id,
                    error,
                },
            ),
        }
    }

    fn prepare(&mut self, id: ContainerId, attempt: u32) -> Result<Prepared, StartError> {
        let spec = self.container_spec(id).clone();
        let missing =
            || StartError::CreateContainer(format!("image {:?} is not resolved", spec.image));
        let image = self.slots[id.index()]
            .image
            .as_ref()
            .ok_or_else(missing)?
            .image
            .clone();
        let target = self.target_namespace(&spec)?;
        let given = self.given(&spec, &image)?;
        let meters = self
            .meters
            .container(&spec.resources.limits, self.cell.now());
        let (files, termination_log) = self.files(&spec, &image, &given.environment, &meters)?;
        let (stdin, stdin_writer) = stdin(&spec);
        let console = Console::new(stdin_writer, spec.stdin_once);
        let log = |stream| {
            let (console, outbox) = (console.clone(), self.cell.outbox.clone());
            Arc::new(LogWriter::new(&spec.name, attempt, stream, console, outbox))
        };
        let logs = [LogStream::Stdout, LogStream::Stderr].map(log);
        let container = Arc::new(Container {
            name: spec.name.clone(),
            restart: attempt,
            namespace: self.process_namespace(id, target),
            user: security::user(self.pod.spec(), &spec, &image.config.user),
            files,
            meters,
            environment: given.variables.clone(),
            directory: given.directory.clone(),
            console,
        });
        let streams = standard_streams(stdin, &logs, &self.cell, spec.tty);
        let start = ProcessStart {
            program: Program {
                path: String::new(),
                arguments: given.arguments,
            },
            environment: given.variables,
            directory: given.directory,
            descriptors: streams
                .map(Arc::new)
                .into_iter()
                .zip(0..)
                .map(|(one, number)| (number, one))
                .collect(),
        };
        let (program, start) =
            entrypoint::find(&self.cell, &container.files, start).map_err(StartError::Start)?;
        Ok(Prepared {
            instance: Instance {
                container,
                logs,
                termination_log,
            },
            program,
            start,
        })
    }

    fn process_namespace(&mut self, id: ContainerId, target: Option<NamespaceId>) -> NamespaceId {
        let cell = &self.cell;
        let own = || cell.with(|kernel| kernel.processes.create_namespace());
        self.sandbox
            .shared_namespace
            .or(target)
            .unwrap_or_else(|| *self.slots[id.index()].namespace.get_or_insert_with(own))
    }

    /// The process namespace of the container that an ephemeral one looks at.
    fn target_namespace(&self, spec: &spec::Container) -> Result<Option<NamespaceId>, StartError> {
        let Some(name) = &spec.target_container_name else {
            return Ok(None);
        };
        let target = self.pod.find(name).ok_or_else(|| {
            StartError::CreateContainerConfig(format!("unable to find target container {name}"))
        })?;
        match &self.slots[target.index()].instance {
            Some(instance) => Ok(Some(instance.container.namespace)),
            None => Err(StartError::CreateContainer(format!(
                "failed to generate container spec: invalid target container: container {name:?} is not running"
            ))),
        }
    }

    pub(super) fn handle_loaded(
        &mut self,
        now: Instant,
        id: ContainerId,
        prepared: Prepared,
        result: Result<(), LoadError>,
    ) {
        self.slots[id.index()].load = None;
        let Prepared {
            instance,
            program: code,
            start,
        } = prepared;
        if let Err(error) = result {
            let path = start.program.arguments.first().map_or("", String::as_str);
            let error = StartError::Start(format!("exec: {path:?}: {error}"));
            self.pod.handle(
                now,
                Event::StartFailed {
                    container: id,
                    error,
                },
            );
            return;
        }
        let container = instance.container.clone();
        let program = start.program.clone();
        let added = self.cell.with(|kernel| {
            kernel
                .processes
                .spawn(container.namespace, None, &container.name, program, now)
        });
        match added {
            Ok(process) => {
                let slot = &mut self.slots[id.index()];
                slot.log_tail.clear();
                slot.main = Some(process);
                slot.namespace = None;
                slot.instance = Some(instance);
                self.cell
                    .containers()
                    .insert(container.name.clone(), container.clone());
                self.start_process(Spawn {
                    process,
                    container,
                    program: code,
                    start,
                    on_end: OnEnd::Nothing,
                });
                self.pod.handle(now, Event::Started { container: id });
            }
            Err(error) => {
                let error = StartError::Start(error.to_string());
                self.pod.handle(
                    now,
                    Event::StartFailed {
                        container: id,
                        error,
                    },
                );
            }
        }
    }

    pub(super) fn kill_container(&mut self, now: Instant, id: ContainerId) {
        let slot = &mut self.slots[id.index()];
        if let Some(load) = slot.load.take() {
            self.jobs.remove(load);
            let error = StartError::Start("killed before it started".to_owned());
            self.pod.handle(
                now,
                Event::StartFailed {
                    container: id,
                    error,
                },
            );
        } else if let Some(main) = slot.main {
            self.cell
                .with(|kernel| kernel.processes.signal(main, Signal::KILL));
        }
    }

    /// The first process of a container has ended: so has the container.
    pub(super) fn handle_container_end(&mut self, now: Instant, index: usize, end: &ProcessEnd) {
        let slot = &mut self.slots[index];
        slot.main = None;
        for dial in slot.dials.take() {
            self.jobs.remove(dial);
        }
        let Some(instance) = slot.instance.take() else {
            return;
        };
        let container = instance.container.name.clone();
        // From here on nobody adds a process.
        self.cell.containers().remove(&container);
        for process in self
            .cell
            .with(|kernel| kernel.processes.alive_in(&container))
        {
            self.cell
                .with(|kernel| kernel.processes.signal(process, Signal::KILL));
        }
        self.after_step(now);
        for log in &instance.logs {
            log.finish(now);
        }
        instance.container.console.end();
        self.after_step(now);
        let oom_killed = instance.container.meters.memory.is_exceeded();
        let message = self.termination_message(index, &instance, end);
        let id = ContainerId(u16::try_from(index).expect("a pod has fewer containers than 2^16"));
        let exit = Exit {
            status: end.status,
            oom_killed,
            message,
        };
        self.pod.handle(
            now,
            Event::Exited {
                container: id,
                exit,
            },
        );
    }

    fn termination_message(
        &mut self,
        index: usize,
        instance: &Instance,
        end: &ProcessEnd,
    ) -> Option<String> {
        let spec = self.pod.spec().all_containers().nth(index)?;
        let file = instance
            .termination_log
            .tail(TERMINATION_LOG, TERMINATION_MESSAGE_BYTES)
            .unwrap_or_default();
        let log = self.slots[index].log_tail.make_contiguous();
        pod::termination_message(
            spec.termination_message_policy,
            end.status.code(),
            &file,
            log,
        )
        .or_else(|| end.message.clone())
    }

    /// A process other than the first of its container exceeded the memory limit: the whole container goes, as with
    /// `memory.oom.group` (Kubernetes 1.28).
    pub(super) fn kill_out_of_memory(&mut self) {
        for slot in &self.slots {
            if let (Some(main), Some(instance)) = (slot.main, &slot.instance)
                && instance.container.meters.memory.is_exceeded()
            {
                self.cell
                    .with(|kernel| kernel.processes.signal(main, Signal::KILL));
            }
        }
    }
}

/// Standard input: at its end, or open and empty until somebody can attach.
fn stdin(spec: &spec::Container) -> (Description, Option<PipeWriter>) {
    if !spec.stdin {
        return (Description::Null, None);
    }
    let (reader, writer) = pipe();
    (Description::PipeReader(reader), Some(writer))
}

/// A terminal has one output for both.
fn standard_streams(
    stdin: Description,
    logs: &[Arc<LogWriter>; 2],
    cell: &Arc<PodCell>,
    tty: bool,
) -> [Description; 3] {
    let [stdout, stderr] = logs;
    let log = |log: &Arc<LogWriter>| Description::Log(log.clone(), cell.clone());
    if !tty {
        return [stdin, log(stdout), log(stderr)];
    }
    [stdin, log(stdout), log(stdout)].map(|one| Description::Terminal(Box::new(one)))
}

/// Name of the file in its single-file volume.
pub(super) const TERMINATION_LOG: &str = "termination-log";
