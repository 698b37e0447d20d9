//! The downward API in the environment.

use crate::cases::{self, BUSYBOX, Case, File, pass};
use seedpod_tests::Cluster;
use std::net::IpAddr;

pub(crate) const FILE: File = File {
    path: "common/node/downwardapi.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        49,
        "should provide pod name, namespace and IP address as env vars",
        || {
            let log = run(
                RESOURCES,
                &[
                    ("POD_NAME", "fieldRef: {fieldPath: metadata.name}"),
                    ("POD_NAMESPACE", "fieldRef: {fieldPath: metadata.namespace}"),
                    (
                        "POD_IP",
                        "fieldRef: {apiVersion: v1, fieldPath: status.podIP}",
                    ),
                ],
            );
            assert_eq!(value(&log, "POD_NAME"), "downward-api");
            assert_eq!(value(&log, "POD_NAMESPACE"), "default");
            assert!(value(&log, "POD_IP").parse::<IpAddr>().is_ok(), "{log}");
        },
    ),
    pass(95, "should provide host IP as an env var", || {
        let log = run(
            RESOURCES,
            &[("HOST_IP", "fieldRef: {fieldPath: status.hostIP}")],
        );
        assert!(value(&log, "HOST_IP").parse::<IpAddr>().is_ok(), "{log}");
    }),
    pass(121, "should provide hostIPs as an env var", || {
        let log = run(
            RESOURCES,
            &[("HOST_IPS", "fieldRef: {fieldPath: status.hostIPs}")],
        );
        for ip in value(&log, "HOST_IPS").split(',') {
            assert!(ip.parse::<IpAddr>().is_ok(), "{log}");
        }
    }),
    pass(
        142,
        "should provide host IP and pod IP as an env var if pod uses host network",
        || {
            let script = r#"[[ "${HOST_IP:?}" == "${POD_IP:?}" ]] && echo 'OK' || echo "HOST_IP: '${HOST_IP}' != POD_IP: '${POD_IP}'""#;
            let fields = format!(
                "command:
- sh
- -c
- |
  {script}
env:
- name: HOST_IP
  valueFrom: {{fieldRef: {{apiVersion: v1, fieldPath: status.hostIP}}}}
- name: POD_IP
  valueFrom: {{fieldRef: {{apiVersion: v1, fieldPath: status.podIP}}}}"
            );
            let spec = "hostNetwork: true\nrestartPolicy: Never";
            let pod = cases::pod("downward-api", spec, "dapi-container", BUSYBOX, &fields);
            Cluster::new().test_output(&pod, "dapi-container", &["OK"]);
        },
    ),
    pass(
        197,
        "should provide container's limits.cpu/memory and requests.cpu/memory as env vars",
        || {
            let log = run(
                RESOURCES,
                &[
                    ("CPU_LIMIT", "resourceFieldRef: {resource: limits.cpu}"),
                    (
                        "MEMORY_LIMIT",
                        "resourceFieldRef: {resource: limits.memory}",
                    ),
                    ("CPU_REQUEST", "resourceFieldRef: {resource: requests.cpu}"),
                    (
                        "MEMORY_REQUEST",
                        "resourceFieldRef: {resource: requests.memory}",
                    ),
                ],
            );
            assert_eq!(value(&log, "CPU_LIMIT"), "2");
            assert_eq!(value(&log, "MEMORY_LIMIT"), "67108864");
            assert_eq!(value(&log, "CPU_REQUEST"), "1");
            assert_eq!(value(&log, "MEMORY_REQUEST"), "33554432");
        },
    ),
    pass(
        248,
        "should provide default limits.cpu/memory from node allocatable",
        || {
            let log = run(
                "",
                &[
                    ("CPU_LIMIT", "resourceFieldRef: {resource: limits.cpu}"),
                    (
                        "MEMORY_LIMIT",
                        "resourceFieldRef: {resource: limits.memory}",
                    ),
                ],
            );
            for name in ["CPU_LIMIT", "MEMORY_LIMIT"] {
                assert!(
                    value(&log, name).parse::<u64>().is_ok_and(|n| n > 0),
                    "{log}"
                );
            }
        },
    ),
    pass(298, "should provide pod UID as env vars", || {
        let log = run(
            RESOURCES,
            &[("POD_UID", "fieldRef: {fieldPath: metadata.uid}")],
        );
        let uid = value(&log, "POD_UID");
        let is_part = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        assert!(uid.split('-').all(is_part), "{uid}");
        let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uid}");
    }),
];

const RESOURCES: &str = "
resources:
  requests: {cpu: 250m, memory: 32Mi}
  limits: {cpu: 1250m, memory: 64Mi}
";

/// What `env` prints in a container with these variables.
fn run(fields: &str, env: &[(&str, &str)]) -> String {
    let entries: String = env
        .iter()
        .map(|(name, from)| format!("- name: {name}\n  valueFrom:\n    {from}\n"))
        .collect();
    let fields = format!("command: [sh, -c, env]\n{fields}env:\n{entries}");
    let pod = cases::pod(
        "downward-api",
        "restartPolicy: Never",
        "dapi-container",
        BUSYBOX,
        &fields,
    );
    Cluster::new().test_output(&pod, "dapi-container", &[])
}

fn value<'l>(log: &'l str, name: &str) -> &'l str {
    let prefix = format!("{name}=");
    let found = log.lines().find_map(|line| line.strip_prefix(&prefix));
    found.unwrap_or_else(|| panic!("no {name} in\n{log}"))
}
