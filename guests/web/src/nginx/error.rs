//! What is wrong with a configuration, in nginx' words.

use std::fmt;
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub message: String,
    pub file: Option<Rc<str>>,
    pub line: Option<u32>,
}

impl ConfigError {
    pub fn new(message: impl Into<String>) -> Self {
        ConfigError {
            message: message.into(),
            file: None,
            line: None,
        }
    }

    /// Adds the line, unless it is known already.
    pub fn at(mut self, line: u32) -> Self {
        self.line.get_or_insert(line);
        self
    }

    /// Adds the file, unless it is known already.
    pub fn of(mut self, file: &Rc<str>) -> Self {
        self.file.get_or_insert_with(|| file.clone());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(out, " in {file}:{line}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Number and text of an error of the system, as nginx prints them: `2: No such file or directory`.
pub fn os_error(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let (number, text) = match error.kind() {
        ErrorKind::NotFound => (2, "No such file or directory"),
        ErrorKind::PermissionDenied => (13, "Permission denied"),
        ErrorKind::NotADirectory => (20, "Not a directory"),
        ErrorKind::IsADirectory => (21, "Is a directory"),
        ErrorKind::BrokenPipe => (32, "Broken pipe"),
        ErrorKind::AddrInUse => (98, "Address in use"),
        ErrorKind::AddrNotAvailable => (99, "Address not available"),
        ErrorKind::NetworkUnreachable => (101, "Network unreachable"),
        ErrorKind::ConnectionReset => (104, "Connection reset by peer"),
        ErrorKind::TimedOut => (110, "Operation timed out"),
        ErrorKind::ConnectionRefused => (111, "Connection refused"),
        ErrorKind::HostUnreachable => (113, "Host is unreachable"),
        _ => return error.to_string(),
    };
    format!("{number}: {text}")
}
