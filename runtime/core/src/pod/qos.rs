//! The quality of service class of a pod (Kubernetes `helper/qos`).

use super::status::QosClass;
use crate::spec;

/// Guaranteed: every container limits cpu and memory and requests just that. BestEffort: nobody asks for any. Resources
/// of the pod as a whole decide alone; ephemeral containers never count.
pub fn qos_class(spec: &spec::Pod) -> QosClass {
    let set = |amount: Option<u64>| amount.filter(|amount| *amount > 0);
    let columns = |resources: &spec::Resources| {
        let spec::Resources { limits, requests } = resources;
        [
            (set(limits.cpu_m), set(requests.cpu_m)),
            (set(limits.memory), set(requests.memory)),
        ]
    };
    let declared = spec.init_containers.iter().chain(&spec.containers);
    let columns: Vec<_> = match &spec.resources {
        Some(whole) => columns(whole).to_vec(),
        None => declared
            .flat_map(|container| columns(&container.resources))
            .collect(),
    };
    if columns.iter().all(|column| *column == (None, None)) {
        QosClass::BestEffort
    } else if columns.iter().all(|(limit, request)| {
        limit.is_some() && request.is_none_or(|request| Some(request) == *limit)
    }) {
        QosClass::Guaranteed
    } else {
        QosClass::Burstable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let column = |cpu_m, memory| spec::ResourceList {
            cpu_m,
            memory,
            ephemeral_storage: None,
        };
        let check = |containers: &[(spec::ResourceList, spec::ResourceList)], class| {
            let mut pod = spec::Pod::default();
            for (limits, requests) in containers.iter().copied() {
                pod.containers.push(spec::Container {
                    resources: spec::Resources { limits, requests },
                    ..Default::default()
                });
            }
            assert_eq!(qos_class(&pod), class, "{containers:?}");
            pod.init_containers.append(&mut pod.containers);
            assert_eq!(qos_class(&pod), class, "as init containers: {containers:?}");
        };
        let (none, both) = (column(None, None), column(Some(500), Some(1 << 20)));
        check(&[(none, none)], QosClass::BestEffort);
        check(&[(column(Some(0), None), none)], QosClass::BestEffort);
        check(&[(both, both)], QosClass::Guaranteed);
        check(&[(both, none)], QosClass::Guaranteed);
        check(&[(both, both), (none, none)], QosClass::Burstable);
        check(
            &[(both, column(Some(100), Some(1 << 20)))],
            QosClass::Burstable,
        );
        check(&[(column(Some(500), None), none)], QosClass::Burstable);
        check(&[(none, both)], QosClass::Burstable);
    }
}
