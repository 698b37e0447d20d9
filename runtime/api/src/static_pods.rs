//! Static pods: a folder says which pods a node runs (kubelet `staticPodPath`, `config/file.go`, `config/common.go`).
//!
//! [`StaticPods`] does nothing itself. It is told what is in the folder and which pods have ended, and asked what to do:
//! a new file starts a pod, a removed one stops it, a changed one does both, one after the other. A pod that ended by
//! itself stays so until its file changes.
//!
//! ```text
//! wanted ── Start ──► Running ── other or no file ── Stop ──► Stopping ── ended ──► wanted, if there is a file by then
//!                        └─────── ended ──► Ended ── other file ──► wanted
//! ```

mod file;
#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use seedpod_core::spec;
use seedpod_core::time::WallTime;
use xxhash_rust::xxh3::xxh3_128;

use crate::Source;
use crate::error::{ManifestError, Problem};
use crate::single;
pub use file::static_pod;

/// `kubernetes.io/config.source`: where a pod comes from; `file` for those of a folder.
pub const CONFIG_SOURCE: &str = "kubernetes.io/config.source";
/// `kubernetes.io/config.hash`: its uid.
pub const CONFIG_HASH: &str = "kubernetes.io/config.hash";
/// `kubernetes.io/config.seen`: when the node first saw it.
pub const CONFIG_SEEN: &str = "kubernetes.io/config.seen";
/// `kubernetes.io/config.mirror`: its uid, only on what an API server shows of it.
pub const CONFIG_MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod that a file asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticPod {
    /// Its name ends with that of the node.
    pub spec: spec::Pod,
    /// A hash of node, file and content: another content is another pod.
    pub uid: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum StaticAction {
    /// Start a pod. There is none of this name.
    Start(Box<StaticPod>),
    /// End a pod with its grace period, and say when it is gone.
    Stop {
        /// `metadata.uid`
        uid: String,
    },
    /// Tell people what is wrong with a file; it is skipped.
    Report(Vec<ManifestError>),
}

/// Why the folder was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Something has changed in it. A file that is broken now, perhaps half written, still stands for its last pod.
    Changed,
    /// The time for it has come. A broken file stands for nothing.
    Full,
}

/// The pods of one folder.
#[derive(Debug)]
pub struct StaticPods {
    node: String,
    files: BTreeMap<String, File>,
    pods: BTreeMap<FullName, State>,
    actions: VecDeque<StaticAction>,
}

/// Namespace and name.
type FullName = (String, String);

#[derive(Debug)]
struct File {
    digest: u128,
    is_broken: bool,
    pod: Option<StaticPod>,
    /// Whether it was said that another file has the same name.
    is_reported: bool,
}

/// A pod by its uid.
#[derive(Debug)]
enum State {
    Running(String),
    Stopping(String),
    Ended(String),
}

impl StaticPods {
    /// Knows of no pod yet. The name of the node becomes part of their names.
    pub fn new(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            files: BTreeMap::new(),
            pods: BTreeMap::new(),
            actions: VecDeque::new(),
        }
    }

    /// What is in the folder `now`: all its files, in the order of their names.
    pub fn handle_files(&mut self, files: &[Source], scan: Scan, now: WallTime) {
        let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        self.files.retain(|name, _| names.contains(name.as_str()));
        for source in files {
            self.read(source, scan, now);
        }
        let wanted = self.wanted();
        let known: BTreeSet<FullName> = wanted.keys().chain(self.pods.keys()).cloned().collect();
        for name in known {
            self.reconcile(&name, wanted.get(&name));
        }
    }

    /// A pod is gone, by itself or after [`StaticAction::Stop`].
    pub fn handle_ended(&mut self, uid: &str) {
        let mut pods = self.pods.iter();
        let found = pods.find_map(|(name, state)| match state {
            State::Running(own) if own == uid => Some((name.clone(), true)),
            State::Stopping(own) if own == uid => Some((name.clone(), false)),
            _ => None,
        });
        let Some((name, by_itself)) = found else {
            return;
        };
        if by_itself {
            self.pods.insert(name.clone(), State::Ended(uid.to_owned()));
        } else {
            self.pods.remove(&name);
        }
        let wanted = self.wanted();
        self.reconcile(&name, wanted.get(&name));
    }

    /// What to do next, in this order.
    pub fn poll_action(&mut self) -> Option<StaticAction> {
        self.actions.pop_front()
    }

    /// Whether a file is broken but its last pod still runs, so that a [`Scan::Full`] makes a difference.
    pub fn has_stale_pods(&self) -> bool {
        let mut files = self.files.values();
        files.any(|file| file.is_broken && file.pod.is_some())
    }

    fn read(&mut self, source: &Source, scan: Scan, now: WallTime) {
        let digest = xxh3_128(&source.bytes);
        if let Some(file) = self.files.get_mut(&source.name)
            && file.digest == digest
        {
            if file.is_broken && scan == Scan::Full {
                file.pod = None;
            }
            return;
        }
        let last = self.files.remove(&source.name);
        let (is_broken, pod) = match static_pod(source, &self.node, now) {
            Ok(pod) => (false, Some(pod)),
            Err(errors) => {
                self.actions.push_back(StaticAction::Report(errors));
                let last = last.and_then(|file| file.pod);
                (true, last.filter(|_| scan == Scan::Changed))
            }
        };
        let file = File {
            digest,
            is_broken,
            pod,
            is_reported: false,
        };
        self.files.insert(source.name.clone(), file);
    }

    /// What the files ask for; of two with one name the first.
    fn wanted(&mut self) -> BTreeMap<FullName, StaticPod> {
        let mut wanted: BTreeMap<FullName, StaticPod> = BTreeMap::new();
        for (path, file) in &mut self.files {
            let Some(pod) = &file.pod else { continue };
            let meta = &pod.spec.meta;
            let name = (meta.namespace.clone(), meta.name.clone());
            match wanted.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(pod.clone());
                }
                Entry::Occupied(_) if file.is_reported => {}
                Entry::Occupied(_) => {
                    file.is_reported = true;
                    let problem = Problem::DuplicateStaticPod {
                        pod: format!("{}_{}({})", meta.name, meta.namespace, pod.uid),
                        name: meta.name.clone(),
                    };
                    let source = Source {
                        name: path.clone(),
                        bytes: Vec::new(),
                    };
                    let errors = vec![single::error(&source, problem)];
                    self.actions.push_back(StaticAction::Report(errors));
                }
            }
        }
        wanted
    }

    fn reconcile(&mut self, name: &FullName, wanted: Option<&StaticPod>) {
        let uid = wanted.map(|pod| pod.uid.as_str());
        match self.pods.get(name) {
            Some(State::Stopping(_)) => {}
            Some(State::Running(own)) if uid == Some(own) => {}
            Some(State::Running(own)) => {
                let uid = own.clone();
                self.actions
                    .push_back(StaticAction::Stop { uid: uid.clone() });
                self.pods.insert(name.clone(), State::Stopping(uid));
            }
            Some(State::Ended(own)) if uid == Some(own) => {}
            Some(State::Ended(_)) | None => {
                self.pods.remove(name);
                if let Some(pod) = wanted {
                    self.pods
                        .insert(name.clone(), State::Running(pod.uid.clone()));
                    let start = StaticAction::Start(Box::new(pod.clone()));
                    self.actions.push_back(start);
                }
            }
        }
    }
}
