//! What a test can see of a run: files, queues, semaphores, containers, logs, events and the time.
//!
//! Everything that is looked at is remembered with what was seen, so that an expression is evaluated again only when
//! one of the things that it read is another.

use super::seen::{ContainerLook, FileLook, Log, Seen};
use seedpod_core::ipc::{QueueLook, SemaphoreLook};
use seedpod_core::limits::{TEST_FILE_BYTES_MAX, TEST_THINGS_SEEN_MAX};
use seedpod_core::pod::Status;
use seedpod_core::podtest::{FileTarget, slashed};
use seedpod_core::sched::{Access, ObjectKind, Touch};
use seedpod_core::spec::{self, Objects, SubPath};
use seedpod_core::time::{Instant, WallTime};
use seedpod_core::trace::TraceEvent;
use seedpod_core::volume::{Caller, look};
use seedpod_engine::PodHandle;
use seedpod_engine::world::Output;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Record;

/// What a test can see of a run. Clones look at the same.
#[derive(Clone)]
pub struct View(Arc<Mutex<State>>);

struct State {
    now: Instant,
    pods: Vec<Pod>,
    /// Whether anybody may ask how often something was called.
    counts_events: bool,
    /// How often each call was made on each object; under an empty object, on any.
    events: BTreeMap<(String, String), i64>,
    things: BTreeMap<Thing, Kept>,
    version: u64,
    /// What the evaluation under way has looked at.
    reading: BTreeSet<Thing>,
    /// Why something could not be looked at.
    problem: Option<String>,
}

struct Pod {
    name: String,
    spec: Arc<spec::Pod>,
    /// None before the pod has started.
    handle: Option<PodHandle>,
    containers: BTreeMap<String, ContainerLook>,
    logs: BTreeMap<String, Log>,
}

struct Kept {
    seen: Seen,
    /// When it became this.
    version: u64,
}

/// Something that can be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    File(FileTarget),
    /// Pod, if it is said, and name.
    Queue(Option<String>, String),
    Semaphore(Option<String>, String),
    Container(String),
    Log(String),
    /// Call and object.
    Events(String, String),
    Time,
}

/// What may have become another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    files: bool,
    queues: bool,
    semaphores: bool,
    containers: bool,
    logs: bool,
    events: bool,
}

impl Changes {
    const ALL: Self = Self {
        files: true,
        queues: true,
        semaphores: true,
        containers: true,
        logs: true,
        events: true,
    };

    fn of_touch(&mut self, touch: &Touch) {
        if touch.access == Access::Read {
            return;
        }
        match touch.object.kind {
            ObjectKind::Node | ObjectKind::Entry | ObjectKind::Directory | ObjectKind::Capacity => {
                self.files = true
            }
            ObjectKind::QueueTail | ObjectKind::QueueHead => self.queues = true,
            ObjectKind::QueueCount | ObjectKind::IpcName => {
                self.queues = true;
                self.semaphores = true;
            }
            ObjectKind::Semaphore => self.semaphores = true,
            _ => {}
        }
    }

    fn contain(self, thing: &Thing) -> bool {
        match thing {
            Thing::File(_) => self.files,
            Thing::Queue(..) => self.queues,
            Thing::Semaphore(..) => self.semaphores,
            Thing::Container(_) => self.containers,
            Thing::Log(_) => self.logs,
            Thing::Events(..) => self.events,
            Thing::Time => true,
        }
    }
}

impl View {
    /// A view of pods that have not started.
    pub(crate) fn new(objects: &Objects) -> Self {
        let pods = objects.pods.iter().map(|pod| Pod {
            name: pod.meta.name.clone(),
            spec: Arc::new(pod.clone()),
            handle: None,
            containers: BTreeMap::new(),
            logs: BTreeMap::new(),
        });
        Self(Arc::new(Mutex::new(State {
            now: Instant::ZERO,
            pods: pods.collect(),
            counts_events: false,
            events: BTreeMap::new(),
            things: BTreeMap::new(),
            version: 0,
            reading: BTreeSet::new(),
            problem: None,
        })))
    }

    /// Counts events from now on.
    pub(crate) fn count_events(&self) {
        self.lock().counts_events = true;
    }

    /// Lets a pod be looked into.
    pub(crate) fn add_pod(&self, handle: &PodHandle) {
        let mut state = self.lock();
        let name = &handle.name().name;
        match state.pods.iter_mut().find(|pod| pod.name == *name) {
            Some(pod) => pod.handle = Some(handle.clone()),
            None => state.pods.push(Pod {
                name: name.clone(),
                spec: handle.spec(),
                handle: Some(handle.clone()),
                containers: BTreeMap::new(),
                logs: BTreeMap::new(),
            }),
        }
        state.refresh(Changes::ALL);
    }

    /// Takes what has happened since the last time.
    pub(crate) fn advance(
        &self,
        now: Instant,
        touched: &[Touch],
        records: &[Record],
        events: &[TraceEvent],
    ) {
        let mut changes = Changes::default();
        touched.iter().for_each(|touch| changes.of_touch(touch));
        let mut state = self.lock();
        state.now = now;
        for record in records {
            match &record.output {
                Output::Log(line) => {
                    changes.logs = true;
                    if let Some(pod) = state.pod_mut(&record.pod.name) {
                        let log = pod.logs.entry(line.container.clone()).or_default();
                        log.push(&line.bytes, line.partial);
                    }
                }
                Output::Status(status) => {
                    changes.containers = true;
                    if let Some(pod) = state.pod_mut(&record.pod.name) {
                        pod.take(status);
                    }
                }
                Output::Event(_) => {}
            }
        }
        for event in events {
            changes.events = true;
            // What is no call changes more than it says.
            if matches!(event.kind.as_str(), "exit")
                || event.kind.contains("fault.")
                || event.kind.contains("drive.")
            {
                changes = Changes::ALL;
            }
            state.count(event);
        }
        state.refresh(changes);
    }

    /// The time.
    pub fn now(&self) -> Instant {
        let mut state = self.lock();
        state.reading.insert(Thing::Time);
        state.now
    }

    pub(crate) fn time(&self) -> Instant {
        self.lock().now
    }

    /// A file of a volume: `volume:a/b`, `container:/a/b`, or `/a/b` where one volume only is mounted there.
    pub fn file(&self, path: &str) -> FileLook {
        let Some(target) = FileTarget::parse(path) else {
            let problem =
                format!("{path:?} is no file; write volume:path, container:/path or /path");
            self.lock().problem = Some(problem);
            return FileLook::default();
        };
        match self.lock().look(Thing::File(target)) {
            Seen::File(file) => file,
            _ => FileLook::default(),
        }
    }

    /// A message queue, by its name with or without the slash; `None` while there is none.
    pub fn queue(&self, name: &str) -> Option<QueueLook> {
        self.queue_of(None, name)
    }

    pub(crate) fn queue_of(&self, pod: Option<&str>, name: &str) -> Option<QueueLook> {
        let thing = Thing::Queue(pod.map(str::to_owned), slashed(name));
        match self.lock().look(thing) {
            Seen::Queue(queue) => queue,
            _ => None,
        }
    }

    /// A semaphore, by its name with or without the slash; `None` while there is none.
    pub fn semaphore(&self, name: &str) -> Option<SemaphoreLook> {
        self.semaphore_of(None, name)
    }

    pub(crate) fn semaphore_of(&self, pod: Option<&str>, name: &str) -> Option<SemaphoreLook> {
        let thing = Thing::Semaphore(pod.map(str::to_owned), slashed(name));
        match self.lock().look(thing) {
            Seen::Semaphore(semaphore) => semaphore,
            _ => None,
        }
    }

    /// A container: `worker`, or `pod/worker`.
    pub fn container(&self, name: &str) -> ContainerLook {
        match self.lock().look(Thing::Container(name.to_owned())) {
            Seen::Container(container) => container,
            _ => ContainerLook::default(),
        }
    }

    /// Everything that a container has written, its last MiB.
    pub fn log(&self, container: &str) -> Arc<String> {
        match self.lock().look(Thing::Log(container.to_owned())) {
            Seen::Log(log) => log.text(),
            _ => Arc::default(),
        }
    }

    /// How often a call such as `fs.rename` was made, on this object or, if that is empty, on any.
    pub fn events(&self, call: &str, object: &str) -> i64 {
        match self
            .lock()
            .look(Thing::Events(call.to_owned(), object.to_owned()))
        {
            Seen::Events(count) => count,
            _ => 0,
        }
    }

    /// Containers of all pods as they are now: pod, container, spec, state.
    pub(crate) fn containers(&self) -> Vec<(String, Arc<spec::Pod>, String, ContainerLook)> {
        let state = self.lock();
        let mut found = Vec::new();
        for pod in &state.pods {
            for container in pod.spec.all_containers() {
                let look = pod.containers.get(&container.name).cloned();
                let look = look.unwrap_or_default();
                found.push((
                    pod.name.clone(),
                    pod.spec.clone(),
                    container.name.clone(),
                    look,
                ));
            }
        }
        found
    }

    pub(crate) fn log_texts(&self) -> Vec<(String, Arc<String>)> {
        let state = self.lock();
        let several = state.pods.len() > 1;
        let logs = state.pods.iter().flat_map(|pod| {
            pod.logs.iter().map(move |(container, log)| {
                let name = match several {
                    true => format!("{}_{container}", pod.name),
                    false => container.clone(),
                };
                (name, log.text())
            })
        });
        logs.collect()
    }

    /// Begins an evaluation.
    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        state.reading.clear();
        state.problem = None;
    }

    /// Ends an evaluation: what it has looked at, and what it could not look at.
    pub(crate) fn end(&self) -> (BTreeSet<Thing>, u64, Option<String>) {
        let mut state = self.lock();
        let reading = std::mem::take(&mut state.reading);
        (reading, state.version, state.problem.take())
    }

    /// Whether any of these became another after `version`.
    pub(crate) fn is_newer(&self, things: &BTreeSet<Thing>, version: u64) -> bool {
        let state = self.lock();
        things.iter().any(|thing| match thing {
            Thing::Time => true,
            thing => state
                .things
                .get(thing)
                .is_none_or(|kept| kept.version > version),
        })
    }

    /// What is to be seen of these, for people: `queue /orders: depth 3, sent 4, received 1`.
    pub(crate) fn describe(&self, things: &BTreeSet<Thing>) -> String {
        let state = self.lock();
        let kept = things.iter().filter_map(|thing| {
            let kept = state.things.get(thing)?;
            Some(format!("{thing}: {}", kept.seen))
        });
        let texts: Vec<String> = kept.take(DESCRIBED_MAX).collect();
        texts.join("; ")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Things that one failure describes.
const DESCRIBED_MAX: usize = 4;

impl State {
    fn pod_mut(&mut self, name: &str) -> Option<&mut Pod> {
        self.pods.iter_mut().find(|pod| pod.name == name)
    }

    fn count(&mut self, event: &TraceEvent) {
        // What is blocked is told again when it is over.
        if !self.counts_events || event.result == "blocked" {
            return;
        }
        for object in ["", event.object.as_str()] {
            let key = (event.kind.clone(), object.to_owned());
            let room = self.events.len() < TEST_THINGS_SEEN_MAX;
            match self.events.get_mut(&key) {
                Some(count) => *count += 1,
                None if room => {
                    self.events.insert(key, 1);
                }
                None => {}
            }
            if event.object.is_empty() {
                break;
            }
        }
    }

    fn look(&mut self, thing: Thing) -> Seen {
        if let Some(kept) = self.things.get(&thing) {
            let seen = kept.seen.clone();
            self.reading.insert(thing);
            return seen;
        }
        match self.fetch(&thing) {
            Ok(seen) => {
                if self.things.len() < TEST_THINGS_SEEN_MAX {
                    let kept = Kept {
                        seen: seen.clone(),
                        version: self.version,
                    };
                    self.things.insert(thing.clone(), kept);
                }
                self.reading.insert(thing);
                seen
            }
            Err(problem) => {
                self.problem = Some(problem);
                Seen::Nothing
            }
        }
    }

    /// Looks again at what may have changed.
    fn refresh(&mut self, changes: Changes) {
        let due: Vec<Thing> = self
            .things
            .keys()
            .filter(|thing| changes.contain(thing))
            .cloned()
            .collect();
        for thing in due {
            let seen = self.fetch(&thing).unwrap_or(Seen::Nothing);
            let Some(kept) = self.things.get_mut(&thing) else {
                continue;
            };
            if kept.seen != seen {
                self.version += 1;
                kept.seen = seen;
                kept.version = self.version;
            }
        }
    }

    fn fetch(&self, thing: &Thing) -> Result<Seen, String> {
        Ok(match thing {
            Thing::File(target) => Seen::File(self.file(target)?),
            Thing::Queue(pod, name) => Seen::Queue(self.in_kernel(pod.as_deref(), |handle| {
                handle.with(|kernel| kernel.ipc.look_at_queue(name))
            })?),
            Thing::Semaphore(pod, name) => {
                Seen::Semaphore(self.in_kernel(pod.as_deref(), |handle| {
                    handle.with(|kernel| kernel.ipc.look_at_semaphore(name))
                })?)
            }
            Thing::Container(name) => {
                let (pod, container) = self.container(name)?;
                Seen::Container(pod.containers.get(container).cloned().unwrap_or_default())
            }
            Thing::Log(name) => {
                let (pod, container) = self.container(name)?;
                Seen::Log(pod.logs.get(container).cloned().unwrap_or_default())
            }
            Thing::Events(call, object) => {
                let key = (call.clone(), object.clone());
                Seen::Events(self.events.get(&key).copied().unwrap_or_default())
            }
            Thing::Time => Seen::Nothing,
        })
    }

    /// What the first pod has, of those that are meant.
    fn in_kernel<R>(
        &self,
        pod: Option<&str>,
        look: impl Fn(&PodHandle) -> Option<R>,
    ) -> Result<Option<R>, String> {
        if let Some(name) = pod
            && !self.pods.iter().any(|known| known.name == name)
        {
            return Err(format!("there is no pod {name:?}"));
        }
        let mut meant = self
            .pods
            .iter()
            .filter(|known| pod.is_none_or(|name| known.name == name));
        Ok(meant.find_map(|pod| look(pod.handle.as_ref()?)))
    }

    /// A container by `name` or `pod/name`.
    fn container<'n>(&self, name: &'n str) -> Result<(&Pod, &'n str), String> {
        let (pod, container) = match name.split_once('/') {
            Some((pod, container)) => (Some(pod), container),
            None => (None, name),
        };
        let mut meant = self.pods.iter().filter(|known| {
            pod.is_none_or(|pod| known.name == pod)
                && known.spec.all_containers().any(|one| one.name == container)
        });
        match (meant.next(), meant.next()) {
            (Some(pod), None) => Ok((pod, container)),
            (Some(one), Some(two)) => Err(format!(
                "there is a container {container:?} in several pods; write \"{}/{container}\" or \"{}/{container}\"",
                one.name, two.name
            )),
            (None, _) => {
                let known = self.pods.iter().flat_map(|pod| pod.spec.all_containers());
                let known: BTreeSet<&str> = known.map(|one| one.name.as_str()).collect();
                let known: Vec<&str> = known.into_iter().collect();
                Err(format!(
                    "there is no container {name:?}, only {}",
                    known.join(", ")
                ))
            }
        }
    }

    fn file(&self, target: &FileTarget) -> Result<FileLook, String> {
        let (pod, volume, path) = self.resolve(target)?;
        let Some(handle) = &pod.handle else {
            return Ok(FileLook::default());
        };
        let Some(volume) = handle.volume(&volume) else {
            return Ok(FileLook::default());
        };
        let caller = Caller::host(WallTime::default());
        let content = look(&*volume, caller, &path, TEST_FILE_BYTES_MAX);
        Ok(FileLook::new(content.ok()))
    }

    /// Pod, volume and path in it.
    fn resolve(&self, target: &FileTarget) -> Result<(&Pod, String, String), String> {
        match target {
            FileTarget::Volume { volume, path } => {
                let has = |pod: &&Pod| pod.spec.volumes.iter().any(|one| one.name == *volume);
                let mut meant = self.pods.iter().filter(has);
                match (meant.next(), meant.next()) {
                    (Some(pod), None) => Ok((pod, volume.clone(), path.clone())),
                    (Some(_), Some(_)) => Err(format!(
                        "there is a volume {volume:?} in several pods; write pod/container:/path"
                    )),
                    (None, _) => Err(format!("there is no volume {volume:?}")),
                }
            }
            FileTarget::Container { container, path } => {
                let (pod, name) = self.container(container)?;
                let mut specs = pod.spec.all_containers();
                specs
                    .find(|one| one.name == name)
                    .and_then(|spec| mounted(spec, path))
                    .map(|(volume, path)| (pod, volume, path))
                    .ok_or_else(|| format!("container {container} has no volume at {path}"))
            }
            FileTarget::Any { path } => {
                let pods = self.pods.iter();
                let found: BTreeSet<(usize, (String, String))> = pods
                    .enumerate()
                    .flat_map(|(index, pod)| {
                        let mounts = pod
                            .spec
                            .all_containers()
                            .filter_map(|one| mounted(one, path));
                        mounts.map(move |found| (index, found))
                    })
                    .collect();
                let mut found = found.into_iter();
                match (found.next(), found.next()) {
                    (Some((pod, (volume, path))), None) => Ok((&self.pods[pod], volume, path)),
                    (None, _) => Err(format!("no container has a volume at {path}")),
                    (Some((_, one)), Some((_, two))) => Err(format!(
                        "{path} is in several volumes; write \"{}:{}\" or \"{}:{}\"",
                        one.0, one.1, two.0, two.1
                    )),
                }
            }
        }
    }

    /// Writes a file; why not.
    fn target(&self, target: &FileTarget) -> Result<(PodHandle, String, String), String> {
        let (pod, volume, path) = self.resolve(target)?;
        let handle = pod.handle.clone();
        let handle = handle.ok_or_else(|| format!("pod {} has not started", pod.name))?;
        Ok((handle, volume, path))
    }
}

impl View {
    /// The pod, the volume and the path in it of a file.
    pub(crate) fn target(
        &self,
        target: &FileTarget,
    ) -> Result<(PodHandle, String, String), String> {
        self.lock().target(target)
    }

    /// A pod that has started and has this container: `worker`, `pod/worker`.
    pub(crate) fn pod_of(
        &self,
        pod: Option<&str>,
        container: &str,
    ) -> Result<(PodHandle, String), String> {
        let name = match pod {
            Some(pod) => format!("{pod}/{container}"),
            None => container.to_owned(),
        };
        let state = self.lock();
        let (pod, container) = state.container(&name)?;
        let handle = pod.handle.clone();
        let handle = handle.ok_or_else(|| format!("pod {} has not started", pod.name))?;
        Ok((handle, container.to_owned()))
    }

    /// The pods that have started, or the one of this name.
    pub(crate) fn pods(&self, name: Option<&str>) -> Vec<PodHandle> {
        let state = self.lock();
        let meant = state
            .pods
            .iter()
            .filter(|pod| name.is_none_or(|name| pod.name == name));
        meant.filter_map(|pod| pod.handle.clone()).collect()
    }
}

impl Pod {
    fn take(&mut self, status: &Status) {
        for container in status.all_containers() {
            let look = ContainerLook::new(container);
            match self.containers.get_mut(&container.name) {
                Some(known) => *known = look,
                None => {
                    self.containers.insert(container.name.clone(), look);
                }
            }
        }
    }
}

/// The volume that a container has at a path, and the path in it: that of its innermost mount.
fn mounted(container: &spec::Container, path: &str) -> Option<(String, String)> {
    let mut best: Option<(usize, String, String)> = None;
    for mount in &container.volume_mounts {
        let at = mount.mount_path.trim_end_matches('/');
        let Some(rest) = path.strip_prefix(at) else {
            continue;
        };
        if !rest.is_empty() && !rest.starts_with('/') {
            continue;
        }
        let sub_path = match &mount.sub_path {
            None => "",
            Some(SubPath::Path(path)) => path,
            // It depends on the environment of the container.
            Some(SubPath::Expr(_)) => continue,
        };
        if best.as_ref().is_none_or(|(length, ..)| *length <= at.len()) {
            let path = format!("{}{rest}", sub_path.trim_end_matches('/'));
            let path = path.trim_start_matches('/').to_owned();
            best = Some((at.len(), mount.name.clone(), path));
        }
    }
    best.map(|(_, volume, path)| (volume, path))
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(target) => write!(f, "file {target}"),
            Self::Queue(_, name) => write!(f, "queue {name}"),
            Self::Semaphore(_, name) => write!(f, "semaphore {name}"),
            Self::Container(name) => write!(f, "container {name}"),
            Self::Log(name) => write!(f, "log of {name}"),
            Self::Events(call, object) if object.is_empty() => write!(f, "events {call}"),
            Self::Events(call, object) => write!(f, "events {call} {object}"),
            Self::Time => f.write_str("time"),
        }
    }
}
