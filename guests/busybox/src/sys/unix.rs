//! [`super`] over libc, for tests on a developer's machine.

use super::{Disposition, Error, Exit, How, ProcessInfo, Program};
use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A handle of an open file description.
#[derive(Debug, Clone)]
pub struct Desc(Rc<OwnedFd>);

impl Desc {
    pub fn read(&self, max: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; max];
        // SAFETY: `bytes` holds `max` bytes.
        let count = unsafe { libc::read(self.0.as_raw_fd(), bytes.as_mut_ptr().cast(), max) };
        bytes.truncate(usize::try_from(count).map_err(|_| last_error())?);
        Ok(bytes)
    }

    pub fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            // SAFETY: `rest` holds the bytes it says.
            let count =
                unsafe { libc::write(self.0.as_raw_fd(), rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(count) {
                Ok(count) => rest = &rest[count..],
                Err(_) if last_error() == Error::Interrupted => {}
                Err(_) => return Err(last_error()),
            }
        }
        Ok(())
    }

    pub fn is_terminal(&self) -> bool {
        // SAFETY: takes no memory.
        unsafe { libc::isatty(self.0.as_raw_fd()) == 1 }
    }

    /// Waits until `read` would not block; false if `timeout` came first.
    pub fn wait_readable(&self, timeout: std::time::Duration) -> bool {
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, as told.
        unsafe {
            libc::poll(
                &raw mut poll,
                1,
                i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
            ) != 0
        }
    }
}

pub fn pipe() -> Result<(Desc, Desc), Error> {
    let mut ends = [0; 2];
    // SAFETY: room for two.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok((own(ends[0]), own(ends[1])))
}

fn own(fd: i32) -> Desc {
    // SAFETY: the caller just got it from the system.
    Desc(Rc::new(unsafe { OwnedFd::from_raw_fd(fd) }))
}

pub fn open(path: &str, how: How) -> Result<Desc, Error> {
    let mut flags = libc::O_CLOEXEC;
    flags |= match (how.read, how.write) {
        (true, true) => libc::O_RDWR,
        (false, true) => libc::O_WRONLY,
        _ => libc::O_RDONLY,
    };
    for (wanted, flag) in [
        (how.create, libc::O_CREAT),
        (how.exclusive, libc::O_EXCL),
        (how.truncate, libc::O_TRUNC),
        (how.append, libc::O_APPEND),
    ] {
        flags |= if wanted { flag } else { 0 };
    }
    let path = CString::new(path).map_err(|_| Error::Invalid)?;
    // SAFETY: a terminated string.
    check(unsafe { libc::open(path.as_ptr(), flags, 0o666) }).map(own)
}

pub fn inherited(number: u32) -> Option<Desc> {
    // SAFETY: takes no memory.
    check(unsafe { libc::fcntl(number as i32, libc::F_DUPFD_CLOEXEC, 100) })
        .ok()
        .map(own)
}

pub fn spawn(program: &Program, descs: &[(u32, &Desc)]) -> Result<u32, Error> {
    let (mut failure_read, failure_write) = io::pipe().map_err(|_| last_error())?;
    // SAFETY: this program has one thread.
    let pid = check(unsafe { libc::fork() })?;
    if pid == 0 {
        drop(failure_read);
        exec(program, descs);
        let code = io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO);
        let _ = (&failure_write).write_all(&code.to_ne_bytes());
        std::process::exit(127);
    }
    drop(failure_write);
    let mut code = [0; 4];
    if failure_read.read_exact(&mut code).is_ok() {
        let _ = wait(Some(pid as u32));
        return Err(from_code(i32::from_ne_bytes(code)));
    }
    Ok(pid as u32)
}

/// Replaces this process; returns only on failure.
pub fn exec(program: &Program, descs: &[(u32, &Desc)]) -> Error {
    let strings = |list: Vec<String>| -> Vec<CString> {
        list.into_iter()
            .filter_map(|s| CString::new(s).ok())
            .collect()
    };
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter()
            .map(|s| s.as_ptr())
            .chain([std::ptr::null()])
            .collect()
    };
    let arguments = strings(program.arguments.clone());
    let environment = strings(
        program
            .environment
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect(),
    );
    let (Ok(path), Ok(directory)) = (
        CString::new(program.path.clone()),
        CString::new(program.directory.clone()),
    ) else {
        return Error::Invalid;
    };
    // SAFETY: all strings are terminated and outlive the calls; descriptors are numbers.
    unsafe {
        let high: Vec<(u32, i32)> = descs
            .iter()
            .map(|(number, desc)| {
                (
                    *number,
                    libc::fcntl(desc.0.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 200),
                )
            })
            .collect();
        for (number, fd) in high {
            libc::dup2(fd, number as i32);
        }
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::chdir(directory.as_ptr());
        libc::execve(
            path.as_ptr(),
            pointers(&arguments).as_ptr(),
            pointers(&environment).as_ptr(),
        );
    }
    last_error()
}

pub fn wait(child: Option<u32>) -> Result<(u32, Exit), Error> {
    wait_with(child, 0)?.ok_or(Error::NoChild)
}

pub fn try_wait(child: Option<u32>) -> Result<Option<(u32, Exit)>, Error> {
    wait_with(child, libc::WNOHANG)
}

fn wait_with(child: Option<u32>, options: i32) -> Result<Option<(u32, Exit)>, Error> {
    let mut status = 0;
    // SAFETY: `status` is an int.
    let pid = check(unsafe {
        libc::waitpid(child.map_or(-1, |pid| pid as i32), &raw mut status, options)
    })?;
    let exit = if libc::WIFSIGNALED(status) {
        Exit::Signaled(libc::WTERMSIG(status) as u8)
    } else {
        Exit::Exited(libc::WEXITSTATUS(status) as u8)
    };
    Ok((pid != 0).then_some((pid as u32, exit)))
}

pub fn kill(target: i64, signal: u8) -> Result<(), Error> {
    let target = i32::try_from(target).map_err(|_| Error::NoSuchProcess)?;
    if target == id() as i32 && signal == super::SIGPIPE {
        // SAFETY: takes no memory. The runtime of Rust ignores this signal.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    }
    // SAFETY: takes no memory.
    check(unsafe { libc::kill(target, i32::from(signal)) }).map(drop)
}

pub fn id() -> u32 {
    std::process::id()
}

pub fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// Only what a unit test can check: the caller itself.
pub fn list() -> Vec<ProcessInfo> {
    vec![ProcessInfo {
        pid: id(),
        parent: parent(),
        container: String::new(),
        arguments: std::env::args().collect(),
        state: "R".to_owned(),
        user: 0,
        started_s: 0,
        cpu_ns: 0,
        memory: 0,
    }]
}

static PENDING: AtomicU32 = AtomicU32::new(0);

extern "C" fn note(signal: i32) {
    PENDING.fetch_or(1 << signal, Ordering::SeqCst);
}

pub fn handle(signal: u8, disposition: Disposition) -> Result<(), Error> {
    // SAFETY: the handler touches one atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = match disposition {
            Disposition::Default => libc::SIG_DFL,
            Disposition::Ignore => libc::SIG_IGN,
            Disposition::Catch => note as *const () as usize,
        };
        check(libc::sigaction(
            i32::from(signal),
            &raw const action,
            std::ptr::null_mut(),
        ))
        .map(drop)
    }
}

pub fn take() -> Option<u8> {
    let pending = PENDING.load(Ordering::SeqCst);
    let lowest = pending.trailing_zeros();
    (pending != 0).then(|| {
        PENDING.fetch_and(!(1 << lowest), Ordering::SeqCst);
        lowest as u8
    })
}

/// `chmod`
pub fn change_mode(path: &str, mode: u32) -> Result<(), Error> {
    let path = CString::new(path).map_err(|_| Error::Invalid)?;
    // SAFETY: a terminated string.
    check(unsafe { libc::chmod(path.as_ptr(), mode) }).map(drop)
}

/// The system says it with all else.
pub fn mode(_: &str) -> Option<u32> {
    None
}

/// Ends this process.
pub fn exit_with(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

/// The system has done it.
pub fn enter_initial_directory() {}

fn check(result: i32) -> Result<i32, Error> {
    if result < 0 {
        Err(last_error())
    } else {
        Ok(result)
    }
}

fn last_error() -> Error {
    from_code(
        io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO),
    )
}

fn from_code(code: i32) -> Error {
    match code {
        libc::EACCES => Error::Access,
        libc::EBADF => Error::BadDescriptor,
        libc::ECHILD => Error::NoChild,
        libc::EEXIST => Error::Exist,
        libc::EINTR => Error::Interrupted,
        libc::EINVAL => Error::Invalid,
        libc::EISDIR => Error::IsDirectory,
        libc::ENOENT => Error::NoEntry,
        libc::ENOEXEC => Error::NotExecutable,
        libc::ENOSPC => Error::NoSpace,
        libc::ENOTDIR => Error::NotDirectory,
        libc::EPERM => Error::NotPermitted,
        libc::EPIPE => Error::BrokenPipe,
        libc::EROFS => Error::ReadOnly,
        libc::ESRCH => Error::NoSuchProcess,
        libc::EAGAIN => Error::Limit,
        _ => Error::Io,
    }
}
