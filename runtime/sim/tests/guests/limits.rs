//! CPU and memory limits, with guests that want more.

use crate::support::{report, run, started};
use expect_test::{Expect, expect};
use seedpod_core::time::Instant;
use seedpod_engine::world::Output;
use seedpod_sim::Simulation;
use std::fmt::Write as _;
use std::time::Duration;

/// Containers that compute the same each, alone in their pod, with this limit; when each is done.
fn seconds(limits: &[&str], pod: &str) -> String {
    let mut text = String::new();
    for limit in limits {
        let spec = format!(
            "restartPolicy: Never\n{pod}containers:\n- name: c\n  image: spin\n  args: ['100000000']\n  {limit}\n"
        );
        let mut simulation = started(&spec);
        simulation.run(Duration::from_secs(3600));
        writeln!(text, "{limit}: {} ms", end(&simulation) / 1_000_000).unwrap();
    }
    text
}

fn end(simulation: &Simulation) -> u64 {
    let records = simulation.records();
    let line = records
        .iter()
        .find(|record| matches!(record.output, Output::Log(_)));
    line.unwrap().at.saturating_since(Instant::ZERO).as_nanos() as u64
}

#[test]
fn a_limit_throttles() {
    let limits = [
        "",
        "resources: {limits: {cpu: '2'}}",
        "resources: {limits: {cpu: 500m}}",
        "resources: {limits: {cpu: 100m}}",
        "resources: {limits: {cpu: 1m}}",
    ];
    expect![[r#"
        : 586 ms
        resources: {limits: {cpu: '2'}}: 586 ms
        resources: {limits: {cpu: 500m}}: 1136 ms
        resources: {limits: {cpu: 100m}}: 5805 ms
        resources: {limits: {cpu: 1m}}: 57200 ms
    "#]]
    .assert_eq(&seconds(&limits, ""));
}

#[test]
fn the_limit_of_a_pod_is_for_all() {
    let pod = "resources: {limits: {cpu: 200m}}\n";
    let limits = ["", "resources: {limits: {cpu: 100m}}"];
    expect![[r#"
        : 2905 ms
        resources: {limits: {cpu: 100m}}: 5805 ms
    "#]]
    .assert_eq(&seconds(&limits, pod));
}

#[test]
fn a_container_at_its_limit_leaves_the_rest_to_its_neighbours() {
    let spin = "image: spin, args: ['18446744073709551615']";
    let mut simulation = started(&format!(
        "restartPolicy: Never
containers:
- {{name: limited, {spin}, resources: {{limits: {{cpu: 100m}}}}}}
- name: free
  image: busybox
  command: [sh, -c, 'n=0; while [ $n -lt 2000 ]; do n=$((n + 1)); done; echo counted; sleep 1; echo slept']
"
    ));
    simulation.run(Duration::from_secs(2));
    expect![[r#"
        [free] counted
        [free] slept
    "#]]
    .assert_eq(&report(&simulation));
}

#[test]
fn who_sleeps_has_no_steps() {
    let mut simulation = started(
        "restartPolicy: Never
containers:
- {name: c, image: busybox, command: [sleep, '1000'], resources: {limits: {cpu: 100m}}}
",
    );
    assert!(simulation.run(Duration::from_secs(2000)));
    // Every step takes 10 µs of virtual time.
    let steps = (simulation.now().as_nanos() - 1_000_000_000_000) / 10_000;
    assert!(steps < 50, "{steps}");
}

#[test]
fn guests_can_read_their_limits() {
    let read = "cd /sys/fs/cgroup; ls; cat cpu.max memory.max pids.current; grep -c usec cpu.stat; test $(cat memory.current) -gt 1000000 && echo used";
    let container = |name: &str, limits: &str| {
        format!(
            "- {{name: {name}, image: busybox, command: [sh, -c, '{read}'], resources: {{limits: {{{limits}}}}}}}\n"
        )
    };
    let (none, both) = (
        container("none", ""),
        container("both", "cpu: 250m, memory: 64Mi"),
    );
    check(
        &format!("restartPolicy: Never\ninitContainers:\n{none}containers:\n{both}"),
        expect![[r#"
            [none] cgroup.controllers
            [none] cpu.max
            [none] cpu.stat
            [none] memory.current
            [none] memory.max
            [none] pids.current
            [none] pids.max
            [none] max 100000
            [none] 4294967296
            [none] 2
            [none] 4
            [none] used
            [both] cgroup.controllers
            [both] cpu.max
            [both] cpu.stat
            [both] memory.current
            [both] memory.max
            [both] pids.current
            [both] pids.max
            [both] 25000 100000
            [both] 67108864
            [both] 2
            [both] 4
            [both] used
            Succeeded after 0 s
            none: Completed 0
            both: Completed 0
        "#]],
    );
}

#[test]
fn the_memory_of_a_pod_is_for_all() {
    check(
        "restartPolicy: Never
resources: {limits: {memory: 24Mi}}
containers:
- {name: small, image: busybox, command: [sleep, '2']}
- {name: large, image: oom}
",
        expect![[r#"
            [large] 1 MiB
            [large] 2 MiB
            [large] 3 MiB
            [large] 4 MiB
            [large] 5 MiB
            [large] 6 MiB
            [large] 7 MiB
            [large] 8 MiB
            [large] 9 MiB
            [large] 10 MiB
            [large] 11 MiB
            [large] 12 MiB
            [large] 13 MiB
            [large] 14 MiB
            [large] 15 MiB
            [large] 16 MiB
            [large] 17 MiB
            [large] 18 MiB
            [large] 19 MiB
            [large] 20 MiB
            [large] 21 MiB
            Failed after 2 s
            large: OOMKilled 137: memory limit of 25165824 bytes exceeded
            small: Completed 0
        "#]],
    );
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(spec: &str, expected: Expect) {
    expected.assert_eq(&run(spec));
}
