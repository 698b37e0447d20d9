//! What guests see of disks that fill up, fail, and lose what was not synced.

use super::support::{ENGINE, report, simulate};
use expect_test::expect;
use seedpod_core::podtest::DiskCall;
use seedpod_core::volume::{DiskErrors, DiskFaults, DiskVolume};
use seedpod_sim::Simulation;
use std::sync::Arc;
use std::time::Duration;

/// A pod whose shell has a disk at `/data` and memory, which no fault touches, at `/memory`.
fn shell(script: &str) -> String {
    format!(
        r#"
restartPolicy: OnFailure
containers:
- name: c
  image: busybox
  command: [sh, -c, {script:?}]
  volumeMounts:
  - {{name: data, mountPath: /data}}
  - {{name: memory, mountPath: /memory}}
volumes:
- {{name: data, emptyDir: {{}}}}
- {{name: memory, emptyDir: {{medium: Memory}}}}
"#
    )
}

fn disk(simulation: &Simulation) -> Arc<DiskVolume> {
    simulation.disks().named("data").remove(0)
}

fn run(simulation: &mut Simulation, millis: u64) {
    simulation.run(Duration::from_millis(millis));
}

#[test]
fn a_full_disk_cuts_what_is_rewritten_in_place() {
    let script = "echo one > /data/f; sleep 1; echo two > /data/f || echo failed; wc -c < /data/f; \
        echo x > /data/g || echo failed; sleep 1; echo three > /data/f; cat /data/f";
    let mut simulation = simulate(&shell(script), &ENGINE);
    run(&mut simulation, 500);
    disk(&simulation).set_full(true);
    run(&mut simulation, 1000);
    disk(&simulation).set_full(false);
    run(&mut simulation, 10_000);
    expect![[r#"
        [c] sh: echo: line 0: write error: No space left on device
        [c] failed
        [c] 0
        [c] sh: can't create /data/g: No space left on device
        [c] failed
        [c] three
        Succeeded after 2 s
        c: Completed 0
    "#]]
    .assert_eq(&report(&simulation));
}

#[test]
fn calls_that_a_test_names_fail() {
    let script = "echo one > /data/f; sleep 1; cat /data/f || echo failed; echo two > /data/f && echo written; \
        sleep 1; cat /data/f";
    let mut simulation = simulate(&shell(script), &ENGINE);
    run(&mut simulation, 500);
    let errors = DiskErrors {
        calls: [DiskCall::Read].into(),
        per_million: 1_000_000,
    };
    disk(&simulation).change_faults(|faults| faults.errors = Some(errors));
    run(&mut simulation, 1000);
    disk(&simulation).set_faults(DiskFaults::default());
    run(&mut simulation, 10_000);
    expect![[r#"
        [c] cat: /data/f: I/O error
        [c] failed
        [c] written
        [c] two
        Succeeded after 2 s
        c: Completed 0
    "#]]
    .assert_eq(&report(&simulation));
}
