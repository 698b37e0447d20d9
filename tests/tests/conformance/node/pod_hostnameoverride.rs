//! `hostnameOverride`.

use crate::cases::{self, BUSYBOX, Case, File, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/node/pod_hostnameoverride.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        59,
        "a pod has hostnameOverride field with value that is a valid DNS subdomain.",
        || {
            shows(
                "hostnameOverride: override.example.host",
                "override.example.host",
            );
        },
    ),
    pass(
        67,
        "a pod with hostname and hostnameOverride fields will have hostnameOverride as hostname",
        || {
            shows(
                "hostname: custom-host\nhostnameOverride: override-host",
                "override-host",
            );
        },
    ),
    pass(
        77,
        "a pod with only hostnameOverride field will have hostnameOverride as hostname",
        || shows("hostnameOverride: override-host", "override-host"),
    ),
    pass(
        85,
        "a pod with subdomain and hostnameOverride fields will have hostnameOverride as hostname",
        || {
            shows(
                "subdomain: t\nhostnameOverride: override-host",
                "override-host",
            );
        },
    ),
    pass(
        95,
        "a pod with setHostnameAsFQDN and hostnameOverride fields will fail to be created",
        || is_refused("setHostnameAsFQDN: true\nhostnameOverride: override-host"),
    ),
    pass(
        105,
        "a pod with hostNetwork and hostnameOverride fields will fail to be created",
        || is_refused("hostNetwork: true\nhostnameOverride: override-host"),
    ),
    pass(
        114,
        "a pod with non-RFC1123 subdomain string for hostnameOverride field will fail to be created",
        || is_refused("hostnameOverride: Not-RFC1123"),
    ),
];

fn pod(spec: &str) -> String {
    let spec = format!("restartPolicy: Never\n{spec}");
    let command = "command: [sh, -c, \"echo $(hostname)';'$(hostname -f)';'\"]";
    let name = "test-pod-hostname-override";
    cases::pod("hostfqdn", &spec, name, BUSYBOX, command)
}

fn shows(spec: &str, name: &str) {
    let expected = format!("{name};{name};");
    let log = Cluster::new().test_output(&pod(spec), "test-pod-hostname-override", &[&expected]);
    assert_eq!(log, expected + "\n");
}

fn is_refused(spec: &str) {
    let errors = Cluster::new().try_create(&pod(spec));
    assert!(errors.is_err_and(|errors| errors.contains("spec.hostnameOverride")));
}
