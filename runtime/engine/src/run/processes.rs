//! Processes of the pod: who gets a future, what ends them, who is told.

use super::{Done, PodTask};
use crate::guest::Usage;
use crate::jobs::JobId;
use crate::meters::{CpuMeter, within_limit};
use crate::running::{self, OnEnd, ProcessEnd, Spawn};
use crate::scheduler::TaskStart;
use seedpod_core::ipc;
use seedpod_core::process::{ExitStatus, ProcessId, Signal};
use seedpod_core::sched::TaskId;
use seedpod_core::seed::Seed;
use seedpod_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Processes that have a future.
#[derive(Default)]
pub(super) struct Processes {
    running: BTreeMap<ProcessId, Running>,
    by_job: BTreeMap<JobId, ProcessId>,
    /// When processes are killed that may not take longer.
    timeouts: BTreeSet<(Instant, ProcessId)>,
    /// Processes started so far; labels their seeds.
    started: u64,
}

struct Running {
    job: JobId,
    task: Option<TaskId>,
    usage: Arc<Usage>,
    cpu: Arc<CpuMeter>,
    on_end: OnEnd,
    timeout: Option<Instant>,
    timed_out: bool,
}

impl Processes {
    /// Adds the time of a step to the process whose job it was.
    pub(super) fn account(&self, job: JobId, now: Instant, time: Duration) {
        let process = self.by_job.get(&job);
        if let Some(running) = process.and_then(|process| self.running.get(process))
            && running.cpu.account(now, time)
        {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            running.usage.cpu_time.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// A name as containerd gives it to an added process: 32 bytes in hex. A seed stands in for chance.
    pub(super) fn exec_id(&self, seed: Seed) -> String {
        let mut rng = seed.fork("exec").fork(&self.started.to_string()).rng();
        [(); 4]
            .map(|()| format!("{:016x}", rng.next_u64()))
            .concat()
    }

    /// When the next process has taken too long.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timeouts.first().map(|(at, _)| *at)
    }

    /// The next process that has taken too long.
    fn take_late(&mut self, now: Instant) -> Option<ProcessId> {
        let (at, process) = *self.timeouts.first()?;
        if now < at {
            return None;
        }
        self.timeouts.pop_first();
        if let Some(running) = self.running.get_mut(&process) {
            running.timed_out = true;
        }
        Some(process)
    }

    fn remove(&mut self, process: ProcessId) -> Option<Running> {
        let running = self.running.remove(&process)?;
        self.by_job.remove(&running.job);
        if let Some(at) = running.timeout {
            self.timeouts.remove(&(at, process));
        }
        Some(running)
    }
}

impl PodTask {
    /// Gives a process of the table its future.
    pub(super) fn start_process(&mut self, mut spawn: Spawn) {
        let process = spawn.process;
        let on_end = std::mem::take(&mut spawn.on_end);
        let usage = Arc::new(Usage::default());
        let seed = self
            .start
            .seed
            .fork("process")
            .fork(&self.processes.started.to_string());
        self.processes.started += 1;
        let (cell, used) = (self.cell.clone(), usage.clone());
        let cpu = spawn.container.meters.cpu.clone();
        let meter = cpu.clone();
        let task = self.schedule(&spawn);
        let run = async move {
            let run = running::run(cell.clone(), spawn, used, seed, task);
            Done::Ended(process, within_limit(cell, meter, run).await)
        };
        let job = match task {
            Some(task) => self.jobs.add_task(task, run),
            None => self.jobs.add(run),
        };
        self.cell.usage().insert(process, usage.clone());
        self.processes.by_job.insert(job, process);
        let running = Running {
            job,
            task,
            usage,
            cpu,
            on_end,
            timeout: None,
            timed_out: false,
        };
        self.processes.running.insert(process, running);
    }

    /// Makes a process known to the scheduler, where there is one.
    fn schedule(&self, spawn: &Spawn) -> Option<TaskId> {
        let scheduler = self.cell.scheduler.as_ref()?;
        let pid = self
            .cell
            .with(|kernel| Some(kernel.processes.get(spawn.process)?.pid));
        Some(scheduler.start(&TaskStart {
            pod: &self.name,
            container: &spawn.container.name,
            restart: spawn.container.restart,
            pid: pid.unwrap_or(0),
        }))
    }

    /// Kills a process that has not ended by `at`.
    pub(super) fn set_timeout(&mut self, process: ProcessId, at: Instant) {
        if let Some(running) = self.processes.running.get_mut(&process) {
            running.timeout = Some(at);
            self.processes.timeouts.insert((at, process));
        }
    }

    /// Kills what has taken too long.
    pub(super) fn kill_late(&mut self, now: Instant) {
        while let Some(process) = self.processes.take_late(now) {
            self.cell
                .with(|kernel| kernel.processes.signal(process, Signal::KILL));
        }
    }

    /// A signal has ended a process: its instance goes, with every socket and file it holds.
    pub(super) fn kill_process(&mut self, now: Instant, process: ProcessId, signal: Signal) {
        if let Some(running) = self.processes.running.get(&process) {
            self.jobs.remove(running.job);
        }
        let status = ExitStatus::Signaled(signal);
        self.handle_end(
            now,
            process,
            &ProcessEnd {
                status,
                message: None,
                out_of_memory: false,
            },
        );
    }

    pub(super) fn handle_end(&mut self, now: Instant, process: ProcessId, end: &ProcessEnd) {
        let running = self.processes.remove(process);
        if let Some(scheduler) = &self.cell.scheduler
            && let Some(task) = running.as_ref().and_then(|running| running.task)
        {
            scheduler.end(task, &outcome(end.status));
        }
        self.cell.usage().remove(&process);
        self.cell.with(|kernel| {
            kernel.ipc.handle_process_exit(ipc::Caller { process, now });
            kernel.processes.handle_exit(process, end.status);
        });
        self.reap_orphans();
        let main = self
            .slots
            .iter()
            .position(|slot| slot.main == Some(process));
        if let Some(index) = main {
            self.handle_container_end(now, index, end);
        } else if end.out_of_memory {
            self.kill_out_of_memory();
        }
        if let Some(running) = running {
            self.tell_end(now, running.on_end, end.status, running.timed_out);
        }
    }
}

fn outcome(status: ExitStatus) -> String {
    match status {
        ExitStatus::Exited(code) => format!("exit {code}"),
        ExitStatus::Signaled(signal) => format!("signal {}", signal.number()),
    }
}
