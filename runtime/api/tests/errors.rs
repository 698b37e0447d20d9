//! What a person reads when a manifest is wrong.

use expect_test::{Expect, expect};
use seedpod_api::{Source, load};

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check(yaml: &str, expected: Expect) {
    expected.assert_eq(&errors(yaml));
}

fn errors(yaml: &str) -> String {
    let source = Source {
        name: "f.yaml".to_owned(),
        bytes: yaml.as_bytes().to_vec(),
    };
    match load(&[source]) {
        Ok(_) => "good\n".to_owned(),
        Err(errors) => errors.iter().map(|error| format!("{error}\n")).collect(),
    }
}

/// A pod with `spec` as its spec, indented by two.
fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n{spec}")
}

fn container(fields: &str) -> String {
    pod(&format!(
        "  containers:\n  - name: c\n    image: i\n{fields}"
    ))
}

#[test]
fn mistyped_field() {
    check(
        &pod("  containers:\n  - name: c\n    imag: nginx\n  restartpolicy: Never\n"),
        expect![[r#"
            f.yaml:8:5: spec.containers[0].imag: unknown field "imag", did you mean "image"?
            f.yaml:9:3: spec.restartpolicy: unknown field "restartpolicy", did you mean "restartPolicy"?
        "#]],
    );
}

#[test]
fn seed_document_with_lost_indentation() {
    check(
        "apiVersion: v1\nkind: Pod\nmetadata:\nname: mc1\nspec:\ncontainers:\n- name: c\nimage: nginx\n",
        expect![[r#"
            f.yaml:3:9: metadata.name: Required value: name or generateName is required
            f.yaml:4:1: name: unknown field "name", `metadata` has such a field, check the indentation
            f.yaml:5:5: spec.containers: Required value
            f.yaml:6:1: containers: unknown field "containers", `spec` has such a field, check the indentation
            f.yaml:8:1: image: unknown field "image", an item of `spec.containers` has such a field, check the indentation
        "#]],
    );
}

#[test]
fn nothing_near() {
    check(
        &container("    ports:\n    - containerPort: 80\n      zzz: 1\n"),
        expect![[r#"
            f.yaml:11:7: spec.containers[0].ports[0].zzz: unknown field "zzz", expected one of containerPort, hostIP, hostPort, name, protocol
        "#]],
    );
}

#[test]
fn wrong_types_all_at_once() {
    check(
        &container(concat!(
            "    command: sleep\n",
            "    args: [sleep, 1000000, yes, {a: b}]\n",
            "    env:\n    - {name: A, value: 3}\n    - name: B\n      value: on\n",
            "    ports:\n    - containerPort: \"80\"\n",
            "    tty: \"true\"\n",
            "    resources: {limits: {memory: [1], cpu: true}}\n",
            "  hostAliases: 127.0.0.1\n",
            "  volumes: {}\n",
            "  terminationGracePeriodSeconds: 1.5\n",
            "  securityContext: none\n",
        )),
        expect![[r#"
            f.yaml:9:14: spec.containers[0].command: expected a list, found string "sleep", the items of a list are written as lines that begin with "- "
            f.yaml:10:19: spec.containers[0].args[1]: expected a string, found number 1000000, write "1000000" with quotes
            f.yaml:10:28: spec.containers[0].args[2]: expected a string, found boolean yes, write "yes" with quotes
            f.yaml:10:33: spec.containers[0].args[3]: expected a string, found an object, a text with ": " in it needs quotes
            f.yaml:12:24: spec.containers[0].env[0].value: expected a string, found number 3, write "3" with quotes
            f.yaml:14:14: spec.containers[0].env[1].value: expected a string, found boolean on, write "on" with quotes
            f.yaml:16:22: spec.containers[0].ports[0].containerPort: expected an integer, found string "80", leave the quotes out
            f.yaml:17:10: spec.containers[0].tty: expected true or false, found string "true", leave the quotes out
            f.yaml:18:34: spec.containers[0].resources.limits[memory]: expected a quantity such as 100Mi or 0.5, found a list
            f.yaml:18:44: spec.containers[0].resources.limits[cpu]: expected a quantity such as 100Mi or 0.5, found boolean true
            f.yaml:19:16: spec.hostAliases: expected a list, found string "127.0.0.1", the items of a list are written as lines that begin with "- "
            f.yaml:20:12: spec.volumes: expected a list, found an object
            f.yaml:21:34: spec.terminationGracePeriodSeconds: expected an integer, found number 1.5
            f.yaml:22:20: spec.securityContext: expected an object, found string "none"
        "#]],
    );
}

#[test]
fn names_and_required_values() {
    check(
        concat!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: My_Pod\n  namespace: a.b\n",
            "  labels: {app: 'two words', 'bad key': x}\n",
            "spec:\n  hostname: UPPER\n  containers:\n  - name: A\n  - image: ' i'\n  - name: A\n    image: i\n",
        ),
        expect![[r#"
            f.yaml:4:9: metadata.name: Invalid value: "My_Pod": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            f.yaml:5:14: metadata.namespace: Invalid value: "a.b": must not contain dots
            f.yaml:6:17: metadata.labels[app]: Invalid value: "two words": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            f.yaml:6:41: metadata.labels[bad key]: Invalid value: "bad key": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            f.yaml:8:13: spec.hostname: Invalid value: "UPPER": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            f.yaml:10:5: spec.containers[0].image: Required value
            f.yaml:10:11: spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            f.yaml:11:5: spec.containers[1].name: Required value
            f.yaml:11:12: spec.containers[1].image: Invalid value: " i": must not have leading or trailing whitespace
            f.yaml:12:11: spec.containers[2].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            f.yaml:12:11: spec.containers[2].name: Duplicate value: "A"
        "#]],
    );
    check(
        "apiVersion: v1\nkind: Pod\nspec: {}\n",
        expect![[r#"
        f.yaml:1:1: metadata.name: Required value: name or generateName is required
        f.yaml:3:7: spec.containers: Required value
    "#]],
    );
    check(
        "apiVersion: v1\nkind: Pod\n",
        expect![[r#"
        f.yaml:1:1: metadata.name: Required value: name or generateName is required
        f.yaml:1:1: spec.containers: Required value
    "#]],
    );
    check(
        "kind: Pod\n",
        expect![[r#"
        f.yaml:1:1: apiVersion: Required value
    "#]],
    );
}

#[test]
fn containers() {
    check(
        &container(concat!(
            "    imagePullPolicy: always\n",
            "    ports:\n",
            "    - {name: http, containerPort: 80, hostPort: 8080}\n",
            "    - {name: http, containerPort: 70000, hostPort: 8080, protocol: tcp}\n",
            "    - {name: Way-Too-Long-Name--, hostIP: localhost, protocol: SCTP}\n",
            "    env:\n",
            "    - {name: 'a=b', value: x}\n",
            "    - {name: B, value: x, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n",
            "    - {name: C, valueFrom: {}}\n",
            "    - {name: D, valueFrom: {fieldRef: {fieldPath: spec.foo}}}\n",
            "    - {name: E, valueFrom: {resourceFieldRef: {resource: limits.gpu, divisor: 3}}}\n",
            "    - {name: F, valueFrom: {configMapKeyRef: {name: m}, secretKeyRef: {key: 'a b'}}}\n",
            "    envFrom:\n    - {prefix: x}\n    - configMapRef: {name: M}\n",
            "    resources:\n      limits: {memory: 1Gi, cpu: 1x, apples: 3}\n      requests: {memory: 2Gi, cpu: -1}\n",
            "    terminationMessagePolicy: file\n",
            "    securityContext: {runAsUser: -1}\n",
            "    volumeMounts:\n",
            "    - {name: v, mountPath: /a}\n",
            "    - {name: w, mountPath: /a, subPath: ../x}\n",
            "    - {name: w, subPath: a, subPathExpr: b}\n",
            "  - {name: d, image: i, ports: [{containerPort: 1, hostPort: 8080}]}\n",
            "  initContainers:\n  - {name: c, image: i, livenessProbe: {tcpSocket: {port: 1}}}\n",
            "  - {name: e, image: i, restartPolicy: always}\n",
            "  restartPolicy: never\n",
            "  activeDeadlineSeconds: 0\n",
            "  hostAliases: [{ip: 1.2.3, hostnames: [A]}]\n",
        )),
        expect![[r#"
            f.yaml:9:22: spec.containers[0].imagePullPolicy: Unsupported value: "always": supported values: "Always", "IfNotPresent", "Never"
            f.yaml:12:14: spec.containers[0].ports[1].name: Duplicate value: "http"
            f.yaml:12:35: spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive
            f.yaml:12:52: spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//8080"
            f.yaml:12:68: spec.containers[0].ports[1].protocol: Unsupported value: "tcp": supported values: "TCP", "UDP"
            f.yaml:13:7: spec.containers[0].ports[2].containerPort: Required value
            f.yaml:13:14: spec.containers[0].ports[2].name: Invalid value: "Way-Too-Long-Name--": must be no more than 15 characters
            f.yaml:13:14: spec.containers[0].ports[2].name: Invalid value: "Way-Too-Long-Name--": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)
            f.yaml:13:14: spec.containers[0].ports[2].name: Invalid value: "Way-Too-Long-Name--": must not contain consecutive hyphens
            f.yaml:13:14: spec.containers[0].ports[2].name: Invalid value: "Way-Too-Long-Name--": must not begin or end with a hyphen
            f.yaml:13:43: spec.containers[0].ports[2].hostIP: Invalid value: "localhost": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            f.yaml:13:64: spec.containers[0].ports[2].protocol: not supported: SCTP is unknown to WASI, use TCP or UDP
            f.yaml:15:14: spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='
            f.yaml:16:38: spec.containers[0].env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty
            f.yaml:17:28: spec.containers[0].env[2].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`
            f.yaml:18:51: spec.containers[0].env[3].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo
            f.yaml:19:58: spec.containers[0].env[4].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"
            f.yaml:19:79: spec.containers[0].env[4].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.memory": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource
            f.yaml:20:28: spec.containers[0].env[5].valueFrom: Invalid value: "": may not have more than one field specified at a time
            f.yaml:20:46: spec.containers[0].env[5].valueFrom.configMapKeyRef.key: Required value
            f.yaml:20:71: spec.containers[0].env[5].valueFrom.secretKeyRef.name: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            f.yaml:20:77: spec.containers[0].env[5].valueFrom.secretKeyRef.key: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
            f.yaml:22:7: spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`
            f.yaml:23:28: spec.containers[0].envFrom[1].configMapRef.name: Invalid value: "M": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            f.yaml:25:34: spec.containers[0].resources.limits[cpu]: Invalid value: "1x": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
            f.yaml:25:46: spec.containers[0].resources.limits[apples]: Invalid value: "apples": must be a standard resource type or fully qualified
            f.yaml:25:46: spec.containers[0].resources.limits[apples]: Invalid value: "apples": must be a standard resource for containers
            f.yaml:26:17: spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi
            f.yaml:26:36: spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0
            f.yaml:27:31: spec.containers[0].terminationMessagePolicy: Unsupported value: "file": supported values: "File", "FallbackToLogsOnError"
            f.yaml:28:34: spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive
            f.yaml:30:14: spec.containers[0].volumeMounts[0].name: Not found: "v"
            f.yaml:31:14: spec.containers[0].volumeMounts[1].name: Not found: "w"
            f.yaml:31:28: spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique
            f.yaml:31:41: spec.containers[0].volumeMounts[1].subPath: Invalid value: "../x": must not contain '..'
            f.yaml:32:7: spec.containers[0].volumeMounts[2].mountPath: Required value
            f.yaml:32:14: spec.containers[0].volumeMounts[2].name: Not found: "w"
            f.yaml:32:42: spec.containers[0].volumeMounts[2].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive
            f.yaml:33:62: spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//8080"
            f.yaml:35:12: spec.initContainers[0].name: Duplicate value: "c"
            f.yaml:35:40: spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always
            f.yaml:36:40: spec.initContainers[1].restartPolicy: Unsupported value: "always": supported values: "Always", "Never", "OnFailure"
            f.yaml:37:18: spec.restartPolicy: Unsupported value: "never": supported values: "Always", "OnFailure", "Never"
            f.yaml:38:26: spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive
            f.yaml:39:22: spec.hostAliases[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            f.yaml:39:41: spec.hostAliases[0].hostnames[0]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
}

#[test]
fn volumes() {
    check(
        &container(concat!(
            "  volumes:\n",
            "  - emptyDir: {medium: Disk, sizeLimit: 1Zi}\n",
            "  - {name: a, emptyDir: {medium: HugePages}, hostPath: {path: /a/../b, type: Socket}}\n",
            "  - {name: a, configMap: {items: [{path: /x}], defaultMode: 0999}}\n",
            "  - {name: b, secret: {items: [{key: k, path: ../x}], defaultMode: 512}}\n",
            "  - {name: c, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: status.podIP}}, {path: q}]}}\n",
            "  - {name: d, projected: {sources: [{}, {configMap: {name: m}, secret: {name: s}}]}}\n",
            "  - {name: e, persistentVolumeClaim: {claimName: x}}\n",
            "  - {name: f, nfs: {server: a, pth: b}}\n",
        )),
        expect![[r#"
            f.yaml:10:5: spec.volumes[0].name: Required value
            f.yaml:10:24: spec.volumes[0].emptyDir.medium: Unsupported value: "Disk": supported values: "Memory"
            f.yaml:10:41: spec.volumes[0].emptyDir.sizeLimit: Invalid value: "1Zi": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
            f.yaml:11:34: spec.volumes[1].emptyDir.medium: not supported: a guest's memory has no huge pages, use Memory
            f.yaml:11:56: spec.volumes[1].hostPath: Forbidden: may not specify more than 1 volume type
            f.yaml:11:63: spec.volumes[1].hostPath.path: Invalid value: "/a/../b": must not contain '..'
            f.yaml:12:12: spec.volumes[2].name: Duplicate value: "a"
            f.yaml:12:26: spec.volumes[2].configMap.name: Required value
            f.yaml:12:35: spec.volumes[2].configMap.items[0].key: Required value
            f.yaml:12:42: spec.volumes[2].configMap.items[0].path: Invalid value: "/x": must be a relative path
            f.yaml:12:61: spec.volumes[2].configMap.defaultMode: Invalid value: 999: must be a number between 0 and 0777 (octal), both inclusive
            f.yaml:13:23: spec.volumes[3].secret.secretName: Required value
            f.yaml:13:47: spec.volumes[3].secret.items[0].path: Invalid value: "../x": must not contain '..'
            f.yaml:13:68: spec.volumes[3].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive
            f.yaml:14:69: spec.volumes[4].downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"
            f.yaml:14:85: spec.volumes[4].downwardAPI.items[1]: Required value: one of fieldRef and resourceFieldRef is required
            f.yaml:15:41: spec.volumes[5].projected.sources[1]: Forbidden: may not specify more than 1 volume type per source
            f.yaml:16:15: spec.volumes[6].persistentVolumeClaim: not supported: no storage outside of the pod is attached; use emptyDir, hostPath, configMap or secret
            f.yaml:17:15: spec.volumes[7].nfs: not supported: no storage outside of the pod is attached; use emptyDir, hostPath, configMap or secret
            f.yaml:17:32: spec.volumes[7].nfs.pth: unknown field "pth", did you mean "path"?
        "#]],
    );
}

#[test]
fn refused_fields() {
    check(
        &container(concat!(
            "    volumeDevices: [{name: a, devicePath: b}]\n",
            "  hostNetwork: true\n  hostPID: false\n  hostIPC: yes\n",
            "  ephemeralContainers: [{name: x}]\n",
        )),
        expect![[r#"
            f.yaml:9:5: spec.containers[0].volumeDevices: not supported: there are no block devices
            f.yaml:12:3: spec.hostIPC: not supported: a pod never shares a namespace of the machine
            f.yaml:13:24: spec.ephemeralContainers: Forbidden: cannot be set on create
        "#]],
    );
}

#[test]
fn services() {
    let service =
        |spec: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec:\n{spec}");
    check(
        &service("  selector: {a: b}\n"),
        expect![[r#"
        f.yaml:5:3: spec.ports: Required value
    "#]],
    );
    check(
        &service(concat!(
            "  type: NodePort\n  clusterIP: None\n  ports:\n",
            "  - {port: 80, nodePort: 80}\n  - {port: 80, targetPort: Web_1, nodePort: 30000}\n",
            "  - {name: a, port: 0, nodePort: 30000, protocol: udp}\n  - {name: a, port: 1, targetPort: 70000}\n",
        )),
        expect![[r#"
            f.yaml:6:14: spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services
            f.yaml:8:5: spec.ports[0].name: Required value
            f.yaml:8:26: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767
            f.yaml:9:5: spec.ports[1].name: Required value
            f.yaml:9:5: spec.ports[1]: Duplicate value: "80/TCP"
            f.yaml:9:28: spec.ports[1].targetPort: Invalid value: "Web_1": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)
            f.yaml:10:21: spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive
            f.yaml:10:51: spec.ports[2].protocol: Unsupported value: "udp": supported values: "TCP", "UDP"
            f.yaml:11:12: spec.ports[3].name: Duplicate value: "a"
            f.yaml:11:36: spec.ports[3].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive
        "#]],
    );
    check(
        &service("  clusterIP: x\n  ports: [{port: 80, nodePort: 30000}]\n"),
        expect![[r#"
            f.yaml:5:14: spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            f.yaml:6:32: spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
        "#]],
    );
    check(
        &service("  type: ExternalName\n  externalName: example.com\n  ports: [{port: 80}]\n"),
        expect![[r#"
            f.yaml:5:9: spec.type: not supported: names outside of the pod network are answered by nobody
            f.yaml:6:3: spec.externalName: not supported: names outside of the pod network are answered by nobody
        "#]],
    );
    check(
        &service("  type: nodePort\n  ports: [{prt: 80}]\n"),
        expect![[r#"
            f.yaml:5:9: spec.type: Unsupported value: "nodePort": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"
            f.yaml:6:12: spec.ports[0].prt: unknown field "prt", did you mean "port"?
        "#]],
    );
    check(
        "apiVersion: v1\nkind: Service\nmetadata: {name: 1st}\nspec: {ports: [{port: 1}]}\n",
        expect![[r#"
            f.yaml:3:18: metadata.name: Invalid value: "1st": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
        "#]],
    );
}

#[test]
fn cluster_ips() {
    let service = |name: &str, ip: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{clusterIP: {ip}, ports: [{{port: 1}}]}}\n"
        )
    };
    let yaml = [
        service("a", "10.96.0.9"),
        service("b", "10.96.0.9"),
        service("c", "127.0.0.1"),
        service("d", "10.244.0.3"),
    ];
    check(
        &yaml.concat(),
        expect![[r#"
        f.yaml:10:19: spec.clusterIP: Invalid value: "10.96.0.9": provided IP is already allocated
        f.yaml:15:19: spec.clusterIP: Invalid value: "127.0.0.1": must not be an address of a pod, the machine or a group
        f.yaml:20:19: spec.clusterIP: Invalid value: "10.244.0.3": must not be an address of a pod, the machine or a group
    "#]],
    );
}

#[test]
fn config_maps_and_secrets() {
    check(
        concat!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n",
            "data: {a: 1, 'b c': x, .. : y, k: v}\nbinaryData: {k: aGk=, l: '%%%'}\nimmutable: 3\n",
        ),
        expect![[r#"
            f.yaml:4:11: data[a]: expected a string, found number 1, write "1" with quotes
            f.yaml:4:21: data[b c]: Invalid value: "b c": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
            f.yaml:4:29: data[..]: expected a string, found boolean y, write "y" with quotes
            f.yaml:4:35: data[k]: Invalid value: "k": duplicate of key present in binaryData
            f.yaml:5:26: binaryData[l]: not readable: illegal base64 data, invalid symbol 37, offset 0
            f.yaml:6:12: immutable: expected true or false, found number 3
        "#]],
    );
    check(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: m}\ndata: {a: hello world, b: aGk=}\nstringdata: {c: d}\n",
        expect![[r#"
            f.yaml:4:11: data[a]: not readable: illegal base64 data, invalid symbol 32, offset 5
            f.yaml:5:1: stringdata: unknown field "stringdata", did you mean "stringData"?
        "#]],
    );
}

#[test]
fn many_values_that_no_visitor_takes() {
    let keys: String = (0..40).map(|n| format!("  k{n}: '%'\n")).collect();
    let secret = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata:\n{keys}");
    assert_eq!(errors(&secret).lines().count(), 16);
}

#[test]
fn kinds() {
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
        expect![[r#"
            f.yaml:2:7: kind: not supported: Deployment of apiVersion apps/v1; only v1 Pod, ConfigMap, Secret, Service and lists of them are
        "#]],
    );
    check(
        "apiVersion: v1\nkind: Pood\n",
        expect![[r#"
            f.yaml:2:7: kind: not supported: Pood of apiVersion v1 (did you mean Pod?); only v1 Pod, ConfigMap, Secret, Service and lists of them are
        "#]],
    );
    check(
        "apiVersion: apps/v1\nkind: Pod\n",
        expect![[r#"
            f.yaml:1:13: apiVersion: not supported: Pod of apiVersion apps/v1; only v1 Pod, ConfigMap, Secret, Service and lists of them are
        "#]],
    );
    check(
        "- a\n- b\n",
        expect![[r#"
            f.yaml:1:1: expected an object with apiVersion, kind and metadata, found a list
        "#]],
    );
    check(
        "hello\n",
        expect![[r#"
            f.yaml:1:1: expected an object with apiVersion, kind and metadata, found string "hello"
        "#]],
    );
    check(
        "apiVersion: v1\nkind: List\nitem: []\nitems:\n- kind: Pod\n- {apiVersion: v1, kind: List}\n- 3\n",
        expect![[r#"
            f.yaml:3:7: item: unknown field "item", expected one of apiVersion, items, kind, metadata
            f.yaml:5:3: items[0].apiVersion: Required value
            f.yaml:6:26: items[1].kind: not supported: List of apiVersion v1; only v1 Pod, ConfigMap, Secret, Service and lists of them are
            f.yaml:7:3: items[2]: expected an object with apiVersion, kind and metadata, found number 3
        "#]],
    );
    check(
        "apiVersion: v1\nkind: PodList\nitems:\n- spec: {containers: [{name: A}]}\n",
        expect![[r#"
            f.yaml:4:3: items[0].metadata.name: Required value: name or generateName is required
            f.yaml:4:23: items[0].spec.containers[0].image: Required value
            f.yaml:4:30: items[0].spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
        "#]],
    );
}

#[test]
fn objects_that_collide() {
    let pod = |name: &str, port: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: i, ports: [{port}]}}]}}\n"
        )
    };
    let yaml = [
        pod("a", "{containerPort: 80, hostPort: 8080}"),
        pod(
            "b",
            "{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1}",
        ),
        pod("c", "{containerPort: 80, hostPort: 8080, protocol: UDP}"),
        pod("a", ""),
    ];
    check(
        &yaml.concat(),
        expect![[r#"
        f.yaml:10:79: spec.containers[0].ports[0].hostPort: port 8080/TCP of the machine is already taken by pod default/a in f.yaml:5:79
        f.yaml:19:18: metadata.name: pod default/a is defined twice, first in f.yaml:4:18
    "#]],
    );
}

#[test]
fn yaml_that_is_none() {
    check(
        "",
        expect![[r#"
        f.yaml: no objects in it
    "#]],
    );
    check(
        "# only a comment\n---\n---\n",
        expect![[r#"
        f.yaml: no objects in it
    "#]],
    );
    check(
        "a: b: c\n",
        expect![[r#"
        f.yaml:1:5: mapping values are not allowed in this context
    "#]],
    );
    check(
        "apiVersion: v1\n\tkind: Pod\n",
        expect![[r#"
            f.yaml:1:13: while scanning a plain scalar, found a tab (a tab may not indent YAML, use spaces)
        "#]],
    );
    check(
        "a: [1, 2\nb: 3\n",
        expect![[r#"
        f.yaml:2:2: illegal placement of ':' indicator
    "#]],
    );
    check(
        "a: 1\na: 2\n? [x]\n: y\n",
        expect![[r#"
        f.yaml:1:1: apiVersion: Required value
        f.yaml:1:1: kind: Required value
        f.yaml:2:1: key "a" is already set in line 1
        f.yaml:3:3: a key must be a text
    "#]],
    );
    check(
        "a: *nowhere\n",
        expect![[r#"
        f.yaml:1:4: while parsing node, found unknown anchor
    "#]],
    );
    check(
        "a: &a [*a]\n",
        expect![[r#"
        f.yaml:1:1: apiVersion: Required value
        f.yaml:1:1: kind: Required value
        f.yaml:1:8: an alias inside of its own anchor
    "#]],
    );
    check(
        "a: !foo bar\nb: !!int x\n",
        expect![[r#"
        f.yaml:1:1: apiVersion: Required value
        f.yaml:1:1: kind: Required value
        f.yaml:1:9: tag !foo is not supported here
        f.yaml:2:10: "x" is no !!int
    "#]],
    );
    check(
        "a: \"\\q\"\n",
        expect![[r#"
        f.yaml:1:4: while parsing a quoted scalar, found unknown escape character
    "#]],
    );
    check(
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": 3}, \"spec\": {\"containers\": []}}",
        expect![[r#"
            f.yaml:1:58: metadata.name: expected a string, found number 3, write "3" with quotes
            f.yaml:1:85: spec.containers: Required value
        "#]],
    );
    check(
        &format!("a: {}\n", "[".repeat(10_000)),
        expect![[r#"
            f.yaml:1:68: more than 64 levels of lists and objects
        "#]],
    );
}

#[test]
fn one_broken_document_does_not_hide_the_next() {
    check(
        "a: [1\n---\napiVersion: v1\nkind: Pood\n",
        expect![[r#"
            f.yaml:1:4: unclosed bracket '['
            f.yaml:4:7: kind: not supported: Pood of apiVersion v1 (did you mean Pod?); only v1 Pod, ConfigMap, Secret, Service and lists of them are
        "#]],
    );
}

#[test]
fn bytes_that_are_no_text() {
    let errors = |bytes: &[u8]| {
        let source = Source {
            name: "-".to_owned(),
            bytes: bytes.to_vec(),
        };
        load(&[source]).expect_err("not a manifest")[0].to_string()
    };
    assert_eq!(
        errors(b"a: b\nc: \xc3\xa9\xff\n"),
        "-:2:5: not UTF-8: byte 0xff"
    );
    assert_eq!(
        errors(b"\xff\xfea\0"),
        "-:1:1: not UTF-8: byte 0xff, it looks like UTF-16: save it as UTF-8"
    );
    assert_eq!(
        errors(&vec![b' '; 10 << 20]),
        "-: larger than 8388608 bytes, which is all that is read of one file"
    );
}

#[test]
fn more_containers_than_a_pod_can_have() {
    let containers = |count| -> String {
        let one = |index| format!("  - name: c{index}\n    image: i\n");
        (0..count).map(one).collect()
    };
    let pods = |init, regular| {
        let (init, regular) = (
            containers(init),
            containers(regular).replace("name: c", "name: r"),
        );
        pod(&format!(
            "  initContainers:\n{init}  containers:\n{regular}"
        ))
    };
    check(&pods(100, 156), expect!["good\n"]);
    check(
        &pods(100, 157),
        expect![[r#"
        f.yaml:208:5: spec.containers: the pod has 257 containers, at most 256 are allowed
    "#]],
    );
}
