//! Logs of containers in files, as a kubelet and its runtime keep them: `NAMESPACE_POD_UID/CONTAINER/RESTART.log`, which
//! becomes `RESTART.log.0` and so on when it is large.
//!
//! They stay until the pod is forgotten, whether or not it runs, and whichever process ran it.

mod reader;

pub(crate) use reader::LogReader;

use seedpod_api::server::stream::log::LogEntry;
use seedpod_core::limits::{LOG_FILE_BYTES, LOG_FILES_KEPT};
use seedpod_core::pod::{ContainerState, ContainerStatus, Status};
use seedpod_core::time::WallTime;
use seedpod_engine::world::{LogLine, LogStream, PodName};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The logs of all pods of a node.
#[derive(Debug)]
pub(crate) struct LogFolder {
    root: PathBuf,
    /// By uid: those that were asked for since this process began, and are not forgotten.
    known: Mutex<BTreeMap<String, Arc<PodLogs>>>,
}

/// The logs of one pod.
#[derive(Debug)]
pub(crate) struct PodLogs {
    folder: PathBuf,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the pod runs in this process, so that there may be more.
    is_live: bool,
    /// By name of the container: its last instance.
    instances: BTreeMap<String, Instance>,
}

#[derive(Debug)]
struct Instance {
    restart: u32,
    has_ended: bool,
    /// While it writes.
    file: Option<Segment>,
}

#[derive(Debug)]
struct Segment {
    file: File,
    bytes: u64,
}

impl LogFolder {
    /// A folder that nobody else writes to.
    pub(crate) fn open(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self {
            root,
            known: Mutex::default(),
        })
    }

    /// Where the logs of a pod are kept.
    pub(crate) fn pod(&self, pod: &PodName, uid: &str) -> Arc<PodLogs> {
        let mut known = self.known();
        let logs = known.entry(uid.to_owned()).or_insert_with(|| {
            let name = format!("{}_{}_{uid}", pod.namespace, pod.name);
            Arc::new(PodLogs {
                folder: self.root.join(name),
                state: Mutex::default(),
                changed: watch::Sender::new(()),
            })
        });
        logs.clone()
    }

    /// Removes the logs of a pod. Who reads them comes to their end.
    pub(crate) fn forget(&self, uid: &str) {
        if let Some(logs) = self.known().remove(uid) {
            logs.end();
            remove(&logs.folder);
        }
    }

    /// Removes the logs of all pods that there are no longer.
    pub(crate) fn retain(&self, is_there: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let uid = name.to_str().and_then(|name| name.rsplit('_').next());
            if !uid.is_some_and(&is_there) {
                remove(&entry.path());
            }
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<PodLogs>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "cannot remove the logs {}", folder.display());
        }
        _ => {}
    }
}

impl PodLogs {
    /// The pod begins to run here.
    pub(crate) fn begin(&self) {
        *self.lock() = State {
            is_live: true,
            ..State::default()
        };
    }

    /// Keeps a line that was written at `time`.
    pub(crate) fn take(&self, line: &LogLine, time: WallTime) {
        let mut entry = Vec::with_capacity(line.bytes.len() + 48);
        LogEntry {
            time,
            is_stderr: line.stream == LogStream::Stderr,
            is_partial: line.partial,
            bytes: &line.bytes,
        }
        .write(&mut entry);
        if let Err(error) = self.append(&line.container, line.restart, &entry) {
            tracing::warn!(%error, "cannot write the log of a container to {}", self.folder.display());
        }
        self.changed.send_replace(());
    }

    fn append(&self, container: &str, restart: u32, entry: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        let instance = instance(&mut state, container, restart);
        let segment = match &mut instance.file {
            Some(segment) => segment,
            none => {
                fs::create_dir_all(self.folder.join(container))?;
                none.insert(open(&self.path(container, restart))?)
            }
        };
        segment.file.write_all(entry)?;
        segment.bytes += entry.len() as u64;
        if segment.bytes >= LOG_FILE_BYTES {
            instance.file = None;
            self.rotate(container, restart)?;
        }
        Ok(())
    }

    /// Sets the file aside, and removes the oldest of those that were.
    fn rotate(&self, container: &str, restart: u32) -> io::Result<()> {
        let aside = self.set_aside(container, restart)?;
        let next = aside.last().map_or(0, |last| last + 1);
        let path = self.path(container, restart);
        fs::rename(&path, self.aside_path(container, restart, next))?;
        let too_many = (aside.len() + 2).saturating_sub(LOG_FILES_KEPT);
        for segment in aside.iter().take(too_many) {
            fs::remove_file(self.aside_path(container, restart, *segment))?;
        }
        Ok(())
    }

    /// Takes note of which instances have ended: all that they wrote was taken before.
    pub(crate) fn note(&self, status: &Status) {
        let mut state = self.lock();
        for container in status.all_containers() {
            let Some(has_ended) = has_ended(container) else {
                continue;
            };
            let instance = instance(&mut state, &container.name, container.restart_count);
            if has_ended && instance.restart == container.restart_count {
                instance.has_ended = true;
                instance.file = None;
            }
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// The pod is gone.
    pub(crate) fn end(&self) {
        *self.lock() = State::default();
        self.changed.send_replace(());
    }

    /// Whether an instance of a container will write nothing more.
    fn has_ended(&self, container: &str, restart: u32) -> bool {
        let state = self.lock();
        match state.instances.get(container) {
            Some(last) => last.restart > restart || last.restart == restart && last.has_ended,
            None => !state.is_live,
        }
    }

    fn path(&self, container: &str, restart: u32) -> PathBuf {
        self.folder.join(container).join(format!("{restart}.log"))
    }

    fn aside_path(&self, container: &str, restart: u32, segment: u64) -> PathBuf {
        let name = format!("{restart}.log.{segment}");
        self.folder.join(container).join(name)
    }

    /// The numbers of the files that were set aside, oldest first.
    fn set_aside(&self, container: &str, restart: u32) -> io::Result<Vec<u64>> {
        let prefix = format!("{restart}.log.");
        let entries = match fs::read_dir(self.folder.join(container)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(&prefix));
            found.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instance of a container, which takes the place of those before it.
fn instance<'s>(state: &'s mut State, container: &str, restart: u32) -> &'s mut Instance {
    let new = || Instance {
        restart,
        has_ended: false,
        file: None,
    };
    let last = state
        .instances
        .entry(container.to_owned())
        .or_insert_with(new);
    if last.restart < restart {
        *last = new();
    }
    last
}

/// `None` for a container that has not started yet.
fn has_ended(container: &ContainerStatus) -> Option<bool> {
    match &container.state {
        ContainerState::Running { .. } => Some(false),
        ContainerState::Terminated(_) => Some(true),
        ContainerState::Waiting(_) => container.last_state.as_ref().map(|_| true),
    }
}

fn open(path: &Path) -> io::Result<Segment> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Segment { file, bytes })
}

#[cfg(test)]
mod tests;
