//! podman's tests from the shell.

use super::{IMAGE, output, pod, ports};
use crate::cases::{self, Case, adapted, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_START_S, container_of};

pub(super) const CASES: &[Case] = &[
    pass(243, "podman kube play read-only", || {
        let script = "touch /testrw || echo refused; echo hello > /tmp/f && cat /tmp/f";
        let spec = "volumes: [{name: tmp, emptyDir: {medium: Memory}}]";
        let container = format!(
            "command: [sh, -c, {script:?}]
securityContext: {{readOnlyRootFilesystem: true}}
volumeMounts: [{{name: tmp, mountPath: /tmp}}]"
        );
        let log = output("", spec, &container);
        assert!(log.contains("Read-only file system"), "{log}");
        assert!(log.ends_with("refused\nhello\n"), "{log}");
    }),
    adapted(
        334,
        "podman play with user from image",
        "the id is shown to programs; there is nothing it could be denied",
        || {
            let mut cluster = Cluster::new();
            let image = "registry.k8s.io/e2e-test-images/nonroot:1.5";
            let fields = "command: [sh, -c, 'id -u; echo $PATH']";
            let spec = "restartPolicy: Never";
            let manifest = cases::pod("testpod", spec, "ctr", image, fields);
            let log = cluster.test_output(&manifest, "ctr", &[]);
            assert!(log.starts_with("1234\n/"), "{log}");
        },
    ),
    adapted(
        1063,
        "podman play with image volume (automount annotation and OCI VolumeSource)",
        "without the annotation, which is podman's",
        || {
            let spec = format!("volumes: [{{name: kitten, image: {{reference: {KITTEN:?}}}}}]");
            let container =
                "command: [sh, -c, 'cat /mnt/data.json; touch /mnt/new || echo refused']
volumeMounts: [{name: kitten, mountPath: /mnt}]";
            let log = output("", &spec, container);
            assert!(log.ends_with("refused\n"), "{log}");
        },
    ),
    adapted(
        1205,
        "podman play with image volume pull policies",
        super::WAITS,
        || {
            let image = "quay.io/libpod/not-here:1";
            let spec = format!(
                "volumes: [{{name: v, image: {{reference: {image:?}, pullPolicy: Never}}}}]"
            );
            let container = "volumeMounts: [{name: v, mountPath: /mnt}]";
            let mut cluster = Cluster::new();
            cluster.create(&pod(&spec, container));
            let reason = "ErrImageNeverPull";
            cluster.wait_for_waiting("testpod", "ctr", reason, POD_START_S);
            for policy in ["Always", "IfNotPresent"] {
                let spec = format!(
                    "volumes: [{{name: v, image: {{reference: {KITTEN:?}, pullPolicy: {policy}}}}}]"
                );
                let container = format!("command: [test, -f, /mnt/data.json]\n{container}");
                output("", &spec, &container);
            }
        },
    ),
    pass(502, "podman play with init container", || {
        let mut cluster = Cluster::new();
        let spec = format!(
            "restartPolicy: Never
volumes: [{{name: d, emptyDir: {{}}}}]
initContainers:
- {{name: init, image: {IMAGE:?}, command: [sh, -c, echo init > /d/f], volumeMounts: [{{name: d, mountPath: /d}}]}}"
        );
        let container = "command: [test, -f, /d/f]\nvolumeMounts: [{name: d, mountPath: /d}]";
        cluster.create(&pod(&spec, container));
        cluster.wait_for_success("testpod", POD_START_S);
    }),
    pass(527, "podman kube play - hostport", ports::host_port),
    pass(545, "podman kube play - multi-pod YAML", || {
        let mut cluster = Cluster::new();
        cluster.create(&ports::two_pods());
        for name in ["pod1", "pod2"] {
            cluster.wait_for_running(name, POD_START_S);
        }
        for name in ["pod1", "pod2"] {
            cluster.delete_and_wait(name);
        }
    }),
    adapted(
        731,
        "podman kube play with configmaps",
        "all files of one command are one source",
        || {
            let maps = "apiVersion: v1
kind: ConfigMap
metadata: {name: foo}
data: {FOO: foo}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: bar}
data: {BAR: bar}
";
            let container = "command: [sh, -c, 'echo $FOO:$BAR']
envFrom: [{configMapRef: {name: foo}}, {configMapRef: {name: bar}}]";
            assert_eq!(output(maps, "", container), "foo:bar\n");
        },
    ),
    pass(
        883,
        "podman kube play healthcheck should wait initialDelaySeconds before updating status",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod("", &checked(3)));
            let status = cluster.wait_for_running("testpod", POD_START_S);
            assert!(!container_of(&status, "ctr").ready);
            let started = cluster.now();
            cluster.wait_for_ready("testpod", POD_START_S);
            let waited = (cluster.now() - started).as_secs();
            assert!((2..=4).contains(&waited), "{waited} s");
        },
    ),
    pass(
        960,
        "podman kube play healthcheck should wait initialDelaySeconds before executing healthcheck",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod("", &checked(3)));
            cluster.wait_for_running("testpod", POD_START_S);
            let started = cluster.now();
            cluster.wait_for_ready("testpod", POD_START_S);
            cluster.run(2);
            let ran = cluster.timeline("testpod").time_of("probe", "checked");
            assert!(ran.saturating_since(started).as_secs() >= 2);
        },
    ),
];

const KITTEN: &str = "registry.k8s.io/e2e-test-images/kitten:1.8";

/// A container whose readiness probe leaves a line that the container prints.
fn checked(delay_s: u32) -> String {
    format!(
        "command: [sh, -c, 'mkfifo /p 2>/dev/null; touch /p; tail -f /p']
readinessProbe:
  exec: {{command: [sh, -c, echo probe checked >> /p]}}
  initialDelaySeconds: {delay_s}
  periodSeconds: 1"
    )
}
