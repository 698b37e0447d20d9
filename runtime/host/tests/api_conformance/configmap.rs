//! `common/node/configmap.go`

use crate::framework::{Case, Framework, object};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 141,
        name: "should fail to create ConfigMap with empty key",
        adapted: "",
        run: |framework| Box::pin(empty_key(framework)),
    },
    Case {
        line: 150,
        name: "should update ConfigMap successfully",
        adapted: "",
        run: |framework| Box::pin(update(framework)),
    },
    Case {
        line: 176,
        name: "should run through a ConfigMap lifecycle",
        adapted: "",
        run: |framework| Box::pin(lifecycle(framework)),
    },
];

async fn empty_key(framework: Framework) {
    let maps = framework.api::<ConfigMap>();
    let map: ConfigMap = object(json!({"metadata": {"name": "empty"}, "data": {"": "value-1"}}));
    let error = maps.create(&PostParams::default(), &map).await.unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error}");
    };
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
}

async fn update(framework: Framework) {
    let maps = framework.api::<ConfigMap>();
    let mut map: ConfigMap =
        object(json!({"metadata": {"name": "map"}, "data": {"data-1": "value-1"}}));
    maps.create(&PostParams::default(), &map).await.unwrap();
    map.data = object(json!({"data": "value"}));
    maps.replace("map", &PostParams::default(), &map)
        .await
        .unwrap();
    assert_eq!(maps.get("map").await.unwrap().data, map.data);
}

async fn lifecycle(framework: Framework) {
    let maps = framework.api::<ConfigMap>();
    let map: ConfigMap = object(json!({
        "metadata": {"name": "map", "labels": {"test-configmap-static": "true"}},
        "data": {"valueName": "value"},
    }));
    maps.create(&PostParams::default(), &map).await.unwrap();
    let read = maps.get("map").await.unwrap();
    assert_eq!(read.data, map.data);
    assert_eq!(read.metadata.labels, map.metadata.labels);

    let patch = json!({"metadata": {"labels": {"test-configmap": "patched"}}, "data": {"valueName": "value1"}});
    let patched = maps
        .patch("map", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    assert!(framework.is_newer(&patched, &read));

    let everywhere: Api<ConfigMap> = Api::all(framework.client.clone());
    let selected = ListParams::default().labels("test-configmap=patched");
    let found = everywhere.list(&selected).await.unwrap();
    let own = found
        .items
        .iter()
        .find(|one| one.metadata.namespace.as_deref() == Some(framework.namespace.as_str()));
    let data = own.unwrap().data.as_ref().unwrap();
    assert_eq!(data["valueName"], "value1");

    let selected = ListParams::default().labels("test-configmap-static=true");
    maps.delete_collection(&DeleteParams::default(), &selected)
        .await
        .unwrap();
    assert!(maps.list(&selected).await.unwrap().items.is_empty());
}
