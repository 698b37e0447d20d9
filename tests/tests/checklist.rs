//! What runtimes of pods commonly miss: a test for each line of our check-list. What needs an API server is left out: that
//! `kubectl get` asks it for the STATUS column (what stands in that column is here), and how `kubectl wait` watches.

use bytes::Bytes;
use expect_test::{Expect, expect};
use seedpod::status::{ConditionType, ContainerState, ContainerStatus, Status};
use seedpod_core::pod::{printer, update};
use seedpod_core::time::Instant;
use seedpod_engine::ExecRequest;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::is_true;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";

/// A pod `p` of this spec.
fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {spec}\n---\n")
}

/// A ConfigMap `conf`.
fn conf(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata: {data}\n---\n")
}

/// A cluster in which this ran for so long.
fn ran(manifest: &str, seconds: u64) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.create(manifest);
    cluster.run(seconds);
    cluster
}

/// To the hundredth of a second: what guests compute takes less, and changes with every build of them.
fn seconds(at: Instant) -> String {
    let hundredths = at.as_nanos() / 10_000_000;
    match hundredths % 100 {
        0 => format!("{}s", hundredths / 100),
        rest => format!("{}.{rest:02}s", hundredths / 100),
    }
}

/// The events of these reasons.
fn events(cluster: &Cluster, reasons: &[&str]) -> String {
    let all = cluster.events("p").iter();
    all.filter(|event| reasons.contains(&event.reason.as_str()))
        .fold(String::new(), |text, event| {
            let (at, reason, message) = (seconds(event.at), &event.reason, &event.message);
            format!("{text}{at} {reason}: {message}\n")
        })
}

/// What the pod showed, one line for every change of it.
fn history(cluster: &Cluster, shown: impl Fn(&Status) -> String) -> String {
    let mut text = String::new();
    let mut before = String::new();
    for (at, status) in cluster.statuses("p") {
        let line = shown(status);
        if line != before {
            let _infallible = writeln!(text, "{} {line}", seconds(*at));
            before = line;
        }
    }
    text
}

fn phase_and_states(status: &Status) -> String {
    let states: Vec<_> = status.all_containers().map(state).collect();
    format!("{}: {}", status.phase, states.join(", "))
}

fn state(container: &ContainerStatus) -> String {
    let state = match &container.state {
        ContainerState::Waiting(waiting) => match &waiting.message {
            Some(message) => format!("{} ({message})", waiting.reason),
            None => waiting.reason.to_string(),
        },
        ContainerState::Running { .. } => "Running".to_owned(),
        ContainerState::Terminated(end) => format!("{} {}", end.reason, end.exit_code),
    };
    format!("{} {state}", container.name)
}

#[test]
fn the_first_crash_restart_is_immediate_and_10_s_starts_with_the_second() {
    let cluster = ran(
        &pod("{containers: [{name: c, image: busybox, command: ['false']}]}"),
        320,
    );
    expect![[r#"
        0s Started: Container started
        0s Started: Container started
        10s Started: Container started
        30s Started: Container started
        70s Started: Container started
        150s Started: Container started
        310s Started: Container started
    "#]]
    .assert_eq(&events(&cluster, &["Started"]));
}

#[test]
fn completed_containers_under_always_crash_loop_too() {
    let cluster = ran(
        &pod("{containers: [{name: c, image: busybox, command: ['true']}]}"),
        25,
    );
    expect![[r#"
        0s Pending: c ContainerCreating
        0s Running: c Running
        0s Running: c Completed 0
        0s Running: c Running
        0s Running: c CrashLoopBackOff (back-off 10s restarting failed container=c pod=p_default(00000000-0000-4000-8000-000000000000))
        10s Running: c Running
        10s Running: c CrashLoopBackOff (back-off 20s restarting failed container=c pod=p_default(00000000-0000-4000-8000-000000000000))
    "#]].assert_eq(&history(&cluster, phase_and_states));
}

#[test]
fn the_phase_stays_running_in_crash_loop_back_off() {
    let cluster = ran(
        &pod("{containers: [{name: c, image: busybox, command: ['false']}]}"),
        1000,
    );
    expect![[r#"
        0s Pending
        0s Running
    "#]]
    .assert_eq(&history(&cluster, |status| status.phase.to_string()));
    expect!["Running: c CrashLoopBackOff (back-off 5m0s restarting failed container=c pod=p_default(00000000-0000-4000-8000-000000000000))"].assert_eq(&phase_and_states(&cluster.status("p")));
}

#[test]
fn container_statuses_are_sorted_by_name_and_those_of_init_containers_are_not() {
    let cluster = ran(
        &pod("{
            restartPolicy: Never,
            initContainers: [
                {name: second, image: busybox, command: ['true']},
                {name: first, image: busybox, command: ['true']}],
            containers: [
                {name: c, image: busybox, command: ['true']},
                {name: a, image: busybox, command: ['true']},
                {name: b, image: busybox, command: ['true']}]}"),
        5,
    );
    expect!["Succeeded: second Completed 0, first Completed 0, a Completed 0, b Completed 0, c Completed 0"].assert_eq(&phase_and_states(&cluster.status("p")));
}

#[test]
fn probes_dial_the_address_of_the_pod_and_port_forward_dials_localhost() {
    let listen = |address: &str| {
        let server =
            format!("server {{ listen {address}:8080; location / {{ return 200 hello; }} }}");
        conf(&format!("{{default.conf: '{server}'}}"))
            + &pod("{
                volumes: [{name: v, configMap: {name: conf}}],
                containers: [{
                    name: c, image: nginx,
                    volumeMounts: [{name: v, mountPath: /etc/nginx/conf.d}],
                    readinessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 1, periodSeconds: 2}}]}")
    };
    let check = |address: &str, probe: Expect| {
        let mut cluster = ran(&listen(address), 8);
        let is_ready = is_true(&cluster.status("p"), ConditionType::Ready);
        probe.assert_eq(&format!("{is_ready}\n{}", events(&cluster, &["Unhealthy"])));
        let answer = forward(
            &mut cluster,
            8080,
            "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
        );
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    };
    check(
        "127.0.0.1",
        expect![[r#"
            false
            2s Unhealthy: Readiness probe failed: dial tcp 10.244.0.2:8080: connect: connection refused
            4s Unhealthy: Readiness probe failed: dial tcp 10.244.0.2:8080: connect: connection refused
            6s Unhealthy: Readiness probe failed: dial tcp 10.244.0.2:8080: connect: connection refused
            8s Unhealthy: Readiness probe failed: dial tcp 10.244.0.2:8080: connect: connection refused
        "#]],
    );
    check(
        "0.0.0.0",
        expect![[r#"
            true
        "#]],
    );
}

/// What a connection to `localhost` inside the pod answers to a request.
fn forward(cluster: &mut Cluster, port: u16, request: &str) -> String {
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connect =
        |kernel: &mut seedpod_core::kernel::Kernel| kernel.net.connect_from(here(0), here(port));
    let stream = cluster.handle("p").with(connect).expect("a port is free");
    let mut rest = Bytes::copy_from_slice(request.as_bytes());
    let mut answer = Vec::new();
    let is_whole = cluster.advance(Duration::from_secs(30), |_| {
        match stream.poll_connected(Waker::noop()) {
            Poll::Ready(connected) => connected.expect("somebody listens"),
            Poll::Pending => return false,
        }
        if !rest.is_empty()
            && let Poll::Ready(written) = stream.poll_write(&mut rest, Waker::noop())
        {
            written.expect("the pod reads the request");
        }
        while let Some(read) = stream.try_read(usize::MAX) {
            let bytes = read.expect("the pod writes an answer");
            if bytes.is_empty() {
                return true;
            }
            answer.extend_from_slice(&bytes);
        }
        false
    });
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(is_whole, "{answer}");
    answer
}

#[test]
fn hooks_over_http_ignore_the_status() {
    let check = |get: &str, expected: Expect| {
        let mut cluster = ran(
            &pod(&format!(
                "{{containers: [{{
                name: c, image: {AGNHOST}, args: [netexec],
                lifecycle: {{preStop: {{httpGet: {{{get}}}}}}}}}]}}"
            )),
            5,
        );
        cluster.delete_and_wait("p");
        let asked = cluster.logs("p", "c").contains("GET /echo?msg=&code=500");
        let told = events(&cluster, &["FailedPreStopHook", "Killing"]);
        expected.assert_eq(&format!("asked: {asked}\n{told}"));
    };
    check(
        "path: '/echo?code=500', port: 8080",
        expect![[r#"
            asked: true
            5s Killing: Stopping container c
        "#]],
    );
    check(
        "path: '/echo?code=500', port: 81",
        expect![[r#"
            asked: false
            5s Killing: Stopping container c
            5s FailedPreStopHook: PreStopHook failed
        "#]],
    );
}

#[test]
fn probes_take_a_redirect_to_another_host_for_success() {
    let cluster = ran(
        &pod(&format!(
            "{{containers: [{{
            name: c, image: {AGNHOST}, args: [netexec],
            readinessProbe: {{
                httpGet: {{path: '/redirect?location=http://192.0.2.1/&code=302', port: 8080}},
                initialDelaySeconds: 1, periodSeconds: 2}}}}]}}"
        )),
        8,
    );
    assert!(is_true(&cluster.status("p"), ConditionType::Ready));
    expect![[r#"
        2s ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: <a href="http://192.0.2.1/">Found</a>.


        4s ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: <a href="http://192.0.2.1/">Found</a>.


        6s ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: <a href="http://192.0.2.1/">Found</a>.


        8s ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: <a href="http://192.0.2.1/">Found</a>.


    "#]].assert_eq(&events(&cluster, &["Unhealthy", "ProbeWarning"]));
}

#[test]
fn errors_of_probes_do_not_count() {
    let check = |port: &str, expected: Expect| {
        let cluster = ran(
            &pod(&format!("{{terminationGracePeriodSeconds: 1, containers: [{{
                name: c, image: {AGNHOST}, args: [pause],
                livenessProbe: {{tcpSocket: {{port: {port}}}, failureThreshold: 2, periodSeconds: 5}}}}]}}")),
            12,
        );
        let status = cluster.status("p");
        let restarts = status.containers[0].restart_count;
        let told = events(&cluster, &["Unhealthy", "Killing"]);
        expected.assert_eq(&format!("restarts: {restarts}\n{told}"));
    };
    check(
        "nobody",
        expect![[r#"
            restarts: 0
            0s Unhealthy: Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "nobody": invalid syntax
            5s Unhealthy: Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "nobody": invalid syntax
            10s Unhealthy: Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "nobody": invalid syntax
        "#]],
    );
    check(
        "81",
        expect![[r#"
            restarts: 2
            0s Unhealthy: Liveness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
            5s Unhealthy: Liveness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
            5s Killing: Container c failed liveness probe, will be restarted
            5s Unhealthy: Liveness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
            10s Unhealthy: Liveness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
            10s Killing: Container c failed liveness probe, will be restarted
            10s Unhealthy: Liveness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
        "#]],
    );
}

#[test]
fn hooks_expand_no_variables_and_exec_probes_only_literal_ones() {
    let write = |file: &str| {
        format!("[sh, -c, 'echo \"$0 $1 $2\" > /{file}', $(LITERAL), $(NAME), $(FROM)]")
    };
    let mut cluster = ran(
        &(conf("{FROM: from}")
            + &pod(&format!(
                "{{containers: [{{
                name: c, image: busybox, command: [sh, -c, 'sleep 1000', $(LITERAL)],
                env: [
                    {{name: LITERAL, value: literal}},
                    {{name: NAME, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}],
                envFrom: [{{configMapRef: {{name: conf}}}}],
                lifecycle: {{postStart: {{exec: {{command: {}}}}}}},
                readinessProbe: {{exec: {{command: {}}}}}}}]}}",
                write("hook"),
                write("probe")
            ))),
        5,
    );
    expect![[r#"
        $(LITERAL) $(NAME) $(FROM)
        literal  $(FROM)
    "#]]
    .assert_eq(&cluster.shell("p", "c", "cat /hook /probe"));
}

#[test]
fn exit_codes_of_sidecars_never_decide_and_sidecars_restart_even_under_never() {
    let mut cluster = Cluster::new();
    cluster.create(&pod("{
        restartPolicy: Never,
        initContainers: [{
            name: side, image: busybox, restartPolicy: Always,
            command: [sh, -c, 'trap \"exit 5\" TERM; sleep 3 & wait; exit 3']}],
        containers: [{name: main, image: busybox, command: [sleep, '5']}]}"));
    cluster.wait_for_success("p", 60);
    expect![[r#"
        0s Pending: side PodInitializing, main PodInitializing
        0s Pending: side Running, main PodInitializing
        0s Running: side Running, main Running
        3s Running: side Error 3, main Running
        3s Running: side Running, main Running
        5s Running: side Running, main Completed 0
        5s Succeeded: side Error 5, main Completed 0
    "#]]
    .assert_eq(&history(&cluster, phase_and_states));
}

#[test]
fn pre_stop_of_sidecars_runs_up_front_and_only_their_signals_have_an_order() {
    let container = |name: &str, seconds: u32, fields: &str| {
        format!("{{name: {name}, image: busybox, {fields}
            command: [sh, -c, 'trap \"echo {name} TERM; sleep {seconds}; exit 0\" TERM; while :; do sleep 0.1; done'],
            lifecycle: {{preStop: {{exec: {{command: [sh, -c, 'echo {name} preStop > /proc/1/fd/1']}}}}}}}}")
    };
    let sidecar = |name: &str| container(name, 2, "restartPolicy: Always,");
    let mut cluster = ran(
        &pod(&format!(
            "{{initContainers: [{}, {}], containers: [{}]}}",
            sidecar("first"),
            sidecar("second"),
            container("main", 3, "")
        )),
        10,
    );
    cluster.delete_and_wait("p");
    expect![[r#"
        0) 10.00s first preStop
        1) 10.00s second preStop
        2) 10.00s main preStop
        3) 10.00s main TERM
        4) 13.01s second TERM
        5) 15.10s first TERM
    "#]]
    .assert_eq(&cluster.timeline("p").to_string());
}

#[test]
fn every_container_gets_two_seconds_whatever_is_left_of_its_grace_period() {
    let check = |hook: &str, grace_s, expected: Expect| {
        let mut cluster = ran(
            &pod(&format!(
                "{{terminationGracePeriodSeconds: 5, containers: [{{
                name: c, image: busybox, {hook}
                command: [sh, -c, 'trap \"\" TERM; while :; do sleep 1; done']}}]}}"
            )),
            10,
        );
        cluster.delete("p", grace_s);
        cluster.wait_for_not_found("p", 60);
        let history = history(&cluster, phase_and_states);
        let last = history.lines().last().unwrap_or_default();
        expected.assert_eq(last);
    };
    check("", None, expect!["15s Failed: c Error 137"]);
    check("", Some(1), expect!["12s Failed: c Error 137"]);
    check("", Some(0), expect!["12s Failed: c Error 137"]);
    let hook = "lifecycle: {preStop: {sleep: {seconds: 5}}},";
    check(hook, None, expect!["17s Failed: c Error 137"]);
    check(hook, Some(0), expect!["13s Failed: c Error 137"]);
}

#[test]
fn readiness_is_probed_while_the_pod_terminates() {
    let mut cluster = ran(
        &pod("{containers: [{
            name: c, image: busybox,
            command: [sh, -c, 'trap \"rm /ready; sleep 5; exit 0\" TERM; touch /ready; while :; do sleep 0.1; done'],
            readinessProbe: {exec: {command: [cat, /ready]}, periodSeconds: 1, failureThreshold: 1}}]}"),
        10,
    );
    cluster.delete_and_wait("p");
    expect![[r#"
        0s Pending: c ContainerCreating deleted=false ready=false
        0s Running: c Running deleted=false ready=false
        1s Running: c Running deleted=false ready=true
        10s Running: c Running deleted=true ready=true
        11s Running: c Running deleted=true ready=false
        15s Succeeded: c Completed 0 deleted=true ready=false
    "#]]
    .assert_eq(&history(&cluster, |status| {
        let ready = is_true(status, ConditionType::Ready);
        let deleted = status.deletion.is_some();
        format!(
            "{} deleted={deleted} ready={ready}",
            phase_and_states(status)
        )
    }));
}

#[test]
fn a_missing_volume_blocks_the_whole_pod_and_a_missing_variable_only_its_container() {
    let check = |volumes: &str, fields: &str, expected: Expect| {
        let cluster = ran(
            &pod(&format!(
                "{{{volumes} containers: [
                {{name: a, image: busybox, command: [sleep, '1000'], {fields}}},
                {{name: b, image: busybox, command: [sleep, '1000']}}]}}"
            )),
            5,
        );
        expected.assert_eq(&phase_and_states(&cluster.status("p")));
    };
    check(
        "volumes: [{name: v, configMap: {name: conf}}],",
        "volumeMounts: [{name: v, mountPath: /v}]",
        expect!["Pending: a ContainerCreating, b ContainerCreating"],
    );
    check(
        "",
        "envFrom: [{configMapRef: {name: conf}}]",
        expect![[
            r#"Pending: a CreateContainerConfigError (configmap "conf" not found), b Running"#
        ]],
    );
}

#[test]
fn a_sub_path_never_updates() {
    let mut cluster = ran(
        &(conf("{key: old}")
            + &pod("{
                volumes: [{name: v, configMap: {name: conf}}],
                containers: [{
                    name: c, image: busybox, command: [sleep, '1000'],
                    volumeMounts: [
                        {name: v, mountPath: /whole},
                        {name: v, mountPath: /part, subPath: key}]}]}")),
        5,
    );
    cluster.apply(&conf("{key: new}"));
    cluster.run(120);
    let text = cluster.shell("p", "c", "cat /whole/key; echo; cat /part");
    assert_eq!(text, "new\nold");
}

#[test]
fn a_size_limit_evicts_except_in_memory_where_it_is_hard() {
    let check = |medium: &str, expected: Expect| {
        let cluster = ran(
            &pod(&format!("{{
                volumes: [{{name: v, emptyDir: {{sizeLimit: 1Mi{medium}}}}}],
                containers: [{{
                    name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}],
                    command: [sh, -c, 'dd if=/dev/zero of=/v/f bs=64k count=32 2>&1 | head -1; sleep 1000']}}]}}")),
            120,
        );
        let status = cluster.status("p");
        let reason = status.reason.map(|reason| reason.to_string());
        expected.assert_eq(&format!(
            "{}{} {reason:?} {:?}\n{}",
            cluster.logs("p", "c"),
            status.phase,
            status.message,
            events(&cluster, &["Evicted", "Killing"]),
        ));
    };
    check(
        "",
        expect![[r#"
            32+0 records in
            Failed Some("Evicted") Some("Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ")
            10s Evicted: Usage of EmptyDir volume "v" exceeds the limit "1Mi". 
            10s Killing: Stopping container c
        "#]],
    );
    check(
        ", medium: Memory",
        expect![[r#"
        dd: No space left on device
        Running None None
    "#]],
    );
}

#[test]
fn file_or_create_makes_no_parents_and_no_type_checks_nothing() {
    let check = |path: &str, type_: &str, expected: Expect| {
        let cluster = ran(
            &pod(&format!("{{
                restartPolicy: Never,
                volumes: [{{name: v, hostPath: {{path: {path}, type: '{type_}'}}}}],
                containers: [{{
                    name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}],
                    command: [sh, -c, 'if [ -d /v ]; then echo directory; else echo file; fi']}}]}}")),
            1,
        );
        let failed = events(&cluster, &["FailedMount"]);
        let first = failed.lines().next().unwrap_or_default();
        expected.assert_eq(&format!("{}{first}", cluster.logs("p", "c")));
    };
    check(
        "/tmp/missing/file",
        "FileOrCreate",
        expect![[
            r#"0s FailedMount: MountVolume.SetUp failed for volume "v" : open /tmp/missing/file: no such file or directory"#
        ]],
    );
    check(
        "/tmp/file",
        "FileOrCreate",
        expect![[r#"
        file
    "#]],
    );
    check(
        "/etc/hosts",
        "",
        expect![[r#"
        file
    "#]],
    );
    check(
        "/etc/hosts",
        "Directory",
        expect![[
            r#"0s FailedMount: MountVolume.SetUp failed for volume "v" : hostPath type check failed: /etc/hosts is not a directory"#
        ]],
    );
    check(
        "/tmp",
        "",
        expect![[r#"
        directory
    "#]],
    );
    check(
        "/tmp/not/there",
        "",
        expect![[r#"
        directory
    "#]],
    );
}

#[test]
fn another_image_restarts_a_container_even_under_never() {
    let mut cluster = ran(
        &pod("{restartPolicy: Never, containers: [
            {name: c, image: 'busybox:1.36', command: [sh, -c, 'trap \"exit 0\" TERM; sleep 1000 & wait']}]}"),
        10,
    );
    cluster.set_image("p", "c", "busybox:1.37");
    cluster.run(10);
    expect![[r#"
        0s Pending: c ContainerCreating busybox:1.36 restarts=0
        0s Running: c Running busybox:1.36 restarts=0
        10s Running: c Completed 0 busybox:1.36 restarts=0
        10s Running: c Running busybox:1.37 restarts=1
    "#]]
    .assert_eq(&history(&cluster, |status| {
        let container = &status.containers[0];
        format!(
            "{} {} restarts={}",
            phase_and_states(status),
            container.image,
            container.restart_count
        )
    }));
    expect![[r#"
        10s Killing: Container c definition changed, will be restarted
    "#]]
    .assert_eq(&events(&cluster, &["Killing"]));
}

#[test]
fn a_termination_message_is_the_last_4096_bytes_of_a_new_file_per_instance() {
    let cluster = ran(
        &pod("{
            volumes: [{name: v, emptyDir: {}}],
            containers: [{
                name: c, image: busybox, volumeMounts: [{name: v, mountPath: /v}],
                command: [sh, -c],
                args: ['
                    wc -c < /dev/termination-log;
                    [ -f /v/again ] && exit 1;
                    touch /v/again;
                    head -c 4096 /dev/zero | tr \"\\0\" x > /dev/termination-log;
                    echo end >> /dev/termination-log;
                    exit 1']}]}"),
        5,
    );
    expect![[r#"
        0
        0
    "#]]
    .assert_eq(&cluster.logs("p", "c"));
    expect![[r#"
        0s c ContainerCreating None
        0s c Running None
        0s c Error 1 Some((4096, "xxend\n"))
        0s c Running None
        0s c CrashLoopBackOff (back-off 10s restarting failed container=c pod=p_default(00000000-0000-4000-8000-000000000000)) None
    "#]].assert_eq(&history(&cluster, |status| {
        let container = &status.containers[0];
        let message = match &container.state {
            ContainerState::Terminated(end) => end.message.clone(),
            ContainerState::Waiting(_) | ContainerState::Running { .. } => None,
        };
        let message = message.map(|text| (text.len(), text[text.len() - 6..].to_owned()));
        format!("{} {message:?}", state(container))
    }));
}

#[test]
fn names_of_variables_may_be_any_printable_text() {
    let cluster = ran(
        &(conf("{1-a.b: first}")
            + &pod("{restartPolicy: Never, containers: [{
                name: c, image: busybox, command: [sh, -c, 'env | grep -e first -e second | sort'],
                env: [{name: 'what is % this?', value: second}],
                envFrom: [{configMapRef: {name: conf}}, {prefix: '0 ', configMapRef: {name: conf}}]}]}")),
        5,
    );
    expect![[r#"
        0 1-a.b=first
        1-a.b=first
        what is % this?=second
    "#]]
    .assert_eq(&cluster.logs("p", "c"));
    let mut events = cluster.events("p").iter();
    assert!(events.all(|event| event.type_ == "Normal"));
}

#[test]
fn another_image_resets_the_back_off() {
    let mut cluster = ran(
        &pod("{containers: [{name: c, image: 'busybox:1.36', command: ['false']}]}"),
        40,
    );
    cluster.set_image("p", "c", "busybox:1.37");
    cluster.run(60);
    expect![[r#"
        0s Started: Container started
        0s Started: Container started
        10s Started: Container started
        30s Started: Container started
        40s Started: Container started
        50s Started: Container started
        70s Started: Container started
    "#]]
    .assert_eq(&events(&cluster, &["Started"]));
}

#[test]
fn other_resources_reset_the_back_off() {
    let mut cluster = ran(
        &pod("{containers: [{
            name: c, image: busybox, command: ['false'], resources: {limits: {cpu: 500m}}}]}"),
        40,
    );
    let old = cluster.spec("p");
    let mut new = old.clone();
    new.containers[0].resources.limits.cpu_m = Some(1000);
    update::check_resize(&old, &new).expect("it stays of the same class");
    cluster.handle("p").update(Arc::new(new));
    cluster.run(60);
    expect![[r#"
        0s Started: Container started
        0s Started: Container started
        10s Started: Container started
        30s Started: Container started
        40s Started: Container started
        50s Started: Container started
        70s Started: Container started
    "#]]
    .assert_eq(&events(&cluster, &["Started"]));
}

#[test]
fn ten_minutes_reset_the_back_off() {
    let check = |run_s: u32, expected: Expect| {
        let cluster = ran(
            &pod(&format!("{{
                volumes: [{{name: v, emptyDir: {{}}}}],
                containers: [{{
                    name: c, image: busybox, volumeMounts: [{{name: v, mountPath: /v}}],
                    command: [sh, -c, 'echo >> /v/starts; [ $(wc -l < /v/starts) -eq 4 ] && sleep {run_s}; exit 1']}}]}}")),
            750,
        );
        expected.assert_eq(&events(&cluster, &["Started"]));
    };
    check(
        601,
        expect![[r#"
            0s Started: Container started
            0s Started: Container started
            10s Started: Container started
            30s Started: Container started
            631s Started: Container started
            641s Started: Container started
            661s Started: Container started
            701s Started: Container started
        "#]],
    );
    check(
        599,
        expect![[r#"
            0s Started: Container started
            0s Started: Container started
            10s Started: Container started
            30s Started: Container started
            669s Started: Container started
            749s Started: Container started
        "#]],
    );
}

#[test]
fn the_status_column_is_more_than_the_phase() {
    let check = |spec: &str, seconds: u64, expected: Expect| {
        let cluster = ran(&pod(spec), seconds);
        expected.assert_eq(&row(&cluster));
    };
    let crash = "{containers: [{name: c, image: busybox, command: ['false']}]}";
    check(crash, 5, expect!["p|0/1|CrashLoopBackOff|1 (4s ago)|5s"]);
    check(crash, 25, expect!["p|0/1|CrashLoopBackOff|2 (14s ago)|25s"]);
    check(
        "{restartPolicy: Never, containers: [{name: c, image: busybox, command: ['true']}]}",
        5,
        expect!["p|0/1|Completed|0|5s"],
    );
    check(
        "{restartPolicy: Never, containers: [{name: c, image: busybox, command: ['false']}]}",
        5,
        expect!["p|0/1|Error|0|5s"],
    );
    let init = |command: &str| {
        format!(
            "{{
            initContainers: [
                {{name: i, image: busybox, command: ['true']}},
                {{name: j, image: busybox, command: {command}}}],
            containers: [{{name: c, image: busybox, command: [sleep, '1000']}}]}}"
        )
    };
    check(&init("[sleep, '100']"), 5, expect!["p|0/1|Init:1/2|0|5s"]);
    check(
        &init("['false']"),
        5,
        expect!["p|0/1|Init:CrashLoopBackOff|1 (4s ago)|5s"],
    );
    check(&init("['true']"), 5, expect!["p|1/1|Running|0|5s"]);
    check(
        "{restartPolicy: Never, containers: [
            {name: c, image: busybox, command: [sleep, '1000']},
            {name: d, image: busybox, command: ['true']}]}",
        5,
        expect!["p|1/2|NotReady|0|5s"],
    );
    check(
        "{containers: [{name: c, image: 'nowhere.example/none:1'}]}",
        5,
        expect!["p|0/1|ErrImagePull|0|5s"],
    );
    check(
        "{activeDeadlineSeconds: 3, containers: [{name: c, image: busybox, command: [sleep, '1000']}]}",
        10,
        expect!["p|0/1|Error|0|10s"],
    );
    let mut cluster = ran(
        &pod(
            "{containers: [{name: c, image: busybox, command: [sh, -c, 'trap \"\" TERM; sleep 1000']}]}",
        ),
        5,
    );
    cluster.delete("p", None);
    cluster.run(5);
    expect!["p|1/1|Terminating|0|10s"].assert_eq(&row(&cluster));
}

/// What `kubectl get pods` shows.
fn row(cluster: &Cluster) -> String {
    let (spec, status) = (cluster.spec("p"), cluster.status("p"));
    let printer::Row {
        name,
        ready,
        status,
        restarts,
        age,
        ..
    } = printer::row(&spec, &status, "node", cluster.wall_time());
    format!("{name}|{ready}|{status}|{restarts}|{age}")
}

#[test]
fn tar_is_there_for_kubectl_cp() {
    let mut cluster = ran(
        &pod("{
            volumes: [{name: v, emptyDir: {}}],
            containers: [
                {name: from, image: busybox, command: [sleep, '1000']},
                {name: to, image: busybox, command: [sleep, '1000']}]}"),
        5,
    );
    let make =
        "mkdir -p /data/folder && echo hello > /data/folder/file && ln -s file /data/folder/link";
    cluster.shell("p", "from", make);
    let archive = exec(
        &mut cluster,
        "from",
        &["tar", "cf", "-", "-C", "/data", "folder"],
        &[],
    );
    let command = ["tar", "-xmf", "-", "-C", "/tmp"];
    assert_eq!(exec(&mut cluster, "to", &command, &archive), b"");
    let text = cluster.shell("p", "to", "cd /tmp/folder && cat file && readlink link");
    assert_eq!(text, "hello\nfile\n");
    let test = cluster.exec("p", "to", &["test", "-d", "/tmp/folder"]);
    assert_eq!(test.code, 0);
}

/// `kubectl exec -i`: what a command makes of its input.
fn exec(cluster: &mut Cluster, container: &str, command: &[&str], input: &[u8]) -> Vec<u8> {
    let session = cluster.handle("p").exec(ExecRequest {
        container: container.to_owned(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        stdin: true,
        tty: false,
    });
    let session = session.expect("the container runs and has it");
    let (mut rest, mut output) = (input, Vec::new());
    let is_over = cluster.advance(Duration::from_secs(60), |_| {
        while !rest.is_empty()
            && let Poll::Ready(written) = session.streams.poll_write(rest, Waker::noop())
        {
            rest = &rest[written.expect("it reads")..];
        }
        if rest.is_empty() {
            session.streams.close_stdin();
        }
        while let Poll::Ready(Some((_, bytes))) = session.streams.poll_output(Waker::noop()) {
            output.extend_from_slice(&bytes);
        }
        matches!(session.poll_exit(Waker::noop()), Poll::Ready(status) if status.code() == 0)
    });
    assert!(is_over, "{}", String::from_utf8_lossy(&output));
    output
}
