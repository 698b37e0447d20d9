//! What a test can see of a run: files, queues, semaphores, containers, logs, events and the time.
//!
//! Everything that is looked at is remembered with what was seen, so that an expression is evaluated again only when
//! one of the things that it read is another.

use super::seen::{ContainerLook, FileLook, Log, Seen};
use super::things::{Changes, Thing};
use seedpod_core::ipc::{QueueLook, SemaphoreLook};
use seedpod_core::limits::TEST_THINGS_SEEN_MAX;
use seedpod_core::pod::Status;
use seedpod_core::podtest::{FileTarget, slashed};
use seedpod_core::sched::Touch;
use seedpod_core::spec::{self, Objects};
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use seedpod_engine::PodHandle;
use seedpod_engine::world::Output;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Record;

/// What a test can see of a run. Clones look at the same.
#[derive(Clone)]
pub struct View(Arc<Mutex<State>>);

pub(super) struct State {
    now: Instant,
    pub(super) pods: Vec<Pod>,
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

pub(super) struct Pod {
    pub(super) name: String,
    pub(super) spec: Arc<spec::Pod>,
    /// None before the pod has started.
    pub(super) handle: Option<PodHandle>,
    containers: BTreeMap<String, ContainerLook>,
    logs: BTreeMap<String, Log>,
}

struct Kept {
    seen: Seen,
    /// When it became this.
    version: u64,
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
