//! Services with their addresses, ports and endpoints, and the small kinds beside them, in conversations: a line is a
//! request, with what to show of the answer after `|`.

use expect_test::{Expect, expect};
use http::{HeaderMap, HeaderValue};
use seedpod_api::server::{Action, Answer, Now, Request, Server, Settings, User};
use seedpod_core::seed::Seed;
use seedpod_core::store::Store;
use seedpod_core::time::{Instant, WallTime};
use serde_json::Value;
use std::fmt::Write;

struct Talk {
    server: Server,
    now: Now,
    user: User,
    /// What `$TOKEN` means.
    token: String,
    /// `kubectl --as`
    taken_for: Option<String>,
}

fn admin() -> User {
    User {
        name: "kubernetes-admin".to_owned(),
        groups: ["system:masters", "system:authenticated"]
            .map(str::to_owned)
            .to_vec(),
    }
}

impl Talk {
    fn new() -> Self {
        let seed = Seed::new(1);
        let now = Now::default();
        let mut server = Server::new(Settings::simulated(seed), Store::default(), seed, now);
        while server.next_action().is_some() {}
        Self {
            server,
            now,
            user: admin(),
            token: String::new(),
            taken_for: None,
        }
    }

    fn line(&mut self, line: &str) -> String {
        let (request, shown) = line.split_once(" | ").unwrap_or((line, ""));
        let mut words = request.splitn(3, ' ');
        let verb = words.next().unwrap();
        let (path, body) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        match verb {
            "wait" => {
                let seconds = path.trim_end_matches('s').parse::<u64>().unwrap();
                let nanos = self.now.instant.as_nanos() + seconds * 1_000_000_000;
                self.now = Now {
                    instant: Instant::from_nanos(nanos),
                    wall: WallTime::from_unix_nanos(nanos),
                };
                self.server.turn(self.now);
                String::new()
            }
            "actions" => self.actions(),
            "as" if path == "$TOKEN" => match self.server.authenticate(self.now, &self.token) {
                Some(user) => {
                    self.user = user;
                    self.user.name.clone()
                }
                None => "nobody".to_owned(),
            },
            "--as" => {
                self.taken_for = (!path.is_empty()).then(|| path.to_owned());
                String::new()
            }
            "as" => {
                self.user = admin();
                String::new()
            }
            _ => self.request(verb, path, body, shown),
        }
    }

    fn request(&mut self, verb: &str, path: &str, body: &str, shown: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(user) = &self.taken_for {
            headers.insert("impersonate-user", HeaderValue::from_str(user).unwrap());
        }
        if verb == "PATCH" {
            let merge = HeaderValue::from_static("application/merge-patch+json");
            headers.insert("content-type", merge);
        }
        let request = Request {
            method: verb.parse().unwrap(),
            uri: path.parse().unwrap(),
            headers,
            body: body.replace("$TOKEN", &self.token).into(),
            user: self.user.clone(),
        };
        let Answer::Response(response) = self.server.handle(self.now, &request) else {
            panic!("no response to {path}");
        };
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        if let Some(token) = body["status"]["token"].as_str() {
            self.token = token.to_owned();
        }
        let status = response.status.as_u16();
        if !response.status.is_success() {
            return format!("{status} {}", body["message"].as_str().unwrap());
        }
        let mut text = status.to_string();
        for shown in shown.split(' ').filter(|shown| !shown.is_empty()) {
            let found = body.pointer(shown).unwrap_or(&Value::Null);
            write!(text, " {found}").unwrap();
        }
        text
    }

    /// What the world has to do with the network.
    fn actions(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(action) = self.server.next_action() {
            match action {
                Action::Apply(objects) => {
                    all.extend(objects.services.iter().map(|service| {
                        let backends = service.backends.iter().flatten().map(|backend| {
                            let ports = backend.ports.iter().map(|port| port.port.to_string());
                            format!("{}:{}", backend.ip, ports.collect::<Vec<_>>().join("+"))
                        });
                        let backends: Vec<_> = backends.collect();
                        format!("apply {} to [{}]", service.meta.name, backends.join(" "))
                    }));
                    let secrets = objects
                        .secrets
                        .iter()
                        .filter_map(|secret| secret.meta.name.split('/').next());
                    all.extend(secrets.map(|name| format!("apply secret {name}")));
                }
                Action::Remove(key) => all.push(format!("remove {:?} {}", key.kind, key.name)),
                Action::NodePorts(ports) => {
                    let ports = ports.iter();
                    let ports = ports.map(|port| format!("{} {}", port.port, port.service));
                    all.push(format!("open {:?}", ports.collect::<Vec<_>>()));
                }
                _ => {}
            }
        }
        all.join(", ")
    }
}

/// Without addresses and ports that chance has given.
fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(is_part).unwrap_or(rest.len());
        masked.push_str(&rest[..end]);
        rest = &rest[end..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let number = &rest[..end];
        let port = number.parse::<u16>().unwrap_or_default();
        let is_random_ip = number.starts_with("10.96.") && !number.starts_with("10.96.0.");
        masked.push_str(match number {
            _ if is_random_ip && number.matches('.').count() == 3 => "<ip>",
            _ if (30_086..=32_767).contains(&port) => "<port>",
            number => number,
        });
        rest = &rest[end..];
    }
    masked
}

/// Plays the lines of a transcript and compares what comes after them.
fn check(transcript: &Expect) {
    let mut talk = Talk::new();
    let mut text = String::new();
    let lines = transcript.data().lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("-> ")) {
        let answer = masked(&talk.line(line));
        writeln!(text, "{line}").unwrap();
        if !answer.is_empty() {
            writeln!(text, "-> {answer}").unwrap();
        }
    }
    transcript.assert_eq(&text);
}

#[test]
fn what_every_cluster_has() {
    check(&expect![[r#"
        GET /api/v1/namespaces | /items/0/metadata/name /items/1/metadata/name /items/2/metadata/name /items/3/metadata/name
        -> 200 "default" "kube-node-lease" "kube-public" "kube-system"
        GET /api/v1/namespaces/default | /metadata/labels /spec /status
        -> 200 {"kubernetes.io/metadata.name":"default"} {"finalizers":["kubernetes"]} {"phase":"Active"}
        GET /api/v1/namespaces/default/services/kubernetes | /spec /metadata/labels
        -> 200 {"clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1"],"internalTrafficPolicy":"Cluster","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","ports":[{"name":"https","port":443,"protocol":"TCP","targetPort":6443}],"sessionAffinity":"None","type":"ClusterIP"} {"component":"apiserver","provider":"kubernetes"}
        GET /api/v1/namespaces/default/endpoints/kubernetes | /subsets
        -> 200 [{"addresses":[{"ip":"10.88.0.1"}],"ports":[{"name":"https","port":6443,"protocol":"TCP"}]}]
        GET /apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes | /endpoints /ports
        -> 200 [{"addresses":["10.88.0.1"],"conditions":{"ready":true}}] [{"name":"https","port":6443,"protocol":"TCP"}]
        GET /api/v1/namespaces/kube-system/serviceaccounts/default | /metadata/name
        -> 200 "default"
        GET /api/v1/namespaces/kube-public/configmaps/kube-root-ca.crt | /metadata/name
        -> 200 "kube-root-ca.crt"
        POST /api/v1/namespaces {"metadata": {"name": "own"}} | /metadata/labels /spec /status
        -> 201 {"kubernetes.io/metadata.name":"own"} {"finalizers":["kubernetes"]} {"phase":"Active"}
        GET /api/v1/namespaces/own/serviceaccounts/default | /metadata/name
        -> 200 "default"
        DELETE /api/v1/namespaces/own/configmaps/kube-root-ca.crt
        -> 200
        GET /api/v1/namespaces/own/configmaps/kube-root-ca.crt | /metadata/name
        -> 200 "kube-root-ca.crt"
        DELETE /api/v1/namespaces/default/services/kubernetes
        -> 200
        GET /api/v1/namespaces/default/services/kubernetes | /spec/clusterIP
        -> 200 "10.96.0.1"
    "#]]);
}

#[test]
fn addresses_of_services() {
    check(&expect![[r#"
        POST /api/v1/namespaces/default/services {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "a"}}} | /spec /status
        -> 201 {"clusterIP":"<ip>","clusterIPs":["<ip>"],"internalTrafficPolicy":"Cluster","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","ports":[{"port":80,"protocol":"TCP","targetPort":80}],"selector":{"app":"a"},"sessionAffinity":"None","type":"ClusterIP"} {"loadBalancer":{}}
        POST /api/v1/namespaces/default/services {"metadata": {"name": "b"}, "spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.77"}} | /spec/clusterIPs
        -> 201 ["10.96.0.77"]
        POST /api/v1/namespaces/default/services {"metadata": {"name": "c"}, "spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.77"}}
        -> 422 Service "c" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.77"]: failed to allocate IP 10.96.0.77: provided IP is already allocated
        POST /api/v1/namespaces/default/services {"metadata": {"name": "c"}, "spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.10"}}
        -> 422 Service "c" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated
        POST /api/v1/namespaces/default/services {"metadata": {"name": "c"}, "spec": {"ports": [{"port": 80}], "clusterIP": "192.0.2.1"}}
        -> 422 Service "c" is invalid: spec.clusterIPs: Invalid value: ["192.0.2.1"]: failed to allocate IP 192.0.2.1: the provided IP (192.0.2.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16
        POST /api/v1/namespaces/default/services {"metadata": {"name": "c"}, "spec": {"ports": [{"port": 80}], "clusterIP": "x"}}
        -> 422 Service "c" is invalid: spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
        POST /api/v1/namespaces/default/services {"metadata": {"name": "c"}, "spec": {}}
        -> 422 Service "c" is invalid: spec.ports: Required value
        PATCH /api/v1/namespaces/default/services/b {"spec": {"clusterIP": "10.96.0.78"}}
        -> 422 Service "b" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.0.78"]: may not change once set
        PATCH /api/v1/namespaces/default/services/b {"spec": {"clusterIP": null}} | /spec/clusterIP
        -> 200 "10.96.0.77"
        DELETE /api/v1/namespaces/default/services/b
        -> 200
        POST /api/v1/namespaces/default/services {"metadata": {"name": "c"}, "spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.77"}} | /spec/clusterIP
        -> 201 "10.96.0.77"
        POST /api/v1/namespaces/default/services {"metadata": {"name": "h"}, "spec": {"clusterIP": "None"}} | /spec
        -> 201 {"clusterIP":"None","clusterIPs":["None"],"internalTrafficPolicy":"Cluster","ipFamilies":["IPv4","IPv6"],"ipFamilyPolicy":"RequireDualStack","sessionAffinity":"None","type":"ClusterIP"}
        POST /api/v1/namespaces/default/services {"metadata": {"name": "d"}, "spec": {"ports": [{"port": 80}], "ipFamilyPolicy": "RequireDualStack"}}
        -> 422 Service "d" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services
        POST /api/v1/namespaces/default/services {"metadata": {"name": "d"}, "spec": {"ports": [{"port": 80}], "ipFamilyPolicy": "PreferDualStack"}} | /spec/ipFamilies
        -> 201 ["IPv4"]
        POST /api/v1/namespaces/default/services {"metadata": {"name": "e"}, "spec": {"ports": [{"port": 80}], "sessionAffinity": "ClientIP"}} | /spec/sessionAffinityConfig
        -> 201 {"clientIP":{"timeoutSeconds":10800}}
    "#]]);
}

#[test]
fn node_ports_and_types() {
    check(&expect![[r#"
        POST /api/v1/namespaces/default/services {"metadata": {"name": "a"}, "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}} | /spec/ports /spec/externalTrafficPolicy
        -> 201 [{"nodePort":30080,"port":80,"protocol":"TCP","targetPort":80}] "Cluster"
        actions
        -> apply a to [], open ["30080 default/a"]
        POST /api/v1/namespaces/default/services {"metadata": {"name": "b"}, "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}}
        -> 422 Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated
        POST /api/v1/namespaces/default/services {"metadata": {"name": "b"}, "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}}
        -> 422 Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-<port>
        POST /api/v1/namespaces/default/services {"metadata": {"name": "b"}, "spec": {"ports": [{"port": 80, "nodePort": 30081}]}}
        -> 422 Service "b" is invalid: spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
        POST /api/v1/namespaces/default/services {"metadata": {"name": "b"}, "spec": {"type": "NodePort", "ports": [{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}]}} | /spec/ports
        -> 201 [{"name":"t","nodePort":<port>,"port":53,"protocol":"TCP","targetPort":53},{"name":"u","nodePort":<port>,"port":53,"protocol":"UDP","targetPort":53}]
        PATCH /api/v1/namespaces/default/services/a {"spec": {"ports": [{"port": 81}]}} | /spec/ports
        -> 200 [{"nodePort":30080,"port":81,"protocol":"TCP","targetPort":81}]
        PATCH /api/v1/namespaces/default/services/a {"spec": {"type": "ClusterIP"}} | /spec/ports /spec/externalTrafficPolicy
        -> 200 [{"port":81,"protocol":"TCP","targetPort":81}] null
        PATCH /api/v1/namespaces/default/services/a {"spec": {"type": "ExternalName", "externalName": "example.com"}} | /spec
        -> 200 {"externalName":"example.com","internalTrafficPolicy":"Cluster","ports":[{"port":81,"protocol":"TCP","targetPort":81}],"sessionAffinity":"None","type":"ExternalName"}
        PATCH /api/v1/namespaces/default/services/a {"spec": {"type": "ExternalName", "externalName": "no_name"}}
        -> 422 Service "a" is invalid: spec.externalName: Invalid value: "no_name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        POST /api/v1/namespaces/default/services {"metadata": {"name": "x"}, "spec": {"type": "ExternalName"}}
        -> 422 Service "x" is invalid: spec.externalName: Required value
        PATCH /api/v1/namespaces/default/services/a {"spec": {"type": "NodePort", "externalName": null}} | /spec/type /spec/ipFamilies
        -> 200 "NodePort" ["IPv4"]
        DELETE /api/v1/namespaces/default/services/b
        -> 200
        POST /api/v1/namespaces/default/services {"metadata": {"name": "l"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30080}]}} | /spec/ports /status
        -> 201 [{"nodePort":30080,"port":80,"protocol":"TCP","targetPort":80}] {"loadBalancer":{}}
        actions
        -> apply b to [], open ["30080 default/a", "<port> default/b", "<port> default/b"], apply a to [], open ["30080 default/a", "<port> default/b", "<port> default/b"], apply a to [], open ["<port> default/b", "<port> default/b"], remove Service a, apply a to [], open ["<port> default/a", "<port> default/b", "<port> default/b"], remove Service b, open ["<port> default/a"], apply l to [], open ["30080 default/l", "<port> default/a"]
        DELETE /api/v1/namespaces/default/services/l
        -> 200
        actions
        -> remove Service l, open ["<port> default/a"]
    "#]]);
}

#[test]
fn endpoints_that_somebody_writes() {
    check(&expect![[r#"
        POST /api/v1/namespaces/default/services {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}} | /metadata/name
        -> 201 "a"
        actions
        -> apply a to []
        POST /api/v1/namespaces/default/endpoints {"metadata": {"name": "a"}, "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "notReadyAddresses": [{"ip": "10.0.0.2"}], "ports": [{"port": 8080}]}]} | /subsets
        -> 201 [{"addresses":[{"ip":"10.0.0.1"}],"notReadyAddresses":[{"ip":"10.0.0.2"}],"ports":[{"port":8080,"protocol":"TCP"}]}]
        actions
        -> apply a to [10.0.0.1:8080]
        GET /apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=a | /items/0/metadata/labels /items/0/endpoints /items/0/ports
        -> 200 {"endpointslice.kubernetes.io/managed-by":"endpointslicemirroring-controller.k8s.io","kubernetes.io/service-name":"a"} [{"addresses":["10.0.0.1"],"conditions":{"ready":true}},{"addresses":["10.0.0.2"],"conditions":{"ready":false}}] [{"name":"","port":8080,"protocol":"TCP"}]
        PATCH /api/v1/namespaces/default/endpoints/a {"subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 0}]}, {}]}
        -> 422 Endpoints "a" is invalid: [subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128), subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`]
        POST /apis/discovery.k8s.io/v1/namespaces/default/endpointslices {"metadata": {"name": "own", "labels": {"kubernetes.io/service-name": "a"}}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.3"]}], "ports": [{"port": 81}]} | /ports /endpoints
        -> 201 [{"name":"","port":81,"protocol":"TCP"}] [{"addresses":["10.0.0.3"]}]
        actions
        -> apply a to [10.0.0.1:8080 10.0.0.3:81]
        DELETE /api/v1/namespaces/default/endpoints/a
        -> 200
        actions
        -> apply a to [10.0.0.3:81]
        DELETE /api/v1/namespaces/default/services/a
        -> 200
        actions
        -> remove Service a
    "#]]);
}

#[test]
fn config_maps_and_secrets() {
    check(&expect![[r#"
        POST /api/v1/namespaces/default/configmaps {"metadata": {"name": "a"}, "data": {"": "x"}}
        -> 422 ConfigMap "a" is invalid: data[]: Invalid value: "": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
        POST /api/v1/namespaces/default/configmaps {"metadata": {"name": "a"}, "data": {"k": "v"}, "binaryData": {"k": "dg=="}}
        -> 422 ConfigMap "a" is invalid: data[k]: Invalid value: "k": duplicate of key present in binaryData
        POST /api/v1/namespaces/default/configmaps {"metadata": {"name": "a"}, "data": {"k": "v"}, "immutable": true} | /data
        -> 201 {"k":"v"}
        PATCH /api/v1/namespaces/default/configmaps/a {"data": {"k": "w"}}
        -> 422 ConfigMap "a" is invalid: data: Forbidden: field is immutable when `immutable` is set
        PATCH /api/v1/namespaces/default/configmaps/a {"immutable": false}
        -> 422 ConfigMap "a" is invalid: immutable: Forbidden: field is immutable when `immutable` is set
        PATCH /api/v1/namespaces/default/configmaps/a {"metadata": {"labels": {"l": "m"}}} | /metadata/labels
        -> 200 {"l":"m"}
        POST /api/v1/namespaces/default/secrets {"metadata": {"name": "s"}, "data": {"": "eA=="}}
        -> 422 Secret "s" is invalid: data[]: Invalid value: "": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
        POST /api/v1/namespaces/default/secrets {"metadata": {"name": "s"}, "stringData": {"k": "v"}, "data": {"k": "eA==", "l": "eA=="}} | /data /type /stringData
        -> 201 {"k":"dg==","l":"eA=="} "Opaque" null
        PATCH /api/v1/namespaces/default/secrets/s {"type": "other"}
        -> 422 Secret "s" is invalid: type: Invalid value: "other": field is immutable
        PATCH /api/v1/namespaces/default/secrets/s {"immutable": true} | /immutable
        -> 200 true
        PATCH /api/v1/namespaces/default/secrets/s {"stringData": {"k": "w"}}
        -> 422 Secret "s" is invalid: data: Forbidden: field is immutable when `immutable` is set
        POST /api/v1/namespaces/default/secrets {"metadata": {"name": "t"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "eA=="}}
        -> 422 Secret "t" is invalid: data[tls.key]: Required value
        POST /api/v1/namespaces/default/secrets {"metadata": {"name": "t"}, "type": "kubernetes.io/dockerconfigjson"}
        -> 422 Secret "t" is invalid: data[.dockerconfigjson]: Required value
    "#]]);
}

#[test]
fn runtime_classes() {
    check(&expect![[r#"
        POST /apis/node.k8s.io/v1/runtimeclasses {"metadata": {"name": "wasm"}, "handler": "wasm", "overhead": {"podFixed": {"cpu": "10m"}}} | /handler
        -> 201 "wasm"
        POST /apis/node.k8s.io/v1/runtimeclasses {"metadata": {"name": "no"}}
        -> 422 RuntimeClass.node.k8s.io "no" is invalid: handler: Invalid value: "": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
        POST /apis/node.k8s.io/v1/runtimeclasses {"metadata": {"name": "no"}, "handler": "A", "overhead": {"podFixed": {"cpu": "-1"}}}
        -> 422 RuntimeClass.node.k8s.io "no" is invalid: [handler: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?'), overhead.podFixed[cpu]: Invalid value: "-1": must be greater than or equal to 0]
        PATCH /apis/node.k8s.io/v1/runtimeclasses/wasm {"handler": "other"}
        -> 422 RuntimeClass.node.k8s.io "wasm" is invalid: handler: Invalid value: "other": field is immutable
    "#]]);
}

#[test]
fn tokens_of_service_accounts() {
    check(&expect![[r#"
        POST /api/v1/namespaces/default/serviceaccounts {"metadata": {"name": "robot"}} | /metadata/name
        -> 201 "robot"
        POST /api/v1/namespaces/default/serviceaccounts/robot/token {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 10}}
        -> 422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes
        POST /api/v1/namespaces/default/serviceaccounts/nobody/token {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}}
        -> 404 serviceaccounts "nobody" not found
        POST /api/v1/namespaces/default/serviceaccounts/robot/token {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 600}} | /spec /status/expirationTimestamp
        -> 201 {"audiences":["https://kubernetes.default.svc.cluster.local"],"expirationSeconds":600} "1970-01-01T00:10:00Z"
        POST /apis/authentication.k8s.io/v1/tokenreviews {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "$TOKEN"}} | /status/authenticated /status/user/username /status/audiences
        -> 201 true "system:serviceaccount:default:robot" ["https://kubernetes.default.svc.cluster.local"]
        POST /apis/authentication.k8s.io/v1/tokenreviews {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "$TOKENx"}} | /status
        -> 201 {"error":"invalid bearer token","user":{}}
        as $TOKEN
        -> system:serviceaccount:default:robot
        GET /api/v1/namespaces/default/pods
        -> 403 pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"
        GET /api/v1/namespaces/default/pods/p
        -> 403 pods "p" is forbidden: User "system:serviceaccount:default:robot" cannot get resource "pods" in API group "" in the namespace "default"
        GET /api/v1/nodes
        -> 403 nodes is forbidden: User "system:serviceaccount:default:robot" cannot list resource "nodes" in API group "" at the cluster scope
        GET /version | /major
        -> 200 "1"
        POST /apis/authentication.k8s.io/v1/selfsubjectreviews {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"} | /status/userInfo
        -> 201 {"groups":["system:serviceaccounts","system:serviceaccounts:default","system:authenticated"],"username":"system:serviceaccount:default:robot"}
        POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}} | /status
        -> 201 {"allowed":false}
        POST /apis/authorization.k8s.io/v1/subjectaccessreviews {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": "a", "resourceAttributes": {"verb": "list", "resource": "pods"}}}
        -> 403 subjectaccessreviews.authorization.k8s.io is forbidden: User "system:serviceaccount:default:robot" cannot create resource "subjectaccessreviews" in API group "authorization.k8s.io" at the cluster scope
        as admin
        POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}} | /status
        -> 201 {"allowed":true}
        POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"}} | /status
        -> 201 {"incomplete":false,"nonResourceRules":[{"nonResourceURLs":["*"],"verbs":["*"]}],"resourceRules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}
        POST /apis/authorization.k8s.io/v1/subjectaccessreviews {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": "a", "resourceAttributes": {"verb": "list", "resource": "pods"}}} | /status
        -> 201 {"allowed":false}
        GET /apis/authorization.k8s.io/v1/subjectaccessreviews
        -> 405 the server does not allow this method on the requested resource
        wait 599s
        as $TOKEN
        -> system:serviceaccount:default:robot
        wait 1s
        as $TOKEN
        -> nobody
        as admin
        POST /api/v1/namespaces/default/serviceaccounts/robot/token {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"audiences": ["vault"]}} | /spec
        -> 201 {"audiences":["vault"],"expirationSeconds":3600}
        as $TOKEN
        -> nobody
        POST /api/v1/namespaces/default/serviceaccounts/robot/token {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}} | /spec
        -> 201 {"audiences":["https://kubernetes.default.svc.cluster.local"],"expirationSeconds":3600}
        DELETE /api/v1/namespaces/default/serviceaccounts/robot
        -> 200
        as $TOKEN
        -> nobody
    "#]]);
}

#[test]
fn who_is_taken_for_somebody_else() {
    check(&expect![[r#"
        --as jane
        GET /api/v1/namespaces/default/pods
        -> 403 pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"
        POST /apis/authentication.k8s.io/v1/selfsubjectreviews {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"} | /status/userInfo
        -> 201 {"groups":["system:authenticated"],"username":"jane"}
        --as system:serviceaccount:default:robot
        POST /apis/authentication.k8s.io/v1/selfsubjectreviews {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"} | /status/userInfo
        -> 201 {"groups":["system:serviceaccounts","system:serviceaccounts:default","system:authenticated"],"username":"system:serviceaccount:default:robot"}
        --as
        POST /api/v1/namespaces/default/serviceaccounts/default/token {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}}
        -> 201
        as $TOKEN
        -> system:serviceaccount:default:default
        --as kubernetes-admin
        GET /api/v1/namespaces/default/pods
        -> 403 users "kubernetes-admin" is forbidden: User "system:serviceaccount:default:default" cannot impersonate resource "users" in API group "" at the cluster scope
    "#]]);
}

#[test]
fn endpoints_of_pods() {
    check(&expect![[r#"
        POST /api/v1/namespaces/default/services {"metadata": {"name": "a", "labels": {"l": "m"}}, "spec": {"ports": [{"name": "web", "port": 80, "targetPort": "http"}], "selector": {"app": "a"}}} | /metadata/name
        -> 201 "a"
        GET /api/v1/namespaces/default/endpoints/a | /metadata/labels /subsets
        -> 200 {"endpoints.kubernetes.io/managed-by":"endpoint-controller","l":"m"} null
        POST /api/v1/namespaces/default/pods {"metadata": {"name": "p", "labels": {"app": "a"}}, "spec": {"hostname": "h", "subdomain": "a", "containers": [{"name": "c", "image": "busybox", "ports": [{"name": "http", "containerPort": 8080}]}]}} | /spec/serviceAccountName /spec/containers/0/volumeMounts/0/mountPath /spec/volumes/0/projected/sources
        -> 201 "default" "/var/run/secrets/kubernetes.io/serviceaccount" [{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"items":[{"key":"ca.crt","path":"ca.crt"}],"name":"kube-root-ca.crt"}},{"downwardAPI":{"items":[{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"},"path":"namespace"}]}}]
        PATCH /api/v1/namespaces/default/pods/p/status {"status": {"phase": "Running", "podIP": "10.244.0.2", "conditions": [{"type": "Ready", "status": "False"}]}} | /status/podIP
        -> 200 "10.244.0.2"
        GET /api/v1/namespaces/default/endpoints/a | /subsets/0/addresses /subsets/0/notReadyAddresses/0/ip /subsets/0/notReadyAddresses/0/hostname /subsets/0/ports
        -> 200 null "10.244.0.2" "h" [{"name":"web","port":8080,"protocol":"TCP"}]
        PATCH /api/v1/namespaces/default/pods/p/status {"status": {"conditions": [{"type": "Ready", "status": "True"}]}} | /status/podIP
        -> 200 "10.244.0.2"
        GET /api/v1/namespaces/default/endpoints/a | /subsets/0/addresses/0/ip /subsets/0/notReadyAddresses
        -> 200 "10.244.0.2" null
        GET /apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=a | /items/0/endpoints/0/conditions /items/0/endpoints/0/hostname /items/0/ports /items/0/metadata/ownerReferences/0/kind
        -> 200 {"ready":true,"serving":true,"terminating":false} "h" [{"name":"web","port":8080,"protocol":"TCP"}] "Service"
        actions
        -> apply a to [], apply secret token, apply a to [10.244.0.2:8080]
        PATCH /api/v1/namespaces/default/pods/p {"metadata": {"labels": {"app": "b"}}} | /metadata/labels
        -> 200 {"app":"b"}
        GET /api/v1/namespaces/default/endpoints/a | /subsets
        -> 200 null
        actions
        -> apply a to []
        POST /api/v1/namespaces/default/pods {"metadata": {"name": "q"}, "spec": {"serviceAccountName": "nobody", "containers": [{"name": "c", "image": "busybox"}]}}
        -> 403 pods "q" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found
        POST /api/v1/namespaces/default/pods {"metadata": {"name": "q"}, "spec": {"runtimeClassName": "none", "containers": [{"name": "c", "image": "busybox"}]}}
        -> 403 pods "q" is forbidden: pod rejected: RuntimeClass "none" not found
        POST /api/v1/namespaces/default/pods {"metadata": {"name": "q"}, "spec": {"automountServiceAccountToken": false, "containers": [{"name": "c", "image": "busybox"}]}} | /spec/volumes
        -> 201 null
        wait 2886s
        actions
        -> apply secret token
        DELETE /api/v1/namespaces/default/services/a
        -> 200
        GET /api/v1/namespaces/default/endpoints/a
        -> 404 endpoints "a" not found
        GET /apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=a | /items
        -> 200 []
    "#]]);
}
