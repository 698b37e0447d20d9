//! Kernel parameters: shown and checked, but there is no kernel to set them in.

use super::pod_admission::fails_for;
use crate::cases::{self, BUSYBOX, Case, File, not_applicable, pass};
use seedpod_tests::Cluster;

pub(crate) const FILE: File = File {
    path: "common/node/sysctl.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    not_applicable(79, "should support sysctls", KERNEL),
    pass(125, "should reject invalid sysctls", || {
        let errors = Cluster::new().try_create(&pod("
  - {name: foo-, value: bar}
  - {name: kernel.shmmax, value: '100000000'}
  - {name: safe-and-unsafe, value: '100000000'}
  - {name: bar.., value: '42'}"));
        let errors = errors.expect_err("two of the names are wrong");
        assert!(errors.contains(r#"Invalid value: "foo-""#), "{errors}");
        assert!(errors.contains(r#"Invalid value: "bar..""#), "{errors}");
        assert!(!errors.contains("safe-and-unsafe"), "{errors}");
        assert!(!errors.contains("kernel.shmmax"), "{errors}");
    }),
    pass(
        162,
        "should not launch unsafe, but not explicitly enabled sysctls on the node",
        || {
            let pod = pod("\n  - {name: kernel.msgmax, value: '10000000000'}");
            fails_for(&pod, "sysctl", "SysctlForbidden");
        },
    ),
    not_applicable(
        189,
        "should support sysctls with slashes as separator",
        KERNEL,
    ),
];

const KERNEL: &str = "a parameter of the Linux kernel";

fn pod(sysctls: &str) -> String {
    let spec = format!("restartPolicy: Never\nsecurityContext:\n  sysctls:{sysctls}");
    cases::pod("sysctl", &spec, "test-container", BUSYBOX, "")
}
