//! Everything in one projected volume.

use crate::cases::{self, BUSYBOX, Case, File, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/storage/projected_combined.go",
    cases: CASES,
};

const CASES: &[Case] = &[pass(
    44,
    "should project all components that make up the projection API [Projection]",
    || {
        let spec = "
restartPolicy: Never
volumes:
- name: podinfo
  projected:
    sources:
    - downwardAPI:
        items:
        - path: podname
          fieldRef: {apiVersion: v1, fieldPath: metadata.name}
    - secret: {name: secret-projected-all-test-volume}
    - configMap: {name: configmap-projected-all-test-volume}";
        let fields = "
command: [sh, -c, cat /all/podname && cat /all/secret-data && cat /all/configmap-data]
volumeMounts: [{name: podinfo, mountPath: /all}]";
        let container = "projected-all-volume-test";
        let pod = cases::pod("projected-volume", spec, container, BUSYBOX, fields);
        Cluster::new().test_output(
            &(OBJECTS.to_owned() + &pod),
            container,
            &["projected-volume", "secret-value-1", "configmap-value-1"],
        );
    },
)];

const OBJECTS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: configmap-projected-all-test-volume}
data: {configmap-data: configmap-value-1}
---
apiVersion: v1
kind: Secret
metadata: {name: secret-projected-all-test-volume}
stringData: {secret-data: secret-value-1}
---
";
