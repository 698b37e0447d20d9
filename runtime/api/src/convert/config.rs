//! ConfigMap and Secret.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as api;
use seedpod_core::limits;
use seedpod_core::spec;

use super::meta;
use crate::error::Problem;
use crate::log::Object;
use crate::names;
use crate::tree::Path;

pub(crate) fn config_map(
    object: &Object<'_>,
    at: &Path<'_>,
    map: api::ConfigMap,
) -> spec::ConfigMap {
    let meta = meta(object, at, map.metadata, names::dns_subdomain);
    let data = map.data.unwrap_or_default();
    let binary_data = map.binary_data.unwrap_or_default();
    keys(object, &at.field("data"), data.keys());
    keys(object, &at.field("binaryData"), binary_data.keys());
    for key in data.keys().filter(|key| binary_data.contains_key(*key)) {
        object.invalid(
            &at.field("data").key(key),
            key,
            "duplicate of key present in binaryData",
        );
    }
    let text: usize = data.values().map(String::len).sum();
    let binary: usize = binary_data
        .values()
        .map(|ByteString(bytes)| bytes.len())
        .sum();
    size(object, at, text + binary);
    let binary_data = binary_data
        .into_iter()
        .map(|(key, ByteString(bytes))| (key, bytes))
        .collect();
    spec::ConfigMap {
        meta,
        data,
        binary_data,
    }
}

pub(crate) fn secret(object: &Object<'_>, at: &Path<'_>, secret: api::Secret) -> spec::Secret {
    let meta = meta(object, at, secret.metadata, names::dns_subdomain);
    let data = secret.data.unwrap_or_default();
    let string_data = secret.string_data.unwrap_or_default();
    keys(object, &at.field("data"), data.keys());
    keys(object, &at.field("stringData"), string_data.keys());
    let mut data: std::collections::BTreeMap<_, _> = data
        .into_iter()
        .map(|(key, ByteString(bytes))| (key, bytes))
        .collect();
    data.extend(
        string_data
            .into_iter()
            .map(|(key, text)| (key, text.into_bytes())),
    );
    size(object, at, data.values().map(Vec::len).sum());
    let kind = secret
        .type_
        .filter(|kind| !kind.is_empty())
        .unwrap_or_else(|| "Opaque".to_owned());
    spec::Secret { meta, kind, data }
}

fn keys<'k>(object: &Object<'_>, at: &Path<'_>, keys: impl Iterator<Item = &'k String>) {
    for key in keys {
        if let Some(rule) = names::config_key(key) {
            object.invalid(&at.key(key), key, rule);
        }
    }
}

fn size(object: &Object<'_>, at: &Path<'_>, bytes: usize) {
    if bytes > limits::CONFIG_BYTES_MAX {
        object.error(
            &at.field("data"),
            Problem::TooLong {
                max: limits::CONFIG_BYTES_MAX,
            },
        );
    }
}
