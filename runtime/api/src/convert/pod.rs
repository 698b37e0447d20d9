//! Pod.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1 as api;
use seedpod_core::limits::CONTAINERS_PER_POD;
use seedpod_core::spec::{self, GracePeriod, RestartPolicy};

use super::container::{Around, Place, container, container_port_conflicts, host_port_conflicts};
use super::dns::{dns_config, dns_policy, hostname_override, os};
use super::resources::{overhead, pod_resources};
use super::scheduling::scheduling;
use super::volume::volumes;
use super::{label_map, meta, non_empty, security};
use crate::error::Problem;
use crate::log::Object;
use crate::names;
use crate::tree::Path;

pub(crate) fn pod(object: &Object<'_>, at: &Path<'_>, pod: api::Pod) -> spec::Pod {
    let meta = meta(object, at, pod.metadata, names::dns_subdomain);
    annotations(object, at, &meta, pod.spec.as_ref());
    let at = at.field("spec");
    let Some(mut pod) = pod.spec else {
        object.required(&at.field("containers"), "");
        return spec::Pod {
            meta,
            ..spec::Pod::default()
        };
    };
    scheduling(object, &at, &pod);
    let volumes = volumes(object, &at, pod.volumes.take().unwrap_or_default(), &meta);
    let restart_policy = match pod.restart_policy.as_deref().unwrap_or("") {
        "" => RestartPolicy::Always,
        word => object
            .word(&at.field("restartPolicy"), word, &RESTART_POLICIES)
            .unwrap_or_default(),
    };
    let host_network = pod.host_network.unwrap_or_default();
    let (security, sysctls) =
        security::of_pod(object, &at, pod.security_context.take(), host_network);
    let os = os(object, &at, pod.os.take());
    let termination_grace_period = grace_period(pod.termination_grace_period_seconds);
    let around = Around {
        meta: &meta,
        volumes: &volumes,
        volumes_are_known: !object.is_broken_below(&at.field("volumes")),
        grace_period: termination_grace_period,
        host_network,
        host_users: pod.host_users.unwrap_or(true),
        restart_policy,
        os: os.as_deref(),
    };
    let (containers, init_containers) = containers(object, &at, &mut pod, &around);
    let converted = spec::Pod {
        containers,
        init_containers,
        restart_policy,
        termination_grace_period,
        active_deadline: active_deadline(object, &at, pod.active_deadline_seconds),
        share_process_namespace: pod.share_process_namespace.unwrap_or_default(),
        enable_service_links: pod.enable_service_links.unwrap_or(true),
        security,
        sysctls,
        overhead: overhead(object, &at, pod.overhead.take()),
        readiness_gates: readiness_gates(object, &at, pod.readiness_gates.take()),
        image_pull_secrets: (pod.image_pull_secrets.take().into_iter().flatten())
            .map(|secret| secret.name)
            .collect(),
        host_network,
        os,
        meta,
        volumes,
        ..spec::Pod::default()
    };
    let resources = pod_resources(object, &at, pod.resources.take(), &converted);
    network(
        object,
        &at,
        pod,
        spec::Pod {
            resources,
            ..converted
        },
    )
}

/// The fields that say where the pod runs and under which names.
fn network(
    object: &Object<'_>,
    at: &Path<'_>,
    pod: api::PodSpec,
    converted: spec::Pod,
) -> spec::Pod {
    if pod
        .ephemeral_containers
        .is_some_and(|list| !list.is_empty())
    {
        let at = at.field("ephemeralContainers");
        object.forbidden(&at, "cannot be set on create");
    }
    let service_account_name = non_empty(pod.service_account_name)
        .or(non_empty(pod.service_account))
        .unwrap_or("default".into());
    if let Some(rule) = names::dns_subdomain(&service_account_name) {
        object.invalid(&at.field("serviceAccountName"), &service_account_name, rule);
    }
    let node_name = non_empty(pod.node_name);
    if let Some(name) = &node_name
        && let Some(rule) = names::dns_subdomain(name)
    {
        object.invalid(&at.field("nodeName"), name, rule);
    }
    let node_selector = pod.node_selector.unwrap_or_default();
    label_map(object, &at.field("nodeSelector"), &node_selector);
    let dns_policy = dns_policy(object, at, pod.dns_policy);
    let converted = spec::Pod {
        hostname: label(object, &at.field("hostname"), pod.hostname),
        subdomain: label(object, &at.field("subdomain"), pod.subdomain),
        set_hostname_as_fqdn: pod.set_hostname_as_fqdn.unwrap_or_default(),
        host_aliases: host_aliases(object, at, pod.host_aliases.unwrap_or_default()),
        node_name,
        service_account_name,
        dns_policy,
        dns_config: dns_config(object, at, pod.dns_config, dns_policy),
        node_selector,
        ..converted
    };
    spec::Pod {
        hostname_override: hostname_override(object, at, pod.hostname_override, &converted),
        ..converted
    }
}

fn readiness_gates(
    object: &Object<'_>,
    at: &Path<'_>,
    gates: Option<Vec<api::PodReadinessGate>>,
) -> Vec<String> {
    let at = at.field("readinessGates");
    let mut types = Vec::new();
    for (index, gate) in gates.into_iter().flatten().enumerate() {
        if let Some(rule) = names::qualified_name(&gate.condition_type) {
            let at = at.index(index);
            object.invalid(&at.field("conditionType"), &gate.condition_type, rule);
        }
        types.push(gate.condition_type);
    }
    types
}

pub(super) const RESTART_POLICIES: [(&str, RestartPolicy); 3] = [
    ("Always", RestartPolicy::Always),
    ("OnFailure", RestartPolicy::OnFailure),
    ("Never", RestartPolicy::Never),
];

fn containers(
    object: &Object<'_>,
    at: &Path<'_>,
    pod: &mut api::PodSpec,
    around: &Around<'_>,
) -> (Vec<spec::Container>, Vec<spec::Container>) {
    let mut names = BTreeSet::new();
    let mut convert = |list: &'static str,
                       place: Place,
                       containers: Vec<api::Container>|
     -> Vec<spec::Container> {
        let at = at.field(list);
        let mut converted = Vec::with_capacity(containers.len());
        for (index, entry) in containers.into_iter().enumerate() {
            let at = at.index(index);
            let entry = container(object, &at, entry, place, around);
            if !entry.name.is_empty() && !names.insert(entry.name.clone()) {
                object.duplicate(&at.field("name"), &entry.name);
            }
            converted.push(entry);
        }
        converted
    };
    let regular = convert(
        "containers",
        Place::Regular,
        std::mem::take(&mut pod.containers),
    );
    let init = convert(
        "initContainers",
        Place::Init,
        pod.init_containers.take().unwrap_or_default(),
    );
    if regular.is_empty() {
        object.required(&at.field("containers"), "");
    }
    let count = regular.len() + init.len();
    if count > CONTAINERS_PER_POD {
        object.error(
            &at.field("containers"),
            Problem::TooLarge {
                what: "the pod",
                found: count as u64,
                unit: "containers",
                max: CONTAINERS_PER_POD as u64,
            },
        );
    }
    host_port_conflicts(object, &at.field("containers"), &regular);
    let at_init = at.field("initContainers");
    for (index, container) in init.iter().enumerate() {
        container_port_conflicts(
            object,
            &at_init.index(index),
            container,
            &mut BTreeSet::new(),
        );
    }
    (regular, init)
}

/// Annotations with a meaning for Kubernetes.
fn annotations(object: &Object<'_>, at: &Path<'_>, meta: &spec::Meta, pod: Option<&api::PodSpec>) {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    let at = at.field("metadata");
    let at = at.field("annotations");
    let has_node =
        pod.is_some_and(|pod| pod.node_name.as_ref().is_some_and(|name| !name.is_empty()));
    if let Some(value) = meta.annotations.get(MIRROR)
        && !has_node
    {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        object.invalid(&at.key(MIRROR), value, detail);
    }
    if let Some(value) = meta.annotations.get(DELETION_COST)
        && (value.parse::<i32>().is_err()
            || value.starts_with('+')
            || (value.len() > 1 && value.starts_with('0')))
    {
        object.invalid(&at.key(DELETION_COST), value, "must be a 32bit integer");
    }
}

/// Negative means 1 (kubelet); more than fits in 136 years means that.
fn grace_period(seconds: Option<i64>) -> GracePeriod {
    match seconds {
        None => GracePeriod::default(),
        Some(seconds) if seconds < 0 => GracePeriod { seconds: 1 },
        Some(seconds) => GracePeriod {
            seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        },
    }
}

fn active_deadline(object: &Object<'_>, at: &Path<'_>, seconds: Option<i64>) -> Option<Duration> {
    let seconds = seconds?;
    match u64::try_from(seconds) {
        Ok(seconds) if (1..=i32::MAX as u64).contains(&seconds) => {
            Some(Duration::from_secs(seconds))
        }
        _ => {
            let at = at.field("activeDeadlineSeconds");
            object.invalid_number(&at, seconds, "must be between 1 and 2147483647, inclusive");
            None
        }
    }
}

fn label(object: &Object<'_>, at: &Path<'_>, text: Option<String>) -> Option<String> {
    let text = non_empty(text)?;
    if let Some(rule) = names::dns_label(&text) {
        object.invalid(at, &text, rule);
    }
    Some(text)
}

fn host_aliases(
    object: &Object<'_>,
    at: &Path<'_>,
    aliases: Vec<api::HostAlias>,
) -> Vec<spec::HostAlias> {
    let at = at.field("hostAliases");
    let mut converted = Vec::with_capacity(aliases.len());
    for (index, alias) in aliases.into_iter().enumerate() {
        let at = at.index(index);
        let hostnames = alias.hostnames.unwrap_or_default();
        for (index, hostname) in hostnames.iter().enumerate() {
            if let Some(rule) = names::dns_subdomain(hostname) {
                object.invalid(&at.field("hostnames").index(index), hostname, rule);
            }
        }
        if let Some(ip) = ip(object, &at.field("ip"), &alias.ip) {
            converted.push(spec::HostAlias { ip, hostnames });
        }
    }
    converted
}

pub(super) fn ip(object: &Object<'_>, at: &Path<'_>, text: &str) -> Option<IpAddr> {
    let ip = text.parse().ok();
    if ip.is_none() {
        object.invalid(
            at,
            text,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        );
    }
    ip
}
