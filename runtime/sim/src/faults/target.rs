//! What the names in a fault stand for.

use seedpod_core::net::Party;
use seedpod_core::spec::Objects;
use seedpod_engine::PodHandle;

/// A container of a pod of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    /// Which pod, by its place.
    pub(crate) pod: usize,
    pub(crate) container: String,
}

/// Whether a name in a fault means a container: `*`, `worker`, `pod/worker`.
pub(crate) fn means(name: &str, pod: &str, container: &str) -> bool {
    match name.split_once('/') {
        Some((of, name)) => of == pod && (name == "*" || name == container),
        None => name == "*" || name == container,
    }
}

/// Every container that a name stands for.
pub(crate) fn containers(name: &str, pods: &[PodHandle]) -> Vec<Target> {
    let mut found = Vec::new();
    for (pod, handle) in pods.iter().enumerate() {
        for spec in handle.spec().all_containers() {
            if means(name, &handle.name().name, &spec.name) {
                let container = spec.name.clone();
                found.push(Target { pod, container });
            }
        }
    }
    found
}

/// The ends of a link that a name stands for: containers, a pod, or the pods behind a Service.
pub(crate) fn parties(name: &str, pods: &[PodHandle], objects: &Objects) -> Vec<Party> {
    if name == "*" {
        return vec![Party::Any];
    }
    let mut found: Vec<Party> = containers(name, pods)
        .into_iter()
        .map(|target| Party::Container {
            pod: pods[target.pod].name().name.clone(),
            container: target.container,
        })
        .collect();
    if found.is_empty() {
        let named = pods.iter().filter(|pod| pod.name().name == name);
        found.extend(named.map(|pod| Party::Pod(pod.name().name.clone())));
    }
    if found.is_empty() {
        let services = objects.services.iter();
        for service in services.filter(|service| service.meta.name == name) {
            let behind = pods.iter().filter(|pod| {
                let meta = &pod.spec().meta;
                let mut selector = service.selector.iter();
                meta.namespace == service.meta.namespace
                    && !service.selector.is_empty()
                    && selector.all(|(key, value)| meta.labels.get(key) == Some(value))
            });
            found.extend(behind.map(|pod| Party::Pod(pod.name().name.clone())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_say_their_pod() {
        let check = |name: &str, expected: bool| {
            assert_eq!(means(name, "shop", "worker"), expected, "{name}");
        };
        check("*", true);
        check("worker", true);
        check("shop/worker", true);
        check("shop/*", true);
        check("other/worker", false);
        check("shop", false);
        check("other", false);
    }
}
