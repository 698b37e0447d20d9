//! What may change in a pod, in the words of the apiserver (`ValidatePodUpdate`, `ValidatePodEphemeralContainersUpdate`).
//!
//! Labels and annotations may change freely. Of the spec a plain update may change images and shorten the life span;
//! ephemeral containers have a verb of their own, which adds, and so have requests and limits of containers that go on.

use super::Pod;
use super::container::Container;
use super::qos::qos_class;
use super::restart::Role;
use super::status::QosClass;
use crate::limits::CONTAINERS_PER_POD;
use crate::spec;
use crate::time::Instant;
use std::sync::Arc;

/// Why a pod may not change like that. The texts are the apiserver's, with the path of the field first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// Name or namespace.
    #[error("metadata.{field}: Invalid value: {value:?}: field is immutable")]
    Immutable {
        /// `name` or `namespace`.
        field: &'static str,
        /// The new value.
        value: String,
    },
    /// Another number of containers.
    #[error("spec.{list}: Forbidden: pod updates may not add or remove containers")]
    Containers {
        /// `containers` or `initContainers`.
        list: &'static str,
    },
    /// An image was taken away.
    #[error("spec.{list}[{index}].image: Required value")]
    NoImage {
        /// `containers` or `initContainers`.
        list: &'static str,
        /// Position in the list.
        index: usize,
    },
    /// A longer life span.
    #[error(
        "spec.activeDeadlineSeconds: Invalid value: {seconds}: must be less than or equal to previous value"
    )]
    DeadlineRaised {
        /// The new value.
        seconds: u64,
    },
    /// No life span any more.
    #[error(
        "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"
    )]
    DeadlineRemoved,
    /// Anything else.
    #[error(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )]
    OtherFields,
    /// An ephemeral container was there before.
    #[error(
        "spec.ephemeralContainers: Forbidden: existing ephemeral containers {name:?} may not be removed"
    )]
    EphemeralRemoved {
        /// Which.
        name: String,
    },
    /// An ephemeral container was another before.
    #[error(
        "spec.ephemeralContainers: Forbidden: existing ephemeral containers {name:?} may not be changed"
    )]
    EphemeralChanged {
        /// Which.
        name: String,
    },
    /// Two containers of the same name.
    #[error("spec.ephemeralContainers[{index}].name: Duplicate value: {name:?}")]
    EphemeralDuplicate {
        /// Position in the list.
        index: usize,
        /// The name.
        name: String,
    },
    /// A container to look at that is not there.
    #[error("spec.ephemeralContainers[{index}].targetContainerName: Not found: {name:?}")]
    TargetNotFound {
        /// Position in the list.
        index: usize,
        /// The name.
        name: String,
    },
    /// The verb of resources is for nothing else.
    #[error("spec: Forbidden: only cpu and memory resources are mutable")]
    OnlyResources,
    /// What is asked for may change but not go.
    #[error(
        "spec.{list}[{index}].resources.{column}: Forbidden: resource {column} cannot be removed"
    )]
    ResourceRemoved {
        /// `containers` or `initContainers`.
        list: &'static str,
        /// Position in the list.
        index: usize,
        /// `limits` or `requests`.
        column: &'static str,
    },
    /// The class was decided when the pod was made.
    #[error("spec: Invalid value: \"{0}\": Pod QOS Class may not change as a result of resizing")]
    QosClass(QosClass),
    /// Ours: see [`CONTAINERS_PER_POD`].
    #[error(
        "spec.ephemeralContainers: Too many: must have at most {CONTAINERS_PER_POD} containers"
    )]
    TooMany,
}

/// Whether a plain update may turn `old` into `new`.
///
/// # Errors
/// The first rule that is broken.
pub fn check(old: &spec::Pod, new: &spec::Pod) -> Result<(), UpdateError> {
    check_meta(old, new)?;
    check_images("containers", &old.containers, &new.containers)?;
    check_images("initContainers", &old.init_containers, &new.init_containers)?;
    match (old.active_deadline, new.active_deadline) {
        (Some(old), Some(new)) if old < new => {
            let seconds = new.as_secs();
            return Err(UpdateError::DeadlineRaised { seconds });
        }
        (Some(_), None) => return Err(UpdateError::DeadlineRemoved),
        _ => {}
    }
    let mut allowed = merge(old, new).ok_or(UpdateError::OtherFields)?;
    if new.ephemeral_containers.is_empty() {
        allowed.ephemeral_containers.clear();
    }
    let changed = new.init_containers.iter().chain(&new.containers);
    let before = old.init_containers.iter().chain(&old.containers);
    for ((old, new), allowed) in before.zip(changed).zip(declared(&mut allowed)) {
        allowed.resources = old.resources;
        if old.image != new.image {
            // It defaults to what the tag says, which the apiserver does only once.
            allowed.image_pull_policy = new.image_pull_policy;
        }
    }
    match allowed == *new && new.ephemeral_containers.len() <= old.ephemeral_containers.len() {
        true => Ok(()),
        false => Err(UpdateError::OtherFields),
    }
}

/// Whether the verb of ephemeral containers may turn `old` into `new`.
///
/// # Errors
/// The first rule that is broken.
pub fn check_ephemeral_containers(old: &spec::Pod, new: &spec::Pod) -> Result<(), UpdateError> {
    check_meta(old, new)?;
    for one in &old.ephemeral_containers {
        let name = || one.name.clone();
        let mut all = new.ephemeral_containers.iter();
        match all.find(|other| other.name == one.name) {
            None => return Err(UpdateError::EphemeralRemoved { name: name() }),
            Some(other) if other != one => {
                return Err(UpdateError::EphemeralChanged { name: name() });
            }
            Some(_) => {}
        }
    }
    for (index, one) in new.ephemeral_containers.iter().enumerate() {
        let mut others = new.init_containers.iter().chain(&new.containers);
        let mut before = new.ephemeral_containers[..index].iter();
        if others.any(|other| other.name == one.name) || before.any(|other| other.name == one.name)
        {
            let name = one.name.clone();
            return Err(UpdateError::EphemeralDuplicate { index, name });
        }
        let mut targets = new.init_containers.iter().chain(&new.containers);
        if let Some(name) = one.target_container_name.clone()
            && !targets.any(|target| target.name == name)
        {
            return Err(UpdateError::TargetNotFound { index, name });
        }
    }
    if new.all_containers().count() > CONTAINERS_PER_POD {
        return Err(UpdateError::TooMany);
    }
    let allowed = spec::Pod {
        meta: new.meta.clone(),
        ephemeral_containers: new.ephemeral_containers.clone(),
        ..old.clone()
    };
    match allowed == *new {
        true => Ok(()),
        false => Err(UpdateError::OtherFields),
    }
}

/// Whether the verb of resources may turn `old` into `new` (`ValidatePodResize`).
///
/// # Errors
/// The first rule that is broken.
pub fn check_resize(old: &spec::Pod, new: &spec::Pod) -> Result<(), UpdateError> {
    check_meta(old, new)?;
    let lists = [
        ("initContainers", &old.init_containers, &new.init_containers),
        ("containers", &old.containers, &new.containers),
    ];
    for (list, old, new) in lists {
        for (index, (old, new)) in old.iter().zip(new).enumerate() {
            let columns = [
                ("limits", old.resources.limits, new.resources.limits),
                ("requests", old.resources.requests, new.resources.requests),
            ];
            let lost = columns.into_iter().find(|(_, old, new)| is_lost(old, new));
            if let Some((column, ..)) = lost {
                return Err(UpdateError::ResourceRemoved {
                    list,
                    index,
                    column,
                });
            }
        }
    }
    let mut allowed = spec::Pod {
        meta: new.meta.clone(),
        ..old.clone()
    };
    let changed = new.init_containers.iter().chain(&new.containers);
    let init = old.init_containers.len();
    for (index, (allowed, new)) in declared(&mut allowed).zip(changed).enumerate() {
        if index >= init || allowed.is_sidecar() {
            let mut resources = new.resources;
            resources.limits.ephemeral_storage = allowed.resources.limits.ephemeral_storage;
            resources.requests.ephemeral_storage = allowed.resources.requests.ephemeral_storage;
            allowed.resources = resources;
        }
    }
    if allowed != *new {
        return Err(UpdateError::OnlyResources);
    }
    match qos_class(new) {
        class if class == qos_class(old) => Ok(()),
        class => Err(UpdateError::QosClass(class)),
    }
}

fn is_lost(old: &spec::ResourceList, new: &spec::ResourceList) -> bool {
    (old.cpu_m.is_some() && new.cpu_m.is_none()) || (old.memory.is_some() && new.memory.is_none())
}

fn check_meta(old: &spec::Pod, new: &spec::Pod) -> Result<(), UpdateError> {
    let fields = [
        ("name", &old.meta.name, &new.meta.name),
        ("namespace", &old.meta.namespace, &new.meta.namespace),
    ];
    match fields.into_iter().find(|(_, old, new)| old != new) {
        None => Ok(()),
        Some((field, _, value)) => Err(UpdateError::Immutable {
            field,
            value: value.clone(),
        }),
    }
}

fn check_images(
    list: &'static str,
    old: &[spec::Container],
    new: &[spec::Container],
) -> Result<(), UpdateError> {
    if old.len() != new.len() {
        return Err(UpdateError::Containers { list });
    }
    match new.iter().position(|container| container.image.is_empty()) {
        Some(index) => Err(UpdateError::NoImage { list, index }),
        None => Ok(()),
    }
}

/// `old` with everything of `new` that may change; `None` when the containers are not the same. New ephemeral
/// containers come last, so that those before keep their [`ContainerId`](super::ContainerId).
pub(super) fn merge(old: &spec::Pod, new: &spec::Pod) -> Option<spec::Pod> {
    let names = |list: &[spec::Container]| -> Vec<_> {
        list.iter()
            .map(|container| container.name.clone())
            .collect()
    };
    if names(&old.containers) != names(&new.containers)
        || names(&old.init_containers) != names(&new.init_containers)
    {
        return None;
    }
    let mut merged = spec::Pod {
        active_deadline: new.active_deadline,
        ..old.clone()
    };
    merged.meta.labels.clone_from(&new.meta.labels);
    merged.meta.annotations.clone_from(&new.meta.annotations);
    let images = new.init_containers.iter().chain(&new.containers);
    for (merged, new) in declared(&mut merged).zip(images) {
        merged.image.clone_from(&new.image);
        merged.resources = new.resources;
    }
    for new in &new.ephemeral_containers {
        if merged.all_containers().all(|other| other.name != new.name) {
            merged.ephemeral_containers.push(new.clone());
        }
    }
    (merged.all_containers().count() <= CONTAINERS_PER_POD).then_some(merged)
}

/// Init containers, then regular ones.
fn declared(pod: &mut spec::Pod) -> impl Iterator<Item = &mut spec::Container> {
    pod.init_containers.iter_mut().chain(&mut pod.containers)
}

impl Pod {
    /// Takes over what may change. Containers that run another image are replaced when the pod is looked at next.
    pub(super) fn handle_update(&mut self, new: &spec::Pod, now: Instant) {
        let Some(new) = merge(&self.spec, new) else {
            return;
        };
        let before = spec::Pod {
            meta: new.meta.clone(),
            ..(*self.spec).clone()
        };
        self.generation += u64::from(before != new);
        self.deadline = new.active_deadline.map(|span| self.accepted_at + span);
        let pairs = self.spec.all_containers().zip(new.all_containers());
        for (container, (old, new)) in self.containers.iter_mut().zip(pairs) {
            if (&old.image, old.resources) != (&new.image, new.resources) {
                container.begin_anew(now);
            }
            container.handle_resize(old, new);
        }
        let added = new.ephemeral_containers[self.spec.ephemeral_containers.len()..].iter();
        let added = added.map(|own| Container::new(own, Role::Ephemeral, now));
        self.containers.extend(added);
        self.spec = Arc::new(new);
    }
}
