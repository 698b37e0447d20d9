//! ConfigMaps in the environment.

use crate::cases::{self, BUSYBOX, Case, File, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/node/configmap.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(48, "should be consumable via environment variable", || {
        check(
            "
env:
- name: CONFIG_DATA_1
  valueFrom:
    configMapKeyRef: {name: configmap-test, key: data-1}",
            &["CONFIG_DATA_1=value-1"],
        );
    }),
    pass(96, "should be consumable via the environment", || {
        check(
            "
envFrom:
- configMapRef: {name: configmap-test}
- configMapRef: {name: configmap-test}
  prefix: p-",
            &[
                "data-1=value-1",
                "data-2=value-2",
                "data-3=value-3",
                "p-data-1=value-1",
                "p-data-2=value-2",
                "p-data-3=value-3",
            ],
        );
    }),
    pass(
        141,
        "should fail to create ConfigMap with empty key",
        || {
            let manifest = MAP.replace("data-1", "''");
            let errors = Cluster::new().try_create(&manifest);
            assert!(errors.is_err_and(|errors| errors.contains("data[]")));
        },
    ),
    pass(
        261,
        "should be consumable as environment variable names with various prefixes",
        || {
            check(
                "
envFrom:
- configMapRef: {name: configmap-test}
- configMapRef: {name: configmap-test}
  prefix: 1-
- configMapRef: {name: configmap-test}
  prefix: $_-
- configMapRef: {name: configmap-test}
  prefix: ABC_
- configMapRef: {name: configmap-test}
  prefix: '#@!'",
                PREFIXED,
            );
        },
    ),
];

/// Every key of three under every prefix.
pub(super) const PREFIXED: &[&str] = &[
    "data-1=value-1",
    "data-2=value-2",
    "data-3=value-3",
    "\n1-data-1=value-1",
    "\n1-data-2=value-2",
    "\n1-data-3=value-3",
    "\n$_-data-1=value-1",
    "\n$_-data-2=value-2",
    "\n$_-data-3=value-3",
    "\nABC_data-1=value-1",
    "\nABC_data-2=value-2",
    "\nABC_data-3=value-3",
    "\n#@!data-1=value-1",
    "\n#@!data-2=value-2",
    "\n#@!data-3=value-3",
];

const MAP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: configmap-test}
data:
  data-1: value-1
  data-2: value-2
  data-3: value-3
";

fn check(fields: &str, expected: &[&str]) {
    let fields = format!("command: [sh, -c, env]{fields}");
    let pod = cases::pod(
        "pod-configmaps",
        "restartPolicy: Never",
        "env-test",
        BUSYBOX,
        &fields,
    );
    Cluster::new().test_output(&format!("{MAP}---\n{pod}"), "env-test", expected);
}
