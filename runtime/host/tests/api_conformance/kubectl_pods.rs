//! `kubectl/kubectl.go`: pods that kubectl makes, replaces and describes.

use crate::framework::{AGNHOST, BUSYBOX, Case, Framework, Kubectl, is_running};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 1426,
        name: "should check if kubectl describe prints relevant information for rc and pods",
        adapted: "",
        run: |framework| Box::pin(describe(framework)),
    },
    Case {
        line: 1793,
        name: "should create a pod from an image when restart is Never",
        adapted: "",
        run: |framework| Box::pin(run_restart_never(framework)),
    },
    Case {
        line: 1828,
        name: "should update a single-container pod's image",
        adapted: "",
        run: |framework| Box::pin(replace_image(framework)),
    },
];

async fn run_restart_never(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let name = "e2e-test-agnhost-pod";
    let image = format!("--image={AGNHOST}");
    kubectl.run(&[
        "run",
        name,
        "--restart=Never",
        "--pod-running-timeout=2m0s",
        &image,
    ]);
    let pod = framework.api::<Pod>().get(name).await.unwrap();
    let spec = pod.spec.unwrap();
    assert_eq!(spec.containers[0].image.as_deref(), Some(AGNHOST));
    assert_eq!(spec.restart_policy.as_deref(), Some("Never"));
    kubectl.run(&["delete", "pods", name]);
}

async fn replace_image(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let name = "e2e-test-agnhost-pod";
    let (image, labels) = (format!("--image={AGNHOST}"), format!("--labels=run={name}"));
    kubectl.run(&["run", name, &image, "--pod-running-timeout=2m0s", &labels]);
    framework.pod_once(name, is_running).await;
    let json = kubectl.run(&["get", "pod", name, "-o", "json"]);
    assert!(json.contains(name), "{json}");
    let replaced = json.replacen(AGNHOST, BUSYBOX, 1);
    kubectl.run_with(&["replace", "-f", "-"], &replaced);
    let pod = framework.api::<Pod>().get(name).await.unwrap();
    let image = pod.spec.unwrap().containers.swap_remove(0).image;
    assert_eq!(image.as_deref(), Some(BUSYBOX));
    kubectl.run(&["delete", "pods", name]);
}

/// Each requirement's first word stands in a line at or after that of the one before, and its others in the same line.
fn check(kubectl: &Kubectl, described: &[&str], required: &[&[&str]]) {
    let output = kubectl.run(&[&["describe"], described].concat());
    let mut lines = output.lines().peekable();
    for words in required {
        while lines.next_if(|line| !line.contains(words[0])).is_some() {}
        let line = lines.peek();
        let line = line.unwrap_or_else(|| panic!("{words:?} is not, or not there, in: {output}"));
        for word in &words[1..] {
            assert!(
                line.contains(word),
                "{word} is not in {line:?} of: {output}"
            );
        }
    }
}

async fn describe(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let controller = "{apiVersion: v1, kind: ReplicationController, metadata: {name: agnhost-primary, labels: \
        {app: agnhost, role: primary}}, spec: {replicas: 1, selector: {app: agnhost, role: primary}, template: \
        {metadata: {labels: {app: agnhost, role: primary}}, spec: {containers: [{name: agnhost-primary, image: IMAGE, \
        ports: [{name: agnhost-server, containerPort: 6379}]}]}}}}";
    let service = "{apiVersion: v1, kind: Service, metadata: {name: agnhost-primary, labels: {app: agnhost, \
        role: primary}}, spec: {selector: {app: agnhost, role: primary}, ports: [{port: 6379, targetPort: agnhost-server}]}}";
    kubectl.run_with(
        &["create", "-f", "-"],
        &controller.replace("IMAGE", AGNHOST),
    );
    kubectl.run_with(&["create", "-f", "-"], service);
    let has_pod = "--for=jsonpath={.status.readyReplicas}=1";
    kubectl.run(&["wait", "rc/agnhost-primary", has_pod, "--timeout=5m"]);
    let labels = ListParams::default().labels("app=agnhost");
    let pods = framework.api::<Pod>().list(&labels).await.unwrap();
    assert_eq!(pods.items.len(), 1);
    let pod = pods.items[0].metadata.name.clone().unwrap();
    let namespace = framework.namespace.as_str();
    check(
        &kubectl,
        &["pod", &pod],
        &[
            &["Name:", "agnhost-primary-"],
            &["Namespace:", namespace],
            &["Node:"],
            &["Labels:", "app=agnhost"],
            &["role=primary"],
            &["Annotations:"],
            &["Status:", "Running"],
            &["IP:"],
            &["Controlled By:", "ReplicationController/agnhost-primary"],
            &["Image:", AGNHOST],
            &["State:", "Running"],
            &["QoS Class:", "BestEffort"],
        ],
    );
    check(
        &kubectl,
        &["rc", "agnhost-primary"],
        &[
            &["Name:", "agnhost-primary"],
            &["Namespace:", namespace],
            &["Selector:", "app=agnhost,role=primary"],
            &["Labels:", "app=agnhost"],
            &["role=primary"],
            &["Annotations:"],
            &["Replicas:", "1 current", "1 desired"],
            &[
                "Pods Status:",
                "1 Running",
                "0 Waiting",
                "0 Succeeded",
                "0 Failed",
            ],
            &["Pod Template:"],
            &["Image:", AGNHOST],
            &["Events:"],
        ],
    );
    check(
        &kubectl,
        &["service", "agnhost-primary"],
        &[
            &["Name:", "agnhost-primary"],
            &["Namespace:", namespace],
            &["Labels:", "app=agnhost"],
            &["role=primary"],
            &["Annotations:"],
            &["Selector:", "app=agnhost", "role=primary"],
            &["Type:", "ClusterIP"],
            &["IP:"],
            &["Port:", "<unset>", "6379/TCP"],
            &["Endpoints:"],
            &["Session Affinity:", "None"],
        ],
    );
    describe_node_and_namespace(&framework, &kubectl).await;
    kubectl.run(&["delete", "rc,service", "agnhost-primary"]);
}

async fn describe_node_and_namespace(framework: &Framework, kubectl: &Kubectl) {
    let nodes: Api<Node> = Api::all(framework.client.clone());
    let schedulable = ListParams::default().fields("spec.unschedulable=false");
    let nodes = nodes.list(&schedulable).await.unwrap();
    let node = nodes.items[0].metadata.name.clone().unwrap();
    check(
        kubectl,
        &["node", &node],
        &[
            &["Name:", &node],
            &["Labels:"],
            &["Annotations:"],
            &["CreationTimestamp:"],
            &["Conditions:"],
            &[
                "Type",
                "Status",
                "LastHeartbeatTime",
                "LastTransitionTime",
                "Reason",
                "Message",
            ],
            &["Addresses:"],
            &["Capacity:"],
            &["Version:"],
            &["Kernel Version:"],
            &["OS Image:"],
            &["Container Runtime Version:"],
            &["Kubelet Version:"],
            &["Pods:"],
        ],
    );
    check(
        kubectl,
        &["namespace", &framework.namespace],
        &[
            &["Name:", &framework.namespace],
            &["Labels:"],
            &["Annotations:"],
            &["Status:", "Active"],
        ],
    );
}
