//! Environment variables, and the fields of a pod that they and volumes can show.

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use seedpod_core::spec::{
    self, EnvValue, FieldRef, FileKeyRef, KeyRef, ObjectRef, ResourceField, VolumeSource,
};

use super::container::Around;
use super::keys::item_path;
use super::{non_empty, quantity};
use crate::error::Problem;
use crate::log::{Object, Referent};
use crate::names;
use crate::tree::Path;

pub(super) fn env(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::EnvVar>,
    meta: &spec::Meta,
    around: &Around<'_>,
) -> Vec<spec::EnvVar> {
    let at = at.field("env");
    let mut converted = Vec::with_capacity(from.len());
    for (index, variable) in from.into_iter().enumerate() {
        let at = at.index(index);
        super::name(object, &at.field("name"), &variable.name, names::env_name);
        let text = variable.value.unwrap_or_default();
        let value = match variable.value_from {
            None => EnvValue::Text(text),
            Some(source) => {
                let at = at.field("valueFrom");
                env_source(object, &at, source, &text, meta, around)
            }
        };
        converted.push(spec::EnvVar {
            name: variable.name,
            value,
        });
    }
    converted
}

fn env_source(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::EnvVarSource,
    text: &str,
    meta: &spec::Meta,
    around: &Around<'_>,
) -> EnvValue {
    let mut values = Vec::new();
    if let Some(from) = from.field_ref {
        let at = at.field("fieldRef");
        values.push(EnvValue::Field(field_ref(object, &at, &from, Shown::InEnv)));
    }
    if let Some(from) = from.resource_field_ref {
        values.push(EnvValue::Resource(resource_ref(
            object,
            &at.field("resourceFieldRef"),
            from,
            Shown::InEnv,
        )));
    }
    if let Some(from) = from.config_map_key_ref {
        let at = at.field("configMapKeyRef");
        let key = KeyRef {
            name: from.name,
            key: from.key,
            optional: from.optional.unwrap_or_default(),
        };
        key_ref(
            object,
            &at,
            &key,
            ObjectRef::ConfigMap(key.name.clone()),
            meta,
        );
        values.push(EnvValue::ConfigMapKey(key));
    }
    if let Some(from) = from.secret_key_ref {
        let at = at.field("secretKeyRef");
        let key = KeyRef {
            name: from.name,
            key: from.key,
            optional: from.optional.unwrap_or_default(),
        };
        key_ref(object, &at, &key, ObjectRef::Secret(key.name.clone()), meta);
        values.push(EnvValue::SecretKey(key));
    }
    if let Some(from) = from.file_key_ref {
        let at = at.field("fileKeyRef");
        values.push(EnvValue::FileKey(file_key_ref(object, &at, from, around)));
    }
    let sources = values.len();
    if sources == 0 {
        let detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or \
            `fileKeyRef`";
        object.invalid(at, "", detail);
    } else if !text.is_empty() {
        object.invalid(at, "", "may not be specified when `value` is not empty");
    } else if sources > 1 {
        let detail = "may not have more than one field specified at a time";
        object.invalid(at, "", detail);
    }
    values.pop().unwrap_or(EnvValue::Text(String::new()))
}

fn file_key_ref(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::FileKeySelector,
    around: &Around<'_>,
) -> FileKeyRef {
    let at_volume = at.field("volumeName");
    super::name(object, &at_volume, &from.volume_name, names::dns_label);
    let mut volumes = around.volumes.iter();
    let volume = volumes.find(|volume| volume.name == from.volume_name);
    match volume.map(|volume| &volume.source) {
        Some(VolumeSource::EmptyDir(_)) => {}
        Some(_) => object.invalid(
            &at_volume,
            &from.volume_name,
            "referenced volume must be of type emptyDir",
        ),
        None if around.volumes_are_known && !from.volume_name.is_empty() => {
            object.error(&at_volume, Problem::NotFound(from.volume_name.clone()));
        }
        None => {}
    }
    super::name(object, &at.field("key"), &from.key, names::env_name);
    item_path(object, &at.field("path"), &from.path);
    FileKeyRef {
        volume: from.volume_name,
        path: from.path,
        key: from.key,
        optional: from.optional.unwrap_or_default(),
    }
}

fn key_ref(object: &Object<'_>, at: &Path<'_>, key: &KeyRef, source: ObjectRef, meta: &spec::Meta) {
    if let Some(rule) = names::dns_subdomain(&key.name) {
        object.invalid(&at.field("name"), &key.name, rule);
    }
    super::name(object, &at.field("key"), &key.key, names::config_key);
    if !key.optional {
        object.refer(
            at,
            Referent {
                namespace: meta.namespace.clone(),
                source,
                key: Some(key.key.clone()),
            },
        );
    }
}

pub(super) fn env_from(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::EnvFromSource>,
    meta: &spec::Meta,
) -> Vec<spec::EnvFrom> {
    let list = &at.field("envFrom");
    let mut converted = Vec::with_capacity(from.len());
    for (index, from) in from.into_iter().enumerate() {
        let at = list.index(index);
        let prefix = from.prefix.unwrap_or_default();
        if let Some(rule) = names::env_name(&prefix).filter(|_| !prefix.is_empty()) {
            object.invalid(&at.field("prefix"), &prefix, rule);
        }
        let config_map = from
            .config_map_ref
            .map(|from| (ObjectRef::ConfigMap(from.name), from.optional));
        let secret = from
            .secret_ref
            .map(|from| (ObjectRef::Secret(from.name), from.optional));
        let (source, optional) = match (config_map, secret) {
            (Some(_), Some(_)) => {
                let detail = "may not have more than one field specified at a time";
                object.invalid_in(list, &at, "", detail);
                continue;
            }
            (None, None) => {
                let detail = "must specify one of: `configMapRef` or `secretRef`";
                object.invalid_in(list, &at, "", detail);
                continue;
            }
            (Some(source), None) | (None, Some(source)) => source,
        };
        let (field, name) = match &source {
            ObjectRef::ConfigMap(name) => ("configMapRef", name),
            ObjectRef::Secret(name) => ("secretRef", name),
        };
        let at = at.field(field);
        super::name(object, &at.field("name"), name, names::dns_subdomain);
        let optional = optional.unwrap_or_default();
        if !optional {
            object.refer(
                &at,
                Referent {
                    namespace: meta.namespace.clone(),
                    source: source.clone(),
                    key: None,
                },
            );
        }
        converted.push(spec::EnvFrom {
            prefix,
            source,
            optional,
        });
    }
    converted
}

/// Where a field of the pod is shown; each place has fields of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    InEnv,
    InVolume,
}

/// What the downward API can name at all; each place takes some of them.
const FIELD_LABELS: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

pub(super) fn field_ref(
    object: &Object<'_>,
    at: &Path<'_>,
    from: &api::ObjectFieldSelector,
    shown: Shown,
) -> FieldRef {
    let version = from.api_version.as_deref().unwrap_or("v1");
    let (reference, at) = (at, at.field("fieldPath"));
    let path = from.field_path.as_str();
    if path.is_empty() {
        object.required(&at, "");
        return FieldRef::Name;
    }
    if !matches!(version, "" | "v1") {
        let detail = format!("error converting fieldPath: unsupported pod version: {version}");
        object.invalid(&at, path, detail);
        return FieldRef::Name;
    }
    let subscript = path
        .strip_suffix("']")
        .and_then(|path| path.split_once("['"));
    match subscript {
        Some(("metadata.labels", key)) => {
            return FieldRef::Labels(subscript_key(object, reference, key, key));
        }
        Some(("metadata.annotations", key)) => {
            let rule_key = key.to_lowercase();
            return FieldRef::Annotations(subscript_key(object, reference, key, &rule_key));
        }
        Some((field, _)) if !field.is_empty() => {
            let detail = format!(
                "error converting fieldPath: field label does not support subscript: {path}"
            );
            object.invalid(&at, path, detail);
            return FieldRef::Name;
        }
        _ if !FIELD_LABELS.contains(&path) => {
            let detail = format!("error converting fieldPath: field label not supported: {path}");
            object.invalid(&at, path, detail);
            return FieldRef::Name;
        }
        _ => {}
    }
    let common = [
        ("metadata.name", FieldRef::Name),
        ("metadata.namespace", FieldRef::Namespace),
        ("metadata.uid", FieldRef::Uid),
    ];
    let of_place: &[(&str, FieldRef)] = match shown {
        Shown::InEnv => &[
            ("spec.nodeName", FieldRef::NodeName),
            ("spec.serviceAccountName", FieldRef::ServiceAccountName),
            ("status.hostIP", FieldRef::HostIp),
            ("status.hostIPs", FieldRef::HostIp),
            ("status.podIP", FieldRef::PodIp),
            ("status.podIPs", FieldRef::PodIps),
        ],
        Shown::InVolume => &[
            ("metadata.labels", FieldRef::Labels(None)),
            ("metadata.annotations", FieldRef::Annotations(None)),
        ],
    };
    let mut words = [&common, of_place].concat();
    words.sort_unstable_by_key(|(word, _)| *word);
    object.word(&at, path, &words).unwrap_or(FieldRef::Name)
}

/// A key of the labels or annotations; `rule_key` is what the rule for keys is applied to.
fn subscript_key(object: &Object<'_>, at: &Path<'_>, key: &str, rule_key: &str) -> Option<String> {
    if let Some(rule) = names::qualified_name(rule_key) {
        object.invalid(at, key, rule);
    }
    Some(key.to_owned())
}

pub(super) fn resource_ref(
    object: &Object<'_>,
    at: &Path<'_>,
    from: api::ResourceFieldSelector,
    shown: Shown,
) -> spec::ResourceRef {
    let container = non_empty(from.container_name);
    if shown == Shown::InVolume && container.is_none() {
        object.required(&at.field("containerName"), "");
    }
    let words = [
        ("limits.cpu", ResourceField::LimitsCpu),
        (
            "limits.ephemeral-storage",
            ResourceField::LimitsEphemeralStorage,
        ),
        ("limits.memory", ResourceField::LimitsMemory),
        ("requests.cpu", ResourceField::RequestsCpu),
        (
            "requests.ephemeral-storage",
            ResourceField::RequestsEphemeralStorage,
        ),
        ("requests.memory", ResourceField::RequestsMemory),
    ];
    let resource = if from.resource.is_empty() {
        object.required(&at.field("resource"), "");
        None
    } else {
        if from.resource.starts_with("limits.hugepages-")
            || from.resource.starts_with("requests.hugepages-")
        {
            let reason = "a guest's memory has no huge pages";
            object.refused(&at.field("resource"), reason);
            None
        } else {
            object.word(&at.field("resource"), &from.resource, &words)
        }
    };
    let resource = resource.unwrap_or(ResourceField::LimitsMemory);
    let divisor = divisor(object, &at.field("divisor"), from.divisor, resource);
    spec::ResourceRef {
        container,
        resource,
        divisor,
    }
}

/// Kubernetes allows the one-unit steps only: 1 and 1m for cpu, 1 to 1E and 1Ki to 1Ei for bytes.
fn divisor(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Option<ApiQuantity>,
    resource: ResourceField,
) -> u64 {
    let is_cpu = matches!(
        resource,
        ResourceField::LimitsCpu | ResourceField::RequestsCpu
    );
    let text = from.map(|ApiQuantity(text)| text).unwrap_or_default();
    if text.is_empty() || text == "0" {
        return if is_cpu { 1000 } else { 1 };
    }
    let supported: &[&str] = if is_cpu {
        &["1m", "1"]
    } else {
        &[
            "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
        ]
    };
    let value = quantity(object, at, &text);
    let steps = |value: crate::quantity::Quantity| {
        if is_cpu {
            value.thousandths()
        } else {
            value.units()
        }
    };
    let is_step = |step: &&str| quantity(object, at, step) == value;
    if !supported.iter().any(is_step) {
        let (field, what) = resource_words(resource);
        let values = if is_cpu {
            "1m and 1".to_owned()
        } else {
            supported.join(", ")
        };
        let detail =
            format!("only divisor's values {values} are supported with the {what} resource");
        object.invalid(at, field, detail);
    }
    steps(value).max(1)
}

/// The field, and what its resource is called in a sentence.
fn resource_words(resource: ResourceField) -> (&'static str, &'static str) {
    match resource {
        ResourceField::LimitsCpu => ("limits.cpu", "cpu"),
        ResourceField::RequestsCpu => ("requests.cpu", "cpu"),
        ResourceField::LimitsMemory => ("limits.memory", "memory"),
        ResourceField::RequestsMemory => ("requests.memory", "memory"),
        ResourceField::LimitsEphemeralStorage => {
            ("limits.ephemeral-storage", "local ephemeral storage")
        }
        ResourceField::RequestsEphemeralStorage => {
            ("requests.ephemeral-storage", "local ephemeral storage")
        }
    }
}
