//! `kubectl/kubectl.go`

use crate::framework::{Case, Framework};
use crate::replication;
use k8s_openapi::api::core::v1::Pod;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 357,
        name: "should create and stop a replication controller",
        adapted: "busybox for nautilus",
        run: |framework| Box::pin(replication::create_and_stop(framework)),
    },
    Case {
        line: 370,
        name: "should scale a replication controller",
        adapted: "busybox for nautilus",
        run: |framework| Box::pin(replication::scale(framework)),
    },
    Case {
        line: 1082,
        name: "should check if kubectl diff finds a difference for Deployments",
        adapted: "other images",
        run: |framework| Box::pin(diff(framework)),
    },
    Case {
        line: 1113,
        name: "should check if kubectl can dry-run update Pods",
        adapted: "other images",
        run: |framework| Box::pin(dry_run(framework)),
    },
    Case {
        line: 1567,
        name: "should create services for rc",
        adapted: "busybox for agnhost",
        run: |framework| Box::pin(replication::expose(framework)),
    },
    Case {
        line: 1661,
        name: "should update the label on a resource",
        adapted: "busybox for pause",
        run: |framework| Box::pin(label(framework)),
    },
    Case {
        line: 1727,
        name: "should add annotations for pods in rc",
        adapted: "busybox for agnhost",
        run: |framework| Box::pin(replication::annotate(framework)),
    },
];

async fn diff(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let deployment = |image: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: agnhost-replica}}, spec: {{replicas: 0, \
             selector: {{matchLabels: {{app: agnhost}}}}, template: {{metadata: {{labels: {{app: agnhost}}}}, \
             spec: {{containers: [{{name: replica, image: {image}}}]}}}}}}}}"
        )
    };
    kubectl.run_with(&["create", "-f", "-"], &deployment("nginx:1.25"));
    let diff = kubectl.output(&["diff", "-f", "-"], &deployment("busybox:1.36"));
    assert_eq!(diff.status.code(), Some(1));
    let diff = String::from_utf8(diff.stdout).unwrap();
    for image in ["nginx:1.25", "busybox:1.36"] {
        assert!(diff.contains(image), "{diff}");
    }
    kubectl.run_with(&["delete", "-f", "-"], &deployment("busybox:1.36"));
}

async fn dry_run(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let name = "e2e-test-agnhost-pod";
    kubectl.run(&[
        "run",
        name,
        "--image=nginx",
        "--labels=run=e2e-test-agnhost-pod",
    ]);
    let patch = format!(r#"{{"spec":{{"containers":[{{"name": "{name}","image": "busybox"}}]}}}}"#);
    kubectl.run(&["patch", "pod", name, "-p", &patch, "--dry-run=server"]);
    let pod = framework.api::<Pod>().get(name).await.unwrap();
    let image = pod.spec.unwrap().containers.swap_remove(0).image;
    assert_eq!(image.as_deref(), Some("nginx"));
    kubectl.run(&["delete", "pods", name, "--now"]);
}

async fn label(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let (name, value) = ("testing-label", "testing-label-value");
    kubectl.run(&["run", "pause", "--image=busybox", "--", "sleep", "3600"]);
    kubectl.run(&[
        "wait",
        "pod/pause",
        "--for=condition=Ready",
        "--timeout=60s",
    ]);
    kubectl.run(&["label", "pods", "pause", &format!("{name}={value}")]);
    let shown = kubectl.run(&["get", "pod", "pause", "-L", name]);
    assert!(shown.contains(value), "{shown}");
    kubectl.run(&["label", "pods", "pause", &format!("{name}-")]);
    let shown = kubectl.run(&["get", "pod", "pause", "-L", name]);
    assert!(!shown.contains(value), "{shown}");
    kubectl.run(&["delete", "pod", "pause", "--now"]);
}
