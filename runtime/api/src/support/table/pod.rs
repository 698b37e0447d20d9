//! The spec of a pod.

use super::super::Support;
use super::super::line::{honoured, ignored, refused, shown};
use super::{NO_KERNEL, NO_OWNERS};

const ONE_NODE: &str = "there is one node, nothing to choose from";

pub(super) const LINES: &[Support] = &[
    honoured(
        "PodSpec",
        &[
            "activeDeadlineSeconds",
            "containers",
            "dnsConfig",
            "dnsPolicy",
            "enableServiceLinks",
            "ephemeralContainers",
            "hostAliases",
            "hostNetwork",
            "hostname",
            "hostnameOverride",
            "initContainers",
            "nodeSelector",
            "os",
            "readinessGates",
            "resources",
            "restartPolicy",
            "securityContext",
            "setHostnameAsFQDN",
            "shareProcessNamespace",
            "subdomain",
            "terminationGracePeriodSeconds",
            "volumes",
        ],
    ),
    shown("PodSpec", &["nodeName"], ONE_NODE),
    shown(
        "PodSpec",
        &["serviceAccount", "serviceAccountName"],
        "there is no API server to act on",
    ),
    ignored(
        "PodSpec",
        &[
            "affinity",
            "preemptionPolicy",
            "priority",
            "priorityClassName",
            "schedulerName",
            "schedulingGates",
            "schedulingGroup",
            "tolerations",
            "topologySpreadConstraints",
        ],
        ONE_NODE,
    ),
    ignored(
        "PodSpec",
        &["automountServiceAccountToken"],
        "there is no API server to have a token for",
    ),
    ignored("PodSpec", &["hostUsers"], NO_KERNEL),
    ignored(
        "PodSpec",
        &["imagePullSecrets"],
        "images are bundled or files",
    ),
    shown(
        "PodSpec",
        &["overhead"],
        "there is one node and nothing is reserved on it",
    ),
    ignored(
        "PodSpec",
        &["runtimeClassName"],
        "the runtime is always this one",
    ),
    refused(
        "PodSpec",
        &["hostIPC", "hostPID"],
        "a pod never shares a namespace of the machine",
    ),
    refused(
        "PodSpec",
        &["resourceClaims"],
        "there are no devices to claim",
    ),
    honoured("HostAlias", &["hostnames", "ip"]),
    honoured("PodDNSConfig", &["nameservers", "options", "searches"]),
    honoured("PodDNSConfigOption", &["name", "value"]),
    honoured("PodOS", &["name"]),
    honoured("PodReadinessGate", &["conditionType"]),
    honoured("PodSecurityContext", &["runAsNonRoot"]),
    shown(
        "PodSecurityContext",
        &["sysctls"],
        "the pod starts only if they are safe ones; there is no kernel to set them in",
    ),
    shown(
        "PodSecurityContext",
        &["fsGroup", "runAsGroup", "runAsUser", "supplementalGroups"],
        NO_OWNERS,
    ),
    ignored(
        "PodSecurityContext",
        &[
            "appArmorProfile",
            "fsGroupChangePolicy",
            "seLinuxChangePolicy",
            "seLinuxOptions",
            "seccompProfile",
            "supplementalGroupsPolicy",
            "windowsOptions",
        ],
        NO_KERNEL,
    ),
];
