//! `command` and `args` against the image's ENTRYPOINT and CMD.

use crate::cases::{self, AGNHOST, Case, File, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/node/containers.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        42,
        "should use the image defaults if command and args are blank",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&pod(""));
            cluster.wait_for_running("client-containers", POD_START_S);
            let paused = cluster.advance(Duration::from_secs(60), |cluster| {
                cluster
                    .logs("client-containers", "agnhost-container")
                    .contains("Paused")
            });
            assert!(paused, "{}", cluster.describe("client-containers"));
        },
    ),
    pass(
        62,
        "should be able to override the image's default arguments (container cmd)",
        || {
            prints(
                "args: [entrypoint-tester, override, arguments]",
                "[/agnhost entrypoint-tester override arguments]",
            );
        },
    ),
    pass(
        76,
        "should be able to override the image's default command (container entrypoint)",
        || {
            prints(
                "command: [/agnhost-2]\nargs: [entrypoint-tester]",
                "[/agnhost-2 entrypoint-tester]",
            );
        },
    ),
    pass(
        90,
        "should be able to override the image's default command and arguments",
        || {
            prints(
                "command: [/agnhost-2]\nargs: [entrypoint-tester, override, arguments]",
                "[/agnhost-2 entrypoint-tester override arguments]",
            );
        },
    ),
];

fn pod(fields: &str) -> String {
    let spec = "restartPolicy: Never\nterminationGracePeriodSeconds: 1";
    cases::pod(
        "client-containers",
        spec,
        "agnhost-container",
        AGNHOST,
        fields,
    )
}

fn prints(fields: &str, expected: &str) {
    Cluster::new().test_output(&pod(fields), "agnhost-container", &[expected]);
}
