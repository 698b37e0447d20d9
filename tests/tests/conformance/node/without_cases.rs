//! Files of which nothing is about pods on a node without a cluster and a kernel.

use crate::cases::{File, not_applicable};

pub(crate) const FILES: &[File] = &[File {
    path: "common/node/privileged.go",
    cases: &[not_applicable(
        55,
        "should enable privileged commands",
        "asks the Linux kernel for a network device (CAP_NET_ADMIN)",
    )],
}];
