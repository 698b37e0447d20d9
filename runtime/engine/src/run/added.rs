//! Processes that probes, hooks and people add to a container while it runs.

use super::entrypoint;
use crate::description::Description;
use crate::guest::{Container, PodCell, ProcessStart};
use crate::running::{OnEnd, Spawn};
use seedpod_core::limits::ARG_BYTES;
use seedpod_core::process::{ProcessId, Program, SpawnError};
use std::sync::Arc;

/// A process for a container that runs. It gets the environment, working directory, files and user of the first one.
pub(super) struct Addition {
    pub(super) command: Vec<String>,
    /// Standard input, output and error.
    pub(super) descriptors: [Description; 3],
    /// Whether `TERM` is set.
    pub(super) tty: bool,
    pub(super) on_end: OnEnd,
}

/// Why no process was added; runc's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddError {
    /// The container is not there, or has ended.
    #[error("container is not running")]
    NotRunning,
    /// There is nothing to run.
    #[error("{0}")]
    NotFound(String),
    /// E2BIG
    #[error("exec: {0:?}: argument list too long")]
    TooLong(String),
    /// EAGAIN
    #[error("error starting setns process: {0}")]
    Processes(#[from] SpawnError),
}

impl AddError {
    /// What containerd makes of it; `id` is the one it gave to the process.
    pub(super) fn start_failure(&self, id: &str) -> String {
        format!(
            "failed to start exec {id:?}: OCI runtime exec failed: exec failed: \
             unable to start container process: {self}: unknown"
        )
    }
}

impl Addition {
    /// Adds the process to a container; the pod's next turn starts it.
    pub(super) fn add(self, cell: &PodCell, container: &str) -> Result<ProcessId, AddError> {
        let running = cell.containers().get(container).cloned();
        let container = running.ok_or(AddError::NotRunning)?;
        let bytes: usize = self.command.iter().map(|text| text.len() + 1).sum();
        if bytes > ARG_BYTES {
            let name = self.command.into_iter().next().unwrap_or_default();
            return Err(AddError::TooLong(name));
        }
        let numbered = self.descriptors.map(Arc::new).into_iter().zip(0..);
        let start = ProcessStart {
            program: Program {
                path: String::new(),
                arguments: self.command,
            },
            environment: environment(&container, self.tty),
            directory: container.directory.clone(),
            descriptors: numbered.map(|(one, number)| (number, one)).collect(),
        };
        let (program, start) =
            entrypoint::find(cell, &container.files, start).map_err(AddError::NotFound)?;
        // Held until the process is in the table: a container that ends takes all of its processes along.
        let containers = cell.containers();
        let current = containers.get(&container.name);
        if !current.is_some_and(|current| Arc::ptr_eq(current, &container)) {
            return Err(AddError::NotRunning);
        }
        // Held until both tables have it: nobody can end what has not been added.
        let mut spawned = cell.spawned();
        let now = cell.now();
        let process = cell.with(|kernel| {
            let (namespace, program) = (container.namespace, start.program.clone());
            kernel
                .processes
                .spawn(namespace, None, &container.name, program, now)
        })?;
        spawned.push(Spawn {
            process,
            container: container.clone(),
            program,
            start,
            on_end: self.on_end,
        });
        Ok(process)
    }
}

/// containerd: what has a terminal has `TERM=xterm`.
fn environment(container: &Container, tty: bool) -> Vec<(String, String)> {
    let mut variables = container.environment.clone();
    if tty {
        variables.retain(|(name, _)| name != "TERM");
        variables.push(("TERM".to_owned(), "xterm".to_owned()));
    }
    variables
}
