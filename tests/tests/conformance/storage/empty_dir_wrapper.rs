//! `test/e2e/storage/empty_dir_wrapper.go`: many volumes that are written all at once.

use crate::cases::{self, AGNHOST, Case, File, PAUSE, adapted, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;
use std::fmt::Write as _;

pub(crate) const FILE: File = File {
    path: "storage/empty_dir_wrapper.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(69, "should not conflict", || {
        let objects = "
apiVersion: v1
kind: Secret
metadata: {name: emptydir-wrapper-test}
data: {data-1: dmFsdWUtMQo=}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: emptydir-wrapper-test}
binaryData: {data-1: dmFsdWUtMQo=}
---
";
        let spec = "
volumes:
- {name: secret-volume, secret: {secretName: emptydir-wrapper-test}}
- {name: configmap-volume, configMap: {name: emptydir-wrapper-test}}";
        let fields = "
args: [test-webserver]
volumeMounts:
- {name: secret-volume, mountPath: /etc/secret-volume, readOnly: true}
- {name: configmap-volume, mountPath: /etc/configmap-volume}";
        let pod = cases::pod("pod-secrets", spec, "secret-test", AGNHOST, fields);
        Cluster::new().create_sync(&(objects.to_owned() + &pod));
    }),
    adapted(
        190,
        "should not cause race condition when used for configmaps [Serial]",
        "five pods instead of a ReplicationController of five",
        race,
    ),
];

/// `wrappedVolumeRaceConfigMapVolumeCount`
const CONFIG_MAPS: u32 = 50;
/// `wrappedVolumeRaceConfigMapPodCount`
const PODS: u32 = 5;
/// `wrappedVolumeRaceConfigMapIterationCount`
const ITERATIONS: u32 = 3;

fn race() {
    let mut cluster = Cluster::new();
    let (mut volumes, mut mounts) = ("volumes:\n".to_owned(), "volumeMounts:\n".to_owned());
    for index in 0..CONFIG_MAPS {
        let name = format!("racey-configmap-{index}");
        cluster.create(&format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{data-1: value-1}}\n"
        ));
        let _infallible = writeln!(
            volumes,
            "- {{name: {name}, configMap: {{name: {name}, items: [{{key: data-1, path: data-1}}]}}}}"
        );
        let _infallible = writeln!(mounts, "- {{name: {name}, mountPath: /etc/config-{index}}}");
    }
    for iteration in 0..ITERATIONS {
        let name = |pod| format!("wrapped-volume-race-{iteration}-{pod}");
        for pod in 0..PODS {
            let spec = format!("dnsPolicy: Default\n{volumes}");
            let manifest = cases::pod(&name(pod), &spec, "test-container", PAUSE, &mounts);
            cluster.create(&manifest);
        }
        for pod in 0..PODS {
            cluster.wait_for_running(&name(pod), POD_START_S);
        }
        for pod in 0..PODS {
            cluster.delete_and_wait(&name(pod));
        }
    }
}
