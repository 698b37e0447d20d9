//! How much a pod may store, and when it is too much (kubelet `eviction_manager.go`, `emptydir/empty_dir.go`).

use crate::limits::CONTAINER_MEMORY_DEFAULT;
use crate::spec::{self, EmptyDir, Medium, VolumeSource};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the kubelet measures; here only what has been written since.
pub const MEASURING_PERIOD: Duration = Duration::from_secs(10);

/// Bytes by the name of a volume on disk or of a container, which has its private layer and its log.
#[derive(Clone, Debug, Default)]
pub struct StorageUsed {
    /// `emptyDir`s on disk.
    pub volumes: BTreeMap<String, u64>,
    /// Containers that are there.
    pub containers: BTreeMap<String, u64>,
}

/// The size of an `emptyDir` in memory: what it asks for, but no more than the pod or the node has. Limits of containers are
/// one of the pod only if each of them has one (kubelet `ResourceConfigForPod`).
pub fn memory_volume_bytes(pod: &spec::Pod, dir: &EmptyDir) -> u64 {
    let has_own = |list: &spec::ResourceList| list.memory.is_some_and(|bytes| bytes > 0);
    let mut declared = pod.init_containers.iter().chain(&pod.containers);
    let is_limited = pod.resources.is_some_and(|own| has_own(&own.limits))
        || declared.all(|own| has_own(&own.resources.limits));
    let whole = pod_limit(pod, |list| list.memory).filter(|_| is_limited);
    let limits = [dir.size_limit, whole];
    let limits = limits.into_iter().flatten().filter(|bytes| *bytes > 0);
    limits.fold(CONTAINER_MEMORY_DEFAULT, u64::min)
}

/// Whether a pod has a limit on what it stores, so that it must be measured.
pub fn is_limited(pod: &spec::Pod) -> bool {
    volume_limits(pod).next().is_some() || pod_limit(pod, |list| list.ephemeral_storage).is_some()
}

/// What the eviction says, if the pod stores too much.
pub fn excess(pod: &spec::Pod, used: &StorageUsed) -> Option<String> {
    let volume = volume_limits(pod).find(|(name, limit)| used.volumes.get(*name) > Some(limit));
    if let Some((name, limit)) = volume {
        let limit = quantity(limit);
        return Some(format!(
            "Usage of EmptyDir volume {name:?} exceeds the limit {limit:?}. "
        ));
    }
    let all = used.volumes.values().chain(used.containers.values());
    let total = all.fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
    if let Some(limit) = pod_limit(pod, |list| list.ephemeral_storage)
        && total > limit
    {
        let limit = quantity(limit);
        return Some(format!(
            "Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "
        ));
    }
    let container = pod.all_containers().find_map(|own| {
        let limit = own.resources.limits.ephemeral_storage?;
        (used.containers.get(&own.name) > Some(&limit)).then_some((&own.name, limit))
    });
    container.map(|(name, limit)| {
        let limit = quantity(limit);
        format!("Container {name} exceeded its local ephemeral storage limit {limit:?}. ")
    })
}

/// `emptyDir`s on disk that have a limit.
fn volume_limits(pod: &spec::Pod) -> impl Iterator<Item = (&String, u64)> {
    pod.volumes
        .iter()
        .filter_map(|volume| match &volume.source {
            VolumeSource::EmptyDir(dir) if dir.medium == Medium::Default => {
                Some((&volume.name, dir.size_limit?))
            }
            _ => None,
        })
}

/// The limit of the pod as a whole: its own, or that of its containers together (`PodLimits`); `None` when none has one.
fn pod_limit(pod: &spec::Pod, of: fn(&spec::ResourceList) -> Option<u64>) -> Option<u64> {
    if let Some(own) = pod.resources.as_ref().and_then(|own| of(&own.limits)) {
        return Some(own);
    }
    let limit = |own: &spec::Container| of(&own.resources.limits);
    let sidecars = pod.init_containers.iter().filter(|own| own.is_sidecar());
    let together = pod.containers.iter().chain(sidecars).filter_map(limit);
    let together = together.reduce(u64::saturating_add);
    let init = pod.init_containers.iter().filter_map(limit).max();
    together.max(init)
}

/// A number of bytes as Kubernetes writes it: in the largest unit that leaves a whole number, of 1024 if it is one.
fn quantity(bytes: u64) -> String {
    let in_units = |step: u64, units: [&str; 6]| {
        let mut number = bytes;
        let mut unit = "";
        for next in units {
            if number == 0 || !number.is_multiple_of(step) {
                break;
            }
            (number, unit) = (number / step, next);
        }
        format!("{number}{unit}")
    };
    if bytes.is_multiple_of(1024) {
        in_units(1024, ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
    } else {
        in_units(1000, ["k", "M", "G", "T", "P", "E"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Container, Pod, Volume};

    const MIB: u64 = 1 << 20;

    fn pod(limits: &[(&str, Option<u64>)], dirs: &[(&str, Medium, Option<u64>)]) -> Pod {
        let container = |(name, limit): &(&str, Option<u64>)| {
            let mut container = Container {
                name: (*name).to_owned(),
                ..Container::default()
            };
            container.resources.limits.ephemeral_storage = *limit;
            container.resources.limits.memory = *limit;
            container
        };
        let volume = |(name, medium, size_limit): &(&str, Medium, Option<u64>)| Volume {
            name: (*name).to_owned(),
            source: VolumeSource::EmptyDir(EmptyDir {
                medium: *medium,
                size_limit: *size_limit,
            }),
        };
        Pod {
            containers: limits.iter().map(container).collect(),
            volumes: dirs.iter().map(volume).collect(),
            ..Pod::default()
        }
    }

    #[test]
    fn evictions() {
        let disk = ("v", Medium::Default, Some(10 * MIB));
        let memory = ("v", Medium::Memory, Some(10 * MIB));
        let check = |pod: &Pod, v: u64, a: u64, b: u64, expected: Option<&str>| {
            let used = StorageUsed {
                volumes: [("v".to_owned(), v)].into(),
                containers: [("a".to_owned(), a), ("b".to_owned(), b)].into(),
            };
            assert_eq!(excess(pod, &used).as_deref(), expected);
        };
        let one = pod(&[("a", None), ("b", None)], &[disk]);
        assert!(is_limited(&one));
        check(&one, 10 * MIB, 99 * MIB, 0, None);
        let text = "Usage of EmptyDir volume \"v\" exceeds the limit \"10Mi\". ";
        check(&one, 10 * MIB + 1, 0, 0, Some(text));
        assert!(!is_limited(&pod(&[("a", None)], &[memory])));
        let two = pod(&[("a", Some(2 * MIB)), ("b", Some(3 * MIB))], &[]);
        assert!(is_limited(&two));
        check(&two, 0, 2 * MIB, 3 * MIB, None);
        let text = "Container a exceeded its local ephemeral storage limit \"2Mi\". ";
        check(&two, 0, 2 * MIB + 1, 0, Some(text));
        let text = "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ";
        check(&two, 4 * MIB, MIB + 1, 0, Some(text));
    }

    #[test]
    fn volumes_in_memory() {
        let dir = |size_limit| EmptyDir {
            medium: Medium::Memory,
            size_limit,
        };
        let free = pod(&[("a", None)], &[]);
        let tight = pod(&[("a", Some(2 * MIB)), ("b", Some(3 * MIB))], &[]);
        let check = |pod: &Pod, limit, bytes| {
            assert_eq!(memory_volume_bytes(pod, &dir(limit)), bytes);
        };
        check(&free, None, CONTAINER_MEMORY_DEFAULT);
        check(&free, Some(MIB), MIB);
        let half = pod(&[("a", Some(2 * MIB)), ("b", None)], &[]);
        check(&half, None, CONTAINER_MEMORY_DEFAULT);
        check(&tight, None, 5 * MIB);
        check(&tight, Some(MIB), MIB);
        check(&tight, Some(9 * MIB), 5 * MIB);
    }

    #[test]
    fn quantities() {
        let check = |bytes, text: &str| assert_eq!(quantity(bytes), text);
        check(0, "0");
        check(1, "1");
        check(10 * MIB, "10Mi");
        check(1000 * MIB, "1000Mi");
        check(1 << 40, "1Ti");
        check(5_000_000, "5M");
        check(1500, "1500");
    }
}
