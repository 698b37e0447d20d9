//! What becomes of single fields: a piece of YAML in, the checked type out.

use std::fmt::Debug;

use expect_test::{Expect, expect};
use seedpod_api::{Source, ephemeral_container, load};
use seedpod_core::process::Signal;
use seedpod_core::spec::Pod;

fn source(yaml: &str) -> Source {
    Source {
        name: "f.yaml".to_owned(),
        bytes: yaml.as_bytes().to_vec(),
    }
}

/// A pod with these fields in `spec`, indented by two; the one container `c` can be left out.
fn pod(fields: &str) -> Pod {
    let containers = if fields.contains("  containers:") {
        ""
    } else {
        "  containers: [{name: c, image: i}]\n"
    };
    let yaml =
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{containers}{fields}");
    match load(&[source(&yaml)]) {
        Ok(mut loaded) => loaded.objects.pods.remove(0),
        Err(errors) => panic!("{yaml}\n{errors:#?}"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check<T: Debug>(fields: &str, part: impl Fn(Pod) -> T, expected: Expect) {
    expected.assert_eq(&format!("{:?}", part(pod(fields))));
}

fn check_probe(probe: &str, expected: Expect) {
    let container = format!("  containers: [{{name: c, image: i, livenessProbe: {probe}}}]\n");
    check(
        &container,
        |mut pod| pod.containers.remove(0).liveness_probe.unwrap(),
        expected,
    );
}

#[test]
fn probes() {
    check_probe(
        "{exec: {command: [a, b]}}",
        expect![[
            r#"Probe { handler: Exec(["a", "b"]), initial_delay: 0ns, period: 10s, timeout: 1s, success_threshold: 1, failure_threshold: 3, termination_grace_period: None }"#
        ]],
    );
    check_probe(
        "{httpGet: {port: web}, periodSeconds: 0, timeoutSeconds: 0}",
        expect![[
            r#"Probe { handler: HttpGet(HttpGet { scheme: Http, host: None, port: Name("web"), path: "/", headers: [] }), initial_delay: 0ns, period: 10s, timeout: 1s, success_threshold: 1, failure_threshold: 3, termination_grace_period: None }"#
        ]],
    );
    check_probe(
        concat!(
            "{httpGet: {path: /a, port: 80, host: h, scheme: HTTPS, httpHeaders: [{name: A, value: b}]}, ",
            "initialDelaySeconds: 1, periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 4, ",
            "terminationGracePeriodSeconds: 5}"
        ),
        expect![[
            r#"Probe { handler: HttpGet(HttpGet { scheme: Https, host: Some("h"), port: Number(80), path: "/a", headers: [("A", "b")] }), initial_delay: 1s, period: 2s, timeout: 3s, success_threshold: 1, failure_threshold: 4, termination_grace_period: Some(GracePeriod { seconds: 5 }) }"#
        ]],
    );
    check_probe(
        "{tcpSocket: {port: 1, host: h}}",
        expect![[
            r#"Probe { handler: TcpSocket(TcpSocket { host: Some("h"), port: Number(1) }), initial_delay: 0ns, period: 10s, timeout: 1s, success_threshold: 1, failure_threshold: 3, termination_grace_period: None }"#
        ]],
    );
    check_probe(
        "{grpc: {port: 1, service: s}}",
        expect![[
            r#"Probe { handler: Grpc { port: 1, service: "s" }, initial_delay: 0ns, period: 10s, timeout: 1s, success_threshold: 1, failure_threshold: 3, termination_grace_period: None }"#
        ]],
    );
    check_probe(
        "{grpc: {port: 1}}",
        expect![[
            r#"Probe { handler: Grpc { port: 1, service: "" }, initial_delay: 0ns, period: 10s, timeout: 1s, success_threshold: 1, failure_threshold: 3, termination_grace_period: None }"#
        ]],
    );
    check(
        concat!(
            "  containers: [{name: c, image: i, readinessProbe: {tcpSocket: {port: 1}, successThreshold: 2}, ",
            "startupProbe: {tcpSocket: {port: 2}}}]\n"
        ),
        |mut pod| {
            let container = pod.containers.remove(0);
            let (readiness, startup) = (container.readiness_probe, container.startup_probe);
            (
                readiness.unwrap().success_threshold,
                startup.unwrap().handler,
            )
        },
        expect!["(2, TcpSocket(TcpSocket { host: None, port: Number(2) }))"],
    );
}

#[test]
fn hooks() {
    check(
        concat!(
            "  os: {name: linux}\n",
            "  containers:\n  - name: c\n    image: i\n    lifecycle:\n      stopSignal: SIGUSR1\n",
            "      postStart: {exec: {command: [a]}}\n      preStop: {sleep: {seconds: 30}}\n",
            "  - {name: d, image: i, lifecycle: {postStart: {httpGet: {port: 1}}, preStop: {tcpSocket: {port: x}}}}\n",
        ),
        |pod| {
            pod.containers
                .into_iter()
                .map(|own| own.lifecycle)
                .collect::<Vec<_>>()
        },
        expect![[
            r#"[Lifecycle { post_start: Some(Exec(["a"])), pre_stop: Some(Sleep(30s)), stop_signal: Some(Signal(10)) }, Lifecycle { post_start: Some(HttpGet(HttpGet { scheme: Http, host: None, port: Number(1), path: "/", headers: [] })), pre_stop: Some(TcpSocket(TcpSocket { host: None, port: Name("x") })), stop_signal: None }]"#
        ]],
    );
    for (word, number) in [
        ("SIGCLD", 17),
        ("SIGIOT", 6),
        ("SIGPOLL", 29),
        ("SIGTERM", 15),
    ] {
        let pod = pod(&format!(
            "  os: {{name: linux}}\n  containers: [{{name: c, image: i, lifecycle: {{stopSignal: {word}}}}}]\n"
        ));
        let signal = pod.containers[0].lifecycle.stop_signal;
        assert_eq!(signal.map(Signal::number), Some(number), "{word}");
    }
}

#[test]
fn restart_rules() {
    check(
        concat!(
            "  containers:\n  - name: c\n    image: i\n    restartPolicy: Never\n    restartPolicyRules:\n",
            "    - {action: Restart, exitCodes: {operator: In, values: [42, -1]}}\n",
            "    - {action: RestartAllContainers, exitCodes: {operator: NotIn}}\n",
        ),
        |mut pod| pod.containers.remove(0).restart_policy_rules,
        expect![
            "[RestartRule { action: Restart, operator: In, values: [42, -1] }, RestartRule { action: RestartAllContainers, operator: NotIn, values: [] }]"
        ],
    );
}

#[test]
fn names_and_networks() {
    check(
        concat!(
            "  dnsPolicy: None\n",
            "  dnsConfig: {nameservers: [1.2.3.4, '::1'], searches: [a.b., _c.d, .], options: [{name: ndots, value: '2'}, {name: debug}]}\n"
        ),
        |pod| (pod.dns_policy, pod.dns_config),
        expect![[
            r#"(None, DnsConfig { nameservers: [1.2.3.4, ::1], searches: ["a.b.", "_c.d", "."], options: [("ndots", Some("2")), ("debug", None)] })"#
        ]],
    );
    check(
        "  hostnameOverride: a.b\n  readinessGates: [{conditionType: www.example.com/x}]\n",
        |pod| (pod.hostname_override, pod.readiness_gates),
        expect![[r#"(Some("a.b"), ["www.example.com/x"])"#]],
    );
    check(
        "  os: {name: windows}\n  nodeSelector: {a: b}\n  imagePullSecrets: [{name: s}, {}]\n",
        |pod| (pod.os, pod.node_selector, pod.image_pull_secrets),
        expect![[r#"(Some("windows"), {"a": "b"}, ["s", ""])"#]],
    );
    check(
        "  securityContext: {sysctls: [{name: kernel.shm_rmid_forced, value: '1'}, {name: net/ipv4/x}]}\n",
        |pod| pod.sysctls,
        expect![[r#"[("kernel.shm_rmid_forced", "1"), ("net/ipv4/x", "")]"#]],
    );
}

#[test]
fn every_port_is_one_of_the_host_with_its_network() {
    check(
        concat!(
            "  hostNetwork: true\n",
            "  containers: [{name: c, image: i, ports: [{containerPort: 80}, {containerPort: 81, hostPort: 81}]}]\n"
        ),
        |mut pod| {
            let ports = pod.containers.remove(0).ports.into_iter();
            let ports: Vec<_> = ports
                .map(|port| (port.container_port, port.host_port))
                .collect();
            (pod.host_network, ports)
        },
        expect!["(true, [(80, Some(80)), (81, Some(81))])"],
    );
}

#[test]
fn resources_of_the_pod() {
    let resources = |pod: Pod| pod.resources.unwrap();
    check(
        "  resources: {limits: {cpu: 1, memory: 1Gi}}\n",
        resources,
        expect![
            "Resources { limits: ResourceList { cpu_m: Some(1000), memory: Some(1073741824), ephemeral_storage: None }, requests: ResourceList { cpu_m: Some(1000), memory: Some(1073741824), ephemeral_storage: None } }"
        ],
    );
    check(
        concat!(
            "  resources: {limits: {cpu: 2, memory: 1Gi}, requests: {memory: 512Mi}}\n",
            "  containers: [{name: c, image: i, resources: {requests: {cpu: 500m, memory: 1Mi}}}, ",
            "{name: d, image: i, resources: {limits: {cpu: 250m}}}]\n",
            "  initContainers: [{name: s, image: i, restartPolicy: Always, resources: {requests: {cpu: 100m}}}, ",
            "{name: b, image: i, resources: {requests: {cpu: 300m}}}]\n",
        ),
        resources,
        expect![
            "Resources { limits: ResourceList { cpu_m: Some(2000), memory: Some(1073741824), ephemeral_storage: None }, requests: ResourceList { cpu_m: Some(850), memory: Some(536870912), ephemeral_storage: None } }"
        ],
    );
    check(
        "  overhead: {cpu: 250m, memory: 64Mi}\n",
        |pod| pod.overhead,
        expect![
            "ResourceList { cpu_m: Some(250), memory: Some(67108864), ephemeral_storage: None }"
        ],
    );
}

#[test]
fn ephemeral_containers() {
    let pod = pod(concat!(
        "  containers: [{name: c, image: i}]\n  initContainers: [{name: b, image: i}]\n",
        "  volumes: [{name: v}]\n"
    ));
    let read = |yaml: &str| ephemeral_container(&source(yaml), &pod);
    let container = read(
        "name: debug\nimage: busybox\nstdin: true\ntty: true\ntargetContainerName: c\nvolumeMounts: [{name: v, mountPath: /v}]\n",
    )
    .unwrap();
    let facts = (
        &container.name,
        &container.target_container_name,
        &container.volume_mounts,
    );
    expect![[r#"("debug", Some("c"), [VolumeMount { name: "v", mount_path: "/v", sub_path: None, read_only: false, recursive_read_only: Disabled }])"#]].assert_eq(&format!("{facts:?}"));
    let errors = |yaml: &str| -> String {
        let errors = read(yaml).expect_err("an error").into_iter();
        errors.map(|error| format!("{error}\n")).collect()
    };
    expect![[r#"
        f.yaml:1:7: spec.ephemeralContainers[0].name: Duplicate value: "c"
        f.yaml:2:8: spec.ephemeralContainers[0].image: Invalid value: " i": must not have leading or trailing whitespace
        f.yaml:3:8: spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:4:12: spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:5:16: spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:6:17: spec.ephemeralContainers[0].readinessProbe: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:7:15: spec.ephemeralContainers[0].startupProbe: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:8:12: spec.ephemeralContainers[0].lifecycle: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:9:16: spec.ephemeralContainers[0].restartPolicy: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:10:21: spec.ephemeralContainers[0].restartPolicyRules: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:11:15: spec.ephemeralContainers[0].resizePolicy: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:12:22: spec.ephemeralContainers[0].targetContainerName: Not found: "x"
        f.yaml:13:50: spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container
        f.yaml:13:61: spec.ephemeralContainers[0].volumeMounts[1].name: Not found: "w"
        f.yaml:13:92: spec.ephemeralContainers[0].volumeMounts[1].subPathExpr: Forbidden: cannot be set for an Ephemeral Container
    "#]].assert_eq(&errors(concat!(
        "name: c\nimage: ' i'\nports: [{containerPort: 1}]\nresources: {limits: {cpu: 1}}\n",
        "livenessProbe: {}\nreadinessProbe: {}\nstartupProbe: {}\nlifecycle: {}\nrestartPolicy: Always\n",
        "restartPolicyRules: [{action: Restart}]\nresizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]\n",
        "targetContainerName: x\nvolumeMounts: [{name: v, mountPath: /v, subPath: a}, {name: w, mountPath: /w, subPathExpr: b}]\n",
    )));
    expect![[r#"
        f.yaml: spec.ephemeralContainers[0]: no objects in it
    "#]]
    .assert_eq(&errors(""));
    expect![[r#"
        f.yaml:1:1: spec.ephemeralContainers[0]: expected an object, found a list
        f.yaml:1:1: spec.ephemeralContainers[0].name: Required value
        f.yaml:1:1: spec.ephemeralContainers[0].image: Required value
    "#]]
    .assert_eq(&errors("[]"));
    expect![[r#"
        f.yaml:2:1: spec.ephemeralContainers[0].imge: unknown field "imge", did you mean "image"?
    "#]]
    .assert_eq(&errors("name: a\nimge: b\n"));
}
