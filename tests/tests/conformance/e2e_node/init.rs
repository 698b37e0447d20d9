//! Init containers.

use super::fixture::{
    AGNHOST, BUSYBOX, INIT_1, INIT_2, INIT_3, INVALID, POD, REGULAR_1, Script, create, finish, of,
    one, pod, restarted,
};
use crate::cases::{Case, pass};
use seedpod::status::ContainerState;
use seedpod_tests::Timeline;
use seedpod_tests::cluster::POD_START_S;

pub(super) const CASES: &[Case] = &[
    pass(
        579,
        "Running a pod with init containers and regular containers, restartPolicy=Never A pod initializes successfully should launch init container serially before a regular container",
        serially,
    ),
    pass(
        689,
        "Running a pod with init containers and regular containers, restartPolicy=Never an init container fails should not launch regular containers if an init container fails",
        a_failing_one_stops_the_pod,
    ),
    pass(
        746,
        "Running a pod with init containers and regular containers, restartPolicy=Never The regular container has a PostStart hook should run Init container to completion before call to PostStart of regular container",
        before_post_start,
    ),
    pass(
        969,
        "Running a pod with init containers and regular containers, restartPolicy=Never have init container in a Pod with restartPolicy=Never an init container fails to start because of a bad image should mark a Pod as failed and produce log",
        || {
            bad_image("Never");
        },
    ),
    pass(
        980,
        "Running a pod with init containers and regular containers, restartPolicy=Never have init container in a Pod with restartPolicy=Never an init container fails to start because of a bad image should not start an init container",
        || bad_image("Never").does_not_start(INIT_1),
    ),
    pass(
        983,
        "Running a pod with init containers and regular containers, restartPolicy=Never have init container in a Pod with restartPolicy=Never an init container fails to start because of a bad image should not start a regular container",
        || bad_image("Never").does_not_start(REGULAR_1),
    ),
    pass(
        990,
        "Running a pod with init containers and regular containers, restartPolicy=Never A regular container restarts with init containers shouldn't restart init containers upon regular container restart",
        not_again,
    ),
    pass(
        1488,
        "Running a pod with init containers and regular containers, restartPolicy=Always the init container is updated with a new image should not restart init container when updated with a new image after finishing",
        image_update_after_the_end,
    ),
    pass(
        1519,
        "Running a pod with init containers and regular containers, restartPolicy=Always the init container is updated with a new image should not restart the init container if the image is updated during initialization",
        image_update_while_it_runs,
    ),
    pass(
        1582,
        "Running a pod with init containers and regular containers, restartPolicy=Always the init container is updated with a new image should not restart the init container if the image is updated during termination",
        image_update_during_termination,
    ),
];

fn serially() {
    let init = [INIT_1, INIT_2, INIT_3].map(|name| one(name, 1));
    let probe = "startupProbe: {exec: {command: [test, -f, started]}}";
    let regular = one(REGULAR_1, 1).starts_after(5).with(probe);
    let (_, results) = finish(&pod("Never", &init, &[regular]), 60);
    in_order(&results);
}

fn in_order(results: &Timeline) {
    let order = [INIT_1, INIT_2, INIT_3, REGULAR_1];
    for pair in order.windows(2) {
        results.starts_before(pair[0], pair[1]);
        results.exits_before(pair[0], pair[1]);
    }
}

fn a_failing_one_stops_the_pod() {
    let manifest = pod("Never", &[one(INIT_1, 1).exits(1)], &[one(REGULAR_1, 1)]);
    let mut cluster = create(&manifest);
    cluster.wait_for_failure(POD, 60);
    let results = cluster.timeline(POD);
    results.starts(INIT_1);
    results.exits(INIT_1);
    results.does_not_start(REGULAR_1);
}

fn before_post_start() {
    let hook = of("PostStart", REGULAR_1);
    let regular = one(REGULAR_1, 10).post_start(&Script::new(&hook).delay(1));
    let (_, results) = finish(&pod("Never", &[one(INIT_1, 1)], &[regular]), 60);
    results.starts_before(INIT_1, &hook);
    results.exits_before(INIT_1, &hook);
    results.run_together(REGULAR_1, &hook);
}

fn bad_image(policy: &str) -> Timeline {
    let init = one(INIT_1, 600).image(INVALID);
    let mut cluster = create(&pod(policy, &[init], &[one(REGULAR_1, 1)]));
    cluster.wait_for_waiting(POD, INIT_1, "ImagePullBackOff", POD_START_S);
    cluster.timeline(POD)
}

fn not_again() {
    let init = [INIT_1, INIT_2, INIT_3].map(|name| one(name, 1));
    let mut cluster = create(&pod("Always", &init, &[one(REGULAR_1, 10).exits(255)]));
    restarted(&mut cluster, REGULAR_1, 3, 120);
    let results = cluster.timeline(POD);
    in_order(&results);
    for name in [INIT_1, INIT_2, INIT_3] {
        results.has_not_restarted(name);
    }
    results.has_restarted(REGULAR_1);
}

fn image_update_after_the_end() {
    let init = one(INIT_1, 1).image(AGNHOST);
    stays_ended(&pod("Always", &[init], &[one(REGULAR_1, 20)]), BUSYBOX);
}

fn image_update_while_it_runs() {
    let init = one(INIT_1, 20).image(AGNHOST);
    let regular = one(REGULAR_1, 20).exits(255);
    stays_ended(&pod("Always", &[init], &[regular]), INVALID);
}

/// An init container that has ended does not care for its image.
fn stays_ended(manifest: &str, image: &str) {
    let mut cluster = create(manifest);
    cluster.wait_for_running(POD, POD_START_S);
    cluster.set_image(POD, INIT_1, image);
    cluster.hold(POD, 30, |status| {
        let init = &status.init_containers[0];
        let succeeded =
            matches!(&init.state, ContainerState::Terminated(ended) if ended.exit_code == 0);
        succeeded && init.image != image && init.restart_count < 1
    });
    cluster.timeline(POD).has_not_restarted(INIT_1);
}

fn image_update_during_termination() {
    let init = one(INIT_1, 1).image(AGNHOST);
    let regular = one(REGULAR_1, 20).terminates_after(20).exits(1);
    let mut cluster = create(&pod("Never", &[init], &[regular]));
    cluster.wait_for_running(POD, POD_START_S);
    cluster.delete(POD, None);
    cluster.set_image(POD, INIT_1, BUSYBOX);
    cluster.hold(POD, 15, |status| {
        let init = &status.init_containers[0];
        init.restart_count == 0 && init.image != BUSYBOX
    });
}
