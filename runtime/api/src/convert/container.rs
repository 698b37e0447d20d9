//! Containers: regular, init and ephemeral ones.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::api::core::v1 as api;
use seedpod_core::spec::{
    self, GracePeriod, ImagePullPolicy, ResizePolicy, ResizeRestartPolicy, RestartPolicy,
    TerminationMessagePolicy,
};

use super::env::{env, env_from};
use super::mounts::volume_mounts;
use super::pod::ip;
use super::probe::{Kind, lifecycle, probe};
use super::resources::resources;
use super::restart::{restart_policy, restart_policy_rules};
use super::service::protocol_word;
use super::{name, non_empty, port, protocol, security};
use crate::error::Problem;
use crate::log::{Claim, Object};
use crate::names;
use crate::tree::Path;

/// Which list a container stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Regular,
    Init,
    Ephemeral,
}

/// What the containers of a pod depend on.
pub(super) struct Around<'p> {
    pub(super) meta: &'p spec::Meta,
    pub(super) volumes: &'p [spec::Volume],
    /// `false` when some volume could not be read, so that a missing name proves nothing.
    pub(super) volumes_are_known: bool,
    pub(super) grace_period: GracePeriod,
    pub(super) host_network: bool,
    pub(super) host_users: bool,
    pub(super) restart_policy: RestartPolicy,
    pub(super) os: Option<&'p str>,
}

pub(super) fn container(
    object: &Object<'_>,
    at: &Path<'_>,
    mut from: api::Container,
    place: Place,
    around: &Around<'_>,
) -> spec::Container {
    let meta = around.meta;
    name(object, &at.field("name"), &from.name, names::dns_label);
    match place {
        Place::Init if from.restart_policy.as_deref() != Some("Always") => {
            let detail = "may not be set for init containers without restartPolicy=Always";
            forbid(object, at, detail, &mut from, &PROBES);
        }
        Place::Ephemeral => {
            let detail = "cannot be set for an Ephemeral Container";
            forbid(object, at, detail, &mut from, &NOT_EPHEMERAL);
        }
        Place::Init | Place::Regular => {}
    }
    let image = from.image.take().unwrap_or_default();
    check_image(object, &at.field("image"), &image);
    let rules = from.restart_policy_rules.unwrap_or_default();
    let at_resize = at.field("resizePolicy");
    let resize_policy = resize_policy(object, &at_resize, from.resize_policy, around);
    let security = from.security_context.as_ref();
    let is_privileged = security.is_some_and(|security| security.privileged == Some(true));
    let probe = |field, from, kind| probe(object, &at.field(field), from, kind);
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
        env: env(object, at, from.env.unwrap_or_default(), meta, around),
        env_from: env_from(object, at, from.env_from.unwrap_or_default(), meta),
        ports: ports(object, at, from.ports.unwrap_or_default(), around),
        volume_mounts: volume_mounts(
            object,
            at,
            from.volume_mounts.unwrap_or_default(),
            is_privileged,
            around,
        ),
        resources: resources(object, at, from.resources),
        restart_policy: restart_policy(object, at, from.restart_policy, &rules),
        termination_message_path: non_empty(from.termination_message_path)
            .unwrap_or_else(|| "/dev/termination-log".to_owned()),
        termination_message_policy: message_policy(object, at, from.termination_message_policy),
        stdin: from.stdin.unwrap_or_default(),
        stdin_once: from.stdin_once.unwrap_or_default(),
        tty: from.tty.unwrap_or_default(),
        security: security::of_container(object, at, from.security_context, around.host_users),
        liveness_probe: probe("livenessProbe", from.liveness_probe, Kind::Liveness),
        readiness_probe: probe("readinessProbe", from.readiness_probe, Kind::Readiness),
        startup_probe: probe("startupProbe", from.startup_probe, Kind::Startup),
        lifecycle: lifecycle(object, &at.field("lifecycle"), from.lifecycle, around),
        resize_policy,
        restart_policy_rules: restart_policy_rules(object, at, rules),
        target_container_name: None,
    }
}

fn check_image(object: &Object<'_>, at: &Path<'_>, image: &str) {
    if image.is_empty() {
        object.required(at, "");
    } else if image.trim() != image {
        object.invalid(at, image, "must not have leading or trailing whitespace");
    }
}

/// An ephemeral container that is to join a pod.
pub(crate) fn ephemeral_container(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::EphemeralContainer,
    pod: &spec::Pod,
) -> spec::Container {
    let around = Around {
        meta: &pod.meta,
        volumes: &pod.volumes,
        volumes_are_known: true,
        grace_period: pod.termination_grace_period,
        host_network: pod.host_network,
        host_users: true,
        restart_policy: pod.restart_policy,
        os: pod.os.as_deref(),
    };
    let target = non_empty(from.target_container_name.clone());
    for (index, mount) in from.volume_mounts.iter().flatten().enumerate() {
        let sub_paths = [
            ("subPath", &mount.sub_path),
            ("subPathExpr", &mount.sub_path_expr),
        ];
        for (field, _) in sub_paths.iter().filter(|(_, path)| path.is_some()) {
            let at = at.field("volumeMounts");
            let at = at.index(index);
            let detail = "cannot be set for an Ephemeral Container";
            object.forbidden(&at.field(field), detail);
        }
    }
    let own = container(object, at, common(from), Place::Ephemeral, &around);
    let mut all = pod.all_containers();
    if all.any(|other| other.name == own.name) && !own.name.is_empty() {
        object.duplicate(&at.field("name"), &own.name);
    }
    let mut others = pod.init_containers.iter().chain(&pod.containers);
    if let Some(target) = &target
        && !others.any(|other| other.name == *target)
    {
        let problem = Problem::NotFound(target.clone());
        object.error(&at.field("targetContainerName"), problem);
    }
    spec::Container {
        target_container_name: target,
        ..own
    }
}

/// What an ephemeral container has in common with others: everything but its target.
fn common(from: api::EphemeralContainer) -> api::Container {
    api::Container {
        args: from.args,
        command: from.command,
        env: from.env,
        env_from: from.env_from,
        image: from.image,
        image_pull_policy: from.image_pull_policy,
        lifecycle: from.lifecycle,
        liveness_probe: from.liveness_probe,
        name: from.name,
        ports: from.ports,
        readiness_probe: from.readiness_probe,
        resize_policy: from.resize_policy,
        resources: from.resources,
        restart_policy: from.restart_policy,
        restart_policy_rules: from.restart_policy_rules,
        security_context: from.security_context,
        startup_probe: from.startup_probe,
        stdin: from.stdin,
        stdin_once: from.stdin_once,
        termination_message_path: from.termination_message_path,
        termination_message_policy: from.termination_message_policy,
        tty: from.tty,
        volume_devices: from.volume_devices,
        volume_mounts: from.volume_mounts,
        working_dir: from.working_dir,
    }
}

/// A field that some containers may not have: its name, and how to take it off.
type Field = (&'static str, fn(&mut api::Container) -> bool);

const PROBES: [Field; 4] = [
    ("lifecycle", |from| from.lifecycle.take().is_some()),
    ("livenessProbe", |from| from.liveness_probe.take().is_some()),
    ("readinessProbe", |from| {
        from.readiness_probe.take().is_some()
    }),
    ("startupProbe", |from| from.startup_probe.take().is_some()),
];

const NOT_EPHEMERAL: [Field; 9] = [
    ("ports", |from| from.ports.take().is_some()),
    // Go's clients write `resources: {}`.
    ("resources", |from| {
        let resources = from.resources.take();
        resources.is_some_and(|resources| resources != api::ResourceRequirements::default())
    }),
    ("resizePolicy", |from| from.resize_policy.take().is_some()),
    ("restartPolicy", |from| from.restart_policy.take().is_some()),
    ("restartPolicyRules", |from| {
        from.restart_policy_rules.take().is_some()
    }),
    PROBES[0],
    PROBES[1],
    PROBES[2],
    PROBES[3],
];

fn forbid(
    object: &Object<'_>,
    at: &Path<'_>,
    detail: &str,
    from: &mut api::Container,
    fields: &[Field],
) {
    for (field, take) in fields {
        if take(from) {
            object.forbidden(&at.field(field), detail);
        }
    }
}

fn resize_policy(
    object: &Object<'_>,
    at: &Path<'_>,
    policies: Option<Vec<api::ContainerResizePolicy>>,
    around: &Around<'_>,
) -> ResizePolicy {
    let mut converted = ResizePolicy::default();
    let mut resources = BTreeSet::new();
    for (index, policy) in policies.into_iter().flatten().enumerate() {
        if !resources.insert(policy.resource_name.clone()) {
            object.duplicate(&at.index(index), &policy.resource_name);
        }
        let words = [
            (&policy.resource_name, ["cpu", "memory"]),
            (&policy.restart_policy, ["NotRequired", "RestartContainer"]),
        ];
        for (word, words) in words {
            match word.as_str() {
                "" => object.required(at, ""),
                word => {
                    object.word(at, word, &words.map(|word| (word, ())));
                }
            }
        }
        let is_never = around.restart_policy == RestartPolicy::Never;
        if is_never && policy.restart_policy != "NotRequired" {
            let detail = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            object.invalid(at, &policy.restart_policy, detail);
        }
        if policy.restart_policy == "RestartContainer" {
            match policy.resource_name.as_str() {
                "cpu" => converted.cpu = ResizeRestartPolicy::RestartContainer,
                _ => converted.memory = ResizeRestartPolicy::RestartContainer,
            }
        }
    }
    converted
}

fn message_policy(
    object: &Object<'_>,
    at: &Path<'_>,
    policy: Option<String>,
) -> TerminationMessagePolicy {
    let at = at.field("terminationMessagePolicy");
    non_empty(policy)
        .and_then(|word| object.word(&at, &word, &MESSAGE_POLICIES))
        .unwrap_or_default()
}

const MESSAGE_POLICIES: [(&str, TerminationMessagePolicy); 2] = [
    ("File", TerminationMessagePolicy::File),
    (
        "FallbackToLogsOnError",
        TerminationMessagePolicy::FallbackToLogsOnError,
    ),
];

/// Without a policy: `Always` for `:latest` or no tag, else `IfNotPresent`; a digest counts as a tag.
pub(super) fn pull_policy(
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
        None if is_latest(image) => ImagePullPolicy::Always,
        None => ImagePullPolicy::IfNotPresent,
    }
}

/// Whether an image reference means another image tomorrow, so that it is always looked for.
pub(crate) fn is_latest(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    let tag = last.split_once(':');
    !image.contains('@') && tag.is_none_or(|(_, tag)| tag == "latest")
}

fn ports(
    object: &Object<'_>,
    at: &Path<'_>,
    ports: Vec<api::ContainerPort>,
    around: &Around<'_>,
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
        let host_port = host_port(object, &at, from.host_port, container_port, around);
        let host_ip =
            non_empty(from.host_ip).and_then(|text| ip(object, &at.field("hostIP"), &text));
        if let Some(port) = host_port {
            let holder = format!("pod {}/{}", around.meta.namespace, around.meta.name);
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

/// With `hostNetwork` every port is one of the host.
fn host_port(
    object: &Object<'_>,
    at: &Path<'_>,
    number: Option<i32>,
    container_port: u16,
    around: &Around<'_>,
) -> Option<u16> {
    let at = at.field("hostPort");
    let number = number.filter(|number| *number != 0);
    let own = number.map(|number| port(object, &at, number));
    if !around.host_network {
        return own;
    }
    if let Some(own) = own.filter(|own| *own != container_port) {
        let detail = "must match `containerPort` when `hostNetwork` is true";
        object.invalid_number(&at, own.into(), detail);
    }
    Some(container_port)
}

/// Host ports are unique over the regular containers of a pod.
pub(super) fn host_port_conflicts(
    object: &Object<'_>,
    at: &Path<'_>,
    containers: &[spec::Container],
) {
    let mut taken = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        container_port_conflicts(object, &at.index(index), container, &mut taken);
    }
}

/// Notes the host ports of one container; an init container is alone with them.
pub(super) fn container_port_conflicts(
    object: &Object<'_>,
    at: &Path<'_>,
    container: &spec::Container,
    taken: &mut BTreeSet<(spec::Protocol, Option<IpAddr>, u16)>,
) {
    let at = at.field("ports");
    for (index, port) in container.ports.iter().enumerate() {
        let Some(host_port) = port.host_port else {
            continue;
        };
        if !taken.insert((port.protocol, port.host_ip, host_port)) {
            let address = port.host_ip.map(|address| address.to_string());
            let address = address.unwrap_or_default();
            let key = format!("{}/{address}/{host_port}", protocol_word(port.protocol));
            object.duplicate(&at.index(index).field("hostPort"), &key);
        }
    }
}
