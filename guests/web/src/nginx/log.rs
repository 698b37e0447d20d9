//! Log files. The names of the standard streams mean the program's own streams.

use super::config::{AccessLog, Config, ErrorLog, Http, Level, Location, Locations, Scope};
use super::error::{ConfigError, os_error};
use crate::date;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::time::SystemTime;

enum LogFile {
    Stdout,
    Stderr,
    File(File),
}

/// Every log file of a configuration, open.
#[derive(Default)]
pub struct Logs {
    prefix: String,
    files: RefCell<BTreeMap<String, LogFile>>,
}

/// Longest line of an error log.
const ERROR_LINE_MAX: usize = 2048;
/// Symbolic links between a log's name and a device.
const LINKS_MAX: usize = 8;

impl Logs {
    /// Opens all of them.
    pub fn open(config: &Config, http: &Http) -> Result<Logs, ConfigError> {
        let logs = Logs {
            prefix: config.prefix.clone(),
            files: RefCell::default(),
        };
        logs.add(&config.error_log.path)?;
        for server in &http.servers {
            logs.add_scope(&server.fallback.scope)?;
            logs.add_locations(&server.locations)?;
        }
        Ok(logs)
    }

    fn add_locations(&self, locations: &Locations) -> Result<(), ConfigError> {
        let all = locations
            .fixed
            .iter()
            .chain(&locations.regex)
            .chain(locations.named.values());
        for location in all.map(AsRef::<Location>::as_ref) {
            self.add_scope(&location.scope)?;
            self.add_locations(&location.children)?;
        }
        Ok(())
    }

    fn add_scope(&self, scope: &Scope) -> Result<(), ConfigError> {
        if let Some(log) = &scope.error_log {
            self.add(&log.path)?;
        }
        for log in scope.access_log.iter().flat_map(|logs| logs.iter()) {
            if let AccessLog::To { path, .. } = log {
                self.add(path)?;
            }
        }
        Ok(())
    }

    fn add(&self, path: &str) -> Result<(), ConfigError> {
        if self.files.borrow().contains_key(path) {
            return Ok(());
        }
        let full = if path.starts_with('/') || path == "stderr" {
            path.to_owned()
        } else {
            format!("{}/{path}", self.prefix.trim_end_matches('/'))
        };
        let file = match device(&full) {
            Some(device) => device,
            None => {
                let opened = OpenOptions::new().append(true).create(true).open(&full);
                LogFile::File(opened.map_err(|error| {
                    ConfigError::new(format!("open() \"{full}\" failed ({})", os_error(&error)))
                })?)
            }
        };
        self.files.borrow_mut().insert(path.to_owned(), file);
        Ok(())
    }

    /// Writes one line to an open log.
    pub fn write(&self, path: &str, line: &[u8]) {
        let mut files = self.files.borrow_mut();
        let result = match files.get_mut(path) {
            Some(LogFile::Stdout) => io::stdout()
                .lock()
                .write_all(line)
                .and_then(|()| io::stdout().flush()),
            Some(LogFile::Stderr) => io::stderr().lock().write_all(line),
            Some(LogFile::File(file)) => file.write_all(line),
            None => Ok(()),
        };
        // A log that cannot be written must not stop the server; nginx goes on as well.
        drop(result);
    }

    /// Writes to the error log, if it takes messages of that level.
    pub fn error(&self, log: &ErrorLog, level: Level, now: SystemTime, pid: u32, message: &str) {
        if level > log.level {
            return;
        }
        let mut line = format!(
            "{} [{}] {pid}#{pid}: {message}",
            date::error_log(now),
            level.name()
        );
        if line.len() > ERROR_LINE_MAX {
            let end = (0..=ERROR_LINE_MAX)
                .rev()
                .find(|&end| line.is_char_boundary(end))
                .unwrap_or(0);
            line.truncate(end);
        }
        line.push('\n');
        self.write(&log.path, line.as_bytes());
    }
}

fn device(path: &str) -> Option<LogFile> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match path.as_str() {
            "/dev/stdout" | "/proc/self/fd/1" => return Some(LogFile::Stdout),
            "/dev/stderr" | "/proc/self/fd/2" | "stderr" => return Some(LogFile::Stderr),
            _ => {}
        }
        let target = fs::read_link(&path).ok()?.to_string_lossy().into_owned();
        path = match target.starts_with('/') {
            true => target,
            false => format!(
                "{}/{target}",
                path.rsplit_once('/').map_or("", |(directory, _)| directory)
            ),
        };
    }
    None
}
