//! What an end-to-end test does to a cluster, in virtual time: a waiting test costs nothing, and sees every status that
//! a pod ever showed, not only those at the moments a client polls.

mod verbs;
mod waits;

pub use verbs::Exec;

use crate::pods::{ENGINE, images};
use crate::timeline::{Line, Timeline};
use seedpod::spec::{GracePeriod, ObjectKey, ObjectKind, Objects, Pod};
use seedpod::status::{ConditionType, ContainerState, ContainerStatus, Status};
use seedpod_api::Source;
use seedpod_core::pod::PodEvent;
use seedpod_core::seed::Seed;
use seedpod_core::time::{Instant, WallTime};
use seedpod_engine::PodHandle;
use seedpod_engine::world::Output;
use seedpod_sim::{Record, Settings, Simulation};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// How long the e2e framework waits for a pod to start or to end: `PodStartTimeout`.
pub const POD_START_S: u64 = 5 * 60;

/// `PodStartShortTimeout`.
pub const POD_START_SHORT_S: u64 = 2 * 60;

/// `PodDeleteTimeout`.
pub const POD_DELETE_S: u64 = 5 * 60;

/// When simulations begin: 2026-01-01T00:00:00Z.
const EPOCH: WallTime = WallTime::from_unix_nanos(1_767_225_600_000_000_000);

/// Pods that come and go. Panics, where a test would fail, with all that is known about the pod.
pub struct Cluster {
    simulation: Simulation,
    pods: BTreeMap<String, Seen>,
    /// Records of the simulation that were looked at.
    read: usize,
}

/// What one pod has shown.
struct Seen {
    spec: Pod,
    deleted: bool,
    statuses: Vec<(Instant, Status)>,
    events: Vec<Event>,
    lines: Vec<Line>,
}

/// An event, as `kubectl describe` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Virtual time.
    pub at: Instant,
    /// `Normal` or `Warning`.
    pub type_: String,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// `spec.containers{name}`, where it is about a container.
    pub field_path: Option<String>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

impl Cluster {
    /// A cluster of one node without pods.
    pub fn new() -> Self {
        Self {
            simulation: Simulation::new(Settings {
                seed: Seed::new(1),
                engine: ENGINE.clone(),
                images: images(),
            }),
            pods: BTreeMap::new(),
            read: 0,
        }
    }

    /// `kubectl create`: pods, and the ConfigMaps, Secrets and Services they need.
    ///
    /// # Panics
    /// When the API server would refuse it.
    pub fn create(&mut self, manifest: &str) {
        if let Err(errors) = self.try_create(manifest) {
            panic!("{errors}\n{manifest}");
        }
    }

    /// `CreateSync`: creates pods and waits until each of them runs and is ready.
    ///
    /// # Panics
    /// When the API server would refuse them, or one does not become ready.
    pub fn create_sync(&mut self, manifest: &str) {
        self.create(manifest);
        let objects = load(manifest).unwrap_or_default();
        for pod in objects.pods {
            self.wait_for_ready(&pod.meta.name, POD_START_S);
        }
    }

    /// As [`create`](Self::create), for manifests that may be refused.
    ///
    /// # Errors
    /// What the API server says.
    ///
    /// # Panics
    /// When a pod of this name is there already.
    pub fn try_create(&mut self, manifest: &str) -> Result<(), String> {
        let objects = load(manifest)?;
        for pod in &objects.pods {
            let name = &pod.meta.name;
            assert!(!self.exists(name), "pod {name} is already there");
            self.simulation.forget(name);
            let seen = Seen {
                spec: pod.clone(),
                deleted: false,
                statuses: Vec::new(),
                events: Vec::new(),
                lines: Vec::new(),
            };
            self.pods.insert(name.clone(), seen);
        }
        let applied = self.simulation.apply(&objects);
        applied.expect("there is room for all of it");
        Ok(())
    }

    /// `kubectl apply` of ConfigMaps, Secrets and Services: new ones, or new contents of those that are there.
    ///
    /// # Panics
    /// When the API server would refuse it.
    pub fn apply(&mut self, manifest: &str) {
        let objects = load(manifest).unwrap_or_else(|errors| panic!("{errors}\n{manifest}"));
        assert!(objects.pods.is_empty(), "pods are created or updated");
        let applied = self.simulation.apply(&objects);
        applied.expect("there is room for all of it");
    }

    /// `kubectl delete` of a ConfigMap, Secret or Service.
    ///
    /// # Panics
    /// When there is none.
    pub fn delete_object(&mut self, kind: ObjectKind, name: &str) {
        let key = ObjectKey {
            kind,
            namespace: "default".to_owned(),
            name: name.to_owned(),
        };
        assert!(self.simulation.delete_object(&key), "there is no {name}");
    }

    /// `kubectl delete pod`, with its own grace period or another; does not wait.
    ///
    /// # Panics
    /// When there is no such pod.
    pub fn delete(&mut self, pod: &str, grace_s: Option<u32>) {
        let grace = grace_s.map(|seconds| GracePeriod { seconds });
        self.seen_mut(pod).deleted = true;
        if let Some(handle) = self.simulation.pod(pod) {
            handle.delete(grace);
        }
    }

    /// `kubectl set image`.
    ///
    /// # Panics
    /// When there is no such pod or container.
    pub fn set_image(&mut self, pod: &str, container: &str, image: &str) {
        let handle = self.handle(pod);
        let mut spec = Pod::clone(&handle.spec());
        let mut all = spec.init_containers.iter_mut().chain(&mut spec.containers);
        let own = all.find(|own| own.name == container);
        own.expect("the pod has it").image = image.to_owned();
        handle.update(Arc::new(spec));
    }

    /// Deletes a pod and waits until it is gone.
    ///
    /// # Panics
    /// When it stays.
    pub fn delete_and_wait(&mut self, pod: &str) {
        self.delete(pod, None);
        self.wait_for_not_found(pod, POD_DELETE_S);
    }

    /// Virtual time since the cluster began.
    pub fn now(&self) -> Instant {
        self.simulation.now()
    }

    /// Virtual time on the calendar.
    pub fn wall_time(&self) -> WallTime {
        EPOCH.at(self.now())
    }

    /// Lets time pass.
    pub fn run(&mut self, seconds: u64) {
        self.advance(Duration::from_secs(seconds), |_| false);
    }

    /// Lets time pass until `done`; whether it came to that.
    pub fn advance(&mut self, time: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now() + time;
        self.read_records();
        loop {
            if done(self) {
                return true;
            }
            let more = self.simulation.step(end);
            self.read_records();
            if !more {
                return done(self);
            }
        }
    }

    /// Whether `kubectl get pod` finds it.
    pub fn exists(&self, pod: &str) -> bool {
        let over = self.simulation.status(pod).is_some();
        self.pods
            .get(pod)
            .is_some_and(|seen| !seen.deleted || !over)
    }

    /// The present status.
    ///
    /// # Panics
    /// When there is none yet.
    pub fn status(&self, pod: &str) -> Status {
        let (_, status) = self.seen(pod).statuses.last().expect("a status");
        status.clone()
    }

    /// Every status so far, and when it came.
    pub fn statuses(&self, pod: &str) -> &[(Instant, Status)] {
        &self.seen(pod).statuses
    }

    /// The status of a container.
    ///
    /// # Panics
    /// When there is none.
    pub fn container(&self, pod: &str, container: &str) -> ContainerStatus {
        container_of(&self.status(pod), container).clone()
    }

    /// All events so far.
    pub fn events(&self, pod: &str) -> &[Event] {
        &self.seen(pod).events
    }

    /// Everything a container wrote, in all its instances.
    pub fn logs(&self, pod: &str, container: &str) -> String {
        let lines = self.seen(pod).lines.iter();
        lines
            .filter(|line| line.container == container)
            .fold(String::new(), |text, line| {
                text + &line.text + if line.partial { "" } else { "\n" }
            })
    }

    /// Everything all containers wrote, with times.
    pub fn timeline(&self, pod: &str) -> Timeline {
        Timeline::new(self.seen(pod).lines.clone())
    }

    /// The pod itself.
    ///
    /// # Panics
    /// When it was never created.
    pub fn handle(&self, pod: &str) -> &PodHandle {
        self.simulation.pod(pod).expect("the pod was created")
    }

    /// `TestContainerOutput`: creates the one pod of the manifest, waits until it has succeeded, and looks for each of the
    /// texts in what the container wrote. Returns all of it.
    ///
    /// # Panics
    /// When a text is missing.
    pub fn test_output(&mut self, manifest: &str, container: &str, expected: &[&str]) -> String {
        let pod = load(manifest)
            .ok()
            .and_then(|objects| Some(objects.pods.first()?.meta.name.clone()))
            .unwrap_or_default();
        self.create(manifest);
        self.wait_for_success(&pod, POD_START_S);
        let log = self.logs(&pod, container);
        for text in expected {
            assert!(
                log.contains(text),
                "{text:?} is missing\n{}",
                self.describe(&pod)
            );
        }
        log
    }

    /// All that is known about a pod, for a message.
    pub fn describe(&self, pod: &str) -> String {
        let mut text = format!("now {}\n", self.now());
        let Some(seen) = self.pods.get(pod) else {
            return text + "there is no such pod";
        };
        if let Some((at, status)) = seen.statuses.last() {
            let _infallible = writeln!(text, "{at} {status:#?}");
        }
        for event in &seen.events {
            let Event {
                at,
                type_,
                reason,
                message,
                ..
            } = event;
            let _infallible = writeln!(text, "{at} {type_} {reason} {message}");
        }
        for Line {
            at,
            container,
            text: line,
            ..
        } in &seen.lines
        {
            let _infallible = writeln!(text, "{at} [{container}] {line}");
        }
        text
    }

    fn seen(&self, pod: &str) -> &Seen {
        let seen = self.pods.get(pod);
        seen.unwrap_or_else(|| panic!("there was never a pod {pod}"))
    }

    fn seen_mut(&mut self, pod: &str) -> &mut Seen {
        let seen = self.pods.get_mut(pod);
        seen.unwrap_or_else(|| panic!("there was never a pod {pod}"))
    }

    fn read_records(&mut self) {
        for Record { at, pod, output } in self.simulation.records_from(self.read) {
            self.read += 1;
            let Some(seen) = self.pods.get_mut(&pod.name) else {
                continue;
            };
            match output {
                Output::Log(line) => seen.lines.push(Line {
                    at,
                    container: line.container,
                    text: String::from_utf8_lossy(&line.bytes).into_owned(),
                    partial: line.partial,
                }),
                Output::Event(event) => seen.events.push(readable(at, event, &seen.spec)),
                Output::Status(status) => seen.statuses.push((at, *status)),
            }
        }
    }
}

fn readable(at: Instant, event: PodEvent, spec: &Pod) -> Event {
    Event {
        at,
        type_: event.type_.to_string(),
        reason: event.reason.to_string(),
        message: event.message,
        field_path: event.container.and_then(|id| id.field_path(spec)),
    }
}

fn load(manifest: &str) -> Result<Objects, String> {
    let source = Source {
        name: "manifest".to_owned(),
        bytes: manifest.into(),
    };
    let loaded = seedpod_api::load(&[source]).map_err(|errors| {
        errors
            .iter()
            .fold(String::new(), |text, error| format!("{text}{error}\n"))
    })?;
    Ok(loaded.objects)
}

/// Whether the condition is there and True.
pub fn is_true(status: &Status, condition: ConditionType) -> bool {
    let condition = status.condition(condition);
    condition.is_some_and(|condition| condition.status)
}

/// The status of a container, init and ephemeral ones included.
///
/// # Panics
/// When there is none.
pub fn container_of<'s>(status: &'s Status, name: &str) -> &'s ContainerStatus {
    let found = status.all_containers().find(|one| one.name == name);
    found.unwrap_or_else(|| panic!("there is no container {name}: {status:#?}"))
}

/// `state.waiting.reason`.
pub fn waiting_reason(container: &ContainerStatus) -> Option<String> {
    match &container.state {
        ContainerState::Waiting(waiting) => Some(waiting.reason.to_string()),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => None,
    }
}
