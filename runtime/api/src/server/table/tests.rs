use super::*;
use crate::server::registry;
use expect_test::{Expect, expect};

/// Cells at 1970-01-01T01:00:00Z; every object came at 00:30.
#[expect(clippy::needless_pass_by_value, reason = "it reads as a literal")]
fn check(resource: &str, body: &str, expected: Expect) {
    let mut all = registry::RESOURCES.iter();
    let resource = all.find(|one| one.name() == resource).unwrap();
    let mut object: Value = serde_json::from_str(body).unwrap();
    object["metadata"]["name"] = "a".into();
    object["metadata"]["creationTimestamp"] = "1970-01-01T00:30:00Z".into();
    let now = WallTime::from_unix_nanos(3_600_000_000_000);
    let mut table = Table::new(resource, MetaVersion::V1, Include::None, now);
    table.push(object);
    let table = table.into_value();
    let row = &table["rows"][0];
    let cells = items(&row["cells"]);
    assert_eq!(cells.len(), items(&table["columnDefinitions"]).len());
    let cells = cells.map(|cell| {
        cell.as_str()
            .map_or_else(|| cell.to_string(), str::to_owned)
    });
    let mut text = cells.collect::<Vec<_>>().join(" | ");
    if !row["conditions"].is_null() {
        text += &format!(" {}", row["conditions"][0]["reason"]);
    }
    expected.assert_eq(&text);
}

fn check_pod(spec: &str, status: &str, expected: Expect) {
    let body = format!(r#"{{"metadata": {{}}, "spec": {spec}, "status": {status}}}"#);
    check("pods", &body, expected);
}

const ONE: &str = r#"{"containers": [{"name": "c"}], "nodeName": "n"}"#;
const SIDECAR: &str = r#"{"containers": [{"name": "c"}],
    "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]}"#;

#[test]
fn a_pod_says_its_phase_or_what_tells_more() {
    check_pod(
        ONE,
        r#"{"phase": "Pending"}"#,
        expect!["a | 0/1 | Pending | 0 | 30m | <none> | n | <none> | <none>"],
    );
    check_pod(
        ONE,
        r#"{"phase": "Failed", "reason": "Evicted"}"#,
        expect![[r#"a | 0/1 | Evicted | 0 | 30m | <none> | n | <none> | <none> "Failed""#]],
    );
    check_pod(
        ONE,
        r#"{"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}"#,
        expect!["a | 0/1 | SchedulingGated | 0 | 30m | <none> | n | <none> | <none>"],
    );
    check_pod(
        ONE,
        r#"{"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [{"name": "c", "ready": true,
            "restartCount": 3, "state": {"running": {}}, "lastState": {"terminated": {"finishedAt": "1970-01-01T00:59:35Z"}}}]}"#,
        expect!["a | 1/1 | Running | 3 (25s ago) | 30m | 10.0.0.1 | n | <none> | <none>"],
    );
    check_pod(
        ONE,
        r#"{"phase": "Running", "containerStatuses": [{"name": "c", "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}"#,
        expect!["a | 0/1 | CrashLoopBackOff | 1 | 30m | <none> | n | <none> | <none>"],
    );
}

#[test]
fn a_pod_with_ended_containers_says_how_they_ended() {
    let two = r#"{"containers": [{"name": "c"}, {"name": "d"}],
        "readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]}"#;
    let check_two = |ended: &str, conditions: &str, expected: Expect| {
        let status = format!(
            r#"{{"phase": "Running", "conditions": [{conditions}], "containerStatuses": [
                {{"name": "c", "state": {{"terminated": {ended}}}}},
                {{"name": "d", "ready": true, "state": {{"running": {{}}}}}}]}}"#
        );
        check_pod(two, &status, expected);
    };
    check_two(
        r#"{"exitCode": 0, "reason": "Completed"}"#,
        "",
        expect!["a | 1/2 | NotReady | 0 | 30m | <none> | <none> | <none> | 0/2"],
    );
    check_two(
        r#"{"exitCode": 0, "reason": "Completed"}"#,
        r#"{"type": "Ready", "status": "True"}, {"type": "y", "status": "True"}"#,
        expect!["a | 1/2 | Running | 0 | 30m | <none> | <none> | <none> | 1/2"],
    );
    check_two(
        r#"{"exitCode": 1, "signal": 9}"#,
        "",
        expect!["a | 1/2 | Signal:9 | 0 | 30m | <none> | <none> | <none> | 0/2"],
    );
    check_two(
        r#"{"exitCode": 3}"#,
        "",
        expect!["a | 1/2 | ExitCode:3 | 0 | 30m | <none> | <none> | <none> | 0/2"],
    );
}

#[test]
fn init_containers_and_sidecars_come_first() {
    let check_init = |first: &str, second: &str, expected: Expect| {
        let status = format!(
            r#"{{"phase": "Pending", "initContainerStatuses": [
                {{"name": "i", "restartCount": 2, {first}}}, {{"name": "s", {second}}}]}}"#
        );
        check_pod(SIDECAR, &status, expected);
    };
    let waits = r#""state": {"waiting": {"reason": "PodInitializing"}}"#;
    check_init(
        r#""state": {"running": {}}"#,
        waits,
        expect!["a | 0/2 | Init:0/2 | 2 | 30m | <none> | <none> | <none> | <none>"],
    );
    check_init(
        r#""state": {"terminated": {"exitCode": 1, "reason": "Error"}}"#,
        waits,
        expect!["a | 0/2 | Init:Error | 2 | 30m | <none> | <none> | <none> | <none>"],
    );
    check_init(
        r#""state": {"waiting": {"reason": "CrashLoopBackOff"}}"#,
        waits,
        expect!["a | 0/2 | Init:CrashLoopBackOff | 2 | 30m | <none> | <none> | <none> | <none>"],
    );
    check_init(
        r#""state": {"terminated": {"exitCode": 0}}"#,
        waits,
        expect!["a | 0/2 | Init:1/2 | 2 | 30m | <none> | <none> | <none> | <none>"],
    );
    check_init(
        r#""state": {"terminated": {"exitCode": 0}}"#,
        r#""started": true, "ready": true, "restartCount": 5"#,
        expect!["a | 1/2 | Pending | 5 | 30m | <none> | <none> | <none> | <none>"],
    );
}

#[test]
fn workloads_say_how_many() {
    let template = r#""template": {"metadata": {"labels": {"l": "m"}}, "spec": {"nodeSelector": {"n": "o"},
        "containers": [{"name": "c", "image": "x"}, {"name": "d", "image": "y"}]}}"#;
    let selector = r#""selector": {"matchLabels": {"b": "c"}, "matchExpressions": [
        {"key": "a", "operator": "In", "values": ["2", "1"]}, {"key": "d", "operator": "DoesNotExist"}]}"#;
    let body = |status: &str| {
        format!(
            r#"{{"metadata": {{}}, "spec": {{"replicas": 3, {selector}, {template}}}, "status": {status}}}"#
        )
    };
    let replicas = body(
        r#"{"replicas": 2, "readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}"#,
    );
    check(
        "deployments.apps",
        &replicas,
        expect!["a | 1/3 | 2 | 1 | 30m | c,d | x,y | a in (1,2),b=c,!d"],
    );
    check(
        "replicasets.apps",
        &replicas,
        expect!["a | 3 | 2 | 1 | 30m | c,d | x,y | a in (1,2),b=c,!d"],
    );
    check(
        "statefulsets.apps",
        &replicas,
        expect!["a | 1/3 | 30m | c,d | x,y"],
    );
    check(
        "daemonsets.apps",
        &body(
            r#"{"desiredNumberScheduled": 1, "currentNumberScheduled": 2, "numberReady": 3, "updatedNumberScheduled": 4, "numberAvailable": 5}"#,
        ),
        expect!["a | 1 | 2 | 3 | 4 | 5 | n=o | 30m | c,d | x,y | a in (1,2),b=c,!d"],
    );
    check(
        "jobs.batch",
        &body(
            r#"{"succeeded": 1, "startTime": "1970-01-01T00:50:00Z", "conditions": [{"type": "Suspended", "status": "True"}]}"#,
        ),
        expect!["a | Suspended | 1/1 | 10m | 30m | c,d | x,y | a in (1,2),b=c,!d"],
    );
    check(
        "cronjobs.batch",
        r#"{"metadata": {}, "spec": {"schedule": "* * * * *", "suspend": false, "jobTemplate": {"spec": {}}},
            "status": {"active": [{}], "lastScheduleTime": "1970-01-01T00:59:00Z"}}"#,
        expect!["a | * * * * * | <none> | False | 1 | 60s | 30m |  |  | <none>"],
    );
    check(
        "controllerrevisions.apps",
        r#"{"metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "controller": true}]}, "revision": 2}"#,
        expect!["a | daemonset.apps/d | 2 | 30m"],
    );
}

#[test]
fn services_say_where_they_are() {
    check(
        "services",
        r#"{"metadata": {}, "spec": {"type": "NodePort", "clusterIPs": ["10.96.0.2"], "selector": {"a": "b"},
            "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}}"#,
        expect!["a | NodePort | 10.96.0.2 | <none> | 80:30080/TCP,53/UDP | 30m | a=b"],
    );
    check(
        "services",
        r#"{"metadata": {}, "spec": {"type": "LoadBalancer"}}"#,
        expect!["a | LoadBalancer | <none> | <pending> | <none> | 30m | <none>"],
    );
    check(
        "services",
        r#"{"metadata": {}, "spec": {"type": "ExternalName", "externalName": "example.com"}}"#,
        expect!["a | ExternalName | <none> | example.com | <none> | 30m | <none>"],
    );
    check(
        "endpoints",
        r#"{"metadata": {}, "subsets": [{"addresses": [{"ip": "1.1.1.1"}, {"ip": "::1"}], "ports": [{"port": 1}, {"port": 2}]}]}"#,
        expect!["a | 1.1.1.1:1,[::1]:1,1.1.1.1:2 + 1 more... | 30m"],
    );
    check(
        "endpoints",
        r#"{"metadata": {}}"#,
        expect!["a | <none> | 30m"],
    );
    check(
        "endpointslices.discovery.k8s.io",
        r#"{"metadata": {}, "addressType": "IPv4", "ports": [{"port": 1}, {"name": "x"}, {}], "endpoints": [{"addresses": ["1.1.1.1"]}]}"#,
        expect!["a | IPv4 | 1,x,* | 1.1.1.1 | 30m"],
    );
}

#[test]
fn all_other_kinds() {
    check(
        "nodes",
        r#"{"metadata": {"labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "x"}},
            "spec": {"unschedulable": true}, "status": {"conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1", "kernelVersion": "6.1", "architecture": "amd64"}}}"#,
        expect![
            "a | Ready,SchedulingDisabled | control-plane,x | 30m | v1 | 10.0.0.1 | <none> | <unknown> | 6.1 (amd64) | <unknown>"
        ],
    );
    check(
        "events",
        r#"{"metadata": {}, "type": "Normal", "reason": "R", "message": " m\n", "count": 2,
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
            "source": {"component": "kubelet", "host": "n"},
            "firstTimestamp": "1970-01-01T00:40:00Z", "lastTimestamp": "1970-01-01T00:50:00Z"}"#,
        expect!["10m | Normal | R | pod/p | spec.containers{c} | kubelet, n | m | 20m | 2 | a"],
    );
    check(
        "events",
        r#"{"metadata": {}, "involvedObject": {"kind": "Node"}, "eventTime": "1970-01-01T00:59:00.123456Z",
            "reportingComponent": "x", "series": {"count": 7, "lastObservedTime": "1970-01-01T00:59:59.000000Z"}}"#,
        expect!["1s |  |  | node |  | x |  | 59s | 7 | a"],
    );
    check(
        "namespaces",
        r#"{"metadata": {}, "status": {"phase": "Active"}}"#,
        expect!["a | Active | 30m"],
    );
    check(
        "secrets",
        r#"{"metadata": {}, "type": "Opaque", "data": {"a": ""}}"#,
        expect!["a | Opaque | 1 | 30m"],
    );
    check(
        "configmaps",
        r#"{"metadata": {}, "data": {"a": ""}, "binaryData": {"b": ""}}"#,
        expect!["a | 2 | 30m"],
    );
    check("serviceaccounts", r#"{"metadata": {}}"#, expect!["a | 30m"]);
    check(
        "leases.coordination.k8s.io",
        r#"{"metadata": {}, "spec": {"holderIdentity": "h"}}"#,
        expect!["a | h | 30m"],
    );
    check(
        "runtimeclasses.node.k8s.io",
        r#"{"metadata": {}, "handler": "h"}"#,
        expect!["a | h | 30m"],
    );
    check(
        "podtemplates",
        r#"{"metadata": {}}"#,
        expect!["a |  |  | <none>"],
    );
    check(
        "deployments.apps",
        r#"{"metadata": {}, "kind": "Scale", "spec": {"replicas": 2}}"#,
        expect!["a | 2 | 0 | 30m"],
    );
}
