//! Security contexts.

use k8s_openapi::api::core::v1 as api;
use seedpod_core::spec;

use super::{descending_path, too_long};
use crate::error::Problem;
use crate::log::Object;
use crate::names;
use crate::tree::Path;

/// `securityContext` of the pod, and its `sysctls`.
pub(super) fn of_pod(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::PodSecurityContext>,
    host_network: bool,
) -> (spec::SecurityContext, Vec<(String, String)>) {
    let Some(from) = from else {
        return Default::default();
    };
    let at = at.field("securityContext");
    let words: [(&str, Option<&str>, &[&str]); 3] = [
        (
            "fsGroupChangePolicy",
            from.fs_group_change_policy.as_deref(),
            &["Always", "OnRootMismatch"],
        ),
        (
            "supplementalGroupsPolicy",
            from.supplemental_groups_policy.as_deref(),
            &["Merge", "Strict"],
        ),
        (
            "seLinuxChangePolicy",
            from.se_linux_change_policy.as_deref(),
            &["MountOption", "Recursive"],
        ),
    ];
    for (field, word, words) in words {
        if let Some(word) = word {
            let words: Vec<(&str, ())> = words.iter().map(|word| (*word, ())).collect();
            object.word(&at.field(field), word, &words);
        }
    }
    seccomp(object, &at, from.seccomp_profile.as_ref());
    app_armor(object, &at, from.app_armor_profile.as_ref());
    let groups = from.supplemental_groups.unwrap_or_default();
    let groups_at = at.field("supplementalGroups");
    let security = spec::SecurityContext {
        run_as_user: id(object, &at.field("runAsUser"), from.run_as_user),
        run_as_group: id(object, &at.field("runAsGroup"), from.run_as_group),
        run_as_non_root: from.run_as_non_root,
        read_only_root_filesystem: None,
        fs_group: id(object, &at.field("fsGroup"), from.fs_group),
        supplemental_groups: (groups.into_iter().enumerate())
            .filter_map(|(index, group)| id(object, &groups_at.index(index), Some(group)))
            .collect(),
    };
    let sysctls = sysctls(
        object,
        &at.field("sysctls"),
        from.sysctls.unwrap_or_default(),
        host_network,
    );
    (security, sysctls)
}

fn sysctls(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::Sysctl>,
    host_network: bool,
) -> Vec<(String, String)> {
    let mut sysctls: Vec<(String, String)> = Vec::with_capacity(from.len());
    for (index, sysctl) in from.into_iter().enumerate() {
        let at = at.index(index);
        let at = at.field("name");
        if sysctl.name.is_empty() {
            object.required(&at, "");
        } else if let Some(rule) = names::sysctl(&sysctl.name) {
            object.invalid(&at, &sysctl.name, rule);
        } else if sysctls.iter().any(|(name, _)| *name == sysctl.name) {
            object.duplicate(&at, &sysctl.name);
        }
        if host_network && sysctl.name.replace('/', ".").starts_with("net.") {
            let detail = "may not be specified when 'hostNetwork' is true";
            object.invalid(&at, &sysctl.name, detail);
        }
        sysctls.push((sysctl.name, sysctl.value));
    }
    sysctls
}

pub(super) fn of_container(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::SecurityContext>,
    host_users: bool,
) -> spec::SecurityContext {
    let Some(from) = from else {
        return spec::SecurityContext::default();
    };
    let at = at.field("securityContext");
    if let Some(word) = &from.proc_mount {
        let at = at.field("procMount");
        object.word(&at, word, &["Default", "Unmasked"].map(|word| (word, ())));
        if host_users && word == "Unmasked" {
            object.invalid(&at, word, "`hostUsers` must be false to use `Unmasked`");
        }
    }
    seccomp(object, &at, from.seccomp_profile.as_ref());
    escalation(object, &at, &from);
    app_armor(object, &at, from.app_armor_profile.as_ref());
    spec::SecurityContext {
        run_as_user: id(object, &at.field("runAsUser"), from.run_as_user),
        run_as_group: id(object, &at.field("runAsGroup"), from.run_as_group),
        run_as_non_root: from.run_as_non_root,
        read_only_root_filesystem: from.read_only_root_filesystem,
        fs_group: None,
        supplemental_groups: Vec::new(),
    }
}

fn escalation(object: &Object<'_>, at: &Path<'_>, from: &api::SecurityContext) {
    if from.allow_privilege_escalation != Some(false) {
        return;
    }
    let wrong = |detail: &str| {
        let (value, detail) = ("{…}".to_owned(), detail.to_owned());
        object.error(at, Problem::Invalid { value, detail });
    };
    if from.privileged == Some(true) {
        wrong("cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    }
    let added = from.capabilities.iter().flat_map(|own| &own.add).flatten();
    for _ in added.filter(|capability| *capability == "CAP_SYS_ADMIN") {
        wrong(
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
        );
    }
}

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

fn seccomp(object: &Object<'_>, at: &Path<'_>, profile: Option<&api::SeccompProfile>) {
    let Some(profile) = profile else { return };
    let at = at.field("seccompProfile");
    if profile.type_.is_empty() {
        object.required(
            &at.field("type"),
            "type is required when seccompProfile is set",
        );
    } else {
        let words = PROFILES.map(|word| (word, ()));
        object.word(&at.field("type"), &profile.type_, &words);
    }
    let at = at.field("localhostProfile");
    match (&profile.localhost_profile, profile.type_ == "Localhost") {
        (None, true) => object.required(&at, "must be set when seccomp type is Localhost"),
        (Some(path), true) => descending_path(object, &at, path),
        (Some(_), false) => {
            let detail = "can only be set when seccomp type is Localhost".to_owned();
            let value = "{…}".to_owned();
            object.error(&at, Problem::Invalid { value, detail });
        }
        (None, false) => {}
    }
}

/// Linux' `PATH_MAX` without its last byte.
const PROFILE_BYTES_MAX: usize = 4095;

fn app_armor(object: &Object<'_>, at: &Path<'_>, profile: Option<&api::AppArmorProfile>) {
    let Some(profile) = profile else { return };
    let at = at.field("appArmorProfile");
    let (kind, name) = (profile.type_.as_str(), profile.localhost_profile.as_deref());
    if kind.is_empty() {
        object.required(
            &at.field("type"),
            "type is required when appArmorProfile is set",
        );
        return;
    }
    let words = PROFILES.map(|word| (word, ()));
    if object.word(&at.field("type"), kind, &words).is_none() {
        return;
    }
    let at = at.field("localhostProfile");
    match (name, kind == "Localhost") {
        (Some(name), true) if name.trim() != name => {
            object.invalid(&at, name, "must not be padded with whitespace");
        }
        (None | Some(""), true) => {
            object.required(&at, "must be set when AppArmor type is Localhost");
        }
        (Some(name), true) => too_long(object, &at, name.len(), PROFILE_BYTES_MAX),
        (Some(name), false) => {
            object.invalid(&at, name, "can only be set when AppArmor type is Localhost");
        }
        (None, false) => {}
    }
}

/// A user or group.
fn id(object: &Object<'_>, at: &Path<'_>, id: Option<i64>) -> Option<u32> {
    let id = id?;
    if !(0..=i64::from(i32::MAX)).contains(&id) {
        object.invalid_number(at, id, "must be between 0 and 2147483647, inclusive");
    }
    u32::try_from(id).ok()
}
