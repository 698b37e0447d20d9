//! How pods with restartable init containers end.

use super::fixture::{
    AGNHOST, BUSYBOX, INIT_1, One, POD, REGULAR_1, SIDECAR_1, SIDECAR_2, SIDECAR_3, Script, create,
    ended, is_running, of, one, pod, sidecar, with_grace,
};
use crate::cases::{Case, not_applicable, pass};
use seedpod::status::{ContainerState, Phase, Status};
use seedpod_tests::Timeline;
use seedpod_tests::cluster::POD_START_S;
use std::time::Duration;

const SIDECARS: [&str; 3] = [SIDECAR_1, SIDECAR_2, SIDECAR_3];

/// Why the tests that reboot the node are not applicable.
const NO_STATE: &str = "pods do not outlive the process yet: needs the API server";

pub(super) const CASES: &[Case] = &[
    pass(
        4553,
        "A pod with restartable init containers is terminating The containers exit successfully should terminate sidecars in reverse order after all main containers have exited",
        in_reverse_order,
    ),
    pass(
        4769,
        "A pod with restartable init containers is terminating The containers exit successfully A restartable init container has its image updated during pod termination should terminate gracefully when restartPolicy=Always",
        || image_update("Always"),
    ),
    pass(
        4773,
        "A pod with restartable init containers is terminating The containers exit successfully A restartable init container has its image updated during pod termination should terminate gracefully when restartPolicy=OnFailure",
        || image_update("OnFailure"),
    ),
    pass(
        4779,
        "A pod with restartable init containers is terminating The containers exit successfully A restartable init container has its image updated during pod termination should terminate gracefully when restartPolicy=Never",
        || image_update("Never"),
    ),
    pass(
        4788,
        "A pod with restartable init containers is terminating The PreStop hooks don't exit should terminate sidecars simultaneously if prestop doesn't exit",
        pre_stop_that_never_ends,
    ),
    pass(
        4934,
        "A pod with restartable init containers is terminating the restartable init containers have multiple PreStop hooks should call sidecar container PreStop hook simultaneously",
        pre_stop_hooks_at_the_same_time,
    ),
    pass(
        5071,
        "A pod with restartable init containers is terminating Restartable init containers are terminated during initialization should not hang in termination if terminated during initialization",
        during_initialization,
    ),
    pass(
        5190,
        "A pod with restartable init containers is terminating there is a non-started restartable init container should terminate restartable init containers gracefully if there is a non-started restartable init container",
        with_one_that_has_not_started,
    ),
    pass(
        5293,
        "A pod with restartable init containers is terminating The restartable init containers exit with non-zero exit code should mark pod as succeeded if any of the restartable init containers have terminated with non-zero exit code",
        || {
            exit_codes(
                30,
                [(1, 0), (1, 1), (1, 0)],
                [None; 3],
                &[(SIDECAR_1, 0), (SIDECAR_2, 1), (SIDECAR_3, 0)],
            );
        },
    ),
    pass(
        5393,
        "A pod with restartable init containers is terminating The restartable init containers exit with non-zero exit code by prestop hook should mark pod as succeeded if any of the restartable init containers have terminated with non-zero exit code by prestop hook",
        || {
            exit_codes(
                30,
                [(1, 0); 3],
                [Some((1, 0)), Some((1, 1)), Some((1, 0))],
                &[(SIDECAR_1, 0), (SIDECAR_2, 0), (SIDECAR_3, 0)],
            );
        },
    ),
    pass(
        5509,
        "A pod with restartable init containers is terminating The regular container has exceeded its termination grace period seconds should mark pod as failed if regular container has exceeded its termination grace period seconds",
        regular_exceeds_its_grace,
    ),
    pass(
        5611,
        "A pod with restartable init containers is terminating The restartable init containers have exceeded its termination grace period seconds should mark pod as succeeded if any of the restartable init containers have exceeded its termination grace period seconds",
        || {
            exit_codes(
                5,
                [(1, 0), (20, 0), (1, 0)],
                [None; 3],
                &[(SIDECAR_1, 0), (SIDECAR_2, 137), (SIDECAR_3, 0)],
            );
        },
    ),
    pass(
        5721,
        "A pod with restartable init containers is terminating The regular containers have exceeded its termination grace period seconds by prestop hook should mark pod as failed if any of the prestop hook in regular container has exceeded its termination grace period seconds",
        regular_exceeds_its_grace_by_pre_stop,
    ),
    pass(
        5841,
        "A pod with restartable init containers is terminating The restartable init containers have exceeded its termination grace period seconds by prestop hook should mark pod as succeeded if any of the prestop hook in restartable init containers have exceeded its termination grace period seconds",
        || {
            exit_codes(
                5,
                [(1, 0), (20, 0), (1, 0)],
                [Some((1, 0)), Some((30, 0)), Some((1, 0))],
                &[(SIDECAR_1, 0), (SIDECAR_2, 137), (SIDECAR_3, 0)],
            );
        },
    ),
    not_applicable(
        6072,
        "A node running restartable init containers reboots should restart the containers in right order after the node reboot",
        NO_STATE,
    ),
    not_applicable(
        6345,
        "A node running restartable init containers reboots A node is rebooting and receives an update request should handle an update during the node reboot",
        NO_STATE,
    ),
    not_applicable(
        6349,
        "A node running restartable init containers reboots A node is rebooting and receives an update request should handle an update during the kubelet restart",
        NO_STATE,
    ),
];

fn pre_stop(name: &str) -> Script {
    Script::new(of("PreStop", name))
}

/// A pod of three sidecars that ends by itself.
fn by_itself(hook: impl Fn(One, &str) -> One) -> (Status, Timeline) {
    let init = SIDECARS.map(|name| hook(sidecar(name, 60).terminates_after(5).gated(), name));
    super::fixture::finish(&pod("Never", &init, &[one(REGULAR_1, 5)]), 5 * 60)
}

fn started_in_order(results: &Timeline) {
    results.starts_before(SIDECAR_1, SIDECAR_2);
    results.starts_before(SIDECAR_1, SIDECAR_3);
    results.starts_before(SIDECAR_2, SIDECAR_3);
    for name in SIDECARS {
        results.starts_before(name, REGULAR_1);
    }
}

fn ended_in_reverse_order(results: &Timeline) {
    for name in SIDECARS {
        results.exits_before(REGULAR_1, name);
    }
    results.exits_before(SIDECAR_3, SIDECAR_2);
    results.exits_before(SIDECAR_2, SIDECAR_1);
}

fn in_reverse_order() {
    let (status, results) = by_itself(|own, _| own);
    ended(&status, &SIDECARS.map(|name| (name, 0)));
    started_in_order(&results);
    ended_in_reverse_order(&results);
}

/// Whether two moments are less than this apart.
fn close(one: Duration, other: Duration, tolerance_ms: u64, results: &Timeline) {
    let apart = one.abs_diff(other);
    assert!(
        apart <= Duration::from_millis(tolerance_ms),
        "{apart:?} apart\n{results}"
    );
}

fn pre_stop_that_never_ends() {
    let (status, results) = by_itself(|own, name| own.pre_stop(&pre_stop(name).loops("0.2")));
    ended(&status, &SIDECARS.map(|name| (name, 137)));
    started_in_order(&results);
    let since_start = |at: seedpod_core::time::Instant| at - seedpod_core::time::Instant::ZERO;
    let lives = SIDECARS.map(|name| {
        let hook = of("PreStop", name);
        let last = results.find_last(&hook, "Looping").expect("it looped");
        let last = since_start(results.steps()[last].at);
        (since_start(results.time_of(&hook, "Starting")), last)
    });
    for (start, last) in lives {
        close(last, lives[0].1, 1000, &results);
        close(last - start, Duration::from_secs(32), 1500, &results);
    }
}

fn pre_stop_hooks_at_the_same_time() {
    let (status, results) = by_itself(|own, name| own.pre_stop(&pre_stop(name).delay(1)));
    ended(&status, &SIDECARS.map(|name| (name, 0)));
    started_in_order(&results);
    ended_in_reverse_order(&results);
    let zero = seedpod_core::time::Instant::ZERO;
    let starts = SIDECARS.map(|name| results.time_of(&of("PreStop", name), "Starting") - zero);
    for start in starts {
        close(start, starts[0], 1000, &results);
    }
}

fn during_initialization() {
    let mut init = vec![one("start-init", 300)];
    init.extend(SIDECARS.map(|name| {
        let hook = pre_stop(name).delay(1);
        sidecar(name, 60).terminates_after(5).pre_stop(&hook)
    }));
    let mut cluster = create(&pod("Never", &init, &[one(REGULAR_1, 5)]));
    let status = cluster.wait(POD, 120, |status| {
        status.init_containers[0].started && is_running(&status.init_containers[0])
    });
    assert_eq!(status.phase, Phase::Pending);
    let start = cluster.now();
    cluster.delete(POD, Some(3));
    cluster.wait_for_not_found(POD, 120);
    let took = cluster.now() - start;
    assert!(took < Duration::from_secs(3 + 2), "{took:?}");
}

fn with_one_that_has_not_started() {
    let init = [
        one(INIT_1, 1).terminates_after(5),
        sidecar(SIDECAR_2, 600)
            .terminates_after(1)
            .with("startupProbe: {exec: {command: ['false']}, failureThreshold: 600}"),
        sidecar(SIDECAR_3, 600).terminates_after(1),
    ];
    let regular = one(REGULAR_1, 600).terminates_after(1);
    let mut cluster = create(&with_grace(&pod("Never", &init, &[regular]), 180));
    let status = cluster.wait(POD, 120, |status| {
        is_running(&status.init_containers[1]) && !status.init_containers[1].started
    });
    assert_eq!(status.phase, Phase::Pending);
    cluster.delete(POD, Some(180));
    cluster.wait_for_not_found(POD, 1 + 60);
}

fn image_update(policy: &str) {
    let init = [
        one(INIT_1, 1).terminates_after(5),
        sidecar(SIDECAR_2, 600).terminates_after(10).image(AGNHOST),
        sidecar(SIDECAR_3, 600).terminates_after(10).image(AGNHOST),
    ];
    let regular = one(REGULAR_1, 600).terminates_after(10);
    let mut cluster = create(&with_grace(&pod(policy, &init, &[regular]), 180));
    cluster.wait_for_running(POD, POD_START_S);
    cluster.delete(POD, Some(180));
    cluster.set_image(POD, SIDECAR_2, BUSYBOX);
    cluster.hold(POD, 20, |status| {
        status.init_containers.iter().all(|own| {
            let succeeded =
                matches!(&own.state, ContainerState::Terminated(ended) if ended.exit_code == 0);
            !succeeded || own.restart_count == 0
        })
    });
    cluster.wait_for_not_found(POD, 10 + 60);
}

/// Sidecars that need so many seconds to end and exit so, with hooks of such delays and codes; the phase is decided by
/// the regular container alone.
fn exit_codes(
    grace_s: u32,
    sidecars: [(u32, u8); 3],
    hooks: [Option<(u32, u8)>; 3],
    expected: &[(&str, i32)],
) {
    let mut init = Vec::new();
    for ((name, (termination_s, code)), hook) in SIDECARS.into_iter().zip(sidecars).zip(hooks) {
        let own = sidecar(name, 600)
            .terminates_after(termination_s)
            .exits(code);
        init.push(match hook {
            None => own.gated(),
            Some((delay_s, code)) => own.pre_stop(&pre_stop(name).delay(delay_s).exits(code)),
        });
    }
    let regular = one(REGULAR_1, 600).terminates_after(1);
    let status = deleted(
        &with_grace(&pod("Never", &init, &[regular]), grace_s),
        grace_s,
    );
    assert_eq!(status.phase, Phase::Succeeded);
    ended(&status, &[(REGULAR_1, 0)]);
    ended(&status, expected);
}

/// The last status of a pod that is deleted once it runs.
fn deleted(manifest: &str, grace_s: u32) -> Status {
    let mut cluster = create(manifest);
    cluster.wait_for_running(POD, POD_START_S);
    // The traps of the scripts.
    cluster.run(2);
    cluster.delete(POD, Some(grace_s));
    cluster.wait_for_not_found(POD, POD_START_S);
    cluster.status(POD)
}

fn regular_exceeds_its_grace() {
    let init = [
        sidecar(SIDECAR_1, 600).terminates_after(20),
        sidecar(SIDECAR_2, 600).terminates_after(1),
        sidecar(SIDECAR_3, 600).terminates_after(20),
    ];
    let regular = one(REGULAR_1, 600).terminates_after(20);
    let status = deleted(&with_grace(&pod("Never", &init, &[regular]), 5), 5);
    assert_eq!(status.phase, Phase::Failed);
    let expected = [
        (REGULAR_1, 137),
        (SIDECAR_1, 137),
        (SIDECAR_2, 0),
        (SIDECAR_3, 137),
    ];
    ended(&status, &expected);
}

fn regular_exceeds_its_grace_by_pre_stop() {
    let init = [
        sidecar(SIDECAR_1, 600).terminates_after(1).gated(),
        sidecar(SIDECAR_2, 600).terminates_after(20).gated(),
        sidecar(SIDECAR_3, 600).terminates_after(1).gated(),
    ];
    let hook = Script::new(REGULAR_1).delay(20);
    let regular = one(REGULAR_1, 600).terminates_after(20).pre_stop(&hook);
    let status = deleted(&with_grace(&pod("Never", &init, &[regular]), 5), 5);
    assert_eq!(status.phase, Phase::Failed);
    let expected = [
        (REGULAR_1, 137),
        (SIDECAR_1, 0),
        (SIDECAR_2, 137),
        (SIDECAR_3, 0),
    ];
    ended(&status, &expected);
}
