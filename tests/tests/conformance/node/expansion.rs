//! `$(VAR)` in environment variables, command, args and `subPathExpr`.

use crate::cases::{self, BUSYBOX, Case, File, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_SHORT_S;

pub(crate) const FILE: File = File {
    path: "common/node/expansion.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        47,
        "should allow composing env vars into new env vars",
        env_into_env,
    ),
    pass(
        76,
        "should allow substituting values in a container's command",
        command,
    ),
    pass(
        95,
        "should allow substituting values in a container's args",
        args,
    ),
    pass(
        115,
        "should allow substituting values in a volume subpath",
        subpath,
    ),
    pass(
        155,
        "should fail substituting values in a volume subpath with backticks",
        || {
            fails_with_subpath("..");
        },
    ),
    pass(
        189,
        "should fail substituting values in a volume subpath with absolute path",
        || {
            fails_with_subpath("/tmp");
        },
    ),
];

fn pod(container: &str) -> String {
    let spec = "
restartPolicy: Never
volumes:
- name: workdir1
  emptyDir: {}";
    cases::pod("var-expansion", spec, "dapi-container", BUSYBOX, container)
}

fn env_into_env() {
    Cluster::new().test_output(
        &pod(r#"
command: [sh, -c, env]
env:
- {name: FOO, value: foo-value}
- {name: BAR, value: bar-value}
- {name: FOOBAR, value: "$(FOO);;$(BAR)"}"#),
        "dapi-container",
        &[
            "FOO=foo-value",
            "BAR=bar-value",
            "FOOBAR=foo-value;;bar-value",
        ],
    );
}

fn command() {
    let log = Cluster::new().test_output(
        &pod(r#"
command: [sh, -c, 'TEST_VAR=wrong echo "$(TEST_VAR)"']
env:
- {name: TEST_VAR, value: test-value}"#),
        "dapi-container",
        &["test-value"],
    );
    assert_eq!(log, "test-value\n");
}

fn args() {
    let log = Cluster::new().test_output(
        &pod(r#"
command: [sh, -c]
args: ['TEST_VAR=wrong echo "$(TEST_VAR)"']
env:
- {name: TEST_VAR, value: test-value}"#),
        "dapi-container",
        &["test-value"],
    );
    assert_eq!(log, "test-value\n");
}

fn subpath() {
    let log = Cluster::new().test_output(
        &pod(r#"
command: [sh, -c, 'test -d /testcontainer/var-expansion; echo $?']
env:
- {name: POD_NAME, value: var-expansion}
volumeMounts:
- {name: workdir1, mountPath: /logscontainer, subPathExpr: $(POD_NAME)}
- {name: workdir1, mountPath: /testcontainer}"#),
        "dapi-container",
        &["0"],
    );
    assert_eq!(log, "0\n");
}

fn fails_with_subpath(name: &str) {
    let mut cluster = Cluster::new();
    cluster.create(&pod(&format!(
        "
env:
- {{name: POD_NAME, value: {name}}}
volumeMounts:
- {{name: workdir1, mountPath: /logscontainer, subPathExpr: $(POD_NAME)}}"
    )));
    cluster.wait_for_waiting(
        "var-expansion",
        "dapi-container",
        "CreateContainerConfigError",
        POD_START_SHORT_S,
    );
    cluster.delete_and_wait("var-expansion");
}
