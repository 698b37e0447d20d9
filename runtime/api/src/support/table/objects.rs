//! Objects and their metadata.

use super::super::Support;
use super::super::line::{honoured, ignored, refused};

const SERVER_SETS: &str = "set by the API server, not by a manifest";

pub(super) const LINES: &[Support] = &[
    honoured("Pod", &["apiVersion", "kind", "metadata", "spec"]),
    ignored("Pod", &["status"], SERVER_SETS),
    honoured(
        "ConfigMap",
        &["apiVersion", "kind", "metadata", "data", "binaryData"],
    ),
    ignored(
        "ConfigMap",
        &["immutable"],
        "whoever applies it again may change it",
    ),
    honoured(
        "Secret",
        &[
            "apiVersion",
            "kind",
            "metadata",
            "data",
            "stringData",
            "type",
        ],
    ),
    ignored(
        "Secret",
        &["immutable"],
        "whoever applies it again may change it",
    ),
    honoured("Service", &["apiVersion", "kind", "metadata", "spec"]),
    ignored("Service", &["status"], SERVER_SETS),
    honoured(
        "ObjectMeta",
        &["name", "namespace", "labels", "annotations"],
    ),
    refused(
        "ObjectMeta",
        &["generateName"],
        "a name is needed to print logs under, write `name`",
    ),
    ignored(
        "ObjectMeta",
        &[
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "generation",
            "managedFields",
            "resourceVersion",
            "selfLink",
            "uid",
        ],
        SERVER_SETS,
    ),
    ignored(
        "ObjectMeta",
        &["finalizers", "ownerReferences"],
        "nothing else deletes objects here",
    ),
];
