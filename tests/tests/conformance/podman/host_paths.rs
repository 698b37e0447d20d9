//! `hostPath` volumes: of the real machine, so these run in real time.

use super::pod;
use crate::cases::{Case, adapted, pass};
use seedpod::Node;
use seedpod::status::Phase;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub(super) const CASES: &[Case] = &[
    adapted(
        3811,
        "test with nonexistent empty HostPath type volume",
        "the kubelet does not check a path without a type, podman does",
        || {
            let folder = folder();
            let path = folder.path().join("missing");
            let log = finished(&path, "''", "", "ls /test && echo mounted");
            assert_eq!(log, "mounted\n");
        },
    ),
    pass(3824, "test with empty HostPath type volume", || {
        let folder = folder();
        let log = finished(folder.path(), "''", "", "cat /test/hello");
        assert_eq!(log, "hello from the machine\n");
    }),
    adapted(
        3839,
        "test with nonexistent File HostPath type volume",
        super::WAITS,
        || {
            let path = folder().path().join("missing");
            refused(&path, "File", &format!("{} is not a file", path.display()));
        },
    ),
    pass(3851, "test with File HostPath type volume", || {
        let folder = folder();
        let log = finished(&folder.path().join("hello"), "File", "", "cat /test");
        assert_eq!(log, "hello from the machine\n");
    }),
    pass(3866, "test with FileOrCreate HostPath type volume", || {
        let folder = folder();
        let path = folder.path().join("created");
        finished(&path, "FileOrCreate", "", "echo written > /test");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "written\n");
    }),
    pass(
        3882,
        "test with DirectoryOrCreate HostPath type volume",
        || directory_or_create("created"),
    ),
    pass(
        3899,
        "test with DirectoryOrCreate HostPath type volume and non-existent directory path",
        || directory_or_create("not/there/yet"),
    ),
    pass(
        3916,
        "test with DirectoryOrCreate HostPath type volume and existent directory path",
        || {
            let folder = folder();
            let log = finished(folder.path(), "DirectoryOrCreate", "", "cat /test/hello");
            assert_eq!(log, "hello from the machine\n");
        },
    ),
    adapted(
        3929,
        "test with Socket HostPath type volume should fail if not socket",
        super::WAITS,
        || {
            let folder = folder();
            let path = folder.path().join("hello");
            refused(
                &path,
                "Socket",
                &format!("{} is not a socket file", path.display()),
            );
        },
    ),
    pass(3944, "test with read-only HostPath volume", || {
        let folder = folder();
        let script = "echo no > /test/new || cat /test/hello";
        let log = finished(folder.path(), "Directory", "readOnly: true", script);
        assert!(log.ends_with("hello from the machine\n"), "{log}");
        assert!(!folder.path().join("new").exists());
    }),
    pass(5656, "with hostPath subpaths", || {
        let folder = folder();
        fs::create_dir_all(folder.path().join("sub/only")).expect("a folder");
        let script = "echo inside > /test/file";
        finished(folder.path(), "Directory", "subPath: sub/only", script);
        let written = fs::read_to_string(folder.path().join("sub/only/file"));
        assert_eq!(written.expect("a file"), "inside\n");
    }),
    #[cfg(unix)]
    adapted(
        5700,
        "with unsafe hostPath subpaths",
        "the container waits with CreateContainerConfigError",
        || {
            let folder = folder();
            std::os::unix::fs::symlink("/", folder.path().join("out")).expect("a link");
            let status = until(
                &manifest(folder.path(), "Directory", "subPath: out", "ls /test"),
                |status| format!("{status:?}").contains("CreateContainerConfigError"),
            );
            assert_eq!(status, Phase::Pending);
        },
    ),
];

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hello");
    fs::write(file, "hello from the machine\n").expect("a file");
    folder
}

fn directory_or_create(path: &str) {
    let folder = folder();
    let path = folder.path().join(path);
    finished(&path, "DirectoryOrCreate", "", "echo written > /test/file");
    let written = fs::read_to_string(path.join("file"));
    assert_eq!(written.expect("a file"), "written\n");
}

/// A pod that runs a script with the path at `/test`.
fn manifest(path: &Path, kind: &str, mount: &str, script: &str) -> String {
    let spec = format!(
        "restartPolicy: Never
terminationGracePeriodSeconds: 0
volumes:
- name: foo
  hostPath: {{path: {path:?}, type: {kind}}}"
    );
    let container = format!(
        "command: [sh, -c, {script:?}]
volumeMounts:
- name: foo
  mountPath: /test
  {mount}"
    );
    pod(&spec, &container)
}

/// The log of such a pod, which succeeds.
fn finished(path: &Path, kind: &str, mount: &str, script: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let node = Node::builder().build().expect("a node");
        let started = node.run(&manifest(path, kind, mount, script));
        let pod = started.expect("the manifest is right").pods.remove(0);
        let mut logs = pod.logs();
        let mut text = String::new();
        while let Some(line) = logs.next().await {
            text += &format!("{}\n", String::from_utf8_lossy(&line.bytes));
        }
        let status = pod.wait().await;
        assert_eq!(status.phase, Phase::Succeeded, "{text}{status:?}");
        text
    })
}

/// The pod stays pending, and an event says why.
fn refused(path: &Path, kind: &str, why: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let node = Node::builder().build().expect("a node");
        let started = node.run(&manifest(path, kind, "", "true"));
        let pod = started.expect("the manifest is right").pods.remove(0);
        let mut events = pod.events();
        while let Some(event) = events.next().await {
            if event.reason.to_string() == "FailedMount" {
                let expected = format!("hostPath type check failed: {why}");
                assert!(event.message.ends_with(&expected), "{}", event.message);
                break;
            }
        }
        assert_eq!(pod.status().expect("a status").phase, Phase::Pending);
        pod.delete(None);
        pod.wait().await;
    });
}

/// Waits for such a status, then deletes the pod; its phase then.
fn until(manifest: &str, wanted: impl Fn(&seedpod::status::Status) -> bool) -> Phase {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let node = Node::builder().build().expect("a node");
        let pod = node
            .run(manifest)
            .expect("the manifest is right")
            .pods
            .remove(0);
        let status = pod.wait_for(wanted).await.expect("such a status");
        pod.delete(None);
        pod.wait().await;
        status.phase
    })
}
