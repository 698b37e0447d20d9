//! `test/e2e/storage/subpath.go`: one file of a volume that is written all at once.

use crate::cases::{self, AGNHOST, Case, File, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "storage/subpath.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(59, "should support subpaths with secret pod", || {
        let source = "secret: {secretName: my-secret}";
        reads("secret-key", source, VOLUME_PATH, "secret-value");
    }),
    pass(69, "should support subpaths with configmap pod", || {
        reads("configmap-key", CONFIG_MAP, VOLUME_PATH, "configmap-value");
    }),
    pass(
        79,
        "should support subpaths with configmap pod with mountPath of existing file",
        || {
            reads(
                "configmap-key",
                CONFIG_MAP,
                "/etc/resolv.conf",
                "configmap-value",
            );
        },
    ),
    pass(91, "should support subpaths with downward pod", || {
        let source = "downwardAPI: {items: [{path: downward/podname, fieldRef: {fieldPath: metadata.name}}]}";
        reads("downward/podname", source, VOLUME_PATH, "pod-subpath-test");
    }),
    pass(105, "should support subpaths with projected pod", || {
        let source = "projected:
    sources:
    - configMap: {name: my-configmap, items: [{path: projected/configmap-key, key: configmap-key}]}";
        let path = "projected/configmap-key";
        reads(path, source, VOLUME_PATH, "configmap-value");
    }),
];

const VOLUME_PATH: &str = "/test-volume";
const CONFIG_MAP: &str = "configMap: {name: my-configmap}";
const OBJECTS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: my-secret}
stringData: {secret-key: secret-value}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: my-configmap}
data: {configmap-key: configmap-value}
---
";

/// `TestBasicSubpathFile`
fn reads(sub_path: &str, source: &str, mount_path: &str, expected: &str) {
    let spec = format!(
        "
restartPolicy: Never
terminationGracePeriodSeconds: 1
securityContext: {{seLinuxOptions: {{level: 's0:c0,c1'}}}}
volumes:
- name: test-volume
  {source}
- name: liveness-probe-volume
  emptyDir: {{}}"
    );
    let fields = format!(
        "
args: [mounttest, --file_content_in_loop={mount_path}, --retry_time=20]
volumeMounts:
- {{name: test-volume, mountPath: {mount_path}, subPath: {sub_path}}}
- {{name: liveness-probe-volume, mountPath: /probe-volume}}"
    );
    let container = "test-container-subpath";
    let pod = cases::pod("pod-subpath-test", &spec, container, AGNHOST, &fields);
    let mut cluster = Cluster::new();
    cluster.test_output(&(OBJECTS.to_owned() + &pod), container, &[expected]);
    cluster.delete_and_wait("pod-subpath-test");
}
