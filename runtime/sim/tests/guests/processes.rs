//! Processes of a container as its shell sees them, in virtual time.

use crate::support::{run, run_and_stop};
use expect_test::{Expect, expect};
use seedpod_core::limits::PROCESSES_PER_POD;
use std::time::Duration;

fn container(name: &str, script: &str) -> String {
    // Kubernetes takes `$$` of an argument for an escaped `$`.
    let script = script
        .trim_matches('\n')
        .replace('\n', "\n    ")
        .replace("$$", "$$$$");
    format!("- name: {name}\n  image: busybox\n  command: [sh, -c]\n  args:\n  - |\n    {script}\n")
}

fn pod(containers: &[(&str, &str)]) -> String {
    let containers = containers
        .iter()
        .map(|(name, script)| container(name, script));
    format!(
        "restartPolicy: Never\ncontainers:\n{}",
        containers.collect::<String>()
    )
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(script: &str, expected: Expect) {
    expected.assert_eq(&run(&pod(&[("c", script)])));
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check_stopped(script: &str, expected: Expect) {
    let spec = format!(
        "{}terminationGracePeriodSeconds: 5\n",
        pod(&[("c", script)])
    );
    expected.assert_eq(&run_and_stop(&spec, Duration::from_secs(10)));
}

#[test]
fn wait_says_how_each_child_ended() {
    check(
        r"
sh -c 'exit 3' & a=$!
sh -c 'kill -TERM $$; echo survived' & b=$!
sleep 100 & c=$!
kill -9 $c
wait $a; echo $?
wait $b; echo $?
wait $c; echo $?
wait $a; echo $?
",
        expect![[r#"
            [c] 3
            [c] Terminated
            [c] 143
            [c] Killed
            [c] 137
            [c] 3
            Succeeded after 0 s
            c: Completed 0
        "#]],
    );
}

#[test]
fn pipes_end_and_break() {
    check(
        r#"
seq 1 100000 | head -n 2
seq 1 100000 | wc -l
yes | head -n 1
echo "${?}"
(echo one; exec echo two) | cat
"#,
        expect![[r#"
            [c] 1
            [c] 2
            [c] 100000
            [c] y
            [c] 0
            [c] one
            [c] two
            Succeeded after 0 s
            c: Completed 0
        "#]],
    );
}

#[test]
fn programs_that_cannot_run_have_the_exit_codes_of_a_shell() {
    check(
        r"
/opt/none; echo $?
/opt/elf; echo $?
/opt/empty; echo $?
/opt; echo $?
/opt/script x; echo $?
",
        expect![[r#"
            [c] sh: /opt/none: not found
            [c] 127
            [c] /opt/elf: line 1: ELF: not found
            [c] 127
            [c] 0
            [c] sh: /opt: Permission denied
            [c] 126
            [c] /opt/script: x
            [c] 0
            Succeeded after 0 s
            c: Completed 0
        "#]],
    );
}

#[test]
fn exec_keeps_the_process() {
    check(
        r#"
echo $$ > /tmp/pid
sh -c 'echo "$$"; exec sh -c "echo \$\$"'
exec sh -c 'test $$ = "$(cat /tmp/pid)" && echo same'
"#,
        expect![[r#"
            [c] 2
            [c] 2
            [c] same
            Succeeded after 0 s
            c: Completed 0
        "#]],
    );
}

#[test]
fn orphans_go_to_process_1() {
    check(
        r"
sh -c '(sleep 1; ps -o pid,ppid,args; exit 7) & exit 0'
wait; sleep 2
echo end
",
        expect![[r#"
            [c]   PID  PPID COMMAND
            [c]     1     0 sh -c sh -c '(sleep 1; ps -o pid,ppid,args; exit 7) & exit 0' wait; sleep 2 echo end
            [c]     3     1 sh -c (sleep 1; ps -o pid,ppid,args; exit 7) & exit 0
            [c]     5     1 sleep 2
            [c]     6     3 ps -o pid,ppid,args
            [c] end
            Succeeded after 2 s
            c: Completed 0
        "#]],
    );
}

#[test]
fn process_1_is_safe_from_within() {
    check(
        r"
sh -c 'kill -9 1; kill -TERM 1; echo $?'
sleep 100 & sleep 100 &
kill -9 -1; wait
echo alone
ps -o pid,args
",
        expect![[r#"
            [c] 0
            [c] Killed
            [c] Killed
            [c] alone
            [c]   PID COMMAND
            [c]     1 ps -o pid,args
            Succeeded after 0 s
            c: Completed 0
        "#]],
    );
}

#[test]
fn a_container_ends_with_its_first_process() {
    check(
        r"
(sleep 5; echo never) &
(trap '' TERM; while true; do :; done) &
echo end
exit 4
",
        expect![[r#"
            [c] end
            Failed after 0 s
            c: Error 4
        "#]],
    );
}

#[test]
fn a_signal_that_nobody_asked_for_ends_a_container() {
    check_stopped(
        "echo running; sleep 1000",
        expect![[r#"
        [c] running
        Failed after 10 s
        c: Error 143
    "#]],
    );
}

#[test]
fn a_program_is_stopped_by_the_default_of_its_signal() {
    check_stopped(
        "exec sleep 1000",
        expect![[r#"
        Failed after 10 s
        c: Error 143
    "#]],
    );
}

#[test]
fn a_trap_of_term_ends_gracefully() {
    check_stopped(
        "trap 'echo stopping; exit 0' TERM\nwhile true; do sleep 1; done",
        expect![[r#"
            [c] stopping
            Succeeded after 10 s
            c: Completed 0
        "#]],
    );
}

#[test]
fn a_trap_interrupts_wait() {
    check_stopped(
        "trap 'echo stopping; exit 9' TERM\nsleep 1000 & wait; echo not here",
        expect![[r#"
            [c] stopping
            Failed after 10 s
            c: Error 9
        "#]],
    );
}

#[test]
fn ignored_signals_are_followed_by_a_kill() {
    check_stopped(
        "trap '' TERM\nwhile true; do sleep 1; done",
        expect![[r#"
        Failed after 15 s
        c: Error 137
    "#]],
    );
}

#[test]
fn a_restart_keeps_what_belongs_to_the_pod() {
    let script = r"
echo x >> /data/count; echo x >> /tmp/count; echo x >> /dev/shm/count
echo $(cat /data/count /dev/null) - $(cat /tmp/count) - $(cat /dev/shm/count)
test $(wc -l < /data/count) = 3
";
    let spec = container("c", script);
    let spec = format!(
        "restartPolicy: OnFailure\ncontainers:\n{spec}  volumeMounts: [{{name: data, mountPath: /data}}]\nvolumes: [{{name: data, emptyDir: {{}}}}]\n"
    );
    expect![[r#"
        [c] x - x - x
        [c] x x - x - x x
        [c] x x x - x - x x x
        Succeeded after 10 s
        c: Completed 0 (restarts: 2)
    "#]]
    .assert_eq(&run(&spec));
}

#[test]
fn containers_see_each_other_only_when_they_share_a_namespace() {
    let containers = [
        ("a", "sleep 2"),
        (
            "b",
            "sleep 1; ps -o pid,ppid,args; kill -9 -1; sleep 2; echo last",
        ),
    ];
    let spec = pod(&containers);
    expect![[r#"
        [b]   PID  PPID COMMAND
        [b]     1     0 sh -c sleep 1; ps -o pid,ppid,args; kill -9 -1; sleep 2; echo last
        [b]     3     1 ps -o pid,ppid,args
        [b] last
        Succeeded after 3 s
        a: Completed 0
        b: Completed 0
    "#]]
    .assert_eq(&run(&spec));
    expect![[r#"
        [b]   PID  PPID COMMAND
        [b]     1     0 /pause
        [b]     2     0 sleep 2
        [b]     3     0 sh -c sleep 1; ps -o pid,ppid,args; kill -9 -1; sleep 2; echo last
        [b]     5     3 ps -o pid,ppid,args
        [b] last
        Failed after 3 s
        a: Error 137
        b: Completed 0
    "#]]
    .assert_eq(&run(&format!("{spec}shareProcessNamespace: true\n")));
}

#[test]
fn a_child_that_exceeds_the_memory_takes_its_container_along() {
    let spec = pod(&[
        ("a", "sort /dev/zero & wait; echo not here"),
        ("b", "echo unharmed"),
    ]);
    let spec = spec.replacen(
        "  command",
        "  resources: {limits: {memory: 64Mi}}\n  command",
        1,
    );
    expect![[r#"
        [b] unharmed
        Failed after 0 s
        a: OOMKilled 137
        b: Completed 0
    "#]]
    .assert_eq(&run(&spec));
}

#[test]
fn a_shell_that_executes_itself_for_ever_does_not_starve_its_neighbour() {
    let forever = "echo 'exec sh /tmp/x' > /tmp/x; exec sh /tmp/x";
    let spec = pod(&[("a", forever), ("b", "sleep 0.001; echo alive")]);
    expect![[r#"
        [b] alive
        Failed after 0 s
        a: Error 143
        b: Completed 0
    "#]]
    .assert_eq(&run_and_stop(&spec, Duration::from_millis(100)));
}

#[test]
fn a_fork_bomb_ends_at_the_limit() {
    let bomb = "for i in $(seq 600); do sleep 1000 & done; exit 7";
    let spec = pod(&[("a", bomb), ("b", "sleep 0.001; echo alive")]);
    let output = run(&spec);
    let refused = "[a] sh: sleep: Resource temporarily unavailable";
    let (refusals, rest): (Vec<_>, Vec<_>) = output.lines().partition(|line| *line == refused);
    // The shell is one of them; `seq` is gone, and the neighbour comes later.
    assert_eq!(600 - refusals.len(), PROCESSES_PER_POD - 1);
    expect![[r#"
        [b] alive
        Failed after 0 s
        a: Error 7
        b: Completed 0"#]]
    .assert_eq(&rest.join("\n"));
}

#[test]
fn a_flood_of_output_is_no_obstacle() {
    let spec = pod(&[("a", "yes > /dev/stdout"), ("b", "sleep 0.01; echo alive")]);
    let spec = format!("{spec}terminationGracePeriodSeconds: 1\n");
    let output = run_and_stop(&spec, Duration::from_millis(50));
    let lines = output.lines().filter(|line| *line != "[a] y");
    expect![[r#"
        [b] alive
        Failed after 0 s
        a: Error 143
        b: Completed 0
    "#]]
    .assert_eq(&lines.map(|line| format!("{line}\n")).collect::<String>());
}
