//! Secrets in the environment.

use super::configmap::PREFIXED;
use crate::cases::{self, BUSYBOX, Case, File, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/node/secrets.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(49, "should be consumable from pods in env vars", || {
        check(
            "
env:
- name: SECRET_DATA
  valueFrom:
    secretKeyRef: {name: secret-test, key: data-1}",
            &["SECRET_DATA=value-1"],
        );
    }),
    pass(98, "should be consumable via the environment", || {
        check(
            "
envFrom:
- secretRef: {name: secret-test}
- secretRef: {name: secret-test}
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
        143,
        "should fail to create secret due to empty secret key",
        || {
            let manifest = SECRET.replace("data-1", "''");
            let errors = Cluster::new().try_create(&manifest);
            assert!(errors.is_err_and(|errors| errors.contains("data[]")));
        },
    ),
    pass(
        253,
        "should be consumable as environment variable names variable names with various prefixes",
        || {
            check(
                "
envFrom:
- secretRef: {name: secret-test}
- secretRef: {name: secret-test}
  prefix: 1-
- secretRef: {name: secret-test}
  prefix: $_-
- secretRef: {name: secret-test}
  prefix: ABC_
- secretRef: {name: secret-test}
  prefix: '#@!'",
                PREFIXED,
            );
        },
    ),
];

/// Each value ends in a line feed.
const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: secret-test}
data:
  data-1: dmFsdWUtMQo=
  data-2: dmFsdWUtMgo=
  data-3: dmFsdWUtMwo=
";

fn check(fields: &str, expected: &[&str]) {
    let fields = format!("command: [sh, -c, env]{fields}");
    let pod = cases::pod(
        "pod-secrets",
        "restartPolicy: Never",
        "secret-env-test",
        BUSYBOX,
        &fields,
    );
    Cluster::new().test_output(&format!("{SECRET}---\n{pod}"), "secret-env-test", expected);
}
