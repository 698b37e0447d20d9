//! `seedpod:process/processes`: spawn, exec, wait and kill.

use super::wit::processes;
use super::{Answer, Error, Handle};
use crate::exec;
use crate::guest::{Guest, ProcessStart};
use crate::running::{OnEnd, Spawn};
use bytes::Bytes;
use seedpod_core::limits::{ARG_BYTES, DESCRIPTORS_PER_SPAWN, PATH_BYTES_MAX};
use seedpod_core::process::{
    ExitStatus, KillError, Process, ProcessId, Program, Signal, SpawnError, State, Which,
};
use seedpod_core::sched::Access::{Add, Read, Write};
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use wasmtime::component::Resource;

impl processes::Host for Guest {
    async fn spawn(
        &mut self,
        program: processes::Program,
        descriptors: Vec<(u32, Resource<Handle>)>,
    ) -> Answer<u32> {
        let turn = self.enter_table("spawn", &program.path, Add);
        turn.await;
        let spawned = self.spawn_prepared(program, &descriptors)?;
        self.leave_with(&spawned, || {
            spawned
                .as_ref()
                .map_or_else(|_| String::new(), u32::to_string)
        });
        Ok(spawned)
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
            on_end: OnEnd::Nothing,
        });
        Err(wasmtime::format_err!("replaced by another program"))
    }

    async fn wait(&mut self, which: processes::Which) -> Answer<(u32, processes::ExitStatus)> {
        let turn = self.enter_own("wait", Write);
        turn.await;
        let (pod, process) = (self.pod.clone(), self.process);
        let which = which.into();
        let ended =
            poll_fn(|cx| pod.with(|kernel| kernel.processes.poll_wait(process, which, cx.waker())))
                .await;
        let ended = ended.map_err(Error::from);
        self.leave(&ended);
        Ok(ended.map(|(pid, status)| (pid, status.into())))
    }

    async fn try_wait(
        &mut self,
        which: processes::Which,
    ) -> Answer<Option<(u32, processes::ExitStatus)>> {
        let turn = self.enter_own("wait", Write);
        turn.await;
        let ended = self
            .pod
            .with(|kernel| kernel.processes.try_wait(self.process, which.into()));
        let ended = ended.map_err(Error::from);
        self.leave(&ended);
        Ok(ended.map(|ended| ended.map(|(pid, status)| (pid, status.into()))))
    }

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
        let turn = self.enter_kill(&targets, signal);
        turn.await;
        let sent = self.pod.with(|kernel| {
            targets
                .iter()
                .map(|pid| kernel.processes.kill(self.process, *pid, signal))
                .collect::<Result<Vec<()>, _>>()
        });
        let sent = sent
            .map(|_| ())
            .map_err(|KillError::NoSuchProcess| Error::NoSuchProcess);
        self.leave(&sent);
        self.survive().await;
        Ok(sent)
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

    async fn list(&mut self) -> wasmtime::Result<Vec<processes::ProcessInfo>> {
        let turn = self.enter_table("ps", "", Read);
        turn.await;
        self.leave_done();
        Ok(self.process_rows())
    }
}

impl Guest {
    fn spawn_prepared(
        &mut self,
        program: processes::Program,
        descriptors: &[(u32, Resource<Handle>)],
    ) -> Answer<u32> {
        let (program, start) = match self.prepare(program, descriptors)? {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error)),
        };
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
                    on_end: OnEnd::Nothing,
                });
                Ok(Ok(pid))
            }
            Err(SpawnError::Limit | SpawnError::NamespaceGone) => Ok(Err(Error::Limit)),
        }
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
                    user: self.pod.user(&row.container).uid,
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
        let argument_bytes = arguments.iter().map(|text| text.len() + STRING_OVERHEAD);
        let environment_bytes = environment
            .iter()
            .map(|(name, value)| name.len() + value.len() + STRING_OVERHEAD);
        if argument_bytes.chain(environment_bytes).sum::<usize>() > ARG_BYTES
            || descriptors.len() > DESCRIPTORS_PER_SPAWN
        {
            return Ok(Err(Error::Limit));
        }
        if path.len() > PATH_BYTES_MAX || directory.len() > PATH_BYTES_MAX {
            return Ok(Err(Error::Invalid));
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
        let found = exec::find(&self.container.files, self.caller(), &path, start);
        Ok(found.map_err(Error::from))
    }
}

/// What Linux counts besides the bytes of a text: its terminating zero and a pointer.
const STRING_OVERHEAD: usize = 9;

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
