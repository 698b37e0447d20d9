//! `runAsUser`, `runAsNonRoot`, `readOnlyRootFilesystem`.

use crate::cases::{self, BUSYBOX, Case, File, NON_ROOT, adapted, not_applicable, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;

pub(crate) const FILE: File = File {
    path: "common/node/security_context.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    adapted(
        460,
        "should run the container with uid 65534",
        PRESENTED,
        || {
            runs_as(65534);
        },
    ),
    adapted(
        471,
        "should run the container with uid 0",
        PRESENTED,
        || {
            runs_as(0);
        },
    ),
    adapted(
        501,
        "should run with an explicit non-root user ID",
        PRESENTED,
        || {
            let pod = non_root_pod(BUSYBOX, "runAsUser: 1000");
            let log = Cluster::new().test_output(&pod, "non-root", &[]);
            assert_eq!(log, "1000\n");
        },
    ),
    pass(511, "should not run with an explicit root user ID", || {
        refused(&non_root_pod(NON_ROOT, "runAsUser: 0"));
    }),
    pass(523, "should run with an image specified user ID", || {
        let log = Cluster::new().test_output(&non_root_pod(NON_ROOT, ""), "non-root", &[]);
        assert_eq!(log, "1234\n");
    }),
    pass(531, "should not run without a specified user ID", || {
        refused(&non_root_pod(BUSYBOX, ""));
    }),
    pass(
        589,
        "should run the container with readonly rootfs when readOnlyRootFilesystem=true",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&touching_pod(true));
            cluster.wait_for_failure("busybox-readonly", POD_START_S);
        },
    ),
    pass(
        599,
        "should run the container with writable rootfs when readOnlyRootFilesystem=false",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&touching_pod(false));
            cluster.wait_for_success("busybox-readonly", POD_START_S);
        },
    ),
    not_applicable(
        641,
        "should run the container as unprivileged when false",
        "capabilities of Linux: a guest has no way to ask for a network device",
    ),
    not_applicable(
        707,
        "should allow privilege escalation when not explicitly set and uid != 0",
        SETUID,
    ),
    not_applicable(
        722,
        "should not allow privilege escalation when false",
        SETUID,
    ),
    not_applicable(739, "should allow privilege escalation when true", SETUID),
];

const PRESENTED: &str = "the user is shown to the guest; no kernel enforces it";
const SETUID: &str = "setuid programs and no_new_privs of Linux";

fn runs_as(uid: u32) {
    let fields = format!(
        "command: [sh, -c, test $(id -u) -eq {uid}]
securityContext: {{runAsUser: {uid}}}"
    );
    let spec = "restartPolicy: Never";
    let pod = cases::pod("busybox-user", spec, "busybox-user", BUSYBOX, &fields);
    let mut cluster = Cluster::new();
    cluster.create(&pod);
    cluster.wait_for_success("busybox-user", POD_START_S);
}

fn non_root_pod(image: &str, user: &str) -> String {
    let fields = format!(
        "command: [id, -u]
securityContext:
  runAsNonRoot: true
  {user}"
    );
    cases::pod(
        "non-root",
        "restartPolicy: Never",
        "non-root",
        image,
        &fields,
    )
}

fn refused(pod: &str) {
    let mut cluster = Cluster::new();
    cluster.create(pod);
    cluster.wait_for_event("non-root", "Failed", "Error: ", POD_START_S);
    cluster.hold("non-root", 60, |status| !status.phase.is_terminal());
}

fn touching_pod(read_only: bool) -> String {
    let fields = format!(
        "command: [sh, -c, touch checkfile]
securityContext: {{readOnlyRootFilesystem: {read_only}}}"
    );
    cases::pod(
        "busybox-readonly",
        "restartPolicy: Never",
        "busybox-readonly",
        BUSYBOX,
        &fields,
    )
}
