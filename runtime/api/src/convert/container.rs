//! Containers and init containers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use seedpod_core::spec::{self, ImagePullPolicy, RestartPolicy, TerminationMessagePolicy};

use super::env::{env, env_from};
use super::mounts::volume_mounts;
use super::pod::{RESTART_POLICIES, id, ip};
use super::service::protocol_word;
use super::{name, non_empty, port, protocol, quantity};
use crate::error::Problem;
use crate::log::{Claim, Object};
use crate::names;
use crate::support::Treatment;
use crate::tree::Path;
use crate::words;

/// Which list a container stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Regular,
    Init,
}

/// What the containers of a pod may refer to.
pub(super) struct Around<'p> {
    pub(super) meta: &'p spec::Meta,
    pub(super) volumes: &'p [spec::Volume],
    /// `false` when some volume could not be read, so that a missing name proves nothing.
    pub(super) volumes_are_known: bool,
}

pub(super) fn container(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::Container,
    place: Place,
    around: &Around<'_>,
) -> spec::Container {
    let meta = around.meta;
    name(object, &at.field("name"), &from.name, names::dns_label);
    if place == Place::Init && from.restart_policy.as_deref() != Some("Always") {
        probes_forbidden(object, at, &from);
    }
    let image = from.image.unwrap_or_default();
    if image.is_empty() {
        object.required(&at.field("image"), "");
    } else if image.trim() != image {
        object.invalid(
            &at.field("image"),
            &image,
            "must not have leading or trailing whitespace",
        );
    }
    let restart_policy = restart_policy(object, &at.field("restartPolicy"), from.restart_policy);
    let at_policy = at.field("terminationMessagePolicy");
    let message_policy = non_empty(from.termination_message_policy);
    spec::Container {
        image_pull_policy: pull_policy(
            object,
            &at.field("imagePullPolicy"),
            from.image_pull_policy,
            &image,
        ),
        name: from.name,
        image,
        command: from.command.unwrap_or_default(),
        args: from.args.unwrap_or_default(),
        working_dir: non_empty(from.working_dir),
        env: env(object, at, from.env.unwrap_or_default(), meta),
        env_from: env_from(object, at, from.env_from.unwrap_or_default(), meta),
        ports: ports(object, at, from.ports.unwrap_or_default(), meta),
        volume_mounts: volume_mounts(object, at, from.volume_mounts.unwrap_or_default(), around),
        resources: from
            .resources
            .map(|resources| self::resources(object, at, resources))
            .unwrap_or_default(),
        restart_policy,
        termination_message_path: non_empty(from.termination_message_path)
            .unwrap_or_else(|| "/dev/termination-log".to_owned()),
        termination_message_policy: message_policy
            .and_then(|word| object.word(&at_policy, &word, &MESSAGE_POLICIES))
            .unwrap_or_default(),
        stdin: from.stdin.unwrap_or_default(),
        stdin_once: from.stdin_once.unwrap_or_default(),
        tty: from.tty.unwrap_or_default(),
        security: from
            .security_context
            .map(|security| security_context(object, at, &security))
            .unwrap_or_default(),
        ..spec::Container::default()
    }
}

const MESSAGE_POLICIES: [(&str, TerminationMessagePolicy); 2] = [
    ("File", TerminationMessagePolicy::File),
    (
        "FallbackToLogsOnError",
        TerminationMessagePolicy::FallbackToLogsOnError,
    ),
];

fn probes_forbidden(object: &Object<'_>, at: &Path<'_>, from: &api::Container) {
    let fields = [
        ("lifecycle", from.lifecycle.is_some()),
        ("livenessProbe", from.liveness_probe.is_some()),
        ("readinessProbe", from.readiness_probe.is_some()),
        ("startupProbe", from.startup_probe.is_some()),
    ];
    for (field, _) in fields.iter().filter(|(_, is_set)| *is_set) {
        let detail = "may not be set for init containers without restartPolicy=Always";
        object.forbidden(&at.field(field), detail);
    }
}

fn restart_policy(
    object: &Object<'_>,
    at: &Path<'_>,
    policy: Option<String>,
) -> Option<RestartPolicy> {
    let word = non_empty(policy)?;
    object.word(at, &word, &RESTART_POLICIES)
}

/// Without a policy: `Always` for `:latest` or no tag, else `IfNotPresent`; a digest counts as a tag.
fn pull_policy(
    object: &Object<'_>,
    at: &Path<'_>,
    policy: Option<String>,
    image: &str,
) -> ImagePullPolicy {
    let words = [
        ("Always", ImagePullPolicy::Always),
        ("IfNotPresent", ImagePullPolicy::IfNotPresent),
        ("Never", ImagePullPolicy::Never),
    ];
    match non_empty(policy) {
        Some(word) => object.word(at, &word, &words).unwrap_or_default(),
        None if image.contains('@') => ImagePullPolicy::IfNotPresent,
        None => {
            let last = image.rsplit('/').next().unwrap_or(image);
            match last.split_once(':') {
                None | Some((_, "latest")) => ImagePullPolicy::Always,
                Some(_) => ImagePullPolicy::IfNotPresent,
            }
        }
    }
}

fn ports(
    object: &Object<'_>,
    at: &Path<'_>,
    ports: Vec<api::ContainerPort>,
    meta: &spec::Meta,
) -> Vec<spec::ContainerPort> {
    let at = at.field("ports");
    let mut names = BTreeSet::new();
    let mut converted = Vec::with_capacity(ports.len());
    for (index, from) in ports.into_iter().enumerate() {
        let at = at.index(index);
        let name = non_empty(from.name);
        if let Some(name) = &name {
            let rules = names::port_name(name);
            if rules.is_empty() && !names.insert(name.clone()) {
                object.duplicate(&at.field("name"), name);
            }
            for rule in rules {
                object.invalid(&at.field("name"), name, rule);
            }
        }
        let container_port = if from.container_port == 0 {
            object.required(&at.field("containerPort"), "");
            0
        } else {
            port(object, &at.field("containerPort"), from.container_port)
        };
        let protocol = protocol(object, &at.field("protocol"), from.protocol.as_deref());
        let host_port = from
            .host_port
            .filter(|number| *number != 0)
            .map(|number| port(object, &at.field("hostPort"), number));
        let host_ip =
            non_empty(from.host_ip).and_then(|text| ip(object, &at.field("hostIP"), &text));
        if let Some(port) = host_port {
            let holder = format!("pod {}/{}", meta.namespace, meta.name);
            object.claim(
                &at.field("hostPort"),
                Claim {
                    holder,
                    address: host_ip,
                    port,
                    protocol,
                },
            );
        }
        converted.push(spec::ContainerPort {
            name,
            container_port,
            host_port,
            host_ip,
            protocol,
        });
    }
    converted
}

/// Host ports are unique over the regular containers of a pod.
pub(super) fn host_port_conflicts(
    object: &Object<'_>,
    at: &Path<'_>,
    containers: &[spec::Container],
) {
    let mut taken = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        let at = at.index(index);
        let at = at.field("ports");
        for (index, port) in container.ports.iter().enumerate() {
            let Some(host_port) = port.host_port else {
                continue;
            };
            let address: Option<IpAddr> = port.host_ip;
            if !taken.insert((port.protocol, address, host_port)) {
                let address = address
                    .map(|address| address.to_string())
                    .unwrap_or_default();
                let key = format!("{}/{address}/{host_port}", protocol_word(port.protocol));
                object.duplicate(&at.index(index).field("hostPort"), &key);
            }
        }
    }
}

type ApiResources = BTreeMap<String, ApiQuantity>;

fn resources(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::ResourceRequirements,
) -> spec::Resources {
    let at = at.field("resources");
    let (limits_from, requests_from) = (
        from.limits.unwrap_or_default(),
        from.requests.unwrap_or_default(),
    );
    let limits = resource_list(object, &at.field("limits"), &limits_from);
    let requests = resource_list(object, &at.field("requests"), &requests_from);
    soft_limits(object, &at.field("limits"), &limits);
    let pairs = [
        ("cpu", limits.cpu_m, requests.cpu_m),
        ("memory", limits.memory, requests.memory),
        (
            "ephemeral-storage",
            limits.ephemeral_storage,
            requests.ephemeral_storage,
        ),
    ];
    for (name, limit, request) in pairs {
        let (Some(limit), Some(request)) = (limit, request) else {
            continue;
        };
        if request > limit {
            let text = |list: &ApiResources| {
                list.get(name)
                    .map(|ApiQuantity(text)| text.clone())
                    .unwrap_or_default()
            };
            let detail = format!(
                "must be less than or equal to {name} limit of {}",
                text(&limits_from)
            );
            object.invalid(
                &at.field("requests").key(name),
                &text(&requests_from),
                detail,
            );
        }
    }
    let requests = spec::ResourceList {
        cpu_m: requests.cpu_m.or(limits.cpu_m),
        memory: requests.memory.or(limits.memory),
        ephemeral_storage: requests.ephemeral_storage.or(limits.ephemeral_storage),
    };
    spec::Resources { limits, requests }
}

fn resource_list(object: &Object<'_>, at: &Path<'_>, from: &ApiResources) -> spec::ResourceList {
    let mut list = spec::ResourceList::default();
    for (name, ApiQuantity(text)) in from {
        let at = at.key(name);
        let value = quantity(object, &at, text);
        match name.as_str() {
            "cpu" => list.cpu_m = Some(value.thousandths()),
            "memory" => list.memory = Some(value.units()),
            "ephemeral-storage" => list.ephemeral_storage = Some(value.units()),
            _ if name.starts_with("hugepages-") => {
                object.treated(
                    &at,
                    Treatment::Ignored,
                    "a guest's memory has no huge pages",
                );
            }
            _ if name.contains('/') => {
                object.treated(
                    &at,
                    Treatment::Ignored,
                    "this machine offers no such resource",
                );
            }
            _ => {
                let supported = ["cpu", "memory", "ephemeral-storage"]
                    .map(str::to_owned)
                    .to_vec();
                object.error(
                    &at,
                    Problem::NotOneOf {
                        value: words::cut(name).into_owned(),
                        supported,
                    },
                );
            }
        }
    }
    list
}

/// Memory is the only limit that a container can hit.
fn soft_limits(object: &Object<'_>, at: &Path<'_>, limits: &spec::ResourceList) {
    if limits.cpu_m.is_some() {
        let reason = "containers take turns, none is slowed down for its limit";
        object.treated(&at.key("cpu"), Treatment::Shown, reason);
    }
    if limits.ephemeral_storage.is_some() {
        let reason = "not supported yet: nobody is evicted for it";
        object.treated(&at.key("ephemeral-storage"), Treatment::Shown, reason);
    }
}

fn security_context(
    object: &Object<'_>,
    at: &Path<'_>,
    from: &api::SecurityContext,
) -> spec::SecurityContext {
    let at = at.field("securityContext");
    spec::SecurityContext {
        run_as_user: id(object, &at.field("runAsUser"), from.run_as_user),
        run_as_group: id(object, &at.field("runAsGroup"), from.run_as_group),
        run_as_non_root: from.run_as_non_root,
        read_only_root_filesystem: from.read_only_root_filesystem,
        fs_group: None,
        supplemental_groups: Vec::new(),
    }
}
