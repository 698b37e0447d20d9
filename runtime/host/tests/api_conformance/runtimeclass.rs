//! `common/node/runtimeclass.go`

use crate::framework::{Case, Framework, object};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::node::v1::RuntimeClass;
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use std::pin::pin;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 59,
        name: "should reject a Pod requesting a non-existent RuntimeClass",
        adapted: "",
        run: |framework| Box::pin(not_there(framework)),
    },
    Case {
        line: 110,
        name: "should schedule a Pod requesting a RuntimeClass without PodOverhead",
        adapted: "",
        run: |framework| Box::pin(schedule(framework, Value::Null)),
    },
    Case {
        line: 135,
        name: "should schedule a Pod requesting a RuntimeClass and initialize its Overhead",
        adapted: "",
        run: |framework| Box::pin(schedule(framework, json!({"cpu": "10m", "memory": "1Mi"}))),
    },
    Case {
        line: 162,
        name: "should reject a Pod requesting a deleted RuntimeClass",
        adapted: "",
        run: |framework| Box::pin(deleted(framework)),
    },
    Case {
        line: 196,
        name: "should support RuntimeClasses API operations",
        adapted: "",
        run: |framework| Box::pin(operations(framework)),
    },
];

fn classes(framework: &Framework) -> Api<RuntimeClass> {
    Api::all(framework.client.clone())
}

fn pod(class: &str) -> Pod {
    object(json!({
        "metadata": {"generateName": "test-runtimeclass-"},
        "spec": {"runtimeClassName": class, "restartPolicy": "Never", "automountServiceAccountToken": false,
            "containers": [{"name": "test", "image": "busybox", "command": ["true"]}]},
    }))
}

async fn assert_rejected(framework: &Framework, class: &str) {
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let error = framework
        .api::<Pod>()
        .create(&parameters, &pod(class))
        .await;
    let kube::Error::Api(status) = error.unwrap_err() else {
        panic!("not an answer of the server");
    };
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
}

async fn not_there(framework: Framework) {
    let name = format!("{}-nonexistent", framework.namespace);
    assert_rejected(&framework, &name).await;
}

async fn create(framework: &Framework, overhead: &Value) -> String {
    let name = format!("{}-class", framework.namespace);
    let mut class = json!({"metadata": {"name": name}, "handler": "test-handler"});
    if !overhead.is_null() {
        class["overhead"] = json!({"podFixed": overhead});
    }
    classes(framework)
        .create(&PostParams::default(), &object(class))
        .await
        .unwrap();
    name
}

async fn schedule(framework: Framework, overhead: Value) {
    let class = create(&framework, &overhead).await;
    let pods = framework.api::<Pod>();
    let made = pods.create(&PostParams::default(), &pod(&class)).await;
    let name = made.unwrap().metadata.name.unwrap();
    let is_scheduled = |pod: Option<&Pod>| {
        let spec = pod.and_then(|pod| pod.spec.as_ref());
        spec.is_some_and(|spec| spec.node_name.is_some())
    };
    let scheduled = await_condition(pods, &name, is_scheduled).await.unwrap();
    let found = scheduled.unwrap().spec.unwrap().overhead;
    let wanted = (!overhead.is_null()).then(|| object(overhead));
    assert_eq!(found, wanted);
    classes(&framework)
        .delete(&class, &DeleteParams::default())
        .await
        .unwrap();
}

async fn deleted(framework: Framework) {
    let class = create(&framework, &Value::Null).await;
    let classes = classes(&framework);
    classes
        .delete(&class, &DeleteParams::default())
        .await
        .unwrap();
    assert!(classes.get_opt(&class).await.unwrap().is_none());
    assert_rejected(&framework, &class).await;
}

async fn operations(framework: Framework) {
    let groups = framework.client.list_api_groups().await.unwrap();
    let group = groups
        .groups
        .iter()
        .find(|group| group.name == "node.k8s.io");
    let versions = &group.unwrap().versions;
    assert!(versions.iter().any(|version| version.version == "v1"));
    let resources = framework.client.list_api_group_resources("node.k8s.io/v1");
    let resources = resources.await.unwrap().resources;
    assert!(resources.iter().any(|one| one.name == "runtimeclasses"));

    let classes = classes(&framework);
    let name = |number: u8| format!("{}-conformance-{number}", framework.namespace);
    let class = |number: u8| -> RuntimeClass {
        object(
            json!({"metadata": {"name": name(number), "labels": {"test": framework.namespace}},
            "handler": format!("handler-{number}")}),
        )
    };
    let parameters = PostParams::default();
    let created = classes.create(&parameters, &class(1)).await.unwrap();
    let again = classes.create(&parameters, &class(1)).await.unwrap_err();
    assert!(matches!(again, kube::Error::Api(status) if status.code == 409));
    classes.create(&parameters, &class(2)).await.unwrap();

    let label = format!("test={}", framework.namespace);
    let version = created.metadata.resource_version.clone().unwrap();
    let parameters_of_watch = WatchParams::default().labels(&label);
    let watched = classes.watch(&parameters_of_watch, &version);
    let mut watched = pin!(watched.await.unwrap());
    classes.create(&parameters, &class(3)).await.unwrap();

    let read = classes.get(&name(1)).await.unwrap();
    assert_eq!(read.metadata.uid, created.metadata.uid);
    let selected = ListParams::default().labels(&label);
    assert_eq!(classes.list(&selected).await.unwrap().items.len(), 3);

    let patch = Patch::Merge(json!({"metadata": {"annotations": {"patched": "true"}}}));
    let patched = classes
        .patch(&name(1), &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert!(framework.is_newer(&patched, &read));
    let mut update = patched;
    let annotations = update.metadata.annotations.get_or_insert_default();
    annotations.insert("updated".to_owned(), "true".to_owned());
    let updated = classes
        .replace(&name(1), &parameters, &update)
        .await
        .unwrap();
    assert_eq!(updated.metadata.annotations, update.metadata.annotations);

    let mut seen = Vec::new();
    while seen.len() < 4 {
        match watched.next().await.unwrap().unwrap() {
            WatchEvent::Added(_) => seen.push("added"),
            WatchEvent::Modified(class) => {
                let annotations = class.metadata.annotations.unwrap();
                seen.push(match annotations.contains_key("updated") {
                    true => "updated",
                    false => "patched",
                });
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, ["added", "added", "patched", "updated"]);

    let parameters = DeleteParams::default();
    classes.delete(&name(1), &parameters).await.unwrap();
    assert!(classes.get_opt(&name(1)).await.unwrap().is_none());
    assert_eq!(classes.list(&selected).await.unwrap().items.len(), 2);
    classes
        .delete_collection(&parameters, &selected)
        .await
        .unwrap();
    assert!(classes.list(&selected).await.unwrap().items.is_empty());
}
