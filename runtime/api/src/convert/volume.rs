//! Volumes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use seedpod_core::spec::{
    self, DownwardItem, DownwardValue, EmptyDir, HostPathType, ImageVolume, Medium, Projection,
    VolumeSource,
};

use super::container::pull_policy;
use super::env::{Shown, field_ref, resource_ref};
use super::keys::{Keys, item_path, keys_volume, mode};
use super::{name, quantity};
use crate::log::Object;
use crate::names;
use crate::quantity::Quantity;
use crate::tree::Path;

/// The ConfigMap that every namespace of a cluster has, and with it the volume that a cluster adds to every pod.
const CLUSTER_ROOTS: &str = "kube-root-ca.crt";

pub(super) fn volumes(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::Volume>,
    meta: &spec::Meta,
) -> Vec<spec::Volume> {
    let at = at.field("volumes");
    let mut names = BTreeSet::new();
    let mut converted = Vec::with_capacity(from.len());
    for (index, from) in from.into_iter().enumerate() {
        let at = at.index(index);
        let volume_name = from.name.clone();
        name(object, &at.field("name"), &volume_name, names::dns_label);
        if !volume_name.is_empty() && !names.insert(volume_name.clone()) {
            object.duplicate(&at.field("name"), &volume_name);
        }
        let source = source(object, &at, from, meta);
        converted.push(spec::Volume {
            name: volume_name,
            source,
        });
    }
    converted
}

fn source(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::Volume,
    meta: &spec::Meta,
) -> VolumeSource {
    let mut sources = Vec::new();
    if let Some(from) = from.empty_dir {
        let dir = empty_dir(object, &at.field("emptyDir"), from);
        sources.push(("emptyDir", VolumeSource::EmptyDir(dir)));
    }
    if let Some(from) = from.host_path {
        let path = host_path(object, &at.field("hostPath"), from);
        sources.push(("hostPath", VolumeSource::HostPath(path)));
    }
    if let Some(from) = from.secret {
        let keys = keys_volume(object, &at.field("secret"), from.into(), meta);
        sources.push(("secret", VolumeSource::Secret(keys)));
    }
    if let Some(from) = from.downward_api {
        let at = at.field("downwardAPI");
        let default = mode(object, &at.field("defaultMode"), from.default_mode);
        let items = downward(object, &at, from.items.unwrap_or_default(), default);
        sources.push(("downwardAPI", VolumeSource::DownwardApi(items)));
    }
    if let Some(from) = from.config_map {
        let keys = keys_volume(object, &at.field("configMap"), from.into(), meta);
        sources.push(("configMap", VolumeSource::ConfigMap(keys)));
    }
    if let Some(from) = from.projected {
        let parts = projected(object, &at.field("projected"), from, meta);
        sources.push(("projected", VolumeSource::Projected(parts)));
    }
    if let Some(from) = from.image {
        let image = image(object, &at.field("image"), from);
        sources.push(("image", VolumeSource::Image(image)));
    }
    for (field, _) in sources.iter().skip(1) {
        object.forbidden(&at.field(field), "may not specify more than 1 volume type");
    }
    let first = sources.into_iter().next();
    first.map_or(VolumeSource::EmptyDir(EmptyDir::default()), |(_, one)| one)
}

fn empty_dir(object: &Object<'_>, at: &Path<'_>, from: api::EmptyDirVolumeSource) -> EmptyDir {
    let medium = match from.medium.as_deref().unwrap_or("") {
        "" => Medium::Default,
        "Memory" => Medium::Memory,
        word if word == "HugePages" || word.starts_with("HugePages-") => {
            object.refused(
                &at.field("medium"),
                "a guest's memory has no huge pages, use Memory",
            );
            Medium::Memory
        }
        word => object
            .word(&at.field("medium"), word, &[("Memory", Medium::Memory)])
            .unwrap_or_default(),
    };
    let size_limit = from.size_limit.map(|ApiQuantity(text)| {
        let at = at.field("sizeLimit");
        if Quantity::parse(&text).is_ok_and(Quantity::is_negative) {
            object.forbidden(&at, "SizeLimit field must be a valid resource quantity");
            return 0;
        }
        quantity(object, &at, &text).units()
    });
    EmptyDir {
        medium,
        size_limit: size_limit.filter(|bytes| *bytes > 0),
    }
}

fn image(object: &Object<'_>, at: &Path<'_>, from: api::ImageVolumeSource) -> ImageVolume {
    let reference = from.reference.unwrap_or_default();
    if reference.is_empty() {
        object.required(&at.field("reference"), "");
    }
    let at_policy = at.field("pullPolicy");
    let pull_policy = pull_policy(object, &at_policy, from.pull_policy, &reference);
    ImageVolume {
        reference,
        pull_policy,
    }
}

fn host_path(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::HostPathVolumeSource,
) -> spec::HostPath {
    if from.path.is_empty() {
        object.required(&at.field("path"), "");
    }
    if from.path.split('/').any(|part| part == "..") {
        object.invalid(&at.field("path"), &from.path, "must not contain '..'");
    }
    let words = [
        ("", HostPathType::Unset),
        ("BlockDevice", HostPathType::BlockDevice),
        ("CharDevice", HostPathType::CharDevice),
        ("Directory", HostPathType::Directory),
        ("DirectoryOrCreate", HostPathType::DirectoryOrCreate),
        ("File", HostPathType::File),
        ("FileOrCreate", HostPathType::FileOrCreate),
        ("Socket", HostPathType::Socket),
    ];
    let word = from.type_.as_deref().unwrap_or("");
    let kind = object.word(&at.field("type"), word, &words);
    spec::HostPath {
        path: from.path,
        kind: kind.unwrap_or_default(),
    }
}

fn downward(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::DownwardAPIVolumeFile>,
    default_mode: Option<u32>,
) -> Vec<DownwardItem> {
    let at = at.field("items");
    let mut items = Vec::with_capacity(from.len());
    for (index, from) in from.into_iter().enumerate() {
        let at = at.index(index);
        item_path(object, &at.field("path"), &from.path);
        let value = match (from.field_ref, from.resource_field_ref) {
            (Some(_), Some(_)) => {
                let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
                object.invalid(&at, "resource", detail);
                continue;
            }
            (Some(from), None) => DownwardValue::Field(field_ref(
                object,
                &at.field("fieldRef"),
                &from,
                Shown::InVolume,
            )),
            (None, Some(from)) => {
                let at = at.field("resourceFieldRef");
                DownwardValue::Resource(resource_ref(object, &at, from, Shown::InVolume))
            }
            (None, None) => {
                let detail = "one of fieldRef and resourceFieldRef is required";
                object.required(&at, detail);
                continue;
            }
        };
        let mode = mode(object, &at.field("mode"), from.mode).or(default_mode);
        items.push(DownwardItem {
            path: from.path,
            value,
            mode,
        });
    }
    items
}

fn projected(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::ProjectedVolumeSource,
    meta: &spec::Meta,
) -> Vec<Projection> {
    let default_mode = from.default_mode;
    let default = mode(object, &at.field("defaultMode"), default_mode);
    let sources = from.sources.unwrap_or_default();
    let is_of_cluster = sources
        .iter()
        .any(|source| source.service_account_token.is_some());
    let projected_at = at;
    let at = at.field("sources");
    let mut converted = Vec::with_capacity(sources.len());
    for (index, from) in sources.into_iter().enumerate() {
        let at = at.index(index);
        let before = converted.len();
        if let Some(from) = from.config_map {
            let mut keys = Keys::of_config_map(from, default_mode);
            if is_of_cluster && keys.name == CLUSTER_ROOTS {
                keys.optional = Some(true);
            }
            let keys = keys_volume(object, &at.field("configMap"), keys, meta);
            converted.push(Projection::ConfigMap(keys));
        }
        if let Some(from) = from.secret {
            let keys = Keys::of_secret(from, default_mode);
            let keys = keys_volume(object, &at.field("secret"), keys, meta);
            converted.push(Projection::Secret(keys));
        }
        if let Some(from) = from.downward_api {
            let items = downward(
                object,
                &at.field("downwardAPI"),
                from.items.unwrap_or_default(),
                default,
            );
            converted.push(Projection::DownwardApi(items));
        }
        if let Some(token) = &from.service_account_token {
            service_account_token(object, &at.field("serviceAccountToken"), token);
        }
        let others = from.service_account_token.is_some() || from.cluster_trust_bundle.is_some();
        match converted.len() - before + usize::from(others || from.pod_certificate.is_some()) {
            0 | 1 => {}
            _ => object.forbidden(&at, "may not specify more than 1 volume type per source"),
        }
    }
    unique_paths(object, projected_at, &converted);
    converted
}

fn service_account_token(
    object: &Object<'_>,
    at: &Path<'_>,
    from: &api::ServiceAccountTokenProjection,
) {
    let at_seconds = at.field("expirationSeconds");
    match from.expiration_seconds {
        Some(seconds) if seconds < 10 * 60 => {
            let detail = "may not specify a duration less than 10 minutes";
            object.invalid_number(&at_seconds, seconds, detail);
        }
        Some(seconds) if seconds > 1 << 32 => {
            let detail = "may not specify a duration larger than 2^32 seconds";
            object.invalid_number(&at_seconds, seconds, detail);
        }
        _ => {}
    }
    item_path(object, &at.field("path"), &from.path);
}

/// No two sources may name the same file; whole objects may, then the later one wins.
fn unique_paths(object: &Object<'_>, at: &Path<'_>, projections: &[Projection]) {
    let mut paths = BTreeSet::new();
    for projection in projections {
        let named: Vec<(&str, &str)> = match projection {
            Projection::ConfigMap(keys) | Projection::Secret(keys) => (keys.items.iter())
                .map(|item| (item.path.as_str(), keys.name.as_str()))
                .collect(),
            Projection::DownwardApi(items) => (items.iter())
                .map(|item| (item.path.as_str(), item.path.as_str()))
                .collect(),
        };
        for (path, shown) in named {
            if !path.is_empty() && !paths.insert(path) {
                object.invalid(at, shown, "conflicting duplicate paths");
            }
        }
    }
}
