//! Kubernetes types to `core::spec`: defaults filled in, rules checked, once.
//!
//! Rules and their words are those of Kubernetes 1.36 (`pkg/apis/core/validation`), defaults those of
//! `pkg/apis/core/v1/defaults.go`. A function here returns a value also after an error; the error is in the log, and
//! nothing is used when there is one.

mod config;
mod container;
mod dns;
mod env;
mod keys;
mod mounts;
mod pod;
mod probe;
mod resources;
mod restart;
mod scheduling;
mod security;
mod service;
mod volume;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use seedpod_core::limits;
use seedpod_core::spec;

use crate::error::Problem;
use crate::log::Object;
use crate::names;
use crate::quantity::Quantity;
use crate::tree::Path;

pub(crate) use config::{config_map, secret};
pub(crate) use container::{ephemeral_container, is_latest};
pub(crate) use pod::pod;
pub(crate) use resources::container_requests;
pub(crate) use service::{protocol_word, service};

/// `metadata`; each kind has its own rule for names.
fn meta(
    object: &Object<'_>,
    at: &Path<'_>,
    meta: ObjectMeta,
    rule: fn(&str) -> Option<String>,
) -> spec::Meta {
    let at = at.field("metadata");
    let name = meta.name.unwrap_or_default();
    if name.is_empty() {
        object.required(&at.field("name"), "name or generateName is required");
    } else if let Some(rule) = rule(&name) {
        object.invalid(&at.field("name"), &name, rule);
    }
    let namespace = meta
        .namespace
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned());
    if let Some(rule) = names::dns_label(&namespace) {
        object.invalid(&at.field("namespace"), &namespace, rule);
    }
    let labels = meta.labels.unwrap_or_default();
    label_map(object, &at.field("labels"), &labels);
    let annotations = meta.annotations.unwrap_or_default();
    annotation_map(object, &at.field("annotations"), &annotations);
    spec::Meta {
        name,
        namespace,
        labels,
        annotations,
    }
}

fn label_map(object: &Object<'_>, at: &Path<'_>, labels: &BTreeMap<String, String>) {
    for (key, value) in labels {
        let at = at.key(key);
        if let Some(rule) = names::qualified_name(key) {
            object.invalid(&at, key, rule);
        }
        if let Some(rule) = names::label_value(value) {
            object.invalid(&at, value, rule);
        }
    }
}

fn annotation_map(object: &Object<'_>, at: &Path<'_>, annotations: &BTreeMap<String, String>) {
    for key in annotations.keys() {
        if let Some(rule) = names::qualified_name(&key.to_lowercase()) {
            object.invalid(&at.key(key), key, rule);
        }
    }
    let bytes: usize = annotations
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if bytes > limits::ANNOTATION_BYTES_MAX {
        object.error(
            at,
            Problem::TooLong {
                max: limits::ANNOTATION_BYTES_MAX,
            },
        );
    }
}

/// A name that must be there and follow a rule.
fn name(object: &Object<'_>, at: &Path<'_>, value: &str, rule: fn(&str) -> Option<String>) {
    if value.is_empty() {
        object.required(at, "");
    } else if let Some(rule) = rule(value) {
        object.invalid(at, value, rule);
    }
}

/// A port number; 0 when it is none, with an error.
fn port(object: &Object<'_>, at: &Path<'_>, value: i32) -> u16 {
    match u16::try_from(value) {
        Ok(port) if port > 0 => port,
        _ => {
            object.invalid_number(at, value.into(), "must be between 1 and 65535, inclusive");
            0
        }
    }
}

fn protocol(object: &Object<'_>, at: &Path<'_>, value: Option<&str>) -> spec::Protocol {
    let words = [("TCP", spec::Protocol::Tcp), ("UDP", spec::Protocol::Udp)];
    match value.unwrap_or("") {
        "" => spec::Protocol::Tcp,
        "SCTP" => {
            object.refused(at, "SCTP is unknown to WASI, use TCP or UDP");
            spec::Protocol::Tcp
        }
        word => object.word(at, word, &words).unwrap_or_default(),
    }
}

/// A quantity that may not be negative.
fn quantity(object: &Object<'_>, at: &Path<'_>, text: &str) -> Quantity {
    match Quantity::parse(text) {
        Ok(value) if value.is_negative() => {
            object.invalid(at, text, "must be greater than or equal to 0");
            Quantity::default()
        }
        Ok(value) => value,
        Err(error) => {
            object.invalid(at, text, error.to_string());
            Quantity::default()
        }
    }
}

/// A path inside of a volume: relative, and without `..`.
fn descending_path(object: &Object<'_>, at: &Path<'_>, path: &str) {
    if path.starts_with('/') {
        object.invalid(at, path, "must be a relative path");
    }
    if path.split('/').any(|part| part == "..") {
        object.invalid(at, path, "must not contain '..'");
    }
}

fn too_long(object: &Object<'_>, at: &Path<'_>, found: usize, max: usize) {
    if found > max {
        object.error(at, Problem::TooLong { max });
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
