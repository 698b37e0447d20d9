//! podman's tests of `kube play`, where they are about pods.

mod command;
mod environment;
mod host_paths;
mod manifests;
mod names;
mod not_applicable;
mod ports;
mod probes;
mod system;
mod volumes;

use crate::cases::{self, Case, File};
use seedpod_tests::Cluster;

const fn play_kube(cases: &'static [Case]) -> File {
    File {
        path: "podman/e2e/play_kube_test.go",
        cases,
    }
}

const fn play_bats(cases: &'static [Case]) -> File {
    File {
        path: "podman/system/700-play.bats",
        cases,
    }
}

pub(crate) const FILES: &[File] = &[
    play_kube(command::CASES),
    play_kube(environment::CASES),
    play_kube(host_paths::CASES),
    play_kube(manifests::CASES),
    play_kube(names::CASES),
    play_kube(not_applicable::PLAY_KUBE),
    play_kube(ports::CASES),
    play_kube(probes::CASES),
    play_kube(volumes::CASES),
    play_bats(not_applicable::PLAY_BATS),
    play_bats(system::CASES),
];

/// The image of podman's tests.
const IMAGE: &str = "quay.io/libpod/testimage:20241011";

/// Where podman ends with 125 and nothing starts, a kubelet keeps the pod and says why it waits.
const WAITS: &str =
    "the pod waits and says why, as in Kubernetes, instead of podman's exit status 125";

/// A pod `testPod` of one container `ctr`.
fn pod(spec: &str, container: &str) -> String {
    cases::pod("testpod", spec, "ctr", IMAGE, container)
}

/// What the container of such a pod wrote until it succeeded.
fn output(objects: &str, spec: &str, container: &str) -> String {
    let spec = format!("restartPolicy: Never\n{spec}");
    let manifest = format!("{objects}\n---\n{}", pod(&spec, container));
    Cluster::new().test_output(&manifest, "ctr", &[])
}

/// The errors of a manifest that is refused.
fn refused(manifest: &str) -> String {
    let result = Cluster::new().try_create(manifest);
    result.expect_err("the manifest is refused")
}
