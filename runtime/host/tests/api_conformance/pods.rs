//! `common/node/pods.go`

use crate::framework::{AGNHOST, ATTEMPTS, Case, Framework, is_ready, is_running};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use serde_json::json;
use std::pin::pin;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 903,
        name: "should run through the lifecycle of Pods and PodStatus",
        adapted: "waits for the new image to run before it says that the pod is not ready",
        run: |framework| Box::pin(lifecycle(framework)),
    },
    Case {
        line: 1091,
        name: "should patch a pod status",
        adapted: "",
        run: |framework| Box::pin(patch_status(framework)),
    },
];

const LABEL: &str = "test-pod-static=true";
/// Another tag of the image of upstream's tests (`AgnhostPrev`).
const AGNHOST_BEFORE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.55";

/// Watches the pods of the label from a version on until something is told.
async fn until(framework: &Framework, version: &str, is_it: impl Fn(&WatchEvent<Pod>) -> bool) {
    let pods = framework.api::<Pod>();
    let selected = WatchParams::default().labels(LABEL);
    let mut events = pin!(pods.watch(&selected, version).await.unwrap());
    let seen = async {
        while let Some(event) = events.next().await {
            if is_it(&event.unwrap()) {
                return;
            }
        }
        panic!("the watch ended");
    };
    let seen = tokio::time::timeout(Duration::from_mins(5), seen).await;
    seen.expect("what is waited for");
}

fn version(pod: &Pod) -> &str {
    pod.metadata.resource_version.as_deref().unwrap()
}

/// The conditions about being ready of this status.
fn readiness<'a>(
    conditions: Option<&'a mut Vec<PodCondition>>,
    status: &'a str,
) -> impl Iterator<Item = &'a mut PodCondition> {
    conditions.into_iter().flatten().filter(move |one| {
        ["Ready", "ContainersReady"].contains(&one.type_.as_str()) && one.status == status
    })
}

async fn lifecycle(framework: Framework) {
    let pods = framework.api::<Pod>();
    let name = "pod-test";
    let selected = ListParams::default().labels(LABEL);
    let before = pods.list(&selected).await.unwrap();
    let before = before.metadata.resource_version.unwrap();
    framework
        .create_pod(json!({
            "metadata": {"name": name, "labels": {"test-pod-static": "true"}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": name, "image": AGNHOST_BEFORE}]},
        }))
        .await;
    until(&framework, &before, |event| match event {
        WatchEvent::Added(pod) | WatchEvent::Modified(pod) => is_running(pod),
        _ => false,
    })
    .await;
    let running = pods.get(name).await.unwrap();
    assert!(is_running(&running));

    let patch = Patch::Strategic(json!({
        "metadata": {"labels": {"test-pod": "patched"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": name, "image": AGNHOST, "resources": {}}]},
        "status": {},
    }));
    pods.patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    let is_modified = |event: &WatchEvent<Pod>| matches!(event, WatchEvent::Modified(_));
    until(&framework, version(&running), is_modified).await;
    let patched = pods.get(name).await.unwrap();
    assert_eq!(
        patched.metadata.labels.as_ref().unwrap()["test-pod"],
        "patched"
    );
    let image = &patched.spec.as_ref().unwrap().containers[0].image;
    assert_eq!(image.as_deref(), Some(AGNHOST));
    assert!(framework.is_newer(&patched, &running));

    let runs_anew = |pod: &Pod| {
        let status = pod.status.as_ref();
        status.and_then(|status| status.observed_generation) == pod.metadata.generation
            && is_ready(pod)
    };
    framework.pod_once(name, runs_anew).await;
    let mut replaced = replace_readiness(&framework, name).await;
    let from = version(&replaced).to_owned();
    let conditions = replaced.status.as_mut().unwrap().conditions.as_mut();
    assert_eq!(readiness(conditions, "False").count(), 2);

    let soon = DeleteParams::default().grace_period(1);
    pods.delete_collection(&soon, &selected).await.unwrap();
    let is_deleted = |event: &WatchEvent<Pod>| matches!(event, WatchEvent::Deleted(_));
    until(&framework, &from, is_deleted).await;
    assert!(pods.get_opt(name).await.unwrap().is_none());
}

/// Says in the status of a pod that is ready that it is not.
async fn replace_readiness(framework: &Framework, name: &str) -> Pod {
    let pods = framework.api::<Pod>();
    for _ in 0..ATTEMPTS {
        let mut pod = pods.get_status(name).await.unwrap();
        let conditions = pod.status.as_mut().unwrap().conditions.as_mut();
        let mut found = 0;
        for condition in readiness(conditions, "True") {
            condition.status = "False".to_owned();
            found += 1;
        }
        assert_eq!(found, 2);
        match pods
            .replace_status(name, &PostParams::default(), &pod)
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            replaced => return replaced.unwrap(),
        }
    }
    panic!("the status of {name} changes all the time");
}

async fn patch_status(framework: Framework) {
    let name = "pod-status";
    framework
        .create_pod(json!({
            "metadata": {"name": name, "labels": {"e2e": name}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "agnhost", "image": AGNHOST}]},
        }))
        .await;
    framework.pod_once(name, is_running).await;
    let patch = Patch::Merge(json!({
        "metadata": {"annotations": {"patchedstatus": "true"}},
        "status": {"message": "Patched by e2e test", "reason": "E2E"},
    }));
    let pods = framework.api::<Pod>();
    let patched = pods
        .patch_status(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    let status = patched.status.unwrap();
    assert_eq!(status.message.as_deref(), Some("Patched by e2e test"));
    assert_eq!(status.reason.as_deref(), Some("E2E"));
}
