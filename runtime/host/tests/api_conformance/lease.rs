//! `common/node/lease.go`

use crate::framework::{Case, Framework, object};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

pub(crate) const CASES: &[Case] = &[Case {
    line: 75,
    name: "lease API should be available",
    adapted: "",
    run: |framework| Box::pin(lease_api(framework)),
}];

async fn lease_api(framework: Framework) {
    let leases = framework.api::<Lease>();
    let now = "2026-01-02T03:04:05.000006Z";
    let lease: Lease = object(json!({
        "metadata": {"name": "lease"},
        "spec": {"holderIdentity": "holder", "leaseDurationSeconds": 30, "acquireTime": now,
            "renewTime": now, "leaseTransitions": 0},
    }));
    let created = leases.create(&PostParams::default(), &lease).await.unwrap();
    let read = leases.get("lease").await.unwrap();
    assert_eq!(created.spec, lease.spec);
    assert_eq!(read.spec, lease.spec);

    let mut other = read.clone();
    other.spec = object(json!({
        "holderIdentity": "holder2", "leaseDurationSeconds": 60, "acquireTime": now,
        "renewTime": "2026-01-02T03:05:05.000000Z", "leaseTransitions": 1,
    }));
    let replaced = leases
        .replace("lease", &PostParams::default(), &other)
        .await
        .unwrap();
    assert_eq!(replaced.spec, other.spec);
    assert_eq!(leases.get("lease").await.unwrap().spec, other.spec);

    let patch = json!({"spec": {"holderIdentity": "holder3", "leaseDurationSeconds": 80, "leaseTransitions": 2}});
    leases
        .patch("lease", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    let spec = leases.get("lease").await.unwrap().spec.unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some("holder3"));
    assert_eq!(spec.lease_duration_seconds, Some(80));
    assert_eq!(spec.lease_transitions, Some(2));

    let second: Lease = object(json!({
        "metadata": {"name": "lease2", "labels": {"deletecollection": "true"}},
        "spec": {"holderIdentity": "holder", "leaseDurationSeconds": 30},
    }));
    leases
        .create(&PostParams::default(), &second)
        .await
        .unwrap();
    let all = ListParams::default();
    assert_eq!(leases.list(&all).await.unwrap().items.len(), 2);
    let selected = all.labels("deletecollection=true");
    let parameters = DeleteParams::default();
    leases
        .delete_collection(&parameters, &selected)
        .await
        .unwrap();
    let left = leases.list(&ListParams::default()).await.unwrap();
    assert_eq!(left.items.len(), 1);
    leases.delete("lease", &parameters).await.unwrap();
    let left = leases.list(&ListParams::default()).await.unwrap();
    assert!(left.items.is_empty());
}
