//! Volumes and their mounts.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use seedpod_core::spec::{
    self, DownwardItem, DownwardValue, EmptyDir, HostPathType, KeysVolume, Medium, ObjectRef,
    Projection, SubPath, VolumeSource,
};

use super::container::Around;
use super::env::{Shown, field_ref, resource_ref};
use super::{descending_path, name, non_empty, quantity};
use crate::error::Problem;
use crate::log::{Object, Referent};
use crate::names;
use crate::support::Treatment;
use crate::tree::Path;

/// Mode of files when nothing is said (DEF).
const MODE_DEFAULT: u32 = 0o644;

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
        sources.push(VolumeSource::EmptyDir(empty_dir(
            object,
            &at.field("emptyDir"),
            from,
        )));
    }
    if let Some(from) = from.host_path {
        sources.push(VolumeSource::HostPath(host_path(
            object,
            &at.field("hostPath"),
            from,
        )));
    }
    if let Some(from) = from.config_map {
        let at = at.field("configMap");
        let keys = Keys {
            name: from.name,
            name_field: "name",
            items: from.items,
            mode: from.default_mode,
            optional: from.optional,
        };
        sources.push(VolumeSource::ConfigMap(keys_volume(
            object,
            &at,
            keys,
            ObjectRef::ConfigMap,
            meta,
        )));
    }
    if let Some(from) = from.secret {
        let at = at.field("secret");
        let name = from.secret_name.unwrap_or_default();
        let keys = Keys {
            name,
            name_field: "secretName",
            items: from.items,
            mode: from.default_mode,
            optional: from.optional,
        };
        sources.push(VolumeSource::Secret(keys_volume(
            object,
            &at,
            keys,
            ObjectRef::Secret,
            meta,
        )));
    }
    if let Some(from) = from.downward_api {
        let at = at.field("downwardAPI");
        let default = mode(object, &at.field("defaultMode"), from.default_mode);
        sources.push(VolumeSource::DownwardApi(downward(
            object,
            &at,
            from.items.unwrap_or_default(),
            default,
        )));
    }
    if let Some(from) = from.projected {
        sources.push(VolumeSource::Projected(projected(
            object,
            &at.field("projected"),
            from,
            meta,
        )));
    }
    if sources.len() > 1 {
        object.forbidden(at, "may not specify more than 1 volume type");
    }
    sources
        .pop()
        .unwrap_or(VolumeSource::EmptyDir(EmptyDir::default()))
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
    let size_limit = from
        .size_limit
        .map(|ApiQuantity(text)| quantity(object, &at.field("sizeLimit"), &text).units());
    if size_limit.is_some() && medium == Medium::Default {
        let reason = "not supported yet: only a volume in memory has a limit";
        object.treated(&at.field("sizeLimit"), Treatment::Ignored, reason);
    }
    EmptyDir {
        medium,
        size_limit: size_limit.filter(|bytes| *bytes > 0),
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
    if from.path.split(['/', '\\']).any(|part| part == "..") {
        object.invalid(&at.field("path"), &from.path, "must not contain '..'");
    }
    let words = [
        ("", Some(HostPathType::Unset)),
        ("DirectoryOrCreate", Some(HostPathType::DirectoryOrCreate)),
        ("Directory", Some(HostPathType::Directory)),
        ("FileOrCreate", Some(HostPathType::FileOrCreate)),
        ("File", Some(HostPathType::File)),
        ("Socket", None),
        ("CharDevice", None),
        ("BlockDevice", None),
    ];
    let kind = object
        .word(
            &at.field("type"),
            from.type_.as_deref().unwrap_or(""),
            &words,
        )
        .map(|kind| {
            kind.unwrap_or_else(|| {
                object.refused(
                    &at.field("type"),
                    "only directories and files of the machine can be mounted",
                );
                HostPathType::Unset
            })
        });
    spec::HostPath {
        path: from.path,
        kind: kind.unwrap_or_default(),
    }
}

/// What ConfigMap and Secret volumes and projections have in common.
struct Keys {
    name: String,
    name_field: &'static str,
    items: Option<Vec<api::KeyToPath>>,
    mode: Option<i32>,
    optional: Option<bool>,
}

fn keys_volume(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Keys,
    kind: fn(String) -> ObjectRef,
    meta: &spec::Meta,
) -> KeysVolume {
    let source = kind(from.name.clone());
    let name_field = from.name_field;
    if from.name.is_empty() {
        object.required(&at.field(name_field), "");
    } else if let Some(rule) = names::dns_subdomain(&from.name) {
        object.invalid(&at.field(name_field), &from.name, rule);
    }
    let optional = from.optional.unwrap_or_default();
    let refer = |key: Option<&str>| {
        if !optional {
            let key = key.map(str::to_owned);
            object.refer(
                at,
                Referent {
                    namespace: meta.namespace.clone(),
                    source: source.clone(),
                    key,
                },
            );
        }
    };
    let default_mode = mode(object, &at.field("defaultMode"), from.mode).unwrap_or(MODE_DEFAULT);
    let at = at.field("items");
    let mut items = Vec::new();
    let from_items = from.items.unwrap_or_default();
    if from_items.is_empty() {
        refer(None);
    }
    for (index, item) in from_items.into_iter().enumerate() {
        let at = at.index(index);
        if item.key.is_empty() {
            object.required(&at.field("key"), "");
        } else {
            refer(Some(&item.key));
        }
        item_path(object, &at.field("path"), &item.path);
        let mode = mode(object, &at.field("mode"), item.mode);
        items.push(spec::KeyToPath {
            key: item.key,
            path: item.path,
            mode,
        });
    }
    KeysVolume {
        name: from.name,
        items,
        default_mode,
        optional,
    }
}

fn item_path(object: &Object<'_>, at: &Path<'_>, path: &str) {
    if path.is_empty() {
        object.required(at, "");
    } else {
        descending_path(object, at, path);
        if path
            .split('/')
            .next()
            .is_some_and(|first| first.starts_with("..") && first != "..")
        {
            object.invalid(at, path, "must not start with '..'");
        }
    }
}

fn mode(object: &Object<'_>, at: &Path<'_>, mode: Option<i32>) -> Option<u32> {
    let mode = mode?;
    match u32::try_from(mode) {
        Ok(mode) if mode <= 0o777 => Some(mode),
        _ => {
            object.invalid_number(
                at,
                mode.into(),
                "must be a number between 0 and 0777 (octal), both inclusive",
            );
            None
        }
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
                object.invalid(
                    &at,
                    "",
                    "fieldRef and resourceFieldRef can not be specified simultaneously",
                );
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
                object.required(
                    &at.field("fieldRef"),
                    "one of fieldRef and resourceFieldRef is required",
                );
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
    let at = at.field("sources");
    let mut converted = Vec::with_capacity(sources.len());
    for (index, from) in sources.into_iter().enumerate() {
        let at = at.index(index);
        let before = converted.len();
        if let Some(from) = from.config_map {
            let optional = if is_of_cluster && from.name == CLUSTER_ROOTS {
                Some(true)
            } else {
                from.optional
            };
            let keys = Keys {
                name: from.name,
                name_field: "name",
                items: from.items,
                mode: default_mode,
                optional,
            };
            let at = at.field("configMap");
            converted.push(Projection::ConfigMap(keys_volume(
                object,
                &at,
                keys,
                ObjectRef::ConfigMap,
                meta,
            )));
        }
        if let Some(from) = from.secret {
            let keys = Keys {
                name: from.name,
                name_field: "name",
                items: from.items,
                mode: default_mode,
                optional: from.optional,
            };
            let at = at.field("secret");
            converted.push(Projection::Secret(keys_volume(
                object,
                &at,
                keys,
                ObjectRef::Secret,
                meta,
            )));
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
        let others = from.service_account_token.is_some() || from.cluster_trust_bundle.is_some();
        match converted.len() - before + usize::from(others || from.pod_certificate.is_some()) {
            0 => object.required(&at, "must specify one of the sources"),
            1 => {}
            _ => object.forbidden(&at, "may not specify more than 1 volume type"),
        }
    }
    converted
}

pub(super) fn volume_mounts(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::VolumeMount>,
    around: &Around<'_>,
) -> Vec<spec::VolumeMount> {
    let at = at.field("volumeMounts");
    let mut paths = BTreeSet::new();
    let mut converted = Vec::with_capacity(from.len());
    for (index, from) in from.into_iter().enumerate() {
        let at = at.index(index);
        if from.name.is_empty() {
            object.required(&at.field("name"), "");
        } else if around.volumes_are_known
            && !around.volumes.iter().any(|volume| volume.name == from.name)
        {
            object.error(&at.field("name"), Problem::NotFound(from.name.clone()));
        }
        let at_path = at.field("mountPath");
        if from.mount_path.is_empty() {
            object.required(&at_path, "");
        } else if !paths.insert(from.mount_path.clone()) {
            object.invalid(&at_path, &from.mount_path, "must be unique");
        }
        let sub_path = sub_path(object, &at, from.sub_path, from.sub_path_expr);
        let mount_path = match from.mount_path {
            path if path.starts_with('/') => path,
            path => format!("/{path}"),
        };
        let read_only = from.read_only.unwrap_or_default();
        converted.push(spec::VolumeMount {
            name: from.name,
            mount_path,
            sub_path,
            read_only,
        });
    }
    converted
}

fn sub_path(
    object: &Object<'_>,
    at: &Path<'_>,
    path: Option<String>,
    expr: Option<String>,
) -> Option<SubPath> {
    match (non_empty(path), non_empty(expr)) {
        (Some(_), Some(expr)) => {
            object.invalid(
                &at.field("subPathExpr"),
                &expr,
                "subPathExpr and subPath are mutually exclusive",
            );
            None
        }
        (Some(path), None) => {
            descending_path(object, &at.field("subPath"), &path);
            Some(SubPath::Path(path))
        }
        (None, Some(expr)) => {
            descending_path(object, &at.field("subPathExpr"), &expr);
            Some(SubPath::Expr(expr))
        }
        (None, None) => None,
    }
}
