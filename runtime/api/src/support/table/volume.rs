//! Volumes.

use super::super::Support;
use super::super::line::{honoured, ignored, refused, shown};

const NO_STORAGE: &str =
    "no storage outside of the pod is attached; use emptyDir, hostPath, configMap or secret";
const NO_MODES: &str =
    "programs that ask for it see it, but nobody is kept from a file; WASI itself has no mode bits";

pub(super) const LINES: &[Support] = &[
    honoured(
        "Volume",
        &[
            "configMap",
            "downwardAPI",
            "emptyDir",
            "hostPath",
            "image",
            "name",
            "projected",
            "secret",
        ],
    ),
    refused(
        "Volume",
        &[
            "awsElasticBlockStore",
            "azureDisk",
            "azureFile",
            "cephfs",
            "cinder",
            "csi",
            "ephemeral",
            "fc",
            "flexVolume",
            "flocker",
            "gcePersistentDisk",
            "glusterfs",
            "iscsi",
            "nfs",
            "persistentVolumeClaim",
            "photonPersistentDisk",
            "portworxVolume",
            "quobyte",
            "rbd",
            "scaleIO",
            "storageos",
            "vsphereVolume",
        ],
        NO_STORAGE,
    ),
    refused(
        "Volume",
        &["gitRepo"],
        "its driver is switched off in Kubernetes as well",
    ),
    honoured("ImageVolumeSource", &["pullPolicy", "reference"]),
    honoured("EmptyDirVolumeSource", &["medium", "sizeLimit"]),
    honoured("HostPathVolumeSource", &["path", "type"]),
    honoured("ConfigMapVolumeSource", &["items", "name", "optional"]),
    honoured("SecretVolumeSource", &["items", "optional", "secretName"]),
    honoured("KeyToPath", &["key", "path"]),
    honoured("DownwardAPIVolumeSource", &["items"]),
    honoured(
        "DownwardAPIVolumeFile",
        &["fieldRef", "path", "resourceFieldRef"],
    ),
    honoured("ProjectedVolumeSource", &["sources"]),
    honoured("VolumeProjection", &["configMap", "downwardAPI", "secret"]),
    ignored(
        "VolumeProjection",
        &["serviceAccountToken"],
        "there is no API server to have a token for",
    ),
    refused(
        "VolumeProjection",
        &["clusterTrustBundle", "podCertificate"],
        "there is no cluster to vouch for it",
    ),
    honoured("ConfigMapProjection", &["items", "name", "optional"]),
    honoured("SecretProjection", &["items", "name", "optional"]),
    honoured("DownwardAPIProjection", &["items"]),
    shown("ConfigMapVolumeSource", &["defaultMode"], NO_MODES),
    shown("SecretVolumeSource", &["defaultMode"], NO_MODES),
    shown("DownwardAPIVolumeSource", &["defaultMode"], NO_MODES),
    shown("ProjectedVolumeSource", &["defaultMode"], NO_MODES),
    shown("KeyToPath", &["mode"], NO_MODES),
    shown("DownwardAPIVolumeFile", &["mode"], NO_MODES),
];
