//! Optimized code for the next run: what a short run left undone is finished by a process of its own, which nobody
//! waits for.

use crate::cli::OptimizeArguments;
use seedpod::{Engine, EngineSettings};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Starts that process. A failure costs nothing but the next run's time.
pub(crate) fn start(code: &Path) {
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut command = Command::new(program);
    command.arg("optimize").arg(code);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Out of the terminal's foreground group: Ctrl-C is not meant for it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    if let Err(error) = command.spawn() {
        tracing::debug!("cannot optimize in the background: {error}");
    }
}

pub(crate) fn optimize(arguments: &OptimizeArguments) -> anyhow::Result<ExitCode> {
    let engine = Engine::new(EngineSettings::host(Some(arguments.code.clone())))?;
    engine.optimize_pending()?;
    Ok(ExitCode::SUCCESS)
}
