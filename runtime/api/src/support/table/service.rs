//! Services.

use super::super::Support;
use super::super::line::{honoured, ignored, refused};

pub(super) const LINES: &[Support] = &[
    honoured(
        "ServiceSpec",
        &[
            "clusterIP",
            "ports",
            "publishNotReadyAddresses",
            "selector",
            "sessionAffinity",
            "type",
        ],
    ),
    ignored(
        "ServiceSpec",
        &[
            "allocateLoadBalancerNodePorts",
            "externalIPs",
            "externalTrafficPolicy",
            "healthCheckNodePort",
            "internalTrafficPolicy",
            "loadBalancerClass",
            "loadBalancerIP",
            "loadBalancerSourceRanges",
            "trafficDistribution",
        ],
        "there is one node and no load balancer in front of it",
    ),
    ignored(
        "ServiceSpec",
        &["clusterIPs", "ipFamilies", "ipFamilyPolicy"],
        "a Service has the one address of clusterIP",
    ),
    ignored(
        "ServiceSpec",
        &["sessionAffinityConfig"],
        "a client stays with its pod as long as that is there",
    ),
    refused(
        "ServiceSpec",
        &["externalName"],
        "names outside of the pod network are answered by nobody",
    ),
    honoured(
        "ServicePort",
        &["name", "nodePort", "port", "protocol", "targetPort"],
    ),
    ignored(
        "ServicePort",
        &["appProtocol"],
        "a Service forwards bytes and does not look into them",
    ),
];
