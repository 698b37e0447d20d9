//! From the command of a container to the program it starts.

use super::PodTask;
use crate::exec::{self, ExecError};
use crate::guest::ProcessStart;
use bytes::Bytes;
use seedpod_core::pod::StartError;
use seedpod_core::volume::{Caller, Errno, Files};

impl PodTask {
    /// The runtime looks the entrypoint up in `PATH`, as runc does.
    pub(super) fn find_entrypoint(
        &self,
        files: &Files,
        start: ProcessStart,
    ) -> Result<(Bytes, ProcessStart), StartError> {
        let caller = Caller::host(self.cell.wall_time());
        let name = start.program.arguments.first().cloned().unwrap_or_default();
        let failed = |path: &str, error: ExecError| {
            Err(StartError::Start(format!("exec: {path:?}: {error}")))
        };
        if name.contains('/') {
            return exec::find(files, caller, &name, start).or_else(|error| failed(&name, error));
        }
        let path = start.environment.iter().find(|(key, _)| key == "PATH");
        for folder in path.map_or("", |(_, value)| value).split(':') {
            // An empty entry is the working directory.
            let folder = if folder.is_empty() { "." } else { folder };
            let candidate = format!("{folder}/{name}");
            match exec::find(files, caller, &candidate, start.clone()) {
                Ok(found) => return Ok(found),
                Err(ExecError::File(Errno::NoEntry | Errno::NotDirectory)) => {}
                Err(error) => return failed(&candidate, error),
            }
        }
        Err(StartError::Start(format!(
            "exec: {name:?}: executable file not found in $PATH"
        )))
    }
}
