//! ConfigMap and Secret.

use std::collections::BTreeMap;

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
    let mut data: BTreeMap<_, _> = data
        .into_iter()
        .map(|(key, ByteString(bytes))| (key, bytes))
        .collect();
    data.extend(
        string_data
            .into_iter()
            .map(|(key, text)| (key, text.into_bytes())),
    );
    let bytes = data.values().map(Vec::len).sum();
    size(object, &at.field("data"), bytes);
    let kind = secret
        .type_
        .filter(|kind| !kind.is_empty())
        .unwrap_or_else(|| "Opaque".to_owned());
    required_keys(object, at, &kind, &meta, &data);
    spec::Secret { meta, kind, data }
}

/// What the types of Secrets that Kubernetes knows must have.
fn required_keys(
    object: &Object<'_>,
    at: &Path<'_>,
    kind: &str,
    meta: &spec::Meta,
    data: &BTreeMap<String, Vec<u8>>,
) {
    const ACCOUNT: &str = "kubernetes.io/service-account.name";
    let at_data = at.field("data");
    let require = |key: &str| {
        if !data.contains_key(key) {
            object.required(&at_data.key(key), "");
        }
    };
    match kind {
        "kubernetes.io/service-account-token"
            if meta.annotations.get(ACCOUNT).is_none_or(String::is_empty) =>
        {
            let at = at.field("metadata");
            object.required(&at.field("annotations").key(ACCOUNT), "");
        }
        "kubernetes.io/dockercfg" => require(".dockercfg"),
        "kubernetes.io/dockerconfigjson" => require(".dockerconfigjson"),
        "kubernetes.io/basic-auth"
            if !data.contains_key("username") && !data.contains_key("password") =>
        {
            require("username");
            require("password");
        }
        "kubernetes.io/ssh-auth" if data.get("ssh-privatekey").is_none_or(Vec::is_empty) => {
            object.required(&at_data.key("ssh-privatekey"), "");
        }
        "kubernetes.io/tls" => {
            require("tls.crt");
            require("tls.key");
        }
        _ => {}
    }
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
            at,
            Problem::TooLong {
                max: limits::CONFIG_BYTES_MAX,
            },
        );
    }
}
