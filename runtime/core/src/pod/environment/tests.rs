#![expect(
    clippy::needless_pass_by_value,
    reason = "`expect!` makes a value that nobody else wants"
)]

use super::*;
use crate::pod::Identity;
use crate::spec::{EnvFrom, EnvVar, FieldRef, Meta, Pod, ResourceList, Service, ServicePort};
use crate::spec::{Protocol, TargetPort};
use expect_test::{Expect, expect};
use std::fmt::Write;

/// Resolves a container described by `edit` next to these objects: ConfigMap `c` with A, B and binary BIN, Secret `s`
/// with P, Services `web`, headless none, `kubernetes` of `default` and `other` of another namespace.
fn check(edit: impl FnOnce(&mut Pod, &mut Container), expect: Expect) {
    let meta = |namespace: &str, name: &str| Meta {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        ..Meta::default()
    };
    let mut config_map = ConfigMap {
        meta: meta("ns", "c"),
        ..ConfigMap::default()
    };
    config_map
        .data
        .insert("A".to_owned(), "a of c, $(B)".to_owned());
    config_map.data.insert("B".to_owned(), "b of c".to_owned());
    config_map.binary_data.insert("BIN".to_owned(), vec![0]);
    let mut secret = Secret {
        meta: meta("ns", "s"),
        ..Secret::default()
    };
    secret.data.insert("P".to_owned(), b"p\xff".to_vec());
    secret.data.insert("A".to_owned(), b"a of s".to_vec());
    let foreign = ConfigMap {
        meta: meta("elsewhere", "far"),
        ..ConfigMap::default()
    };
    let service = |namespace, name, ports: &[(Option<&str>, u16, Protocol)]| Service {
        meta: meta(namespace, name),
        ports: ports
            .iter()
            .map(|(name, port, protocol)| ServicePort {
                name: name.map(str::to_owned),
                port: *port,
                target_port: TargetPort::Number(*port),
                node_port: None,
                protocol: *protocol,
            })
            .collect(),
        ..Service::default()
    };
    let services = [
        service(
            "ns",
            "my-web",
            &[
                (Some("http"), 80, Protocol::Tcp),
                (Some("dns-u"), 53, Protocol::Udp),
            ],
        ),
        service(
            "default",
            "kubernetes",
            &[(Some("https"), 443, Protocol::Tcp)],
        ),
        service("elsewhere", "other", &[(None, 1, Protocol::Tcp)]),
    ];
    let ips = [[10, 96, 0, 7], [10, 96, 0, 1], [10, 96, 0, 9]];
    let services: Vec<_> = services
        .iter()
        .zip(ips)
        .map(|(service, ip)| ServiceAddress {
            service,
            ip: ip.into(),
        })
        .collect();
    let file = |path: &str, text: Option<&str>| {
        let at = ("v".to_owned(), path.to_owned());
        (at, text.map(str::to_owned))
    };
    let env_files = EnvFiles::from([
        file("vars", Some("# by init\nA='1 $(HOSTNAME)'\nE=''\n")),
        file("broken", Some("A=1")),
        file("missing", None),
    ]);
    let mut pod = Pod {
        meta: meta("ns", "p"),
        ..Pod::default()
    };
    let mut container = Container {
        name: "one".to_owned(),
        ..Container::default()
    };
    edit(&mut pod, &mut container);
    pod.containers.push(container.clone());
    let identity = Identity {
        uid: "uid".to_owned(),
        node_name: "node".to_owned(),
        host_ip: [192, 0, 2, 1].into(),
    };
    let facts = Facts {
        pod: &pod,
        identity: &identity,
        pod_ip: Some([10, 0, 0, 2].into()),
        allocatable: ResourceList::default(),
    };
    let sources = Sources {
        facts,
        config_maps: &[foreign, config_map],
        secrets: &[secret],
        services: &services,
        env_files: &env_files,
    };
    let mut shown = String::new();
    match Environment::resolve(&container, &sources) {
        Ok(environment) => {
            let image = ImageConfig {
                env: vec![
                    ("IMAGE".to_owned(), "i".to_owned()),
                    ("HOSTNAME".to_owned(), "of the image".to_owned()),
                ],
                ..ImageConfig::default()
            };
            let all = environment.for_process(&container, &image, "p");
            for (name, value) in &all {
                let is_noise = name == "PATH" || name.starts_with("KUBERNETES_PORT");
                if !is_noise && !name.starts_with("KUBERNETES_SERVICE_PORT") {
                    writeln!(shown, "{name}={value}").unwrap();
                }
            }
        }
        Err(error) => writeln!(shown, "error: {error}").unwrap(),
    }
    expect.assert_eq(&shown);
}

fn var(name: &str, value: EnvValue) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value,
    }
}

fn literal(name: &str, value: &str) -> EnvVar {
    var(name, EnvValue::Text(value.to_owned()))
}

fn key(name: &str, key: &str, optional: bool) -> KeyRef {
    KeyRef {
        name: name.to_owned(),
        key: key.to_owned(),
        optional,
    }
}

fn from(prefix: &str, source: ObjectRef, optional: bool) -> EnvFrom {
    EnvFrom {
        prefix: prefix.to_owned(),
        source,
        optional,
    }
}

#[test]
fn runtime_then_image() {
    check(
        |_, container| container.tty = true,
        expect![[r#"
            HOSTNAME=of the image
            TERM=xterm
            IMAGE=i
            KUBERNETES_SERVICE_HOST=10.96.0.1
        "#]],
    );
}

#[test]
fn references_see_only_what_came_before() {
    check(
        |_, container| {
            container.env = vec![
                literal("FORWARD", "$(LATER)"),
                literal("LATER", "x"),
                literal("BACK", "$(LATER)-$(LATER)"),
                literal("IMAGE_IS_UNKNOWN", "$(IMAGE) $(HOSTNAME)"),
                literal("LATER", "y"),
                literal("ESCAPED", "$$(LATER)"),
                literal("LATEST", "$(LATER)"),
                literal("EMPTY", ""),
                literal("IMAGE", "mine"),
            ];
        },
        expect![[r#"
            HOSTNAME=of the image
            IMAGE=mine
            FORWARD=$(LATER)
            LATER=y
            BACK=x-x
            IMAGE_IS_UNKNOWN=$(IMAGE) $(HOSTNAME)
            ESCAPED=$(LATER)
            LATEST=y
            EMPTY=
            KUBERNETES_SERVICE_HOST=10.96.0.1
        "#]],
    );
}

#[test]
fn later_sources_win_and_values_of_objects_are_not_expanded() {
    check(
        |_, container| {
            container.env_from = vec![
                from("", ObjectRef::ConfigMap("c".to_owned()), false),
                from("S_", ObjectRef::Secret("s".to_owned()), false),
                from("", ObjectRef::Secret("s".to_owned()), false),
                from("", ObjectRef::ConfigMap("missing".to_owned()), true),
                from("", ObjectRef::Secret("missing".to_owned()), true),
            ];
            container.env = vec![
                literal("B", "from env, was $(B)"),
                var("KEY", EnvValue::ConfigMapKey(key("c", "A", false))),
                var(
                    "OPTIONAL_KEY",
                    EnvValue::ConfigMapKey(key("c", "BIN", true)),
                ),
                var("OPTIONAL_OBJECT", EnvValue::SecretKey(key("x", "P", true))),
                var("SECRET", EnvValue::SecretKey(key("s", "P", false))),
                literal("UNSET", "$(OPTIONAL_KEY)"),
            ];
        },
        expect![[r#"
            HOSTNAME=of the image
            IMAGE=i
            A=a of s
            B=from env, was b of c
            S_A=a of s
            S_P=p�
            P=p�
            KEY=a of c, $(B)
            SECRET=p�
            UNSET=$(OPTIONAL_KEY)
            KUBERNETES_SERVICE_HOST=10.96.0.1
        "#]],
    );
}

#[test]
fn what_is_missing_is_named() {
    let check = |value, expect| check(|_, container| container.env = vec![var("X", value)], expect);
    check(
        EnvValue::ConfigMapKey(key("nope", "A", false)),
        expect![[r#"
            error: configmap "nope" not found
        "#]],
    );
    check(
        EnvValue::ConfigMapKey(key("far", "A", false)),
        expect![[r#"
            error: configmap "far" not found
        "#]],
    );
    check(
        EnvValue::ConfigMapKey(key("c", "BIN", false)),
        expect![[r#"
            error: couldn't find key BIN in ConfigMap ns/c
        "#]],
    );
    check(
        EnvValue::SecretKey(key("nope", "A", false)),
        expect![[r#"
            error: secret "nope" not found
        "#]],
    );
    check(
        EnvValue::SecretKey(key("s", "nope", false)),
        expect![[r#"
            error: couldn't find key nope in Secret ns/s
        "#]],
    );
}

#[test]
fn missing_whole_objects_are_named() {
    let check = |source, expect| {
        check(
            |_, container| container.env_from = vec![from("", source, false)],
            expect,
        );
    };
    check(
        ObjectRef::ConfigMap("nope".to_owned()),
        expect![[r#"
        error: configmap "nope" not found
    "#]],
    );
    check(
        ObjectRef::Secret("nope".to_owned()),
        expect![[r#"
        error: secret "nope" not found
    "#]],
    );
}

#[test]
fn services_of_the_namespace() {
    check(
        |pod, container| {
            pod.enable_service_links = true;
            container.env = vec![
                literal(
                    "URL",
                    "http://$(MY_WEB_SERVICE_HOST):$(MY_WEB_SERVICE_PORT)",
                ),
                literal("MY_WEB_PORT", "mine"),
            ];
        },
        expect![[r#"
            HOSTNAME=of the image
            IMAGE=i
            URL=http://10.96.0.7:80
            MY_WEB_PORT=mine
            KUBERNETES_SERVICE_HOST=10.96.0.1
            MY_WEB_SERVICE_HOST=10.96.0.7
            MY_WEB_SERVICE_PORT=80
            MY_WEB_SERVICE_PORT_HTTP=80
            MY_WEB_SERVICE_PORT_DNS_U=53
            MY_WEB_PORT_80_TCP=tcp://10.96.0.7:80
            MY_WEB_PORT_80_TCP_PROTO=tcp
            MY_WEB_PORT_80_TCP_PORT=80
            MY_WEB_PORT_80_TCP_ADDR=10.96.0.7
            MY_WEB_PORT_53_UDP=udp://10.96.0.7:53
            MY_WEB_PORT_53_UDP_PROTO=udp
            MY_WEB_PORT_53_UDP_PORT=53
            MY_WEB_PORT_53_UDP_ADDR=10.96.0.7
        "#]],
    );
}

#[test]
fn fields() {
    check(
        |_, container| {
            container.env = vec![
                var("NODE", EnvValue::Field(FieldRef::NodeName)),
                var("IP", EnvValue::Field(FieldRef::PodIp)),
                literal("BOTH", "$(NODE)/$(IP)"),
            ];
        },
        expect![[r#"
            HOSTNAME=of the image
            IMAGE=i
            NODE=node
            IP=10.0.0.2
            BOTH=node/10.0.0.2
            KUBERNETES_SERVICE_HOST=10.96.0.1
        "#]],
    );
}

#[test]
fn sub_paths() {
    let mut environment = Environment::default();
    for (name, value) in [("A", "a"), ("EMPTY", ""), ("UP", ".."), ("ROOT", "/x")] {
        environment.set(name, value.to_owned());
    }
    let check = |sub_path: Option<SubPath>, expected: &str| {
        let found = environment.sub_path(sub_path.as_ref());
        assert_eq!(found.unwrap_or_else(|error| error.to_string()), expected);
    };
    let expression = |text: &str| Some(SubPath::Expr(text.to_owned()));
    check(None, "");
    check(Some(SubPath::Path("$(A)".to_owned())), "$(A)");
    check(
        Some(SubPath::Path("/a".to_owned())),
        "error SubPath `/a` must not be an absolute path",
    );
    check(expression("x/$(A)"), "x/a");
    check(
        expression("$(B)/$(EMPTY)/$(A)/$(B)"),
        "missing value for B, EMPTY",
    );
    check(
        expression("$(UP)/x"),
        "unable to provision SubPath `../x`: must not contain '..'",
    );
    check(
        expression("$(ROOT)"),
        "error SubPath `/x` must not be an absolute path",
    );
    check(expression("..data"), "..data");
}

#[test]
fn keys_of_files() {
    let from_file = |volume: &str, path: &str, key: &str, optional| {
        let key = FileKeyRef {
            volume: volume.to_owned(),
            path: path.to_owned(),
            key: key.to_owned(),
            optional,
        };
        vec![var("X", EnvValue::FileKey(key)), literal("Y", "$(X)")]
    };
    let check_file = |volume, path, key, optional, expect: Expect| {
        check(
            |_, container| container.env = from_file(volume, path, key, optional),
            expect,
        );
    };
    check_file(
        "v",
        "vars",
        "A",
        false,
        expect![[r#"
        HOSTNAME=of the image
        IMAGE=i
        X=1 $(HOSTNAME)
        Y=1 $(HOSTNAME)
        KUBERNETES_SERVICE_HOST=10.96.0.1
    "#]],
    );
    check_file(
        "v",
        "vars",
        "E",
        true,
        expect![[r#"
        HOSTNAME=of the image
        IMAGE=i
        Y=$(X)
        KUBERNETES_SERVICE_HOST=10.96.0.1
    "#]],
    );
    check_file(
        "v",
        "vars",
        "E",
        false,
        expect![[r#"
        error: environment variable key "E" not found in file "vars"
    "#]],
    );
    check_file(
        "v",
        "vars",
        "B",
        true,
        expect![[r#"
        HOSTNAME=of the image
        IMAGE=i
        Y=$(X)
        KUBERNETES_SERVICE_HOST=10.96.0.1
    "#]],
    );
    check_file(
        "v",
        "broken",
        "A",
        true,
        expect![[r#"
        error: couldn't parse env file
    "#]],
    );
    check_file(
        "v",
        "missing",
        "A",
        true,
        expect![[r#"
        error: couldn't parse env file
    "#]],
    );
    check_file(
        "w",
        "vars",
        "A",
        false,
        expect![[r#"
        error: cannot find the volume "w" referenced by FileKeyRef
    "#]],
    );
}
