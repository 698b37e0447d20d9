//! `$(VAR)` in environment variables, command, args and `subPathExpr`.

use crate::cases::{self, BUSYBOX, Case, File, pass};
use seedpod::status::Phase;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_SHORT_S;
use std::time::Duration;

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
    pass(
        228,
        "should verify that a failing subpath expansion can be modified during the lifecycle of a container [Slow]",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&annotated("notmysubpath"));
            cluster.advance(Duration::from_secs(1), |cluster| {
                !cluster.statuses(POD).is_empty()
            });
            cluster.hold(POD, POD_START_SHORT_S, |status| {
                status.phase == Phase::Pending
            });
            cluster.update(POD, |pod| {
                let annotations = &mut pod.meta.annotations;
                annotations.insert("mysubpath".to_owned(), "mypath".to_owned());
            });
            cluster.wait_for_running(POD, POD_START_SHORT_S);
            cluster.delete_and_wait(POD);
        },
    ),
    pass(
        300,
        "should succeed in writing subpaths in container",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&annotated("mysubpath"));
            cluster.wait_for_running(POD, POD_START_SHORT_S);
            cluster.shell(
                POD,
                "dapi-container",
                "touch /volume_mount/mypath/foo/test.log",
            );
            cluster.shell(POD, "dapi-container", "test -f /subpath_mount/test.log");
            cluster.update(POD, |pod| {
                let annotations = &mut pod.meta.annotations;
                annotations.insert("mysubpath".to_owned(), "mynewpath".to_owned());
            });
            cluster.wait_for_running(POD, POD_START_SHORT_S);
            cluster.delete_and_wait(POD);
        },
    ),
];

const POD: &str = "var-expansion";

fn pod(container: &str) -> String {
    let spec = "
restartPolicy: Never
volumes:
- name: workdir1
  emptyDir: {}";
    cases::pod(POD, spec, "dapi-container", BUSYBOX, container)
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
        POD,
        "dapi-container",
        "CreateContainerConfigError",
        POD_START_SHORT_S,
    );
    cluster.delete_and_wait(POD);
}

fn annotated(annotation: &str) -> String {
    let pod = pod("
command: [sh, -c, tail -f /dev/null]
env:
- {name: POD_NAME, value: foo}
- name: ANNOTATION
  valueFrom:
    fieldRef: {apiVersion: v1, fieldPath: \"metadata.annotations['mysubpath']\"}
volumeMounts:
- {name: workdir1, mountPath: /subpath_mount, subPathExpr: $(ANNOTATION)/$(POD_NAME)}
- {name: workdir1, mountPath: /volume_mount}");
    let annotations = format!("metadata:\n  annotations: {{{annotation}: mypath}}\n");
    pod.replacen("metadata:\n", &annotations, 1)
}
