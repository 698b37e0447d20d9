//! The table itself.

use super::{Support, Treatment};

const fn honoured(kind: &'static str, fields: &'static [&'static str]) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Honoured,
        reason: "",
    }
}

const fn shown(
    kind: &'static str,
    fields: &'static [&'static str],
    reason: &'static str,
) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Shown,
        reason,
    }
}

const fn ignored(
    kind: &'static str,
    fields: &'static [&'static str],
    reason: &'static str,
) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Ignored,
        reason,
    }
}

const fn refused(
    kind: &'static str,
    fields: &'static [&'static str],
    reason: &'static str,
) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Refused,
        reason,
    }
}

const SERVER_SETS: &str = "set by the API server, not by a manifest";
const ONE_NODE: &str = "there is one node, nothing to choose from";
const NO_KERNEL: &str = "a guest is WebAssembly and has no kernel privileges to give or take";
const NO_STORAGE: &str =
    "no storage outside of the pod is attached; use emptyDir, hostPath, configMap or secret";
const NO_OWNERS: &str = "files have no owner and processes no groups to compare";
const NOT_YET: &str = "not supported yet";

/// The table. Order: objects, pod, container, volumes, service.
pub const TABLE: &[Support] = &[
    honoured("Pod", &["apiVersion", "kind", "metadata", "spec"]),
    ignored("Pod", &["status"], SERVER_SETS),
    honoured(
        "ConfigMap",
        &["apiVersion", "kind", "metadata", "data", "binaryData"],
    ),
    ignored(
        "ConfigMap",
        &["immutable"],
        "nothing changes a ConfigMap while its pods run",
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
        "nothing changes a Secret while its pods run",
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
    //
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
    honoured(
        "PodSecurityContext",
        &["runAsNonRoot", "runAsUser", "sysctls"],
    ),
    honoured("Sysctl", &["name", "value"]),
    ignored(
        "PodSecurityContext",
        &["fsGroup", "runAsGroup", "supplementalGroups"],
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
    //
    honoured(
        "Container",
        &[
            "args",
            "command",
            "env",
            "envFrom",
            "image",
            "imagePullPolicy",
            "lifecycle",
            "livenessProbe",
            "name",
            "ports",
            "readinessProbe",
            "resources",
            "restartPolicy",
            "restartPolicyRules",
            "securityContext",
            "startupProbe",
            "stdin",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "volumeMounts",
            "workingDir",
        ],
    ),
    ignored(
        "Container",
        &["resizePolicy"],
        "not supported yet: resources of a running container do not change",
    ),
    refused(
        "Container",
        &["volumeDevices"],
        "there are no block devices",
    ),
    ignored(
        "Container",
        &["stdinOnce"],
        "not supported yet: nobody can attach to standard input",
    ),
    shown(
        "Container",
        &["tty"],
        "TERM is set, but standard output is no terminal",
    ),
    honoured(
        "EphemeralContainer",
        &[
            "args",
            "command",
            "env",
            "envFrom",
            "image",
            "imagePullPolicy",
            "lifecycle",
            "livenessProbe",
            "name",
            "ports",
            "readinessProbe",
            "resources",
            "restartPolicy",
            "restartPolicyRules",
            "securityContext",
            "startupProbe",
            "stdin",
            "stdinOnce",
            "targetContainerName",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "tty",
            "volumeMounts",
            "workingDir",
        ],
    ),
    ignored(
        "EphemeralContainer",
        &["resizePolicy"],
        "an ephemeral container has no resources",
    ),
    refused(
        "EphemeralContainer",
        &["volumeDevices"],
        "there are no block devices",
    ),
    honoured(
        "Probe",
        &[
            "exec",
            "failureThreshold",
            "grpc",
            "httpGet",
            "initialDelaySeconds",
            "periodSeconds",
            "successThreshold",
            "tcpSocket",
            "terminationGracePeriodSeconds",
            "timeoutSeconds",
        ],
    ),
    honoured("ExecAction", &["command"]),
    honoured("GRPCAction", &["port", "service"]),
    honoured(
        "HTTPGetAction",
        &["host", "httpHeaders", "path", "port", "scheme"],
    ),
    honoured("HTTPHeader", &["name", "value"]),
    honoured("SleepAction", &["seconds"]),
    honoured("TCPSocketAction", &["host", "port"]),
    honoured("Lifecycle", &["postStart", "preStop", "stopSignal"]),
    honoured(
        "LifecycleHandler",
        &["exec", "httpGet", "sleep", "tcpSocket"],
    ),
    honoured("ContainerRestartRule", &["action", "exitCodes"]),
    honoured("ContainerRestartRuleOnExitCodes", &["operator", "values"]),
    honoured("EnvVar", &["name", "value", "valueFrom"]),
    honoured(
        "EnvVarSource",
        &[
            "configMapKeyRef",
            "fieldRef",
            "resourceFieldRef",
            "secretKeyRef",
        ],
    ),
    refused("EnvVarSource", &["fileKeyRef"], NOT_YET),
    honoured("ConfigMapKeySelector", &["key", "name", "optional"]),
    honoured("SecretKeySelector", &["key", "name", "optional"]),
    honoured("ObjectFieldSelector", &["apiVersion", "fieldPath"]),
    honoured(
        "ResourceFieldSelector",
        &["containerName", "divisor", "resource"],
    ),
    honoured("EnvFromSource", &["configMapRef", "prefix", "secretRef"]),
    honoured("ConfigMapEnvSource", &["name", "optional"]),
    honoured("SecretEnvSource", &["name", "optional"]),
    honoured(
        "ContainerPort",
        &["containerPort", "hostIP", "hostPort", "name", "protocol"],
    ),
    honoured("ResourceRequirements", &["limits"]),
    shown(
        "ResourceRequirements",
        &["requests"],
        "there is one node and nothing is reserved on it",
    ),
    refused(
        "ResourceRequirements",
        &["claims"],
        "there are no devices to claim",
    ),
    honoured(
        "SecurityContext",
        &["readOnlyRootFilesystem", "runAsNonRoot", "runAsUser"],
    ),
    ignored("SecurityContext", &["runAsGroup"], NO_OWNERS),
    ignored(
        "SecurityContext",
        &[
            "allowPrivilegeEscalation",
            "appArmorProfile",
            "capabilities",
            "privileged",
            "procMount",
            "seLinuxOptions",
            "seccompProfile",
            "windowsOptions",
        ],
        NO_KERNEL,
    ),
    honoured(
        "VolumeMount",
        &["mountPath", "name", "readOnly", "subPath", "subPathExpr"],
    ),
    ignored(
        "VolumeMount",
        &["mountPropagation", "recursiveReadOnly"],
        "nothing is mounted below a volume",
    ),
    //
    honoured(
        "Volume",
        &[
            "configMap",
            "downwardAPI",
            "emptyDir",
            "hostPath",
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
    refused("Volume", &["image"], NOT_YET),
    honoured("EmptyDirVolumeSource", &["medium", "sizeLimit"]),
    honoured("HostPathVolumeSource", &["path", "type"]),
    honoured(
        "ConfigMapVolumeSource",
        &["defaultMode", "items", "name", "optional"],
    ),
    honoured(
        "SecretVolumeSource",
        &["defaultMode", "items", "optional", "secretName"],
    ),
    honoured("KeyToPath", &["key", "mode", "path"]),
    honoured("DownwardAPIVolumeSource", &["defaultMode", "items"]),
    honoured(
        "DownwardAPIVolumeFile",
        &["fieldRef", "mode", "path", "resourceFieldRef"],
    ),
    honoured("ProjectedVolumeSource", &["defaultMode", "sources"]),
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
    //
    honoured(
        "ServiceSpec",
        &[
            "clusterIP",
            "ports",
            "publishNotReadyAddresses",
            "selector",
            "type",
        ],
    ),
    ignored(
        "ServiceSpec",
        &[
            "allocateLoadBalancerNodePorts",
            "externalIPs",
            "externalTrafficPolicy",
            "healthCheckNodePort",
            "internalTrafficPolicy",
            "loadBalancerClass",
            "loadBalancerIP",
            "loadBalancerSourceRanges",
            "trafficDistribution",
        ],
        "there is one node and no load balancer in front of it",
    ),
    ignored(
        "ServiceSpec",
        &["clusterIPs", "ipFamilies", "ipFamilyPolicy"],
        "a Service has the one address of clusterIP",
    ),
    ignored(
        "ServiceSpec",
        &["sessionAffinity", "sessionAffinityConfig"],
        "not supported yet",
    ),
    refused(
        "ServiceSpec",
        &["externalName"],
        "names outside of the pod network are answered by nobody",
    ),
    honoured(
        "ServicePort",
        &["name", "nodePort", "port", "protocol", "targetPort"],
    ),
    ignored(
        "ServicePort",
        &["appProtocol"],
        "a Service forwards bytes and does not look into them",
    ),
];
