//! `common/storage/configmap_volume.go` and `common/storage/secrets_volume.go`: what is immutable.

use crate::framework::{Case, Framework, object};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Resource;
use kube::api::{DeleteParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json, to_value};
use std::fmt::Debug;

pub(crate) const CONFIG_MAPS: &[Case] = &[Case {
    line: 504,
    name: "should be immutable if `immutable` field is set",
    adapted: "",
    run: |framework| Box::pin(immutable::<ConfigMap>(framework, "value")),
}];

pub(crate) const SECRETS: &[Case] = &[Case {
    line: 386,
    name: "should be immutable if `immutable` field is set",
    adapted: "",
    run: |framework| Box::pin(immutable::<Secret>(framework, "dmFsdWU=")),
}];

async fn immutable<K>(framework: Framework, value: &'static str)
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let api = framework.api::<K>();
    let new: K = object(json!({"metadata": {"name": "immutable"}, "data": {"data-1": value}}));
    api.create(&PostParams::default(), &new).await.unwrap();
    let replace = async |change: fn(&mut Value, &str)| {
        let mut current = to_value(api.get("immutable").await.unwrap()).unwrap();
        change(&mut current, value);
        let current: K = object(current);
        let replaced = api
            .replace("immutable", &PostParams::default(), &current)
            .await;
        match replaced {
            Ok(_) => 200,
            Err(kube::Error::Api(status)) => status.code,
            Err(error) => panic!("{error}"),
        }
    };
    let changed = replace(|current, value| current["data"]["data-4"] = value.into()).await;
    assert_eq!(changed, 200);
    let marked = replace(|current, _| current["immutable"] = true.into()).await;
    assert_eq!(marked, 200);
    let changed = replace(|current, value| current["data"]["data-5"] = value.into()).await;
    assert_eq!(changed, 422);
    let unmarked = replace(|current, _| current["immutable"] = false.into()).await;
    assert_eq!(unmarked, 422);
    let labelled =
        replace(|current, _| current["metadata"]["labels"] = json!({"label1": "value1"}));
    assert_eq!(labelled.await, 200);
    api.delete("immutable", &DeleteParams::default())
        .await
        .unwrap();
}
