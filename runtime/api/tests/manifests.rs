//! Manifests that are right: what becomes of them, and what is noted about them.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use seedpod_api::{Loaded, Source, check, load};
use seedpod_core::spec::{EnvValue, Pod};

fn source(yaml: &str) -> Source {
    Source {
        name: "f.yaml".to_owned(),
        bytes: yaml.as_bytes().to_vec(),
    }
}

fn loaded(yaml: &str) -> Loaded {
    load(&[source(yaml)]).unwrap_or_else(|errors| {
        panic!(
            "{}",
            errors
                .iter()
                .map(|error| format!("{error}\n"))
                .collect::<String>()
        )
    })
}

fn pod(spec: &str) -> Pod {
    loaded(&pod_yaml(spec)).objects.pods.remove(0)
}

fn pod_yaml(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}")
}

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check_notes(yaml: &str, expected: Expect) {
    let notes: String = loaded(yaml)
        .notes
        .iter()
        .map(|note| format!("{note}\n"))
        .collect();
    expected.assert_eq(&notes);
}

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check_table(yaml: &str, expected: Expect) {
    expected.assert_eq(&check(&[source(yaml)]).table);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read files")]
fn every_manifest_of_the_repository_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests");
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("there are manifests") {
        let path = entry.expect("a folder can be read").path();
        let bytes = fs::read(&path).expect("a manifest can be read");
        let name = path.display().to_string();
        let loaded = load(&[Source {
            name: name.clone(),
            bytes,
        }]);
        assert!(loaded.is_ok(), "{name}: {loaded:#?}");
        files += 1;
    }
    assert!(files > 10, "only {files} manifests found");
}

#[test]
fn defaults() {
    expect![[r#"
        Pod {
            meta: Meta {
                name: "p",
                namespace: "default",
                labels: {},
                annotations: {},
            },
            containers: [
                Container {
                    name: "c",
                    image: "nginx",
                    image_pull_policy: Always,
                    command: [],
                    args: [],
                    working_dir: None,
                    env: [],
                    env_from: [],
                    ports: [],
                    volume_mounts: [],
                    resources: Resources {
                        limits: ResourceList {
                            cpu_m: None,
                            memory: None,
                            ephemeral_storage: None,
                        },
                        requests: ResourceList {
                            cpu_m: None,
                            memory: None,
                            ephemeral_storage: None,
                        },
                    },
                    resize_policy: ResizePolicy {
                        cpu: NotRequired,
                        memory: NotRequired,
                    },
                    restart_policy: None,
                    termination_message_path: "/dev/termination-log",
                    termination_message_policy: File,
                    stdin: false,
                    stdin_once: false,
                    tty: false,
                    security: SecurityContext {
                        run_as_user: None,
                        run_as_group: None,
                        run_as_non_root: None,
                        read_only_root_filesystem: None,
                        fs_group: None,
                        supplemental_groups: [],
                    },
                    liveness_probe: None,
                    readiness_probe: None,
                    startup_probe: None,
                    lifecycle: Lifecycle {
                        post_start: None,
                        pre_stop: None,
                        stop_signal: None,
                    },
                    restart_policy_rules: [],
                    target_container_name: None,
                },
            ],
            init_containers: [],
            volumes: [],
            restart_policy: Always,
            termination_grace_period: GracePeriod {
                seconds: 30,
            },
            active_deadline: None,
            hostname: None,
            subdomain: None,
            set_hostname_as_fqdn: false,
            host_aliases: [],
            share_process_namespace: false,
            node_name: None,
            service_account_name: "default",
            enable_service_links: true,
            security: SecurityContext {
                run_as_user: None,
                run_as_group: None,
                run_as_non_root: None,
                read_only_root_filesystem: None,
                fs_group: None,
                supplemental_groups: [],
            },
            ephemeral_containers: [],
            readiness_gates: [],
            dns_policy: ClusterFirst,
            dns_config: DnsConfig {
                nameservers: [],
                searches: [],
                options: [],
            },
            host_network: false,
            hostname_override: None,
            os: None,
            node_selector: {},
            resources: None,
            overhead: ResourceList {
                cpu_m: None,
                memory: None,
                ephemeral_storage: None,
            },
            image_pull_secrets: [],
            sysctls: [],
        }
    "#]]
    .assert_debug_eq(&pod("  containers: [{name: c, image: nginx}]\n"));
}

#[test]
fn pull_policy_follows_the_tag() {
    let policy = |image: &str| {
        pod(&format!("  containers: [{{name: c, image: {image:?}}}]\n")).containers[0]
            .image_pull_policy
    };
    let policies = [
        "a",
        "a:latest",
        "a:1",
        "h:5000/a",
        "h:5000/a:1",
        "a@sha256:0",
        "./app.wasm",
    ]
    .map(|image| format!("{image} {:?}", policy(image)));
    expect![[r#"
        [
            "a Always",
            "a:latest Always",
            "a:1 IfNotPresent",
            "h:5000/a Always",
            "h:5000/a:1 IfNotPresent",
            "a@sha256:0 IfNotPresent",
            "./app.wasm Always",
        ]
    "#]]
    .assert_debug_eq(&policies);
}

#[test]
fn everything_that_is_honoured() {
    let yaml = concat!(
        "  hostname: h\n  subdomain: s\n  setHostnameAsFQDN: yes\n  shareProcessNamespace: true\n",
        "  nodeName: node-1\n  serviceAccount: sa\n  enableServiceLinks: false\n  restartPolicy: OnFailure\n",
        "  terminationGracePeriodSeconds: -5\n  activeDeadlineSeconds: 60\n",
        "  hostAliases: [{ip: '::1', hostnames: [a, b.c]}]\n",
        "  securityContext: {runAsUser: 1000, runAsGroup: 0x10, runAsNonRoot: true, fsGroup: 2_000, supplementalGroups: [1, 2]}\n",
        "  initContainers:\n  - {name: i, image: 'i:1', restartPolicy: Always}\n",
        "  containers:\n  - name: c\n    image: i\n    command: [sh, -c]\n    args: [\"a\"]\n    workingDir: /w\n",
        "    imagePullPolicy: Never\n    stdin: true\n    stdinOnce: on\n    tty: true\n",
        "    terminationMessagePath: /t\n    terminationMessagePolicy: FallbackToLogsOnError\n",
        "    env:\n    - {name: A}\n    - {name: B, value: $(A)}\n",
        "    - {name: C, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['x/y']\"}}}\n",
        "    - {name: D, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}\n",
        "    - {name: E, valueFrom: {resourceFieldRef: {resource: requests.memory, divisor: 1Mi, containerName: d}}}\n",
        "    - {name: F, valueFrom: {configMapKeyRef: {name: m, key: k, optional: true}}}\n",
        "    - {name: G, valueFrom: {secretKeyRef: {name: m, key: k, optional: true}}}\n",
        "    envFrom: [{prefix: P_, configMapRef: {name: m, optional: true}}, {secretRef: {name: s, optional: true}}]\n",
        "    ports: [{name: web, containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1, protocol: UDP}]\n",
        "    resources: {limits: {cpu: 1.5, memory: 100Mi}, requests: {cpu: 500m, ephemeral-storage: 1e3}}\n",
        "    securityContext: {readOnlyRootFilesystem: true, runAsUser: 0}\n",
        "    volumeMounts:\n    - {name: a, mountPath: rel}\n    - {name: b, mountPath: /b, subPath: x/y, readOnly: true}\n",
        "    - {name: c, mountPath: /c, subPathExpr: $(A)}\n",
        "  volumes:\n  - {name: a}\n  - {name: b, emptyDir: {medium: Memory, sizeLimit: 64Mi}}\n",
        "  - {name: c, configMap: {name: m, optional: true, defaultMode: 0600, items: [{key: k, path: a/b, mode: 0o400}]}}\n",
        "  - {name: d, secret: {secretName: s, optional: true}}\n",
        "  - {name: e, hostPath: {path: 'C:\\data', type: DirectoryOrCreate}}\n",
        "  - name: f\n    downwardAPI:\n      defaultMode: 420\n      items: [{path: l, fieldRef: {fieldPath: metadata.labels}}]\n",
        "  - name: g\n    projected:\n      sources:\n      - {configMap: {name: m, optional: true}}\n",
        "      - {downwardAPI: {items: [{path: c, resourceFieldRef: {resource: limits.cpu, containerName: c}}]}}\n",
        "      - {serviceAccountToken: {path: token}}\n",
    );
    expect![[r#"
        Pod {
            meta: Meta {
                name: "p",
                namespace: "default",
                labels: {},
                annotations: {},
            },
            containers: [
                Container {
                    name: "c",
                    image: "i",
                    image_pull_policy: Never,
                    command: [
                        "sh",
                        "-c",
                    ],
                    args: [
                        "a",
                    ],
                    working_dir: Some(
                        "/w",
                    ),
                    env: [
                        EnvVar {
                            name: "A",
                            value: Text(
                                "",
                            ),
                        },
                        EnvVar {
                            name: "B",
                            value: Text(
                                "$(A)",
                            ),
                        },
                        EnvVar {
                            name: "C",
                            value: Field(
                                Labels(
                                    Some(
                                        "x/y",
                                    ),
                                ),
                            ),
                        },
                        EnvVar {
                            name: "D",
                            value: Resource(
                                ResourceRef {
                                    container: None,
                                    resource: LimitsCpu,
                                    divisor: 1000,
                                },
                            ),
                        },
                        EnvVar {
                            name: "E",
                            value: Resource(
                                ResourceRef {
                                    container: Some(
                                        "d",
                                    ),
                                    resource: RequestsMemory,
                                    divisor: 1048576,
                                },
                            ),
                        },
                        EnvVar {
                            name: "F",
                            value: ConfigMapKey(
                                KeyRef {
                                    name: "m",
                                    key: "k",
                                    optional: true,
                                },
                            ),
                        },
                        EnvVar {
                            name: "G",
                            value: SecretKey(
                                KeyRef {
                                    name: "m",
                                    key: "k",
                                    optional: true,
                                },
                            ),
                        },
                    ],
                    env_from: [
                        EnvFrom {
                            prefix: "P_",
                            source: ConfigMap(
                                "m",
                            ),
                            optional: true,
                        },
                        EnvFrom {
                            prefix: "",
                            source: Secret(
                                "s",
                            ),
                            optional: true,
                        },
                    ],
                    ports: [
                        ContainerPort {
                            name: Some(
                                "web",
                            ),
                            container_port: 80,
                            host_port: Some(
                                8080,
                            ),
                            host_ip: Some(
                                127.0.0.1,
                            ),
                            protocol: Udp,
                        },
                    ],
                    volume_mounts: [
                        VolumeMount {
                            name: "a",
                            mount_path: "/rel",
                            sub_path: None,
                            read_only: false,
                            recursive_read_only: Disabled,
                        },
                        VolumeMount {
                            name: "b",
                            mount_path: "/b",
                            sub_path: Some(
                                Path(
                                    "x/y",
                                ),
                            ),
                            read_only: true,
                            recursive_read_only: Disabled,
                        },
                        VolumeMount {
                            name: "c",
                            mount_path: "/c",
                            sub_path: Some(
                                Expr(
                                    "$(A)",
                                ),
                            ),
                            read_only: false,
                            recursive_read_only: Disabled,
                        },
                    ],
                    resources: Resources {
                        limits: ResourceList {
                            cpu_m: Some(
                                1500,
                            ),
                            memory: Some(
                                104857600,
                            ),
                            ephemeral_storage: None,
                        },
                        requests: ResourceList {
                            cpu_m: Some(
                                500,
                            ),
                            memory: Some(
                                104857600,
                            ),
                            ephemeral_storage: Some(
                                1000,
                            ),
                        },
                    },
                    resize_policy: ResizePolicy {
                        cpu: NotRequired,
                        memory: NotRequired,
                    },
                    restart_policy: None,
                    termination_message_path: "/t",
                    termination_message_policy: FallbackToLogsOnError,
                    stdin: true,
                    stdin_once: true,
                    tty: true,
                    security: SecurityContext {
                        run_as_user: Some(
                            0,
                        ),
                        run_as_group: None,
                        run_as_non_root: None,
                        read_only_root_filesystem: Some(
                            true,
                        ),
                        fs_group: None,
                        supplemental_groups: [],
                    },
                    liveness_probe: None,
                    readiness_probe: None,
                    startup_probe: None,
                    lifecycle: Lifecycle {
                        post_start: None,
                        pre_stop: None,
                        stop_signal: None,
                    },
                    restart_policy_rules: [],
                    target_container_name: None,
                },
            ],
            init_containers: [
                Container {
                    name: "i",
                    image: "i:1",
                    image_pull_policy: IfNotPresent,
                    command: [],
                    args: [],
                    working_dir: None,
                    env: [],
                    env_from: [],
                    ports: [],
                    volume_mounts: [],
                    resources: Resources {
                        limits: ResourceList {
                            cpu_m: None,
                            memory: None,
                            ephemeral_storage: None,
                        },
                        requests: ResourceList {
                            cpu_m: None,
                            memory: None,
                            ephemeral_storage: None,
                        },
                    },
                    resize_policy: ResizePolicy {
                        cpu: NotRequired,
                        memory: NotRequired,
                    },
                    restart_policy: Some(
                        Always,
                    ),
                    termination_message_path: "/dev/termination-log",
                    termination_message_policy: File,
                    stdin: false,
                    stdin_once: false,
                    tty: false,
                    security: SecurityContext {
                        run_as_user: None,
                        run_as_group: None,
                        run_as_non_root: None,
                        read_only_root_filesystem: None,
                        fs_group: None,
                        supplemental_groups: [],
                    },
                    liveness_probe: None,
                    readiness_probe: None,
                    startup_probe: None,
                    lifecycle: Lifecycle {
                        post_start: None,
                        pre_stop: None,
                        stop_signal: None,
                    },
                    restart_policy_rules: [],
                    target_container_name: None,
                },
            ],
            volumes: [
                Volume {
                    name: "a",
                    source: EmptyDir(
                        EmptyDir {
                            medium: Default,
                            size_limit: None,
                        },
                    ),
                },
                Volume {
                    name: "b",
                    source: EmptyDir(
                        EmptyDir {
                            medium: Memory,
                            size_limit: Some(
                                67108864,
                            ),
                        },
                    ),
                },
                Volume {
                    name: "c",
                    source: ConfigMap(
                        KeysVolume {
                            name: "m",
                            items: [
                                KeyToPath {
                                    key: "k",
                                    path: "a/b",
                                    mode: Some(
                                        256,
                                    ),
                                },
                            ],
                            default_mode: 384,
                            optional: true,
                        },
                    ),
                },
                Volume {
                    name: "d",
                    source: Secret(
                        KeysVolume {
                            name: "s",
                            items: [],
                            default_mode: 420,
                            optional: true,
                        },
                    ),
                },
                Volume {
                    name: "e",
                    source: HostPath(
                        HostPath {
                            path: "C:\\data",
                            kind: DirectoryOrCreate,
                        },
                    ),
                },
                Volume {
                    name: "f",
                    source: DownwardApi(
                        [
                            DownwardItem {
                                path: "l",
                                value: Field(
                                    Labels(
                                        None,
                                    ),
                                ),
                                mode: Some(
                                    420,
                                ),
                            },
                        ],
                    ),
                },
                Volume {
                    name: "g",
                    source: Projected(
                        [
                            ConfigMap(
                                KeysVolume {
                                    name: "m",
                                    items: [],
                                    default_mode: 420,
                                    optional: true,
                                },
                            ),
                            DownwardApi(
                                [
                                    DownwardItem {
                                        path: "c",
                                        value: Resource(
                                            ResourceRef {
                                                container: Some(
                                                    "c",
                                                ),
                                                resource: LimitsCpu,
                                                divisor: 1000,
                                            },
                                        ),
                                        mode: None,
                                    },
                                ],
                            ),
                        ],
                    ),
                },
            ],
            restart_policy: OnFailure,
            termination_grace_period: GracePeriod {
                seconds: 1,
            },
            active_deadline: Some(
                60s,
            ),
            hostname: Some(
                "h",
            ),
            subdomain: Some(
                "s",
            ),
            set_hostname_as_fqdn: true,
            host_aliases: [
                HostAlias {
                    ip: ::1,
                    hostnames: [
                        "a",
                        "b.c",
                    ],
                },
            ],
            share_process_namespace: true,
            node_name: Some(
                "node-1",
            ),
            service_account_name: "sa",
            enable_service_links: false,
            security: SecurityContext {
                run_as_user: Some(
                    1000,
                ),
                run_as_group: Some(
                    16,
                ),
                run_as_non_root: Some(
                    true,
                ),
                read_only_root_filesystem: None,
                fs_group: Some(
                    2000,
                ),
                supplemental_groups: [
                    1,
                    2,
                ],
            },
            ephemeral_containers: [],
            readiness_gates: [],
            dns_policy: ClusterFirst,
            dns_config: DnsConfig {
                nameservers: [],
                searches: [],
                options: [],
            },
            host_network: false,
            hostname_override: None,
            os: None,
            node_selector: {},
            resources: None,
            overhead: ResourceList {
                cpu_m: None,
                memory: None,
                ephemeral_storage: None,
            },
            image_pull_secrets: [],
            sysctls: [],
        }
    "#]]
    .assert_debug_eq(&pod(yaml));
}

#[test]
fn services() {
    let yaml = concat!(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, labels: {a: b}}\nspec:\n  type: NodePort\n  selector: {app: x}\n",
        "  clusterIP: 10.96.0.10\n  publishNotReadyAddresses: true\n",
        "  ports: [{name: a, port: 80, nodePort: 31418}, {name: b, port: 53, protocol: UDP, targetPort: dns}]\n",
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: h}\nspec: {clusterIP: None}\n",
    );
    expect![[r#"
        [
            Service {
                meta: Meta {
                    name: "s",
                    namespace: "default",
                    labels: {
                        "a": "b",
                    },
                    annotations: {},
                },
                kind: NodePort,
                selector: {
                    "app": "x",
                },
                ports: [
                    ServicePort {
                        name: Some(
                            "a",
                        ),
                        port: 80,
                        target_port: Number(
                            80,
                        ),
                        node_port: Some(
                            31418,
                        ),
                        protocol: Tcp,
                    },
                    ServicePort {
                        name: Some(
                            "b",
                        ),
                        port: 53,
                        target_port: Name(
                            "dns",
                        ),
                        node_port: None,
                        protocol: Udp,
                    },
                ],
                cluster_ip: Fixed(
                    10.96.0.10,
                ),
                publish_not_ready_addresses: true,
                client_affinity: false,
                backends: None,
            },
            Service {
                meta: Meta {
                    name: "h",
                    namespace: "default",
                    labels: {},
                    annotations: {},
                },
                kind: ClusterIp,
                selector: {},
                ports: [],
                cluster_ip: Headless,
                publish_not_ready_addresses: false,
                client_affinity: false,
                backends: None,
            },
        ]
    "#]]
    .assert_debug_eq(&loaded(yaml).objects.services);
}

#[test]
fn config_maps_and_secrets() {
    let yaml = concat!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n",
        "data:\n  a: |\n    two\n    lines\n  2: ''\n  true: x\n  empty:\nbinaryData: {b: aGk=}\n",
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\n",
        "data: {a: aGk=, b: aGk=}\nstringData: {b: plain}\n",
    );
    let loaded = loaded(yaml);
    expect![[r#"
        [
            ConfigMap {
                meta: Meta {
                    name: "m",
                    namespace: "default",
                    labels: {},
                    annotations: {},
                },
                data: {
                    "2": "",
                    "a": "two\nlines\n",
                    "empty": "",
                    "true": "x",
                },
                binary_data: {
                    "b": [
                        104,
                        105,
                    ],
                },
            },
        ]
    "#]]
    .assert_debug_eq(&loaded.objects.config_maps);
    expect![[r#"
        [
            Secret {
                meta: Meta {
                    name: "s",
                    namespace: "ns",
                    labels: {},
                    annotations: {},
                },
                keys: [
                    "a",
                    "b",
                ],
            },
        ]
    "#]]
    .assert_debug_eq(&loaded.objects.secrets);
    assert_eq!(loaded.objects.secrets[0].data["a"], b"hi");
    assert_eq!(loaded.objects.secrets[0].data["b"], b"plain");
}

#[test]
fn lists_and_files_keep_their_order() {
    let list = source(concat!(
        "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n",
        "- {apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers: [{name: c, image: i}]}}\n",
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: m}}\n",
        "---\napiVersion: v1\nkind: PodList\nitems:\n- {metadata: {name: a}, spec: {containers: [{name: c, image: i}]}}\n",
    ));
    let second = source(
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\r\n\t\"metadata\": {\"name\": \"c\"}, \"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"i\"}]}}",
    );
    let objects = load(&[list, second]).expect("good manifests").objects;
    let names: Vec<_> = objects
        .pods
        .iter()
        .map(|pod| pod.meta.name.as_str())
        .collect();
    assert_eq!(names, ["b", "a", "c"]);
    assert_eq!(objects.config_maps.len(), 1);
}

#[test]
fn anchors_merges_and_tags() {
    let pod = pod(concat!(
        "  containers:\n  - &c\n    name: c\n    image: i\n    env: &env\n    - {name: A, value: !!str 3}\n",
        "  - <<: *c\n    name: d\n  - {<<: [{image: j}, *c], name: e, env: *env}\n",
    ));
    let containers: Vec<_> = pod
        .containers
        .iter()
        .map(|c| (c.name.as_str(), c.image.as_str(), c.env.len()))
        .collect();
    assert_eq!(containers, [("c", "i", 1), ("d", "i", 1), ("e", "j", 1)]);
    assert_eq!(
        pod.containers[2].env[0].value,
        EnvValue::Text("3".to_owned())
    );
}

#[test]
fn byte_order_mark_and_carriage_returns() {
    let yaml = format!(
        "\u{feff}{}",
        pod_yaml("  containers:\n  - name: c\n    image: i\n").replace('\n', "\r\n")
    );
    assert_eq!(loaded(&yaml).objects.pods[0].containers[0].image, "i");
}

#[test]
fn folded_script_of_the_seed_documents() {
    let pod = pod(concat!(
        "  containers:\n  - name: c\n    image: i\n    args:\n    - while true; do\n        date >> /html/index.html;\n",
        "        sleep 1;\n      done\n",
    ));
    assert_eq!(
        pod.containers[0].args,
        ["while true; do date >> /html/index.html; sleep 1; done"]
    );
}

#[test]
fn what_is_ignored_is_noted() {
    check_notes(
        &pod_yaml(concat!(
            "  nodeName: node-1\n  nodeSelector: {a: b}\n  tolerations: []\n  dnsPolicy: ClusterFirst\n  hostNetwork: false\n",
            "  schedulerName: mine\n  serviceAccountName: default\n  volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]\n  containers:\n  - name: c\n    image: i\n    livenessProbe: {httpGet: {port: web}}\n",
            "    resources: {limits: {nvidia.com/gpu: 1, cpu: 1}, requests: {cpu: 1}}\n    stdinOnce: true\n    securityContext: {privileged: false, capabilities: {add: [ALL]}}\n",
        )),
        expect![[r#"
            f.yaml:5:3: spec.nodeName: shown but not enforced: there is one node, nothing to choose from
            f.yaml:10:3: spec.schedulerName: ignored: there is one node, nothing to choose from
            f.yaml:17:42: spec.containers[0].resources.limits[nvidia.com/gpu]: ignored: this machine offers no such resource
            f.yaml:17:54: spec.containers[0].resources.requests: shown but not enforced: there is one node and nothing is reserved on it
            f.yaml:19:42: spec.containers[0].securityContext.capabilities: ignored: a guest is WebAssembly and has no kernel privileges to give or take
        "#]],
    );
}

#[test]
fn what_will_wait_is_noted() {
    check_notes(
        concat!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {k: v}\n---\n",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: i\n",
            "    env:\n    - {name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}\n",
            "    - {name: B, valueFrom: {configMapKeyRef: {name: m, key: l}}}\n",
            "    - {name: C, valueFrom: {secretKeyRef: {name: s, key: l}}}\n",
            "    - {name: D, valueFrom: {secretKeyRef: {name: s, key: l, optional: true}}}\n",
            "    envFrom: [{configMapRef: {name: other}}]\n",
            "  volumes:\n  - {name: v, configMap: {name: m, items: [{key: x, path: f}]}}\n  - {name: w, secret: {secretName: s}}\n",
        ),
        expect![[r#"
            f.yaml:15:46: spec.containers[0].env[1].valueFrom.configMapKeyRef: couldn't find key l in configmap default/m, the container will wait for it and not start
            f.yaml:16:43: spec.containers[0].env[2].valueFrom.secretKeyRef: secret default/s not found in these files, the container will wait for it and not start
            f.yaml:18:30: spec.containers[0].envFrom[0].configMapRef: configmap default/other not found in these files, the container will wait for it and not start
            f.yaml:20:26: spec.volumes[0].configMap: couldn't find key x in configmap default/m, the container will wait for it and not start
            f.yaml:21:23: spec.volumes[1].secret: secret default/s not found in these files, the container will wait for it and not start
        "#]],
    );
}

#[test]
fn service_without_pods_is_noted() {
    let service = |name: &str, selector: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {selector}, ports: [{{port: 1}}]}}\n"
        )
    };
    let pods = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b, c: d}}\nspec: {containers: [{name: c, image: i}]}\n";
    check_notes(
        &[
            pods,
            &service("s0", "{a: b}"),
            &service("s1", "{a: b, c: d}"),
            &service("s2", "{a: b, c: e}"),
            &service("s3", "{}"),
            &service("s4", "{a: b}").replace("port: 1", "port: 1, targetPort: web"),
        ]
        .concat(),
        expect![[r#"
            f.yaml:18:18: spec.selector: no pod of these files has the labels of the selector, so nothing answers behind this Service
            f.yaml:23:18: spec.selector: no selector, so nothing answers behind this Service
            f.yaml:28:18: spec.ports[0].targetPort: no container of the selected pods has a port of this name and protocol
        "#]],
    );
}

#[test]
fn output_of_kubectl_get_loads() {
    let yaml = concat!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  creationTimestamp: \"2026-01-01T00:00:00Z\"\n  name: p\n  uid: x\n",
        "  resourceVersion: \"12\"\n  managedFields: [{manager: kubectl, fieldsV1: {\"f:metadata\": {\".\": {}}}, time: \"2026-01-01T00:00:00Z\"}]\n",
        "spec:\n  containers:\n  - image: i\n    name: c\n    resources: {}\n    volumeMounts:\n",
        "    - {mountPath: /var/run/secrets/kubernetes.io/serviceaccount, name: kube-api-access-x, readOnly: true}\n",
        "  dnsPolicy: ClusterFirst\n  priority: 0\n  preemptionPolicy: PreemptLowerPriority\n  securityContext: {}\n",
        "  serviceAccount: default\n  serviceAccountName: default\n",
        "  tolerations: [{effect: NoExecute, key: node.kubernetes.io/not-ready, operator: Exists, tolerationSeconds: 300}]\n",
        "  volumes:\n  - name: kube-api-access-x\n    projected:\n      defaultMode: 420\n      sources:\n",
        "      - serviceAccountToken: {expirationSeconds: 3607, path: token}\n",
        "      - configMap: {items: [{key: ca.crt, path: ca.crt}], name: kube-root-ca.crt}\n",
        "      - downwardAPI: {items: [{fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}, path: namespace}]}\n",
        "status:\n  phase: Running\n  startTime: \"2026-01-01T00:00:00Z\"\n  conditions: [{type: Ready, status: \"True\", lastProbeTime: null}]\n",
    );
    check_notes(
        yaml,
        expect![[r#"
            f.yaml:4:3: metadata.creationTimestamp: ignored: set by the API server, not by a manifest
            f.yaml:6:3: metadata.uid: ignored: set by the API server, not by a manifest
            f.yaml:7:3: metadata.resourceVersion: ignored: set by the API server, not by a manifest
            f.yaml:8:3: metadata.managedFields: ignored: set by the API server, not by a manifest
            f.yaml:22:3: spec.tolerations: ignored: there is one node, nothing to choose from
            f.yaml:28:9: spec.volumes[0].projected.sources[0].serviceAccountToken: ignored: there is no API server to have a token for
            f.yaml:31:1: status: ignored: set by the API server, not by a manifest
        "#]],
    );
}

#[test]
fn table_of_a_good_manifest() {
    check_table(
        concat!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  nginx.conf: |-\n    user nginx;\n---\n",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: mc3\n  labels:\n    app: mc3\nspec:\n  nodeName: node-1\n",
            "  containers:\n  - name: c\n    image: nginx\n    args: [a, b]\n    livenessProbe:\n      tcpSocket: {port: 80}\n",
            "    env:\n    - name: A\n      valueFrom:\n        configMapKeyRef: {name: m, key: gone}\n",
            "    resources:\n      limits: {memory: 1Gi}\n  volumes:\n  - name: v\n    emptyDir: {}\n",
        ),
        expect![[r#"
            LINE       OBJECT       FIELD                                                     TREATMENT               REASON
            f.yaml:4   configmap/m  metadata.name                                             honoured
            f.yaml:5   configmap/m  data                                                      honoured
            f.yaml:12  pod/mc3      metadata.name                                             honoured
            f.yaml:13  pod/mc3      metadata.labels                                           honoured
            f.yaml:16  pod/mc3      spec.nodeName                                             shown but not enforced  there is one node, nothing to choose from
            f.yaml:18  pod/mc3      spec.containers[0].name                                   honoured
            f.yaml:19  pod/mc3      spec.containers[0].image                                  honoured
            f.yaml:20  pod/mc3      spec.containers[0].args                                   honoured
            f.yaml:22  pod/mc3      spec.containers[0].livenessProbe.tcpSocket.port           honoured
            f.yaml:24  pod/mc3      spec.containers[0].env[0].name                            honoured
            f.yaml:26  pod/mc3      spec.containers[0].env[0].valueFrom.configMapKeyRef       warning                 couldn't find key gone in configmap default/m, the container will wait for it and not start
            f.yaml:26  pod/mc3      spec.containers[0].env[0].valueFrom.configMapKeyRef.name  honoured
            f.yaml:26  pod/mc3      spec.containers[0].env[0].valueFrom.configMapKeyRef.key   honoured
            f.yaml:28  pod/mc3      spec.containers[0].resources.limits                       honoured
            f.yaml:30  pod/mc3      spec.volumes[0].name                                      honoured
            f.yaml:31  pod/mc3      spec.volumes[0].emptyDir                                  honoured
        "#]],
    );
}

#[test]
fn table_of_a_bad_manifest() {
    check_table(
        &pod_yaml(
            "  hostNetwork: true\n  containers:\n  - name: C\n    imag: i\n    ports: [{containerPort: 80, protocol: SCTP}]\n",
        ),
        expect![[r#"
            LINE      OBJECT  FIELD                                      TREATMENT  REASON
            f.yaml:3  pod/p   metadata.name                              honoured
            f.yaml:5  pod/p   spec.hostNetwork                           honoured
            f.yaml:7  pod/p   spec.containers[0].name                    error      Invalid value: "C": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            f.yaml:8  pod/p   spec.containers[0].imag                    error      unknown field "imag", did you mean "image"?
            f.yaml:9  pod/p   spec.containers[0].ports[0].containerPort  honoured
            f.yaml:9  pod/p   spec.containers[0].ports[0].protocol       refused    SCTP is unknown to WASI, use TCP or UDP
        "#]],
    );
    check_table(
        "a: [\n",
        expect![[r#"
        LINE      OBJECT  FIELD  TREATMENT  REASON
        f.yaml:1                 error      unclosed bracket '['
    "#]],
    );
}
