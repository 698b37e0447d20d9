//! `common/node/podtemplates.go`

use crate::framework::{Case, Framework, object};
use k8s_openapi::api::core::v1::PodTemplate;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 56,
        name: "should run the lifecycle of PodTemplates",
        adapted: "",
        run: |framework| Box::pin(lifecycle(framework)),
    },
    Case {
        line: 127,
        name: "should delete a collection of pod templates",
        adapted: "",
        run: |framework| Box::pin(collection(framework)),
    },
    Case {
        line: 181,
        name: "should replace a pod template",
        adapted: "",
        run: |framework| Box::pin(replace(framework)),
    },
];

fn template(name: &str, label: &str) -> PodTemplate {
    object(json!({
        "metadata": {"name": name, "labels": {label: "true"}},
        "template": {"spec": {"containers": [{"name": "nginx", "image": "nginx"}]}},
    }))
}

async fn lifecycle(framework: Framework) {
    let everywhere: Api<PodTemplate> = Api::all(framework.client.clone());
    let selected = ListParams::default().labels("podtemplate-static=true");
    assert_eq!(everywhere.list(&selected).await.unwrap().items.len(), 0);

    let templates = framework.api::<PodTemplate>();
    let name = "nginx-pod-template";
    let new = template(name, "podtemplate-static");
    templates
        .create(&PostParams::default(), &new)
        .await
        .unwrap();
    let read = templates.get(name).await.unwrap();
    assert_eq!(read.metadata.name.as_deref(), Some(name));

    let patch = Patch::Strategic(json!({"metadata": {"labels": {"podtemplate": "patched"}}}));
    let patched = templates
        .patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert!(framework.is_newer(&patched, &read));
    let labels = templates.get(name).await.unwrap().metadata.labels.unwrap();
    assert_eq!(labels["podtemplate"], "patched");

    let parameters = DeleteParams::default();
    templates.delete(name, &parameters).await.unwrap();
    assert_eq!(everywhere.list(&selected).await.unwrap().items.len(), 0);
}

async fn collection(framework: Framework) {
    let templates = framework.api::<PodTemplate>();
    for number in 1..=3 {
        let new = template(&format!("test-podtemplate-{number}"), "podtemplate-set");
        templates
            .create(&PostParams::default(), &new)
            .await
            .unwrap();
    }
    let selected = ListParams::default().labels("podtemplate-set=true");
    assert_eq!(templates.list(&selected).await.unwrap().items.len(), 3);
    templates
        .delete_collection(&DeleteParams::default(), &selected)
        .await
        .unwrap();
    assert_eq!(templates.list(&selected).await.unwrap().items.len(), 0);
}

async fn replace(framework: Framework) {
    let templates = framework.api::<PodTemplate>();
    let name = "podtemplate";
    templates
        .create(&PostParams::default(), &template(name, "replace"))
        .await
        .unwrap();
    let mut read = templates.get(name).await.unwrap();
    let updated = ("updated".to_owned(), "true".to_owned());
    read.metadata.annotations = Some([updated].into());
    let replaced = templates
        .replace(name, &PostParams::default(), &read)
        .await
        .unwrap();
    assert_eq!(replaced.metadata.annotations.unwrap()["updated"], "true");
}
