//! Restartable init containers: start, restarts, probes, image updates.

use super::fixture::{
    AGNHOST, BUSYBOX, FAILING, INIT_1, INIT_2, INIT_3, INVALID, POD, REGULAR_1, SIDECAR_1,
    SIDECAR_2, Script, create, is_running, named, of, one, pod, restarted, sidecar, succeed,
};
use crate::cases::{Case, pass};
use seedpod::status::Phase;
use seedpod_tests::cluster::POD_START_S;
use seedpod_tests::{Cluster, Timeline};

pub(super) const CASES: &[Case] = &[
    pass(
        2204,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should finish and produce log",
        || {
            serial();
        },
    ),
    pass(
        2220,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should run the first init container to completion before starting first restartable init container",
        || {
            let results = serial();
            results.starts_before(INIT_1, SIDECAR_1);
            results.exits_before(INIT_1, SIDECAR_1);
        },
    ),
    pass(
        2225,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should run first init container and first restartable init container together",
        || serial().run_together_in_order(SIDECAR_1, INIT_2),
    ),
    pass(
        2229,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should run second init container to completion before starting second restartable init container",
        || {
            let results = serial();
            results.starts_before(INIT_2, SIDECAR_2);
            results.exits_before(INIT_2, SIDECAR_2);
        },
    ),
    pass(
        2234,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should start second restartable init container before third init container",
        || serial().starts_before(SIDECAR_2, INIT_3),
    ),
    pass(
        2238,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should run both restartable init containers and third init container together",
        || {
            let results = serial();
            results.run_together(SIDECAR_1, SIDECAR_2);
            results.run_together(SIDECAR_1, INIT_3);
            results.run_together(SIDECAR_2, INIT_3);
        },
    ),
    pass(
        2244,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should run third init container to completion before starting regular container",
        || {
            let results = serial();
            results.starts_before(INIT_3, REGULAR_1);
            results.exits_before(INIT_3, REGULAR_1);
        },
    ),
    pass(
        2249,
        "using a Pod with restartPolicy=Never, three init container and two restartable init containers should run both restartable init containers and a regular container together",
        || {
            let results = serial();
            results.run_together(SIDECAR_1, REGULAR_1);
            results.run_together(SIDECAR_2, REGULAR_1);
        },
    ),
    pass(
        2333,
        "initializing an init container after a restartable init container Should begin initializing the pod, restartPolicy=Always",
        || image_update_during_initialization("Always"),
    ),
    pass(
        2394,
        "initializing an init container after a restartable init container Should begin initializing the pod, restartPolicy=OnFailure",
        || image_update_during_initialization("OnFailure"),
    ),
    pass(
        2457,
        "initializing an init container after a restartable init container Should begin initializing the pod, restartPolicy=Never",
        || image_update_during_initialization("Never"),
    ),
    pass(
        2576,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container runs continuously should complete a Pod successfully and produce log",
        || {
            continuous("Never");
        },
    ),
    pass(
        2591,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container runs continuously should not restart a restartable init container",
        || continuous("Never").has_not_restarted(SIDECAR_1),
    ),
    pass(
        2594,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container runs continuously should run a regular container to completion",
        || continuous("Never").exits(REGULAR_1),
    ),
    pass(
        2598,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container runs continuously should restart when updated with a new image",
        || image_update("Never"),
    ),
    pass(
        2722,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container fails to start because of a bad image should mark a Pod as failed and produce log",
        || {
            bad_image("Never");
        },
    ),
    pass(
        2734,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container fails to start because of a bad image should not start a restartable init container",
        || bad_image("Never").does_not_start(SIDECAR_1),
    ),
    pass(
        2737,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container fails to start because of a bad image should not start a regular container",
        || bad_image("Never").does_not_start(REGULAR_1),
    ),
    pass(
        2789,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 0 continuously should complete a Pod successfully and produce log",
        || {
            exiting("Never", 0);
        },
    ),
    pass(
        2803,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 0 continuously should restart a restartable init container before the regular container started",
        || exiting("Never", 0).starts_before(SIDECAR_1, REGULAR_1),
    ),
    pass(
        2806,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 0 continuously should restart a restartable init container after the regular container started",
        || exiting("Never", 0).starts_before(REGULAR_1, SIDECAR_1),
    ),
    pass(
        2809,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 0 continuously should run a regular container to completion",
        || exiting("Never", 0).exits(REGULAR_1),
    ),
    pass(
        2860,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 1 continuously should complete a Pod successfully and produce log",
        || {
            exiting("Never", 1);
        },
    ),
    pass(
        2875,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 1 continuously should restart a restartable init container before the regular container started",
        || exiting("Never", 1).starts_before(SIDECAR_1, REGULAR_1),
    ),
    pass(
        2878,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 1 continuously should restart a restartable init container after the regular container started",
        || exiting("Never", 1).starts_before(REGULAR_1, SIDECAR_1),
    ),
    pass(
        2881,
        "using a restartable init container in a Pod with restartPolicy=Never a restartable init container starts and exits with exit code 1 continuously should run a regular container to completion",
        || exiting("Never", 1).exits(REGULAR_1),
    ),
    pass(
        2933,
        "using a restartable init container in a Pod with restartPolicy=Never an Init container before restartable init container fails should mark a Pod as failed and produce log",
        || {
            init_fails_before("Never");
        },
    ),
    pass(
        2944,
        "using a restartable init container in a Pod with restartPolicy=Never an Init container before restartable init container fails should mark an Init container as failed",
        || init_fails_before("Never").exits(INIT_1),
    ),
    pass(
        2947,
        "using a restartable init container in a Pod with restartPolicy=Never an Init container before restartable init container fails should not start restartable init container",
        || init_fails_before("Never").does_not_start(SIDECAR_1),
    ),
    pass(
        2999,
        "using a restartable init container in a Pod with restartPolicy=Never an Init container after restartable init container fails should mark a Pod as failed and produce log",
        || {
            init_fails_after("Never");
        },
    ),
    pass(
        3010,
        "using a restartable init container in a Pod with restartPolicy=Never an Init container after restartable init container fails should mark an Init container as failed",
        || init_fails_after("Never").exits(INIT_1),
    ),
    pass(
        3015,
        "using a restartable init container in a Pod with restartPolicy=Never an Init container after restartable init container fails should be running restartable init container and a failed Init container in parallel",
        || init_fails_after("Never").run_together(SIDECAR_1, INIT_1),
    ),
    pass(
        3062,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container runs continuously should complete a Pod successfully and produce log",
        || {
            continuous("OnFailure");
        },
    ),
    pass(
        3077,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container runs continuously should not restart a restartable init container",
        || continuous("OnFailure").has_not_restarted(SIDECAR_1),
    ),
    pass(
        3080,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container runs continuously should run a regular container to completion",
        || continuous("OnFailure").exits(REGULAR_1),
    ),
    pass(
        3084,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container runs continuously should restart when updated with a new image",
        || image_update("OnFailure"),
    ),
    pass(
        3210,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container fails to start because of a bad image should mark a Pod as failed and produce log",
        || {
            bad_image("OnFailure");
        },
    ),
    pass(
        3222,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container fails to start because of a bad image should not start a restartable init container",
        || bad_image("OnFailure").does_not_start(SIDECAR_1),
    ),
    pass(
        3225,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container fails to start because of a bad image should not start a regular container",
        || bad_image("OnFailure").does_not_start(REGULAR_1),
    ),
    pass(
        3278,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 0 continuously should complete a Pod successfully and produce log",
        || {
            exiting("OnFailure", 0);
        },
    ),
    pass(
        3293,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 0 continuously should restart a restartable init container before the regular container started",
        || exiting("OnFailure", 0).starts_before(SIDECAR_1, REGULAR_1),
    ),
    pass(
        3296,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 0 continuously should restart a restartable init container after the regular container started",
        || exiting("OnFailure", 0).starts_before(REGULAR_1, SIDECAR_1),
    ),
    pass(
        3299,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 0 continuously should run a regular container to completion",
        || exiting("OnFailure", 0).exits(REGULAR_1),
    ),
    pass(
        3352,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 1 continuously should complete a Pod successfully and produce log",
        || {
            exiting("OnFailure", 1);
        },
    ),
    pass(
        3367,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 1 continuously should restart a restartable init container before the regular container started",
        || exiting("OnFailure", 1).starts_before(SIDECAR_1, REGULAR_1),
    ),
    pass(
        3370,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 1 continuously should restart a restartable init container after the regular container started",
        || exiting("OnFailure", 1).starts_before(REGULAR_1, SIDECAR_1),
    ),
    pass(
        3373,
        "using a restartable init container in a Pod with restartPolicy=OnFailure a restartable init container starts and exits with exit code 1 continuously should run a regular container to completion",
        || exiting("OnFailure", 1).exits(REGULAR_1),
    ),
    pass(
        3425,
        "using a restartable init container in a Pod with restartPolicy=OnFailure an Init container before restartable init container continuously fails should continuously run Pod keeping it Pending",
        || {
            init_fails_before("OnFailure");
        },
    ),
    pass(
        3445,
        "using a restartable init container in a Pod with restartPolicy=OnFailure an Init container before restartable init container continuously fails should have Init container restartCount greater than 0",
        || init_fails_before("OnFailure").has_restarted(INIT_1),
    ),
    pass(
        3448,
        "using a restartable init container in a Pod with restartPolicy=OnFailure an Init container before restartable init container continuously fails should not start restartable init container",
        || init_fails_before("OnFailure").does_not_start(SIDECAR_1),
    ),
    pass(
        3500,
        "using a restartable init container in a Pod with restartPolicy=OnFailure an Init container after restartable init container fails should continuously run Pod keeping it Pending",
        || {
            init_fails_after("OnFailure");
        },
    ),
    pass(
        3520,
        "using a restartable init container in a Pod with restartPolicy=OnFailure an Init container after restartable init container fails should have Init container restartCount greater than 0",
        || init_fails_after("OnFailure").has_restarted(INIT_1),
    ),
    pass(
        3524,
        "using a restartable init container in a Pod with restartPolicy=OnFailure an Init container after restartable init container fails should be running restartable init container and a failed Init container in parallel",
        || init_fails_after("OnFailure").run_together(SIDECAR_1, INIT_1),
    ),
    pass(
        3571,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container runs continuously should keep running a Pod continuously and produce log",
        || {
            continuous("Always");
        },
    ),
    pass(
        3583,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container runs continuously should not restart a restartable init container",
        || continuous("Always").has_not_restarted(SIDECAR_1),
    ),
    pass(
        3587,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container runs continuously should start a regular container",
        || continuous("Always").has_restarted(REGULAR_1),
    ),
    pass(
        3591,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container runs continuously should restart when updated with a new image",
        || image_update("Always"),
    ),
    pass(
        3715,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container fails to start because of a bad image should continuously run Pod keeping it Pending and produce log",
        || {
            bad_image("Always");
        },
    ),
    pass(
        3727,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container fails to start because of a bad image should not start a restartable init container",
        || bad_image("Always").does_not_start(SIDECAR_1),
    ),
    pass(
        3730,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container fails to start because of a bad image should not start a regular container",
        || bad_image("Always").does_not_start(REGULAR_1),
    ),
    pass(
        3782,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 0 continuously should keep running a Pod continuously and produce log",
        || {
            exiting("Always", 0);
        },
    ),
    pass(
        3793,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 0 continuously should restart a restartable init container before the regular container started",
        || exiting("Always", 0).starts_before(SIDECAR_1, REGULAR_1),
    ),
    pass(
        3796,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 0 continuously should restart a restartable init container after the regular container started",
        || exiting("Always", 0).starts_before(REGULAR_1, SIDECAR_1),
    ),
    pass(
        3799,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 0 continuously should start a regular container",
        || exiting("Always", 0).starts(REGULAR_1),
    ),
    pass(
        3852,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 1 continuously should keep running a Pod continuously and produce log",
        || {
            exiting("Always", 1);
        },
    ),
    pass(
        3863,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 1 continuously should restart a restartable init container before the regular container started",
        || exiting("Always", 1).starts_before(SIDECAR_1, REGULAR_1),
    ),
    pass(
        3866,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 1 continuously should restart a restartable init container after the regular container started",
        || exiting("Always", 1).starts_before(REGULAR_1, SIDECAR_1),
    ),
    pass(
        3869,
        "using a restartable init container in a Pod with restartPolicy=Always a restartable init container starts and exits with exit code 1 continuously should start a regular container",
        || exiting("Always", 1).starts(REGULAR_1),
    ),
    pass(
        3921,
        "using a restartable init container in a Pod with restartPolicy=Always an Init container before restartable init container continuously fails should continuously run Pod keeping it Pending",
        || {
            init_fails_before("Always");
        },
    ),
    pass(
        3941,
        "using a restartable init container in a Pod with restartPolicy=Always an Init container before restartable init container continuously fails should have Init container restartCount greater than 0",
        || init_fails_before("Always").has_restarted(INIT_1),
    ),
    pass(
        3944,
        "using a restartable init container in a Pod with restartPolicy=Always an Init container before restartable init container continuously fails should not start restartable init container",
        || init_fails_before("Always").does_not_start(SIDECAR_1),
    ),
    pass(
        3996,
        "using a restartable init container in a Pod with restartPolicy=Always an Init container after restartable init container fails should continuously run Pod keeping it Pending",
        || {
            init_fails_after("Always");
        },
    ),
    pass(
        4016,
        "using a restartable init container in a Pod with restartPolicy=Always an Init container after restartable init container fails should have Init container restartCount greater than 0",
        || init_fails_after("Always").has_restarted(INIT_1),
    ),
    pass(
        4020,
        "using a restartable init container in a Pod with restartPolicy=Always an Init container after restartable init container fails should be running restartable init container and a failed Init container in parallel",
        || init_fails_after("Always").run_together(SIDECAR_1, INIT_1),
    ),
    pass(
        4027,
        "running restartable init containers with startup probes should launch restartable init containers serially considering the startup probe",
        serially_with_startup_probes,
    ),
    pass(
        4215,
        "running restartable init containers with startup probes the image is updated after the restartable init container's startup probe fails should update the image when restartPolicy=Never",
        || image_update_after_startup_probe("Never"),
    ),
    pass(
        4219,
        "running restartable init containers with startup probes the image is updated after the restartable init container's startup probe fails should update the image when restartPolicy=OnFailure",
        || image_update_after_startup_probe("OnFailure"),
    ),
    pass(
        4225,
        "running restartable init containers with startup probes the image is updated after the restartable init container's startup probe fails should update the image when restartPolicy=Always",
        || image_update_after_startup_probe("Always"),
    ),
    pass(
        4233,
        "running restartable init containers with startup probes using a PreStop hook should call the container's preStop hook and not launch next container if the restartable init container's startup probe fails",
        pre_stop_after_startup_probe,
    ),
    pass(
        4321,
        "running restartable init containers with liveness probes should call the container's preStop hook and start the next container if the restartable init container's liveness probe fails",
        pre_stop_after_liveness_probe,
    ),
    pass(
        4498,
        "running restartable init containers with liveness probes A restartable init container has its image changed after its liveness probe fails should update the image when restartPolicy=Never",
        || image_update_after_liveness_probe("Never"),
    ),
    pass(
        4512,
        "running restartable init containers with liveness probes A restartable init container has its image changed after its liveness probe fails should update the image when restartPolicy=OnFailure",
        || image_update_after_liveness_probe("OnFailure"),
    ),
    pass(
        4529,
        "running restartable init containers with liveness probes A restartable init container has its image changed after its liveness probe fails should update the image when restartPolicy=Always",
        || image_update_after_liveness_probe("Always"),
    ),
    pass(
        5961,
        "A restartable init container with startup probe fails initially should continue probing and allow regular container to start after the restartable init container recovers",
        startup_probe_after_a_failure,
    ),
];

fn serial() -> Timeline {
    let init = [
        one(INIT_1, 1),
        sidecar(SIDECAR_1, 600),
        one(INIT_2, 1),
        sidecar(SIDECAR_2, 600),
        one(INIT_3, 1),
    ];
    succeed(&pod("Never", &init, &[one(REGULAR_1, 1)]))
}

fn image_update_during_initialization(policy: &str) {
    let second = match policy {
        "Never" => one(INIT_2, 30).exits(1),
        _ => one(INIT_2, 600),
    };
    let init = [
        one(INIT_1, 1),
        sidecar(SIDECAR_1, 600)
            .terminates_after(5)
            .gated()
            .image(AGNHOST),
        second,
        sidecar(SIDECAR_2, 1).terminates_after(1).gated(),
    ];
    let mut cluster = create(&pod(
        policy,
        &init,
        &[one(REGULAR_1, 1).terminates_after(1)],
    ));
    let status = cluster.wait(POD, 120, |status| {
        is_running(&status.init_containers[2]) && status.init_containers[2].started
    });
    assert_eq!(status.phase, Phase::Pending);
    cluster.set_image(POD, SIDECAR_1, BUSYBOX);
    cluster.wait(POD, 60, |status| {
        let own = &status.init_containers[1];
        is_running(own) && own.restart_count > 0 && own.image == BUSYBOX
    });
    if policy == "Never" {
        cluster.wait_for_failure(POD, POD_START_S);
    } else {
        cluster.run(5);
    }
    let results = cluster.timeline(POD);
    results.starts_before(INIT_1, SIDECAR_1);
    results.starts_before(SIDECAR_1, INIT_2);
    results.does_not_start(SIDECAR_2);
    results.does_not_start(REGULAR_1);
    results.has_not_restarted(INIT_1);
    results.has_not_restarted(INIT_2);
    results.has_restarted(SIDECAR_1);
    if policy == "Never" {
        results.exits(INIT_1);
        let failed = results.index(INIT_2, "Exiting", 0);
        results.index(SIDECAR_1, "Exiting", failed + 1);
    }
}

fn continuous(policy: &str) -> Timeline {
    let manifest = pod(policy, &[sidecar(SIDECAR_1, 600)], &[one(REGULAR_1, 1)]);
    ends_or_restarts(policy, &manifest, 2)
}

/// A pod that succeeds, or with `Always` restarts its regular container this often.
fn ends_or_restarts(policy: &str, manifest: &str, restarts: u32) -> Timeline {
    if policy != "Always" {
        return succeed(manifest);
    }
    let mut cluster = create(manifest);
    restarted(&mut cluster, REGULAR_1, restarts, 120);
    cluster.timeline(POD)
}

fn image_update(policy: &str) {
    let init = [SIDECAR_1, SIDECAR_2].map(|name| sidecar(name, 600).image(AGNHOST));
    let delay_s = match policy {
        "Never" => 60,
        "OnFailure" => 30,
        _ => 10,
    };
    let mut cluster = create(&pod(policy, &init, &[one(REGULAR_1, delay_s)]));
    cluster.wait_for_running(POD, POD_START_S);
    cluster.set_image(POD, SIDECAR_1, BUSYBOX);
    if policy == "Always" {
        restarted(&mut cluster, REGULAR_1, 2, 120);
    }
    cluster.wait(POD, 120, |status| {
        let own = &status.init_containers[0];
        is_running(own) && own.image == BUSYBOX
    });
    if policy == "OnFailure" {
        cluster.wait_for_success(POD, POD_START_S);
    } else {
        cluster.run(2);
    }
    let results = cluster.timeline(POD);
    if policy != "Always" {
        results.has_not_restarted(REGULAR_1);
    }
    results.has_restarted(SIDECAR_1);
    results.has_not_restarted(SIDECAR_2);
}

fn bad_image(policy: &str) -> Timeline {
    let init = sidecar(SIDECAR_1, 600).image(INVALID);
    let mut cluster = create(&pod(policy, &[init], &[one(REGULAR_1, 1)]));
    cluster.wait_for_waiting(POD, SIDECAR_1, "ImagePullBackOff", POD_START_S);
    assert_eq!(cluster.status(POD).phase, Phase::Pending);
    cluster.timeline(POD)
}

fn exiting(policy: &str, code: u8) -> Timeline {
    let init = [sidecar(SIDECAR_1, 5).exits(code), one(INIT_1, 5)];
    let manifest = pod(policy, &init, &[one(REGULAR_1, 60)]);
    ends_or_restarts(policy, &manifest, 1)
}

fn init_fails_before(policy: &str) -> Timeline {
    let init = [one(INIT_1, 1).exits(1), sidecar(SIDECAR_1, 600)];
    fails_or_stays_pending(policy, &pod(policy, &init, &[one(REGULAR_1, 600)]))
}

fn init_fails_after(policy: &str) -> Timeline {
    let init = [sidecar(SIDECAR_1, 5).exits(1), one(INIT_1, 1).exits(1)];
    fails_or_stays_pending(policy, &pod(policy, &init, &[one(REGULAR_1, 600)]))
}

fn fails_or_stays_pending(policy: &str, manifest: &str) -> Timeline {
    let mut cluster = create(manifest);
    if policy == "Never" {
        cluster.wait_for_failure(POD, 60);
    } else {
        let status = cluster.wait(POD, 5 * 60, |status| {
            assert_eq!(status.phase, Phase::Pending);
            status.init_containers[0].restart_count >= 3
        });
        assert_eq!(status.phase, Phase::Pending);
    }
    cluster.timeline(POD)
}

fn serially_with_startup_probes() {
    let probe = "startupProbe: {exec: {command: [test, -f, started]}}";
    let init = [SIDECAR_1, SIDECAR_2].map(|name| sidecar(name, 600).starts_after(10).with(probe));
    let results = succeed(&pod("Never", &init, &[one(REGULAR_1, 1)]));
    results.starts_before(SIDECAR_1, SIDECAR_2);
    results.starts_before(SIDECAR_2, REGULAR_1);
}

fn with_failing_probe(policy: &str, probe: &str, delay_s: u32, regular_s: u32) -> Cluster {
    let probe = format!("{probe}: {{{FAILING}, initialDelaySeconds: {delay_s}}}");
    let init = [
        sidecar(SIDECAR_1, 600),
        sidecar(SIDECAR_2, 600).image(AGNHOST).with(&probe),
    ];
    let mut cluster = create(&pod(policy, &init, &[one(REGULAR_1, regular_s)]));
    restarted(&mut cluster, SIDECAR_2, 1, 120);
    cluster.set_image(POD, SIDECAR_2, BUSYBOX);
    cluster
}

fn image_update_after_startup_probe(policy: &str) {
    let mut cluster = with_failing_probe(policy, "startupProbe", 20, 1);
    cluster.wait(POD, 120, |status| status.phase == Phase::Pending);
    restarted(&mut cluster, SIDECAR_2, 2, 120);
    cluster.wait(POD, 30, |status| {
        let own = &status.init_containers[1];
        own.image == BUSYBOX && own.restart_count > 1
    });
    let results = cluster.timeline(POD);
    results.does_not_start(REGULAR_1);
    results.has_not_restarted(SIDECAR_1);
}

fn image_update_after_liveness_probe(policy: &str) {
    let regular_s = if policy == "Always" { 5 } else { 600 };
    let mut cluster = with_failing_probe(policy, "livenessProbe", 10, regular_s);
    restarted(&mut cluster, SIDECAR_2, 2, 120);
    cluster.wait(POD, 30, |status| status.init_containers[1].image == BUSYBOX);
    let results = cluster.timeline(POD);
    results.starts(REGULAR_1);
    if policy == "Always" {
        results.has_restarted(REGULAR_1);
    } else {
        results.has_not_restarted(REGULAR_1);
    }
    results.has_not_restarted(SIDECAR_1);
}

/// A sidecar with a probe that fails after 5 s and a `preStop` hook.
fn stopped_by(probe: &str) -> Cluster {
    let init = sidecar(SIDECAR_1, 600)
        .terminates_after(15)
        .with(&format!("{probe}: {{{FAILING}, initialDelaySeconds: 5}}"))
        .pre_stop(&Script::new(of("PreStop", SIDECAR_1)).delay(1));
    let mut cluster = create(&pod("Always", &[init], &[one(REGULAR_1, 1)]));
    restarted(&mut cluster, SIDECAR_1, 2, 120);
    cluster
}

fn hook_has_run(results: &Timeline) {
    let hook = of("PreStop", SIDECAR_1);
    results.run_together(SIDECAR_1, &hook);
    results.starts(&hook);
    results.exits(SIDECAR_1);
}

fn pre_stop_after_startup_probe() {
    let cluster = stopped_by("startupProbe");
    assert_eq!(cluster.status(POD).phase, Phase::Pending);
    let results = cluster.timeline(POD);
    hook_has_run(&results);
    results.does_not_start(REGULAR_1);
}

fn pre_stop_after_liveness_probe() {
    let mut cluster = stopped_by("livenessProbe");
    restarted(&mut cluster, REGULAR_1, 1, 120);
    let results = cluster.timeline(POD);
    hook_has_run(&results);
    results.starts(REGULAR_1);
}

fn startup_probe_after_a_failure() {
    let manifest = format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {POD}}}
spec:
  restartPolicy: Never
  volumes: [{{name: persistent, emptyDir: {{}}}}]
  initContainers:
  - name: buggy-restartable-init
    image: {BUSYBOX:?}
    restartPolicy: Always
    command: [sh, -c, 'if [ ! -f /persistent/done ]; then touch /persistent/done; exit 1; else sleep 120; fi']
    startupProbe: {{exec: {{command: [/bin/true]}}, initialDelaySeconds: 3, periodSeconds: 2, failureThreshold: 10}}
    volumeMounts: [{{name: persistent, mountPath: /persistent}}]
  containers:
  - name: regular-container
    image: {BUSYBOX:?}
    command: [sleep, '1000']
    startupProbe: {{exec: {{command: [/bin/true]}}, initialDelaySeconds: 5, periodSeconds: 5}}
"
    );
    let mut cluster = create(&manifest);
    restarted(&mut cluster, "buggy-restartable-init", 1, 90);
    for (name, seconds) in [("buggy-restartable-init", 90), ("regular-container", 120)] {
        cluster.wait(POD, seconds, |status| {
            named(status, name).is_some_and(is_running)
        });
    }
}
