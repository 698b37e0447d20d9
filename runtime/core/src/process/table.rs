//! Every process of a pod and what happens to it.

mod tree;

use super::pipe::{PipeReader, PipeWriter, Pipes, PipesExhausted};
use super::signal::{Disposition, Signal};
use super::{wait, wake};
use crate::limits::PROCESSES_PER_POD;
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::task::{Poll, Waker};

/// Names one process of the pod, whatever the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(u32);

/// Names one process namespace of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceId(u32);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It returned this code.
    Exited(u8),
    /// A signal ended it.
    Signaled(Signal),
}

impl ExitStatus {
    /// The code Kubernetes shows: 128 + the number of the signal.
    pub fn code(self) -> i32 {
        match self {
            Self::Exited(code) => i32::from(code),
            Self::Signaled(signal) => 128 + i32::from(signal.number()),
        }
    }
}

/// Whether a process still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs or waits.
    Alive,
    /// It has ended and its parent has not asked yet.
    Zombie(ExitStatus),
}

/// What a process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its file, absolute in the container.
    pub path: String,
    /// Its arguments, its own name first.
    pub arguments: Vec<String>,
}

/// One row of the table.
#[derive(Debug)]
pub struct Process {
    /// Its id in its namespace.
    pub pid: u32,
    /// Its namespace.
    pub namespace: NamespaceId,
    /// Who waits for it.
    pub parent: Option<ProcessId>,
    /// The pid of who waits for it, 0 for nobody in its namespace.
    pub parent_pid: u32,
    /// Name of its container.
    pub container: String,
    /// What it runs.
    pub program: Program,
    /// When it began.
    pub started: Instant,
    /// Whether it still runs.
    pub state: State,
    /// A signal has ended it, and the engine has not said yet that it is gone.
    doomed: bool,
    signals: Signals,
    waiting_for_children: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Signals {
    caught: u32,
    ignored: u32,
    pending: u32,
    waiting: Vec<Waker>,
}

/// Which children a wait accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Any child.
    Any,
    /// The one with this pid.
    One(u32),
}

/// Why a process could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// EAGAIN
    #[error("the pod already has {PROCESSES_PER_POD} processes")]
    Limit,
    /// The namespace ended with its process 1.
    #[error("the process namespace has ended")]
    NamespaceGone,
}

/// Why a wait has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// ECHILD
    #[error("no such child")]
    NoChild,
    /// EINTR
    #[error("interrupted by a signal")]
    Interrupted,
}

/// Why a signal was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KillError {
    /// ESRCH
    #[error("no such process")]
    NoSuchProcess,
}

/// The process table of one pod.
#[derive(Debug, Default)]
pub struct Table {
    processes: BTreeMap<ProcessId, Process>,
    /// Last pid given out in each living namespace.
    namespaces: BTreeMap<NamespaceId, u32>,
    next_process: u32,
    next_namespace: u32,
    killed: VecDeque<(ProcessId, Signal)>,
    pipes: Pipes,
}

impl Table {
    /// Opens a namespace; the first process in it gets pid 1.
    pub fn create_namespace(&mut self) -> NamespaceId {
        let id = NamespaceId(self.next_namespace);
        self.next_namespace += 1;
        self.namespaces.insert(id, 0);
        id
    }

    /// Adds a process.
    ///
    /// # Errors
    /// When the pod has too many processes, zombies included, or the namespace has ended.
    pub fn spawn(
        &mut self,
        namespace: NamespaceId,
        parent: Option<ProcessId>,
        container: &str,
        program: Program,
        now: Instant,
    ) -> Result<ProcessId, SpawnError> {
        if self.processes.len() >= PROCESSES_PER_POD {
            return Err(SpawnError::Limit);
        }
        let last_pid = self
            .namespaces
            .get_mut(&namespace)
            .ok_or(SpawnError::NamespaceGone)?;
        *last_pid += 1;
        let id = ProcessId(self.next_process);
        self.next_process += 1;
        let process = Process {
            pid: *last_pid,
            namespace,
            parent,
            parent_pid: parent
                .and_then(|id| self.processes.get(&id))
                .map_or(0, |p| p.pid),
            container: container.to_owned(),
            program,
            started: now,
            state: State::Alive,
            doomed: false,
            // Ignored signals stay ignored in a child, caught ones do not (execve(2)).
            signals: Signals {
                ignored: parent
                    .and_then(|id| self.processes.get(&id))
                    .map_or(0, |p| p.signals.ignored),
                ..Signals::default()
            },
            waiting_for_children: Vec::new(),
        };
        self.processes.insert(id, process);
        Ok(id)
    }

    /// A new pipe; it belongs to whoever holds its ends.
    ///
    /// # Errors
    /// When the pod has too many.
    pub fn pipe(&mut self) -> Result<(PipeReader, PipeWriter), PipesExhausted> {
        self.pipes.create()
    }

    /// Replaces the program of a process: caught signals fall back to their default, also those that are pending.
    pub fn exec(&mut self, id: ProcessId, program: Program) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        process.program = program;
        process.signals.caught = 0;
        let pending = std::mem::take(&mut process.signals.pending);
        let signals = (1..=31).filter_map(Signal::new);
        for signal in signals.filter(|signal| pending & signal.bit() != 0) {
            self.signal(id, signal);
        }
    }

    /// The row of a process, until somebody has waited for it.
    pub fn get(&self, id: ProcessId) -> Option<&Process> {
        self.processes.get(&id)
    }

    /// Every process of a namespace in order of pid.
    pub fn list(&self, namespace: NamespaceId) -> impl Iterator<Item = (ProcessId, &Process)> {
        self.processes
            .iter()
            .filter(move |(_, p)| p.namespace == namespace)
            .map(|(id, p)| (*id, p))
    }

    /// Every process that still runs in a container.
    pub fn alive_in(&self, container: &str) -> Vec<ProcessId> {
        let here =
            |(_, p): &(&ProcessId, &Process)| p.container == container && p.state == State::Alive;
        self.processes
            .iter()
            .filter(here)
            .map(|(id, _)| *id)
            .collect()
    }

    /// The process with this pid in a namespace.
    pub fn lookup(&self, namespace: NamespaceId, pid: u32) -> Option<ProcessId> {
        self.list(namespace)
            .find(|(_, p)| p.pid == pid)
            .map(|(id, _)| id)
    }

    /// Records that a process has ended. Its children go to process 1; if it was process 1, its namespace ends and
    /// everything in it is killed.
    pub fn handle_exit(&mut self, id: ProcessId, status: ExitStatus) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        if process.state != State::Alive {
            return;
        }
        process.state = State::Zombie(status);
        let (namespace, pid, parent) = (process.namespace, process.pid, process.parent);
        self.killed.retain(|(killed, _)| *killed != id);
        let init = if pid == 1 {
            None
        } else {
            self.lookup(namespace, 1)
        };
        self.adopt_children_of(id, init);
        if pid == 1 {
            self.end_namespace(namespace);
        }
        let parent = parent.filter(|parent| self.processes.contains_key(parent));
        // A parent that ignores SIGCHLD never waits for one child; its children leave no zombies (wait(2)).
        let waits =
            |parent: ProcessId| self.disposition(parent, Signal::CHLD) != Disposition::Ignore;
        if !parent.is_some_and(waits) {
            self.processes.remove(&id);
        }
        if let Some(parent) = parent {
            self.tell_parent(parent);
        }
    }

    /// Takes the next child that has ended, or waits for one.
    pub fn poll_wait(
        &mut self,
        id: ProcessId,
        which: Which,
        waker: &Waker,
    ) -> Poll<Result<(u32, ExitStatus), WaitError>> {
        match self.try_wait(id, which) {
            Ok(Some(ended)) => Poll::Ready(Ok(ended)),
            Err(error) => Poll::Ready(Err(error)),
            Ok(None) if self.has_pending(id) => Poll::Ready(Err(WaitError::Interrupted)),
            Ok(None) => {
                if let Some(process) = self.processes.get_mut(&id) {
                    wait(&mut process.waiting_for_children, waker);
                }
                Poll::Pending
            }
        }
    }

    /// Takes the next child that has ended, if there is one.
    ///
    /// # Errors
    /// When there is no such child, dead or alive.
    pub fn try_wait(
        &mut self,
        id: ProcessId,
        which: Which,
    ) -> Result<Option<(u32, ExitStatus)>, WaitError> {
        let accepted = |p: &Process| match which {
            Which::Any => true,
            Which::One(pid) => p.pid == pid,
        };
        let mut children = self
            .processes
            .iter()
            .filter(|(_, p)| p.parent == Some(id) && accepted(p))
            .peekable();
        children.peek().ok_or(WaitError::NoChild)?;
        let ended = children.find_map(|(child, p)| match p.state {
            State::Zombie(status) => Some((*child, p.pid, status)),
            State::Alive => None,
        });
        Ok(ended.map(|(child, pid, status)| {
            self.processes.remove(&child);
            (pid, status)
        }))
    }

    /// Sends a signal from a process to another of its namespace. Process 1 only gets what it asked for (kill(2)).
    ///
    /// # Errors
    /// When there is no such process.
    pub fn kill(
        &mut self,
        sender: ProcessId,
        pid: u32,
        signal: Option<Signal>,
    ) -> Result<(), KillError> {
        let namespace = self
            .processes
            .get(&sender)
            .ok_or(KillError::NoSuchProcess)?
            .namespace;
        let target = self
            .lookup(namespace, pid)
            .ok_or(KillError::NoSuchProcess)?;
        let Some(signal) = signal else { return Ok(()) };
        if pid == 1 && self.disposition(target, signal) == Disposition::Default {
            return Ok(());
        }
        self.signal(target, signal);
        Ok(())
    }

    /// Sends a signal from outside: the kubelet's SIGTERM and SIGKILL.
    pub fn signal(&mut self, id: ProcessId, signal: Signal) {
        let disposition = self.disposition(id, signal);
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        if process.state != State::Alive {
            return;
        }
        match disposition {
            Disposition::Ignore => {}
            Disposition::Catch => {
                process.signals.pending |= signal.bit();
                wake(&mut process.signals.waiting);
                wake(&mut process.waiting_for_children);
            }
            Disposition::Default if signal.is_ignored_by_default() => {}
            Disposition::Default => self.doom(id, signal),
        }
    }

    /// Whether a signal has ended this process, so that it must not run on.
    pub fn is_doomed(&self, id: ProcessId) -> bool {
        self.processes.get(&id).is_some_and(|p| p.doomed)
    }

    /// Sets what a signal does to a process; SIGKILL and SIGSTOP stay as they are.
    pub fn handle_signal(&mut self, id: ProcessId, signal: Signal, disposition: Disposition) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let signals = &mut process.signals;
        signals.caught &= !signal.bit();
        signals.ignored &= !signal.bit();
        match disposition {
            Disposition::Default => {}
            Disposition::Ignore => signals.ignored |= signal.bit(),
            Disposition::Catch => signals.caught |= signal.bit(),
        }
        let was_pending = signals.pending & signal.bit() != 0;
        if was_pending && disposition != Disposition::Catch {
            signals.pending &= !signal.bit();
            self.signal(id, signal);
        }
    }

    /// Takes the lowest caught signal that is pending.
    pub fn take_signal(&mut self, id: ProcessId) -> Option<Signal> {
        let signals = &mut self.processes.get_mut(&id)?.signals;
        let signal = Signal::new(u8::try_from(signals.pending.trailing_zeros()).ok()?)?;
        signals.pending &= !signal.bit();
        Some(signal)
    }

    /// Resolves while a caught signal is pending.
    pub fn poll_signal(&mut self, id: ProcessId, waker: &Waker) -> Poll<()> {
        match self.processes.get_mut(&id) {
            Some(process) if process.signals.pending == 0 => {
                wait(&mut process.signals.waiting, waker);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Whether a blocking call of this process should answer EINTR.
    pub fn has_pending(&self, id: ProcessId) -> bool {
        self.processes
            .get(&id)
            .is_some_and(|p| p.signals.pending != 0)
    }

    /// The next process that a signal has ended and that the engine must stop; it answers with
    /// [`handle_exit`](Self::handle_exit).
    pub fn poll_killed(&mut self) -> Option<(ProcessId, Signal)> {
        self.killed.pop_front()
    }

    fn doom(&mut self, id: ProcessId, signal: Signal) {
        if let Some(process) = self.processes.get_mut(&id)
            && !std::mem::replace(&mut process.doomed, true)
        {
            self.killed.push_back((id, signal));
        }
    }

    fn disposition(&self, id: ProcessId, signal: Signal) -> Disposition {
        let Some(process) = self.processes.get(&id) else {
            return Disposition::Default;
        };
        if !signal.can_be_caught() {
            Disposition::Default
        } else if process.signals.caught & signal.bit() != 0 {
            Disposition::Catch
        } else if process.signals.ignored & signal.bit() != 0 {
            Disposition::Ignore
        } else {
            Disposition::Default
        }
    }

    fn tell_parent(&mut self, parent: ProcessId) {
        if let Some(process) = self.processes.get_mut(&parent) {
            wake(&mut process.waiting_for_children);
        }
        self.signal(parent, Signal::CHLD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn(table: &mut Table, namespace: NamespaceId, parent: Option<ProcessId>) -> ProcessId {
        table
            .spawn(namespace, parent, "c", Program::default(), Instant::ZERO)
            .unwrap()
    }

    #[test]
    fn a_parent_learns_how_its_child_ended_once() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        assert_eq!(table.try_wait(init, Which::Any), Err(WaitError::NoChild));
        let child = spawn(&mut table, namespace, Some(init));
        assert_eq!(table.try_wait(init, Which::One(2)), Ok(None));
        assert_eq!(table.try_wait(init, Which::One(3)), Err(WaitError::NoChild));
        table.handle_exit(child, ExitStatus::Exited(3));
        assert_eq!(
            table.try_wait(init, Which::Any),
            Ok(Some((2, ExitStatus::Exited(3))))
        );
        assert_eq!(table.try_wait(init, Which::Any), Err(WaitError::NoChild));
    }

    #[test]
    fn orphans_go_to_process_1() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        let child = spawn(&mut table, namespace, Some(init));
        let grandchild = spawn(&mut table, namespace, Some(child));
        table.handle_exit(child, ExitStatus::Exited(0));
        table.handle_exit(grandchild, ExitStatus::Exited(1));
        assert_eq!(
            table.try_wait(init, Which::One(3)),
            Ok(Some((3, ExitStatus::Exited(1))))
        );
    }

    #[test]
    fn a_namespace_ends_with_its_process_1() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        let child = spawn(&mut table, namespace, Some(init));
        table.handle_exit(init, ExitStatus::Exited(0));
        assert_eq!(table.poll_killed(), Some((child, Signal::KILL)));
        table.handle_exit(child, ExitStatus::Signaled(Signal::KILL));
        assert_eq!(table.list(namespace).count(), 0);
        assert_eq!(
            table.spawn(namespace, None, "c", Program::default(), Instant::ZERO),
            Err(SpawnError::NamespaceGone)
        );
    }

    #[test]
    fn a_signal_ends_who_does_not_ask_and_waits_for_who_does() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        let child = spawn(&mut table, namespace, Some(init));
        table.handle_signal(init, Signal::TERM, Disposition::Catch);
        table.signal(init, Signal::TERM);
        assert_eq!(
            table.poll_wait(init, Which::Any, Waker::noop()),
            Poll::Ready(Err(WaitError::Interrupted))
        );
        assert_eq!(table.take_signal(init), Some(Signal::TERM));
        assert_eq!(table.take_signal(init), None);
        table.signal(child, Signal::TERM);
        assert_eq!(table.poll_killed(), Some((child, Signal::TERM)));
    }

    #[test]
    fn a_program_does_not_inherit_what_its_predecessor_caught() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        for signal in [Signal::TERM, Signal::CHLD] {
            table.handle_signal(init, signal, Disposition::Catch);
            table.signal(init, signal);
        }
        assert_eq!(table.poll_killed(), None);
        table.exec(init, Program::default());
        assert!(!table.has_pending(init));
        assert!(table.is_doomed(init));
        assert_eq!(table.poll_killed(), Some((init, Signal::TERM)));
        table.signal(init, Signal::KILL);
        assert_eq!(table.poll_killed(), None, "nobody dies twice");
    }

    #[test]
    fn a_pending_signal_gets_its_new_disposition() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        let pending = |table: &mut Table| {
            table.handle_signal(init, Signal::TERM, Disposition::Catch);
            table.signal(init, Signal::TERM);
            assert!(table.has_pending(init));
        };
        pending(&mut table);
        table.handle_signal(init, Signal::TERM, Disposition::Ignore);
        assert!(!table.has_pending(init) && !table.is_doomed(init));
        pending(&mut table);
        table.handle_signal(init, Signal::TERM, Disposition::Default);
        assert_eq!(table.poll_killed(), Some((init, Signal::TERM)));
    }

    #[test]
    fn a_parent_that_ignores_its_children_has_no_zombies() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        table.handle_signal(init, Signal::CHLD, Disposition::Ignore);
        let child = spawn(&mut table, namespace, Some(init));
        assert_eq!(table.try_wait(init, Which::Any), Ok(None));
        table.handle_exit(child, ExitStatus::Exited(1));
        assert_eq!(table.try_wait(init, Which::Any), Err(WaitError::NoChild));
        assert_eq!(table.list(namespace).count(), 1);
    }

    #[test]
    fn process_1_cannot_be_killed_from_within() {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let init = spawn(&mut table, namespace, None);
        let child = spawn(&mut table, namespace, Some(init));
        assert_eq!(table.kill(child, 1, Some(Signal::KILL)), Ok(()));
        assert_eq!(table.poll_killed(), None);
        assert_eq!(table.kill(child, 9, None), Err(KillError::NoSuchProcess));
        table.signal(init, Signal::KILL);
        assert_eq!(table.poll_killed(), Some((init, Signal::KILL)));
    }
}
