//! What becomes of every field of a Pod, ConfigMap, Secret and Service of Kubernetes 1.36: the one table.
//!
//! A field is named by its Kubernetes type and its own name. Fields below an ignored, shown or refused one have no line.
//! A test asks k8s-openapi for all fields and fails when one is missing here.

#[cfg(test)]
mod coverage;
mod line;
mod table;

pub use table::table;

/// What seedpod does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// As Kubernetes does.
    Honoured,
    /// Shown to guests or people, without any other effect.
    Shown,
    /// Accepted without any effect.
    Ignored,
    /// An error.
    Refused,
}

impl Treatment {
    /// The word in the table of `seedpod check`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Honoured => "honoured",
            Self::Shown => "shown but not enforced",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }
}

/// Lines of the table that share type, treatment and reason.
#[derive(Debug)]
pub struct Support {
    /// Kubernetes type, such as `PodSpec`.
    pub kind: &'static str,
    /// Names of fields.
    pub fields: &'static [&'static str],
    /// What is done with them.
    pub treatment: Treatment,
    /// Why; empty for honoured fields.
    pub reason: &'static str,
}

/// The lines of one field, `None` if its type or name is not in the table.
pub(crate) fn support(kind: &str, field: &str) -> Option<&'static Support> {
    table().find(|line| line.kind == kind && line.fields.contains(&field))
}

/// Whether a text is what Kubernetes assumes anyway, so that there is nothing to report about it.
pub(crate) fn is_default(kind: &str, field: &str, text: &str) -> bool {
    DEFAULTS.contains(&(kind, field, text))
}

/// Which part of the same object has a field of this name, when it is most likely only indented wrongly.
pub(crate) fn owner_near(kind: &str, field: &str) -> Option<&'static str> {
    let near = NEAR.iter().filter(|(here, ..)| *here == kind);
    let mut owners = near.filter(|(_, owner, _)| support(owner, field).is_some());
    owners.next().map(|(.., words)| *words)
}

/// Values that say nothing new: type, field, text.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("PodSpec", "dnsPolicy", "ClusterFirst"),
    ("PodSpec", "hostUsers", "true"),
    ("PodSpec", "preemptionPolicy", "PreemptLowerPriority"),
    ("PodSpec", "priority", "0"),
    ("PodSpec", "schedulerName", "default-scheduler"),
    ("PodSpec", "serviceAccount", "default"),
    ("PodSpec", "serviceAccountName", "default"),
    ("PodSecurityContext", "fsGroupChangePolicy", "Always"),
    ("ConfigMapVolumeSource", "defaultMode", "420"),
    ("DownwardAPIVolumeSource", "defaultMode", "420"),
    ("ProjectedVolumeSource", "defaultMode", "420"),
    ("SecretVolumeSource", "defaultMode", "420"),
    ("VolumeMount", "mountPropagation", "None"),
    ("VolumeMount", "recursiveReadOnly", "Disabled"),
    ("ServiceSpec", "allocateLoadBalancerNodePorts", "true"),
    ("ServiceSpec", "externalTrafficPolicy", "Cluster"),
    ("ServiceSpec", "internalTrafficPolicy", "Cluster"),
    ("ServiceSpec", "ipFamilyPolicy", "SingleStack"),
    ("ServiceSpec", "sessionAffinity", "None"),
];

/// Types next to each other in a manifest: type, other type, what people call the other.
const NEAR: &[(&str, &str, &str)] = &[
    ("Pod", "ObjectMeta", "`metadata`"),
    ("Pod", "PodSpec", "`spec`"),
    ("Pod", "Container", "an item of `spec.containers`"),
    ("ObjectMeta", "PodSpec", "`spec`"),
    ("ObjectMeta", "Pod", "the object around `metadata`"),
    ("PodSpec", "Container", "an item of `containers`"),
    ("PodSpec", "Pod", "the Pod around `spec`"),
    ("PodSpec", "PodSecurityContext", "`securityContext`"),
    ("PodSpec", "ObjectMeta", "`metadata`"),
    ("Container", "PodSpec", "the `spec` around it"),
    ("Container", "VolumeMount", "an item of `volumeMounts`"),
    ("Container", "ContainerPort", "an item of `ports`"),
    ("Container", "SecurityContext", "`securityContext`"),
    ("Container", "ResourceRequirements", "`resources`"),
    ("EnvVar", "EnvVarSource", "`valueFrom`"),
    ("EnvVar", "Container", "the container around it"),
    ("ContainerPort", "Container", "the container around it"),
    ("VolumeMount", "Container", "the container around it"),
    ("Volume", "ConfigMapVolumeSource", "`configMap`"),
    ("Volume", "SecretVolumeSource", "`secret`"),
    ("Volume", "EmptyDirVolumeSource", "`emptyDir`"),
    ("Volume", "HostPathVolumeSource", "`hostPath`"),
    ("Volume", "PodSpec", "the `spec` around it"),
    ("Service", "ObjectMeta", "`metadata`"),
    ("Service", "ServiceSpec", "`spec`"),
    ("ServiceSpec", "ServicePort", "an item of `ports`"),
    ("ServicePort", "ServiceSpec", "the `spec` around it"),
    ("ConfigMap", "ObjectMeta", "`metadata`"),
    ("Secret", "ObjectMeta", "`metadata`"),
];
