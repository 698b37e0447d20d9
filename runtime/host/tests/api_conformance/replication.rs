//! The cases of `kubectl/kubectl.go` that are about ReplicationControllers.

use crate::framework::{Framework, Kubectl};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;

fn controller(name: &str, replicas: usize) -> String {
    format!(
        "{{apiVersion: v1, kind: ReplicationController, metadata: {{name: {name}}}, spec: {{replicas: {replicas}, \
         selector: {{name: {name}}}, template: {{metadata: {{labels: {{name: {name}}}}}, spec: {{containers: [\
         {{name: {name}, image: busybox, command: [sleep, '1000'], ports: [{{containerPort: 6379}}]}}]}}}}}}}}"
    )
}

/// So many pods of a controller run.
async fn validate(framework: &Framework, kubectl: &Kubectl, name: &str, replicas: usize) {
    let ready = format!("--for=jsonpath={{.status.readyReplicas}}={replicas}");
    kubectl.run(&["wait", "rc", name, &ready, "--timeout=60s"]);
    let selected = ListParams::default().labels(&format!("name={name}"));
    let pods = framework.api::<Pod>().list(&selected).await.unwrap().items;
    let alive = pods
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let phases = alive.map(|pod| pod.status.as_ref()?.phase.as_deref());
    assert_eq!(phases.collect::<Vec<_>>(), vec![Some("Running"); replicas]);
}

pub(crate) async fn create_and_stop(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let manifest = controller("update-demo", 2);
    kubectl.run_with(&["create", "-f", "-"], &manifest);
    validate(&framework, &kubectl, "update-demo", 2).await;
    let delete = ["delete", "--grace-period=0", "--force", "-f", "-"];
    kubectl.run_with(&delete, &manifest);
    kubectl.run(&[
        "wait",
        "--for=delete",
        "pod",
        "-l",
        "name=update-demo",
        "--timeout=60s",
    ]);
    assert_eq!(kubectl.run(&["get", "rc", "-o", "name"]), "");
}

pub(crate) async fn scale(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    kubectl.run_with(&["create", "-f", "-"], &controller("update-demo", 2));
    validate(&framework, &kubectl, "update-demo", 2).await;
    for replicas in [1, 2] {
        let wanted = format!("--replicas={replicas}");
        kubectl.run(&["scale", "rc", "update-demo", &wanted, "--timeout=5m"]);
        validate(&framework, &kubectl, "update-demo", replicas).await;
    }
    kubectl.run(&["delete", "rc", "update-demo"]);
}

pub(crate) async fn expose(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    kubectl.run_with(&["create", "-f", "-"], &controller("agnhost-primary", 1));
    validate(&framework, &kubectl, "agnhost-primary", 1).await;
    kubectl.run(&[
        "expose",
        "rc",
        "agnhost-primary",
        "--name=rm2",
        "--port=1234",
        "--target-port=6379",
    ]);
    kubectl.run(&[
        "expose",
        "service",
        "rm2",
        "--name=rm3",
        "--port=2345",
        "--target-port=6379",
    ]);
    for (name, port) in [("rm2", 1234), ("rm3", 2345)] {
        let service = framework.api::<Service>().get(name).await.unwrap();
        let ports = service.spec.unwrap().ports.unwrap();
        assert_eq!(ports.len(), 1);
        assert_eq!(ports[0].port, port);
        assert_eq!(ports[0].target_port, Some(IntOrString::Int(6379)));
        let label = format!("kubernetes.io/service-name={name}");
        let selected = ListParams::default().labels(&label);
        let slices = framework
            .api::<EndpointSlice>()
            .list(&selected)
            .await
            .unwrap();
        let endpoints = slices
            .items
            .iter()
            .map(|slice| slice.endpoints.as_ref().map_or(0, Vec::len));
        assert_eq!(endpoints.sum::<usize>(), 1);
        let ports = slices.items[0].ports.as_ref().unwrap();
        assert_eq!(ports[0].port, Some(6379));
    }
    kubectl.run(&["delete", "rc,svc", "--all"]);
}

pub(crate) async fn annotate(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    kubectl.run_with(&["create", "-f", "-"], &controller("agnhost-primary", 1));
    validate(&framework, &kubectl, "agnhost-primary", 1).await;
    let patch = r#"{"metadata":{"annotations":{"x":"y"}}}"#;
    let pods = framework.api::<Pod>();
    for pod in pods.list(&ListParams::default()).await.unwrap().items {
        let name = pod.metadata.name.unwrap();
        kubectl.run(&["patch", "pod", &name, "-p", patch]);
        let annotations = pods.get(&name).await.unwrap().metadata.annotations;
        assert_eq!(annotations.unwrap()["x"], "y");
    }
    kubectl.run(&["delete", "rc", "agnhost-primary"]);
}
