//! An ephemeral container that is to join a pod, as `kubectl debug` sends it.

use k8s_openapi::api::core::v1 as api;
use seedpod_core::limits::CONTAINERS_PER_POD;
use seedpod_core::spec;

use crate::error::{ManifestError, Problem};
use crate::tree::Path;
use crate::{Source, convert, decode, single};

/// Reads one ephemeral container for a pod: YAML or JSON with the fields of a container and `targetContainerName`.
/// Paths of errors are those of the pod, such as `spec.ephemeralContainers[0].image`.
pub fn ephemeral_container(
    source: &Source,
    pod: &spec::Pod,
) -> Result<spec::Container, Vec<ManifestError>> {
    let found = single::read(source, |object, root| {
        let decoded = decode::decode::<api::EphemeralContainer>(object, root, &Path::Root)?;
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
        let container = convert::ephemeral_container(object, &Path::Root, decoded, pod);
        Some(container)
    });
    found.map_err(|mut errors| {
        let count = pod.ephemeral_containers.len();
        let list = format!("spec.ephemeralContainers[{count}]");
        for error in &mut errors {
            error.path = match error.path.as_str() {
                "" => list.clone(),
                path => format!("{list}.{path}"),
            };
        }
        errors
    })
}
