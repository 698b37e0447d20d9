//! Objects of the API server as what the world runs: the rules of manifests, for JSON that was never a file.

use super::error::FieldError;
use crate::convert;
use crate::decode::decode;
use crate::error::{ManifestError, NoteKind, Problem};
use crate::log::{Log, Object, SourceName};
use crate::tree::{NodeId, Path, Tree};
use k8s_openapi::api::core::v1 as api;
use seedpod_core::limits::MANIFEST_OBJECT_VALUES_MAX;
use seedpod_core::spec;
use serde_json::{Map, Value};
use std::cell::RefCell;

/// What was read, and what was found on the way.
#[derive(Debug)]
pub(crate) struct Reading<T> {
    /// Only of use when there are no errors.
    pub(crate) value: T,
    /// What breaks rules of Kubernetes or cannot be honoured here.
    pub(crate) errors: Vec<FieldError>,
    /// What has no effect, for `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

/// A pod with its ephemeral containers.
pub(crate) fn pod(object: &Value) -> Reading<spec::Pod> {
    read(object, "", |reader, root| {
        let decoded = decode::<api::Pod>(reader, root, &Path::Root)?;
        Some(convert::pod(reader, &Path::Root, decoded))
    })
    .with_ephemeral_containers(object)
}

/// A pod template of another object; errors are at `path` of that.
pub(crate) fn pod_template(template: &Value, path: &str) -> Reading<spec::Pod> {
    let mut pod_of_it = Value::Null;
    pod_of_it["metadata"] = template["metadata"].clone();
    pod_of_it["metadata"]["name"] = "template".into();
    pod_of_it["spec"] = template["spec"].clone();
    let mut reading = pod(&pod_of_it);
    for error in &mut reading.errors {
        error.path = format!("{path}.{}", error.path);
    }
    for warning in &mut reading.warnings {
        *warning = format!("{path}.{warning}");
    }
    reading
}

/// A ConfigMap.
pub(crate) fn config_map(object: &Value) -> Reading<spec::ConfigMap> {
    read(object, "", |reader, root| {
        let decoded = decode::<api::ConfigMap>(reader, root, &Path::Root)?;
        Some(convert::config_map(reader, &Path::Root, decoded))
    })
}

/// A Secret.
pub(crate) fn secret(object: &Value) -> Reading<spec::Secret> {
    read(object, "", |reader, root| {
        let decoded = decode::<api::Secret>(reader, root, &Path::Root)?;
        Some(convert::secret(reader, &Path::Root, decoded))
    })
}

/// A Service.
pub(crate) fn service(object: &Value) -> Reading<spec::Service> {
    read(object, "", |reader, root| {
        let decoded = decode::<api::Service>(reader, root, &Path::Root)?;
        Some(convert::service(reader, &Path::Root, decoded))
    })
}

impl Reading<spec::Pod> {
    fn with_ephemeral_containers(mut self, object: &Value) -> Self {
        let list = object["spec"]["ephemeralContainers"].as_array();
        for (index, one) in list.into_iter().flatten().enumerate() {
            let pod = &self.value;
            let path = format!("spec.ephemeralContainers[{index}]");
            let mut one = one.clone();
            if let Some(fields) = one.as_object_mut()
                && fields.get("resources") == Some(&Value::Object(Map::new()))
            {
                fields.remove("resources");
            }
            let reading = read_whole(&one, &path, |reader, root| {
                let decoded = decode::<api::EphemeralContainer>(reader, root, &Path::Root)?;
                let container = convert::ephemeral_container(reader, &Path::Root, decoded, pod);
                Some(container)
            });
            self.value.ephemeral_containers.push(reading.value);
            self.errors.extend(reading.errors);
            self.warnings.extend(reading.warnings);
        }
        self
    }
}

/// Of the metadata only what a manifest says.
const META: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// Reads what a person said of an object: neither its status nor what the server has added.
fn read<T: Default>(
    object: &Value,
    path: &str,
    convert: impl FnOnce(&Object<'_>, NodeId) -> Option<T>,
) -> Reading<T> {
    let mut tree = Tree::default();
    let meta = META.iter().filter_map(|field| {
        let value = object["metadata"].get(field)?;
        Some((*field, tree.push_json(value)))
    });
    let meta = meta.collect();
    let mut fields = vec![("metadata", tree.push_map(meta))];
    for (name, value) in object.as_object().into_iter().flatten() {
        match (name.as_str(), value.as_object()) {
            ("metadata" | "status", _) => {}
            ("spec", Some(spec)) => {
                let spec = spec
                    .iter()
                    .filter(|(name, _)| *name != "ephemeralContainers");
                let spec = spec.map(|(name, value)| (name.as_str(), tree.push_json(value)));
                let spec = spec.collect();
                fields.push(("spec", tree.push_map(spec)));
            }
            _ => fields.push((name, tree.push_json(value))),
        }
    }
    let root = tree.push_map(fields);
    read_tree(&tree, root, path, convert)
}

fn read_whole<T: Default>(
    value: &Value,
    path: &str,
    convert: impl FnOnce(&Object<'_>, NodeId) -> Option<T>,
) -> Reading<T> {
    let mut tree = Tree::default();
    let root = tree.push_json(value);
    read_tree(&tree, root, path, convert)
}

fn read_tree<T: Default>(
    tree: &Tree<'_>,
    root: NodeId,
    path: &str,
    convert: impl FnOnce(&Object<'_>, NodeId) -> Option<T>,
) -> Reading<T> {
    let log = RefCell::new(Log::default());
    let source = SourceName { order: 0, name: "" };
    let reader = Object {
        source: &source,
        tree,
        root,
        log: &log,
        broken: RefCell::default(),
    };
    let found = tree[root].size.values;
    let value = if found > MANIFEST_OBJECT_VALUES_MAX {
        let problem = Problem::TooLarge {
            what: "the object",
            found,
            unit: "values",
            max: MANIFEST_OBJECT_VALUES_MAX,
        };
        reader.error(&Path::Root, problem);
        None
    } else {
        convert(&reader, root)
    };
    let log = log.into_inner();
    let notes = log.notes.into_iter();
    let notes = notes.filter(|note| note.kind != NoteKind::Shown);
    let at = |own: &str| match (path, own) {
        ("", own) => own.to_owned(),
        (path, "") => path.to_owned(),
        (path, own) => format!("{path}.{own}"),
    };
    let warning = |note: crate::Note| match note.kind {
        NoteKind::Ignored => format!("{}: ignored: {}", at(&note.path), note.text),
        NoteKind::Shown | NoteKind::Warning => format!("{}: {}", at(&note.path), note.text),
    };
    Reading {
        value: value.unwrap_or_default(),
        warnings: notes.map(warning).collect(),
        errors: log
            .errors
            .into_iter()
            .filter_map(|error| {
                let mut error = field_error(error)?;
                error.path = at(&error.path);
                Some(error)
            })
            .collect(),
    }
}

/// Annotations with a meaning for pods alone; all other metadata is checked for all kinds alike.
const POD_ANNOTATIONS: [&str; 2] = ["config.mirror]", "pod-deletion-cost]"];

/// Unknown fields are the business of field validation.
fn field_error(error: ManifestError) -> Option<FieldError> {
    let ManifestError { path, problem, .. } = error;
    let is_of_pod = || POD_ANNOTATIONS.iter().any(|end| path.ends_with(end));
    if path.starts_with("metadata.") && !is_of_pod() {
        return None;
    }
    let (reason, message) = match &problem {
        Problem::UnknownField { .. } => return None,
        Problem::Required(_) => ("FieldValueRequired", problem.to_string()),
        Problem::NotOneOf { .. } => ("FieldValueNotSupported", problem.to_string()),
        Problem::Duplicate(_) => ("FieldValueDuplicate", problem.to_string()),
        Problem::NotFound(_) => ("FieldValueNotFound", problem.to_string()),
        Problem::TooLong { .. } => ("FieldValueTooLong", problem.to_string()),
        Problem::Forbidden(_) => ("FieldValueForbidden", problem.to_string()),
        Problem::Refused(_) => ("FieldValueForbidden", format!("Forbidden: {problem}")),
        Problem::Invalid { .. } => ("FieldValueInvalid", problem.to_string()),
        _ => ("FieldValueInvalid", format!("Invalid value: {problem}")),
    };
    Some(FieldError {
        reason,
        path,
        message,
    })
}

/// Whether two objects say the same where [`pod`] and the others look.
pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
    let same = |field: &str| one["metadata"].get(field) == other["metadata"].get(field);
    let body = |object: &Value| {
        let fields = object.as_object().cloned().unwrap_or_default();
        let fields = fields.into_iter();
        fields
            .filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status"))
            .collect::<Vec<_>>()
    };
    META.iter().all(|field| same(field)) && body(one) == body(other)
}
