//! `test/e2e/common/node`.

mod configmap;
mod container_probe;
mod containers;
mod downwardapi;
mod ephemeral_containers;
mod expansion;
mod image_volume;
mod init_container;
mod kubelet;
mod kubelet_etc_hosts;
mod lifecycle_hook;
mod node_lease;
mod pod_admission;
mod pod_hostnameoverride;
mod pod_resize;
mod pods;
mod runtime;
mod secrets;
mod security_context;
mod sysctl;
mod without_cases;

use crate::cases::File;

pub(crate) const FILES: &[File] = &[
    configmap::FILE,
    container_probe::FILE,
    containers::FILE,
    downwardapi::FILE,
    ephemeral_containers::FILE,
    expansion::FILE,
    image_volume::FILE,
    init_container::FILE,
    kubelet::FILE,
    kubelet_etc_hosts::FILE,
    lifecycle_hook::FILE,
    node_lease::FILE,
    pod_admission::FILE,
    pod_hostnameoverride::FILE,
    pod_resize::FILE,
    pods::FILE,
    runtime::FILE,
    secrets::FILE,
    security_context::FILE,
    sysctl::FILE,
];

pub(crate) const WITHOUT_CASES: &[File] = without_cases::FILES;
