//! Guests on an engine as the `host` world has it: slices of real time, code of the quick compiler.

use crate::support::{report, simulate};
use expect_test::expect;
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::Simulation;
use std::time::Duration;

fn start(spec: &str) -> Simulation {
    let engine = Engine::new(EngineSettings::host(None)).unwrap();
    simulate(spec, &engine)
}

/// Compiling takes real time, in which no virtual time passes.
fn run_until(simulation: &mut Simulation, is_done: impl Fn(&Simulation) -> bool) {
    while !is_done(simulation) {
        simulation.run(Duration::from_micros(1));
        std::thread::yield_now();
    }
}

#[test]
fn guests_that_spin_give_way() {
    let spin = "image: spin, args: ['18446744073709551615']";
    let mut simulation = start(&format!(
        "containers:\n- {{name: a, {spin}}}\n- {{name: b, {spin}}}\n- {{name: c, image: hello}}\nrestartPolicy: Never"
    ));
    run_until(&mut simulation, |simulation| {
        simulation.log().contains("Hello")
    });
    assert!(simulation.status("p").is_none());
    // And they let go: the pod is dropped in the middle of two guests.
}

#[test]
fn quickly_compiled_code_runs() {
    let mut simulation = start(
        "restartPolicy: Never
containers:
- name: a
  image: busybox
  command: [sh, -c, 'seq 1 3 | sort -r; echo $((6 * 7)); exit 5']",
    );
    run_until(&mut simulation, |simulation| {
        simulation.status("p").is_some()
    });
    expect![[r#"
        [a] 3
        [a] 2
        [a] 1
        [a] 42
        Failed after 0 s
        a: Error 5
    "#]]
    .assert_eq(&report(&simulation));
}
