//! Files of which nothing is about pods on a node without a cluster and a kernel.

use crate::cases::{API, Case, File, not_applicable};

pub(crate) const FILES: &[File] = &[
    File {
        path: "common/node/node_lease.go",
        cases: NODE_LEASE,
    },
    File {
        path: "common/node/privileged.go",
        cases: &[not_applicable(
            55,
            "should enable privileged commands",
            "asks the Linux kernel for a network device (CAP_NET_ADMIN)",
        )],
    },
    File {
        path: "common/node/runtimeclass.go",
        cases: RUNTIME_CLASS,
    },
];

const HEARTBEAT: &str = "the heartbeat of a node of a cluster";

const NODE_LEASE: &[Case] = &[
    not_applicable(
        53,
        "the kubelet should create and update a lease in the kube-node-lease namespace",
        HEARTBEAT,
    ),
    not_applicable(91, "should have OwnerReferences set", HEARTBEAT),
    not_applicable(
        115,
        "the kubelet should report node status infrequently",
        HEARTBEAT,
    ),
];

const RUNTIME_CLASS: &[Case] = &[
    not_applicable(
        59,
        "should reject a Pod requesting a non-existent RuntimeClass",
        API,
    ),
    not_applicable(
        110,
        "should schedule a Pod requesting a RuntimeClass without PodOverhead",
        API,
    ),
    not_applicable(
        135,
        "should schedule a Pod requesting a RuntimeClass and initialize its Overhead",
        API,
    ),
    not_applicable(
        162,
        "should reject a Pod requesting a deleted RuntimeClass",
        API,
    ),
    not_applicable(196, "should support RuntimeClasses API operations", API),
];
