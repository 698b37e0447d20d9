//! What the programs ask of the system beyond `std`: descriptions, processes and signals.
//!
//! Two implementations with the same names: `wasi` over `seedpod:process`, and `unix` over libc, so that the same
//! shell can be compared with other shells on the machine of a developer.

#[cfg(unix)]
mod unix;
#[cfg(target_os = "wasi")]
mod wasi;

#[cfg(unix)]
pub use unix::*;
#[cfg(target_os = "wasi")]
pub use wasi::*;

use std::fmt;

/// Why a call failed, after Linux' names; the text is that of `strerror`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    Access,
    BadDescriptor,
    NoChild,
    Exist,
    Interrupted,
    Invalid,
    Io,
    IsDirectory,
    NoEntry,
    NotExecutable,
    NoSpace,
    NotDirectory,
    NotPermitted,
    BrokenPipe,
    ReadOnly,
    NoSuchProcess,
    Limit,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Access => "Permission denied",
            Self::BadDescriptor => "Bad file descriptor",
            Self::NoChild => "No child process",
            Self::Exist => "File exists",
            Self::Interrupted => "Interrupted system call",
            Self::Invalid => "Invalid argument",
            Self::Io => "I/O error",
            Self::IsDirectory => "Is a directory",
            Self::NoEntry => "No such file or directory",
            Self::NotExecutable => "Exec format error",
            Self::NoSpace => "No space left on device",
            Self::NotDirectory => "Not a directory",
            Self::NotPermitted => "Operation not permitted",
            Self::BrokenPipe => "Broken pipe",
            Self::ReadOnly => "Read-only file system",
            Self::NoSuchProcess => "No such process",
            Self::Limit => "Resource temporarily unavailable",
        })
    }
}

impl std::error::Error for Error {}

/// How [`open`] opens a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    pub read: bool,
    pub write: bool,
    pub create: bool,
    pub exclusive: bool,
    pub truncate: bool,
    pub append: bool,
}

impl How {
    pub const READ: Self = Self {
        read: true,
        write: false,
        create: false,
        exclusive: false,
        truncate: false,
        append: false,
    };
    pub const CREATE: Self = Self {
        write: true,
        create: true,
        truncate: true,
        ..Self::READ_NOTHING
    };
    pub const APPEND: Self = Self {
        write: true,
        create: true,
        append: true,
        ..Self::READ_NOTHING
    };
    pub const READ_WRITE: Self = Self {
        read: true,
        write: true,
        create: true,
        ..Self::READ_NOTHING
    };
    const READ_NOTHING: Self = Self {
        read: false,
        write: false,
        create: false,
        exclusive: false,
        truncate: false,
        append: false,
    };
}

/// A program to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// Path of the file; [`SELF`] is the caller's own.
    pub path: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Absolute.
    pub directory: String,
}

/// The file of the calling program itself.
pub const SELF: &str = "/proc/self/exe";

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Exited(u8),
    Signaled(u8),
}

impl Exit {
    /// What `$?` shows.
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128 + signal,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    Default,
    Ignore,
    Catch,
}

/// A row of the process table.
#[derive(Debug, Clone)]
pub struct ProcessInfo {
    pub pid: u32,
    pub parent: u32,
    pub container: String,
    pub arguments: Vec<String>,
    pub state: String,
    pub user: u32,
    /// Seconds since the Unix epoch.
    pub started_s: u64,
    /// Nanoseconds of execution.
    pub cpu_ns: u64,
    /// Bytes of memory.
    pub memory: u64,
}

pub const SIGHUP: u8 = 1;
pub const SIGINT: u8 = 2;
pub const SIGKILL: u8 = 9;
pub const SIGPIPE: u8 = 13;
pub const SIGTERM: u8 = 15;

/// Linux' signals 1 to 31, in order.
pub const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS",
];

/// The number of a signal given as `15`, `TERM` or `SIGTERM`; 0 is allowed.
pub fn signal_number(name: &str) -> Option<u8> {
    if let Ok(number) = name.parse::<u8>() {
        return (number <= 31).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    if bare == "IO" {
        return Some(29);
    }
    SIGNALS
        .iter()
        .position(|known| *known == bare)
        .map(|index| index as u8 + 1)
}

/// Ends this process as one that wrote into a pipe nobody reads.
pub fn die_of_broken_pipe() -> ! {
    // The host ends the process here unless it ignores SIGPIPE; the code says the same in that case.
    let _ = kill(id() as i64, SIGPIPE);
    exit_with(128 + SIGPIPE)
}
