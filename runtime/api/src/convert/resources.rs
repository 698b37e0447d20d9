//! Requests and limits of containers and pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use seedpod_core::spec::{self, ResourceList, Resources};

use super::quantity;
use crate::error::Problem;
use crate::log::Object;
use crate::names;
use crate::quantity::Quantity;
use crate::support::Treatment;
use crate::tree::Path;

type ApiResources = BTreeMap<String, ApiQuantity>;

/// Whose resources they are; a pod has fewer of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Container,
    Pod,
}

/// `resources` of a container; requests are the limits where unset.
pub(super) fn resources(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::ResourceRequirements>,
) -> Resources {
    let Some(from) = from else {
        return Resources::default();
    };
    let at = at.field("resources");
    let Resources { limits, requests } = requirements(object, &at, from, Scope::Container);
    Resources {
        limits,
        requests: each(&requests, &limits, Option::or),
    }
}

/// `resources` of the pod, after its containers: where it requests nothing, it requests what they do together, or else
/// its limits (DEF).
pub(super) fn pod_resources(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::ResourceRequirements>,
    pod: &spec::Pod,
) -> Option<Resources> {
    let from = from?;
    let at = at.field("resources");
    if from.claims.is_some() {
        let detail = "claims may not be set for Resources at pod-level";
        object.forbidden(&at.field("claims"), detail);
    }
    let Resources { limits, requests } = requirements(object, &at, from, Scope::Pod);
    let of_containers = container_requests(pod);
    for (name, own, sum) in pairs(&requests, &of_containers) {
        if own < sum {
            let (own, sum) = (shown(name, own), shown(name, sum));
            let detail =
                format!("must be greater than or equal to aggregate container requests of {sum}");
            object.invalid(&at.field("requests").key(name), &own, detail);
        }
    }
    for (index, container) in pod.containers.iter().enumerate() {
        for (name, own, of_pod) in pairs(&container.resources.limits, &limits) {
            if own > of_pod {
                let detail = format!(
                    "must be less than or equal to pod limits of {}",
                    shown(name, of_pod)
                );
                let at = at.field("containers");
                let at = at.index(index);
                let at = at.key(name);
                object.invalid(&at.field("limits"), &shown(name, own), detail);
            }
        }
    }
    let requests = each(&requests, &of_containers, Option::or);
    let requests = ResourceList {
        ephemeral_storage: None,
        ..each(&requests, &limits, Option::or)
    };
    Some(Resources { limits, requests })
}

/// `overhead`, which Kubernetes checks as if it were limits of a container.
pub(super) fn overhead(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<ApiResources>,
) -> ResourceList {
    let at = at.field("overhead");
    resource_list(
        object,
        &at.field("limits"),
        &from.unwrap_or_default(),
        Scope::Container,
    )
}

/// What the containers request together: regular ones and sidecars at once, or what is needed on the way there.
pub(crate) fn container_requests(pod: &spec::Pod) -> ResourceList {
    let plus = |a: &ResourceList, b: &ResourceList| {
        each(a, b, |a, b| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        })
    };
    let mut sidecars = ResourceList::default();
    let mut on_the_way = ResourceList::default();
    for container in &pod.init_containers {
        let now = plus(&sidecars, &container.resources.requests);
        if container.is_sidecar() {
            sidecars = now;
        }
        on_the_way = each(&on_the_way, &now, Option::max);
    }
    let regular = pod.containers.iter().fold(sidecars, |sum, container| {
        plus(&sum, &container.resources.requests)
    });
    each(&regular, &on_the_way, Option::max)
}

fn each(
    a: &ResourceList,
    b: &ResourceList,
    merge: impl Fn(Option<u64>, Option<u64>) -> Option<u64>,
) -> ResourceList {
    ResourceList {
        cpu_m: merge(a.cpu_m, b.cpu_m),
        memory: merge(a.memory, b.memory),
        ephemeral_storage: merge(a.ephemeral_storage, b.ephemeral_storage),
    }
}

/// What both lists have.
fn pairs(a: &ResourceList, b: &ResourceList) -> impl Iterator<Item = (&'static str, u64, u64)> {
    let all = [
        ("cpu", a.cpu_m, b.cpu_m),
        (
            "ephemeral-storage",
            a.ephemeral_storage,
            b.ephemeral_storage,
        ),
        ("memory", a.memory, b.memory),
    ];
    all.into_iter()
        .filter_map(|(name, a, b)| Some((name, a?, b?)))
}

fn shown(name: &str, value: u64) -> String {
    let value = if name == "cpu" {
        Quantity::of_thousandths(value)
    } else {
        Quantity::of_units(value)
    };
    match name {
        "cpu" => value.to_decimal(),
        _ => value.to_binary(),
    }
}

fn requirements(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::ResourceRequirements,
    scope: Scope,
) -> Resources {
    let limits_from = from.limits.unwrap_or_default();
    let requests_from = from.requests.unwrap_or_default();
    let limits = resource_list(object, &at.field("limits"), &limits_from, scope);
    let requests = resource_list(object, &at.field("requests"), &requests_from, scope);
    for (name, ApiQuantity(request)) in &requests_from {
        let limit = limits_from.get(name).map(|ApiQuantity(text)| text);
        let read = |text: &str| Quantity::parse(text).ok();
        let must_be_equal = !matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        match (read(request), limit.map(|limit| (limit, read(limit)))) {
            (Some(request_is), Some((limit, Some(limit_is)))) => {
                let rule = if must_be_equal && request_is != limit_is {
                    "equal to"
                } else if request_is > limit_is {
                    "less than or equal to"
                } else {
                    continue;
                };
                let detail = format!("must be {rule} {name} limit of {limit}");
                object.invalid(&at.field("requests"), request, detail);
            }
            (Some(_), None) if must_be_equal && is_standard(name) => {
                let detail = "Limit must be set for non overcommitable resources";
                object.required(&at.field("limits"), detail);
            }
            _ => {}
        }
    }
    Resources { limits, requests }
}

/// Not the word that is wrong anyway.
fn is_standard(name: &str) -> bool {
    name.starts_with("hugepages-") || name.contains('/')
}

fn resource_list(
    object: &Object<'_>,
    at: &Path<'_>,
    from: &ApiResources,
    scope: Scope,
) -> ResourceList {
    let mut list = ResourceList::default();
    for (name, ApiQuantity(text)) in from {
        let at = at.key(name);
        let value = quantity(object, &at, text);
        if let Some(rule) = names::qualified_name(name) {
            object.invalid(&at, name, rule);
            continue;
        }
        match name.as_str() {
            "cpu" => list.cpu_m = Some(value.thousandths()),
            "memory" => list.memory = Some(value.units()),
            _ if name.starts_with("hugepages-") => {
                let reason = "a guest's memory has no huge pages";
                object.treated(&at, Treatment::Ignored, reason);
            }
            _ if scope == Scope::Pod => {
                let (value, supported) = (name.clone(), ["cpu", "memory"].map(str::to_owned));
                let supported = supported.to_vec();
                object.error(&at, Problem::NotOneOf { value, supported });
            }
            "ephemeral-storage" => list.ephemeral_storage = Some(value.units()),
            _ if name.contains('/') => {
                if !value.thousandths().is_multiple_of(1000) {
                    object.invalid(&at, text, "must be an integer");
                }
                let reason = "this machine offers no such resource";
                object.treated(&at, Treatment::Ignored, reason);
            }
            _ => {
                object.invalid(
                    &at,
                    name,
                    "must be a standard resource type or fully qualified",
                );
                object.invalid(&at, name, "must be a standard resource for containers");
            }
        }
    }
    list
}
