//! `test/e2e/node/security_context.go`: `runAsUser` with `runAsGroup`.

use crate::cases::{self, BUSYBOX, Case, File, adapted};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "node/security_context.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    adapted(
        135,
        "should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup",
        PRESENTED,
        || shows("{runAsUser: 1001, runAsGroup: 2002}", "{}", 1001, 2002),
    ),
    adapted(
        170,
        "should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup",
        PRESENTED,
        || {
            let pod = "{runAsUser: 1001, runAsGroup: 2001}";
            shows(pod, "{runAsUser: 1002, runAsGroup: 2002}", 1002, 2002);
        },
    ),
];

const PRESENTED: &str = "the user is shown to the guest; no kernel enforces it";

fn shows(pod: &str, container: &str, user: u32, group: u32) {
    let spec = format!("restartPolicy: Never\nsecurityContext: {pod}");
    let fields = format!("command: [sh, -c, id]\nsecurityContext: {container}");
    let name = "test-container";
    let pod = cases::pod("security-context", &spec, name, BUSYBOX, &fields);
    let (user, group) = (format!("uid={user}"), format!("gid={group}"));
    Cluster::new().test_output(&pod, name, &[&user, &group]);
}
