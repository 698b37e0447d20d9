//! The resources that are served.

use super::access::Review;
use super::kinds::{self, Strategy};
use std::fmt;

/// A resource: what discovery says of it, and its rules.
pub struct Resource {
    /// Empty for the core group.
    pub group: &'static str,
    /// `v1`
    pub version: &'static str,
    /// `Pod`
    pub kind: &'static str,
    /// `pods`
    pub plural: &'static str,
    /// `pod`
    pub singular: &'static str,
    /// `po`
    pub short_names: &'static [&'static str],
    /// `all`
    pub categories: &'static [&'static str],
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
    /// Of the object itself, in the alphabetic order of discovery.
    pub verbs: &'static [&'static str],
    /// `status`, `log` and so on.
    pub subresources: &'static [&'static str],
    /// Its rules.
    pub(crate) strategy: &'static dyn Strategy,
    /// Its name with its group.
    name: &'static str,
}

impl Resource {
    /// `pods`, `deployments.apps`: what the store and texts call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `v1`, `apps/v1`
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.version) == (other.name, other.version)
    }
}

impl Eq for Resource {}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All verbs of an ordinary resource.
const ALL: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// Of a resource whose objects do not go by the dozen.
const ONE_BY_ONE: &[&str] = &[
    "create", "delete", "get", "list", "patch", "update", "watch",
];

/// Of a resource whose objects are questions.
const REVIEW: &[&str] = &["create"];

/// Of a resource whose objects are what was measured.
const MEASURED: &[&str] = &["get", "list"];

macro_rules! resources {
    (@verbs) => { ALL };
    (@verbs $verbs:expr) => { $verbs };
    ($($name:ident = $full:literal: $group:literal $version:literal $kind:literal $plural:literal $singular:literal
        short $short:tt in $namespaced:literal categories $categories:tt sub $sub:tt $(verbs $verbs:expr,)? by $strategy:expr;)*) => {
        $(
            #[doc = concat!("`", $full, "`")]
            pub static $name: Resource = Resource {
                group: $group, version: $version, kind: $kind, plural: $plural, singular: $singular,
                short_names: &$short, categories: &$categories, is_namespaced: $namespaced,
                verbs: resources!(@verbs $($verbs)?),
                subresources: &$sub, strategy: &$strategy, name: $full,
            };
        )*
        /// All resources, in the order of discovery.
        pub static RESOURCES: &[&Resource] = &[$(&$name),*];
    };
}

resources! {
    CONFIG_MAPS = "configmaps": "" "v1" "ConfigMap" "configmaps" "configmap"
        short ["cm"] in true categories [] sub [] by kinds::ConfigMaps;
    ENDPOINTS = "endpoints": "" "v1" "Endpoints" "endpoints" "endpoints"
        short ["ep"] in true categories [] sub [] by kinds::Endpoints;
    EVENTS = "events": "" "v1" "Event" "events" "event"
        short ["ev"] in true categories [] sub [] by kinds::Plain;
    NAMESPACES = "namespaces": "" "v1" "Namespace" "namespaces" "namespace"
        short ["ns"] in false categories [] sub ["finalize", "status"] verbs ONE_BY_ONE, by kinds::Namespaces;
    NODES = "nodes": "" "v1" "Node" "nodes" "node"
        short ["no"] in false categories [] sub ["proxy", "status"] by kinds::Plain;
    PODS = "pods": "" "v1" "Pod" "pods" "pod"
        short ["po"] in true categories ["all"]
        sub ["attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward", "proxy", "resize", "status"]
        by kinds::pod::Pods;
    POD_TEMPLATES = "podtemplates": "" "v1" "PodTemplate" "podtemplates" "podtemplate"
        short [] in true categories [] sub [] by kinds::PodTemplate;
    REPLICATION_CONTROLLERS = "replicationcontrollers": "" "v1" "ReplicationController" "replicationcontrollers" "replicationcontroller"
        short ["rc"] in true categories ["all"] sub ["scale", "status"] by kinds::ReplicationController;
    SECRETS = "secrets": "" "v1" "Secret" "secrets" "secret"
        short [] in true categories [] sub [] by kinds::Secrets;
    SERVICE_ACCOUNTS = "serviceaccounts": "" "v1" "ServiceAccount" "serviceaccounts" "serviceaccount"
        short ["sa"] in true categories [] sub ["token"] by kinds::ServiceAccounts;
    SERVICES = "services": "" "v1" "Service" "services" "service"
        short ["svc"] in true categories ["all"] sub ["proxy", "status"] by kinds::Services;
    CONTROLLER_REVISIONS = "controllerrevisions.apps": "apps" "v1" "ControllerRevision" "controllerrevisions" "controllerrevision"
        short [] in true categories [] sub [] by kinds::ControllerRevision;
    DAEMON_SETS = "daemonsets.apps": "apps" "v1" "DaemonSet" "daemonsets" "daemonset"
        short ["ds"] in true categories ["all"] sub ["status"] by kinds::DaemonSet;
    DEPLOYMENTS = "deployments.apps": "apps" "v1" "Deployment" "deployments" "deployment"
        short ["deploy"] in true categories ["all"] sub ["scale", "status"] by kinds::Deployment;
    REPLICA_SETS = "replicasets.apps": "apps" "v1" "ReplicaSet" "replicasets" "replicaset"
        short ["rs"] in true categories ["all"] sub ["scale", "status"] by kinds::ReplicaSet;
    STATEFUL_SETS = "statefulsets.apps": "apps" "v1" "StatefulSet" "statefulsets" "statefulset"
        short ["sts"] in true categories ["all"] sub ["scale", "status"] by kinds::StatefulSet;
    SELF_SUBJECT_REVIEWS = "selfsubjectreviews.authentication.k8s.io": "authentication.k8s.io" "v1" "SelfSubjectReview" "selfsubjectreviews" "selfsubjectreview"
        short [] in false categories [] sub [] verbs REVIEW, by kinds::Reviews(Review::Myself);
    TOKEN_REVIEWS = "tokenreviews.authentication.k8s.io": "authentication.k8s.io" "v1" "TokenReview" "tokenreviews" "tokenreview"
        short [] in false categories [] sub [] verbs REVIEW, by kinds::Reviews(Review::Token);
    LOCAL_SUBJECT_ACCESS_REVIEWS = "localsubjectaccessreviews.authorization.k8s.io": "authorization.k8s.io" "v1" "LocalSubjectAccessReview" "localsubjectaccessreviews" "localsubjectaccessreview"
        short [] in true categories [] sub [] verbs REVIEW, by kinds::Reviews(Review::LocalAccess);
    SELF_SUBJECT_ACCESS_REVIEWS = "selfsubjectaccessreviews.authorization.k8s.io": "authorization.k8s.io" "v1" "SelfSubjectAccessReview" "selfsubjectaccessreviews" "selfsubjectaccessreview"
        short [] in false categories [] sub [] verbs REVIEW, by kinds::Reviews(Review::MyAccess);
    SELF_SUBJECT_RULES_REVIEWS = "selfsubjectrulesreviews.authorization.k8s.io": "authorization.k8s.io" "v1" "SelfSubjectRulesReview" "selfsubjectrulesreviews" "selfsubjectrulesreview"
        short [] in false categories [] sub [] verbs REVIEW, by kinds::Reviews(Review::MyRules);
    SUBJECT_ACCESS_REVIEWS = "subjectaccessreviews.authorization.k8s.io": "authorization.k8s.io" "v1" "SubjectAccessReview" "subjectaccessreviews" "subjectaccessreview"
        short [] in false categories [] sub [] verbs REVIEW, by kinds::Reviews(Review::Access);
    CRON_JOBS = "cronjobs.batch": "batch" "v1" "CronJob" "cronjobs" "cronjob"
        short ["cj"] in true categories ["all"] sub ["status"] by kinds::CronJob;
    JOBS = "jobs.batch": "batch" "v1" "Job" "jobs" "job"
        short [] in true categories ["all"] sub ["status"] by kinds::Job;
    LEASES = "leases.coordination.k8s.io": "coordination.k8s.io" "v1" "Lease" "leases" "lease"
        short [] in true categories [] sub [] by kinds::Plain;
    ENDPOINT_SLICES = "endpointslices.discovery.k8s.io": "discovery.k8s.io" "v1" "EndpointSlice" "endpointslices" "endpointslice"
        short [] in true categories [] sub [] by kinds::EndpointSlices;
    NODE_METRICS = "nodes.metrics.k8s.io": "metrics.k8s.io" "v1beta1" "NodeMetrics" "nodes" ""
        short [] in false categories [] sub [] verbs MEASURED, by kinds::Plain;
    POD_METRICS = "pods.metrics.k8s.io": "metrics.k8s.io" "v1beta1" "PodMetrics" "pods" ""
        short [] in true categories [] sub [] verbs MEASURED, by kinds::Plain;
    RUNTIME_CLASSES = "runtimeclasses.node.k8s.io": "node.k8s.io" "v1" "RuntimeClass" "runtimeclasses" "runtimeclass"
        short [] in false categories [] sub [] by kinds::RuntimeClasses;
}

/// The resource of this name in a group and version.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    let mut all = RESOURCES.iter().copied();
    all.find(|one| one.group == group && one.version == version && one.plural == plural)
}
