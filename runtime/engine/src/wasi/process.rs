//! `seedpod:process`: spawn, pipes, wait, kill, and a way to learn of signals.

use crate::description::{Description, DescriptionError};
use crate::exec::ExecError;
use crate::guest::{Guest, PodCell, ProcessStart};
use crate::running::Spawn;
use async_trait::async_trait;
use bytes::Bytes;
use seedpod_core::limits::{ARG_BYTES, DESCRIPTORS_PER_SPAWN};
use seedpod_core::process::{
    Disposition, ExitStatus, KillError, Process, ProcessId, Program, Signal, SpawnError, State,
    WaitError, Which, pipe,
};
use seedpod_core::volume::{At, Device, Errno, FileType, Follow, OpenFlags};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

mod bindings {
    wasmtime::component::bindgen!({
        path: ["wit/deps/io.wit", "../../guests/sdk/wit/process.wit"],
        world: "seedpod:process/process",
        with: {
            "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
            "seedpod:process/descriptors.description": super::Handle,
        },
        imports: {
            default: trappable,
            "seedpod:process/descriptors.[method]description.read": async | trappable,
            "seedpod:process/descriptors.[method]description.write": async | trappable,
            "seedpod:process/processes.kill": async | trappable,
            "seedpod:process/processes.wait": async | trappable,
        },
    });
}

use bindings::seedpod::process::{descriptors, processes, signals, types};
use types::Error;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    descriptors::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    processes::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    signals::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

/// A handle of an open file description.
pub struct Handle(Arc<Description>);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl descriptors::Host for Guest {
    fn pipe(&mut self) -> Answer<(Resource<Handle>, Resource<Handle>)> {
        let (reader, writer) = pipe();
        let reader = self
            .table
            .push(Handle(Arc::new(Description::PipeReader(reader))))?;
        let writer = self
            .table
            .push(Handle(Arc::new(Description::PipeWriter(writer))))?;
        Ok(Ok((reader, writer)))
    }

    fn open(&mut self, path: String, how: descriptors::OpenFlags) -> Answer<Resource<Handle>> {
        match self.open_description(&path, how) {
            Ok(description) => Ok(Ok(self.table.push(Handle(description))?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn inherited(&mut self, number: u32) -> wasmtime::Result<Option<Resource<Handle>>> {
        let description = self.start.descriptors.get(&number).cloned();
        Ok(description
            .map(|description| self.table.push(Handle(description)))
            .transpose()?)
    }
}

impl descriptors::HostDescription for Guest {
    async fn read(&mut self, handle: Resource<Handle>, max: u32) -> Answer<Vec<u8>> {
        let description = self.table.get(&handle)?.0.clone();
        let max = (max as usize).min(READ_BYTES_MAX);
        let result = self
            .interruptible(|waker| description.poll_read(max, waker))
            .await;
        Ok(result
            .and_then(|read| read.map_err(Error::from))
            .map(Vec::from))
    }

    async fn write(&mut self, handle: Resource<Handle>, bytes: Vec<u8>) -> Answer<()> {
        let description = self.table.get(&handle)?.0.clone();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            // POSIX: a write that a signal interrupts half-way reports success for the part; ours is all or nothing, so
            // it goes on.
            match poll_fn(|cx| description.poll_write(rest, cx.waker())).await {
                Ok(count) => rest = &rest[count..],
                Err(error) => {
                    if error == DescriptionError::BrokenPipe {
                        self.pod
                            .with(|kernel| kernel.processes.signal(self.process, Signal::PIPE));
                    }
                    return Ok(Err(error.into()));
                }
            }
        }
        Ok(Ok(()))
    }

    fn subscribe_read(
        &mut self,
        handle: Resource<Handle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let description = self.table.get(&handle)?.0.clone();
        let readable = self.table.push(Readable(description))?;
        subscribe(&mut self.table, readable)
    }

    fn subscribe_write(
        &mut self,
        handle: Resource<Handle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let description = self.table.get(&handle)?.0.clone();
        let writable = self.table.push(Writable(description))?;
        subscribe(&mut self.table, writable)
    }

    fn duplicate(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Resource<Handle>> {
        let description = self.table.get(&handle)?.0.clone();
        Ok(self.table.push(Handle(description))?)
    }

    fn kind(&mut self, handle: Resource<Handle>) -> wasmtime::Result<descriptors::Kind> {
        Ok(match &*self.table.get(&handle)?.0 {
            Description::Null => descriptors::Kind::Null,
            Description::PipeReader(_) | Description::PipeWriter(_) => descriptors::Kind::Pipe,
            Description::Log(..) => descriptors::Kind::Log,
            Description::File(file, _) if file.kind() == FileType::Directory => {
                descriptors::Kind::Directory
            }
            Description::File(..) => descriptors::Kind::File,
        })
    }

    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

/// How much one read can return.
const READ_BYTES_MAX: usize = 64 << 10;

impl processes::Host for Guest {
    fn spawn(
        &mut self,
        program: processes::Program,
        descriptors: Vec<(u32, Resource<Handle>)>,
    ) -> Answer<u32> {
        let prepared = match self.prepare(program, &descriptors)? {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error)),
        };
        let (program, start) = prepared;
        let now = self.pod.now();
        let added = self.pod.with(|kernel| {
            let (namespace, container) = (self.container.namespace, &self.container.name);
            let program = start.program.clone();
            let process =
                kernel
                    .processes
                    .spawn(namespace, Some(self.process), container, program, now)?;
            let pid = kernel.processes.get(process).map_or(0, |row| row.pid);
            Ok::<_, SpawnError>((process, pid))
        });
        match added {
            Ok((process, pid)) => {
                let container = self.container.clone();
                self.pod.spawned().push(Spawn {
                    process,
                    container,
                    program,
                    start,
                });
                Ok(Ok(pid))
            }
            Err(SpawnError::Limit | SpawnError::NamespaceGone) => Ok(Err(Error::Limit)),
        }
    }

    fn exec(
        &mut self,
        program: processes::Program,
        descriptors: Vec<(u32, Resource<Handle>)>,
    ) -> wasmtime::Result<Error> {
        let (program, start) = match self.prepare(program, &descriptors)? {
            Ok(prepared) => prepared,
            Err(error) => return Ok(error),
        };
        self.pod
            .with(|kernel| kernel.processes.exec(self.process, start.program.clone()));
        let container = self.container.clone();
        self.replacement = Some(Spawn {
            process: self.process,
            container,
            program,
            start,
        });
        Err(wasmtime::format_err!("replaced by another program"))
    }

    async fn wait(&mut self, which: processes::Which) -> Answer<(u32, processes::ExitStatus)> {
        let (pod, process) = (self.pod.clone(), self.process);
        let which = which.into();
        let ended =
            poll_fn(|cx| pod.with(|kernel| kernel.processes.poll_wait(process, which, cx.waker())))
                .await;
        Ok(ended
            .map(|(pid, status)| (pid, status.into()))
            .map_err(Error::from))
    }

    fn try_wait(
        &mut self,
        which: processes::Which,
    ) -> Answer<Option<(u32, processes::ExitStatus)>> {
        let ended = self
            .pod
            .with(|kernel| kernel.processes.try_wait(self.process, which.into()));
        Ok(ended
            .map(|ended| ended.map(|(pid, status)| (pid, status.into())))
            .map_err(Error::from))
    }

    /// A process that kills itself does not come back.
    async fn kill(&mut self, target: u32, signal: u8) -> Answer<()> {
        let signal = match (signal, Signal::new(signal)) {
            (0, _) => None,
            (_, Some(signal)) => Some(signal),
            (_, None) => return Ok(Err(Error::Invalid)),
        };
        let targets = if target == 0 {
            self.everyone_else()
        } else {
            vec![target]
        };
        let sent = self.pod.with(|kernel| {
            targets
                .iter()
                .map(|pid| kernel.processes.kill(self.process, *pid, signal))
                .collect::<Result<Vec<()>, _>>()
        });
        if self
            .pod
            .with(|kernel| kernel.processes.is_killed(self.process))
        {
            std::future::pending::<()>().await;
        }
        Ok(sent
            .map(|_| ())
            .map_err(|KillError::NoSuchProcess| Error::NoSuchProcess))
    }

    fn id(&mut self) -> wasmtime::Result<u32> {
        Ok(self
            .pod
            .with(|kernel| kernel.processes.get(self.process).map_or(0, |row| row.pid)))
    }

    fn parent(&mut self) -> wasmtime::Result<u32> {
        Ok(self
            .pod
            .with(|kernel| {
                let parent = kernel.processes.get(self.process)?.parent?;
                Some(kernel.processes.get(parent)?.pid)
            })
            .unwrap_or(0))
    }

    fn list(&mut self) -> wasmtime::Result<Vec<processes::ProcessInfo>> {
        Ok(self.process_rows())
    }
}

impl Guest {
    fn open_description(
        &self,
        path: &str,
        how: descriptors::OpenFlags,
    ) -> Result<Arc<Description>, Error> {
        let has = |flag| how.contains(flag);
        let flags = OpenFlags {
            read: has(descriptors::OpenFlags::READ),
            write: has(descriptors::OpenFlags::WRITE),
            append: has(descriptors::OpenFlags::APPEND),
            create: has(descriptors::OpenFlags::CREATE),
            exclusive: has(descriptors::OpenFlags::EXCLUSIVE),
            truncate: has(descriptors::OpenFlags::TRUNCATE),
            directory: false,
            follow: Follow::Yes,
            mode: 0o644,
        };
        let file = self
            .container
            .files
            .open(self.caller(), At::Root, path, flags)?;
        Ok(match file.device() {
            Some(Device::Standard(number)) => self.descriptor(number.into()),
            _ => Arc::new(Description::File(file, self.pod.clone())),
        })
    }

    fn process_rows(&self) -> Vec<processes::ProcessInfo> {
        let epoch = self.pod.world().epoch();
        self.pod.with(|kernel| {
            let usage = self.pod.usage();
            let info = |(id, row): (ProcessId, &Process)| {
                let usage = usage.get(&id);
                let state = if row.state == State::Alive { "S" } else { "Z" };
                processes::ProcessInfo {
                    pid: row.pid,
                    parent: row.parent_pid,
                    container: row.container.clone(),
                    arguments: row.program.arguments.clone(),
                    state: if id == self.process { "R" } else { state }.to_owned(),
                    user: self.container.user,
                    started: epoch.at(row.started).as_unix_nanos(),
                    cpu_time: usage.map_or(0, |usage| usage.cpu_time.load(Ordering::Relaxed)),
                    memory: usage.map_or(0, |usage| usage.memory.load(Ordering::Relaxed)),
                }
            };
            kernel
                .processes
                .list(self.container.namespace)
                .map(info)
                .collect()
        })
    }

    /// Waits for `poll`, or until a caught signal is pending.
    async fn interruptible<T>(
        &mut self,
        mut poll: impl FnMut(&Waker) -> Poll<T>,
    ) -> Result<T, Error> {
        let (pod, process) = (self.pod.clone(), self.process);
        poll_fn(|cx| match poll(cx.waker()) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => pod
                .with(|kernel| kernel.processes.poll_signal(process, cx.waker()))
                .map(|()| Err(Error::Interrupted)),
        })
        .await
    }

    fn everyone_else(&self) -> Vec<u32> {
        self.pod.with(|kernel| {
            let rows = kernel.processes.list(self.container.namespace);
            rows.filter(|(id, row)| *id != self.process && row.pid != 1)
                .map(|(_, row)| row.pid)
                .collect()
        })
    }

    fn prepare(
        &mut self,
        program: processes::Program,
        descriptors: &[(u32, Resource<Handle>)],
    ) -> Answer<(Bytes, ProcessStart)> {
        let processes::Program {
            path,
            arguments,
            environment,
            directory,
        } = program;
        let argument_bytes: usize = arguments.iter().map(String::len).sum();
        let environment_bytes: usize = environment
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if argument_bytes + environment_bytes > ARG_BYTES
            || descriptors.len() > DESCRIPTORS_PER_SPAWN
        {
            return Ok(Err(Error::Limit));
        }
        let standard = (0..3)
            .filter_map(|number| Some((number, self.start.descriptors.get(&number)?.clone())));
        let mut start = ProcessStart {
            program: Program {
                path: String::new(),
                arguments,
            },
            environment,
            directory,
            descriptors: standard.collect(),
        };
        for (number, handle) in descriptors {
            start
                .descriptors
                .insert(*number, self.table.get(handle)?.0.clone());
        }
        Ok(self
            .container
            .find_program(self.caller(), &path, start)
            .map_err(Error::from))
    }
}

impl signals::Host for Guest {
    fn handle(&mut self, signal: u8, disposition: signals::Disposition) -> Answer<()> {
        let Some(signal) =
            Signal::new(signal).filter(|signal| !matches!(*signal, Signal::KILL | Signal::STOP))
        else {
            return Ok(Err(Error::Invalid));
        };
        let disposition = match disposition {
            signals::Disposition::Default => Disposition::Default,
            signals::Disposition::Ignore => Disposition::Ignore,
            signals::Disposition::Catch => Disposition::Catch,
        };
        self.pod.with(|kernel| {
            kernel
                .processes
                .handle_signal(self.process, signal, disposition);
        });
        Ok(Ok(()))
    }

    fn take(&mut self) -> wasmtime::Result<Option<u8>> {
        Ok(self
            .pod
            .with(|kernel| kernel.processes.take_signal(self.process))
            .map(Signal::number))
    }

    fn subscribe(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        let pending = self.table.push(SignalPending {
            pod: self.pod.clone(),
            process: self.process,
        })?;
        subscribe(&mut self.table, pending)
    }
}

struct Readable(Arc<Description>);

#[async_trait]
impl Pollable for Readable {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_readable(cx.waker())).await;
    }
}

struct Writable(Arc<Description>);

#[async_trait]
impl Pollable for Writable {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_writable(cx.waker()).map(|_| ())).await;
    }
}

struct SignalPending {
    pod: Arc<PodCell>,
    process: ProcessId,
}

#[async_trait]
impl Pollable for SignalPending {
    async fn ready(&mut self) {
        poll_fn(|cx| {
            self.pod
                .with(|kernel| kernel.processes.poll_signal(self.process, cx.waker()))
        })
        .await;
    }
}

impl types::Host for Guest {}

impl From<DescriptionError> for Error {
    fn from(error: DescriptionError) -> Self {
        match error {
            DescriptionError::BadDescriptor => Self::BadDescriptor,
            DescriptionError::BrokenPipe => Self::BrokenPipe,
            DescriptionError::File(error) => error.into(),
        }
    }
}

impl From<ExecError> for Error {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::File(error) => error.into(),
            ExecError::Access => Self::Access,
            ExecError::Format => Self::NotExecutable,
        }
    }
}

impl From<Errno> for Error {
    fn from(error: Errno) -> Self {
        match error {
            Errno::Access => Self::Access,
            Errno::BadDescriptor => Self::BadDescriptor,
            Errno::Exist => Self::Exist,
            Errno::Invalid | Errno::IllegalByteSequence | Errno::NameTooLong | Errno::Loop => {
                Self::Invalid
            }
            Errno::IsDirectory => Self::IsDirectory,
            Errno::NoEntry => Self::NoEntry,
            Errno::InsufficientSpace => Self::NoSpace,
            Errno::NotDirectory => Self::NotDirectory,
            Errno::NotPermitted => Self::NotPermitted,
            Errno::ReadOnly => Self::ReadOnly,
            Errno::InsufficientMemory => Self::Limit,
            _ => Self::Io,
        }
    }
}

impl From<WaitError> for Error {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::NoChild => Self::NoChild,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

impl From<processes::Which> for Which {
    fn from(which: processes::Which) -> Self {
        match which {
            processes::Which::Any => Self::Any,
            processes::Which::One(pid) => Self::One(pid),
        }
    }
}

impl From<ExitStatus> for processes::ExitStatus {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Exited(code) => Self::Exited(code),
            ExitStatus::Signaled(signal) => Self::Signaled(signal.number()),
        }
    }
}
