//! Hostname and fully qualified domain name.

use super::fixture::POD;
use crate::cases::{self, Case, File, pass};
use seedpod::status::{ConditionType, Phase};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_START_S, is_true};

pub(super) const FILE: File = File {
    path: "e2e_node/pod_hostnamefqdn_test.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        84,
        "Hostname of Pod a pod without subdomain field does not have FQDN",
        || says("", POD, POD),
    ),
    pass(
        98,
        "Hostname of Pod a pod without FQDN is not affected by SetHostnameAsFQDN field",
        || says("setHostnameAsFQDN: true", POD, POD),
    ),
    pass(
        115,
        "Hostname of Pod a pod with subdomain field has FQDN, hostname is shortname",
        || says("subdomain: t", POD, FQDN),
    ),
    pass(
        134,
        "Hostname of Pod a pod with subdomain field has FQDN, when setHostnameAsFQDN is set to true, the FQDN is set as hostname",
        || says("subdomain: t\nsetHostnameAsFQDN: true", FQDN, FQDN),
    ),
    pass(
        163,
        "Hostname of Pod a pod configured to set FQDN as hostname will remain in Pending",
        too_long,
    ),
];

const FQDN: &str = "test-pod.t.default.svc.cluster.local";

fn pod(name: &str, spec: &str) -> String {
    let spec = format!("restartPolicy: Never\n{spec}");
    let image = "registry.k8s.io/e2e-test-images/glibc-dns-testing:2.0.0";
    let container = "command: [sh, -c, \"echo $(hostname)';'$(hostname -f)';'\"]";
    cases::pod(name, &spec, "test-container", image, container)
}

fn says(spec: &str, short: &str, long: &str) {
    let log = Cluster::new().test_output(&pod(POD, spec), "test-container", &[]);
    assert_eq!(log, format!("{short};{long};\n"));
}

fn too_long() {
    let name = "hostfqdnveryveryveryverylongforfqdntobemorethan64bytes-123456";
    let mut cluster = Cluster::new();
    cluster.create(&pod(name, "subdomain: t\nsetHostnameAsFQDN: true"));
    let message = "Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, FQDN ";
    cluster.wait_for_event(name, "FailedCreatePodSandBox", message, POD_START_S);
    let status = cluster.status(name);
    assert_eq!(status.phase, Phase::Pending);
    assert!(is_true(&status, ConditionType::PodScheduled));
}
