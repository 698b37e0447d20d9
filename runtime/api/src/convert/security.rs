//! Security contexts.

use k8s_openapi::api::core::v1 as api;
use seedpod_core::spec;

use crate::log::Object;
use crate::names;
use crate::tree::Path;

/// `securityContext` of the pod, and its `sysctls`.
pub(super) fn of_pod(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::PodSecurityContext>,
) -> (spec::SecurityContext, Vec<(String, String)>) {
    let Some(from) = from else {
        return Default::default();
    };
    let at = at.field("securityContext");
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
    );
    (security, sysctls)
}

fn sysctls(object: &Object<'_>, at: &Path<'_>, from: Vec<api::Sysctl>) -> Vec<(String, String)> {
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
        sysctls.push((sysctl.name, sysctl.value));
    }
    sysctls
}

pub(super) fn of_container(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<api::SecurityContext>,
) -> spec::SecurityContext {
    let Some(from) = from else {
        return spec::SecurityContext::default();
    };
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

/// A user or group.
fn id(object: &Object<'_>, at: &Path<'_>, id: Option<i64>) -> Option<u32> {
    let id = id?;
    if !(0..=i64::from(i32::MAX)).contains(&id) {
        object.invalid_number(at, id, "must be between 0 and 2147483647, inclusive");
    }
    u32::try_from(id).ok()
}
