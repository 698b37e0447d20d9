//! What containers find when they start, and what is said of what is missing.

use expect_test::{Expect, expect};
use seedpod_tests::Pods;

/// A pod `p` of this spec: what it wrote, and its events that are no everyday ones.
fn check(spec: &str, log: &Expect, events: &Expect) {
    let mut pods = Pods::start(&format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {spec}\n"
    ));
    pods.run(10);
    log.assert_eq(&pods.log_by_container());
    let told = |line: &&str| !DULL.iter().any(|dull| line.contains(dull));
    let told: Vec<_> = pods
        .events()
        .lines()
        .filter(told)
        .map(str::to_owned)
        .collect();
    events.assert_eq(&told.join("\n"));
}

const DULL: [&str; 6] = [
    "Scheduled:",
    "Pulling:",
    "Pulled:",
    "Created:",
    "Started:",
    "ImageSubstituted:",
];

#[test]
fn a_read_only_root_leaves_volumes_hosts_and_the_termination_message() {
    check(
        "{
            restartPolicy: Never,
            volumes: [{name: v, emptyDir: {}}],
            containers: [{
                name: c, image: busybox,
                securityContext: {readOnlyRootFilesystem: true},
                volumeMounts: [{name: v, mountPath: /v}],
                command: [sh, -c],
                args: ['
                    for file in /x /etc/resolv.conf /etc/hostname /etc/hosts /v/x /dev/shm/x /dev/termination-log; do
                        touch $file && echo $file;
                    done']}]}",
        &expect![[r#"
            [p/c] touch: /x: Read-only file system
            [p/c] touch: /etc/resolv.conf: Read-only file system
            [p/c] touch: /etc/hostname: Read-only file system
            [p/c] /etc/hosts
            [p/c] /v/x
            [p/c] /dev/shm/x
            [p/c] /dev/termination-log
        "#]],
        &expect![[""]],
    );
}

#[test]
fn missing_pull_secrets_only_warn() {
    check(
        "{
            restartPolicy: Never,
            imagePullSecrets: [{name: one}, {name: two}],
            containers: [{name: c, image: busybox, command: [echo, hello]}]}",
        &expect![[r#"
            [p/c] hello
        "#]],
        &expect![
            "0s FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (one, two); attempting to pull the image may not succeed."
        ],
    );
}

#[test]
fn containers_of_a_pod_share_their_ports() {
    let server = |name: &str| {
        format!(
            "{{name: {name}, image: registry.k8s.io/e2e-test-images/agnhost:2.63.0, args: [netexec, --udp-port, '-1']}}"
        )
    };
    check(
        &format!(
            "{{restartPolicy: Never, containers: [{}, {}]}}",
            server("a"),
            server("b")
        ),
        &expect![[r#"
            [p/a] 2026/01/01 00:00:00 Started HTTP server on port 8080
            [p/b] 2026/01/01 00:00:00 Started HTTP server on port 8080
            [p/b] 2026/01/01 00:00:00 listen tcp :8080: bind: address already in use
        "#]],
        &expect![[""]],
    );
}
