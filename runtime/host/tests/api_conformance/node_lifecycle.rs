//! `node/node_lifecycle.go`

use crate::framework::{ATTEMPTS, Case, Framework, object};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

pub(crate) const CASES: &[Case] = &[Case {
    line: 53,
    name: "should run through the lifecycle of a node",
    adapted: "",
    run: |framework| Box::pin(lifecycle(framework)),
}];

async fn lifecycle(framework: Framework) {
    let nodes: Api<Node> = Api::all(framework.client.clone());
    let name = format!("e2e-fake-node-{}", framework.namespace);
    let node: Node = object(json!({
        "metadata": {"name": name},
        "spec": {"unschedulable": true},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "message": "Set from e2e test", "reason": "E2E"},
        ]},
    }));
    let parameters = PostParams::default();
    let created = nodes.create(&parameters, &node).await.unwrap();
    assert_eq!(created.metadata.name.as_ref(), Some(&name));
    let version = created.metadata.resource_version.as_ref().unwrap();
    assert!(version.parse::<u64>().unwrap() > 0);
    let read = nodes.get(&name).await.unwrap();
    assert_eq!(read.metadata.name.as_ref(), Some(&name));

    let patch = Patch::Strategic(json!({"metadata": {"labels": {&name: "patched"}}}));
    let patched = nodes
        .patch(&name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(patched.metadata.labels.as_ref().unwrap()[&name], "patched");
    assert!(framework.is_newer(&patched, &created));
    let selected = ListParams::default().labels(&format!("{name}=patched"));
    assert_eq!(nodes.list(&selected).await.unwrap().items.len(), 1);

    let mut attempts = 0..ATTEMPTS;
    let updated = loop {
        assert!(attempts.next().is_some(), "it changes all the time");
        let mut node = nodes.get(&name).await.unwrap();
        let labels = node.metadata.labels.get_or_insert_default();
        labels.insert(name.clone(), "updated".to_owned());
        match nodes.replace(&name, &parameters, &node).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            updated => break updated.unwrap(),
        }
    };
    assert_eq!(updated.metadata.labels.unwrap()[&name], "updated");

    let parameters = DeleteParams::default();
    nodes.delete(&name, &parameters).await.unwrap();
    assert!(nodes.get_opt(&name).await.unwrap().is_none());
}
