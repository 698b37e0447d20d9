//! What guests see of disks that fill up, fail, and lose what was not synced.

use super::support::{ENGINE, report, simulate};
use expect_test::{Expect, expect};
use seedpod_core::podtest::{DiskCall, DiskSettings, Durable};
use seedpod_core::sched::ChoiceKind;
use seedpod_core::seed::{Rng, Seed};
use seedpod_core::volume::{Decisions, DiskErrors, DiskFaults, DiskVolume};
use seedpod_sim::Simulation;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
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

/// Decides by a seed.
struct Chance(Mutex<Rng>);

impl Decisions for Chance {
    fn choose(&self, _kind: ChoiceKind, arity: u32, _label: &str) -> u32 {
        self.0.lock().unwrap().below(arity.into()) as u32
    }

    fn chance(&self, _kind: ChoiceKind, per_million: u32, _label: &str) -> bool {
        self.0.lock().unwrap().below(1_000_000) < per_million.into()
    }
}

/// Lets a pod run for a second, in which its containers end, cuts the power, and lets them start again; for many seeds. Shows
/// what they say then, and how often.
fn check_power_cut(spec: &str, durable: Durable, expected: &Expect) {
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..100 {
        let mut simulation = simulate(spec, &ENGINE);
        let disks = simulation.disks();
        disks.decide_by(Arc::new(Chance(Mutex::new(Seed::new(seed).rng()))));
        disks.set(DiskSettings {
            durable,
            ..DiskSettings::default()
        });
        run(&mut simulation, 1000);
        let before = report(&simulation);
        simulation.disks().cut_power(None);
        run(&mut simulation, 11_000);
        let after = report(&simulation).replacen(&before, "", 1);
        *outcomes.entry(after).or_default() += 1;
    }
    let lines = outcomes.iter();
    let text: String = lines
        .map(|(outcome, count)| format!("{count} times:\n{outcome}"))
        .collect();
    expected.assert_eq(&text);
}

#[test]
fn a_shell_that_does_not_sync_may_find_nothing_or_half_of_it() {
    // The first restart comes at once, the second after ten seconds.
    let script = "test -f /memory/2 && { wc /data/f; exit 0; }; \
        test -f /memory/1 || { touch /memory/1; exit 1; }; \
        touch /memory/2; seq 1 1500 > /data/f; exit 1";
    check_power_cut(
        &shell(script),
        Durable::Fsync,
        &expect![[r#"
            19 times:
            [c]         0         0         0 /data/f
            Succeeded after 10 s
            c: Completed 0 (restarts: 2)
            1 times:
            [c]         0         1      6393 /data/f
            Succeeded after 10 s
            c: Completed 0 (restarts: 2)
            2 times:
            [c]       460       460      6393 /data/f
            Succeeded after 10 s
            c: Completed 0 (restarts: 2)
            1 times:
            [c]      1040      1041      6393 /data/f
            Succeeded after 10 s
            c: Completed 0 (restarts: 2)
            16 times:
            [c]      1500      1500      6393 /data/f
            Succeeded after 10 s
            c: Completed 0 (restarts: 2)
            61 times:
            [c] wc: /data/f: No such file or directory
            Succeeded after 10 s
            c: Completed 0 (restarts: 2)
        "#]],
    );
    check_power_cut(
        &shell(script),
        Durable::Write,
        &expect![[r#"
            100 times:
            [c]      1500      1500      6393 /data/f
            Succeeded after 10 s
            c: Completed 0 (restarts: 2)
        "#]],
    );
}

/// A program that writes a file beside the old one and renames it, and after its restart says when the file is lost.
fn store(code: &str) -> String {
    format!(
        "
initContainers:
- name: create
  image: bugs
  args: [rename-before-sync, create]
  volumeMounts: [{{name: data, mountPath: /data}}]
containers:
- name: store
  image: bugs
  args: [rename-before-sync, store{code}]
  volumeMounts: [{{name: data, mountPath: /data}}]
volumes:
- {{name: data, emptyDir: {{}}}}
"
    )
}

#[test]
fn a_file_is_renamed_before_its_content_is_there_unless_it_was_synced() {
    check_power_cut(
        &store(""),
        Durable::Fsync,
        &expect![[r#"
        70 times:
        30 times:
        [store] store: /data/balance is lost: 0 bytes are left
    "#]],
    );
    check_power_cut(
        &store(", fixed"),
        Durable::Fsync,
        &expect![[r#"
        100 times:
    "#]],
    );
    check_power_cut(
        &store(""),
        Durable::Write,
        &expect![[r#"
        100 times:
    "#]],
    );
}

/// Settings that are rewritten in place, or beside the old ones, on a disk that fills up once the first are written.
fn check_full(code: &str, expected: &Expect) {
    let spec = format!(
        "
restartPolicy: OnFailure
initContainers:
- name: defaults
  image: bugs
  args: [config-in-place, defaults]
  volumeMounts: [{{name: shared, mountPath: /shared}}]
- name: wait
  image: busybox
  command: [sleep, '1']
containers:
- name: app
  image: bugs
  args: [config-in-place, app{code}]
  volumeMounts: [{{name: shared, mountPath: /shared}}]
volumes:
- {{name: shared, emptyDir: {{}}}}
"
    );
    let mut simulation = simulate(&spec, &ENGINE);
    run(&mut simulation, 500);
    simulation.disks().named("shared")[0].set_full(true);
    run(&mut simulation, 1000);
    simulation.disks().named("shared")[0].set_full(false);
    run(&mut simulation, 30_000);
    expected.assert_eq(&report(&simulation));
}

#[test]
fn a_restart_reads_what_a_full_disk_has_cut() {
    check_full(
        "",
        &expect![[r#"
        [app] app: save generation 2: I/O error (os error 29)
        [app] app: /shared/settings is truncated to 0 bytes
        [app] app: /shared/settings is truncated to 0 bytes
        [app] app: /shared/settings is truncated to 0 bytes
    "#]],
    );
    check_full(
        ", fixed",
        &expect![[r#"
        [app] app: save generation 2: No space left on device (os error 51)
        [app] app: save generation 2: No space left on device (os error 51)
        Succeeded after 11 s
        defaults: Completed 0
        wait: Completed 0
        app: Completed 0 (restarts: 2)
    "#]],
    );
}
