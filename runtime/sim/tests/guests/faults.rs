//! What guests see of every fault, at a moment that a script names or that a strategy finds.

use super::support::{ENGINE, image};
use expect_test::{Expect, expect};
use seedpod_api::Source;
use seedpod_core::pod::ContainerState;
use seedpod_core::podtest::PodTest;
use seedpod_core::sched::{Chooser, Knowledge, StrategyKind};
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_core::time::Instant;
use seedpod_sim::{Keep, Recorded, Scheduling, Settings, Simulation};
use std::fmt::Write as _;
use std::sync::Arc;

/// A pod `p` of these containers, in YAML; what does not run busybox names its image.
fn pod(spec: &str) -> String {
    let spec = spec.trim_matches('\n').replace('\n', "\n  ");
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  {spec}\n")
}

/// A container of a shell.
fn shell(name: &str, script: &str) -> String {
    format!(
        "- {{name: {name}, image: busybox, command: [sh, -c, {script:?}], \
         volumeMounts: [{{name: data, mountPath: /data}}]}}\n"
    )
}

/// A pod of shells that share the disk `data`.
fn shells(policy: &str, containers: &[(&str, &str)]) -> String {
    let list: String = containers
        .iter()
        .map(|(name, script)| shell(name, script))
        .collect();
    pod(&format!(
        "restartPolicy: {policy}\nvolumes: [{{name: data, emptyDir: {{}}}}]\ncontainers:\n{list}"
    ))
}

/// A pod of a server that listens before its client starts.
fn server_and_client(server: &str, client: &str) -> String {
    pod(&format!(
        "restartPolicy: Never\n\
         initContainers:\n\
         - {{name: server, {server}, restartPolicy: Always,\n   \
            startupProbe: {{tcpSocket: {{port: 7002}}, periodSeconds: 1}}}}\n\
         containers:\n\
         - {{name: client, {client}}}\n"
    ))
}

/// A pod in which one container says every second that it is there, and another too.
fn tickers() -> String {
    let tick = "i=0; while [ $i -lt 6 ]; do echo tick $i; sleep 1; i=$((i+1)); done";
    shells("Never", &[("a", tick), ("b", tick)])
}

fn test(spec: &str) -> PodTest {
    let spec = spec.trim_matches('\n').replace('\n', "\n  ");
    let text = format!(
        "apiVersion: seedpod.dev/v1alpha1\nkind: PodTest\nmetadata: {{name: t}}\nspec:\n  \
         manifest: pod.yaml\n  limit: 60s\n  settle: 30s\n  {spec}\n"
    );
    let source = Source {
        name: "test.yaml".to_owned(),
        bytes: text.into_bytes(),
    };
    match seedpod_api::load_pod_tests(&[source]) {
        Ok(mut tests) => tests.remove(0),
        Err(errors) => panic!("{errors:#?}"),
    }
}

fn objects(pods: &str) -> Objects {
    let source = Source {
        name: "pod.yaml".to_owned(),
        bytes: pods.as_bytes().to_vec(),
    };
    match seedpod_api::load(&[source]) {
        Ok(loaded) => loaded.objects,
        Err(errors) => panic!("{errors:#?}"),
    }
}

fn run(pods: &Objects, test: &PodTest, chooser: Chooser) -> (Recorded, String) {
    let settings = Settings {
        seed: Seed::new(7),
        engine: ENGINE.clone(),
        images: Arc::new(|reference: &str, _| image(reference)),
    };
    let keep = Keep::Trace;
    let mut simulation = Simulation::scheduled(settings, Scheduling { chooser, keep });
    simulation.set_test(test);
    simulation.apply(pods).unwrap();
    let limit = Instant::ZERO + test.limit;
    while !simulation.is_quiescent() && simulation.step(limit) {}
    simulation.settle();
    let end = simulation.now() + test.settle;
    while !simulation.is_quiescent() && simulation.step(end) {}
    let recorded = simulation.take_recorded();
    let text = report(&recorded) + &ends(&simulation);
    (recorded, text)
}

/// How the containers of `p` ended, where not by themselves.
fn ends(simulation: &Simulation) -> String {
    let containers = simulation.status("p").into_iter();
    let containers = containers.flat_map(|status| &status.containers);
    let killed = containers.filter_map(|container| match &container.state {
        ContainerState::Terminated(end) if end.exit_code > 128 => {
            let (name, reason, code) = (&container.name, &end.reason, end.exit_code);
            Some(format!("{name}: {reason:?} {code}\n"))
        }
        _ => None,
    });
    killed.collect()
}

/// What the containers said and what happened to them, by tenths of a second.
fn report(recorded: &Recorded) -> String {
    let mut text = String::new();
    for event in &recorded.events {
        let is_fault = event.kind.starts_with("fault.");
        let is_main = !event.task.contains(':');
        let is_shown =
            matches!(event.kind.as_str(), "log" | "exit") && is_main && !event.detail.is_empty();
        if is_fault || is_shown {
            let tenths = event.nanos / 100_000_000;
            let result = match event.result.as_str() {
                "" | "ok" => String::new(),
                result => format!(" -> {result}"),
            };
            let (task, detail) = (&event.task, coarse(&event.detail));
            let kind = match event.kind.as_str() {
                "exit" => " ended:",
                _ => "",
            };
            let object = match is_fault && !task.ends_with(&event.object) {
                true => format!(" of {}", event.object),
                false => String::new(),
            };
            let line = format!("{task}{object}{kind} {detail}{result}");
            writeln!(text, "{}.{} {}", tenths / 10, tenths % 10, line.trim_end()).unwrap();
        }
    }
    text
}

/// A time that a guest has measured, in tenths of a second.
fn coarse(text: &str) -> String {
    match text
        .split_once("median_ns=")
        .zip(text.split_once("total_ns="))
    {
        Some(((before, _), (_, total))) => {
            let tenths = total.parse::<u64>().unwrap() / 100_000_000;
            format!("{before}total={}.{}s", tenths / 10, tenths % 10)
        }
        None => text.to_owned(),
    }
}

/// Runs a test in the default order, twice and alike.
fn text(pods: &str, faults: &str) -> String {
    let (pods, test) = (objects(pods), test(faults));
    let [one, two] = [(); 2].map(|()| run(&pods, &test, Chooser::default_order()));
    assert_eq!(one.0.hash, two.0.hash, "the same run gave another trace");
    one.1
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(pods: &str, faults: &str, expected: Expect) {
    expected.assert_eq(&text(pods, faults));
}

/// A server that answers and a client that asks ten thousand times.
fn ping_pong() -> String {
    server_and_client(
        "image: pingpong-server, args: ['0.0.0.0:7002']",
        "image: pingpong-client, args: ['127.0.0.1:7002', '10000']",
    )
}

#[test]
fn a_container_that_crashes_starts_again_as_its_policy_says() {
    let script = "echo up; [ -e /data/seen ] && exit 0; touch /data/seen; sleep 5; echo late";
    let crash = "faults: {script: [{at: 1s, crash: {container: c}}]}";
    check(
        &shells("OnFailure", &[("c", script)]),
        crash,
        expect![[r#"
            0.0 c up
            1.0 fault:crash c
            1.0 c ended: signal 9
            1.0 c up
            1.0 c@1 ended: exit 0
        "#]],
    );
    check(
        &shells("Never", &[("c", script)]),
        crash,
        expect![[r#"
            0.0 c up
            1.0 fault:crash c
            1.0 c ended: signal 9
            c: Error 137
        "#]],
    );
}

#[test]
fn when_the_machine_dies_all_containers_of_the_pod_do() {
    check(
        &shells(
            "OnFailure",
            &[
                ("a", "echo up; sleep 3; echo end"),
                ("b", "echo up; sleep 3; echo end"),
            ],
        ),
        "world: {disk: {durable: fsync}}\nfaults: {script: [{at: 1s, crash: {container: a}}]}",
        expect![[r#"
            0.0 a up
            0.0 b up
            1.0 fault:crash a of b with the machine
            1.0 fault:crash a
            1.0 a ended: signal 9
            1.0 b ended: signal 9
            1.0 b up
            1.0 a up
            4.0 b@1 ended: exit 0
            4.0 b end
            4.0 a@1 ended: exit 0
            4.0 a end
        "#]],
    );
}

#[test]
fn a_container_without_memory_ends_as_such() {
    check(
        &shells("Never", &[("c", "echo up; sleep 5; echo late")]),
        "faults: {script: [{at: 1s, oom: {container: c}}]}",
        expect![[r#"
            0.0 c up
            1.0 fault:oom c now
            1.0 c ended: signal 9
            c: OOMKilled 137
        "#]],
    );
}

#[test]
fn a_paused_container_does_not_notice_and_others_go_on() {
    check(
        &tickers(),
        "faults: {script: [{at: 1500ms, pause: {container: a, for: 3s}}]}",
        expect![[r#"
            0.0 a tick 0
            0.0 b tick 0
            1.0 a tick 1
            1.0 b tick 1
            1.5 fault:pause a for 3s
            2.0 b tick 2
            3.0 b tick 3
            4.0 b tick 4
            4.5 a tick 2
            5.0 b tick 5
            5.5 a tick 3
            6.0 b ended: exit 0
            6.5 a tick 4
            7.5 a tick 5
            8.5 a ended: exit 0
        "#]],
    );
}

#[test]
fn a_partition_holds_a_conversation_up() {
    check(
        &ping_pong(),
        "faults: {}",
        expect![[r#"
            0.0 server ended: exit 0
            0.0 client rounds=10000 total=0.0s
            0.0 client ended: exit 0
            0.0 server@1 ended: signal 15
        "#]],
    );
    check(
        &ping_pong(),
        "faults: {script: [{at: 20ms, partition: {between: [server, client], for: 5s}}]}",
        expect![[r#"
            0.0 server ended: exit 0
            0.0 fault:partition server<->client for 5s
            5.0 client rounds=10000 total=5.0s
            5.0 client ended: exit 0
            5.0 server@1 ended: signal 15
        "#]],
    );
}

#[test]
fn a_connect_across_a_partition_waits_for_its_end() {
    check(
        &server_and_client(
            "image: tcp-echo, args: ['0.0.0.0:7002']",
            "image: tcp-send, args: ['127.0.0.1:7002', hello]",
        ),
        "faults: {script: [{at: 0s, partition: {between: [server, client], for: 8s}}]}",
        expect![[r#"
            0.0 fault:partition server<->client for 8s
            0.0 server listening on 0.0.0.0:7002
            0.0 server 0 bytes from 10.244.0.1
            8.0 server 5 bytes from 127.0.0.1
            8.0 client hello
            8.0 client ended: exit 0
            8.0 server ended: signal 15
        "#]],
    );
}

#[test]
fn a_reset_ends_a_conversation() {
    check(
        &ping_pong(),
        "faults: {script: [{at: 20ms, reset: {link: client->server}}]}",
        expect![[r#"
            0.0 server ended: exit 0
            0.0 fault:reset client->server 1 connection
            0.0 client read: I/O error (os error 29)
            0.0 client ended: exit 1
            0.0 server@1 ended: signal 15
        "#]],
    );
}

#[test]
fn a_slow_link_delays_every_message() {
    check(
        &server_and_client(
            "image: tcp-echo, args: ['0.0.0.0:7002']",
            "image: tcp-send, args: ['127.0.0.1:7002', hello]",
        ),
        "faults: {script: [{at: 0s, slow: {link: 'client<->server', latency: 1s, for: 20s}}]}",
        expect![[r#"
            0.0 fault:slow client<->server for 20s
            0.0 server listening on 0.0.0.0:7002
            0.0 server 0 bytes from 10.244.0.1
            3.0 server 5 bytes from 127.0.0.1
            4.0 client hello
            4.0 client ended: exit 0
            4.0 server ended: signal 15
        "#]],
    );
}

#[test]
fn datagrams_are_lost() {
    let pods = pod("restartPolicy: Never\n\
         initContainers:\n\
         - {name: server, image: udp-echo, args: ['0.0.0.0:7003'], restartPolicy: Always}\n\
         containers:\n\
         - {name: client, image: udp-send, args: ['127.0.0.1:7003', hello]}\n");
    check(
        &pods,
        "faults: {}",
        expect![[r#"
            0.0 server listening on 0.0.0.0:7003
            0.0 server 5 bytes from 127.0.0.1
            0.0 client hello
            0.0 client ended: exit 0
            0.0 server ended: signal 15
        "#]],
    );
    check(
        &pods,
        "faults: {script: [{at: 0s, loss: {link: '*', rate: 100%, for: 10s}}]}",
        expect![[r#"
            0.0 fault:loss * for 10s
            0.0 server listening on 0.0.0.0:7003
        "#]],
    );
}

#[test]
fn a_disk_is_full_and_fails_for_a_while() {
    let script = "i=0; while [ $i -lt 5 ]; do echo $i > /data/$i && echo wrote $i; sleep 1; i=$((i+1)); done";
    check(
        &shells("Never", &[("c", script)]),
        "faults: {script: [{at: 500ms, diskFull: {volume: data, for: 2s}}]}",
        expect![[r#"
            0.0 c wrote 0
            0.5 fault:diskFull data for 2s
            1.0 c sh: can't create /data/1: No space left on device
            2.0 c sh: can't create /data/2: No space left on device
            3.0 c wrote 3
            4.0 c wrote 4
            5.0 c ended: exit 0
        "#]],
    );
    check(
        &shells("Never", &[("c", script)]),
        "faults: {script: [{at: 500ms, ioError: {volume: data, ops: [write], for: 2s}}]}",
        expect![[r#"
            0.0 c wrote 0
            0.5 fault:ioError data for 2s
            1.0 c sh: echo: line 0: write error: I/O error
            2.0 c sh: echo: line 0: write error: I/O error
            3.0 c wrote 3
            4.0 c wrote 4
            5.0 c ended: exit 0
        "#]],
    );
}

#[test]
fn who_tears_a_write_dies() {
    let script = "echo up; [ -e /data/f ] && cat /data/f; sleep 1; echo 0123456789 > /data/f; sleep 1; echo done";
    check(
        &shells("OnFailure", &[("c", script)]),
        "faults: {script: [{at: 500ms, tornWrite: {volume: data}}]}",
        expect![[r#"
            0.0 c up
            0.5 fault:tornWrite data
            1.0 c sh: echo: line 0: write error: I/O error
            1.0 fault:tornWrite of c
            1.0 c ended: signal 9
            1.0 c up
            3.0 c@1 ended: exit 0
            3.0 c 01234done
        "#]],
    );
}

#[test]
fn the_wall_clock_of_one_container_jumps() {
    let script = "busybox date +%T; sleep 2; busybox date +%T";
    check(
        &shells("Never", &[("a", script), ("b", script)]),
        "faults: {script: [{at: 1s, clockJump: {container: a, by: -1h}}]}",
        expect![[r#"
            0.0 a 00:00:00
            0.0 b 00:00:00
            1.0 fault:clockJump a -3600s
            2.0 a ended: exit 0
            2.0 a 23:00:02
            2.0 b ended: exit 0
            2.0 b 00:00:02
        "#]],
    );
    check(
        &shells("Never", &[("a", script), ("b", script)]),
        "world: {clock: {skew: {b: 2h}}}",
        expect![[r#"
            0.0 a 00:00:00
            0.0 b 02:00:00
            2.0 a ended: exit 0
            2.0 a 00:00:02
            2.0 b ended: exit 0
            2.0 b 02:00:02
        "#]],
    );
}

#[test]
fn a_message_comes_again() {
    let pods = pod("restartPolicy: Never\n\
         initContainers:\n\
         - {name: producer, image: ../ch6_ipc, command: [/program, -producer], restartPolicy: Always}\n\
         containers:\n\
         - {name: consumer, image: ../ch6_ipc, command: [/program, -consumer]}\n");
    let (pods, test) = (
        objects(&pods),
        test("faults: {budget: 1, menu: [{redeliver: {queue: /ch6_ipc}}]}"),
    );
    let mut redelivered = 0;
    for number in 0..8 {
        let seed = Seed::new(number);
        let chooser = Chooser::seeded(seed, StrategyKind::Pos, &Knowledge::default());
        let (_, text) = run(&pods, &test, chooser);
        let said = |word: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.split_once(word));
            let mut said: Vec<_> = lines.map(|(_, text)| text.to_owned()).collect();
            said.retain(|text| text != "done");
            said
        };
        let (produced, mut consumed) = (said("Produced: "), said("Consumed: "));
        if text.contains("fault:redeliver") && !produced.starts_with(&consumed) {
            redelivered += 1;
            let twice = (0..consumed.len()).find(|index| {
                let mut without = consumed.clone();
                without.remove(*index);
                produced.starts_with(&without)
            });
            consumed.remove(twice.expect("one message came twice"));
        }
        assert!(produced.starts_with(&consumed), "{text}");
    }
    assert!(redelivered > 0);
}

#[test]
fn a_fault_touches_nothing_but_its_container_pod_and_time() {
    let other = tickers().replace("{name: p}", "{name: q}");
    let pods = format!("{}---\n{other}", tickers());
    let untouched = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.contains("fault:"));
        let lines = lines.filter(|line| !line.contains(" p/a") && !line.starts_with("a: "));
        lines.map(str::to_owned).collect()
    };
    let quiet = text(&pods, "faults: {}");
    for fault in [
        "pause: {container: p/a, for: 2s}",
        "crash: {container: p/a}",
        "oom: {container: p/a}",
        "clockJump: {container: p/a, by: 1h}",
        "partition: {between: [p, q], for: 2s}",
    ] {
        let faults = format!("faults: {{script: [{{at: 1500ms, {fault}}}]}}");
        let hurt = text(&pods, &faults);
        assert!(hurt.contains("fault:"), "{hurt}");
        assert_eq!(untouched(&hurt), untouched(&quiet), "{fault}");
    }
}

#[test]
fn the_quiet_tail_ends_what_lasts() {
    let endless = "while true; do echo x > /data/n && echo wrote; sleep 20; done";
    check(
        &shells(
            "Always",
            &[("a", endless), ("b", "sleep 1; echo b; exit 1")],
        ),
        "faults:\n  script:\n  - {at: 1s, pause: {container: a, for: 1h}}\n  - {at: 1s, diskFull: {volume: data, for: 1h}}",
        expect![[r#"
            0.0 a wrote
            1.0 fault:pause a for 3600s
            1.0 fault:diskFull data for 3600s
            1.0 b ended: exit 1
            1.0 b b
            2.0 b@1 ended: exit 1
            2.0 b b
            13.0 b@2 ended: exit 1
            13.0 b b
            34.0 b@3 ended: exit 1
            34.0 b b
            60.0 a wrote
            61.0 b@4 ended: exit 1
            61.0 b b
            72.0 b@5 ended: exit 1
            72.0 b b
            80.0 a wrote
        "#]],
    );
}

#[test]
fn a_container_begins_later_than_it_could() {
    check(
        &shells("Never", &[("a", "echo up"), ("b", "echo up")]),
        "world: {start: {stagger: 2s}}",
        expect![[r#"
            2.0 a ended: exit 0
            2.0 a up
            2.0 b ended: exit 0
            2.0 b up
        "#]],
    );
}

#[test]
fn faults_of_the_menu_happen_where_a_strategy_finds_them() {
    let pods = objects(&tickers());
    let test = test(
        "faults:\n  budget: 0..2\n  menu:\n  - {crash: {container: a}}\n  - {times: 2, pause: {container: '*', for: 1s..3s}}",
    );
    let (_, quiet) = run(&pods, &test, Chooser::default_order());
    assert!(!quiet.contains("fault:"), "{quiet}");
    let mut counts = [0; 3];
    for number in 0..20 {
        let chooser = || {
            let seed = Seed::new(number);
            Chooser::seeded(seed, StrategyKind::Pos, &Knowledge::default())
        };
        let (recorded, text) = run(&pods, &test, chooser());
        let (again, _) = run(&pods, &test, chooser());
        assert_eq!(recorded.hash, again.hash, "seed {number}");
        let (replayed, _) = run(&pods, &test, Chooser::replay(recorded.schedule.log.clone()));
        assert_eq!(recorded.hash, replayed.hash, "replay of seed {number}");
        assert_eq!(replayed.schedule.divergence, None);
        let happened = text.lines().filter(|line| line.contains("fault:"));
        counts[happened.count()] += 1;
        assert!(text.matches("fault:crash a").count() <= 1, "{text}");
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}
