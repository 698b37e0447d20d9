//! What a person reads when a test is wrong, and what becomes of one that is right.

use expect_test::{Expect, expect};
use seedpod_api::{Source, check_names, load, load_pod_tests};

/// A test with `spec` as its spec, indented by two.
fn test(spec: &str) -> String {
    format!(
        "apiVersion: seedpod.dev/v1alpha1\nkind: PodTest\nmetadata: {{name: t}}\nspec:\n  manifest: pod.yaml\n{spec}"
    )
}

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        bytes: text.into(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check(yaml: &str, expected: Expect) {
    let found = match load_pod_tests(&[source("t.yaml", yaml)]) {
        Ok(tests) => tests.iter().map(|test| format!("{test:#?}\n")).collect(),
        Err(errors) => errors
            .iter()
            .map(|error| format!("{error}\n"))
            .collect::<String>(),
    };
    expected.assert_eq(&found);
}

#[test]
fn everything_that_a_test_can_say() {
    check(
        &test(concat!(
            "  limit: 1m30s\n  settle: 10s\n  runs: 500\n  strategy: pct:3\n  systematic: 100\n  regressions: seeds\n",
            "  world:\n    net: {latency: 50us..2ms, shortRead: 0.5}\n    disk: {durable: fsync, shortRead: 1%}\n",
            "    clock: {skew: {worker: -2s..2s}}\n    start: {stagger: 0..500ms}\n",
            "  drive:\n",
            "  - {at: 0s, publish: {queue: orders, bodies: data/orders.jsonl, every: 20ms}}\n",
            "  - publish: {queue: /orders, bodies: [a, 2], priority: 3}\n",
            "  - {at: 5s, http: {to: 'api:8080', post: /x, body: hi, headers: {X-A: 1}}, expect: {status: 200, body: ok}, within: 2s}\n",
            "  - tcp: {to: '127.0.0.1:80', send: x}\n",
            "  - exec: {container: worker, command: [sh, -c, 'exit 3'], stdin: in}\n    expect: {exitCode: 3, output: out}\n",
            "  - write: {path: 'shared:a/b', text: hi}\n",
            "  - signal: {container: worker, signal: SIGTERM}\n",
            "  - delete: {grace: 1s}\n",
            "  - apply: {file: other.yaml}\n",
            "  - wait: queue(\"/orders\").depth == 0\n",
            "  faults:\n    budget: 0..2\n    menu:\n",
            "    - {crash: {container: worker}, times: 2}\n    - oom: {}\n    - pause: {container: any, for: 100ms..15s}\n",
            "    - slow: {link: api->db, latency: 500ms..5s, for: 1s..20s}\n",
            "    - partition: {between: [api, worker], for: 1s..10s, oneWay: maybe}\n",
            "    - reset: {link: '*'}\n    - loss: {link: a<->b, rate: 10%, for: 1s}\n    - reorder: {rate: 10%, for: 1s}\n",
            "    - diskFull: {volume: shared, for: 1s..30s}\n    - ioError: {volume: shared, ops: [write, fsync], rate: 1%, for: 5s}\n",
            "    - tornWrite: {volume: shared}\n    - lostFsync: {for: 1s}\n    - clockJump: {container: db, by: -1h..1h}\n",
            "    - redeliver: {queue: orders}\n",
            "    script:\n    - {at: 3s, crash: {container: worker}}\n    - {when: 'event(\"fs.rename\", \"x\") == 1', pause: {container: worker, for: 1s}}\n",
            "  properties:\n  - always: {name: a, expr: 'true'}\n  - never: {name: b, expr: 'false'}\n",
            "  - eventually: {name: c, expr: 'true', within: 30s}\n  - finally: {name: d, expr: 'true'}\n",
            "  - sometimes: {name: e, expr: 'true'}\n  - bounded: {name: f, expr: queue(\"/orders\").depth, max: 1000}\n",
            "  - exit: {migrate: 0, worker: running, other: waiting}\n  - checker: {image: busybox, command: [sh], args: [-c, 'true']}\n",
            "  defaults: {trap: ignore, deadlock: ignore, livelock: ignore, restartLoop: ignore}\n",
        )),
        expect![[r#"
            PodTest {
                name: "t",
                source: "t.yaml",
                manifests: [
                    "pod.yaml",
                ],
                limit: 90s,
                settle: 10s,
                explore: Explore {
                    runs: Some(
                        500,
                    ),
                    strategy: "pct:3",
                    systematic: 100,
                    regressions: Some(
                        "seeds",
                    ),
                },
                world: WorldSettings {
                    net: NetSettings {
                        latency: DurationRange {
                            min: 50µs,
                            max: 2ms,
                        },
                        short_read: Rate {
                            per_million: 500000,
                        },
                    },
                    disk: DiskSettings {
                        durable: Fsync,
                        short_read: Rate {
                            per_million: 10000,
                        },
                    },
                    clock_skew: {
                        "worker": OffsetRange {
                            min: Offset {
                                nanos: -2000000000,
                            },
                            max: Offset {
                                nanos: 2000000000,
                            },
                        },
                    },
                    start_stagger: DurationRange {
                        min: 0ns,
                        max: 500ms,
                    },
                },
                drive: [
                    Drive {
                        number: 0,
                        place: "t.yaml:18:5: spec.drive[0]",
                        start: At(
                            0ns,
                        ),
                        action: Publish {
                            pod: None,
                            queue: "/orders",
                            bodies: Lines(
                                "data/orders.jsonl",
                            ),
                            every: 20ms,
                            priority: 0,
                        },
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 1,
                        place: "t.yaml:19:5: spec.drive[1]",
                        start: AfterPrevious,
                        action: Publish {
                            pod: None,
                            queue: "/orders",
                            bodies: Inline(
                                [
                                    "a",
                                    "2",
                                ],
                            ),
                            every: 0ns,
                            priority: 3,
                        },
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 2,
                        place: "t.yaml:20:5: spec.drive[2]",
                        start: At(
                            5s,
                        ),
                        action: Http(
                            HttpRequest {
                                to: "api:8080",
                                method: "POST",
                                path: "/x",
                                headers: {
                                    "X-A": "1",
                                },
                                body: Some(
                                    Inline(
                                        "hi",
                                    ),
                                ),
                            },
                        ),
                        expect: Expect {
                            status: Some(
                                200,
                            ),
                            exit_code: None,
                            output: Some(
                                "ok",
                            ),
                        },
                        within: 2s,
                    },
                    Drive {
                        number: 3,
                        place: "t.yaml:21:5: spec.drive[3]",
                        start: AfterPrevious,
                        action: Tcp {
                            to: "127.0.0.1:80",
                            send: Inline(
                                "x",
                            ),
                        },
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 4,
                        place: "t.yaml:22:5: spec.drive[4]",
                        start: AfterPrevious,
                        action: Exec {
                            pod: None,
                            container: "worker",
                            command: [
                                "sh",
                                "-c",
                                "exit 3",
                            ],
                            stdin: Some(
                                Inline(
                                    "in",
                                ),
                            ),
                        },
                        expect: Expect {
                            status: None,
                            exit_code: Some(
                                3,
                            ),
                            output: Some(
                                "out",
                            ),
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 5,
                        place: "t.yaml:24:5: spec.drive[5]",
                        start: AfterPrevious,
                        action: Write {
                            path: Volume {
                                volume: "shared",
                                path: "a/b",
                            },
                            data: Inline(
                                "hi",
                            ),
                        },
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 6,
                        place: "t.yaml:25:5: spec.drive[6]",
                        start: AfterPrevious,
                        action: Signal {
                            pod: None,
                            container: "worker",
                            signal: 15,
                        },
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 7,
                        place: "t.yaml:26:5: spec.drive[7]",
                        start: AfterPrevious,
                        action: Delete {
                            pod: None,
                            grace: Some(
                                1s,
                            ),
                        },
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 8,
                        place: "t.yaml:27:5: spec.drive[8]",
                        start: AfterPrevious,
                        action: Apply(
                            File(
                                "other.yaml",
                            ),
                        ),
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                    Drive {
                        number: 9,
                        place: "t.yaml:28:5: spec.drive[9]",
                        start: AfterPrevious,
                        action: Wait(
                            Expression {
                                text: "queue(\"/orders\").depth == 0",
                                place: "t.yaml:28:11: spec.drive[9].wait",
                            },
                        ),
                        expect: Expect {
                            status: None,
                            exit_code: None,
                            output: None,
                        },
                        within: 30s,
                    },
                ],
                faults: FaultScript {
                    budget: CountRange {
                        min: 0,
                        max: 2,
                    },
                    menu: [
                        Fault {
                            number: 0,
                            place: "t.yaml:32:7: spec.faults.menu[0]",
                            times: 2,
                            kind: Crash {
                                container: "worker",
                            },
                        },
                        Fault {
                            number: 1,
                            place: "t.yaml:33:7: spec.faults.menu[1]",
                            times: 1,
                            kind: Oom {
                                container: "*",
                            },
                        },
                        Fault {
                            number: 2,
                            place: "t.yaml:34:7: spec.faults.menu[2]",
                            times: 1,
                            kind: Pause {
                                container: "*",
                                duration: DurationRange {
                                    min: 100ms,
                                    max: 15s,
                                },
                            },
                        },
                        Fault {
                            number: 3,
                            place: "t.yaml:35:7: spec.faults.menu[3]",
                            times: 1,
                            kind: Slow {
                                link: Link {
                                    from: "api",
                                    to: "db",
                                    links: Forth,
                                },
                                latency: DurationRange {
                                    min: 500ms,
                                    max: 5s,
                                },
                                duration: DurationRange {
                                    min: 1s,
                                    max: 20s,
                                },
                            },
                        },
                        Fault {
                            number: 4,
                            place: "t.yaml:36:7: spec.faults.menu[4]",
                            times: 1,
                            kind: Partition {
                                between: (
                                    "api",
                                    "worker",
                                ),
                                duration: DurationRange {
                                    min: 1s,
                                    max: 10s,
                                },
                                one_way: Maybe,
                            },
                        },
                        Fault {
                            number: 5,
                            place: "t.yaml:37:7: spec.faults.menu[5]",
                            times: 1,
                            kind: Reset {
                                link: Link {
                                    from: "*",
                                    to: "*",
                                    links: Both,
                                },
                            },
                        },
                        Fault {
                            number: 6,
                            place: "t.yaml:38:7: spec.faults.menu[6]",
                            times: 1,
                            kind: Loss {
                                link: Link {
                                    from: "a",
                                    to: "b",
                                    links: Both,
                                },
                                rate: Rate {
                                    per_million: 100000,
                                },
                                duration: DurationRange {
                                    min: 1s,
                                    max: 1s,
                                },
                            },
                        },
                        Fault {
                            number: 7,
                            place: "t.yaml:39:7: spec.faults.menu[7]",
                            times: 1,
                            kind: Reorder {
                                link: Link {
                                    from: "*",
                                    to: "*",
                                    links: Both,
                                },
                                rate: Rate {
                                    per_million: 100000,
                                },
                                duration: DurationRange {
                                    min: 1s,
                                    max: 1s,
                                },
                            },
                        },
                        Fault {
                            number: 8,
                            place: "t.yaml:40:7: spec.faults.menu[8]",
                            times: 1,
                            kind: DiskFull {
                                volume: "shared",
                                duration: DurationRange {
                                    min: 1s,
                                    max: 30s,
                                },
                            },
                        },
                        Fault {
                            number: 9,
                            place: "t.yaml:41:7: spec.faults.menu[9]",
                            times: 1,
                            kind: IoError {
                                volume: "shared",
                                calls: {
                                    Write,
                                    Fsync,
                                },
                                rate: Rate {
                                    per_million: 10000,
                                },
                                duration: DurationRange {
                                    min: 5s,
                                    max: 5s,
                                },
                            },
                        },
                        Fault {
                            number: 10,
                            place: "t.yaml:42:7: spec.faults.menu[10]",
                            times: 1,
                            kind: TornWrite {
                                volume: "shared",
                            },
                        },
                        Fault {
                            number: 11,
                            place: "t.yaml:43:7: spec.faults.menu[11]",
                            times: 1,
                            kind: LostFsync {
                                volume: "*",
                                duration: DurationRange {
                                    min: 1s,
                                    max: 1s,
                                },
                            },
                        },
                        Fault {
                            number: 12,
                            place: "t.yaml:44:7: spec.faults.menu[12]",
                            times: 1,
                            kind: ClockJump {
                                container: "db",
                                by: OffsetRange {
                                    min: Offset {
                                        nanos: -3600000000000,
                                    },
                                    max: Offset {
                                        nanos: 3600000000000,
                                    },
                                },
                            },
                        },
                        Fault {
                            number: 13,
                            place: "t.yaml:45:7: spec.faults.menu[13]",
                            times: 1,
                            kind: Redeliver {
                                queue: "/orders",
                            },
                        },
                    ],
                    script: [
                        Scripted {
                            number: 0,
                            place: "t.yaml:47:7: spec.faults.script[0]",
                            when: At(
                                3s,
                            ),
                            kind: Crash {
                                container: "worker",
                            },
                        },
                        Scripted {
                            number: 1,
                            place: "t.yaml:48:7: spec.faults.script[1]",
                            when: When(
                                Expression {
                                    text: "event(\"fs.rename\", \"x\") == 1",
                                    place: "t.yaml:48:14: spec.faults.script[1].when",
                                },
                            ),
                            kind: Pause {
                                container: "worker",
                                duration: DurationRange {
                                    min: 1s,
                                    max: 1s,
                                },
                            },
                        },
                    ],
                },
                properties: [
                    Property {
                        number: 0,
                        place: "t.yaml:50:5: spec.properties[0]",
                        name: "a",
                        kind: Always(
                            Expression {
                                text: "true",
                                place: "t.yaml:50:29: spec.properties[0].always.expr",
                            },
                        ),
                    },
                    Property {
                        number: 1,
                        place: "t.yaml:51:5: spec.properties[1]",
                        name: "b",
                        kind: Never(
                            Expression {
                                text: "false",
                                place: "t.yaml:51:28: spec.properties[1].never.expr",
                            },
                        ),
                    },
                    Property {
                        number: 2,
                        place: "t.yaml:52:5: spec.properties[2]",
                        name: "c",
                        kind: Eventually {
                            expression: Expression {
                                text: "true",
                                place: "t.yaml:52:33: spec.properties[2].eventually.expr",
                            },
                            within: Some(
                                30s,
                            ),
                        },
                    },
                    Property {
                        number: 3,
                        place: "t.yaml:53:5: spec.properties[3]",
                        name: "d",
                        kind: Finally(
                            Expression {
                                text: "true",
                                place: "t.yaml:53:30: spec.properties[3].finally.expr",
                            },
                        ),
                    },
                    Property {
                        number: 4,
                        place: "t.yaml:54:5: spec.properties[4]",
                        name: "e",
                        kind: Sometimes(
                            Expression {
                                text: "true",
                                place: "t.yaml:54:32: spec.properties[4].sometimes.expr",
                            },
                        ),
                    },
                    Property {
                        number: 5,
                        place: "t.yaml:55:5: spec.properties[5]",
                        name: "f",
                        kind: Bounded {
                            expression: Expression {
                                text: "queue(\"/orders\").depth",
                                place: "t.yaml:55:30: spec.properties[5].bounded.expr",
                            },
                            max: 1000,
                        },
                    },
                    Property {
                        number: 6,
                        place: "t.yaml:56:5: spec.properties[6]",
                        name: "exit",
                        kind: Exit(
                            {
                                "migrate": Exited(
                                    0,
                                ),
                                "other": Waiting,
                                "worker": Running,
                            },
                        ),
                    },
                    Property {
                        number: 7,
                        place: "t.yaml:57:5: spec.properties[7]",
                        name: "checker",
                        kind: Checker(
                            Checker {
                                image: "busybox",
                                command: [
                                    "sh",
                                ],
                                args: [
                                    "-c",
                                    "true",
                                ],
                            },
                        ),
                    },
                ],
                defaults: Defaults {
                    trap: Ignore,
                    deadlock: Ignore,
                    livelock: None,
                    restart_loop: None,
                },
                data: {},
            }
        "#]],
    );
}

#[test]
fn what_a_test_says_when_it_says_little() {
    check(
        &test("  properties: []\n"),
        expect![[r#"
        PodTest {
            name: "t",
            source: "t.yaml",
            manifests: [
                "pod.yaml",
            ],
            limit: 600s,
            settle: 30s,
            explore: Explore {
                runs: None,
                strategy: "portfolio",
                systematic: 5000,
                regressions: None,
            },
            world: WorldSettings {
                net: NetSettings {
                    latency: DurationRange {
                        min: 0ns,
                        max: 0ns,
                    },
                    short_read: Rate {
                        per_million: 0,
                    },
                },
                disk: DiskSettings {
                    durable: Write,
                    short_read: Rate {
                        per_million: 0,
                    },
                },
                clock_skew: {},
                start_stagger: DurationRange {
                    min: 0ns,
                    max: 0ns,
                },
            },
            drive: [],
            faults: FaultScript {
                budget: CountRange {
                    min: 0,
                    max: 0,
                },
                menu: [],
                script: [],
            },
            properties: [],
            defaults: Defaults {
                trap: Fail,
                deadlock: Fail,
                livelock: Some(
                    10s,
                ),
                restart_loop: Some(
                    5,
                ),
            },
            data: {},
        }
    "#]],
    );
}

#[test]
fn mistyped_fields() {
    check(
        &test(concat!(
            "  propertys: []\n  drive:\n  - publsh: {queue: q}\n  - http: {to: 'a:1', method: GET}\n",
            "  faults: {menu: [{crash: {contaner: a}}]}\n",
        )),
        expect![[r#"
            t.yaml:6:3: spec.propertys: unknown field "propertys", did you mean "properties"?
            t.yaml:8:5: spec.drive[0].publsh: unknown field "publsh", did you mean "publish"?
            t.yaml:8:5: spec.drive[0]: Required value: one of publish, http, tcp, exec, write, signal, delete, apply, wait
            t.yaml:9:11: spec.drive[1].http: Required value: one of get, head, post, put, patch, delete
            t.yaml:9:23: spec.drive[1].http.method: unknown field "method", expected one of to, get, head, post, put, patch, delete, headers, body, file
            t.yaml:10:28: spec.faults.menu[0].crash.contaner: unknown field "contaner", did you mean "container"?
        "#]],
    );
}

#[test]
fn wrong_values() {
    check(
        &test(concat!(
            "  limit: soon\n  runs: 0\n  settle: -1s\n",
            "  world: {net: {latency: 5ms..1ms}, disk: {durable: maybe, shortRead: 200%}}\n",
            "  faults:\n    budget: many\n    menu:\n    - {partition: {between: [a], for: 1s, oneWay: perhaps}}\n",
            "    - {slow: {link: ab, latency: 1s, for: 1s}}\n    - {ioError: {ops: [wirte], for: 1s}}\n",
            "    - {pause: {container: a}}\n    - {clockJump: {by: 1}, times: 0}\n",
            "  properties:\n  - exit: {a: ended}\n  - bounded: {name: b, expr: '1'}\n",
            "  defaults: {trap: yes, livelock: 0s}\n",
        )),
        expect![[r#"
            t.yaml:6:10: spec.limit: not readable: "soon" is no duration; write one such as 250us, 100ms, 1.5s, 2m or 1h
            t.yaml:7:9: spec.runs: Invalid value: 0: must be at least 1
            t.yaml:8:11: spec.settle: not readable: -1s is negative
            t.yaml:9:26: spec.world.net.latency: not readable: 5ms is more than 1ms; write the smaller bound first
            t.yaml:9:53: spec.world.disk.durable: Unsupported value: "maybe": supported values: "write", "fsync"
            t.yaml:9:71: spec.world.disk.shortRead: not readable: "200%" is no rate; write a percentage from 0% to 100% or a number from 0 to 1
            t.yaml:11:13: spec.faults.budget: not readable: "many" is no whole number from 0 to 4294967295
            t.yaml:13:29: spec.faults.menu[0].partition.between: Required value: two names: containers, pods or Services
            t.yaml:13:51: spec.faults.menu[0].partition.oneWay: not readable: invalid value: string "perhaps", expected true, false or maybe
            t.yaml:14:21: spec.faults.menu[1].slow.link: not readable: "ab" is no link; write one such as "api->db", "api<->db" or "*"
            t.yaml:15:24: spec.faults.menu[2].ioError.ops[0]: Unsupported value: "wirte": supported values: "read", "write", "fsync", "name"
            t.yaml:16:15: spec.faults.menu[3].pause.for: Required value: such as 1s..10s
            t.yaml:17:24: spec.faults.menu[4].clockJump.by: not readable: "1" is no duration; write one such as 250us, 100ms, 1.5s, 2m or 1h
            t.yaml:17:35: spec.faults.menu[4].times: Invalid value: 0: must be at least 1
            t.yaml:19:15: spec.properties[0].exit[a]: Invalid value: "ended": must be an exit code, running or waiting
            t.yaml:20:14: spec.properties[1].bounded.max: Required value
            t.yaml:21:20: spec.defaults.trap: expected a string, found boolean yes, write "yes" with quotes
            t.yaml:21:35: spec.defaults.livelock: Invalid value: 0s: must be more than 0s; write ignore to switch it off
        "#]],
    );
}

#[test]
fn steps_that_are_none_or_several() {
    check(
        &test(concat!(
            "  drive:\n  - {at: 1s}\n  - {wait: 'true', delete: {}}\n  - {http: {to: 'a:1'}}\n",
            "  - {http: {to: a, get: x}}\n  - {exec: {}}\n  - {publish: {}}\n  - {write: {path: x}}\n",
            "  - {tcp: {to: 'a:0', send: x, file: y}}\n  - {signal: {container: a, signal: STAB}}\n",
            "  - {wait: 'true', expect: {status: 200}}\n  - {exec: {container: a, command: [x]}, expect: {body: x}}\n",
            "  - {http: {to: 'a:1', get: /, headers: {'a b': c}}}\n",
        )),
        expect![[r#"
            t.yaml:7:5: spec.drive[0]: Required value: one of publish, http, tcp, exec, write, signal, delete, apply, wait
            t.yaml:8:12: spec.drive[1].wait: Forbidden: there is already delete; write a list item for each
            t.yaml:9:12: spec.drive[2].http: Required value: one of get, head, post, put, patch, delete
            t.yaml:10:17: spec.drive[3].http.to: Invalid value: "a": must be a container, pod, Service or address, a colon and a port
            t.yaml:10:25: spec.drive[3].http.get: Invalid value: "x": must be a path that begins with a slash and has no spaces
            t.yaml:11:12: spec.drive[4].exec.command: Required value
            t.yaml:11:12: spec.drive[4].exec.container: Required value
            t.yaml:12:15: spec.drive[5].publish.bodies: Required value: a list of messages, or the path of a file with one in each line
            t.yaml:12:15: spec.drive[5].publish.queue: Required value
            t.yaml:13:13: spec.drive[6].write: Required value: text or file
            t.yaml:13:20: spec.drive[6].write.path: Invalid value: "x": must be volume:path, container:/path or /path
            t.yaml:14:16: spec.drive[7].tcp.to: Invalid value: "a:0": must be a container, pod, Service or address, a colon and a port
            t.yaml:14:38: spec.drive[7].tcp.file: expected a string, found boolean y, write "y" with quotes
            t.yaml:15:37: spec.drive[8].signal.signal: not readable: unknown signal "STAB"
            t.yaml:16:37: spec.drive[9].expect.status: Forbidden: not of wait: it has nothing to expect
            t.yaml:17:57: spec.drive[10].expect.body: Forbidden: not of exec: expect exitCode or output
            t.yaml:18:49: spec.drive[11].http.headers[a b]: Invalid value: "c": is no header of HTTP
        "#]],
    );
}

#[test]
fn faults_in_the_wrong_place() {
    check(
        &test(concat!(
            "  faults:\n    menu:\n    - {at: 1s, crash: {}}\n    - {}\n",
            "    script:\n    - {crash: {}}\n    - {at: 1s, when: 'true', crash: {}}\n    - {at: 1s, times: 2, crash: {}}\n",
        )),
        expect![[r#"
            t.yaml:8:12: spec.faults.menu[0].at: Forbidden: the schedule decides when a fault of the menu happens; one with a moment belongs into script
            t.yaml:9:7: spec.faults.menu[1]: Required value: one of crash, oom, pause, slow, partition, reset, loss, reorder, diskFull, ioError, tornWrite, lostFsync, clockJump, redeliver
            t.yaml:11:7: spec.faults.script[0]: Required value: at or when: the moment of the fault
            t.yaml:12:22: spec.faults.script[1].when: Forbidden: there is already at
            t.yaml:13:23: spec.faults.script[2].times: Forbidden: a fault of the script happens once
        "#]],
    );
}

#[test]
fn names_of_properties_are_unique() {
    check(
        &test(concat!(
            "  properties:\n  - always: {name: a, expr: 'true'}\n  - never: {name: a, expr: 'true'}\n",
            "  - never: {expr: 'true'}\n  - never: {name: c}\n  - exit: {}\n",
        )),
        expect![[r#"
            t.yaml:8:19: spec.properties[1].never.name: Duplicate value: "a"
            t.yaml:9:12: spec.properties[2].never.name: Required value
            t.yaml:10:12: spec.properties[3].never.expr: Required value
            t.yaml:11:11: spec.properties[4].exit: Required value: containers and how they end, such as {migrate: 0}
        "#]],
    );
}

#[test]
fn what_is_no_test() {
    check(
        "",
        expect![[r#"
        t.yaml: no objects in it
    "#]],
    );
    check(
        "- a\n",
        expect![[r#"
        t.yaml:1:1: expected an object with apiVersion, kind, metadata and spec, found a list
    "#]],
    );
    check(
        "kind: PodTest\n",
        expect![[r#"
        t.yaml:1:1: apiVersion: Required value
    "#]],
    );
    check(
        "apiVersion: v1\nkind: Pod\n",
        expect![[r#"
        t.yaml:2:7: kind: Pod of apiVersion v1 is no test, which is a PodTest of apiVersion seedpod.dev/v1alpha1; a manifest is named in spec.manifest of one
    "#]],
    );
    check(
        "apiVersion: seedpod.dev/v2\nkind: PodTest\n",
        expect![[r#"
        t.yaml:1:13: apiVersion: PodTest of apiVersion seedpod.dev/v2 is no test, which is a PodTest of apiVersion seedpod.dev/v1alpha1; a manifest is named in spec.manifest of one
    "#]],
    );
    check(
        "apiVersion: seedpod.dev/v1alpha1\nkind: PodTest\n",
        expect![[r#"
            t.yaml:1:1: metadata.name: Required value
            t.yaml:1:1: spec: Required value: it says at least which manifest is tested
        "#]],
    );
    check(
        &format!("{}---\n{}", test(""), test("  drive: x\n")),
        expect![[r#"
            t.yaml:9:18: metadata.name: test t is defined twice, first in t.yaml:3:18
            t.yaml:12:10: spec.drive: expected a list, found string "x", the items of a list are written as lines that begin with "- "
        "#]],
    );
}

#[test]
fn a_test_is_no_manifest() {
    let errors = load(&[source("t.yaml", &test(""))]).unwrap_err();
    expect!["t.yaml:2:7: kind: a PodTest is run with `seedpod test`; here belongs the manifest that it names"].assert_eq(&errors[0].to_string());
}

#[test]
fn a_test_of_too_much() {
    let drive = format!("  drive:\n{}", "  - wait: x\n".repeat(1025));
    check(
        &test(&drive),
        expect![[r#"
        t.yaml:7:5: spec.drive: the list has 1025 items, at most 1024 are allowed
    "#]],
    );
    let long = format!("  drive: [{{wait: '{}'}}]\n", "x".repeat(20_000));
    check(
        &test(&long),
        expect![[r#"
        t.yaml:6:18: spec.drive[0].wait: Too long: may not be more than 16384 bytes
    "#]],
    );
}

#[test]
fn names_are_looked_up_in_the_manifest() {
    let pod = concat!(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n",
        "  - {name: worker, image: i, volumeMounts: [{name: shared, mountPath: /s}]}\n  - {name: api, image: i}\n",
        "  volumes: [{name: shared, emptyDir: {}}]\n",
    );
    let objects = load(&[source("pod.yaml", pod)]).unwrap().objects;
    let yaml = test(concat!(
        "  world: {clock: {skew: {wroker: 1s}}}\n",
        "  drive:\n  - exec: {pod: q, container: wroker, command: [x]}\n  - write: {path: 'share:x', text: x}\n",
        "  - http: {to: 'ap:80', get: /}\n  - http: {to: '10.0.0.1:80', get: /}\n  - http: {to: 'localhost:80', get: /}\n",
        "  faults: {menu: [{crash: {container: p/worker}}, {crash: {}}, {slow: {link: api->dbx, latency: 1s, for: 1s}}]}\n",
        "  properties:\n  - exit: {zzz: 0, api: 0}\n",
    ));
    let tests = load_pod_tests(&[source("t.yaml", &yaml)]).unwrap();
    let errors = check_names(&tests[0], &objects).unwrap_err();
    let text: String = errors.iter().map(|error| format!("{error}\n")).collect();
    expect![[r#"
        spec.world.clock.skew: no container "wroker" in the manifest, did you mean "worker"?
        t.yaml:8:5: spec.drive[0]: no pod "q" in the manifest, there is p
        t.yaml:8:5: spec.drive[0]: no container "wroker" in the manifest, did you mean "worker"?
        t.yaml:9:5: spec.drive[1]: no volume "share" in the manifest, did you mean "shared"?
        t.yaml:10:5: spec.drive[2]: no container, pod or Service "ap" in the manifest, did you mean "api"?
        t.yaml:13:64: spec.faults.menu[2]: no container, pod or Service "dbx" in the manifest, there is api, worker, p
        t.yaml:15:5: spec.properties[0]: no container "zzz" in the manifest, there is api, worker
    "#]].assert_eq(&text);
}
