//! Keys of a ConfigMap or Secret as files: in a volume of their own or in a projected one.

use k8s_openapi::api::core::v1 as api;
use seedpod_core::spec::{self, KeysVolume, ObjectRef};

use super::descending_path;
use crate::log::{Object, Referent};
use crate::tree::Path;

/// Mode of files when nothing is said (DEF).
const MODE_DEFAULT: u32 = 0o644;

/// What ConfigMap and Secret volumes and projections have in common.
pub(super) struct Keys {
    pub(super) name: String,
    name_field: &'static str,
    kind: fn(String) -> ObjectRef,
    items: Option<Vec<api::KeyToPath>>,
    mode: Option<i32>,
    pub(super) optional: Option<bool>,
}

impl From<api::ConfigMapVolumeSource> for Keys {
    fn from(from: api::ConfigMapVolumeSource) -> Self {
        Self {
            name: from.name,
            name_field: "name",
            kind: ObjectRef::ConfigMap,
            items: from.items,
            mode: from.default_mode,
            optional: from.optional,
        }
    }
}

impl From<api::SecretVolumeSource> for Keys {
    fn from(from: api::SecretVolumeSource) -> Self {
        Self {
            name: from.secret_name.unwrap_or_default(),
            name_field: "secretName",
            kind: ObjectRef::Secret,
            items: from.items,
            mode: from.default_mode,
            optional: from.optional,
        }
    }
}

impl Keys {
    /// A part of a projected volume, whose files have the mode `mode`.
    pub(super) fn of_config_map(from: api::ConfigMapProjection, mode: Option<i32>) -> Self {
        Self {
            name: from.name,
            name_field: "name",
            kind: ObjectRef::ConfigMap,
            items: from.items,
            mode,
            optional: from.optional,
        }
    }

    /// A part of a projected volume, whose files have the mode `mode`.
    pub(super) fn of_secret(from: api::SecretProjection, mode: Option<i32>) -> Self {
        Self {
            name: from.name,
            name_field: "name",
            kind: ObjectRef::Secret,
            items: from.items,
            mode,
            optional: from.optional,
        }
    }
}

pub(super) fn keys_volume(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Keys,
    meta: &spec::Meta,
) -> KeysVolume {
    let source = (from.kind)(from.name.clone());
    let name_field = from.name_field;
    if from.name.is_empty() {
        object.required(&at.field(name_field), "");
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

pub(super) fn item_path(object: &Object<'_>, at: &Path<'_>, path: &str) {
    if path.is_empty() {
        object.required(at, "");
    } else {
        descending_path(object, at, path);
        if path.starts_with("..") && !path.starts_with("../") {
            object.invalid(at, path, "must not start with '..'");
        }
    }
}

pub(super) fn mode(object: &Object<'_>, at: &Path<'_>, mode: Option<i32>) -> Option<u32> {
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
