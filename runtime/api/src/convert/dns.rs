//! What the pod's resolver and hostname are.

use k8s_openapi::api::core::v1 as api;
use seedpod_core::spec::{self, DnsConfig, DnsPolicy};

use super::pod::ip;
use super::{non_empty, too_long};
use crate::error::Problem;
use crate::log::Object;
use crate::names;
use crate::tree::Path;

/// What libc takes of `/etc/resolv.conf`.
const NAMESERVERS_MAX: usize = 3;
const SEARCHES_MAX: usize = 32;
const SEARCH_CHARS_MAX: usize = 2048;

/// Linux' limit of a hostname.
const HOSTNAME_MAX: usize = 64;

pub(super) fn dns_policy(object: &Object<'_>, at: &Path<'_>, word: Option<String>) -> DnsPolicy {
    let words = [
        (
            "ClusterFirstWithHostNet",
            DnsPolicy::ClusterFirstWithHostNet,
        ),
        ("ClusterFirst", DnsPolicy::ClusterFirst),
        ("Default", DnsPolicy::Default),
        ("None", DnsPolicy::None),
    ];
    non_empty(word)
        .and_then(|word| object.word(&at.field("dnsPolicy"), &word, &words))
        .unwrap_or_default()
}

pub(super) fn dns_config(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::PodDNSConfig>,
    policy: DnsPolicy,
) -> DnsConfig {
    let at = at.field("dnsConfig");
    let Some(from) = from else {
        if policy == DnsPolicy::None {
            object.required(&at, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return DnsConfig::default();
    };
    let nameservers = from.nameservers.unwrap_or_default();
    let at_servers = at.field("nameservers");
    if nameservers.is_empty() && policy == DnsPolicy::None {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        object.required(&at_servers, detail);
    }
    if nameservers.len() > NAMESERVERS_MAX {
        let detail = format!("must not have more than {NAMESERVERS_MAX} nameservers");
        object.invalid_list(&at_servers, &nameservers, detail);
    }
    let nameservers = (nameservers.iter().enumerate())
        .filter_map(|(index, text)| ip(object, &at_servers.index(index), text))
        .collect();
    let searches = from.searches.unwrap_or_default();
    searches_are_short(object, &at.field("searches"), &searches);
    let mut options = Vec::new();
    for (index, option) in from.options.unwrap_or_default().into_iter().enumerate() {
        let name = option.name.unwrap_or_default();
        if name.is_empty() {
            object.required(&at.field("options").index(index), "must not be empty");
        }
        options.push((name, option.value));
    }
    DnsConfig {
        nameservers,
        searches,
        options,
    }
}

fn searches_are_short(object: &Object<'_>, at: &Path<'_>, searches: &[String]) {
    if searches.len() > SEARCHES_MAX {
        let detail = format!("must not have more than {SEARCHES_MAX} search paths");
        object.invalid_list(at, searches, detail);
    }
    if searches.join(" ").len() > SEARCH_CHARS_MAX {
        let detail = format!(
            "must not have more than {SEARCH_CHARS_MAX} characters (including spaces) in the search list"
        );
        object.invalid_list(at, searches, detail);
    }
    for (index, search) in searches.iter().enumerate() {
        let name = search.strip_suffix('.').unwrap_or(search);
        if search == "." {
            continue;
        }
        if let Some(rule) = names::dns_search(name) {
            object.invalid(&at.index(index), name, rule);
        }
    }
}

/// `hostnameOverride` replaces every other name, so it must not meet one.
pub(super) fn hostname_override(
    object: &Object<'_>,
    at: &Path<'_>,
    name: Option<String>,
    pod: &spec::Pod,
) -> Option<String> {
    let name = name?;
    let at = at.field("hostnameOverride");
    if pod.set_hostname_as_fqdn {
        object.forbidden(&at, "may not be specified when setHostnameAsFQDN is true");
    }
    if pod.host_network {
        object.forbidden(&at, "may not be specified when hostNetwork is true");
    }
    too_long(object, &at, name.len(), HOSTNAME_MAX);
    if let Some(rule) = names::dns_subdomain(&name) {
        object.invalid(&at, &name, rule);
    }
    Some(name)
}

/// `os`: other systems than these are unknown to Kubernetes.
pub(super) fn os(object: &Object<'_>, at: &Path<'_>, from: Option<api::PodOS>) -> Option<String> {
    let name = from?.name;
    let at = at.field("os");
    if name.is_empty() {
        object.required(&at.field("name"), "");
    } else if !["linux", "windows"].contains(&name.as_str()) {
        object.error(
            &at,
            Problem::NotOneOf {
                value: name.clone(),
                supported: ["linux", "windows"].map(str::to_owned).to_vec(),
            },
        );
    }
    Some(name)
}
