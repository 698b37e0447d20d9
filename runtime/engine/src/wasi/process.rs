//! `seedpod:process`: spawn, pipes, wait, kill, and a way to learn of signals.

mod descriptors;
mod permissions;
mod processes;
mod signals;
mod touches;

use crate::description::{Description, DescriptionError};
use crate::exec::ExecError;
use crate::guest::Guest;
use seedpod_core::process::WaitError;
use seedpod_core::volume::Errno;
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker};

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
            "seedpod:process/descriptors.open": async | trappable,
            "seedpod:process/descriptors.[drop]description": async | trappable,
            "seedpod:process/permissions.mode": async | trappable,
            "seedpod:process/permissions.change-mode": async | trappable,
            "seedpod:process/processes.spawn": async | trappable,
            "seedpod:process/processes.try-wait": async | trappable,
            "seedpod:process/processes.list": async | trappable,
            "seedpod:process/signals.take": async | trappable,
            "seedpod:process/processes.wait": async | trappable,
            "seedpod:process/processes.kill": async | trappable,
            "seedpod:process/signals.handle": async | trappable,
        },
    });
}

use bindings::seedpod::process as wit;
use wit::types::{self, Error};

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wit::descriptors::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    wit::permissions::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    wit::processes::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    wit::signals::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

/// A handle of an open file description.
pub struct Handle(Arc<Description>);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Guest {
    /// Returns unless a signal has just ended this process: the next instruction is not executed.
    async fn survive(&mut self) {
        if self
            .pod
            .with(|kernel| kernel.processes.is_doomed(self.process))
        {
            // The run loop takes the instance away.
            std::future::pending::<()>().await;
        }
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
            ExecError::Interpreter { error, .. } => error.into(),
            ExecError::Access => Self::Access,
            ExecError::Format(_) => Self::NotExecutable,
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
