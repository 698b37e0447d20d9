//! What the API server says to objects that clients send: media types, kinds, unknown fields, wrong types.

use expect_test::{Expect, expect};

fn check(request: &str, expected: &Expect) {
    expected.assert_eq(&crate::server::Conversation::new().answer(request));
}

const PODS: &str = "POST /api/v1/namespaces/default/configmaps";

fn check_config_map(query: &str, body: &str, expected: &Expect) {
    check(&format!("{PODS}{query}\n\n{body}"), expected);
}

/// As a Deployment, whose rules do not matter: the type is refused before.
fn check_type(field: &str, expected: &Expect) {
    let body = format!(
        r#"{{"metadata": {{"name": "a"}}, "spec": {{"template": {{"spec": {{{field}}}}}}}}}"#
    );
    let answer = crate::server::Conversation::new().answer(&format!(
        "POST /apis/apps/v1/namespaces/default/deployments\n\n{body}"
    ));
    let message = answer.split(r#""message": ""#).nth(1).unwrap_or(&answer);
    let message = message.split("\",\n").next().unwrap_or(message);
    let message = message
        .trim_start_matches(r#"Deployment in version \"v1\" cannot be handled as a Deployment: "#);
    expected.assert_eq(&message.replace("\\\"", "\""));
}

#[test]
fn unknown_and_duplicate_fields() {
    let body = r#"{"metadata": {"name": "a", "nme": 1, "labels": {"x": "1", "x": "2"}}, "data": {"k": "v"}, "dta": {}, "data": {"k": "w"}}"#;
    check_config_map(
        "?fieldValidation=Strict",
        body,
        &expect![[r#"
        400
        {
          "apiVersion": "v1",
          "code": 400,
          "kind": "Status",
          "message": "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"metadata.nme\", duplicate field \"metadata.labels.x\", unknown field \"dta\", duplicate field \"data\"",
          "metadata": {},
          "reason": "BadRequest",
          "status": "Failure"
        }"#]],
    );
    check_config_map(
        "?fieldValidation=Warn",
        body,
        &expect![[r#"
            201
            warning: 299 - "unknown field \"metadata.nme\""
            warning: 299 - "duplicate field \"metadata.labels.x\""
            warning: 299 - "unknown field \"dta\""
            warning: 299 - "duplicate field \"data\""
            {
              "apiVersion": "v1",
              "data": {
                "k": "w"
              },
              "kind": "ConfigMap",
              "metadata": {
                "creationTimestamp": "1970-01-01T00:00:00Z",
                "labels": {
                  "x": "2"
                },
                "name": "a",
                "namespace": "default"
              }
            }"#]],
    );
    check_config_map(
        "?fieldValidation=Ignore",
        body,
        &expect![[r#"
            201
            {
              "apiVersion": "v1",
              "data": {
                "k": "w"
              },
              "kind": "ConfigMap",
              "metadata": {
                "creationTimestamp": "1970-01-01T00:00:00Z",
                "labels": {
                  "x": "2"
                },
                "name": "a",
                "namespace": "default"
              }
            }"#]],
    );
    check_config_map(
        "",
        body,
        &expect![[r#"
            201
            warning: 299 - "unknown field \"metadata.nme\""
            warning: 299 - "duplicate field \"metadata.labels.x\""
            warning: 299 - "unknown field \"dta\""
            warning: 299 - "duplicate field \"data\""
            {
              "apiVersion": "v1",
              "data": {
                "k": "w"
              },
              "kind": "ConfigMap",
              "metadata": {
                "creationTimestamp": "1970-01-01T00:00:00Z",
                "labels": {
                  "x": "2"
                },
                "name": "a",
                "namespace": "default"
              }
            }"#]],
    );
}

#[test]
fn kinds() {
    check_config_map(
        "",
        r#"{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}}"#,
        &expect![[r#"
            400
            {
              "apiVersion": "v1",
              "code": 400,
              "kind": "Status",
              "message": "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion",
              "metadata": {},
              "reason": "BadRequest",
              "status": "Failure"
            }"#]],
    );
    check_config_map(
        "",
        r#"{"kind": "Foo", "apiVersion": "v1"}"#,
        &expect![[r#"
        400
        {
          "apiVersion": "v1",
          "code": 400,
          "kind": "Status",
          "message": "Foo in version \"v1\" cannot be handled as a ConfigMap: no kind \"Foo\" is registered for version \"v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
          "metadata": {},
          "reason": "BadRequest",
          "status": "Failure"
        }"#]],
    );
    check_config_map(
        "",
        r#"{"kind": "ConfigMap", "apiVersion": "apps/v1"}"#,
        &expect![[r#"
            400
            {
              "apiVersion": "v1",
              "code": 400,
              "kind": "Status",
              "message": "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is registered for version \"apps/v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
              "metadata": {},
              "reason": "BadRequest",
              "status": "Failure"
            }"#]],
    );
    check_config_map(
        "",
        r#"{"kind": "ConfigMap", "apiVersion": "a/b/c"}"#,
        &expect![[r#"
            400
            {
              "apiVersion": "v1",
              "code": 400,
              "kind": "Status",
              "message": "the object provided is unrecognized (must be of type ConfigMap): unexpected GroupVersion string: a/b/c ({\"kind\": \"ConfigMap\", \"apiVers ...)",
              "metadata": {},
              "reason": "BadRequest",
              "status": "Failure"
            }"#]],
    );
    check_config_map(
        "",
        r#"{"kind": 1}"#,
        &expect![[r#"
        400
        {
          "apiVersion": "v1",
          "code": 400,
          "kind": "Status",
          "message": "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({\"kind\": 1})",
          "metadata": {},
          "reason": "BadRequest",
          "status": "Failure"
        }"#]],
    );
    check_config_map(
        "",
        "[]",
        &expect![[r#"
            400
            {
              "apiVersion": "v1",
              "code": 400,
              "kind": "Status",
              "message": "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (5b5d)",
              "metadata": {},
              "reason": "BadRequest",
              "status": "Failure"
            }"#]],
    );
    check_config_map(
        "",
        "",
        &expect![[r#"
        400
        {
          "apiVersion": "v1",
          "code": 400,
          "kind": "Status",
          "message": "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
          "metadata": {},
          "reason": "BadRequest",
          "status": "Failure"
        }"#]],
    );
    check_config_map(
        "",
        "{\"kind\": \"ConfigMap\",\n \"metadata\" {}}",
        &expect![[r#"
            400
            {
              "apiVersion": "v1",
              "code": 400,
              "kind": "Status",
              "message": "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '{' after object key ({\"kind\": \"ConfigMap\",\n \"metada ...)",
              "metadata": {},
              "reason": "BadRequest",
              "status": "Failure"
            }"#]],
    );
}

#[test]
fn media_types() {
    let yaml =
        "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\ndata:\n  a: x\n  a: y\n  b: z\n";
    check(
        &format!("{PODS}\ncontent-type: application/yaml\n\n{yaml}"),
        &expect![[r#"
            201
            warning: 299 - "yaml: unmarshal errors:\n  line 7: key \"a\" already set in map"
            {
              "apiVersion": "v1",
              "data": {
                "a": "x",
                "b": "z"
              },
              "kind": "ConfigMap",
              "metadata": {
                "creationTimestamp": "1970-01-01T00:00:00Z",
                "name": "a",
                "namespace": "default"
              }
            }"#]],
    );
    check(
        &format!("{PODS}?fieldValidation=Strict\ncontent-type: application/yaml\n\n{yaml}"),
        &expect![[r#"
            400
            {
              "apiVersion": "v1",
              "code": 400,
              "kind": "Status",
              "message": "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 7: key \"a\" already set in map",
              "metadata": {},
              "reason": "BadRequest",
              "status": "Failure"
            }"#]],
    );
    check(
        &format!("{PODS}\ncontent-type: application/yaml\n\na: b: c"),
        &expect![[r#"
            400
            {
              "apiVersion": "v1",
              "code": 400,
              "kind": "Status",
              "message": "the object provided is unrecognized (must be of type ConfigMap): error converting YAML to JSON: yaml: line 1: mapping values are not allowed in this context (613a20623a2063)",
              "metadata": {},
              "reason": "BadRequest",
              "status": "Failure"
            }"#]],
    );
    check(
        &format!("{PODS}\ncontent-type: application/cbor\n\nx"),
        &expect![[r#"
            415
            {
              "apiVersion": "v1",
              "code": 415,
              "kind": "Status",
              "message": "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
              "metadata": {},
              "reason": "UnsupportedMediaType",
              "status": "Failure"
            }"#]],
    );
    check(
        &format!(
            "{PODS}\ncontent-type: application/json; charset=utf-8\n\n{{\"metadata\": {{\"name\": \"a\"}}}}"
        ),
        &expect![[r#"
            201
            {
              "apiVersion": "v1",
              "kind": "ConfigMap",
              "metadata": {
                "creationTimestamp": "1970-01-01T00:00:00Z",
                "name": "a",
                "namespace": "default"
              }
            }"#]],
    );
}

#[test]
fn wrong_types() {
    check_type(
        r#""terminationGracePeriodSeconds": "1""#,
        &expect![
            "json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.terminationGracePeriodSeconds of type int64"
        ],
    );
    check_type(
        r#""terminationGracePeriodSeconds": 1.5"#,
        &expect![
            "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.template.spec.terminationGracePeriodSeconds of type int64"
        ],
    );
    check_type(
        r#""priority": 3000000000"#,
        &expect![
            "json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.template.spec.priority of type int32"
        ],
    );
    check_type(
        r#""containers": {}"#,
        &expect![
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"
        ],
    );
    check_type(
        r#""containers": [{"name": []}]"#,
        &expect![
            "json: cannot unmarshal array into Go struct field Container.spec.template.spec.containers.name of type string"
        ],
    );
    check_type(
        r#""containers": [{"name": 1, "image": 2}]"#,
        &expect![
            "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string"
        ],
    );
    check_type(
        r#""containers": [{"ports": [{"containerPort": true}]}]"#,
        &expect![
            "json: cannot unmarshal bool into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32"
        ],
    );
    check_type(
        r#""securityContext": "x""#,
        &expect![
            "json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.securityContext of type v1.PodSecurityContext"
        ],
    );
    check_type(
        r#""nodeSelector": {"a": 1}"#,
        &expect![
            "json: cannot unmarshal number into Go struct field PodSpec.spec.template.spec.nodeSelector of type string"
        ],
    );
    check_type(
        r#""nodeSelector": []"#,
        &expect![
            "json: cannot unmarshal array into Go struct field PodSpec.spec.template.spec.nodeSelector of type map[string]string"
        ],
    );
    check_type(
        r#""overhead": {"cpu": "1 core"}"#,
        &expect![
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ],
    );
    check_type(
        r#""containers": [{"livenessProbe": {"httpGet": {"port": 1.5}}}]"#,
        &expect![
            "json: cannot unmarshal number 1.5 into Go struct field HTTPGetAction.spec.template.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32"
        ],
    );
    check_type(
        r#""containers": [{"livenessProbe": {"httpGet": {"port": true}}}]"#,
        &expect![
            "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.template.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32"
        ],
    );
}
