//! `node/pods.go`

use crate::framework::{AGNHOST, BUSYBOX, Case, Framework, NGINX, PAUSE};
use k8s_openapi::api::core::v1::{Pod, PodSpec, Toleration};
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 163,
        name: "should be set on Pods with matching resource requests and limits for memory and cpu",
        adapted: "",
        run: |framework| Box::pin(guaranteed(framework)),
    },
    Case {
        line: 435,
        name: "pod generation should start at 1 and increment per update",
        adapted: "",
        run: |framework| Box::pin(generation_per_update(framework)),
    },
    Case {
        line: 540,
        name: "custom-set generation on new pods and graceful delete",
        adapted: "the container does not end at once when it is told to",
        run: |framework| Box::pin(generation_of_deleted(framework)),
    },
    Case {
        line: 581,
        name: "issue 500 podspec updates and verify generation and observedGeneration eventually converge",
        adapted: "",
        run: |framework| Box::pin(updates(framework)),
    },
];

fn agnhost(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "agnhost-container", "image": AGNHOST, "args": ["pause"]}]},
    })
}

fn spec(pod: &mut Pod) -> &mut PodSpec {
    pod.spec.as_mut().unwrap()
}

async fn guaranteed(framework: Framework) {
    let amounts = json!({"cpu": "100m", "memory": "100Mi"});
    let mut pod = agnhost("pod-qos-class");
    pod["spec"]["containers"][0]["resources"] = json!({"limits": amounts, "requests": amounts});
    framework.create_pod(pod).await;
    let pod = framework.api::<Pod>().get("pod-qos-class").await.unwrap();
    let class = pod.status.unwrap().qos_class;
    assert_eq!(class.as_deref(), Some("Guaranteed"));
}

/// What is changed in a pod, and whether its generation rises.
type Change = (&'static str, fn(&mut Pod), bool);

const CHANGES: &[Change] = &[
    ("nothing", |_| {}, false),
    (
        "tolerations",
        |pod| {
            spec(pod).tolerations = Some(vec![Toleration {
                key: Some("foo".to_owned()),
                operator: Some("Equal".to_owned()),
                value: Some("bar".to_owned()),
                effect: Some("NoSchedule".to_owned()),
                ..Toleration::default()
            }]);
        },
        true,
    ),
    (
        "activeDeadlineSeconds",
        |pod| spec(pod).active_deadline_seconds = Some(5000),
        true,
    ),
    (
        "image",
        |pod| spec(pod).containers[0].image = Some(NGINX.to_owned()),
        true,
    ),
    (
        "image of an init container",
        |pod| {
            let containers = spec(pod).init_containers.as_mut().unwrap();
            containers[0].image = Some(PAUSE.to_owned());
        },
        true,
    ),
    (
        "annotations",
        |pod| {
            let annotation = ("key".to_owned(), "value".to_owned());
            pod.metadata.annotations = Some([annotation].into());
        },
        false,
    ),
    ("generation", |pod| pod.metadata.generation = Some(1), false),
];

async fn wait_for_observed(framework: &Framework, name: &str, generation: i64, within: Duration) {
    let is_observed = |pod: &Pod| {
        let status = pod.status.as_ref();
        status.and_then(|status| status.observed_generation) == Some(generation)
    };
    let observed = framework.pod_once(name, is_observed);
    let observed = timeout(within, observed).await;
    observed.unwrap_or_else(|_| panic!("generation {generation} is not observed"));
}

async fn generation_per_update(framework: Framework) {
    let name = "pod-generation";
    let mut pod = agnhost(name);
    pod["spec"]["initContainers"] = json!([{"name": "init-container", "image": BUSYBOX}]);
    let pod = framework.create_ready_pod(pod).await;
    assert_eq!(pod.metadata.generation, Some(1));
    let mut generation = 1;
    for (what, change, rises) in CHANGES {
        framework.update_pod(name, change).await;
        let pod = framework.api::<Pod>().get(name).await.unwrap();
        generation += i64::from(*rises);
        assert_eq!(pod.metadata.generation, Some(generation), "{what}");
        wait_for_observed(&framework, name, generation, Duration::from_secs(20)).await;
    }
}

async fn generation_of_deleted(framework: Framework) {
    let name = "pod-generation";
    let mut pod = agnhost(name);
    pod["metadata"]["generation"] = 100.into();
    let container = &mut pod["spec"]["containers"][0];
    container["command"] = json!(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]);
    container["image"] = BUSYBOX.into();
    container["args"] = json!([]);
    let pod = framework.create_ready_pod(pod).await;
    assert_eq!(pod.metadata.generation, Some(1));
    let pods = framework.api::<Pod>();
    let gracefully = DeleteParams::default().grace_period(60);
    let deleted = pods.delete(name, &gracefully).await.unwrap();
    assert!(deleted.is_left(), "{:?}", deleted.right());
    let pod = pods.get(name).await.unwrap();
    assert_eq!(pod.metadata.generation, Some(2));
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete(name, &at_once).await.unwrap();
}

async fn updates(framework: Framework) {
    let name = "pod-generation";
    let mut pod = agnhost(name);
    pod["spec"]["activeDeadlineSeconds"] = 5000.into();
    framework.create_ready_pod(pod).await;
    for _ in 0..499 {
        let shorten = |pod: &mut Pod| {
            let deadline = spec(pod).active_deadline_seconds.as_mut();
            *deadline.unwrap() -= 1;
        };
        framework.update_pod(name, shorten).await;
    }
    wait_for_observed(&framework, name, 500, Duration::from_mins(5)).await;
    let pod = framework.api::<Pod>().get(name).await.unwrap();
    assert_eq!(pod.metadata.generation, Some(500));
}
