//! Volumes.

use super::{IMAGE, output, pod};
use crate::cases::{Case, adapted, pass};
use seedpod::status::Phase;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_START_S, POD_START_SHORT_S};

pub(super) const CASES: &[Case] = &[
    adapted(2522, "with non-existing configmap", super::WAITS, || {
        let mut cluster = Cluster::new();
        cluster.create(&mounting("configMap: {name: mycm}", "command: ['true']"));
        let message = "MountVolume.SetUp failed for volume \"foo\" : configmap \"mycm\" not found";
        cluster.wait_for_event("testpod", "FailedMount", message, POD_START_SHORT_S);
        assert_eq!(cluster.status("testpod").phase, Phase::Pending);
    }),
    pass(4040, "ConfigMap volume with no items", || {
        assert_eq!(files("configMap: {name: testcm}", "cat foo bar"), "foobar");
    }),
    pass(4064, "ConfigMap volume with items", || {
        let volume = "configMap: {name: testcm, items: [{key: foo, path: FOO}]}";
        assert_eq!(files(volume, "cat FOO; echo; ls"), "foo\nFOO\n");
    }),
    pass(4096, "with a missing optional ConfigMap volume", || {
        let volume = "configMap: {name: missing, optional: true}";
        assert_eq!(files(volume, "ls"), "");
    }),
    adapted(4109, "ConfigMap volume with defaultMode set", MODES, || {
        let volume = "configMap: {name: testcm, defaultMode: 0777}";
        assert_eq!(files(volume, "stat -L -c %a foo"), "777\n");
    }),
    adapted(
        4138,
        "configMap as volume with no defaultMode set",
        MODES,
        || {
            let volume = "configMap: {name: testcm}";
            assert_eq!(files(volume, "stat -L -c %a foo"), "644\n");
        },
    ),
    pass(4183, "with emptyDir volume", || {
        let spec = format!(
            "restartPolicy: Never
initContainers:
- {{name: first, image: {IMAGE:?}, command: [sh, -c, echo shared > /test/f], volumeMounts: [{{name: d, mountPath: /test}}]}}
volumes: [{{name: d, emptyDir: {{}}}}]"
        );
        let second = "command: [cat, /test-emptydir/f]\nvolumeMounts: [{name: d, mountPath: /test-emptydir}]";
        let log = Cluster::new().test_output(&pod(&spec, second), "ctr", &[]);
        assert_eq!(log, "shared\n");
    }),
    pass(5343, "secret as volume support - simple", || {
        let log = files(
            "secret: {secretName: newsecret, optional: false}",
            "cat username; echo; cat password",
        );
        assert_eq!(log, "user\n54f41d12e8fa");
    }),
    pass(5374, "secret as volume support - multiple volumes", || {
        let spec = "restartPolicy: Never
volumes:
- {name: foo, secret: {secretName: newsecret, optional: false}}
- {name: bar, secret: {secretName: newsecrettwo, optional: false}}
- {name: baz, secret: {secretName: newsecrettwo, optional: false}}";
        let container =
            "command: [sh, -c, 'cat /etc/foo/username /etc/bar/username /etc/baz/plain_note']
volumeMounts:
- {name: foo, mountPath: /etc/foo, readOnly: true}
- {name: bar, mountPath: /etc/bar, readOnly: true}
- {name: baz, mountPath: /etc/baz, readOnly: true}";
        let manifest = format!("{OBJECTS}---\n{}", pod(spec, container));
        let log = Cluster::new().test_output(&manifest, "ctr", &[]);
        assert_eq!(log, "usercdoernThis is a test");
    }),
    pass(5404, "secret as volume support - optional field", || {
        let there = "secret: {secretName: newsecret, optional: true}";
        assert_eq!(files(there, "cat username"), "user");
        let missing = "secret: {secretName: oldsecret, optional: true}";
        assert_eq!(files(missing, "ls"), "");
        let mut cluster = Cluster::new();
        cluster.create(&mounting("secret: {secretName: oldsecret}", ""));
        let message =
            "MountVolume.SetUp failed for volume \"foo\" : secret \"oldsecret\" not found";
        cluster.wait_for_event("testpod", "FailedMount", message, POD_START_SHORT_S);
    }),
    pass(5415, "secret as volume with no items", || {
        assert_eq!(
            files("secret: {secretName: newsecret}", "ls"),
            "password\nusername\n"
        );
    }),
    pass(5434, "secret as volume with items", || {
        let volume = "secret: {secretName: newsecret, items: [{key: username, path: user/NAME}]}";
        assert_eq!(files(volume, "cat user/NAME; echo; ls"), "user\nuser\n");
    }),
    adapted(5461, "secret as volume with defaultMode set", MODES, || {
        let volume = "secret: {secretName: newsecret, defaultMode: 0777}";
        assert_eq!(files(volume, "stat -L -c %a username"), "777\n");
    }),
    adapted(
        5490,
        "secret as volume with no defaultMode set",
        MODES,
        || {
            let volume = "secret: {secretName: newsecret}";
            assert_eq!(files(volume, "stat -L -c %a username"), "644\n");
        },
    ),
    adapted(
        5615,
        "with named volume subpaths",
        "an emptyDir in place of podman's named volume",
        || {
            let spec = format!(
                "restartPolicy: Never
initContainers:
- {{name: first, image: {IMAGE:?}, command: [sh, -c, mkdir -p /d/testing/onlythis && echo hi > /d/testing/onlythis/123.txt], volumeMounts: [{{name: d, mountPath: /d}}]}}
volumes: [{{name: d, emptyDir: {{}}}}]"
            );
            let container = "command: [ls, /var]
volumeMounts: [{name: d, mountPath: /var, subPath: testing/onlythis}]";
            let log = Cluster::new().test_output(&pod(&spec, container), "ctr", &[]);
            assert_eq!(log, "123.txt\n");
        },
    ),
    adapted(
        5681,
        "with unsafe subpaths",
        "an emptyDir in place of podman's named volume; the container waits with CreateContainerConfigError",
        || {
            let spec = format!(
                "restartPolicy: Never
initContainers:
- {{name: first, image: {IMAGE:?}, command: [ln, -s, /etc, /d/testing], volumeMounts: [{{name: d, mountPath: /d}}]}}
volumes: [{{name: d, emptyDir: {{}}}}]"
            );
            let container = "command: [ls, /test]
volumeMounts: [{name: d, mountPath: /test, subPath: testing}]";
            let mut cluster = Cluster::new();
            cluster.create(&pod(&spec, container));
            let reason = "CreateContainerConfigError";
            cluster.wait_for_waiting("testpod", "ctr", reason, POD_START_S);
        },
    ),
    pass(5714, "with configMap subpaths", || {
        let spec = "restartPolicy: Never
volumes: [{name: foo, configMap: {name: testcm}}]";
        let container = "command: [cat, /etc/special/hello]
volumeMounts: [{name: foo, mountPath: /etc/special/hello, subPath: foo}]";
        let manifest = format!("{OBJECTS}---\n{}", pod(spec, container));
        let log = Cluster::new().test_output(&manifest, "ctr", &[]);
        assert_eq!(log, "foo");
    }),
    adapted(
        6492,
        "CVE-2025-9566 regression test - ConfigMap mount",
        "the image's symbolic link leads out of the mount; the file of the container stays what it was",
        || {
            let spec = "restartPolicy: Never
volumes: [{name: foo, configMap: {name: testcm, items: [{key: foo, path: data/hosts}]}}]";
            let container = "command: [sh, -c, 'ln -s /foo/data /tmp/l; cat /tmp/l/hosts; echo broken > /foo/data/hosts || echo refused']
volumeMounts: [{name: foo, mountPath: /foo}]";
            let manifest = format!("{OBJECTS}---\n{}", pod(spec, container));
            let log = Cluster::new().test_output(&manifest, "ctr", &[]);
            assert!(log.ends_with("foorefused\n"), "{log}");
        },
    ),
];

const MODES: &str = "modes are those of the virtual file system";

const OBJECTS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: testcm}
data: {foo: foo, bar: bar}
---
apiVersion: v1
kind: Secret
metadata: {name: newsecret}
data: {username: dXNlcg==, password: NTRmNDFkMTJlOGZh}
---
apiVersion: v1
kind: Secret
metadata: {name: newsecrettwo}
data: {username: Y2RvZXJu, password: dGVzdGluZ3Rlc3RpbmcK}
stringData: {plain_note: This is a test}
";

/// A pod with this volume at `/test`.
fn mounting(volume: &str, container: &str) -> String {
    let spec = format!("restartPolicy: Never\nvolumes: [{{name: foo, {volume}}}]");
    let container = format!("{container}\nvolumeMounts: [{{name: foo, mountPath: /test}}]");
    pod(&spec, &container)
}

/// What a script in the volume prints.
fn files(volume: &str, script: &str) -> String {
    let spec = format!("volumes: [{{name: foo, {volume}}}]");
    let container = format!(
        "command: [sh, -c, 'cd /test; {script}']
volumeMounts: [{{name: foo, mountPath: /test}}]"
    );
    output(OBJECTS, &spec, &container)
}
