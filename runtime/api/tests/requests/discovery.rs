//! What the API server says of itself: discovery, version, health, OpenAPI.

use crate::server::Conversation;
use expect_test::{Expect, expect};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::Read;

fn check(request: &str, expected: &Expect) {
    expected.assert_eq(&Conversation::new().answer(request));
}

fn json(request: &str) -> Value {
    let response = Conversation::new().response(request);
    assert_eq!(response.status, 200, "{request}");
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn versions_and_groups() {
    check(
        "GET /api",
        &expect![[r#"
            200
            vary: Accept
            {
              "kind": "APIVersions",
              "serverAddressByClientCIDRs": [
                {
                  "clientCIDR": "0.0.0.0/0",
                  "serverAddress": "10.88.0.1:6443"
                }
              ],
              "versions": [
                "v1"
              ]
            }"#]],
    );
    check(
        "GET /apis",
        &expect![[r#"
            200
            vary: Accept
            {
              "apiVersion": "v1",
              "groups": [
                {
                  "name": "apps",
                  "preferredVersion": {
                    "groupVersion": "apps/v1",
                    "version": "v1"
                  },
                  "versions": [
                    {
                      "groupVersion": "apps/v1",
                      "version": "v1"
                    }
                  ]
                },
                {
                  "name": "authentication.k8s.io",
                  "preferredVersion": {
                    "groupVersion": "authentication.k8s.io/v1",
                    "version": "v1"
                  },
                  "versions": [
                    {
                      "groupVersion": "authentication.k8s.io/v1",
                      "version": "v1"
                    }
                  ]
                },
                {
                  "name": "authorization.k8s.io",
                  "preferredVersion": {
                    "groupVersion": "authorization.k8s.io/v1",
                    "version": "v1"
                  },
                  "versions": [
                    {
                      "groupVersion": "authorization.k8s.io/v1",
                      "version": "v1"
                    }
                  ]
                },
                {
                  "name": "batch",
                  "preferredVersion": {
                    "groupVersion": "batch/v1",
                    "version": "v1"
                  },
                  "versions": [
                    {
                      "groupVersion": "batch/v1",
                      "version": "v1"
                    }
                  ]
                },
                {
                  "name": "coordination.k8s.io",
                  "preferredVersion": {
                    "groupVersion": "coordination.k8s.io/v1",
                    "version": "v1"
                  },
                  "versions": [
                    {
                      "groupVersion": "coordination.k8s.io/v1",
                      "version": "v1"
                    }
                  ]
                },
                {
                  "name": "node.k8s.io",
                  "preferredVersion": {
                    "groupVersion": "node.k8s.io/v1",
                    "version": "v1"
                  },
                  "versions": [
                    {
                      "groupVersion": "node.k8s.io/v1",
                      "version": "v1"
                    }
                  ]
                },
                {
                  "name": "discovery.k8s.io",
                  "preferredVersion": {
                    "groupVersion": "discovery.k8s.io/v1",
                    "version": "v1"
                  },
                  "versions": [
                    {
                      "groupVersion": "discovery.k8s.io/v1",
                      "version": "v1"
                    }
                  ]
                },
                {
                  "name": "metrics.k8s.io",
                  "preferredVersion": {
                    "groupVersion": "metrics.k8s.io/v1beta1",
                    "version": "v1beta1"
                  },
                  "versions": [
                    {
                      "groupVersion": "metrics.k8s.io/v1beta1",
                      "version": "v1beta1"
                    }
                  ]
                }
              ],
              "kind": "APIGroupList"
            }"#]],
    );
    check(
        "GET /apis/batch/",
        &expect![[r#"
            200
            {
              "apiVersion": "v1",
              "kind": "APIGroup",
              "name": "batch",
              "preferredVersion": {
                "groupVersion": "batch/v1",
                "version": "v1"
              },
              "versions": [
                {
                  "groupVersion": "batch/v1",
                  "version": "v1"
                }
              ]
            }"#]],
    );
    check(
        "GET /apis/batch/v1",
        &expect![[r#"
            200
            {
              "apiVersion": "v1",
              "groupVersion": "batch/v1",
              "kind": "APIResourceList",
              "resources": [
                {
                  "categories": [
                    "all"
                  ],
                  "kind": "CronJob",
                  "name": "cronjobs",
                  "namespaced": true,
                  "shortNames": [
                    "cj"
                  ],
                  "singularName": "cronjob",
                  "verbs": [
                    "create",
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "update",
                    "watch"
                  ]
                },
                {
                  "kind": "CronJob",
                  "name": "cronjobs/status",
                  "namespaced": true,
                  "singularName": "",
                  "verbs": [
                    "get",
                    "patch",
                    "update"
                  ]
                },
                {
                  "categories": [
                    "all"
                  ],
                  "kind": "Job",
                  "name": "jobs",
                  "namespaced": true,
                  "singularName": "job",
                  "verbs": [
                    "create",
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "update",
                    "watch"
                  ]
                },
                {
                  "kind": "Job",
                  "name": "jobs/status",
                  "namespaced": true,
                  "singularName": "",
                  "verbs": [
                    "get",
                    "patch",
                    "update"
                  ]
                }
              ]
            }"#]],
    );
    check(
        "GET /apis/foo",
        &expect![[r#"
        404
        {
          "apiVersion": "v1",
          "code": 404,
          "details": {},
          "kind": "Status",
          "message": "the server could not find the requested resource",
          "metadata": {},
          "reason": "NotFound",
          "status": "Failure"
        }"#]],
    );
    check(
        "GET /apis/foo/v1",
        &expect![[r#"
        404
        {
          "apiVersion": "v1",
          "code": 404,
          "details": {},
          "kind": "Status",
          "message": "the server could not find the requested resource",
          "metadata": {},
          "reason": "NotFound",
          "status": "Failure"
        }"#]],
    );
    check(
        "GET /foo",
        &expect![[r#"
        404
        content-type: text/plain; charset=utf-8
        404 page not found
    "#]],
    );
    check(
        "POST /apis",
        &expect![[r#"
        405
        {
          "apiVersion": "v1",
          "code": 405,
          "details": {},
          "kind": "Status",
          "message": "the server does not allow this method on the requested resource",
          "metadata": {},
          "reason": "MethodNotAllowed",
          "status": "Failure"
        }"#]],
    );
    check(
        "GET /version",
        &expect![[r#"
            200
            {
              "buildDate": "1970-01-01T00:00:00Z",
              "compiler": "rustc",
              "emulationMajor": "1",
              "emulationMinor": "36",
              "gitCommit": "",
              "gitTreeState": "",
              "gitVersion": "v1.36.2+seedpod",
              "goVersion": "",
              "major": "1",
              "minCompatibilityMajor": "1",
              "minCompatibilityMinor": "35",
              "minor": "36",
              "platform": "linux/amd64"
            }"#]],
    );
    check(
        "GET /version\naccept: application/vnd.kubernetes.protobuf",
        &expect![[r#"
            406
            {
              "apiVersion": "v1",
              "code": 406,
              "kind": "Status",
              "message": "only the following media types are accepted: application/json, application/yaml",
              "metadata": {},
              "reason": "NotAcceptable",
              "status": "Failure"
            }"#]],
    );
    check(
        "GET /version\naccept: application/yaml",
        &expect![[r#"
        200
        content-type: application/yaml
        buildDate: "1970-01-01T00:00:00Z"
        compiler: rustc
        emulationMajor: "1"
        emulationMinor: "36"
        gitCommit: ""
        gitTreeState: ""
        gitVersion: v1.36.2+seedpod
        goVersion: ""
        major: "1"
        minCompatibilityMajor: "1"
        minCompatibilityMinor: "35"
        minor: "36"
        platform: linux/amd64
    "#]],
    );
}

/// Name, kind and verbs of everything, as `kubectl api-resources` sees it.
#[test]
fn resources() {
    let mut text = String::new();
    for path in [
        "/api/v1",
        "/apis/apps/v1",
        "/apis/batch/v1",
        "/apis/authentication.k8s.io/v1",
    ] {
        for one in json(&format!("GET {path}"))["resources"]
            .as_array()
            .unwrap()
        {
            let verbs: Vec<_> = one["verbs"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(Value::as_str)
                .collect();
            let group = one
                .get("group")
                .map(|group| format!(" {}/{}", group, one["version"]))
                .unwrap_or_default();
            let short = one
                .get("shortNames")
                .map(|names| format!(" {names}"))
                .unwrap_or_default();
            text.push_str(&format!(
                "{} {}{group}{short}: {}\n",
                one["name"].as_str().unwrap(),
                one["kind"],
                verbs.join(" ")
            ));
        }
    }
    expect![[r#"
        configmaps "ConfigMap" ["cm"]: create delete deletecollection get list patch update watch
        endpoints "Endpoints" ["ep"]: create delete deletecollection get list patch update watch
        events "Event" ["ev"]: create delete deletecollection get list patch update watch
        namespaces "Namespace" ["ns"]: create delete get list patch update watch
        namespaces/finalize "Namespace": update
        namespaces/status "Namespace": get patch update
        nodes "Node" ["no"]: create delete deletecollection get list patch update watch
        nodes/proxy "NodeProxyOptions": create delete get patch update
        nodes/status "Node": get patch update
        pods "Pod" ["po"]: create delete deletecollection get list patch update watch
        pods/attach "PodAttachOptions": create get
        pods/binding "Binding": create
        pods/ephemeralcontainers "Pod": get patch update
        pods/eviction "Eviction" "policy"/"v1": create
        pods/exec "PodExecOptions": create get
        pods/log "Pod": get
        pods/portforward "PodPortForwardOptions": create get
        pods/proxy "PodProxyOptions": create delete get patch update
        pods/resize "Pod": get patch update
        pods/status "Pod": get patch update
        podtemplates "PodTemplate": create delete deletecollection get list patch update watch
        replicationcontrollers "ReplicationController" ["rc"]: create delete deletecollection get list patch update watch
        replicationcontrollers/scale "Scale" "autoscaling"/"v1": get patch update
        replicationcontrollers/status "ReplicationController": get patch update
        secrets "Secret": create delete deletecollection get list patch update watch
        serviceaccounts "ServiceAccount" ["sa"]: create delete deletecollection get list patch update watch
        serviceaccounts/token "TokenRequest" "authentication.k8s.io"/"v1": create
        services "Service" ["svc"]: create delete deletecollection get list patch update watch
        services/proxy "ServiceProxyOptions": create delete get patch update
        services/status "Service": get patch update
        controllerrevisions "ControllerRevision": create delete deletecollection get list patch update watch
        daemonsets "DaemonSet" ["ds"]: create delete deletecollection get list patch update watch
        daemonsets/status "DaemonSet": get patch update
        deployments "Deployment" ["deploy"]: create delete deletecollection get list patch update watch
        deployments/scale "Scale" "autoscaling"/"v1": get patch update
        deployments/status "Deployment": get patch update
        replicasets "ReplicaSet" ["rs"]: create delete deletecollection get list patch update watch
        replicasets/scale "Scale" "autoscaling"/"v1": get patch update
        replicasets/status "ReplicaSet": get patch update
        statefulsets "StatefulSet" ["sts"]: create delete deletecollection get list patch update watch
        statefulsets/scale "Scale" "autoscaling"/"v1": get patch update
        statefulsets/status "StatefulSet": get patch update
        cronjobs "CronJob" ["cj"]: create delete deletecollection get list patch update watch
        cronjobs/status "CronJob": get patch update
        jobs "Job": create delete deletecollection get list patch update watch
        jobs/status "Job": get patch update
        selfsubjectreviews "SelfSubjectReview": create
        tokenreviews "TokenReview": create
    "#]].assert_eq(&text);
}

#[test]
fn all_in_one_document() {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                  application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    let mut conversation = Conversation::new();
    let response = conversation.response(&format!("GET /apis\naccept: {accept}"));
    let header = |name: &str| response.headers[name].to_str().unwrap();
    assert_eq!(
        header("content-type"),
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    assert_eq!(
        (header("vary"), header("cache-control")),
        ("Accept", "public")
    );
    let document: Value = serde_json::from_slice(&response.body).unwrap();
    let batch = document["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["metadata"]["name"] == "batch");
    expect![[r#"
        {
          "metadata": {
            "name": "batch"
          },
          "versions": [
            {
              "freshness": "Current",
              "resources": [
                {
                  "categories": [
                    "all"
                  ],
                  "resource": "cronjobs",
                  "responseKind": {
                    "group": "batch",
                    "kind": "CronJob",
                    "version": "v1"
                  },
                  "scope": "Namespaced",
                  "shortNames": [
                    "cj"
                  ],
                  "singularResource": "cronjob",
                  "subresources": [
                    {
                      "responseKind": {
                        "group": "batch",
                        "kind": "CronJob",
                        "version": "v1"
                      },
                      "subresource": "status",
                      "verbs": [
                        "get",
                        "patch",
                        "update"
                      ]
                    }
                  ],
                  "verbs": [
                    "create",
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "update",
                    "watch"
                  ]
                },
                {
                  "categories": [
                    "all"
                  ],
                  "resource": "jobs",
                  "responseKind": {
                    "group": "batch",
                    "kind": "Job",
                    "version": "v1"
                  },
                  "scope": "Namespaced",
                  "singularResource": "job",
                  "subresources": [
                    {
                      "responseKind": {
                        "group": "batch",
                        "kind": "Job",
                        "version": "v1"
                      },
                      "subresource": "status",
                      "verbs": [
                        "get",
                        "patch",
                        "update"
                      ]
                    }
                  ],
                  "verbs": [
                    "create",
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "update",
                    "watch"
                  ]
                }
              ],
              "version": "v1"
            }
          ]
        }"#]]
    .assert_eq(&format!("{:#}", batch.unwrap()));
    let tag = response.headers["etag"].to_str().unwrap();
    let again = conversation.response(&format!(
        "GET /apis\naccept: {accept}\nif-none-match: {tag}"
    ));
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let old = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    let old = json(&format!("GET /api\naccept: {old}"));
    assert_eq!(old["apiVersion"], "apidiscovery.k8s.io/v2beta1");
    assert_eq!(
        old["items"][0]["versions"][0]["resources"][0]["resource"],
        "configmaps"
    );
}

#[test]
fn health() {
    check(
        "GET /healthz",
        &expect![[r#"
        200
        content-type: text/plain; charset=utf-8
        ok"#]],
    );
    check(
        "GET /readyz?verbose",
        &expect![[r#"
        200
        content-type: text/plain; charset=utf-8
        [+]ping ok
        [+]store ok
        readyz check passed
    "#]],
    );
    check(
        "GET /livez?verbose=true&exclude=store",
        &expect![[r#"
        200
        content-type: text/plain; charset=utf-8
        [+]ping ok
        [+]store excluded: ok
        livez check passed
    "#]],
    );
    check(
        "GET /livez/ping",
        &expect![[r#"
        200
        content-type: text/plain; charset=utf-8
        ok"#]],
    );
    check(
        "GET /livez/foo",
        &expect![[r#"
        404
        content-type: text/plain; charset=utf-8
        404 page not found
    "#]],
    );
}

#[test]
fn paths() {
    let all = json("GET /");
    for path in all["paths"].as_array().unwrap() {
        let path = path.as_str().unwrap();
        assert_eq!(
            Conversation::new().response(&format!("GET {path}")).status,
            200,
            "{path}"
        );
    }
}

#[test]
fn open_api_v3() {
    let index = json("GET /openapi/v3");
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    let mut conversation = Conversation::new();
    let plain = conversation.response(&format!("GET {url}"));
    let compressed = conversation.response(&format!("GET {url}\naccept-encoding: gzip, deflate"));
    assert_eq!(compressed.headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    GzDecoder::new(&*compressed.body)
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(plain.body, unpacked);
    assert_eq!(plain.headers["cache-control"], "public, immutable");
    let document: Value = serde_json::from_slice(&plain.body).unwrap();
    let patch =
        &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(
        patch["x-kubernetes-group-version-kind"]["kind"],
        "Deployment"
    );
    let parameters = patch["parameters"].as_array().unwrap();
    assert!(
        parameters
            .iter()
            .any(|one| one["name"] == "fieldValidation")
    );
    let moved = conversation.response("GET /openapi/v3/version?hash=old");
    assert_eq!(moved.status, 301);
    let to = moved.headers["location"].to_str().unwrap();
    assert_eq!(conversation.response(&format!("GET {to}")).status, 200);
    check(
        "GET /openapi/v3/apis/foo/v1",
        &expect![[r#"
        404
        {
          "apiVersion": "v1",
          "code": 404,
          "details": {},
          "kind": "Status",
          "message": "the server could not find the requested resource",
          "metadata": {},
          "reason": "NotFound",
          "status": "Failure"
        }"#]],
    );
    check(
        "GET /openapi/v3/version\naccept: application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
        &expect![[r#"
            406
            {
              "apiVersion": "v1",
              "code": 406,
              "kind": "Status",
              "message": "only the following media types are accepted: application/json",
              "metadata": {},
              "reason": "NotAcceptable",
              "status": "Failure"
            }"#]],
    );
}

#[test]
fn open_api_v2() {
    let document = json("GET /openapi/v2\naccept: application/json, */*");
    let containers =
        &document["definitions"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
    assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
    let wanted =
        "GET /openapi/v2\naccept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let mut conversation = Conversation::new();
    let response = conversation.response(wanted);
    assert_eq!(
        response.headers["content-type"],
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    );
    assert!(response.body.starts_with(b"\x0a\x032.0"));
    let tag = response.headers["etag"].to_str().unwrap();
    let again = conversation.response(&format!("{wanted}\nif-none-match: {tag}"));
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
}
