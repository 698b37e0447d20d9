//! `common/node/secrets.go`

use crate::framework::{Case, Framework, object};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 143,
        name: "should fail to create secret due to empty secret key",
        adapted: "",
        run: |framework| Box::pin(empty_key(framework)),
    },
    Case {
        line: 157,
        name: "should patch a secret",
        adapted: "",
        run: |framework| Box::pin(patch(framework)),
    },
];

async fn empty_key(framework: Framework) {
    let secrets = framework.api::<Secret>();
    let secret: Secret =
        object(json!({"metadata": {"name": "empty"}, "data": {"": "dmFsdWUtMQ=="}}));
    let error = secrets.create(&PostParams::default(), &secret).await;
    let kube::Error::Api(status) = error.unwrap_err() else {
        panic!("not an answer of the server");
    };
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
}

async fn patch(framework: Framework) {
    let secrets = framework.api::<Secret>();
    let secret: Secret = object(json!({
        "metadata": {"name": "secret", "labels": {"testsecret-constant": "true"}},
        "data": {"key": "dmFsdWU="}, "type": "Opaque",
    }));
    let created = secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    let everywhere: Api<Secret> = Api::all(framework.client.clone());
    let constant = ListParams::default().labels("testsecret-constant=true");
    let is_own = |one: &Secret| one.metadata.namespace.as_deref() == Some(&framework.namespace);
    let found = everywhere.list(&constant).await.unwrap();
    assert!(found.items.iter().any(is_own));

    let patch =
        json!({"metadata": {"labels": {"testsecret": "true"}}, "data": {"key": "dmFsdWUx"}});
    secrets
        .patch("secret", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    let read = secrets.get("secret").await.unwrap();
    assert!(framework.is_newer(&read, &created));
    assert_eq!(read.data.unwrap()["key"], ByteString(b"value1".to_vec()));

    let selected = ListParams::default().labels("testsecret=true");
    secrets
        .delete_collection(&DeleteParams::default(), &selected)
        .await
        .unwrap();
    let found = everywhere.list(&constant).await.unwrap();
    assert!(!found.items.iter().any(is_own));
}
