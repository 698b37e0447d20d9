//! From the command of a container to the program it starts.

use crate::exec::{self, ExecError};
use crate::guest::{PodCell, ProcessStart};
use bytes::Bytes;
use seedpod_core::volume::{Caller, Errno, Files};

/// The runtime looks a program up in `PATH`, as runc does; the error is runc's text.
pub(super) fn find(
    cell: &PodCell,
    files: &Files,
    start: ProcessStart,
) -> Result<(Bytes, ProcessStart), String> {
    let caller = Caller::host(cell.wall_time());
    let name = start.program.arguments.first().cloned().unwrap_or_default();
    let failed = |path: &str, error: ExecError| format!("exec: {path:?}: {error}");
    if name.contains('/') {
        return exec::find(files, caller, &name, start).map_err(|error| failed(&name, error));
    }
    let path = start.environment.iter().find(|(key, _)| key == "PATH");
    for folder in path.map_or("", |(_, value)| value).split(':') {
        // An empty entry is the working directory.
        let folder = if folder.is_empty() { "." } else { folder };
        let candidate = format!("{folder}/{name}");
        match exec::find(files, caller, &candidate, start.clone()) {
            Ok(found) => return Ok(found),
            Err(ExecError::File(Errno::NoEntry | Errno::NotDirectory)) => {}
            Err(error) => return Err(failed(&candidate, error)),
        }
    }
    Err(format!(
        "exec: {name:?}: executable file not found in $PATH"
    ))
}
