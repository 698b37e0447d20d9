//! Pod.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1 as api;
use seedpod_core::limits::CONTAINERS_PER_POD;
use seedpod_core::spec::{self, GracePeriod, RestartPolicy};

use super::container::{Around, Place, container, host_port_conflicts};
use super::volume::volumes;
use super::{meta, non_empty};
use crate::error::Problem;
use crate::log::Object;
use crate::names;
use crate::tree::Path;

pub(crate) fn pod(object: &Object<'_>, at: &Path<'_>, pod: api::Pod) -> spec::Pod {
    let meta = meta(object, at, pod.metadata, names::dns_subdomain);
    let at = at.field("spec");
    let Some(mut pod) = pod.spec else {
        object.required(&at.field("containers"), "");
        return spec::Pod {
            meta,
            ..spec::Pod::default()
        };
    };
    let volumes = volumes(object, &at, pod.volumes.take().unwrap_or_default(), &meta);
    let restart_policy = match pod.restart_policy.as_deref().unwrap_or("") {
        "" => RestartPolicy::Always,
        word => object
            .word(&at.field("restartPolicy"), word, &RESTART_POLICIES)
            .unwrap_or_default(),
    };
    let security = pod
        .security_context
        .take()
        .map(|security| security_context(object, &at, security));
    let around = Around {
        meta: &meta,
        volumes: &volumes,
        volumes_are_known: !object.is_broken_below(&at.field("volumes")),
    };
    let (containers, init_containers) = containers(object, &at, &mut pod, &around);
    let service_account_name = non_empty(pod.service_account_name.take())
        .or(non_empty(pod.service_account.take()))
        .unwrap_or("default".into());
    if let Some(rule) = names::dns_subdomain(&service_account_name) {
        object.invalid(&at.field("serviceAccountName"), &service_account_name, rule);
    }
    spec::Pod {
        meta,
        containers,
        init_containers,
        volumes,
        restart_policy,
        termination_grace_period: grace_period(pod.termination_grace_period_seconds),
        active_deadline: active_deadline(object, &at, pod.active_deadline_seconds),
        hostname: label(object, &at.field("hostname"), pod.hostname),
        subdomain: label(object, &at.field("subdomain"), pod.subdomain),
        set_hostname_as_fqdn: pod.set_hostname_as_fqdn.unwrap_or_default(),
        host_aliases: host_aliases(object, &at, pod.host_aliases.unwrap_or_default()),
        share_process_namespace: pod.share_process_namespace.unwrap_or_default(),
        node_name: non_empty(pod.node_name),
        service_account_name,
        enable_service_links: pod.enable_service_links.unwrap_or(true),
        security: security.unwrap_or_default(),
        ..spec::Pod::default()
    }
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
    (regular, init)
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

fn security_context(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::PodSecurityContext,
) -> spec::SecurityContext {
    let at = at.field("securityContext");
    let groups = from.supplemental_groups.unwrap_or_default();
    let groups_at = at.field("supplementalGroups");
    spec::SecurityContext {
        run_as_user: id(object, &at.field("runAsUser"), from.run_as_user),
        run_as_group: id(object, &at.field("runAsGroup"), from.run_as_group),
        run_as_non_root: from.run_as_non_root,
        read_only_root_filesystem: None,
        fs_group: id(object, &at.field("fsGroup"), from.fs_group),
        supplemental_groups: (groups.into_iter().enumerate())
            .filter_map(|(index, group)| id(object, &groups_at.index(index), Some(group)))
            .collect(),
    }
}

/// A user or group.
pub(super) fn id(object: &Object<'_>, at: &Path<'_>, id: Option<i64>) -> Option<u32> {
    let id = id?;
    if !(0..=i64::from(i32::MAX)).contains(&id) {
        object.invalid_number(at, id, "must be between 0 and 2147483647, inclusive");
    }
    u32::try_from(id).ok()
}
