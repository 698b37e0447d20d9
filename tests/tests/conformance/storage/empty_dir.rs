//! `emptyDir` on both media.

use super::payload::FS_GROUP;
use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, not_applicable, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/storage/empty_dir.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    not_applicable(
        58,
        "new files should be created with FSGroup ownership when container is root",
        FS_GROUP,
    ),
    not_applicable(
        62,
        "new files should be created with FSGroup ownership when container is non-root",
        FS_GROUP,
    ),
    not_applicable(
        66,
        "nonexistent volume subPath should have the correct mode and owner using FSGroup",
        FS_GROUP,
    ),
    not_applicable(
        70,
        "files with FSGroup ownership should support (root,0644,tmpfs)",
        FS_GROUP,
    ),
    not_applicable(
        74,
        "volume on default medium should have the correct mode using FSGroup",
        FS_GROUP,
    ),
    not_applicable(
        78,
        "volume on tmpfs should have the correct mode using FSGroup",
        FS_GROUP,
    ),
    pass(89, "volume on tmpfs should have the correct mode", || {
        volume_mode(MEMORY);
    }),
    pass(99, "should support (root,0644,tmpfs)", || {
        new_file(0, "0644", MEMORY);
    }),
    pass(109, "should support (root,0666,tmpfs)", || {
        new_file(0, "0666", MEMORY);
    }),
    pass(119, "should support (root,0777,tmpfs)", || {
        new_file(0, "0777", MEMORY);
    }),
    pass(129, "should support (non-root,0644,tmpfs)", || {
        new_file(1001, "0644", MEMORY);
    }),
    pass(139, "should support (non-root,0666,tmpfs)", || {
        new_file(1001, "0666", MEMORY);
    }),
    pass(149, "should support (non-root,0777,tmpfs)", || {
        new_file(1001, "0777", MEMORY);
    }),
    pass(
        159,
        "volume on default medium should have the correct mode",
        || volume_mode(DEFAULT),
    ),
    pass(169, "should support (root,0644,default)", || {
        new_file(0, "0644", DEFAULT);
    }),
    pass(179, "should support (root,0666,default)", || {
        new_file(0, "0666", DEFAULT);
    }),
    pass(189, "should support (root,0777,default)", || {
        new_file(0, "0777", DEFAULT);
    }),
    pass(199, "should support (non-root,0644,default)", || {
        new_file(1001, "0644", DEFAULT);
    }),
    pass(209, "should support (non-root,0666,default)", || {
        new_file(1001, "0666", DEFAULT);
    }),
    pass(219, "should support (non-root,0777,default)", || {
        new_file(1001, "0777", DEFAULT);
    }),
    pass(
        229,
        "pod should support shared volumes between containers",
        shared,
    ),
    pass(
        301,
        "pod should support memory backed volumes of specified size",
        size_is_kept,
    ),
];

const MEMORY: &str = "{medium: Memory}";
const DEFAULT: &str = "{}";
const FILE_PATH: &str = "/test-volume/test-file";

fn check(uid: u32, medium: &str, args: &str, expected: &[&str]) {
    let user = match uid {
        0 => String::new(),
        uid => format!(", runAsUser: {uid}"),
    };
    let spec = format!(
        "
restartPolicy: Never
securityContext: {{seLinuxOptions: {{level: s0}}{user}}}
volumes:
- name: test-volume
  emptyDir: {medium}"
    );
    let fields = format!(
        "args: [mounttest, --fs_type=/test-volume, {args}]
volumeMounts: [{{name: test-volume, mountPath: /test-volume}}]"
    );
    let pod = cases::pod("pod-emptydir", &spec, "test-container", AGNHOST, &fields);
    let mut expected = expected.to_vec();
    if medium == MEMORY {
        expected.push("mount type of \"/test-volume\": tmpfs");
    }
    Cluster::new().test_output(&pod, "test-container", &expected);
}

fn volume_mode(medium: &str) {
    let expected = ["perms of file \"/test-volume\": -rwxrwxrwx"];
    check(0, medium, "--file_perm=/test-volume", &expected);
}

fn new_file(uid: u32, mode: &str, medium: &str) {
    let shown = match mode {
        "0644" => "-rw-r--r--",
        "0666" => "-rw-rw-rw-",
        _ => "-rwxrwxrwx",
    };
    check(
        uid,
        medium,
        &format!("--new_file_{mode}={FILE_PATH}, --file_perm={FILE_PATH}"),
        &[
            &format!("perms of file \"{FILE_PATH}\": {shown}"),
            &format!("content of file \"{FILE_PATH}\": mount-tester new file"),
        ],
    );
}

/// `InfiniteSleepCommand`.
const SLEEP: &str = "trap exit TERM; while true; do sleep 1; done";

const MAIN: &str = "busybox-main-container";
const FOLDER: &str = "/usr/share/volumeshare";

fn sleeping_pod(medium: &str) -> String {
    let spec = format!(
        "
terminationGracePeriodSeconds: 0
restartPolicy: Never
volumes:
- name: shared-data
  emptyDir: {medium}"
    );
    let fields = format!(
        "command: [/bin/sh]
args: [-c, '{SLEEP}']
volumeMounts: [{{name: shared-data, mountPath: {FOLDER}}}]"
    );
    cases::pod("pod-sharedvolume", &spec, MAIN, BUSYBOX, &fields)
}

fn shared() {
    let writer = format!(
        "  - name: busybox-sub-container
    image: {BUSYBOX}
    command: [/bin/sh]
    args: [-c, echo Hello from the busy-box sub-container > /pod-data/shareddata.txt]
    volumeMounts: [{{name: shared-data, mountPath: /pod-data}}]
"
    );
    let mut cluster = Cluster::new();
    cluster.create(&(sleeping_pod("{}") + &writer));
    cluster.wait_for_running("pod-sharedvolume", POD_START_S);
    cluster.advance(Duration::from_secs(1), |_| false);
    let script = format!("cat {FOLDER}/shareddata.txt");
    let text = cluster.shell("pod-sharedvolume", MAIN, &script);
    assert_eq!(text.trim_end(), "Hello from the busy-box sub-container");
}

/// As `df` shows it, and when it is full.
fn size_is_kept() {
    let mut cluster = Cluster::new();
    cluster.create_sync(&sleeping_pod("{medium: Memory, sizeLimit: 10Mi}"));
    let script = format!("df | grep {FOLDER} | awk '{{print $2}}'");
    let size = cluster.shell("pod-sharedvolume", MAIN, &script);
    assert_eq!(size.trim_end(), "10240");
    let fill = format!("dd if=/dev/zero of={FOLDER}/full bs=1024 count=10240");
    cluster.shell("pod-sharedvolume", MAIN, &fill);
    let script = format!("echo -n x > {FOLDER}/more");
    let more = cluster.exec("pod-sharedvolume", MAIN, &["/bin/sh", "-c", &script]);
    assert_ne!(more.code, 0, "{more:?}");
    assert!(more.stderr.contains("No space left on device"), "{more:?}");
}
