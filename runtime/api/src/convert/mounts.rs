//! Mounts of volumes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as api;
use seedpod_core::spec::{self, RecursiveReadOnly, SubPath};

use super::container::Around;
use super::{descending_path, non_empty};
use crate::error::Problem;
use crate::log::Object;
use crate::tree::Path;

pub(super) fn volume_mounts(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::VolumeMount>,
    is_privileged: bool,
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
        propagation(
            object,
            &at,
            from.mount_propagation.as_deref(),
            is_privileged,
        );
        let recursive_read_only = recursive_read_only(
            object,
            &at.field("recursiveReadOnly"),
            from.recursive_read_only.as_deref(),
            read_only,
            from.mount_propagation.as_deref(),
        );
        converted.push(spec::VolumeMount {
            name: from.name,
            mount_path,
            sub_path,
            read_only,
            recursive_read_only,
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

fn propagation(object: &Object<'_>, at: &Path<'_>, word: Option<&str>, is_privileged: bool) {
    let Some(word) = word else { return };
    let at = at.field("mountPropagation");
    let words = ["Bidirectional", "HostToContainer", "None"].map(|word| (word, ()));
    object.word(&at, word, &words);
    if word == "Bidirectional" && !is_privileged {
        let detail = "Bidirectional mount propagation is available only to privileged containers";
        object.forbidden(&at, detail);
    }
}

fn recursive_read_only(
    object: &Object<'_>,
    at: &Path<'_>,
    word: Option<&str>,
    read_only: bool,
    propagation: Option<&str>,
) -> RecursiveReadOnly {
    let Some(word) = word else {
        return RecursiveReadOnly::Disabled;
    };
    let words = [
        ("Disabled", RecursiveReadOnly::Disabled),
        ("Enabled", RecursiveReadOnly::Enabled),
        ("IfPossible", RecursiveReadOnly::IfPossible),
    ];
    let mode = object.word(at, word, &words).unwrap_or_default();
    if mode == RecursiveReadOnly::Disabled {
        return mode;
    }
    if !read_only {
        object.forbidden(at, "may only be specified when readOnly is true");
    }
    if propagation.is_some_and(|word| word != "None") {
        let detail = "may only be specified when mountPropagation is None or not specified";
        object.forbidden(at, detail);
    }
    mode
}
