//! An ephemeral container that is to join a pod, as `kubectl debug` sends it.

use std::cell::RefCell;

use k8s_openapi::api::core::v1 as api;
use seedpod_core::limits::CONTAINERS_PER_POD;
use seedpod_core::spec;

use crate::error::{Location, ManifestError, Problem};
use crate::log::{Log, Object, SourceName};
use crate::tree::Path;
use crate::{Source, convert, decode, yaml};

/// Reads one ephemeral container for a pod: YAML or JSON with the fields of a container and `targetContainerName`.
/// Paths of errors are those of the pod, such as `spec.ephemeralContainers[0].image`.
pub fn ephemeral_container(
    source: &Source,
    pod: &spec::Pod,
) -> Result<spec::Container, Vec<ManifestError>> {
    let log = RefCell::new(Log::default());
    let name = SourceName {
        order: 0,
        name: &source.name,
    };
    let file = yaml::read(&source.bytes);
    for (position, problem) in file.errors {
        log.borrow_mut()
            .error(name.at(position), String::new(), problem);
    }
    let container = file.documents.first().and_then(|root| {
        let object = Object {
            source: &name,
            tree: &file.tree,
            root: *root,
            log: &log,
            broken: RefCell::default(),
        };
        let decoded = decode::decode::<api::EphemeralContainer>(&object, *root, &Path::Root)?;
        let count = pod.all_containers().count() + 1;
        if count > CONTAINERS_PER_POD {
            let problem = Problem::TooLarge {
                what: "the pod",
                found: count as u64,
                unit: "containers",
                max: CONTAINERS_PER_POD as u64,
            };
            object.error(&Path::Root, problem);
        }
        Some(convert::ephemeral_container(
            &object,
            &Path::Root,
            decoded,
            pod,
        ))
    });
    let mut errors = log.into_inner().errors;
    match container {
        Some(container) if errors.is_empty() => Ok(container),
        _ => {
            if errors.is_empty() {
                errors.push(ManifestError {
                    location: Location {
                        order: 0,
                        file: source.name.clone(),
                        position: None,
                    },
                    path: String::new(),
                    problem: Problem::Empty,
                });
            }
            errors.sort_by(|a, b| a.location.cmp(&b.location));
            let list = format!(
                "spec.ephemeralContainers[{}]",
                pod.ephemeral_containers.len()
            );
            for error in &mut errors {
                error.path = match error.path.as_str() {
                    "" => list.clone(),
                    path => format!("{list}.{path}"),
                };
            }
            Err(errors)
        }
    }
}
