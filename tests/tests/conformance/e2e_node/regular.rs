//! Pods without sidecars: image updates, probes, hooks, grace.

use super::fixture::{
    self, AGNHOST, BUSYBOX, FAILING, INIT_1, POD, REGULAR_1, REGULAR_2, SIDECAR_1, Script, create,
    finish, is_running, named, of, one, pod, restarted, sidecar, with_grace,
};
use crate::cases::{Case, pass};
use seedpod::status::{ContainerState, Phase};
use seedpod_tests::cluster::POD_START_S;

pub(super) const CASES: &[Case] = &[
    pass(
        169,
        "A pod is running only regular containers the regular container has its image updated should successfully restart when the image is updated, restartPolicy=Always",
        || image_update("Always"),
    ),
    pass(
        173,
        "A pod is running only regular containers the regular container has its image updated should successfully restart when the image is updated and restartPolicy=OnFailure",
        || image_update("OnFailure"),
    ),
    pass(
        179,
        "A pod is running only regular containers the regular container has its image updated should successfully restart when the image is updated and restartPolicy=Never",
        || image_update("Never"),
    ),
    pass(
        297,
        "A pod is running only regular containers the regular container has its image updated during initialization Should not start a regular container, restartPolicy=Always",
        || image_update_during_initialization("Always"),
    ),
    pass(
        302,
        "A pod is running only regular containers the regular container has its image updated during initialization Should not start a regular container, restartPolicy=OnFailure",
        || image_update_during_initialization("OnFailure"),
    ),
    pass(
        307,
        "A pod is running only regular containers the regular container has its image updated during initialization Should not start a regular container, restartPolicy=Never",
        || image_update_during_initialization("Never"),
    ),
    pass(
        382,
        "A pod is running only regular containers The regular container has its image updated after a failed startup probe should update the image when restartPolicy=Always",
        || image_update_after_probe("Always", "startupProbe"),
    ),
    pass(
        388,
        "A pod is running only regular containers The regular container has its image updated after a failed startup probe should update the image when restartPolicy=OnFailure",
        || image_update_after_probe("OnFailure", "startupProbe"),
    ),
    pass(
        465,
        "A pod is running only regular containers The regular container has its image updated after a failed liveness probe should update the image when restartPolicy=Always",
        || image_update_after_probe("Always", "livenessProbe"),
    ),
    pass(
        471,
        "A pod is running only regular containers The regular container has its image updated after a failed liveness probe should update the image when restartPolicy=OnFailure",
        || image_update_after_probe("OnFailure", "livenessProbe"),
    ),
    pass(
        557,
        "A pod is running only regular containers The regular container has its image updated during termination should not update the image when restartPolicy=Always",
        || image_update_during_termination("Always"),
    ),
    pass(
        563,
        "A pod is running only regular containers The regular container has its image updated during termination should not update the image when restartPolicy=OnFailure",
        || image_update_during_termination("OnFailure"),
    ),
    pass(
        569,
        "A pod is running only regular containers The regular container has its image updated during termination should not update the image when restartPolicy=Never",
        || image_update_during_termination("Never"),
    ),
    pass(
        818,
        "Running a pod with init containers and regular containers, restartPolicy=Never running a Pod with a failed regular container should restart failing container when pod restartPolicy is Always",
        restarts_failing_container,
    ),
    pass(
        863,
        "Running a pod with init containers and regular containers, restartPolicy=Never Running a pod with multiple containers and a PostStart hook should not launch second container before PostStart of the first container completed",
        post_start_blocks_the_next_container,
    ),
    pass(
        1100,
        "Running a pod with init containers and regular containers, restartPolicy=Never a pod cannot terminate gracefully should respect termination grace period seconds",
        || grace_period(""),
    ),
    pass(
        1121,
        "Running a pod with init containers and regular containers, restartPolicy=Never a pod cannot terminate gracefully should respect termination grace period seconds with long-running preStop hook",
        || grace_period("lifecycle: {preStop: {exec: {command: [sleep, '10000']}}}"),
    ),
    pass(
        1155,
        "Running a pod with init containers and regular containers, restartPolicy=Never A regular container has a PreStop hook A regular container fails a startup probe should call the container's preStop hook and terminate it if its startup probe fails",
        || pre_stop_after_probe("startupProbe"),
    ),
    pass(
        1224,
        "Running a pod with init containers and regular containers, restartPolicy=Never A regular container has a PreStop hook A regular container fails a liveness probe should call the container's preStop hook and terminate it if its liveness probe fails",
        || pre_stop_after_probe("livenessProbe"),
    ),
    pass(
        1330,
        "Running a pod with init containers and regular containers, restartPolicy=Never A regular container has a PreStop hook A regular container fails a liveness probe a pod is terminating because its liveness probe fails should execute readiness probe while in preStop, but not liveness",
        readiness_in_pre_stop,
    ),
    pass(
        1380,
        "Running a pod with init containers and regular containers, restartPolicy=Never A regular container has a PreStop hook A regular container fails a liveness probe a pod is terminating because its liveness probe fails should not continue running liveness probes for restartable init containers and restart them while in preStop",
        no_liveness_of_sidecars_in_pre_stop,
    ),
];

fn image_update(policy: &str) {
    let regular = [REGULAR_1, REGULAR_2].map(|name| one(name, 60).image(AGNHOST));
    let mut cluster = create(&pod(policy, &[], &regular));
    cluster.wait_for_running(POD, POD_START_S);
    cluster.set_image(POD, REGULAR_1, BUSYBOX);
    cluster.wait(POD, 20, |status| {
        let first = &status.containers[0];
        is_running(first) && first.image == BUSYBOX && first.restart_count > 0
    });
    cluster.wait(POD, 30, |status| {
        let second = &status.containers[1];
        is_running(second) && second.restart_count < 1
    });
}

fn image_update_during_initialization(policy: &str) {
    let init = one(INIT_1, 60).image(AGNHOST);
    let regular =
        [REGULAR_1, REGULAR_2].map(|name| one(name, 10).terminates_after(1).image(AGNHOST));
    let mut cluster = create(&pod(policy, &[init], &regular));
    let status = cluster.wait(POD, 120, |status| {
        is_running(&status.init_containers[0]) && status.init_containers[0].started
    });
    assert_eq!(status.phase, Phase::Pending);
    cluster.set_image(POD, REGULAR_1, BUSYBOX);
    cluster.hold(POD, 50, |status| {
        let idle = |one| !is_running(one) && one.restart_count == 0;
        status.phase == Phase::Pending && status.containers.iter().all(idle)
    });
    let status = cluster.wait(POD, 60, |status| {
        let running = |one| is_running(one) && one.restart_count == 0;
        status.phase == Phase::Running && status.containers.iter().all(running)
    });
    assert_eq!(status.containers[0].image, BUSYBOX);
}

fn image_update_after_probe(policy: &str, probe: &str) {
    let probe = format!("{probe}: {{{FAILING}, initialDelaySeconds: 20}}");
    let regular = one(REGULAR_1, 600).image(AGNHOST).with(&probe);
    let mut cluster = create(&pod(policy, &[], &[regular]));
    restarted(&mut cluster, REGULAR_1, 1, 120);
    cluster.set_image(POD, REGULAR_1, BUSYBOX);
    cluster.wait(POD, 60, |status| {
        let first = &status.containers[0];
        first.image == BUSYBOX && first.restart_count > 1
    });
}

fn image_update_during_termination(policy: &str) {
    let regular = one(REGULAR_1, 10)
        .terminates_after(60)
        .exits(1)
        .image(AGNHOST);
    let mut cluster = create(&pod(policy, &[], &[regular]));
    cluster.wait_for_running(POD, POD_START_S);
    cluster.delete(POD, Some(120));
    cluster.set_image(POD, REGULAR_1, BUSYBOX);
    cluster.hold(POD, 50, |status| {
        let first = &status.containers[0];
        let succeeded =
            matches!(&first.state, ContainerState::Terminated(ended) if ended.exit_code == 0);
        !succeeded || first.restart_count == 0
    });
    cluster.wait_for_not_found(POD, 60);
    assert_eq!(cluster.container(POD, REGULAR_1).restart_count, 0);
}

fn restarts_failing_container() {
    let mut cluster = create(&pod("Always", &[], &[one(REGULAR_1, 1).exits(1)]));
    restarted(&mut cluster, REGULAR_1, 3, 120);
    let results = cluster.timeline(POD);
    results.starts(REGULAR_1);
    results.starts_before(REGULAR_1, REGULAR_1);
    results.exits_before(REGULAR_1, REGULAR_1);
}

fn post_start_blocks_the_next_container() {
    let hook = of("PostStart", REGULAR_1);
    let first = one(REGULAR_1, 10).post_start(&Script::new(&hook).delay(1));
    let (_, results) = finish(&pod("Never", &[], &[first, one(REGULAR_2, 1)]), 60);
    results.starts_before(&hook, REGULAR_2);
    results.exits_before(&hook, REGULAR_2);
}

fn grace_period(lifecycle: &str) {
    let container = format!("command: [sleep, '10000']\n{lifecycle}");
    let spec = "terminationGracePeriodSeconds: 30";
    let mut cluster = create(&crate::cases::pod(
        POD, spec, "regular1", BUSYBOX, &container,
    ));
    cluster.wait_for_running(POD, POD_START_S);
    cluster.delete(POD, None);
    cluster.wait_for_not_found(POD, 30 + 30);
}

fn pre_stop_after_probe(probe: &str) {
    let hook = of("PreStop", REGULAR_1);
    let regular = one(REGULAR_1, 100)
        .terminates_after(15)
        .with(&format!("{probe}: {{{FAILING}, initialDelaySeconds: 10}}"))
        .pre_stop(&Script::new(&hook).delay(1));
    let (_, results) = finish(&pod("Never", &[], &[regular]), 5 * 60);
    results.run_together(REGULAR_1, &hook);
    results.starts(&hook);
    results.exits(REGULAR_1);
}

/// The container of the pods that end because their liveness probe fails.
fn failing_liveness(hook: &Script) -> fixture::One {
    let liveness = Script::new(of("Liveness", REGULAR_1)).exits(1).command();
    one(REGULAR_1, 100)
        .terminates_after(15)
        .with(&format!(
            "livenessProbe: {{exec: {{command: {liveness}}}, initialDelaySeconds: 10, periodSeconds: 1, failureThreshold: 1}}"
        ))
        .pre_stop(hook)
}

fn readiness_in_pre_stop() {
    let hook = of("PreStop", REGULAR_1);
    let readiness = of("Readiness", REGULAR_1);
    let command = Script::new(&readiness).command();
    let regular = failing_liveness(&Script::new(&hook).delay(10)).with(&format!(
        "readinessProbe: {{exec: {{command: {command}}}, initialDelaySeconds: 1, periodSeconds: 1}}"
    ));
    let manifest = with_grace(&pod("Never", &[], &[regular]), 100);
    let (_, results) = finish(&manifest, 5 * 60);
    results.run_together_in_order(&hook, &readiness);
    let stopping = results.index(&hook, "Started", 0);
    let later = results.find(&of("Liveness", REGULAR_1), "Started", stopping);
    assert_eq!(later, None, "{results}");
}

fn no_liveness_of_sidecars_in_pre_stop() {
    let hook = of("PreStop", REGULAR_1);
    let liveness = of("Liveness", SIDECAR_1);
    let command = Script::new(&liveness).exits(1).command();
    let restartable = sidecar(SIDECAR_1, 100).terminates_after(1).with(&format!(
        "livenessProbe: {{exec: {{command: {command}}}, initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 1}}"
    ));
    let regular = failing_liveness(&Script::new(&hook).starts_after(10).delay(40));
    let manifest = with_grace(&pod("Never", &[restartable], &[regular]), 100);
    let mut cluster = create(&manifest);
    let status = cluster.wait(POD, 5 * 60, |status| status.phase.is_terminal());
    assert!(named(&status, SIDECAR_1).is_some());
    let results = cluster.timeline(POD);
    let stopping = results.index(&hook, "Started", 0);
    assert_eq!(
        results.find(&liveness, "Starting", stopping),
        None,
        "{results}"
    );
    assert_eq!(
        results.find(SIDECAR_1, "Started", stopping),
        None,
        "{results}"
    );
}
