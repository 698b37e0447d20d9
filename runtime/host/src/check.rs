//! `seedpod check`: what would happen to the manifests, without running them.

use crate::cli::CheckArguments;
use crate::{EXIT_USAGE, sources};
use seedpod::StartError;
use seedpod::images::Images;
use std::io::{self, Write};
use std::process::ExitCode;

pub(crate) fn check(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let sources = sources::read(&arguments.files)?;
    let check = seedpod::api::check(&sources);
    match io::stdout().write_all(check.table.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result?,
    }
    if !check.errors.is_empty() {
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let loaded = seedpod::api::load(&sources).map_err(StartError::Manifest)?;
    Images::new(sources::folder(&arguments.files)).check(&loaded.objects)?;
    Ok(ExitCode::SUCCESS)
}
