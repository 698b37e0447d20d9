//! Who writes `/etc/hosts`.

use crate::cases::{AGNHOST, Case, File, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/node/kubelet_etc_hosts.go",
    cases: CASES,
};

const CASES: &[Case] = &[pass(
    65,
    "should test kubelet managed /etc/hosts file",
    || {
        let third = format!(
            "  - name: busybox-3
    image: {AGNHOST}
    volumeMounts:
    - {{name: host-etc-hosts, mountPath: /etc/hosts-original}}
    - {{name: host-etc-hosts, mountPath: /etc/hosts}}
"
        );
        let mut cluster = Cluster::new();
        cluster.create_sync(&(pod("test-pod", "") + &third));
        cluster.create_sync(&pod("test-host-network-pod", "hostNetwork: true"));
        for (pod, container, managed) in [
            ("test-pod", "busybox-1", true),
            ("test-pod", "busybox-2", true),
            ("test-pod", "busybox-3", false),
            ("test-host-network-pod", "busybox-1", false),
            ("test-host-network-pod", "busybox-2", false),
        ] {
            assert_eq!(
                is_managed(&mut cluster, pod, container),
                managed,
                "{pod} {container}"
            );
        }
    },
)];

fn pod(name: &str, fields: &str) -> String {
    let container = |name: &str| {
        format!(
            "  - name: {name}
    image: {AGNHOST}
    volumeMounts:
    - {{name: host-etc-hosts, mountPath: /etc/hosts-original}}
"
        )
    };
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  {fields}
  volumes:
  - name: host-etc-hosts
    hostPath: {{path: /etc/hosts, type: FileOrCreate}}
  containers:
{}{}",
        container("busybox-1"),
        container("busybox-2")
    )
}

/// `assertManagedStatus`: it begins as the kubelet's does, and is not the host's.
fn is_managed(cluster: &mut Cluster, pod: &str, container: &str) -> bool {
    let mut cat = |path| {
        let exec = cluster.exec(pod, container, &["cat", path]);
        assert!(
            exec.code == 0 && !exec.stdout.is_empty(),
            "{path}: {exec:?}"
        );
        exec.stdout
    };
    let (hosts, original) = (cat("/etc/hosts"), cat("/etc/hosts-original"));
    hosts.starts_with("# Kubernetes-managed hosts file.") && hosts != original
}
