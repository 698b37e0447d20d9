//! Probes and hooks that run commands of BusyBox in a container, and ephemeral containers.

use crate::support::started;
use expect_test::{Expect, expect};
use seedpod_core::pod::EventReason;
use seedpod_core::spec::{Container, GracePeriod};
use seedpod_engine::world::Output;
use seedpod_sim::Simulation;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Lines of output, and events that are not about starting, with the second in which they came.
fn story(simulation: &Simulation) -> String {
    let mut text = String::new();
    for record in simulation.records() {
        let second = record.at.as_nanos() / 1_000_000_000;
        match record.output {
            Output::Log(line) => {
                let (container, line) = (
                    line.container,
                    String::from_utf8_lossy(&line.bytes).into_owned(),
                );
                writeln!(text, "{second}: [{container}] {line}").unwrap();
            }
            Output::Event(event) if !STARTING.contains(&event.reason) => {
                writeln!(text, "{second}: {}: {:?}", event.reason, event.message).unwrap();
            }
            Output::Event(_) | Output::Status(_) => {}
        }
    }
    text
}

const STARTING: [EventReason; 5] = [
    EventReason::Scheduled,
    EventReason::Pulled,
    EventReason::Created,
    EventReason::Started,
    EventReason::Pulling,
];

fn container(script: &str, more: &str) -> String {
    format!(
        "terminationGracePeriodSeconds: 1
containers:
- name: c
  image: busybox
  command: [sh, -c]
  args: [{script:?}]
  env: [{{name: LITERAL, value: literal}}, {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}]
  {}",
        more.trim_matches('\n').replace('\n', "\n  ")
    )
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(script: &str, more: &str, seconds: u64, expected: Expect) {
    let mut simulation = started(&container(script, more));
    simulation.run(Duration::from_secs(seconds));
    expected.assert_eq(&story(&simulation));
}

#[test]
fn a_command_that_fails_says_why() {
    check(
        "touch /tmp/healthy; sleep 4; rm /tmp/healthy; sleep 1000",
        "
livenessProbe:
  exec: {command: [cat, /tmp/healthy]}
  periodSeconds: 2
  failureThreshold: 2
",
        10,
        expect![[r#"
            0: Unhealthy: "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"
            6: Unhealthy: "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"
            8: Unhealthy: "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"
            8: Killing: "Container c failed liveness probe, will be restarted"
            8: Unhealthy: "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"
        "#]],
    );
}

#[test]
fn a_command_that_takes_too_long_is_killed() {
    check(
        "sleep 5; ps; sleep 1000",
        "
readinessProbe:
  exec: {command: [sh, -c, 'echo output; sleep 600']}
  timeoutSeconds: 2
  periodSeconds: 4
",
        7,
        expect![[r#"
            2: Unhealthy: "Readiness probe failed: command timed out: \"sh -c echo output; sleep 600\" timed out after 2s"
            4: Unhealthy: "Readiness probe failed: command timed out: \"sh -c echo output; sleep 600\" timed out after 2s"
            5: [c]   PID USER      TIME COMMAND
            5: [c]     1 root      0:00 sh -c sleep 5; ps; sleep 1000
            5: [c]     5 root      0:00 sleep 600
            5: [c]     6 root      0:00 ps
            7: Unhealthy: "Readiness probe failed: command timed out: \"sh -c echo output; sleep 600\" timed out after 2s"
        "#]],
    );
}

#[test]
fn a_command_that_cannot_run_is_an_error() {
    check(
        "sleep 1000",
        "
readinessProbe: {exec: {command: [nothing]}}
",
        5,
        expect![[r#"
            0: Unhealthy: "Readiness probe errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in container: failed to start exec \"b24ffdd30cb3f6f27d75eeb07f80c873955e9201ce22a3f10e77f39522db36c2\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"nothing\": executable file not found in $PATH: unknown"
            1: Unhealthy: "Readiness probe errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in container: failed to start exec \"b24ffdd30cb3f6f27d75eeb07f80c873955e9201ce22a3f10e77f39522db36c2\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"nothing\": executable file not found in $PATH: unknown"
        "#]],
    );
}

#[test]
fn variables_of_probes_are_literal_and_of_hooks_are_none() {
    check(
        "sleep 1000",
        "
readinessProbe:
  exec: {command: [sh, -c, 'echo \"$0 $LITERAL $POD\" >&2; echo out; exit 1', '$(LITERAL) [$(POD)] $(PATH)']}
lifecycle:
  postStart: {exec: {command: [sh, -c, 'echo \"$0 $LITERAL $POD\" > /proc/1/fd/1', '$(LITERAL)']}}
",
        5,
        expect![[r#"
            0: [c] $(LITERAL) literal p
            0: Unhealthy: "Readiness probe failed: out\nliteral [] $(PATH) literal p\n"
            1: Unhealthy: "Readiness probe failed: out\nliteral [] $(PATH) literal p\n"
        "#]],
    );
}

#[test]
fn what_is_written_beyond_ten_kilobytes_goes() {
    let mut simulation = started(&container(
        "sleep 1000",
        "readinessProbe: {exec: {command: [sh, -c, 'seq 1 100000; exit 1']}}",
    ));
    simulation.run(Duration::from_millis(500));
    let story = story(&simulation);
    assert!(
        story.contains("Readiness probe failed: 1\\n2\\n"),
        "{story}"
    );
    // Each line feed is printed as two characters.
    assert!((10_240..15_000).contains(&story.len()), "{}", story.len());
}

#[test]
fn probes_go_with_their_container() {
    check(
        "sleep 1; exit 1",
        "
livenessProbe: {exec: {command: [sh, -c, 'sleep 3; exit 1']}, timeoutSeconds: 10}
",
        6,
        expect![[r#"
            2: BackOff: "Back-off restarting failed container c in pod p_default(00000000-0000-4000-8000-000000000000)"
        "#]],
    );
}

#[test]
fn a_hook_that_fails_ends_its_container() {
    check(
        "trap 'echo term; exit 0' TERM; echo main; sleep 1000 & wait",
        "
lifecycle: {postStart: {exec: {command: [sh, -c, 'sleep 1; echo bad; exit 7']}}}
",
        5,
        expect![[r#"
            0: [c] main
            1: FailedPostStartHook: "PostStartHook failed"
            1: Killing: "FailedPostStartHook"
            1: [c] term
            1: [c] main
            2: FailedPostStartHook: "PostStartHook failed"
            2: Killing: "FailedPostStartHook"
            2: [c] term
            2: BackOff: "Back-off restarting failed container c in pod p_default(00000000-0000-4000-8000-000000000000)"
        "#]],
    );
}

#[test]
fn a_hook_runs_before_the_signal_and_no_longer_than_the_grace_period() {
    let mut simulation = started(&container(
        "trap 'echo term; exit 0' TERM; echo main; sleep 1000 & wait",
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'echo stopping > /proc/1/fd/1; sleep 2; echo stopped > /proc/1/fd/1']}}}",
    ));
    simulation.stop(Some(GracePeriod { seconds: 10 }));
    expect![[r#"
        0: [c] main
        0: Killing: "Stopping container c"
        0: [c] stopping
        2: [c] stopped
        2: [c] term
    "#]]
    .assert_eq(&story(&simulation));
    let mut simulation = started(&container(
        "echo main; sleep 1000",
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'while true; do true; done']}}}",
    ));
    simulation.stop(Some(GracePeriod { seconds: 1 }));
    expect![[r#"
        0: [c] main
        0: Killing: "Stopping container c"
    "#]]
    .assert_eq(&story(&simulation));
}

#[test]
fn an_ephemeral_container_sees_the_processes_of_its_target() {
    let mut simulation = started(&container("sleep 7", ""));
    let pod = simulation.pod("p").unwrap().clone();
    let mut spec = (*pod.spec()).clone();
    let mut ephemeral = Container {
        name: "debug".to_owned(),
        command: ["sh", "-c", "ps; sleep 1000"].map(str::to_owned).into(),
        target_container_name: Some("c".to_owned()),
        termination_message_path: "/dev/termination-log".to_owned(),
        image: "busybox".to_owned(),
        ..Container::default()
    };
    spec.ephemeral_containers.push(ephemeral.clone());
    pod.update(Arc::new(spec.clone()));
    simulation.run(Duration::from_secs(1));
    ephemeral.name = "alone".to_owned();
    ephemeral.target_container_name = None;
    spec.ephemeral_containers.push(ephemeral);
    pod.update(Arc::new(spec));
    simulation.run(Duration::from_secs(4));
    expect![[r#"
        0: [debug]   PID USER      TIME COMMAND
        0: [debug]     1 root      0:00 sleep 7
        0: [debug]     2 root      0:00 sh -c ps; sleep 1000
        0: [debug]     3 root      0:00 ps
        1: [alone]   PID USER      TIME COMMAND
        1: [alone]     1 root      0:00 sh -c ps; sleep 1000
        1: [alone]     2 root      0:00 ps
    "#]]
    .assert_eq(&story(&simulation));
}
