//! `common/node/node_lease.go`; what takes minutes there is a case in virtual time.

use crate::framework::{Case, Framework};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};
use kube::runtime::wait::await_condition;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 53,
        name: "the kubelet should create and update a lease in the kube-node-lease namespace",
        adapted: "",
        run: |framework| Box::pin(renewed(framework)),
    },
    Case {
        line: 91,
        name: "should have OwnerReferences set",
        adapted: "",
        run: |framework| Box::pin(owned(framework)),
    },
];

fn leases(framework: &Framework) -> Api<Lease> {
    Api::namespaced(framework.client.clone(), "kube-node-lease")
}

async fn renewed(framework: Framework) {
    let nodes: Api<Node> = Api::all(framework.client.clone());
    let schedulable = ListParams::default().fields("spec.unschedulable=false");
    let mut nodes = nodes.list(&schedulable).await.unwrap().items;
    let node = nodes.swap_remove(0).metadata.name.unwrap();
    let leases = leases(&framework);
    let lease = leases.get(&node).await.unwrap().spec.unwrap();
    assert_eq!(lease.holder_identity.as_ref(), Some(&node));
    let time = lease.renew_time.unwrap().0;
    let duration = lease.lease_duration_seconds.unwrap();

    let is_renewed = |lease: Option<&Lease>| {
        let spec = lease.and_then(|lease| lease.spec.as_ref());
        spec.and_then(|spec| spec.renew_time.as_ref())
            .is_some_and(|renewed| renewed.0 > time)
    };
    let duration = Duration::from_secs(duration.try_into().unwrap());
    let renewed = await_condition(leases, &node, is_renewed);
    let renewed = tokio::time::timeout(duration, renewed).await;
    let renewed = renewed
        .expect("a renewal before the lease is over")
        .unwrap();
    let renewed = renewed.unwrap().spec.unwrap();
    assert_eq!(renewed.holder_identity.as_ref(), Some(&node));
    assert!(renewed.lease_duration_seconds.is_some());
}

async fn owned(framework: Framework) {
    let leases = leases(&framework);
    let leases = leases.list(&ListParams::default()).await.unwrap().items;
    assert!(!leases.is_empty());
    for lease in leases {
        let owners = lease.metadata.owner_references.unwrap();
        let kinds = owners
            .iter()
            .map(|owner| (owner.kind.as_str(), owner.api_version.as_str()));
        assert_eq!(kinds.collect::<Vec<_>>(), [("Node", "v1")]);
    }
}
