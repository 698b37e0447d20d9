//! Whether what a test names is there.

use std::collections::BTreeSet;

use seedpod_core::podtest::{DriveAction, FaultKind, FileTarget, PodTest, PropertyKind};
use seedpod_core::spec::Objects;

use crate::nearest::nearest;

/// A name in a test that nothing in its manifests has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}no {kind} {name:?} in the manifest{hint}", prefix(.place))]
pub struct NameError {
    /// `tests.yaml:12:7: spec.drive[0]`, or empty.
    pub place: String,
    /// `container`, `volume`, `pod`, `container, pod or Service`.
    pub kind: &'static str,
    /// As written.
    pub name: String,
    /// Empty, or the nearest name.
    pub hint: String,
}

fn prefix(place: &str) -> String {
    match place {
        "" => String::new(),
        place => format!("{place}: "),
    }
}

/// Looks up every container, volume, pod and Service that a test names.
///
/// # Errors
/// One for each name that is not there.
pub fn check_names(test: &PodTest, objects: &Objects) -> Result<(), Vec<NameError>> {
    let mut check = Check::new(objects);
    for container in test.world.clock_skew.keys() {
        check.container("spec.world.clock.skew", container);
    }
    for step in &test.drive {
        check.action(&step.place, &step.action);
    }
    for fault in &test.faults.menu {
        check.fault(&fault.place, &fault.kind);
    }
    for fault in &test.faults.script {
        check.fault(&fault.place, &fault.kind);
    }
    for property in &test.properties {
        if let PropertyKind::Exit(states) = &property.kind {
            for container in states.keys() {
                check.container(&property.place, container);
            }
        }
    }
    match check.errors.is_empty() {
        true => Ok(()),
        false => Err(check.errors),
    }
}

struct Check<'o> {
    pods: BTreeSet<&'o str>,
    containers: BTreeSet<&'o str>,
    /// `pod/container`.
    qualified: BTreeSet<String>,
    volumes: BTreeSet<&'o str>,
    services: BTreeSet<&'o str>,
    errors: Vec<NameError>,
}

impl<'o> Check<'o> {
    fn new(objects: &'o Objects) -> Self {
        let pods = || objects.pods.iter();
        let containers = || pods().flat_map(|pod| pod.all_containers().map(move |one| (pod, one)));
        Self {
            pods: pods().map(|pod| pod.meta.name.as_str()).collect(),
            containers: containers().map(|(_, one)| one.name.as_str()).collect(),
            qualified: containers()
                .map(|(pod, one)| format!("{}/{}", pod.meta.name, one.name))
                .collect(),
            volumes: pods()
                .flat_map(|pod| pod.volumes.iter().map(|volume| volume.name.as_str()))
                .collect(),
            services: objects
                .services
                .iter()
                .map(|service| service.meta.name.as_str())
                .collect(),
            errors: Vec::new(),
        }
    }

    fn action(&mut self, place: &str, action: &DriveAction) {
        match action {
            DriveAction::Publish { pod, .. } | DriveAction::Delete { pod, .. } => {
                self.pod(place, pod.as_deref());
            }
            DriveAction::Exec { pod, container, .. }
            | DriveAction::Signal { pod, container, .. } => {
                self.pod(place, pod.as_deref());
                self.container(place, container);
            }
            DriveAction::Write { path, .. } => match path {
                FileTarget::Volume { volume, .. } => self.volume(place, volume),
                FileTarget::Container { container, .. } => self.container(place, container),
                FileTarget::Any { .. } => {}
            },
            DriveAction::Http(request) => self.address(place, &request.to),
            DriveAction::Tcp { to, .. } => self.address(place, to),
            DriveAction::Apply(_) | DriveAction::Wait(_) => {}
        }
    }

    fn fault(&mut self, place: &str, fault: &FaultKind) {
        match fault {
            FaultKind::Crash { container }
            | FaultKind::Oom { container }
            | FaultKind::Pause { container, .. }
            | FaultKind::ClockJump { container, .. } => self.container(place, container),
            FaultKind::Slow { link, .. }
            | FaultKind::Reset { link }
            | FaultKind::Loss { link, .. }
            | FaultKind::Reorder { link, .. } => {
                self.end(place, &link.from);
                self.end(place, &link.to);
            }
            FaultKind::Partition { between, .. } => {
                self.end(place, &between.0);
                self.end(place, &between.1);
            }
            FaultKind::DiskFull { volume, .. }
            | FaultKind::IoError { volume, .. }
            | FaultKind::TornWrite { volume }
            | FaultKind::LostFsync { volume, .. } => self.volume(place, volume),
            FaultKind::Redeliver { .. } => {}
        }
    }

    fn address(&mut self, place: &str, address: &str) {
        if address.parse::<std::net::SocketAddr>().is_ok() {
            return;
        }
        if let Some((name, _)) = address.rsplit_once(':')
            && name != "localhost"
        {
            self.end(place, name);
        }
    }

    fn pod(&mut self, place: &str, pod: Option<&str>) {
        match pod {
            Some(name) if !self.pods.contains(name) => {
                let known: Vec<&str> = self.pods.iter().copied().collect();
                self.missing(place, "pod", name, &known);
            }
            _ => {}
        }
    }

    fn container(&mut self, place: &str, name: &str) {
        if name != "*" && !self.containers.contains(name) && !self.qualified.contains(name) {
            let known: Vec<&str> = self.containers.iter().copied().collect();
            self.missing(place, "container", name, &known);
        }
    }

    fn volume(&mut self, place: &str, name: &str) {
        if name != "*" && !self.volumes.contains(name) {
            let known: Vec<&str> = self.volumes.iter().copied().collect();
            self.missing(place, "volume", name, &known);
        }
    }

    fn end(&mut self, place: &str, name: &str) {
        let sets = [&self.containers, &self.pods, &self.services];
        let is_known = sets.iter().any(|set| set.contains(name)) || self.qualified.contains(name);
        if name != "*" && !is_known {
            let known: Vec<&str> = sets.iter().flat_map(|set| set.iter().copied()).collect();
            self.missing(place, "container, pod or Service", name, &known);
        }
    }

    fn missing(&mut self, place: &str, kind: &'static str, name: &str, known: &[&str]) {
        let hint = match (nearest(name, known), known) {
            (Some(nearest), _) => format!(", did you mean {nearest:?}?"),
            (None, []) => String::new(),
            (None, known) => format!(", there is {}", known.join(", ")),
        };
        self.errors.push(NameError {
            place: place.to_owned(),
            kind,
            name: name.to_owned(),
            hint,
        });
    }
}
