//! Static pods: a folder of the machine whose files run as pods, as long as they are there (kubelet `staticPodPath`).
//!
//! The operating system tells of changes, so that nothing is read in vain. Which pod starts and stops is decided by
//! [`seedpod_api::static_pods`].

mod changes;

use crate::node::Node;
use crate::pod::Pod;
use changes::Changes;
use seedpod_api::Source;
use seedpod_api::static_pods::{Scan, StaticAction, StaticPods as Plan};
use seedpod_core::limits::{MANIFEST_BYTES_MAX, STATIC_POD_EVENTS_PENDING, STATIC_POD_FILES};
use seedpod_core::pod::Status;
use seedpod_core::spec::GracePeriod;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// The pods of a folder. Dropped, the folder is no longer watched; the pods go on.
#[derive(Debug)]
pub struct StaticPods {
    running: Arc<Running>,
    events: Receiver<StaticPodEvent>,
    watch: AbortHandle,
}

/// What happens to static pods. Who does not read it misses it.
#[derive(Clone, Debug)]
pub enum StaticPodEvent {
    /// A pod has started.
    Started(Pod),
    /// Something is wrong with a file, which is skipped.
    Report(String),
}

/// Why a folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the folder of static pods {folder}: {error}")]
pub struct StaticPodsError {
    folder: PathBuf,
    error: io::Error,
}

impl StaticPods {
    /// Watches a folder and runs its pods on a node.
    pub(crate) fn watch(node: Node, folder: PathBuf) -> Result<Self, StaticPodsError> {
        if let Err(error) = fs::read_dir(&folder) {
            return Err(StaticPodsError { folder, error });
        }
        let (sender, events) = mpsc::channel(STATIC_POD_EVENTS_PENDING);
        let running = Arc::new(Running::default());
        let runtime = node.runtime().clone();
        let watch = Watch {
            plan: Plan::new(node.name()),
            node,
            changes: Changes::new(&folder),
            folder,
            running: running.clone(),
            ended: JoinSet::new(),
            events: sender,
        };
        let watch = runtime.spawn(watch.run()).abort_handle();
        Ok(Self {
            running,
            events,
            watch,
        })
    }

    /// Pods that run, or still end.
    pub fn pods(&self) -> Vec<Pod> {
        self.running.pods().values().cloned().collect()
    }

    /// Waits for what happens next.
    pub async fn next(&mut self) -> Option<StaticPodEvent> {
        self.events.recv().await
    }

    /// Watches no longer, stops all pods and waits for their end. Without `grace` each has its own grace period.
    pub async fn stop(self, grace: Option<GracePeriod>) -> Vec<(Pod, Status)> {
        self.watch.abort();
        let pods = self.pods();
        pods.iter().for_each(|pod| pod.delete(grace));
        let mut ended = Vec::new();
        for pod in pods {
            let status = pod.wait().await;
            ended.push((pod, status));
        }
        ended
    }
}

impl Drop for StaticPods {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Pods by their uids.
#[derive(Debug, Default)]
struct Running(Mutex<BTreeMap<String, Pod>>);

impl Running {
    fn pods(&self) -> MutexGuard<'_, BTreeMap<String, Pod>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Watch {
    node: Node,
    plan: Plan,
    folder: PathBuf,
    changes: Changes,
    running: Arc<Running>,
    /// Waits for the end of each pod, and gives its uid.
    ended: JoinSet<String>,
    events: Sender<StaticPodEvent>,
}

impl Watch {
    async fn run(mut self) {
        self.scan(Scan::Changed).await;
        let mut scanned = Instant::now();
        loop {
            self.perform();
            let due = scanned + self.changes.interval();
            let is_due = self.plan.has_stale_pods() || !self.changes.are_told();
            tokio::select! {
                Some(ended) = self.ended.join_next() => {
                    // A task that only waits does not fail.
                    if let Ok(uid) = ended {
                        self.running.pods().remove(&uid);
                        self.plan.handle_ended(&uid);
                    }
                }
                () = self.changes.next() => {
                    self.scan(Scan::Changed).await;
                    scanned = Instant::now();
                }
                () = sleep_until(due), if is_due => {
                    self.changes.watch_again(&self.folder);
                    self.scan(Scan::Full).await;
                    scanned = Instant::now();
                }
            }
        }
    }

    async fn scan(&mut self, scan: Scan) {
        let folder = self.folder.clone();
        let read = tokio::task::spawn_blocking(move || read_folder(&folder)).await;
        let (files, problems) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                self.changes.are_lost();
                Default::default()
            }
            Ok(Err(error)) => return self.report(format!("{}: {error}", self.folder.display())),
            Err(_) => return,
        };
        for problem in problems {
            self.report(problem);
        }
        let now = self.node.wall_time();
        self.plan.handle_files(&files, scan, now);
    }

    fn perform(&mut self) {
        while let Some(action) = self.plan.poll_action() {
            match action {
                StaticAction::Start(pod) => {
                    let (name, uid) = (pod.spec.meta.name.clone(), pod.uid.clone());
                    match self.node.start_pod(&uid, pod.spec, None) {
                        Ok(pod) => self.started(uid, pod),
                        Err(error) => {
                            self.report(format!("static pod {name}: {error}"));
                            self.plan.handle_ended(&uid);
                        }
                    }
                }
                StaticAction::Stop { uid } => {
                    if let Some(pod) = self.running.pods().get(&uid) {
                        pod.delete(None);
                    }
                }
                StaticAction::Report(errors) => {
                    for error in errors {
                        self.report(error.to_string());
                    }
                }
            }
        }
    }

    fn started(&mut self, uid: String, pod: Pod) {
        self.running.pods().insert(uid.clone(), pod.clone());
        self.tell(StaticPodEvent::Started(pod.clone()));
        self.ended.spawn(async move {
            pod.wait().await;
            uid
        });
    }

    fn report(&self, text: String) {
        tracing::debug!("{text}");
        self.tell(StaticPodEvent::Report(text));
    }

    fn tell(&self, event: StaticPodEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("nobody reads what happens to static pods");
        }
    }
}

/// The files of a folder in the order of their names, and what is wrong with others. Names that begin with a dot, folders
/// and the like stand for nothing.
fn read_folder(folder: &Path) -> io::Result<(Vec<Source>, Vec<String>)> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    if let Some(first) = paths.get(STATIC_POD_FILES) {
        let first = first.display();
        problems.push(format!(
            "{first}: only {STATIC_POD_FILES} files of a folder are read, this one and those after it are skipped"
        ));
    }
    for path in paths.into_iter().take(STATIC_POD_FILES) {
        let mut bytes = Vec::new();
        let file = File::open(&path);
        match file.and_then(|file| file.take(FILE_BYTES_READ).read_to_end(&mut bytes)) {
            Ok(_) => files.push(Source {
                name: path.display().to_string(),
                bytes,
            }),
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    Ok((files, problems))
}

/// One byte more than is allowed, so that `api` sees that there is too much.
const FILE_BYTES_READ: u64 = MANIFEST_BYTES_MAX as u64 + 1;
