//! How programs start and end, and what is refused.

use crate::support::run;
use expect_test::{Expect, expect};

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(containers: &str, expected: Expect) {
    let spec = format!("restartPolicy: Never\ncontainers:\n{containers}");
    expected.assert_eq(&run(&spec));
}

#[test]
fn a_program_prints_and_ends() {
    check(
        "- {name: a, image: hello}",
        expect![[r#"
        [a] Hello, world!
        Succeeded after 0 s
        a: Completed 0
    "#]],
    );
}

#[test]
fn containers_talk_over_the_loopback() {
    check(
        "- {name: server, image: pingpong-server}
- {name: client, image: pingpong-client, args: ['127.0.0.1:7000', '100']}",
        expect![[r#"
            [client] rounds=100 median_ns=5973 total_ns=653772
            Succeeded after 0 s
            client: Completed 0
            server: Completed 0
        "#]],
    );
}

#[test]
fn a_trap_is_an_abort() {
    check(
        "- {name: a, image: trap}",
        expect![[r#"
        [a] about to trap
        Failed after 0 s
        a: Error 134: wasm trap: wasm `unreachable` instruction executed
    "#]],
    );
}

#[test]
fn an_exit_code_is_kept() {
    check(
        "- {name: a, image: exit-code, args: ['3']}",
        expect![[r#"
        [a] exit 3
        Failed after 0 s
        a: Error 3
    "#]],
    );
}

#[test]
fn a_container_that_spins_does_not_starve_its_neighbour() {
    check(
        "- {name: spin, image: spin, args: ['1000000']}
- {name: b, image: hello}",
        expect![[r#"
            [b] Hello, world!
            [spin] 699f427436e977e1
            Succeeded after 0 s
            b: Completed 0
            spin: Completed 0
        "#]],
    );
}

#[test]
fn a_container_that_exceeds_its_memory_is_killed_alone() {
    check(
        "- {name: a, image: oom, resources: {limits: {memory: 4Mi}}}
- {name: b, image: hello}",
        expect![[r#"
            [a] 1 MiB
            [a] 2 MiB
            [b] Hello, world!
            Failed after 0 s
            a: OOMKilled 137: memory limit of 4194304 bytes exceeded
            b: Completed 0
        "#]],
    );
}

#[test]
fn a_container_whose_program_needs_more_than_its_limit_is_killed() {
    check(
        "- {name: a, image: hello, resources: {limits: {memory: 64Ki}}}",
        expect![[r#"
            Failed after 0 s
            a: OOMKilled 137: memory limit of 65536 bytes exceeded
        "#]],
    );
}

#[test]
fn what_is_not_a_program_is_named() {
    let command = |path: &str| format!("- {{name: a, image: busybox, command: ['{path}']}}");
    check(
        &command("/opt/elf"),
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/opt/elf": exec format error: a Linux program (ELF)
        "#]],
    );
    check(
        &command("/opt/empty"),
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/opt/empty": exec format error: an empty file
        "#]],
    );
    check(
        &command("/opt/text"),
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/opt/text": exec format error: neither WebAssembly nor a script
        "#]],
    );
    check(
        &command("/opt/zsh"),
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/opt/zsh": interpreter "/bin/zsh": no such file or directory
        "#]],
    );
    check(
        &command("/opt"),
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/opt": permission denied
        "#]],
    );
    check(
        &command("/opt/none"),
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/opt/none": no such file or directory
        "#]],
    );
    check(
        &command("none"),
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "none": executable file not found in $PATH
        "#]],
    );
}

#[test]
fn a_script_is_run_by_its_interpreter() {
    check(
        "- {name: a, image: busybox, command: [/opt/script, one]}",
        expect![[r#"
            [a] /opt/script: one
            Succeeded after 0 s
            a: Completed 0
        "#]],
    );
}

#[test]
fn a_program_in_the_path_that_cannot_run_is_not_called_missing() {
    check(
        "- name: a
  image: busybox
  command: [elf]
  env: [{name: PATH, value: '/none:/opt'}]",
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/opt/elf": exec format error: a Linux program (ELF)
        "#]],
    );
}

#[test]
fn traps_have_the_signals_that_linux_sends() {
    check(
        "- {name: a, image: unreachable}
- {name: b, image: divide}
- {name: c, image: outside}
- {name: d, image: recursion}",
        expect![[r#"
            Failed after 0 s
            a: Error 134: wasm trap: wasm `unreachable` instruction executed
            b: Error 136: wasm trap: integer divide by zero
            c: Error 139: wasm trap: out of bounds memory access
            d: Error 139: wasm trap: call stack exhausted
        "#]],
    );
}

#[test]
fn what_is_missing_in_this_world_is_named() {
    check(
        "- {name: a, image: unknown-module}
- {name: b, image: unknown-component}
- {name: c, image: library}",
        expect![[r#"
            Failed after 0 s
            a: StartError 128: exec: "/program": failed to decode world from module: module was not valid: failed to resolve import `env::magic`: module requires an import interface named `env`
            b: StartError 128: exec: "/program": imports example:magic/spells@1.0.0 cast, which simulations do not have: use `seedpod run`, or do without it in the tested program
            c: StartError 128: exec: "/program": no exported instance named `wasi:cli/run@0.2.12`
        "#]],
    );
}

#[test]
fn who_asks_for_too_much_is_refused() {
    let wanted = [
        "pipes",
        "arguments",
        "kill",
        "streams",
        "pollables",
        "random",
        "permit",
        "zeroes",
    ];
    let containers =
        wanted.map(|what| format!("- {{name: {what}, image: hostile, args: [{what}]}}\n"));
    check(
        &containers.concat(),
        expect![[r#"
        [pipes] 1024 pipes, then Error { code: 16, name: "limit", message: "EAGAIN: a limit of the container on processes or descriptors." }
        [kill] Ok(()), alive
        [arguments] refused: 2^Some(14) empty arguments
        Failed after 0 s
        arguments: Completed 0
        kill: Completed 0
        permit: Error 134: write exceeds what check-write has permitted
        pipes: Completed 0
        pollables: Error 134: resource table has no free keys
        random: Error 134: 1099511627776 random bytes asked for at once, the limit is 67108864
        streams: Error 134: more than 64 streams to standard descriptors
        zeroes: Error 134: cannot write more zeroes than `check_write` allows
    "#]],
    );
}
