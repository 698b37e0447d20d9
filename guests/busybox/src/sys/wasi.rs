//! [`super`] over `seedpod:process`.

use super::{Disposition, Error, Exit, How, ProcessInfo, Program};
use seedpod_guest::process::descriptors::{self, Description, OpenFlags};
use seedpod_guest::process::processes::{self, ExitStatus, Which};
use seedpod_guest::process::{permissions, signals, types};
use std::rc::Rc;

/// A handle of an open file description.
#[derive(Debug, Clone)]
pub struct Desc(Rc<Description>);

/// Bytes handed to the host in one call.
const CHUNK: usize = 64 * 1024;

impl Desc {
    pub fn read(&self, max: usize) -> Result<Vec<u8>, Error> {
        self.0.read(max.min(CHUNK) as u32).map_err(error)
    }

    pub fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        bytes
            .chunks(CHUNK)
            .try_for_each(|chunk| self.0.write(chunk).map_err(error))
    }

    pub fn is_terminal(&self) -> bool {
        self.0.kind() == descriptors::Kind::Terminal
    }

    /// Waits until `read` would not block, at most until `deadline` on the monotonic clock; false if that came first.
    pub fn wait_readable(&self, timeout: std::time::Duration) -> bool {
        let readable = self.0.subscribe_read();
        let timer = timer(timeout);
        let ready = seedpod_guest::process::poll::poll(&[&readable, &timer]);
        ready.first() == Some(&0)
    }
}

fn timer(timeout: std::time::Duration) -> seedpod_guest::process::poll::Pollable {
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let timer = wasip2::clocks::monotonic_clock::subscribe_duration(nanoseconds);
    // SAFETY: both types wrap an owned handle of `wasi:io/poll.pollable`, of which a component has one table.
    unsafe { seedpod_guest::process::poll::Pollable::from_handle(timer.take_handle()) }
}

pub fn pipe() -> Result<(Desc, Desc), Error> {
    let (read, write) = descriptors::pipe().map_err(error)?;
    Ok((Desc(Rc::new(read)), Desc(Rc::new(write))))
}

/// Opens `path`, which must be absolute.
pub fn open(path: &str, how: How) -> Result<Desc, Error> {
    let mut flags = OpenFlags::empty();
    flags.set(OpenFlags::READ, how.read);
    flags.set(OpenFlags::WRITE, how.write);
    flags.set(OpenFlags::CREATE, how.create);
    flags.set(OpenFlags::EXCLUSIVE, how.exclusive);
    flags.set(OpenFlags::TRUNCATE, how.truncate);
    flags.set(OpenFlags::APPEND, how.append);
    descriptors::open(path, flags)
        .map(|description| Desc(Rc::new(description)))
        .map_err(error)
}

pub fn inherited(number: u32) -> Option<Desc> {
    descriptors::inherited(number).map(|description| Desc(Rc::new(description)))
}

pub fn spawn(program: &Program, descs: &[(u32, &Desc)]) -> Result<u32, Error> {
    let given: Vec<(u32, &Description)> = descs
        .iter()
        .map(|(number, desc)| (*number, &*desc.0))
        .collect();
    processes::spawn(&wire(program), &given).map_err(error)
}

/// Replaces this process; returns only on failure.
pub fn exec(program: &Program, descs: &[(u32, &Desc)]) -> Error {
    let given: Vec<(u32, &Description)> = descs
        .iter()
        .map(|(number, desc)| (*number, &*desc.0))
        .collect();
    error(processes::exec(&wire(program), &given))
}

fn wire(program: &Program) -> processes::Program {
    processes::Program {
        path: program.path.clone(),
        arguments: program.arguments.clone(),
        environment: program.environment.clone(),
        directory: program.directory.clone(),
    }
}

/// Blocks until a child has ended: `child`, or any.
pub fn wait(child: Option<u32>) -> Result<(u32, Exit), Error> {
    processes::wait(which(child))
        .map(|(pid, status)| (pid, exit(status)))
        .map_err(error)
}

pub fn try_wait(child: Option<u32>) -> Result<Option<(u32, Exit)>, Error> {
    let ended = processes::try_wait(which(child)).map_err(error)?;
    Ok(ended.map(|(pid, status)| (pid, exit(status))))
}

fn which(child: Option<u32>) -> Which {
    child.map_or(Which::Any, Which::One)
}

fn exit(status: ExitStatus) -> Exit {
    match status {
        ExitStatus::Exited(code) => Exit::Exited(code),
        ExitStatus::Signaled(signal) => Exit::Signaled(signal),
    }
}

/// Sends a signal; -1 means every process but the caller and process 1.
pub fn kill(target: i64, signal: u8) -> Result<(), Error> {
    let target = match target {
        -1 => 0,
        _ => u32::try_from(target).map_err(|_| Error::NoSuchProcess)?,
    };
    processes::kill(target, signal).map_err(error)
}

pub fn id() -> u32 {
    processes::id()
}

pub fn parent() -> u32 {
    processes::parent()
}

pub fn list() -> Vec<ProcessInfo> {
    let row = |info: processes::ProcessInfo| ProcessInfo {
        pid: info.pid,
        parent: info.parent,
        container: info.container,
        arguments: info.arguments,
        state: info.state,
        user: info.user,
        started_s: info.started / 1_000_000_000,
        cpu_ns: info.cpu_time,
        memory: info.memory,
    };
    processes::list().into_iter().map(row).collect()
}

pub fn handle(signal: u8, disposition: Disposition) -> Result<(), Error> {
    let disposition = match disposition {
        Disposition::Default => signals::Disposition::Default,
        Disposition::Ignore => signals::Disposition::Ignore,
        Disposition::Catch => signals::Disposition::Catch,
    };
    signals::handle(signal, disposition).map_err(error)
}

/// Takes a caught signal that is pending.
pub fn take() -> Option<u8> {
    signals::take()
}

/// `chmod`
pub fn change_mode(path: &str, mode: u32) -> Result<(), Error> {
    permissions::change_mode(&crate::tool::absolute(path), mode).map_err(error)
}

/// The permission bits of what a path leads to.
pub fn mode(path: &str) -> Option<u32> {
    permissions::mode(&crate::tool::absolute(path)).ok()
}

/// Ends this process. `std::process::exit` knows only 0 and 1 here.
pub fn exit_with(code: u8) -> ! {
    wasip2::cli::exit::exit_with_code(code);
    std::process::exit(i32::from(code))
}

/// Makes the directory this process was started in the current one.
pub fn enter_initial_directory() {
    if let Some(directory) = wasip2::cli::environment::initial_cwd() {
        // A directory that is gone by now leaves us in the root, as WASI starts us.
        let _ = std::env::set_current_dir(directory);
    }
}

fn error(error: types::Error) -> Error {
    match error {
        types::Error::Access => Error::Access,
        types::Error::BadDescriptor => Error::BadDescriptor,
        types::Error::NoChild => Error::NoChild,
        types::Error::Exist => Error::Exist,
        types::Error::Interrupted => Error::Interrupted,
        types::Error::Invalid => Error::Invalid,
        types::Error::Io => Error::Io,
        types::Error::IsDirectory => Error::IsDirectory,
        types::Error::NoEntry => Error::NoEntry,
        types::Error::NotExecutable => Error::NotExecutable,
        types::Error::NoSpace => Error::NoSpace,
        types::Error::NotDirectory => Error::NotDirectory,
        types::Error::NotPermitted => Error::NotPermitted,
        types::Error::BrokenPipe => Error::BrokenPipe,
        types::Error::ReadOnly => Error::ReadOnly,
        types::Error::NoSuchProcess => Error::NoSuchProcess,
        types::Error::Limit => Error::Limit,
    }
}
