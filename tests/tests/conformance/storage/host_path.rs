//! `hostPath`, on the machine of the simulation.

use crate::cases::{AGNHOST, Case, File, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/storage/host_path.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(52, "should give a volume the correct mode", || {
        let pod = pod("", "--fs_type=/test-volume, --file_mode=/test-volume", "");
        let mut cluster = Cluster::new();
        let log = cluster.test_output(&pod, "test-container-1", &[]);
        // `dg?trwxrwx`
        let mode = "mode of file \"/test-volume\": d";
        let rest = log
            .split_once(mode)
            .map(|(_, rest)| rest)
            .unwrap_or_default();
        let rest = rest.strip_prefix('g').unwrap_or(rest);
        assert!(rest.starts_with("trwxrwx"), "{log}");
    }),
    pass(69, "should support r/w", || {
        let pod = pod(
            "",
            "--new_file_0644=/test-volume/test-file, --file_mode=/test-volume/test-file",
            "--file_content_in_loop=/test-volume/test-file, --retry_time=180",
        );
        let expected = "content of file \"/test-volume/test-file\": mount-tester new file";
        Cluster::new().test_output(&pod, "test-container-2", &[expected]);
    }),
    pass(97, "should support subPath", || {
        let file = "/test-volume/sub-path/test-file";
        let pod = pod(
            ", subPath: sub-path",
            "--new_file_0644=/test-volume/test-file, --file_mode=/test-volume/test-file",
            &format!("--file_content_in_loop={file}, --retry_time=180"),
        );
        let expected = format!("content of file \"{file}\": mount-tester new file");
        Cluster::new().test_output(&pod, "test-container-2", &[&expected]);
    }),
];

fn pod(first_mount: &str, first: &str, second: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: pod-host-path-test}}
spec:
  restartPolicy: Never
  volumes:
  - name: test-volume
    hostPath: {{path: /tmp}}
  containers:
  - name: test-container-1
    image: {AGNHOST}
    args: [mounttest, {first}]
    volumeMounts: [{{name: test-volume, mountPath: /test-volume{first_mount}}}]
  - name: test-container-2
    image: {AGNHOST}
    args: [mounttest, {second}]
    volumeMounts: [{{name: test-volume, mountPath: /test-volume}}]
"
    )
}
