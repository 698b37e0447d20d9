//! The files of an image as a volume.

use crate::cases::{self, BUSYBOX, Case, File, KITTEN, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;

pub(crate) const FILE: File = File {
    path: "common/node/image_volume.go",
    cases: CASES,
};

const CASES: &[Case] = &[pass(
    97,
    "should succeed with pod and pull policy of Always",
    || {
        let spec = format!(
            "
restartPolicy: Always
volumes:
- name: volume
  image: {{reference: '{KITTEN}', pullPolicy: Always}}"
        );
        let fields = "
command: [/bin/sh, -c, while true; do echo test; sleep 1; done]
volumeMounts: [{name: volume, mountPath: /volume}]";
        let (pod, container) = ("test-pod", "test-container");
        let mut cluster = Cluster::new();
        cluster.create(&cases::pod(pod, &spec, container, BUSYBOX, fields));
        cluster.wait_for_running(pod, POD_START_S);
        let data = cluster.exec(pod, container, &["/bin/cat", "/volume/data.json"]);
        assert!(data.stdout.contains("kitten.jpg"), "{data:?}");
        let release = cluster.exec(pod, container, &["/bin/cat", "/volume/etc/os-release"]);
        assert!(release.stdout.contains("Alpine Linux"), "{release:?}");
    },
)];
