//! Pods in one line.
//!
//! Words: `Never` (policy), `grace:5`, `deadline:60`, `init:i`, `sidecar:s`, `a`, `a:Never` (own policy), `a@image:tag`,
//! `pull:Always` (for all containers that follow), `nonroot`, `os:windows`, `select:label=value`, `sysctl:name`,
//! `label:name=value`, `gate:example.com/ready`, `debug:e@image` (ephemeral).
//! After a container come its probes: `startup()`, `live(delay=5,period=10,ok=1,fail=3,grace=7)`, `ready()`,
//! and its hooks: `poststart(exec)`, `prestop(http)`, `prestop(tcp)`, `prestop(sleep=5)`.
//! `limits(cpu=500,memory=64,restart=cpu)` are requests as well, in thousandths and bytes.
//! Rules follow a policy: `a:Never,1/2>Restart`, `sidecar:s,!0>RestartAllContainers`.

use crate::spec::{
    self, ExitCodesOperator, GracePeriod, ImagePullPolicy, ResizeRestartPolicy, RestartAction,
    RestartPolicy, RestartRule,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn parse_pod(text: &str) -> spec::Pod {
    let mut pod = spec::Pod::default();
    pod.meta.name = "p".to_owned();
    pod.meta.namespace = "ns".to_owned();
    let mut pull = ImagePullPolicy::IfNotPresent;
    for word in text.split_whitespace() {
        let (key, value) = word.split_once(':').unwrap_or((word, ""));
        let pair = || {
            let (name, value) = value.split_once('=').expect("name=value");
            (name.to_owned(), value.to_owned())
        };
        match (key, value) {
            ("grace", seconds) => {
                pod.termination_grace_period.seconds = seconds.parse().expect("seconds");
            }
            ("deadline", seconds) => {
                let seconds = seconds.parse().expect("seconds");
                pod.active_deadline = Some(Duration::from_secs(seconds));
            }
            ("pull", "Always") => pull = ImagePullPolicy::Always,
            ("pull", "Never") => pull = ImagePullPolicy::Never,
            (key, _) if key.ends_with(')') => {
                let all = pod.init_containers.iter_mut().chain(&mut pod.containers);
                modify(all.last().expect("a container"), key);
            }
            ("nonroot", "") => pod.security.run_as_non_root = Some(true),
            ("gate", type_) => pod.readiness_gates.push(type_.to_owned()),
            ("os", os) => pod.os = Some(os.to_owned()),
            ("select", _) => pod.node_selector.extend([pair()]),
            ("label", _) => pod.meta.labels.extend([pair()]),
            ("debug", text) => pod.ephemeral_containers.push(container(text, "", pull)),
            ("sysctl", name) => pod.sysctls.push((name.to_owned(), "1".to_owned())),
            ("data", reference) => {
                let container = pod.containers.last_mut().expect("a container before it");
                container.volume_mounts.push(spec::VolumeMount {
                    name: "data".to_owned(),
                    mount_path: "/data".to_owned(),
                    sub_path: None,
                    read_only: true,
                    recursive_read_only: spec::RecursiveReadOnly::Disabled,
                });
                pod.volumes.push(spec::Volume {
                    name: "data".to_owned(),
                    source: spec::VolumeSource::Image(spec::ImageVolume {
                        reference: reference.to_owned(),
                        pull_policy: pull,
                    }),
                });
            }
            (policy, "") if parse_policy(policy).is_some() => {
                pod.restart_policy = parse_policy(policy).unwrap_or_default();
            }
            ("init", text) => {
                let (name, policy) = text.split_once(':').unwrap_or((text, ""));
                pod.init_containers.push(container(name, policy, pull));
            }
            ("sidecar", text) => {
                let (name, rules) = text.split_once(',').unwrap_or((text, ""));
                let policy = format!("Always,{rules}");
                pod.init_containers.push(container(name, &policy, pull));
            }
            (_, policy) if parse_policy(first_part(policy)).is_some() => {
                pod.containers.push(container(key, policy, pull));
            }
            _ => pod.containers.push(container(word, "", pull)),
        }
    }
    pod
}

fn first_part(text: &str) -> &str {
    text.split(',').next().unwrap_or_default()
}

/// `text` is `name` or `name@image`, `policy` may have rules.
pub(super) fn container(text: &str, policy: &str, pull: ImagePullPolicy) -> spec::Container {
    let (name, image) = text.split_once('@').unwrap_or((text, "image"));
    let rules = policy.split(',').skip(1).filter(|rule| !rule.is_empty());
    spec::Container {
        name: name.to_owned(),
        image: image.to_owned(),
        image_pull_policy: pull,
        restart_policy: parse_policy(first_part(policy)),
        restart_policy_rules: rules.map(parse_rule).collect(),
        ..spec::Container::default()
    }
}

fn parse_rule(text: &str) -> RestartRule {
    let (codes, action) = text.split_once('>').expect("codes>action");
    let (operator, codes) = match codes.strip_prefix('!') {
        Some(codes) => (ExitCodesOperator::NotIn, codes),
        None => (ExitCodesOperator::In, codes),
    };
    let codes = codes.split('/').map(|code| code.parse().expect("a code"));
    RestartRule {
        action: match action {
            "Restart" => RestartAction::Restart,
            "RestartAllContainers" => RestartAction::RestartAllContainers,
            _ => panic!("unknown action {action}"),
        },
        operator,
        values: codes.collect(),
    }
}

fn parse_policy(text: &str) -> Option<RestartPolicy> {
    match text {
        "Always" => Some(RestartPolicy::Always),
        "OnFailure" => Some(RestartPolicy::OnFailure),
        "Never" => Some(RestartPolicy::Never),
        _ => None,
    }
}

/// Adds what `word(key=value,…)` says.
fn modify(container: &mut spec::Container, text: &str) {
    let (word, arguments) = text.split_once('(').expect("a bracket");
    let arguments = arguments.strip_suffix(')').expect("a bracket");
    let pairs = arguments.split(',').filter_map(|pair| pair.split_once('='));
    let pairs: BTreeMap<&str, &str> = pairs.collect();
    if word == "limits" {
        let amount = |key| pairs.get(key).map(|text| text.parse().expect("a number"));
        let limits = spec::ResourceList {
            cpu_m: amount("cpu"),
            memory: amount("memory"),
            ephemeral_storage: None,
        };
        let requests = limits;
        container.resources = spec::Resources { limits, requests };
        match pairs.get("restart") {
            Some(&"cpu") => container.resize_policy.cpu = ResizeRestartPolicy::RestartContainer,
            Some(&"memory") => {
                container.resize_policy.memory = ResizeRestartPolicy::RestartContainer;
            }
            _ => {}
        }
        return;
    }
    let number = |key, default| {
        let given = pairs.get(key).map(|value| value.parse().expect("a number"));
        given.unwrap_or(default)
    };
    let seconds = |key, default: u32| Duration::from_secs(number(key, default).into());
    let grace = pairs.contains_key("grace").then(|| GracePeriod {
        seconds: number("grace", 0),
    });
    let probe = spec::Probe {
        handler: spec::ProbeHandler::Exec(vec!["probe".to_owned()]),
        initial_delay: seconds("delay", 0),
        period: seconds("period", 10),
        timeout: seconds("timeout", 1),
        success_threshold: number("ok", 1),
        failure_threshold: number("fail", 3),
        termination_grace_period: grace,
    };
    let hook = || match arguments {
        "exec" => spec::Hook::Exec(vec!["hook".to_owned(), "now".to_owned()]),
        "http" => spec::Hook::HttpGet(spec::HttpGet {
            scheme: spec::Scheme::Http,
            host: None,
            port: spec::TargetPort::Number(80),
            path: "/".to_owned(),
            headers: Vec::new(),
        }),
        "tcp" => spec::Hook::TcpSocket(spec::TcpSocket {
            host: None,
            port: spec::TargetPort::Number(80),
        }),
        _ => spec::Hook::Sleep(seconds("sleep", 0)),
    };
    match word {
        "poststart" => container.lifecycle.post_start = Some(hook()),
        "prestop" => container.lifecycle.pre_stop = Some(hook()),
        "startup" => container.startup_probe = Some(probe),
        "live" => container.liveness_probe = Some(probe),
        "ready" => container.readiness_probe = Some(probe),
        _ => panic!("unknown word {word}"),
    }
}
